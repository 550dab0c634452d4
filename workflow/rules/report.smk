"""The report, the manifest and the archive: from all tables and figures to one page, one list, one file to hand on."""


rule write_report:
    input:
        infos=local([dataset["info"] for dataset in DATASETS.values()]),
        sheets=local([dataset["sheet"] for dataset in DATASETS.values()]),
        acquired=[path for dataset in DATASETS for path in acquired_files(dataset)],
        quality_limits=expand_datasets("results/{dataset}/quality_limits.tsv", WITH_CELLS),
        ambient=expand_datasets("results/{dataset}/ambient.tsv", WITH_CELLS),
        ambient_hits=expand_datasets(
            "results/{dataset}/ambient_hits.tsv", [name for name in TESTED if name in WITH_CELLS]
        ),
        sample_checks=expand_datasets("results/{dataset}/sample_checks.tsv", WITH_CELLS),
        sample_pairs=expand_datasets("results/{dataset}/sample_pairs.tsv", WITH_CELLS),
        cluster_labels=expand_datasets("results/{dataset}/cluster_labels.tsv", WITH_CELLS),
        label_checks=expand_datasets("results/{dataset}/label_checks.tsv", WITH_CELLS),
        cluster_stability=expand_datasets("results/{dataset}/cluster_stability.tsv", WITH_CELLS),
        embedding=expand_datasets("results/{dataset}/embedding.parquet", WITH_CELLS),
        cell_types=expand_datasets("results/{dataset}/cell_types.parquet", WITH_CELLS),
        pathway_scores=expand_datasets(
            "results/{dataset}/pathway_scores.parquet", [name for name in TESTED if name in WITH_CELLS]
        ),
        composition=expand_datasets("results/{dataset}/composition.tsv"),
        composition_donors=expand_datasets("results/{dataset}/composition_donors.tsv"),
        differential=expand_datasets("results/{dataset}/differential.tsv.gz"),
        differential_power=expand_datasets("results/{dataset}/differential_power.tsv"),
        differential_skipped=expand_datasets("results/{dataset}/differential_skipped.tsv"),
        enrichment=expand_datasets("results/{dataset}/enrichment.tsv.gz"),
        gene_sets=["<summary>/gene_sets/sets.tsv"],
        pathway_sets=expand_datasets("results/{dataset}/pathway_sets.tsv"),
        pathway_tests=expand_datasets("results/{dataset}/pathway_tests.tsv"),
        pathway_genes=expand_datasets("results/{dataset}/pathway_genes.tsv.gz"),
        set_coherence=expand_datasets("results/{dataset}/set_coherence.tsv"),
        pathway_views=expand_datasets("results/{dataset}/pathway_views.tsv"),
        gene_panel=expand_datasets("results/{dataset}/gene_panel.tsv"),
        tdp43_genes=expand_datasets("results/{dataset}/tdp43_genes.tsv"),
        tdp43_index=expand_datasets("results/{dataset}/tdp43_index.tsv"),
        ligand_receptor=expand_datasets("results/{dataset}/ligand_receptor.tsv"),
        pathway_artefacts=expand_datasets("results/{dataset}/pathway_artefacts.tsv"),
        calibration=expand_datasets("results/{dataset}/calibration.tsv") if CALIBRATED else [],
        synthesis_pathways=["<summary>/synthesis/pathways.tsv"],
        synthesis_programmes=["<summary>/synthesis/programmes.tsv"],
        synthesis_agreement=["<summary>/synthesis/agreement.tsv"],
        synthesis_genes=["<summary>/synthesis/genes.tsv"],
        synthesis_biomarkers=["<summary>/synthesis/biomarkers.tsv"],
        synthesis_biomarkers_tested=["<summary>/synthesis/biomarkers_tested.tsv"],
        synthesis_replication=["<summary>/synthesis/replication.tsv"],
        directions=["<summary>/synthesis/directions.tsv"],
        planted=["<summary>/planted.tsv"] if PLANTED else [],
        planted_families=["<summary>/planted_families.tsv"] if PLANTED else [],
        planted_genes=["<summary>/planted_genes.tsv"] if PLANTED else [],
        planted_composition=["<summary>/planted_composition.tsv"] if PLANTED else [],
        figures=figure_files("png"),
        template=workflow.source_path("../report/report.html.j2"),
        style=workflow.source_path("../report/report.css"),
        page_script=workflow.source_path("../report/report.js"),
        library=library("write_report"),
    output:
        html=report("<summary>/report.html", caption="../report/report.rst", category="0 Report"),
    log:
        "logs/write_report/write_report.log",
    benchmark:
        "benchmarks/write_report/write_report.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        settings=config,
        simulated=STAMPED,
    message:
        "Write the report"
    script:
        "../scripts/write_report.py"


rule write_config:
    input:
        library=library("write_config"),
    output:
        config="<summary>/config.yaml",
    log:
        "logs/write_config/write_config.log",
    benchmark:
        "benchmarks/write_config/write_config.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        settings=config,
    message:
        "Write the config as this run resolved it"
    script:
        "../scripts/write_config.py"


rule write_dictionary:
    input:
        library=library("write_dictionary"),
    output:
        dictionary="<summary>/data_dictionary.tsv",
    log:
        "logs/write_dictionary/write_dictionary.log",
    benchmark:
        "benchmarks/write_dictionary/write_dictionary.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    message:
        "Write what every column of every table means"
    script:
        "../scripts/write_dictionary.py"


rule write_manifest:
    input:
        files=result_files(),
        library=library("write_manifest"),
    output:
        manifest="<summary>/manifest.tsv",
        software="<summary>/software.tsv",
    log:
        "logs/write_manifest/write_manifest.log",
    benchmark:
        "benchmarks/write_manifest/write_manifest.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        with_cells=WITH_CELLS,
        simulated=SIMULATED,
        jobs=jobs_behind,
    message:
        "List every result file with its checksum, and what made it"
    script:
        "../scripts/write_manifest.py"


rule write_archive:
    input:
        files=result_files(),
        manifest="<summary>/manifest.tsv",
        software="<summary>/software.tsv",
        library=library("write_archive"),
    output:
        archive="<summary>/archive.tar.gz",
    log:
        "logs/write_archive/write_archive.log",
    benchmark:
        "benchmarks/write_archive/write_archive.tsv"
    conda:
        "../../envs/alscell.yaml"
    threads: 1
    params:
        settings=config,
        simulated=STAMPED,
        checkout=checkout,
    message:
        "Pack code, config, tables and figures into one file"
    script:
        "../scripts/write_archive.py"
