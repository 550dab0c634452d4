"""Metrics, limits and flags of the cells of one sample. A cell is never dropped here, only marked with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

# NOTE: RPS6KA1 and the like are kinases, and RPL10P3 and the like are pseudogenes: they are no ribosomal proteins.
RIBOSOMAL = re.compile(r"RP[LS](P[0-2]|A|\d+(A|L|X|AL|L1|Y[12])?)")
MAD_SCALE = 1.4826  # SOURCE: 1 / the 0.75 quantile of the standard normal distribution
FLAGS = ("low_counts", "high_counts", "low_genes", "high_mitochondrial", "doublet")


@dataclass(frozen=True)
class Limits:
    """Accepted range of one sample. UNIT: counts in UMI, genes in genes, mitochondrial share 0..1."""

    lower_counts: float
    upper_counts: float
    lower_genes: float
    upper_mitochondrial: float


def cell_metrics(matrix: sp.csr_matrix, genes: list[str]) -> pd.DataFrame:
    """Counts, genes, mitochondrial and ribosomal share of each cell.

    Parameters
    ----------
    matrix : csr_matrix, shape (n_cells, n_genes)
        Raw counts without stored zeros.
    genes : list of str
        Symbols, human or mouse.

    Returns
    -------
    DataFrame
        n_counts, n_genes, fraction_mitochondrial, fraction_ribosomal; shares of an empty cell are 0.
    """
    names = [gene.upper() for gene in genes]
    groups = np.array([[name.startswith("MT-") for name in names], [bool(RIBOSOMAL.fullmatch(name)) for name in names]])
    n_counts = np.asarray(matrix.sum(axis=1)).ravel().astype(np.int64)
    shares = (matrix @ groups.T.astype(np.float64)) / np.maximum(n_counts, 1)[:, None]
    return pd.DataFrame(
        {
            "n_counts": n_counts,
            "n_genes": np.diff(matrix.indptr).astype(np.int64),
            "fraction_mitochondrial": shares[:, 0],
            "fraction_ribosomal": shares[:, 1],
        }
    )


def n_mitochondrial_genes(genes: list[str]) -> int:
    """Genes named MT-..., in any case."""
    return sum(gene.upper().startswith("MT-") for gene in genes)


def median_and_mad(values: np.ndarray) -> tuple[float, float]:
    """Median and median absolute deviation, scaled so that it is the standard deviation of normal values.

    Raises
    ------
    ValueError
        If there are no values.
    """
    if not len(values):
        raise ValueError("median of no values")
    median = float(np.median(values))
    return median, MAD_SCALE * float(np.median(np.abs(values - median)))


def sample_limits(
    metrics: pd.DataFrame,
    *,
    n_mads: float,
    n_mads_mitochondrial: float,
    min_counts: int,
    min_genes: int,
    max_fraction_mitochondrial: float,
) -> Limits:
    """Limits of one sample, from the spread of its own cells.

    Counts and genes: median -+ n_mads MADs of log(x + 1), the lower limit never below its floor. Mitochondrial share:
    median + n_mads_mitochondrial MADs, never above its ceiling. Where the MAD is 0 there is no spread to judge by, and
    only floor and ceiling count (nuclei without mitochondrial counts; ddSEQ, which has none at all).

    ASSUME: medians and MADs are of the cells above both floors, so that a sample with much debris is not judged by it.

    Parameters
    ----------
    metrics : DataFrame
        As cell_metrics gives it.
    n_mads, n_mads_mitochondrial : float
        Width, in scaled MADs.
    min_counts, min_genes : int
        Floors.
    max_fraction_mitochondrial : float
        Ceiling for this assay, 0..1.

    Source
    ------
    McCarthy 2017, doi:10.1093/bioinformatics/btw777 (scaled MADs of log metrics, per sample); Germain 2020,
    doi:10.1186/s13059-020-02136-7 (5 MADs: few cell types lose their largest or smallest cells). Unscaled MADs took
    motor neurons, by far the largest cells of a cord sample, as outliers. Floors and ceilings are ours.
    """
    solid = metrics[(metrics["n_counts"] >= min_counts) & (metrics["n_genes"] >= min_genes)]
    if solid.empty:
        top = float(metrics["n_counts"].max()) if len(metrics) else 0.0
        return Limits(float(min_counts), top, float(min_genes), max_fraction_mitochondrial)
    lower_counts, upper_counts = _band(solid["n_counts"].to_numpy(), n_mads)
    lower_genes, _ = _band(solid["n_genes"].to_numpy(), n_mads)
    median, mad = median_and_mad(solid["fraction_mitochondrial"].to_numpy())
    upper_mitochondrial = median + n_mads_mitochondrial * mad if mad else max_fraction_mitochondrial
    return Limits(
        lower_counts=max(lower_counts, float(min_counts)),
        upper_counts=upper_counts,
        lower_genes=max(lower_genes, float(min_genes)),
        upper_mitochondrial=min(upper_mitochondrial, max_fraction_mitochondrial),
    )


def _band(values: np.ndarray, n_mads: float) -> tuple[float, float]:
    """Median -+ n MADs on the log scale, as values; everything where there is no spread."""
    median, mad = median_and_mad(np.log1p(values))
    if not mad:
        return 0.0, float(values.max())
    return float(np.expm1(median - n_mads * mad)), float(np.expm1(median + n_mads * mad))


def flag_cells(metrics: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """The metrics with one column a flag: low_counts, high_counts, low_genes, high_mitochondrial."""
    return metrics.assign(
        low_counts=metrics["n_counts"] < limits.lower_counts,
        high_counts=metrics["n_counts"] > limits.upper_counts,
        low_genes=metrics["n_genes"] < limits.lower_genes,
        high_mitochondrial=metrics["fraction_mitochondrial"] > limits.upper_mitochondrial,
    )


def sample_status(n_cells: int, n_kept: int, *, min_cells: int, min_fraction_kept: float) -> str:
    """Whether a sample is used: ok, most_cells_lost (the more telling reason, so it comes first) or too_few_cells."""
    if n_kept < min_fraction_kept * n_cells:
        return "most_cells_lost"
    return "ok" if n_kept >= min_cells else "too_few_cells"


def summarize_sample(
    cells: pd.DataFrame, limits: Limits, *, dataset: str, sample: str, min_cells: int, min_fraction_kept: float
) -> pd.DataFrame:
    """One row for the table quality_limits: what was found, flagged and kept, and whether the sample is used.

    Parameters
    ----------
    cells : DataFrame
        Metrics and flags, with `doublet` and `keep`.
    limits : Limits
        Of this sample.
    dataset, sample : str
        Names.
    min_cells, min_fraction_kept : int, float
        Below either, the sample is left out.
    """
    kept = cells[cells["keep"]]
    medians = {
        "median_counts": "n_counts",
        "median_genes": "n_genes",
        "median_fraction_mitochondrial": "fraction_mitochondrial",
    }
    row = {
        "dataset": dataset,
        "sample": sample,
        "donor": None,
        "condition": None,
        "n_cells": len(cells),
        "n_kept": len(kept),
        **{f"n_{flag}" if flag != "doublet" else "n_doublets": int(cells[flag].sum()) for flag in FLAGS},
        **{name: float(kept[column].median()) for name, column in medians.items()},
        **vars(limits),
        "status": sample_status(len(cells), len(kept), min_cells=min_cells, min_fraction_kept=min_fraction_kept),
    }
    return pd.DataFrame([row])
