"""From pseudobulk counts to log2 counts per million: which genes, which scale, which precision."""

from __future__ import annotations

import numpy as np
from scipy import stats
from scipy.optimize import nnls

from alscell.design import Design
from alscell.moderation import fit_linear

# SOURCE: edgeR's filterByExpr: arms beyond 10 donors count for 70 % of the excess.
LARGE_ARM, SHARE_BEYOND = 10, 0.7
# SOURCE: Robinson and Oshlack 2010, Genome Biol 11:R25: 30 % of log ratios, 5 % of averages trimmed at each end.
RATIO_TRIM, AVERAGE_TRIM = 0.3, 0.05
# SOURCE: Law et al. 2014, Genome Biol 15:R29: half a count added, lowess over half of the genes.
VOOM_PRIOR_COUNT, VOOM_SPAN = 0.5, 0.5
POISSON = 1 / np.log(2) ** 2  # UNIT: variance of log2 of a Poisson count of 1, to first order; 1/count of that for more
# SOURCE: limma's user guide, limma-trend: 3 counts added, in proportion to library size.
TREND_PRIOR_COUNT = 3.0


def expressed_genes(counts: np.ndarray, *, smallest_arm: int, min_count: float, min_total_count: float) -> np.ndarray:
    """Genes with enough counts to be tested, by the rule of edgeR's filterByExpr.

    Parameters
    ----------
    counts : ndarray, genes x donors
    smallest_arm : int
        Donors in the smaller arm.
    min_count : float
        Counts, in a donor of median library size; a gene must exceed the same counts per million in so many donors.
    min_total_count : float
        Counts over all donors.

    Returns
    -------
    ndarray of bool (genes,)

    Source
    ------
    Chen, Lun and Smyth 2016, F1000Research 5:1438; edgeR 3.40.2.
    """
    sizes = counts.sum(axis=0)
    enough_donors = smallest_arm
    if smallest_arm > LARGE_ARM:
        enough_donors = LARGE_ARM + (smallest_arm - LARGE_ARM) * SHARE_BEYOND
    above = counts / sizes >= min_count / np.median(sizes)
    tolerance = 1e-14
    return (above.sum(axis=1) >= enough_donors - tolerance) & (counts.sum(axis=1) >= min_total_count - tolerance)


def tmm_factors(counts: np.ndarray) -> np.ndarray:
    """Scaling factors of the library sizes: trimmed mean of M values.

    Parameters
    ----------
    counts : ndarray, genes x donors
        Every donor has counts.

    Returns
    -------
    ndarray (donors,)
        Their product is 1.

    Source
    ------
    Robinson and Oshlack 2010; reference donor, trimming and weights as edgeR 3.40.2.
    """
    counts = counts[counts.sum(axis=1) > 0].astype(float)
    sizes = counts.sum(axis=0)
    upper = np.quantile(counts, 0.75, axis=0) / sizes
    # NOTE: where more than three quarters of the counts are 0, the upper quartile says nothing; edgeR then takes the
    # donor with the largest sum of square roots.
    reference = (
        int(np.sqrt(counts).sum(axis=0).argmax())
        if np.median(upper) < 1e-20
        else int(np.abs(upper - upper.mean()).argmin())
    )
    logs = np.array([_log2_factor(counts[:, i], counts[:, reference]) for i in range(counts.shape[1])])
    return 2 ** (logs - logs.mean())


def _log2_factor(observed: np.ndarray, reference: np.ndarray) -> float:
    """Weighted mean of log ratios between two donors, without the extreme genes."""
    shared = (observed > 0) & (reference > 0)
    size, size_reference = observed.sum(), reference.sum()
    observed, reference = observed[shared], reference[shared]
    ratio = np.log2((observed / size) / (reference / size_reference))
    if not shared.any() or np.abs(ratio).max() < 1e-6:
        return 0.0
    average = (np.log2(observed / size) + np.log2(reference / size_reference)) / 2
    variance = (size - observed) / size / observed + (size_reference - reference) / size_reference / reference
    kept = _within(ratio, RATIO_TRIM) & _within(average, AVERAGE_TRIM)
    return float((ratio / variance)[kept].sum() / (1 / variance)[kept].sum()) if kept.any() else 0.0


def _within(values: np.ndarray, trim: float) -> np.ndarray:
    """Values whose rank is not among the `trim` lowest or highest; ties share their mean rank."""
    low = np.floor(len(values) * trim) + 1
    ranks = stats.rankdata(values)
    return (ranks >= low) & (ranks <= len(values) + 1 - low)


