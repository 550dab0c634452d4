"""Donor-level tests of pathway activity: hand arithmetic, scipy and statsmodels, permutations, planted truth."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import optimize, stats

from alscell.activity import _shares, _statistics, compare_arms, compare_sets, describe
from alscell.composition import compare_composition, count_cells
from alscell.design import assign_groups, build_design
from alscell.expression import cell_type_units
from alscell.moderation import fit_linear, prior_variance
from alscell.pathways import Profiles, donor_scores
from alscell.power import minimum_detectable_effect
from alscell.random_sets import derived_seed, draw_sets, expression_bins
from alscell.tables import check_table

N_GENES, N_TOP = 600, 40
CONTRAST = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
CHOICES = {
    "definitions": {"als_vs_control": CONTRAST}, "contrast": "als_vs_control", "covariates": [], "min_cells": 10,
    "min_donors": 3, "n_random_sets": 200, "n_expression_bins": 10, "seed": (42, "als_vs_control"),
    "cell_weights": True, "fdr": 0.05,
}  # fmt: skip
MEMBERS = {("f", f"s{number:02}"): np.arange(number * 20, number * 20 + 20) for number in range(20)}


def people(n_case=5, n_control=4):
    names = [f"d{number}" for number in range(n_case + n_control)]
    return pd.DataFrame({"condition": ["ALS"] * n_case + ["Control"] * n_control}, index=pd.Index(names, name="donor"))


def simulate(donors, *, cell_types=("astrocyte", "microglia"), planted=None, shift=1.6, seed=0):
    """Profiles with a donor effect on every gene; `planted` (cell type, set) move in ALS donors."""
    rng = np.random.default_rng(seed)
    level = rng.lognormal(0, 1, N_GENES)
    rows, weights = [], []
    for donor, condition in donors["condition"].items():
        for cell_type in cell_types:
            values = level * rng.lognormal(0, 0.4, N_GENES)
            if planted and planted[0] == cell_type and condition == "ALS":
                values[MEMBERS[planted[1]]] *= shift
            rows.append((donor, cell_type, 40, rng.lognormal(7, 0.3)))
            weights.append(values)
    expression = pd.DataFrame(dict.fromkeys(cell_types, level), index=[f"g{number:03}" for number in range(N_GENES)])
    rows = pd.DataFrame(rows, columns=["donor", "cell_type", "n_cells", "depth"])
    return Profiles(rows, np.array(weights), expression.index, N_TOP, expression)


def run(donors, profiles, **choices):
    return compare_arms(donor_scores(profiles, MEMBERS, None), donors, profiles, MEMBERS, **{**CHOICES, **choices})


def one_set(*values):
    index = pd.MultiIndex.from_tuples([("f", "a")], names=["family", "pathway"])
    return pd.DataFrame([values], index=index, columns=[f"d{number}" for number in range(len(values))])


def test_one_set_is_the_t_test_of_scipy():
    """One set has no others to borrow from, so the moderated t is the plain one."""
    values = one_set(0.21, 0.25, 0.30, 0.24, 0.10, 0.16, 0.19)
    donors = people(4, 3)
    got = compare_sets(values, build_design(donors, **CONTRAST, covariates=[]), np.ones(7)).iloc[0]
    case, control = values.iloc[0, :4], values.iloc[0, 4:]
    expected = stats.ttest_ind(case, control)
    assert got["statistic"] == pytest.approx(expected.statistic)
    assert got["p_value"] == pytest.approx(expected.pvalue)
    sd = np.sqrt((3 * case.var() + 2 * control.var()) / 5)
    assert got["effect"] == pytest.approx((case.mean() - control.mean()) / sd)
    assert got["donor_sd"] == pytest.approx(sd)
    low, high = expected.confidence_interval(0.95)
    assert [got["ci_low"], got["ci_high"]] == pytest.approx([low / sd, high / sd])
    assert got["standard_error"] == pytest.approx(np.sqrt(1 / 4 + 1 / 3))
    assert [got["n_case"], got["n_control"]] == [4, 3]


def test_covariate_as_statsmodels():
    values = one_set(0.21, 0.25, 0.30, 0.24, 0.10, 0.16, 0.19)
    donors = people(4, 3).assign(batch=list("aabbabb"))
    got = compare_sets(values, build_design(donors, **CONTRAST, covariates=["batch"]), np.ones(7)).iloc[0]
    terms = sm.add_constant(np.c_[donors["batch"] == "b", donors["condition"] == "ALS"].astype(float))
    expected = sm.OLS(values.iloc[0].to_numpy(), terms).fit()
    assert got["statistic"] == pytest.approx(expected.tvalues[2])
    assert got["p_value"] == pytest.approx(expected.pvalues[2])
    assert got["effect"] == pytest.approx(expected.params[2] / np.sqrt(expected.scale))


def test_effect_in_standard_deviations_of_controls_by_hand():
    """One set borrows from none: the plain standard deviation of the controls, and the interval scaled with it."""
    values = one_set(0.21, 0.25, 0.30, 0.24, 0.10, 0.16, 0.19)
    got = compare_sets(values, build_design(people(4, 3), **CONTRAST, covariates=[]), np.ones(7)).iloc[0]
    case, control = values.iloc[0, :4], values.iloc[0, 4:]
    interval = stats.ttest_ind(case, control).confidence_interval(0.95)
    assert got["effect_control_sd"] == pytest.approx((case.mean() - control.mean()) / control.std())
    assert got["ci_low_control_sd"] == pytest.approx(interval.low / control.std())
    assert got["ci_high_control_sd"] == pytest.approx(interval.high / control.std())


def test_few_controls_do_not_make_their_standard_deviation_wild():
    """300 sets, 6 against 4 donors, true effect 1.5 control SD: moderated estimates stay near, plain ones do not."""
    rng = np.random.default_rng(3)
    values = 1 + 0.1 * rng.normal(size=(300, 10)) + 0.15 * (np.arange(10) < 6)
    index = pd.MultiIndex.from_tuples([("f", f"s{i}") for i in range(300)], names=["family", "pathway"])
    frame = pd.DataFrame(values, index=index, columns=people(6, 4).index)
    got = compare_sets(frame, build_design(people(6, 4), **CONTRAST, covariates=[]), np.ones(10))
    plain = (values[:, :6].mean(axis=1) - values[:, 6:].mean(axis=1)) / values[:, 6:].std(axis=1, ddof=1)
    assert got["effect_control_sd"].mean() == pytest.approx(1.5, abs=0.12)
    assert got["effect_control_sd"].std() < 0.6 * plain.std()


def test_weights_are_those_of_statsmodels():
    values = one_set(0.21, 0.25, 0.30, 0.24, 0.10, 0.16, 0.19)
    weights = np.array([1.6, 0.4, 1.0, 1.5, 0.5, 1.2, 0.8])
    donors = people(4, 3).assign(batch=list("aabbabb"))
    got = compare_sets(values, build_design(donors, **CONTRAST, covariates=["batch"]), weights).iloc[0]
    terms = sm.add_constant(np.c_[donors["batch"] == "b", donors["condition"] == "ALS"].astype(float))
    expected = sm.WLS(values.iloc[0].to_numpy(), terms, weights=weights).fit()
    assert got["statistic"] == pytest.approx(expected.tvalues[2])
    assert got["p_value"] == pytest.approx(expected.pvalues[2])
    assert got["effect"] == pytest.approx(expected.params[2] / np.sqrt(expected.scale))


def test_donors_with_few_cells_count_less():
    """Deviations between cells change the tests; without them, or with the key off, all donors count alike."""
    donors = people(6, 6)
    profiles = simulate(donors, cell_types=("t",))
    cells = np.resize([10, 40, 400], 12)
    profiles.rows["n_cells"] = cells
    scores = donor_scores(profiles, MEMBERS, None)
    plain = compare_arms(scores, donors, profiles, MEMBERS, **CHOICES)
    spread = scores.assign(score_sd=scores["score"] * 0.5)
    weighted = compare_arms(spread, donors, profiles, MEMBERS, **CHOICES)
    assert not np.allclose(weighted["statistic"], plain["statistic"])
    off = compare_arms(spread, donors, profiles, MEMBERS, **{**CHOICES, "cell_weights": False})
    pd.testing.assert_frame_equal(off, plain)
    assert weighted["random_set_percentile"].between(0, 100).all()


def test_minimum_detectable_effect_is_that_of_the_last_hit():
    donors = people()
    table = run(donors, simulate(donors, planted=("microglia", ("f", "s03"))))
    assert (table["fdr"] <= 0.05).sum() == 1
    row = table.iloc[0]
    df = optimize.brentq(lambda df: 2 * stats.t.sf(abs(row["statistic"]), df) - row["p_value"], 1, 1e4)
    expected = minimum_detectable_effect(row["standard_error"], df, alpha=0.05 / 40, power=0.8)
    assert row["minimum_detectable_effect"] == pytest.approx(float(expected))


def test_depth_of_arms_and_donors_stands_beside_the_test():
    donors = people(4, 4)
    profiles = simulate(donors, cell_types=("t",))
    profiles.rows["depth"] = [1000, 2000, 1500, 1200, 4000, 2000, 3000, 2500]
    table = run(donors, profiles)
    ratio = stats.gmean([1000, 2000, 1500, 1200]) / stats.gmean([4000, 2000, 3000, 2500])
    assert table["depth_ratio"].to_numpy() == pytest.approx(ratio)
    values = donor_scores(profiles, MEMBERS, None).query("pathway == 's05'").set_index("donor")
    within = [np.r_[x[:4] - x[:4].mean(), x[4:] - x[4:].mean()] for x in
              (values["score"].to_numpy(), np.log(values["depth"].to_numpy()))]  # fmt: skip
    found = table.set_index("pathway").loc["s05", "depth_correlation_donors"]
    assert found == pytest.approx(np.corrcoef(*within)[0, 1])


def test_columns_in_any_order_and_any_unit():
    donors = people()
    scores = donor_scores(simulate(donors), MEMBERS, None).query("cell_type == 'astrocyte'")
    values = scores.pivot(index=["family", "pathway"], columns="donor", values="score")
    design = build_design(donors, **CONTRAST, covariates=[])
    expected = compare_sets(values, design, np.ones(9))
    turned = compare_sets(values[values.columns[::-1]] * 7, design, np.ones(9))
    pd.testing.assert_frame_equal(turned.assign(donor_sd=turned["donor_sd"] / 7), expected)
    excluded = (expected["ci_low"] > 0) | (expected["ci_high"] < 0)
    assert (excluded == (expected["p_value"] < 0.05)).all()


def test_planted_set_is_found_and_nothing_else():
    donors = people()
    table = run(donors, simulate(donors, planted=("microglia", ("f", "s03"))))
    called = table[table["fdr"] <= 0.05]
    assert called[["cell_type", "pathway"]].to_numpy().tolist() == [["microglia", "s03"]]
    assert called["effect"].iloc[0] > 1
    assert called["random_set_percentile"].iloc[0] >= 99
    down = run(donors, simulate(donors, planted=("microglia", ("f", "s03")), shift=1 / 1.6))
    assert down.loc[down["fdr"].idxmin(), ["pathway"]].item() == "s03"
    assert down.loc[down["fdr"].idxmin(), "effect"] < -1
    full = check_table(table.assign(dataset="x", contrast="c", coverage=1.0, depth_correlation=0.1), "pathway_tests")
    assert len(full) == 40


def test_false_positives_and_percentiles_under_the_null():
    """60 cohorts without any effect: p values and percentiles of random sets are uniform."""
    donors = people(4, 4)
    p_values, percentiles = [], []
    for seed in range(60):
        table = run(donors, simulate(donors, cell_types=("t",), seed=seed), n_random_sets=50)
        p_values.append(table["p_value"])
        percentiles.append(table["random_set_percentile"])
    p_values, percentiles = np.concatenate(p_values), np.concatenate(percentiles)
    assert 0.035 < (p_values < 0.05).mean() < 0.065
    assert 0.035 < (percentiles >= 95).mean() < 0.085  # 50 random sets are coarse: 48 of 50 is the first step above 95
    assert percentiles.mean() == pytest.approx(50, abs=3)


def test_another_cell_type_changes_only_the_fdr_over_all():
    donors = people()
    small = run(donors, simulate(donors, cell_types=("microglia",)))
    profiles = simulate(donors, cell_types=("microglia",))
    other = simulate(donors, cell_types=("astrocyte",), planted=("astrocyte", ("f", "s01")), seed=5)
    both = Profiles(
        pd.concat([other.rows, profiles.rows], ignore_index=True),
        np.concatenate([other.weights, profiles.weights]),
        profiles.genes,
        N_TOP,
        other.expression.join(profiles.expression),
    )
    large = run(donors, both).query("cell_type == 'microglia'").reset_index(drop=True)
    same = [name for name in small if name not in ("fdr", "minimum_detectable_effect")]
    pd.testing.assert_frame_equal(large[same], small[same], check_exact=True)
    assert not large["fdr"].equals(small["fdr"])


def test_order_of_rows_changes_nothing():
    donors = people()
    profiles = simulate(donors)
    order = np.random.default_rng(1).permutation(len(profiles.rows))
    rows = profiles.rows.iloc[order].reset_index(drop=True)
    shuffled = Profiles(rows, profiles.weights[order], profiles.genes, N_TOP, profiles.expression)
    pd.testing.assert_frame_equal(run(donors.iloc[::-1], shuffled), run(donors, profiles))


def test_too_few_donors_gives_effects_without_p():
    donors = people(5, 2)
    table = run(donors, simulate(donors))
    assert table["descriptive"].all()
    assert table[["p_value", "fdr", "ci_low", "standard_error", "random_set_percentile"]].isna().all(axis=None)
    assert np.isfinite(table["effect"]).all()
    assert (table[["n_case", "n_control"]] == [5, 2]).all(axis=None)
    check_table(table.assign(dataset="x", contrast="c", coverage=1.0, depth_correlation=0.1), "pathway_tests")


def test_description_by_hand():
    arms = assign_groups(people(2, 2), CONTRAST)
    got = describe(one_set(3.0, 5.0, 1.0, 1.0), arms)
    assert got["effect"].tolist() == pytest.approx([3 / np.sqrt(2 / 2)])
    assert got["donor_sd"].tolist() == pytest.approx([1.0])
    assert describe(one_set(3.0, 3.0, 1.0, 1.0), arms).empty  # no spread: the effect would be infinite
    assert describe(one_set(2.0, 2.0, 2.0, 2.0), arms)["effect"].tolist() == [0]
    assert describe(one_set(3.0, 1.0), assign_groups(people(1, 1), CONTRAST)).empty
    few = describe(one_set(3.0, 1.0, 2.0), assign_groups(people(1, 2), CONTRAST))
    assert few["effect"].tolist() == pytest.approx([1.5 / np.sqrt(0.5)])


def test_donors_with_few_cells_and_unassigned_cells_are_left_out():
    donors = people()
    profiles = simulate(donors, cell_types=("microglia", "unassigned", "opc"))
    rows = profiles.rows
    rows.loc[(rows["donor"] == "d0") & (rows["cell_type"] == "microglia"), "n_cells"] = 9
    rows.loc[rows["donor"].isin(["d5", "d6", "d7", "d8"]) & (rows["cell_type"] == "opc"), "n_cells"] = 3  # all controls
    table = run(donors, profiles)
    assert table["cell_type"].unique().tolist() == ["microglia"]
    assert (table[["n_case", "n_control"]] == [4, 4]).all(axis=None)


def test_covariate_confounded_in_one_cell_type_only():
    """Donors of one batch lack microglia in one arm: effects there, tests elsewhere."""
    donors = people(4, 4).assign(batch=list("aabbaabb"))
    profiles = simulate(donors)
    rows = profiles.rows
    rows.loc[rows["donor"].isin(["d2", "d3", "d4", "d5"]) & (rows["cell_type"] == "microglia"), "n_cells"] = 1
    table = run(donors, profiles, covariates=["batch"], min_donors=2)
    assert table.groupby("cell_type")["descriptive"].first().to_dict() == {"astrocyte": False, "microglia": True}
    # The genes of the same donors are not tested either, and the table says why.
    observations = rows.join(donors, on="donor")
    units, skipped = cell_type_units(
        observations, CHOICES["definitions"], covariates=["batch"], min_cells=10, min_donors=2
    )
    assert [unit.cell_type for unit in units] == ["astrocyte"]
    assert skipped[["cell_type", "reason"]].to_numpy().tolist() == [["microglia", "design_not_estimable"]]


@pytest.mark.parametrize("covariates", [["batch"], ["site"], ["batch", "site"], ["age"], []])
def test_pathways_genes_and_composition_agree_on_what_can_be_tested(covariates):
    """Donors lost at random: descriptive just where no gene is tested; all descriptive if composition is."""
    rng = np.random.default_rng(8)
    seen = set()
    for _ in range(15):
        columns = {name: rng.choice(list("ab"), 8) for name in ("batch", "site")}
        donors = people(4, 4).assign(**columns, age=["60", *map(str, rng.integers(50, 80, 7))])
        profiles = simulate(donors)
        profiles.rows["n_cells"] = rng.choice([3, 40], len(profiles.rows), p=[0.4, 0.6])
        table = run(donors, profiles, covariates=covariates, min_donors=2)
        observations = profiles.rows.join(donors, on="donor")
        choice = {"covariates": covariates, "min_donors": 2}
        units, skipped = cell_type_units(observations, CHOICES["definitions"], **choice, min_cells=10)
        reasons = skipped.set_index("cell_type")["reason"].replace("donors_left_out", np.nan).dropna()
        descriptive = table.groupby("cell_type")["descriptive"].first()
        assert set(descriptive.index[~descriptive]) == {unit.cell_type for unit in units if unit.designs}
        assert set(descriptive.index[descriptive]) == set(reasons.index[reasons != "no_donors_in_an_arm"])
        options = {**choice, "dataset": "d", "transform": "logit", "fdr": 0.05}
        shares = compare_composition(count_cells(observations), donors, {"c": CONTRAST}, **options)
        if shares["descriptive"].all():
            assert set(reasons.index) == {"astrocyte", "microglia"}
        seen |= set(reasons)
    assert "too_few_donors" in seen
    assert ("design_not_estimable" in seen) == bool({"batch", "site"} & set(covariates))


def test_set_that_no_donor_has_is_quiet():
    donors = people()
    profiles = simulate(donors, cell_types=("t",))
    profiles.weights[:, MEMBERS["f", "s00"]] = 0
    table = run(donors, profiles)
    assert table.loc[0, ["effect", "statistic", "p_value"]].tolist() == [0, 0, 1]
    assert np.isnan(table.loc[0, "random_set_percentile"])
    assert table.loc[0, "ci_low"] < 0 < table.loc[0, "ci_high"]
    rest = Profiles(profiles.rows, profiles.weights, profiles.genes, N_TOP, profiles.expression)
    others = {name: members for name, members in MEMBERS.items() if name != ("f", "s00")}
    alone = compare_arms(donor_scores(rest, others, None), donors, rest, others, **CHOICES)
    pd.testing.assert_series_equal(table["statistic"][1:].reset_index(drop=True), alone["statistic"])


def test_no_cell_type_left_gives_an_empty_table():
    donors = people()
    table = run(donors, simulate(donors), min_cells=1000)
    assert check_table(
        table.assign(dataset="x", contrast="c", coverage=1.0, depth_correlation=0.1), "pathway_tests"
    ).empty


def test_random_sets_go_through_the_same_test():
    """Under the prior of the tested sets, a set's own scores give its own moderated t."""
    donors = people()
    scores = donor_scores(simulate(donors), MEMBERS, None).query("cell_type == 'astrocyte'")
    values = scores.pivot(index=["family", "pathway"], columns="donor", values="score")
    for spread in (1.0, 40.0):  # the larger spread gives a finite weight of the prior
        widened = values.copy()
        widened.iloc[::2] += (spread - 1) * (values.iloc[::2].sub(values.iloc[::2].mean(axis=1), axis=0)) / 20
        design = build_design(donors, **CONTRAST, covariates=[])
        shares, _ = _shares(widened, design)
        fit = fit_linear(shares, design, weights=None)
        prior = prior_variance(fit.sigma2, fit.df_residual, average=None, prior="common")
        got = _statistics(widened[design.matrix.index].to_numpy(), design, np.ones(9), prior)
        np.testing.assert_allclose(got, compare_sets(widened, design, np.ones(9))["statistic"], rtol=1e-9)
    assert np.isfinite(prior[1]).all()


