"""Read the ALS genes one by one, in every cell type and contrast of a dataset."""

import logging

from alscell import files
from alscell.gene_panel import evidence_of, read_genes
from alscell.jobs import run
from alscell.keys import DATASET
from alscell.pseudobulk import observations_of

LOG = logging.getLogger("alscell.test_gene_panel")


def main(
    *,
    sums: str,
    differential: str,
    skipped: str,
    gene_sets: str,
    orthologs: list[str],
    table: str,
    dataset: str,
    definitions: dict,
    min_cells: int,
) -> None:
    """Read the pseudobulk and its tests, write one row a gene, cell type and contrast."""
    data = files.read_h5ad(sums)
    stated = [definition.get("gene", "") for definition in definitions.values()]
    found = read_genes(
        data.X,
        observations_of(data),
        data.var_names.to_numpy(dtype=object),
        evidence_of(files.read_gene_sets([gene_sets], orthologs), stated),
        definitions,
        files.read_table(differential, "differential"),
        files.read_table(skipped, "differential_skipped"),
        min_cells=min_cells,
    )
    files.write_table(found.assign(**{DATASET: dataset}), table, "gene_panel")
    LOG.info("%d rows: %s", len(found), found["status"].value_counts().sort_index().to_dict())


if __name__ == "__main__":
    run(main, snakemake)
