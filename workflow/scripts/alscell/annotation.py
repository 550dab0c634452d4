"""Cell types of clusters: by marker genes, with an unassigned class, or from labels that came with the data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from alscell.counts import given_labels
from alscell.embedding import log_normalize
from alscell.errors import InputError
from alscell.keys import CELL, CELL_TYPE, DONOR, GENE, UNASSIGNED

if TYPE_CHECKING:
    from anndata import AnnData

MIN_MARKERS = 3  # ASSUME: fewer measured markers do not tell a type from its neighbors
N_REFERENCE = 20  # cells: a gene's reference is its mean over the cells that express it most
MIN_REFERENCE = 0.2  # UNIT: log1p(counts per 10,000): markers lower than this everywhere are no evidence
ONE_DONOR = 0.9  # share of a cluster's cells in one donor, from which the cluster is flagged
DOUBLET_QUANTILE = 0.9  # a cluster is flagged if its median doublet score is above this quantile of all cells


@dataclass(frozen=True)
class MarkerValues:
    """Marker genes of all cells of a dataset.

    Parameters
    ----------
    values : csr_matrix, cells x genes
        log1p(counts per 10,000).
    genes : list of str
        Marker genes that every sample has.
    given : Series or None
        Labels that came with the data, one a cell; blank ones unassigned.
    example_genes : list of str
        Some genes of the data, for messages.
    """

    values: sp.csr_matrix
    genes: list[str]
    given: pd.Series | None
    example_genes: list[str]


def marker_values(
    samples: Iterable[tuple[str, AnnData]], markers: pd.DataFrame, cells: pd.Series, *, has_labels: bool
) -> MarkerValues:
    """Marker genes and given labels, gathered from one sample after the other.

    Parameters
    ----------
    samples : iterable of (name, AnnData)
        Raw counts.
    markers : DataFrame
        Column gene.
    cells : Series
        Cell ids; the order of the result.
    has_labels : bool
        Labels came with the data, in obs['cell_type'].

    Raises
    ------
    KeyError
        If a sample lacks a cell or, where it should have them, its labels.
    """
    wanted = list(dict.fromkeys(markers[GENE]))
    parts, names, labels, example = [], [], [], []
    for _, data in samples:
        example = example or data.var_names[:3].tolist()
        present = [gene for gene in wanted if gene in data.var_names]
        parts.append((log_normalize(data, genes=present), present))
        names.append(data.obs_names.to_numpy(dtype=object))
        if has_labels:
            labels.append(given_labels(data.obs[CELL_TYPE]))
    common = [gene for gene in wanted if all(gene in present for _, present in parts)]
    stacked = sp.vstack([values[:, [present.index(gene) for gene in common]] for values, present in parts], "csr")
    order = pd.Series(np.arange(stacked.shape[0]), index=np.concatenate(names)).loc[cells].to_numpy()
    given = pd.concat(labels).loc[cells].reset_index(drop=True) if has_labels else None
    return MarkerValues(stacked[order], common, given, example)


def measured_markers(markers: pd.DataFrame, genes: list[str]) -> pd.DataFrame:
    """Rows of a marker table whose gene is measured, each once."""
    rows = markers.drop_duplicates([CELL_TYPE, GENE])
    return rows[rows[GENE].isin(genes)].reset_index(drop=True)


def check_markers(measured: pd.DataFrame, markers: pd.DataFrame, *, example: list[str], where: str) -> None:
    """Stop if no type has enough measured markers to be told.

    Raises
    ------
    InputError
        Names examples from the marker file and from the counts.
    """
    if usable_types(measured):
        return
    raise InputError(
        where,
        found=f"{len(measured)} measured genes of {len(markers)}, e.g. {', '.join(markers[GENE].head(3))}",
        expected=f"{MIN_MARKERS} or more a cell type, named as in the counts, e.g. {', '.join(example)}",
        mend="Check 'organism', 'symbol' and 'markers' in dataset.yaml.",
    )


def usable_types(markers: pd.DataFrame) -> list[str]:
    """Types with at least 3 measured markers, in the order of the table."""
    counted = markers.groupby(CELL_TYPE, sort=False).size()
    return counted.index[counted >= MIN_MARKERS].tolist()


def smooth(values: sp.csr_matrix, graph: sp.csr_matrix) -> np.ndarray:
    """Values of every cell, averaged with its neighbors in the graph by their weights (its own weight is 1).

    One nucleus shows few of its markers; it and its neighbors together show most of them.
    """
    weights = sp.csr_matrix(graph + sp.identity(graph.shape[0], dtype=graph.dtype))
    weights = sp.diags(1 / np.asarray(weights.sum(axis=1)).ravel()) @ weights
    return np.asarray((weights @ values).todense())


def marker_shares(smoothed: np.ndarray) -> np.ndarray:
    """How high each marker is in each cell, 0..1: its value over the mean of the 20 cells that are highest in it.

    The reference comes from the cells, not from the clusters: a gene that only a part of a cluster expresses is then
    not taken for a marker of the whole of it.

    Parameters
    ----------
    smoothed : array, cells x genes
        Log-normalized values, averaged over neighbors.
    """
    top = np.partition(smoothed, max(0, len(smoothed) - N_REFERENCE), axis=0)[-N_REFERENCE:]
    return np.minimum(smoothed / np.maximum(top.mean(axis=0), MIN_REFERENCE), 1.0)


def score_types(shares: np.ndarray, genes: list[str], markers: pd.DataFrame) -> pd.DataFrame:
    """How much each cell looks like each type: cells x types, 0..1.

    Parameters
    ----------
    shares : array, cells x genes
        From `marker_shares`.
    genes : list of str
        Its columns.
    markers : DataFrame
        Columns cell_type, gene; all measured.

    Returns
    -------
    DataFrame
        Mean of a type's shares. A gene that marks k types weighs 1/k.
    """
    weight = 1 / markers.groupby(GENE)[CELL_TYPE].nunique()
    column = {gene: number for number, gene in enumerate(genes)}
    scores = {}
    for name in usable_types(markers):
        own = markers.loc[markers[CELL_TYPE] == name, GENE]
        scores[name] = shares[:, [column[gene] for gene in own]] @ (weight[own] / weight[own].sum()).to_numpy()
    return pd.DataFrame(scores, index=range(len(shares)))


def cluster_scores(scores: pd.DataFrame, clusters: np.ndarray) -> pd.DataFrame:
    """Scores of clusters: clusters x types, 0..1.

    Every cell counts for the one type that it looks most like, with its score for that type; the cluster's score of
    a type is the mean over all of its cells. It is high only where most cells look like that type, and look so much.
    """
    values = scores.to_numpy()
    best = values.argmax(axis=1)
    votes = np.zeros_like(values)
    rows = np.arange(len(values))
    votes[rows, best] = values[rows, best]
    return pd.DataFrame(votes, columns=scores.columns).groupby(np.asarray(clusters)).mean()


def parents_of(markers: pd.DataFrame) -> dict[str, str]:
    """Cell type -> its wider type, of those that have one; `markers` from `files.read_markers`."""
    rows = markers[markers["parent"] != ""].drop_duplicates(CELL_TYPE)
    return dict(rows[[CELL_TYPE, "parent"]].to_numpy())


def choose_label(scores: pd.Series, parents: dict[str, str], *, min_score: float, min_margin: float) -> dict:
    """Label of one cluster from its scores.

    Families (a wider type with its children) are compared first, by the sum of their members' scores. Inside the best
    family the best member gives the label, if it is clear of the others; else the family does (`neuron` for mixed
    neurons).

    Parameters
    ----------
    scores : Series
        Of each type.
    parents : dict
        From `parents_of`.
    min_score, min_margin : float
        Below, a cluster stays unassigned.

    Returns
    -------
    dict
        cell_type, score, margin (to the next type, or to the next family for a family's label), next_type (the
        strongest type apart from the label), low_margin (too close to another type to be named, though strong enough).
    """
    ordered = scores.sort_values(ascending=False, kind="stable")
    family = pd.Series({name: parents.get(name, name) for name in ordered.index})
    totals = ordered.groupby(family.to_numpy(), sort=False).sum().sort_values(ascending=False, kind="stable")
    family_margin = totals.iloc[0] - (totals.iloc[1] if len(totals) > 1 else 0.0)
    members = ordered[(family == totals.index[0]).to_numpy()]
    best = members.index[0]
    margin = members.iloc[0] - ordered.drop(best).max() if len(ordered) > 1 else members.iloc[0]
    clear_family = totals.iloc[0] >= min_score and family_margin >= min_margin
    if clear_family and members.iloc[0] >= min_score and margin >= min_margin:
        label, score, too_close = best, members.iloc[0], False
    elif clear_family and len(members) > 1:
        label, score, margin, too_close = totals.index[0], totals.iloc[0], family_margin, True
    else:
        label, score, too_close = UNASSIGNED, ordered.iloc[0], totals.iloc[0] >= min_score
        margin = score - ordered.iloc[1:2].sum()
    others = ordered[ordered > 0].drop(label, errors="ignore")
    next_type = others.index[0] if len(others) else None
    return {CELL_TYPE: label, "score": score, "margin": margin, "next_type": next_type, "low_margin": too_close}


def majority_label(labels: pd.Series) -> dict:
    """Most frequent given label of one cluster; the score is its share, the margin that to the next label."""
    shares = labels.value_counts(normalize=True).sort_index().sort_values(ascending=False, kind="stable")
    second = shares.iloc[1] if len(shares) > 1 else 0.0
    return {
        CELL_TYPE: shares.index[0],
        "score": shares.iloc[0],
        "margin": shares.iloc[0] - second,
        "next_type": shares.index[1] if len(shares) > 1 else None,
        "low_margin": False,
    }


def label_clusters(
    cells: pd.DataFrame,
    scores: pd.DataFrame | None,
    parents: dict[str, str],
    *,
    min_score: float,
    min_margin: float,
) -> pd.DataFrame:
    """The table `cluster_labels`.

    Parameters
    ----------
    cells : DataFrame
        Columns cluster, donor, doublet_score and, where `scores` is None, given (labels that came with the data).
    scores : DataFrame or None
        Clusters x types, from `cluster_scores`.
    parents : dict
        From `parents_of`.
    min_score, min_margin : float
        Below, a cluster stays unassigned.
    """
    limit = cells["doublet_score"].quantile(DOUBLET_QUANTILE)
    one_donor_possible = cells[DONOR].nunique() > 1
    rows = []
    for cluster, group in cells.groupby("cluster", sort=True):
        if scores is None:
            label = majority_label(group["given"])
        else:
            label = choose_label(scores.loc[cluster], parents, min_score=min_score, min_margin=min_margin)
        donors = group[DONOR].value_counts(normalize=True)
        flags = {
            "one_donor": one_donor_possible and donors.iloc[0] > ONE_DONOR,
            "low_margin": label.pop("low_margin"),
            "high_doublet_score": group["doublet_score"].median() > limit,
        }
        row = {"cluster": cluster, **label, "n_cells": len(group), "n_donors": len(donors)}
        named = ";".join(name for name, is_set in flags.items() if is_set)
        rows.append({**row, "top_donor_fraction": donors.iloc[0], "flags": named or None})
    return pd.DataFrame(rows)


def cell_types_table(cells: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The table `cell_types`: every cell with its given label, or that of its cluster.

    Parameters
    ----------
    cells : DataFrame
        Columns cell, cluster, and given where labels came with the data.
    labels : DataFrame
        Table `cluster_labels`.
    """
    if "given" in cells:
        new = {CELL_TYPE: cells["given"], "score": np.nan, "margin": np.nan, "source": "given"}
        return cells[[CELL, "cluster"]].assign(**new)
    chosen = labels[["cluster", CELL_TYPE, "score", "margin"]]
    return cells[[CELL, "cluster"]].merge(chosen, on="cluster", how="left").assign(source="markers")


