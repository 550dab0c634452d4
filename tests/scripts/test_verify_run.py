"""`make verify` leaves the first run alone, uses its raw files again, and ends with a code that says what it found."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pandas as pd
import pytest

import verify_run
from alscell.errors import InputError
from alscell.files import sha256, write_table, write_text
from alscell.verification import read_run

ACQUIRED = "results/cord/acquired/sub/a.h5.tsv"
SIMULATED = "results/demo/acquired/b.h5.tsv"
REPORT = "results/report.html"


@pytest.fixture
def first(tmp_path):
    """The folder of a finished run of real data: a raw file, its table, a report, and what its config names."""
    folder = tmp_path / "first"
    write_text("counts", folder / "results/cord/raw/sub/a.h5")
    table = {"file": "a.h5", "size": 6, "sha256": sha256(folder / "results/cord/raw/sub/a.h5"), "source": "a mirror"}
    write_text("\t".join(table) + "\n" + "\t".join(str(value) for value in table.values()) + "\n", folder / ACQUIRED)
    write_text("report", folder / REPORT)
    write_text("sample", folder / "mydata/samples.tsv")
    write_text("{}", folder / "locks/cord.yaml")
    write_text("{}", folder / "results/config.yaml")
    write_text("\n", folder / SIMULATED)
    rows = [(ACQUIRED, "acquire_file"), (SIMULATED, "simulate_file"), (REPORT, "write_report")]
    listed = pd.DataFrame(rows, columns=["path", "rule"]).assign(
        size=1, version="0", code="c", parameters="p", software="s"
    )
    listed["sha256"] = [sha256(folder / path) for path in listed["path"]]
    write_table(listed, folder / "results/manifest.tsv", "manifest")
    return folder


def call(*arguments, cwd=None):
    command = [sys.executable, verify_run.__file__, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd)


def test_rerun_folder_has_links_raw_files_and_no_results(first, tmp_path):
    folder = tmp_path / "again"
    said = verify_run.prepare(read_run(first), folder)
    assert said == "Raw files: 1 used again, 1 simulated again, 0 acquired again"
    assert (folder / "mydata/samples.tsv").read_text() == "sample"
    assert (folder / "resources").resolve() == verify_run.CHECKOUT / "resources"
    assert (folder / "results/cord/raw/sub/a.h5").is_symlink()
    assert sha256(folder / ACQUIRED) == sha256(first / ACQUIRED)
    assert not (folder / ACQUIRED).is_symlink()
    assert not (folder / REPORT).exists()
    assert not (folder / "locks").is_symlink()
    assert (folder / "locks/cord.yaml").exists()
    for name in ("results", "logs", "benchmarks"):
        assert not (folder / name).is_symlink()


def test_raw_file_that_is_another_one_now_is_fetched_again(first, tmp_path):
    write_text("other", first / "results/cord/raw/sub/a.h5")
    why = f"(not in {first}, or with another checksum): {ACQUIRED}"
    for state in ("changed", "gone", "its table gone"):
        said = verify_run.prepare(read_run(first), tmp_path / state)
        assert said == f"Raw files: 0 used again, 1 simulated again, 1 acquired again {why}"
        assert not (tmp_path / state / "results").exists()
        (first / ACQUIRED if state == "gone" else first / "results/cord/raw/sub/a.h5").unlink(missing_ok=True)


def test_a_summary_folder_of_another_name_is_not_written_through_a_link(first, tmp_path):
    (first / "summary/mine").mkdir(parents=True)
    shutil.move(first / "results/manifest.tsv", first / "summary/mine/manifest.tsv")
    shutil.move(first / "results/config.yaml", first / "summary/mine/config.yaml")
    run = read_run(first / "summary/mine")
    verify_run.prepare(run, tmp_path / "again", "summary")
    assert not (tmp_path / "again/summary").exists()
    for outside in (tmp_path / "elsewhere", "../elsewhere"):
        write_text(f"summary_folder: {outside}\n", first / "summary/mine/config.yaml")
        with pytest.raises(InputError, match=r"summary_folder: found .*elsewhere; expected a folder below that of the"):
            verify_run.rerun(run, tmp_path / "other", "1")


def test_exit_codes(first, tmp_path):
    second = tmp_path / "second"
    shutil.copytree(first, second)
    same = call(first / "results/manifest.tsv", "--other", second)
    assert (same.returncode, same.stderr) == (0, "")
    assert "All 3 results are the same, byte for byte." in same.stdout
    write_text("Report", second / REPORT)
    other = call(first, "--other", second / "results")
    assert other.returncode == 1
    assert f"{REPORT} (rule write_report; the same code and parameters)" in other.stdout
    assert "line 1, character 1: 'report' and 'Report'" in other.stdout
    none = call(tmp_path / "nowhere")
    assert none.returncode == 2
    assert "Traceback" not in none.stderr
    assert none.stderr.startswith(f"ERROR: {tmp_path}/nowhere: found no such file; expected a manifest.tsv of alscell")


def test_what_keeps_a_run_from_being_rerun(first, tmp_path):
    full = tmp_path / "full"
    write_text("mine", full / "notes.txt")
    with pytest.raises(InputError, match="a folder with files; expected an empty folder"):
        verify_run.rerun(read_run(first), full, "1")
    (first / "results/config.yaml").unlink()
    with pytest.raises(InputError, match=r"beside manifest\.tsv"):
        verify_run.rerun(read_run(first), tmp_path / "again", "1")


def test_a_rerun_that_fails_says_where_to_read(first, tmp_path):
    write_text("qualty: {}\n", first / "results/config.yaml")
    answer = call(first, "--folder", "again", "--cores", "1", cwd=tmp_path)  # a path from where the user stands
    assert answer.returncode == 2
    assert (
        f"Snakemake ended with code 1; expected a run that ends well. Read {tmp_path}/again/run.log." in answer.stderr
    )
    assert "qualty" in (tmp_path / "again/run.log").read_text()
    assert (first / REPORT).read_text() == "report"
