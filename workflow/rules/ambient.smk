"""Ambient RNA: its share in every sample, the genes it is made of, and the results between donors that follow it."""


rule estimate_ambient:
    input:
        counts="results/{dataset}/samples/{sample}/counts.h5ad",
        quality="results/{dataset}/samples/{sample}/quality.parquet",
        cell_types="results/{dataset}/cell_types.parquet",
        marker_genes=local(marker_file),
        learned=learned_markers,
        orthologs=local(ortholog_table),
        library=library("estimate_ambient"),
    output:
        table="results/{dataset}/samples/{sample}/ambient.tsv",
        profile="results/{dataset}/samples/{sample}/ambient_profile.parquet",
    log:
        "logs/estimate_ambient/{dataset}/{sample}.log",
    benchmark:
        "benchmarks/estimate_ambient/{dataset}/{sample}.tsv"
    wildcard_constraints:
        dataset="|".join(WITH_CELLS) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        seed=lookup("seed", within=config),
    message:
        "Estimate the ambient RNA of sample {wildcards.sample} in {wildcards.dataset}"
    script:
        "../scripts/estimate_ambient.py"


rule gather_ambient:
    input:
        tables=per_sample("results/{dataset}/samples/{sample}/ambient.tsv"),
        profiles=per_sample("results/{dataset}/samples/{sample}/ambient_profile.parquet"),
        marker_genes=local(marker_file),
        learned=learned_markers,
        orthologs=local(ortholog_table),
        library=library("gather_ambient"),
    output:
        table="results/{dataset}/ambient.tsv",
        genes="results/{dataset}/ambient_genes.tsv",
    log:
        "logs/gather_ambient/{dataset}.log",
    benchmark:
        "benchmarks/gather_ambient/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(WITH_CELLS) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        donors=sheet_column("donor"),
        conditions=sheet_column("condition"),
    message:
        "Gather the ambient RNA of all samples of {wildcards.dataset}"
    script:
        "../scripts/gather_ambient.py"


rule mark_ambient:
    input:
        sums="results/{dataset}/pseudobulk.h5ad",
        differential="results/{dataset}/differential.parquet",
        ambient="results/{dataset}/ambient.tsv",
        profiles=per_sample("results/{dataset}/samples/{sample}/ambient_profile.parquet"),
        marker_genes=local(marker_file),
        learned=learned_markers,
        orthologs=local(ortholog_table),
        library=library("mark_ambient"),
    output:
        table="results/{dataset}/ambient_hits.tsv",
    log:
        "logs/mark_ambient/{dataset}.log",
    benchmark:
        "benchmarks/mark_ambient/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(WITH_CELLS) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        min_cells=lookup("pseudobulk/min_cells", within=config),
        fdr=lookup("differential/fdr", within=config),
    message:
        "Mark the differential genes of {wildcards.dataset} that follow ambient RNA"
    script:
        "../scripts/mark_ambient.py"
