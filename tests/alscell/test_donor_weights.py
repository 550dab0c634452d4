"""Weights of donors by cells: known ratios are found, and type I error holds where plain tests fail."""

import numpy as np
import pytest

from alscell.donor_weights import pooled_variance, weights_by_cells

TERMS = np.column_stack([np.ones(12), np.arange(12) < 8])
CELLS = np.array([10, 20, 40, 80, 160, 320, 500, 15, 30, 60, 250, 400], dtype=float)


def scores(ratio: float, n_sets: int, seed: int) -> np.ndarray:
    """Means with variance 1 between donors and `ratio` between cells."""
    return np.random.default_rng(seed).normal(0, 1, (n_sets, 12)) * np.sqrt(1 + ratio / CELLS)


@pytest.mark.parametrize("ratio", [5.0, 50.0, 200.0])
def test_the_ratio_is_found(ratio):
    got = weights_by_cells(scores(ratio, 2000, 1), np.full(2000, ratio), CELLS, TERMS)
    expected = 1 / (1 + ratio / CELLS)
    assert got == pytest.approx(expected / expected.mean(), rel=0.15)
    assert got.mean() == pytest.approx(1)


def test_unit_of_the_scores_does_not_matter():
    values, within = scores(50, 40, 2), np.full(40, 50.0)
    scale = np.random.default_rng(3).lognormal(0, 1, 40)
    got = weights_by_cells(values * scale[:, None], within * scale**2, CELLS, TERMS)
    assert got == pytest.approx(weights_by_cells(values, within, CELLS, TERMS))


def test_without_a_variance_between_cells_all_count_alike():
    for within in (np.full(40, np.nan), np.zeros(40)):
        assert (weights_by_cells(scores(50, 40, 2), within, CELLS, TERMS) == 1).all()


def test_donors_that_do_not_differ_leave_no_infinite_ratio():
    got = weights_by_cells(np.zeros((40, 12)), np.ones(40), CELLS, TERMS)
    ratio = 3 * np.median(CELLS)
    assert got == pytest.approx((1 / (1 + ratio / CELLS)) / (1 / (1 + ratio / CELLS)).mean())


def test_variance_is_pooled_by_degrees_of_freedom():
    deviations = np.array([[1.0, 2.0, np.nan], [np.nan, np.nan, np.nan]])
    got = pooled_variance(deviations, np.array([11, 21, 1]))
    assert got[0] == pytest.approx((10 * 1 + 20 * 4) / 30)
    assert np.isnan(got[1])
