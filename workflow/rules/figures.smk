"""Figures: from finished tables to PDF, PNG and the numbers drawn. One rule a kind of figure; none tests anything."""


rule plot_quality:
    input:
        cells=per_sample("results/{dataset}/samples/{sample}/quality.parquet"),
        limits="results/{dataset}/quality_limits.tsv",
        library=library("plot_quality"),
    output:
        pdf="<summary>/figures/quality_{dataset}.pdf",
        png=report(
            "<summary>/figures/quality_{dataset}.png",
            caption="../report/quality.rst",
            category="1 Cells",
            labels={"dataset": "{dataset}", "figure": "quality"},
        ),
        numbers="<summary>/figures/quality_{dataset}.tsv",
    log:
        "logs/plot_quality/{dataset}.log",
    benchmark:
        "benchmarks/plot_quality/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        contrasts=lookup("contrasts", within=config),
        simulated=fact("simulated", default=False),
    message:
        "Draw the quality of every sample of {wildcards.dataset}"
    script:
        "../scripts/plot_quality.py"


rule plot_sex:
    input:
        checks="results/{dataset}/sample_checks.tsv",
        library=library("plot_sex"),
    output:
        pdf="<summary>/figures/sex_{dataset}.pdf",
        png=report(
            "<summary>/figures/sex_{dataset}.png",
            caption="../report/sex.rst",
            category="1 Cells",
            labels={"dataset": "{dataset}", "figure": "sex"},
        ),
        numbers="<summary>/figures/sex_{dataset}.tsv",
    log:
        "logs/plot_sex/{dataset}.log",
    benchmark:
        "benchmarks/plot_sex/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        simulated=fact("simulated", default=False),
    message:
        "Draw XIST against Y genes in every sample of {wildcards.dataset}"
    script:
        "../scripts/plot_sex.py"


rule plot_ambient:
    input:
        ambient="results/{dataset}/ambient.tsv",
        limits="results/{dataset}/quality_limits.tsv",
        library=library("plot_ambient"),
    output:
        pdf="<summary>/figures/ambient_{dataset}.pdf",
        png=report(
            "<summary>/figures/ambient_{dataset}.png",
            caption="../report/ambient.rst",
            category="1 Cells",
            labels={"dataset": "{dataset}", "figure": "ambient RNA"},
        ),
        numbers="<summary>/figures/ambient_{dataset}.tsv",
    log:
        "logs/plot_ambient/{dataset}.log",
    benchmark:
        "benchmarks/plot_ambient/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        contrasts=lookup("contrasts", within=config),
        simulated=fact("simulated", default=False),
    message:
        "Draw ambient RNA and doublets in every sample of {wildcards.dataset}"
    script:
        "../scripts/plot_ambient.py"


rule plot_cluster_stability:
    input:
        stability="results/{dataset}/cluster_stability.tsv",
        library=library("plot_cluster_stability"),
    output:
        pdf="<summary>/figures/cluster_stability_{dataset}.pdf",
        png=report(
            "<summary>/figures/cluster_stability_{dataset}.png",
            caption="../report/cluster_stability.rst",
            category="1 Cells",
            labels={"dataset": "{dataset}", "figure": "cluster stability"},
        ),
        numbers="<summary>/figures/cluster_stability_{dataset}.tsv",
    log:
        "logs/plot_cluster_stability/{dataset}.log",
    benchmark:
        "benchmarks/plot_cluster_stability/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        min_stability=lookup("clusters/min_stability", within=config),
        n_subsamples=lookup("clusters/n_subsamples", within=config),
        subsample_fraction=lookup("clusters/subsample_fraction", within=config),
        simulated=fact("simulated", default=False),
    message:
        "Draw the stability of the clusters of {wildcards.dataset}"
    script:
        "../scripts/plot_cluster_stability.py"


