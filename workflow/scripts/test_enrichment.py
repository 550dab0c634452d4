"""Test gene sets on the differential statistics of every cell type of one contrast."""

import logging

from alscell import enrichment, files
from alscell.jobs import run
from alscell.pathways import check_overlap
from alscell.pseudobulk import observations_of

LOG = logging.getLogger("alscell.test_enrichment")


def main(
    *,
    sums: str,
    differential: str,
    gene_sets: list[str],
    set_kinds: str,
    orthologs: list[str],
    table: str,
    dataset: str,
    contrast: str,
    definition: dict,
    covariates: list[str],
    method: str,
    min_cells: int,
    min_donors: int,
    min_count: float,
    min_total_count: float,
    permutations: int,
    seed: int,
    min_size: int,
    max_size: int,
) -> None:
    """Read pseudobulk, differential table and gene sets; write the enrichment table."""
    data = files.read_h5ad(sums)
    genes = data.var_names.to_numpy(dtype=object)
    sets = enrichment.sets_to_test(files.read_gene_sets(gene_sets, orthologs), files.read_samples(set_kinds))
    check_overlap(sets, genes, where=f"gene sets for '{dataset}'")
    choice = {**definition, "covariates": covariates, "min_cells": min_cells, "min_donors": min_donors}
    scores = {"permutations": permutations, "seed": seed, "min_size": min_size, "max_size": max_size}
    limits = {"method": method, "min_count": min_count, "min_total_count": min_total_count}
    enriched = enrichment.enrich_contrast(
        data.X,
        observations_of(data),
        genes,
        files.read_table(differential, "differential"),
        sets,
        dataset=dataset,
        contrast=contrast,
        **scores,
        **limits,
        **choice,
    )
    files.write_table(enriched, table, "enrichment")
    LOG.info("%d cell types, %d rows", enriched["cell_type"].nunique(), len(enriched))


if __name__ == "__main__":
    run(main, snakemake)
