"""Say which genes carry the effect of every gene set, in every cell type and contrast of a dataset."""

import logging
from typing import Any

import pandas as pd

from alscell import files
from alscell.activity import arm_models
from alscell.carriers import gene_contributions, with_gene_tests
from alscell.jobs import run
from alscell.keys import CONTRAST, DATASET
from alscell.pathways import from_anndata, set_members
from alscell.pseudobulk import donor_columns
from alscell.tables import empty_table


def main(
    *,
    donor_scores: str,
    profiles: str,
    set_table: str,
    tests: str,
    differential: str,
    members: str,
    orthologs: list[str],
    samples: str,
    table: str,
    dataset: str,
    definitions: dict[str, Any],
    **limits: Any,
) -> None:
    """Read scores, profiles and both kinds of tests; write a row a member. `limits` as in `arm_models`."""
    profile = from_anndata(files.read_h5ad(profiles))
    sets = files.read_table(set_table, "pathway_sets")
    places = set_members(files.read_members(members, orthologs), sets, profile.genes)
    scores = files.read_table(donor_scores, "pathway_donors")
    effects, genes = files.read_table(tests, "pathway_tests"), files.read_table(differential, "differential")
    donors = donor_columns(files.read_samples(samples))
    parts = [empty_table("pathway_genes")]
    for contrast in definitions:
        models = list(arm_models(scores, donors, definitions, contrast, **limits))
        found = gene_contributions(models, effects[effects[CONTRAST] == contrast], profile, places)
        parts.append(with_gene_tests(found, genes[genes[CONTRAST] == contrast]).assign(**{CONTRAST: contrast}))
    found = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    files.write_table(found.assign(**{DATASET: dataset}), table, "pathway_genes")
    logging.getLogger("alscell").info("%d rows", len(found))


if __name__ == "__main__":
    run(main, snakemake)