rule plot_umap:
    input:
        embedding="results/{dataset}/embedding.parquet",
        cell_types="results/{dataset}/cell_types.parquet",
        samples=local(sheet),
        library=library("plot_umap"),
    output:
        pdf="<summary>/figures/umap_{dataset}.pdf",
        png=report(
            "<summary>/figures/umap_{dataset}.png",
            caption="../report/umap.rst",
            category="1 Cells",
            labels={"dataset": "{dataset}", "figure": "umap"},
        ),
        numbers="<summary>/figures/umap_{dataset}.tsv",
    log:
        "logs/plot_umap/{dataset}.log",
    benchmark:
        "benchmarks/plot_umap/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        contrasts=lookup("contrasts", within=config),
        replicate=fact("replicate", default="donor"),
        seed=lookup("seed", within=config),
        simulated=fact("simulated", default=False),
    message:
        "Draw the UMAP of {wildcards.dataset}"
    script:
        "../scripts/plot_umap.py"


rule plot_markers:
    input:
        markers="results/{dataset}/markers.tsv",
        library=library("plot_markers"),
    output:
        pdf="<summary>/figures/markers_{dataset}.pdf",
        png=report(
            "<summary>/figures/markers_{dataset}.png",
            caption="../report/markers.rst",
            category="1 Cells",
            labels={"dataset": "{dataset}", "figure": "markers"},
        ),
        numbers="<summary>/figures/markers_{dataset}.tsv",
    log:
        "logs/plot_markers/{dataset}.log",
    benchmark:
        "benchmarks/plot_markers/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        max_genes=60,
        simulated=fact("simulated", default=False),
    message:
        "Draw the marker genes of {wildcards.dataset}"
    script:
        "../scripts/plot_markers.py"


rule plot_composition:
    input:
        donors="results/{dataset}/composition_donors.tsv",
        tests="results/{dataset}/composition.tsv",
        samples=local(sheet),
        library=library("plot_composition"),
    output:
        pdf="<summary>/figures/composition_{dataset}.pdf",
        png=report(
            "<summary>/figures/composition_{dataset}.png",
            caption="../report/composition.rst",
            category="2 Donors",
            labels={"dataset": "{dataset}", "figure": "composition"},
        ),
        numbers="<summary>/figures/composition_{dataset}.tsv",
    log:
        "logs/plot_composition/{dataset}.log",
    benchmark:
        "benchmarks/plot_composition/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        contrasts=lookup("contrasts", within=config),
        replicate=fact("replicate", default="donor"),
        simulated=fact("simulated", default=False),
    message:
        "Draw the cell type composition of {wildcards.dataset}"
    script:
        "../scripts/plot_composition.py"


rule plot_differential:
    input:
        differential="results/{dataset}/differential.tsv.gz",
        skipped="results/{dataset}/differential_skipped.tsv",
        library=library("plot_differential"),
    output:
        pdf="<summary>/figures/differential_{dataset}.pdf",
        png=report(
            "<summary>/figures/differential_{dataset}.png",
            caption="../report/differential.rst",
            category="3 Differential expression",
            labels={"dataset": "{dataset}", "figure": "differential"},
        ),
        numbers="<summary>/figures/differential_{dataset}.tsv",
    log:
        "logs/plot_differential/{dataset}.log",
    benchmark:
        "benchmarks/plot_differential/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        fdr=lookup("differential/fdr", within=config),
        replicate=fact("replicate", default="donor"),
        simulated=fact("simulated", default=False),
    message:
        "Draw how many genes differ in each cell type of {wildcards.dataset}"
    script:
        "../scripts/plot_differential.py"


rule plot_volcano:
    input:
        differential="results/{dataset}/differential.parquet",
        library=library("plot_volcano"),
    output:
        pdf="<summary>/figures/volcano_{dataset}_{contrast}.pdf",
        png=report(
            "<summary>/figures/volcano_{dataset}_{contrast}.png",
            caption="../report/volcano.rst",
            category="3 Differential expression",
            labels={"dataset": "{dataset}", "contrast": "{contrast}", "figure": "volcano"},
        ),
        numbers="<summary>/figures/volcano_{dataset}_{contrast}.tsv",
    log:
        "logs/plot_volcano/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/plot_volcano/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        fdr=lookup("differential/fdr", within=config),
        n_labels=8,
        replicate=fact("replicate", default="donor"),
        simulated=fact("simulated", default=False),
    message:
        "Draw the genes of {wildcards.contrast} in {wildcards.dataset}"
    script:
        "../scripts/plot_volcano.py"


