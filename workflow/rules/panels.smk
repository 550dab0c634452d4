"""Gene by gene: ALS genes, targets of TDP-43, and the ligands and receptors of neurons and their neighbors."""


rule test_gene_panel:
    input:
        sums="results/{dataset}/pseudobulk.h5ad",
        differential="results/{dataset}/differential.parquet",
        skipped="results/{dataset}/differential_skipped.tsv",
        expression="results/{dataset}/expression_donors.parquet",
        gene_sets=[SHIPPED_SETS["als_genes", name]["gmt"] for name in FAMILIES["als_genes"]],
        orthologs=local(ortholog_table),
        library=library("test_gene_panel"),
    output:
        table="results/{dataset}/gene_panel.tsv",
    log:
        "logs/test_gene_panel/{dataset}.log",
    benchmark:
        "benchmarks/test_gene_panel/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        covariates=covariates,
        min_cells=lookup("pseudobulk/min_cells", within=config),
        min_donors=lookup("differential/min_donors", within=config),
    message:
        "Read the ALS genes of {wildcards.dataset} one by one"
    script:
        "../scripts/test_gene_panel.py"


rule test_tdp43:
    input:
        sums="results/{dataset}/pseudobulk.h5ad",
        differential="results/{dataset}/differential.parquet",
        skipped="results/{dataset}/differential_skipped.tsv",
        expression="results/{dataset}/expression_donors.parquet",
        targets=SHIPPED_LISTS["tdp43/targets"],
        orthologs=local(ortholog_table),
        library=library("test_tdp43"),
    output:
        genes="results/{dataset}/tdp43_genes.tsv",
        index="results/{dataset}/tdp43_index.tsv",
        donors="results/{dataset}/tdp43_donors.tsv",
    log:
        "logs/test_tdp43/{dataset}.log",
    benchmark:
        "benchmarks/test_tdp43/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        covariates=covariates,
        min_cells=lookup("pseudobulk/min_cells", within=config),
        min_donors=lookup("differential/min_donors", within=config),
        fdr=lookup("differential/fdr", within=config),
        names=lookup("synthesis/cell_types", within=config),
        n_random_sets=lookup("pathways/n_random_sets", within=config),
        n_expression_bins=lookup("pathways/n_expression_bins", within=config),
        seed=lookup("seed", within=config),
    message:
        "Read the targets of TDP-43 in {wildcards.dataset}"
    script:
        "../scripts/test_tdp43.py"


rule test_ligand_receptor:
    input:
        sums="results/{dataset}/pseudobulk.h5ad",
        differential="results/{dataset}/differential.parquet",
        expression="results/{dataset}/expression_donors.parquet",
        pairs=SHIPPED_LISTS["ligand_receptor/neurotrophic"],
        orthologs=local(ortholog_table),
        library=library("test_ligand_receptor"),
    output:
        table="results/{dataset}/ligand_receptor.tsv",
    log:
        "logs/test_ligand_receptor/{dataset}.log",
    benchmark:
        "benchmarks/test_ligand_receptor/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        definitions=contrast_definitions,
        covariates=covariates,
        min_donors=lookup("differential/min_donors", within=config),
        names=lookup("synthesis/cell_types", within=config),
    message:
        "Compare ligands and receptors between the cell types of {wildcards.dataset}"
    script:
        "../scripts/test_ligand_receptor.py"
