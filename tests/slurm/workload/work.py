"""One job of the workload: hold memory, take time, write its result in one step; for `late`, long after its end."""

import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(os.environ["ALSCELL_ROOT"]) / "workflow/scripts"))

from alscell.files import atomic


def note(what: str) -> None:
    """One line in ran.tsv; short appends of several nodes don't mix."""
    line = f"{snakemake.output.part}\t{what}\t{os.environ.get('SLURM_JOB_ID', 'local')}\t{time.time():.1f}\n"
    with Path("ran.tsv").open("a") as stream:
        stream.write(line)


note("start")
held = bytearray(snakemake.params.megabytes * 1024 * 1024)
held[::4096] = b"x" * len(held[::4096])
with atomic(snakemake.output.part) as part:
    part.write_text("first half\n")
    time.sleep(snakemake.params.seconds)
    with part.open("a") as stream:
        stream.write("".join(Path(name).read_text() for name in snakemake.input) + "second half\n")
if snakemake.params.late:
    hidden = Path(snakemake.output.part).with_suffix(".hidden")
    os.replace(snakemake.output.part, hidden)
    command = f"sleep {snakemake.params.late}; mv {hidden} {snakemake.output.part}"
    subprocess.Popen(["setsid", "sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=2)
note("end")
