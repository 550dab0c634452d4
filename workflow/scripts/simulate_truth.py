"""Write what was planted into a simulated dataset, beside its raw files."""

import logging

import pandas as pd

from alscell.files import read_set_lists, read_yaml, write_table
from alscell.jobs import run
from alscell.simulate import build_cohort, draw_cells, planted_genes, planted_pathways
from alscell.simulation_plan import plan_from


def main(
    *,
    dataset: str,
    description: str,
    samples: list[dict[str, str]],
    genes: str,
    markers: str,
    gene_sets: list[str],
    families: list[str],
    pathways_truth: str,
    genes_truth: str,
    composition_truth: str,
    cells_truth: str,
    layout: str,
    seed: int,
) -> None:
    """Draw the cohort's plan and the cells of every sample, without their counts, and write the four truth tables."""
    sets = read_set_lists(gene_sets, families)
    cohort = build_cohort(
        plan_from(read_yaml(description), where=description),
        pd.read_csv(genes, sep="\t", keep_default_na=False),
        markers=pd.read_csv(markers, sep="\t", keep_default_na=False),
        gene_sets=sets,
        seed=seed,
    )
    suffix = "-1" if layout == "10x_h5" else ""
    cells = pd.concat([draw_cells(cohort, row).assign(sample=row["sample"]) for row in samples], ignore_index=True)
    cells["barcode"] += suffix
    cells["doublet_with"] = cells["doublet_with"].replace("", None)
    composition = pd.DataFrame({"cell_type": list(cohort.plan.composition), "fold": cohort.plan.composition.values()})
    pathways = planted_pathways(cohort, sets)
    write_table(pathways.assign(dataset=dataset), pathways_truth, "truth_pathways")
    write_table(planted_genes(cohort).assign(dataset=dataset), genes_truth, "truth_genes")
    write_table(composition.assign(dataset=dataset), composition_truth, "truth_composition")
    write_table(cells.assign(dataset=dataset), cells_truth, "truth_cells")
    logging.getLogger(__name__).info("%s: %d planted sets, %d cells", dataset, len(pathways), len(cells))


if __name__ == "__main__":
    run(main, snakemake)
