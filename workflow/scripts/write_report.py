"""Write the report of a run: one HTML page that opens offline."""

import logging
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

import alscell
from alscell.files import read_folder_tables, read_samples, read_tables, read_yaml, write_text
from alscell.jobs import run
from alscell.report import render
from alscell.report_parts import read_parts
from alscell.report_tables import SOFTWARE, Results

# Tables of one dataset that do not name it: their folder does.
WITHOUT_DATASET = ("cluster_labels", "cluster_stability", "label_checks", "embedding", "cell_types", "pathway_scores")


def main(
    *,
    infos: list[str],
    sheets: list[str],
    figures: list[str],
    template: str,
    style: str,
    page_script: str,
    settings: dict[str, Any],
    simulated: list[str],
    html: str,
    **tables: list[str],
) -> None:
    """Read all tables and figures, write the page. `simulated` names the datasets that are made up."""
    names = [entry["id"] for entry in settings["datasets"]]
    results = Results(
        settings=settings,
        infos={
            name: read_yaml(path) | {"simulated": name in simulated} for name, path in zip(names, infos, strict=True)
        },
        samples={name: read_samples(path) for name, path in zip(names, sheets, strict=True)},
        tables={name: _tables(paths, name) for name, paths in tables.items()},
        figures={Path(path).stem: Path(path).read_bytes() for path in figures},
        versions={"python": platform.python_version()} | {name: metadata.version(name) for name in SOFTWARE},
    )
    page, css, glue = (Path(path).read_text(encoding="utf-8") for path in (template, style, page_script))
    parts = read_parts()
    write_text(render(results, template=page, style=css, script=glue, parts=parts, version=alscell.VERSION), html)
    logging.getLogger("alscell").info("report with %d figures, %d tables", len(figures), len(tables))


def _tables(paths: list[str], name: str) -> pd.DataFrame:
    return (read_folder_tables if name in WITHOUT_DATASET else read_tables)(paths, name)


if __name__ == "__main__":
    run(main, snakemake)
