"""What the jobs of finished runs took: one row a job, from Snakemake's benchmark files and its records of inputs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

KEYS = ["run", "machine", "rule", "job"]
SIZES = ["cells", "samples", "input_mb"]
COLUMNS = [*KEYS, *SIZES, "mem_mb", "seconds"]
MB = 1024 * 1024  # as Snakemake's input.size_mb


def read_run(folder: Path, *, run: str, machine: str) -> pd.DataFrame:
    """The jobs of a finished run: cells and samples that each covers, MiB of its inputs, MiB and seconds it took.

    `mem_mb` is the highest resident memory of the job's own process, `seconds` its wall time. `machine` is "idle" or
    "busy": on a busy one, the seconds are too many. Jobs whose record Snakemake no longer has are left out.

    Raises
    ------
    FileNotFoundError
        If the folder holds no run: no benchmarks, or no .snakemake/metadata.
    """
    inputs = _input_sizes(folder)
    files = sorted((folder / "benchmarks").glob("*/**/*.tsv"))
    if not inputs or not files:
        raise FileNotFoundError(f"{folder}: no finished run (benchmarks/ and .snakemake/metadata are needed)")
    cells = _cells(folder)
    rows = []
    for path in files:
        job = path.relative_to(folder / "benchmarks").with_suffix("")
        if str(job) in inputs:
            took = _took(path)
            rows.append(
                [run, machine, job.parts[0], "/".join(job.parts[1:]), *_covered(job, cells), inputs[str(job)], *took]
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _took(path: Path) -> tuple[float, float]:
    """MiB and seconds of one benchmark file; no memory ("NA") where the job was over before it could be seen."""
    with path.open(encoding="utf-8") as stream:
        row = next(csv.DictReader(stream, delimiter="\t"))
    return float(row["max_rss"]) if row["max_rss"] != "NA" else float("nan"), float(row["s"])


def _input_sizes(folder: Path) -> dict[str, float]:
    """`<rule>/<wildcards>` -> MiB of the job's inputs. A job's log and benchmark share a name (tests/test_style.py)."""
    sizes = {}
    for path in (folder / ".snakemake" / "metadata").glob("*"):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.get("log") and not record["incomplete"]:
            files = [folder / name for name in record["input"]]
            job = record["log"][0].removeprefix("logs/").removesuffix(".log")
            sizes[job] = sum(file.stat().st_size for file in files if file.exists()) / MB
    return sizes


def _cells(folder: Path) -> dict[tuple[str, str], int]:
    """(dataset, sample) -> cells that were loaded."""
    paths = (folder / "results").glob("*/samples/*/quality.parquet")
    return {(path.parts[-4], path.parts[-2]): pq.read_metadata(path).num_rows for path in paths}


def _covered(job: Path, cells: dict[tuple[str, str], int]) -> tuple[int, int]:
    """Cells and samples of a job: of its sample, its dataset or the run."""
    dataset, sample = job.parts[1], Path(job.parts[-1]).name.partition(".")[0]
    own = (
        [(dataset, sample)]
        if (dataset, sample) in cells
        else [key for key in cells if key[0] == dataset] or list(cells)
    )
    return sum(cells[key] for key in own), len(own)