def effective_sizes(counts: np.ndarray) -> np.ndarray:
    """Library sizes times TMM factors, UNIT: counts."""
    return counts.sum(axis=0) * tmm_factors(counts)


def log_counts(counts: np.ndarray, sizes: np.ndarray, *, prior_count: float) -> np.ndarray:
    """log2 counts per million, with a prior count in proportion to library size (as edgeR's cpm).

    Parameters
    ----------
    counts : ndarray, genes x donors
    sizes : ndarray (donors,)
        Effective library sizes.
    prior_count : float
        Counts added in a donor of mean library size.

    Returns
    -------
    ndarray, genes x donors
    """
    prior = prior_count * sizes / sizes.mean()
    return np.log2((counts + prior) / (sizes + 2 * prior) * 1e6)


def voom_values(counts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """log2 counts per million with half a count added to each (Law 2014); arguments as `voom`."""
    return np.log2((counts + VOOM_PRIOR_COUNT) / (sizes + 1) * 1e6)


def voom(
    counts: np.ndarray, sizes: np.ndarray, design: Design, *, cells: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """log2 counts per million and the precision of each, from the trend of variance on count size.

    Parameters
    ----------
    counts : ndarray, genes x donors
    sizes : ndarray (donors,)
        Effective library sizes.
    design : Design
        Its residuals give the trend.
    cells : ndarray (donors,) or None
        Cells behind each donor's counts: a donor with few of them varies more, as `cell_factors` finds from these data.
        None, or equal numbers: plain voom.

    Returns
    -------
    values, weights : ndarray, genes x donors

    Source
    ------
    Law et al. 2014, Genome Biol 15:R29. Without `cells` checked against limma 3.54.1.
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    values = voom_values(counts, sizes)
    fit = fit_linear(values, design, weights=None)
    log_count = fit.average + np.log2(sizes + 1).mean() - np.log2(1e6)
    root_sd = fit.sigma2**0.25
    curve = lowess(root_sd, log_count, frac=VOOM_SPAN, it=3, delta=0.01 * np.ptp(log_count))
    fitted = fit.coefficients @ design.matrix.to_numpy().T + np.log2(sizes + 1) - np.log2(1e6)
    # ASSUME: beyond the genes that were fitted, the curve goes on as a constant.
    trend = np.interp(fitted, curve[:, 0], curve[:, 1])
    weights = 1 / np.maximum(trend, 1e-3) ** 4
    if cells is None or np.ptp(cells) == 0:
        return values, weights
    residuals = values - fit.coefficients @ design.matrix.to_numpy().T
    return values, weights / cell_factors(residuals, weights, 2**fitted, np.asarray(cells, dtype=float), design)


def cell_factors(
    residuals: np.ndarray, weights: np.ndarray, expected: np.ndarray, cells: np.ndarray, design: Design
) -> np.ndarray:
    """How much more each value varies than voom's trend says, because of the number of cells behind it.

    The variance of a log count is taken as donors + cells / n + 1 / count (Poisson), with one variance between donors
    and one between cells for all genes of the cell type, estimated by moments from residuals.

    Parameters
    ----------
    residuals : ndarray, genes x donors
        Of the unweighted fit of `design`, log2 units.
    weights : ndarray, genes x donors
        Of voom, from the trend alone.
    expected : ndarray, genes x donors
        Fitted counts.
    cells : ndarray (donors,)
        n of each donor.

    Returns
    -------
    ndarray, genes x donors
        Its geometric mean over a gene's donors is 1; all 1 where numbers of cells explain nothing.
    """
    terms = design.matrix.to_numpy(dtype=float)
    basis = np.linalg.qr(terms)[0]
    mixing = (np.eye(len(terms)) - basis @ basis.T) ** 2  # a residual's variance is a mix of all donors' variances
    emphasis = weights.mean(axis=1) ** 2
    emphasis = emphasis / emphasis.sum()
    poisson = POISSON / np.maximum(expected, 1.0)
    explained = np.column_stack([mixing.sum(axis=1), mixing @ (1 / cells)])
    between_donors, between_cells = nnls(explained, emphasis @ residuals**2 - mixing @ (emphasis @ poisson))[0]
    if not between_cells:
        return np.ones_like(residuals)
    variance = between_donors + between_cells / cells + poisson
    typical = between_donors + between_cells / stats.hmean(cells) + poisson
    logs = np.log(variance / typical)
    return np.exp(logs - logs.mean(axis=1, keepdims=True))
