"""Marker genes learned from labeled cells, so that the labels of a reference can be given to other cells.

A label is carried over by the genes that tell it from every other label of the reference; the cells are then named as
with a shipped marker table: by clusters, with an unassigned class. That is coarser than a classifier, but every name
rests on genes that can be read, and a type that the reference lacks stays unassigned.
"""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from alscell.annotation import MIN_MARKERS
from alscell.cell_classes import NEURON, cell_class
from alscell.counts import Counts, given_labels
from alscell.embedding import log_normalize
from alscell.errors import InputError
from alscell.keys import CELL_TYPE, GENE, N_CELLS, UNASSIGNED

COLUMNS = [CELL_TYPE, "parent", GENE, "level", "next_level", N_CELLS]

N_GENES = 20  # ASSUME: markers of a label; more add genes that other labels have, too
MIN_CELLS = 20  # of a label, for means of genes that are seldom counted
MIN_EXPRESSING = 0.25  # ASSUME: share of a label's cells with a count of the gene; a rarer gene is missed in new cells
MIN_FOLD = 2.0  # UNIT: ratio of the means of log1p(counts per 10,000), own label over the next
MIN_LEVEL = 0.5  # ASSUME: mean over the markers of their value in a cluster over that in the reference, each at most 1
MAX_CELLS = 2_000  # of a label that are read; means do not get better with more

log = logging.getLogger(__name__)


def learn_labels(counts: Counts, *, where: str) -> pd.DataFrame:
    """`learn_markers` of a labeled reference as `counts.check_counts` gives it; blank labels count as none.

    Raises
    ------
    InputError
        If the markers of no label are enough to tell it.
    """
    labels = given_labels(pd.Series(counts.cell_types)).to_numpy(dtype=object)
    genes = counts.genes.astype(str)
    reference = AnnData(counts.matrix, var=pd.DataFrame(index=pd.Index(genes)))
    learned = learn_markers(log_normalize(reference, genes=genes.tolist()), genes, labels)
    told = learned[CELL_TYPE].value_counts()
    lacking = sorted(set(labels) - {UNASSIGNED} - set(told.index[told >= MIN_MARKERS]))
    if lacking:
        log.warning("labels that too few genes tell from the others, or of too few cells: %s", ", ".join(lacking))
    if not (told >= MIN_MARKERS).any():
        found = f"{len(set(labels) - {UNASSIGNED})} labels, none with {MIN_MARKERS} genes of its own"
        expected = f"two or more cell types, each of {MIN_CELLS} cells or more"
        raise InputError(where, found=found, expected=expected, mend="Check `labels_from.cell_type` in dataset.yaml.")
    return learned


def learn_markers(values: sp.csr_matrix, genes: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """The genes that tell each label from all others, the clearest first.

    Parameters
    ----------
    values : csr_matrix, cells x genes
        log1p(counts per 10,000).
    genes : ndarray (genes,)
    labels : ndarray (cells,)
        `unassigned` is no label.

    Returns
    -------
    DataFrame
        Columns of the table "learned_markers". Labels of fewer than 20 cells have no rows.
    """
    names, sizes = np.unique(labels[labels != UNASSIGNED].astype(str), return_counts=True)
    names = names[sizes >= MIN_CELLS]
    member = sp.csr_matrix(np.array([labels == name for name in names], dtype=np.float64).reshape(len(names), -1))
    n_cells = np.asarray(member.sum(axis=1))
    means = np.asarray((member @ values).todense()) / n_cells
    share = np.asarray((member @ (values > 0)).todense()) / n_cells
    parts = []
    for own, name in enumerate(names):
        others = np.delete(means, own, axis=0).max(axis=0, initial=0.0)
        clear = (share[own] >= MIN_EXPRESSING) & (means[own] >= MIN_FOLD * others)
        order = np.flatnonzero(clear)[np.argsort(others[clear] - means[own, clear], kind="stable")][:N_GENES]
        parent = NEURON if cell_class(name, names={}) == NEURON and name != NEURON else ""
        columns = {CELL_TYPE: name, "parent": parent, GENE: genes[order]}
        levels = {"level": means[own, order], "next_level": others[order], N_CELLS: sizes[sizes >= MIN_CELLS][own]}
        parts.append(pd.DataFrame(columns | levels))
    return pd.concat([pd.DataFrame(columns=COLUMNS), *parts], ignore_index=True)


def below_reference(
    labels: pd.DataFrame, clusters: np.ndarray, values: sp.csr_matrix, genes: list[str], markers: pd.DataFrame
) -> np.ndarray:
    """Whether each named cluster has less of its label's markers than half of what the reference has.

    A type that the reference lacks shares some markers with its nearest kin there (monocytes the MHC class II genes of
    B cells) and lacks the others.

    Parameters
    ----------
    labels : DataFrame
        Table "cluster_labels".
    clusters : ndarray (cells,)
    values : csr_matrix, cells x genes
        log1p(counts per 10,000).
    genes : list of str
        Columns of `values`.
    markers : DataFrame
        From `learn_markers`, the measured ones.

    Returns
    -------
    ndarray of bool, one a row of `labels`; False for unassigned ones and for families.
    """
    column = {gene: number for number, gene in enumerate(genes)}
    below = []
    for row in labels.to_dict("records"):
        own = markers[markers[CELL_TYPE] == row[CELL_TYPE]]
        means = np.asarray(values[clusters == row["cluster"]].mean(axis=0)).ravel()
        level = np.minimum(means[[column[gene] for gene in own[GENE]]] / own["level"].to_numpy(), 1.0)
        below.append(len(own) > 0 and level.mean() < MIN_LEVEL)
    return np.array(below, dtype=bool)
