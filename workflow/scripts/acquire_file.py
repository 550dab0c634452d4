"""Put one raw file of a dataset in its place: linked from this machine, or downloaded; whole and checked.

Reads: the local copy, or the dataset's address. Writes: results/<dataset>/raw/<file>.
"""

import logging
from pathlib import Path

from alscell.downloads import acquire
from alscell.files import sha256
from alscell.jobs import run

PAUSE = 2.0  # seconds before the second try

log = logging.getLogger(__name__)


def main(*, dataset: str, raw: str, entry: dict, url: str, ways: dict, there: list[str]) -> None:
    """Acquire the file; log its size and checksum, ready to be declared in dataset.yaml."""
    source = acquire(raw, dataset=dataset, entry=entry, url=url, pause=PAUSE, **ways)
    checksum = entry.get("sha256") or sha256(raw)
    log.info("%s from %s: size %d, sha256 %s", entry["name"], source, Path(raw).stat().st_size, checksum)


if __name__ == "__main__":
    run(main, snakemake)
