"""Pool pathway and gene effects over datasets, tissue against dish; look hits up in other datasets; list candidates."""

import logging

import pandas as pd

from alscell import agreement, biomarkers, files, replication
from alscell.jobs import run
from alscell.orthologs import in_human_symbols

LOG = logging.getLogger("alscell.synthesize_datasets")


def main(
    *,
    pathway_tests: list[str],
    differential: list[str],
    candidates: str,
    orthologs: str,
    systems: dict[str, str],
    organisms: dict[str, str],
    cell_types: dict[str, list[str]],
    fdr: float,
    n_expression_bins: int,
    **outputs: str,
) -> None:
    """Read the tests of all datasets, write the synthesis; genes of mice go by their human orthologs."""
    sets, genes = files.read_tables(pathway_tests, "pathway_tests"), files.read_tables(differential, "differential")
    sets, genes = (agreement.match_cell_types(table, names=cell_types) for table in (sets, genes))
    genes = in_human_symbols(genes, files.read_gene_table(orthologs), organisms=organisms)
    fluids = files.read_samples(candidates)
    pooled = agreement.synthesize_genes(genes, systems=systems)
    tables = {
        "pathways": agreement.synthesize_pathways(sets, systems=systems),
        "genes": agreement.worth_keeping(pooled, fdr=fdr),
        "biomarkers": biomarkers.find_biomarkers(genes, fluids, systems=systems, fdr=fdr),
    }
    tables = {name: agreement.with_organisms(table, organisms) for name, table in tables.items()}
    again = replication.replicate_genes(genes, fdr=fdr, n_bins=n_expression_bins)
    tables["replication"] = pd.concat([again, replication.replicate_pathways(sets, fdr=fdr)])
    tables["biomarkers_tested"] = biomarkers.count_candidates(genes, fluids, fdr=fdr)
    for name, path in outputs.items():
        files.write_table(tables[name], path, f"synthesis_{name}")
    LOG.info("%d datasets: %d gene sets, %d genes pooled", len(systems), len(tables["pathways"]), len(pooled))


if __name__ == "__main__":
    run(main, snakemake)
