"""Take in a count table that comes summed by donor and cell type, and check it against the sample sheet."""

import logging
from pathlib import Path

from alscell import files, pseudobulk
from alscell.given_pseudobulk import given_sums
from alscell.jobs import run
from alscell.keys import N_CELLS

LOG = logging.getLogger("alscell.read_pseudobulk")


def main(
    *,
    counts: list[str],
    samples: str,
    genes: str,
    sums: str,
    cells: dict,
    cell_types: dict,
    conditions: dict,
    symbol: str,
    gene_id: str,
    layer: str,
    organism: str,
    dataset: str,
    simulated: bool,
) -> None:
    """Read the table or tables, write the same file that sum_pseudobulk makes from cells."""
    sheet = files.read_samples(samples)
    columns = {
        "columns": cells,
        "cell_types": cell_types,
        "conditions": conditions,
        "symbol": symbol,
        "gene_id": gene_id,
        "layer": layer,
    }
    options = {**columns, "organism": organism, "gene_table": files.read_gene_table(genes)}
    parts = []
    for path in counts:
        mine = sheet[sheet["file"].isin(["", Path(path).name])] if "file" in sheet else sheet
        parts += given_sums(files.read_h5ad(path), mine, where=path, **options)
    data = pseudobulk.add_samples(parts, sheet, dataset=dataset, simulated=simulated)
    files.write_h5ad(data, sums)
    LOG.info("%d cells in %d sums of donor and cell type, %d genes", data.obs[N_CELLS].sum(), data.n_obs, data.n_vars)


if __name__ == "__main__":
    run(main, snakemake)
