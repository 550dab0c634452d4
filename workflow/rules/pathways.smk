"""How active gene sets are: in each cell, in each donor and cell type, and between the arms of each contrast."""


rule score_pathways:
    input:
        counts=per_sample("results/{dataset}/samples/{sample}/counts.h5ad"),
        cell_types="results/{dataset}/cell_types.parquet",
        members="<summary>/gene_sets/members.tsv",
        sets="<summary>/gene_sets/sets.tsv",
        orthologs=local(ortholog_table),
        compared="results/{dataset}/sample_pairs.tsv",
        library=library("score_pathways"),
    output:
        cell_scores="results/{dataset}/pathway_scores.parquet",
        profiles="results/{dataset}/rank_profiles.h5ad",
        set_table="results/{dataset}/pathway_sets.tsv",
        donor_scores="results/{dataset}/pathway_donors.parquet",
        depth="results/{dataset}/pathway_depth.tsv",
    log:
        "logs/score_pathways/{dataset}.log",
    benchmark:
        "benchmarks/score_pathways/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(WITH_CELLS) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        donors=sheet_column("donor"),
        simulated=fact("simulated"),
        min_coverage=lookup("pathways/min_coverage", within=config),
        min_genes=lookup("pathways/min_genes", within=config),
        top_fraction=lookup("pathways/top_fraction", within=config),
    message:
        "Score pathways in every cell of {wildcards.dataset}"
    script:
        "../scripts/score_pathways.py"


rule score_pseudobulk:
    input:
        counts="results/{dataset}/pseudobulk.h5ad",
        members="<summary>/gene_sets/members.tsv",
        sets="<summary>/gene_sets/sets.tsv",
        orthologs=local(ortholog_table),
        library=library("score_pseudobulk"),
    output:
        profiles="results/{dataset}/rank_profiles.h5ad",
        set_table="results/{dataset}/pathway_sets.tsv",
        donor_scores="results/{dataset}/pathway_donors.parquet",
        depth="results/{dataset}/pathway_depth.tsv",
    log:
        "logs/score_pseudobulk/{dataset}.log",
    benchmark:
        "benchmarks/score_pseudobulk/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(sorted(set(DATASETS) - set(WITH_CELLS))) or NEVER,
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        simulated=fact("simulated"),
        min_coverage=lookup("pathways/min_coverage", within=config),
        min_genes=lookup("pathways/min_genes", within=config),
        top_fraction=lookup("pathways/top_fraction", within=config),
    message:
        "Score pathways in the donor-level profiles of {wildcards.dataset}"
    script:
        "../scripts/score_pseudobulk.py"


rule test_pathways:
    input:
        donor_scores="results/{dataset}/pathway_donors.parquet",
        profiles="results/{dataset}/rank_profiles.h5ad",
        set_table="results/{dataset}/pathway_sets.tsv",
        depth="results/{dataset}/pathway_depth.tsv",
        members="<summary>/gene_sets/members.tsv",
        orthologs=local(ortholog_table),
        samples=local(sheet),
        library=library("test_pathways"),
    output:
        tests="results/{dataset}/pathway_tests/{contrast}.tsv",
    log:
        "logs/test_pathways/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/test_pathways/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        covariates=covariates,
        min_cells=lookup("pseudobulk/min_cells", within=config),
        min_donors=lookup("differential/min_donors", within=config),
        cell_weights=lookup("pathways/cell_weights", within=config),
        fdr=lookup("differential/fdr", within=config),
        n_random_sets=lookup("pathways/n_random_sets", within=config),
        n_expression_bins=lookup("pathways/n_expression_bins", within=config),
        seed=lookup("seed", within=config),
    message:
        "Test pathway activity in {wildcards.dataset}: {wildcards.contrast}"
    script:
        "../scripts/test_pathways.py"


rule gather_pathways:
    input:
        tests=per_contrast("results/{dataset}/pathway_tests/{contrast}.tsv"),
        library=library("gather_pathways"),
    output:
        table="results/{dataset}/pathway_tests.tsv",
    log:
        "logs/gather_pathways/{dataset}.log",
    benchmark:
        "benchmarks/gather_pathways/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    message:
        "Gather the pathway tests of {wildcards.dataset}"
    script:
        "../scripts/gather_pathways.py"


rule explain_pathways:
    input:
        donor_scores="results/{dataset}/pathway_donors.parquet",
        profiles="results/{dataset}/rank_profiles.h5ad",
        set_table="results/{dataset}/pathway_sets.tsv",
        tests="results/{dataset}/pathway_tests.tsv",
        differential="results/{dataset}/differential.parquet",
        members="<summary>/gene_sets/members.tsv",
        orthologs=local(ortholog_table),
        samples=local(sheet),
        library=library("explain_pathways"),
    output:
        table="results/{dataset}/pathway_genes.tsv.gz",
    log:
        "logs/explain_pathways/{dataset}.log",
    benchmark:
        "benchmarks/explain_pathways/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        covariates=covariates,
        min_cells=lookup("pseudobulk/min_cells", within=config),
        min_donors=lookup("differential/min_donors", within=config),
        cell_weights=lookup("pathways/cell_weights", within=config),
    message:
        "Say which genes carry the effects of pathways in {wildcards.dataset}"
    script:
        "../scripts/explain_pathways.py"


rule measure_coherence:
    input:
        expression="results/{dataset}/expression_donors.parquet",
        set_table="results/{dataset}/pathway_sets.tsv",
        members="<summary>/gene_sets/members.tsv",
        orthologs=local(ortholog_table),
        samples=local(sheet),
        library=library("measure_coherence"),
    output:
        table="results/{dataset}/set_coherence.tsv",
    log:
        "logs/measure_coherence/{dataset}.log",
    benchmark:
        "benchmarks/measure_coherence/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        covariates=covariates,
        n_random_sets=lookup("pathways/n_random_sets", within=config),
        n_expression_bins=lookup("pathways/n_expression_bins", within=config),
        seed=lookup("seed", within=config),
    message:
        "Measure whether the members of gene sets move together in {wildcards.dataset}"
    script:
        "../scripts/measure_coherence.py"


rule compare_views:
    input:
        tests="results/{dataset}/pathway_tests.tsv",
        enrichment="results/{dataset}/enrichment.tsv.gz",
        library=library("compare_views"),
    output:
        table="results/{dataset}/pathway_views.tsv",
    log:
        "logs/compare_views/{dataset}.log",
    benchmark:
        "benchmarks/compare_views/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        fdr=lookup("differential/fdr", within=config),
    message:
        "Compare activity and enrichment of the gene sets of {wildcards.dataset}"
    script:
        "../scripts/compare_views.py"


rule show_artefacts:
    input:
        tests="results/{dataset}/pathway_tests.tsv",
        donor_scores="results/{dataset}/pathway_donors.parquet",
        members="<summary>/gene_sets/members.tsv",
        orthologs=local(ortholog_table),
        samples=local(sheet),
        library=library("show_artefacts"),
    output:
        table="results/{dataset}/pathway_artefacts.tsv",
    log:
        "logs/show_artefacts/{dataset}.log",
    benchmark:
        "benchmarks/show_artefacts/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        covariates=covariates,
        min_cells=lookup("pseudobulk/min_cells", within=config),
        min_donors=lookup("differential/min_donors", within=config),
        fdr=lookup("differential/fdr", within=config),
    message:
        "Put artefact signatures beside stress and inflammation in {wildcards.dataset}"
    script:
        "../scripts/show_artefacts.py"
