"""The state of real runs of Snakemake, read from outside, and the closing message of one that failed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import show_status
import summarise_run

SNAKEFILE = """
rule all:
    input: "killed.txt", "full.txt", "good.txt"

rule killed:
    output: "killed.txt"
    log: "logs/killed/cord.log"
    message: "Get killed"
    script: "killed.py"

rule full:
    output: "full.txt"
    log: "logs/full/cord.log"
    message: "Fill the disk"
    script: "full.py"

rule good:
    output: "good.txt"
    message: "Do nothing"
    shell: "touch {output}"

rule slow:
    output: "slow.txt"
    message: "Sleep"
    shell: "sleep 60"
"""
KILLED = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
FULL = """\
from pathlib import Path
Path(snakemake.log[0]).write_text("INFO alscell: writing\\nERROR alscell: Traceback (most recent call last):\\n"
    "OSError: [Errno 28] No space left on device: 'full.txt'\\n")
raise SystemExit(1)
"""


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "killed.py").write_text(KILLED)
    (tmp_path / "full.py").write_text(FULL)
    return tmp_path


def command(lab, *arguments):
    environment = {**os.environ, "XDG_CACHE_HOME": str(lab / ".cache")}
    words = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments, "--quiet", "host", "reason"]
    return {"args": words, "cwd": lab, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def status(lab, capsys):
    code = show_status.main(lab, as_json=True)
    facts = json.loads(capsys.readouterr().out)
    assert facts["exit_code"] == code
    return facts


def test_failures_and_success_of_a_real_run(lab, capsys, monkeypatch):
    assert status(lab, capsys)["state"] == "none"
    assert subprocess.run(**command(lab, "--keep-going"), check=False).returncode == 1
    facts = status(lab, capsys)
    assert (facts["state"], facts["done"], facts["total"], facts["exit_code"]) == ("failed", 1, 4, 12)
    causes = {failure["rule"]: failure["cause"]["name"] for failure in facts["failed"]}
    assert causes == {"killed": "out of memory", "full": "disk full"}
    (full,) = [failure for failure in facts["failed"] if failure["rule"] == "full"]
    assert (full["output"], full["logs"]) == ("full.txt", ["logs/full/cord.log"])
    assert full["tail"][-1] == "OSError: [Errno 28] No space left on device: 'full.txt'"
    monkeypatch.chdir(lab)
    message = summarise_run.summary("failed", "results", facts["log"], ["cord"])
    for words in ("full: disk full", "logs/full/cord.log", "| OSError: [Errno 28]", "killed: out of memory", "SIGKILL"):
        assert words in message
    assert subprocess.run(**command(lab, "good.txt", "--force"), check=False).returncode == 0
    assert status(lab, capsys)["state"] == "done"


def test_a_run_that_goes_on_and_one_that_was_killed(lab, capsys):
    with subprocess.Popen(**command(lab, "slow.txt"), start_new_session=True) as process:
        try:
            facts = wait_for_job(lab, capsys)
            assert facts["state"] == "running"
            assert [job["what"] for job in facts["running"]] == ["Sleep"]
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    facts = status(lab, capsys)
    assert (facts["state"], facts["exit_code"], facts["running"]) == ("silent", 4, [])


def wait_for_job(lab, capsys):
    for _ in range(300):
        facts = status(lab, capsys)
        if facts["running"]:
            return facts
        time.sleep(0.2)
    raise AssertionError("the job was not seen")


def test_as_a_command(tmp_path):
    script = Path(show_status.__file__)
    answer = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (5, "")
    assert answer.stdout == "none: no run of Snakemake has left a log here\n"
