"""Put the pathway tests of all contrasts of a dataset into one table."""

import logging

from alscell import files
from alscell.jobs import run

LOG = logging.getLogger("alscell.gather_pathways")


def main(*, tests: list[str], table: str) -> None:
    """Read one table a contrast, write them as one."""
    rows = files.read_tables(tests, "pathway_tests")
    files.write_table(rows, table, "pathway_tests")
    LOG.info("%d contrasts, %d rows", len(tests), len(rows))


if __name__ == "__main__":
    run(main, snakemake)
