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
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from alscell.depth import donor_correlations
from alscell.design import Design, assign_arms, build_design
from alscell.donor_weights import pooled_variance, weights_by_cells
from alscell.errors import InputError
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
from alscell.moderation import Fit, benjamini_hochberg, fit_linear, moderate, moderated_test
from alscell.pathways import Profiles
from alscell.power import minimum_detectable_effect
from alscell.random_sets import derived_seed, draw_sets, expression_bins

LOG = logging.getLogger("alscell.activity")
COLUMNS = [
    *(CELL_TYPE, FAMILY, PATHWAY, "effect", "standard_error", "ci_low", "ci_high"),
    *("effect_control_sd", "ci_low_control_sd", "ci_high_control_sd", "statistic", "p_value", "fdr", "fdr_within"),
    *("minimum_detectable_effect", "random_set_percentile", "depth_correlation_donors", "depth_ratio"),
    *(N_CASE, N_CONTROL, DESCRIPTIVE),
]
POWER = 0.8  # of minimum_detectable_effect


def compare_arms(
    scores: pd.DataFrame,
    donors: pd.DataFrame,
    profiles: Profiles,
    members: dict[tuple[str, str], np.ndarray],
    *,
    factor: str,
    case: list[str],
    control: list[str],
    covariates: list[str],
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
    profiles : Profiles
        Of the same donors and cell types, for random sets.
    members : dict
        (family, pathway) -> positions in `profiles.genes`.
    factor, case, control, covariates
        Of the contrast, as in `build_design`.
    min_cells : int
        Cells below which a donor is left out of a cell type.
    min_donors : int
        Donors in each arm below which only effects are given.
    cell_weights : bool
        Weigh donors by their cells, as `weights_by_cells`; effects without a test are not weighed.
    fdr : float, 0..1
        What counts as found, for minimum_detectable_effect.
    n_random_sets, n_expression_bins : int
        Random sets for each tested set, and bins of expression that they are matched on.
    seed : (int, str)
        Seed, and a name that sets this contrast apart.

    Returns
    -------
    DataFrame
        COLUMNS: those of the table "pathway_tests" but dataset, contrast, coverage and depth_correlation; sorted by
        cell type, family, pathway. A row depends on its own cell type only, but for `fdr` and
        minimum_detectable_effect.
    """
    contrast = {"factor": factor, "case": case, "control": control}
    arms = assign_arms(donors, **contrast)
    parts = []
    for cell_type, rows in _cell_types(scores, arms, min_cells):
        values = _by_donor(rows, "score")
        design = _design(
            donors.loc[values.columns], cell_type, **contrast, covariates=covariates, min_donors=min_donors
        )
        if design is None:
            part = describe(values, arms.loc[values.columns])
        else:
            weights = _donor_weights(rows, values, design) if cell_weights else np.ones(len(design.matrix))
            part = compare_sets(values, design, weights)
            random = RandomSets(n_random_sets, n_expression_bins, (*seed, cell_type))
            part["random_set_percentile"] = random_percentiles(
                part["statistic"], values, design, weights, profiles, members, random, cell_type
            )
        if len(part) < len(values):
            LOG.info("%s: %d sets left out, no spread within arms", cell_type, len(values) - len(part))
        depth = _follow_depth(rows, values, arms.loc[values.columns])
        parts.append(part.merge(depth, on=[FAMILY, PATHWAY]).assign(**{CELL_TYPE: cell_type}))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True).reindex(columns=[*COLUMNS, "df_total"])
    table["fdr"] = benjamini_hochberg(table["p_value"].to_numpy(dtype=float))
    table["fdr_within"] = table.groupby(CELL_TYPE)["p_value"].transform(lambda p: benjamini_hochberg(p.to_numpy(float)))
    table["minimum_detectable_effect"] = _detectable(table, fdr)
    return table[COLUMNS]


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
        Columns family, pathway, effect, standard_error, ci_low, ci_high, the same in standard deviations of controls,
        statistic, p_value, df_total, n_case, n_control, descriptive. The effect is the coefficient over the moderated
        residual standard deviation, of a donor of weight 1; standard error and intervals take standard deviations as
        known, so that an interval excludes 0 just where p < 0.05. A set whose score is the same in all donors (it is
        not active here) has effect 0 and p 1.
    """
    shares, varies = _shares(values, design)
    out = values.index.to_frame(index=False)
    out[["effect", "statistic", "p_value"]] = 0.0, 0.0, 1.0
    ratio = np.ones(len(out))  # residual over control standard deviation; 1 where neither is known
    unscaled = _contrast_of(_fit(shares, design, weights))[1][0]
    out["df_total"] = float(design.df_residual)
    if varies.any():
        fit = _fit(shares[varies], design, weights)
        test = moderated_test(fit, design, trend=False)
        sd, control_sd = test["residual_sd"].to_numpy(), _control_sd(shares[varies], fit, design, weights)
        out["df_total"] = test["df_total"].iloc[0]
        out.loc[varies, "effect"] = test["effect"].to_numpy() / sd
        ratio[varies] = np.divide(sd, control_sd, out=np.full(len(sd), np.nan), where=control_sd > 0)
        out.loc[varies, ["statistic", "p_value"]] = test[["statistic", "p_value"]].to_numpy()
    half = stats.t.ppf(0.975, out["df_total"].iloc[0]) * unscaled
    out["standard_error"] = unscaled
    out["ci_low"], out["ci_high"] = out["effect"] - half, out["effect"] + half
    for name in ("effect", "ci_low", "ci_high"):
        out[f"{name}_control_sd"] = ratio * out[name]
    return out.assign(**{N_CASE: design.n_case, N_CONTROL: design.n_control, DESCRIPTIVE: False})


def _contrast_of(fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """Case minus control in every set, and its standard error before the multiplication with sigma."""
    return fit.coefficients[:, -1], fit.stdev_unscaled[:, -1]  # the contrast is the last column


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
    return np.sqrt(moderate((residuals**2).sum(axis=1) / df, float(df), trend=None)[0])


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
    prior = _prior(fit.sigma2, fit.df_residual)
    rows = pd.MultiIndex.from_frame(profiles.rows[[DONOR, CELL_TYPE]])
    earned = profiles.weights[rows.get_indexer([(donor, cell_type) for donor in design.matrix.index])].T
    bins = expression_bins(profiles.expression[cell_type], n_bins=random.n_bins)
    for row in np.flatnonzero(varies):
        name = values.index[row]
        sets = draw_sets(members[name], bins, n_sets=random.n_sets, seed=derived_seed(*random.seed, *name))
        drawn = np.abs(_statistics(earned[sets].sum(axis=1), design, weights, prior))
        out[row] = 100 * np.mean(drawn < abs(statistics.iloc[row]))
    return out


def _prior(sigma2: np.ndarray, df_residual: float) -> tuple[float, float]:
    """Prior variance and its degrees of freedom, as `moderate` used them."""
    posterior, df_prior = moderate(sigma2, df_residual, trend=None)
    if np.isinf(df_prior) or df_prior == 0:
        return float(posterior[0]), df_prior
    return float(np.mean((df_prior + df_residual) * posterior - df_residual * sigma2)) / df_prior, df_prior


def _statistics(scores: np.ndarray, design: Design, weights: np.ndarray, prior: tuple[float, float]) -> np.ndarray:
    """Moderated t of rows of scores under a given prior."""
    means = scores.mean(axis=1, keepdims=True)
    shares = np.divide(scores, means, out=np.zeros_like(scores), where=means > 0)
    fit = _fit(shares, design, weights)
    variance, df_prior = prior
    weight = 1.0 if np.isinf(df_prior) else df_prior / (df_prior + fit.df_residual)
    posterior = weight * variance + (1 - weight) * fit.sigma2
    effect, unscaled = _contrast_of(fit)
    error = unscaled * np.sqrt(posterior)
    return np.divide(effect, error, out=np.zeros(len(scores)), where=error > 0)
