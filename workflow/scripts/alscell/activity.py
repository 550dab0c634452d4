"""Does the activity of a gene set differ between the arms of a contrast: tests on donor means, cell type by cell type.

A donor's mean score is one observation, so cells of one donor never count as replicates. Each cell type gets one
linear model over all sets, with variances moderated across sets.
NOTE: scores are divided by the set's mean over donors first. The spread of a score grows with its mean, and sets
differ in it by a factor of 100; as shares of the mean, their variances can inform each other.
Donors with few cells count less (donor_weights.py): then one test holds its error rate whatever cells the arms have.
NOTE: effects are in standard deviations of donors within arms, not of controls alone: with four controls the true
standard deviation lies between 0.57 and 3.7 times the estimate (95 %), and every effect would carry that error. Beside
them stand effects in standard deviations of controls, whose variances are moderated over sets for that reason.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from alscell.depth import donor_correlations
from alscell.design import Comparison, Definition, Design, plan_tests
from alscell.donor_weights import pooled_variance, weights_by_cells
from alscell.keys import (
    CASE_ARM,
    CELL_TYPE,
    CONTROL_ARM,
    DEPTH,
    DESCRIPTIVE,
    DONOR,
    FAMILY,
    N_CASE,
    N_CELLS,
    N_CONTROL,
    PATHWAY,
    UNASSIGNED,
)
from alscell.moderation import (
    Fit,
    benjamini_hochberg,
    fit_linear,
    moderate,
    moderated_test,
    prior_variance,
    squeeze,
)
from alscell.pathways import Profiles
from alscell.power import minimum_detectable_effect
from alscell.random_sets import derived_seed, draw_sets, expression_bins

LOG = logging.getLogger("alscell.activity")
COLUMNS = [
    *(CELL_TYPE, FAMILY, PATHWAY, "effect", "standard_error", "ci_low", "ci_high"),
    *("effect_control_sd", "ci_low_control_sd", "ci_high_control_sd", "donor_sd"),
    *("statistic", "p_value", "fdr", "fdr_within"),
    *("minimum_detectable_effect", "random_set_percentile", "depth_correlation_donors", "depth_ratio"),
    *(N_CASE, N_CONTROL, DESCRIPTIVE),
]
POWER = 0.8  # of minimum_detectable_effect


def compare_arms(
    scores: pd.DataFrame,
    donors: pd.DataFrame,
    profiles: Profiles | None,
    members: dict[tuple[str, str], np.ndarray],
    definitions: Mapping[str, Definition],
    contrast: str,
    *,
    covariates: Sequence[str],
    min_cells: int,
    min_donors: int,
    cell_weights: bool,
    fdr: float,
    n_random_sets: int,
    n_expression_bins: int,
    seed: tuple[int, str],
) -> pd.DataFrame:
    """Case against control for every set in every cell type that both arms have.

    Parameters
    ----------
    scores : DataFrame
        Columns family, pathway, cell_type, donor, n_cells, depth, score, score_sd: one row a set, cell type and donor.
    donors : DataFrame
        Donor-level columns, index donor.
    profiles : Profiles or None
        Of the same donors and cell types, for random sets; not looked at where none are drawn.
    members : dict
        (family, pathway) -> positions in `profiles.genes`.
    definitions : mapping of str to mapping
        All contrasts of the dataset, as `design.assign_groups`: some share a model.
    contrast : str
        Which of them is tested.
    covariates : sequence of str
        Columns to hold constant.
    min_cells : int
        Cells below which a donor is left out of a cell type.
    min_donors : int
        Donors in each arm below which only effects are given.
    cell_weights : bool
        Weigh donors by their cells, as `weights_by_cells`; effects without a test are not weighed.
    fdr : float, 0..1
        What counts as found, for minimum_detectable_effect.
    n_random_sets, n_expression_bins : int
        Random sets for each tested set (0: none, and no percentile), and bins of expression that they are matched on.
    seed : (int, str)
        Seed, and a name that sets this contrast apart.

    Returns
    -------
    DataFrame
        COLUMNS: those of the table "pathway_tests" but dataset, contrast, coverage and depth_correlation; sorted by
        cell type, family, pathway. A row depends on its own cell type only, but for `fdr` and
        minimum_detectable_effect.
    """
    parts = []
    limits = {"covariates": covariates, "min_cells": min_cells, "min_donors": min_donors, "cell_weights": cell_weights}
    for model in arm_models(scores, donors, definitions, contrast, **limits):
        cell_type, values, design = model.cell_type, model.values, model.design
        if design is None:
            part = describe(values, model.comparison)
        else:
            part = compare_sets(values, design, model.weights)
            if n_random_sets:
                random = RandomSets(n_random_sets, n_expression_bins, (*seed, cell_type))
                part["random_set_percentile"] = random_percentiles(
                    part["statistic"], values, design, model.weights, profiles, members, random, cell_type
                )
        if len(part) < len(values):
            LOG.info("%s: %d sets left out, no spread within arms", cell_type, len(values) - len(part))
        arms = model.comparison.arms
        depth = _follow_depth(model.rows, values[arms.index], arms)
        parts.append(part.merge(depth, on=[FAMILY, PATHWAY]).assign(**{CELL_TYPE: cell_type}))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True).reindex(columns=[*COLUMNS, "df_total"])
    table["fdr"] = benjamini_hochberg(table["p_value"].to_numpy(dtype=float))
    table["fdr_within"] = table.groupby(CELL_TYPE)["p_value"].transform(lambda p: benjamini_hochberg(p.to_numpy(float)))
    table["minimum_detectable_effect"] = _detectable(table, fdr)
    return table[COLUMNS]


@dataclass(frozen=True)
class ArmModel:
    """What is compared in one cell type.

    Parameters
    ----------
    cell_type : str
    rows : DataFrame
        Its rows of the scores.
    values : DataFrame, sets x donors
        Scores; donors in the order of the model.
    comparison : Comparison
    design : Design or None
        None: too few donors or not estimable, so that effects have no test.
    weights : ndarray (donors,)
        Of the donors; all 1 without a design.
    """

    cell_type: str
    rows: pd.DataFrame
    values: pd.DataFrame
    comparison: Comparison
    design: Design | None
    weights: np.ndarray

    def difference(self, values: np.ndarray) -> np.ndarray:
        """Case against control for each row of values (x donors): the same linear function of donors as the effect."""
        if self.design is None:
            return values @ self.comparison.group_weights()
        return _fit(values, self.design, self.weights).effect(self.design)


def arm_models(
    scores: pd.DataFrame,
    donors: pd.DataFrame,
    definitions: Mapping[str, Definition],
    contrast: str,
    *,
    covariates: Sequence[str],
    min_cells: int,
    min_donors: int,
    cell_weights: bool,
) -> Iterator[ArmModel]:
    """The model of each cell type that both arms have; parameters as in `compare_arms`."""
    for cell_type, rows in _cell_types(scores, donors, min_cells):
        here = donors.loc[rows[DONOR].unique()].sort_index()
        designs, untested = plan_tests(here, definitions, covariates=covariates, min_donors=min_donors)
        design, reason = designs.get(contrast), untested.get(contrast)
        if reason:
            LOG.info("%s: effects only at most: %s (%s)", cell_type, reason.reason, reason.detail)
        comparison = design.comparison if design else reason.comparison
        if not comparison.smallest_group:
            continue
        order = (design.matrix if design else comparison.groups).index
        values = _by_donor(rows, "score")[order]
        weighed = design is not None and cell_weights
        weights = _donor_weights(rows, values, design) if weighed else np.ones(len(order))
        yield ArmModel(cell_type, rows, values, comparison, design, weights)


def _by_donor(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """One column of the scores of a cell type, sets x donors; both sorted."""
    return rows.pivot(index=[FAMILY, PATHWAY], columns=DONOR, values=column).sort_index()


def _donor_weights(rows: pd.DataFrame, values: pd.DataFrame, design: Design) -> np.ndarray:
    """Weights of the donors of a cell type, in the order of the design."""
    order = design.matrix.index
    n_cells = rows.drop_duplicates(DONOR).set_index(DONOR)[N_CELLS].loc[order].to_numpy(dtype=float)
    within = pooled_variance(_by_donor(rows, "score_sd")[order].to_numpy(dtype=float), n_cells)
    return weights_by_cells(values[order].to_numpy(dtype=float), within, n_cells, design.matrix.to_numpy())


def _follow_depth(rows: pd.DataFrame, values: pd.DataFrame, arms: pd.Series) -> pd.DataFrame:
    """family, pathway, depth_correlation_donors, depth_ratio (case over control, by geometric means) of a cell type."""
    depth = rows.drop_duplicates(DONOR).set_index(DONOR)[DEPTH].loc[values.columns].to_numpy(dtype=float)
    logs = pd.Series(np.log(depth), index=arms.to_numpy()).groupby(level=0).mean()
    return values.index.to_frame(index=False).assign(
        depth_correlation_donors=donor_correlations(values.to_numpy(dtype=float), depth, arms.to_numpy()),
        depth_ratio=float(np.exp(logs[CASE_ARM] - logs[CONTROL_ARM])),
    )


def _detectable(table: pd.DataFrame, fdr: float) -> np.ndarray:
    """Minimum detectable effect of every tested row, at the p value that the rank of the last hit had to reach."""
    out = np.full(len(table), np.nan)
    n_tests, n_hits = table["p_value"].notna().sum(), (table["fdr"] <= fdr).sum()
    for df, rows in table.groupby("df_total").indices.items():  # descriptive rows have none
        errors = table["standard_error"].to_numpy(dtype=float)[rows]
        out[rows] = minimum_detectable_effect(errors, df, alpha=fdr * max(n_hits, 1) / n_tests, power=POWER)
    return out


def _cell_types(scores: pd.DataFrame, donors: pd.DataFrame, min_cells: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Cell types with the donors that have enough cells: the same as in `expression.cell_type_units`."""
    known = scores[DONOR].isin(donors.index) & (scores[CELL_TYPE] != UNASSIGNED)
    for cell_type, rows in scores[known & (scores[N_CELLS] >= min_cells)].groupby(CELL_TYPE, sort=True):
        yield str(cell_type), rows


