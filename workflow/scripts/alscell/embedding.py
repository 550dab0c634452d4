"""From counts of many samples to principal components: variable genes, PCA, integration.

Samples pass through one by one: the statistics of a sample's genes first, then its variable genes only, so that the
whole matrix is never in memory. What is integrated here serves clusters and figures, never a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# NOTE: harmonypy and scipy.linalg are imported here, not where they are used: a limit on threads reaches only libraries
# that are loaded when it is set, and the last digits of a sum depend on the number of threads.
import harmonypy
import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.linalg import eigh

from alscell.errors import InputError
from alscell.keys import CELL, DONOR, SAMPLE

if TYPE_CHECKING:
    from anndata import AnnData

COUNTS_PER_CELL = 1e4  # UNIT: counts per cell after scaling
TREND_SPAN = 0.3  # SOURCE: Stuart et al. 2019, doi:10.1016/j.cell.2019.05.031: loess over 30 % of the genes
MIN_CELLS = 20  # ASSUME: below, neither variances nor neighbors mean anything
NO_VARIANCE, FEWEST_FOR_TREND = 1e-12, 10  # genes below, and fewer genes than this, have no trend
CHUNK = 4096  # cells held dense at a time


def usable_cells(
    quality: dict[str, pd.DataFrame], limits: pd.DataFrame, samples: dict[str, dict[str, str]], *, integrate_by: str
) -> pd.DataFrame:
    """Kept cells of samples whose status is ok, with the group whose differences are to be taken out.

    Parameters
    ----------
    quality : dict of DataFrame
        Table `quality` of every sample, by its name.
    limits : DataFrame
        Table `quality_limits`, one row a sample.
    samples : dict
        Donor and the column `integrate_by` of every sample.
    integrate_by : str
        A column of the sample sheet, sample, or none.

    Returns
    -------
    DataFrame
        Columns cell, sample, donor, group; samples in the order of `samples`.

    Raises
    ------
    InputError
        If the sheet lacks the column, or fewer than 20 cells are left.
    """
    ok = set(limits.loc[limits["status"] == "ok", SAMPLE])
    empty = pd.DataFrame(columns=[CELL, SAMPLE, DONOR, "group"], dtype="str")
    parts = [empty]
    for name, row in samples.items():
        known = {**row, SAMPLE: name, "none": ""}
        if integrate_by not in known:
            raise InputError(
                "config.yaml, embedding: integrate_by",
                found=f"'{integrate_by}', which is no column of the sample sheet",
                expected="sample, donor, none, or a column of samples.tsv",
                mend="Add that column to samples.tsv, or choose another.",
            )
        if name in ok:
            kept = quality[name].loc[quality[name]["keep"], CELL].to_numpy()
            parts.append(pd.DataFrame({CELL: kept, SAMPLE: name, DONOR: row[DONOR], "group": known[integrate_by]}))
    cells = pd.concat(parts, ignore_index=True)
    if len(cells) < MIN_CELLS:
        raise InputError(
            f"samples {', '.join(samples)}",
            found=f"{len(cells)} kept cells in {len(parts) - 1} samples of status 'ok'",
            expected=f"at least {MIN_CELLS}",
            mend="quality_limits.tsv says what was left out and why; the limits are under 'quality' in config.yaml.",
        )
    return cells


def common_genes(variances: dict[str, pd.Series], *, where: str) -> pd.DataFrame:
    """Genes that every sample has, with their standardized variance in each.

    Raises
    ------
    InputError
        If the samples share no gene.
    """
    table = pd.concat(variances, axis=1, join="inner")
    if table.empty:
        first, *_, last = (series.index[0] for series in variances.values())
        raise InputError(
            where,
            found=f"samples without a common gene, e.g. '{first}' in one and '{last}' in another",
            expected="one kind of gene names in all samples of a dataset",
            mend="See 'symbol' and 'gene_id' in dataset.yaml.",
        )
    return table


def log_normalize(data: AnnData, *, genes: list[str]) -> sp.csr_matrix:
    """log(1 + counts per 10,000) of some genes, float32, still sparse.

    Parameters
    ----------
    data : AnnData
        Raw counts of all genes; a cell's sum over all of them is its depth.
    genes : list of str
        Columns of the result.

    Notes
    -----
    SOURCE: Ahlmann-Eltze and Huber 2023, doi:10.1038/s41592-023-01814-1: the shifted logarithm followed by PCA does
    as well as newer transformations.
    """
    depth = np.asarray(data.X.sum(axis=1), dtype=np.float64).ravel()
    out = sp.csr_matrix(data.X)[:, data.var_names.get_indexer(genes)].astype(np.float32)
    scale = np.repeat(COUNTS_PER_CELL / np.maximum(depth, 1), np.diff(out.indptr))
    out.data = np.log1p(out.data * scale).astype(np.float32)
    return out


def standardized_variance(data: AnnData) -> pd.Series:
    """Variance of every gene's counts in one sample, divided by the variance usual at its mean.

    Parameters
    ----------
    data : AnnData
        Raw counts of one sample.

    Returns
    -------
    Series, genes
        1 is usual, large is variable, 0 has no variance.

    Notes
    -----
    SOURCE: Stuart et al. 2019, doi:10.1016/j.cell.2019.05.031 (Seurat v3): local regression of log variance on log
    mean, standardized values clipped at the square root of the number of cells. Here the regression is lowess.
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    values = sp.csc_matrix(data.X, dtype=np.float64)
    n_cells = values.shape[0]
    mean = np.asarray(values.mean(axis=0)).ravel()
    variance = (np.asarray(values.power(2).mean(axis=0)).ravel() - mean**2) * n_cells / max(n_cells - 1, 1)
    used = variance > NO_VARIANCE
    if used.sum() < FEWEST_FOR_TREND:
        return pd.Series(0.0, index=data.var_names)
    x, y = np.log10(mean[used]), np.log10(variance[used])
    with np.errstate(invalid="ignore", divide="ignore"):  # many genes with one and the same mean have no slope
        trend = lowess(y, x, frac=TREND_SPAN, it=0, delta=0.01 * np.ptp(x), return_sorted=False)
    expected = np.ones_like(mean)
    expected[used] = 10 ** (np.where(np.isfinite(trend), trend, y) / 2)
    per_gene = np.diff(values.indptr)
    ceiling = np.repeat(mean + np.sqrt(n_cells) * expected, per_gene)
    values.data = np.minimum(values.data, ceiling) - np.repeat(mean, per_gene)
    squares = np.asarray(values.power(2).sum(axis=0)).ravel() + (n_cells - per_gene) * mean**2
    standardized = np.where(used, squares / (expected**2 * max(n_cells - 1, 1)), 0.0)
    return pd.Series(standardized, index=data.var_names)


