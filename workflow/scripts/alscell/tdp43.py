"""Loss of TDP-43 function as the RNA of its targets shows it: gene by gene, and as one index a donor.

The index is the mean, over the targets measured in a cell type, of the standardized log expression of a donor, turned
so that positive means: as after a loss of TDP-43. It is no pathway score: targets share no regulation but TDP-43.
NOTE: counts of 3' reads cannot see a cryptic exon. They see that less full-length RNA is left, at most; in nuclei, RNA
that is degraded in the cytoplasm may not be missing yet, and where neurons of one kind die, their RNA is missing, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alscell.cell_classes import NEURON, cell_class
from alscell.design import Definition
from alscell.donor_tests import Plan, compare_values, plans, test_rows
from alscell.keys import CELL_TYPE, CONTRAST, DESCRIPTIVE, DONOR, GENE, N_CASE, N_CONTROL
from alscell.moderation import benjamini_hochberg
from alscell.power import minimum_detectable_effect
from alscell.random_sets import derived_seed, draw_sets, expression_bins

MIN_TARGETS = 5  # ASSUME: a mean of fewer targets would be the story of one gene
ALPHA, POWER = 0.05, 0.8  # of the detectable effect
TESTED, DESCRIBED, TOO_FEW_TARGETS = "tested", "descriptive", "too_few_targets"
SIGNS = {"down": -1, "up": 1}
COLUMNS = [
    *(CONTRAST, CELL_TYPE, "is_neuron", "status", "n_targets", "n_listed", "missing", "effect", "standard_error"),
    *("ci_low", "ci_high", "statistic", "p_value", "random_percentile", "detectable", N_CASE, N_CONTROL, DESCRIPTIVE),
]
_LEAST_IN_BIN = 20  # genes, so that random genes can be drawn in the place of several targets of one bin


@dataclass(frozen=True)
class Draw:
    """How random genes are drawn: how many sets, over how many bins of expression at most, from which seed."""

    n_sets: int
    n_bins: int
    seed: int


def target_rows(rows: pd.DataFrame, targets: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """Rows of `gene_panel.read_genes` as those of the table "tdp43_genes" (without the dataset).

    Parameters
    ----------
    rows : DataFrame
        Of the targets.
    targets : DataFrame
        Columns gene, direction, mechanism, source.
    fdr : float
        False discovery rate over the list at which a target counts as changed.
    """
    out = rows.drop(columns="evidence").merge(targets, on=GENE, how="left")
    same = np.sign(out["log2_fold_change"]) == out["direction"].map(SIGNS)
    said = np.where(same, "yes", "no")
    return out.assign(as_expected=pd.Series(said, dtype=object).where(out["fdr_panel"] <= fdr))


def standard_scores(expression: pd.DataFrame) -> pd.DataFrame:
    """Expression of each gene (rows) in standard deviations of all donors (columns); genes that vary only."""
    spread = expression.std(axis=1, ddof=1)
    varies = spread > 1e-9
    own = expression[varies]
    return own.sub(own.mean(axis=1), axis="index").div(spread[varies], axis="index")


def donor_index(scores: pd.DataFrame, signs: pd.Series) -> pd.Series:
    """Donor -> mean of the standardized expression of the targets, each times its sign; positive: as after a loss.

    Parameters
    ----------
    scores : DataFrame, genes x donors
        As `standard_scores`.
    signs : Series
        Gene -> +1 or -1; all among the genes.
    """
    return scores.loc[signs.index].mul(signs, axis="index").mean(axis=0)


def compare_index(
    expression: pd.DataFrame,
    donors: pd.DataFrame,
    targets: pd.DataFrame,
    definitions: Mapping[str, Definition],
    draw: Draw,
    *,
    covariates: Sequence[str],
    min_donors: int,
    names: Mapping[str, Sequence[str]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The index of every donor and cell type, and its difference between the arms of every contrast.

    NOTE: the variance of the index is not moderated with those of random sets: targets that move together vary more
    than random genes do, and would borrow too small a variance.

    Parameters
    ----------
    expression : DataFrame
        Table `expression_donors`.
    donors : DataFrame
        Donor-level columns, index donor.
    targets : DataFrame
        Columns gene, direction (down, up: after a loss of TDP-43).
    definitions : mapping of str to mapping
        Contrasts by name, as `design.assign_groups`.
    draw : Draw
    covariates : sequence of str
        Columns to hold constant.
    min_donors : int
        Donors in each group of a contrast; with fewer the contrast is described only.
    names : mapping
        As `cell_classes.cell_class`.

    Returns
    -------
    table, by_donor : DataFrame
        Tables "tdp43_index" and "tdp43_donors" without the dataset.
    """
    signs = targets.set_index(GENE)["direction"].map(SIGNS)
    rows, parts = [], []
    for cell_type, own in expression.groupby(CELL_TYPE, sort=True):
        values = own.drop(columns=CELL_TYPE).set_index(GENE).dropna(axis=1)
        scores = standard_scores(values)
        here = signs[signs.index.isin(scores.index)].sort_index()
        facts = {
            CELL_TYPE: cell_type,
            "is_neuron": cell_class(str(cell_type), names=names) == NEURON,
            "n_targets": len(here),
            "n_listed": len(signs),
            "missing": ";".join(sorted(set(signs.index) - set(here.index))) or None,
        }
        known = donors.loc[donors.index.isin(scores.columns)].sort_index()
        enough = len(here) >= MIN_TARGETS
        if enough:
            index = donor_index(scores, here)
            parts.append(pd.DataFrame({CELL_TYPE: cell_type, DONOR: index.index, "index": index.to_numpy()}))
        for plan in plans(known, definitions, covariates=covariates, min_donors=min_donors):
            found = _compare(scores, values.mean(axis=1), here, plan, draw, str(cell_type)) if enough else {}
            sizes = {N_CASE: plan.comparison.n_case, N_CONTROL: plan.comparison.n_control, DESCRIPTIVE: not enough}
            status = DESCRIBED if plan.design is None else TESTED
            status = status if enough else TOO_FEW_TARGETS
            rows.append({**facts, CONTRAST: plan.contrast, "status": status, **sizes, **found})
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["fdr"] = table.groupby(CONTRAST)["p_value"].transform(lambda p: benjamini_hochberg(p.to_numpy(float)))
    by_donor = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[CELL_TYPE, DONOR, "index"])
    return table, by_donor


