"""Check every sample of a dataset: sex by counts against the sheet, size, what loading lost, whom it shares cells with.

Reads: loaded.tsv of each sample, fingerprints from its counts.h5ad, sample_pairs.tsv.
Writes: results/<dataset>/sample_checks.tsv.
"""

import logging

from alscell.files import read_identities, read_table, read_tables, write_table
from alscell.jobs import run
from alscell.sample_checks import check_samples, identity_of

log = logging.getLogger(__name__)


def main(
    *, counts: list[str], loaded: list[str], pairs: str, checks: str, dataset: str, sheet: dict[str, dict[str, str]]
) -> None:
    """Check all samples. `sheet` holds donor, condition and, where it has that column, sex of each."""
    cells = identity_of(read_identities(counts))
    found = read_table(pairs, "sample_pairs")
    table = check_samples(read_tables(loaded, "loaded"), cells, found, sheet, dataset=dataset)
    for row in table[table["notes"].notna()].itertuples():
        log.warning("sample %s: %s", row.sample, row.notes)
    write_table(table, checks, "sample_checks")
    log.info("%d samples checked, %d to look at", len(table), table["flagged"].sum())


if __name__ == "__main__":
    run(main, snakemake)
