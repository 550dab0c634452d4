"""One job: hold memory, take time, write its result in one step; for `late`, the result shows up long after the end."""

import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(os.environ["ALSCELL_ROOT"]) / "workflow/scripts"))

from alscell.files import atomic
from alscell.jobs import run


def note(part: str, what: str) -> None:
    """One line in ran.tsv; short appends of several nodes don't mix."""
    with Path("ran.tsv").open("a") as stream:
        stream.write(f"{part}\t{what}\t{os.environ.get('SLURM_JOB_ID', 'local')}\t{time.time():.1f}\n")


def main(*, parts: list[str], part: str, seconds: int, megabytes: int, kilobytes: int, late: int) -> None:
    note(part, "start")
    held = bytearray(megabytes * 1024 * 1024)
    held[::4096] = b"x" * len(held[::4096])
    with atomic(part) as unfinished, unfinished.open("w") as stream:
        stream.write("first half\n" + "x" * 1000 * kilobytes + "\n")
        stream.flush()
        time.sleep(seconds)
        stream.write("".join(Path(name).read_text() for name in parts) + "second half\n")
    if late:
        hidden = f"{part}.hidden"
        Path(part).replace(hidden)
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        subprocess.Popen(["setsid", "sh", "-c", f"sleep {late}; mv {hidden} {part}"], **quiet)
    note(part, "end")


if __name__ == "__main__":
    run(main, snakemake)
