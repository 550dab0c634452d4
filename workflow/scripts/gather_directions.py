"""Gather what was tested for each of the six directions of ALS research into one table."""

import logging
from typing import Any

from alscell import directions, files
from alscell.design import assign_groups
from alscell.jobs import run
from alscell.keys import CONTRAST, DATASET
from alscell.pseudobulk import donor_columns


def main(
    *,
    datasets: list[str],
    sheets: list[str],
    pathway_tests: list[str],
    pathway_genes: list[str],
    pathway_donors: list[str],
    gene_panels: list[str],
    tdp43_indices: list[str],
    ligand_receptor: list[str],
    table: str,
    contrasts: dict[str, Any],
    fdr: float,
) -> None:
    """Read the tables of all datasets, each list in the order of `datasets`; write one."""
    parts = []
    for name, sheet, tests, genes, scores in zip(
        datasets, sheets, pathway_tests, pathway_genes, pathway_donors, strict=True
    ):
        rows = files.read_table(tests, "pathway_tests")
        donors = donor_columns(files.read_samples(sheet))
        arms = {one: assign_groups(donors, contrasts[one]).arms for one in rows[CONTRAST].unique()}
        carriers, own = files.read_table(genes, "pathway_genes"), files.read_table(scores, "pathway_donors")
        parts.append(directions.set_rows(rows.assign(**{DATASET: name}), carriers, own, arms))
    parts += [
        directions.gene_rows(files.read_tables(gene_panels, "gene_panel")),
        directions.index_rows(files.read_tables(tdp43_indices, "tdp43_index")),
        directions.pair_rows(files.read_tables(ligand_receptor, "ligand_receptor")),
    ]
    found = directions.finish(parts, fdr=fdr)
    files.write_table(found, table, "directions")
    logging.getLogger("alscell").info("%d tests, %d found", len(found), found["hit"].sum())


if __name__ == "__main__":
    run(main, snakemake)
