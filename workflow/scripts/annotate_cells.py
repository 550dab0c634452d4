"""Give every cell a type: the label that came with the data, else that of its cluster by marker genes.

Reads: every sample's counts and quality, embedding.parquet, graph.npz, clusters.parquet, a marker table.
Writes: results/<dataset>/cell_types.parquet, cluster_labels.tsv, label_checks.tsv, markers.tsv.
"""

import logging
from typing import Any

from alscell import annotation as steps
from alscell.files import read_graph, read_in_turn, read_learned, read_markers, read_table, read_tables, write_table
from alscell.jobs import run
from alscell.naming import name_cells

log = logging.getLogger(__name__)


def main(
    *,
    counts: list[str],
    quality: list[str],
    embedding: str,
    graph: str,
    clusters: str,
    marker_genes: str,
    learned: list[str],
    orthologs: list[str],
    cell_types: str,
    labels: str,
    checks: str,
    markers: str,
    given: str,
    **choices: Any,
) -> None:
    """Marker genes come from one sample after the other. `given` names the labels' column in the raw data, or is ''.

    `learned`: markers from a labeled reference, instead of `marker_genes`. `choices` as in `name_cells`.
    """
    cells = read_table(embedding, "embedding")[["cell", "sample", "donor"]]
    cells = cells.merge(read_table(clusters, "clusters")[["cell", "cluster"]], on="cell", validate="1:1")
    cells = cells.merge(read_tables(quality, "quality")[["cell", "doublet_score"]], on="cell", validate="1:1")
    asked = read_learned(learned[0]) if learned else read_markers(marker_genes, orthologs)
    taken = steps.marker_values(read_in_turn(counts, cells), asked, cells["cell"], has_labels=bool(given))
    measured = steps.measured_markers(asked, taken.genes)
    if not given:
        steps.check_markers(measured, asked, example=taken.example_genes, where=learned[0] if learned else marker_genes)
    named = name_cells(cells, taken, measured, read_graph(graph), **choices)
    write_table(named.cells, cell_types, "cell_types")
    write_table(named.clusters, labels, "cluster_labels")
    write_table(named.checks, checks, "label_checks")
    types = named.cells["cell_type"]
    write_table(steps.markers_table(taken.values, taken.genes, types, measured), markers, "markers")
    few = sorted(set(asked["cell_type"]) - set(steps.usable_types(measured)))
    log.info("types not told, too few of their markers measured: %s", ", ".join(few) or "none")
    log.info("%d cells: %s", len(types), types.value_counts().to_dict())


if __name__ == "__main__":
    run(main, snakemake)