def rename_cells(typed: pd.DataFrame, refined: pd.DataFrame) -> pd.DataFrame:
    """The table `cell_types` with the cells that `refinement.refine_types` renamed; their source says so."""
    out = typed.copy()
    for name in (CELL_TYPE, "score", "margin"):
        out.loc[refined.index, name] = refined[name]
    out.loc[refined.index, "source"] = "refined"
    return out


def markers_table(values: sp.csr_matrix, genes: list[str], types: pd.Series, markers: pd.DataFrame) -> pd.DataFrame:
    """The table `markers`: mean and share of expressing cells of every marker gene in every cell type.

    Parameters
    ----------
    values : csr_matrix, cells x genes
        log1p(counts per 10,000).
    genes : list of str
        Its columns.
    types : Series, cells
        Cell types.
    markers : DataFrame
        Columns cell_type, gene.
    """
    names, codes = np.unique(types.to_numpy(dtype=object).astype(str), return_inverse=True)
    member = sp.csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=(len(names), len(codes)))
    sizes = np.bincount(codes)[:, None]
    mean = np.asarray((member @ values).todense()) / sizes
    fraction = np.asarray((member @ (values > 0)).todense()) / sizes
    marks = markers.groupby(GENE)[CELL_TYPE].agg(";".join)
    rows = pd.MultiIndex.from_product([names, genes], names=[CELL_TYPE, GENE]).to_frame(index=False)
    return rows.assign(mean=mean.ravel(), fraction=fraction.ravel(), marker_of=rows[GENE].map(marks))
