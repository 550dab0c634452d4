"""Shares of cell types between donors."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from scipy import stats

from alscell.design import Design, assign_arms, build_design
from alscell.errors import InputError
from alscell.keys import CASE_ARM, CELL_TYPE, CONTROL_ARM, DONOR, N_CELLS, UNASSIGNED
from alscell.moderation import benjamini_hochberg, fit_linear, moderated_test
from alscell.tables import empty_table

LOG = logging.getLogger("alscell.composition")


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


def compare_composition(
    counts: pd.DataFrame,
    donors: pd.DataFrame,
    *,
    dataset: str,
    contrast: str,
    factor: str,
    case: list[str],
    control: list[str],
    covariates: list[str],
    min_donors: int,
) -> pd.DataFrame:
    """Difference of logit shares between the arms, with variances moderated over cell types.

    Parameters
    ----------
    counts : DataFrame, cell types x donors
        From `count_cells`.
    donors : DataFrame
        Donor-level columns, index donor.
    dataset, contrast : str
        Written into the table.
    factor, case, control, covariates
        As `build_design`.
    min_donors : int
        Donors in each arm; with fewer only effects are given.

    Returns
    -------
    DataFrame
        Table "composition"; empty if an arm has no donors or there are fewer than two cell types.

    Raises
    ------
    InputError
        If the factor is no donor-level column. A design that cannot be estimated with the donors that passed quality
        control gives effects only, and a line in the log; no cell type can be tested then, so that the table
        "differential_skipped" has a row for each.

    Source
    ------
    Phipson et al. 2022, Bioinformatics 38:4720 (propeller with the logit transform; its robust option is not used).
    """
    choice = {"factor": factor, "case": case, "control": control}
    # A donor can only stand for shares if it has labelled cells.
    arms = assign_arms(donors.loc[donors.index.isin(counts.columns)], **choice)
    is_case = (arms == CASE_ARM).to_numpy()
    n_case, n_control = int(is_case.sum()), int((arms == CONTROL_ARM).sum())
    if not n_case or not n_control or len(counts) < 2:
        LOG.info("%s: %d case and %d control donors, %d cell types: no table", contrast, n_case, n_control, len(counts))
        return empty_table("composition")
    here = counts[arms.index]
    values, fractions = logit_shares(here.to_numpy()), (here / here.sum()).to_numpy()
    present = (here.sum(axis=1) > 0).to_numpy()
    values, fractions = values[present], fractions[present]
    design = None
    if min(n_case, n_control) >= min_donors:
        design = _design_or_none(donors.loc[arms.index], **choice, covariates=covariates)
    shares = {
        "fraction_case": fractions[:, is_case].mean(axis=1),
        "fraction_control": fractions[:, ~is_case].mean(axis=1),
    }
    out = pd.DataFrame({CELL_TYPE: here.index[present], **shares})
    tests = _test(values, design) if design else _describe(values, is_case)
    names = {"dataset": dataset, "contrast": contrast}
    return pd.concat([out, tests], axis=1).assign(
        **names, n_case=n_case, n_control=n_control, descriptive=design is None
    )


def _design_or_none(donors: pd.DataFrame, **choice: object) -> Design | None:
    try:
        design = build_design(donors, **choice)
    except InputError as error:
        LOG.warning("composition is descriptive: %s", error)
        return None
    if design.df_residual < 1:
        LOG.warning("composition is descriptive: %d donors for as many terms", len(donors))
        return None
    return design


def _test(values: np.ndarray, design: Design) -> pd.DataFrame:
    test = moderated_test(fit_linear(values, design, weights=None), design, prior="common")
    reach = stats.t.ppf(0.975, test["df_total"]) * test["standard_error"]
    return pd.DataFrame(
        {
            "effect": test["effect"],
            "ci_low": test["effect"] - reach,
            "ci_high": test["effect"] + reach,
            "statistic": test["statistic"],
            "p_value": test["p_value"],
            "fdr": benjamini_hochberg(test["p_value"].to_numpy()),
        }
    )


def _describe(values: np.ndarray, is_case: np.ndarray) -> pd.DataFrame:
    effect = values[:, is_case].mean(axis=1) - values[:, ~is_case].mean(axis=1)
    return pd.DataFrame({"effect": effect}).reindex(
        columns=["effect", "ci_low", "ci_high", "statistic", "p_value", "fdr"]
    )
