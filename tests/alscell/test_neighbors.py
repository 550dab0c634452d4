"""The graph of neighbors against umap-learn, and the map against the groups that were planted."""

import numpy as np
import pytest
import scipy.sparse as sp

from alscell.neighbors import connectivities, nearest_neighbors, umap_layout


@pytest.fixture(scope="module")
def points():
    generator = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 60)
    return generator.normal(0, 1, (180, 6)) + 12 * np.eye(3, 6)[group], group


def test_nearest_neighbors_by_all_distances(points):
    values, _ = points
    indices, distances = nearest_neighbors(values, n_neighbors=8, seed=0)
    every = np.linalg.norm(values[:, None] - values[None], axis=2)
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :8], atol=1e-6)
    np.testing.assert_array_equal(indices[:, 0], np.arange(180))


def test_cells_in_one_place_are_still_their_own_first_neighbors():
    values = np.repeat(np.random.default_rng(1).normal(size=(10, 3)), 6, axis=0)
    indices, distances = nearest_neighbors(values, n_neighbors=4, seed=0)
    np.testing.assert_array_equal(indices[:, 0], np.arange(60))
    assert (distances < 1e-6).all()
    assert all(len(set(row)) == 4 for row in indices.tolist())
    graph = connectivities(indices, distances)
    assert np.isfinite(graph.data).all()


def test_more_neighbors_than_cells_are_clipped():
    indices, _ = nearest_neighbors(np.eye(5), n_neighbors=15, seed=0)
    assert indices.shape == (5, 5)


def test_connectivities_equal_those_of_umap_learn(points):
    from umap.umap_ import compute_membership_strengths, smooth_knn_dist

    values, _ = points
    values = np.vstack([values, values[:20]])  # some cells twice in one place
    indices, distances = nearest_neighbors(values, n_neighbors=10, seed=0)
    ours = connectivities(indices, distances)
    widths, nearest = smooth_knn_dist.py_func(distances, 10.0)  # as plain Python: its compiler takes seconds
    rows, columns, weights, _ = compute_membership_strengths.py_func(indices, distances, widths, nearest)
    theirs = sp.csr_matrix((weights, (rows, columns)), shape=ours.shape)
    theirs = theirs + theirs.T - theirs.multiply(theirs.T)
    theirs.eliminate_zeros()
    assert abs(ours - theirs).max() < 1e-4
    assert ours.nnz == theirs.nnz
    assert abs(ours - ours.T).max() == 0
    assert ours.diagonal().max() == 0


def test_the_map_keeps_groups_apart_and_repeats(points):
    values, group = points
    graph = connectivities(*nearest_neighbors(values, n_neighbors=10, seed=0))
    layout = umap_layout(graph, values, min_dist=0.5, seed=3)
    assert layout.shape == (180, 2)
    centers = np.array([layout[group == number].mean(axis=0) for number in range(3)])
    nearest = np.linalg.norm(layout[:, None] - centers[None], axis=2).argmin(axis=1)
    assert (nearest == group).mean() > 0.95
    np.testing.assert_array_equal(layout, umap_layout(graph, values, min_dist=0.5, seed=3))
    assert sp.issparse(graph)
