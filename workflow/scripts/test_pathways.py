"""Test the activity of every gene set between the arms of one contrast, in every cell type."""

import logging

from alscell import files
from alscell.activity import compare_arms
from alscell.jobs import run
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, FAMILY, PATHWAY
from alscell.pathways import from_anndata, set_members
from alscell.pseudobulk import donor_columns

LOG = logging.getLogger("alscell.test_pathways")


def main(
    *,
    donor_scores: str,
    profiles: str,
    set_table: str,
    depth: str,
    members: str,
    orthologs: list[str],
    samples: str,
    tests: str,
    dataset: str,
    contrast: str,
    definitions: dict,
    seed: int,
    **choices: object,
) -> None:
    """Read donor-level scores and the sample sheet, write one row a cell type and set. `choices` as `compare_arms`."""
    sets = files.read_table(set_table, "pathway_sets")
    profile = from_anndata(files.read_h5ad(profiles))
    table = compare_arms(
        files.read_table(donor_scores, "pathway_donors"),
        donor_columns(files.read_samples(samples)),
        profile,
        set_members(files.read_members(members, orthologs), sets, profile.genes),
        definitions,
        contrast,
        seed=(seed, contrast),
        **choices,
    )
    table = table.merge(sets[[FAMILY, PATHWAY, "coverage"]], on=[FAMILY, PATHWAY])
    followed = files.read_table(depth, "pathway_depth").rename(columns={"correlation": "depth_correlation"})
    table = table.merge(followed[[CELL_TYPE, FAMILY, PATHWAY, "depth_correlation"]], how="left")
    files.write_table(table.assign(**{DATASET: dataset, CONTRAST: contrast}), tests, "pathway_tests")
    LOG.info("%s: %d rows, %d with a p value", contrast, len(table), table["p_value"].notna().sum())


if __name__ == "__main__":
    run(main, snakemake)
