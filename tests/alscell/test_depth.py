"""Scores against depth: scipy's correlations, samples weighted by cells, and what has no correlation."""

import numpy as np
import pytest
from scipy import stats

from alscell.depth import MIN_CELLS, cell_correlations, donor_correlations, pool_correlations

SETS = [("f", "up"), ("f", "down"), ("g", "still")]


def sample(seed: int, n: int):
    """Scores of three sets: one rises with depth, one falls, one is the same in all cells; types a, and a few b."""
    rng = np.random.default_rng(seed)
    depth = rng.lognormal(8, 0.5, n).round()
    noise = rng.normal(0, 0.3, (n, 2))
    scores = np.column_stack([np.log(depth) + noise[:, 0], -np.log(depth) + noise[:, 1], np.full(n, 0.2)])
    return scores, depth, np.where(np.arange(n) < MIN_CELLS - 1, "b", "a")


def test_spearman_within_types_and_none_for_few_cells():
    scores, depth, types = sample(1, 200)
    got = cell_correlations(scores, depth, types)
    assert got.index.tolist() == ["a"]
    inside = types == "a"
    assert got.loc["a", "n_cells"] == inside.sum()
    for place in (0, 1):
        expected = stats.spearmanr(scores[inside, place], depth[inside]).statistic
        assert got.loc["a", place] == pytest.approx(expected)
    assert np.isnan(got.loc["a", 2])
    assert np.isnan(cell_correlations(scores, np.full(200, 7.0), types).loc["a", 0])


def test_samples_are_weighted_by_cells():
    parts = [cell_correlations(*sample(seed, n)) for seed, n in ((1, 200), (2, 60), (3, 30))]
    table = pool_correlations(parts, SETS)
    assert table[["cell_type", "family", "pathway"]].to_numpy().tolist() == [["a", "f", "up"], ["a", "f", "down"]]
    row = table.iloc[0]
    n_cells = [200 - MIN_CELLS + 1, 60 - MIN_CELLS + 1]  # the third sample has too few
    assert row[["n_samples", "n_cells"]].tolist() == [2, sum(n_cells)]
    assert row["correlation"] == pytest.approx(np.average([part.loc["a", 0] for part in parts[:2]], weights=n_cells))
    assert row["correlation"] > 0.6
    assert table["correlation"].iloc[1] < -0.6


def test_no_sample_and_no_set_give_no_row():
    assert pool_correlations([], SETS).empty
    scores, depth, types = sample(1, 60)
    assert pool_correlations([cell_correlations(scores[:, :0], depth, types)], []).empty


def test_donors_are_compared_within_their_arms():
    """The arms differ in depth and in score; within them, score and depth are unrelated."""
    rng = np.random.default_rng(4)
    arms = np.repeat(["case", "control"], 50)
    depth = np.exp(rng.normal(8, 0.2, 100) + (arms == "case"))
    scores = np.vstack([rng.normal(0, 1, 100) + 5 * (arms == "case"), 2 * np.log(depth), np.ones(100)])
    got = donor_correlations(scores, depth, arms)
    assert abs(got[0]) < 0.25 < np.corrcoef(scores[0], np.log(depth))[0, 1]
    assert got[1] == pytest.approx(1)
    assert np.isnan(got[2])
    assert np.isnan(donor_correlations(scores[:, :3], depth[:3], arms[:3])).all()
