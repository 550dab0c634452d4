"""Test every gene between donors, in every cell type and contrast of a dataset."""

import logging
from typing import Any

from alscell import files
from alscell.expression import Choices, compare_donors, donor_expression
from alscell.jobs import run
from alscell.pseudobulk import observations_of

LOG = logging.getLogger("alscell.test_differential")


def main(
    *,
    sums: str,
    table: str,
    text_table: str,
    skipped: str,
    power: str,
    donors_table: str,
    dataset: str,
    definitions: dict,
    covariates: list[str],
    min_cells: int,
    min_donors: int,
    choices: dict[str, Any],
) -> None:
    """Read the pseudobulk; write the tests, what was skipped, what could have been found, and donors' expression."""
    data = files.read_h5ad(sums)
    genes, observations = data.var_names.to_numpy(dtype=object), observations_of(data)
    found = compare_donors(
        data.X,
        observations,
        genes,
        definitions,
        Choices(**choices),
        dataset=dataset,
        covariates=covariates,
        min_cells=min_cells,
        min_donors=min_donors,
    )
    expression = donor_expression(data.X, observations, genes, found.table, min_cells=min_cells)
    for path in (table, text_table):
        files.write_table(found.table, path, "differential")
    files.write_table(found.skipped, skipped, "differential_skipped")
    files.write_table(found.power, power, "differential_power")
    files.write_table(expression, donors_table, "expression_donors")
    LOG.info("%d rows of %d contrasts, %d skipped", len(found.table), len(definitions), len(found.skipped))


if __name__ == "__main__":
    run(main, snakemake)
