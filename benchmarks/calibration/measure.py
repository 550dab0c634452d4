"""Rates of a method: in each cohort, and over cohorts with their standard error. The cohort is the unit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from alscell.moderation import benjamini_hochberg

RATES = ("null_p05", "null_p001", "any_call", "fdp", "power")


def rates(p: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Shares of null p-values below 0.05 and 0.001, and what happens at an FDR of 0.05, in one cohort.

    Parameters
    ----------
    p : ndarray (tests,)
        NaN is no test, so never a call.
    truth : ndarray of bool (tests,)
        Where there is an effect.
    """
    called = benjamini_hochberg(p) < 0.05
    null = p[~truth & ~np.isnan(p)]
    return {
        "null_p05": (null < 0.05).mean(),
        "null_p001": (null < 0.001).mean(),
        "any_call": float(called.any()),
        "fdp": (called & ~truth).sum() / max(called.sum(), 1),
        "power": (called & truth).sum() / truth.sum() if truth.any() else np.nan,
    }


def summary(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean of every rate over cohorts and its standard error (column _se), and n_cohorts, in the order of `by`."""
    groups = rows.groupby(by, sort=True, observed=True)
    mean = groups[list(RATES)].mean()
    spread = groups[list(RATES)].sem().add_suffix("_se")
    return groups.size().rename("n_cohorts").to_frame().join(mean).join(spread).reset_index()
