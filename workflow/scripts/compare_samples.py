"""Compare the samples of a dataset: sex by counts against the sheet, and cells or barcodes that two samples share.

Reads: loaded.tsv of each sample, and from its counts.h5ad only barcodes, fingerprints and the number of genes.
Writes: results/<dataset>/sample_checks.tsv and sample_pairs.tsv; stops where one library counts for two donors.
"""

import logging
from pathlib import Path

import pandas as pd

from alscell.files import read_identity, read_tables, write_table
from alscell.jobs import run
from alscell.sample_checks import check_samples, compare_pairs, identity_of, refuse_counted_twice
from alscell.tables import empty_table

log = logging.getLogger(__name__)


def main(
    *,
    counts: list[str],
    loaded: list[str],
    checks: str,
    pairs: str,
    dataset: str,
    sheet: dict[str, dict[str, str]],
    allow_shared_cells: bool,
) -> None:
    """Compare all samples. `sheet` holds donor, condition and, where it has that column, sex of each sample."""
    cells = identity_of(pd.concat([read_identity(path).assign(sample=Path(path).parent.name) for path in counts]))
    donors = {sample: row["donor"] for sample, row in sheet.items()}
    suspicious = compare_pairs(cells, donors, dataset=dataset)
    suspicious = suspicious if len(suspicious) else empty_table("sample_pairs")
    table = check_samples(read_tables(loaded, "loaded"), cells, suspicious, sheet, dataset=dataset)
    for row in table[table["notes"].notna()].itertuples():
        log.warning("sample %s: %s", row.sample, row.notes)
    if not allow_shared_cells:
        refuse_counted_twice(suspicious, where=f"dataset {dataset}, samples.tsv")
    write_table(table, checks, "sample_checks")
    write_table(suspicious, pairs, "sample_pairs")
    log.info("%d samples compared, %d pairs share cells or barcodes", len(table), len(suspicious))


if __name__ == "__main__":
    run(main, snakemake)
