"""Differential expression between donors, cell type by cell type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from alscell.design import Comparison, Definition, Design, Untested, assign_groups, plan_tests
from alscell.hidden import hidden_factors, with_factors
from alscell.influence import Influence, measure_influence
from alscell.keys import CELL_TYPE, CONTRAST, DONOR, GENE, N_CELLS, UNASSIGNED
from alscell.moderation import Fit, benjamini_hochberg, filtered_fdr, fit_linear, moderated_test, shrink
from alscell.normalization import TREND_PRIOR_COUNT, effective_sizes, expressed_genes, log_counts, voom, voom_values
from alscell.power import minimum_detectable_effect
from alscell.tables import empty_table

MIN_GENES = 10  # ASSUME: a trend of the variance needs at least so many genes
METHODS = ("voom", "trend", "pydeseq2")
# ASSUME: 1 % of the genes change and 80 % of these are to be found: what Benjamini-Hochberg then asks of p.
SHARE_CHANGED, POWER = 0.01, 0.8
ONE_DONOR = 0.05  # ASSUME: a hit rests on one donor if its unadjusted p exceeds this without that donor
SKIPPED = [CONTRAST, CELL_TYPE, "reason", "detail", "n_case", "n_control"]


@dataclass(frozen=True)
class Choices:
    """How the counts of a cell type are fitted and tested; values of config section `differential`.

    Parameters
    ----------
    method : str
        "voom" (precision weights), "trend" (no weights, prior variance by trend) or "pydeseq2" (negative binomial).
    min_count, min_total_count : float
        As `expressed_genes`.
    cell_weights : bool
        voom: weigh donors by their number of cells as well.
    local_prior : bool
        voom: "local" prior of the variances, as `moderation.prior_variance`; otherwise "common".
    hidden_factors : int
        Estimated factors held constant (voom and trend).
    exclude_outliers : bool
        Give no p-value to a gene with an outlying donor.
    independent_filtering : bool
        Leave genes of low expression out of the FDR where that gains calls.
    fdr : float, 0..1
        False discovery rate that the filter and the detectable effect are made for.
    """

    method: str
    min_count: float
    min_total_count: float
    cell_weights: bool
    local_prior: bool
    hidden_factors: int
    exclude_outliers: bool
    independent_filtering: bool
    fdr: float

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method '{self.method}' is none of {METHODS}")


class Differential(NamedTuple):
    """Tables "differential", "differential_skipped" and "differential_power" of a dataset."""

    table: pd.DataFrame
    skipped: pd.DataFrame
    power: pd.DataFrame


@dataclass(frozen=True)
class Unit:
    """Donors of one cell type that stand in one model, or in one contrast without a test.

    Parameters
    ----------
    cell_type : str
    rows : ndarray of int (donors,)
        Rows of the pseudobulk, in the order of the design's matrix, or of the comparison.
    cells : ndarray of int (donors,)
        Cells behind each row.
    designs : dict of str to Design
        Contrasts tested in this model; they share its matrix. Empty: effects only.
    described : dict of str to Comparison
        The contrast that is described, if none is tested.
    """

    cell_type: str
    rows: np.ndarray
    cells: np.ndarray
    designs: dict[str, Design]
    described: dict[str, Comparison]


@dataclass(frozen=True)
class CellTypeFit:
    """Log expression of one cell type and its linear models.

    Parameters
    ----------
    genes : ndarray of str (genes,)
        Genes with enough counts.
    kept : ndarray of int (genes,)
        Their rows of the counts.
    values : ndarray, genes x donors
        log2 counts per million.
    weights : ndarray, genes x donors, or None
        Precision weights (voom).
    fit : Fit
    factors : DataFrame, donors x hidden factors
        Held constant; none by default.
    prior : str
        Of the variances, as `moderation.prior_variance`.
    """

    genes: np.ndarray
    kept: np.ndarray
    values: np.ndarray
    weights: np.ndarray | None
    fit: Fit
    factors: pd.DataFrame
    prior: str

    def design(self, design: Design) -> Design:
        """The design as it was fitted: with the hidden factors."""
        return with_factors(design, self.factors)

    def test(self, design: Design) -> pd.DataFrame:
        """`moderated_test` of a contrast of the model."""
        return moderated_test(self.fit, self.design(design), prior=self.prior)

    def influence(self, design: Design) -> Influence:
        """`measure_influence` on a contrast of the model."""
        return measure_influence(self.values, self.weights, self.fit, self.design(design), prior=self.prior)


def cell_type_units(
    observations: pd.DataFrame,
    definitions: Mapping[str, Definition],
    *,
    covariates: Sequence[str],
    min_cells: int,
    min_donors: int,
) -> tuple[list[Unit], pd.DataFrame]:
    """Which donors stand for which cell type in which contrasts, and what cannot be tested.

    Parameters
    ----------
    observations : DataFrame
        Rows of the pseudobulk: donor, cell_type, n_cells, donor-level columns.
    definitions : mapping of str to mapping
        Contrasts by name, as `design.assign_groups`.
    covariates : sequence of str
        Columns to hold constant.
    min_cells : int
        Cells; a donor with fewer is left out of that cell type.
    min_donors : int
        Donors in each group of a contrast; with fewer the contrast is described only.

    Returns
    -------
    units : list of Unit
        Sorted by cell type; `unassigned` is never among them.
    skipped : DataFrame
        contrast, cell_type, reason, detail, n_case, n_control; one row a cell type and contrast that is not tested, and
        one (donors_left_out) where it is, without all donors. Either way the detail names the donors left out.

    Raises
    ------
    InputError
        If a factor is no donor-level column.
    """
    donors = observations.drop_duplicates(DONOR).set_index(DONOR)
    meant = {name: assign_groups(donors, {**given, "paired_by": None}).groups for name, given in definitions.items()}
    concerned = set().union(*(groups.index for groups in meant.values()))
    here = observations[observations[DONOR].isin(concerned) & (observations[CELL_TYPE] != UNASSIGNED)]
    units, skipped = [], []
    for cell_type in sorted(here[CELL_TYPE].unique()):
        cells = observations.loc[observations[CELL_TYPE] == cell_type, [DONOR, N_CELLS]].set_index(DONOR)[N_CELLS]
        positions = pd.Series(np.flatnonzero(observations[CELL_TYPE] == cell_type), index=cells.index)
        enough = cells.index[(cells >= min_cells) & cells.index.isin(concerned)]
        designs, untested = plan_tests(donors.loc[enough], definitions, covariates=covariates, min_donors=min_donors)
        units += _units(cell_type, positions, cells, designs, untested)
        for name in definitions:
            comparison = designs[name].comparison if name in designs else untested[name].comparison
            left_out = _left_out(
                cells.reindex(meant[name].index, fill_value=0), comparison.groups.index, min_cells=min_cells
            )
            reason, detail = (
                ("donors_left_out", "") if name in designs else (untested[name].reason, untested[name].detail)
            )
            if left_out or name in untested:
                detail = "; ".join(part for part in (detail, left_out) if part)
                skipped.append((name, cell_type, reason, detail, comparison.n_case, comparison.n_control))
    return units, pd.DataFrame(skipped, columns=SKIPPED)


def _units(
    cell_type: str, positions: pd.Series, cells: pd.Series, designs: dict[str, Design], untested: dict[str, Untested]
) -> list[Unit]:
    """One unit a model, then one a contrast with too few donors."""
    models: dict[int, dict[str, Design]] = {}
    for name, design in designs.items():
        models.setdefault(id(design.matrix), {})[name] = design
    units = []
    for model in models.values():
        index = next(iter(model.values())).matrix.index
        units.append(Unit(cell_type, positions[index].to_numpy(), cells[index].to_numpy(), model, {}))
    for name, reason in untested.items():
        if reason.reason == "too_few_donors":
            index = reason.comparison.groups.index
            unit = Unit(cell_type, positions[index].to_numpy(), cells[index].to_numpy(), {}, {name: reason.comparison})
            units.append(unit)
    return units


def _left_out(cells: pd.Series, kept: pd.Index, *, min_cells: int) -> str:
    """Donors that are not kept and why (cells: donor -> number), as text; '' if there are none."""
    lost = cells.drop(kept).sort_index()
    few, alone = lost[lost < min_cells], lost[lost >= min_cells]
    parts = []
    if len(few):
        listed = ", ".join(f"{name} ({n})" for name, n in few.items())
        parts.append(f"left out, fewer than {min_cells} cells: {listed}")
    if len(alone):
        parts.append(f"left out, no partner: {', '.join(map(str, alone.index))}")
    return "; ".join(parts)


def fit_cell_type(
    counts: np.ndarray, genes: np.ndarray, design: Design, choices: Choices, *, cells: np.ndarray
) -> CellTypeFit | None:
    """Filter, normalize and fit the genes of one cell type, once for all contrasts of the model.

    Parameters
    ----------
    counts : ndarray, genes x donors
        Raw pseudobulk counts, donors in the order of `design.matrix`.
    genes : ndarray of str (genes,)
    design : Design
        Any of the model.
    choices : Choices
        With "pydeseq2" the fit is voom's: it serves gene sets and the influence of donors.
    cells : ndarray of int (donors,)
        Cells behind each donor's counts.

    Returns
    -------
    CellTypeFit, or None if fewer than MIN_GENES genes have enough counts.
    """
    kept = expressed(counts, design.smallest_group, choices)
    if not len(kept):
        return None
    counts = counts[kept].astype(float)
    sizes = effective_sizes(counts)
    trend = choices.method == "trend"

    def logs(given: Design) -> tuple[np.ndarray, np.ndarray | None]:
        if trend:
            return log_counts(counts, sizes, prior_count=TREND_PRIOR_COUNT), None
        return voom(counts, sizes, given, cells=cells if choices.cell_weights else None)

    values, weights = logs(design)
    factors = hidden_factors(design, values, weights, n_factors=_n_hidden(design, choices))
    if not factors.empty:
        design = with_factors(design, factors)
        values, weights = logs(design)
    fit = fit_linear(values, design, weights=weights)
    prior = "trend" if trend else "local" if choices.local_prior else "common"
    return CellTypeFit(genes[kept], kept, values, weights, fit, factors, prior)


def expressed(counts: np.ndarray, smallest_group: int, choices: Choices) -> np.ndarray:
    """Rows of the genes with enough counts (genes x donors); none if they are fewer than MIN_GENES."""
    limits = {"min_count": choices.min_count, "min_total_count": choices.min_total_count}
    kept = np.flatnonzero(expressed_genes(counts, smallest_arm=smallest_group, **limits))
    return kept if len(kept) >= MIN_GENES else kept[:0]


def _n_hidden(design: Design, choices: Choices) -> int:
    """Hidden factors that leave two residual degrees of freedom."""
    return max(0, min(choices.hidden_factors, design.df_residual - 2))


def compare_donors(
    counts: sparse.csr_matrix,
    observations: pd.DataFrame,
    genes: np.ndarray,
    definitions: Mapping[str, Definition],
    choices: Choices,
    *,
    dataset: str,
    covariates: Sequence[str],
    min_cells: int,
    min_donors: int,
) -> Differential:
    """Differential expression of every cell type in every contrast of a dataset.

    Parameters
    ----------
    counts : CSR matrix, (donor x cell type) x genes
        Raw pseudobulk counts.
    observations, definitions, covariates, min_cells, min_donors
        As `cell_type_units`.
    genes : ndarray of str (genes,)
    choices : Choices
    dataset : str
        Written into the tables.

    Returns
    -------
    Differential

    Raises
    ------
    InputError
        As `cell_type_units`.
    """
    design = {"covariates": covariates, "min_cells": min_cells, "min_donors": min_donors}
    units, skipped = cell_type_units(observations, definitions, **design)
    parts, power = [], [empty_table("differential_power")]
    for unit in units:
        dense = counts[unit.rows].toarray().T
        tables = _test(dense, genes, unit, choices) if unit.designs else _describe(dense, genes, unit, choices)
        parts += [table.assign(cell_type=unit.cell_type, contrast=name) for name, table in tables.items()]
        power += [
            _power(table, fdr=choices.fdr).assign(cell_type=unit.cell_type, contrast=name)
            for name, table in tables.items()
            if unit.designs
        ]
        for name in (*unit.designs, *unit.described):
            if name not in tables:
                skipped = _without_genes(skipped, name, unit, choices)
    out = pd.concat(parts, ignore_index=True) if parts else empty_table("differential")
    out["df"] = out["df"].astype(float).replace(np.inf, np.nan)  # a normal test
    out["fdr_all"] = out.groupby(CONTRAST)["p_value"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
    found = pd.concat(power[1:] or power, ignore_index=True)
    return Differential(*(frame.assign(dataset=dataset) for frame in (out, skipped, found)))


def _power(table: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """One row of "differential_power": how large a change the genes of a cell type had to have to be found."""
    alpha = fdr * SHARE_CHANGED * POWER / (1 - fdr)
    errors = table["standard_error"].to_numpy(dtype=float)
    changes = minimum_detectable_effect(errors, float(table["df"].median()), alpha=alpha, power=POWER)
    low, middle, high = np.nanquantile(changes, [0.25, 0.5, 0.75])
    hit = table["fdr"] <= fdr
    row = {
        "n_case": table["n_case"].iloc[0],
        "n_control": table["n_control"].iloc[0],
        "n_genes": len(table),
        "n_hits": hit.sum(),
        "n_one_donor": (hit & (table["p_without_one"] > ONE_DONOR)).sum(),
        "p_needed": alpha,
        "detectable_low": low,
        "detectable": middle,
        "detectable_high": high,
    }
    return pd.DataFrame([row])


def _without_genes(skipped: pd.DataFrame, contrast: str, unit: Unit, choices: Choices) -> pd.DataFrame:
    """The skipped table with a row for a cell type in which no gene has enough counts."""
    detail = f"fewer than {MIN_GENES} genes have {choices.min_count} counts in enough donors"
    own = (skipped[CELL_TYPE] == unit.cell_type) & (skipped[CONTRAST] == contrast)
    partly = own & (skipped["reason"] == "donors_left_out")
    detail = "; ".join([detail, *skipped.loc[partly, "detail"]])
    comparison = unit.described.get(contrast) or unit.designs[contrast].comparison
    row = (contrast, unit.cell_type, "no_genes", detail, comparison.n_case, comparison.n_control)
    return pd.concat([skipped[~own], pd.DataFrame([row], columns=SKIPPED)], ignore_index=True)


def _test(counts: np.ndarray, genes: np.ndarray, unit: Unit, choices: Choices) -> dict[str, pd.DataFrame]:
    """Rows of every contrast of a model; none if too few genes have counts."""
    fitted = fit_cell_type(counts, genes, next(iter(unit.designs.values())), choices, cells=unit.cells)
    if fitted is None:
        return {}
    tables = {}
    for name, design in unit.designs.items():
        if choices.method == "pydeseq2":
            from alscell.negative_binomial import test_counts

            test = test_counts(counts[fitted.kept], design)
        else:
            test = fitted.test(design).rename(columns={"df_total": "df"})
            test["shrunk"] = shrink(test["effect"].to_numpy(), test["standard_error"].to_numpy())
        tables[name] = _rows(fitted, design, test, choices)
    return tables


def _rows(fitted: CellTypeFit, design: Design, test: pd.DataFrame, choices: Choices) -> pd.DataFrame:
    influence = fitted.influence(design)
    donors = design.matrix.index.to_numpy(dtype=object)
    largest = influence.cooks.argmax(axis=1)
    is_outlier = influence.cooks.max(axis=1) > influence.cooks_limit
    p = test["p_value"].to_numpy(dtype=float)
    if choices.exclude_outliers:
        p = np.where(is_outlier, np.nan, p)
    without = np.nan_to_num(influence.p_without, nan=-1.0)
    adjust = filtered_fdr(p, fitted.fit.average, fdr=choices.fdr) if choices.independent_filtering else None
    return pd.DataFrame(
        {
            GENE: fitted.genes,
            "mean": fitted.fit.average,
            "log2_fold_change": test["effect"],
            "log2_fold_change_shrunk": test["shrunk"],
            "standard_error": test["standard_error"],
            "statistic": test["statistic"],
            "p_value": p,
            "fdr": benjamini_hochberg(p) if adjust is None else adjust,
            "p_without_one": without.max(axis=1),
            "decisive_donor": donors[without.argmax(axis=1)],
            "outlier_donor": np.where(is_outlier, donors[largest], None),
            "n_case": design.n_case,
            "n_control": design.n_control,
            "descriptive": False,
            "df": test["df"],
        }
    )


def _describe(counts: np.ndarray, genes: np.ndarray, unit: Unit, choices: Choices) -> dict[str, pd.DataFrame]:
    """Difference of mean log2 counts per million; covariates are not held, nothing is tested."""
    ((name, comparison),) = unit.described.items()
    kept = expressed(counts, comparison.smallest_group, choices)
    if not len(kept):
        return {}
    counts = counts[kept].astype(float)
    values = log_counts(counts, effective_sizes(counts), prior_count=TREND_PRIOR_COUNT)
    sizes = {"n_case": comparison.n_case, "n_control": comparison.n_control, "descriptive": True}
    table = pd.DataFrame(
        {
            GENE: genes[kept],
            "mean": values.mean(axis=1),
            "log2_fold_change": values @ comparison.group_weights(),
            **sizes,
        }
    )
    columns = empty_table("differential").columns.drop(["dataset", CELL_TYPE, CONTRAST, "fdr_all"])
    return {name: table.reindex(columns=columns)}


def donor_expression(
    counts: sparse.csr_matrix, observations: pd.DataFrame, genes: np.ndarray, tested: pd.DataFrame, *, min_cells: int
) -> pd.DataFrame:
    """log2 counts per million of every tested gene in every donor, for figures.

    Library sizes are scaled (TMM) over all donors with enough cells of the type, whatever their condition, and half a
    count is added, as in voom. No covariate is taken out.

    Parameters
    ----------
    counts, observations, genes
        As `compare_donors`.
    tested : DataFrame
        cell_type and gene of the rows wanted; others of its columns are not used.
    min_cells : int
        Cells; a donor with fewer is empty in that cell type.

    Returns
    -------
    DataFrame
        cell_type, gene, then one column a donor, in the order of names.
    """
    wanted = tested[[CELL_TYPE, GENE]].drop_duplicates()
    donors = sorted(observations[DONOR].unique())
    parts = [empty_table("expression_donors")]
    for cell_type, own in wanted.groupby(CELL_TYPE, sort=True):
        enough = (observations[CELL_TYPE] == cell_type) & (observations[N_CELLS] >= min_cells)
        rows = np.flatnonzero(enough)
        columns = np.flatnonzero(np.isin(genes, own[GENE].to_numpy(dtype=object)))
        dense = counts[rows][:, columns].toarray().T.astype(float)
        values = pd.DataFrame(voom_values(dense, effective_sizes(dense)), columns=observations[DONOR].to_numpy()[rows])
        named = values.reindex(columns=donors).astype(np.float32)
        named.insert(0, GENE, genes[columns])
        named.insert(0, CELL_TYPE, cell_type)
        parts.append(named)
    return pd.concat(parts[1:] or parts, ignore_index=True)
