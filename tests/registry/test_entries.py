"""The registry: every entry passes `check`, says what is not verified, and is read in its layout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import source
import yaml

from alscell.check import check_inputs
from alscell.files import read_h5ad, read_samples, read_table

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = {
    name: str(ROOT / f"workflow/schemas/{name}.schema.yaml") for name in ("config", "dataset", "samples", "gene_set")
}
DEFAULT = {"gse287257", "gse138121"}
# As the papers and the published code have them (docs of each entry).
DONORS = {
    "gse287257": {"ALS": 8, "Control": 4},
    "gse138121": {"ALS": 4, "Control": 4},
    "gse330130": {"ALS": 11, "Control": 9},
    "gse226482": {"ALS": 4, "Control": 1, "FUS_KO": 1},
    "gse173524": {"ALS": 6, "Control": 6},
    "gse174332": {"ALS": 8, "Control": 4},
    "gse190442": {"Control": 7},
}
CELLS = 40  # a sample, for speed


def facts_of(name):
    return yaml.safe_load((source.REGISTRY / name / "dataset.yaml").read_text(encoding="utf-8"))


def test_registry_is_what_these_tests_know():
    assert set(source.DATASETS) == set(DONORS) == set(source.WRITERS)
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    assert {entry["id"] for entry in config["datasets"]} == DEFAULT


@pytest.mark.parametrize("name", source.DATASETS)
def test_entry_passes_check(name):
    facts = facts_of(name)
    contrasts = [] if facts.get("role") == "reference" else ["als_vs_control"]
    config = {"datasets": [{"id": name, "contrasts": contrasts, "covariates": []}]}
    files = {"info": str(source.REGISTRY / name / "dataset.yaml"), "sheet": str(source.REGISTRY / name / "samples.tsv")}
    findings = check_inputs(config, schemas=SCHEMAS, datasets=[files], config_files=[], shipped_sets={})
    assert [str(problem) for problem in findings.problems] == []


@pytest.mark.parametrize("name", source.DATASETS)
def test_entry_has_the_donors_of_the_paper(name):
    sheet = read_samples(source.REGISTRY / name / "samples.tsv")
    assert sheet.groupby("condition")["donor"].nunique().to_dict() == DONORS[name] == facts_of(name)["expected_donors"]


@pytest.mark.parametrize("name", source.DATASETS)
def test_entry_says_what_was_not_seen_at_the_source(name):
    facts, readme = facts_of(name), (source.REGISTRY / name / "README.md").read_text(encoding="utf-8")
    assert facts["verified"] is False
    assert len(facts["unverified_reason"]) > 60
    assert facts["accession"] in readme
    assert "not verified" in readme.splitlines()[0]
    for word in ("licence", "citation"):
        assert facts[word]


def test_reference_is_refused_in_a_contrast():
    folder = source.REGISTRY / "gse190442"
    config = {"datasets": [{"id": "gse190442", "contrasts": ["als_vs_control"], "covariates": []}]}
    files = {"info": str(folder / "dataset.yaml"), "sheet": str(folder / "samples.tsv")}
    findings = check_inputs(config, schemas=SCHEMAS, datasets=[files], config_files=[], shipped_sets={})
    assert any("role: reference" in str(problem) for problem in findings.problems)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """First and last sample of every entry, from a folder that stands for the sources, loaded by Snakemake."""
    folder = tmp_path_factory.mktemp("registry")
    drawn = {name: source.write_source(folder / "source", name, cells=CELLS) for name in source.DATASETS}
    entries = [
        {"id": name, "contrasts": [] if facts_of(name).get("role") == "reference" else ["als_vs_control"]}
        for name in source.DATASETS
    ]
    config = {"datasets": entries, "download": {"mirror": str(folder / "source"), "simulated_mirror": True}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    targets = [
        f"results/{name}/samples/{samples[place].row['sample']}/counts.h5ad"
        for name, (_, samples) in drawn.items()
        for place in (0, -1)
    ]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)),
            *("--cores", "2", "--keep-going", "--configfile", str(folder / "config.yaml"), "--", *targets),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    yield folder, drawn
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("name", source.DATASETS)
def test_layout_is_read_to_the_very_counts(loaded, name, place):
    folder, drawn = loaded
    cohort, samples = drawn[name]
    one = samples[place]
    data = read_h5ad(folder / "results" / name / "samples" / one.row["sample"] / "counts.h5ad")
    genes = cohort.genes["gene"].to_numpy()
    if facts_of(name)["organism"] == "mouse":
        genes = np.array([source.mouse_symbol(gene) for gene in genes])
    assert data.uns["simulated"]  # the mirror is declared simulated, whatever dataset.yaml says
    assert data.var_names.tolist() == genes.tolist()
    assert np.array_equal(data.X.toarray(), one.counts.toarray())
    table = read_table(folder / "results" / name / "samples" / one.row["sample"] / "loaded.tsv", "loaded")
    assert table["n_counts"].item() == one.counts.sum()


def test_labels_of_the_source_get_the_names_of_alscell(loaded):
    folder, drawn = loaded
    for name in ("gse173524", "gse190442"):
        _, samples = drawn[name]
        data = read_h5ad(folder / "results" / name / "samples" / samples[0].row["sample"] / "counts.h5ad")
        astrocytes = sum(kind == "astrocyte" for kind in samples[0].types)
        assert (data.obs["cell_type"] == "astrocyte").sum() == astrocytes > 0
        assert set(data.obs["cell_type"]) <= set(facts_of(name)["cell_types"].values())


def test_donors_without_a_known_name_are_found_by_their_number(loaded):
    folder, drawn = loaded
    for name, hidden in (("gse330130", "NEU020"), ("gse190442", "Donor7")):
        sample = drawn[name][1][-1].row["sample"]
        table = read_table(folder / "results" / name / "samples" / sample / "loaded.tsv", "loaded")
        assert table["source_sample"].item() == hidden
