"""Score gene sets in every kept cell, and gather mean gene weights of every donor and cell type, sample by sample."""

import logging
from collections.abc import Iterator
from typing import Any

import pandas as pd

from alscell import depth, files, pathways
from alscell.jobs import run
from alscell.keys import CELL, CELL_TYPE, SAMPLE
from alscell.ranking import build_ranking, measured_genes


def main(
    *,
    counts: list[str],
    cell_types: str,
    members: str,
    sets: str,
    orthologs: list[str],
    dataset: str,
    donors: dict[str, str],
    simulated: bool,
    min_coverage: float,
    min_genes: int,
    top_fraction: float,
    **outputs: str,
) -> None:
    """Read the counts twice: for the genes that are measured in all samples, then for the scores."""
    types = files.read_table(cell_types, "cell_types").set_index(CELL)[CELL_TYPE]
    measured = measured_genes((data.X, data.var_names) for data, _ in kept(counts, types, donors))
    ranking = build_ranking(measured, top_fraction=top_fraction)
    genes, kinds = files.read_members(members, orthologs), files.read_table(sets, "gene_sets")
    table = pathways.set_coverage(genes, kinds, ranking.genes, min_coverage=min_coverage, min_genes=min_genes)
    inside = pathways.set_members(genes, table, ranking.genes)
    parts = [pathways.score_sample(data, groups, ranking, inside) for data, groups in kept(counts, types, donors)]
    profile = pathways.mean_profiles(parts, ranking)
    by_donor = pathways.donor_scores(profile, inside, pathways.sum_squares(parts))
    followed = depth.pool_correlations([part.follow_depth for part in parts], list(inside))
    files.write_table(pd.concat([part.cells for part in parts]), outputs["cell_scores"], "pathway_scores")
    files.write_h5ad(pathways.to_anndata(profile, dataset=dataset, simulated=simulated), outputs["profiles"])
    files.write_table(table.assign(dataset=dataset), outputs["set_table"], "pathway_sets")
    files.write_table(by_donor.assign(dataset=dataset), outputs["donor_scores"], "pathway_donors")
    files.write_table(followed.assign(dataset=dataset), outputs["depth"], "pathway_depth")
    counted = len(inside), len(table), len(types), sum(part.n_shallow for part in parts), ranking.n_top
    logging.info("%d of %d sets scored in %d cells; %d have fewer genes than the %d ranks that count", *counted)


def kept(counts: list[str], types: pd.Series, donors: dict[str, str]) -> Iterator[tuple[Any, pd.MultiIndex]]:
    """The kept cells of each sample, with the donor and type of each; one sample in memory at a time."""
    for path in counts:
        data = files.read_h5ad(path)
        data = data[data.obs_names.isin(types.index)]
        if data.n_obs:
            yield data, pd.MultiIndex.from_product([[donors[data.uns[SAMPLE]]], types[data.obs_names]])


if __name__ == "__main__":
    run(main, snakemake)
