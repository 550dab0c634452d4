"""Run the tests of one contrast again with labels shuffled among the donors, and count false positives."""

import logging
from typing import Any

from alscell import calibration, files
from alscell.enrichment import sets_to_test
from alscell.expression import Choices
from alscell.jobs import run
from alscell.keys import CONTRAST, DATASET
from alscell.pseudobulk import observations_of
from alscell.random_sets import derived_seed


def main(
    *,
    sums: str,
    donor_scores: str,
    members: str,
    sets: str,
    orthologs: list[str],
    table: str,
    bins: str,
    dataset: str,
    contrast: str,
    definitions: dict[str, Any],
    choices: dict[str, Any],
    min_donors: int,
    sizes: dict[str, int],
    cell_weights: bool,
    transform: str,
    permutations: int,
    blocks: list[str],
    seed: int,
    **limits: Any,
) -> None:
    """Read pseudobulk, donor scores and gene sets; write rates and p-values in bins. `limits` as in `Plan`."""
    read = files.read_h5ad(sums)
    data = calibration.Pseudobulk(read.X, observations_of(read), read.var_names.to_numpy(dtype=object))
    tests = calibration.workflow_tests(
        data,
        files.read_table(donor_scores, "pathway_donors"),
        sets_to_test(files.read_members(members, orthologs), files.read_table(sets, "gene_sets")),
        calibration.plan_of(definitions, contrast, min_donors=min_donors, **limits),
        choices=Choices(**choices),
        sizes=sizes,
        cell_weights=cell_weights,
        transform=transform,
    )
    options = {"blocks": blocks, "permutations": permutations, "seed": derived_seed(seed, contrast)}
    limit = {"definition": definitions[contrast], "min_donors": min_donors, "fdr": choices["fdr"]}
    rates, counts = calibration.calibrate_contrast(tests, data.donors(), **limit, **options)
    for frame, path, name in ((rates, table, "calibration"), (counts, bins, "calibration_histogram")):
        files.write_table(frame.assign(**{DATASET: dataset, CONTRAST: contrast}), path, name)
    logging.getLogger("alscell").info("%d rows", len(rates))


if __name__ == "__main__":
    run(main, snakemake)
