"""Shares of cell types between donors."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from alscell.design import Comparison, Definition, Design, plan_tests
from alscell.keys import CASE_ARM, CELL_TYPE, DONOR, N_CELLS, UNASSIGNED
from alscell.moderation import benjamini_hochberg, fit_linear, moderated_test
from alscell.power import minimum_detectable_effect
from alscell.tables import empty_table

LOG = logging.getLogger("alscell.composition")
POWER = 0.8  # of minimum_detectable_effect


def count_cells(observations: pd.DataFrame) -> pd.DataFrame:
    """Labelled cells of every donor by cell type.

    Parameters
    ----------
    observations : DataFrame
        Rows of the pseudobulk: donor, cell_type, n_cells.

    Returns
    -------
    DataFrame of int, cell types x donors
        Sorted; `unassigned` is left out, and so are donors without labelled cells.
    """
    labelled = observations[observations[CELL_TYPE] != UNASSIGNED]
    counts = labelled.pivot_table(index=CELL_TYPE, columns=DONOR, values=N_CELLS, aggfunc="sum", fill_value=0)
    return counts.astype(np.int64).sort_index().sort_index(axis=1)


def donor_fractions(counts: pd.DataFrame, *, dataset: str) -> pd.DataFrame:
    """Table "composition_donors": the share of every cell type in every donor, zeros included."""
    cells = counts.T.stack().rename(N_CELLS).reset_index()
    shares = (counts / counts.sum()).T.stack().to_numpy()
    return cells.assign(fraction=shares, dataset=dataset)


def logit_shares(counts: np.ndarray) -> np.ndarray:
    """log((n + 0.5) / (N - n + 0.5)): the logit of (n + 0.5) / (N + 1), finite for 0 and for all cells.

    Parameters
    ----------
    counts : ndarray, cell types x donors

    Returns
    -------
    ndarray, cell types x donors
        Natural logarithm.
    """
    total = counts.sum(axis=0)
    return np.log((counts + 0.5) / (total - counts + 0.5))


def arcsine_shares(counts: np.ndarray) -> np.ndarray:
    """arcsin(sqrt(n / N)) of each share, in radians; `counts` as in `logit_shares`."""
    return np.arcsin(np.sqrt(counts / counts.sum(axis=0)))


TRANSFORMS = {"logit": logit_shares, "arcsine": arcsine_shares}


def compare_composition(
    counts: pd.DataFrame,
    donors: pd.DataFrame,
    definitions: Mapping[str, Definition],
    *,
    dataset: str,
    covariates: Sequence[str],
    min_donors: int,
    transform: str,
    fdr: float,
) -> pd.DataFrame:
    """Difference of transformed shares between the arms of every contrast, variances moderated over cell types.

    Parameters
    ----------
    counts : DataFrame, cell types x donors
        From `count_cells`.
    donors : DataFrame
        Donor-level columns, index donor.
    definitions : mapping of str to mapping
        Contrasts by name, as `design.assign_groups`.
    dataset : str
        Written into the table.
    covariates, min_donors
        As `design.plan_tests`.
    transform : str
        "logit" or "arcsine".
    fdr : float, 0..1
        What counts as found, for minimum_detectable_effect.

    Returns
    -------
    DataFrame
        Table "composition"; no rows for a contrast with an arm without donors, or with fewer than two cell types.

    Raises
    ------
    InputError
        If a factor is no donor-level column. A design that cannot be estimated with the donors that passed quality
        control gives effects only, and a line in the log; no cell type can be tested then, so that the table
        "differential_skipped" has a row for each.

    Source
    ------
    Phipson et al. 2022, Bioinformatics 38:4720 (propeller and its two transforms; its robust option is not used).
    """
    # A donor can only stand for shares if it has labelled cells.
    here = donors.loc[donors.index.isin(counts.columns)]
    designs, untested = plan_tests(here, definitions, covariates=covariates, min_donors=min_donors)
    parts = [empty_table("composition")]
    for name in definitions:
        comparison = designs[name].comparison if name in designs else untested[name].comparison
        if not comparison.smallest_group or len(counts) < 2:
            LOG.info("%s: %d cell types, %s: no table", name, len(counts), untested.get(name))
            continue
        if name in untested:
            LOG.warning("%s: composition is descriptive: %s", name, untested[name].detail)
        index = (designs[name].matrix if name in designs else comparison.groups).index
        own = counts[index][counts[index].sum(axis=1) > 0]
        values = TRANSFORMS[transform](own.to_numpy())
        tests = _test(values, designs[name], fdr) if name in designs else _describe(values, comparison)
        parts.append(tests.assign(**_shares(own, comparison), contrast=name, descriptive=name in untested))
    return pd.concat(parts[1:] or parts, ignore_index=True).assign(dataset=dataset)


def _shares(counts: pd.DataFrame, comparison: Comparison) -> dict[str, object]:
    """Cell types, mean shares of the arms and their donors."""
    fractions = (counts / counts.sum())[comparison.arms.index].to_numpy()
    is_case = (comparison.arms == CASE_ARM).to_numpy()
    return {
        CELL_TYPE: counts.index,
        "fraction_case": fractions[:, is_case].mean(axis=1),
        "fraction_control": fractions[:, ~is_case].mean(axis=1),
        "n_case": comparison.n_case,
        "n_control": comparison.n_control,
    }


def _test(values: np.ndarray, design: Design, fdr: float) -> pd.DataFrame:
    test = moderated_test(fit_linear(values, design, weights=None), design, prior="common")
    error, df = test["standard_error"], float(test["df_total"].iloc[0])
    reach = stats.t.ppf(0.975, df) * error
    adjusted = benjamini_hochberg(test["p_value"].to_numpy())
    alpha = fdr * max((adjusted <= fdr).sum(), 1) / len(test)
    return pd.DataFrame(
        {
            "effect": test["effect"],
            "ci_low": test["effect"] - reach,
            "ci_high": test["effect"] + reach,
            "statistic": test["statistic"],
            "p_value": test["p_value"],
            "fdr": adjusted,
            "minimum_detectable_effect": minimum_detectable_effect(error.to_numpy(), df, alpha=alpha, power=POWER),
        }
    )


def _describe(values: np.ndarray, comparison: Comparison) -> pd.DataFrame:
    columns = ["effect", "ci_low", "ci_high", "statistic", "p_value", "fdr", "minimum_detectable_effect"]
    return pd.DataFrame({"effect": values @ comparison.group_weights()}).reindex(columns=columns)
