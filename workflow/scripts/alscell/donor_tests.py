"""Linear models of a few values a donor (an index, the score of a pair of genes) between the arms of contrasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from alscell.design import Comparison, Definition, Design, plan_tests
from alscell.keys import DESCRIPTIVE, N_CASE, N_CONTROL
from alscell.moderation import fit_linear, moderated_test

FEWEST = 10  # ASSUME: fewer features than this say too little about their variances to share them
TESTED = ("effect", "standard_error", "ci_low", "ci_high", "statistic", "p_value", "df")


@dataclass(frozen=True)
class Plan:
    """One contrast that can be tested (design) or only described (design None), and why.

    Parameters
    ----------
    contrast : str
    comparison : Comparison
    design : Design or None
    reason : str
        "" where it is tested, else why not.
    """

    contrast: str
    comparison: Comparison
    design: Design | None
    reason: str


def plans(
    donors: pd.DataFrame, definitions: Mapping[str, Definition], *, covariates: Sequence[str], min_donors: int
) -> Iterator[Plan]:
    """Every contrast that has a donor in each group, in the order of config; parameters as `design.plan_tests`."""
    designs, untested = plan_tests(donors, definitions, covariates=covariates, min_donors=min_donors)
    for name in definitions:
        if name in designs:
            yield Plan(name, designs[name].comparison, designs[name], "")
        elif untested[name].comparison.smallest_group:
            yield Plan(name, untested[name].comparison, None, untested[name].reason)


def compare_values(values: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Case against control for every row of values.

    With FEWEST rows or more, variances are moderated over them (Smyth 2004); else each row stands alone.

    Parameters
    ----------
    values : DataFrame, features x donors
        Finite; holds the donors of the plan.
    plan : Plan

    Returns
    -------
    DataFrame
        Index of `values`: effect (unit of the values), standard_error, ci_low, ci_high (95 %), statistic, p_value, df,
        n_case, n_control, descriptive. Without a design the effect is a difference of means, and nothing is tested.
    """
    if plan.design is None:
        own = values[plan.comparison.groups.index].to_numpy(dtype=float)
        out = pd.DataFrame({"effect": own @ plan.comparison.group_weights()}, index=values.index)
    else:
        own = values[plan.design.matrix.index].to_numpy(dtype=float)
        out = test_rows(own, plan.design, moderated=len(own) >= FEWEST).set_index(values.index)
    sizes = {N_CASE: plan.comparison.n_case, N_CONTROL: plan.comparison.n_control}
    return out.reindex(columns=list(TESTED)).assign(**sizes, **{DESCRIPTIVE: plan.design is None})


def test_rows(values: np.ndarray, design: Design, *, moderated: bool) -> pd.DataFrame:
    """The columns TESTED of every row of values (features x donors, in the order of the design).

    A row without spread around the fit and without an effect has statistic 0 and p 1.
    """
    fit = fit_linear(values, design, weights=None)
    if moderated:
        out = moderated_test(fit, design, prior="common").rename(columns={"df_total": "df"})
    else:
        out = pd.DataFrame({"effect": fit.effect(design)})
        out["standard_error"] = fit.unscaled_error(design) * np.sqrt(fit.sigma2)
        spread = np.where(out["standard_error"] > 1e-12, out["standard_error"], np.inf)
        out["statistic"], out["df"] = out["effect"] / spread, fit.df_residual
        out["p_value"] = 2 * stats.t.sf(out["statistic"].abs(), fit.df_residual)
    half = stats.t.ppf(0.975, out["df"].to_numpy(dtype=float)) * out["standard_error"]
    return out.assign(ci_low=out["effect"] - half, ci_high=out["effect"] + half)[list(TESTED)]
