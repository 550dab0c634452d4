"""Compare ligands in one cell type and receptors in another between the donors of a dataset."""

import logging
from typing import Any

from alscell import files
from alscell.jobs import run
from alscell.keys import DATASET, DONOR
from alscell.ligand_receptor import compare_pairs, in_mouse_pairs
from alscell.pseudobulk import observations_of

LOG = logging.getLogger("alscell.test_ligand_receptor")


def main(
    *,
    sums: str,
    differential: str,
    expression: str,
    pairs: str,
    orthologs: list[str],
    table: str,
    dataset: str,
    definitions: dict,
    **choices: Any,
) -> None:
    """Read expression and tests, write one row a pair, two cell types and contrast. `choices` as `compare_pairs`."""
    data = files.read_h5ad(sums)
    listed = files.read_samples(pairs)
    if orthologs:
        listed = in_mouse_pairs(listed, files.read_gene_table(orthologs[0]), where=pairs)
    found = compare_pairs(
        files.read_table(expression, "expression_donors"),
        files.read_table(differential, "differential"),
        observations_of(data).drop_duplicates(DONOR).set_index(DONOR),
        listed,
        list(data.var_names),
        definitions,
        **choices,
    )
    files.write_table(found.assign(**{DATASET: dataset}), table, "ligand_receptor")
    LOG.info("%d rows: %s", len(found), found["status"].value_counts().sort_index().to_dict())


if __name__ == "__main__":
    run(main, snakemake)
