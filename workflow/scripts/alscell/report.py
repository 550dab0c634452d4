"""The report: tables, figures and sentences of one run as one HTML page that opens offline.

The page is made of plain values (a dict) and a Jinja2 template; nothing in it depends on time or machine.
"""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import jinja2
from PIL import Image

from alscell import report_panels as panels
from alscell import report_text as text
from alscell.calibration import ALL_TYPES
from alscell.contract import files_of_run
from alscell.figures import donor_arms, plain
from alscell.figures_tests import count_genes
from alscell.keys import CASE_ARM, CELL_TYPE, CONTRAST, CONTROL_ARM, DATASET, DONOR
from alscell.report_ambient import hits_section, share_sentence
from alscell.report_data import HELD, cells_note, page_data, volcano_note
from alscell.report_directions import direction_sections
from alscell.report_dish import dish_section
from alscell.report_gene_sets import gene_set_table, planted_families_table
from alscell.report_labels import label_lines, label_table, type_table
from alscell.report_methods import methods
from alscell.report_tables import (
    Results,
    calibration_table,
    cluster_tables,
    composition_table,
    count_table,
    enrichment_table,
    gene_tables,
    pathway_table,
    planted_tables,
    quality_table,
    run_tables,
    sample_tables,
    synthesis_tables,
    view_tables,
)
from alscell.report_untested import untested_tables

# Kind of figure (its file name up to the dataset), what it shows.
FIGURES = {
    "quality": "Counts, genes and mitochondrial share of each sample with its limits; cells removed by first reason.",
    "ambient": "Share of each sample's counts that is ambient RNA (95 % interval), and of its cells called doublets.",
    "sex": "Counts of XIST against counts of Y genes; a point is a sample in the color of its declared sex.",
    "cluster_stability": "Adjusted Rand index of the clusters of each resolution with those of parts of the cells.",
    "umap": "UMAP of the kept cells by cell type, cluster, donor and condition.",
    "markers": "Marker genes of each cell type: dot size is the share of cells with a count, color the scaled mean.",
    "composition": "Share of each cell type in every donor, and the difference between arms with its 95 % interval.",
    "differential": "Number of genes up and down in each cell type; what could not be tested is hatched.",
    "volcano": "Log2 fold change against donor-level p value of every gene; colored genes reach the FDR.",
    "gene_heatmap": "Expression of the top genes in every donor, within the gene; framed: rests on that donor.",
    "running_sums": "Running sums of the sets of the lowest CAMERA p along the genes ranked by t; ticks: their genes.",
    "pathways": "Effect of each gene set with its 95 % interval and donors, one column a cell type.",
    "pathway_donors": "Donor scores of the gene sets that differ most; each point is a donor, bars are means.",
    "pathway_views": "Activity of each gene set between donors against CAMERA; hollow: NES of the other sign.",
    "calibration": "P values with labels shuffled among the donors: flat, if a test is calibrated. Below: share under "
    "0.05 in each cell type, with its 95 % interval over relabellings. The last column takes cells for replicates: "
    "it is wrong, is used nowhere, and shows what that would cost on these data.",
    "directions": "Strongest tested results of each direction with 95 % intervals; filled: the FDR is reached.",
    "pathway_heatmap": "Effect of each gene set in each dataset and cell type; dot: FDR reached; gray: not tested.",
    "heterogeneity": "Gene sets that differ most between datasets: each dataset, the pooled effect, tau and I².",
    "tissue_dish": "Effect of gene sets in tissue against their effect in the dish, with 95 % intervals.",
    "biomarkers": "Change of the secreted, shed or leaked genes of the lowest FDR in every cell type; dot: FDR over "
    "the candidates reached; bold: known from ALS fluids, with the direction there.",
    "replication": "Share of the hits of one dataset that have the same sign and p < 0.05 in another, against chance.",
    "planted_truth": "Planted changes against what the tests said, one field a cell type and gene set.",
    "gene_panel": "Log2 fold change of each ALS gene in each cell type; dot: FDR over the list; gray: not tested.",
    "genotypes": "Strongest gene sets and ALS genes with 95 % intervals, one column a contrast; hollow: no test.",
    "tdp43": "Targets of TDP-43 gene by gene, and the index of every donor; right of zero: as after a loss of TDP-43.",
    "ligand_receptor": "Change of the score of ligand-receptor pairs between cell types; dot: FDR; white: not asked.",
}
OF_DATASET = (
    *("quality", "ambient", "sex", "cluster_stability", "umap", "markers"),
    *("composition", "differential", "genotypes"),
)
OF_CONTRAST = (
    *("volcano", "gene_heatmap", "running_sums", "pathways", "pathway_donors", "pathway_views", "calibration"),
    *("gene_panel", "tdp43", "ligand_receptor"),
)
OVERALL = (
    *("directions", "pathway_heatmap", "heterogeneity", "tissue_dish", "biomarkers", "replication", "planted_truth"),
)
_SHOWN_WIDTH = 0.6  # CSS pixels for each pixel of a figure