rule plot_gene_heatmap:
    input:
        differential="results/{dataset}/differential.parquet",
        expression="results/{dataset}/expression_donors.parquet",
        samples=local(sheet),
        library=library("plot_gene_heatmap"),
    output:
        pdf="<summary>/figures/gene_heatmap_{dataset}_{contrast}.pdf",
        png=report(
            "<summary>/figures/gene_heatmap_{dataset}_{contrast}.png",
            caption="../report/gene_heatmap.rst",
            category="3 Differential expression",
            labels={"dataset": "{dataset}", "contrast": "{contrast}", "figure": "gene heatmap"},
        ),
        numbers="<summary>/figures/gene_heatmap_{dataset}_{contrast}.tsv",
    log:
        "logs/plot_gene_heatmap/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/plot_gene_heatmap/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        contrast_levels=lookup("contrasts/{contrast}", within=config),
        fdr=lookup("differential/fdr", within=config),
        n_genes=10,
        replicate=fact("replicate", default="donor"),
        simulated=fact("simulated", default=False),
    message:
        "Draw the top genes of {wildcards.contrast} in every donor of {wildcards.dataset}"
    script:
        "../scripts/plot_gene_heatmap.py"


rule plot_running_sums:
    input:
        enrichment="results/{dataset}/enrichment.tsv.gz",
        differential="results/{dataset}/differential.parquet",
        members="<summary>/gene_sets/members.tsv",
        orthologs=local(ortholog_table),
        library=library("plot_running_sums"),
    output:
        pdf="<summary>/figures/running_sums_{dataset}_{contrast}.pdf",
        png=report(
            "<summary>/figures/running_sums_{dataset}_{contrast}.png",
            caption="../report/running_sums.rst",
            category="4 Pathways",
            labels={"dataset": "{dataset}", "contrast": "{contrast}", "figure": "running sums"},
        ),
        numbers="<summary>/figures/running_sums_{dataset}_{contrast}.tsv",
    log:
        "logs/plot_running_sums/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/plot_running_sums/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        named=lookup("enrichment/running_sums", within=config),
        fdr=lookup("differential/fdr", within=config),
        replicate=fact("replicate", default="donor"),
        simulated=fact("simulated", default=False),
    message:
        "Draw the running sums of gene sets of {wildcards.contrast} in {wildcards.dataset}"
    script:
        "../scripts/plot_running_sums.py"


rule plot_pathways:
    input:
        tests="results/{dataset}/pathway_tests/{contrast}.tsv",
        donors="results/{dataset}/pathway_donors.parquet",
        samples=local(sheet),
        library=library("plot_pathways"),
    output:
        pdf="<summary>/figures/pathways_{dataset}_{contrast}.pdf",
        png=report(
            "<summary>/figures/pathways_{dataset}_{contrast}.png",
            caption="../report/pathways.rst",
            category="4 Pathways",
            labels={"dataset": "{dataset}", "contrast": "{contrast}", "figure": "pathways"},
        ),
        numbers="<summary>/figures/pathways_{dataset}_{contrast}.tsv",
    log:
        "logs/plot_pathways/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/plot_pathways/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        contrast_levels=lookup("contrasts/{contrast}", within=config),
        min_cells=lookup("pseudobulk/min_cells", within=config),
        fdr=lookup("differential/fdr", within=config),
        replicate=fact("replicate", default="donor"),
        simulated=fact("simulated", default=False),
    message:
        "Draw the pathway effects of {wildcards.contrast} in {wildcards.dataset}"
    script:
        "../scripts/plot_pathways.py"


