"""All datasets together: tissue against dish, biomarker candidates, hits that come again, and what was found of a planted truth."""


rule synthesize_datasets:
    input:
        pathway_tests=expand_datasets("results/{dataset}/pathway_tests.tsv"),
        differential=expand_datasets("results/{dataset}/differential.tsv.gz"),
        candidates=workflow.source_path("../../resources/gene_sets/biomarkers.tsv"),
        orthologs=SHIPPED_GENES["mouse_human"],
        library=library("synthesize_datasets"),
    output:
        pathways="<summary>/synthesis/pathways.tsv",
        genes="<summary>/synthesis/genes.tsv",
        biomarkers="<summary>/synthesis/biomarkers.tsv",
        biomarker_tests="<summary>/synthesis/biomarker_tests.tsv",
        biomarkers_tested="<summary>/synthesis/biomarkers_tested.tsv",
        replication="<summary>/synthesis/replication.tsv",
    log:
        "logs/synthesize_datasets/synthesize_datasets.log",
    benchmark:
        "benchmarks/synthesize_datasets/synthesize_datasets.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        systems=systems(),
        organisms=organisms(),
        cell_types=lookup("synthesis/cell_types", within=config),
        fdr=lookup("differential/fdr", within=config),
        n_expression_bins=lookup("pathways/n_expression_bins", within=config),
    message:
        "Pool pathways and genes over datasets, tissue against dish, and look for hits in other datasets"
    script:
        "../scripts/synthesize_datasets.py"


rule judge_programmes:
    input:
        pathways="<summary>/synthesis/pathways.tsv",
        library=library("judge_programmes"),
    output:
        programmes="<summary>/synthesis/programmes.tsv",
        agreement="<summary>/synthesis/agreement.tsv",
    log:
        "logs/judge_programmes/judge_programmes.log",
    benchmark:
        "benchmarks/judge_programmes/judge_programmes.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        fdr=lookup("differential/fdr", within=config),
        seed=lookup("seed", within=config),
    message:
        "Judge every programme: tissue against dish"
    script:
        "../scripts/judge_programmes.py"


rule gather_directions:
    input:
        sheets=local([DATASETS[name]["sheet"] for name in TESTED]),
        pathway_tests=expand_datasets("results/{dataset}/pathway_tests.tsv"),
        pathway_genes=expand_datasets("results/{dataset}/pathway_genes.tsv.gz"),
        pathway_donors=expand_datasets("results/{dataset}/pathway_donors.parquet"),
        pathway_artefacts=expand_datasets("results/{dataset}/pathway_artefacts.tsv"),
        programmes="<summary>/synthesis/programmes.tsv",
        biomarker_tests="<summary>/synthesis/biomarker_tests.tsv",
        gene_panels=expand_datasets("results/{dataset}/gene_panel.tsv"),
        tdp43_indices=expand_datasets("results/{dataset}/tdp43_index.tsv"),
        ligand_receptor=expand_datasets("results/{dataset}/ligand_receptor.tsv"),
        library=library("gather_directions"),
    output:
        table="<summary>/synthesis/directions.tsv",
    log:
        "logs/gather_directions/gather_directions.log",
    benchmark:
        "benchmarks/gather_directions/gather_directions.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        datasets=list(TESTED),
        contrasts=lookup("contrasts", within=config),
        cell_types=lookup("synthesis/cell_types", within=config),
        fdr=lookup("differential/fdr", within=config),
    message:
        "Gather what was tested for each direction of ALS research"
    script:
        "../scripts/gather_directions.py"


if PLANTED:

    rule compare_planted:
        input:
            truth_pathways=expand_datasets("results/{dataset}/truth/pathways.tsv", PLANTED),
            truth_genes=expand_datasets("results/{dataset}/truth/genes.tsv", PLANTED),
            truth_composition=expand_datasets("results/{dataset}/truth/composition.tsv", PLANTED),
            tests=expand_datasets("results/{dataset}/pathway_tests.tsv", PLANTED),
            differential=expand_datasets("results/{dataset}/differential.tsv.gz", PLANTED),
            composition=expand_datasets("results/{dataset}/composition.tsv", PLANTED),
            members="<summary>/gene_sets/members.tsv",
            library=library("compare_planted"),
        output:
            planted="<summary>/planted.tsv",
            planted_families="<summary>/planted_families.tsv",
            planted_genes="<summary>/planted_genes.tsv",
            planted_composition="<summary>/planted_composition.tsv",
        log:
            "logs/compare_planted/compare_planted.log",
        benchmark:
            "benchmarks/compare_planted/compare_planted.tsv"
        conda:
            "../../envs/alscell.yaml"
        threads: 1
        params:
            contrasts=planted_contrasts(),
            fdr=lookup("differential/fdr", within=config),
        message:
            "Compare the tests of simulated datasets with what was planted"
        script:
            "../scripts/compare_planted.py"
