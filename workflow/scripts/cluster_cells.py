"""Cluster the cells of a dataset at several resolutions and choose the finest one that is stable.

Reads: embedding.parquet, graph.npz.
Writes: results/<dataset>/clusters.parquet, cluster_stability.tsv.
"""

import logging

from alscell import clusters as steps
from alscell.files import read_graph, read_table, write_table
from alscell.jobs import run

log = logging.getLogger(__name__)


def main(
    *,
    embedding: str,
    graph: str,
    clusters: str,
    stability: str,
    seed: int,
    resolutions: list[float],
    n_subsamples: int,
    subsample_fraction: float,
    min_stability: float,
) -> None:
    """Cluster all cells, then random parts of them, and compare."""
    cells = read_table(embedding, "embedding")["cell"]
    whole = steps.make_graph(read_graph(graph))
    found = steps.cluster_resolutions(whole, resolutions=resolutions, seed=seed)
    agreement = steps.stability(
        whole, found, n_subsamples=n_subsamples, subsample_fraction=subsample_fraction, seed=seed
    )
    table = steps.stability_table(found, agreement, min_stability=min_stability)
    chosen = table.loc[table["chosen"]].iloc[0]
    write_table(steps.clusters_table(cells, found, chosen=chosen["resolution"]), clusters, "clusters")
    write_table(table, stability, "cluster_stability")
    log.info("%d cells, resolution %g: %d clusters, stability %.2f", len(cells), *chosen.iloc[:3])
    if chosen["stability"] < min_stability:
        log.warning("no resolution reaches the stability %g; the most stable one was taken", min_stability)


if __name__ == "__main__":
    run(main, snakemake)
