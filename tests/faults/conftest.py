"""A small good set-up of a user's own data, for each test to spoil in one place."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """\
data_folder: data
pathways: {gene_sets: [own.gmt]}
datasets:
  - id: mine
    folder: mine
    contrasts: [als_vs_control]
    covariates: [sex]
"""
DATASET = """\
id: mine
title: Eight donors
organism: human
tissue: spinal cord
system: tissue
assay: nuclei
replicate: donor
enters_at: qc
layout: h5ad
source:
  path: lab
  files:
    - name: cells.h5ad
      size: 4
      sha256: null
cells: {sample: sample, cell_type: cell_type}
levels:
  condition: [ALS, Control]
  sex: [F, M]
expected_donors: {ALS: 4, Control: 4}
"""
SHEET = """\
sample\tdonor\tcondition\tsex\tage\tbatch\tcenter\ttwin\tfile
S1\tD1\tALS\tF\t61\t1\tA\tx\tcells.h5ad
S2\tD2\tALS\tM\t55\t1\tA\tx\tcells.h5ad
S3\tD3\tALS\tF\t70\t2\tA\ty\tcells.h5ad
S4\tD4\tALS\tM\t66\t2\tA\ty\tcells.h5ad
S5\tD5\tControl\tF\t59\t1\tB\tx\tcells.h5ad
S6\tD6\tControl\tM\t73\t1\tB\tx\tcells.h5ad
S7\tD7\tControl\tF\t64\t2\tB\ty\tcells.h5ad
S8\tD8\tControl\tM\t52\t2\tB\ty\tcells.h5ad
"""
GMT = "cilia\tmade up\t" + "\t".join(f"GENE{number}" for number in range(1, 11)) + "\n"


@pytest.fixture
def setup(tmp_path: Path) -> Path:
    """Folder with config.yaml, mine/ (dataset.yaml, samples.tsv), data/lab/cells.h5ad (4 bytes) and own.gmt."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "data" / "lab").mkdir(parents=True)
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "mine" / "dataset.yaml").write_text(DATASET)
    (tmp_path / "mine" / "samples.tsv").write_text(SHEET)
    (tmp_path / "data" / "lab" / "cells.h5ad").write_bytes(b"h5ad")
    (tmp_path / "own.gmt").write_text(GMT)
    return tmp_path


@pytest.fixture
def snakemake() -> Callable[..., subprocess.CompletedProcess]:
    """Run the real workflow in a folder, as a user would."""

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
        command += ["--configfile", str(folder / "config.yaml"), "--cores", "1", *arguments]
        environment = {**os.environ, "XDG_CACHE_HOME": str(folder / ".cache"), "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, timeout=300)

    return run
