"""Minimum detectable effects: scipy's noncentral t where it is finite, simulated tests, and limits."""

import numpy as np
import pytest
from scipy import stats

from alscell.power import minimum_detectable_effect


@pytest.mark.parametrize("df", [2, 6, 20, 300])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_power_at_the_effect_is_that_of_the_noncentral_t(df, alpha):
    shift = float(minimum_detectable_effect(1.0, df, alpha=alpha, power=0.8))
    assert stats.nct.sf(stats.t.isf(alpha / 2, df), df, shift) == pytest.approx(0.8, abs=1e-3)


def test_simulated_t_tests_find_it_in_four_of_five():
    rng = np.random.default_rng(0)
    effect = float(minimum_detectable_effect(np.sqrt(1 / 5 + 1 / 4), 7, alpha=0.01, power=0.8))
    p = stats.ttest_ind(rng.normal(effect, 1, (20_000, 5)), rng.normal(0, 1, (20_000, 4)), axis=1).pvalue
    assert (p < 0.01).mean() == pytest.approx(0.8, abs=0.01)


def test_any_shape_scales_with_the_error():
    errors = np.array([[0.5, 1.0], [2.0, 0.0]])
    got = minimum_detectable_effect(errors, 10, alpha=0.05, power=0.9)
    assert got == pytest.approx(errors * float(minimum_detectable_effect(1.0, 10, alpha=0.05, power=0.9)))


def test_limits():
    normal = stats.norm.isf(0.025) + stats.norm.isf(0.2)
    assert float(minimum_detectable_effect(1.0, np.inf, alpha=0.05, power=0.8)) == pytest.approx(normal, abs=1e-4)
    assert float(minimum_detectable_effect(1.0, 1e6, alpha=0.05, power=0.8)) == pytest.approx(normal, abs=1e-3)
    assert float(minimum_detectable_effect(1.0, 5, alpha=0.8, power=0.5)) == 0
    for wrong in ({"alpha": 0.0, "power": 0.8}, {"alpha": 0.05, "power": 1.0}):
        with pytest.raises(ValueError, match="must lie between 0 and 1"):
            minimum_detectable_effect(1.0, 5, **wrong)
