"""Memory and time of every rule as a function of the size of its inputs, fitted to measured jobs.

A job is taken to need a + b x (MiB of its inputs): counts grow with cells and genes per cell alike, and Snakemake
knows their bytes when it submits the job. a and b are at least 0, fitted to relative errors, then raised by one factor
until no measured job lies above the line. A small rule of a group is constant: inside a group, inputs aren't there yet.
"""

from __future__ import annotations

import math
from fnmatch import fnmatch

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from resources.rules import rule_scopes, rule_threads

MARGIN = 1.3  # of memory, above the line that no measured job crosses
TIME_MARGIN = 3  # processors and file systems of clusters differ more than memory does
RUNNER_MB = 400  # the two Snakemake processes around each job on a cluster: 340 MiB measured by sacct
MIN_MINUTES = 10  # a cold import from a shared file system takes a minute
LONG = {"acquire_file": 720, "fetch_collection": 60}  # minutes at least: what a network takes has no model
DRIVEN = ("mem_mb", "seconds")
MIN_SPREAD = 1.5  # largest over smallest input: below, a slope would be a guess

# Rules that the measured runs have no job of, and the rule that does alike; the first pattern that fits counts.
LIKE = {
    "learn_markers": "assemble_atlas",  # all cells of one h5ad
    "read_pseudobulk": "sum_pseudobulk",
    "score_pseudobulk": "score_pathways",
    "fetch_collection": "collect_gene_sets",
    "estimate_ambient": "measure_quality",  # the counts of a sample
    "mark_ambient": "explain_pathways",
    "gather_*": "gather_directions",
    "write_submission": "assemble_atlas",
    "write_*": "write_manifest",
}
# Small rules that share a job. No other rule may stand between two of a group, else each would wait for the other.
GROUPS = {
    "checks": ("check_samples", "gather_quality"),
    "calibration": ("test_calibration", "gather_calibration", "plot_calibration"),
    "tables": (
        *("test_composition", "test_gene_panel", "test_tdp43", "test_ligand_receptor", "explain_pathways"),
        *("measure_coherence", "compare_views", "show_artefacts", "gather_pathways", "gather_directions"),
        *("judge_programmes", "synthesize_datasets", "compare_planted", "gather_ambient", "mark_ambient"),
    ),
    "figures": ("plot_*",),
}
PER_CELL = ("plot_umap", "plot_quality", "plot_markers")  # figures that read a table of cells: jobs of their own


def group_of(rule: str) -> str:
    """The group whose job a rule shares, or ''."""
    if rule in PER_CELL:
        return ""
    return next((group for group, names in GROUPS.items() if any(fnmatch(rule, name) for name in names)), "")


def fit_table(measured: pd.DataFrame) -> pd.DataFrame:
    """One row a rule of the workflow: its model, and the size of its inputs as a function of cells and samples.

    Raises
    ------
    ValueError
        If a rule was neither measured nor is in LIKE; rules that draw a figure are left out until they are measured.
    """
    scopes, threads = rule_scopes(), rule_threads()
    by_rule = dict(list(measured.groupby("rule")))
    rows = []
    for rule in sorted(scopes):
        source = rule if rule in by_rule else _like(rule)
        if source:
            facts = {
                "rule": rule,
                "like": source if source != rule else "",
                "scope": scopes[rule],
                "group": group_of(rule),
            }
            facts |= {"threads": threads[rule], "min_minutes": LONG.get(rule, MIN_MINUTES)}
            rows.append(facts | fit_rule(by_rule[source], group_of(rule)))
        elif not rule.startswith("plot_"):
            raise ValueError(f"{rule}: no measured job, and not in LIKE of benchmarks/resources/model.py")
    return pd.DataFrame(rows)


def _like(rule: str) -> str:
    return next((source for pattern, source in LIKE.items() if fnmatch(rule, pattern)), "")


def fit_rule(jobs: pd.DataFrame, group: str) -> dict[str, float]:
    """The constants of one rule from its measured jobs."""
    jobs = jobs.dropna(subset=["mem_mb"]) if jobs["mem_mb"].notna().any() else jobs.fillna({"mem_mb": 100})
    sizes = jobs["input_mb"].to_numpy()
    constant = bool(group) or sizes.max() < MIN_SPREAD * sizes.min()
    fitted: dict[str, float] = {}
    for name in DRIVEN:
        columns = [np.ones(len(jobs)), np.zeros(len(jobs)) if constant else sizes]
        fitted[name], fitted[f"{name}_per_mb"] = _line(columns, jobs[name].to_numpy())
    columns = [np.ones(len(jobs)), jobs["cells"] / 1000, jobs["samples"]]
    size = _line([np.asarray(column, dtype=float) for column in columns], np.maximum(sizes, 0.01))
    fitted |= dict(zip(("input_mb", "input_mb_per_1000_cells", "input_mb_per_sample"), size, strict=True))
    return fitted | {"n_jobs": len(jobs), "largest_input_mb": sizes.max()}


def _line(columns: list[np.ndarray], values: np.ndarray) -> list[float]:
    """Coefficients of the columns, all at least 0, so that no value lies above; least squares of relative errors."""
    scaled = np.column_stack(columns) / values[:, None]
    found, _ = nnls(scaled, np.ones(len(values)))
    return [float(one) for one in found / (scaled @ found).min()]


def needs(row: pd.Series, input_mb: float) -> tuple[float, float]:
    """MiB and seconds of a job by the model, without margins."""
    return tuple(row[name] + row[f"{name}_per_mb"] * input_mb for name in DRIVEN)


def asks(row: pd.Series, input_mb: float) -> tuple[int, int]:
    """MiB and minutes that a job asks for on its first attempt; the profiles say the same as expressions."""
    memory, seconds = needs(row, input_mb)
    return round(memory * MARGIN + RUNNER_MB), max(row["min_minutes"], math.ceil(seconds * TIME_MARGIN / 60))


def input_size(row: pd.Series, cells: float, samples: float) -> float:
    """MiB of the inputs of a job that covers so many cells and samples."""
    return row["input_mb"] + row["input_mb_per_1000_cells"] * cells / 1000 + row["input_mb_per_sample"] * samples
