"""Tables of the report: which columns a reader sees, under which headers, and how their values are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from alscell import report_text as text
from alscell.calibration import OVER_CELLS
from alscell.carriers import leading_genes
from alscell.expression import ONE_DONOR
from alscell.figures import plain, signed
from alscell.figures_tests import count_genes
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, DONOR, FAMILY, PATHWAY, SAMPLE
from alscell.views import DISAGREEMENTS

Column = tuple[str, str, Callable[[Any], str]]  # column of a table, header, how a value is written


# Software whose versions the report names.
SOFTWARE = (
    *("snakemake", "scanpy", "anndata", "numpy", "pandas", "scipy", "scikit-learn", "statsmodels", "harmonypy"),
    *("igraph", "leidenalg", "umap-learn", "pynndescent", "numba", "gseapy", "matplotlib", "jinja2", "pyarrow"),
    *("plotly", "itables"),
)


@dataclass(frozen=True)
class Results:
    """Everything a report is made of.

    Parameters
    ----------
    settings : dict
        The whole config.
    infos : dict of dict
        dataset.yaml of each dataset, by its id.
    samples : dict of DataFrame
        Sample sheet of each dataset.
    tables : dict of DataFrame
        Tables of all datasets by the name of their contract; each has a column `dataset` or is over all datasets.
    figures : dict of bytes
        PNG files by their stem.
    versions : dict of str
        Software by name.
    """

    settings: dict[str, Any]
    infos: dict[str, dict[str, Any]]
    samples: dict[str, pd.DataFrame]
    tables: dict[str, pd.DataFrame]
    figures: dict[str, bytes]
    versions: dict[str, str]

    @property
    def fdr(self) -> float:
        return self.settings["differential"]["fdr"]

    def rows(self, name: str, **where: str) -> pd.DataFrame:
        """Rows of a table with the given values in the given columns."""
        table = self.tables[name]
        for column, value in where.items():
            table = table[table[column] == value]
        return table


def words(value: Any) -> str:
    """Text as it is; a dash where there is none."""
    return text.NOTHING if pd.isna(value) or value == "" else str(value)


def listed(names: str) -> str:
    """Names joined by ';' in a table, as a list."""
    return names.replace(";", ", ")


def outcome(name: str) -> str:
    """What became of something planted, in words."""
    return text.OUTCOMES[name]


def as_in_file(value: Any) -> str:
    """A value as text tables hold it: numbers with 6 significant digits, nothing where there is none."""
    if pd.isna(value):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def yes(value: Any) -> str:
    """yes or no."""
    return "yes" if value else "no"


def table(
    frame: pd.DataFrame, columns: Iterable[Column], *, caption: str, max_rows: int | None = None, file: str = ""
) -> dict[str, Any]:
    """A table as the template wants it: caption, headers, rows of text, and a note where rows were left out.

    `sorted_by` holds what each number is sorted and downloaded by: the value as the file has it.
    """
    columns = list(columns)
    shown = frame if max_rows is None else frame.head(max_rows)
    records = shown.to_dict("records")
    rows = [[write(row[name]) for name, _, write in columns] for row in records]
    sorted_by = [[as_in_file(row[name]) for name, _, _ in columns] for row in records]
    note = f"First {len(shown):,} of {len(frame):,} rows." if len(shown) < len(frame) else ""
    headers = [(header, write not in (str, plain, words, listed, outcome, yes, note)) for _, header, write in columns]
    return {
        "caption": caption,
        "headers": headers,
        "rows": rows,
        "sorted_by": sorted_by,
        "note": note,
        "file": file,
    }


def quality_table(results: Results, dataset: str) -> dict[str, Any]:
    """Quality of every sample of a dataset."""
    rows = results.rows("quality_limits", dataset=dataset).sort_values(["condition", SAMPLE]).copy()
    rows["kept"] = rows["n_kept"] / rows["n_cells"].clip(lower=1)
    rows["status"] = rows["status"].map(text.reason)
    columns = [
        (SAMPLE, "sample", str),
        (DONOR, "donor", str),
        ("condition", "condition", str),
        ("n_cells", "cells", text.count),
        ("n_kept", "kept", text.count),
        ("kept", "kept share", text.percent),
        ("status", "status", str),
        ("n_doublets", "doublets", text.count),
        ("median_counts", "median UMI", text.count),
        ("median_genes", "median genes", text.count),
        ("median_fraction_mitochondrial", "median mito", text.percent),
        ("lower_counts", "least UMI", text.count),
        ("upper_counts", "most UMI", text.count),
        ("upper_mitochondrial", "most mito", text.percent),
    ]
    caption = f"Quality of each sample of {dataset}: medians over kept cells, limits of the sample"
    return table(rows, columns, caption=caption, file=f"results/{dataset}/quality_limits.tsv")


def sample_tables(results: Results, dataset: str) -> list[dict[str, Any]]:
    """Sex and identity of the samples of a dataset, those with notes first; and pairs that share cells or barcodes."""
    checks = results.rows("sample_checks", dataset=dataset)
    checks = checks.assign(quiet=checks["notes"].isna())
    checks = checks.sort_values(["flagged", "quiet", SAMPLE], ascending=[False, True, True])
    columns = [
        (SAMPLE, "sample", str),
        (DONOR, "donor", str),
        ("condition", "condition", str),
        ("declared_sex", "declared", words),
        ("inferred_sex", "by counts", words),
        ("sex_agrees", "agrees", words),
        ("xist_per_million", "XIST per million", lambda value: text.number(value, 1)),
        ("y_per_million", "Y per million", lambda value: text.number(value, 1)),
        ("n_cells", "cells", text.count),
        ("cells_to_median", "to the median", text.number),
        ("notes", "notes", words),
    ]
    pairs = [
        ("sample_1", "sample", str),
        ("donor_1", "donor", str),
        ("sample_2", "and sample", str),
        ("donor_2", "donor", str),
        ("verdict", "verdict", words),
        ("n_identical", "identical cells", text.count),
        ("fraction_identical", "share", text.percent),
        ("n_shared_barcodes", "shared barcodes", text.count),
        ("n_expected_barcodes", "by chance", lambda value: text.number(value, 1)),
    ]
    views = {
        "sample_checks": (checks, columns, "Sex and identity of each sample"),
        "sample_pairs": (results.rows("sample_pairs", dataset=dataset), pairs, "Samples that share cells or barcodes"),
    }
    return [
        table(rows, shown, caption=f"{caption}, {dataset}", file=f"results/{dataset}/{name}.tsv")
        for name, (rows, shown, caption) in views.items()
    ]  # fmt: skip


def cluster_tables(results: Results, dataset: str) -> list[dict[str, Any]]:
    """Clusters of a dataset with their labels, and the resolutions tried."""
    labels = [
        ("cluster", "cluster", str),
        (CELL_TYPE, "cell type", plain),
        ("score", "marker score", text.number),
        ("margin", "margin", text.number),
        ("next_type", "next type", words),
        ("n_cells", "cells", text.count),
        ("n_donors", "donors", text.count),
        ("top_donor_fraction", "largest donor", text.percent),
        ("flags", "flags", words),
    ]
    stability = [
        ("resolution", "resolution", lambda value: f"{value:g}"),
        ("n_clusters", "clusters", text.count),
        ("stability", "stability (median ARI)", text.number),
        ("stability_low", "lowest ARI", text.number),
        ("chosen", "chosen", yes),
    ]
    views = {"cluster_labels": (labels, "Clusters and their labels"), "cluster_stability": (stability, "Resolutions")}
    return [
        table(rows, columns, caption=f"{caption}, {dataset}", file=f"results/{dataset}/{name}.tsv")
        for name, (columns, caption) in views.items()
        if len(rows := results.rows(name, dataset=dataset))
    ]


def count_table(results: Results, dataset: str) -> dict[str, Any]:
    """Genes up and down in every cell type of a dataset."""
    genes = results.rows("differential", dataset=dataset)
    counts = count_genes(genes, results.rows("differential_skipped", dataset=dataset), fdr=results.fdr)
    counts["status"] = counts["status"].map(text.reason)
    power = results.rows("differential_power", dataset=dataset)
    power = power[[CONTRAST, CELL_TYPE, "n_one_donor", "detectable_low", "detectable", "detectable_high"]]
    counts = counts.merge(power, on=[CONTRAST, CELL_TYPE], how="left")
    columns = [
        (CONTRAST, "contrast", plain),
        (CELL_TYPE, "cell type", plain),
        ("n_case", "case", text.count),
        ("n_control", "control", text.count),
        ("n_tested", "genes tested", text.count),
        ("n_up", "up", text.count),
        ("n_down", "down", text.count),
        ("n_one_donor", "resting on one donor", text.count),
        ("detectable", "detectable log₂ fold change (median gene)", text.number),
        ("detectable_low", "lower quartile", text.number),
        ("detectable_high", "upper quartile", text.number),
        ("status", "status", str),
    ]
    caption = f"Genes at FDR ≤ {results.fdr:g} in {dataset}"
    return table(counts, columns, caption=caption, file=f"results/{dataset}/differential.tsv.gz")


def composition_table(results: Results, dataset: str) -> dict[str, Any]:
    """Shares of every cell type of a dataset, and their differences."""
    columns = [
        (CONTRAST, "contrast", plain),
        (CELL_TYPE, "cell type", plain),
        ("fraction_case", "case", text.percent),
        ("fraction_control", "control", text.percent),
        ("effect", "logit difference", signed),
        ("ci_low", "95 % from", signed),
        ("ci_high", "to", signed),
        ("p_value", "p", text.probability),
        ("fdr", "FDR", text.probability),
    ]
    caption = f"Composition of {dataset}: mean share over donors, and its difference"
    rows = results.rows("composition", dataset=dataset)
    return table(rows, columns, caption=caption, file=f"results/{dataset}/composition.tsv")


def gene_tables(results: Results, genes: pd.DataFrame, dataset: str) -> list[dict[str, Any]]:
    """Genes that reach the FDR, one table a cell type."""
    columns = [
        ("gene", "gene", str),
        ("log2_fold_change", "log₂ fold change", signed),
        ("log2_fold_change_shrunk", "shrunk", signed),
        ("mean", "mean log₂ CPM", text.number),
        ("statistic", "t", text.number),
        ("p_value", "p", text.probability),
        ("fdr", "FDR", text.probability),
        ("fdr_all", "FDR, all types", text.probability),
        ("p_without_one", "p without one donor", text.probability),
        ("rests_on", "rests on", words),
        ("outlier_donor", "outlier", words),
    ]
    hits = genes[genes["fdr"] <= results.fdr].sort_values([CELL_TYPE, "p_value", "gene"])
    hits = hits.assign(rests_on=hits["decisive_donor"].where(hits["p_without_one"] > ONE_DONOR, None))
    limits = {"max_rows": results.settings["report"]["max_rows"], "file": f"results/{dataset}/differential.tsv.gz"}
    return [
        table(own, columns, caption=f"{plain(str(name))}: {len(own):,} genes", **limits)
        for name, own in hits.groupby(CELL_TYPE)
    ]


def enrichment_table(results: Results, enrichment: pd.DataFrame, dataset: str) -> dict[str, Any]:
    """Enrichment of gene sets in one contrast, by p."""
    columns = [
        (CELL_TYPE, "cell type", plain),
        (FAMILY, "family", plain),
        (PATHWAY, "gene set", plain),
        ("n_genes", "genes", text.count),
        ("direction", "direction", words),
        ("p_value", "p (CAMERA)", text.probability),
        ("fdr", "FDR (CAMERA)", text.probability),
        ("correlation", "correlation", lambda value: text.number(value, 3)),
        ("normalized_enrichment_score", "NES", signed),
        ("first_genes", "leading edge", words),
    ]
    rows = enrichment.sort_values(["p_value", CELL_TYPE, FAMILY, PATHWAY]).copy()
    edges = rows["leading_edge"].fillna("").astype("str").str.split(";")
    rows["first_genes"] = [", ".join(genes[:6]) + (" …" if len(genes) > 6 else "") for genes in edges]
    n_hits = int((rows["fdr"] <= results.fdr).sum())
    caption = f"Gene sets on the differential statistics, by p: {n_hits:,} of {len(rows):,} reach FDR {results.fdr:g}"
    max_rows = results.settings["report"]["max_rows"]
    return table(rows, columns, caption=caption, max_rows=max_rows, file=f"results/{dataset}/enrichment.tsv.gz")


def pathway_table(results: Results, tests: pd.DataFrame, artefacts: pd.DataFrame, dataset: str) -> dict[str, Any]:
    """Pathway tests of one contrast, by p, with the genes that carry each and a word on artefacts."""
    columns = [
        (CELL_TYPE, "cell type", plain),
        (FAMILY, "family", plain),
        (PATHWAY, "gene set", plain),
        ("effect", "effect (SD)", signed),
        ("ci_low", "95 % from", signed),
        ("ci_high", "to", signed),
        ("effect_control_sd", "effect (control SD)", signed),
        ("p_value", "p", text.probability),
        ("fdr", "FDR", text.probability),
        ("fdr_within", "FDR, this type", text.probability),
        ("minimum_detectable_effect", "least detectable (SD)", text.number),
        ("random_set_percentile", "above random sets (%)", lambda value: text.number(value, 0)),
        ("together", "members together, above random (%)", lambda value: text.number(value, 0)),
        ("depth_correlation", "depth r, cells", signed),
        ("depth_correlation_donors", "depth r, donors", signed),
        ("depth_ratio", "depth, case to control", text.number),
        ("coverage", "measured", text.percent),
        ("n_case", "case", text.count),
        ("n_control", "control", text.count),
        ("carried_by", "carried by (share of the effect)", words),
        ("artefacts", "artefact signatures", words),
    ]
    notes = text.artefact_notes(artefacts)
    keys = zip(tests[CELL_TYPE], tests[FAMILY], tests[PATHWAY], strict=True)
    tests = tests.assign(artefacts=[notes.get(key, "") for key in keys])
    carriers = leading_genes(results.rows("pathway_genes", dataset=dataset), n=5)
    rows = tests.merge(carriers, on=[CONTRAST, CELL_TYPE, FAMILY, PATHWAY], how="left")
    together = results.rows("set_coherence", dataset=dataset).rename(columns={"percentile": "together"})
    rows = rows.merge(together[[CELL_TYPE, FAMILY, PATHWAY, "together"]], how="left")
    rows = rows.sort_values(["p_value", CELL_TYPE, FAMILY, PATHWAY])
    n_hits = int((rows["fdr"] <= results.fdr).sum())
    n_within = int((rows["fdr_within"] <= results.fdr).sum())
    caption = (
        f"Pathway activity between donors, by p: {n_hits:,} of {len(rows):,} reach FDR {results.fdr:g} over all cell "
        f"types, {n_within:,} within their own"
    )
    max_rows = results.settings["report"]["max_rows"]
    return table(rows, columns, caption=caption, max_rows=max_rows, file=f"results/{dataset}/pathway_tests.tsv")


def view_tables(results: Results, views: pd.DataFrame, dataset: str) -> list[dict[str, Any]]:
    """How often the views of gene sets agree in each cell type of one contrast, and every disagreement, by p."""
    file = f"results/{dataset}/pathway_views.tsv"
    counts = pd.crosstab(views[CELL_TYPE], views["verdict"]).reindex(columns=list(text.VIEWS), fill_value=0)
    verdicts = [(name, words, text.count) for name, words in text.VIEWS.items()]
    apart = views[views["verdict"].isin(DISAGREEMENTS)]
    lowest = apart[["activity_p_value", "camera_p_value"]].min(axis=1)
    apart = apart.assign(lowest=lowest, verdict=apart["verdict"].map(text.VIEWS))
    columns = [
        (CELL_TYPE, "cell type", plain),
        (FAMILY, "family", plain),
        (PATHWAY, "gene set", plain),
        ("verdict", "reaches FDR in", words),
        ("activity_effect", "activity (SD)", signed),
        ("activity_fdr", "FDR", text.probability),
        ("camera_statistic", "CAMERA t", signed),
        ("camera_fdr", "FDR (CAMERA)", text.probability),
        ("normalized_enrichment_score", "NES", signed),
        ("nes_sign_agrees", "NES as activity", words),
        ("random_set_percentile", "above random sets (%)", lambda value: text.number(value, 0)),
    ]
    return [
        table(
            counts.reset_index(),
            [(CELL_TYPE, "cell type", plain), *verdicts],
            caption=f"Gene sets by what reaches FDR {results.fdr:g} over the contrast",
            file=file,
        ),
        table(
            apart.sort_values(["lowest", CELL_TYPE, FAMILY, PATHWAY]),
            columns,
            caption="Gene sets on which activity and CAMERA disagree, by the lower p",
            max_rows=results.settings["report"]["max_rows"],
            file=file,
        ),
    ]


def calibration_table(results: Results, rates: pd.DataFrame, dataset: str) -> dict[str, Any]:
    """False-positive rates of one contrast, tests in the order of the report, all cell types first."""
    order = {name: place for place, name in enumerate([*text.CALIBRATION, OVER_CELLS])}
    rows = rates.assign(rank=rates["test"].map(order), verdict=rates["verdict"].map(text.CALIBRATION_VERDICTS))
    columns = [
        ("test", "test", lambda name: text.WRONG_TEST if name == OVER_CELLS else plain(name)),
        (CELL_TYPE, "cell type", plain),
        ("n_relabellings", "relabellings", text.count),
        ("n_tests", "tests", text.count),
        ("false_positive_rate", "p < 0.05", text.percent),
        ("ci_low", "95 % from", text.percent),
        ("ci_high", "to", text.percent),
        ("any_hit_rate", "relabellings with a hit", text.percent),
        ("observed_hits", "hits, true labels", text.count),
        ("hits_median", "hits, relabelled (median)", lambda value: text.number(value, 0)),
        ("hits_q95", "(95 % quantile)", lambda value: text.number(value, 0)),
        ("share_with_as_many_hits", "labellings with as many", text.percent),
        ("verdict", "verdict", words),
    ]
    rows = rows.sort_values(["rank", CELL_TYPE])
    caption = f"False positives with labels shuffled among the donors; a hit: FDR ≤ {results.fdr:g}"
    return table(rows, columns, caption=caption, file=f"results/{dataset}/calibration.tsv")


_SECOND = {"synthesis_pathways": ["p_value"], "synthesis_genes": ["p_value"]}  # what orders rows of equal FDR


def _with_signs(frame: pd.DataFrame) -> pd.DataFrame:
    """With how many of the datasets have the sign of the pooled effect, in words."""
    pairs = zip(frame["n_same_sign"], frame["n_datasets"], strict=True)
    return frame.assign(sign=[f"{same} of {n}" if n > 1 else text.NOTHING for same, n in pairs])


def note(name: str) -> str:
    """A note of the synthesis, in words."""
    return words(text.NOTES.get(name, name))


def synthesis_tables(results: Results) -> list[dict[str, Any]]:
    """Gene sets, genes and biomarker candidates over all datasets."""
    max_rows = results.settings["report"]["max_rows"]
    pathways = results.tables["synthesis_pathways"]
    genes = results.tables["synthesis_genes"]
    pathways, genes = (_with_signs(frame) for frame in (pathways, genes))
    key = [(CONTRAST, "contrast", plain), (CELL_TYPE, "cell type", plain)]
    columns = {
        "synthesis_pathways": [
            *key,
            (PATHWAY, "gene set", plain),
            ("effect_tissue", "tissue (donor SD)", signed),
            ("effect_dish", "dish (line SD)", signed),
            ("effect", "all (SD)", signed),
            ("ci_low", "95 % from", signed),
            ("ci_high", "to", signed),
            ("fdr", "FDR", text.probability),
            ("sign", "same sign", words),
            ("tau_squared", "τ²", text.number),
            ("i_squared", "I² (%)", lambda value: text.number(value, 0)),
            ("note", "note", note),
        ],
        "synthesis_genes": [
            *key,
            ("gene", "gene", str),
            ("log2_fold_change_tissue", "tissue (log₂)", signed),
            ("log2_fold_change_dish", "dish (log₂)", signed),
            ("log2_fold_change", "log₂ fold change", signed),
            ("fdr", "FDR", text.probability),
            ("sign", "same sign", words),
            ("i_squared", "I² (%)", lambda value: text.number(value, 0)),
            ("note", "note", note),
            ("datasets", "datasets", listed),
        ],
        "synthesis_biomarkers": [
            *key,
            ("gene", "gene", str),
            ("status", "status", str),
            ("direction", "direction", str),
            ("log2_fold_change", "log₂ fold change", signed),
            ("ci_low", "95 % from", signed),
            ("ci_high", "to", signed),
            ("fdr", "FDR, candidates", text.probability),
            ("datasets", "found in", listed),
            ("effects", "in every dataset", words),
            ("sign", "same sign", words),
            ("systems", "same sign in", lambda value: words(value).replace(";", ", ")),
            ("highest_in", "highest in", plain),
            ("share", "share of this type", text.percent),
            ("tau", "specificity (τ)", text.number),
            ("how", "how it leaves the cell", str),
            ("reported", "in ALS fluids", words),
            ("fluid_agrees", "same direction as in fluid", words),
            ("known", "what is known", words),
            ("confirmed", "abstract read", words),
        ],
        "synthesis_replication": [
            ("kind", "hits", str),
            *key,
            ("discovery", "found in", str),
            ("replication", "looked up in", str),
            ("n_hits", "number", text.count),
            ("n_same_sign", "same sign", text.count),
            ("n_replicated", "and p < 0.05", text.count),
            ("rate", "share", text.percent),
            ("chance_rate", "by chance", text.percent),
            ("ratio", "ratio", text.number),
            ("effect_correlation", "correlation of effects", text.number),
        ],
    }
    captions = {
        "synthesis_pathways": "Gene sets over datasets, by FDR (random effects, donor standard deviations)",
        "synthesis_genes": "Genes over datasets, by FDR (random effects)",
        "synthesis_biomarkers": "Secreted, shed or leaked genes that change, by FDR over candidates: not validated",
        "synthesis_replication": "Hits of one dataset in another one; chance: genes or sets that are no hits",
    }
    frames = {"synthesis_pathways": pathways, "synthesis_genes": genes}
    frames["synthesis_biomarkers"] = _with_signs(results.tables["synthesis_biomarkers"])
    frames = {name: frame.sort_values(["fdr", *_SECOND.get(name, [])], kind="stable") for name, frame in frames.items()}
    frames["synthesis_replication"] = results.tables["synthesis_replication"]
    return [
        table(frame, columns[name], caption=captions[name], max_rows=max_rows,
              file=f"{results.settings['summary_folder']}/synthesis/{name.removeprefix('synthesis_')}.tsv")
        for name, frame in frames.items()
    ]  # fmt: skip


def planted_tables(results: Results) -> list[dict[str, Any]]:
    """Planted genes and shifts of composition against the tests (simulated data)."""
    types = [(DATASET, "dataset", str), (CONTRAST, "contrast", plain), (CELL_TYPE, "cell type", plain)]
    genes = [
        ("n_planted", "planted", text.count),
        ("n_found", "found", text.count),
        ("n_wrong_direction", "wrong direction", text.count),
        ("n_called", "called", text.count),
        ("n_false", "called, not planted", text.count),
    ]
    shares = [
        ("fold", "planted odds ratio", text.number),
        ("effect", "logit difference", signed),
        ("fdr", "FDR", text.probability),
        ("outcome", "outcome", outcome),
    ]
    frames = results.tables["planted_genes"], results.tables["planted_composition"]
    return [
        table(
            frames[0], [*types, *genes], caption=f"Planted genes among the tested ones, called at FDR {results.fdr:g}"
        ),
        table(frames[1], [*types, *shares], caption="Planted shifts of composition"),
    ]


def run_tables(results: Results) -> dict[str, dict[str, Any]]:
    """What was run: config, software and raw files."""
    settings = pd.DataFrame(_flat(results.settings), columns=["key", "value"])
    versions = pd.DataFrame(sorted(results.versions.items()), columns=["name", "version"])
    raw = [
        (DATASET, "dataset", str),
        ("file", "file", str),
        ("size", "size", text.size),
        ("sha256", "SHA-256", str),
        ("source", "from", str),
        ("verified_by", "verified by", str),
    ]
    return {
        "settings": table(settings, [("key", "key", str), ("value", "value", str)], caption="config.yaml of this run"),
        "versions": table(versions, [("name", "software", str), ("version", "version", str)], caption="Software"),
        "raw": table(results.tables["acquired"].sort_values([DATASET, "file"]), raw, caption="Raw files, as read"),
    }


def _flat(settings: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Keys joined by '/', with their values as text; lists of dictionaries by their ids."""
    rows = []
    for key, value in settings.items():
        path = f"{above}{key}"
        if isinstance(value, dict):
            rows += _flat(value, f"{path}/")
        elif isinstance(value, list):
            names = [str(item.get("id")) if isinstance(item, dict) else str(item) for item in value]
            rows.append((path, ", ".join(names)))
        else:
            rows.append((path, text.NOTHING if value in ("", None) else str(value)))
    return rows
