"""Doublet scores of one sample: how many of a cell's neighbors are artificial doublets.

Source
------
Wolock 2019 (Scrublet), doi:10.1016/j.cels.2018.11.005: artificial doublets, k nearest neighbors, Bayesian score.
Deviations: exact neighbors, principal components of log-normalized counts that are centered but not scaled, and a
threshold that is not the valley of a histogram (which real samples often lack) but a bound on the singlets called.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, eigsh

MIN_CELLS = 100  # ASSUME: with fewer cells the neighbors are not near, and no score is given
MAX_SINGLETS = 0.25  # of the called cells
MIN_ABOVE = 0.1  # of the artificial doublets, for the rate of real ones to be read there
PLAUSIBLE_RATE = 0.15


@dataclass(frozen=True)
class Doublets:
    """Scores (0..1) and calls of cells, and the share of artificial neighbors above which they are called (or nan)."""

    scores: np.ndarray
    called: np.ndarray
    threshold: float


def find_doublets(
    matrix: sp.csr_matrix,
    *,
    simulated_per_cell: float,
    n_top_genes: int,
    n_neighbors: int,
    n_components: int,
    expected_rate: float,
    max_rate: float,
    seed: int,
) -> Doublets:
    """Score the cells of one sample, and call those above the threshold.

    Parameters
    ----------
    matrix : csr_matrix, shape (n_cells, n_genes)
        Raw counts of the cells that passed every other filter.
    simulated_per_cell : float
        Artificial doublets for each cell.
    n_top_genes, n_components, n_neighbors : int
        Variable genes, principal components and neighbors (among real cells; artificial ones are added in proportion).
    expected_rate : float
        Share of doublets to expect, 0..1; prior of the score and scale of the threshold.
    max_rate : float
        No larger share is called.
    seed : int
        Of the random pairs.

    Returns
    -------
    Doublets
        With fewer than 100 cells: scores nan, none called.
    """
    n_cells = matrix.shape[0]
    if n_cells < MIN_CELLS:
        return Doublets(np.full(n_cells, np.nan), np.zeros(n_cells, dtype=bool), np.nan)
    pairs = np.random.default_rng(seed).integers(0, n_cells, size=(round(simulated_per_cell * n_cells), 2))
    genes = variable_genes(matrix, n_top_genes=n_top_genes)
    totals = np.asarray(matrix.sum(axis=1)).ravel().astype(np.float64)
    small = matrix[:, genes].astype(np.float64)
    target = float(np.median(totals))
    observed = log_normalize(small, totals, target=target)
    simulated = log_normalize(small[pairs[:, 0]] + small[pairs[:, 1]], totals[pairs].sum(axis=1), target=target)
    points = principal_components(observed, simulated, n_components=n_components)
    ratio = len(pairs) / n_cells
    shares = _simulated_share(points, n_cells, n_neighbors=n_neighbors, ratio=ratio)
    threshold = find_threshold(shares[:n_cells], shares[n_cells:], expected_rate=expected_rate, max_rate=max_rate)
    scores = bayesian_score(shares, ratio=ratio, expected_rate=expected_rate)
    called = np.zeros(n_cells, dtype=bool) if np.isnan(threshold) else shares[:n_cells] > threshold
    return Doublets(scores[:n_cells], called, threshold)


def variable_genes(matrix: sp.csr_matrix, *, n_top_genes: int) -> np.ndarray:
    """Positions, in order, of the genes whose log-normalized counts have the largest variance.

    NOTE: planted doublets of unlike cells were told from cells with an AUC of 0.96 to 0.99 by these genes, against 0.95
    to 0.98 by genes that are variable for their mean, which are more often rare ones (blood cells, cortex nuclei).
    """
    totals = np.asarray(matrix.sum(axis=1)).ravel().astype(np.float64)
    logs = log_normalize(matrix.astype(np.float64), totals, target=float(np.median(totals)))
    variance = np.asarray(logs.multiply(logs).mean(axis=0)).ravel() - np.asarray(logs.mean(axis=0)).ravel() ** 2
    return np.sort(np.argsort(-variance, kind="stable")[:n_top_genes])


def log_normalize(matrix: sp.csr_matrix, totals: np.ndarray, *, target: float) -> sp.csr_matrix:
    """log(1 + counts scaled to `target` a cell). UNIT: natural log."""
    out = sp.csr_matrix(sp.diags(target / np.maximum(totals, 1.0)) @ matrix)
    out.data = np.log1p(out.data)
    return out


def principal_components(fit: sp.csr_matrix, further: sp.csr_matrix, *, n_components: int) -> np.ndarray:
    """Coordinates of both sets of cells on the principal components of the first, centered, never made dense."""
    n_cells, n_genes = fit.shape
    center = np.asarray(fit.mean(axis=0)).ravel()

    def covariance(vector: np.ndarray) -> np.ndarray:
        vector = vector.ravel()
        return fit.T @ (fit @ vector) - n_cells * center * (center @ vector)

    wanted = min(n_components, n_genes - 1, n_cells - 1)
    # NOTE: a fixed start makes the result the same in every run; a random one would not.
    start = np.random.default_rng(0).standard_normal(n_genes)
    _, axes = eigsh(
        LinearOperator((n_genes, n_genes), matvec=covariance, dtype=np.float64), k=wanted, v0=start, tol=1e-6
    )
    return np.vstack([fit @ axes, further @ axes]) - center @ axes


def _simulated_share(points: np.ndarray, n_cells: int, *, n_neighbors: int, ratio: float) -> np.ndarray:
    """Share of artificial doublets among each point's neighbors, with one pseudocount on either side."""
    from sklearn.neighbors import NearestNeighbors

    wanted = min(round(n_neighbors * (1 + ratio)), len(points) - 1)
    search = NearestNeighbors(n_neighbors=wanted + 1, algorithm="brute").fit(points)
    neighbors = search.kneighbors(points, return_distance=False)
    own = neighbors == np.arange(len(points))[:, None]
    own[~own.any(axis=1), -1] = True  # NOTE: among equal points a cell may miss itself; then its last neighbor goes
    n_simulated = (neighbors >= n_cells).sum(axis=1) - (own & (neighbors >= n_cells)).sum(axis=1)
    return (n_simulated + 1) / (wanted + 2)


