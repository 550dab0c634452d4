"""Does the activity of a gene set differ between the arms of a contrast: tests on donor means, cell type by cell type.

A donor's mean score is one observation, so cells of one donor never count as replicates. Each cell type gets one
linear model over all sets, with variances moderated across sets.
NOTE: scores are divided by the set's mean over donors first. The spread of a score grows with its mean, and sets
differ in it by a factor of 100; as shares of the mean, their variances can inform each other.
NOTE: effects are in standard deviations of donors within arms, not of controls alone: with four controls the true
standard deviation lies between 0.57 and 3.7 times the estimate (95 %), and every effect would carry that error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from alscell.errors import InputError
from alscell.expression import (
    Design,
    assign_arms,
    benjamini_hochberg,
    build_design,
    fit_linear,
    moderate,
    moderated_test,
)
from alscell.keys import (
    CASE_ARM,
    CELL_TYPE,
    CONTROL_ARM,
    DESCRIPTIVE,
    DONOR,
    FAMILY,
    N_CASE,
    N_CELLS,
    N_CONTROL,
    PATHWAY,
    UNASSIGNED,
)
from alscell.pathways import Profiles
from alscell.random_sets import derived_seed, draw_sets, expression_bins

LOG = logging.getLogger("alscell.activity")
COLUMNS = [
    CELL_TYPE, FAMILY, PATHWAY, "effect", "standard_error", "ci_low", "ci_high", "statistic", "p_value",
    "random_set_percentile", N_CASE, N_CONTROL, DESCRIPTIVE,
]  # fmt: skip


def compare_arms(
    scores: pd.DataFrame,
    donors: pd.DataFrame,
    profiles: Profiles | None,
    members: dict[tuple[str, str], np.ndarray],
    *,
    factor: str,
    case: list[str],
    control: list[str],
    covariates: list[str],
    min_cells: int,
    min_donors: int,
    n_random_sets: int,
    n_expression_bins: int,
    seed: tuple[int, str],
) -> pd.DataFrame:
    """Case against control for every set in every cell type that both arms have.

    Parameters
    ----------
    scores : DataFrame
        Columns family, pathway, cell_type, donor, n_cells, score: one row a set, cell type and donor.
    donors : DataFrame
        Donor-level columns, index donor.
    profiles : Profiles or None
        Of the same donors and cell types, for random sets; not looked at where none are drawn.
    members : dict
        (family, pathway) -> positions in `profiles.genes`.
    factor, case, control, covariates
        Of the contrast, as in `build_design`.
    min_cells : int
        Cells below which a donor is left out of a cell type.
    min_donors : int
        Donors in each arm below which only effects are given.
    n_random_sets, n_expression_bins : int
        Random sets for each tested set (0: none, and no percentile), and bins of expression that they are matched on.
    seed : (int, str)
        Seed, and a name that sets this contrast apart.

    Returns
    -------
    DataFrame
        Columns of the table "pathway_tests" but dataset, contrast and coverage, sorted by cell type, family, pathway.
        Each row depends on its own cell type only, but for `fdr`.
    """
    contrast = {"factor": factor, "case": case, "control": control}
    arms = assign_arms(donors, **contrast)
    parts = []
    for cell_type, rows in _cell_types(scores, arms, min_cells):
        values = rows.pivot(index=[FAMILY, PATHWAY], columns=DONOR, values="score").sort_index()
        design = _design(
            donors.loc[values.columns], cell_type, **contrast, covariates=covariates, min_donors=min_donors
        )
        if design is None:
            part = describe(values, arms.loc[values.columns])
        else:
            part = compare_sets(values, design)
            if n_random_sets:
                random = RandomSets(n_random_sets, n_expression_bins, (*seed, cell_type))
                part["random_set_percentile"] = random_percentiles(
                    part["statistic"], values, design, profiles, members, random, cell_type
                )
        if len(part) < len(values):
            LOG.info("%s: %d sets left out, no spread within arms", cell_type, len(values) - len(part))
        parts.append(part.assign(**{CELL_TYPE: cell_type}))
    if not parts:
        return pd.DataFrame(columns=[*COLUMNS, "fdr", "fdr_within"])
    table = pd.concat(parts, ignore_index=True).reindex(columns=COLUMNS)
    table["fdr"] = benjamini_hochberg(table["p_value"].to_numpy(dtype=float))
    table["fdr_within"] = table.groupby(CELL_TYPE)["p_value"].transform(lambda p: benjamini_hochberg(p.to_numpy(float)))
    return table


def _cell_types(scores: pd.DataFrame, arms: pd.Series, min_cells: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Cell types that both arms have, with the donors that have enough cells."""
    enough = scores[(scores[N_CELLS] >= min_cells) & (scores[CELL_TYPE] != UNASSIGNED) & scores[DONOR].isin(arms.index)]
    for cell_type, rows in enough.groupby(CELL_TYPE, sort=True):
        present = set(arms.loc[rows[DONOR].unique()])
        if present == {CASE_ARM, CONTROL_ARM}:
            yield str(cell_type), rows
        else:
            LOG.info("%s: no donor with %d cells in one arm, no rows", cell_type, min_cells)


