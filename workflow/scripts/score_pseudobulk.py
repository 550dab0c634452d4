"""Score gene sets in a donor-level count table: each donor and cell type is ranked as one profile."""

import logging

import pandas as pd

from alscell import files, pathways
from alscell.jobs import run
from alscell.keys import CELL_TYPE, DATASET, DEPTH, DONOR, N_CELLS
from alscell.ranking import align, build_ranking, detected, top_weights
from alscell.tables import empty_table

LOG = logging.getLogger("alscell.score_pseudobulk")


def main(
    *,
    counts: str,
    members: str,
    sets: str,
    orthologs: list[str],
    profiles: str,
    set_table: str,
    donor_scores: str,
    depth: str,
    dataset: str,
    simulated: bool,
    min_coverage: float,
    min_genes: int,
    top_fraction: float,
) -> None:
    """Read sums of counts, write the tables of pathway activity that need no cells."""
    data = files.read_h5ad(counts)
    ranking = build_ranking(detected(data.X, data.var_names), top_fraction=top_fraction)
    genes, kinds = files.read_members(members, orthologs), files.read_table(sets, "gene_sets")
    limits = {"min_coverage": min_coverage, "min_genes": min_genes}
    table = pathways.set_coverage(genes, kinds, ranking.genes, **limits)
    inside = pathways.set_members(genes, table, ranking.genes)
    sums = align(data.X, data.var_names, ranking)
    groups = pd.MultiIndex.from_frame(data.obs[[DONOR, CELL_TYPE]].astype("str"))
    weights = pathways.group_sums(top_weights(sums, ranking), groups)
    n_cells = pd.Series(data.obs[N_CELLS].to_numpy(), index=groups)
    profile = pathways.build_profiles(weights, pathways.group_sums(sums, groups), n_cells, ranking)
    files.write_h5ad(pathways.to_anndata(profile, dataset=dataset, simulated=simulated), profiles)
    files.write_table(table.assign(**{DATASET: dataset}), set_table, "pathway_sets")
    donors = pathways.donor_scores(profile, inside, None)
    donors[DEPTH] = donors[DEPTH] * donors[N_CELLS]  # the sum is what was ranked here, not a cell
    files.write_table(donors.assign(**{DATASET: dataset}), donor_scores, "pathway_donors")
    files.write_table(empty_table("pathway_depth"), depth, "pathway_depth")
    LOG.info("%d of %d sets scored in %d profiles over %d genes", len(inside), len(table), data.n_obs, data.n_vars)


if __name__ == "__main__":
    run(main, snakemake)
