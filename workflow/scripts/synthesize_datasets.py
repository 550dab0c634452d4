"""Pool pathway and gene effects over datasets, tissue against dish, and list biomarker candidates."""

import logging

from alscell import agreement, files
from alscell.jobs import run
from alscell.orthologs import in_human_symbols

LOG = logging.getLogger("alscell.synthesize_datasets")


def main(
    *,
    pathway_tests: list[str],
    differential: list[str],
    candidates: str,
    orthologs: str,
    pathways: str,
    genes: str,
    biomarkers: str,
    systems: dict[str, str],
    organisms: dict[str, str],
    fdr: float,
) -> None:
    """Read the tests of all datasets, write the synthesis; genes of mice go by their human orthologs."""
    tested_sets = agreement.match_cell_types(files.read_tables(pathway_tests, "pathway_tests"))
    tested_genes = agreement.match_cell_types(files.read_tables(differential, "differential"))
    tested_genes = in_human_symbols(tested_genes, files.read_gene_table(orthologs), organisms=organisms)
    sets = agreement.synthesize_pathways(tested_sets, systems=systems, fdr=fdr)
    pooled = agreement.synthesize_genes(tested_genes, systems=systems)
    found = agreement.find_biomarkers(tested_genes, files.read_samples(candidates), fdr=fdr)
    kept = agreement.worth_keeping(pooled, fdr=fdr)
    for table, path, name in ((sets, pathways, "pathways"), (kept, genes, "genes"), (found, biomarkers, "biomarkers")):
        files.write_table(agreement.with_organisms(table, organisms), path, f"synthesis_{name}")
    counts = sets["verdict"].value_counts().sort_index().to_dict()
    LOG.info("%d datasets: %s; %d genes pooled, %d candidates", len(systems), counts, len(pooled), len(found))


if __name__ == "__main__":
    run(main, snakemake)
