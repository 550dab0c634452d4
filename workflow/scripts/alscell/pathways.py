"""How active is a gene set in a cell, and on average in a donor's cells of one type: scores by rank (AUCell)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from alscell.depth import cell_correlations
from alscell.errors import InputError
from alscell.keys import CELL, CELL_TYPE, DEPTH, DONOR, FAMILY, GENE, N_CELLS, PATHWAY
from alscell.ranking import Ranking, align, top_weights

SCORED = "scored"
# ASSUME: below this share of the members of all sets, names or species of data and sets do not fit. Not 0: a few mouse
# symbols (C2, C3, C6, C7, C9) are human ones as well.
MIN_OVERLAP = 0.05


def set_coverage(
    gene_sets: pd.DataFrame, kinds: pd.DataFrame, genes: pd.Index, *, min_coverage: float, min_genes: int
) -> pd.DataFrame:
    """How much of each set is measured, and whether it is scored.

    Parameters
    ----------
    gene_sets : DataFrame
        Columns family, pathway, gene.
    kinds : DataFrame
        Columns family, pathway, kind; gene_level marks lists of single genes, not a programme that moves together.
    genes : Index
        Measured genes: those with a count in at least one cell.
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
        As `check_overlap`.
    """
    members = gene_sets.drop_duplicates([FAMILY, PATHWAY, GENE], ignore_index=True)
    check_overlap(members, genes, where="pathways.families and pathways.gene_sets of config.yaml")
    measured = members[GENE].isin(genes)
    single = set(kinds.loc[kinds["kind"] == "gene_level", [FAMILY, PATHWAY]].itertuples(index=False, name=None))
    rows = []
    for (family, pathway), index in members.groupby([FAMILY, PATHWAY], sort=True).groups.items():
        inside = measured.loc[index]
        missing = sorted(members.loc[index, GENE][~inside])
        coverage = float(inside.mean())
        status = SCORED if coverage >= min_coverage else "low_coverage"
        status = status if inside.sum() >= min_genes else "too_few_genes"
        status = "gene_level" if (family, pathway) in single else status
        rows.append((family, pathway, len(inside), int(inside.sum()), coverage, status, ";".join(missing) or None))
    return pd.DataFrame(rows, columns=[FAMILY, PATHWAY, "n_genes", "n_measured", "coverage", "status", "missing"])


def check_overlap(gene_sets: pd.DataFrame, genes: Iterable[str], *, where: str) -> None:
    """Refuse gene sets that share next to no gene with the data: other species, or other names.

    Parameters
    ----------
    gene_sets : DataFrame
        Column gene.
    genes : iterable of str
        Genes of the data.
    where : str
        What the message names.

    Raises
    ------
    InputError
        If fewer than MIN_OVERLAP of the genes of all sets are among those of the data; names some of each side.
    """
    members, known = set(gene_sets[GENE]), set(genes)
    share = len(members & known) / max(len(members), 1)
    if members and share < MIN_OVERLAP:
        raise InputError(
            where,
            found=f"{len(members & known)} of their {len(members):,} genes ({100 * share:.1f} %; such as "
            f"{_some(members)}) among the {len(known):,} genes of the data (such as {_some(known)})",
            expected=f"at least {100 * MIN_OVERLAP:.0f} %: the same kind of gene name, of the same species, in both",
            mend="Set `symbol` in dataset.yaml to the column with gene symbols, or give gene sets for this species.",
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


def group_sums(matrix: sparse.csr_matrix, groups: pd.MultiIndex) -> pd.DataFrame:
    """Sum of the rows of `matrix` in each group; exact for integers.

    Parameters
    ----------
    matrix : csr_matrix of int, cells x genes
    groups : MultiIndex (donor, cell type)
        Of each row.

    Returns
    -------
    DataFrame of int64
        One row a group, sorted; columns 0..genes-1.
    """
    codes, names = groups.factorize(sort=True)
    ones = np.ones(len(codes), dtype=np.int64)
    indicator = sparse.csr_matrix((ones, (codes, np.arange(len(codes)))), shape=(len(names), len(codes)))
    return pd.DataFrame((indicator @ matrix).toarray(), index=names)


@dataclass(frozen=True)
class Profiles:
    """Mean gene weights of every donor and cell type: the mean score of any set is a sum over its members.

    Parameters
    ----------
    rows : DataFrame
        Columns donor, cell_type, n_cells, depth (mean counts a cell, of the ranked genes).
    weights : ndarray of float, rows x genes
        Mean weight of each gene over the cells.
    genes : Index
        Names of the columns.
    n_top : int
        As in `Ranking`.
    expression : DataFrame, genes x cell types
        Mean count of a gene in a cell of that type.
    """

    rows: pd.DataFrame
    weights: np.ndarray
    genes: pd.Index
    n_top: int
    expression: pd.DataFrame


@dataclass(frozen=True)
class SampleScores:
    """Scores of one sample's cells, and the sums by donor and cell type that profiles are made of.

    Parameters
    ----------
    cells : DataFrame
        Column cell, then one float32 column a set, named family/pathway.
    weights, counts : DataFrame of int64, (donor, cell type) x genes
        Sums over cells.
    squares : DataFrame of float64, (donor, cell type) x sets
        Sums over cells of the squares of their scores.
    n_cells : Series
        Cells behind each row of the sums.
    n_shallow : int
        Cells with fewer genes than ranks that count; genes without a count fill their ranking up.
    follow_depth : DataFrame
        From `depth.cell_correlations`.
    """

    cells: pd.DataFrame
    weights: pd.DataFrame
    counts: pd.DataFrame
    squares: pd.DataFrame
    n_cells: pd.Series
    n_shallow: int
    follow_depth: pd.DataFrame


def score_sample(
    data: Any, groups: pd.MultiIndex, ranking: Ranking, members: dict[tuple[str, str], np.ndarray]
) -> SampleScores:
    """Score every set in every cell of one sample.

    Parameters
    ----------
    data : AnnData, cells x genes
        Raw counts (CSR) of the kept cells.
    groups : MultiIndex (donor, cell type)
        Of each cell.
    ranking : Ranking
        Of the dataset.
    members : dict
        From `set_members`.
    """
    counts = align(data.X, data.var_names, ranking)
    weights = top_weights(counts, ranking)
    names = [f"{family}/{pathway}" for family, pathway in members]
    scores = set_scores(weights, members, n_top=ranking.n_top)
    cells = pd.DataFrame(scores.astype(np.float32), columns=names)
    cells.insert(0, CELL, data.obs_names.to_numpy())
    depth = np.asarray(counts.sum(axis=1)).ravel()
    return SampleScores(
        cells,
        weights=group_sums(weights, groups),
        counts=group_sums(counts, groups),
        squares=pd.DataFrame(scores**2).groupby([groups.get_level_values(level) for level in (0, 1)], sort=True).sum(),
        n_cells=groups.value_counts().sort_index(),
        n_shallow=int((counts.getnnz(axis=1) < ranking.n_top).sum()),
        follow_depth=cell_correlations(scores, depth, groups.get_level_values(1).to_numpy()),
    )


def sum_squares(parts: list[SampleScores]) -> pd.DataFrame:
    """Sums of squared scores of a dataset, (donor, cell type) x sets; a donor may have several samples."""
    return pd.concat([part.squares for part in parts]).groupby(level=[0, 1], sort=True).sum()


def mean_profiles(parts: list[SampleScores], ranking: Ranking) -> Profiles:
    """Profiles of a dataset from the sums of its samples; a donor may have several."""
    weights, counts, n_cells = (
        pd.concat([getattr(part, name) for part in parts]).groupby(level=[0, 1], sort=True).sum()
        for name in ("weights", "counts", "n_cells")
    )
    return build_profiles(weights.div(n_cells, axis="index"), counts, n_cells, ranking)


def build_profiles(weights: pd.DataFrame, counts: pd.DataFrame, n_cells: pd.Series, ranking: Ranking) -> Profiles:
    """Profiles from mean weights and summed counts.

    Parameters
    ----------
    weights : DataFrame, (donor, cell type) x genes
        Means over cells.
    counts : DataFrame, (donor, cell type) x genes
        Sums over cells, rows as in `weights`.
    n_cells : Series
        Cells behind each row, index as in `weights`.
    ranking : Ranking
        Of the same genes.
    """
    rows = weights.index.to_frame(index=False, name=[DONOR, CELL_TYPE])
    rows[N_CELLS] = n_cells.loc[weights.index].to_numpy()
    rows[DEPTH] = counts.loc[weights.index].sum(axis=1).to_numpy() / rows[N_CELLS]
    sums = counts.loc[weights.index].set_axis(rows[CELL_TYPE], axis="index").groupby(level=0, sort=True).sum()
    per_cell = sums.div(rows.groupby(CELL_TYPE, sort=True)[N_CELLS].sum(), axis="index")
    expression = per_cell.T.set_axis(ranking.genes, axis="index")
    return Profiles(rows, weights.to_numpy(dtype=np.float64), ranking.genes, ranking.n_top, expression)


def to_anndata(profiles: Profiles, *, dataset: str, simulated: bool) -> Any:
    """Profiles as an AnnData: X float32, mean counts in `varm`, their cell types and `n_top` in `uns`."""
    import anndata

    names = profiles.rows[DONOR] + "|" + profiles.rows[CELL_TYPE]
    return anndata.AnnData(
        profiles.weights.astype(np.float32),
        obs=profiles.rows.set_axis(names.rename(None), axis="index"),
        var=pd.DataFrame(index=profiles.genes.rename(GENE)),
        varm={"mean_counts": profiles.expression.to_numpy(dtype=np.float32)},
        uns={
            "dataset": dataset,
            "simulated": simulated,
            "n_top": profiles.n_top,
            "cell_types": profiles.expression.columns.to_numpy(dtype=object),
        },
    )


def from_anndata(data: Any) -> Profiles:
    """The inverse of `to_anndata`."""
    expression = pd.DataFrame(data.varm["mean_counts"], index=data.var_names, columns=list(data.uns["cell_types"]))
    rows = data.obs[[DONOR, CELL_TYPE, N_CELLS, DEPTH]].astype({DONOR: "str", CELL_TYPE: "str"}).reset_index(drop=True)
    return Profiles(rows, np.asarray(data.X, dtype=np.float64), data.var_names, int(data.uns["n_top"]), expression)


def donor_scores(
    profiles: Profiles, members: dict[tuple[str, str], np.ndarray], squares: pd.DataFrame | None
) -> pd.DataFrame:
    """Score of every set in a donor's cells of each type: mean and standard deviation, as one long table.

    Parameters
    ----------
    profiles : Profiles
    members : dict
        From `set_members`.
    squares : DataFrame, (donor, cell type) x sets, or None
        From `sum_squares`; None where there are no cells, so that the deviation between them is empty.

    Returns
    -------
    DataFrame
        Columns family, pathway, cell_type, donor, n_cells, depth, score, score_sd.
    """
    columns = [FAMILY, PATHWAY, CELL_TYPE, DONOR, N_CELLS, DEPTH, "score", "score_sd"]
    if not members:
        return pd.DataFrame(columns=columns)
    scores = set_scores(profiles.weights, members, n_top=profiles.n_top)
    spread = np.full(scores.shape, np.nan) if squares is None else _deviations(profiles, scores, squares)
    parts = [
        profiles.rows.assign(score=scores[:, column], score_sd=spread[:, column], **{FAMILY: family, PATHWAY: pathway})
        for column, (family, pathway) in enumerate(members)
    ]
    return pd.concat(parts, ignore_index=True)[columns]


def _deviations(profiles: Profiles, means: np.ndarray, squares: pd.DataFrame) -> np.ndarray:
    """Standard deviation of each score between the cells of a donor and type; NaN for one cell."""
    n_cells = profiles.rows[[N_CELLS]].to_numpy(dtype=float)
    sums = squares.loc[pd.MultiIndex.from_frame(profiles.rows[[DONOR, CELL_TYPE]])].to_numpy()
    variance = np.divide(
        np.maximum(sums - n_cells * means**2, 0), n_cells - 1, out=np.full(means.shape, np.nan), where=n_cells > 1
    )
    # Rounding leaves the square of a 10^-7th of the mean where all cells are alike.
    return np.where(variance > 1e-12 * means**2, np.sqrt(variance), np.minimum(variance, 0))
