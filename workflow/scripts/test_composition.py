"""Test the shares of cell types between donors, in every contrast of a dataset."""

import logging

from alscell import composition, files
from alscell.jobs import run
from alscell.keys import DONOR
from alscell.pseudobulk import observations_of

LOG = logging.getLogger("alscell.test_composition")


def main(
    *,
    sums: str,
    table: str,
    donors_table: str,
    dataset: str,
    definitions: dict,
    covariates: list[str],
    min_donors: int,
    transform: str,
    fdr: float,
) -> None:
    """Read the rows of the pseudobulk, write the composition of contrasts and of donors."""
    observations = observations_of(files.read_h5ad(sums))
    counts = composition.count_cells(observations)
    donors = observations.drop_duplicates(DONOR).set_index(DONOR)
    options = {"covariates": covariates, "min_donors": min_donors, "transform": transform, "fdr": fdr}
    compared = composition.compare_composition(counts, donors, definitions, dataset=dataset, **options)
    files.write_table(compared, table, "composition")
    files.write_table(composition.donor_fractions(counts, dataset=dataset), donors_table, "composition_donors")
    LOG.info("%d contrasts, %d cell types, %d donors", len(definitions), *counts.shape)


if __name__ == "__main__":
    run(main, snakemake)
