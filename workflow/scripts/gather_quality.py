"""Put the quality of all samples of a dataset into one table, with donor and condition; name the samples left out.

Reads: quality_limits.tsv of each sample. Writes: results/<dataset>/quality_limits.tsv.
"""

import logging

from alscell.files import read_tables, write_table
from alscell.jobs import run

log = logging.getLogger(__name__)


def main(*, limits: list[str], table: str, donors: dict[str, str], conditions: dict[str, str]) -> None:
    """Gather the samples. `donors` and `conditions` are the columns of the sample sheet, by sample."""
    samples = read_tables(limits, "quality_limits")
    samples = samples.assign(donor=samples["sample"].map(donors), condition=samples["sample"].map(conditions))
    write_table(samples, table, "quality_limits")
    for row in samples[samples["status"] != "ok"].itertuples():
        log.warning("sample %s is left out: %s (%d of %d cells kept)", row.sample, row.status, row.n_kept, row.n_cells)
    log.info(
        "%d of %d samples are used, %d cells", (samples["status"] == "ok").sum(), len(samples), samples["n_kept"].sum()
    )


if __name__ == "__main__":
    run(main, snakemake)
