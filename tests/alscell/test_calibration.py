"""Calibration: relabellings are balanced, distinct and within blocks; rates are right where the truth is known."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from alscell import calibration
from alscell.calibration import (
    ALL_TYPES,
    OVER_CELLS,
    Pseudobulk,
    block_values,
    calibrate_contrast,
    count_p_values,
    rate_interval,
    relabel_arms,
    verdict,
)
from alscell.enrichment import enrich_dataset
from alscell.expression import Choices
from alscell.moderation import benjamini_hochberg
from alscell.tables import check_table

TYPES = ["astrocyte", "microglia", "opc"]
CHOICES = Choices("voom", 10, 15, True, True, 0, False, False, 0.05)
ARMS = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
LEAST = {"covariates": [], "min_cells": 10, "min_donors": 3}
PLAN = calibration.plan_of({"c": ARMS}, "c", **LEAST)
SIZES = {"min_size": 5, "max_size": 500}
OPTIONS = {"min_donors": 3, "blocks": [], "permutations": 20, "seed": 1, "fdr": 0.05, "definition": ARMS}


def arms(n_case: int, n_control: int) -> np.ndarray:
    return np.array([True] * n_case + [False] * n_control)


def relabel(is_case, blocks=None, *, permutations=1000, seed=0):
    blocks = np.zeros(len(is_case)) if blocks is None else np.array(blocks)
    return relabel_arms(is_case, blocks, permutations=permutations, seed=seed)


def brute_force(is_case: np.ndarray, blocks: np.ndarray) -> set[bytes]:
    """The balanced relabellings by their definition: every labelling tried, mirror images and the truth left out."""
    every = [
        cases
        for chosen in itertools.combinations(range(len(is_case)), int(is_case.sum()))
        if all(
            (cases := np.isin(np.arange(len(is_case)), chosen))[blocks == one].sum() == is_case[blocks == one].sum()
            for one in set(blocks)
        )
    ]
    closed = {cases.tobytes() for cases in every} >= {(~cases).tobytes() for cases in every}
    mean = np.mean([(cases & is_case).sum() for cases in every])
    others = [c for c in every if not (c == is_case).all() and not (closed and (c == ~is_case).all())]
    if not others:
        return set()
    nearest = min(abs((cases & is_case).sum() - mean) for cases in others)
    balanced = [c for c in others if abs((c & is_case).sum() - mean) < nearest + 1e-9]
    return {min(c.tobytes(), (~c).tobytes()) if closed else c.tobytes() for c in balanced}


@pytest.mark.parametrize(
    ("is_case", "blocks", "n_distinct"),
    [
        (arms(3, 3), [0] * 6, 9),
        (arms(4, 4), [0] * 8, 18),
        (arms(5, 5), [0] * 10, 100),
        (arms(8, 4), [0] * 12, math.comb(8, 5) * math.comb(4, 3)),
        (arms(3, 4), [0] * 7, 18),
        (arms(4, 4), [0, 0, 1, 1, 0, 0, 1, 1], 9),
        (arms(4, 4), [0, 1, 2, 3, 0, 1, 2, 3], 3),  # pairs
        (arms(3, 4), [0, 0, 1, 0, 1, 1, 1], 5),
        (arms(3, 3), [0, 0, 0, 1, 1, 1], 0),  # the blocks are the arms
        (arms(1, 1), [0, 0], 0),
    ],
)
def test_all_balanced_relabellings_are_found_once(is_case, blocks, n_distinct):
    found = relabel(is_case, blocks)
    assert found.n_distinct == len(found.cases) == n_distinct
    expected = brute_force(is_case, np.array(blocks))
    mirrored = {min(c.tobytes(), (~c).tobytes()) for c in found.cases}
    assert len(expected) == n_distinct
    assert {c.tobytes() for c in found.cases} == expected or mirrored == expected


def test_random_relabellings_are_distinct_balanced_within_blocks_and_the_same_every_time():
    is_case = np.tile([True, True, False], 8)  # 16 against 8
    blocks = np.repeat([0, 1], [9, 15])
    found = relabel(is_case, blocks, permutations=200)
    assert found.n_distinct > 10_000
    assert len({c.tobytes() for c in found.cases}) == len(found.cases) == 200
    for cases in found.cases:
        assert [cases[blocks == one].sum() for one in (0, 1)] == [6, 10]
        assert (cases & is_case).sum() == 11  # of 16; 10.7 is even
    assert (relabel(is_case, blocks, permutations=200).cases == found.cases).all()
    assert (relabel(is_case, blocks, permutations=200, seed=1).cases != found.cases).any()


def test_blocks_are_the_combined_values_of_columns_that_are_there(caplog):
    donors = pd.DataFrame({"sex": list("FFMM"), "batch": list("1212")})
    assert len(set(block_values(donors, ["sex", "batch"]))) == 4
    assert block_values(donors, ["sex", "absent"]).tolist() == [0, 0, 1, 1]
    assert "no donor-level column absent here" in caplog.text
    assert block_values(donors, []).tolist() == [0, 0, 0, 0]


# --- rates and intervals


def test_p_of_a_twentieth_is_not_below_it():
    table = pd.DataFrame({"cell_type": "a", "p_value": [0.0, 0.0499, 0.05, 1.0, np.nan], "fdr": [0.01, 0.05, 1, 1, 0]})
    (row,) = count_p_values(table, fdr=0.05).to_dict("records")
    assert (row["bin_0"], row["bin_1"], row["bin_19"], row["n_hits"]) == (2, 1, 1, 2)
    assert sum(row[f"bin_{i}"] for i in range(20)) == 4


def test_interval_at_its_ends():
    n = np.full(20, 10)
    assert rate_interval(np.zeros(20), n) == (0, 0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert rate_interval(n, n) == (1, pytest.approx(0.025 ** (1 / 20)), 1)
    assert rate_interval(np.array([1]), np.array([10]))[0] == 0.1
    assert np.isnan(rate_interval(np.array([1]), np.array([10]))[1:]).all()
    assert np.isnan(rate_interval(np.array([]), np.array([]))).all()
    low, high = rate_interval(np.array([0, 1] * 10), n)[1:]
    assert 0 < low < 0.05 < high < 0.1


def test_interval_does_not_shrink_with_tests_that_move_together():
    together = np.repeat([0, 100], [19, 1])  # one relabelling in 20 has all of its 100 tests low
    width = np.diff(rate_interval(together, np.full(20, 100))[1:])
    assert width == pytest.approx(np.diff(rate_interval(together // 100, np.full(20, 1))[1:]))
    assert width > 0.2


@pytest.mark.parametrize(
    ("low", "high", "n", "word"),
    [
        (0.04, 0.06, 50, "held"),
        (0.052, 0.054, 50, "held"),  # not 0.05, but harmless
        (0.056, 0.2, 50, "inflated"),
        (0.01, 0.044, 50, "conservative"),
        (0.3, 0.4, 9, "too_few"),
        (np.nan, np.nan, 1, "too_few"),
    ],
)
def test_verdicts(low, high, n, word):
    assert verdict(low, high, n_relabellings=n) == word


def low_shares(values: np.ndarray, cases: np.ndarray) -> np.ndarray:
    """How many rows of `values` have p < 0.05 in Student's t test, for each relabelling."""
    n, k = values.shape[1], cases.sum(axis=1)[:, None]
    case, control = cases @ values.T / k, ~cases @ values.T / (n - k)
    within = (values**2).sum(axis=1) - k * case**2 - (n - k) * control**2
    t = (case - control) / np.sqrt(within / (n - 2) * (1 / k + 1 / (n - k)))
    return (2 * stats.t.sf(np.abs(t), n - 2) < 0.05).sum(axis=1)