rule plot_pathway_donors:
    input:
        donors="results/{dataset}/pathway_donors.parquet",
        tests="results/{dataset}/pathway_tests/{contrast}.tsv",
        samples=local(sheet),
        library=library("plot_pathway_donors"),
    output:
        pdf="<summary>/figures/pathway_donors_{dataset}_{contrast}.pdf",
        png=report(
            "<summary>/figures/pathway_donors_{dataset}_{contrast}.png",
            caption="../report/pathway_donors.rst",
            category="4 Pathways",
            labels={"dataset": "{dataset}", "contrast": "{contrast}", "figure": "pathway donors"},
        ),
        numbers="<summary>/figures/pathway_donors_{dataset}_{contrast}.tsv",
    log:
        "logs/plot_pathway_donors/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/plot_pathway_donors/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        contrast_levels=lookup("contrasts/{contrast}", within=config),
        n_panels=12,
        replicate=fact("replicate", default="donor"),
        simulated=fact("simulated", default=False),
    message:
        "Draw the donors behind the pathways of {wildcards.contrast} in {wildcards.dataset}"
    script:
        "../scripts/plot_pathway_donors.py"


rule plot_pathway_views:
    input:
        views="results/{dataset}/pathway_views.tsv",
        library=library("plot_pathway_views"),
    output:
        pdf="<summary>/figures/pathway_views_{dataset}_{contrast}.pdf",
        png=report(
            "<summary>/figures/pathway_views_{dataset}_{contrast}.png",
            caption="../report/pathway_views.rst",
            category="4 Pathways",
            labels={"dataset": "{dataset}", "contrast": "{contrast}", "figure": "pathway views"},
        ),
        numbers="<summary>/figures/pathway_views_{dataset}_{contrast}.tsv",
    log:
        "logs/plot_pathway_views/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/plot_pathway_views/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        fdr=lookup("differential/fdr", within=config),
        n_labels=8,
        simulated=fact("simulated", default=False),
    message:
        "Draw activity against enrichment of {wildcards.contrast} in {wildcards.dataset}"
    script:
        "../scripts/plot_pathway_views.py"


rule plot_gene_panel:
    input:
        table="results/{dataset}/gene_panel.tsv",
        library=library("plot_gene_panel"),
    output:
        pdf="<summary>/figures/gene_panel_{dataset}_{contrast}.pdf",
        png=report(
            "<summary>/figures/gene_panel_{dataset}_{contrast}.png",
            caption="../report/gene_panel.rst",
            category="4 Pathways",
            labels={"dataset": "{dataset}", "contrast": "{contrast}", "figure": "gene panel"},
        ),
        numbers="<summary>/figures/gene_panel_{dataset}_{contrast}.tsv",
    log:
        "logs/plot_gene_panel/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/plot_gene_panel/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        fdr=lookup("differential/fdr", within=config),
        simulated=fact("simulated", default=False),
    message:
        "Draw the ALS genes of {wildcards.contrast} in {wildcards.dataset}"
    script:
        "../scripts/plot_gene_panel.py"


rule plot_genotypes:
    input:
        tests="results/{dataset}/pathway_tests.tsv",
        genes="results/{dataset}/gene_panel.tsv",
        library=library("plot_genotypes"),
    output:
        pdf="<summary>/figures/genotypes_{dataset}.pdf",
        png=report(
            "<summary>/figures/genotypes_{dataset}.png",
            caption="../report/genotypes.rst",
            category="4 Pathways",
            labels={"dataset": "{dataset}", "figure": "genotypes"},
        ),
        numbers="<summary>/figures/genotypes_{dataset}.tsv",
    log:
        "logs/plot_genotypes/{dataset}.log",
    benchmark:
        "benchmarks/plot_genotypes/{dataset}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        contrasts=contrast_definitions,
        fdr=lookup("differential/fdr", within=config),
        n_sets=20,
        n_genes=12,
        replicate=fact("replicate", default="donor"),
        simulated=fact("simulated", default=False),
    message:
        "Draw the contrasts of {wildcards.dataset} side by side"
    script:
        "../scripts/plot_genotypes.py"


