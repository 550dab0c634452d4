"""Raw files of datasets that are not simulated: in from an address or a folder, out to results/<dataset>/raw/."""


rule acquire_file:
    input:
        there=local(local_copy_if_there),
        library=library("acquire_file"),
    output:
        raw="results/{dataset}/raw/{file}",
        acquired="results/{dataset}/acquired/{file}.tsv",
    log:
        "logs/acquire_file/{dataset}/{file}.log",
    benchmark:
        "benchmarks/acquire_file/{dataset}/{file}.tsv"
    wildcard_constraints:
        dataset="|".join(sorted(set(DATASETS) - set(SIMULATED))) or NEVER,
        file=".+",
    localrule: True
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    resources:
        connections=1,
    params:
        entry=raw_entry,
        origin=origin,
        simulated_mirror=lookup("download/simulated_mirror", within=config),
        ways=ways_to_fetch,
    message:
        "Acquire {wildcards.file} of {wildcards.dataset}"
    script:
        "../scripts/acquire_file.py"
