"""From marker genes to named cells: labels of clusters, rare types within them, and labels held against markers."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import scipy.sparse as sp

from alscell import annotation as steps
from alscell.keys import CELL_TYPE, UNASSIGNED
from alscell.label_checks import check_labels
from alscell.label_transfer import below_reference
from alscell.refinement import refine_types


@dataclass(frozen=True)
class Named:
    """Tables "cell_types", "cluster_labels" and "label_checks" of a dataset."""

    cells: pd.DataFrame
    clusters: pd.DataFrame
    checks: pd.DataFrame


def name_cells(
    cells: pd.DataFrame,
    taken: steps.MarkerValues,
    markers: pd.DataFrame,
    graph: sp.csr_matrix,
    *,
    refine: list[str],
    seed: int,
    min_score: float,
    min_margin: float,
) -> Named:
    """Every cell with the label that came with the data; without labels, that of its cluster, or one of its own.

    Parameters
    ----------
    cells : DataFrame
        Columns cell, cluster, donor, doublet_score.
    taken : MarkerValues
        Of the same cells.
    markers : DataFrame
        The measured ones, from `annotation.measured_markers`; with a column `level` those of a reference.
    graph : csr_matrix, cells x cells
        Neighbors.
    refine : list of str
        Branches, as in `refinement.refine_types`.
    seed : int
        Of the refinement.
    min_score, min_margin : float
        As in `annotation.choose_label`.
    """
    limits = {"min_score": min_score, "min_margin": min_margin}
    parents, clusters = steps.parents_of(markers), cells["cluster"].to_numpy()
    shares = steps.marker_shares(steps.smooth(taken.values, graph))
    by_cell = steps.score_types(shares, taken.genes, markers)
    if taken.given is not None:
        cells = cells.assign(given=taken.given)
        named = steps.label_clusters(cells, None, parents, **limits)
        typed = steps.cell_types_table(cells, named)
    else:
        named = steps.label_clusters(cells, steps.cluster_scores(by_cell, clusters), parents, **limits)
        if "level" in markers:
            below = below_reference(named, clusters, taken.values, taken.genes, markers)
            named.loc[below, CELL_TYPE] = UNASSIGNED
            named.loc[below, "flags"] = [
                ";".join(filter(None, (flags, "below_reference"))) for flags in named.loc[below, "flags"]
            ]
        typed = steps.cell_types_table(cells, named)
        found = refine_types(
            typed[CELL_TYPE], clusters, shares, taken.genes, markers, graph, branches=refine, seed=seed, **limits
        )
        typed = steps.rename_cells(typed, found)
    return Named(typed, named, check_labels(typed[CELL_TYPE], by_cell, parents, min_margin=min_margin))
