"""Gene sets on differential statistics: CAMERA decides, the prerank score describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse, special, stats

from alscell.design import Definition, Design
from alscell.expression import CellTypeFit, Choices, cell_type_units, expressed, fit_cell_type
from alscell.keys import CELL_TYPE, CONTRAST
from alscell.moderation import benjamini_hochberg
from alscell.tables import empty_table

if TYPE_CHECKING:
    import gseapy

_FEWEST_PERMUTATIONS = 10  # where only the running sum is wanted, which does not depend on them
GENE_LEVEL = "gene_level"  # kind of a family in sets.tsv whose members are looked at gene by gene


def sets_to_test(gene_sets: pd.DataFrame, kinds: pd.DataFrame) -> pd.DataFrame:
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


def camera(fitted: CellTypeFit, design: Design, members: dict[str, np.ndarray]) -> pd.DataFrame:
    """Competitive test of gene sets, with the correlation between their genes estimated from residuals.

    Parameters
    ----------
    fitted : CellTypeFit
        Log expression, weights and fit of one cell type.
    design : Design
        A contrast of its model.
    members : dict of str to ndarray of int
        Set -> rows of `fitted`, at least one and not all.

    Returns
    -------
    DataFrame, index set
        correlation (mean over pairs of members), direction ("up" or "down"), statistic (t), p_value (two-sided).

    Source
    ------
    Wu and Smyth 2012, Nucleic Acids Res 40:e133. Equal to limma 3.54.1, camera(inter.gene.cor=NA); as there, a negative
    correlation counts as 0 in the test.
    """
    test = fitted.test(design)
    scores = normal_scores(test["statistic"].to_numpy(), df=test["df_total"].to_numpy())
    n, mean, variance = len(scores), scores.mean(), scores.var(ddof=1)
    df = min(fitted.fit.df_residual, n - 2)
    rows = {}
    for name, index in members.items():
        m = len(index)
        inflation = m * (independent_residuals(fitted, design, index).mean(axis=0) ** 2).mean()
        correlation = (inflation - 1) / (m - 1) if m > 1 else np.nan
        delta = n / (n - m) * (scores[index].mean() - mean)
        pooled = ((n - 1) * variance - delta**2 * m * (n - m) / n) / (n - 2)
        statistic = delta / np.sqrt(pooled * (max(1.0, inflation) / m + 1 / (n - m)))
        rows[name] = (correlation, "up" if statistic > 0 else "down", statistic, 2 * stats.t.sf(abs(statistic), df))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["correlation", "direction", "statistic", "p_value"])


def normal_scores(t: np.ndarray, *, df: float | np.ndarray) -> np.ndarray:
    """z with the same tail probability as t, computed with logarithms so that far tails stay finite."""
    return np.sign(t) * -special.ndtri_exp(np.maximum(stats.t.logsf(np.abs(t), df), -1e4))


def independent_residuals(fitted: CellTypeFit, design: Design, rows: np.ndarray) -> np.ndarray:
    """Residuals of some genes rotated to df_residual independent ones, mean square 1; genes x df_residual."""
    terms = fitted.design(design).matrix.to_numpy()
    root = np.ones((1, len(terms))) if fitted.weights is None else np.sqrt(fitted.weights[rows])
    rotation = np.linalg.qr(root[:, :, None] * terms, mode="complete")[0][:, :, terms.shape[1] :]
    residuals = np.einsum(
        "gdk,gd->gk", np.broadcast_to(rotation, (len(rows), *rotation.shape[1:])), root * fitted.values[rows]
    )
    return residuals / np.sqrt(np.maximum(fitted.fit.sigma2[rows], 1e-8))[:, None]


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


def prerank_scores(ranked: pd.Series, members: dict[str, list[str]], *, permutations: int, seed: int) -> pd.DataFrame:
    """Normalized enrichment scores and leading edges of gseapy's prerank.

    NOTE: its p-values are not kept: they permute genes, and called 38 % of null sets at an inter-gene correlation of
    0.05 (docs/methods.md).
    NOTE: method="multilevel" draws members instead of shuffling all genes: same enrichment score, same leading edge,
    NES within the noise of 1,000 permutations, in a tenth of the time. `eps` is its limit for p, which is not used.

    Parameters
    ----------
    ranked : Series
        Statistic by gene, from `ranking`.
    members : dict of str to list of str
        Set -> genes, all of them in `ranked`.
    permutations, seed : int
        As gseapy's. The number of threads does not change the result.

    Returns
    -------
    DataFrame, index set
        normalized_enrichment_score, leading_edge (genes joined by ';').
    """
    columns = ["normalized_enrichment_score", "leading_edge"]
    if not members:
        return pd.DataFrame(columns=columns)
    result, names = _prerank(ranked, members, permutations=permutations, seed=seed)
    table = result.res2d.set_index("Term")
    scores = pd.to_numeric(table["NES"], errors="coerce").replace([np.inf, -np.inf], np.nan)
    edges = [";".join(names[code] for code in edge.split(";") if code) for edge in table["Lead_genes"]]
    return pd.DataFrame({columns[0]: scores, columns[1]: edges}, index=table.index)


def _prerank(
    ranked: pd.Series, members: dict[str, list[str]], *, permutations: int, seed: int
) -> tuple[gseapy.Prerank, dict[str, str]]:
    """What gseapy makes of sets, and the gene behind each code that stands for one there."""
    import gseapy

    # NOTE: gseapy writes names in capitals where it thinks it should (C9orf72); codes are safe from that.
    codes = dict(zip(ranked.index, (f"G{i}" for i in range(len(ranked))), strict=True))
    result = gseapy.prerank(
        rnk=ranked.rename(index=codes),
        gene_sets={name: [codes[gene] for gene in genes] for name, genes in sorted(members.items())},
        permutation_num=permutations,
        method="multilevel",
        eps=0.01,
        min_size=1,
        max_size=len(ranked),
        seed=seed,
        threads=1,
        outdir=None,
        no_plot=True,
        verbose=False,
    )
    return result, {code: gene for gene, code in codes.items()}


def running_sums(ranked: pd.Series, members: dict[str, list[str]]) -> pd.DataFrame:
    """The running sum behind `prerank_scores`, at every member of each set; between members it falls in a line.

    Parameters
    ----------
    ranked, members
        As `prerank_scores`.

    Returns
    -------
    DataFrame
        set, gene, rank (1 is the highest statistic), statistic, before, after (the sum before it and after, -1..1);
        by set and rank.
    """
    columns = ["set", "gene", "rank", "statistic", "before", "after"]
    if not members:
        return pd.DataFrame(columns=columns)
    result, _ = _prerank(ranked, members, permutations=_FEWEST_PERMUTATIONS, seed=0)
    parts = []
    for name in sorted(members):
        sums, hits = np.concatenate([[0.0], result.results[name]["RES"]]), np.array(result.results[name]["hits"])
        facts = {"set": name, "gene": ranked.index[hits], "rank": hits + 1, "statistic": ranked.to_numpy()[hits]}
        parts.append(pd.DataFrame({**facts, "before": sums[hits], "after": sums[hits + 1]}, columns=columns))
    return pd.concat(parts, ignore_index=True)


def tested_members(
    gene_sets: pd.DataFrame, genes: np.ndarray, *, min_size: int, max_size: int
) -> dict[str, np.ndarray]:
    """Positions in `genes` of every set that has a fitting number of members there, by "family/pathway".

    Parameters
    ----------
    gene_sets : DataFrame
        family, pathway, gene; one row a member.
    genes : ndarray of str (genes,)
    min_size, max_size : int
        Members among `genes`; a set of all genes is left out, too.
    """
    rows = _rows_of(gene_sets, genes)
    present = gene_sets.assign(row=rows)[rows >= 0]
    return {
        f"{family}/{pathway}": members.to_numpy()
        for (family, pathway), members in present.groupby(["family", "pathway"])["row"]
        if min_size <= len(members) <= min(max_size, len(genes) - 1)
    }


def _rows_of(gene_sets: pd.DataFrame, genes: np.ndarray) -> np.ndarray:
    """Position in `genes` of every member, -1 where it is not there; isin on arrow strings takes ten times as long."""
    return pd.Index(np.asarray(genes, dtype=object)).get_indexer(gene_sets["gene"].to_numpy(dtype=object))


def camera_sets(
    fitted: CellTypeFit, design: Design, gene_sets: pd.DataFrame, *, min_size: int, max_size: int
) -> pd.DataFrame:
    """CAMERA of every gene set in one cell type: family, pathway, n_genes, the columns of `camera`, and fdr.

    Parameters
    ----------
    fitted, design
        As `camera`.
    gene_sets, min_size, max_size
        As `tested_members`; a set outside the limits keeps its row, without numbers.
    """
    out = count_members(gene_sets, fitted.genes)
    members = tested_members(gene_sets, fitted.genes, min_size=min_size, max_size=max_size)
    test = camera(fitted, design, members)
    out = out.set_index(out["family"] + "/" + out["pathway"]).join(test).reset_index(drop=True)
    return out.assign(fdr=benjamini_hochberg(out["p_value"].to_numpy(dtype=float)))


def enrich_cell_type(
    fitted: CellTypeFit,
    design: Design,
    gene_sets: pd.DataFrame,
    *,
    permutations: int,
    seed: int,
    min_size: int,
    max_size: int,
) -> pd.DataFrame:
    """Both views of every gene set in one cell type: the columns of table "enrichment" from family to fdr.

    Parameters
    ----------
    fitted, design, gene_sets, min_size, max_size
        As `camera_sets`.
    permutations, seed : int
        As `prerank_scores`.
    """
    out = camera_sets(fitted, design, gene_sets, min_size=min_size, max_size=max_size)
    members = tested_members(gene_sets, fitted.genes, min_size=min_size, max_size=max_size)
    statistic = fitted.test(design)["statistic"].to_numpy()
    scores = prerank_scores(
        ranking(fitted.genes, statistic),
        {name: fitted.genes[rows].tolist() for name, rows in members.items()},
        permutations=permutations,
        seed=seed,
    )
    return out.set_index(out["family"] + "/" + out["pathway"]).join(scores).reset_index(drop=True)


def count_members(gene_sets: pd.DataFrame, genes: np.ndarray) -> pd.DataFrame:
    """family, pathway and n_genes (members among `genes`); one row a set."""
    present = gene_sets.assign(n_genes=_rows_of(gene_sets, genes) >= 0)
    return present.groupby(["family", "pathway"], as_index=False)["n_genes"].sum().astype({"n_genes": int})


def enrich_dataset(
    counts: sparse.csr_matrix,
    observations: pd.DataFrame,
    genes: np.ndarray,
    gene_sets: pd.DataFrame,
    definitions: Mapping[str, Definition],
    choices: Choices,
    *,
    dataset: str,
    covariates: Sequence[str],
    min_cells: int,
    min_donors: int,
    permutations: int,
    seed: int,
    min_size: int,
    max_size: int,
) -> pd.DataFrame:
    """Gene sets in every cell type and contrast of a dataset.

    Parameters
    ----------
    counts, observations, genes, definitions, choices, covariates, min_cells, min_donors
        As `compare_donors`: the same models, fitted again for their residuals.
    gene_sets, permutations, seed, min_size, max_size
        As `enrich_cell_type`. A descriptive cell type has rows that say how many members it measures, and no scores.
    dataset : str
        Written into the table.

    Returns
    -------
    DataFrame
        Table "enrichment".
    """
    design = {"covariates": covariates, "min_cells": min_cells, "min_donors": min_donors}
    limits = {"permutations": permutations, "seed": seed, "min_size": min_size, "max_size": max_size}
    parts = [empty_table("enrichment")]
    for unit in cell_type_units(observations, definitions, **design)[0]:
        dense = counts[unit.rows].toarray().T
        fitted = None
        if unit.designs:
            fitted = fit_cell_type(dense, genes, next(iter(unit.designs.values())), choices, cells=unit.cells)
        for name, tested in unit.designs.items():
            if fitted is not None:
                part = enrich_cell_type(fitted, tested, gene_sets, **limits)
                parts.append(part.assign(**{CELL_TYPE: unit.cell_type, CONTRAST: name}, descriptive=False))
        for name, comparison in unit.described.items():
            if len(kept := expressed(dense, comparison.smallest_group, choices)):
                part = count_members(gene_sets, genes[kept])
                parts.append(part.assign(**{CELL_TYPE: unit.cell_type, CONTRAST: name}, descriptive=True))
    out = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    return out.assign(dataset=dataset).reindex(columns=list(parts[0].columns))
