"""For repositories and portals, on demand: the RO-Crate of a run, and an atlas as CELLxGENE takes it."""


rule write_crate:
    input:
        manifest="<summary>/manifest.tsv",
        software="<summary>/software.tsv",
        infos=local([dataset["info"] for dataset in DATASETS.values()]),
        citation=CITATION,
        library=library("write_crate"),
    output:
        crate="<summary>/ro-crate-metadata.json",
    log:
        "logs/write_crate/write_crate.log",
    benchmark:
        "benchmarks/write_crate/write_crate.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        deposit=lookup("deposit", within=config),
        with_cells=WITH_CELLS,
        simulated=SIMULATED,
        stamped=STAMPED,
    message:
        "Describe the results for a repository"
    script:
        "../scripts/write_crate.py"


rule write_submission:
    input:
        atlas="results/{dataset}/atlas.h5ad",
        schema="results/{dataset}/atlas_schema.tsv",
        current_genes=current_genes,
        library=library("write_submission"),
    output:
        submission="results/{dataset}/submission.h5ad",
    log:
        "logs/write_submission/{dataset}.log",
    benchmark:
        "benchmarks/write_submission/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    message:
        "Write the atlas of {wildcards.dataset} as CELLxGENE takes it"
    script:
        "../scripts/write_submission.py"
