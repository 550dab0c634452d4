"""Linear models over many features, with variances moderated across features (Smyth 2004)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from alscell.design import Design

PRIORS = ("common", "trend", "local")
SPLINE_DF = 4  # SOURCE: limma's fitFDist: natural cubic spline with 4 degrees of freedom for 30 features or more


@dataclass(frozen=True)
class Fit:
    """Least-squares fits, one a feature.

    Parameters
    ----------
    coefficients : ndarray, features x terms
        Estimates.
    root : ndarray, features x terms x terms (or 1 x terms x terms, without weights)
        root @ root.T is the covariance of the estimates before the multiplication with sigma2.
    sigma2 : ndarray (features,)
        Residual variance; NaN without residual degrees of freedom.
    df_residual : float
        Donors minus terms.
    average : ndarray (features,)
        Mean of each feature over donors, unweighted.
    """

    coefficients: np.ndarray
    root: np.ndarray
    sigma2: np.ndarray
    df_residual: float
    average: np.ndarray

    def effect(self, design: Design) -> np.ndarray:
        """Estimate of the contrast of each feature, in the unit of the values."""
        return self.coefficients @ design.contrast

    def unscaled_error(self, design: Design) -> np.ndarray:
        """Standard error of the contrast before the multiplication with sigma, one a feature."""
        error = np.linalg.norm(design.contrast @ self.root, axis=-1)
        return np.broadcast_to(error, len(self.coefficients)).copy()


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
        root = np.linalg.inv(r)[None]
        coefficients = values @ q @ root[0].T
        residuals = values - coefficients @ terms.T
    else:
        precision = np.sqrt(_checked_weights(weights, values.shape))
        q, r = np.linalg.qr(precision[:, :, None] * terms)
        root = np.linalg.inv(r)
        coefficients = np.einsum("gpq,gdq,gd->gp", root, q, precision * values, optimize=True)
        residuals = precision * (values - coefficients @ terms.T)
    df_residual = terms.shape[0] - terms.shape[1]
    sigma2 = (residuals**2).sum(axis=1) / df_residual if df_residual > 0 else np.full(len(values), np.nan)
    return Fit(coefficients, root, sigma2, float(df_residual), values.mean(axis=1))


def _checked_weights(weights: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    weights = np.asarray(weights, dtype=float)
    if weights.shape != shape:
        raise ValueError(f"weights have shape {weights.shape}, values {shape}")
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError("weights are not all positive and finite")
    return weights


def moderate(
    sigma2: np.ndarray, df_residual: float, *, average: np.ndarray | None, prior: str
) -> tuple[np.ndarray, np.ndarray]:
    """Residual variances squeezed towards a prior that the features share.

    Parameters
    ----------
    sigma2 : ndarray (features,)
        Residual variances.
    df_residual : float, > 0
        Their degrees of freedom.
    average : ndarray (features,) or None
        Average log expression; not used by "common".
    prior : str
        As `prior_variance`.

    Returns
    -------
    posterior_variance : ndarray (features,)
    df_prior : ndarray (features,)
        Weight of the prior, in degrees of freedom; inf if the variances differ no more than chance allows,
        0 if there is but one feature.
    """
    sigma2 = np.asarray(sigma2, dtype=float)
    if not df_residual > 0:
        raise ValueError("no residual degrees of freedom")
    if len(sigma2) < 2:
        return sigma2.copy(), np.zeros(len(sigma2))
    variance, df_prior = prior_variance(sigma2, df_residual, average=average, prior=prior)
    return squeeze(sigma2, df_residual, variance, df_prior), df_prior


def squeeze(sigma2: np.ndarray, df: float, variance: np.ndarray, df_prior: np.ndarray) -> np.ndarray:
    """Mean of estimate and prior variance by their degrees of freedom; the prior where its are infinite."""
    share = np.where(np.isinf(df_prior), 1.0, df_prior / np.where(np.isinf(df_prior), 1.0, df_prior + df))
    return share * variance + (1 - share) * sigma2


def prior_variance(
    sigma2: np.ndarray, df: float, *, average: np.ndarray | None, prior: str
) -> tuple[np.ndarray, np.ndarray]:
    """Prior variance of each feature and its degrees of freedom: a scaled F fitted to the variances by moments.

    Parameters
    ----------
    sigma2 : ndarray (features,)
        Residual variances, two or more.
    df : float, > 0
        Their degrees of freedom.
    average : ndarray (features,) or None
        Average log expression.
    prior : str
        "common": one prior (limma). "trend": its variance follows the average by a natural cubic spline of 4 degrees of
        freedom (fewer below 30 features) with inner knots at quantiles (limma-trend). "local": as "trend", and where
        features of like average differ more than all features do, the prior weighs less. Variances of highly expressed
        genes differ much, as donors do; those of low ones little, as counts do: one weight for all is too large for
        the first, and they fill the far tail of the p-values.

    Returns
    -------
    variance, df_prior : ndarray (features,)

    Source
    ------
    Smyth 2004, Stat Appl Genet Mol Biol 3:3, section 6.2: moments of log variances. "common" and "trend" were checked
    against limma 3.54.1; "local" is ours, measured in docs/calibration.md.
    """
    if prior not in PRIORS:
        raise ValueError(f"prior '{prior}' is none of {PRIORS}")
    middle = np.median(sigma2)
    floored = np.maximum(sigma2, 1e-5 * (middle if middle > 0 else 1.0))  # a variance of 0 has no logarithm
    logs = np.log(floored) - special.digamma(df / 2) + np.log(df / 2)
    chance = special.polygamma(1, df / 2)
    if prior == "common":
        location, n_terms = np.full(len(logs), logs.mean()), 1
    else:
        basis = natural_spline(average, df=_spline_df(average))
        location, n_terms = _smooth(logs, basis), basis.shape[1]
    squares = (logs - location) ** 2
    spread = np.full(len(logs), squares.sum() / max(len(logs) - n_terms, 1) - chance)
    if prior == "local":
        spread = np.maximum(spread, _smooth(squares, basis) - chance)
    if spread.max() <= 0:
        variance = np.full(len(logs), floored.mean()) if prior == "common" else np.exp(location)
        return variance, np.full(len(logs), np.inf)
    df_prior = np.where(spread > 0, 2 * _inverse_trigamma(np.maximum(spread, 1e-12)), np.inf)
    finite = np.where(np.isinf(df_prior), 1.0, df_prior)
    shift = np.where(np.isinf(df_prior), 0.0, special.digamma(finite / 2) - np.log(finite / 2))
    return np.exp(location + shift), df_prior


def _smooth(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return basis @ np.linalg.lstsq(basis, values, rcond=None)[0]


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


def _inverse_trigamma(value: np.ndarray) -> np.ndarray:
    """y with trigamma(y) = value, by Newton's method on 1/trigamma, which is convex."""
    y = 0.5 + 1 / value
    for _ in range(50):
        trigamma = special.polygamma(1, y)
        step = trigamma * (1 - trigamma / value) / special.polygamma(2, y)
        y = y + step
        if np.max(-step / y) < 1e-10:
            break
    return np.where(value > 1e7, 1 / np.sqrt(value), np.where(value < 1e-6, 1 / value, y))


