"""Config, datasets and samples, read once; and the helpers that rules use. The only file with functions."""

import ast
import csv
import functools
import inspect
import json
import shlex
import subprocess
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import validate

# Every module of the package, named once: under `module: github(...)` only named files are fetched.
LIBRARY = {
    name: workflow.source_path(f"../scripts/alscell/{name}.py")
    for name in (
        "__init__",
        "activity",
        "ambient",
        "ambient_hits",
        "agreement",
        "annotation",
        "archives",
        "artefacts",
        "atlas",
        "biomarkers",
        "bundle",
        "calibration",
        "carriers",
        "cell_classes",
        "cell_table",
        "check",
        "check_cells",
        "check_dataset",
        "check_design",
        "check_gene_sets",
        "check_members",
        "check_schema",
        "claims",
        "clusters",
        "compare_files",
        "composition",
        "contract",
        "counts",
        "crate",
        "dense",
        "depth",
        "digests",
        "design",
        "directions",
        "donor_tests",
        "donor_weights",
        "doublets",
        "downloads",
        "embedding",
        "enrichment",
        "errors",
        "expression",
        "figure_tables",
        "figures",
        "figures_biomarkers",
        "figures_calibration",
        "figures_cells",
        "figures_clusters",
        "figures_composition",
        "figures_directions",
        "figures_dish",
        "figures_enrichment",
        "figures_genes",
        "figures_genotypes",
        "figures_heterogeneity",
        "figures_panels",
        "figures_samples",
        "figures_summary",
        "figures_tests",
        "figures_views",
        "files",
        "full_disk",
        "gene_panel",
        "gene_set_files",
        "gene_sets",
        "genes",
        "geo",
        "given_pseudobulk",
        "h5ad",
        "hidden",
        "influence",
        "integrity",
        "jobs",
        "keys",
        "label_checks",
        "label_transfer",
        "ligand_receptor",
        "loading",
        "loom",
        "moderation",
        "mtx",
        "naming",
        "negative_binomial",
        "neighbors",
        "normalization",
        "orthologs",
        "pathways",
        "planted",
        "pooling",
        "portal",
        "power",
        "programmes",
        "pseudobulk",
        "public_sets",
        "quality",
        "random_sets",
        "ranking",
        "raw_layouts",
        "refinement",
        "replication",
        "report",
        "report_ambient",
        "report_data",
        "report_directions",
        "report_dish",
        "report_gene_sets",
        "report_labels",
        "report_methods",
        "report_panels",
        "report_parts",
        "report_tables",
        "report_text",
        "report_untested",
        "run_status",
        "sample_cells",
        "sample_checks",
        "series_matrix",
        "set_validation",
        "seurat",
        "simulate",
        "simulation_plan",
        "software",
        "sources",
        "tables",
        "tdp43",
        "tenx",
        "text_table",
        "transfer",
        "verification",
        "views",
    )
}
# Shipped resources are named here and not inside an input function: Snakemake lists the folder of cached sources once,
# at the first file it looks for, and takes one that is cached later for missing.
GENE_SETS = "../../resources/gene_sets"
FAMILIES = yaml.safe_load(Path(workflow.source_path(f"{GENE_SETS}/families.yaml")).read_text(encoding="utf-8"))
SHIPPED_SETS = {
    (family, name): {
        ending: workflow.source_path(f"{GENE_SETS}/{family}/{name}.{ending}") for ending in ("gmt", "yaml")
    }
    for family, names in FAMILIES.items()
    for name in names
}
SHIPPED_MARKERS = {
    name: workflow.source_path(f"../../resources/markers/{name}.tsv")
    for name in ("ipsc_motor_neurons", "motor_cortex", "spinal_cord")
}
SHIPPED_GENES = {
    name: workflow.source_path(f"../../resources/genes/{name}.tsv")
    for name in ("human", "mouse", "mouse_human", "current_human", "current_mouse")
}
SHIPPED_LISTS = {
    name: workflow.source_path(f"../../resources/{name}.tsv")
    for name in ("tdp43/targets", "ligand_receptor/neurotrophic")
}
SHIPPED_ALIASES = workflow.source_path("../../resources/genes/former_symbols.tsv")
CITATION = workflow.source_path("../../CITATION.cff")
SHIPPED_TERMS = workflow.source_path("../../resources/ontology/terms.tsv")
SCHEMAS = {
    name: workflow.source_path(f"../schemas/{name}.schema.yaml")
    for name in ("config", "dataset", "samples", "gene_set")
}