rule plot_tdp43:
    input:
        genes="results/{dataset}/tdp43_genes.tsv",
        index="results/{dataset}/tdp43_index.tsv",
        donors="results/{dataset}/tdp43_donors.tsv",
        samples=local(sheet),
        library=library("plot_tdp43"),
    output:
        pdf="<summary>/figures/tdp43_{dataset}_{contrast}.pdf",
        png=report(
            "<summary>/figures/tdp43_{dataset}_{contrast}.png",
            caption="../report/tdp43.rst",
            category="4 Pathways",
            labels={"dataset": "{dataset}", "contrast": "{contrast}", "figure": "tdp43"},
        ),
        numbers="<summary>/figures/tdp43_{dataset}_{contrast}.tsv",
    log:
        "logs/plot_tdp43/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/plot_tdp43/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        contrast_levels=lookup("contrasts/{contrast}", within=config),
        fdr=lookup("differential/fdr", within=config),
        replicate=fact("replicate", default="donor"),
        simulated=fact("simulated", default=False),
    message:
        "Draw the targets of TDP-43 of {wildcards.contrast} in {wildcards.dataset}"
    script:
        "../scripts/plot_tdp43.py"


rule plot_ligand_receptor:
    input:
        table="results/{dataset}/ligand_receptor.tsv",
        library=library("plot_ligand_receptor"),
    output:
        pdf="<summary>/figures/ligand_receptor_{dataset}_{contrast}.pdf",
        png=report(
            "<summary>/figures/ligand_receptor_{dataset}_{contrast}.png",
            caption="../report/ligand_receptor.rst",
            category="4 Pathways",
            labels={"dataset": "{dataset}", "contrast": "{contrast}", "figure": "ligand receptor"},
        ),
        numbers="<summary>/figures/ligand_receptor_{dataset}_{contrast}.tsv",
    log:
        "logs/plot_ligand_receptor/{dataset}/{contrast}.log",
    benchmark:
        "benchmarks/plot_ligand_receptor/{dataset}/{contrast}.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        fdr=lookup("differential/fdr", within=config),
        n_pairs=40,
        simulated=fact("simulated", default=False),
    message:
        "Draw the ligands and receptors of {wildcards.contrast} in {wildcards.dataset}"
    script:
        "../scripts/plot_ligand_receptor.py"


rule plot_pathway_heatmap:
    input:
        tests=expand_datasets("results/{dataset}/pathway_tests.tsv"),
        skipped=expand_datasets("results/{dataset}/differential_skipped.tsv"),
        library=library("plot_pathway_heatmap"),
    output:
        pdf="<summary>/figures/pathway_heatmap.pdf",
        png=report(
            "<summary>/figures/pathway_heatmap.png",
            caption="../report/pathway_heatmap.rst",
            category="5 All datasets",
            labels={"figure": "pathway heatmap"},
        ),
        numbers="<summary>/figures/pathway_heatmap.tsv",
    log:
        "logs/plot_pathway_heatmap/plot_pathway_heatmap.log",
    benchmark:
        "benchmarks/plot_pathway_heatmap/plot_pathway_heatmap.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        fdr=lookup("differential/fdr", within=config),
        simulated=STAMPED,
    message:
        "Draw all pathway effects of all datasets"
    script:
        "../scripts/plot_pathway_heatmap.py"


rule plot_tissue_dish:
    input:
        programmes="<summary>/synthesis/programmes.tsv",
        library=library("plot_tissue_dish"),
    output:
        pdf="<summary>/figures/tissue_dish.pdf",
        png=report(
            "<summary>/figures/tissue_dish.png",
            caption="../report/tissue_dish.rst",
            category="5 All datasets",
            labels={"figure": "tissue dish"},
        ),
        numbers="<summary>/figures/tissue_dish.tsv",
    log:
        "logs/plot_tissue_dish/plot_tissue_dish.log",
    benchmark:
        "benchmarks/plot_tissue_dish/plot_tissue_dish.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        n_labels=8,
        simulated=STAMPED,
    message:
        "Draw tissue against dish"
    script:
        "../scripts/plot_tissue_dish.py"


