"""Leaving one donor out and Cook's distances: against refits, statsmodels and planted outliers; hidden factors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from alscell.design import Design, build_design
from alscell.hidden import hidden_factors, with_factors
from alscell.influence import measure_influence
from alscell.moderation import benjamini_hochberg, fit_linear, moderated_test


def design_of(n_case: int, n_control: int, covariates: list[str] = (), **columns: list[str]) -> Design:
    levels = ["ALS"] * n_case + ["Control"] * n_control
    donors = pd.DataFrame({"condition": levels, **columns}, index=[f"d{i:02d}" for i in range(len(levels))])
    return build_design(donors, factor="condition", case=["ALS"], control=["Control"], covariates=list(covariates))


def without(design: Design, donor: int) -> Design:
    return replace(design, matrix=design.matrix.drop(index=design.matrix.index[donor]))


@pytest.mark.parametrize("weighted", [False, True])
def test_leaving_a_donor_out_equals_a_refit(weighted: bool) -> None:
    rng = np.random.default_rng(1)
    design = design_of(5, 4, ["age"], age=[str(a) for a in rng.integers(40, 80, 9)])
    values = rng.normal(size=(30, 9))
    weights = rng.uniform(0.3, 3, values.shape) if weighted else None
    fit = fit_linear(values, design, weights=weights)
    found = measure_influence(values, weights, fit, design, prior="common")
    for donor in range(9):
        rest = [i for i in range(9) if i != donor]
        smaller = without(design, donor)
        refit = fit_linear(values[:, rest], smaller, weights=None if weights is None else weights[:, rest])
        assert found.effect_without[:, donor] == pytest.approx(refit.effect(smaller))
    single = fit_linear(values[:1], design, weights=None if weights is None else weights[:1])
    alone = measure_influence(values[:1], None if weights is None else weights[:1], single, design, prior="common")
    smaller = without(design, 3)
    rest = [0, 1, 2, 4, 5, 6, 7, 8]
    refit = fit_linear(values[:1, rest], smaller, weights=None if weights is None else weights[:1, rest])
    t = refit.effect(smaller) / (refit.unscaled_error(smaller) * np.sqrt(refit.sigma2))
    assert alone.p_without[0, 3] == pytest.approx(2 * stats.t.sf(abs(t[0]), 5))


def test_cooks_distances_equal_statsmodels() -> None:
    """Of a single feature, whose variance is its own."""
    rng = np.random.default_rng(2)
    design = design_of(4, 5, ["age"], age=[str(a) for a in rng.integers(40, 80, 9)])
    values = rng.normal(size=(1, 9))
    found = measure_influence(values, None, fit_linear(values, design, weights=None), design, prior="common")
    model = sm.OLS(values[0], design.matrix.to_numpy()).fit()
    assert found.cooks[0] == pytest.approx(model.get_influence().dffits[0] ** 2 / 3)  # variance without the donor
    assert found.cooks_limit == pytest.approx(stats.f.ppf(0.99, 3, 6))


def test_one_donor_behind_a_hit_is_seen_and_a_shared_change_is_not_blamed() -> None:
    rng = np.random.default_rng(3)
    design = design_of(6, 6)
    values = rng.normal(0, 0.3, (500, 12))
    values[0, 2] += 12
    values[1, :6] += 2
    fit = fit_linear(values, design, weights=None)
    found = measure_influence(values, None, fit, design, prior="common")
    assert found.cooks[0].argmax() == 2
    assert found.cooks[0, 2] > found.cooks_limit
    assert found.p_without[0].argmax() == 2
    assert found.p_without[0, 2] > 0.05
    assert found.p_without[1].max() < 1e-6
    assert (found.cooks[1:].max(axis=1) > found.cooks_limit).mean() < 0.1


def test_groups_too_small_to_tell_have_no_outliers_and_sole_donors_no_p() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(20, 5))
    design = design_of(2, 3)
    found = measure_influence(values, None, fit_linear(values, design, weights=None), design, prior="common")
    assert np.isinf(found.cooks_limit)
    # d00 alone is in batch 2: the batch term takes its value away, and leaving it out changes nothing.
    design = design_of(4, 4, ["batch"], batch=list("21111111"))
    values = rng.normal(size=(20, 8))
    fit = fit_linear(values, design, weights=None)
    found = measure_influence(values, None, fit, design, prior="common")
    assert found.cooks[:, 0] == pytest.approx(0)
    assert found.effect_without[:, 0] == pytest.approx(fit.effect(design))


# --- hidden factors


def hidden_cohort(seed: int, *, planted: float) -> tuple[np.ndarray, np.ndarray, Design, np.ndarray]:
    """8 against 8 donors; a hidden batch, mostly in the cases, moves every gene; 10 % of the genes are planted."""
    rng = np.random.default_rng(seed)
    batch = np.array([1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0], dtype=float)
    effect = np.where(np.arange(2000) % 10 == 0, planted * rng.choice([-1, 1], 2000), 0.0)
    values = rng.normal(0, 0.5, (2000, 16)) + rng.normal(0, 1, (2000, 1)) * batch
    values[:, :8] += effect[:, None]
    return values, effect, design_of(8, 8), batch


def test_hidden_factor_is_found_and_mends_the_test() -> None:
    naive, mended, false, found = [], [], [], []
    for seed in range(8):
        values, effect, design, batch = hidden_cohort(seed, planted=1.2)
        factors = hidden_factors(design, values, None, n_factors=1)
        assert abs(np.corrcoef(factors["hidden_1"], batch)[0, 1]) > 0.97
        wider = with_factors(design, factors)
        assert wider.df_residual == design.df_residual - 1
        null = effect == 0
        for given, rates in ((design, naive), (wider, mended)):
            p = moderated_test(fit_linear(values, given, weights=None), given, prior="common")["p_value"].to_numpy()
            rates.append((p[null] < 0.05).mean())
        called = benjamini_hochberg(p) < 0.05
        false.append((called & null).sum() / max(called.sum(), 1))
        found.append((called & ~null).sum() / (~null).sum())
    assert np.mean(naive) > 0.12
    assert 0.03 < np.mean(mended) < 0.07
    assert np.mean(false) < 0.08
    assert np.mean(found) > 0.4


def test_no_factor_asked_leaves_the_design_and_too_many_are_refused() -> None:
    values, _, design, _ = hidden_cohort(0, planted=0)
    assert with_factors(design, hidden_factors(design, values, None, n_factors=0)) is design
    with pytest.raises(ValueError, match="two must be left"):
        hidden_factors(design, values, None, n_factors=13)
