"""From download to report on entries outside the defaults: a mouse cohort, a dish of single lines, a reference."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest
import rehearse
import yaml

from alscell.files import read_h5ad, read_table

MOUSE, DISH, REFERENCE = "gse173524", "gse226482", "gse190442"
CONFIG = {
    "datasets": [
        {"id": MOUSE, "contrasts": ["als_vs_control"], "covariates": ["sex", "batch"]},
        {"id": DISH, "contrasts": ["als_vs_control"], "covariates": []},
        {"id": REFERENCE, "contrasts": [], "covariates": []},
    ],
    "quality": {"min_cells": 20},
    "clusters": {"resolutions": [0.5], "n_subsamples": 2},
    "enrichment": {"permutations": 50},
    "pathways": {"n_random_sets": 50},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rehearsal")
    done = rehearse.rehearse(folder, CONFIG, cores=2, cells=80)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return folder


def test_files_come_from_the_server_and_are_not_locked(run):
    table = pd.concat([read_table(path, "acquired") for path in sorted(run.glob("results/*/acquired/*.tsv"))])
    assert len(table) == 6
    assert table["source"].str.startswith("http://127.0.0.1:").all()
    assert not (run / "locks").exists()  # what is made up must never be held against the real file


def test_mouse_counts_stay_in_mouse_symbols_and_meet_human_ones_in_the_synthesis(run):
    genes = read_table(run / "results" / MOUSE / "differential.tsv.gz", "differential")["gene"]
    assert {"Mbp", "Gfap"} <= set(genes)
    assert "MBP" not in set(genes)
    pooled = read_table(run / "results" / "synthesis" / "genes.tsv", "synthesis_genes")
    assert pooled["gene"].str.fullmatch(r"[^a-z]+|C\d+orf\d+.*|.*orf.*").mean() > 0.99
    sets = read_table(run / "results" / MOUSE / "pathway_sets.tsv", "pathway_sets")
    assert (sets["coverage"] > 0.6).mean() > 0.7


def test_one_control_line_gives_effects_without_p_values(run):
    tests = read_table(run / "results" / DISH / "pathway_tests.tsv", "pathway_tests")
    assert len(tests)
    assert tests["descriptive"].all()
    assert tests["p_value"].isna().all()
    assert not tests["n_case"].gt(4).any()  # the knock-out is no case


def test_reference_has_cells_and_sums_but_no_test(run):
    folder = run / "results" / REFERENCE
    assert read_h5ad(folder / "pseudobulk.h5ad").obs["donor"].nunique() == 7
    assert (folder / "atlas.h5ad").is_file()
    assert not (folder / "differential.tsv.gz").exists()
    html = (run / "results" / "report.html").read_text()
    assert "its donors are not compared with anyone" in html


def test_everything_says_that_it_is_simulated(run):
    html = (run / "results" / "report.html").read_text()
    assert all(f'{name} <span class="stamp">SIMULATED DATA</span>' in html for name in (MOUSE, DISH, REFERENCE))
    assert read_h5ad(run / "results" / MOUSE / "atlas.h5ad").uns["simulated"]


def test_sex_of_the_sheet_is_compared_with_the_counts(run):
    checks = read_table(run / "results" / MOUSE / "sample_checks.tsv", "sample_checks")
    assert checks["sex_agrees"].isin(["yes", "not known"]).all()
    assert (checks["sex_agrees"] == "yes").sum() >= 6


def test_a_second_run_has_nothing_to_do(run):
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["download"]["mirror"].startswith("http://127.0.0.1")  # and that server is gone
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "-s", str(rehearse.ROOT / "Snakefile"), "--dry-run"),
            *("--directory", str(run), "--configfile", str(run / "config.yaml")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Nothing to be done" in done.stdout + done.stderr
