"""Groups of cells in the graph of neighbors, and how well they hold on parts of the cells."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

if TYPE_CHECKING:
    import igraph

N_ITERATIONS = 2  # passes of the Leiden algorithm; as scanpy advises for igraph


def make_graph(connectivities: sp.csr_matrix) -> igraph.Graph:
    """Undirected weighted graph of a symmetric matrix."""
    import igraph

    upper = sp.triu(connectivities, k=1, format="coo")
    edges = np.column_stack([upper.row, upper.col]).tolist()
    return igraph.Graph(n=connectivities.shape[0], edges=edges, edge_attrs={"weight": upper.data.tolist()})


def leiden(graph: igraph.Graph, *, resolution: float, seed: int) -> np.ndarray:
    """Clusters of a graph; 0 is the largest, ties go to the cluster whose first cell comes first.

    Parameters
    ----------
    graph : igraph.Graph
        Edges carry `weight`.
    resolution : float
        Larger gives more clusters.
    seed : int
        Of igraph's random numbers; the same seed gives the same clusters.

    Returns
    -------
    array of int, cells

    Notes
    -----
    SOURCE: Traag et al. 2019, doi:10.1038/s41598-019-41695-z; objective: modularity.
    """
    import igraph

    igraph.set_random_number_generator(random.Random(seed))
    found = graph.community_leiden(
        objective_function="modularity", weights="weight", resolution=resolution, n_iterations=N_ITERATIONS
    )
    return by_size(np.array(found.membership))


def by_size(labels: np.ndarray) -> np.ndarray:
    """Labels renumbered from 0, the largest first; ties by the first cell."""
    _, first, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return number[inverse]


def cluster_resolutions(graph: igraph.Graph, *, resolutions: list[float], seed: int) -> pd.DataFrame:
    """Clusters of all cells at every resolution: cells x resolutions."""
    return pd.DataFrame({float(value): leiden(graph, resolution=value, seed=seed) for value in sorted(resolutions)})


def stability(
    graph: igraph.Graph, clusters: pd.DataFrame, *, n_subsamples: int, subsample_fraction: float, seed: int
) -> pd.DataFrame:
    """Agreement of clusters of random parts of the cells with the clusters of all, at every resolution.

    Parameters
    ----------
    graph : igraph.Graph
    clusters : DataFrame, cells x resolutions
        Clusters of all cells.
    n_subsamples : int
        Random parts.
    subsample_fraction : float
        Share of the cells in each, 0..1.

    Returns
    -------
    DataFrame, subsamples x resolutions
        Adjusted Rand index, -1..1; 1 also where all cells are one cluster both times.

    Notes
    -----
    SOURCE: the idea of choosing a resolution by what returns in subsamples is chooseR's, Patterson-Cross et al. 2021,
    doi:10.1186/s12859-021-03957-4. Here a part's graph is the graph of all, without the cells left out.
    """
    generator = np.random.default_rng(seed)
    n_cells = len(clusters)
    size = max(1, round(subsample_fraction * n_cells))
    rows = []
    for number in range(n_subsamples):
        part = np.sort(generator.choice(n_cells, size, replace=False))
        graph_of_part = graph.induced_subgraph(part.tolist())
        again = {value: leiden(graph_of_part, resolution=value, seed=seed + 1 + number) for value in clusters.columns}
        rows.append({value: adjusted_rand(clusters[value].to_numpy()[part], again[value]) for value in again})
    return pd.DataFrame(rows, columns=clusters.columns)


def adjusted_rand(first: np.ndarray, second: np.ndarray) -> float:
    """Adjusted Rand index of two clusterings of the same cells (Hubert and Arabie 1985, doi:10.1007/BF01908075)."""
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)
    both, rows, columns = (float((x * (x - 1)).sum() / 2) for x in (table, table.sum(axis=1), table.sum(axis=0)))
    pairs = len(first) * (len(first) - 1) / 2
    expected = rows * columns / pairs if pairs else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def stability_table(clusters: pd.DataFrame, agreement: pd.DataFrame, *, min_stability: float) -> pd.DataFrame:
    """The table `cluster_stability`, with the chosen resolution marked.

    The finest resolution whose median agreement reaches `min_stability` is chosen; if none does, the most stable one,
    and among equals the finest.
    """
    table = pd.DataFrame(
        {
            "resolution": clusters.columns.to_numpy(dtype=float),
            "n_clusters": clusters.nunique().to_numpy(),
            "stability": agreement.median().to_numpy(),
            "stability_low": agreement.min().to_numpy(),
        }
    ).sort_values("resolution", ignore_index=True)
    stable = table.index[table["stability"] >= min_stability]
    best = table.index[table["stability"] == table["stability"].max()]
    return table.assign(chosen=table.index == (stable if len(stable) else best).max())


def clusters_table(cells: pd.Series, clusters: pd.DataFrame, *, chosen: float) -> pd.DataFrame:
    """The table `clusters`: the chosen clusters, then those of every resolution, as text."""
    every = {f"leiden_{value:g}": clusters[value].astype("str").to_numpy() for value in clusters.columns}
    return pd.DataFrame({"cell": cells.to_numpy(), "cluster": every[f"leiden_{chosen:g}"], **every})
