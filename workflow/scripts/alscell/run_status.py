"""How far a run is and why a job failed, read from outside: from Snakemake's log of the run and the logs of its jobs.

Snakemake's log is made for people; the lines that are read here are those of Snakemake 9.14 to 9.27.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

LOG_ENDING = ".snakemake.log"
TAIL = 8  # lines of a job's log that are shown
TIME_FORMAT = "%a %b %d %H:%M:%S %Y"


@dataclass(frozen=True)
class Cause:
    """Why a job failed, most likely: a name, the exit code of `show_status.py` for it, and what to do."""

    name: str
    exit_code: int
    advice: str


# Pattern in what Snakemake, the scheduler and the job's log say -> cause. The first that fits counts: a full disk or a
# scarce memory shows in a traceback, too, and is no defect.
CAUSES = (
    (
        r"No space left on device|Disk quota exceeded|errno = 28\b|errno = 122\b",
        Cause("disk full", 12, "Free some space or ask for more quota (df -h, quota), then start again."),
    ),
    (
        r"TIMEOUT|DUE TO TIME LIMIT|TERM_RUNLIMIT",
        Cause("out of time", 13, "Give the rule more minutes (--set-resources RULE:runtime=...), then start again."),
    ),
    (
        r"NODE_FAIL|PREEMPTED|BOOT_FAIL",
        Cause("node lost", 14, "Start again: what is finished stays."),
    ),
    (
        r"MemoryError|Unable to allocate|Cannot allocate memory|OUT_OF_MEMORY|oom[-_ ]kill|TERM_MEMLIMIT"
        r"|SIGKILL|exit status 137\b",
        Cause(
            "out of memory",
            11,
            "Run fewer jobs at once (CORES=1) or give the rule more (--set-resources RULE:mem_mb=...); start again."
            " A job that somebody killed by hand looks the same.",
        ),
    ),
    (
        r"MissingOutputException",
        Cause("slow file system", 15, "Wait longer for files of other machines: --latency-wait 60."),
    ),
    (
        r"Traceback \(most recent call last\)|SIGSEGV|SIGBUS|SIGABRT",
        Cause("defect", 16, "This should not happen: please send the log with the version of alscell."),
    ),
    (
        r"^ERROR ",
        Cause("bad input", 10, "The log says what was found, what was expected and how to mend it."),
    ),
)
UNKNOWN = Cause("unknown", 1, "The log does not say; read it and the messages of Snakemake.")
DONE, FAILED, RUNNING, SILENT, STOPPED, NONE = "done", "failed", "running", "silent", "stopped", "none"
EXIT_CODES = {DONE: 0, FAILED: 1, RUNNING: 3, SILENT: 4, NONE: 5, STOPPED: 6}


@dataclass(frozen=True)
class Job:
    """A job that was started and has not ended: its number, what it does, and since when."""

    number: int
    what: str
    since: str


@dataclass(frozen=True)
class Failure:
    """A job that failed for good; `said` is how it ended, `tail` the end of its log."""

    number: int
    rule: str
    said: str = ""
    output: str = ""
    logs: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    cause: Cause = UNKNOWN


@dataclass
class Run:
    """What a log of Snakemake says of one run. Times are as written there, '' where there is none."""

    total: int = 0
    done: int = 0
    began: str = ""
    last: str = ""
    ended: bool = False
    stopped: bool = False
    nothing_to_do: bool = False
    restarts: int = 0
    running: dict[int, Job] = field(default_factory=dict)
    failed: dict[int, Failure] = field(default_factory=dict)


def read_run(text: str) -> Run:
    """Jobs done, running and failed, from the log of a run.

    A job that failed and was started again counts by its last attempt only.
    """
    run, block, death = Run(), {}, {}
    for line in text.splitlines():
        word = line.strip()
        if found := re.fullmatch(r"\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\]", word):
            run.last, block = found[1], {}
            run.began = run.began or found[1]
        elif found := re.fullmatch(r"total\s+(\d+)", word):
            run.total = int(found[1])
        elif found := re.fullmatch(r"(\d+) of (\d+) steps \(\S+\) done", word):
            run.done, run.total = int(found[1]), int(found[2])
        elif found := re.fullmatch(r"Job (\d+): (.*)", word):
            _start(run, int(found[1]), found[2])
        elif found := re.fullmatch(r"(?:local)?(?:rule|checkpoint) (\w+):", word):
            block = {"rule": found[1]}
        elif found := re.match(r"Error in rule (\w+):", word):
            block = {"failed": found[1]}
        elif found := re.match(r"MissingOutputException in rule (\w+)", word):
            block = {"failed": found[1], "said": "MissingOutputException"}
        elif found := re.match(r"Command '.*?(?:\.(\w+)\.py)?' (died with .*|returned non-zero .*)", word):
            death[found[1] or ""] = found[2]
        elif found := re.match(r"Finished jobid: (\d+)", word):
            run.running.pop(int(found[1]), None)
        elif found := re.match(r"Trying to restart job (\d+)", word):
            run.failed.pop(int(found[1]), None)
            run.restarts += 1
        elif found := re.match(r"jobid: (\d+)|Job (\d+)  completed successfully, but", word):
            _end(run, int(found[1] or found[2]), block, death)
        elif block.get("failed") and "number" in block and (found := re.match(r"(output|log): (.*)", word)):
            _add(run, block["number"], found[1], found[2])
        elif found := re.match(r"message: (?!None$)(.*)", word):
            block["said"] = found[1]
        run.ended |= word.startswith("Complete log(s):")
        run.stopped |= "Terminating processes on user request" in word
        run.nothing_to_do |= word.startswith("Nothing to be done")
    return run


def _start(run: Run, number: int, what: str) -> None:
    run.running[number] = Job(number, what, run.last)
    run.failed.pop(number, None)


def _end(run: Run, number: int, block: dict, death: dict) -> None:
    """A line with a job's number: of one that starts, or of one that failed."""
    if "rule" in block:
        _start(run, number, block["rule"])
    elif "failed" in block:
        rule = block["failed"]
        run.running.pop(number, None)
        # Rule als_test_x runs test_x.py; of another's rule only if one job alone died.
        scripts = [script for script in death if script and rule.endswith(script)] or list(death)[: len(death) == 1]
        said = block.get("said") or (death.pop(max(scripts, key=len)) if scripts else "")
        run.failed[number] = Failure(number, rule, said)
        block["number"] = number


