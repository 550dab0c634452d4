"""Are the tests calibrated on these data: all tests again, with labels shuffled among the donors."""


rule test_calibration:
    input:
        sums="results/{dataset}/pseudobulk.h5ad",
        donor_scores="results/{dataset}/pathway_donors.parquet",
        members="<summary>/gene_sets/members.tsv",
        sets="<summary>/gene_sets/sets.tsv",
        orthologs=local(ortholog_table),
        library=library("test_calibration"),
    output:
        table="results/{dataset}/calibration/{contrast}.tsv",
        bins="results/{dataset}/calibration_histogram/{contrast}.tsv",
    log:
        "logs/test_calibration/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/test_calibration/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        choices=fit_choices(),
        covariates=covariates,
        min_cells=lookup("pseudobulk/min_cells", within=config),
        min_donors=lookup("differential/min_donors", within=config),
        cell_weights=lookup("pathways/cell_weights", within=config),
        transform=lookup("composition/transform", within=config),
        sizes=set_sizes(),
        permutations=lookup("calibration/permutations", within=config),
        blocks=lookup("calibration/blocks", within=config),
        seed=lookup("seed", within=config),
    message:
        "Shuffle the labels of {wildcards.contrast} among the donors of {wildcards.dataset}, up to {params.permutations} times, and test"
    script:
        "../scripts/test_calibration.py"


rule gather_calibration:
    input:
        tables=per_contrast("results/{dataset}/calibration/{contrast}.tsv"),
        tables_of_bins=per_contrast("results/{dataset}/calibration_histogram/{contrast}.tsv"),
        library=library("gather_calibration"),
    output:
        table="results/{dataset}/calibration.tsv",
        bins="results/{dataset}/calibration_histogram.tsv",
    log:
        "logs/gather_calibration/{dataset}.log",
    benchmark:
        "benchmarks/gather_calibration/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    message:
        "Join the calibration tables of {wildcards.dataset}"
    script:
        "../scripts/gather_calibration.py"


rule plot_calibration:
    input:
        table="results/{dataset}/calibration/{contrast}.tsv",
        bins="results/{dataset}/calibration_histogram/{contrast}.tsv",
        library=library("plot_calibration"),
    output:
        pdf="<summary>/figures/calibration_{dataset}_{contrast}.pdf",
        png=report(
            "<summary>/figures/calibration_{dataset}_{contrast}.png",
            caption="../report/calibration.rst",
            category="6 Calibration",
            labels={"dataset": "{dataset}", "contrast": "{contrast}", "figure": "calibration"},
        ),
        numbers="<summary>/figures/calibration_{dataset}_{contrast}.tsv",
    log:
        "logs/plot_calibration/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/plot_calibration/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        simulated=fact("simulated", default=False),
    message:
        "Draw the p-values of {wildcards.contrast} in {wildcards.dataset} with labels shuffled"
    script:
        "../scripts/plot_calibration.py"
