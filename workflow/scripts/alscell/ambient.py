"""Ambient RNA of one sample: what floats in every droplet, and the share of the cells' counts that comes from it.

A marker gene of another cell type is seen in cells that do not make it because it floats in the droplet. The rate, over
that at which the gene is in the soup, is the ambient share of the cells' counts.

Source
------
Young and Behjati 2020 (SoupX), doi:10.1093/gigascience/giaa151: profile from empty droplets, else from the sum of all
cells; rate of genes that cells should not make. Deviations: one likelihood of all pairs of gene and cell type, with a
background of counts that no soup explains (a marker is seen a little in all cells) and with pairs where the cells make
the gene after all; the interval is over the marker genes, whose choice is the larger uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.special import gammaln

from alscell.annotation import parents_of
from alscell.keys import CELL_TYPE, GENE, UNASSIGNED
from alscell.label_checks import home_of
from alscell.pseudobulk import sum_cells

DROPLET_COUNTS = 100  # SOURCE: SoupX: droplets with fewer counts hold no cell
# NOTE: a planted share of 0.10 was found as 0.08 from a profile of 30,000 counts, 0.09 from 60,000.
MIN_DROPLETS, MIN_SOUP = 100, 100_000
MIN_CELLS = 20  # ASSUME: of a cell type in the sample
MIN_EXPECTED = 20  # ASSUME: counts of a gene in a cell type if all of its counts were ambient; fewer say nothing
MARKER_FOLD = 5  # ASSUME: a marker is that much higher in its own type than in the cells looked at
MIN_GENES = 8  # ASSUME: an interval over fewer marker genes is none
SPREAD = 0.3  # ASSUME: coefficient of variation of the rate between pairs: soup and droplets differ a little
SHARES = np.geomspace(1e-3, 1.0, 201)
BACKGROUNDS = np.concatenate([[0.0], np.geomspace(1e-6, 1e-4, 41)])  # UNIT: share of a cell type's counts
FOLLOWING = np.array([0.4, 0.6, 0.8, 0.95])  # share of the pairs whose counts are all ambient or background
N_DRAWS = 200  # of the marker genes, for the interval
CELLS, DROPLETS = "cells", "droplets"
OK, NO_PAIRS, FEW_MARKERS = "ok", "no_foreign_markers", "too_few_markers"


@dataclass(frozen=True)
class Soup:
    """What floats in the droplets of a sample: counts of every gene behind it, and where they come from."""

    counts: np.ndarray
    found_in: str
    n_droplets: int

    @property
    def shares(self) -> np.ndarray:
        """Share of each gene, 0..1."""
        return self.counts / max(self.counts.sum(), 1)


@dataclass(frozen=True)
class Estimate:
    """Ambient share of a sample's counts (nan: cannot be told), its 95 % interval, and what lies behind it."""

    share: float
    ci_low: float
    ci_high: float
    background: float
    following: float
    n_genes: int
    n_pairs: int
    status: str


def soup_profile(matrix: sp.csr_matrix, kept: np.ndarray) -> Soup:
    """The soup: the sum of the empty droplets where the file holds enough of them, else of everything.

    Parameters
    ----------
    matrix : csr_matrix, droplets x genes
        Raw counts of all droplets of a sample.
    kept : ndarray of bool (droplets,)
        Those that passed quality control; never empty.
    """
    empty = (np.asarray(matrix.sum(axis=1)).ravel() < DROPLET_COUNTS) & ~kept
    counts = np.asarray(matrix[empty].sum(axis=0), dtype=np.int64).ravel()
    if empty.sum() >= MIN_DROPLETS and counts.sum() >= MIN_SOUP:
        return Soup(counts, DROPLETS, int(empty.sum()))
    # ASSUME: RNA leaks from all cells alike, so that their sum is the soup.
    return Soup(np.asarray(matrix.sum(axis=0), dtype=np.int64).ravel(), CELLS, int(empty.sum()))


def foreign_pairs(
    matrix: sp.csr_matrix, types: np.ndarray, genes: list[str], markers: pd.DataFrame, soup: Soup
) -> pd.DataFrame:
    """Pairs of a cell type and a marker gene of another family of types.

    Parameters
    ----------
    matrix : csr_matrix, cells x genes
        Raw counts of the cells that have a type.
    types : ndarray of str (cells,)
        Their types.
    genes : list of str
        Columns of `matrix`.
    markers : DataFrame
        Columns cell_type, parent, gene.
    soup : Soup
        Of the same sample.

    Returns
    -------
    DataFrame
        cell_type, gene, n_counts (of the gene in the type), total (all counts of the type), soup (share of the gene).
        Left out are genes whose own type the sample lacks, or has no more than MARKER_FOLD times the rate of the cells,
        and genes too low in the soup to be expected MIN_EXPECTED times.
    """
    names, n_cells, sums = sum_cells(matrix, types)
    parents = parents_of(markers)
    families = {name: parents.get(name, name) for name in markers[CELL_TYPE]}
    homes = [home_of(name, set(families.values()), parents) if name != UNASSIGNED else None for name in names]
    usable = [row for row, home in enumerate(homes) if home and n_cells[row] >= MIN_CELLS]
    column = pd.Series(np.arange(len(genes)), index=genes)
    of_gene = markers[markers[GENE].isin(column.index)].groupby(GENE)[CELL_TYPE].agg(set)
    counts = sums[:, column[of_gene.index].to_numpy()].toarray()
    totals = np.asarray(sums.sum(axis=1)).ravel()
    level, share, rows = counts / np.maximum(totals, 1)[:, None], soup.shares[column[of_gene.index]], []
    for place, (gene, marked) in enumerate(of_gene.items()):
        own = {families[name] for name in marked}
        highest = max((level[row, place] for row in usable if homes[row] in own), default=0.0)
        rows += [
            (names[row], gene, counts[row, place], totals[row], share[place])
            for row in usable
            if homes[row] not in own
            and highest > 0
            and highest >= MARKER_FOLD * level[row, place]
            and totals[row] * share[place] >= MIN_EXPECTED
        ]
    return pd.DataFrame(rows, columns=[CELL_TYPE, GENE, "n_counts", "total", "soup"])


