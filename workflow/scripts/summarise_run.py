"""Say at the end of a run where the time went and where the results lie, or which logs to read.

Called by the Snakefile: summarise_run.py <done|failed> <summary folder> <Snakemake's log, or ''> <dataset> ...
Reads benchmarks/, logs and sample_checks.tsv; writes nothing and never fails: it must not hide the outcome of a run.
"""

import contextlib
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from alscell import run_status

# The way the data goes; rules not named here come last.
STAGES = (
    *("fetch_collection", "collect_gene_sets"),
    *("acquire_file", "simulate_file", "simulate_truth", "load_sample", "compare_samples", "check_samples"),
    *("measure_quality", "gather_quality", "embed_cells", "cluster_cells", "annotate_cells", "assemble_atlas"),
    *("sum_pseudobulk", "read_pseudobulk", "test_differential", "test_enrichment"),
    *("score_pathways", "score_pseudobulk", "test_pathways", "gather_pathways"),
    *("compare_views", "test_composition", "test_calibration", "gather_calibration"),
    *("synthesize_datasets", "compare_planted"),
)
LAST = ("write_report", "write_manifest")
COLUMNS = ("stage", "jobs", "seconds", "longest job", "peak memory")


def rule_files(folder: str, ending: str, datasets: list[str]) -> Iterator[tuple[str, Path]]:
    """Files <folder>/<rule>/<dataset or rule>... of the rules, for these datasets only."""
    for path in sorted(Path(folder).glob(f"*/**/*{ending}")):
        rule, first = path.relative_to(folder).parts[:2]
        if first.removesuffix(ending) in {*datasets, rule}:
            yield rule, path


def stage_table(datasets: list[str], folder: str = "benchmarks") -> list[tuple[str, ...]]:
    """One row a rule, in the order of the stages: jobs, total seconds, longest job, peak memory."""
    jobs: dict[str, list[tuple[float, float]]] = {}
    for rule, path in rule_files(folder, ".tsv", datasets):
        with contextlib.suppress(OSError, ValueError, KeyError), path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream, delimiter="\t"):
                memory = float(row["max_rss"]) if row["max_rss"].replace(".", "", 1).isdigit() else 0.0
                jobs.setdefault(rule, []).append((float(row["s"]), memory))
    rank = {rule: place for place, rule in enumerate(STAGES)} | {rule: 1000 + i for i, rule in enumerate(LAST)}
    ordered = sorted(jobs.items(), key=lambda item: (rank.get(item[0], 100), item[0]))
    return [
        (rule, str(len(rows)), f"{sum(s for s, _ in rows):.1f}", f"{max(s for s, _ in rows):.1f}", _memory(rows))
        for rule, rows in ordered
    ]


def _memory(rows: list[tuple[float, float]]) -> str:
    peak = max(memory for _, memory in rows)
    return f"{peak:,.0f} MB" if peak else "too short"


def odd_samples(datasets: list[str]) -> Iterator[str]:
    """Samples that sample_checks.tsv flags, each with its notes."""
    for path in [Path("results", dataset, "sample_checks.tsv") for dataset in datasets]:
        with contextlib.suppress(OSError, KeyError), path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream, delimiter="\t"):
                if row["flagged"] == "True":
                    yield f"  {path}: {row['sample']} (donor {row['donor']}): {row['notes']}"


def failures(log: str) -> list[str]:
    """Failed jobs with likely cause, log and what to do, from Snakemake's log of the run."""
    if not log:
        return []
    run = run_status.read_run(Path(log).read_text(encoding="utf-8", errors="replace"))
    return run_status.describe_failures(run_status.with_logs(run, Path()))


def summary(outcome: str, folder: str, log: str, datasets: list[str]) -> str:
    """The whole message."""
    lines = []
    if rows := stage_table(datasets):
        widths = [max(len(row[i]) for row in [COLUMNS, *rows]) for i in range(len(COLUMNS))]
        lines += ["", "Where the time went (all jobs behind these results):"]
        for row in [COLUMNS, *rows]:
            numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  " + "  ".join([row[0].ljust(widths[0]), *numbers]))
    if odd := list(odd_samples(datasets)):
        lines += ["", "WARNING: look at these samples first (results so far):", *odd]
    if outcome == "done":
        lines += ["", f"Results: {folder}/ and results/<dataset>/ for {', '.join(datasets)}"]
        lines += [f"Report:  {folder}/report.html"] if Path(folder, "report.html").exists() else []
        return "\n".join(lines)
    found = failures(log)
    lines += ["", "The run failed. " + ("These jobs:" if found else "No job did: see the messages above.")]
    return "\n".join([*lines, *found])


if __name__ == "__main__":
    with contextlib.suppress(OSError, ValueError, TypeError):
        sys.stdout.write(summary(*sys.argv[1:4], sys.argv[4:]) + "\n")
