"""Gene sets on differential statistics: CAMERA decides, the prerank score describes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special, stats

from alscell.errors import InputError
from alscell.expression import CellTypeFit
from alscell.design import Design
from alscell.moderation import benjamini_hochberg, moderated_test

GENE_LEVEL = "gene_level"  # kind of a family in sets.tsv whose members are looked at gene by gene


def tested_sets(gene_sets: pd.DataFrame, kinds: pd.DataFrame) -> pd.DataFrame:
    """Gene sets without those of kind gene_level, whose members answer one by one and not as a set.

    Parameters
    ----------
    gene_sets : DataFrame
        family, pathway, gene; one row a member.
    kinds : DataFrame
        family, pathway, kind; sets it does not name are kept.

    Returns
    -------
    DataFrame, as `gene_sets`.
    """
    single = kinds.loc[kinds["kind"] == GENE_LEVEL, ["family", "pathway"]].drop_duplicates()
    marked = gene_sets.merge(single, on=["family", "pathway"], how="left", indicator=True)
    return marked.loc[marked["_merge"] == "left_only", list(gene_sets.columns)].reset_index(drop=True)


def check_overlap(gene_sets: pd.DataFrame, genes: np.ndarray, *, where: str) -> None:
    """Refuse gene sets that share no gene with the data: other species, or other names.

    Raises
    ------
    InputError
        Naming three genes of each side.
    """
    if len(gene_sets) and len(genes) and not gene_sets["gene"].isin(genes).any():
        raise InputError(
            where,
            found=f"no gene of the sets ({', '.join(gene_sets['gene'].head(3))}, ...) among the data's",
            expected=f"names as in the data ({', '.join(map(str, genes[:3]))}, ...)",
            mend="Use gene symbols of the data's species in the GMT files, or set `symbol` in dataset.yaml.",
        )


def camera(fitted: CellTypeFit, design: Design, members: dict[str, np.ndarray], *, trend: bool) -> pd.DataFrame:
    """Competitive test of gene sets, with the correlation between their genes estimated from residuals.

    Parameters
    ----------
    fitted : CellTypeFit
        Log expression, weights and fit of one cell type.
    design : Design
        Of that fit.
    members : dict of str to ndarray of int
        Set -> rows of `fitted`, at least one and not all.
    trend : bool
        As in `moderated_test`.

    Returns
    -------
    DataFrame, index set
        n_genes, correlation (mean over pairs of members), direction ("up" or "down"), statistic (t), p_value (two-sided).

    Source
    ------
    Wu and Smyth 2012, Nucleic Acids Res 40:e133; limma's camera with inter.gene.cor=NA (3.54.1), which differs in that
    it takes, under weights, each gene's residuals in its own rotation; here all genes share the donors' axes.
    A negative estimate of the correlation counts as 0 in the test, as there.
    """
    test = moderated_test(fitted.fit, design, trend=trend)
    scores = normal_scores(test["statistic"].to_numpy(), df=float(test["df_total"].iloc[0]))
    residuals = standard_residuals(fitted, design)
    n, mean, variance = len(scores), scores.mean(), scores.var(ddof=1)
    df = min(fitted.fit.df_residual, n - 2)
    rows = {}
    for name, index in members.items():
        m = len(index)
        inflation = m * (residuals[index].mean(axis=0) ** 2).sum()
        correlation = (inflation - 1) / (m - 1) if m > 1 else np.nan
        delta = n / (n - m) * (scores[index].mean() - mean)
        pooled = ((n - 1) * variance - delta**2 * m * (n - m) / n) / (n - 2)
        statistic = delta / np.sqrt(pooled * (max(1.0, inflation) / m + 1 / (n - m)))
        rows[name] = (m, correlation, "up" if statistic > 0 else "down", statistic, 2 * stats.t.sf(abs(statistic), df))
    columns = ["n_genes", "correlation", "direction", "statistic", "p_value"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def normal_scores(t: np.ndarray, *, df: float) -> np.ndarray:
    """z with the same tail probability as t, computed with logarithms so that far tails stay finite."""
    return np.sign(t) * -special.ndtri_exp(np.maximum(stats.t.logsf(np.abs(t), df), -1e4))


def standard_residuals(fitted: CellTypeFit, design: Design) -> np.ndarray:
    """Weighted residuals of each gene, scaled to length 1; genes x donors."""
    residuals = fitted.values - fitted.fit.coefficients @ design.matrix.to_numpy().T
    if fitted.weights is not None:
        residuals = residuals * np.sqrt(fitted.weights)
    length = np.sqrt(np.maximum(fitted.fit.sigma2, 1e-8) * fitted.fit.df_residual)
    return residuals / length[:, None]


def ranking(genes: np.ndarray, statistic: np.ndarray) -> pd.Series:
    """Genes from highest to lowest statistic; equal ones by name, set apart by the smallest step there is.

    NOTE: gseapy sorts again, and not stably; without the step, equal statistics would come in any order.
    """
    series = pd.Series(statistic, index=pd.Index(genes, name="gene"), dtype=float)
    series = series.sort_index(kind="stable").sort_values(ascending=False, kind="stable")
    values = series.to_numpy().copy()
    for i in range(1, len(values)):
        if values[i] >= values[i - 1]:
            values[i] = np.nextafter(values[i - 1], -np.inf)
    return pd.Series(values, index=series.index)


def prerank_scores(
    ranked: pd.Series, sets: dict[str, list[str]], *, permutations: int, seed: int, min_size: int, max_size: int
) -> pd.DataFrame:
    """Normalized enrichment scores and leading edges of gseapy's prerank.

    NOTE: its p-values are not kept: they permute genes, and called 38 % of null sets at an inter-gene correlation of
    0.05 (docs/methods.md).

    Parameters
    ----------
    ranked : Series
        Statistic by gene, from `ranking`.
    sets : dict of str to list of str
        Members.
    permutations, seed, min_size, max_size : int
        As gseapy's.

    Returns
    -------
    DataFrame, index set
        normalized_enrichment_score, leading_edge (genes joined by ';'). Sets outside the size limits have no row.
    """
    import gseapy

    # gseapy raises if no set is within the limits
    sizes = {name: len(ranked.index.intersection(genes)) for name, genes in sets.items()}
    sets = {name: genes for name, genes in sorted(sets.items()) if min_size <= sizes[name] <= max_size}
    columns = ["normalized_enrichment_score", "leading_edge"]
    if not sets:
        return pd.DataFrame(columns=columns)
    table = gseapy.prerank(
        rnk=ranked,
        gene_sets=sets,
        permutation_num=permutations,
        min_size=min_size,
        max_size=max_size,
        seed=seed,
        threads=1,
        outdir=None,
        no_plot=True,
        verbose=False,
    ).res2d.set_index("Term")
    scores = pd.to_numeric(table["NES"], errors="coerce").replace([np.inf, -np.inf], np.nan)
    return pd.DataFrame({columns[0]: scores, columns[1]: table["Lead_genes"].astype(str)})


def enrich_cell_type(
    fitted: CellTypeFit,
    design: Design,
    gene_sets: pd.DataFrame,
    *,
    trend: bool,
    permutations: int,
    seed: int,
    min_size: int,
    max_size: int,
) -> pd.DataFrame:
    """Both views of every gene set in one cell type: columns of the table "enrichment" from family to fdr.

    Parameters
    ----------
    fitted, design, trend
        As `camera`.
    gene_sets : DataFrame
        family, pathway, gene.
    permutations, seed, min_size, max_size
        As `prerank_scores`; a set outside the limits keeps its row, without numbers.
    """
    out = count_members(gene_sets, fitted.genes)
    row_of = pd.Series(np.arange(len(fitted.genes)), index=fitted.genes)
    inside = {
        f"{family}/{pathway}": row_of[genes].to_numpy()
        for (family, pathway), genes in gene_sets[gene_sets["gene"].isin(row_of.index)].groupby(["family", "pathway"])["gene"]
        if min_size <= len(genes) <= min(max_size, len(row_of) - 1)
    }
    out.index = out["family"] + "/" + out["pathway"]
    test = camera(fitted, design, inside, trend=trend).drop(columns="n_genes")
    statistic = moderated_test(fitted.fit, design, trend=trend)["statistic"].to_numpy()
    scores = prerank_scores(
        ranking(fitted.genes, statistic),
        {name: fitted.genes[rows].tolist() for name, rows in inside.items()},
        permutations=permutations,
        seed=seed,
        min_size=min_size,
        max_size=max_size,
    )
    out = out.join(scores).join(test).reset_index(drop=True)
    return out.assign(fdr=benjamini_hochberg(out["p_value"].to_numpy(dtype=float)))


def count_members(gene_sets: pd.DataFrame, genes: np.ndarray) -> pd.DataFrame:
    """family, pathway and n_genes: members among `genes`; one row a set."""
    present = gene_sets.assign(n_genes=gene_sets["gene"].isin(genes))
    return present.groupby(["family", "pathway"], as_index=False)["n_genes"].sum().astype({"n_genes": int})