def variable_genes(variances: pd.DataFrame, *, n_top_genes: int) -> list[str]:
    """Genes that are variable in the most samples; among equals, those with the best median rank.

    Parameters
    ----------
    variances : DataFrame, genes x samples
        Standardized variance of every gene within every sample.
    n_top_genes : int
        Genes wanted.

    Returns
    -------
    list of str
        In the order of the rows; fewer than asked where fewer genes vary at all.

    Notes
    -----
    SOURCE: Stuart et al. 2019. Ranking within samples keeps differences between samples out of the choice.
    """
    varies = (variances > 0).to_numpy()
    rank = variances.rank(ascending=False, method="first").where(varies)
    top = rank.where(rank <= n_top_genes)
    order = pd.DataFrame({"samples": -top.notna().sum(axis=1), "rank": top.median(axis=1), "all": rank.median(axis=1)})
    order = order[varies.any(axis=1)].sort_values(["samples", "rank", "all"], kind="stable", na_position="last")
    chosen = set(order.index[:n_top_genes])
    return [gene for gene in variances.index if gene in chosen]


def principal_components(values: sp.csr_matrix, *, n_components: int) -> np.ndarray:
    """Scores of the first principal components, centered, not scaled to unit variance.

    Parameters
    ----------
    values : csr_matrix, cells x genes
        Log-normalized values of the variable genes.
    n_components : int
        Components wanted; clipped to what the matrix can give.

    Returns
    -------
    array, cells x components
        Largest first; the sign makes each component's largest loading positive.

    Notes
    -----
    By the eigenvectors of the covariance matrix, gathered over blocks of cells: exact, and never dense as a whole.
    SOURCE: Luecken et al. 2022, doi:10.1038/s41592-021-01336-8: scaling trades biology for batch removal.
    """
    n_cells, n_genes = values.shape
    n_components = min(n_components, n_genes, n_cells - 1)
    mean = np.bincount(values.indices, weights=values.data, minlength=n_genes) / n_cells  # summed as float64
    products = np.zeros((n_genes, n_genes))
    for start in range(0, n_cells, CHUNK):
        block = values[start : start + CHUNK].toarray().astype(np.float64)
        products += block.T @ block
    covariance = (products - n_cells * np.outer(mean, mean)) / (n_cells - 1)
    _, vectors = eigh(covariance, subset_by_index=[n_genes - n_components, n_genes - 1])
    vectors = vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(n_components)])
    return values @ vectors - mean @ vectors


def integrate(components: np.ndarray, groups: np.ndarray, *, seed: int) -> np.ndarray:
    """Principal components with differences between groups (samples, donors, batches) taken out by Harmony.

    Parameters
    ----------
    components : array, cells x components
    groups : array of str, cells
        One level, or too few cells for Harmony's clusters: returned as they are.

    Notes
    -----
    SOURCE: Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0; Antonsson and Melsted 2025,
    doi:10.1101/gr.279886.124: of eight methods the only one that did well in all of their tests.
    """
    if np.unique(groups).size < 2 or len(components) < 3 * MIN_CELLS:
        return components
    frame = pd.DataFrame({"group": groups})
    fit = harmonypy.run_harmony(components, frame, "group", random_state=seed, verbose=False, ncores=1)
    return np.asarray(fit.Z_corr)


def embedding_table(cells: pd.DataFrame, components: np.ndarray, layout: np.ndarray) -> pd.DataFrame:
    """The table `embedding`: cells in the order given, with places on the map and principal components.

    Parameters
    ----------
    cells : DataFrame
        Columns cell, sample, donor.
    """
    digits = max(2, len(str(components.shape[1])))
    columns = {f"pc_{i + 1:0{digits}d}": components[:, i].astype(np.float32) for i in range(components.shape[1])}
    places = {"umap_1": layout[:, 0], "umap_2": layout[:, 1]}
    return pd.DataFrame({**{name: cells[name].to_numpy() for name in (CELL, SAMPLE, DONOR)}, **places, **columns})
