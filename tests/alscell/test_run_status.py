"""The state of a run and the cause of its failures, from the text of logs."""

import re

import pytest

from alscell import run_status
from alscell.run_status import CAUSES, DONE, FAILED, NONE, RUNNING, SILENT, STOPPED, UNKNOWN

HEAD = """\
Job stats:
job       count
total         4

Execute 2 jobs...
[Tue Dec  1 05:11:29 2026]
Job 3: Load sample s1
[Tue Dec  1 05:11:29 2026]
Job 2: Load sample s2
"""
FIRST_DONE = """\
[Tue Dec  1 05:11:31 2026]
Finished jobid: 3 (Rule: load_sample)
1 of 4 steps (25%) done
"""
KILLED = """\
RuleException:
CalledProcessError in file "/lab/samples.smk", line 8:
Command 'set -euo pipefail;  python /lab/.snakemake/scripts/tmpe6.load_sample.py' died with <Signals.SIGKILL: 9>.
[Tue Dec  1 05:12:00 2026]
Error in rule als_load_sample:
    message: None
    jobid: 2
    input: als/raw/s2.h5
    output: als/s2/counts.h5ad, als/s2/loaded.tsv
    log: logs/load_sample/s2.log (check log file(s) for error details)
"""
END = "Complete log(s): /lab/.snakemake/log/x.snakemake.log\n"


def test_jobs_that_run_and_are_done():
    run = run_status.read_run(HEAD + FIRST_DONE)
    assert (run.done, run.total, run.ended) == (1, 4, False)
    assert (run.began, run.last) == ("Tue Dec  1 05:11:29 2026", "Tue Dec  1 05:11:31 2026")
    assert [(job.number, job.what) for job in run.running.values()] == [(2, "Load sample s2")]
    facts = run_status.report(run, [], log="x.log", word=RUNNING)
    assert facts["running"] == [{"number": 2, "what": "Load sample s2", "since": "2026-12-01 05:11:29"}]
    assert facts["exit_code"] == 3
    text = run_status.as_text(facts, [])
    assert text.startswith("running; 1 of 4 jobs done\n")
    assert "since 2026-12-01 05:11:29: Load sample s2" in text


def test_failed_job_with_its_log(tmp_path):
    (tmp_path / "logs/load_sample").mkdir(parents=True)
    log = "\n".join(f"INFO alscell: step {number}" for number in range(20))
    (tmp_path / "logs/load_sample/s2.log").write_text(log)
    run = run_status.read_run(HEAD + FIRST_DONE + KILLED + END)
    (failure,) = run_status.with_logs(run, tmp_path)
    assert (failure.number, failure.rule, failure.output) == (
        2,
        "als_load_sample",
        "als/s2/counts.h5ad, als/s2/loaded.tsv",
    )
    assert failure.cause.name == "out of memory"
    assert failure.tail[-1] == "INFO alscell: step 19"
    assert len(failure.tail) == run_status.TAIL
    assert run.running == {}
    assert run_status.state(run, written=False) == FAILED
    text = "\n".join(run_status.describe_failures([failure]))
    for words in ("SIGKILL", "logs/load_sample/s2.log", "| INFO alscell: step 19", "als_load_sample:mem_mb"):
        assert words in text


def test_the_end_of_the_jobs_own_log_is_shown_and_a_schedulers_counts_for_the_cause(tmp_path):
    text = HEAD + KILLED.split("\n", 3)[3].replace("logs/load_sample/s2.log", "own.log, slurm.log")
    (tmp_path / "own.log").write_text("INFO alscell: so far\n")
    (tmp_path / "slurm.log").write_text("slurmstepd: error: Detected 1 oom_kill event\nShutting down\n")
    (failure,) = run_status.with_logs(run_status.read_run(text), tmp_path)
    assert failure.tail == ("INFO alscell: so far",)
    assert failure.cause.name == "out of memory"
    (tmp_path / "own.log").unlink()
    (failure,) = run_status.with_logs(run_status.read_run(text), tmp_path)
    assert failure.tail[-1] == "Shutting down"


def test_a_job_started_again_counts_by_its_last_attempt():
    again = "Trying to restart job 2.\n[Tue Dec  1 05:12:01 2026]\nJob 2: Load sample s2\n"
    run = run_status.read_run(HEAD + KILLED + again)
    assert run.failed == {}
    assert run.restarts == 1
    assert 2 in run.running
    assert 2 in run_status.read_run(HEAD + KILLED + again + KILLED).failed