def moderated_test(fit: Fit, design: Design, *, prior: str) -> pd.DataFrame:
    """Moderated t test of the contrast, one row a feature.

    Parameters
    ----------
    fit : Fit
        Of `fit_linear` with this design, or another of the same model.
    design : Design
        Says which combination of coefficients is tested.
    prior : str
        Of the variances, as `prior_variance`.

    Returns
    -------
    DataFrame
        effect (case minus control, unit of the values), standard_error (moderated), statistic (t), p_value (two-sided),
        residual_sd (square root of the moderated variance), df_total (degrees of freedom of t).
    """
    variance, df_prior = moderate(fit.sigma2, fit.df_residual, average=fit.average, prior=prior)
    effect = fit.effect(design)
    error = fit.unscaled_error(design) * np.sqrt(variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(error > 0, effect / error, 0.0)
    df_total = np.minimum(fit.df_residual + df_prior, fit.df_residual * len(effect))
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


def filtered_fdr(p: np.ndarray, mean: np.ndarray, *, fdr: float) -> np.ndarray:
    """False discovery rates without the genes of lowest expression, where leaving them out gains calls.

    Parameters
    ----------
    p : ndarray (genes,)
    mean : ndarray (genes,)
        Mean expression; it must not tell anything of p under the null.
    fdr : float, 0..1
        Rate at which calls are counted.

    Returns
    -------
    ndarray (genes,)
        NaN for genes left out.

    Source
    ------
    Love, Huber and Anders 2014, Genome Biol 15:550: the smallest share left out (of 50 up to 0.95) whose calls come
    within the residual spread of the peak of a lowess curve; none if the most is 10 calls or fewer.
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    shares = np.linspace(0, 0.95, 50)
    cuts = np.quantile(mean, shares)
    cuts[0] = -np.inf
    calls = np.array([(benjamini_hochberg(p[mean >= cut]) <= fdr).sum() for cut in cuts])
    chosen = 0
    if calls.max() > 10:
        curve = lowess(calls, shares, frac=0.2, return_sorted=False)
        spread = np.sqrt(((calls - curve)[calls > 0] ** 2).mean())
        good = np.flatnonzero(calls > curve.max() - spread)
        chosen = int(good[0]) if len(good) else 0
    out = np.full(len(p), np.nan)
    left = mean >= cuts[chosen]
    out[left] = benjamini_hochberg(p[left])
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
