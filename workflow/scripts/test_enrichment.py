"""Test gene sets on the differential statistics of every cell type and contrast of a dataset."""

import logging
from typing import Any

from alscell import enrichment, files
from alscell.expression import Choices
from alscell.jobs import run
from alscell.pathways import check_overlap
from alscell.pseudobulk import observations_of

LOG = logging.getLogger("alscell.test_enrichment")


def main(
    *,
    sums: str,
    members: str,
    sets: str,
    orthologs: list[str],
    table: str,
    dataset: str,
    definitions: dict,
    covariates: list[str],
    min_cells: int,
    min_donors: int,
    choices: dict[str, Any],
    permutations: int,
    seed: int,
    min_size: int,
    max_size: int,
) -> None:
    """Read pseudobulk and gene sets; write the enrichment table."""
    data = files.read_h5ad(sums)
    genes = data.var_names.to_numpy(dtype=object)
    tested = enrichment.sets_to_test(files.read_members(members, orthologs), files.read_table(sets, "gene_sets"))
    check_overlap(tested, genes, where=f"gene sets for '{dataset}'")
    enriched = enrichment.enrich_dataset(
        data.X,
        observations_of(data),
        genes,
        tested,
        definitions,
        Choices(**choices),
        dataset=dataset,
        covariates=covariates,
        min_cells=min_cells,
        min_donors=min_donors,
        permutations=permutations,
        seed=seed,
        min_size=min_size,
        max_size=max_size,
    )
    files.write_table(enriched, table, "enrichment")
    LOG.info("%d cell types, %d rows", enriched["cell_type"].nunique(), len(enriched))


if __name__ == "__main__":
    run(main, snakemake)
