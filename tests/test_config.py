"""config.yaml, its schema and its page are one thing; the examples and what is shipped agree with it."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest
import yaml
from snakemake.utils import validate

from alscell import check_dataset
from alscell.check import check_inputs
from alscell.check_schema import schema_problems

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = {
    name: str(ROOT / f"workflow/schemas/{name}.schema.yaml") for name in ("config", "dataset", "samples", "gene_set")
}
DATA = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data"))
SCHEMA = yaml.safe_load(Path(SCHEMAS["config"]).read_text())
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
EXAMPLES = ("velmeshev", "als_gse174332")


def leaves(schema: dict, prefix: str = "") -> dict[str, dict]:
    """Keys of the schema that hold a value of their own."""
    found = {}
    for name, part in schema["properties"].items():
        inner = leaves(part, f"{prefix}{name}.") if "properties" in part else {f"{prefix}{name}": part}
        found.update(inner)
    return found


def test_config_fits_its_schema():
    assert schema_problems(CONFIG, SCHEMA, where=str) == []


def test_config_is_the_schema_defaults():
    filled: dict = {}
    validate(filled, SCHEMAS["config"])
    assert filled == CONFIG


def test_defaults_reach_into_half_filled_sections():
    given = {"datasets": [{"id": "mine", "contrasts": ["x"]}], "quality": {"min_cells": 7}}
    validate(given, SCHEMAS["config"])
    assert given["quality"] == {**CONFIG["quality"], "min_cells": 7}
    assert given["datasets"] == [{"id": "mine", "contrasts": ["x"], "covariates": []}]
    assert given["clusters"] == CONFIG["clusters"]


def test_every_key_is_described_with_default_and_source():
    keys = leaves(SCHEMA)
    assert len(keys) > 40
    for name, part in keys.items():
        assert part.get("description", "").endswith("."), name
        assert "default" in part, name
        assert part.get("source"), name


def test_every_section_refuses_unknown_keys():
    sections = [part for part in SCHEMA["properties"].values() if part["type"] == "object"]
    assert len(sections) > 10
    assert all(part["additionalProperties"] is False for part in [SCHEMA, *sections])


def test_page_is_made_from_the_schema():
    page = runpy.run_path(str(ROOT / "docs/make_config_page.py"))["config_page"](SCHEMA)
    text = (ROOT / "docs/config.md").read_text(encoding="utf-8")
    assert text == page, "run: .venv/bin/python docs/make_config_page.py"


def test_families_of_the_schema_are_those_shipped():
    shipped = {path.name for path in (ROOT / "resources/gene_sets").iterdir() if path.is_dir()}
    families = SCHEMA["properties"]["pathways"]["properties"]["families"]
    assert set(families["items"]["enum"]) == shipped
    assert set(families["default"]) <= shipped
    assert "artefact" in families["default"]


def test_markers_that_check_knows_are_those_shipped():
    shipped = {path.stem for path in (ROOT / "resources/markers").glob("*.tsv")}
    assert set(check_dataset.SHIPPED_MARKERS) == shipped


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_in_order(name, monkeypatch):
    if not DATA.is_dir():
        pytest.skip(f"no real data in {DATA}; set ALSCELL_TEST_DATA to their folder")
    monkeypatch.chdir(ROOT)
    config = {**yaml.safe_load((ROOT / f"examples/{name}/config.yaml").read_text()), "data_folder": str(DATA)}
    folder = config["datasets"][0]["folder"]
    datasets = [{"info": f"{folder}/dataset.yaml", "sheet": f"{folder}/samples.tsv"}]
    findings = check_inputs(config, schemas=SCHEMAS, datasets=datasets, config_files=[], shipped_sets={})
    assert findings.problems == []
    assert [warning for warning in findings.warnings if "few donors, large effects only" not in warning] == []
