"""Say, for every simulated dataset, which planted changes the tests found.

Reads: truth and tests of every simulated dataset, gene sets.
Writes: planted.tsv (gene sets), planted_families.tsv, planted_genes.tsv, planted_composition.tsv.
"""

import logging

import pandas as pd

from alscell import files
from alscell.jobs import run
from alscell.keys import DATASET
from alscell.planted import compare_composition, compare_genes, compare_planted, count_families

LOG = logging.getLogger("alscell.compare_planted")


def main(
    *,
    truth_pathways: list[str],
    truth_genes: list[str],
    truth_composition: list[str],
    tests: list[str],
    differential: list[str],
    composition: list[str],
    members: str,
    contrasts: dict[str, list[str]],
    fdr: float,
    **outputs: str,
) -> None:
    """Read truth and tests of each simulated dataset, write four tables."""
    sets = files.read_members(members)
    parts = {"planted": [], "planted_families": [], "planted_genes": [], "planted_composition": []}
    for row, (dataset, names) in enumerate(contrasts.items()):
        choice = {"contrasts": names, "fdr": fdr}
        pathways = files.read_table(truth_pathways[row], "truth_pathways")
        genes = files.read_table(truth_genes[row], "truth_genes")
        shares = files.read_table(truth_composition[row], "truth_composition")
        tested = files.read_table(tests[row], "pathway_tests")
        of_sets = compare_planted(pathways, genes, sets, tested, **choice)
        found = {
            "planted": of_sets,
            "planted_families": count_families(of_sets),
            "planted_genes": compare_genes(genes, files.read_table(differential[row], "differential"), **choice),
            "planted_composition": compare_composition(
                shares, files.read_table(composition[row], "composition"), **choice
            ),
        }
        for name, table in found.items():
            parts[name].append(table.assign(**{DATASET: dataset}))
    for name, path in outputs.items():
        files.write_table(pd.concat(parts[name], ignore_index=True), path, name)
    LOG.info("%s", pd.concat(parts["planted"])["outcome"].value_counts().sort_index().to_dict())


if __name__ == "__main__":
    run(main, snakemake)
