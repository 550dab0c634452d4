"""Mark the differential genes of a dataset that follow ambient RNA; the results themselves stay as they are."""

import logging
from pathlib import Path

from alscell import files
from alscell.ambient_hits import donor_soup, mark_hits
from alscell.jobs import run
from alscell.pseudobulk import observations_of

LOG = logging.getLogger("alscell.mark_ambient")


def main(
    *,
    sums: str,
    differential: str,
    ambient: str,
    profiles: list[str],
    marker_genes: str,
    learned: list[str],
    orthologs: list[str],
    table: str,
    dataset: str,
    definitions: dict,
    min_cells: int,
    fdr: float,
) -> None:
    """Read the tests and the soup of every sample, write one row a gene that follows it."""
    tests = files.read_table(differential, "differential")
    hits, data = tests[tests["fdr"] <= fdr], files.read_h5ad(sums)
    soups = {Path(path).parent.name: files.read_profile(path) for path in profiles}
    soup = donor_soup(files.read_table(ambient, "ambient"), soups)
    markers = files.read_learned(learned[0]) if learned else files.read_markers(marker_genes, orthologs)
    sizes = {"min_cells": min_cells}
    found = mark_hits(hits, data.X, observations_of(data), data.var_names, soup, markers, definitions, **sizes)
    files.write_table(found.assign(dataset=dataset), table, "ambient_hits")
    LOG.info("%s: %d of %d hits follow ambient RNA", dataset, len(found), len(hits))


if __name__ == "__main__":
    run(main, snakemake)
