"""Fetch one public collection of gene sets, or take the user's file in its place, and keep the sets that config names.

Writes: the sets as GMT, with plain names; a table with library, version and checksum. At the first fetch, a lock file.
"""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from alscell.files import read_gmt, write_table, write_text
from alscell.gene_set_files import write_gmt
from alscell.jobs import run
from alscell.public_sets import (
    FOLDER,
    Library,
    acquire_library,
    checksum_of,
    choose_sets,
    fetch_with_gseapy,
    file_name,
    is_kegg,
    plain_names,
)

LOG = logging.getLogger("alscell.fetch_collection")


def main(
    *, given: list[str], collection: str, gmt: str, table: str, entry: dict[str, Any], ways: dict[str, Any]
) -> None:
    """Write the chosen sets of a collection. `given`: the user's own file, if any; `ways`: of config `download`."""
    library, version, where = entry["library"], entry["msigdb"], f"config, gene set collection '{collection}'"
    if given:
        sets = read_gmt(given[0])
        found = Library(sets, f"file {given[0]}", checksum_of(sets))
    else:
        file = file_name(library, version)
        stored = Path(ways["cache"]) / FOLDER / file if ways["cache"] else Path(gmt).with_name(f".{file}.kept")
        known = {"name": collection, "stored": stored, "locks": ways["locks"], "offline": ways["offline"]}
        found = acquire_library(library, version, **known, fetch=fetch_with_gseapy)
    if is_kegg(library):
        LOG.warning("%s holds KEGG pathways: other than academic users need a licence of KEGG", library)
    chosen = choose_sets(found.sets, entry["sets"], where=where)
    named = plain_names(chosen, where=where)
    write_text(write_gmt({plain: (name, chosen[name]) for name, plain in named.items()}), gmt)
    row = {"collection": collection, "library": library, "version": version or None, "source": found.source}
    counts = {"sha256": found.sha256, "n_library": len(found.sets), "n_sets": len(chosen)}
    write_table(pd.DataFrame([{**row, **counts}]), table, "collection")
    LOG.info("%d of %d sets, from %s, sha256 %s", len(chosen), len(found.sets), found.source, found.sha256)


if __name__ == "__main__":
    run(main, snakemake)
