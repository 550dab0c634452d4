"""Random gene sets matched on expression, against which a tested set is held."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd


def expression_bins(expression: pd.Series, *, n_bins: int) -> np.ndarray:
    """Bin of each gene: bins of equal size over the genes sorted by expression, ties by name."""
    order = np.lexsort((expression.index.to_numpy(dtype=str), expression.to_numpy()))
    bins = np.empty(len(order), dtype=np.int64)
    bins[order] = np.arange(len(order)) * n_bins // len(order)
    return bins


def draw_sets(positions: np.ndarray, bins: np.ndarray, *, n_sets: int, seed: int) -> np.ndarray:
    """Random sets in which each member is replaced by another gene of its bin that is not in the set.

    Parameters
    ----------
    positions : ndarray of int
        Positions of the members.
    bins : ndarray of int (genes,)
        Bin of each gene.

    Returns
    -------
    ndarray of int, n_sets x genes
        Distinct genes in each row. NOTE: a bin with fewer outside genes than members gives all that it has.
    """
    generator = np.random.default_rng(seed)
    outside = np.ones(len(bins), dtype=bool)
    outside[positions] = False
    drawn = [np.zeros((n_sets, 0), dtype=np.int64)]
    for name, n_members in zip(*np.unique(bins[positions], return_counts=True), strict=True):
        deck = np.tile(np.flatnonzero(outside & (bins == name)), (n_sets, 1))
        rows, n_drawn = np.arange(n_sets), min(int(n_members), deck.shape[1])
        for place in range(n_drawn):  # the first steps of a Fisher-Yates shuffle, in all rows at once
            other = generator.integers(place, deck.shape[1], size=n_sets)
            deck[rows, place], deck[rows, other] = deck[rows, other], deck[rows, place]
        drawn.append(deck[:, :n_drawn])
    return np.concatenate(drawn, axis=1)


def derived_seed(*parts: int | str) -> int:
    """A seed that depends on these parts only, the same on every machine."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little")
