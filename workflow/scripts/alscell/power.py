"""How large an effect must be for a test to find it: minimum detectable effects of t tests."""

from __future__ import annotations

import numpy as np
from scipy import optimize, special, stats

_N_QUANTILES = 2000  # of the estimated standard deviation, over which power is averaged: exact to 4 digits


def minimum_detectable_effect(unscaled_error: np.ndarray, df: float, *, alpha: float, power: float) -> np.ndarray:
    """The effect, in residual standard deviations, that a two-sided t test finds with a given probability.

    Parameters
    ----------
    unscaled_error : ndarray or float
        Standard error of the effect over the residual standard deviation: sqrt(1/n1 + 1/n2) for two groups.
    df : float
        Degrees of freedom of t; inf for a normal test.
    alpha : float
        p value at which an effect counts as found, two-sided, in (0, 1).
    power : float
        Probability of finding it, in (0, 1).

    Returns
    -------
    ndarray
        Shape of `unscaled_error`, in residual standard deviations, >= 0. 0 if chance alone has that power.

    Raises
    ------
    ValueError
        If alpha or power is outside (0, 1), or df is not positive.

    Source
    ------
    Cohen 1988, Statistical Power Analysis, chapter 2: noncentral t.
    """
    if not (0 < alpha < 1 and 0 < power < 1 and df > 0):
        raise ValueError(f"alpha {alpha} and power {power} must lie between 0 and 1, df {df} above 0")
    return np.asarray(unscaled_error, dtype=float) * _detectable_shift(float(df), float(alpha), float(power))


def _detectable_shift(df: float, alpha: float, power: float) -> float:
    """The noncentrality at which |t| passes its critical value with the given power."""
    if alpha >= power:
        return 0.0
    # NOTE: scipy's noncentral t (1.18) is NaN in places, so that its definition is used: a normal variable over an
    # estimated standard deviation, sqrt(chi-squared / df).
    places = (np.arange(_N_QUANTILES) + 0.5) / _N_QUANTILES
    estimated = np.ones(1) if np.isinf(df) else np.sqrt(stats.chi2.ppf(places, df) / df)
    critical = stats.t.isf(alpha / 2, df) * estimated

    def lack(shift: float) -> float:
        found = special.ndtr(shift - critical) + special.ndtr(-shift - critical)
        return float(found.mean()) - power

    upper = 1.0
    while lack(upper) < 0:
        upper *= 2
    return float(optimize.brentq(lack, 0.0, upper, xtol=1e-10))
