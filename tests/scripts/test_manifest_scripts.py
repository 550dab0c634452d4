"""The manifest names what made each result, and the written config is one that Snakemake takes back."""

from __future__ import annotations

from pathlib import Path

import yaml

import write_config
import write_manifest
from alscell.files import read_table, sha256, write_text

RULES = Path(__file__).resolve().parents[2] / "workflow" / "rules" / "cells.smk"


def manifest_of(folder: Path, **sources) -> dict:
    """Rows of a manifest of two files, by path."""
    paths = [str(folder / f"results/cord/{name}") for name in ("clusters.parquet", "cell_types.parquet")]
    for path in paths:
        write_text("any", path)
    rules = dict(zip(paths, ("cluster_cells", "annotate_cells"), strict=True))
    script = {"rules": RULES, "script": folder / "script.py", "modules": [folder / "module.py"]}
    write_manifest.main(
        files=paths,
        with_cells=["cord"],
        simulated=[],
        jobs={
            "rules": rules,
            "parameters": {path: {"seed": 42, "file": path} for path in paths},
            "sources": {name: {"name": name, **script, **sources} for name in rules.values()},
        },
        manifest=str(folder / "results/manifest.tsv"),
        software=str(folder / "results/software.tsv"),
    )
    table = read_table(folder / "results/manifest.tsv", "manifest")
    return table.assign(path=table["path"].str.rpartition("/")[2]).set_index("path").to_dict("index")


def test_manifest_names_what_made_each_file(tmp_path):
    write_text("main", tmp_path / "script.py")
    write_text("science", tmp_path / "module.py")
    rows = manifest_of(tmp_path)
    one, other = rows["clusters.parquet"], rows["cell_types.parquet"]
    assert (one["rule"], other["rule"]) == ("cluster_cells", "annotate_cells")
    assert (one["size"], one["sha256"]) == (3, sha256(tmp_path / "results/cord/clusters.parquet"))
    assert one["software"] == sha256(tmp_path / "results/software.tsv")
    assert one["code"] != other["code"]
    assert one["parameters"] != other["parameters"]
    write_text("better science", tmp_path / "module.py")
    again = manifest_of(tmp_path)["clusters.parquet"]
    assert again["code"] != one["code"]
    assert {**again, "code": ""} == {**one, "code": ""}


def test_config_is_written_as_it_was_resolved(tmp_path):
    settings = {
        "seed": 42,
        "datasets": [{"id": "cord", "contrasts": ["als_vs_control"]}],
        "data_folder": "../raw – data",
    }
    write_config.main(settings=settings, config=str(tmp_path / "config.yaml"))
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == settings
    assert list(yaml.safe_load(text)) == list(settings)
