"""The graph of neighboring cells, and the two-dimensional map made from it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.neighbors import NearestNeighbors  # here, so that a limit on threads reaches it

EXACT_BELOW = 100_000  # cells; up to here an exact search takes seconds
UMAP_EPOCHS_BELOW, UMAP_EPOCHS_ABOVE, UMAP_FEW = 500, 200, 10_000  # SOURCE: umap-learn's own defaults


def nearest_neighbors(components: np.ndarray, *, n_neighbors: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearest cells of every cell, itself first, and the distances to them.

    Parameters
    ----------
    components : array, cells x components
    n_neighbors : int
        Neighbors, the cell itself included; clipped to the number of cells.

    Returns
    -------
    indices, distances : arrays, cells x neighbors
        Exact below 100,000 cells, else by nearest-neighbor descent (pynndescent).
    """
    n_neighbors = min(n_neighbors, len(components))
    if len(components) < EXACT_BELOW:
        distances, indices = NearestNeighbors(n_neighbors=n_neighbors).fit(components).kneighbors(components)
    else:
        from pynndescent import NNDescent

        data = np.ascontiguousarray(components, dtype=np.float32)
        indices, distances = NNDescent(data, n_neighbors=n_neighbors, random_state=seed, n_jobs=1).neighbor_graph
    return _self_first(indices, distances.astype(np.float64))


def _self_first(indices: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every cell as its own first neighbor, also where another cell has the same place."""
    own = np.arange(len(indices))
    others = indices != own[:, None]
    others[others.all(axis=1), -1] = False
    shape = (len(indices), indices.shape[1] - 1)
    return (
        np.column_stack([own, indices[others].reshape(shape)]),
        np.column_stack([np.zeros(len(own)), distances[others].reshape(shape)]),
    )


def connectivities(indices: np.ndarray, distances: np.ndarray) -> sp.csr_matrix:
    """Weighted graph of neighbors: the fuzzy union of every cell's neighborhood.

    Parameters
    ----------
    indices, distances : arrays, cells x neighbors
        Sorted by distance, the cell itself first.

    Returns
    -------
    csr_matrix of float32, cells x cells
        Symmetric, weights in 0..1.

    Notes
    -----
    SOURCE: McInnes et al. 2018, arXiv:1802.03426, sections 3.1 and 4.1. The same as umap-learn's
    fuzzy_simplicial_set, without the wait for its compiler.
    """
    n_cells, n_neighbors = indices.shape
    others = distances[:, 1:]
    nearest = np.min(others, axis=1, where=others > 0, initial=np.inf)
    beyond = np.maximum(others - np.where(np.isfinite(nearest), nearest, 0.0)[:, None], 0.0)
    width = _kernel_width(beyond, target=np.log2(n_neighbors))
    own_mean = np.where(np.isfinite(nearest), distances.mean(axis=1), distances.mean())
    width = np.maximum(width, 1e-3 * own_mean)
    weights = np.exp(-beyond / np.where(width > 0, width, 1.0)[:, None])
    rows = np.repeat(np.arange(n_cells), n_neighbors - 1)
    graph = sp.csr_matrix((weights.ravel(), (rows, indices[:, 1:].ravel())), shape=(n_cells, n_cells))
    union = sp.csr_matrix(graph + graph.T - graph.multiply(graph.T), dtype=np.float32)
    union.eliminate_zeros()
    union.sort_indices()
    return union


def _kernel_width(beyond: np.ndarray, *, target: float) -> np.ndarray:
    """Width at which a cell's weights sum to `target`, by bisection of all cells at once."""
    low, high = np.zeros(len(beyond)), np.full(len(beyond), np.inf)
    width = np.ones(len(beyond))
    for _ in range(64):
        total = np.exp(-beyond / width[:, None]).sum(axis=1)
        open_ = np.abs(total - target) >= 1e-5
        above = total > target
        high = np.where(open_ & above, width, high)
        low = np.where(open_ & ~above, width, low)
        middle = np.where(np.isinf(high), 2 * width, (low + high) / 2)
        width = np.where(open_, np.maximum(middle, 1e-300), width)
        if not open_.any():
            break
    return width


def umap_layout(graph: sp.csr_matrix, components: np.ndarray, *, min_dist: float, seed: int) -> np.ndarray:
    """Two-dimensional map of the graph, for figures only.

    Parameters
    ----------
    graph : csr_matrix, cells x cells
        Connectivities.
    components : array, cells x components
        The first two are the starting places.
    min_dist : float
        Least distance of points on the map.

    Returns
    -------
    array of float32, cells x 2

    Notes
    -----
    SOURCE: McInnes et al. 2018, arXiv:1802.03426 (umap-learn, one thread). Starting from principal components keeps
    the global arrangement: Kobak and Linderman 2021, doi:10.1038/s41587-020-00809-z.
    """
    from sklearn.utils import check_random_state
    from umap.umap_ import find_ab_params, simplicial_set_embedding

    start = components[:, :2] / np.abs(components[:, :2]).max() * 10
    if start.shape[1] < 2:
        start = np.column_stack([start, np.zeros(len(start))])
    a, b = find_ab_params(1.0, min_dist)
    layout, _ = simplicial_set_embedding(
        components,
        graph.tocoo(),
        n_components=2,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=UMAP_EPOCHS_BELOW if len(components) <= UMAP_FEW else UMAP_EPOCHS_ABOVE,
        init=start.astype(np.float32),
        random_state=check_random_state(seed),
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
    )
    return layout
