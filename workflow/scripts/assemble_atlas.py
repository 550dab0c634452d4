"""Assemble the atlas of a dataset: raw counts of its kept cells with labels, places on the map and sample facts.

Reads: every sample's counts and quality, embedding.parquet, cell_types.parquet, the sample sheet.
Writes: results/<dataset>/atlas.h5ad, and atlas_schema.tsv: what is known of each field of the CELLxGENE schema.
"""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from alscell import atlas as steps
from alscell import files, portal
from alscell.jobs import run

log = logging.getLogger(__name__)


def main(
    *,
    counts: list[str],
    quality: list[str],
    embedding: str,
    cell_types: str,
    samples: str,
    terms: str,
    current_genes: str,
    atlas: str,
    schema: str,
    dataset: str,
    citation: str,
    facts: dict[str, Any],
    integrate_by: str,
) -> None:
    """Counts go from one sample after the other straight into the file."""
    places, types = files.read_table(embedding, "embedding"), files.read_table(cell_types, "cell_types")
    ontology = files.read_gene_table(terms)
    cells = steps.describe_cells(places, types, files.read_tables(quality, "quality"), files.read_samples(samples))
    cells, of_cells = portal.portal_columns(cells, facts=facts, terms=ontology)
    used = [path for path in counts if Path(path).parent.name in set(cells["sample"])]
    genes = steps.shared_genes([files.read_genes(path) for path in used], where=samples)
    features, of_genes = portal.feature_table(genes, set(files.read_gene_table(current_genes)["gene_id"]))
    about, of_atlas = portal.facts_of_atlas(facts, ontology)
    about |= {"dataset": dataset, "simulated": facts["simulated"], **({"citation": citation} if citation else {})}
    about["X_pca"] = f"principal components, integrated by: {integrate_by}; X holds raw counts"
    frame = steps.frame_of_atlas(cells, features, places, about=about)
    in_turn = files.read_in_turn(used, cells.reset_index()[["cell", "sample"]])
    files.write_in_turn(frame, (steps.counts_of(data, genes.index) for _, data in in_turn), atlas)
    rows = pd.DataFrame([*of_cells, *of_genes, *of_atlas]).assign(dataset=dataset, schema_version=portal.SCHEMA_VERSION)
    files.write_table(rows, schema, "atlas_schema")
    log.info("%d cells x %d genes, %d columns", *frame.shape, cells.shape[1])


if __name__ == "__main__":
    run(main, snakemake)
