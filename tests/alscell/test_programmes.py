"""Verdicts on tissue against dish: every cell of the rule, its words, planted truth, agreement over sets."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscell import programmes
from alscell.tables import check_table

STATES = {"up": (1.0, 0.5, 1.5), "down": (-1.0, -1.5, -0.5), "open": (0.1, -0.4, 0.6), "missing": (np.nan,) * 3}


def pathways(tissue, dish, *, fdr_tissue=0.001, fdr_dish=0.001, fdr=0.5, pathway="a"):
    """A row of synthesis_pathways; a system is (effect, low, high), or None."""
    row = {"contrast": "c", "cell_type": "motor_neuron", "family": "f", "pathway": pathway, "fdr": fdr}
    for name, system, low in (("tissue", tissue, fdr_tissue), ("dish", dish, fdr_dish)):
        effect = system or STATES["missing"]
        row |= dict(zip((f"effect_{name}", f"ci_low_{name}", f"ci_high_{name}"), effect, strict=True))
        row |= {f"n_{name}": int(system is not None), f"fdr_{name}": low if system else np.nan}
    present = [name for name, system in (("cord", tissue), ("lines", dish)) if system]
    return row | {"datasets": ";".join(present), "organisms": ";".join("human" for _ in present)}


def judge(*rows):
    return check_table(programmes.judge_programmes(pd.DataFrame(rows), fdr=0.05), "synthesis_programmes")


def expected(tissue, dish, shown, differs, blind):
    """The rule of docs/methods.md once more, case by case and not by arrays."""
    if "missing" in (tissue, dish):
        return "not_comparable"
    if "open" not in (tissue, dish):
        if tissue == dish and any(shown.values()):
            return "same"
        return "opposite" if tissue != dish and (shown["tissue"] or shown["dish"]) else "hint"
    if tissue == dish:
        return "neither"
    one, other = ("tissue", "dish") if dish == "open" else ("dish", "tissue")
    if not shown[one]:
        return "hint"
    if differs:
        return f"{one}_only"
    return f"{one}_{other}_blind" if blind[other] else f"{one}_{other}_open"


def test_every_cell_of_the_rule():
    flags = (False, True)
    seen = set()
    for tissue, dish in product(STATES, STATES):
        for all_shown, tissue_shown, dish_shown, differs, tissue_blind, dish_blind in product(flags, repeat=6):
            shown = {"all": all_shown, "tissue": tissue_shown, "dish": dish_shown}
            blind = {"tissue": tissue_blind, "dish": dish_blind}
            row = pathways(STATES[tissue], STATES[dish])
            row |= {f"detectable_{one}": 9.0 if is_blind else 0.5 for one, is_blind in blind.items()}
            there = "missing" not in (tissue, dish)
            low, high = ((0.2, 1.0) if differs else (-0.2, 1.0)) if there else (np.nan, np.nan)
            row |= {"ci_low_difference": low, "ci_high_difference": high}
            arrays = {name: np.array([value]) for name, value in shown.items()}
            got = programmes.verdicts(pd.DataFrame([row]), arrays)[0]
            assert got == expected(tissue, dish, shown, differs, blind), (tissue, dish, shown, differs, blind)
            seen.add(got)
    assert seen == set(programmes.VERDICTS)


@pytest.mark.parametrize(
    ("row", "verdict", "words"),
    [
        (pathways((2, 1, 3), (1.5, 0.5, 2.5)), "same", "same direction in both"),
        (pathways((2, 1, 3), (-2, -3, -1)), "opposite", "opposite directions"),
        (pathways((3, 2, 4), (0, -0.9, 0.9)), "tissue_only", "the dish excludes an effect of this size"),
        (pathways((3, 2, 4), (1, -2.5, 4.5)), "tissue_dish_blind", "it would have taken 5.0 SD"),
        (pathways((2, 0.2, 3.8), (0.3, -0.7, 1.3)), "tissue_dish_open", "open in the dish"),
        (pathways((0, -0.9, 0.9), (-3, -4, -2)), "dish_only", "the tissue excludes an effect of this size"),
        (pathways((1, -2.5, 4.5), (3, 2, 4)), "dish_tissue_blind", "it would have taken 5.0 SD"),
        (pathways((0.3, -0.7, 1.3), (2, 0.2, 3.8)), "dish_tissue_open", "open in tissue"),
        (pathways((1, 0.1, 1.9), (0, -1, 1), fdr_tissue=0.2), "hint", "a hint only"),
        (pathways((0.2, -0.6, 1.0), (0, -1.3, 1.3)), "neither", "effects above 1.3 SD can be excluded"),
        (pathways((2, 1, 3), None), "not_comparable", "only one dataset was tested (cord)"),
    ],
)
def test_verdicts_in_words(row, verdict, words):
    got = judge(row).iloc[0]
    assert got["verdict"] == verdict
    assert words in got["in_words"]


def test_same_needs_an_fdr_of_a_system_or_of_both_pooled():
    weak = {"fdr_tissue": 0.2, "fdr_dish": 0.2}
    rows = [pathways((1, 0.1, 1.9), (1, 0.1, 1.9), fdr=fdr, **weak) for fdr in (0.01, 0.2)]
    assert [judge(row)["verdict"][0] for row in rows] == ["same", "hint"]


def test_significance_alone_never_makes_tissue_only():
    """The same estimate, precise in tissue and vague in the dish: no difference, so no `only`."""
    got = judge(pathways((1.0, 0.5, 1.5), (1.0, -0.2, 2.2), fdr_dish=0.4)).iloc[0]
    assert got["verdict"] == "tissue_dish_blind"
    assert got["difference"] == 0
    assert got["ci_low_difference"] == pytest.approx(-np.hypot(0.5, 1.2))


def test_types_of_one_system_say_which_system_lacks_them():
    row = pathways((2, 1, 3), None) | {"datasets": "cord;cortex", "organisms": "human;human"}
    assert judge(row)["why"][0] == "no dish dataset has a tested motor_neuron"
    got = judge(pathways((2, 1, 3), (1.5, 0.5, 2.5)))
    assert got["why"].isna().all()


def test_no_rows_give_empty_tables():
    empty = pd.DataFrame([pathways((2, 1, 3), None)]).iloc[:0]
    judged = programmes.judge_programmes(empty, fdr=0.05)
    assert check_table(judged, "synthesis_programmes").empty
    assert check_table(programmes.score_agreement(judged, seed=1), "synthesis_agreement").empty


def planted(tissue, dish, *, n_sets, seed, n_tissue=(8, 4), n_dish=(4, 4)):
    """Sets with the given true effects, each system tested by an ordinary t test of its donors or lines."""
    rng = np.random.default_rng(seed)
    parts = {}
    for name, true, arms in (("tissue", tissue, n_tissue), ("dish", dish, n_dish)):
        case, control = (rng.normal(shift, 1, (n_sets, n)) for shift, n in zip((true, 0.0), arms, strict=True))
        df = sum(arms) - 2
        sd = np.sqrt((case.var(axis=1, ddof=1) * (arms[0] - 1) + control.var(axis=1, ddof=1) * (arms[1] - 1)) / df)
        effect = (case.mean(axis=1) - control.mean(axis=1)) / sd
        error = np.sqrt(1 / arms[0] + 1 / arms[1])
        parts[name] = effect, stats.t.ppf(0.975, df) * error, 2 * stats.t.sf(np.abs(effect) / error, df)
    rows = []
    for i in range(n_sets):
        (t, half_t, p_t), (d, half_d, p_d) = ((part[0][i], part[1], part[2][i]) for part in parts.values())
        row = pathways((t, t - half_t, t + half_t), (d, d - half_d, d + half_d), fdr_tissue=p_t, fdr_dish=p_d)
        rows.append(row | {"pathway": f"s{i:04}"})
    return programmes.judge_programmes(pd.DataFrame(rows), fdr=0.05)["verdict"].value_counts(normalize=True)


def test_planted_truth_is_rarely_told_the_wrong_way():
    """At 8 against 4 donors and 4 against 4 lines; the numbers are in docs/methods.md."""
    same, only = planted(3.0, 3.0, n_sets=1000, seed=1), planted(3.0, 0.0, n_sets=1000, seed=2)
    opposite, null = planted(3.0, -3.0, n_sets=1000, seed=3), planted(0.0, 0.0, n_sets=1000, seed=4)
    assert same["same"] > 0.8
    assert same.get("opposite", 0) == 0
    assert same.get("tissue_only", 0) + same.get("dish_only", 0) < 0.05
    assert opposite["opposite"] > 0.8
    assert opposite.get("same", 0) == 0
    assert only["tissue_only"] > 0.4
    assert only.get("same", 0) < 0.04
    assert null["neither"] > 0.85


def test_agreement_of_equal_unrelated_and_mirrored_effects():
    rng = np.random.default_rng(3)
    effects = rng.normal(0, 1, 40)
    dishes = {"equal": effects + 0.05, "unrelated": rng.normal(0, 1, 40), "mirrored": -effects}
    got = {}
    for name, dish in dishes.items():
        rows = [
            pathways((t, t - 1, t + 1), (d, d - 1, d + 1), pathway=f"s{i:02}")
            for i, (t, d) in enumerate(zip(effects, dish, strict=True))
        ]
        judged = judge(*rows)
        table = check_table(programmes.score_agreement(judged, seed=1), "synthesis_agreement")
        pd.testing.assert_frame_equal(table, programmes.score_agreement(judged, seed=1), check_dtype=False)
        got[name] = table.iloc[0]
    assert got["equal"]["concordance"] > 0.99
    assert got["equal"]["concordance_low"] > got["equal"]["chance_high"]
    assert got["equal"]["same_sign"] > 0.98
    low, high = got["unrelated"]["chance_low"], got["unrelated"]["chance_high"]
    assert low < got["unrelated"]["concordance"] < high
    assert got["mirrored"]["concordance"] < -0.9
    assert got["mirrored"]["same_sign"] == 0


def test_concordance_by_hand():
    """Lin: 2 s_xy / (s_x^2 + s_y^2 + (mean difference)^2); a shift of 1 between [0, 2] and [1, 3]: 2 / (1 + 1 + 1)."""
    assert programmes.concordance(np.array([0.0, 2.0]), np.array([1.0, 3.0])) == pytest.approx(2 / 3)
    assert np.isnan(programmes.concordance(np.ones(3), np.ones(3)))
    assert programmes.same_sign(np.array([1.0, -2.0]), np.array([3.0, 0.5])) == pytest.approx(1 / 1.5)


def test_few_programmes_get_no_score():
    rows = [pathways((1, 0, 2), (1, 0, 2), pathway=f"s{i}") for i in range(programmes.MIN_SETS - 1)]
    assert programmes.score_agreement(judge(*rows), seed=1).empty
