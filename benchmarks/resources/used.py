"""Asked against used: what the profiles ask for the jobs of a finished run, beside what these took.

Run from the repository root: make resources-used RUN=folder (default: this folder). The table goes to
<folder>/logs/resources_used.tsv, a line a rule; used memory counts the Snakemake processes around a job on a cluster.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from resources.fit import as_text, read_resources  # noqa: E402
from resources.measure import read_run  # noqa: E402
from resources.model import RUNNER_MB, asks  # noqa: E402


def compare(jobs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """One row a job that the table knows: MB and minutes asked and used, and how many times the use was asked for."""
    rows = table.set_index("rule")
    jobs = jobs[jobs["rule"].isin(rows.index)].dropna(subset=["mem_mb"])
    asked = [asks(rows.loc[rule], size) for rule, size in zip(jobs["rule"], jobs["input_mb"], strict=True)]
    jobs = jobs.assign(asked_mb=[mb for mb, _ in asked], asked_minutes=[minutes for _, minutes in asked])
    jobs = jobs.assign(used_mb=jobs["mem_mb"] + RUNNER_MB, used_minutes=jobs["seconds"] / 60)
    return jobs.assign(times_mb=jobs["asked_mb"] / jobs["used_mb"])


def by_rule(jobs: pd.DataFrame) -> pd.DataFrame:
    """One row a rule: the job that used most, and the median of what was asked per use."""
    largest = {name: (name, "max") for name in ("input_mb", "asked_mb", "used_mb", "asked_minutes", "used_minutes")}
    over = jobs.assign(over=(jobs["times_mb"] < 1) | (jobs["asked_minutes"] < jobs["used_minutes"]))
    counted = {"n_jobs": ("job", "size"), "n_over": ("over", "sum"), "median_times_mb": ("times_mb", "median")}
    return over.groupby("rule").agg(**counted, **largest).reset_index().sort_values("used_mb", ascending=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT)
    given = parser.parse_args()
    jobs = compare(read_run(given.folder, run="run", machine="idle"), read_resources())
    rules = by_rule(jobs)
    (given.folder / "logs" / "resources_used.tsv").write_text(as_text(rules))
    print(rules.to_string(index=False, float_format="%.1f"))
    print(
        f"{len(jobs)} jobs: {int(rules['n_over'].sum())} above their first ask, "
        f"median ask {jobs['times_mb'].median():.2f} times the used memory"
    )


if __name__ == "__main__":
    main()