def _design(
    donors: pd.DataFrame,
    cell_type: str,
    *,
    factor: str,
    case: list[str],
    control: list[str],
    covariates: list[str],
    min_donors: int,
) -> Design | None:
    """The design of one cell type; None where donors are too few, or too alike, for a test.

    The same donors and the same rule as in `expression.cell_type_units`, whose table "differential_skipped" says why.
    """
    try:
        design = build_design(donors, factor=factor, case=case, control=control, covariates=covariates)
    except InputError as error:
        # `check` has refused designs that no cell type can estimate; here the donors of one cell type are too few.
        LOG.warning("%s: effects only: %s", cell_type, error)
        return None
    if min(design.n_case, design.n_control) < min_donors or design.df_residual < 1:
        LOG.info("%s: effects only: %d case, %d control donors", cell_type, design.n_case, design.n_control)
        return None
    return design


def describe(values: pd.DataFrame, arms: pd.Series) -> pd.DataFrame:
    """Effects without a test: difference of means over the pooled standard deviation within arms.

    Covariates are not held constant. A set is left out if no arm has two donors, or if its donors do not differ
    within arms although the arms differ, since the effect would be infinite.

    Parameters
    ----------
    values : DataFrame, sets x donors
        Scores; index family, pathway.
    arms : Series
        Arm of each donor, in the order of the columns.

    Returns
    -------
    DataFrame
        Columns family, pathway, effect, n_case, n_control, descriptive; one row a set.
    """
    in_case = (arms == CASE_ARM).to_numpy()
    case, control = values.to_numpy()[:, in_case], values.to_numpy()[:, ~in_case]
    difference = case.mean(axis=1) - control.mean(axis=1)
    squares = sum(((arm - arm.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for arm in (case, control))
    sd = np.sqrt(squares / max(len(arms) - 2, 1))
    known = sd > 1e-12
    effect = np.divide(difference, sd, out=np.zeros(len(values)), where=known)
    out = values.index.to_frame(index=False).assign(effect=effect, **_counts(in_case), **{DESCRIPTIVE: True})
    return out[known | ((len(arms) > 2) & (np.abs(difference) <= 1e-12))].reset_index(drop=True)


def _counts(in_case: np.ndarray) -> dict[str, int]:
    return {N_CASE: int(in_case.sum()), N_CONTROL: int((~in_case).sum())}


def compare_sets(values: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Moderated t test of every set in one cell type.

    Parameters
    ----------
    values : DataFrame, sets x donors
        Scores; index family, pathway; columns in any order.
    design : Design
        Of these donors.

    Returns
    -------
    DataFrame
        Columns family, pathway, effect, standard_error, ci_low, ci_high, statistic, p_value, n_case, n_control,
        descriptive. The effect is the coefficient over the moderated residual standard deviation; standard error and
        interval take that standard deviation as known, so that the interval excludes 0 just where p < 0.05.
        A set whose score is the same in all donors (it is not active here) has effect 0 and p 1.
    """
    shares, varies = _shares(values, design)
    out = values.index.to_frame(index=False)
    out[["effect", "statistic", "p_value"]] = 0.0, 0.0, 1.0
    unscaled = fit_linear(shares, design, weights=None).stdev_unscaled[0, -1]  # the contrast is the last column
    df_total = float(design.df_residual)
    if varies.any():
        test = moderated_test(fit_linear(shares[varies], design, weights=None), design, trend=False)
        df_total = test["df_total"].iloc[0]
        out.loc[varies, "effect"] = (test["effect"] / test["residual_sd"]).to_numpy()
        out.loc[varies, ["statistic", "p_value"]] = test[["statistic", "p_value"]].to_numpy()
    half = stats.t.ppf(0.975, df_total) * unscaled
    out["standard_error"] = unscaled
    out["ci_low"], out["ci_high"] = out["effect"] - half, out["effect"] + half
    in_case = (design.arms == CASE_ARM).to_numpy()
    return out.assign(**_counts(in_case), **{DESCRIPTIVE: False})


def _shares(values: pd.DataFrame, design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Scores as shares of the set's mean, donors in the order of the design; and which sets differ between donors."""
    ordered = values[design.matrix.index].to_numpy(dtype=float)
    means = ordered.mean(axis=1, keepdims=True)
    shares = np.divide(ordered, means, out=np.zeros_like(ordered), where=means > 0)
    return shares, np.ptp(shares, axis=1) > 1e-9


@dataclass(frozen=True)
class RandomSets:
    """How random sets are drawn: how many, over how many bins of expression, and from which seed."""

    n_sets: int
    n_bins: int
    seed: tuple[int | str, ...]


def random_percentiles(
    statistics: pd.Series,
    values: pd.DataFrame,
    design: Design,
    profiles: Profiles,
    members: dict[tuple[str, str], np.ndarray],
    random: RandomSets,
    cell_type: str,
) -> np.ndarray:
    """How each set's |t| compares with that of random sets matched on expression in the same cell type.

    Random sets go through the same scores, the same design and the same prior variance.

    Parameters
    ----------
    statistics : Series
        Moderated t of each set, from `compare_sets`.
    values : DataFrame, sets x donors
        Scores of the same sets.
    design : Design
        Of these donors.
    profiles, members
        As in `compare_arms`.
    random : RandomSets
        How to draw; its seed and the set's name decide the draw, so no other set or cell type does.
    cell_type : str
        The cell type of `values`.

    Returns
    -------
    ndarray (sets,)
        Share of random sets with a smaller |t|, 0..100; NaN for a set that does not vary.
    """
    shares, varies = _shares(values, design)
    out = np.full(len(values), np.nan)
    if not varies.any():
        return out
    fit = fit_linear(shares[varies], design, weights=None)
    prior = _prior(fit.sigma2, fit.df_residual)
    rows = pd.MultiIndex.from_frame(profiles.rows[[DONOR, CELL_TYPE]])
    weights = profiles.weights[rows.get_indexer([(donor, cell_type) for donor in design.matrix.index])].T
    bins = expression_bins(profiles.expression[cell_type], n_bins=random.n_bins)
    for row in np.flatnonzero(varies):
        name = values.index[row]
        sets = draw_sets(members[name], bins, n_sets=random.n_sets, seed=derived_seed(*random.seed, *name))
        drawn = np.abs(_statistics(weights[sets].sum(axis=1), design, prior))
        out[row] = 100 * np.mean(drawn < abs(statistics.iloc[row]))
    return out


def _prior(sigma2: np.ndarray, df_residual: float) -> tuple[float, float]:
    """Prior variance and its degrees of freedom, as `moderate` used them."""
    posterior, df_prior = moderate(sigma2, df_residual, trend=None)
    if np.isinf(df_prior) or df_prior == 0:
        return float(posterior[0]), df_prior
    return float(np.mean((df_prior + df_residual) * posterior - df_residual * sigma2)) / df_prior, df_prior


def _statistics(scores: np.ndarray, design: Design, prior: tuple[float, float]) -> np.ndarray:
    """Moderated t of rows of scores under a given prior."""
    means = scores.mean(axis=1, keepdims=True)
    shares = np.divide(scores, means, out=np.zeros_like(scores), where=means > 0)
    fit = fit_linear(shares, design, weights=None)
    variance, df_prior = prior
    weight = 1.0 if np.isinf(df_prior) else df_prior / (df_prior + fit.df_residual)
    posterior = weight * variance + (1 - weight) * fit.sigma2
    error = fit.stdev_unscaled[:, -1] * np.sqrt(posterior)
    return np.divide(fit.coefficients[:, -1], error, out=np.zeros(len(scores)), where=error > 0)
