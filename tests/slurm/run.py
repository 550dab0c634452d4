"""What `make test-slurm` does: start a real SLURM, play the faults, and hold a run through SLURM against a local one.

Needs root, and installs Debian's SLURM where it isn't. Keeps in --out: faults.tsv (the table), sacct.txt (every job and
step), manifests of both runs, logs. --only faults or --only same does one of the two; --faults chooses faults by name.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cluster import Cluster, install
from faults import FAULTS, OUTAGE, QUICK, ROOT, START, drained_node, lost_node, play, scheduler_down

DISTURBING = (drained_node, lost_node, scheduler_down)  # what other runs would notice: one after the other, alone
COLUMNS = ("fault", "verdict", "outcome", "seconds")
COHORT = ROOT / "tests/workflow/cohort"


def play_faults(out: Path, cluster: Cluster, chosen: list[str]) -> list[tuple[str, str, str, str]]:
    """The rows of all faults, in the order of FAULTS."""
    names = [name for name, fault in FAULTS.items() if not chosen or fault.__name__ in chosen]
    quiet = [name for name in names if FAULTS[name] not in DISTURBING]
    with ThreadPoolExecutor(3) as pool:
        rows = dict(zip(quiet, pool.map(lambda name: play(name, out / "runs", cluster), quiet), strict=True))
    rows |= {name: play(name, out / "runs", cluster) for name in names if name not in rows}
    return [rows[name] for name in names]


def run_both(out: Path) -> str:
    """'' if the run through SLURM gives the manifest of the local run, else what differs."""
    manifests = []
    for name, start in (("cluster", [START, *QUICK, "--jobs", "6"]), ("local", ["snakemake", "--cores", "2"])):
        folder = out / "same" / name
        shutil.copytree(COHORT, folder / "cohort", dirs_exist_ok=True)
        arguments = ["--snakefile", ROOT / "Snakefile", "--configfile", "cohort/config.yaml"]
        with (folder / "head.log").open("w") as stream:
            command = [str(word) for word in [*start, *arguments]]
            if subprocess.run(command, cwd=folder, stdout=stream, stderr=stream).returncode:
                return f"the {name} run failed: see {folder / 'head.log'}"
        manifests.append((folder / "results/manifest.tsv").read_text().splitlines())
    differ = sorted(set(manifests[0]) ^ set(manifests[1]))
    return f"{len(differ)} lines of the manifests differ: {differ[:4]}" if differ else ""


def write_table(rows: list[tuple[str, str, str, str]], path: Path) -> None:
    path.write_text("\n".join("\t".join(row) for row in [COLUMNS, *rows]) + "\n")
    for name, verdict, outcome, seconds in rows:
        print(f"{verdict:7} {seconds:>5} s  {name}: {outcome}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "results/slurm_test")
    parser.add_argument("--only", choices=["faults", "same"])
    parser.add_argument("--faults", nargs="*", default=[], choices=[fault.__name__ for fault in FAULTS.values()])
    given = parser.parse_args()
    if os.geteuid():
        parser.error("starting a SLURM needs root (a container or a machine of your own)")
    install()
    out = given.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="alscell_slurm_")))
    failed = False
    try:
        cluster.start()
        if given.only != "same":
            print(f"Faults on a SLURM of {len(cluster.nodes)} nodes, scheduler down for {OUTAGE} s:", flush=True)
            rows = play_faults(out, cluster, given.faults)
            write_table(rows, out / "faults.tsv")
            failed |= any(row[1] != "passed" for row in rows)
        if given.only != "faults":
            differ = run_both(out)
            print(f"The same bytes through SLURM as on this machine: {differ or 'yes'}")
            failed |= bool(differ)
        (out / "sacct.txt").write_text(cluster.jobs())
    finally:
        cluster.stop()
    shutil.rmtree(cluster.folder, ignore_errors=True)
    print(f"Kept: {out}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
