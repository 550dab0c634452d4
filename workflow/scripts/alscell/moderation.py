"""Linear models over many features, with variances moderated across features (Smyth 2004)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from alscell.design import Design

SPLINE_DF = 4  # SOURCE: limma's fitFDist: natural cubic spline with 4 degrees of freedom for 30 features or more


@dataclass(frozen=True)
class Fit:
    """Least-squares fits, one a feature.

    Parameters
    ----------
    coefficients, stdev_unscaled : ndarray, features x terms
        Estimates, and their standard errors before the multiplication with sigma.
    sigma2 : ndarray (features,)
        Residual variance; NaN without residual degrees of freedom.
    df_residual : float
        Donors minus terms.
    average : ndarray (features,)
        Mean of each feature over donors, unweighted.
    """

    coefficients: np.ndarray
    stdev_unscaled: np.ndarray
    sigma2: np.ndarray
    df_residual: float
    average: np.ndarray


def fit_linear(values: np.ndarray, design: Design, *, weights: np.ndarray | None) -> Fit:
    """Least squares of each row of `values` on the design, by QR.

    Parameters
    ----------
    values : ndarray, features x donors
        Finite; donors in the order of `design.matrix`.
    design : Design
        Terms.
    weights : ndarray, features x donors, or None
        Precision weights, positive; None weighs all alike.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If shapes do not agree, or a value or weight is not finite.
    """
    values = np.asarray(values, dtype=float)
    terms = design.matrix.to_numpy(dtype=float)
    if values.ndim != 2 or values.shape[1] != len(terms):
        raise ValueError(f"values have shape {values.shape}; the design has {len(terms)} donors")
    if not np.isfinite(values).all():
        raise ValueError("values are not finite")
    if weights is None:
        q, r = np.linalg.qr(terms)
        inverse = np.linalg.inv(r)
        coefficients = values @ q @ inverse.T
        stdev = np.broadcast_to(np.sqrt((inverse**2).sum(axis=1)), coefficients.shape).copy()
        residuals = values - coefficients @ terms.T
    else:
        root = np.sqrt(_checked_weights(weights, values.shape))
        q, r = np.linalg.qr(root[:, :, None] * terms)
        inverse = np.linalg.inv(r)
        coefficients = np.einsum("gpq,gdq,gd->gp", inverse, q, root * values, optimize=True)
        stdev = np.sqrt((inverse**2).sum(axis=2))
        residuals = root * (values - coefficients @ terms.T)
    df_residual = terms.shape[0] - terms.shape[1]
    sigma2 = (residuals**2).sum(axis=1) / df_residual if df_residual > 0 else np.full(len(values), np.nan)
    return Fit(coefficients, stdev, sigma2, float(df_residual), values.mean(axis=1))


def _checked_weights(weights: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    weights = np.asarray(weights, dtype=float)
    if weights.shape != shape:
        raise ValueError(f"weights have shape {weights.shape}, values {shape}")
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError("weights are not all positive and finite")
    return weights


def moderate(sigma2: np.ndarray, df_residual: float, *, trend: np.ndarray | None) -> tuple[np.ndarray, float]:
    """Residual variances squeezed towards a common value, or towards a trend.

    Parameters
    ----------
    sigma2 : ndarray (features,)
        Residual variances.
    df_residual : float, > 0
        Their degrees of freedom.
    trend : ndarray (features,) or None
        Covariate of the prior variance (the average log expression); its trend is a natural cubic spline of 4 degrees
        of freedom (fewer below 30 features) with inner knots at quantiles, as limma's. None: one prior variance.

    Returns
    -------
    posterior_variance : ndarray (features,)
    df_prior : float
        Weight of the prior, in degrees of freedom; inf if the variances differ no more than chance allows,
        0 if there is but one feature.

    Source
    ------
    Smyth 2004, Stat Appl Genet Mol Biol 3:3, section 6.2: moments of log variances. Checked against limma 3.54.1.
    """
    sigma2 = np.asarray(sigma2, dtype=float)
    if not df_residual > 0:
        raise ValueError("no residual degrees of freedom")
    if len(sigma2) < 2:
        return sigma2.copy(), 0.0
    prior, df_prior = _fit_prior(sigma2, df_residual, trend)
    if np.isinf(df_prior):
        return prior, df_prior
    return (df_prior * prior + df_residual * sigma2) / (df_prior + df_residual), df_prior


def _fit_prior(sigma2: np.ndarray, df: float, trend: np.ndarray | None) -> tuple[np.ndarray, float]:
    """Prior variance of each feature and its degrees of freedom: a scaled F fitted to the variances by moments."""
    middle = np.median(sigma2)
    floored = np.maximum(sigma2, 1e-5 * (middle if middle > 0 else 1.0))  # a variance of 0 has no logarithm
    logs = np.log(floored) - special.digamma(df / 2) + np.log(df / 2)
    if trend is None:
        location, n_terms = np.full(len(logs), logs.mean()), 1
    else:
        basis = natural_spline(trend, df=_spline_df(trend))
        location, n_terms = basis @ np.linalg.lstsq(basis, logs, rcond=None)[0], basis.shape[1]
    spread = ((logs - location) ** 2).sum() / max(len(logs) - n_terms, 1) - special.polygamma(1, df / 2)
    if spread <= 0:
        prior = np.full(len(logs), floored.mean()) if trend is None else np.exp(location)
        return prior, np.inf
    df_prior = 2 * _inverse_trigamma(spread)
    return np.exp(location + special.digamma(df_prior / 2) - np.log(df_prior / 2)), df_prior


def _spline_df(trend: np.ndarray) -> int:
    n = len(trend)
    return min(1 + (n >= 3) + (n >= 6) + (n >= 30), SPLINE_DF, len(np.unique(trend)))


def natural_spline(x: np.ndarray, *, df: int) -> np.ndarray:
    """Basis of natural cubic splines with intercept, inner knots at quantiles, outer knots at the range.

    Parameters
    ----------
    x : ndarray (n,)
    df : int, >= 1
        Columns of the basis.

    Returns
    -------
    ndarray, n x df

    Source
    ------
    Hastie, Tibshirani, Friedman, Elements of Statistical Learning, 2nd edition, equations 5.4 and 5.5.
    """
    x = np.asarray(x, dtype=float)
    if df == 1:
        return np.ones((len(x), 1))
    x = (x - x.min()) / np.ptp(x)
    knots = np.quantile(x, np.linspace(0, 1, df))
    last = knots[-1]

    def curve(knot: float) -> np.ndarray:
        return (np.maximum(x - knot, 0) ** 3 - np.maximum(x - last, 0) ** 3) / (last - knot)

    bends = [curve(knot) - curve(knots[-2]) for knot in knots[:-2]]
    return np.column_stack([np.ones_like(x), x, *bends])


def _inverse_trigamma(value: float) -> float:
    """y with trigamma(y) = value, by Newton's method on 1/trigamma, which is convex."""
    if value > 1e7:
        return 1 / np.sqrt(value)
    if value < 1e-6:
        return 1 / value
    y = 0.5 + 1 / value
    for _ in range(50):
        trigamma = special.polygamma(1, y)
        step = trigamma * (1 - trigamma / value) / special.polygamma(2, y)
        y += step
        if -step / y < 1e-10:
            break
    return float(y)


