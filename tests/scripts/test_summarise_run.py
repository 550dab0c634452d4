"""The message at the end of a run: where the time went, where the results lie, which logs to read."""

import subprocess
import sys
from pathlib import Path

import pytest

import summarise_run

SCRIPT = Path(summarise_run.__file__)
HEADER = "s\th:m:s\tmax_rss\tmax_vms\n"


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    """Benchmarks of three rules, one of another dataset, and two logs of which one holds an error."""
    files = {
        "benchmarks/write_report/write_report.tsv": f"{HEADER}4.0\t0:00:04\t300.0\t1\n",
        "benchmarks/load_sample/cord/s1.tsv": f"{HEADER}1.5\t0:00:01\t120.5\t1\n",
        "benchmarks/load_sample/cord/s2.tsv": f"{HEADER}2.5\t0:00:02\tNA\t1\n",
        "benchmarks/load_sample/other/s2.tsv": f"{HEADER}99\t0:01:39\t1\t1\n",
        "benchmarks/plot_umap/cord.tsv": f"{HEADER}0.2\t0:00:00\tNA\t1\n",
        "benchmarks/plot_umap/broken.tsv": "nothing",
        "logs/load_sample/cord/s1.log": "INFO alscell: fine\n",
        "logs/load_sample/cord/s2.log": "INFO alscell: so far\nERROR alscell: ERROR: s2 is empty\nmore\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_table_sums_the_jobs_of_a_rule_in_the_order_of_stages(run_folder):
    assert summarise_run.stage_table(["cord", "broken"]) == [
        ("load_sample", "2", "4.0", "2.5", "120 MB"),
        ("plot_umap", "1", "0.2", "0.2", "too short"),
        ("write_report", "1", "4.0", "4.0", "300 MB"),
    ]


def test_success_names_the_report(run_folder):
    (run_folder / "results").mkdir()
    (run_folder / "results/report.html").write_text("page", encoding="utf-8")
    message = summarise_run.summary("done", "results", "", ["cord"])
    assert "results/report.html" in message
    assert "failed" not in message


SNAKEMAKE_LOG = """\
[Tue Dec  1 05:12:00 2026]
Error in rule load_sample:
    message: None
    jobid: 2
    output: results/cord/samples/s2/counts.h5ad
    log: logs/load_sample/cord/s2.log (check log file(s) for error details)
"""


def test_failure_names_job_cause_log_and_its_end(run_folder):
    (run_folder / "run.snakemake.log").write_text(SNAKEMAKE_LOG)
    message = summarise_run.summary("failed", "results", "run.snakemake.log", ["cord"])
    for words in ("load_sample: bad input", "logs/load_sample/cord/s2.log", "s2 is empty", "how to mend it"):
        assert words in message
    assert "s1.log" not in message
    assert "No job did" in summarise_run.summary("failed", "results", "", ["cord"])


def test_never_fails_and_writes_nothing(tmp_path):
    for arguments in ([], ["done"], ["failed", "results", "no.log", "cord"], ["done", "results", ""]):
        answer = subprocess.run(
            [sys.executable, SCRIPT, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (answer.returncode, answer.stderr) == (0, "")
    assert not list(tmp_path.iterdir())


def test_flagged_samples_are_named_before_the_results(run_folder):
    folder = run_folder / "results/cord"
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["sample\tdonor\tflagged\tnotes", "s1\tp1\tTrue\tsame cells: s2 (donor p2)", "s3\tp3\tFalse\tsmall"]
    (folder / "sample_checks.tsv").write_text("\n".join(rows) + "\n")
    message = summarise_run.summary("done", "results", "", ["cord"])
    warning = message[message.index("WARNING") : message.index("Results:")]
    assert "results/cord/sample_checks.tsv: s1 (donor p1): same cells: s2 (donor p2)" in warning
    assert "s3" not in warning
    (folder / "sample_checks.tsv").write_text(rows[0] + "\n" + rows[2] + "\n")
    assert "WARNING" not in summarise_run.summary("done", "results", "", ["cord"])
