"""Write the manifest of a run: path, checksum, size, rule and version of every result file."""

import logging
from pathlib import Path

import pandas as pd

import alscell
from alscell.contract import find_contract
from alscell.files import sha256, write_table
from alscell.jobs import run


def main(*, files: list[str], with_cells: list[str], simulated: list[str], manifest: str) -> None:
    """Checksum every file and name the rule that wrote it."""
    run_facts = {"summary": str(Path(manifest).parent), "with_cells": with_cells, "simulated": simulated}
    rows = [
        {
            "path": path,
            "sha256": sha256(path),
            "size": Path(path).stat().st_size,
            "rule": find_contract(path, **run_facts).rule,
            "version": alscell.VERSION,
        }
        for path in sorted(files)
    ]
    write_table(pd.DataFrame(rows), manifest, "manifest")
    logging.getLogger("alscell").info("%d files listed", len(rows))


if __name__ == "__main__":
    run(main, snakemake)
