"""The matrix of `make reproduction`: Snakemake keeps the raised count; a Python that does not start is said first."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

SCRIPT = Path(__file__).resolve().parents[1] / "reproduction/matrix.py"


def matrix():
    spec = importlib.util.spec_from_file_location("matrix", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["matrix"] = module  # where its dataclass looks for its annotations
    spec.loader.exec_module(module)
    return module


def test_only_the_raised_count_is_newer(tmp_path):
    counts = [tmp_path / f"first/results/cord/samples/S{number}/counts.h5ad" for number in (1, 2)]
    for path in counts:
        path.parent.mkdir(parents=True)
        with h5py.File(path, "w") as file:
            file["X/data"] = np.array([4, 5, 6])
        (path.parent / "raw.tsv").write_text("")
    matrix().raise_one_count(tmp_path / "first", tmp_path / "copy")
    results = tmp_path / "copy/results"
    raised = results / "cord/samples/S1/counts.h5ad"
    with h5py.File(raised) as file:
        assert file["X/data"][:].tolist() == [4, 6, 6]
    others = {path.stat().st_mtime_ns for path in results.rglob("*") if path.is_file() and path != raised}
    assert len(others) == 1
    assert raised.stat().st_mtime_ns > others.pop() + 1e9


def test_a_python_that_does_not_start_is_said_before_any_run(tmp_path):
    launcher = tmp_path / "python3.99"
    launcher.write_text("#!/bin/sh\nexit 127\n")
    launcher.chmod(0o755)
    for python in (launcher, tmp_path / "nowhere"):
        command = [sys.executable, SCRIPT, "--folder", tmp_path / "runs", "--other-python", python]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert answer.returncode == 1
        assert answer.stderr.strip() == (
            f"--other-python {python} cannot be run; name another (make: OTHER_PYTHON=...)"
        )
        assert not (tmp_path / "runs").exists()
