"""Faults of a cluster, played on a real SLURM: what each does to a run, as a table. Needs root; see `make test-slurm`.

Each fault has a folder of its own with a run of tests/slurm/workload, started as `make slurm` starts one. It passes
if the run ends as the table says, with whole files and no job run more often than it had to.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster import Cluster, ask, wait_for

ROOT = Path(__file__).resolve().parents[2]
START = ROOT / "profiles/slurm/start.sh"
SMALL = ["--default-resources", "mem_mb=700", "runtime=10"]
QUICK = ["--slurm-init-seconds-before-status-checks", "5", "--latency-wait", "60"]
OUTAGE = int(os.environ.get("OUTAGE", "120"))  # seconds without a scheduler


class Failed(Exception):
    """A fault did not end as it should."""


def expect(holds: object, what: str) -> None:
    if not holds:
        raise Failed(what)


@dataclass
class Run:
    """A run of the workload in a folder: its head process, and what its jobs noted."""

    folder: Path
    arguments: list[str]
    head: subprocess.Popen | None = None

    def start(self) -> Run:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [START, "--snakefile", ROOT / "tests/slurm/workload/Snakefile", *SMALL, *QUICK, *self.arguments]
        with (self.folder / "head.log").open("a") as stream:
            self.head = subprocess.Popen(
                [str(word) for word in command],
                cwd=self.folder,
                env={**os.environ, "ALSCELL_ROOT": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        return self

    def wait(self, seconds: int = 900) -> int:
        return self.head.wait(seconds)

    def text(self) -> str:
        return (self.folder / "head.log").read_text()

    def notes(self, what: str) -> list[list[str]]:
        """Lines of ran.tsv: file, start or end, job, time."""
        path = self.folder / "ran.tsv"
        lines = [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if line[1] == what]

    def starts(self) -> Counter:
        """How often the job of each file was started."""
        return Counter(line[0] for line in self.notes("start"))

    def wait_for_starts(self, count: int) -> None:
        wait_for(lambda: len(self.notes("start")) >= count, 300, f"{count} jobs have started in {self.folder.name}")

    def check_whole(self, parts: int) -> None:
        """The joined file holds every part, whole; nothing unfinished is left."""
        text = (self.folder / "results/joined.txt").read_text()
        expect(
            text.count("first half") == text.count("second half") == parts + 1, f"joined.txt is not whole: {text[:80]}"
        )
        expect(not list((self.folder / "results").glob(".*.part")), "an unfinished file is left")

    def check_done(self, parts: int, *, started: int | None = None) -> None:
        """It ended well, with whole files, after `started` jobs (one a file, unless given)."""
        expect(self.wait() == 0, f"exit code {self.head.returncode}: {self.text()[-300:]}")
        self.check_whole(parts)
        count = sum(self.starts().values())
        expect(count == (started or parts + 1), f"{count} jobs were started: {dict(self.starts())}")


def config(**values: int) -> list[str]:
    return ["--config", *(f"{key}={value}" for key, value in values.items())]


def out_of_memory(folder: Path, cluster: Cluster) -> str:
    run = Run(
        folder, [*config(parts=1, megabytes=700, seconds=20), "--set-resources", "part:mem_mb=700*attempt"]
    ).start()
    run.check_done(1, started=3)
    return "killed, retried with 1400 MB: done"


def out_of_time(folder: Path, cluster: Cluster) -> str:
    run = Run(folder, [*config(parts=1, seconds=110), "--set-resources", "part:runtime=2*attempt-1"]).start()
    run.check_done(1, started=3)
    expect("TIMEOUT" in run.text(), "snakemake names no TIMEOUT")
    return "stopped after 1 min, retried with 3 min: done"


def second_run(folder: Path, cluster: Cluster) -> str:
    run = Run(folder, config(parts=2, seconds=30)).start()
    run.wait_for_starts(1)
    other = Run(folder, run.arguments).start()
    expect(other.wait() == 3, f"a second run ended with {other.head.returncode}")
    expect(
        re.search(rf"Another run works in {folder}: root, process {run.head.pid} on \S+, since", run.text()), run.text()
    )
    stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", START, "--dry-run"]
    answer = subprocess.run(stranger, cwd=folder, capture_output=True, text=True)
    expect(answer.returncode == 3 and f"may not write to {folder}" in answer.stderr, f"another user: {answer.stderr}")
    run.check_done(2)
    return "the second ends with 3 and names the first (a user without rights: what to ask for); the first: done"


def late_files(folder: Path, cluster: Cluster) -> str:
    Run(folder, config(parts=2, late=20)).start().check_done(2)
    return "results that show up 20 s after the job (played by a late mv) are waited for: done"


def full_disk(folder: Path, cluster: Cluster) -> str:
    results = folder / "results"
    results.mkdir(parents=True)
    ask("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", results)
    try:
        arguments = [*config(parts=3, kilobytes=400, seconds=2), "--retries", "0"]
        run = Run(folder, arguments).start()
        expect(run.wait() == 1, f"exit code {run.head.returncode} on a full disk")
        logs = "".join(path.read_text() for path in (folder / "logs/part").glob("*.log"))
        expect(
            "found a full disk; expected room for this file" in logs and "Traceback" not in logs, f"log: {logs[:300]}"
        )
        whole = [path for path in results.glob("part_*.txt") if path.read_text().endswith("second half\n")]
        expect(len(whole) == len(list(results.iterdir())) < 3, f"left: {list(results.iterdir())}")
        ask("mount", "-o", "remount,size=20m", results)
        before = sum(run.starts().values())
        again = Run(folder, arguments).start()
        again.check_done(3, started=before + 4 - len(whole))
    finally:
        ask("umount", results)
    return "one message in the log, no half file; with room again: done, finished files not made anew"


def drained_node(folder: Path, cluster: Cluster) -> str:
    run = Run(folder, [*config(parts=6, seconds=15), "--jobs", "3"]).start()
    run.wait_for_starts(1)
    node = node_of(run.notes("start")[0][2])
    ask("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
    drained = time.time()
    try:
        run.check_done(6)
        later = [node_of(line[2]) for line in run.notes("start") if float(line[3]) > drained + 5]
        expect(later and node not in later, f"after {node} was drained, jobs ran on {later}")
    finally:
        ask("scontrol", "update", f"nodename={node}", "state=resume")
    return "its jobs end, the others go to other nodes: done, each job ran once"


def lost_node(folder: Path, cluster: Cluster) -> str:
    run = Run(folder, [*config(parts=4, seconds=20), "--jobs", "2"]).start()
    run.wait_for_starts(2)
    node = node_of(run.notes("start")[0][2])
    on_node = sum(node_of(line[2]) == node for line in run.notes("start"))
    ask("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    try:
        run.check_done(4, started=5 + on_node)
    finally:
        ask("scontrol", "update", f"nodename={node}", "state=resume")
    return f"SLURM puts its jobs back into the queue ({on_node} started again): done"


def scheduler_down(folder: Path, cluster: Cluster) -> str:
    run = Run(folder, [*config(parts=6, seconds=20), "--jobs", "3"]).start()
    run.wait_for_starts(3)
    cluster.end("slurmctld")
    time.sleep(OUTAGE)
    cluster.start_controller()
    run.check_done(6)
    return f"after {OUTAGE} s without slurmctld the run goes on: done, each job ran once"


def killed_head(folder: Path, cluster: Cluster) -> str:
    run = Run(folder, config(parts=4, seconds=30)).start()
    run.wait_for_starts(4)
    os.kill(run.head.pid, signal.SIGKILL)
    run.wait()
    again = Run(folder, run.arguments).start()
    again.check_done(4)
    expect(
        "Waiting for jobs of an earlier run" in again.text(), "the second start did not wait for the first one's jobs"
    )
    return "the next start waits for the jobs that still run, takes their files: done, each job ran once"


def node_of(job: str) -> str:
    return re.search(r"^\s+NodeList=(\S+)", ask("scontrol", "show", "job", job), re.MULTILINE).group(1)


FAULTS: dict[str, Callable[[Path, Cluster], str]] = {
    "a job needs more memory than it asked for": out_of_memory,
    "a job needs more time than it asked for": out_of_time,
    "a second run in the same folder": second_run,
    "a file system that shows files late": late_files,
    "a full disk": full_disk,
    "a node is drained in mid-run": drained_node,
    "a node is lost in mid-run": lost_node,
    f"the scheduler is down for {OUTAGE} s": scheduler_down,
    "the head process is killed with -9": killed_head,
}


def play(name: str, folder: Path, cluster: Cluster) -> tuple[str, str, str, str]:
    """One row of the table: fault, passed or FAILED, outcome, seconds."""
    begun = time.monotonic()
    try:
        outcome, passed = FAULTS[name](folder / FAULTS[name].__name__, cluster), "passed"
    except (Failed, TimeoutError, subprocess.TimeoutExpired, RuntimeError, OSError) as error:
        outcome, passed = f"{type(error).__name__}: {error}".replace("\n", " "), "FAILED"
    return name, passed, outcome, f"{time.monotonic() - begun:.0f}"
