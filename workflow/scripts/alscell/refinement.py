"""Rare types inside a big cluster: cells of a branch (neurons) that are one of its types (motor neurons) by themselves.

A spinal cord has few motor neurons, and their few nuclei often share a cluster with other neurons, which names them.
Marker genes of a real type are found together, in the same cells. So a cell is renamed only if its score for the type
is one that chance seldom makes when each marker is shuffled by itself among the cells of its cluster, which keeps how
high every marker is there and breaks that they go together; if the weaker half of the markers is there, too (the
cholinergic interneurons share a half of those of motor neurons); and if enough such cells are neighbors.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse import csgraph

from alscell.annotation import score_types, usable_types
from alscell.keys import CELL_TYPE, GENE

N_SHUFFLES = 20  # of a cluster's cells; chance is their mean
BY_CHANCE = 0.05  # ASSUME: share of the renamed cells of a cluster that chance may make
EVEN = 0.6  # ASSUME: mean of the weaker half of the markers over the mean of all; lower, the type is another one
MIN_GROUP = 5  # ASSUME: neighboring cells of one type that are no accident


def refine_types(
    types: pd.Series,
    clusters: np.ndarray,
    shares: np.ndarray,
    genes: list[str],
    markers: pd.DataFrame,
    graph: sp.csr_matrix,
    *,
    branches: list[str],
    min_score: float,
    min_margin: float,
    seed: int,
) -> pd.DataFrame:
    """Cells that are renamed, with their new type.

    Parameters
    ----------
    types : Series
        Cell type of every cell, from its cluster; index 0..n-1.
    clusters : ndarray (cells,)
    shares : ndarray, cells x genes
        From `annotation.marker_shares`.
    genes : list of str
        Columns of `shares`.
    markers : DataFrame
        Columns cell_type, parent, gene; all measured.
    graph : csr_matrix, cells x cells
        Neighbors.
    branches : list of str
        Wider types whose cells are looked at.
    min_score, min_margin : float
        What a cell needs for its new type: a score, and a distance to every other type of the branch.
    seed : int
        Of the shuffling.

    Returns
    -------
    DataFrame
        Index: positions of renamed cells; columns cell_type, score, margin.
    """
    parents = dict(markers[[CELL_TYPE, "parent"]].to_numpy())
    scores = score_types(shares, genes, markers)
    found = [pd.DataFrame(columns=[CELL_TYPE, "score", "margin"])]
    for branch in branches:
        children = [name for name in usable_types(markers) if parents[name] == branch]
        inside = (types.map(lambda name: parents.get(name, name)) == branch).to_numpy()
        for child in children:
            others = scores[[name for name in scores if name != child]].max(axis=1).to_numpy()
            own = scores[child].to_numpy()
            marked = shares[:, [genes.index(gene) for gene in markers.loc[markers[CELL_TYPE] == child, GENE]]]
            level = chance_level(marked, clusters, inside, seed=(seed, *child.encode()))
            enough = (own >= min_score) & (own - others >= min_margin) & (marked.mean(axis=1) >= level)
            enough &= weaker_half(marked) >= EVEN * marked.mean(axis=1)
            chosen = neighboring(inside & enough & (types != child).to_numpy(), graph)
            rows = {CELL_TYPE: child, "score": own[chosen], "margin": (own - others)[chosen]}
            found.append(pd.DataFrame(rows, index=np.flatnonzero(chosen)))
    table = pd.concat([part for part in found if len(part)] or found)
    return table.sort_values("margin", ascending=False, kind="stable").groupby(level=0).head(1).sort_index()


def chance_level(shares: np.ndarray, clusters: np.ndarray, inside: np.ndarray, *, seed: tuple[int, ...]) -> np.ndarray:
    """For each cell, the mean share from which at most BY_CHANCE of its cluster's cells are expected to be chance.

    Chance: every marker shuffled by itself among the cells of the cluster.

    Parameters
    ----------
    shares : ndarray, cells x markers of one type
    clusters, inside : ndarray (cells,)
        Cluster of each cell, and whether it is looked at.
    seed : tuple of int

    Returns
    -------
    ndarray (cells,)
        Infinity where a cell is not looked at, or where no level is high enough.
    """
    random = np.random.default_rng(seed)
    level = np.full(len(shares), np.inf)
    for cluster in np.unique(clusters[inside]):
        cells = np.flatnonzero(inside & (clusters == cluster))
        means = np.sort(shares[cells].mean(axis=1))
        shuffled = [random.permuted(shares[cells], axis=0).mean(axis=1) for _ in range(N_SHUFFLES)]
        pooled = np.sort(np.concatenate(shuffled))
        expected = (len(pooled) - np.searchsorted(pooled, means)) / N_SHUFFLES
        rare = expected <= BY_CHANCE * np.arange(len(means), 0, -1)
        if rare.any():
            level[cells] = means[rare.argmax()]
    return level


def weaker_half(shares: np.ndarray) -> np.ndarray:
    """Mean share of each cell's weaker half of the markers; cells x markers."""
    half = (shares.shape[1] + 1) // 2
    return np.sort(shares, axis=1)[:, :half].mean(axis=1)


def neighboring(chosen: np.ndarray, graph: sp.csr_matrix) -> np.ndarray:
    """The chosen cells that lie in a group of at least MIN_GROUP chosen neighbors."""
    cells = np.flatnonzero(chosen)
    _, group = csgraph.connected_components(graph[cells][:, cells], directed=False)
    kept = np.zeros(len(chosen), dtype=bool)
    if len(cells):
        kept[cells[np.bincount(group)[group] >= MIN_GROUP]] = True
    return kept
