"""Run the tests of one contrast again with labels shuffled among the donors, and count false positives."""

import logging
from typing import Any

from alscell import calibration, files
from alscell.enrichment import sets_to_test
from alscell.jobs import run
from alscell.keys import CONTRAST, DATASET
from alscell.pseudobulk import observations_of
from alscell.random_sets import derived_seed

LOG = logging.getLogger("alscell.test_calibration")


def main(
    *,
    sums: str,
    donor_scores: str,
    gene_sets: list[str],
    set_kinds: str,
    orthologs: list[str],
    table: str,
    bins: str,
    dataset: str,
    contrast: str,
    definition: dict[str, Any],
    covariates: list[str],
    min_cells: int,
    min_donors: int,
    fdr: float,
    min_size: int,
    max_size: int,
    permutations: int,
    blocks: list[str],
    seed: int,
    **limits: Any,
) -> None:
    """Read pseudobulk, donor scores and gene sets; write rates and p-values in bins. `limits`: of the genes' test."""
    read = files.read_h5ad(sums)
    data = calibration.Pseudobulk(read.X, observations_of(read), read.var_names.to_numpy(dtype=object))
    tests = calibration.workflow_tests(
        data,
        files.read_table(donor_scores, "pathway_donors"),
        sets_to_test(files.read_gene_sets(gene_sets, orthologs), files.read_samples(set_kinds)),
        limits=limits,
        sizes={"min_size": min_size, "max_size": max_size},
        choice={**definition, "covariates": covariates, "min_cells": min_cells, "min_donors": min_donors},
    )
    options = {"blocks": blocks, "permutations": permutations, "min_donors": min_donors, "fdr": fdr}
    options["seed"] = derived_seed(seed, contrast)
    rates, counts = calibration.calibrate_contrast(tests, data.donors(), **definition, **options)
    names = {DATASET: dataset, CONTRAST: contrast}
    files.write_table(rates.assign(**names), table, "calibration")
    files.write_table(counts.assign(**names), bins, "calibration_histogram")
    LOG.info("%s: %d rows", contrast, len(rates))


if __name__ == "__main__":
    run(main, snakemake)
