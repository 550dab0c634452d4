"""How much each donor's mean score is worth: donors with few cells have means of less precision.

The mean of n cells varies between donors by B + W / n, with B between donors and W between the cells of one. W is
known well, since cells are many; B is not, for one set.
NOTE: so W / B is taken to be the same for all sets of a cell type, and estimated over them; then all sets, and all
random sets, have the same weights.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

# ASSUME: donors differ by at least a third of what the cells add to a mean of the median number of cells. Without a
# floor, a ratio that chance makes infinite would leave the test to the one or two donors with most cells.
LEAST_BETWEEN = 1 / 3


def weights_by_cells(scores: np.ndarray, within: np.ndarray, n_cells: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """Weights of donors by their number of cells, mean 1: all 1 where the variance between cells is not known.

    Parameters
    ----------
    scores : ndarray, sets x donors
        Mean scores.
    within : ndarray (sets,)
        Variance of the score between the cells of a donor, in the square of the same unit; NaN where unknown.
    n_cells : ndarray (donors,)
        Cells behind each mean.
    terms : ndarray, donors x terms
        Design matrix, full rank, more donors than terms.

    Returns
    -------
    ndarray (donors,)
        1 / (1 + ratio / n_cells), over their mean; ratio is W / B.
    """
    known = within > 0
    if not known.any():
        return np.ones(len(n_cells))
    basis = np.linalg.qr(terms)[0]
    df = terms.shape[0] - terms.shape[1]
    residuals = scores[known] - scores[known] @ basis @ basis.T
    # The expected sum of squares of a set is B df + W sum((1 - leverage) / n).
    sums = (residuals**2).sum(axis=1) / within[known]
    typical = np.median(sums) * df / stats.chi2.median(df)  # a median, since B differs between sets
    by_cells = ((1 - (basis**2).sum(axis=1)) / n_cells).sum()
    between = max((typical - by_cells) / df, LEAST_BETWEEN / np.median(n_cells))
    weights = 1 / (1 + 1 / (between * n_cells))
    return weights / weights.mean()


def pooled_variance(deviations: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Variance between the cells of a donor, over all donors by their degrees of freedom.

    Parameters
    ----------
    deviations : ndarray, sets x donors
        Standard deviation between the cells of each donor; NaN where unknown.
    n_cells : ndarray (donors,)

    Returns
    -------
    ndarray (sets,)
        NaN where no donor's is known.
    """
    df = np.where(np.isnan(deviations), 0, n_cells - 1)
    total = df.sum(axis=1)
    squares = (np.nan_to_num(deviations) ** 2 * df).sum(axis=1)
    return np.divide(squares, total, out=np.full(len(deviations), np.nan), where=total > 0)
