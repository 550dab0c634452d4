"""Mistakes about which cells are a sample's: found by `check`, before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from alscell.check_cells import cells_problems, numbered_problems
from alscell.check_members import file_problems
from alscell.files import read_table

GOOD = {
    "layout": "dense_csv",
    "orientation": "genes_by_cells",
    "source": {"path": "lab", "files": [{"name": "counts.csv.gz"}, {"name": "meta.csv.gz"}]},
    "cells": {"table": "meta.csv.gz", "sample": "donor", "cell_type": "type"},
    "cell_types": {"Astrcytes": "astrocyte"},
    "levels": {"condition": ["ALS", "Control"]},
}


def problems(**changes):
    facts = {**GOOD, **changes}
    return [str(problem) for problem in cells_problems({k: v for k, v in facts.items() if v is not None}, "d.yaml")]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layout": "10x_h5", "orientation": None},
        {"layout": "10x_mtx", "orientation": None, "cells": {"cell": "Barcode", "sample": "s", "cell_type": "t"}},
        {"layout": "loom", "orientation": None, "cells": {"cell": "id", "cell_type": "t"}, "layer": "spliced"},
        {"source": {"path": "lab"}},
    ],
)
def test_keys_that_fit(changes):
    assert problems(**changes) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cells": {**GOOD["cells"], "table": "mata.csv"}}, ["key 'cells.table'", "'mata.csv'", "source.files"]),
        ({"layout": "h5ad", "orientation": None}, ["key 'cells.table'", "10x_h5, 10x_mtx, dense_csv"]),
        ({"cells": {"table": "meta.csv.gz", "cell_type": "type"}}, ["key 'cells.sample'", "found nothing"]),
        ({"cells": {"cell_type": "type"}}, ["key 'cells.cell_type'", "`cells.table` with layout dense_csv"]),
        (
            {"layout": "h5ad", "orientation": None, "cells": {"cell": "x", "cell_type": "t"}},
            ["key 'cells.cell'", "Remove it"],
        ),
        ({"layout": "10x_h5"}, ["key 'orientation'", "dense_csv only"]),
        ({"layer": "counts"}, ["key 'layer'", "'counts'", "Remove it"]),
        ({"cells": {"table": "meta.csv.gz", "sample": "donor"}}, ["key 'cell_types'", "`cells.cell_type`"]),
        ({"conditions": {"normal": "Control"}}, ["key 'conditions'", "`cells.condition`"]),
        (
            {"conditions": {"normal": "Contol"}, "cells": {**GOOD["cells"], "condition": "disease"}},
            ["key 'conditions.normal'", "'Contol'", "one of ALS, Control", "Did you mean 'Control'"],
        ),
    ],
)
def test_keys_that_do_not_fit(changes, words):
    (problem,) = problems(**changes)
    assert all(word in problem for word in ["d.yaml", *words]), problem


def sheet(*members, file="a.h5ad", conditions="AAC"):
    return [
        (number + 2, {"sample": f"S{number}", "member": member, "condition": condition, "file": file})
        for number, (member, condition) in enumerate(zip(members, conditions, strict=False))
    ]


BY_CONDITION = {"cells": {"sample": "donor", "condition": "group"}}


@pytest.mark.parametrize(
    ("rows", "facts"),
    [
        (sheet("@1", "@2", "@1"), BY_CONDITION),
        (sheet("@2", "@1", "C7"), BY_CONDITION),
        (sheet("@1", "@2", "@3"), {"cells": {"sample": "donor"}}),
        (sheet("@1", "@2") + sheet("@1", "@2", file="b.h5ad"), BY_CONDITION),
        (sheet("P1", "P2", "C1"), {}),
    ],
)
def test_numbered_members_that_are_sound(rows, facts):
    assert numbered_problems(rows, facts, sheet="samples.tsv") == []


@pytest.mark.parametrize(
    ("rows", "facts", "words"),
    [
        (sheet("@1", "P2", "@1"), BY_CONDITION, ["lines 2, 3", "members with and without @ of A in a.h5ad"]),
        (sheet("@1", "", "@1"), BY_CONDITION, ["lines 2, 3", "with and without @"]),
        (sheet("@1", "@1", "@1"), BY_CONDITION, ["members @1, @1 of A", "@1 to @2, each once"]),
        (sheet("@1", "@3", "@1"), BY_CONDITION, ["members @1, @3 of A", "Number the rows anew"]),
        (sheet("@1", "@2", "@1"), {"cells": {"sample": "donor"}}, ["members @1, @1, @2 in a.h5ad", "@1 to @3"]),
        (sheet("@0", "@1"), BY_CONDITION, ["line 2 (sample 'S0')", "member '@0'", "expected @1, @2"]),
        (sheet("@one"), BY_CONDITION, ["member '@one'"]),
        (sheet("@1"), {}, ["line 2 (sample 'S0')", "`cells.sample`"]),
        (sheet("@1"), {"cells": {"sample": "x", "donor": "x"}}, ["line 2 (sample 'S0')", "Remove `cells.donor`"]),
    ],
)
def test_numbered_members_that_are_not(rows, facts, words):
    (problem,) = numbered_problems(rows, facts, sheet="samples.tsv")
    assert all(word in str(problem) for word in words), problem


def test_the_same_number_in_two_conditions_is_not_the_same_sample():
    facts = {"layout": "h5ad", "source": {"files": [{"name": "a.h5ad"}]}, **BY_CONDITION}
    assert file_problems(sheet("@1", "@2", "@1"), facts, sheet="samples.tsv", data_folder=".") == []


def test_table_of_cells_needs_no_sample_of_its_own():
    rows = [(2, {"sample": "S1", "condition": "A", "file": "counts.csv.gz"})]
    assert file_problems(rows, GOOD, sheet="samples.tsv", data_folder=".") == []
    plain = {**GOOD, "cells": {}}
    (problem,) = file_problems(rows, plain, sheet="samples.tsv", data_folder=".")
    assert "no sample in file meta.csv.gz" in str(problem)


# The whole workflow, on a dense table with its table of cells


def write_dense(folder: Path, *, table: str) -> None:
    genes = ["ACTB", "B2M", "GAPDH", "MALAT1", "VIM", "UBC"]
    names = [f"{'ACGT'[number % 4] * 10}{number:02d}.1_{number % 8}" for number in range(32)]
    rows = [
        ",".join([gene, *(str((place * number) % 7 + 1) for number in range(32))]) for place, gene in enumerate(genes)
    ]
    (folder / "data/lab/cells.csv").write_text("\n".join([",".join(["", *names]), *rows]) + "\n")
    (folder / "data/lab/meta.csv").write_text(table)
    facts = yaml.safe_load((folder / "mine/dataset.yaml").read_text())
    files = [{"name": "cells.csv"}, {"name": "meta.csv"}]
    facts |= {"enters_at": "qc", "layout": "dense_csv", "orientation": "genes_by_cells"}
    facts |= {"source": {"path": "lab", "files": files}}
    facts |= {"cells": {"table": "meta.csv", "sample": "donor", "cell_type": "type", "condition": "group"}}
    facts |= {"cell_types": {"opc": "OPC"}}
    (folder / "mine/dataset.yaml").write_text(yaml.safe_dump(facts))
    header, *lines = (folder / "mine/samples.tsv").read_text().replace("cells.h5ad", "cells.csv").splitlines()
    members = ["@1", "@2", "@3", "@4"] * 2
    lines = [f"{line}\t{member}" for line, member in zip(lines, members, strict=True)]
    (folder / "mine/samples.tsv").write_text("\n".join([header + "\tmember", *lines]) + "\n")


def cell_table(*, donors: int = 8, label: str = "opc") -> str:
    rows = ['"","donor","type","group"']
    for number in range(32):
        group = "ALS" if number % 8 < 4 else "Control"
        name = f"{'ACGT'[number % 4] * 10}{number:02d}-1_{number % 8}"
        rows.append(f'"{name}","P{number % 8 % donors}","{label}","{group}"')
    return "\n".join(rows) + "\n"


def test_numbered_samples_of_a_dense_table_are_loaded(setup, snakemake):
    write_dense(setup, table=cell_table())
    outputs = [f"results/mine/samples/{name}/loaded.tsv" for name in ("S2", "S6")]
    answer = snakemake(setup, *outputs)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = [read_table(setup / path, "loaded").iloc[0] for path in outputs]
    assert [(row["source_sample"], row["n_cells"]) for row in found] == [("P1", 4), ("P5", 4)]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (cell_table(donors=6), ["conditions 'ALS' and 'Control' in sample 'P0'"]),
        (cell_table(label="opcs"), ["cell type 'opcs'", "Did you mean 'opc'", "`cell_types`"]),
        (cell_table().replace("-1_", "-2_"), ["none of 32 cells in the table"]),
        (cell_table().replace('"P1"', '"P0"'), ["3 samples of condition 'ALS'", "expected 4, as many as rows with @"]),
    ],
)
def test_table_of_cells_that_is_wrong_ends_with_one_message(table, words, setup, snakemake):
    write_dense(setup, table=table)
    answer = snakemake(setup, "results/mine/samples/S2/loaded.tsv")
    output = answer.stdout + answer.stderr
    assert answer.returncode == 1
    assert "Traceback" not in output
    assert output.count("ERROR: ") == 1
    for word in [*words, "sample S2"]:
        assert word in output
    assert not list((setup / "results").glob("mine/samples/*/*.*"))
