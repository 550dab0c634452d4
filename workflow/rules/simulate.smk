"""Raw files of simulated datasets, drawn with planted truth in the layouts of public ones, and that truth."""


rule simulate_file:
    input:
        description=local(simulation_file),
        genes=workflow.source_path("../../resources/simulation/genes.tsv"),
        markers=local(marker_file),
        gene_sets=shipped_sets,
        library=library("simulate_file"),
    output:
        raw="results/{dataset}/raw/{file}",
        acquired="results/{dataset}/acquired/{file}.tsv",
    log:
        "logs/simulate_file/{dataset}/{file}.log",
    benchmark:
        "benchmarks/simulate_file/{dataset}/{file}.tsv"
    wildcard_constraints:
        dataset="|".join(SIMULATED) or NEVER,
        file=".+",
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        families=families_of_all_sets(),
        samples=simulated_samples,
        layout=fact("layout"),
        seed=lookup("seed", within=config),
    message:
        "Simulate {wildcards.file} of {wildcards.dataset}"
    script:
        "../scripts/simulate_file.py"


rule simulate_truth:
    input:
        description=local(simulation_file),
        genes=workflow.source_path("../../resources/simulation/genes.tsv"),
        markers=local(marker_file),
        gene_sets=shipped_sets,
        library=library("simulate_truth"),
    output:
        pathways_truth="results/{dataset}/truth/pathways.tsv",
        genes_truth="results/{dataset}/truth/genes.tsv",
        composition_truth="results/{dataset}/truth/composition.tsv",
        cells_truth="results/{dataset}/truth/cells.tsv.gz",
    log:
        "logs/simulate_truth/{dataset}.log",
    benchmark:
        "benchmarks/simulate_truth/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(SIMULATED) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        families=families_of_all_sets(),
        samples=simulated_samples,
        layout=fact("layout"),
        seed=lookup("seed", within=config),
    message:
        "Write what was planted into {wildcards.dataset}"
    script:
        "../scripts/simulate_truth.py"