@pytest.mark.parametrize("n_shared", [0, 2])
@pytest.mark.parametrize("sizes", [(8, 4), (4, 4)])
def test_interval_is_honest_where_nothing_differs(sizes, n_shared):
    """60 null data sets of 200 tests, independent or driven by two factors; docs/methods.md has 300."""
    rng = np.random.default_rng(11)
    held, words = 0, []
    for seed in range(60):
        values = rng.normal(size=(200, sum(sizes)))
        if n_shared:
            values += rng.normal(size=(200, n_shared)) @ rng.normal(size=(n_shared, sum(sizes)))
        cases = relabel(arms(*sizes), permutations=30, seed=seed).cases
        _, low, high = rate_interval(low_shares(values, cases), np.full(len(cases), 200))
        held += low <= 0.05 <= high
        words.append(verdict(low, high, n_relabellings=len(cases)))
    assert held >= 0.7 * 60
    assert words.count("inflated") <= 3


def test_relatives_within_an_arm_are_not_seen():
    """What docs/methods.md admits: a dependence that goes with the arms is torn apart by shuffling."""
    rng = np.random.default_rng(5)
    values = np.repeat(rng.normal(size=(3000, 6)), 2, axis=1) + 0.3 * rng.normal(size=(3000, 12))
    is_case = arms(6, 6)  # three pairs of sisters in each arm, taken for six donors
    assert low_shares(values, is_case[None]) / 3000 > 0.12
    cases = relabel(is_case, permutations=40).cases
    assert low_shares(values, cases).mean() / 3000 < 0.07


