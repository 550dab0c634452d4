"""Write the RO-Crate of a run: what every result is, what made it, and who publishes it under which licence."""

import logging
from pathlib import Path
from typing import Any

from alscell.contract import find_contract
from alscell.crate import build_crate, check_deposit, crate_text
from alscell.files import read_table, read_yaml, write_text
from alscell.jobs import run


def main(
    *,
    manifest: str,
    software: str,
    citation: str,
    infos: list[str],
    deposit: dict[str, Any],
    with_cells: list[str],
    simulated: list[str],
    stamped: list[str],
    crate: str,
) -> None:
    """Join the manifest with the meanings of its files."""
    check_deposit(deposit, "config")
    listed = read_table(manifest, "manifest")
    run_facts = {"summary": str(Path(crate).parent), "with_cells": with_cells, "simulated": simulated}
    meanings = {path: find_contract(path, **run_facts).meaning for path in listed["path"]}
    facts = [read_yaml(path) for path in infos]
    built = build_crate(
        listed,
        folder=str(Path(crate).parent),
        meanings=meanings,
        software=read_table(software, "software"),
        datasets=[{**one, "simulated": one["id"] in stamped} for one in facts],
        deposit=deposit,
        citation=read_yaml(citation),
    )
    write_text(crate_text(built), crate)
    logging.getLogger("alscell").info("%d entities", len(built["@graph"]))


if __name__ == "__main__":
    run(main, snakemake)
