"""Does a pathway score follow depth: among the cells of a sample, and among the donors of an arm."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from alscell.keys import CELL_TYPE, FAMILY, N_CELLS, PATHWAY

# ASSUME: with fewer cells of a type in a sample, ranks say too little.
MIN_CELLS = 20


def cell_correlations(scores: np.ndarray, depth: np.ndarray, cell_types: np.ndarray) -> pd.DataFrame:
    """Spearman correlation of each set's score with depth, within the cell types of one sample.

    Parameters
    ----------
    scores : ndarray, cells x sets
        Scores of the cells of one sample.
    depth : ndarray (cells,)
        Counts of each cell.
    cell_types : ndarray of str (cells,)

    Returns
    -------
    DataFrame
        Index cell_type; column n_cells, then one a set, 0, 1, ..: the correlation; NaN for a set whose score is the
        same in all cells. Types with fewer than MIN_CELLS cells are left out.
    """
    rows = {}
    for cell_type in sorted(set(cell_types)):
        inside = cell_types == cell_type
        if inside.sum() >= MIN_CELLS:
            ranks, ranked_depth = stats.rankdata(scores[inside], axis=0), stats.rankdata(depth[inside])
            rows[cell_type] = [inside.sum(), *correlations(ranks.T, ranked_depth)]
    names = [N_CELLS, *range(scores.shape[1])]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=names, dtype=float)
    return table.rename_axis(CELL_TYPE)


def correlations(rows: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pearson correlation of each row with `other`; NaN where either does not vary.

    Parameters
    ----------
    rows : ndarray, features x observations
    other : ndarray (observations,)
    """
    centered = rows - rows.mean(axis=1, keepdims=True)
    reference = other - other.mean()
    size = np.linalg.norm(centered, axis=1) * np.linalg.norm(reference)
    # A spread of a 10^-9th is what rounding leaves of none.
    varies = size > 1e-9 * np.linalg.norm(rows, axis=1) * np.linalg.norm(other)
    return np.divide(centered @ reference, size, out=np.full(len(rows), np.nan), where=varies)


def pool_correlations(parts: list[pd.DataFrame], sets: list[tuple[str, str]]) -> pd.DataFrame:
    """Correlations averaged over samples, weighted by their cells.

    Parameters
    ----------
    parts : list of DataFrame
        From `cell_correlations`, one a sample, same sets.
    sets : list of (family, pathway)
        Names of the sets, in the order of the columns.

    Returns
    -------
    DataFrame
        Table "pathway_depth" but the dataset: one row a cell type and set, where at least one sample has a correlation.
    """
    columns = [CELL_TYPE, FAMILY, PATHWAY, "n_samples", N_CELLS, "correlation"]
    samples = pd.concat(parts).reset_index() if parts else pd.DataFrame(columns=[CELL_TYPE, N_CELLS])
    rows = []
    for cell_type, own in samples.groupby(CELL_TYPE, sort=True):
        for place, (family, pathway) in enumerate(sets):
            known = own[[N_CELLS, place]].dropna()
            if len(known):
                mean = np.average(known[place], weights=known[N_CELLS])
                rows.append((cell_type, family, pathway, len(known), int(known[N_CELLS].sum()), mean))
    return pd.DataFrame(rows, columns=columns)


def donor_correlations(scores: np.ndarray, depth: np.ndarray, arms: np.ndarray) -> np.ndarray:
    """Pearson correlation of each set's donor score with log depth, both as deviations from the mean of their arm.

    Parameters
    ----------
    scores : ndarray, sets x donors
    depth : ndarray (donors,)
        Counts, positive.
    arms : ndarray (donors,)
        Arm of each donor.

    Returns
    -------
    ndarray (sets,)
        NaN with fewer than four donors, or where a score or the depth does not vary.
    """
    if len(arms) < 4:
        return np.full(len(scores), np.nan)
    deviations = np.vstack([scores, np.log(depth)]).astype(float)
    varies = np.ptp(deviations, axis=1) > 1e-9
    for arm in np.unique(arms):
        deviations[:, arms == arm] -= deviations[:, arms == arm].mean(axis=1, keepdims=True)
    return np.where(varies[:-1], correlations(deviations[:-1], deviations[-1]), np.nan)