def test_random_sets_are_matched_and_outside_the_set():
    rng = np.random.default_rng(0)
    expression = pd.Series(rng.lognormal(0, 2, N_GENES), index=[f"g{number:03}" for number in range(N_GENES)])
    bins = expression_bins(expression, n_bins=12)
    assert np.bincount(bins).tolist() == [50] * 12
    assert expression[bins == 3].max() <= expression[bins == 4].min()
    members = rng.choice(N_GENES, 80, replace=False)
    sets = draw_sets(members, bins, n_sets=300, seed=1)
    assert sets.shape == (300, 80)
    assert not np.isin(sets, members).any()
    assert all(len(set(row)) == 80 for row in sets)
    expected = np.bincount(bins[members], minlength=12)
    assert all((np.bincount(bins[row], minlength=12) == expected).all() for row in sets)
    chosen = np.bincount(sets.ravel(), minlength=N_GENES)  # every outside gene of a bin is as likely as the others
    outside = np.setdiff1d(np.flatnonzero(bins == 5), members)
    share = expected[5] / len(outside)
    assert stats.chisquare(chosen[outside]).pvalue > 1e-4
    assert chosen[outside].mean() == pytest.approx(300 * share)


def test_bin_without_enough_other_genes_gives_what_it_has():
    bins = np.array([0, 0, 0, 1, 1, 1])
    sets = draw_sets(np.array([0, 1, 3]), bins, n_sets=5, seed=1)
    assert sets.shape == (5, 2)
    assert (sets[:, 0] == 2).all()