def test_jobs_of_a_group_fail_each_for_themselves():
    group = "[Tue Dec  1 05:12:00 2026]\n    message: Error in group tables\n    jobs:\n        rule load_sample:\n"
    indented = "\n".join(f"    {line}" for line in KILLED.splitlines()[3:]) + "\n"
    run = run_status.read_run(HEAD + group + "            jobid: 2\n" + indented)
    assert [(failure.rule, failure.logs) for failure in run.failed.values()] == [
        ("als_load_sample", ("logs/load_sample/s2.log",))
    ]


def test_what_a_scheduler_says_counts():
    said = "SLURM-job '12' failed, SLURM status is: 'OUT_OF_MEMORY'. For further error details see the log."
    run = run_status.read_run(HEAD + KILLED.split("\n", 3)[3].replace("message: None", f"message: {said}"))
    assert run.failed[2].said == said
    assert run_status.likely_cause(said, "").name == "out of memory"


TRACE = "ERROR alscell: Traceback (most recent call last):\n"


@pytest.mark.parametrize(
    ("said", "log", "name", "code"),
    [
        ("returned non-zero exit status 1.", f"{TRACE}OSError: [Errno 28] No space left on device", "disk full", 12),
        ("returned non-zero exit status 1.", f"{TRACE}OSError: [Errno 122] Disk quota exceeded", "disk full", 12),
        ("returned non-zero exit status 1.", f"{TRACE}MemoryError: Unable to allocate 9 GiB", "out of memory", 11),
        ("returned non-zero exit status 137.", "", "out of memory", 11),
        ("SLURM status is: 'TIMEOUT'", "", "out of time", 13),
        ("SLURM status is: 'NODE_FAIL'", "", "node lost", 14),
        ("MissingOutputException", "", "slow file system", 15),
        ("returned non-zero exit status 1.", f"{TRACE}KeyError: 'x'", "defect", 16),
        ("died with <Signals.SIGSEGV: 11>.", "", "defect", 16),
        ("returned non-zero exit status 1.", "INFO a\nERROR alscell: s.tsv: found no donor", "bad input", 10),
        ("returned non-zero exit status 1.", "INFO errors are 0", "unknown", 1),
    ],
)
def test_likely_cause(said, log, name, code):
    cause = run_status.likely_cause(said, log)
    assert (cause.name, cause.exit_code) == (name, code)


def test_states_and_their_exit_codes():
    done = HEAD + "4 of 4 steps (100%) done\n" + END
    cases = {
        (done, False): (DONE, 0),
        ("Nothing to be done (all requested files are present and up to date).\n" + END, False): (DONE, 0),
        (HEAD, True): (RUNNING, 3),
        (HEAD, False): (SILENT, 4),
        (HEAD + "Terminating processes on user request, this might take some time.\n" + END, False): (STOPPED, 6),
        ("WorkflowError: no such target\n" + END, False): (FAILED, 1),
    }
    for (text, written), (word, code) in cases.items():
        assert run_status.state(run_status.read_run(text), written=written) == word
        assert run_status.exit_code(word, []) == code
    assert run_status.exit_code(NONE, []) == 5


def test_exit_code_of_several_failures_is_the_most_pressing_one():
    bad, full = (next(cause for _, cause in CAUSES if cause.name == name) for name in ("bad input", "disk full"))
    failures = [run_status.Failure(1, "a", cause=bad), run_status.Failure(2, "b", cause=full)]
    assert run_status.exit_code(FAILED, failures) == 12
    assert run_status.exit_code(FAILED, failures[:1]) == 10
    assert run_status.exit_code(FAILED, [run_status.Failure(1, "a", cause=UNKNOWN)]) == 1


def test_page_lists_every_state_and_cause():
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs/unattended.md").read_text()
    rows = {(int(code), word) for code, word in re.findall(r"^\| (\d+) \| ([a-z ]+) \|", page, re.MULTILINE)}
    wanted = {(code, word) for word, code in run_status.EXIT_CODES.items() if word != FAILED}
    wanted |= {(cause.exit_code, cause.name) for cause in [*(cause for _, cause in CAUSES), UNKNOWN]}
    assert rows == wanted
