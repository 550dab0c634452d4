"""Doublets planted in simulated types, the score against its formula, the threshold against known mixtures."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from alscell.doublets import bayesian_score, find_doublets, find_threshold, principal_components, variable_genes

SETTINGS = {
    "simulated_per_cell": 2,
    "n_top_genes": 300,
    "n_neighbors": 20,
    "n_components": 10,
    "expected_rate": 0.05,
    "max_rate": 0.25,
    "seed": 1,
}


def planted(n_cells=800, n_doublets=40, n_types=4, seed=0):
    """Counts of cells of several types with 30 marker genes each, and of doublets of two unlike ones."""
    random = np.random.default_rng(seed)
    n_genes = 600
    profiles = np.tile(random.gamma(0.5, 1, n_genes), (n_types, 1))
    for index in range(n_types):
        profiles[index, 30 * index : 30 * (index + 1)] += 6
    profiles /= profiles.sum(axis=1, keepdims=True)
    types = random.integers(0, n_types, n_cells)
    depth = random.lognormal(7.5, 0.3, n_cells)
    counts = random.poisson(profiles[types] * depth[:, None])
    first = random.integers(0, n_cells, n_doublets)
    second = np.array([random.choice(np.flatnonzero(types != types[cell])) for cell in first], dtype=int)
    doublets = counts[first] + counts[second]
    truth = np.concatenate([np.zeros(n_cells, dtype=bool), np.ones(n_doublets, dtype=bool)])
    return sp.csr_matrix(np.vstack([counts, doublets]) if n_doublets else counts), truth


def test_planted_doublets_score_high_and_most_are_called():
    matrix, truth = planted()
    found = find_doublets(matrix, **SETTINGS)
    assert roc_auc_score(truth, found.scores) > 0.97
    assert (found.called & truth).sum() >= 0.8 * truth.sum()
    assert (found.called & ~truth).sum() <= 0.02 * (~truth).sum()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


def test_cells_all_alike_lose_few():
    matrix, _ = planted(n_types=1, n_doublets=0)
    assert find_doublets(matrix, **SETTINGS).called.mean() < 0.03


def test_sample_without_doublets_loses_few():
    matrix, _ = planted(n_doublets=0)
    assert find_doublets(matrix, **SETTINGS).called.mean() < 0.02


def test_never_more_than_the_largest_rate():
    matrix, _ = planted(n_doublets=80)
    assert find_doublets(matrix, **SETTINGS).called.mean() > 0.05
    assert find_doublets(matrix, **{**SETTINGS, "max_rate": 0.05}).called.mean() <= 0.05


def test_small_sample_has_no_score_and_no_call():
    found = find_doublets(planted()[0][:99], **SETTINGS)
    assert np.isnan(found.scores).all()
    assert not found.called.any()
    assert len(find_doublets(planted()[0][:0], **SETTINGS).scores) == 0


def test_seed_decides_and_nothing_else():
    matrix, _ = planted()
    one, again = find_doublets(matrix, **SETTINGS), find_doublets(matrix, **SETTINGS)
    other = find_doublets(matrix, **{**SETTINGS, "seed": 2})
    assert np.array_equal(one.scores, again.scores)
    assert not np.array_equal(one.scores, other.scores)


def test_number_of_threads_does_not_change_the_scores():
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(find_doublets(planted()[0], **SETTINGS).scores)
    assert np.array_equal(found[0], found[1])


def test_score_is_bayes_theorem():
    share, ratio, rate = 0.6, 2.0, 0.05
    # Artificial doublets are neighbors of doublets as often as real ones are, `ratio / rate` to one.
    expected = share * rate / ratio / (1 - rate - share * (1 - rate - rate / ratio))
    assert bayesian_score(np.array([share]), ratio=ratio, expected_rate=rate)[0] == pytest.approx(expected)
    assert (np.diff(bayesian_score(np.linspace(0.1, 0.9, 9), ratio=2, expected_rate=0.05)) > 0).all()


def test_threshold_of_a_known_mixture_calls_the_doublets_and_few_others():
    random = np.random.default_rng(0)
    singlets, doublets = random.beta(8, 8, 1900), random.beta(60, 4, 100)
    simulated = np.concatenate([random.beta(8, 8, 1000), random.beta(60, 4, 3000)])
    threshold = find_threshold(np.concatenate([singlets, doublets]), simulated, expected_rate=0.05, max_rate=0.25)
    assert (doublets > threshold).mean() > 0.9
    assert (singlets > threshold).sum() < 0.4 * (doublets > threshold).sum()


def test_threshold_is_none_where_artificial_doublets_are_like_cells():
    random = np.random.default_rng(0)
    assert np.isnan(find_threshold(random.beta(8, 8, 2000), random.beta(8, 8, 4000), expected_rate=0.05, max_rate=0.25))


def test_principal_components_are_those_of_a_dense_centered_pca():
    matrix = planted(n_cells=200, n_doublets=0)[0][:, :100].astype(float)
    found = principal_components(matrix, matrix[:50], n_components=5)
    expected = PCA(5, svd_solver="full").fit(matrix.toarray())
    reference = np.vstack([expected.transform(matrix.toarray()), expected.transform(matrix[:50].toarray())])
    # eigsh gives them in ascending order, and signs are free.
    assert np.allclose(np.abs(found[:, ::-1]), np.abs(reference), atol=1e-3)


def test_variable_genes_are_the_markers_of_the_types():
    matrix, _ = planted(n_doublets=0)
    chosen = variable_genes(matrix, n_top_genes=120)
    assert len(chosen) == 120
    assert (chosen < 120).mean() > 0.85
    assert (np.diff(chosen) > 0).all()
