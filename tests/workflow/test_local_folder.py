"""A lab's folder of Cell Ranger matrices, loose and packed, without a list of files: `snakemake load`."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = "datasets: [{id: mine, folder: mine, contrasts: [als_vs_control]}]\ndata_folder: data\n"
DATASET = """\
id: mine
title: A folder of matrices
organism: human
tissue: spinal cord
system: tissue
assay: nuclei
replicate: donor
enters_at: load
layout: 10x_mtx
source: {path: lab}
levels: {condition: [ALS, Control]}
"""
SHEET = """\
sample\tdonor\tcondition\tfile\tmember
A\tD1\tALS\tA/outs/filtered_feature_bc_matrix/matrix.mtx.gz\t
B\tD2\tControl\tGSM2_B_matrix.mtx\t
C\tD3\tControl\tmore/RAW.tar\tGSM3_*
"""
GENES = ["ACTB", "GAPDH", "MALAT1", "MBP"]
VALUES = {name: np.random.default_rng(seed).poisson(3, (4, 5)) + 1 for seed, name in enumerate("ABC")}


def three_files(name: str) -> dict[str, bytes]:
    values = VALUES[name]
    lines = [f"{row + 1} {column + 1} {values[row, column]}" for row, column in np.ndindex(values.shape)]
    matrix = ["%%MatrixMarket matrix coordinate integer general", "%", "4 5 20", *lines]
    features = [f"ENSG0000000000{number}\t{gene}\tGene Expression" for number, gene in enumerate(GENES)]
    barcodes = [f"{'ACGTACGTACGTAC'}{base}A-1" for base in "ACGTN"]
    texts = {"matrix.mtx": matrix, "features.tsv": features, "barcodes.tsv": barcodes}
    return {name: ("\n".join(text) + "\n").encode() for name, text in texts.items()}


def tar(members: dict[str, bytes], *, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "lab"
    (folder / "A/outs/filtered_feature_bc_matrix").mkdir(parents=True)
    (folder / "more").mkdir()
    (tmp_path / "mine").mkdir()
    for name, data in three_files("A").items():
        (folder / f"A/outs/filtered_feature_bc_matrix/{name}.gz").write_bytes(gzip.compress(data))
    for name, data in three_files("B").items():
        (folder / f"GSM2_B_{name.replace('features', 'genes')}").write_bytes(data)
    (folder / "more/RAW.tar").write_bytes(tar({"GSM3_C.tar.gz": tar(three_files("C"), mode="w:gz")}))
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "mine/dataset.yaml").write_text(DATASET)
    (tmp_path / "mine/samples.tsv").write_text(SHEET)
    return tmp_path


def snakemake(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(folder / "config.yaml"), "--cores", "1", *arguments]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / ".cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout + done.stderr


def files(folder: Path) -> set[str]:
    """Files below a folder, without hidden ones."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in paths if not path.name.startswith(".")}


def test_load_of_a_folder_without_a_list_of_files(lab):
    snakemake(lab, "load")
    for name, values in VALUES.items():
        data = anndata.read_h5ad(lab / f"results/mine/samples/{name}/counts.h5ad")
        assert np.array_equal(data.X.toarray(), values.T)
        assert data.var_names.tolist() == GENES
        assert data.obs_names[0] == f"{name}_ACGTACGTACGTACAA-1"
        loaded = pd.read_csv(lab / f"results/mine/samples/{name}/loaded.tsv", sep="\t")
        assert loaded["n_counts"].tolist() == [values.sum()]
    raw, there = files(lab / "results/mine/raw"), files(lab / "data/lab")
    assert raw == there, "exactly the files that samples.tsv needs, and nothing unpacked"
    # Features and barcodes are inputs of their own sample, and of no other.
    barcodes = lab / "data/lab/GSM2_B_barcodes.tsv"
    barcodes.write_text(barcodes.read_text().replace("AA-1", "AA-2"))
    again = snakemake(lab, "load", "--dry-run")
    assert "Load sample B of mine" in again
    assert "Load sample A of mine" not in again
