"""Read the targets of TDP-43 one by one, and compare their index between the donors of a dataset."""

import logging
from typing import Any

from alscell import files
from alscell.gene_panel import read_genes
from alscell.jobs import run
from alscell.keys import DATASET, DONOR
from alscell.orthologs import in_mouse_symbols
from alscell.pseudobulk import observations_of
from alscell.tdp43 import Draw, compare_index, target_rows

LOG = logging.getLogger("alscell.test_tdp43")


def main(
    *,
    sums: str,
    differential: str,
    skipped: str,
    expression: str,
    targets: str,
    orthologs: list[str],
    genes: str,
    index: str,
    donors: str,
    dataset: str,
    definitions: dict,
    min_cells: int,
    fdr: float,
    n_random_sets: int,
    n_expression_bins: int,
    seed: int,
    **choices: Any,
) -> None:
    """Read the pseudobulk and its tests, write genes, index and donors. `choices` as `compare_index`."""
    data = files.read_h5ad(sums)
    observations, measured = observations_of(data), data.var_names.to_numpy(dtype=object)
    listed = files.read_samples(targets)
    if orthologs:
        listed = in_mouse_symbols(listed, files.read_gene_table(orthologs[0]), where=targets)
    tests = files.read_table(differential, "differential"), files.read_table(skipped, "differential_skipped")
    wanted = listed.set_index("gene")["direction"].sort_index()
    found = read_genes(data.X, observations, measured, wanted, definitions, *tests, min_cells=min_cells)
    values = files.read_table(expression, "expression_donors")
    people = observations.drop_duplicates(DONOR).set_index(DONOR)
    draw = Draw(n_random_sets, n_expression_bins, seed)
    table, by_donor = compare_index(values, people, listed, definitions, draw, **choices)
    rows = (target_rows(found, listed, fdr=fdr), genes, "tdp43_genes"), (table, index, "tdp43_index")
    for frame, path, name in (*rows, (by_donor, donors, "tdp43_donors")):
        files.write_table(frame.assign(**{DATASET: dataset}), path, name)
    LOG.info("%d rows of genes, %d of the index", len(found), len(table))


if __name__ == "__main__":
    run(main, snakemake)
