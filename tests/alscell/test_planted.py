"""Every outcome of the comparison with a planted truth."""

import pandas as pd

from alscell.planted import compare_planted
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