def _add(run: Run, number: int, what: str, names: str) -> None:
    failure = run.failed[number]
    if what == "output":
        run.failed[number] = replace(failure, output=names)
    else:
        paths = names.replace(" (check log file(s) for error details)", "").split(", ")
        run.failed[number] = replace(failure, logs=tuple(paths))


def likely_cause(said: str, log: str) -> Cause:
    """The likeliest cause of a failure, from how the job ended and from what its log says."""
    text = f"{said}\n{log}"
    return next((cause for pattern, cause in CAUSES if re.search(pattern, text, re.MULTILINE)), UNKNOWN)


def with_logs(run: Run, folder: Path) -> list[Failure]:
    """The failed jobs with the ends of their logs and the likely cause; paths of logs are below `folder`."""
    failures = []
    for failure in run.failed.values():
        texts = [(folder / path).read_text(errors="replace") for path in failure.logs if (folder / path).is_file()]
        # The job's own log comes first; a scheduler's, behind it, is shown where that one is empty.
        own = next((text for text in texts if text.strip()), "")
        lines = tuple(line for line in own.splitlines() if line.strip())
        cause = likely_cause(failure.said, "\n".join(texts))
        failures.append(replace(failure, tail=lines[-TAIL:], cause=cause))
    return failures


def newest_log(folder: Path) -> Path | None:
    """Snakemake's log of the last run in a folder; names begin with the time."""
    return max((folder / ".snakemake" / "log").glob(f"*{LOG_ENDING}"), default=None)


def is_written(path: Path) -> bool:
    """Whether a process of this machine that we may look into has the file open (Linux)."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink() == path.resolve():
                return True
        except OSError:
            continue  # the process has ended, or is another user's
    return False


def state(run: Run, *, written: bool) -> str:
    """One word for a run: done, failed, running, stopped (by a person), or silent.

    Silent: the log has no end, and no process here writes it. It was killed, or it runs on another machine.
    """
    if not run.ended:
        return RUNNING if written else SILENT
    if run.failed:
        return FAILED
    if run.nothing_to_do or (run.total and run.done == run.total):
        return DONE
    return STOPPED if run.stopped else FAILED


def exit_code(word: str, failures: list[Failure]) -> int:
    """A number for scripts: of the state, or of a failed run's causes, the first of CAUSES if they differ."""
    codes = {failure.cause.exit_code for failure in failures}
    ranked = [cause.exit_code for _, cause in CAUSES if cause.exit_code in codes]
    return ranked[0] if word == FAILED and ranked else EXIT_CODES[word]


def describe_failures(failures: list[Failure]) -> list[str]:
    """Lines for people: each failed job with its likely cause, its log, the log's end, and what to do."""
    lines = []
    for failure in failures:
        lines.append(f"  {failure.rule}: {failure.cause.name}" + (f" ({failure.said})" if failure.said else ""))
        lines += [f"      makes  {failure.output[:200]}"] if failure.output else []
        lines += [f"      log    {path}" for path in failure.logs]
        lines += [f"      | {line[:200]}" for line in failure.tail]
        lines.append(f"      {failure.cause.advice.replace('RULE', failure.rule)}")
    return lines


def report(run: Run | None, failures: list[Failure], *, log: str, word: str) -> dict:
    """All of it as plain values, for JSON and for `as_text`."""
    run = run or Run()
    return {
        "state": word,
        "exit_code": exit_code(word, failures),
        "done": run.done,
        "total": run.total,
        "restarts": run.restarts,
        "began": _iso(run.began),
        "last_word": _iso(run.last),
        "log": log,
        "running": [{**asdict(job), "since": _iso(job.since)} for job in run.running.values()]
        if word == RUNNING
        else [],
        "failed": [asdict(failure) for failure in failures],
    }


def as_text(facts: dict, failures: list[Failure]) -> str:
    """The report for people."""
    meaning = {
        NONE: "no run of Snakemake has left a log here",
        SILENT: "no process on this machine writes the log, and it has no end: killed, or running on another machine",
        STOPPED: "stopped by a person",
    }
    word = facts["state"]
    lines = [f"{word}: {meaning[word]}" if word in meaning else word]
    if word != NONE:
        lines[0] += f"; {facts['done']} of {facts['total']} jobs done" if facts["total"] else ""
        lines += [f"began {facts['began'] or '?'}, last word {facts['last_word'] or '?'}", f"log   {facts['log']}"]
    lines += ["running:"] if facts["running"] else []
    lines += [f"  since {job['since']}: {job['what']}" for job in facts["running"]]
    lines += ["failed:", *describe_failures(failures)] if failures else []
    return "\n".join(lines)


def _iso(time: str) -> str:
    return datetime.strptime(time, TIME_FORMAT).isoformat(sep=" ") if time else ""