def render(results: Results, *, template: str, style: str, script: str, parts: dict[str, str], version: str) -> str:
    """The page as HTML text.

    Parameters
    ----------
    results : Results
    template, style, script : str
        Jinja2 template, CSS and JavaScript, as text.
    parts : dict of str
        Text of report_parts.PARTS.
    version : str
        Of alscell.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    datasets = [dataset_section(results, entry) for entry in results.settings["datasets"]]
    simulated = [dataset["id"] for dataset in datasets if dataset["simulated"]]
    has_truth = not results.tables["planted"].empty
    page = environment.from_string(template).render(
        style=style,
        script=script,
        parts=parts,
        data=json.dumps(page_data(results), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        held=HELD,
        volcano_note=volcano_note(),
        version=version,
        simulated=simulated,
        datasets=datasets,
        directions=direction_sections(results),
        figures={kind: figure(results, kind) for kind in OVERALL},
        replication=text.replication_sentence(results.tables["synthesis_replication"]),
        dish=dish_section(results),
        biomarkers=text.biomarker_sentence(
            results.tables["synthesis_biomarkers"], results.tables["synthesis_biomarkers_tested"]
        ),
        synthesis=synthesis_tables(results),
        calibrated=results.settings["calibration"]["in_report"],
        planted=text.planted_sentence(results.tables["planted"]) if has_truth else "",
        planted_tables=[planted_families_table(results), *planted_tables(results)] if has_truth else [],
        gene_sets=gene_set_table(results),
        untested=untested_tables(results),
        run=run_tables(results),
        tdp43_caution=panels.TDP43_CAUTION,
        support_caution=panels.SUPPORT_CAUTION,
        methods=methods(results, version=version),
        citations=text.CITATIONS,
        files=_files(results.infos),
        fdr=results.fdr,
    )
    return page.strip() + "\n"


def _files(infos: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    with_cells = [name for name, info in infos.items() if info["enters_at"] != "pseudobulk"]
    simulated = [name for name, info in infos.items() if info["source"].get("simulation")]
    return files_of_run(datasets=list(infos), with_cells=with_cells, simulated=simulated)


def figure(results: Results, kind: str, *names: str) -> dict[str, Any] | None:
    """A figure as the template wants it: the image itself, size, caption and description; None if not drawn."""
    stem = "_".join([kind, *names])
    data = results.figures.get(stem)
    if data is None:
        return None
    width, height = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))  # SOURCE: PNG's IHDR chunk
    where = f" ({', '.join(plain(name) for name in names)})" if names else ""
    return {
        "source": "data:image/png;base64," + base64.b64encode(_in_256_colors(data)).decode(),
        "width": round(width * _SHOWN_WIDTH),
        "height": round(height * _SHOWN_WIDTH),
        "caption": FIGURES[kind],
        "alt": f"{FIGURES[kind]}{where}",
        "file": f"figures/{stem}",
    }


def _in_256_colors(png: bytes) -> bytes:
    """The same picture with a palette: a third of the bytes, no difference to the eye; the file keeps all colors."""
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(buffer, "PNG")
    return buffer.getvalue()


def dataset_section(results: Results, entry: dict[str, Any]) -> dict[str, Any]:
    """All that the report says of one dataset."""
    name, info = entry["id"], results.infos[entry["id"]]
    contrasts = [contrast_section(results, name, contrast) for contrast in entry["contrasts"]]
    has_cells = info["enters_at"] != "pseudobulk"
    identity = [results.rows(table, dataset=name) for table in ("sample_checks", "sample_pairs")]
    return {
        "id": name,
        "title": info["title"],
        "simulated": bool(info.get("simulated")),
        "replicate": info["replicate"],
        "has_cells": has_cells,
        "facts": _facts(info, entry, results),
        "quality": quality_table(results, name) if has_cells else None,
        "ambient": share_sentence(results.rows("ambient", dataset=name)) if has_cells else "",
        "cautions": text.identity_lines(*identity) if has_cells else [],
        "samples": sample_tables(results, name) if has_cells else [],
        "cells_note": cells_note(results, name) if has_cells else "",
        "labels": label_lines(results.rows("label_checks", dataset=name)) if has_cells else [],
        "clusters": [
            *([type_table(results, name)] if contrasts else []),
            *([label_table(results, name)] if len(results.rows("label_checks", dataset=name)) else []),
            *cluster_tables(results, name),
        ]
        if has_cells
        else [],
        "figures": {kind: figure(results, kind, name) for kind in OF_DATASET},
        "counts": count_table(results, name),
        "composition": composition_table(results, name),
        "contrasts": contrasts,
    }


def contrast_section(results: Results, dataset: str, contrast: str) -> dict[str, Any]:
    """All that the report says of one contrast of one dataset."""
    where = {DATASET: dataset, CONTRAST: contrast}
    tests, enrichment = results.rows("pathway_tests", **where), results.rows("enrichment", **where)
    views, artefacts = results.rows("pathway_views", **where), results.rows("pathway_artefacts", **where)
    genes, skipped = results.rows("differential", **where), results.rows("differential_skipped", **where)
    replicate = results.infos[dataset]["replicate"]
    counts = count_genes(genes, skipped, fdr=results.fdr)
    donors = donor_arms(results.samples[dataset], results.settings["contrasts"][contrast])
    arms = donors.value_counts()
    n_case, n_control = int(arms.get(CASE_ARM, 0)), int(arms.get(CONTROL_ARM, 0))
    rates = results.rows("calibration", **where)
    over_all = rates[rates[CELL_TYPE] == ALL_TYPES]
    blocks = [name for name in results.settings["calibration"]["blocks"] if name in results.samples[dataset]]
    sentence, lines = text.summary_lines(
        tests, views, counts, artefacts, fdr=results.fdr, replicate=replicate, max_sets=4
    )
    return {
        "id": contrast,
        "arms": text.arms_text(results.settings["contrasts"][contrast]),
        "donors": f"{n_case} against {n_control} {replicate}s",
        "few_donors": text.few_donors_caution(
            n_case, n_control, min_donors=results.settings["differential"]["min_donors"]
        ),
        "inflated": text.inflated_lines(over_all),
        "calibration": calibration_table(results, rates, dataset),
        "calibration_sentence": text.calibration_sentence(over_all, blocks=blocks),
        "depth": text.depth_sentence(results.rows("quality_limits", dataset=dataset), donors),
        "sentence": sentence,
        "lines": lines,
        "composition_lines": text.composition_lines(results.rows("composition", **where), fdr=results.fdr),
        "figures": {kind: figure(results, kind, dataset, contrast) for kind in OF_CONTRAST},
        "panel": panels.panel_section(results, dataset, contrast),
        "tdp43": panels.tdp43_section(results, dataset, contrast),
        "support": panels.support_section(results, dataset, contrast),
        "genes": gene_tables(results, genes, dataset),
        "ambient": hits_section(results, dataset, contrast),
        "without_genes": text.undetected_genes(results.rows("differential_power", **where)),
        "enrichment": enrichment_table(results, enrichment, dataset),
        "pathways": pathway_table(results, tests, artefacts, dataset),
        "without_pathways": text.undetected_lines(tests, fdr=results.fdr, replicate=replicate),
        "views": view_tables(results, views, dataset),
    }  # fmt: skip


def _facts(info: dict[str, Any], entry: dict[str, Any], results: Results) -> list[tuple[str, str]]:
    sheet = results.samples[entry["id"]]
    verified = "yes" if info.get("verified") else f"no: {info.get('unverified_reason') or 'no reason given'}"
    donors = sheet.drop_duplicates(DONOR)["condition"].value_counts().sort_index()
    return [
        ("Accession", str(info.get("accession") or text.NOTHING)),
        ("Source", f"{info['organism']}, {plain(str(info['tissue']))}, {info['system']}, {info['assay']}"),
        (f"{info['replicate'].capitalize()}s", ", ".join(f"{n} {level}" for level, n in donors.items())),
        ("Samples", str(len(sheet))),
        ("Enters at", info["enters_at"]),
        ("Contrasts", ", ".join(entry["contrasts"]) or "none: a reference, not compared"),
        ("Covariates", ", ".join(entry.get("covariates") or []) or "none"),
        ("Verified against the source", verified),
        ("Citation", str(info.get("citation") or text.NOTHING)),
        ("Licence", str(info.get("licence") or text.NOTHING)),
    ]
