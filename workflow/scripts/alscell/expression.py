"""Differential expression between donors, cell type by cell type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from alscell.design import Design, assign_arms, build_design
from alscell.errors import InputError
from alscell.keys import CASE_ARM, CELL_TYPE, CONTROL_ARM, DONOR, N_CELLS, UNASSIGNED
from alscell.moderation import Fit, benjamini_hochberg, fit_linear, moderate, moderated_test, shrink
from alscell.normalization import TREND_PRIOR_COUNT, effective_sizes, expressed_genes, log_counts, voom
from alscell.tables import empty_table

__all__ = [
    "Design",
    "Fit",
    "Unit",
    "assign_arms",
    "benjamini_hochberg",
    "build_design",
    "cell_type_units",
    "compare_donors",
    "fit_cell_type",
    "fit_linear",
    "moderate",
    "moderated_test",
    "shrink",
]

MIN_GENES = 10  # ASSUME: a trend of the variance needs at least so many genes
METHODS = ("voom", "trend")


@dataclass(frozen=True)
class Unit:
    """The donors of one cell type in one contrast.

    Parameters
    ----------
    cell_type : str
    rows : ndarray of int (donors,)
        Rows of the pseudobulk, in the order of `arms`.
    arms : Series
        Donor -> "case" or "control".
    design : Design or None
        None: too few donors for a test, effects only.
    """

    cell_type: str
    rows: np.ndarray
    arms: pd.Series
    design: Design | None

    @property
    def n_case(self) -> int:
        return int((self.arms == CASE_ARM).sum())

    @property
    def n_control(self) -> int:
        return int((self.arms == CONTROL_ARM).sum())


@dataclass(frozen=True)
class CellTypeFit:
    """Log expression of one cell type and its linear models.

    Parameters
    ----------
    genes : ndarray of str (genes,)
        Genes with enough counts.
    values : ndarray, genes x donors
        log2 counts per million.
    weights : ndarray, genes x donors, or None
        Precision weights (voom).
    fit : Fit
    """

    genes: np.ndarray
    values: np.ndarray
    weights: np.ndarray | None
    fit: Fit


def cell_type_units(
    observations: pd.DataFrame,
    *,
    factor: str,
    case: list[str],
    control: list[str],
    covariates: list[str],
    min_cells: int,
    min_donors: int,
) -> tuple[list[Unit], pd.DataFrame]:
    """Which donors stand for which cell type in a contrast, and what cannot be tested.

    Parameters
    ----------
    observations : DataFrame
        Rows of the pseudobulk: donor, cell_type, n_cells, donor-level columns.
    factor, case, control, covariates
        As `build_design`.
    min_cells : int
        Cells; a donor with fewer is left out of that cell type.
    min_donors : int
        Donors in each arm; with fewer the unit has no design.

    Returns
    -------
    units : list of Unit
        Sorted by cell type; `unassigned` is never among them.
    skipped : DataFrame
        cell_type, reason, detail, n_case, n_control; one row a cell type that has no design, and one (donors_left_out)
        a cell type that has, without all donors. Either way the detail names donors with too few cells.

    Raises
    ------
    InputError
        If the factor is no donor-level column. A design that cannot be estimated is a row of `skipped`: the whole
        design was checked before the run, but samples may be lost to quality control, and donors to a thin cell type.
    """
    choice = {"factor": factor, "case": case, "control": control}
    donors = observations.drop_duplicates(DONOR).set_index(DONOR)
    arms = assign_arms(donors, **choice)
    units, skipped = [], []
    in_arms = observations[DONOR].isin(arms.index) & (observations[CELL_TYPE] != UNASSIGNED)
    for cell_type in sorted(observations.loc[in_arms, CELL_TYPE].unique()):
        rows = np.flatnonzero(in_arms & (observations[CELL_TYPE] == cell_type) & (observations[N_CELLS] >= min_cells))
        here = observations.iloc[rows].set_index(DONOR)
        unit = Unit(cell_type, rows, arms[here.index], None)
        counts = f"{unit.n_case} case and {unit.n_control} control donors with at least {min_cells} cells"
        reason, detail = "", ""
        cells = observations[observations[CELL_TYPE] == cell_type].set_index(DONOR)[N_CELLS]
        left_out = _left_out(cells.reindex(arms.index, fill_value=0), here.index, min_cells=min_cells)
        if not min(unit.n_case, unit.n_control):
            reason, detail = "no_donors_in_an_arm", counts
        elif min(unit.n_case, unit.n_control) < min_donors:
            reason, detail = "too_few_donors", f"{counts}; {min_donors} needed in each arm; effects only"
            units.append(unit)
        else:
            design, detail = _design_or_reason(here, **choice, covariates=covariates)
            reason = "" if design else "design_not_estimable"
            units += [Unit(cell_type, rows, unit.arms, design)] if design else []
        if reason or left_out:
            detail = "; ".join(part for part in (detail, left_out) if part)
            skipped.append((cell_type, reason or "donors_left_out", detail, unit.n_case, unit.n_control))
    columns = [CELL_TYPE, "reason", "detail", "n_case", "n_control"]
    return units, pd.DataFrame(skipped, columns=columns)


def _left_out(cells: pd.Series, kept: pd.Index, *, min_cells: int) -> str:
    """Donors that are not kept and their cells (donor -> number), as text; '' if there are none."""
    lost = cells.drop(kept).sort_index()
    if lost.empty:
        return ""
    return f"left out, fewer than {min_cells} cells: " + ", ".join(f"{name} ({n})" for name, n in lost.items())


def _design_or_reason(donors: pd.DataFrame, **choice: object) -> tuple[Design | None, str]:
    try:
        design = build_design(donors, **choice)
    except InputError as error:
        return None, error.found
    if design.df_residual < 1:
        return None, f"{len(design.matrix)} donors for {design.matrix.shape[1]} terms: nothing is left for the variance"
    return design, ""


def fit_cell_type(
    counts: np.ndarray, genes: np.ndarray, design: Design, *, method: str, min_count: float, min_total_count: float
) -> CellTypeFit | None:
    """Filter, normalize and fit the genes of one cell type.

    Parameters
    ----------
    counts : ndarray, genes x donors
        Raw pseudobulk counts, donors in the order of `design`.
    genes : ndarray of str (genes,)
    design : Design
    method : str
        "voom" (precision weights) or "trend" (no weights, prior variance by trend).
    min_count, min_total_count : float
        As `expressed_genes`.

    Returns
    -------
    CellTypeFit, or None if fewer than MIN_GENES genes have enough counts.
    """
    if method not in METHODS:
        raise ValueError(f"method '{method}' is none of {METHODS}")
    kept = expressed_genes(
        counts,
        smallest_arm=min(design.n_case, design.n_control),
        min_count=min_count,
        min_total_count=min_total_count,
    )
    if kept.sum() < MIN_GENES:
        return None
    counts = counts[kept].astype(float)
    sizes = effective_sizes(counts)
    if method == "voom":
        values, weights = voom(counts, sizes, design)
    else:
        values, weights = log_counts(counts, sizes, prior_count=TREND_PRIOR_COUNT), None
    return CellTypeFit(genes[kept], values, weights, fit_linear(values, design, weights=weights))


def compare_donors(
    counts: sparse.csr_matrix,
    observations: pd.DataFrame,
    genes: np.ndarray,
    *,
    dataset: str,
    contrast: str,
    method: str,
    min_count: float,
    min_total_count: float,
    **choice: object,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Differential expression of every cell type in one contrast.

    Parameters
    ----------
    counts : CSR matrix, (donor x cell type) x genes
        Raw pseudobulk counts.
    observations : DataFrame
        Its rows, as `cell_type_units`.
    genes : ndarray of str (genes,)
    dataset, contrast : str
        Written into the tables.
    method, min_count, min_total_count
        As `fit_cell_type`.
    **choice
        factor, case, control, covariates, min_cells, min_donors, as `cell_type_units`.

    Returns
    -------
    differential, skipped : DataFrame
        Tables "differential" and "differential_skipped".

    Raises
    ------
    InputError
        As `cell_type_units`.
    """
    filters = {"min_count": min_count, "min_total_count": min_total_count}
    units, skipped = cell_type_units(observations, **choice)
    parts = []
    for unit in units:
        dense = counts[unit.rows].toarray().T
        if unit.design is None:
            table = _describe(dense, genes, unit, **filters)
        else:
            table = _test(dense, genes, unit, method=method, **filters)
        if table is None:
            detail = f"fewer than {MIN_GENES} genes have {min_count} counts in enough donors"
            untested = (skipped[CELL_TYPE] == unit.cell_type) & (skipped["reason"] == "donors_left_out")
            detail = "; ".join([detail, *skipped.loc[untested, "detail"]])
            skipped = skipped[~untested].reset_index(drop=True)
            skipped.loc[len(skipped)] = [unit.cell_type, "no_genes", detail, unit.n_case, unit.n_control]
            continue
        sizes = {"n_case": unit.n_case, "n_control": unit.n_control, "descriptive": unit.design is None}
        parts.append(table.assign(cell_type=unit.cell_type, **sizes))
    names = {"dataset": dataset, "contrast": contrast}
    out = pd.concat(parts, ignore_index=True).assign(**names) if parts else empty_table("differential")
    return out.assign(fdr_all=benjamini_hochberg(out["p_value"].to_numpy())), skipped.assign(**names)