# --- the tests of the workflow


def pseudobulk(seed: int, *, n_case=6, n_control=6, n_genes=250, moved=0, dispersion=0.15) -> Pseudobulk:
    """Three cell types; donor effects in every gene; the first `moved` genes differ 4-fold in the case arm."""
    rng = np.random.default_rng(seed)
    donors = [f"d{i:02}" for i in range(n_case + n_control)]
    level = 30 + rng.lognormal(4, 1, n_genes)  # enough counts for every gene to be kept
    rows, counts = [], []
    for cell_type in TYPES:
        for i, donor in enumerate(donors):
            mean = level * rng.gamma(1 / dispersion, dispersion, n_genes) * rng.lognormal(0, 0.2)
            mean[:moved] *= 4 if i < n_case else 1
            counts.append(rng.poisson(mean))
            label = "ALS" if i < n_case else "Control"
            rows.append((donor, cell_type, int(rng.integers(40, 200)), label))
    observations = pd.DataFrame(rows, columns=["donor", "cell_type", "n_cells", "condition"])
    genes = np.array([f"G{i:03}" for i in range(n_genes)], dtype=object)
    return Pseudobulk(sparse.csr_matrix(np.array(counts)), observations, genes)


def gene_sets() -> pd.DataFrame:
    rows = [("f", f"set{s}", f"G{g:03}") for s in range(12) for g in range(20 * s, 20 * s + 20)]
    return pd.DataFrame(rows, columns=["family", "pathway", "gene"])


def donor_scores(data: Pseudobulk) -> pd.DataFrame:
    """A score a set: the mean of its genes' log counts, as a stand-in for ranks."""
    logs = np.log1p(data.counts.toarray() / data.counts.sum(axis=1) * 1e5)
    sets = gene_sets().groupby(["family", "pathway"])["gene"].apply(lambda own: np.isin(data.genes, own))
    parts = [
        data.observations[["donor", "cell_type", "n_cells"]].assign(
            family=f, pathway=p, score=logs[:, genes].mean(axis=1), score_sd=0.1, depth=5000.0
        )
        for (f, p), genes in sets.items()
    ]
    return pd.concat(parts, ignore_index=True)


def all_tests(data: Pseudobulk) -> dict:
    options = {"choices": CHOICES, "sizes": SIZES, "cell_weights": True, "transform": "logit"}
    return calibration.workflow_tests(data, donor_scores(data), gene_sets(), PLAN, **options)


@pytest.fixture(scope="module")
def null() -> tuple[pd.DataFrame, pd.DataFrame]:
    data = pseudobulk(3)
    return calibrate_contrast(all_tests(data), data.donors(), **OPTIONS)


