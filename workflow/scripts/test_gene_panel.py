"""Read the ALS genes one by one, in every cell type and contrast of a dataset."""

import logging
from typing import Any

import pandas as pd

from alscell import files
from alscell.gene_panel import evidence_of, mutated_genes, read_genes, read_over_types, with_own_gene
from alscell.jobs import run
from alscell.keys import DATASET, DONOR
from alscell.orthologs import in_mouse_symbols
from alscell.pseudobulk import observations_of

LOG = logging.getLogger("alscell.test_gene_panel")


def main(
    *,
    sums: str,
    differential: str,
    skipped: str,
    expression: str,
    gene_sets: list[str],
    orthologs: list[str],
    table: str,
    dataset: str,
    definitions: dict,
    min_cells: int,
    **choices: Any,
) -> None:
    """Read the pseudobulk and its tests, write one row a gene, cell type and contrast. `choices`: `read_over_types`."""
    data = files.read_h5ad(sums)
    observations, measured = observations_of(data), data.var_names.to_numpy(dtype=object)
    stated = [definition.get("gene", "") for definition in definitions.values()]
    listed = files.read_gene_sets(gene_sets, ["als_genes"] * len(gene_sets))
    if orthologs:
        listed = in_mouse_symbols(listed, files.read_gene_table(orthologs[0]), where="the ALS genes")
    wanted = evidence_of(listed, stated)
    mutated = mutated_genes(definitions, observations, list(wanted.index))
    tests = files.read_table(differential, "differential"), files.read_table(skipped, "differential_skipped")
    found = read_genes(data.X, observations, measured, wanted, definitions, *tests, min_cells=min_cells)
    values, people = files.read_table(expression, "expression_donors"), observations.drop_duplicates(DONOR)
    own = sorted(set(mutated.values()) & set(wanted.index))
    over = read_over_types(values, people.set_index(DONOR), wanted, own, definitions, **choices)
    out = with_own_gene(pd.concat([found, over], ignore_index=True) if len(over) else found, mutated)
    files.write_table(out.assign(**{DATASET: dataset}), table, "gene_panel")
    LOG.info("%d rows: %s; mutated: %s", len(out), found["status"].value_counts().sort_index().to_dict(), mutated)


if __name__ == "__main__":
    run(main, snakemake)
