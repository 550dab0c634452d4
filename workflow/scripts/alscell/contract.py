"""Every result file of a run, named once: its path, the rule that writes it, its table and its meaning.

docs/files.md and data_dictionary.tsv are made from this module, tables.py and figure_tables.py; the page so:

    PYTHONPATH=workflow/scripts python -c "from alscell.contract import write_files_page; write_files_page()"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from alscell.figure_tables import FIGURE_TABLES
from alscell.files import write_text
from alscell.tables import TABLES, Table

ALL_TABLES = TABLES | FIGURE_TABLES

SUMMARY = "<summary>"  # folder of config key summary_folder, "results" unless set
# The datasets a file is made for, where it is not made for all.
CELLS, PSEUDOBULK = "datasets with cells", "datasets that enter at pseudobulk"
SIMULATED, REAL = "simulated datasets", "datasets that are not simulated"
LEARNED = "datasets with labels_from"
FETCHED = "public collections"
ASKED = "the targets `archive`, `deposit` and `submission` alone"


@dataclass(frozen=True)
class FileContract:
    """One kind of result file.

    Parameters
    ----------
    pattern : str
        Path from the working folder, with the slots {dataset}, {sample}, {contrast}, {file} and <summary>.
    rule : str
        Rule that writes it.
    table : str
        Key of ALL_TABLES; "" for a file that is no table.
    meaning : str
    only : str
        The datasets it is made for, where not for all.
    """

    pattern: str
    rule: str
    table: str
    meaning: str
    only: str = ""


def _figure(name: str, rule: str, meaning: str, only: str = "") -> tuple[FileContract, ...]:
    table = f"figure_{name.split('_{')[0]}"
    return tuple(
        FileContract(f"{SUMMARY}/figures/{name}.{ending}", rule, drawn, f"{meaning}: {what}", only)
        for ending, what, drawn in (
            ("pdf", "for print", ""),
            ("png", "for screens", ""),
            ("tsv", "the numbers drawn", table),
        )
    )


def _synthesis(name: str, meaning: str, rule: str = "synthesize_datasets") -> tuple[FileContract, ...]:
    path = f"{SUMMARY}/synthesis/{name}.tsv"
    return (FileContract(path, rule, f"synthesis_{name}", meaning),)


def _of_dataset(only: str, *rows: tuple[str, str, str, str]) -> tuple[FileContract, ...]:
    return tuple(FileContract(f"results/{{dataset}}/{name}", *row, only) for name, *row in rows)


# fmt: off
FILES: tuple[FileContract, ...] = (
    FileContract(f"{SUMMARY}/gene_sets/members.tsv", "collect_gene_sets", "gene_set_members", "genes of all gene sets"),
    FileContract(f"{SUMMARY}/gene_sets/sets.tsv", "collect_gene_sets", "gene_sets", "what each set is, and its source"),
    FileContract(f"{SUMMARY}/gene_sets/overlap.tsv", "collect_gene_sets", "gene_set_overlap", "sets that share genes"),
    FileContract(
        f"{SUMMARY}/gene_sets/collections/{{collection}}.gmt", "fetch_collection", "", "sets chosen of it", FETCHED
    ),
    FileContract(
        f"{SUMMARY}/gene_sets/collections/{{collection}}.tsv", "fetch_collection", "collection", "its checksum", FETCHED
    ),
    *_of_dataset(REAL,
        ("raw/{file}", "acquire_file", "", "raw file as its source delivers it, verified"),
        ("acquired/{file}.tsv", "acquire_file", "acquired", "its size, checksum, source, and how it was verified"),
    ),
    *_of_dataset(SIMULATED,
        ("raw/{file}", "simulate_file", "", "raw file in the layout of the public dataset"),
        ("acquired/{file}.tsv", "simulate_file", "acquired", "its size and checksum"),
    ),
    *_of_dataset(CELLS,
        ("samples/{sample}/counts.h5ad", "load_sample", "", "raw counts of a sample: cells x genes, sparse integers"),
        ("samples/{sample}/loaded.tsv", "load_sample", "loaded", "what was read, and what was changed or lost in it"),
        ("samples/{sample}/quality.parquet", "measure_quality", "quality", "measures and flags of every cell"),
        ("samples/{sample}/quality_limits.tsv", "measure_quality", "quality_limits", "limits and status of a sample"),
        ("sample_checks.tsv", "check_samples", "sample_checks", "sex, size and losses of every sample, with notes"),
        ("sample_pairs.tsv", "compare_samples", "sample_pairs", "samples that share cells or barcodes"),
        ("quality_limits.tsv", "gather_quality", "quality_limits", "the same of all samples"),
        ("embedding.parquet", "embed_cells", "embedding", "principal components and UMAP of every kept cell"),
        ("graph.npz", "embed_cells", "", "nearest-neighbor graph, rows as in embedding.parquet"),
        ("clusters.parquet", "cluster_cells", "clusters", "cluster of every kept cell at each resolution"),
        ("cluster_stability.tsv", "cluster_cells", "cluster_stability", "how stable each resolution is"),
        ("cell_types.parquet", "annotate_cells", "cell_types", "cell type of every kept cell"),
        ("cluster_labels.tsv", "annotate_cells", "cluster_labels", "cell type of every cluster, with flags"),
        ("label_checks.tsv", "annotate_cells", "label_checks", "do cells look like what they are called"),
        ("markers.tsv", "annotate_cells", "markers", "marker genes in every cell type"),
        ("samples/{sample}/ambient.tsv", "estimate_ambient", "ambient", "share of ambient RNA in a sample"),
        ("samples/{sample}/ambient_profile.parquet", "estimate_ambient", "ambient_profile", "genes of its soup"),
        ("ambient.tsv", "gather_ambient", "ambient", "share of ambient RNA in every sample"),
        ("ambient_genes.tsv", "gather_ambient", "ambient_genes", "genes that make most of the ambient RNA"),
        ("ambient_hits.tsv", "mark_ambient", "ambient_hits", "differential genes that follow ambient RNA"),
        ("atlas.h5ad", "assemble_atlas", "", "everything about the cells in one AnnData, for people and their tools"),
        ("atlas_schema.tsv", "assemble_atlas", "atlas_schema", "what the CELLxGENE schema asks, and what is known"),
    ),
    *_of_dataset(LEARNED,
        ("learned_markers.tsv", "learn_markers", "learned_markers", "marker genes of the labels of a reference"),
    ),
    *_of_dataset(CELLS, ("pseudobulk.h5ad", "sum_pseudobulk", "", "counts summed by donor and cell type, integers")),
    *_of_dataset(PSEUDOBULK, ("pseudobulk.h5ad", "read_pseudobulk", "", "counts by donor and cell type, as given")),
    *_of_dataset("",
        ("differential.parquet", "test_differential", "differential", "differential expression, all contrasts"),
        ("differential.tsv.gz", "test_differential", "differential", "the same as text"),
        ("differential_skipped.tsv", "test_differential", "differential_skipped", "what was not tested, and why"),
        ("differential_power.tsv", "test_differential", "differential_power", "how large a change could be found"),
        ("expression_donors.parquet", "test_differential", "expression_donors", "expression of tested genes by donor"),
        ("enrichment.tsv.gz", "test_enrichment", "enrichment", "gene sets on differential statistics"),
    ),
    *_of_dataset(CELLS,
        ("pathway_scores.parquet", "score_pathways", "pathway_scores", "score of every gene set in every cell"),
        ("rank_profiles.h5ad", "score_pathways", "", "donor means of gene ranks by cell type, for random sets"),
        ("pathway_donors.parquet", "score_pathways", "pathway_donors", "score of every set by donor and cell type"),
        ("pathway_sets.tsv", "score_pathways", "pathway_sets", "coverage of every gene set, scored or not"),
        ("pathway_depth.tsv", "score_pathways", "pathway_depth", "correlation of every score with depth, among cells"),
    ),
    *_of_dataset(PSEUDOBULK,
        ("rank_profiles.h5ad", "score_pseudobulk", "", "gene ranks by donor and cell type, for random sets"),
        ("pathway_donors.parquet", "score_pseudobulk", "pathway_donors", "score of every set by donor and cell type"),
        ("pathway_sets.tsv", "score_pseudobulk", "pathway_sets", "coverage of every gene set, scored or not"),
        ("pathway_depth.tsv", "score_pseudobulk", "pathway_depth", "no rows: there are no cells"),
    ),
    *_of_dataset("",
        ("pathway_tests/{contrast}.tsv", "test_pathways", "pathway_tests", "pathway activity between donors"),
        ("pathway_tests.tsv", "gather_pathways", "pathway_tests", "the same of all contrasts"),
        ("pathway_genes.tsv.gz", "explain_pathways", "pathway_genes", "which genes carry the effect of every set"),
        ("pathway_artefacts.tsv", "show_artefacts", "pathway_artefacts", "artefacts beside stress and inflammation"),
        ("set_coherence.tsv", "measure_coherence", "set_coherence", "do the members of a set move together"),
        ("pathway_views.tsv", "compare_views", "pathway_views", "activity, CAMERA and prerank side by side"),
        ("gene_panel.tsv", "test_gene_panel", "gene_panel", "ALS genes one by one, in every cell type and contrast"),
        ("tdp43_genes.tsv", "test_tdp43", "tdp43_genes", "targets of TDP-43 one by one"),
        ("tdp43_index.tsv", "test_tdp43", "tdp43_index", "index of a loss of TDP-43, between donors"),
        ("tdp43_donors.tsv", "test_tdp43", "tdp43_donors", "the index of every donor"),
        ("ligand_receptor.tsv", "test_ligand_receptor", "ligand_receptor", "ligand-receptor pairs, between donors"),
        ("composition.tsv", "test_composition", "composition", "share of cell types between donors, tested"),
        ("composition_donors.tsv", "test_composition", "composition_donors", "share of cell types in every donor"),
        ("calibration/{contrast}.tsv", "test_calibration", "calibration", "false positives with labels shuffled"),
        ("calibration_histogram/{contrast}.tsv", "test_calibration", "calibration_histogram", "p values in bins"),
        ("calibration.tsv", "gather_calibration", "calibration", "the same of all contrasts"),
        ("calibration_histogram.tsv", "gather_calibration", "calibration_histogram", "the same of all contrasts"),
    ),
    *_of_dataset(SIMULATED,
        ("truth/pathways.tsv", "simulate_truth", "truth_pathways", "planted gene sets"),
        ("truth/genes.tsv", "simulate_truth", "truth_genes", "planted genes"),
        ("truth/composition.tsv", "simulate_truth", "truth_composition", "planted shifts in composition"),
        ("truth/cells.tsv.gz", "simulate_truth", "truth_cells", "true cell type of every droplet"),
    ),
    *_synthesis("pathways", "gene sets over datasets"),
    *_synthesis("programmes", "tissue against dish: a verdict for every gene set", "judge_programmes"),
    *_synthesis("agreement", "tissue against dish: how alike a cell type is over all gene sets", "judge_programmes"),
    *_synthesis("genes", "genes over datasets"),
    *_synthesis("biomarkers", "secreted or shed genes that change: biomarker candidates"),
    *_synthesis("biomarker_tests", "every test of a candidate gene, hit or not"),
    *_synthesis("biomarkers_tested", "how many candidate genes were tested, and what could be found"),
    *_synthesis("replication", "hits of one dataset in another, against chance"),
    FileContract(
        f"{SUMMARY}/synthesis/directions.tsv", "gather_directions", "directions", "what was tested for each direction"
    ),
    FileContract(f"{SUMMARY}/planted.tsv", "compare_planted", "planted", "planted sets against findings", SIMULATED),
    FileContract(
        f"{SUMMARY}/planted_families.tsv", "compare_planted", "planted_families", "the same by family", SIMULATED
    ),
    FileContract(f"{SUMMARY}/planted_genes.tsv", "compare_planted", "planted_genes", "the same of genes", SIMULATED),
    FileContract(
        f"{SUMMARY}/planted_composition.tsv", "compare_planted", "planted_composition", "the same of shares", SIMULATED
    ),
    *_figure("quality_{dataset}", "plot_quality", "quality of every sample", CELLS),
    *_figure("ambient_{dataset}", "plot_ambient", "ambient RNA and doublets of every sample", CELLS),
    *_figure("sex_{dataset}", "plot_sex", "XIST against Y genes in every sample", CELLS),
    *_figure("cluster_stability_{dataset}", "plot_cluster_stability", "stability of each resolution", CELLS),
    *_figure("umap_{dataset}", "plot_umap", "UMAP by cell type, cluster, donor and condition", CELLS),
    *_figure("markers_{dataset}", "plot_markers", "marker genes", CELLS),
    *_figure("composition_{dataset}", "plot_composition", "donor shares of cell types"),
    *_figure("differential_{dataset}", "plot_differential", "number of genes up and down"),
    *_figure("volcano_{dataset}_{contrast}", "plot_volcano", "effect against p of every gene"),
    *_figure("gene_heatmap_{dataset}_{contrast}", "plot_gene_heatmap", "top genes of every cell type in every donor"),
    *_figure("running_sums_{dataset}_{contrast}", "plot_running_sums", "running sums of gene sets along ranked genes"),
    *_figure("pathways_{dataset}_{contrast}", "plot_pathways", "effect of every gene set with its interval"),
    *_figure("pathway_donors_{dataset}_{contrast}", "plot_pathway_donors", "donor scores of the sets that differ most"),
    *_figure("pathway_views_{dataset}_{contrast}", "plot_pathway_views", "activity of every gene set against CAMERA"),
    *_figure("gene_panel_{dataset}_{contrast}", "plot_gene_panel", "ALS genes in every cell type"),
    *_figure("genotypes_{dataset}", "plot_genotypes", "strongest gene sets and ALS genes, contrasts side by side"),
    *_figure("tdp43_{dataset}_{contrast}", "plot_tdp43", "targets of TDP-43 and their index in every donor"),
    *_figure("ligand_receptor_{dataset}_{contrast}", "plot_ligand_receptor", "ligands and their receptors"),
    *_figure("calibration_{dataset}_{contrast}", "plot_calibration", "p values and false positives, labels shuffled"),
    *_figure("directions", "plot_directions", "strongest results of the six directions"),
    *_figure("pathway_heatmap", "plot_pathway_heatmap", "effect of every gene set in every dataset and cell type"),
    *_figure("heterogeneity", "plot_heterogeneity", "gene sets that differ most between datasets"),
    *_figure("tissue_dish", "plot_tissue_dish", "effect in tissue against effect in the dish"),
    *_figure("biomarkers", "plot_biomarkers", "change of the biomarker candidates that change most, by cell type"),
    *_figure("replication", "plot_replication", "share of hits that come again in another dataset, against chance"),
    *_figure("planted_truth", "plot_planted_truth", "planted against found", SIMULATED),
    FileContract(f"{SUMMARY}/report.html", "write_report", "", "the report: one page, opens offline"),
    FileContract(f"{SUMMARY}/config.yaml", "write_config", "", "every config value of the run, as it was resolved"),
    FileContract(f"{SUMMARY}/software.tsv", "write_manifest", "software", "versions, processor and BLAS of the run"),
    FileContract(f"{SUMMARY}/ro-crate-metadata.json", "write_crate", "", "this folder as an RO-Crate", ASKED),
    *_of_dataset(ASKED, ("submission.h5ad", "write_submission", "", "the atlas as CELLxGENE takes it")),
    FileContract(f"{SUMMARY}/manifest.tsv", "write_manifest", "manifest", "every result: checksum, and what made it"),
    FileContract(f"{SUMMARY}/archive.tar.gz", "write_archive", "", "code, config and results of the run", ASKED),
    FileContract(
        f"{SUMMARY}/data_dictionary.tsv", "write_dictionary", "data_dictionary", "every column of every table of a run"
    ),
)
# fmt: on


def find_contract(path: str, *, summary: str, with_cells: list[str], simulated: list[str]) -> FileContract:
    """The contract of one result file.

    Parameters
    ----------
    path : str
        Path from the working folder; a prefix set by `module: prefix` may stand before it.
    summary : str
        Value of config key summary_folder.
    with_cells, simulated : list of str
        Ids of the datasets that have cells, and of those that are simulated.

    Raises
    ------
    KeyError
        If no contract names this path: a rule writes a file that contract.py does not list.
    """
    for contract in FILES:
        match = re.fullmatch(rf"(.*/)?{_expression(contract.pattern, summary)}", path)
        dataset = match and match.groupdict().get("dataset")
        if match and (dataset is None or contract.only in _kinds(dataset, with_cells, simulated)):
            return contract
    raise KeyError(f"no contract in contract.py names the file '{path}'")


def _kinds(dataset: str, with_cells: list[str], simulated: list[str]) -> set[str]:
    entry = {CELLS, LEARNED} if dataset in with_cells else {PSEUDOBULK}
    return {"", *entry, SIMULATED if dataset in simulated else REAL}


def _expression(pattern: str, summary: str) -> str:
    text = re.escape(pattern.replace(SUMMARY, summary.rstrip("/")))
    # A raw file of a folder on this machine may lie in a folder below it.
    return re.sub(r"\\\{(\w+)\\\}", lambda slot: f"(?P<{slot[1]}>{'.+' if slot[1] == 'file' else '[^/]+'})", text)


def files_markdown() -> str:
    """The page docs/files.md: every file, and every column of every table."""
    lines = [
        "# Files",
        "",
        "Made from `contract.py`, `tables.py`, `figure_tables.py` in `workflow/scripts/alscell`; don't edit it.",
        "A run writes the columns as a table, too: `<summary>/data_dictionary.tsv`.",
        "",
        "`<summary>` is the config key `summary_folder` (`results` unless set). A positive effect or log2 fold change",
        "always means: higher in the case arm. Empty cells of a table mean: not known, or not tested.",
        "",
        "| path | what it holds | table | made for | rule |",
        "|---|---|---|---|---|",
    ]
    lines += [_file_row(contract) for contract in FILES if not _is_copy(contract)]
    lines += ["", "Each figure also comes as `.png`, and with the numbers drawn as `.tsv`.", "", "# Tables"]
    used = dict.fromkeys(contract.table for contract in FILES if contract.table)
    for name in used:
        lines += ["", *_table_lines(_table(name))]
    return "\n".join(lines) + "\n"


def _file_row(contract: FileContract) -> str:
    link = f"[{contract.table}](#{contract.table})" if contract.table else ""
    meaning = contract.meaning.removesuffix(": for print")
    return f"| `{contract.pattern}` | {meaning} | {link} | {contract.only or 'all'} | `{contract.rule}` |"


def _table_lines(table: Table) -> list[str]:
    more = " Further columns may follow." if table.open_ended else ""
    key = f" Key: {', '.join(f'`{name}`' for name in table.key)}." if table.key else ""
    return [
        f"## {table.name}",
        "",
        f"One row: {table.row}.{key}{more}",
        "",
        "| column | type | unit | may be empty | meaning |",
        "|---|---|---|---|---|",
        *(
            f"| `{one.name}` | {one.kind} | {one.unit} | {'yes' if one.nullable else ''} | {_cell(one.meaning)} |"
            for one in table.columns
        ),
    ]


def _cell(text: str) -> str:
    """Text inside a Markdown table."""
    return text.replace("|", "\\|")


def write_files_page(path: str | Path = "docs/files.md") -> None:
    """Write docs/files.md."""
    write_text(files_markdown(), path)


def _table(name: str) -> Table:
    if name not in ALL_TABLES:
        raise KeyError(
            f"no table '{name}': tables.py describes its columns, figure_tables.py those of a figure's numbers"
        )
    return ALL_TABLES[name]


def data_dictionary() -> pd.DataFrame:
    """Table `data_dictionary`: one row a column of a kind of file; columns named by the data share one row, '*'."""
    rows = []
    for contract in (one for one in FILES if one.table):
        table = _table(contract.table)
        about = {"file": contract.pattern, "made_for": contract.only or "all", "table": table.name}
        for position, one in enumerate(table.columns, start=1):
            facts = {"column": one.name, "type": one.kind, "unit": one.unit, "nullable": one.nullable}
            rows.append({**about, "position": position, **facts, "meaning": one.meaning})
        if table.open_ended:
            facts = {
                "column": "*",
                "type": None,
                "unit": "",
                "nullable": True,
                "meaning": "further columns, named by the data",
            }
            rows.append({**about, "position": len(table.columns) + 1, **facts})
    return pd.DataFrame(rows).replace({"unit": {"": None}})


def files_of_run(*, datasets: list[str], with_cells: list[str], simulated: list[str]) -> list[tuple[str, str]]:
    """Path and meaning of every kind of file that a run makes; figures by their PDF.

    Parameters
    ----------
    datasets, with_cells, simulated : list of str
        Ids of all datasets of the run, of those that have cells, and of those that are simulated.
    """
    made = set().union(*(_kinds(name, with_cells, simulated) for name in datasets))
    return [
        (contract.pattern, contract.meaning.removesuffix(": for print"))
        for contract in FILES
        if contract.only in made and not _is_copy(contract)
    ]


def _is_copy(contract: FileContract) -> bool:
    """Whether this is the PNG or the numbers of a figure, whose PDF stands for all three."""
    return "/figures/" in contract.pattern and not contract.pattern.endswith(".pdf")
