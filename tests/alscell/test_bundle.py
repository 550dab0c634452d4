"""The archive of a run: what is in it, the same bytes every time, and a run planned from it in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from alscell import bundle
from alscell.errors import InputError
from alscell.files import write_text

ROOT = Path(__file__).resolve().parents[2]
RESULTS = [
    *("results/report.html", "results/cord/differential.tsv.gz", "results/cord/cell_types.parquet"),
    *("results/cord/atlas.h5ad", "results/cord/graph.npz", "results/cord/embedding.parquet"),
]
DEMO = yaml.safe_load((ROOT / "examples/demo/config.yaml").read_text())
SETTINGS = {**yaml.safe_load((ROOT / "config.yaml").read_text()), **DEMO}


def names(path):
    with tarfile.open(path) as archive:
        return [entry.name.removeprefix(f"{bundle.TOP}/") for entry in archive]


def test_code_has_what_a_run_needs_and_nothing_made():
    files = bundle.code_files(ROOT)
    needed = ("Snakefile", "envs/requirements.lock", "workflow/rules/common.smk", "workflow/scripts/alscell/keys.py")
    assert set(needed) <= set(files)
    assert "resources/genes/former_symbols.tsv" in files
    assert not [name for name in files if "__pycache__" in name or name.startswith((".venv", "results", "tests"))]


def test_no_checkout_is_one_message(tmp_path):
    with pytest.raises(InputError, match=r"found no Snakefile with envs/requirements\.lock; expected a checkout"):
        bundle.code_files(tmp_path)


def test_results_without_matrices():
    assert list(bundle.result_files(RESULTS)) == [f"run/{path}" for path in RESULTS[:3]]


def test_files_that_the_config_names(tmp_path):
    run, other = tmp_path / "run", tmp_path / "other"
    for name in ("mydata/samples.tsv", "mydata/dataset.yaml", "mydata/counts.h5", "sets/mine.gmt", "sets/mine.yaml"):
        write_text("any", run / name)
    write_text("any", run / "locks/mydata/a.yaml")
    write_text("any", other / "dataset.yaml")
    settings = {
        "datasets": [{"id": "mydata", "folder": "mydata"}, {"id": "other", "folder": str(other)}, {"id": "gse287257"}],
        "pathways": {"gene_sets": ["sets/mine.gmt"], "collections": [{"name": "go"}]},
        "download": {"locks": "locks"},
    }
    outside = f"outside{other}/dataset.yaml"
    assert set(bundle.named_files(settings, run)) == {
        *("mydata/samples.tsv", "mydata/dataset.yaml", "sets/mine.gmt", "sets/mine.yaml", "locks/mydata/a.yaml"),
        outside,
    }
    page = bundle.readme("results/manifest.tsv", simulated=["cord"], outside=[outside])
    assert "SIMULATED data: cord." in page
    assert f"- `{outside}`" in page
    assert "make verify MANIFEST=run/results/manifest.tsv" in page


def test_bytes_do_not_hang_on_time_order_or_owner(tmp_path):
    files = {}
    for name in ("b.tsv", "a.py"):
        write_text(name, tmp_path / name)
        files[name] = tmp_path / name
    bundle.write_archive(files, {"ARCHIVE.md": "page"}, tmp_path / "one.tar.gz")
    os.utime(tmp_path / "a.py", (1, 1))
    bundle.write_archive(dict(reversed(files.items())), {"ARCHIVE.md": "page"}, tmp_path / "two.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    assert names(tmp_path / "one.tar.gz") == ["ARCHIVE.md", "a.py", "b.tsv"]


def test_a_whole_run_is_planned_from_the_archive_in_an_empty_folder(tmp_path):
    write_text(yaml.safe_dump(SETTINGS), tmp_path / "config.yaml")
    files = {**bundle.code_files(ROOT), "run/results/config.yaml": tmp_path / "config.yaml"}
    bundle.write_archive(files, {}, tmp_path / "archive.tar.gz")
    with tarfile.open(tmp_path / "archive.tar.gz") as archive:
        archive.extractall(tmp_path / "new", filter="data")
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--configfile", "run/results/config.yaml"]
    folder = tmp_path / "new" / bundle.TOP
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr[-3000:]
    for rule in ("simulate_file", "load_sample", "test_differential", "write_report", "write_manifest"):
        assert rule in answer.stdout + answer.stderr
    assert not (folder / "results").exists()