def shipped_dataset(entry):
    """Folder files of one entry of config `datasets`: the user's own folder, else the shipped one."""
    folder = entry.get("folder") or None
    names = {"info": "dataset.yaml", "sheet": "samples.tsv"}
    if folder:
        return {key: str(Path(str(folder)) / name) for key, name in names.items()}
    shipped = f"../../resources/datasets/{entry.get('id')}"
    try:
        return {key: workflow.source_path(f"{shipped}/{name}") for key, name in names.items()}
    except (OSError, WorkflowError):
        return names  # of no such folder: check_inputs() tells the user


def check_inputs():
    """Everything a user can get wrong in config, dataset and sample files, all of it at once, before any job."""
    entries = config.get("datasets")
    listed = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    request = {
        "config": config,
        "schemas": SCHEMAS,
        "datasets": [shipped_dataset(entry) for entry in listed],
        "config_files": [str(path) for path in workflow.configfiles],
        "shipped_sets": FAMILIES,
    }
    answer = subprocess.run(
        [sys.executable, workflow.source_path("../scripts/check_inputs.py")],
        input=json.dumps(request, default=str),
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise WorkflowError(answer.stderr.strip())
    if answer.stdout:
        print(answer.stdout.strip(), file=sys.stderr)  # at this point Snakemake shows no logger.info
    if answer.stderr:
        logger.warning(answer.stderr.strip())


def read_dataset(entry):
    """One dataset: its facts, its samples by name, and where both are written."""
    paths = shipped_dataset(entry)
    info = yaml.safe_load(Path(paths["info"]).read_text(encoding="utf-8-sig"))
    with open(paths["sheet"], encoding="utf-8-sig", newline="") as stream:
        rows = [line for line in stream if line.strip() and not line.startswith("#")]
    samples = {row["sample"]: row for row in csv.DictReader(rows, delimiter="\t")}
    source = info["source"]
    if "files" not in source:  # of a folder on this machine: those that the sheet names, and what belongs to them
        folder = Path(config["data_folder"]) / source["path"]
        named = dict.fromkeys(row["file"] for row in samples.values())
        around = {(folder / file).parent for file in named}
        there = {str(path.relative_to(folder)) for place in around for path in place.iterdir() if path.is_file()}
        beside = [name for file in named for name in companions(file, there, info)]
        table = [info["cells"]["table"]] if (info.get("cells") or {}).get("table") else []
        source["files"] = [{"name": name} for name in dict.fromkeys([*named, *beside, *table])]
    for row in samples.values():
        row["file"] = row.get("file") or source["files"][0]["name"]
    if config["download"]["simulated_mirror"]:
        info["simulated"] = True
    return {**paths, **entry, "facts": info, "samples": samples}


def companions(file, names, facts):
    """Genes and barcodes that belong to a loose matrix.mtx, among the names of a dataset's raw files."""
    parts = facts.get("parts") or {"matrix": "matrix.mtx", "features": "features.tsv", "barcodes": "barcodes.tsv"}
    parts = {key: name.removesuffix(".gz") for key, name in parts.items()}
    stem = file.removesuffix(".gz")
    if facts["layout"] != "10x_mtx" or not stem.endswith(parts["matrix"]):
        return []
    start = stem.removesuffix(parts["matrix"])
    wanted = [parts["features"], parts["barcodes"], *(["genes.tsv"] if not facts.get("parts") else [])]
    return sorted(name for name in names if name.removesuffix(".gz") in {start + part for part in wanted})


if workflow.is_main_process:
    check_inputs()
validate(config, SCHEMAS["config"])
DATASETS = {entry["id"]: read_dataset(entry) for entry in config["datasets"]}
TESTED = [name for name, dataset in DATASETS.items() if dataset["contrasts"]]  # a reference has none
WITH_CELLS = [name for name, dataset in DATASETS.items() if dataset["facts"]["enters_at"] != "pseudobulk"]
LEARNING = [name for name in WITH_CELLS if DATASETS[name]["facts"].get("labels_from")]
SIMULATED = [name for name, dataset in DATASETS.items() if dataset["facts"]["source"].get("simulation")]
PLANTED = [name for name in SIMULATED if name in TESTED]  # what was planted there can be looked for
SUMMARY_FIGURES = ("directions", "pathway_heatmap", "heterogeneity", "tissue_dish", "replication", "biomarkers")
SYNTHESIS = (
    *("pathways", "programmes", "agreement", "genes", "biomarkers", "biomarker_tests"),
    *("biomarkers_tested", "replication", "directions"),
)
STAMPED = [name for name, dataset in DATASETS.items() if dataset["facts"].get("simulated")]  # whoever made the data
COLLECTIONS = {entry["name"]: entry for entry in config["pathways"]["collections"]}
CALIBRATED = config["calibration"]["in_report"]  # else `snakemake calibration` only
NEVER = "(?!)"  # matches nothing: keeps a rule out where no dataset asks for it


wildcard_constraints:
    dataset="|".join(DATASETS),
    contrast="|".join(config["contrasts"]),
    sample="[A-Za-z0-9_.-]+",


@functools.cache
def imported(path):
    """Modules of the package that one file imports; each file is read once, however many rules ask."""
    found = set()
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "alscell":
            name = node.module.partition(".")[2]
            found |= {name} if name else {alias.name for alias in node.names}
    return found


def library(script):
    """Modules that a script imports, directly or through others; as inputs, an edit reruns what depends on it."""
    waiting, found = [workflow.source_path(f"../scripts/{script}.py")], {"__init__"}
    while waiting:
        new = imported(waiting.pop()) - found
        found |= new
        waiting += [LIBRARY[name] for name in new]
    return [LIBRARY[name] for name in sorted(found)]


def fact(*keys, default=None):
    """A value of dataset.yaml, as a function of the wildcard `dataset`."""

    def of_dataset(wildcards):
        value = DATASETS[wildcards.dataset]["facts"]
        for key in keys:
            value = (value or {}).get(key)
        return default if value is None else value

    return of_dataset


def cell(column):
    """A value of samples.tsv, as a function of the wildcards `dataset` and `sample`; '' where the sheet has none."""

    def of_sample(wildcards):
        return DATASETS[wildcards.dataset]["samples"][wildcards.sample].get(column) or ""

    return of_sample


def sheet(wildcards):
    """The sample sheet of a dataset."""
    return DATASETS[wildcards.dataset]["sheet"]


def sheet_columns(*columns):
    """Some columns of samples.tsv, as {sample: {column: value}}: an edit of the other columns reruns nothing."""

    def of_dataset(wildcards):
        rows = DATASETS[wildcards.dataset]["samples"]
        return {name: {key: row[key] for key in columns if key in row} for name, row in rows.items()}

    return of_dataset


def raw_file(wildcards):
    """The raw file that holds a sample."""
    return f"results/{wildcards.dataset}/raw/{cell('file')(wildcards)}"


def raw_files(dataset):
    """All raw files of a dataset, as dataset.yaml lists them."""
    return [f"results/{dataset}/raw/{entry['name']}" for entry in DATASETS[dataset]["facts"]["source"]["files"]]


def acquired_files(dataset):
    """Size, checksum and source of all raw files of a dataset, a table for each."""
    return [
        f"results/{dataset}/acquired/{entry['name']}.tsv" for entry in DATASETS[dataset]["facts"]["source"]["files"]
    ]


def origin(wildcards):
    """Where dataset.yaml says that the raw files are, and the source's own list of them."""
    source = DATASETS[wildcards.dataset]["facts"]["source"]
    return {key: source.get(key) or "" for key in ("url", "zenodo", "listing")}


def raw_entry(wildcards):
    """The entry of dataset.yaml's `source.files` for one raw file: name, url, size, sha256."""
    entries = DATASETS[wildcards.dataset]["facts"]["source"]["files"]
    return next(entry for entry in entries if entry["name"] == wildcards.file)


def local_copy(wildcards):
    """Where a raw file lies on this machine: in a folder that stands for the address, else in data_folder."""
    source, mirror = DATASETS[wildcards.dataset]["facts"]["source"], config["download"]["mirror"]
    folder = Path(config["data_folder"]) / (source.get("path") or wildcards.dataset)
    if not source.get("path") and mirror and "://" not in mirror:
        folder = Path(mirror) / wildcards.dataset
    return str(folder / wildcards.file)


def local_copy_if_there(wildcards):
    """The local copy as an input, so that a changed file reruns what depends on it; nothing while there is none."""
    return [path for path in [local_copy(wildcards)] if Path(path).exists()]


def ways_to_fetch(wildcards, output):
    """Mirror, tries and local place of a raw file. Because it asks for `output`, Snakemake reruns nothing when they change."""
    ways = {**config["download"], "place": local_copy(wildcards)}
    del ways["simulated_mirror"]  # a parameter of its own: made-up files must not stay when the real ones are asked for
    return ways


def raw_beside(wildcards):
    """Raw files that belong to a sample's own one: genes and barcodes of a loose matrix, the table of cells."""
    facts = DATASETS[wildcards.dataset]["facts"]
    names = [entry["name"] for entry in facts["source"]["files"]]
    beside = companions(cell("file")(wildcards), names, facts) + [facts.get("cells", {}).get("table")]
    return [f"results/{wildcards.dataset}/raw/{name}" for name in beside if name]


def reading(wildcards):
    """What dataset.yaml says of how a raw file is read."""
    facts = DATASETS[wildcards.dataset]["facts"]
    texts = {key: facts.get(key) or "" for key in ("organism", "layout", "orientation", "symbol", "gene_id", "layer")}
    return {**texts, **{key: facts.get(key) or {} for key in ("parts", "cells", "cell_types")}}


def repeated(wildcards):
    """Donor and condition of a sample, to be compared with the data; where it does not hold them, an edit reruns nothing.

    With a member '@n' also the number of rows that share file and condition: the data must hold as many samples.
    """
    facts = DATASETS[wildcards.dataset]["facts"]
    named = facts.get("cells") or {}
    said = {key: cell(key)(wildcards) for key in ("donor", "condition") if key in named}
    said |= {"sample": wildcards.sample} if "table" in named else {}
    said |= {"conditions": facts["conditions"]} if facts.get("conditions") else {}
    if not cell("member")(wildcards).startswith("@"):
        return said
    shared = [key for key in ("file", "condition") if key == "file" or key in named]
    rows = [row for row in DATASETS[wildcards.dataset]["samples"].values() if row.get("member", "").startswith("@")]
    alike = [row for row in rows if all(row[key] == cell(key)(wildcards) for key in shared)]
    return said | {"n_numbered": str(len(alike))}


def sheet_column(column):
    """One column of a sample sheet, by sample: a rule that takes it reruns for an edit of that column only."""

    def of_dataset(wildcards):
        return {name: row.get(column) or "" for name, row in DATASETS[wildcards.dataset]["samples"].items()}

    return of_dataset


def per_sample(pattern):
    """A path pattern filled with every sample of the wildcard `dataset`."""

    def of_dataset(wildcards):
        return [
            pattern.format(dataset=wildcards.dataset, sample=name) for name in DATASETS[wildcards.dataset]["samples"]
        ]

    return of_dataset


def per_contrast(pattern):
    """A path pattern filled with every contrast of the wildcard `dataset`."""

    def of_dataset(wildcards):
        names = DATASETS[wildcards.dataset]["contrasts"]
        return [pattern.format(dataset=wildcards.dataset, contrast=name) for name in names]

    return of_dataset


def expand_datasets(pattern, datasets=tuple(TESTED)):
    """A path pattern filled with datasets (those with contrasts, unless named) and, where it has that slot, each one's contrasts."""
    return [
        pattern.replace("{dataset}", name).replace("{contrast}", contrast)
        for name in datasets
        for contrast in (DATASETS[name]["contrasts"] if "{contrast}" in pattern else [""])
    ]


def all_samples(pattern):
    """A path pattern filled with every sample of every dataset that has cells."""
    return [
        pattern.replace("{dataset}", name).replace("{sample}", sample)
        for name in WITH_CELLS
        for sample in DATASETS[name]["samples"]
    ]


def figure_files(suffix):
    """Every figure of this run, with one suffix: pdf, png or tsv."""
    folder = "<summary>/figures"
    with_cells = ("quality", "ambient", "sex", "cluster_stability", "umap", "markers")
    by_dataset = ("composition", "differential", "genotypes")
    by_contrast = (
        *("volcano", "gene_heatmap", "running_sums"),
        *("pathways", "pathway_donors", "pathway_views", "gene_panel", "tdp43", "ligand_receptor"),
        *(["calibration"] if CALIBRATED else []),
    )
    return [
        *(path for name in with_cells for path in expand_datasets(f"{folder}/{name}_{{dataset}}.{suffix}", WITH_CELLS)),
        *(path for name in by_dataset for path in expand_datasets(f"{folder}/{name}_{{dataset}}.{suffix}")),
        *(
            path
            for name in by_contrast
            for path in expand_datasets(f"{folder}/{name}_{{dataset}}_{{contrast}}.{suffix}")
        ),
        *(f"{folder}/{name}.{suffix}" for name in SUMMARY_FIGURES),
        *([f"{folder}/planted_truth.{suffix}"] if PLANTED else []),
    ]


def result_files():
    """Every result of this run but raw files and the manifest itself: what the manifest lists."""
    folder = "results/{dataset}"
    with_cells = (
        *(
            "embedding.parquet",
            "graph.npz",
            "clusters.parquet",
            "cluster_stability.tsv",
            "cluster_labels.tsv",
            "label_checks.tsv",
        ),
        *("cell_types.parquet", "markers.tsv", "atlas.h5ad", "atlas_schema.tsv", "quality_limits.tsv"),
        *("sample_checks.tsv", "sample_pairs.tsv", "ambient.tsv", "ambient_genes.tsv"),
    )
    by_dataset = (
        *("differential.parquet", "differential.tsv.gz", "differential_skipped.tsv", "differential_power.tsv"),
        *("expression_donors.parquet", "enrichment.tsv.gz"),
        *(
            "rank_profiles.h5ad",
            "pathway_donors.parquet",
            "pathway_sets.tsv",
            "pathway_depth.tsv",
            "pathway_tests.tsv",
            "pathway_genes.tsv.gz",
            "set_coherence.tsv",
            "pathway_views.tsv",
            "pathway_artefacts.tsv",
            "composition.tsv",
            "composition_donors.tsv",
            "gene_panel.tsv",
            "tdp43_genes.tsv",
            "tdp43_index.tsv",
            "tdp43_donors.tsv",
            "ligand_receptor.tsv",
        ),
    )
    by_contrast = ("pathway_tests/{contrast}.tsv",)
    calibration = [
        *("calibration.tsv", "calibration_histogram.tsv"),
        *("calibration/{contrast}.tsv", "calibration_histogram/{contrast}.tsv"),
    ]
    truth = ("pathways.tsv", "genes.tsv", "composition.tsv", "cells.tsv.gz")
    return [
        *(path for dataset in DATASETS for path in acquired_files(dataset)),
        *(
            path
            for name in (
                *("counts.h5ad", "loaded.tsv", "quality.parquet", "quality_limits.tsv"),
                *("ambient.tsv", "ambient_profile.parquet"),
            )
            for path in all_samples(f"{folder}/samples/{{sample}}/{name}")
        ),
        *(path for name in with_cells for path in expand_datasets(f"{folder}/{name}", WITH_CELLS)),
        *expand_datasets(f"{folder}/learned_markers.tsv", LEARNING),
        *expand_datasets(f"{folder}/pseudobulk.h5ad", DATASETS),
        *(
            path
            for name in ("pathway_scores.parquet", "ambient_hits.tsv")
            for path in expand_datasets(f"{folder}/{name}", [name for name in TESTED if name in WITH_CELLS])
        ),
        *(path for name in by_dataset + by_contrast for path in expand_datasets(f"{folder}/{name}")),
        *(path for name in calibration if CALIBRATED for path in expand_datasets(f"{folder}/{name}")),
        *(path for name in truth for path in expand_datasets(f"{folder}/truth/{name}", SIMULATED)),
        *(f"<summary>/synthesis/{name}.tsv" for name in SYNTHESIS),
        *(f"<summary>/gene_sets/{name}.tsv" for name in ("members", "sets", "overlap")),
        *(f"<summary>/gene_sets/collections/{name}.{ending}" for name in COLLECTIONS for ending in ("gmt", "tsv")),
        *(
            f"<summary>/{name}.tsv"
            for name in ("planted", "planted_families", "planted_genes", "planted_composition")
            if PLANTED
        ),
        *(path for suffix in ("pdf", "png", "tsv") for path in figure_files(suffix)),
        "<summary>/report.html",
        "<summary>/config.yaml",
        "<summary>/data_dictionary.tsv",
    ]


def cell_limits():
    """Config `quality` without the key that changes no cell, so that an edit of that one measures no cell again."""
    return {key: value for key, value in {**config["quality"]}.items() if key != "allow_shared_cells"}


def systems():
    """Each dataset's system: tissue or dish."""
    return {name: dataset["facts"]["system"] for name, dataset in DATASETS.items()}


def organisms():
    """Each dataset's organism: human or mouse."""
    return {name: dataset["facts"]["organism"] for name, dataset in DATASETS.items()}


def planted_contrasts():
    """Contrasts of each simulated dataset whose case arm carries the planted change, and whose control arm does not."""
    found = {}
    for name in PLANTED:
        folder = Path(DATASETS[name]["info"]).parent
        plan = yaml.safe_load((folder / DATASETS[name]["facts"]["source"]["simulation"]).read_text(encoding="utf-8"))
        changed = set(plan["case"])
        listed = {contrast: config["contrasts"][contrast] for contrast in DATASETS[name]["contrasts"]}
        found[name] = [
            contrast
            for contrast, arms in listed.items()
            if arms["factor"] == "condition" and changed >= set(arms["case"]) and not changed & set(arms["control"])
        ]
    return found


def dataset_files(wildcards):
    """All raw files of the wildcard `dataset`."""
    return raw_files(wildcards.dataset)


def contrast_definitions(wildcards):
    """Factor and arms of every contrast of a dataset, by name."""
    return {name: config["contrasts"][name] for name in DATASETS[wildcards.dataset]["contrasts"]}


def fit_choices():
    """How counts are fitted and tested: config `differential` without the key that says which contrasts are."""
    return {key: value for key, value in {**config["differential"]}.items() if key != "min_donors"}


def set_sizes():
    """Limits of gene sets in config `enrichment`."""
    return {key: config["enrichment"][key] for key in ("min_size", "max_size")}


def covariates(wildcards):
    """Covariates of a dataset's design, as config lists them."""
    return DATASETS[wildcards.dataset].get("covariates", [])


def marker_file(wildcards):
    """Marker table of a dataset: a file in its own folder, else a shipped one."""
    name = DATASETS[wildcards.dataset]["facts"].get("markers", "spinal_cord")
    own = Path(DATASETS[wildcards.dataset]["info"]).parent / f"{name}.tsv"
    return str(own) if own.exists() else SHIPPED_MARKERS[name]


def reference_file(wildcards):
    """The labeled h5ad that names a dataset's cells."""
    return str(Path(config["data_folder"]) / DATASETS[wildcards.dataset]["facts"]["labels_from"]["file"])


def learned_markers(wildcards):
    """Markers learned from that h5ad, which take the place of the marker table; nothing for a dataset without it."""
    return [f"results/{wildcards.dataset}/learned_markers.tsv"] if wildcards.dataset in LEARNING else []


def portal_facts(wildcards):
    """What dataset.yaml says that the CELLxGENE schema asks for."""
    facts = DATASETS[wildcards.dataset]["facts"]
    texts = {key: facts[key] for key in ("title", "organism", "tissue", "system", "assay")}
    return {**texts, "simulated": bool(facts.get("simulated")), "cellxgene": facts.get("cellxgene") or {}}


def gene_table(wildcards):
    """Ensembl ids and symbols of the organism of a dataset."""
    return SHIPPED_GENES[fact("organism")(wildcards)]


def current_genes(wildcards):
    """Ensembl ids that the CELLxGENE schema knows, of the organism of a dataset."""
    return SHIPPED_GENES[f"current_{fact('organism')(wildcards)}"]


def ortholog_table(wildcards):
    """Mouse and human symbols, for a mouse dataset, whose gene sets and markers are human; nothing for a human one."""
    return [SHIPPED_GENES["mouse_human"]] if fact("organism")(wildcards) == "mouse" else []


def chosen_sets():
    """Family and name of the shipped sets that config chooses, family by family."""
    return [(family, name) for family in config["pathways"]["families"] for name in FAMILIES[family]]


def shipped_set_files(ending):
    """Files of the chosen shipped sets, all with one ending: gmt or yaml."""
    return [SHIPPED_SETS[key][ending] for key in chosen_sets()]


def families_of_shipped_sets():
    """The family of each of these files."""
    return [family for family, _ in chosen_sets()]


def own_set_facts():
    """YAML files that lie beside the user's GMT files."""
    beside = [Path(name).with_suffix(".yaml") for name in config["pathways"]["gene_sets"]]
    return [str(path) for path in beside if path.exists()]


def collection_entry(wildcards):
    """What config says of a public collection; without an MSigDB version it is a library of Enrichr."""
    return {"msigdb": "", **COLLECTIONS[wildcards.collection]}


def collection_file(wildcards):
    """The user's own GMT file in the place of a public collection, where config names one."""
    return [path for path in [COLLECTIONS[wildcards.collection].get("gmt")] if path]


def ways_to_fetch_sets(wildcards, output):
    """Cache, lock folder and offline. Because it asks for `output`, Snakemake reruns nothing when they change."""
    return {key: config["download"][key] for key in ("cache", "locks", "offline")}


def simulation_file(wildcards):
    """The description of a simulated cohort, beside its dataset.yaml."""
    folder = Path(DATASETS[wildcards.dataset]["info"]).parent
    return str(folder / DATASETS[wildcards.dataset]["facts"]["source"]["simulation"])


def shipped_sets(wildcards):
    """Every shipped GMT file, whatever config scores: what a simulation may plant."""
    return [files["gmt"] for files in SHIPPED_SETS.values()]


def families_of_all_sets():
    """The family of each of these files."""
    return [family for family, _ in SHIPPED_SETS]


def simulated_samples(wildcards):
    """Rows of the sample sheet with the columns a simulation reads; an edit of any other column makes no new data."""
    columns = ("sample", "donor", "condition", "file", "member", "sex", "batch")
    rows = DATASETS[wildcards.dataset]["samples"].values()
    return [{column: row.get(column) or "" for column in columns} for row in rows]


def jobs_behind(wildcards, input):
    """What made each result: rule, code, parameters. Because it asks for `input`, Snakemake reruns nothing when they change.

    Parameters whose function asks for `output` are left out: they say how a file is fetched, not what is in it.
    """
    makers = [maker for maker in workflow.rules if maker.script]
    made = {path: next(maker for maker in makers if maker.is_producer(path)) for path in input.files}
    of_job = {path: type(wildcards)(fromdict=maker.get_wildcards(path)) for path, maker in made.items()}
    return {
        "rules": {path: maker.name for path, maker in made.items()},
        "parameters": {path: fixed_parameters(maker, of_job[path]) for path, maker in made.items()},
        "sources": {maker.name: rule_sources(maker) for maker in makers if maker in made.values()},
    }


def fixed_parameters(maker, wildcards):
    """The parameters of one job of a rule, but for those that hang on its inputs or outputs."""
    named = {name: value for name, value in maker.params.items() if not callable(value) or takes_wildcards_only(value)}
    return {name: value(wildcards) if callable(value) else value for name, value in named.items()}


def takes_wildcards_only(function):
    """Whether a function of a rule asks for nothing but the wildcards."""
    return len(inspect.signature(function).parameters) == 1


def rule_sources(maker):
    """Rules file, script and modules of a rule, and its name as it stands there: `module:` gives it another."""
    name = Path(str(maker.script)).stem
    script = workflow.source_path(f"../scripts/{name}.py")
    return {"name": name, "rules": str(maker.snakefile), "script": script, "modules": library(name)}


def checkout(wildcards, output):
    """The folder of this workflow. Because it asks for `output`, moving it makes no archive anew."""
    return str(Path(str(next(maker.snakefile for maker in workflow.rules if maker.script))).parents[2])


def run_summary(outcome, logs):
    """Command that prints where the time went, and where the results lie or why jobs failed."""
    script = workflow.source_path("../scripts/summarise_run.py")
    own = [path for path in logs if path.endswith(".snakemake.log")]
    return shlex.join([sys.executable, script, outcome, config["summary_folder"], *(own or [""])[:1], *DATASETS])
