"""Test every gene between donors, in every cell type of one contrast."""

import logging

from alscell import files
from alscell.expression import compare_donors
from alscell.jobs import run
from alscell.pseudobulk import observations_of

LOG = logging.getLogger("alscell.test_differential")


def main(
    *,
    sums: str,
    table: str,
    skipped: str,
    dataset: str,
    contrast: str,
    definition: dict,
    covariates: list[str],
    method: str,
    min_cells: int,
    min_donors: int,
    min_count: float,
    min_total_count: float,
) -> None:
    """Read the pseudobulk, write the differential table and the cell types that were skipped."""
    data = files.read_h5ad(sums)
    differential, left_out = compare_donors(
        data.X,
        observations_of(data),
        data.var_names.to_numpy(dtype=object),
        dataset=dataset,
        contrast=contrast,
        **definition,
        covariates=covariates,
        method=method,
        min_cells=min_cells,
        min_donors=min_donors,
        min_count=min_count,
        min_total_count=min_total_count,
    )
    files.write_table(differential, table, "differential")
    files.write_table(left_out, skipped, "differential_skipped")
    LOG.info(
        "%d cell types, %d rows, %d skipped", differential["cell_type"].nunique(), len(differential), len(left_out)
    )


if __name__ == "__main__":
    run(main, snakemake)
