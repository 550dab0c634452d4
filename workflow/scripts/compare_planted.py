"""Say, for every simulated dataset, which planted gene sets the tests found."""

import logging

import pandas as pd

from alscell import files
from alscell.jobs import run
from alscell.keys import DATASET
from alscell.planted import compare_planted

LOG = logging.getLogger("alscell.compare_planted")


def main(
    *,
    truth_pathways: list[str],
    truth_genes: list[str],
    tests: list[str],
    gene_sets: list[str],
    planted: str,
    contrasts: dict[str, list[str]],
    fdr: float,
) -> None:
    """Read truth and tests of each simulated dataset, write one table."""
    sets = files.read_gene_sets(gene_sets)
    inputs = zip(contrasts, truth_pathways, truth_genes, tests, strict=True)
    parts = [
        compare_planted(
            files.read_table(pathways, "truth_pathways"),
            files.read_table(genes, "truth_genes"),
            sets,
            files.read_table(tested, "pathway_tests"),
            contrasts=contrasts[dataset],
            fdr=fdr,
        ).assign(**{DATASET: dataset})
        for dataset, pathways, genes, tested in inputs
    ]
    table = pd.concat(parts, ignore_index=True)
    files.write_table(table, planted, "planted")
    LOG.info("%s", table["outcome"].value_counts().sort_index().to_dict())


if __name__ == "__main__":
    run(main, snakemake)
