"""Effects of several datasets as one: random effects after Paule and Mandel, intervals after Hartung and Knapp.

SOURCE: Paule and Mandel 1982, doi:10.6028/jres.087.022; Hartung and Knapp 2001, doi:10.1002/sim.791, with standard
errors that never fall below those of the known variances: Röver et al. 2015, doi:10.1186/s12874-015-0091-1;
heterogeneity: Higgins and Thompson 2002, doi:10.1002/sim.1186; prediction: Higgins et al. 2009,
doi:10.1111/j.1467-985X.2008.00552.x; difference of two intervals: Zou and Donner 2008, doi:10.1002/sim.3095.
NOTE: normal intervals around DerSimonian-Laird means err too often with 2 to 5 datasets (numbers: docs/methods.md).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95
MIN_FOR_PREDICTION = 3  # datasets: the interval has two degrees of freedom fewer
ONE_DATASET, TWO_DATASETS = "one_dataset", "two_datasets"
_MAX_STEPS = 200


def random_effects(effects: np.ndarray, standard_errors: np.ndarray) -> pd.DataFrame:
    """Mean of each row over datasets, with the uncertainty that their number leaves.

    At the variance of Paule and Mandel the scale factor of Hartung and Knapp is 1, and below 1 only where that variance
    is 0. With Röver's max(1, factor) their interval is therefore a t interval with n - 1 degrees of freedom.

    Parameters
    ----------
    effects, standard_errors : ndarray, rows x datasets
        NaN where a dataset has no value; standard errors above 0.

    Returns
    -------
    DataFrame
        n (datasets), n_same_sign (those with the sign of the mean), effect, standard_error, ci_low, ci_high, p_value
        (two-sided), tau_squared, q_p_value, i_squared (0..100), prediction_low, prediction_high (from three datasets
        on), note. All numbers but the first two are NaN in a row without any value; intervals, p and heterogeneity also
        in a row of one dataset, whose own test is to be taken.
    """
    known = np.isfinite(effects) & np.isfinite(standard_errors)
    values, variances = np.where(known, effects, 0.0), np.where(known, standard_errors, 1.0) ** 2
    n = known.sum(axis=1)
    several = n > 1
    between = np.where(several, paule_mandel(values, variances, known), 0.0)
    mean, total, _ = _weighted(values, variances, known, between)
    _, _, q = _weighted(values, variances, known, np.zeros(len(n)))
    with np.errstate(divide="ignore", invalid="ignore"):
        error = 1 / np.sqrt(np.where(n > 0, total, np.nan))
        inconsistency = 100 * np.where(q > 0, np.maximum(0.0, 1 - (n - 1) / q), 0.0)
    half = _quantile(n - 1) * error
    reach = _quantile(np.where(n >= MIN_FOR_PREDICTION, n - 2, 0)) * np.sqrt(between + error**2)
    return pd.DataFrame(
        {
            "n": n,
            "n_same_sign": (known & (np.sign(values) == np.sign(mean)[:, None])).sum(axis=1),
            "effect": mean,
            "standard_error": error,
            "ci_low": mean - half,
            "ci_high": mean + half,
            "p_value": 2 * stats.t.sf(np.abs(mean / error), np.where(several, n - 1, np.nan)),
            "tau_squared": np.where(several, between, np.nan),
            "q_p_value": stats.chi2.sf(q, np.where(several, n - 1, np.nan)),
            "i_squared": np.where(several, inconsistency, np.nan),
            "prediction_low": mean - reach,
            "prediction_high": mean + reach,
            "note": np.select([n == 1, n == 2], [ONE_DATASET, TWO_DATASETS], default=""),
        }
    )


def paule_mandel(values: np.ndarray, variances: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Variance between datasets at which the weighted squares of a row sum to the number of datasets less one.

    Newton steps from 0 (DerSimonian and Kacker 2007, doi:10.1016/j.cct.2006.04.004): the sum falls and is convex, so
    that no step passes the root. 0 where the sum is below from the start.

    Parameters
    ----------
    values, variances : ndarray, rows x datasets
    known : ndarray of bool, rows x datasets
    """
    n = known.sum(axis=1)
    between = np.zeros(len(n))
    for _ in range(_MAX_STEPS):
        mean, _, spread = _weighted(values, variances, known, between)
        weights = known / (variances + between[:, None])
        slope = (weights**2 * (values - mean[:, None]) ** 2).sum(axis=1)
        moves = (slope > 0) & (spread - (n - 1) > 1e-10 * n)
        if not moves.any():
            break
        between = between + np.divide(spread - (n - 1), slope, out=np.zeros(len(n)), where=moves)
    return between


def difference(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """Two-sided p of the difference between two effects, from their 95 % intervals by the squares of their halves.

    Below 0.05 exactly where the difference is larger than its interval; elsewhere approximate. The halves know the
    degrees of freedom, so that few donors or few datasets on a side make it cautious.

    Parameters
    ----------
    first, second : DataFrame
        effect, ci_low, ci_high; rows alike. NaN where either has no value.
    """
    halves = [(part["ci_high"] - part["ci_low"]) / 2 for part in (first, second)]
    z = (first["effect"] - second["effect"]).abs() / np.hypot(*halves) * stats.norm.ppf((1 + CONFIDENCE) / 2)
    return pd.Series(2 * stats.norm.sf(z), index=first.index)


def _weighted(
    values: np.ndarray, variances: np.ndarray, known: np.ndarray, between: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of each row by inverse variance, sum of its weights, weighted sum of squares around the mean."""
    weights = known / (variances + between[:, None])
    total = weights.sum(axis=1)
    mean = np.divide((weights * values).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0)
    return mean, total, (weights * (values - mean[:, None]) ** 2).sum(axis=1)


def _quantile(df: np.ndarray) -> np.ndarray:
    """Upper quantile of t for the 95 % interval; NaN without degrees of freedom."""
    numbers, place = np.unique(df, return_inverse=True)
    return stats.t.ppf((1 + CONFIDENCE) / 2, np.where(numbers > 0, numbers, np.nan))[place]
