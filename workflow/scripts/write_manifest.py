"""Write the manifest of a run: path, checksum and size of every result file, and digests of what made it."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

import alscell
from alscell.contract import find_contract
from alscell.digests import code_digest, parameters_digest
from alscell.files import sha256, write_table
from alscell.jobs import run
from alscell.software import circumstances


def main(
    *,
    files: list[str],
    with_cells: list[str],
    simulated: list[str],
    jobs: dict[str, Any],
    manifest: str,
    software: str,
) -> None:
    """Checksum every file; name the rule that wrote it, its code and its parameters; list the software."""
    write_table(circumstances(), software, "software")
    run_facts = {"summary": str(Path(manifest).parent), "with_cells": with_cells, "simulated": simulated}
    code = {name: code_digest(**sources) for name, sources in jobs["sources"].items()}
    rows = [
        {
            "path": path,
            "sha256": sha256(path),
            "size": Path(path).stat().st_size,
            "rule": find_contract(path, **run_facts).rule,
            "version": alscell.VERSION,
            "code": code[jobs["rules"][path]],
            "parameters": parameters_digest(jobs["parameters"][path]),
            "software": sha256(software),
        }
        for path in sorted(files)
    ]
    write_table(pd.DataFrame(rows), manifest, "manifest")
    logging.getLogger("alscell").info("%d files listed", len(rows))


if __name__ == "__main__":
    run(main, snakemake)
