"""Another lab's Snakefile uses alscell as a module: their data, a prefix, and a rule of their own on top."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DONORS = [f"D{number}" for number in range(1, 9)]
TYPES = ("astrocyte", "microglia")
# GENE0 is 8 times higher in ALS astrocytes, and nothing else moves.
PLANTED, FOLD = "GENE0", 8
GENES = ["ACTB", "GAPDH", "MALAT1", *(f"GENE{number}" for number in range(200))]

DATASET = {
    "id": "mine",
    "title": "Another lab's data",
    "organism": "human",
    "tissue": "spinal cord",
    "system": "tissue",
    "assay": "nuclei",
    "replicate": "donor",
    "source": {"path": "lab", "files": [{"name": "counts.h5ad"}]},
    "levels": {"condition": ["ALS", "Control"]},
}
SUMS = {
    "enters_at": "pseudobulk",
    "layout": "pseudobulk_h5ad",
    "cells": {"sample": "donor", "cell_type": "type", "n_cells": "n_cells"},
}
CELLS = {"enters_at": "qc", "layout": "h5ad", "cells": {"sample": "donor", "cell_type": "type"}}


def write_lab(folder: Path, facts: dict, *, cells_per_type: int) -> Path:
    """A lab's folder: Snakefile, config, dataset folder, and an h5ad with some rows for each donor and cell type."""
    from anndata import AnnData

    rng = np.random.default_rng(5)
    (folder / "mine").mkdir()
    (folder / "data" / "lab").mkdir(parents=True)
    shutil.copy(ROOT / "tests/reuse/Snakefile", folder)
    rows = [(donor, name) for donor in DONORS for name in TYPES for _ in range(cells_per_type)]
    obs = pd.DataFrame(rows, columns=["donor", "type"], index=[f"row{number}" for number in range(len(rows))])
    obs["n_cells"] = 40
    mean = np.tile(rng.gamma(2, 20, len(GENES)), (len(obs), 1))
    moved = (obs["type"] == "astrocyte") & obs["donor"].isin(DONORS[:4])
    mean[moved.to_numpy(), GENES.index(PLANTED)] *= FOLD
    counts = rng.negative_binomial(10, 10 / (10 + mean)).astype(np.int32)
    AnnData(counts, obs=obs, var=pd.DataFrame(index=GENES)).write_h5ad(folder / "data/lab/counts.h5ad")
    lines = [f"{donor}\t{donor}\t{'ALS' if donor in DONORS[:4] else 'Control'}" for donor in DONORS]
    (folder / "mine/samples.tsv").write_text("\n".join(["sample\tdonor\tcondition", *lines]) + "\n")
    (folder / "mine/dataset.yaml").write_text(yaml.safe_dump({**DATASET, **facts}))
    entry = {"id": "mine", "folder": "mine", "contrasts": ["als_vs_control"]}
    config = {"snakefile": str(ROOT / "Snakefile"), "alscell": {"data_folder": "data", "datasets": [entry]}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / ".cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=500)


def test_real_run_through_a_module(tmp_path):
    lab = write_lab(tmp_path, SUMS, cells_per_type=1)
    answer = snakemake(lab)
    assert answer.returncode == 0, answer.stderr
    table = pd.read_csv(lab / "als/results/mine/differential.tsv.gz", sep="\t")
    assert set(table["cell_type"]) == set(TYPES)
    hits = table[table["fdr"] < 0.01]
    assert hits[["cell_type", "gene"]].to_numpy().tolist() == [["astrocyte", PLANTED]]
    assert hits["log2_fold_change"].iloc[0] == pytest.approx(np.log2(FOLD), abs=1)
    assert len((lab / "strongest.tsv").read_text().splitlines()) == 4
    # All that alscell wrote lies below the prefix.
    assert not (lab / "results").exists()
    assert not (lab / "logs").exists()
    again = snakemake(lab, "--dry-run")
    assert "Nothing to be done" in again.stdout + again.stderr


def test_dry_run_of_all_from_a_labeled_h5ad(tmp_path):
    lab = write_lab(tmp_path, CELLS, cells_per_type=3)
    answer = snakemake(lab, "als_all", "--dry-run")
    assert answer.returncode == 0, answer.stderr
    output = answer.stdout + answer.stderr
    for job in ("als_load_sample", "als_measure_quality", "als_sum_pseudobulk", "als_test_pathways", "als_plot_umap"):
        assert job in output
    # Outputs move below the prefix; the lab's own files don't.
    assert "als/results/mine/samples/D1/counts.h5ad" in output
    assert "als/mine" not in output
    assert "als/data" not in output


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"qualty": {"min_cells": 5}}, ["'qualty'", "Did you mean 'quality'?"]),
        ({"data_folder": "dada"}, ["dada/lab/counts.h5ad", "no such file"]),
        ({"datasets": None}, ["key 'datasets'"]),
    ],
)
def test_faults_are_refused_under_a_module(section, words, tmp_path):
    lab = write_lab(tmp_path, SUMS, cells_per_type=1)
    config = yaml.safe_load((lab / "config.yaml").read_text())
    (lab / "config.yaml").write_text(yaml.safe_dump({**config, "alscell": {**config["alscell"], **section}}))
    answer = snakemake(lab, "--dry-run")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stdout + answer.stderr
    for word in words:
        assert word in answer.stdout + answer.stderr


def test_page_shows_the_lines_that_run():
    page = (ROOT / "docs/reuse.md").read_text()
    snakefile = (ROOT / "tests/reuse/Snakefile").read_text()
    code = page.split("```python\n")[1].split("```")[0]
    kept = [line for line in code.splitlines() if line.strip() and "snakefile:" not in line]
    assert len(kept) >= 5
    assert all(line in snakefile.splitlines() for line in kept)
