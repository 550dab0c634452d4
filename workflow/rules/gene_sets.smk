"""Gene sets of the run: public collections fetched, and all sets gathered once under current symbols."""


rule fetch_collection:
    input:
        given=local(collection_file),
        library=library("fetch_collection"),
    output:
        gmt="<summary>/gene_sets/collections/{collection}.gmt",
        table="<summary>/gene_sets/collections/{collection}.tsv",
    log:
        "logs/fetch_collection/{collection}.log",
    benchmark:
        "benchmarks/fetch_collection/{collection}.tsv"
    wildcard_constraints:
        collection="|".join(COLLECTIONS) or NEVER,
    localrule: True
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    resources:
        connections=1,
    params:
        entry=collection_entry,
        ways=ways_to_fetch_sets,
    message:
        "Fetch the gene set collection {wildcards.collection}"
    script:
        "../scripts/fetch_collection.py"


rule collect_gene_sets:
    input:
        shipped=shipped_set_files("gmt"),
        shipped_facts=shipped_set_files("yaml"),
        fetched=[f"<summary>/gene_sets/collections/{name}.gmt" for name in COLLECTIONS],
        own=local(config["pathways"]["gene_sets"]),
        own_facts=local(own_set_facts()),
        human=SHIPPED_GENES["human"],
        mouse=SHIPPED_GENES["mouse"],
        aliases=SHIPPED_ALIASES,
        library=library("collect_gene_sets"),
    output:
        members="<summary>/gene_sets/members.tsv",
        sets="<summary>/gene_sets/sets.tsv",
        overlap="<summary>/gene_sets/overlap.tsv",
    log:
        "logs/collect_gene_sets/collect_gene_sets.log",
    benchmark:
        "benchmarks/collect_gene_sets/collect_gene_sets.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        families=families_of_shipped_sets(),
    message:
        "Gather the gene sets"
    script:
        "../scripts/collect_gene_sets.py"