def bayesian_score(shares: np.ndarray, *, ratio: float, expected_rate: float) -> np.ndarray:
    """Probability of being a doublet, from the share of artificial neighbors (Wolock 2019, STAR Methods).

    Parameters
    ----------
    shares : ndarray
        0..1.
    ratio : float
        Artificial doublets for each cell.
    expected_rate : float
        0..1.
    """
    rate = np.clip(expected_rate, 1e-6, 1 - 1e-6)
    odds = shares * rate / ratio
    return odds / ((1 - rate) * (1 - shares) + odds)


def find_threshold(real: np.ndarray, simulated: np.ndarray, *, expected_rate: float, max_rate: float) -> float:
    """Share of artificial neighbors above which a cell is called a doublet; nan if no cell should be.

    If artificial doublets are like real ones, a share `rate` of real doublets puts rate x n_cells x (share of
    artificial doublets above t) cells above any t; singlets can only add to that. So the smallest ratio of cells above
    t to that number estimates the rate (high shares, where no singlets are left), and the threshold is the lowest t
    above which at most a quarter of the cells are expected to be singlets.

    ASSUME: an estimate above 0.15 and above three times `expected_rate` means that doublets of this
    sample can hardly be told from its cells (all cells alike); the larger of these two is used in its place.

    Parameters
    ----------
    real, simulated : ndarray
        Shares of artificial neighbors of cells and of artificial doublets, 0..1.
    expected_rate, max_rate : float
        0..1; no larger part of the cells than `max_rate` is called.
    """
    levels = np.unique(simulated)
    called = len(real) - np.searchsorted(np.sort(real), levels, side="right")
    above = 1 - np.searchsorted(np.sort(simulated), levels, side="right") / len(simulated)
    enough = above >= MIN_ABOVE
    if not enough.any():
        return np.nan
    rate = min((called[enough] / (len(real) * above[enough])).min(), max(PLAUSIBLE_RATE, 3 * expected_rate))
    fits = (rate * len(real) * above >= (1 - MAX_SINGLETS) * called) & (called > 0) & (called <= max_rate * len(real))
    return float(levels[fits][0]) if fits.any() else np.nan
