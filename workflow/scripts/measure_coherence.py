"""Measure whether the members of every gene set move together across donors, in every cell type of a dataset."""

import logging

from alscell import files
from alscell.jobs import run
from alscell.keys import DATASET, FAMILY, PATHWAY
from alscell.pseudobulk import donor_columns
from alscell.set_validation import Draws, coherence_table, design_terms


def main(
    *,
    expression: str,
    set_table: str,
    members: str,
    orthologs: list[str],
    samples: str,
    table: str,
    dataset: str,
    definitions: dict,
    covariates: list[str],
    n_random_sets: int,
    n_expression_bins: int,
    seed: int,
) -> None:
    """Read the expression of donors and the scored sets; write a row a cell type and set."""
    sets = files.read_table(set_table, "pathway_sets")
    scored = sets.loc[sets["status"] == "scored", [FAMILY, PATHWAY]]
    donors = donor_columns(files.read_samples(samples))
    found = coherence_table(
        files.read_table(expression, "expression_donors"),
        design_terms(donors, definitions, covariates=covariates),
        files.read_members(members, orthologs).merge(scored, on=[FAMILY, PATHWAY]),
        Draws(n_random_sets, n_expression_bins, seed),
    )
    files.write_table(found.assign(**{DATASET: dataset}), table, "set_coherence")
    logging.getLogger("alscell").info("%d rows", len(found))


if __name__ == "__main__":
    run(main, snakemake)