def describe(values: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """Effects without a test: difference of means over the pooled standard deviation within groups.

    Covariates are not held constant. A set is left out if no group has two donors, or if its donors do not differ
    within groups although these differ, since the effect would be infinite.

    Parameters
    ----------
    values : DataFrame, sets x donors
        Scores; index family, pathway; columns in the order of the comparison.
    comparison : Comparison

    Returns
    -------
    DataFrame
        Columns family, pathway, effect, donor_sd (that deviation), n_case, n_control, descriptive; one row a set.
    """
    scores, groups = values.to_numpy(dtype=float), comparison.groups.to_numpy(dtype=object)
    difference = scores @ comparison.group_weights()
    own = [scores[:, groups == name] for name in comparison.weights]
    squares = sum(((part - part.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for part in own)
    spare = len(groups) - len(own)
    sd = np.sqrt(squares / max(spare, 1))
    known = sd > 1e-12
    effect = np.divide(difference, sd, out=np.zeros(len(values)), where=known)
    sizes = {N_CASE: comparison.n_case, N_CONTROL: comparison.n_control, DESCRIPTIVE: True}
    out = values.index.to_frame(index=False).assign(effect=effect, donor_sd=np.where(known, sd, np.nan), **sizes)
    return out[known | ((spare > 0) & (np.abs(difference) <= 1e-12))].reset_index(drop=True)


def compare_sets(values: pd.DataFrame, design: Design, weights: np.ndarray) -> pd.DataFrame:
    """Moderated t test of every set in one cell type.

    Parameters
    ----------
    values : DataFrame, sets x donors
        Scores; index family, pathway; columns in any order.
    design : Design
        Of these donors.
    weights : ndarray (donors,)
        Of the donors in the order of the design, mean 1.

    Returns
    -------
    DataFrame
        Columns family, pathway, effect, standard_error, ci_low, ci_high, the same in standard deviations of
        controls, donor_sd (the score that one unit of the effect stands for), statistic, p_value, df_total, n_case,
        n_control, descriptive. The effect is the coefficient over the moderated residual standard deviation, of a
        donor of weight 1; standard error and intervals take standard deviations as known, so that an interval
        excludes 0 just where p < 0.05. A set whose score is the same in all donors (it is not active here) has
        effect 0 and p 1.
    """
    shares, varies = _shares(values, design)
    out = values.index.to_frame(index=False)
    out[["effect", "statistic", "p_value", "donor_sd"]] = 0.0, 0.0, 1.0, np.nan
    ratio = np.ones(len(out))  # residual over control standard deviation; 1 where neither is known
    unscaled = _fit(shares, design, weights).unscaled_error(design)[0]
    out["df_total"] = float(design.df_residual)
    if varies.any():
        fit = _fit(shares[varies], design, weights)
        test = moderated_test(fit, design, prior="common")
        sd, control_sd = test["residual_sd"].to_numpy(), _control_sd(shares[varies], fit, design, weights)
        out["df_total"] = test["df_total"].iloc[0]
        out.loc[varies, "effect"] = test["effect"].to_numpy() / sd
        out.loc[varies, "donor_sd"] = sd * values.mean(axis=1).to_numpy()[varies]
        ratio[varies] = np.divide(sd, control_sd, out=np.full(len(sd), np.nan), where=control_sd > 0)
        out.loc[varies, ["statistic", "p_value"]] = test[["statistic", "p_value"]].to_numpy()
    half = stats.t.ppf(0.975, out["df_total"].iloc[0]) * unscaled
    out["standard_error"] = unscaled
    out["ci_low"], out["ci_high"] = out["effect"] - half, out["effect"] + half
    for name in ("effect", "ci_low", "ci_high"):
        out[f"{name}_control_sd"] = ratio * out[name]
    return out.assign(**{N_CASE: design.n_case, N_CONTROL: design.n_control, DESCRIPTIVE: False})


def _fit(shares: np.ndarray, design: Design, weights: np.ndarray) -> Fit:
    """Weighted least squares with the same weights for all sets: donors are scaled, in scores and terms."""
    root = np.sqrt(weights)
    return fit_linear(shares * root, replace(design, matrix=design.matrix.mul(root, axis="index")), weights=None)


def _control_sd(shares: np.ndarray, fit: Fit, design: Design, weights: np.ndarray) -> np.ndarray:
    """Standard deviation of the control donors around the fit, moderated over sets; of a donor of weight 1.

    Their degrees of freedom are what the fit leaves them: the sum of 1 - leverage, n - 1 without covariates.
    """
    control = (design.arms.reindex(design.matrix.index) == CONTROL_ARM).to_numpy()
    root, terms = np.sqrt(weights), design.matrix.to_numpy(dtype=float)
    residuals = (root * (shares - fit.coefficients @ terms.T))[:, control]
    df = (1 - (np.linalg.qr(root[:, None] * terms)[0] ** 2).sum(axis=1))[control].sum()
    if df < 1e-6:
        return np.full(len(shares), np.nan)
    return np.sqrt(moderate((residuals**2).sum(axis=1) / df, float(df), average=None, prior="common")[0])


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
    weights: np.ndarray,
    profiles: Profiles,
    members: dict[tuple[str, str], np.ndarray],
    random: RandomSets,
    cell_type: str,
) -> np.ndarray:
    """How each set's |t| compares with that of random sets matched on expression in the same cell type.

    Random sets go through the same scores, the same design and weights, and the same prior variance.

    Parameters
    ----------
    statistics : Series
        Moderated t of each set, from `compare_sets`.
    values : DataFrame, sets x donors
        Scores of the same sets.
    design, weights
        As in `compare_sets`.
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
    fit = _fit(shares[varies], design, weights)
    prior = (np.zeros(1), np.zeros(1))
    if len(fit.sigma2) > 1:
        prior = prior_variance(fit.sigma2, fit.df_residual, average=None, prior="common")
    rows = pd.MultiIndex.from_frame(profiles.rows[[DONOR, CELL_TYPE]])
    earned = profiles.weights[rows.get_indexer([(donor, cell_type) for donor in design.matrix.index])].T
    bins = expression_bins(profiles.expression[cell_type], n_bins=random.n_bins)
    for row in np.flatnonzero(varies):
        name = values.index[row]
        sets = draw_sets(members[name], bins, n_sets=random.n_sets, seed=derived_seed(*random.seed, *name))
        drawn = np.abs(_statistics(earned[sets].sum(axis=1), design, weights, prior))
        out[row] = 100 * np.mean(drawn < abs(statistics.iloc[row]))
    return out


def _statistics(
    scores: np.ndarray, design: Design, weights: np.ndarray, prior: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Moderated t of rows of scores under a given prior (variance, degrees of freedom), the same for all."""
    means = scores.mean(axis=1, keepdims=True)
    shares = np.divide(scores, means, out=np.zeros_like(scores), where=means > 0)
    fit = _fit(shares, design, weights)
    variance, df_prior = (values[0] for values in prior)
    posterior = squeeze(fit.sigma2, fit.df_residual, variance, df_prior)
    error = fit.unscaled_error(design) * np.sqrt(posterior)
    return np.divide(fit.effect(design), error, out=np.zeros(len(scores)), where=error > 0)
