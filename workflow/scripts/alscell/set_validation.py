"""Do the members of a gene set move together: their correlation across donors, held against random sets.

The members of a programme that is switched as one rise and fall together from donor to donor. What contrasts and
covariates explain is taken out first, so a difference between cases and controls is no coherence. The yardstick is
random sets of like expression, since all genes of a donor share depth, tissue quality and the noise of few cells.
NOTE: incoherent does not mean wrong. A set whose members answer one by one, or that nothing moves among these donors,
is incoherent as well; and in the wrong cell type, ambient RNA of the right one makes a set of markers coherent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alscell.design import Definition, assign_groups, covariate_terms
from alscell.keys import CELL_TYPE, FAMILY, GENE, PATHWAY
from alscell.random_sets import derived_seed, expression_bins

FEWEST_GENES = 5  # ASSUME: the mean over the pairs of fewer genes is the story of one pair
FEWEST_FREE = 4  # ASSUME: correlations over fewer free dimensions are noise
LEAST_IN_BIN = 20  # genes, so that a bin has enough others to draw in the place of several members
COLUMNS = [CELL_TYPE, FAMILY, PATHWAY, "n_donors", "n_genes", "correlation", "percentile"]


@dataclass(frozen=True)
class Draws:
    """How random sets are drawn: how many for each set, over how many bins of expression at most, from which seed."""

    n_sets: int
    n_bins: int
    seed: int


@dataclass(frozen=True)
class Directions:
    """Genes of one cell type as directions among donors.

    Parameters
    ----------
    genes : Index
        Those that vary beyond the design.
    units : ndarray, genes x free dimensions
        Residuals in an orthonormal basis of what the design leaves free, each of length 1: the product of two rows is
        the correlation of two genes.
    bins : ndarray of int (genes,)
        Bin of expression.
    n_donors : int
    """

    genes: pd.Index
    units: np.ndarray
    bins: np.ndarray
    n_donors: int


def design_terms(
    donors: pd.DataFrame, definitions: Mapping[str, Definition], *, covariates: Sequence[str]
) -> pd.DataFrame:
    """All that is to be held constant among the donors of any contrast: intercept, groups, covariates.

    Columns may depend on each other; only the space they span is used.

    Parameters
    ----------
    donors : DataFrame
        Donor-level columns, index donor.
    definitions : mapping of str to mapping
        Contrasts by name, as `design.assign_groups`; without any, all donors are kept.
    covariates : sequence of str
        Columns to hold constant.

    Returns
    -------
    DataFrame
        Index donor (sorted), one column a term.
    """
    groups = [assign_groups(donors, {**given, "paired_by": None}).groups for given in definitions.values()]
    kept = sorted(set().union(*(own.index for own in groups)) if groups else donors.index)
    parts = [pd.DataFrame({"intercept": 1.0}, index=kept)]
    parts += [pd.get_dummies(own).reindex(kept, fill_value=False).astype(float) for own in groups]
    terms = (covariate_terms(donors.loc[kept], name, labels=False) for name in covariates)
    return pd.concat([*parts, *(term for term in terms if term is not None)], axis=1)


def free_basis(terms: np.ndarray) -> np.ndarray:
    """Orthonormal basis (donors x free dimensions) of what the terms (donors x terms) leave free."""
    left, sizes, _ = np.linalg.svd(terms, full_matrices=True)
    rank = int((sizes > 1e-9 * sizes.max(initial=0.0)).sum())
    return left[:, rank:]


def gene_directions(values: pd.DataFrame, terms: np.ndarray, *, n_bins: int) -> Directions | None:
    """Directions of the genes of a cell type.

    Parameters
    ----------
    values : DataFrame, genes x donors
        log2 expression; finite.
    terms : ndarray, donors x terms
        From `design_terms`, in the order of the donors.
    n_bins : int
        Bins of expression at most.

    Returns
    -------
    Directions, or None with fewer than FEWEST_FREE free dimensions or too few genes for one bin.
    """
    basis = free_basis(terms)
    residuals = values.to_numpy(dtype=float) @ basis
    length = np.linalg.norm(residuals, axis=1)
    varies = length > 1e-9
    n_bins = min(n_bins, int(varies.sum()) // LEAST_IN_BIN)
    if basis.shape[1] < FEWEST_FREE or n_bins < 1:
        return None
    units = residuals[varies] / length[varies, None]
    own = values.loc[varies]
    return Directions(own.index, units, expression_bins(own.mean(axis=1), n_bins=n_bins), values.shape[1])


def mean_correlation(total: np.ndarray, n_genes: int) -> np.ndarray:
    """Mean over pairs of n genes of their correlation, from the sum of their directions (... x free dimensions).

    The squared length of that sum is n + the sum over ordered pairs, so no pair is visited.
    """
    return (np.square(total).sum(axis=-1) - n_genes) / (n_genes * (n_genes - 1))


def random_sums(directions: Directions, most: np.ndarray, *, n_sets: int, seed: int) -> list[np.ndarray]:
    """Sums of the directions of random genes, bin by bin, so that a random set of any make-up is a sum of look-ups.

    Parameters
    ----------
    directions : Directions
    most : ndarray of int (bins,)
        Genes that a set has in each bin at most.
    n_sets : int
    seed : int

    Returns
    -------
    list of ndarray, n_sets x (most + 1) x free dimensions
        Of each bin: [s, k] is the sum of the first k genes that random set s draws there, without replacement.
    """
    generator = np.random.default_rng(seed)
    out = []
    for name, n_genes in enumerate(most):
        deck = np.tile(np.flatnonzero(directions.bins == name), (n_sets, 1))
        drawn = directions.units[generator.permuted(deck, axis=1)[:, :n_genes]]
        out.append(np.pad(drawn.cumsum(axis=1), ((0, 0), (1, 0), (0, 0))))
    return out


def set_coherence(
    directions: Directions, members: Mapping[tuple[str, str], Sequence[str]], *, n_sets: int, seed: int
) -> pd.DataFrame:
    """Coherence of every set in one cell type.

    NOTE: all sets are held against the same random draws, for speed; one by one the percentiles are right.

    Parameters
    ----------
    directions : Directions
    members : mapping
        (family, pathway) -> genes; those that are not measured are left out.
    n_sets : int
        Random sets that each set is held against.
    seed : int

    Returns
    -------
    DataFrame
        family, pathway, n_genes (measured), correlation (mean over pairs, -1..1), percentile (share of random sets that
        are less coherent, ties by half, 0..100); sets with FEWEST_GENES members or more.
    """
    positions = {key: np.unique(directions.genes.get_indexer(list(genes))) for key, genes in members.items()}
    positions = {key: places[places >= 0] for key, places in positions.items()}
    positions = {key: places for key, places in positions.items() if len(places) >= FEWEST_GENES}
    n_bins = int(directions.bins.max()) + 1
    make_up = {key: np.bincount(directions.bins[places], minlength=n_bins) for key, places in positions.items()}
    most = np.max([*make_up.values(), np.zeros(n_bins, dtype=np.int64)], axis=0)
    sums = random_sums(directions, most, n_sets=n_sets, seed=seed)
    rows = []
    for key, places in positions.items():
        found = mean_correlation(directions.units[places].sum(axis=0), len(places))
        total = sum(of_bin[:, k] for of_bin, k in zip(sums, make_up[key], strict=True))
        at_random = mean_correlation(total, len(places))
        share = np.mean(at_random < found - 1e-12) / 2 + np.mean(at_random <= found + 1e-12) / 2
        rows.append((*key, len(places), float(found), 100 * share))
    return pd.DataFrame(rows, columns=[FAMILY, PATHWAY, "n_genes", "correlation", "percentile"])


def member_agreement(directions: Directions, genes: Sequence[str]) -> pd.Series:
    """Gene -> mean correlation with the other members of its set, lowest first: who does not belong."""
    positions = directions.genes.get_indexer(sorted(set(genes)))
    units = directions.units[positions[positions >= 0]]
    others = (units @ units.sum(axis=0) - 1) / max(len(units) - 1, 1)
    return pd.Series(others, directions.genes[positions[positions >= 0]]).sort_values(kind="stable")


def coherence_table(
    expression: pd.DataFrame, terms: pd.DataFrame, gene_sets: pd.DataFrame, draws: Draws
) -> pd.DataFrame:
    """Coherence of every set in every cell type of a dataset.

    Parameters
    ----------
    expression : DataFrame
        Table "expression_donors": cell_type, gene, one column a donor.
    terms : DataFrame
        From `design_terms`.
    gene_sets : DataFrame
        Columns family, pathway, gene.
    draws : Draws
        The seed is combined with the cell type.

    Returns
    -------
    DataFrame
        COLUMNS, sorted by cell type, family, pathway.
    """
    members = {key: rows[GENE].tolist() for key, rows in gene_sets.groupby([FAMILY, PATHWAY], sort=True)}
    parts = [pd.DataFrame(columns=COLUMNS)]
    for cell_type, directions in cell_type_directions(expression, terms, n_bins=draws.n_bins):
        found = set_coherence(directions, members, n_sets=draws.n_sets, seed=derived_seed(draws.seed, cell_type))
        parts.append(found.assign(**{CELL_TYPE: cell_type, "n_donors": directions.n_donors})[COLUMNS])
    return pd.concat(parts[1:] or parts, ignore_index=True)


def cell_type_directions(
    expression: pd.DataFrame, terms: pd.DataFrame, *, n_bins: int
) -> Iterator[tuple[str, Directions]]:
    """Cell types of the table "expression_donors" with enough donors and genes, sorted, with the genes' directions."""
    for cell_type, own in expression.groupby(CELL_TYPE, sort=True):
        values = own.drop(columns=CELL_TYPE).set_index(GENE)
        values = values[[donor for donor in terms.index if donor in values]].dropna(axis=1)
        directions = gene_directions(values, terms.loc[values.columns].to_numpy(), n_bins=n_bins)
        if directions is not None:
            yield str(cell_type), directions
