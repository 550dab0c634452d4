"""Clusters: planted groups found, numbered by size, and judged stable or not."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.clusters import (
    adjusted_rand,
    by_size,
    cluster_resolutions,
    clusters_table,
    leiden,
    make_graph,
    stability,
    stability_table,
)
from alscell.tables import check_table

SIZES = (40, 90, 60)


@pytest.fixture(scope="module")
def matrix():
    """Three groups, tied loosely; group 1 is the largest."""
    generator = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], SIZES)
    inside = group[:, None] == group[None]
    edge = generator.random(inside.shape) < np.where(inside, 0.3, 0.01)
    upper = np.triu(edge, 1) * generator.uniform(0.5, 1, inside.shape)
    return sp.csr_matrix(upper + upper.T), group


def test_the_graph_has_every_edge_once_with_its_weight(matrix):
    values, _ = matrix
    graph = make_graph(values)
    assert graph.vcount() == 190
    assert graph.ecount() == values.nnz // 2
    assert sum(graph.es["weight"]) == pytest.approx(values.sum() / 2)


def test_leiden_finds_the_groups_numbered_by_size_and_repeats(matrix):
    values, group = matrix
    found = leiden(make_graph(values), resolution=1.0, seed=7)
    np.testing.assert_array_equal(found, np.array([2, 0, 1])[group])
    np.testing.assert_array_equal(found, leiden(make_graph(values), resolution=1.0, seed=7))


def test_by_size_breaks_ties_by_the_first_cell():
    assert by_size(np.array([5, 5, 9, 2, 2, 7, 7, 7])).tolist() == [1, 1, 3, 2, 2, 0, 0, 0]


def test_adjusted_rand_agrees_with_sklearn():
    from sklearn.metrics import adjusted_rand_score

    generator = np.random.default_rng(1)
    for n_groups in (1, 2, 5, 30):
        first, second = generator.integers(0, n_groups, 60), generator.integers(0, 4, 60)
        second[:20] = first[:20]
        assert adjusted_rand(first, second) == pytest.approx(adjusted_rand_score(first, second))
    assert adjusted_rand(np.zeros(5, int), np.zeros(5, int)) == 1.0
    assert adjusted_rand(np.zeros(1, int), np.zeros(1, int)) == 1.0


def test_stable_resolutions_are_told_from_unstable_ones(matrix):
    values, _ = matrix
    graph = make_graph(values)
    found = cluster_resolutions(graph, resolutions=[8.0, 1.0], seed=7)
    assert found.columns.tolist() == [1.0, 8.0]
    agreement = stability(graph, found, n_subsamples=6, subsample_fraction=0.8, seed=7)
    assert agreement.shape == (6, 2)
    assert agreement[1.0].min() > 0.95
    assert agreement[8.0].median() < 0.7
    pd.testing.assert_frame_equal(agreement, stability(graph, found, n_subsamples=6, subsample_fraction=0.8, seed=7))


def tables(medians):
    clusters = pd.DataFrame({0.2: [0, 0, 0, 1], 0.5: [0, 0, 1, 1], 1.0: [0, 1, 2, 3]})
    agreement = pd.DataFrame(
        {value: [median - 0.1, median, median] for value, median in zip(clusters, medians, strict=True)}
    )
    return clusters, agreement


@pytest.mark.parametrize(
    ("medians", "chosen"),
    [((0.99, 0.85, 0.5), 0.5), ((0.9, 0.7, 0.8), 1.0), ((0.3, 0.6, 0.5), 0.5), ((0.6, 0.6, 0.1), 0.5)],
)
def test_the_finest_stable_resolution_is_chosen_or_else_the_most_stable(medians, chosen):
    table = check_table(stability_table(*tables(medians), min_stability=0.8), "cluster_stability")
    assert table.loc[table["chosen"], "resolution"].tolist() == [chosen]
    assert table["n_clusters"].tolist() == [2, 2, 4]
    assert table["stability_low"].tolist() == pytest.approx([value - 0.1 for value in medians])


def test_clusters_table_keeps_its_contract_and_text():
    clusters, _ = tables((1, 1, 1))
    table = check_table(clusters_table(pd.Series(list("abcd")), clusters, chosen=0.5), "clusters")
    assert table.columns.tolist() == ["cell", "cluster", "leiden_0.2", "leiden_0.5", "leiden_1"]
    assert table["cluster"].tolist() == table["leiden_0.5"].tolist() == ["0", "0", "1", "1"]
