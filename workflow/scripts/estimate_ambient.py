"""Estimate the ambient RNA of one sample: what it is made of, and its share of the cells' counts.

Reads: counts and quality of the sample, cell types of the dataset, a marker table.
Writes: ambient.tsv (one row) and ambient_profile.parquet (one row a gene).
"""

import logging

import pandas as pd

from alscell import ambient, files
from alscell.jobs import run
from alscell.keys import CELL, CELL_TYPE

LOG = logging.getLogger("alscell.estimate_ambient")


def main(
    *,
    counts: str,
    quality: str,
    cell_types: str,
    marker_genes: str,
    learned: list[str],
    orthologs: list[str],
    table: str,
    profile: str,
    dataset: str,
    sample: str,
    seed: int,
) -> None:
    """Estimate one sample. `learned`: markers from a labeled reference, instead of `marker_genes`."""
    data = files.read_h5ad(counts)
    kept = files.read_table(quality, "quality").set_index(CELL)["keep"].loc[data.obs_names].to_numpy(dtype=bool)
    types = files.read_table(cell_types, "cell_types").set_index(CELL)[CELL_TYPE].reindex(data.obs_names)
    markers = files.read_learned(learned[0]) if learned else files.read_markers(marker_genes, orthologs)
    soup, typed = ambient.soup_profile(data.X, kept), types.notna().to_numpy()
    cells = data.X[typed]
    pairs = ambient.foreign_pairs(cells, types[typed].to_numpy(dtype=str), list(data.var_names), markers, soup)
    found = ambient.estimate_share(pairs, seed=seed)
    row = ambient.ambient_row(soup, found, dataset=dataset, sample=sample, n_counts=int(cells.sum()))
    files.write_table(row, table, "ambient")
    genes = pd.DataFrame({"gene": data.var_names, "n_counts": soup.counts, "share": soup.shares})
    files.write_table(genes, profile, "ambient_profile")
    numbers = (sample, found.share, found.ci_low, found.ci_high, found.n_genes, soup.found_in, found.status)
    LOG.info("%s: ambient share %.3f (%.3f to %.3f), %d marker genes, profile from %s: %s", *numbers)


if __name__ == "__main__":
    run(main, snakemake)
