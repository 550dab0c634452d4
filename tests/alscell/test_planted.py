"""Every outcome of the comparison with a planted truth."""

import pandas as pd

from alscell.planted import compare_composition, compare_genes, compare_planted, count_families
from alscell.tables import check_table

SET = ["cell_type", "family", "pathway"]
TRUTH = pd.DataFrame(
    [
        ("microglia", "f", "up", 0.8, 0.6),
        ("microglia", "f", "down", -0.8, 0.6),
        ("microglia", "f", "weak", 0.2, 0.6),
        ("microglia", "f", "unscored", 0.5, 0.6),
        ("mural", "f", "up", 0.8, 0.6),
        ("astrocyte", "f", "up", 0.8, 0.6),
    ],
    columns=[*SET, "log2_fold_change", "fraction_changed"],
)
GENES = pd.DataFrame({"cell_type": "microglia", "gene": ["A", "B"], "log2_fold_change": 0.8})
SETS = pd.DataFrame(
    [("f", "up", "A"), ("f", "down", "B"), ("f", "shares", "A"), ("f", "shares", "X")]
    + [("f", name, "Z") for name in ("weak", "quiet", "false")],
    columns=["family", "pathway", "gene"],
)
TESTS = pd.DataFrame(
    [
        ("c", "microglia", "f", "up", 2.0, 0.01),
        ("c", "microglia", "f", "down", 1.0, 0.02),
        ("c", "microglia", "f", "weak", 0.3, 0.40),
        ("c", "microglia", "f", "shares", 1.0, 0.01),
        ("c", "microglia", "f", "quiet", 0.1, 0.90),
        ("c", "microglia", "f", "false", 1.0, 0.05),
        ("c", "astrocyte", "f", "shares", 0.1, 0.90),
        ("c", "mural", "f", "up", 1.0, None),
        ("c", "mural", "f", "quiet", 1.0, None),
        ("other", "microglia", "f", "quiet", 1.0, 0.001),
    ],
    columns=["contrast", *SET, "effect", "fdr"],
)


def test_families_are_counted_over_cell_types():
    outcomes = ["found", "missed", "wrong_direction", "not_tested", "quiet", "false_call", "overlap", "not_tested"]
    table = pd.DataFrame({"contrast": "c", "cell_type": list("abcdefgh"), "family": "f", "pathway": "p"})
    table = table.assign(planted=[1.0, 1.0, -1.0, 1.0, 0, 0, 0, 0], outcome=outcomes)
    table.loc[len(table)] = ["c", "a", "other", "p", 0.0, "quiet"]
    rows = count_families(table).set_index("family").drop(columns="contrast")
    assert rows.loc["f"].to_dict() == {
        "n_planted": 4, "n_found": 1, "n_missed": 1, "n_wrong_direction": 1, "n_not_tested": 1,
        "n_quiet": 1, "n_false": 1, "n_overlap": 1,
    }  # fmt: skip
    assert rows.loc["other"].sum() == rows.loc["other", "n_quiet"] == 1


def test_every_outcome():
    table = compare_planted(TRUTH, GENES, SETS, TESTS, contrasts=["c"], fdr=0.05)
    got = table.set_index(["cell_type", "pathway"])["outcome"].to_dict()
    assert got == {
        ("microglia", "up"): "found",
        ("microglia", "down"): "wrong_direction",
        ("microglia", "weak"): "missed",
        ("microglia", "unscored"): "not_tested",
        ("microglia", "shares"): "overlap",
        ("microglia", "quiet"): "quiet",
        ("microglia", "false"): "false_call",
        ("astrocyte", "shares"): "quiet",  # its gene moves in microglia only
        ("astrocyte", "up"): "not_tested",
        ("mural", "up"): "not_tested",
        ("mural", "quiet"): "not_tested",
    }
    checked = check_table(table.assign(dataset="x"), "planted")
    assert checked.set_index(["cell_type", "pathway"])["planted"]["microglia"].to_dict() == {
        "up": 0.8, "down": -0.8, "weak": 0.2, "unscored": 0.5, "shares": 0, "quiet": 0, "false": 0
    }  # fmt: skip


def test_only_contrasts_that_carry_the_change_count():
    table = compare_planted(TRUTH, GENES, SETS, TESTS, contrasts=[], fdr=0.05)
    assert check_table(table.assign(dataset="x"), "planted").empty
    both = compare_planted(TRUTH, GENES, SETS, TESTS, contrasts=["c", "other"], fdr=0.05)
    other = both[both["contrast"] == "other"].set_index(["cell_type", "pathway"])["outcome"]
    assert other["microglia", "quiet"] == "false_call"
    assert other["microglia", "up"] == "not_tested"


def test_genes_are_counted_by_what_was_planted_and_called():
    truth = pd.DataFrame({"cell_type": "mural", "gene": ["A", "B", "C"], "log2_fold_change": [1.0, -1.0, 1.0]})
    rows = [("A", 0.9, 0.01), ("B", 0.8, 0.01), ("C", 0.5, 0.3), ("X", 2.0, 0.02), ("Y", 0.1, 0.9)]
    tested = pd.DataFrame(rows, columns=["gene", "log2_fold_change", "fdr"]).assign(p_value=0.1, cell_type="mural")
    descriptive = tested.assign(cell_type="opc", p_value=None, fdr=None)
    both = pd.concat([tested, descriptive]).assign(contrast="c")
    table = compare_genes(truth, pd.concat([both, both.assign(contrast="other")]), contrasts=["c"], fdr=0.05)
    checked = check_table(table.assign(dataset="d"), "planted_genes")
    assert checked.drop(columns=["dataset", "contrast"]).to_dict("records") == [
        {"cell_type": "mural", "n_planted": 3, "n_found": 1, "n_wrong_direction": 1, "n_called": 3, "n_false": 1}
    ]


def test_shares_are_compared_with_the_planted_shift():
    truth = pd.DataFrame({"cell_type": ["microglia", "motor_neuron", "mural"], "fold": [1.8, 0.5, 2.0]})
    rows = [("microglia", 0.5, 0.01), ("motor_neuron", 0.4, 0.01), ("mural", 0.6, 0.2), ("opc", -0.1, 0.01)]
    tests = pd.DataFrame(rows, columns=["cell_type", "effect", "fdr"]).assign(contrast="c")
    table = compare_composition(truth, tests, contrasts=["c"], fdr=0.05)
    outcomes = check_table(table.assign(dataset="d"), "planted_composition").set_index("cell_type")["outcome"].to_dict()
    assert outcomes == {"microglia": "found", "motor_neuron": "wrong_direction", "mural": "missed", "opc": "overlap"}
    quiet = compare_composition(truth.iloc[:0], tests, contrasts=["c"], fdr=0.05)
    assert quiet["outcome"].tolist() == ["false_call", "false_call", "quiet", "false_call"]
