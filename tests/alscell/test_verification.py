"""Two runs side by side: the first result that differs in the data's way is named, and why it may."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from alscell.errors import InputError
from alscell.files import sha256, write_plain_table, write_table, write_text
from alscell.software import circumstances
from alscell.verification import compare_runs, label_agreement, read_run, verdict

RULES = {
    "results/figures/umap_cord.png": "plot_umap",
    "results/cord/samples/S1/counts.h5ad": "load_sample",
    "results/cord/cell_types.parquet": "annotate_cells",
    "results/cord/pathway_sets.tsv": "score_pathways",
    "results/report.html": "write_report",
}
LABELS = ["microglia", "microglia", "astrocyte", "astrocyte"]


def cell_types(labels):
    frame = pd.DataFrame({"cell": [f"S1_{number}" for number in range(len(labels))], "cell_type": labels})
    return frame.assign(cluster="0", score=1.0, margin=1.0, source="markers")


def list_files(folder, **changed):
    """Write the manifest of a folder; `changed`: {rule: {column: value}}."""
    rows = [
        {
            "path": path,
            "sha256": sha256(folder / path),
            "size": (folder / path).stat().st_size,
            "rule": rule,
            "version": "0.1.0",
            "code": "c",
            "parameters": "p",
            "software": "s",
        }
        | changed.get(rule, {})
        for path, rule in RULES.items()
        if (folder / path).exists()
    ]
    write_table(pd.DataFrame(rows), folder / "results/manifest.tsv", "manifest")


@pytest.fixture
def runs(tmp_path):
    """Two runs with the same files."""
    first, second = tmp_path / "first", tmp_path / "second"
    for path in RULES:
        write_text(path, first / path)
    write_table(cell_types(LABELS), first / "results/cord/cell_types.parquet", "cell_types")
    write_plain_table(pd.DataFrame({"pathway": ["a"], "coverage": [0.5]}), first / "results/cord/pathway_sets.tsv")
    write_table(circumstances(), first / "results/software.tsv", "software")
    list_files(first)
    shutil.copytree(first, second)
    return first, second


def compared(runs):
    return compare_runs(*(read_run(run) for run in runs))


def test_same_runs(runs):
    assert compared(runs).empty
    text, same = verdict(*(read_run(run / "results/manifest.tsv") for run in runs))
    assert same
    assert "Versions, processor, BLAS kernel and code are the same." in text
    assert text.endswith("All 5 results are the same, byte for byte.")


def test_first_difference_is_that_of_the_earliest_stage(runs):
    _, second = runs
    for path in ("results/report.html", "results/cord/samples/S1/counts.h5ad", "results/figures/umap_cord.png"):
        write_text("other", second / path)
    write_plain_table(pd.DataFrame({"pathway": ["a"], "coverage": [0.75]}), second / "results/cord/pathway_sets.tsv")
    list_files(second, score_pathways={"parameters": "P", "code": "C"})
    found = compared(runs).set_index("rule")
    assert list(found.index) == ["load_sample", "score_pathways", "plot_umap", "write_report"]
    assert found["what"]["score_pathways"] == (
        "column 'coverage', row 1 (pathway a): 0.5 and 0.75; 1 of 1 values differ, by 0.25 at most"
    )
    assert found["why"]["score_pathways"] == "other code and other parameters"
    assert found["why"]["write_report"] == "the same code and parameters"
    text, same = verdict(*(read_run(run) for run in runs))
    assert not same
    lines = text.splitlines()
    at = lines.index("4 of 5 results differ. The first, in the data's way:")
    assert lines[at + 1] == "  results/cord/samples/S1/counts.h5ad (rule load_sample; the same code and parameters)"
    assert "  code of 1 rules: score_pathways" in lines[:at]


def test_missing_extra_and_changed_files(runs):
    first, second = runs
    (second / "results/report.html").unlink()
    list_files(second)
    assert compared(runs)[["path", "what"]].to_numpy().tolist() == [
        ["results/report.html", "only the first run has it"]
    ]
    assert compared(runs[::-1])["what"].tolist() == ["only the second run has it"]
    write_text("edited by hand", first / "results/figures/umap_cord.png")
    what = compared(runs)["what"].tolist()
    assert what[0].endswith("; changed since its manifest was written: the file of the first run")
    assert what[0].startswith("byte 1 of 14 and 29; 14 of the first 14 differ")
    assert what[1] == "only the first run has it"


def test_files_that_are_not_in_an_archive_are_compared_by_checksum(runs):
    first, second = runs
    (first / "results/cord/samples/S1/counts.h5ad").unlink()
    assert compared(runs).empty
    write_text("other", second / "results/cord/samples/S1/counts.h5ad")
    list_files(second)
    assert compared(runs)["what"].tolist() == ["other bytes; the file of the first run is not here to say which"]


def test_circumstances_are_named_before_any_file(runs):
    table = circumstances()
    table.loc[table["name"] == "numpy", "value"] = "1.0"
    write_table(table, runs[1] / "results/software.tsv", "software")
    lines = verdict(*(read_run(run) for run in runs))[0].splitlines()
    assert lines[2].startswith("Other circumstances")
    assert lines[3].startswith("  package numpy: ")
    assert lines[3].endswith(" and 1.0")
    (runs[1] / "results/software.tsv").unlink()
    assert "versions and processors are not compared" in verdict(*(read_run(run) for run in runs))[0]


def test_agreement_of_labels(runs):
    moved = ["microglia", "microglia", "astrocyte", "microglia"]
    write_table(cell_types(moved), runs[1] / "results/cord/cell_types.parquet", "cell_types")
    list_files(runs[1])
    assert label_agreement(*(read_run(run) for run in runs)) == [
        "cord: 4 cells in both of 4 and 4, adjusted Rand index 0.0000, share equal 0.7500"
    ]
    renamed = ["a", "a", "b", "b"]
    write_table(cell_types(renamed), runs[1] / "results/cord/cell_types.parquet", "cell_types")
    list_files(runs[1])
    assert "adjusted Rand index 1.0000, share equal 0.0000" in verdict(*(read_run(run) for run in runs))[0]


def test_what_cannot_be_compared(runs, tmp_path):
    with pytest.raises(InputError, match=r"nowhere: found no such file; expected a manifest\.tsv"):
        read_run(tmp_path / "nowhere")
    write_text("path\tsha256\tsize\trule\tversion\n", tmp_path / "old.tsv")
    with pytest.raises(InputError, match="run the workflow again to write it anew"):
        read_run(tmp_path / "old.tsv")
    shutil.copy(runs[0] / "results/manifest.tsv", tmp_path / "alone.tsv")
    with pytest.raises(InputError, match="found none of the files it lists"):
        read_run(tmp_path / "alone.tsv")
