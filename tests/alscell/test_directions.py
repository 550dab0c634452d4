"""The six directions: only tested rows, the right FDR for each kind, who carries an effect and in whom."""

import numpy as np
import pandas as pd
import pytest

from alscell import directions
from alscell.directions import DIRECTIONS, UNITS, donors_beyond, finish, strongest
from alscell.figures_directions import draw_directions
from alscell.report_directions import answer, hit_lines
from alscell.tables import check_table


@pytest.fixture(scope="module")
def arms(example) -> dict[str, pd.Series]:
    rows = example.samples("tissue").drop_duplicates("donor").set_index("donor")["condition"]
    return {example.CONTRAST: rows.map({"ALS": "case", "Control": "control"})}


@pytest.fixture(scope="module")
def table(example, arms) -> pd.DataFrame:
    of_sets = (example.pathway_tests("tissue"), example.pathway_genes("tissue"), example.pathway_donors("tissue"))
    parts = [
        directions.set_rows(*of_sets, example.pathway_artefacts("tissue"), arms),
        directions.programme_rows(example.synthesis_programmes()),
        directions.gene_rows(example.gene_panel("tissue")),
        directions.index_rows(example.tdp43_index("tissue")),
        directions.pair_rows(example.ligand_receptor("tissue")),
        directions.biomarker_rows(example.synthesis_biomarker_tests()),
    ]  # fmt: skip
    return check_table(finish(parts, fdr=0.05), "directions")


def test_only_tested_rows_are_there_and_all_of_them(example, table):
    tests = example.pathway_tests("tissue")
    wanted = tests[tests["p_value"].notna() & tests["family"].isin(directions.OF_FAMILY)]
    sets = table[table["kind"] == "gene_set"]
    assert len(sets) == len(wanted) > 0
    assert "mural" not in set(table["cell_type"])  # descriptive
    panel = example.gene_panel("tissue")
    assert (table["kind"] == "gene").sum() == panel["fdr_panel"].notna().sum() < panel["p_value"].notna().sum()
    assert (table["p_value"].isna() == (table["kind"] == "programme")).all()
    assert (table["hit"] == (table["fdr"] <= 0.05)).all()


def test_a_mutated_gene_has_the_fdr_of_its_own_question(example, table):
    panel = example.gene_panel("tissue").dropna(subset=["fdr_panel"]).set_index(["cell_type", "gene"])
    genes = table[table["kind"] == "gene"].set_index(["cell_type", "name"])
    own = panel.index[panel["own_gene"]]
    others = panel.index[~panel["own_gene"]]
    assert len(own)
    assert genes.loc[own, "fdr"].tolist() == panel.loc[own, "fdr_gene"].tolist()
    assert genes.loc[others, "fdr"].tolist() == panel.loc[others, "fdr_panel"].tolist()
    assert genes.loc[own, "note"].str.startswith("mutated").all()


def test_biomarkers_say_where_they_come_from_and_whether_fluids_agree(table):
    rows = table[table["direction"] == "biomarkers"].set_index(["name", "dataset"])
    assert len(rows) == 3
    assert rows.loc[("GPNMB", "tissue"), "note"] == "secreted, as in ALS fluids"
    assert rows.loc[("SPP1", "dish"), "note"] == "secreted, highest in microglia"
    assert rows["hit"].sum() == 1


def test_the_index_is_of_neurons_only(example, table):
    index = example.tdp43_index("tissue").dropna(subset=["p_value"]).set_index("cell_type")
    rows = table[table["kind"] == "index"]
    assert set(rows["cell_type"]) == set(index.index[index["is_neuron"]])


