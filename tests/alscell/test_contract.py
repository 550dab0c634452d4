"""The list of result files: every output of every rule is in it, and docs/files.md is made from it."""

import re
from pathlib import Path

import pytest

import write_dictionary
from alscell import contract
from alscell.figure_tables import FIGURE_TABLES
from alscell.tables import TABLES, check_table

ROOT = Path(__file__).resolve().parents[2]
RUN = {"summary": "results", "with_cells": ["cord"], "simulated": ["cord"]}


def rule_outputs() -> set[tuple[str, str]]:
    """(rule, path pattern) of every output of every rule, read from the rule files."""
    found = set()
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for block in re.split(r"\n *(?=rule )", path.read_text(encoding="utf-8")):
            name = re.match(r"rule (\w+):", block)
            outputs = re.search(r"\n +output:\n(.*?)\n +\w+:\n", block, re.DOTALL)
            if name and outputs:
                files = re.findall(r'"((?:results/\{|<summary>/)[^"]+)"', outputs.group(1))
                found |= {(name.group(1), file) for file in files}
    return found


def test_contract_lists_the_outputs_of_all_rules_and_nothing_else():
    listed = {(one.rule, one.pattern) for one in contract.FILES}
    made = rule_outputs()
    assert len(made) > 50
    assert listed == made


def test_tables_exist():
    assert {one.table for one in contract.FILES} - {""} <= set(contract.ALL_TABLES)
    assert set(TABLES) <= {one.table for one in contract.FILES}


def test_files_page_is_up_to_date():
    written = (ROOT / "docs/files.md").read_text(encoding="utf-8")
    assert written == contract.files_markdown(), "run the command in contract.py"


def test_files_page_has_every_column():
    page = contract.files_markdown()
    for table in contract.ALL_TABLES.values():
        assert f"## {table.name}\n" in page
        for column in table.columns:
            assert f"| `{column.name}` |" in page
    rows = [line.replace("\\|", "") for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {6}


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("results/cord/differential.tsv.gz", "test_differential"),
        ("results/cord/pathway_tests/als_vs_control.tsv", "test_pathways"),
        ("results/cord/samples/s1/counts.h5ad", "load_sample"),
        ("results/cord/pseudobulk.h5ad", "sum_pseudobulk"),
        ("results/late/pseudobulk.h5ad", "read_pseudobulk"),
        ("results/cord/raw/a.tar", "simulate_file"),
        ("results/late/raw/a.tar", "acquire_file"),
        ("results/late/acquired/folder/a.h5.tsv", "acquire_file"),
        ("results/figures/pathways_cord_als_vs_control.png", "plot_pathways"),
        ("results/figures/pathway_donors_cord_als_vs_control.tsv", "plot_pathway_donors"),
        ("results/figures/quality_cord.pdf", "plot_quality"),
        ("elsewhere/results/cord/atlas.h5ad", "assemble_atlas"),
        ("results/report.html", "write_report"),
    ],
)
def test_rule_of_a_path(path, rule):
    assert contract.find_contract(path, **RUN).rule == rule


def test_another_summary_folder():
    facts = RUN | {"summary": "results/velmeshev"}
    assert contract.find_contract("results/velmeshev/report.html", **facts).rule == "write_report"
    assert contract.find_contract("results/velmeshev/figures/umap_cord.png", **facts).rule == "plot_umap"


def test_unlisted_file_is_refused():
    with pytest.raises(KeyError, match="secret"):
        contract.find_contract("results/cord/secret.txt", **RUN)


def test_files_of_a_run_depend_on_its_datasets():
    facts = {"with_cells": [], "simulated": []}
    late = dict(contract.files_of_run(datasets=["late"], **facts))
    assert "results/{dataset}/atlas.h5ad" not in late
    assert "<summary>/planted.tsv" not in late
    assert "<summary>/figures/pathway_heatmap.pdf" in late
    assert not any(path.endswith(".png") for path in late)
    full = dict(contract.files_of_run(datasets=["cord"], with_cells=["cord"], simulated=["cord"]))
    assert {"results/{dataset}/atlas.h5ad", "<summary>/planted.tsv"} <= set(full)


def test_every_figure_says_what_its_numbers_are():
    drawn = {one.table for one in contract.FILES if one.pattern.startswith("<summary>/figures/")} - {""}
    missing, unused = sorted(drawn - set(FIGURE_TABLES)), sorted(set(FIGURE_TABLES) - drawn)
    assert (missing, unused) == ([], []), "a figure's columns belong in alscell/figure_tables.py"


def test_dictionary_names_every_column_of_every_table_and_no_other():
    rows = check_table(contract.data_dictionary(), "data_dictionary")
    named = {(row.file, row.made_for, row.column) for row in rows.itertuples()}
    tables = [(one, contract.ALL_TABLES[one.table]) for one in contract.FILES if one.table]
    listed = {(one.pattern, one.only or "all", name) for one, table in tables for name in table.names}
    assert named - listed == {(one.pattern, one.only or "all", "*") for one, table in tables if table.open_ended}
    assert listed <= named
    assert len(listed) > 800
    effect = rows[(rows["file"] == "results/{dataset}/pathway_tests.tsv") & (rows["column"] == "effect")].iloc[0]
    assert (effect["type"], effect["nullable"]) == ("float", False)
    assert (
        rows.groupby(["file", "made_for"])["position"]
        .apply(list)
        .map(lambda one: one == [*range(1, len(one) + 1)])
        .all()
    )


def test_dictionary_is_the_same_every_time(tmp_path):
    for name in ("one.tsv", "two.tsv"):
        write_dictionary.main(dictionary=str(tmp_path / name))
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()
