"""Read one sample from its raw file, refuse what is no raw count, and write it once, as every later step reads it.

Reads: results/<dataset>/raw/<file>, and files beside it that belong to it (genes, barcodes, a table of cells); the
gene table of its organism.
Writes: results/<dataset>/samples/<sample>/counts.h5ad and loaded.tsv.
"""

import logging
from pathlib import Path
from typing import Any

from alscell.counts import check_counts
from alscell.files import read_gene_table, write_counts, write_table
from alscell.genes import name_genes
from alscell.jobs import run
from alscell.keys import FINGERPRINT
from alscell.loading import as_anndata, loaded_table, read_sample
from alscell.sample_checks import fingerprints, sex_counts

log = logging.getLogger(__name__)


def main(
    *,
    raw: str,
    beside: list[str],
    genes: str,
    counts: str,
    loaded: str,
    dataset: str,
    sample: str,
    member: str,
    reading: dict[str, Any],
    row: dict[str, str],
    simulated: bool,
) -> None:
    """Load one sample. `reading` holds facts of dataset.yaml; `row` donor and condition, to compare with the data."""
    where = f"{raw}, sample {sample}"
    found = read_sample(raw, beside=beside, member=member or sample, row=row, where=where, **reading)
    named = name_genes(found, read_gene_table(genes), organism=reading["organism"], where=where)
    checked = check_counts(named, where=where, organism=reading["organism"])
    sex = sex_counts(checked.matrix, checked.genes, reading["organism"])
    write_table(loaded_table(checked, sample=sample).assign(**sex), loaded, "loaded")
    data = as_anndata(checked, dataset=dataset, sample=sample, simulated=simulated)
    data.obs[FINGERPRINT] = fingerprints(checked.matrix, checked.genes, checked.gene_ids)
    write_counts(data, counts)
    n_cells, n_genes = checked.matrix.shape
    log.info(
        "%s: %d cells x %d genes, %d counts, from %s", sample, n_cells, n_genes, checked.matrix.sum(), Path(raw).name
    )


if __name__ == "__main__":
    run(main, snakemake)
