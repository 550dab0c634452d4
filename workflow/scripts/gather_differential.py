"""Join the differential tables of all contrasts of a dataset."""

import logging

from alscell import files
from alscell.jobs import run

LOG = logging.getLogger("alscell.gather_differential")


def main(*, tables: list[str], tables_skipped: list[str], table: str, skipped: str) -> None:
    """Read one table a contrast, write one table a dataset."""
    differential = files.read_tables(tables, "differential")
    left_out = files.read_tables(tables_skipped, "differential_skipped")
    files.write_table(differential, table, "differential")
    files.write_table(left_out, skipped, "differential_skipped")
    LOG.info("%d contrasts, %d rows, %d skipped", len(tables), len(differential), len(left_out))


if __name__ == "__main__":
    run(main, snakemake)
