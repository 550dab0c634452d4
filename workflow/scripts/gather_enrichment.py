"""Join the enrichment tables of all contrasts of a dataset."""

import logging

from alscell import files
from alscell.jobs import run

LOG = logging.getLogger("alscell.gather_enrichment")


def main(*, tables: list[str], table: str) -> None:
    """Read one table a contrast, write one table a dataset."""
    enriched = files.read_tables(tables, "enrichment")
    files.write_table(enriched, table, "enrichment")
    LOG.info("%d contrasts, %d rows", len(tables), len(enriched))


if __name__ == "__main__":
    run(main, snakemake)
