"""Read one sample from its raw file, refuse what is no raw count, and write it once, as every later step reads it.

Reads: results/<dataset>/raw/<file>. Writes: results/<dataset>/samples/<sample>/counts.h5ad.
"""

import logging
from pathlib import Path

from alscell.counts import Counts, check_counts
from alscell.dense import read_dense
from alscell.files import write_counts
from alscell.jobs import run
from alscell.loading import as_anndata, read_labeled, read_tenx

log = logging.getLogger(__name__)


def main(
    *,
    raw: str,
    counts: str,
    dataset: str,
    sample: str,
    member: str,
    organism: str,
    layout: str,
    orientation: str,
    cells: dict[str, str],
    symbol: str,
    gene_id: str,
    layer: str,
    donor: str,
    condition: str,
    simulated: bool,
) -> None:
    """Load one sample. `donor` and `condition` are '' where the raw file does not repeat them."""
    name = {"member": member or sample, "where": f"{raw}, sample {sample}"}
    if layout == "10x_h5":
        found = read_tenx(raw, organism=organism, **name)
    elif layout == "dense_csv":
        found = read_dense(raw, orientation=orientation, **name)
    else:
        repeated = {cells[key]: value for key, value in (("donor", donor), ("condition", condition)) if value}
        found = read_labeled(raw, cells=cells, symbol=symbol, gene_id=gene_id, layer=layer, repeated=repeated, **name)
    checked: Counts = check_counts(found, where=name["where"], organism=organism)
    write_counts(as_anndata(checked, dataset=dataset, sample=sample, simulated=simulated), counts)
    n_cells, n_genes = checked.matrix.shape
    log.info(
        "%s: %d cells x %d genes, %d counts, from %s", sample, n_cells, n_genes, checked.matrix.sum(), Path(raw).name
    )


if __name__ == "__main__":
    run(main, snakemake)