def _compare(
    scores: pd.DataFrame, means: pd.Series, signs: pd.Series, plan: Plan, draw: Draw, cell_type: str
) -> dict[str, object]:
    """Test of the index in one cell type and contrast, beside random genes of like expression."""
    found = compare_values(donor_index(scores, signs).to_frame("index").T, plan).iloc[0].to_dict()
    df = found.pop("df")
    if plan.design is None:
        return found
    error = float(found["standard_error"])
    found["detectable"] = float(minimum_detectable_effect(error, float(df), alpha=ALPHA, power=POWER))
    found["random_percentile"] = _random_percentile(
        float(found["statistic"]), scores[plan.design.matrix.index], means[scores.index], signs, plan, draw, cell_type
    )
    return found


def _random_percentile(
    statistic: float, scores: pd.DataFrame, means: pd.Series, signs: pd.Series, plan: Plan, draw: Draw, cell_type: str
) -> float:
    """Share of random sets with a smaller t, 0..100: genes of the expression of the targets, with their signs."""
    n_bins = min(draw.n_bins, len(scores) // _LEAST_IN_BIN)
    if n_bins < 1 or not draw.n_sets:
        return np.nan
    bins = expression_bins(means, n_bins=n_bins)
    positions = scores.index.get_indexer(signs.index)
    seed = derived_seed(draw.seed, plan.contrast, cell_type)
    drawn = draw_sets(positions, bins, n_sets=draw.n_sets, seed=seed)
    if drawn.shape[1] < len(positions):
        return np.nan
    # Sets come bin by bin: the signs in the same order.
    turned = signs.to_numpy()[np.argsort(bins[positions], kind="stable")]
    values = np.einsum("sgd,g->sd", scores.to_numpy(dtype=float)[drawn], turned) / len(turned)
    return float(100 * np.mean(test_rows(values, plan.design, moderated=False)["statistic"] < statistic))
