"""Named targets, one a stage: `snakemake qc` makes what that stage makes, for every dataset."""


rule check:
    message:
        "Config, dataset and sample files are in order"


rule acquire:
    input:
        [raw_files(dataset) for dataset in DATASETS],


rule gene_sets:
    input:
        "<summary>/gene_sets/sets.tsv",


rule load:
    input:
        all_samples("results/{dataset}/samples/{sample}/counts.h5ad"),


rule qc:
    input:
        expand_datasets("results/{dataset}/quality_limits.tsv", WITH_CELLS),
        expand_datasets("results/{dataset}/sample_checks.tsv", WITH_CELLS),


rule embed:
    input:
        expand_datasets("results/{dataset}/embedding.parquet", WITH_CELLS),


rule cluster:
    input:
        expand_datasets("results/{dataset}/clusters.parquet", WITH_CELLS),


rule annotate:
    input:
        expand_datasets("results/{dataset}/cell_types.parquet", WITH_CELLS),


rule atlas:
    input:
        expand_datasets("results/{dataset}/atlas.h5ad", WITH_CELLS),


rule pseudobulk:
    input:
        expand_datasets("results/{dataset}/pseudobulk.h5ad", DATASETS),


rule differential:
    input:
        expand_datasets("results/{dataset}/differential.tsv.gz"),
        expand_datasets("results/{dataset}/differential_skipped.tsv"),


rule enrichment:
    input:
        expand_datasets("results/{dataset}/enrichment.tsv.gz"),


rule pathways:
    input:
        expand_datasets("results/{dataset}/pathway_tests.tsv"),
        expand_datasets("results/{dataset}/pathway_genes.tsv.gz"),
        expand_datasets("results/{dataset}/set_coherence.tsv"),


rule views:
    input:
        expand_datasets("results/{dataset}/pathway_views.tsv"),
        expand_datasets("results/{dataset}/pathway_artefacts.tsv"),


rule panels:
    input:
        expand_datasets("results/{dataset}/gene_panel.tsv"),
        expand_datasets("results/{dataset}/tdp43_index.tsv"),
        expand_datasets("results/{dataset}/ligand_receptor.tsv"),


rule composition:
    input:
        expand_datasets("results/{dataset}/composition.tsv"),


rule calibration:
    input:
        expand_datasets("results/{dataset}/calibration.tsv"),
        expand_datasets("results/{dataset}/calibration_histogram.tsv"),
        expand_datasets("<summary>/figures/calibration_{dataset}_{contrast}.pdf"),


rule synthesis:
    input:
        [f"<summary>/synthesis/{name}.tsv" for name in SYNTHESIS],


rule figures:
    input:
        figure_files("pdf"),


rule report:
    input:
        "<summary>/report.html",


rule deposit:
    input:
        "<summary>/ro-crate-metadata.json",


rule submission:
    input:
        expand_datasets("results/{dataset}/submission.h5ad", WITH_CELLS),


rule archive:
    input:
        "<summary>/archive.tar.gz",
