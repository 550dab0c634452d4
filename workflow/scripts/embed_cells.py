"""Map the kept cells of a dataset: variable genes, principal components, integration, graph of neighbors, UMAP.

Reads: every sample's counts, quality and quality_limits.tsv (not the gathered one, which a new condition changes).
Writes: results/<dataset>/embedding.parquet, graph.npz (in the same order of cells).
"""

import logging
from pathlib import Path

import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from alscell import embedding as steps
from alscell.files import read_in_turn, read_table, read_tables, write_graph, write_table
from alscell.jobs import run
from alscell.neighbors import connectivities, nearest_neighbors, umap_layout

log = logging.getLogger(__name__)


def main(
    *,
    counts: list[str],
    quality: list[str],
    limits: list[str],
    samples: dict[str, dict[str, str]],
    embedding: str,
    graph: str,
    seed: int,
    n_top_genes: int,
    n_components: int,
    integrate_by: str,
    n_neighbors: int,
    min_dist: float,
) -> None:
    """Samples are read twice, one after the other: for the statistics of their genes, then for the variable genes."""
    tables = {Path(path).parent.name: read_table(path, "quality") for path in quality}
    ok = read_tables(limits, "quality_limits")
    cells = steps.usable_cells(tables, ok, samples, integrate_by=integrate_by)
    with threadpool_limits(limits=1):  # the same bytes on any number of cores
        variances = {name: steps.standardized_variance(data) for name, data in read_in_turn(counts, cells)}
        common = steps.common_genes(variances, where=str(Path(embedding).parent))
        genes = steps.variable_genes(common, n_top_genes=n_top_genes)
        values = sp.vstack([steps.log_normalize(data, genes=genes) for _, data in read_in_turn(counts, cells)], "csr")
        components = steps.principal_components(values, n_components=n_components)
        order = cells["cell"].argsort()
        cells, components = cells.iloc[order], components[order]
        components = steps.integrate(components, cells["group"].to_numpy(), seed=seed)
        weights = connectivities(*nearest_neighbors(components, n_neighbors=n_neighbors, seed=seed))
        layout = umap_layout(weights, components, min_dist=min_dist, seed=seed)
    write_table(steps.embedding_table(cells, components, layout), embedding, "embedding")
    write_graph(weights, graph)
    counted = (len(cells), len(variances), len(common), max(map(len, variances.values())), len(genes))
    log.info("%d cells of %d samples; %d of up to %d genes are in all samples, %d of them variable", *counted)


if __name__ == "__main__":
    run(main, snakemake)