def _test(counts: np.ndarray, genes: np.ndarray, unit: Unit, *, method: str, **filters: float) -> pd.DataFrame | None:
    fitted = fit_cell_type(counts, genes, unit.design, method=method, **filters)
    if fitted is None:
        return None
    test = moderated_test(fitted.fit, unit.design, trend=method == "trend")
    return pd.DataFrame(
        {
            "gene": fitted.genes,
            "mean": fitted.fit.average,
            "log2_fold_change": test["effect"],
            "log2_fold_change_shrunk": shrink(test["effect"].to_numpy(), test["standard_error"].to_numpy()),
            "standard_error": test["standard_error"],
            "statistic": test["statistic"],
            "p_value": test["p_value"],
            "fdr": benjamini_hochberg(test["p_value"].to_numpy()),
        }
    )


def _describe(counts: np.ndarray, genes: np.ndarray, unit: Unit, **filters: float) -> pd.DataFrame | None:
    """Difference of mean log2 counts per million; covariates are not held, nothing is tested."""
    kept = expressed_genes(counts, smallest_arm=min(unit.n_case, unit.n_control), **filters)
    if kept.sum() < MIN_GENES:
        return None
    counts = counts[kept].astype(float)
    values = log_counts(counts, effective_sizes(counts), prior_count=TREND_PRIOR_COUNT)
    case = (unit.arms == CASE_ARM).to_numpy()
    empty = np.full(len(values), np.nan)
    return pd.DataFrame(
        {
            "gene": genes[kept],
            "mean": values.mean(axis=1),
            "log2_fold_change": values[:, case].mean(axis=1) - values[:, ~case].mean(axis=1),
            "log2_fold_change_shrunk": empty,
            "standard_error": empty,
            "statistic": empty,
            "p_value": empty,
            "fdr": empty,
        }
    )