def moderated_test(fit: Fit, design: Design, *, trend: bool) -> pd.DataFrame:
    """Moderated t test of the contrast, one row a feature.

    Parameters
    ----------
    fit : Fit
        Of `fit_linear` with the same design.
    design : Design
        Names the tested coefficient.
    trend : bool
        Let the prior variance follow the average (limma-trend); False: one prior variance.

    Returns
    -------
    DataFrame
        effect (case minus control, unit of the values), standard_error (moderated), statistic (t), p_value (two-sided),
        residual_sd (square root of the moderated variance), df_total (degrees of freedom of t).
    """
    column = list(design.matrix.columns).index(design.coefficient)
    variance, df_prior = moderate(fit.sigma2, fit.df_residual, trend=fit.average if trend else None)
    effect = fit.coefficients[:, column]
    error = fit.stdev_unscaled[:, column] * np.sqrt(variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(error > 0, effect / error, 0.0)
    df_total = min(fit.df_residual + df_prior, fit.df_residual * len(effect))
    return pd.DataFrame(
        {
            "effect": effect,
            "standard_error": error,
            "statistic": statistic,
            "p_value": 2 * stats.t.sf(np.abs(statistic), df_total),
            "residual_sd": np.sqrt(variance),
            "df_total": df_total,
        }
    )


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """False discovery rates of Benjamini and Hochberg 1995; NaN stays NaN and does not count as a test."""
    p = np.asarray(p, dtype=float)
    out = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    if not len(tested):
        return out
    order = tested[np.argsort(p[tested], kind="stable")]
    ratio = p[order] * len(order) / np.arange(1, len(order) + 1)
    out[order] = np.minimum(np.minimum.accumulate(ratio[::-1])[::-1], 1.0)
    return out


def shrink(effect: np.ndarray, standard_error: np.ndarray) -> np.ndarray:
    """Effects shrunk towards 0 by their own uncertainty: effect * tau2 / (tau2 + standard_error^2).

    tau2, the variance of the true effects, is the moment estimate of Efron and Morris: the mean of
    effect^2 - standard_error^2 with weights 1 / (tau2 + standard_error^2)^2, solved for tau2.

    Parameters
    ----------
    effect, standard_error : ndarray (features,)
        Of one cell type and contrast.

    Returns
    -------
    ndarray (features,)
        Same unit; no effect changes its sign or grows.

    Source
    ------
    Efron and Morris 1975, J Am Stat Assoc 70:311.
    """
    # ASSUME: the largest 1 % of |effect| are set to the 99th percentile for tau2 only, so that a few genes such as
    # XIST do not decide how much all others are shrunk. tau is at least 0.01 (log2 units).
    squared = np.minimum(effect**2, np.quantile(effect**2, 0.99))
    noise = standard_error**2
    tau2 = max(float((squared - noise).mean()), 1e-4)
    for _ in range(100):
        weight = 1 / (tau2 + noise) ** 2
        last, tau2 = tau2, max(float((weight * (squared - noise)).sum() / weight.sum()), 1e-4)
        if abs(tau2 - last) < 1e-8:
            break
    return effect * tau2 / (tau2 + noise)