def test_seed_depends_on_each_part_alone():
    assert derived_seed(42, "c", "t", "f", "s") == derived_seed(42, "c", "t", "f", "s")
    assert (
        len({derived_seed(42, "c", "t"), derived_seed(42, "ct"), derived_seed(43, "c", "t"), derived_seed(42, "c")})
        == 4
    )


def test_interaction_is_the_difference_of_differences():
    """Four groups of donors: the tested effect is (case - control) in one sex minus the same in the other."""
    donors = people(8, 8).assign(sex=list("ffffmmmm" * 2))
    definition = CONTRAST | {"modifier": {"factor": "sex", "case": ["f"], "control": ["m"]}}
    values = one_set(*(0.2 + 0.05 * np.random.default_rng(2).normal(size=16)))
    got = compare_sets(values, build_design(donors, **definition, covariates=[]), np.ones(16)).iloc[0]
    als, female = (
        (donors[name] == level).to_numpy(dtype=float) for name, level in (("condition", "ALS"), ("sex", "f"))
    )
    expected = sm.OLS(values.iloc[0].to_numpy(), sm.add_constant(np.c_[als, female, als * female])).fit()
    assert got["statistic"] == pytest.approx(expected.tvalues[3])
    assert got["p_value"] == pytest.approx(expected.pvalues[3])
    assert got["effect"] == pytest.approx(expected.params[3] / np.sqrt(expected.scale))
    means = values.iloc[0].groupby([donors["condition"], donors["sex"]]).mean().unstack()
    change = (means.loc["ALS"] - means.loc["Control"])[["f", "m"]]
    described = describe(values, assign_groups(donors, definition))["effect"].iloc[0]
    assert described == pytest.approx((change["f"] - change["m"]) / np.sqrt(expected.scale))


def test_pairs_are_the_paired_t_test_of_scipy():
    donors = people(4, 4).assign(family=list("abcdabcd"))
    values = one_set(0.21, 0.25, 0.30, 0.24, 0.10, 0.16, 0.19, 0.20)
    design = build_design(donors, **CONTRAST, paired_by="family", covariates=[])
    got = compare_sets(values, design, np.ones(8)).iloc[0]
    expected = stats.ttest_rel(values.iloc[0, :4], values.iloc[0, 4:])
    assert got["statistic"] == pytest.approx(expected.statistic)
    assert got["p_value"] == pytest.approx(expected.pvalue)
