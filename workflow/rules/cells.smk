"""Cells of a dataset together: one map, clusters, cell types, and the atlas for people and their tools."""


rule embed_cells:
    input:
        counts=per_sample("results/{dataset}/samples/{sample}/counts.h5ad"),
        quality=per_sample("results/{dataset}/samples/{sample}/quality.parquet"),
        limits=per_sample("results/{dataset}/samples/{sample}/quality_limits.tsv"),
        compared="results/{dataset}/sample_pairs.tsv",
        library=library("embed_cells"),
    output:
        embedding="results/{dataset}/embedding.parquet",
        graph="results/{dataset}/graph.npz",
    log:
        "logs/embed_cells/{dataset}.log",
    benchmark:
        "benchmarks/embed_cells/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        samples=sheet_columns("donor", config["embedding"]["integrate_by"]),
        seed=lookup("seed", within=config),
        n_top_genes=lookup("embedding/n_top_genes", within=config),
        n_components=lookup("embedding/n_components", within=config),
        integrate_by=lookup("embedding/integrate_by", within=config),
        n_neighbors=lookup("embedding/n_neighbors", within=config),
        min_dist=lookup("embedding/min_dist", within=config),
    message:
        "Map the kept cells of {wildcards.dataset}: {params.n_components} components, integrated by {params.integrate_by}"
    script:
        "../scripts/embed_cells.py"


rule cluster_cells:
    input:
        embedding="results/{dataset}/embedding.parquet",
        graph="results/{dataset}/graph.npz",
        library=library("cluster_cells"),
    output:
        clusters="results/{dataset}/clusters.parquet",
        stability="results/{dataset}/cluster_stability.tsv",
    log:
        "logs/cluster_cells/{dataset}.log",
    benchmark:
        "benchmarks/cluster_cells/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        seed=lookup("seed", within=config),
        resolutions=lookup("clusters/resolutions", within=config),
        n_subsamples=lookup("clusters/n_subsamples", within=config),
        subsample_fraction=lookup("clusters/subsample_fraction", within=config),
        min_stability=lookup("clusters/min_stability", within=config),
    message:
        "Cluster the cells of {wildcards.dataset} at resolutions {params.resolutions} and choose a stable one"
    script:
        "../scripts/cluster_cells.py"


rule learn_markers:
    input:
        reference=local(reference_file),
        genes=local(gene_table),
        library=library("learn_markers"),
    output:
        markers="results/{dataset}/learned_markers.tsv",
    log:
        "logs/learn_markers/{dataset}.log",
    benchmark:
        "benchmarks/learn_markers/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(LEARNING) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        columns=fact("labels_from"),
        organism=fact("organism"),
    message:
        "Learn the marker genes of the labels in {input.reference} for {wildcards.dataset}"
    script:
        "../scripts/learn_markers.py"


rule annotate_cells:
    input:
        counts=per_sample("results/{dataset}/samples/{sample}/counts.h5ad"),
        quality=per_sample("results/{dataset}/samples/{sample}/quality.parquet"),
        embedding="results/{dataset}/embedding.parquet",
        graph="results/{dataset}/graph.npz",
        clusters="results/{dataset}/clusters.parquet",
        marker_genes=local(marker_file),
        learned=learned_markers,
        orthologs=local(ortholog_table),
        library=library("annotate_cells"),
    output:
        cell_types="results/{dataset}/cell_types.parquet",
        labels="results/{dataset}/cluster_labels.tsv",
        checks="results/{dataset}/label_checks.tsv",
        markers="results/{dataset}/markers.tsv",
    log:
        "logs/annotate_cells/{dataset}.log",
    benchmark:
        "benchmarks/annotate_cells/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        given=fact("cells", "cell_type", default=""),
        min_score=lookup("annotation/min_score", within=config),
        min_margin=lookup("annotation/min_margin", within=config),
        refine=lookup("annotation/refine", within=config),
        seed=lookup("seed", within=config),
    message:
        "Name the cell types of {wildcards.dataset} by marker genes"
    script:
        "../scripts/annotate_cells.py"


rule assemble_atlas:
    input:
        counts=per_sample("results/{dataset}/samples/{sample}/counts.h5ad"),
        quality=per_sample("results/{dataset}/samples/{sample}/quality.parquet"),
        embedding="results/{dataset}/embedding.parquet",
        cell_types="results/{dataset}/cell_types.parquet",
        samples=local(sheet),
        terms=SHIPPED_TERMS,
        current_genes=current_genes,
        library=library("assemble_atlas"),
    output:
        atlas="results/{dataset}/atlas.h5ad",
        schema="results/{dataset}/atlas_schema.tsv",
    log:
        "logs/assemble_atlas/{dataset}.log",
    benchmark:
        "benchmarks/assemble_atlas/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        citation=fact("citation", default=""),
        facts=portal_facts,
        integrate_by=lookup("embedding/integrate_by", within=config),
    message:
        "Assemble the atlas of {wildcards.dataset}"
    script:
        "../scripts/assemble_atlas.py"
