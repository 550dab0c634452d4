"""How active is a gene set in a cell: rank-based scores (AUCell), and their means over a donor's cells.

SOURCE: Aibar 2017, doi:10.1038/nmeth.4463. A cell's genes are ranked by count; within the first `n_top` ranks a set
earns the area under its recovery curve. That area is a sum over members of `n_top - rank`, so it is linear in one
weight a gene: the mean weights of a donor's cells give the donor's mean score of any set by one product.
NOTE: the numbers are those of decoupler 2.3 (`mt.aucell`), which also ranks genes without a count, breaks ties by a
seeded shuffle of the genes and leaves out genes that no cell has. Genes are sorted by name before that shuffle, so
the order of genes in a file changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from alscell.errors import InputError
from alscell.keys import CELL_TYPE, DONOR, FAMILY, GENE, N_CELLS, PATHWAY

SCORED = "scored"
_TIE_SEED = 0  # SOURCE: decoupler 2.3, pp.extract(shuffle=True)


@dataclass(frozen=True)
class Ranking:
    """What must be the same for every cell of a dataset.

    Parameters
    ----------
    genes : Index
        Genes that are ranked, sorted by name.
    place : ndarray of int
        Each gene's place among genes of equal count.
    n_top : int
        Rank from which on a gene earns nothing.
    """

    genes: pd.Index
    place: np.ndarray
    n_top: int


def build_ranking(genes: Iterable[str], *, top_fraction: float) -> Ranking:
    """The ranking of a dataset over all genes with a count in at least one of its cells.

    Parameters
    ----------
    genes : iterable of str
        Measured genes, in any order.
    top_fraction : float
        Share of the ranking that counts, in (0, 1].
    """
    genes = pd.Index(sorted(set(genes)), dtype="str")
    shuffled = np.random.default_rng(_TIE_SEED).choice(len(genes), len(genes), replace=False)
    place = np.empty(len(genes), dtype=np.int64)
    place[shuffled] = np.arange(len(genes))
    return Ranking(genes, place, int(np.clip(np.ceil(top_fraction * len(genes)), 2, max(len(genes), 2))))


def detected(counts: sparse.csr_matrix, genes: pd.Index) -> set[str]:
    """Names of the genes with a count in at least one cell (counts: cells x genes)."""
    present = np.unique(counts.indices[counts.data != 0])
    return set(genes[present])


def top_weights(counts: sparse.csr_matrix, genes: pd.Index, ranking: Ranking) -> sparse.csr_matrix:
    """What each gene earns in each cell: `n_top - rank`, 0 from rank `n_top` on.

    Parameters
    ----------
    counts : csr_matrix of int, cells x genes
        Counts of a sample; every gene with a count is in `ranking`.
    genes : Index
        Names of the columns of `counts`.

    Returns
    -------
    csr_matrix of int32, cells x ranking.genes
        With `n_top - 1` entries a cell, best rank first.
    """
    n_genes, n_earning = len(ranking.genes), ranking.n_top - 1
    places = ranking.place[ranking.genes.get_indexer(genes)]  # a gene outside the ranking has no count: never read
    values = counts.data.astype(np.int64)
    keys = (values.max(initial=0) - values) * n_genes + places[counts.indices]
    keys[values == 0] = np.iinfo(np.int64).max
    best = np.empty((counts.shape[0], n_earning), dtype=np.int32)
    for row, (start, stop) in enumerate(zip(counts.indptr[:-1], counts.indptr[1:], strict=True)):
        best[row] = _best_places(keys[start:stop], n_genes, n_earning)
    gene_at = np.argsort(ranking.place).astype(np.int32)
    earned = np.tile(np.arange(n_earning, 0, -1, dtype=np.int32), counts.shape[0])
    starts = np.arange(counts.shape[0] + 1, dtype=np.int64) * n_earning
    return sparse.csr_matrix((earned, gene_at[best].ravel(), starts), shape=(counts.shape[0], n_genes))


def _best_places(keys: np.ndarray, n_genes: int, n_earning: int) -> np.ndarray:
    """Places of the genes of rank 1..n_earning; genes without a count follow those with one, by their place."""
    if len(keys) > n_earning:
        keys = np.partition(keys, n_earning - 1)[:n_earning]
    keys = np.sort(keys)
    places = keys[keys != np.iinfo(np.int64).max] % n_genes
    n_missing = n_earning - len(places)
    if n_missing == 0:
        return places
    free = np.ones(n_earning, dtype=bool)  # the first n_earning places hold at least n_missing genes without a count
    free[places[places < n_earning]] = False
    return np.concatenate([places, np.flatnonzero(free)[:n_missing]])


def set_coverage(
    gene_sets: pd.DataFrame, genes: pd.Index, *, gene_level: set[tuple[str, str]], min_coverage: float, min_genes: int
) -> pd.DataFrame:
    """How much of each set is measured, and whether it is scored.

    Parameters
    ----------
    gene_sets : DataFrame
        Columns family, pathway, gene.
    genes : Index
        Measured genes: those with a count in at least one cell.
    gene_level : set of (family, pathway)
        Sets that are lists of single genes, not a programme that moves together.
    min_coverage : float
        Share of the members below which a set is not scored, 0..1.
    min_genes : int
        Measured members below which a set is not scored.

    Returns
    -------
    DataFrame
        Columns family, pathway, n_genes, n_measured, coverage, status, missing.

    Raises
    ------
    InputError
        If not one gene of any set is measured.
    """
    members = gene_sets.drop_duplicates([FAMILY, PATHWAY, GENE])
    measured = members[GENE].isin(genes)
    if not measured.any():
        raise InputError(
            "gene sets",
            found=f"none of their {members[GENE].nunique():,} genes (such as {_some(members[GENE])}) among the "
            f"{len(genes):,} genes with counts (such as {_some(genes)})",
            expected="the same kind of gene name, of the same species, in both",
            mend="Set `symbol` in dataset.yaml to the column with gene symbols, or give gene sets for this species.",
        )
    rows = []
    for (family, pathway), index in members.groupby([FAMILY, PATHWAY], sort=True).groups.items():
        inside = measured.loc[index]
        missing = sorted(members.loc[index, GENE][~inside])
        coverage = float(inside.mean())
        status = SCORED if coverage >= min_coverage else "low_coverage"
        status = status if inside.sum() >= min_genes else "too_few_genes"
        status = "gene_level" if (family, pathway) in gene_level else status
        rows.append((family, pathway, len(inside), int(inside.sum()), coverage, status, ";".join(missing) or None))
    return pd.DataFrame(
        rows, columns=[FAMILY, PATHWAY, "n_genes", "n_measured", "coverage", "status", "missing"]
    )


def _some(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))[:3])


def set_members(gene_sets: pd.DataFrame, coverage: pd.DataFrame, genes: pd.Index) -> dict[tuple[str, str], np.ndarray]:
    """Positions in `genes` of the measured members of each scored set, sorted; keys are (family, pathway), sorted."""
    scored = coverage.loc[coverage["status"] == SCORED, [FAMILY, PATHWAY]]
    inside = gene_sets.merge(scored).drop_duplicates([FAMILY, PATHWAY, GENE])
    inside = inside.assign(position=genes.get_indexer(inside[GENE]))
    inside = inside[inside["position"] >= 0]
    return {key: np.sort(part["position"].to_numpy()) for key, part in inside.groupby([FAMILY, PATHWAY], sort=True)}


def most_earned(n_members: int, *, n_top: int) -> float:
    """What a set of `n_members` genes would earn if it held the first ranks; the score of 1."""
    n = min(n_members, n_top - 1)
    return n * n_top - n * (n + 1) / 2


def set_scores(
    weights: sparse.csr_matrix | np.ndarray, members: dict[tuple[str, str], np.ndarray], *, n_top: int
) -> np.ndarray:
    """Score of every set in every row of `weights` (a cell, or the mean of a donor's cells).

    Parameters
    ----------
    weights : rows x genes
        From `top_weights`, or means of such rows.
    members : dict
        Positions of the members of each set, from `set_members`.

    Returns
    -------
    ndarray of float64, rows x sets
        Share of the largest possible area, 0..1.
    """
    sizes = np.array([len(positions) for positions in members.values()], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    positions = np.concatenate([np.zeros(0, dtype=np.int64), *members.values()])
    ones = np.ones(len(positions), dtype=np.int32)
    matrix = sparse.csc_matrix((ones, positions, starts), shape=(weights.shape[1], len(sizes)))
    sums = weights @ matrix
    sums = sums.toarray() if sparse.issparse(sums) else sums
    return sums / np.array([most_earned(size, n_top=n_top) for size in sizes])


def group_sums(matrix: sparse.csr_matrix, groups: pd.Series) -> pd.DataFrame:
    """Sum of the rows of `matrix` in each group, and `n_cells`; exact for integers.

    Parameters
    ----------
    matrix : csr_matrix, cells x genes
        Integers.
    groups : Series
        Group of each row.

    Returns
    -------
    DataFrame
        One row a group, sorted; columns 0..genes-1.
    """
    codes, names = pd.factorize(groups, sort=True)
    ones = np.ones(len(codes), dtype=np.int64)
    indicator = sparse.csr_matrix((ones, (codes, np.arange(len(codes)))), shape=(len(names), len(codes)))
    return pd.DataFrame((indicator @ matrix).toarray(), index=pd.Index(names, name=groups.name))


def donor_scores(
    profiles: np.ndarray, rows: pd.DataFrame, members: dict[tuple[str, str], np.ndarray], *, n_top: int
) -> pd.DataFrame:
    """Mean score of every set over a donor's cells of each type, as one long table.

    Parameters
    ----------
    profiles : ndarray, rows x genes
        Mean weights.
    rows : DataFrame
        Columns donor, cell_type, n_cells.

    Returns
    -------
    DataFrame
        Columns family, pathway, cell_type, donor, n_cells, score.
    """
    scores = set_scores(profiles, members, n_top=n_top)
    head = rows[[CELL_TYPE, DONOR, N_CELLS]].reset_index(drop=True)
    parts = [
        head.assign(score=scores[:, column], **{FAMILY: family, PATHWAY: pathway})
        for column, (family, pathway) in enumerate(members)
    ]
    columns = [FAMILY, PATHWAY, CELL_TYPE, DONOR, N_CELLS, "score"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
