"""Assemble the atlas of a dataset: raw counts of its kept cells with labels, places on the map and sample facts.

Reads: every sample's counts and quality, embedding.parquet, cell_types.parquet, the sample sheet.
Writes: results/<dataset>/atlas.h5ad.
"""

import logging
from pathlib import Path

from alscell import atlas as steps
from alscell.files import read_genes, read_in_turn, read_samples, read_table, read_tables, write_in_turn
from alscell.jobs import run

log = logging.getLogger(__name__)


def main(
    *,
    counts: list[str],
    quality: list[str],
    embedding: str,
    cell_types: str,
    samples: str,
    atlas: str,
    dataset: str,
    title: str,
    citation: str,
    organism: str,
    tissue: str,
    assay: str,
    simulated: bool,
    integrate_by: str,
) -> None:
    """Counts go from one sample after the other straight into the file."""
    places = read_table(embedding, "embedding")
    types, metrics = read_table(cell_types, "cell_types"), read_tables(quality, "quality")
    cells = steps.describe_cells(places, types, metrics, read_samples(samples))
    cells = steps.portal_columns(cells, organism=organism, assay=assay, tissue=tissue)
    used = [path for path in counts if Path(path).parent.name in set(cells["sample"])]
    genes = steps.shared_genes([read_genes(path) for path in used], where=samples)
    about = {"dataset": dataset, "title": title, "citation": citation, "simulated": simulated}
    about["X_pca"] = f"principal components, integrated by: {integrate_by}; X holds raw counts"
    frame = steps.frame_of_atlas(cells, genes, places, about=about)
    in_turn = read_in_turn(used, cells.reset_index()[["cell", "sample"]])
    write_in_turn(frame, (steps.counts_of(data, genes.index) for _, data in in_turn), atlas)
    log.info("%d cells x %d genes, %d columns", *frame.shape, cells.shape[1])


if __name__ == "__main__":
    run(main, snakemake)
