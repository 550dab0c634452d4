"""Fit the model of memory and time, and write the profiles from it.

Run from the repository root: make fit-resources RUNS="c100=/tmp/cohort demo=." (finished runs on an idle machine; on a
busy one, MACHINE=busy: memory is right there, time isn't). The jobs of a run take the place of those of an earlier run
of its name in profiles/measured.tsv. Without RUNS (make profiles), both are written anew from what is there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from resources.measure import KEYS, read_run  # noqa: E402
from resources.model import fit_table  # noqa: E402
from resources.profiles import SYSTEMS, profile  # noqa: E402

PROFILES = ROOT / "profiles"


def read_measured() -> pd.DataFrame:
    """All measured jobs that the profiles are made from."""
    return pd.read_csv(PROFILES / "measured.tsv", sep="\t", dtype={"job": "str"})


def read_resources() -> pd.DataFrame:
    """The table of the model's constants."""
    return pd.read_csv(PROFILES / "resources.tsv", sep="\t", keep_default_na=False)


def add_runs(measured: pd.DataFrame, runs: list[str], machine: str) -> pd.DataFrame:
    """Measured jobs with those of other runs, each as name=folder."""
    for run in runs:
        name, _, folder = run.partition("=")
        kept = measured[measured["run"] != name]
        measured = pd.concat([kept, read_run(Path(folder), run=name, machine=machine)], ignore_index=True)
    return measured.sort_values(KEYS, ignore_index=True)


def as_text(table: pd.DataFrame) -> str:
    """A table as tab-separated text, numbers with 6 digits."""
    return table.to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="NAME=FOLDER")
    parser.add_argument("--machine", choices=["idle", "busy"], default="idle")
    given = parser.parse_args()
    if given.runs:
        (PROFILES / "measured.tsv").write_text(as_text(add_runs(read_measured(), given.runs, given.machine)))
    (PROFILES / "resources.tsv").write_text(as_text(fit_table(read_measured())))
    table = read_resources()
    for system in SYSTEMS:
        (PROFILES / system).mkdir(exist_ok=True)
        (PROFILES / system / "config.yaml").write_text(profile(system, table))
    print(
        f"{len(table)} rules: profiles/resources.tsv, {', '.join(f'profiles/{name}/config.yaml' for name in SYSTEMS)}"
    )


if __name__ == "__main__":
    main()
