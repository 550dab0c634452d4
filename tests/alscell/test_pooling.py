"""Pooling of a few datasets: hand arithmetic, statsmodels, order, error rates, and what one or two datasets leave."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from alscell import pooling

NUMBERS = ["effect", "standard_error", "ci_low", "ci_high", "p_value"]


def test_two_effects_by_hand():
    """0 and 4 with variance 1: 16 / (2 (1 + tau2)) = 1, so tau2 = 7, standard error 2, t with one degree of freedom."""
    got = pooling.random_effects(np.array([[0.0, 4.0]]), np.array([[1.0, 1.0]])).iloc[0]
    half = 2 * stats.t.ppf(0.975, 1)
    assert got[NUMBERS].tolist() == pytest.approx([2, 2, 2 - half, 2 + half, 0.5])
    assert got[["tau_squared", "q_p_value", "i_squared"]].tolist() == pytest.approx([7, stats.chi2.sf(8, 1), 87.5])
    assert got[["n", "n_same_sign", "note"]].tolist() == [2, 1, "two_datasets"]
    assert np.isnan([got["prediction_low"], got["prediction_high"]]).all()


def rows_with_gaps():
    rng = np.random.default_rng(0)
    effects, errors = rng.normal(0.4, 1, (60, 5)), rng.uniform(0.2, 1, (60, 5))
    effects[:15, 2] = np.nan
    errors[5:10, 4] = np.nan
    return effects, errors


def test_paule_mandel_and_hartung_knapp_as_statsmodels():
    """Where datasets differ, Hartung-Knapp's factor is 1; where they do not, statsmodels' own would be below 1."""
    effects, errors = rows_with_gaps()
    got = pooling.random_effects(effects, errors)
    scaled = 0
    for row in range(60):
        known = np.isfinite(effects[row]) & np.isfinite(errors[row])
        values, variances = effects[row, known], errors[row, known] ** 2
        fit = combine_effects(
            values, variances, method_re="iterated", use_t=True, maxiter=500
        )  # a finer atol can end at 0
        tau = max(0.0, fit.tau2)
        assert got.loc[row, "tau_squared"] == pytest.approx(tau, abs=1e-4)
        assert got.loc[row, "i_squared"] == pytest.approx(100 * max(0.0, fit.i2))
        assert got.loc[row, "q_p_value"] == pytest.approx(stats.chi2.sf(fit.q, known.sum() - 1))
        if tau > 0:
            expected = fit.mean_effect_re, fit.sd_eff_w_re_hksj, *fit.conf_int(use_t=True)[3]
            assert fit.scale_hksj_re == pytest.approx(1, abs=1e-4)
        else:
            half = fit.sd_eff_w_fe * stats.t.ppf(0.975, known.sum() - 1)
            expected = fit.mean_effect_fe, fit.sd_eff_w_fe, fit.mean_effect_fe - half, fit.mean_effect_fe + half
            assert fit.scale_hksj_fe < 1
            scaled += 1
        assert got.loc[row, NUMBERS[:4]].tolist() == pytest.approx(expected, rel=1e-4)
    assert 0 < scaled < 60


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt")
def test_two_datasets_have_the_variance_of_dersimonian_and_laird():
    """With two datasets the two estimators coincide: (difference^2 - both variances) / 2."""
    effects, errors = rows_with_gaps()
    effects, errors = effects[15:, :2], errors[15:, :2]
    tau = np.maximum(0, (np.diff(effects)[:, 0] ** 2 - (errors**2).sum(axis=1)) / 2)
    assert pooling.random_effects(effects, errors)["tau_squared"].to_numpy() == pytest.approx(tau)
    laird = [combine_effects(e, s**2, method_re="dl").tau2 for e, s in zip(effects, errors, strict=True)]
    assert np.maximum(0, laird) == pytest.approx(tau)


def test_order_of_datasets_does_not_matter():
    effects, errors = rows_with_gaps()
    order = [3, 0, 4, 2, 1]
    there, back = pooling.random_effects(effects, errors), pooling.random_effects(effects[:, order], errors[:, order])
    pd.testing.assert_frame_equal(there, back, rtol=1e-9)


def test_prediction_interval_of_three_datasets():
    effects, errors = np.array([[0.0, 2.0, 4.0]]), np.ones((1, 3))
    got = pooling.random_effects(effects, errors).iloc[0]
    reach = stats.t.ppf(0.975, 1) * np.sqrt(got["tau_squared"] + got["standard_error"] ** 2)
    assert got["tau_squared"] == pytest.approx(3)
    assert got[["prediction_low", "prediction_high"]].tolist() == pytest.approx([2 - reach, 2 + reach])
    assert got["note"] == ""


def test_one_dataset_has_a_mean_but_no_interval_and_an_empty_row_has_nothing():
    got = pooling.random_effects(np.array([[np.nan, np.nan], [1.0, np.nan]]), np.ones((2, 2)))
    numbers = got.drop(columns=["n", "n_same_sign", "note"])
    assert numbers.loc[0].isna().all()
    assert numbers.loc[1].dropna().to_dict() == {"effect": 1.0, "standard_error": 1.0}
    assert got["n"].tolist() == [0, 1]
    assert got["note"].tolist() == ["", "one_dataset"]
    assert pooling.random_effects(np.zeros((0, 2)), np.ones((0, 2))).empty
    assert len(pooling.random_effects(np.zeros((3, 0)), np.ones((3, 0)))) == 3


@pytest.mark.parametrize(("k", "tau"), [(2, 0.0), (2, 1.4), (3, 0.0), (3, 1.4), (5, 0.0), (5, 1.4)])
def test_a_true_mean_of_zero_is_called_in_at_most_about_5_percent(k, tau):
    """Small t tests, with and without a variance between datasets; normal intervals call 7 to 21 % of these."""
    rng = np.random.default_rng([7, k])
    df = rng.integers(4, 13, size=(4000, k))
    effects = rng.normal(rng.normal(0, tau, size=df.shape), 1.0)
    errors = np.sqrt(rng.chisquare(df) / df)
    got = pooling.random_effects(effects, errors)
    assert (got["p_value"] < 0.05).mean() < 0.062
    assert ((got["ci_low"] > 0) | (got["ci_high"] < 0)).equals(got["p_value"] < 0.05)


def test_difference_of_intervals():
    first = pd.DataFrame({"effect": [3.0, 3.0, 1.0], "ci_low": [0.0, 0.0, np.nan], "ci_high": [6.0, 6.0, np.nan]})
    second = pd.DataFrame({"effect": [-1.99, -2.01, 0.0], "ci_low": [-5.99, -6.01, -1], "ci_high": [2.01, 1.99, 1]})
    got = pooling.difference(first, second)
    assert got[0] == pytest.approx(0.05, abs=1e-3)
    assert (got[:2] < 0.05).tolist() == [False, True]  # half 3 and half 4 make 5
    assert np.isnan(got[2])
