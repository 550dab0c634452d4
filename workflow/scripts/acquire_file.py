"""Put one raw file of a dataset in its place: linked from this machine, or downloaded; whole and checked.

Reads: the local copy, or the dataset's address. Writes: results/<dataset>/raw/<file> and acquired/<file>.tsv; at the
first download of a file, its lock file.
"""

import logging
from typing import Any

import pandas as pd

from alscell.downloads import acquire
from alscell.files import write_table
from alscell.jobs import run

PAUSE = 2.0  # seconds before the second try

log = logging.getLogger(__name__)


def main(
    *,
    dataset: str,
    raw: str,
    acquired: str,
    entry: dict[str, Any],
    origin: dict[str, Any],
    simulated_mirror: bool,
    ways: dict[str, Any],
    there: list[str],
    pause: float = PAUSE,
) -> None:
    """Acquire the file; write down its size, its checksum and what it was verified by."""
    row = acquire(
        raw, dataset=dataset, entry=entry, origin=origin, simulated_mirror=simulated_mirror, pause=pause, **ways
    )
    write_table(pd.DataFrame([row]), acquired, "acquired")
    log.info("%s from %s: size %d, sha256 %s", row["file"], row["source"], row["size"], row["sha256"])


if __name__ == "__main__":
    run(main, snakemake)
