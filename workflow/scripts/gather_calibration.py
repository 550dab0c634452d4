"""Put the calibration of all contrasts of a dataset into one table, and their p-values in bins into another."""

import logging

from alscell import files
from alscell.jobs import run

LOG = logging.getLogger("alscell.gather_calibration")


def main(*, tables: list[str], tables_of_bins: list[str], table: str, bins: str) -> None:
    """Read two tables a contrast, write them as two."""
    rates = files.read_tables(tables, "calibration")
    files.write_table(rates, table, "calibration")
    files.write_table(files.read_tables(tables_of_bins, "calibration_histogram"), bins, "calibration_histogram")
    LOG.info("%d contrasts, %d rows", len(tables), len(rates))


if __name__ == "__main__":
    run(main, snakemake)
