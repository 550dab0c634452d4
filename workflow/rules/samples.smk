"""One sample at a time: in from results/<dataset>/raw/, out to samples/<sample>/ (counts, then quality of its cells)."""


rule load_sample:
    input:
        raw=raw_file,
        beside=raw_beside,
        genes=local(gene_table),
        library=library("load_sample"),
    output:
        counts="results/{dataset}/samples/{sample}/counts.h5ad",
        loaded="results/{dataset}/samples/{sample}/loaded.tsv",
    log:
        "logs/load_sample/{dataset}/{sample}.log",
    benchmark:
        "benchmarks/load_sample/{dataset}/{sample}.tsv"
    wildcard_constraints:
        dataset="|".join(WITH_CELLS) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        member=cell("member"),
        reading=reading,
        row=repeated,
        simulated=fact("simulated", default=False),
    message:
        "Load sample {wildcards.sample} of {wildcards.dataset}"
    script:
        "../scripts/load_sample.py"


rule compare_samples:
    input:
        counts=per_sample("results/{dataset}/samples/{sample}/counts.h5ad"),
        library=library("compare_samples"),
    output:
        pairs="results/{dataset}/sample_pairs.tsv",
    log:
        "logs/compare_samples/{dataset}.log",
    benchmark:
        "benchmarks/compare_samples/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(WITH_CELLS) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        donors=sheet_column("donor"),
        allow_shared_cells=lookup("quality/allow_shared_cells", within=config),
    message:
        "Compare the samples of {wildcards.dataset}: shared cells, shared barcodes"
    script:
        "../scripts/compare_samples.py"


# Apart from compare_samples, on which the embedding waits: an edit of sex or condition must not redo that.
rule check_samples:
    input:
        counts=per_sample("results/{dataset}/samples/{sample}/counts.h5ad"),
        loaded=per_sample("results/{dataset}/samples/{sample}/loaded.tsv"),
        pairs="results/{dataset}/sample_pairs.tsv",
        library=library("check_samples"),
    output:
        checks="results/{dataset}/sample_checks.tsv",
    log:
        "logs/check_samples/{dataset}.log",
    benchmark:
        "benchmarks/check_samples/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(WITH_CELLS) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        sheet=sheet_columns("donor", "condition", "sex"),
    message:
        "Check the samples of {wildcards.dataset}: sex, size, what loading lost"
    script:
        "../scripts/check_samples.py"


rule measure_quality:
    input:
        counts="results/{dataset}/samples/{sample}/counts.h5ad",
        library=library("measure_quality"),
    output:
        quality="results/{dataset}/samples/{sample}/quality.parquet",
        limits="results/{dataset}/samples/{sample}/quality_limits.tsv",
    log:
        "logs/measure_quality/{dataset}/{sample}.log",
    benchmark:
        "benchmarks/measure_quality/{dataset}/{sample}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        assay=fact("assay"),
        for_quality=cell_limits(),
        for_doublets=lookup("doublets", within=config),
        seed=lookup("seed", within=config),
    message:
        "Measure cells and doublets of sample {wildcards.sample} in {wildcards.dataset}"
    script:
        "../scripts/measure_quality.py"


rule gather_quality:
    input:
        limits=per_sample("results/{dataset}/samples/{sample}/quality_limits.tsv"),
        library=library("gather_quality"),
    output:
        table="results/{dataset}/quality_limits.tsv",
    log:
        "logs/gather_quality/{dataset}.log",
    benchmark:
        "benchmarks/gather_quality/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        donors=sheet_column("donor"),
        conditions=sheet_column("condition"),
    message:
        "Gather the quality of all samples of {wildcards.dataset}"
    script:
        "../scripts/gather_quality.py"