rule plot_directions:
    input:
        directions="<summary>/synthesis/directions.tsv",
        library=library("plot_directions"),
    output:
        pdf="<summary>/figures/directions.pdf",
        png=report(
            "<summary>/figures/directions.png",
            caption="../report/directions.rst",
            category="5 All datasets",
            labels={"figure": "six directions"},
        ),
        numbers="<summary>/figures/directions.tsv",
    log:
        "logs/plot_directions/plot_directions.log",
    benchmark:
        "benchmarks/plot_directions/plot_directions.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        simulated=STAMPED,
        fdr=lookup("differential/fdr", within=config),
        n_rows=8,
    message:
        "Draw the strongest results of the six directions"
    script:
        "../scripts/plot_directions.py"


rule plot_heterogeneity:
    input:
        pooled="<summary>/synthesis/pathways.tsv",
        tests=expand_datasets("results/{dataset}/pathway_tests.tsv"),
        library=library("plot_heterogeneity"),
    output:
        pdf="<summary>/figures/heterogeneity.pdf",
        png=report(
            "<summary>/figures/heterogeneity.png",
            caption="../report/heterogeneity.rst",
            category="5 All datasets",
            labels={"figure": "heterogeneity"},
        ),
        numbers="<summary>/figures/heterogeneity.tsv",
    log:
        "logs/plot_heterogeneity/plot_heterogeneity.log",
    benchmark:
        "benchmarks/plot_heterogeneity/plot_heterogeneity.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        systems=systems(),
        cell_types=lookup("synthesis/cell_types", within=config),
        n_sets=8,
        simulated=STAMPED,
    message:
        "Draw the gene sets that differ most between datasets"
    script:
        "../scripts/plot_heterogeneity.py"


rule plot_replication:
    input:
        replication="<summary>/synthesis/replication.tsv",
        library=library("plot_replication"),
    output:
        pdf="<summary>/figures/replication.pdf",
        png=report(
            "<summary>/figures/replication.png",
            caption="../report/replication.rst",
            category="5 All datasets",
            labels={"figure": "replication"},
        ),
        numbers="<summary>/figures/replication.tsv",
    log:
        "logs/plot_replication/plot_replication.log",
    benchmark:
        "benchmarks/plot_replication/plot_replication.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        simulated=STAMPED,
    message:
        "Draw how many hits of a dataset come again in another one"
    script:
        "../scripts/plot_replication.py"


rule plot_biomarkers:
    input:
        tests="<summary>/synthesis/biomarker_tests.tsv",
        library=library("plot_biomarkers"),
    output:
        pdf="<summary>/figures/biomarkers.pdf",
        png=report(
            "<summary>/figures/biomarkers.png",
            caption="../report/biomarkers.rst",
            category="5 All datasets",
            labels={"figure": "biomarkers"},
        ),
        numbers="<summary>/figures/biomarkers.tsv",
    log:
        "logs/plot_biomarkers/plot_biomarkers.log",
    benchmark:
        "benchmarks/plot_biomarkers/plot_biomarkers.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        n_genes=30,
        simulated=STAMPED,
    message:
        "Draw biomarker candidates"
    script:
        "../scripts/plot_biomarkers.py"


rule plot_planted_truth:
    input:
        planted="<summary>/planted.tsv",
        library=library("plot_planted_truth"),
    output:
        pdf="<summary>/figures/planted_truth.pdf",
        png=report(
            "<summary>/figures/planted_truth.png",
            caption="../report/planted_truth.rst",
            category="5 All datasets",
            labels={"figure": "planted truth"},
        ),
        numbers="<summary>/figures/planted_truth.tsv",
    log:
        "logs/plot_planted_truth/plot_planted_truth.log",
    benchmark:
        "benchmarks/plot_planted_truth/plot_planted_truth.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        simulated=STAMPED,
    message:
        "Draw planted against found"
    script:
        "../scripts/plot_planted_truth.py"
