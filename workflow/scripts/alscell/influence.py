"""How much one donor decides: Cook's distances, and the test of a contrast without each donor in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from alscell.design import Design
from alscell.moderation import Fit, prior_variance, squeeze

COOKS_QUANTILE = 0.99  # SOURCE: Love, Huber and Anders 2014, Genome Biol 15:550: quantile of F(p, n - p)
COOKS_DONORS = 3  # SOURCE: as there: fewer donors in a group cannot show which one is the outlier
SOLE = 1e-8  # 1 - leverage below which a term rests on one donor alone


@dataclass(frozen=True)
class Influence:
    """What single donors do to each feature's test of one contrast.

    Parameters
    ----------
    cooks : ndarray, features x donors
        Cook's distances, with the moderated variance of the other donors: an outlier does not hide itself.
    cooks_limit : float
        Above it a donor is an outlier; inf where groups are too small to tell.
    p_without : ndarray, features x donors
        Two-sided p without that donor; NaN for a donor without whom the contrast could not be estimated.
    effect_without : ndarray, features x donors
        Effect without that donor.
    """

    cooks: np.ndarray
    cooks_limit: float
    p_without: np.ndarray
    effect_without: np.ndarray


def measure_influence(
    values: np.ndarray, weights: np.ndarray | None, fit: Fit, design: Design, *, prior: str
) -> Influence:
    """Influence of every donor on every feature, without fitting again.

    Weights and prior variance stay those of all donors, so that only the donor's own values are taken out; for given
    weights the estimates are exact (Sherman-Morrison).

    Parameters
    ----------
    values : ndarray, features x donors
        As fitted.
    weights : ndarray, features x donors, or None
        As fitted.
    fit : Fit
    design : Design
        Of that fit.
    prior : str
        As `moderated_test`.

    Source
    ------
    Cook 1977, Technometrics 19:15; Belsley, Kuh and Welsch 1980, Regression Diagnostics, chapter 2.
    """
    terms = design.matrix.to_numpy(dtype=float)
    n, n_terms = terms.shape
    weights = np.ones(values.shape) if weights is None else weights
    loadings = terms @ fit.root  # features x donors x terms; its squared length times the weight is the leverage
    leverage = weights * (loadings**2).sum(axis=2)
    spared = 1 - leverage
    sole = spared < SOLE
    spared = np.where(sole, 1.0, spared)
    residuals = values - fit.coefficients @ terms.T
    pull = (loadings * (design.contrast @ fit.root)[:, None, :]).sum(axis=2)  # of a donor's value on the contrast
    effect = fit.effect(design)[:, None] - pull * weights * residuals / spared
    unscaled2 = fit.unscaled_error(design)[:, None] ** 2 + pull**2 * weights / spared
    squares = (fit.sigma2 * fit.df_residual)[:, None] - weights * residuals**2 / spared
    variance, df_total = _variances_without(np.maximum(squares, 0.0), fit, prior=prior)
    with np.errstate(divide="ignore", invalid="ignore"):
        cooks = weights * residuals**2 * leverage / spared**2 / (n_terms * variance)
        p = 2 * stats.t.sf(np.abs(effect) / np.sqrt(unscaled2 * variance), df_total)
    lost = sole & (np.abs(pull) > SOLE)
    limit = stats.f.ppf(COOKS_QUANTILE, n_terms, n - n_terms) if design.smallest_group >= COOKS_DONORS else np.inf
    return Influence(
        np.where(sole, 0.0, cooks), float(limit), np.where(lost, np.nan, p), np.where(lost, np.nan, effect)
    )


def _variances_without(squares: np.ndarray, fit: Fit, *, prior: str) -> tuple[np.ndarray, np.ndarray]:
    """Moderated variances from sums of squares without each donor, and degrees of freedom of t (features x 1).

    NaN where neither the rest nor the prior tells of a variance.
    """
    df = fit.df_residual - 1
    common, df_prior = np.zeros(len(squares)), np.zeros(len(squares))
    if len(squares) > 1:
        common, df_prior = prior_variance(fit.sigma2, fit.df_residual, average=fit.average, prior=prior)
    if not (df + df_prior > 0).all():
        return np.full(squares.shape, np.nan), np.ones((len(squares), 1))
    variance = squeeze(squares / max(df, 1), df, common[:, None], df_prior[:, None])
    return variance, np.minimum(df + df_prior, max(df, 1) * len(squares))[:, None]