def test_tests_hold_on_a_null_cohort(null):
    rates = null[0].set_index(["test", "cell_type"])
    over_all = rates.xs(ALL_TYPES, level="cell_type")
    assert over_all["n_tests"].to_dict() == {
        "composition": 20 * 3, "differential": 20 * 3 * 250, "enrichment": 20 * 3 * 12, "pathways": 20 * 3 * 12,
        OVER_CELLS: 20 * 3 * 12,
    }  # fmt: skip
    assert over_all.loc[OVER_CELLS, "verdict"] == "inflated"
    over_all = over_all.drop(OVER_CELLS)
    assert (over_all["n_relabellings"] == 20).all()
    assert (over_all["n_distinct"] == math.comb(6, 3) ** 2 // 2).all()
    assert (over_all["verdict"] != "inflated").all()
    assert 0.035 < over_all.loc["differential", "false_positive_rate"] < 0.065
    assert over_all.loc["differential", "any_hit_rate"] <= 0.3
    assert (over_all["observed_hits"] <= 3).all()
    assert set(rates.index.get_level_values("cell_type")) == {ALL_TYPES, *TYPES}


def test_tables_meet_their_contracts(null):
    names = {"dataset": "x", "contrast": "c"}
    check_table(null[0].assign(**names), "calibration")
    bins = check_table(null[1].assign(**names), "calibration_histogram")
    first = bins[bins["bin_low"] == 0].set_index("test")
    rates = null[0][null[0]["cell_type"] == ALL_TYPES].set_index("test")
    sums = bins.groupby("test")[["n_relabelled", "n_true"]].sum()
    assert (sums["n_relabelled"] == rates["n_tests"]).all()
    assert (sums["n_relabelled"] == 20 * sums["n_true"]).all()
    assert (first["n_relabelled"] / sums["n_relabelled"]).to_dict() == pytest.approx(
        rates["false_positive_rate"].to_dict()
    )


def test_the_true_labels_give_the_results_of_the_workflow():
    data = pseudobulk(4, moved=20)
    tests, labels = all_tests(data), data.donors()["condition"]
    genes = tests["differential"](labels)
    assert (genes.query("fdr <= 0.05")["gene"].str[1:].astype(int) < 20).mean() > 0.9
    prerank = {"permutations": 20, "seed": 1, **SIZES}
    options = {"dataset": "x", **LEAST, **prerank}
    enriched = enrich_dataset(data.counts, data.observations, data.genes, gene_sets(), {"c": ARMS}, CHOICES, **options)
    key = ["cell_type", "family", "pathway"]
    sets = tests["enrichment"](labels).set_index(key)[["p_value", "fdr"]]
    pd.testing.assert_frame_equal(sets, enriched.set_index(key)[["p_value", "fdr"]], check_dtype=False)


def test_a_true_difference_is_not_taken_for_inflation():
    data = pseudobulk(5, n_case=8, n_control=4, moved=60)
    tests = {"differential": all_tests(data)["differential"]}
    rates = calibrate_contrast(tests, data.donors(), **OPTIONS)[0].set_index("cell_type")
    assert (rates["verdict"] != "inflated").all()
    assert (rates["observed_hits"] > 40).all()
    assert (rates["hits_q95"] < 5).all()
    assert rates["share_with_as_many_hits"].tolist() == pytest.approx([1 / 21] * 4)


def pooled_counts_test(labels: pd.Series, data: Pseudobulk) -> pd.DataFrame:
    """A wrong test: counts of an arm added up and compared as if they were independent of donors."""
    parts = []
    for cell_type, own in data.observations.groupby("cell_type"):
        case = (own["donor"].map(labels) == "ALS").to_numpy()
        counts = data.counts[own.index].toarray()
        a, b = counts[case].sum(axis=0), counts[~case].sum(axis=0)
        share = a.sum() / (a.sum() + b.sum())
        p = 2 * stats.norm.sf(np.abs(a - share * (a + b)) / np.sqrt(share * (1 - share) * (a + b)))
        parts.append(pd.DataFrame({"cell_type": cell_type, "p_value": p, "fdr": benjamini_hochberg(p)}))
    return pd.concat(parts)


def test_cells_taken_for_replicates_give_welchs_test_over_all_cells():
    data, rng = pseudobulk(9), np.random.default_rng(9)
    labels = data.donors()["condition"]
    rows, cells = [], []
    for donor in labels.index:
        own = rng.normal(0.3 + rng.normal(0, 0.05), 0.1, size=rng.integers(12, 60))
        cells.append(own)
        rows.append(("opc", "f", "set", donor, len(own), own.mean(), own.std(ddof=1)))
    rows.append(("opc", "f", "set", "d00", 9, 5.0, 0.1))  # too few cells
    rows = pd.DataFrame(
        rows, columns=["cell_type", "family", "pathway", "donor", "n_cells", "score", "score_sd"]
    ).query("n_cells >= 10 or score == 5")
    both = [
        np.concatenate([c for c, arm in zip(cells, labels, strict=True) if arm == one]) for one in ("ALS", "Control")
    ]
    found = calibration.cell_test(labels, data, rows, plan=PLAN)
    assert found["p_value"].tolist() == pytest.approx([stats.ttest_ind(*both, equal_var=False).pvalue])
    swapped = calibration.cell_test(labels.map({"ALS": "Control", "Control": "ALS"}), data, rows, plan=PLAN)
    assert swapped["p_value"].tolist() == pytest.approx(found["p_value"].tolist())


def test_cells_that_came_summed_cannot_be_taken_for_replicates():
    data = pseudobulk(9)
    summed = donor_scores(data).assign(score_sd=np.nan)
    assert calibration.cell_test(data.donors()["condition"], data, summed, plan=PLAN).empty


def test_counts_taken_for_replicates_are_noticed():
    data = pseudobulk(6)
    wrong = {"pooled": lambda labels: pooled_counts_test(labels, data)}
    rates, bins = calibrate_contrast(wrong, data.donors(), **OPTIONS)
    assert (rates["verdict"] == "inflated").all()
    assert (rates["false_positive_rate"] > 0.2).all()
    assert (rates["any_hit_rate"] == 1).all()
    assert bins["n_relabelled"].iloc[0] == bins["n_relabelled"].max()


def test_three_against_three_are_too_few_to_say():
    data = pseudobulk(7, n_case=3, n_control=3)
    tests = {"differential": all_tests(data)["differential"]}
    rates = calibrate_contrast(tests, data.donors(), **OPTIONS)[0]
    assert (rates[["n_relabellings", "n_distinct"]] == 9).all(axis=None)
    assert set(rates["verdict"]) == {"too_few"}
    assert rates["false_positive_rate"].between(0, 0.15).all()


def test_nothing_to_shuffle_gives_rows_without_rates():
    data = pseudobulk(7, n_case=3, n_control=3)
    tests = {"differential": all_tests(data)["differential"]}
    donors = data.donors().assign(batch=lambda rows: rows["condition"])
    rates, bins = calibrate_contrast(tests, donors, **OPTIONS | {"blocks": ["batch"]})
    assert rates["n_relabellings"].tolist() == [0] * 4
    assert rates["false_positive_rate"].isna().all()
    assert set(rates["verdict"]) == {"too_few"}
    assert (bins["n_relabelled"].sum(), bins["n_true"].sum() > 0) == (0, True)


def test_a_descriptive_contrast_gives_empty_tables():
    data = pseudobulk(7, n_case=2, n_control=4)
    rates, bins = calibrate_contrast(all_tests(data), data.donors(), **OPTIONS)
    names = {"dataset": "x", "contrast": "c"}
    assert len(check_table(rates.assign(**names), "calibration")) == 0
    assert len(check_table(bins.assign(**names), "calibration_histogram")) == 0


def test_pairs_are_swapped_whole_and_other_groups_keep_their_labels():
    data = pseudobulk(8, n_case=4, n_control=4)
    donors = data.donors().assign(pair=list("12341234"))
    donors.loc[donors.index[-1] + "x"] = {**donors.iloc[0], "condition": "FTD", "pair": "9"}
    seen = []

    def look(labels: pd.Series) -> pd.DataFrame:
        seen.append(labels)
        return pd.DataFrame({"cell_type": ["t"], "p_value": [0.5], "fdr": [0.5]})

    calibrate_contrast({"look": look}, donors, **OPTIONS | {"definition": ARMS | {"paired_by": "pair"}})
    assert len(seen) > 2
    for labels in seen:
        assert labels.iloc[-1] == "FTD"
        both = labels.iloc[:-1].groupby(donors["pair"].iloc[:-1]).agg(set)
        assert (both == {"ALS", "Control"}).all()
