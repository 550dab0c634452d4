"""The same through the real `snakemake`: exit code 1, one clear message, no traceback, nothing written."""

from __future__ import annotations

import os

import pytest

import show_status

# name: (file, text to replace, new text, words of the message)
FAULTS = {
    "unknown config key": (
        "config.yaml",
        "data_folder:",
        "data_foldr:",
        ["config.yaml, key 'data_foldr'", "'data_folder'"],
    ),
    "missing file": ("config.yaml", "data_folder: data", "data_folder: dada", ["dada/lab/cells.h5ad", "no such file"]),
    "sample without donor": (
        "mine/samples.tsv",
        "S2\tD2",
        "S2\t",
        ["mine/samples.tsv, line 3 (sample 'S2')", "no donor"],
    ),
    "level outside the allow-list": (
        "mine/samples.tsv",
        "D2\tALS",
        "D2\tASL",
        ["condition 'ASL'", "Did you mean 'ALS'?"],
    ),
    "date for a level": (
        "mine/dataset.yaml",
        "sex: [F, M]",
        "sex: [F, M]\n  batch: [2024-01-01]",
        ["key 'levels.batch[1]'", "2024-01-01", "in quotes"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_run_stops_with_one_message(name, setup, snakemake):
    file, old, new, words = FAULTS[name]
    text = (setup / file).read_text()
    assert old in text
    (setup / file).write_text(text.replace(old, new))
    before = files(setup)
    answer = snakemake(setup)
    assert answer.returncode == 1
    output = answer.stdout + answer.stderr
    assert "Traceback" not in output
    assert output.count("in the input:") == 1
    for word in words:
        assert word in output
    assert files(setup) == before


def files(folder):
    """Files in a folder, without what Snakemake keeps for itself."""
    own = (".snakemake", ".cache")
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in paths if path.parts[0] not in own)


def test_what_waits_for_the_comparison_of_samples_is_made_after_it(setup, snakemake):
    # Snakemake looks at no job behind one that runs; through an `ancient` input it would never come back to it.
    folder = setup / "results/mine"
    names = ("counts.h5ad", "loaded.tsv", "quality.parquet", "quality_limits.tsv")
    made = [folder / f"samples/S{number}/{name}" for number in range(1, 9) for name in names]
    made += [folder / name for name in ("raw/cells.h5ad", "acquired/cells.h5ad.tsv", "quality_limits.tsv")]
    old = [folder / "sample_checks.tsv", folder / "sample_pairs.tsv"]
    for path in [*made, *old]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("made")
        os.utime(path, (1, 1) if path in old else (2**31, 2**31))  # newer than all modules of the workflow
    answer = snakemake(setup, "results/mine/pseudobulk.h5ad", "--dry-run", "--rerun-triggers", "mtime")
    output = answer.stdout + answer.stderr
    for job in ("compare_samples", "embed_cells", "sum_pseudobulk"):
        assert f"\n{job} " in output, output


def test_a_failed_run_closes_with_job_cause_and_log(setup, snakemake):
    answer = snakemake(setup, "results/mine/raw/cells.h5ad")  # 4 bytes: no HDF5
    assert answer.returncode == 1
    output = answer.stdout + answer.stderr
    closing = output[output.index("The run failed. These jobs:") :]
    for words in ("acquire_file: bad input", "log    logs/acquire_file/mine/", "| ERROR alscell: ", "cells.h5ad"):
        assert words in closing
    assert show_status.main(setup, as_json=True) == 10
