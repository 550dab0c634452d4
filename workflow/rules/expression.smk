"""Between donors: counts summed by donor and cell type, then differential expression, gene sets and composition."""


rule sum_pseudobulk:
    input:
        counts=per_sample("results/{dataset}/samples/{sample}/counts.h5ad"),
        quality=per_sample("results/{dataset}/samples/{sample}/quality.parquet"),
        limits="results/{dataset}/quality_limits.tsv",
        cell_types="results/{dataset}/cell_types.parquet",
        samples=local(sheet),
        compared="results/{dataset}/sample_pairs.tsv",
        library=library("sum_pseudobulk"),
    output:
        sums="results/{dataset}/pseudobulk.h5ad",
    log:
        "logs/sum_pseudobulk/{dataset}.log",
    benchmark:
        "benchmarks/sum_pseudobulk/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(WITH_CELLS) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        simulated=fact("simulated", default=False),
    message:
        "Sum the counts of {wildcards.dataset} by donor and cell type"
    script:
        "../scripts/sum_pseudobulk.py"


rule read_pseudobulk:
    input:
        counts=dataset_files,
        samples=local(sheet),
        genes=local(gene_table),
        library=library("read_pseudobulk"),
    output:
        sums="results/{dataset}/pseudobulk.h5ad",
    log:
        "logs/read_pseudobulk/{dataset}.log",
    benchmark:
        "benchmarks/read_pseudobulk/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(sorted(set(DATASETS) - set(WITH_CELLS))) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        cells=fact("cells", default={}),
        cell_types=fact("cell_types", default={}),
        conditions=fact("conditions", default={}),
        symbol=fact("symbol", default=""),
        gene_id=fact("gene_id", default=""),
        layer=fact("layer", default=""),
        organism=fact("organism"),
        simulated=fact("simulated", default=False),
    message:
        "Read the counts of {wildcards.dataset}, which come summed by donor and cell type"
    script:
        "../scripts/read_pseudobulk.py"


rule test_differential:
    input:
        sums="results/{dataset}/pseudobulk.h5ad",
        library=library("test_differential"),
    output:
        table="results/{dataset}/differential.parquet",
        text_table="results/{dataset}/differential.tsv.gz",
        skipped="results/{dataset}/differential_skipped.tsv",
        power="results/{dataset}/differential_power.tsv",
        donors_table="results/{dataset}/expression_donors.parquet",
    log:
        "logs/test_differential/{dataset}.log",
    benchmark:
        "benchmarks/test_differential/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        covariates=covariates,
        min_cells=lookup("pseudobulk/min_cells", within=config),
        min_donors=lookup("differential/min_donors", within=config),
        choices=fit_choices(),
    message:
        "Compare genes in {wildcards.dataset}, donors as replicates: {params.choices[method]}"
    script:
        "../scripts/test_differential.py"


rule test_enrichment:
    input:
        sums="results/{dataset}/pseudobulk.h5ad",
        members="<summary>/gene_sets/members.tsv",
        sets="<summary>/gene_sets/sets.tsv",
        orthologs=local(ortholog_table),
        library=library("test_enrichment"),
    output:
        table="results/{dataset}/enrichment.tsv.gz",
    log:
        "logs/test_enrichment/{dataset}.log",
    benchmark:
        "benchmarks/test_enrichment/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        covariates=covariates,
        min_cells=lookup("pseudobulk/min_cells", within=config),
        min_donors=lookup("differential/min_donors", within=config),
        choices=fit_choices(),
        permutations=lookup("enrichment/permutations", within=config),
        seed=lookup("seed", within=config),
        min_size=lookup("enrichment/min_size", within=config),
        max_size=lookup("enrichment/max_size", within=config),
    message:
        "Test gene sets in {wildcards.dataset}: {params.min_size} to {params.max_size} genes"
    script:
        "../scripts/test_enrichment.py"


rule test_composition:
    input:
        sums="results/{dataset}/pseudobulk.h5ad",
        library=library("test_composition"),
    output:
        table="results/{dataset}/composition.tsv",
        donors_table="results/{dataset}/composition_donors.tsv",
    log:
        "logs/test_composition/{dataset}.log",
    benchmark:
        "benchmarks/test_composition/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        covariates=covariates,
        min_donors=lookup("differential/min_donors", within=config),
        transform=lookup("composition/transform", within=config),
        fdr=lookup("differential/fdr", within=config),
    message:
        "Compare the shares of cell types in {wildcards.dataset}"
    script:
        "../scripts/test_composition.py"
