"""Give every cell a type: the label that came with the data, else that of its cluster by marker genes.

Reads: every sample's counts and quality, embedding.parquet, graph.npz, clusters.parquet, a marker table.
Writes: results/<dataset>/cell_types.parquet, cluster_labels.tsv, label_checks.tsv, markers.tsv.
"""

import logging

from alscell import annotation as steps
from alscell.files import read_graph, read_in_turn, read_markers, read_table, read_tables, write_table
from alscell.jobs import run
from alscell.label_checks import check_labels
from alscell.refinement import refine_types

log = logging.getLogger(__name__)


def main(
    *,
    counts: list[str],
    quality: list[str],
    embedding: str,
    graph: str,
    clusters: str,
    marker_genes: str,
    orthologs: list[str],
    cell_types: str,
    labels: str,
    checks: str,
    markers: str,
    given: str,
    refine: list[str],
    seed: int,
    **limits: float,
) -> None:
    """Marker genes come from one sample after the other. `given` names the labels' column in the raw data, or is ''.

    `limits`: min_score and min_margin.
    """
    cells = read_table(embedding, "embedding")[["cell", "sample", "donor"]]
    cells = cells.merge(read_table(clusters, "clusters")[["cell", "cluster"]], on="cell", validate="1:1")
    cells = cells.merge(read_tables(quality, "quality")[["cell", "doublet_score"]], on="cell", validate="1:1")
    asked = read_markers(marker_genes, orthologs)
    taken = steps.marker_values(read_in_turn(counts, cells), asked, cells["cell"], has_labels=bool(given))
    measured = steps.measured_markers(asked, taken.genes)
    parents, graph_of_cells = steps.parents_of(measured), read_graph(graph)
    shares = steps.marker_shares(steps.smooth(taken.values, graph_of_cells))
    by_cell, of_clusters = steps.score_types(shares, taken.genes, measured), None
    if given:
        cells = cells.assign(given=taken.given)
    else:
        steps.check_markers(measured, asked, example=taken.example_genes, where=marker_genes)
        of_clusters = steps.cluster_scores(by_cell, cells["cluster"].to_numpy())
    named = steps.label_clusters(cells, of_clusters, parents, **limits)
    typed = steps.cell_types_table(cells, named)
    if not given:
        args = typed["cell_type"], cells["cluster"].to_numpy(), shares, taken.genes, measured, graph_of_cells
        typed = steps.rename_cells(typed, refine_types(*args, branches=refine, seed=seed, **limits))
    checked = check_labels(typed["cell_type"], by_cell, parents, min_margin=limits["min_margin"])
    write_table(checked, checks, "label_checks")
    write_table(typed, cell_types, "cell_types")
    write_table(named, labels, "cluster_labels")
    write_table(steps.markers_table(taken.values, taken.genes, typed["cell_type"], measured), markers, "markers")
    few = sorted(set(asked["cell_type"]) - set(steps.usable_types(measured)))
    log.info("types not told, too few of their markers measured: %s", ", ".join(few) or "none")
    log.info("%d cells: %s", len(typed), typed["cell_type"].value_counts().to_dict())


if __name__ == "__main__":
    run(main, snakemake)