@pytest.mark.parametrize(
    ("case", "upward", "said"),
    [
        ([5, 6, 7, 2], True, "3 of 4, not c3"),
        ([5, 6, 7, 8], True, "4 of 4"),
        ([5, 6, 7, 2], False, "1 of 4, not c0, c1, c2"),
        ([5, 6, 7, 8], False, "0 of 4"),
        ([3, 3, 3, 3], True, "0 of 4"),
    ],
)
def test_donors_beyond_the_median_control(case, upward, said):
    scores = pd.Series([*case, 1, 3, 9], index=[*(f"c{i}" for i in range(4)), "k0", "k1", "k2"], dtype=float)
    arms = pd.Series(["case"] * 4 + ["control"] * 3, index=scores.index)
    assert donors_beyond(scores.sample(frac=1, random_state=1), arms, upward=upward) == said
    further = pd.concat([scores, pd.Series([100.0], ["other"])])  # of no arm
    assert donors_beyond(further, arms, upward=upward) == said


def test_answers_name_the_strongest_with_donors_and_genes(example):
    rows = example.directions().query("direction == 'neuroinflammation'")
    assert answer(rows) == "2 of 3 tests in 1 cell types reach the FDR: microglia 2."
    (line,) = hit_lines(rows)
    assert line == (
        "microglia: TNF NF-κB up (+1.40 donor SD, FDR 0.010; in 4 of 5 case donors, not T3; carried by SOD2 31 %); "
        "complement down (−1.20 donor SD, FDR 0.020; in 5 of 5 case donors)"
    )
    assert answer(rows[~rows["hit"]]) == "none of 1 tests in 1 cell types reaches the FDR."


def test_figure_has_one_unit_a_panel_and_says_what_was_not_tested(example):
    figure, drawn = draw_directions(example.directions(), fdr=0.05, n_rows=8, stamp="SIMULATED DATA")
    assert all(set(own["unit"]) == {UNITS[name]} for name, own in drawn.groupby("direction"))
    said = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    assert set(DIRECTIONS.values()) <= set(said)
    assert said.count("nothing was tested") == 4  # a pair has another unit than the panel
    assert "SIMULATED DATA" in said
    empty, nothing = draw_directions(example.directions().iloc[:0], fdr=0.05, n_rows=8, stamp="")
    assert nothing.empty
    assert any(
        "too few donors" in text.get_text() for text in empty.findobj(lambda artist: hasattr(artist, "get_text"))
    )


def test_order_is_fixed(table):
    shuffled = table.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(finish([shuffled], fdr=0.05), finish([table], fdr=0.05))
    pd.testing.assert_frame_equal(strongest(shuffled, n=9), strongest(table, n=9))
    assert np.isfinite(table["effect"]).all()


def test_programmes_stand_side_by_side_and_only_where_both_systems_were_tested(example, table):
    judged = example.synthesis_programmes().query("verdict != 'not_comparable'")
    rows = table[table["kind"] == "programme"]
    assert len(judged) > 0
    assert set(rows["dataset"]) == {"(tissue)", "(dish)"}
    assert len(rows) <= 2 * len(judged)
    first = strongest(rows, n=4)
    assert first["dataset"].tolist() == ["(tissue)", "(dish)"] * 2
    assert first["name"].iloc[0] == first["name"].iloc[1]


def test_verdicts_are_found_by_the_matched_name_of_a_cell_type(example):
    judged = example.synthesis_programmes().query("verdict != 'not_comparable'").iloc[:1]
    tests = judged[["contrast", "cell_type", "family", "pathway"]].assign(
        dataset="tissue", descriptive=False, standard_error=1.0, p_value=0.5
    )
    renamed = tests.assign(cell_type="The other name")
    names = {judged["cell_type"].iloc[0]: ["The other name"]}
    both = pd.concat([tests.assign(dataset="dish"), renamed], ignore_index=True)
    assert directions.verdicts_of(both, judged, names=names) == [judged["in_words"].iloc[0]] * 2
    assert directions.verdicts_of(renamed, judged, names={}) == [None]


def test_a_moving_artefact_is_noted(example, table):
    microglia = table[(table["cell_type"] == "microglia") & table["name"].str.startswith(("inflammation/", "stress/"))]
    up = microglia[microglia["effect"] > 0]
    assert len(up)
    assert up["note"].tolist() == ["artefact signature moves too: ex_vivo_activation"] * len(up)
    others = table[(table["kind"] == "gene_set") & (table["cell_type"] != "microglia")]
    assert others["note"].isna().all()
