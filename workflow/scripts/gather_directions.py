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
    pathway_artefacts: list[str],
    gene_panels: list[str],
    tdp43_indices: list[str],
    ligand_receptor: list[str],
    programmes: str,
    biomarker_tests: str,
    table: str,
    contrasts: dict[str, Any],
    cell_types: dict[str, list[str]],
    fdr: float,
) -> None:
    """Read the tables of all datasets, each list in the order of `datasets`; write one."""
    judged = files.read_table(programmes, "synthesis_programmes")
    tests = files.read_tables(pathway_tests, "pathway_tests")
    tests = tests.assign(in_dish=directions.verdicts_of(tests, judged, names=cell_types))
    parts = [directions.programme_rows(judged)]
    of_sets = zip(datasets, sheets, pathway_genes, pathway_donors, pathway_artefacts, strict=True)
    for name, sheet, genes, scores, artefacts in of_sets:
        rows, donors = tests[tests[DATASET] == name], donor_columns(files.read_samples(sheet))
        arms = {one: assign_groups(donors, contrasts[one]).arms for one in rows[CONTRAST].unique()}
        others = {"pathway_genes": genes, "pathway_donors": scores, "pathway_artefacts": artefacts}
        parts.append(directions.set_rows(rows, *(files.read_table(path, one) for one, path in others.items()), arms))
    parts += [
        directions.gene_rows(files.read_tables(gene_panels, "gene_panel")),
        directions.index_rows(files.read_tables(tdp43_indices, "tdp43_index")),
        directions.pair_rows(files.read_tables(ligand_receptor, "ligand_receptor")),
        directions.biomarker_rows(files.read_table(biomarker_tests, "synthesis_biomarker_tests")),
    ]
    found = directions.finish(parts, fdr=fdr)
    files.write_table(found, table, "directions")
    logging.getLogger("alscell").info("%d tests, %d found", len(found), found["hit"].sum())


if __name__ == "__main__":
    run(main, snakemake)
