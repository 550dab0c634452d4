"""The index of TDP-43 loss: sign, test, random genes, too few targets and too few donors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscell import files
from alscell.tables import check_table
from alscell.tdp43 import Draw, compare_index, donor_index, standard_scores, target_rows

ROOT = Path(__file__).resolve().parents[2]
TARGETS = files.read_samples(ROOT / "resources" / "tdp43" / "targets.tsv")
CONTRASTS = {"als": {"factor": "condition", "case": ["ALS"], "control": ["Control"]}}
DONORS = pd.DataFrame({"condition": ["ALS"] * 6 + ["Control"] * 6}, index=[f"d{i:02}" for i in range(12)])
DESIGN = {"covariates": [], "min_donors": 3, "names": {}}
DRAW = Draw(n_sets=200, n_bins=10, seed=1)


def expression(*, lost: str, shift: float = 2.0) -> pd.DataFrame:
    """Three types of 400 genes; in `lost`, the targets of the case donors move as after a loss of TDP-43."""
    rng = np.random.default_rng(3)
    genes = [*TARGETS["gene"], *(f"G{i}" for i in range(400))]
    parts = []
    for name in ("Excitatory", "astrocyte", "motor_neuron"):
        values = rng.normal(rng.uniform(2, 9, len(genes))[:, None], 0.5, (len(genes), len(DONORS)))
        if name == lost:
            signs = TARGETS["direction"].map({"down": -1, "up": 1}).to_numpy()
            values[: len(TARGETS), :6] += shift * signs[:, None] * 0.5
        table = pd.DataFrame(values, columns=DONORS.index)
        table.insert(0, "gene", genes)
        table.insert(0, "cell_type", name)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def test_a_loss_in_motor_neurons_is_found_there_only_and_beyond_random_genes():
    table, by_donor = compare_index(expression(lost="motor_neuron"), DONORS, TARGETS, CONTRASTS, DRAW, **DESIGN)
    check_table(table.assign(dataset="x"), "tdp43_index")
    check_table(by_donor.assign(dataset="x"), "tdp43_donors")
    rows = table.set_index("cell_type")
    assert rows["is_neuron"].to_dict() == {"Excitatory": True, "astrocyte": False, "motor_neuron": True}
    assert rows.loc["motor_neuron", "effect"] > 0
    assert rows.loc["motor_neuron", "fdr"] < 1e-4
    assert rows.loc["motor_neuron", "random_percentile"] == 100
    assert (rows.loc[["Excitatory", "astrocyte"], "fdr"] > 0.05).all()
    assert rows["n_targets"].eq(len(TARGETS)).all()


def test_the_opposite_of_a_loss_is_negative():
    table, _ = compare_index(expression(lost="motor_neuron", shift=-2), DONORS, TARGETS, CONTRASTS, DRAW, **DESIGN)
    row = table.set_index("cell_type").loc["motor_neuron"]
    assert row["effect"] < 0
    assert row["random_percentile"] == 0


def test_index_is_a_signed_mean_of_standard_scores_and_its_test_students():
    values = pd.DataFrame([[1.0, 2, 3], [6, 4, 2], [5, 5, 5]], index=["A", "B", "flat"], columns=list("xyz"))
    scores = standard_scores(values)
    assert list(scores.index) == ["A", "B"]
    assert donor_index(scores, pd.Series({"A": 1, "B": -1})).tolist() == pytest.approx([-1, 0, 1])
    table, by_donor = compare_index(expression(lost=""), DONORS, TARGETS, CONTRASTS, DRAW, **DESIGN)
    own = by_donor[by_donor["cell_type"] == "astrocyte"].set_index("donor")["index"]
    case = DONORS["condition"] == "ALS"
    expected = stats.ttest_ind(own[case[own.index]], own[~case[own.index]])
    row = table.set_index("cell_type").loc["astrocyte"]
    assert row["p_value"] == pytest.approx(expected.pvalue)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(expected.confidence_interval()))


def test_too_few_targets_give_no_index():
    values = expression(lost="motor_neuron")
    few = values[~values["gene"].isin(TARGETS["gene"][4:])]
    table, by_donor = compare_index(few, DONORS, TARGETS, CONTRASTS, DRAW, **DESIGN)
    check_table(table.assign(dataset="x"), "tdp43_index")
    assert by_donor.empty
    assert table["status"].eq("too_few_targets").all()
    assert table["n_targets"].eq(4).all()
    assert table[["effect", "p_value"]].isna().all(axis=None)
    assert "TARDBP" in table["missing"].iloc[0]


def test_two_donors_are_described_only():
    small = DONORS.iloc[[0, 1, 6, 7, 8]]
    table, _ = compare_index(expression(lost="motor_neuron"), small, TARGETS, CONTRASTS, DRAW, **DESIGN)
    check_table(table.assign(dataset="x"), "tdp43_index")
    assert table["descriptive"].all()
    assert table["effect"].notna().all()
    assert table[["p_value", "ci_low", "random_percentile"]].isna().all(axis=None)


def test_no_donors_give_an_empty_table():
    table, _ = compare_index(expression(lost=""), DONORS.head(6), TARGETS, CONTRASTS, DRAW, **DESIGN)
    assert check_table(table.assign(dataset="x"), "tdp43_index").empty


def test_random_genes_give_uniform_percentiles():
    """With nothing planted, percentiles over relabellings are spread over 0..100."""
    values, rng = expression(lost=""), np.random.default_rng(5)
    values = values[values["cell_type"] == "astrocyte"]
    found = []
    for _ in range(60):
        donors = DONORS.assign(condition=rng.permutation(DONORS["condition"].to_numpy()))
        table, _ = compare_index(values, donors, TARGETS, CONTRASTS, Draw(100, 10, 2), **DESIGN)
        found.append(table["random_percentile"].iloc[0] / 100)
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_a_target_is_as_expected_by_its_own_direction():
    rows = pd.DataFrame(
        {
            "gene": ["STMN2", "NPTX2", "UNC13A", "GRN"],
            "log2_fold_change": [-1.0, -1.0, -1.0, np.nan],
            "fdr_panel": [0.01, 0.01, 0.5, np.nan],
            "evidence": "down",
        }
    )
    out = target_rows(rows, TARGETS, fdr=0.05).set_index("gene")["as_expected"]
    assert out.dropna().to_dict() == {"STMN2": "yes", "NPTX2": "no"}


def test_every_target_has_direction_and_paper():
    assert TARGETS["gene"].is_unique
    assert set(TARGETS["direction"]) == {"down", "up"}
    assert TARGETS["source"].str.contains(r"\(\S+.* \d{4}\)").all()
    known = set(files.read_gene_table(ROOT / "resources/genes/human.tsv")["symbol"])
    assert set(TARGETS["gene"]) <= known