def estimate_share(pairs: pd.DataFrame, *, seed: int) -> Estimate:
    """The ambient share under which the counts of foreign markers are most likely.

    Counts of a pair are negative binomial, with coefficient of variation SPREAD between pairs, around

        total x (share x soup + background),

    or, in a part of the pairs, around anything above the first term (the cells make the gene). Share, background and
    that part are read from a grid. The interval is over genes, drawn anew with replacement.

    NOTE: real transcripts in few cells and doublets can only add to the share, so that it is rather too high.

    Parameters
    ----------
    pairs : DataFrame
        From `foreign_pairs`.
    seed : int
        Of the draws.
    """
    names, gene = np.unique(pairs[GENE].to_numpy(dtype=str), return_inverse=True)
    if len(names) < MIN_GENES:
        status = FEW_MARKERS if len(pairs) else NO_PAIRS
        return Estimate(*[np.nan] * 5, len(names), len(pairs), status)
    surface = _log_likelihoods(pairs, gene)
    flat = surface.reshape(-1, len(names))
    best = np.unravel_index(flat.sum(axis=1).argmax(), surface.shape[:3])
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=N_DRAWS)
    places = np.unravel_index((flat @ drawn.T.astype(float)).argmax(axis=0), surface.shape[:3])
    low, high = np.quantile(SHARES[places[2]], [0.025, 0.975])
    share = float(SHARES[best[2]])
    found = (share, min(float(low), share), max(float(high), share), BACKGROUNDS[best[0]], FOLLOWING[best[1]])
    return Estimate(*(float(value) for value in found), len(names), len(pairs), OK)


def _log_likelihoods(pairs: pd.DataFrame, gene: np.ndarray) -> np.ndarray:
    """Log-likelihoods: backgrounds x parts that follow x shares x genes; `gene` is the number of each pair's gene."""
    counts, total = (pairs[name].to_numpy(dtype=float) for name in ("n_counts", "total"))
    expected = SHARES[:, None] * (total * pairs["soup"].to_numpy(dtype=float))
    above = np.arange(len(SHARES), 0, -1)[:, None]
    member = np.eye(gene.max() + 1)[gene]
    out = np.empty((len(BACKGROUNDS), len(FOLLOWING), len(SHARES), member.shape[1]))
    for number, background in enumerate(BACKGROUNDS):
        chance = np.exp(_negative_binomial(counts, expected + background * total))
        elsewhere = np.cumsum(chance[::-1], axis=0)[::-1] / above
        for place, part in enumerate(FOLLOWING):
            out[number, place] = np.log(part * chance + (1 - part) * elsewhere + np.finfo(float).tiny) @ member
    return out


def _negative_binomial(counts: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Log probability of counts, with the coefficient of variation SPREAD beside that of Poisson counts."""
    size = 1 / SPREAD**2
    constant = gammaln(counts + size) - gammaln(size) - gammaln(counts + 1)
    return constant - size * np.log1p(mean / size) + counts * np.log(mean / (mean + size))


def ambient_row(soup: Soup, estimate: Estimate, *, dataset: str, sample: str, n_counts: int) -> pd.DataFrame:
    """One row for the table `ambient`; donor and condition are not known here.

    Parameters
    ----------
    soup : Soup
    estimate : Estimate
    dataset, sample : str
        Names.
    n_counts : int
        Counts of the cells that have a type. UNIT: UMI.
    """
    row = {
        "dataset": dataset,
        "sample": sample,
        "donor": None,
        "condition": None,
        "ambient_share": estimate.share,
        "ci_low": estimate.ci_low,
        "ci_high": estimate.ci_high,
        "profile_from": soup.found_in,
        "n_droplets": soup.n_droplets,
        "n_counts": n_counts,
        "n_genes": estimate.n_genes,
        "n_pairs": estimate.n_pairs,
        "background": estimate.background * 1e6,
        "following": estimate.following,
        "status": estimate.status,
    }
    return pd.DataFrame([row])


def top_genes(profiles: dict[str, pd.Series], markers: pd.DataFrame, *, n_genes: int) -> pd.DataFrame:
    """The genes that make most of the soup of a dataset, by their mean share over samples.

    Parameters
    ----------
    profiles : dict
        Sample -> share of each gene, index gene.
    markers : DataFrame
        Columns cell_type, gene.
    n_genes : int
        Genes given at most.

    Returns
    -------
    DataFrame
        Columns of the table "ambient_genes", without dataset.
    """
    shares = pd.DataFrame(profiles).fillna(0.0)
    table = pd.DataFrame({"share": shares.mean(axis=1), "lowest": shares.min(axis=1), "highest": shares.max(axis=1)})
    table = table.rename_axis(GENE).reset_index().sort_values(["share", GENE], ascending=[False, True])
    table = table[table["share"] > 0].head(n_genes).reset_index(drop=True)
    marks = markers.drop_duplicates([CELL_TYPE, GENE]).groupby(GENE)[CELL_TYPE].agg(";".join)
    return table.assign(
        rank=np.arange(1, len(table) + 1), cumulative=table["share"].cumsum(), marker_of=table[GENE].map(marks)
    )
