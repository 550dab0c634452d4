"""The contract of every table that one rule hands to another: columns, types, meanings, order of rows.

docs/files.md is generated from this module. A table is checked when it is written.
A positive effect or log2 fold change always means: higher in the case arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

STRING, FLOAT, INTEGER, BOOLEAN = "string", "float", "integer", "boolean"


@dataclass(frozen=True)
class Column:
    """One column: name, kind (string, float, integer, boolean), meaning, unit, and whether it may be empty."""

    name: str
    kind: str
    meaning: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One table: what a row is, the columns that name a row (and sort the file), and all columns in order.

    `open_ended` tables may carry further columns after these (PCs, resolutions, pathways).
    """

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    open_ended: bool = False

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def _c(name: str, kind: str, meaning: str, unit: str = "", *, nullable: bool = False) -> Column:
    return Column(name, kind, meaning, unit, nullable)


_DATASET = _c("dataset", STRING, "dataset id")
_CONTRAST = _c("contrast", STRING, "contrast id in config.yaml")
_CELL = _c("cell", STRING, "cell id, unique in the dataset: <sample>_<barcode>")
_CELL_TYPE = _c("cell_type", STRING, "cell type")
_FAMILY = _c("family", STRING, "family of the gene set")
_PATHWAY = _c("pathway", STRING, "gene set id")
_ORGANISMS = _c("organisms", STRING, "their organisms (human, mouse) in the same order, joined by ';'")
_N_CASE = _c("n_case", INTEGER, "donors in the case arm", "donors")
_N_CONTROL = _c("n_control", INTEGER, "donors in the control arm", "donors")
_N_DATASETS = _c("n_datasets", INTEGER, "datasets behind the row")
_N_SAME_SIGN = _c("n_same_sign", INTEGER, "of these, with the sign of the pooled effect")
_HETEROGENEITY = (
    _c("tau_squared", FLOAT, "variance between datasets (Paule-Mandel), in the unit of the effect, squared; empty for one dataset", nullable=True),
    _c("q_p_value", FLOAT, "Cochran's Q: datasets differ by more than their standard errors; empty for one dataset", nullable=True),
    _c("i_squared", FLOAT, "share of the spread that is not sampling; empty for one dataset", "0..100", nullable=True),
    _c("prediction_low", FLOAT, "where the effect in a further dataset is expected, 95 %, lower end; from three datasets on", nullable=True),
    _c("prediction_high", FLOAT, "the same, upper end", nullable=True),
    _c("note", STRING, "one_dataset: its own test, nothing is pooled; two_datasets: one degree of freedom, so that the pooled p can hardly be small", nullable=True),
)
_DESCRIPTIVE = _c("descriptive", BOOLEAN, "true: effect sizes only, p empty: too few donors for a test, or a design that cannot be estimated: see differential_skipped")
_P = _c("p_value", FLOAT, "two-sided p value from donor-level data; empty when descriptive", nullable=True)
_FDR = _c("fdr", FLOAT, "Benjamini-Hochberg within cell type and contrast", nullable=True)
_FDR_ALL = _c("fdr_all", FLOAT, "Benjamini-Hochberg over all cell types of the contrast", nullable=True)
_STATISTIC = _c("statistic", FLOAT, "moderated t; empty when descriptive", nullable=True)
_TEST = _c("test", STRING, "differential, pathways, enrichment or composition; pathways_over_cells: cells taken for replicates, wrong, to show what it costs")

# A gene read by itself, in tables of a list of genes.
_GENE_KEY = (_DATASET, _CONTRAST, _CELL_TYPE, _c("gene", STRING, "gene symbol"))
_GENE_ROW = (
    _c("status", STRING, "tested; descriptive (effect only); outlier (no p: an outlying donor); too_low (too few counts); not_detected (no count in these donors); not_measured (not among the genes of the dataset); no_ortholog (mouse data); type_not_tested"),
    _c("reason", STRING, "why the cell type was not tested, as in differential_skipped; in a row over all cell types, these, joined by ';'", nullable=True),
    _c("mean_case", FLOAT, "mean log2 counts per million over case donors; empty: none, or not measured", nullable=True),
    _c("mean_control", FLOAT, "the same over control donors", nullable=True),
    _c("detected_case", INTEGER, "case donors with a count", "donors"),
    _c("detected_control", INTEGER, "control donors with a count", "donors"),
    _N_CASE,
    _N_CONTROL,
    _c("log2_fold_change", FLOAT, "case minus control, covariates held, as in differential", nullable=True),
    _c("standard_error", FLOAT, "of log2_fold_change", nullable=True),
    _c("ci_low", FLOAT, "95 % interval, lower end", nullable=True),
    _c("ci_high", FLOAT, "95 % interval, upper end", nullable=True),
    _P,
    _FDR,
    _FDR_ALL,
    _c("fdr_panel", FLOAT, "Benjamini-Hochberg over the genes of this list and all cell types of the contrast", nullable=True),
    _c("fdr_gene", FLOAT, "Benjamini-Hochberg over the cell types of this gene in the contrast: for a gene chosen beforehand", nullable=True),
    _c("detectable", FLOAT, "log2 fold change that this one test finds with a probability of 0.8 at p 0.05", "log2", nullable=True),
    _c("p_without_one", FLOAT, "largest p that is left when one donor is taken out", nullable=True),
    _c("decisive_donor", STRING, "that donor", nullable=True),
    _c("outlier_donor", STRING, "donor whose Cook's distance passes the limit; empty if none does", nullable=True),
    _DESCRIPTIVE,
)

TABLES = {
    table.name: table
    for table in (
        Table(
            "acquired",
            "one raw file",
            ("dataset", "file"),
            (
                _DATASET,
                _c("file", STRING, "name of the file"),
                _c("size", INTEGER, "size", "bytes"),
                _c("sha256", STRING, "checksum of its bytes"),
                _c("source", STRING, "address or path that it came from; kept copy, cache or simulated"),
                _c("verified_by", STRING, "what it was compared with, joined by '; ': declared size or sha256, the source's own listing, the lock file, its own content (where no sha256 was known); 'no listing': there should be one, and it could not be used"),
            ),
        ),
        Table(
            "loaded",
            "one sample, as it was read",
            ("sample",),
            (
                _c("sample", STRING, "sample id"),
                _c("source_sample", STRING, "its name inside the raw file", nullable=True),
                _c("n_cells", INTEGER, "cells loaded", "cells"),
                _c("n_genes", INTEGER, "genes loaded", "genes"),
                _c("n_counts", INTEGER, "sum of all counts", "UMI"),
                _c("n_cells_unlisted", INTEGER, "cells of the file without a row in cells.table, left out", "cells"),
                _c("symbols_from", STRING, "where symbols come from: file or gene table"),
                _c("ids_from", STRING, "where Ensembl ids come from: file, gene table or none"),
                _c("n_genes_dated", INTEGER, "symbols that a spreadsheet had turned into dates", "genes"),
                _c("n_genes_merged", INTEGER, "rows summed with an earlier one of the same symbol", "genes"),
                _c("n_genes_repeated", INTEGER, "genes whose symbol an earlier one has: named <symbol>.<gene id>", "genes"),
                _c("n_genes_without_id", INTEGER, "genes without an Ensembl id", "genes"),
                _c("n_genes_without_symbol", INTEGER, "genes that keep their id as a name", "genes"),
                _c("fraction_without_symbol", FLOAT, "share of the counts in them", "0..1"),
                _c("counts_xist", FLOAT, "counts of XIST; empty: not among the genes", "UMI", nullable=True),
                _c("counts_y", FLOAT, "counts of genes of the Y chromosome only; empty: none among the genes", "UMI", nullable=True),
            ),
        ),
        Table(
            "sample_checks",
            "one sample: is it who its row says it is",
            ("sample",),
            (
                _DATASET,
                _c("sample", STRING, "sample id"),
                _c("donor", STRING, "donor or line"),
                _c("condition", STRING, "condition in samples.tsv"),
                _c("declared_sex", STRING, "column sex of samples.tsv, where it has one", nullable=True),
                _c("inferred_sex", STRING, "F, M, mixed (XIST and Y genes) or unclear (neither, or too few counts)"),
                _c("sex_agrees", STRING, "yes, no or not known"),
                _c("xist_per_million", FLOAT, "counts of XIST; empty: not among the genes", "per million counts", nullable=True),
                _c("y_per_million", FLOAT, "counts of Y genes; empty: none among the genes", "per million counts", nullable=True),
                _c("n_counts", INTEGER, "sum of all counts", "UMI"),
                _c("n_cells", INTEGER, "cells loaded", "cells"),
                _c("cells_to_median", FLOAT, "cells, relative to the median over samples"),
                _c("n_cells_compared", INTEGER, "cells with enough genes to be known again in another sample", "cells"),
                _c("n_cells_repeated", INTEGER, "of these, cells that repeat another of the sample count for count", "cells"),
                _c("n_cells_unlisted", INTEGER, "as in loaded", "cells"),
                _c("n_genes_without_id", INTEGER, "as in loaded", "genes"),
                _c("n_genes_without_symbol", INTEGER, "as in loaded", "genes"),
                _c("n_genes_dated", INTEGER, "as in loaded", "genes"),
                _c("n_genes_merged", INTEGER, "as in loaded", "genes"),
                _c("flagged", BOOLEAN, "true: sex disagrees, is mixed or changes within the donor, or the sample is in sample_pairs"),
                _c("notes", STRING, "what is odd, in words, joined by '; '", nullable=True),
            ),
        ),
        Table(
            "sample_pairs",
            "one pair of samples that share cells, or more barcodes than chance",
            ("sample_1", "sample_2"),
            (
                _DATASET,
                _c("sample_1", STRING, "sample id"),
                _c("donor_1", STRING, "its donor"),
                _c("sample_2", STRING, "sample id"),
                _c("donor_2", STRING, "its donor"),
                _c("verdict", STRING, "same cells, overlapping cells, a few identical cells, more shared barcodes than chance"),
                _c("counted_twice", BOOLEAN, "true: cells of one library count for two donors; stops the run unless allowed"),
                _c("n_identical", INTEGER, "cells with the same count of every gene, barcodes aside", "cells"),
                _c("fraction_identical", FLOAT, "share of the smaller sample's compared cells", "0..1"),
                _c("n_shared_barcodes", FLOAT, "barcodes in both; empty: not nucleotides", "barcodes", nullable=True),
                _c("n_expected_barcodes", FLOAT, "the same by chance", "barcodes", nullable=True),
            ),
        ),
        Table(
            "quality",
            "one cell of one sample, kept or not",
            ("cell",),
            (
                _CELL,
                _c("n_counts", INTEGER, "sum of counts", "UMI"),
                _c("n_genes", INTEGER, "genes with a count", "genes"),
                _c("fraction_mitochondrial", FLOAT, "share of counts in MT- genes", "0..1"),
                _c("fraction_ribosomal", FLOAT, "share of counts in RPS/RPL genes", "0..1"),
                _c("low_counts", BOOLEAN, "below the count limit"),
                _c("high_counts", BOOLEAN, "above the count limit"),
                _c("low_genes", BOOLEAN, "below the gene limit"),
                _c("high_mitochondrial", BOOLEAN, "above the mitochondrial limit"),
                _c("doublet_score", FLOAT, "simulated-doublet neighbours, corrected for their number", "0..1", nullable=True),
                _c("doublet", BOOLEAN, "called a doublet"),
                _c("keep", BOOLEAN, "no flag is set"),
            ),
        ),
        Table(
            "quality_limits",
            "one sample",
            ("sample",),
            (
                _DATASET,
                _c("sample", STRING, "sample id"),
                _c("donor", STRING, "donor or line; empty in the file of one sample", nullable=True),
                _c("condition", STRING, "condition in samples.tsv; empty in the file of one sample", nullable=True),
                _c("n_cells", INTEGER, "cells loaded", "cells"),
                _c("n_kept", INTEGER, "cells kept", "cells"),
                _c("n_low_counts", INTEGER, "cells with that flag", "cells"),
                _c("n_high_counts", INTEGER, "cells with that flag", "cells"),
                _c("n_low_genes", INTEGER, "cells with that flag", "cells"),
                _c("n_high_mitochondrial", INTEGER, "cells with that flag", "cells"),
                _c("n_doublets", INTEGER, "cells with that flag", "cells"),
                _c("median_counts", FLOAT, "median over kept cells", "UMI", nullable=True),
                _c("median_genes", FLOAT, "median over kept cells", "genes", nullable=True),
                _c("median_fraction_mitochondrial", FLOAT, "median over kept cells", "0..1", nullable=True),
                _c("lower_counts", FLOAT, "limit", "UMI"),
                _c("upper_counts", FLOAT, "limit", "UMI"),
                _c("lower_genes", FLOAT, "limit", "genes"),
                _c("upper_mitochondrial", FLOAT, "limit", "0..1"),
                _c("status", STRING, "ok, or why the sample is left out: too_few_cells, most_cells_lost"),
            ),
        ),
        Table(
            "embedding",
            "one kept cell; further columns pc_01.. hold the integrated principal components",
            ("cell",),
            (
                _CELL,
                _c("sample", STRING, "sample id"),
                _c("donor", STRING, "donor or line"),
                _c("umap_1", FLOAT, "UMAP, first axis"),
                _c("umap_2", FLOAT, "UMAP, second axis"),
            ),
            open_ended=True,
        ),
        Table(
            "clusters",
            "one kept cell; further columns leiden_<resolution> hold the clusters at each resolution",
            ("cell",),
            (_CELL, _c("cluster", STRING, "cluster at the chosen resolution; 0 is the largest")),
            open_ended=True,
        ),
        Table(
            "cluster_stability",
            "one resolution",
            ("resolution",),
            (
                _c("resolution", FLOAT, "Leiden resolution"),
                _c("n_clusters", INTEGER, "clusters on all cells"),
                _c("stability", FLOAT, "median adjusted Rand index over subsamples", "-1..1"),
                _c("stability_low", FLOAT, "lowest adjusted Rand index over subsamples", "-1..1"),
                _c("chosen", BOOLEAN, "the resolution used"),
            ),
        ),
        Table(
            "cell_types",
            "one kept cell",
            ("cell",),
            (
                _CELL,
                _c("cluster", STRING, "cluster at the chosen resolution"),
                _c("cell_type", STRING, "cell type, or unassigned"),
                _c("score", FLOAT, "marker score of the label", nullable=True),
                _c("margin", FLOAT, "score minus that of the next type", nullable=True),
                _c("source", STRING, "markers (of its cluster), refined (of the cell itself, within its cluster), or given (labels that came with the data)"),
            ),
        ),
        Table(
            "cluster_labels",
            "one cluster",
            ("cluster",),
            (
                _c("cluster", STRING, "cluster"),
                _c("cell_type", STRING, "label"),
                _c("score", FLOAT, "marker score of the label", nullable=True),
                _c("margin", FLOAT, "score minus that of the next type", nullable=True),
                _c("next_type", STRING, "the next type", nullable=True),
                _c("n_cells", INTEGER, "cells", "cells"),
                _c("n_donors", INTEGER, "donors with at least one cell", "donors"),
                _c("top_donor_fraction", FLOAT, "share of the largest donor", "0..1"),
                _c("flags", STRING, "one_donor, low_margin, high_doublet_score, below_reference (has less than half of what its type has in labels_from: left unassigned); joined by ';'", nullable=True),
            ),
        ),
        Table(
            "learned_markers",
            "one label of the reference and one gene that tells it from all others",
            ("cell_type", "gene"),
            (
                _c("cell_type", STRING, "label"),
                _c("parent", STRING, "neuron for labels of neurons", nullable=True),
                _c("gene", STRING, "marker gene, current symbol"),
                _c("level", FLOAT, "mean log1p(counts per 10,000) over the label's cells"),
                _c("next_level", FLOAT, "the same in the highest other label"),
                _c("n_cells", INTEGER, "cells of the label that were read, at most 2,000", "cells"),
            ),
        ),
        Table(
            "label_checks",
            "one label against one cell type of another family: do its cells look like it",
            ("cell_type", "other_type"),
            (
                _CELL_TYPE,
                _c("other_type", STRING, "type whose markers are looked at"),
                _c("n_cells", INTEGER, "cells of the label", "cells"),
                _c("share_alike", FLOAT, "share of them that look more like the other type, by annotation.min_margin, than like any of their own family", "0..1"),
                _c("level", FLOAT, "their mean marker score for it; 1: as high as in the cells that are highest", "0..1"),
                _c("usual", FLOAT, "median of that over the other labels (ambient RNA); empty: there is no other", "0..1", nullable=True),
                _c("excess", FLOAT, "level minus usual", "-1..1", nullable=True),
                _c("verdict", STRING, "mislabelled (half of the cells or more look like it), mixed (a tenth), contaminated (excess of 0.15), fits, or unknown_label (no markers for the label)"),
            ),
        ),
        Table(
            "markers",
            "one cell type and one of its marker genes",
            ("cell_type", "gene"),
            (
                _CELL_TYPE,
                _c("gene", STRING, "marker gene"),
                _c("mean", FLOAT, "mean log1p(counts per 10,000) over cells"),
                _c("fraction", FLOAT, "share of cells with a count", "0..1"),
                _c("marker_of", STRING, "the type whose marker this gene is"),
            ),
        ),
        Table(
            "differential",
            "one gene of one cell type in one contrast",
            ("dataset", "contrast", "cell_type", "gene"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _c("gene", STRING, "gene symbol"),
                _c("mean", FLOAT, "average log2 counts per million over donors"),
                _c("log2_fold_change", FLOAT, "case minus control, covariates held"),
                _c("log2_fold_change_shrunk", FLOAT, "the same, shrunk towards 0 by its own uncertainty", nullable=True),
                _c("standard_error", FLOAT, "of log2_fold_change; empty when descriptive", nullable=True),
                _STATISTIC,
                _c("df", FLOAT, "degrees of freedom of the statistic; empty when descriptive or for a normal test", nullable=True),
                _P,
                _FDR,
                _FDR_ALL,
                _c("p_without_one", FLOAT, "largest p that is left when one donor is taken out", nullable=True),
                _c("decisive_donor", STRING, "that donor", nullable=True),
                _c("outlier_donor", STRING, "donor whose Cook's distance passes the limit; empty if none does", nullable=True),
                _N_CASE,
                _N_CONTROL,
                _DESCRIPTIVE,
            ),
        ),
        Table(
            "differential_power",
            "one tested cell type in one contrast: how large a change had to be, to be found",
            ("dataset", "contrast", "cell_type"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _N_CASE,
                _N_CONTROL,
                _c("n_genes", INTEGER, "tested genes", "genes"),
                _c("n_hits", INTEGER, "genes that reach the FDR within the cell type", "genes"),
                _c("n_one_donor", INTEGER, "of these, genes whose p exceeds 0.05 without one of the donors", "genes"),
                _c("p_needed", FLOAT, "p that a gene must reach if 1 % of the genes change, at the FDR"),
                _c("detectable_low", FLOAT, "lower quartile over genes of the detectable change", "log2"),
                _c("detectable", FLOAT, "log2 fold change that the median gene must have to be found with power 0.8", "log2"),
                _c("detectable_high", FLOAT, "upper quartile over genes", "log2"),
            ),
        ),
        Table(
            "expression_donors",
            "one tested gene in one cell type; further columns hold one donor each: log2 counts per million",
            ("cell_type", "gene"),
            (_CELL_TYPE, _c("gene", STRING, "gene symbol")),
            open_ended=True,
        ),
        Table(
            "differential_skipped",
            "one cell type that was not tested, or tested only in part",
            ("dataset", "contrast", "cell_type", "reason"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _c(
                    "reason",
                    STRING,
                    "no_donors_in_an_arm, too_few_donors (effect sizes only), design_not_estimable (no genes; pathways and "
                    "composition: effect sizes only), no_genes, or donors_left_out (tested without donors of too few cells or without a partner)",
                ),
                _c("detail", STRING, "numbers and names behind the reason"),
                _N_CASE,
                _N_CONTROL,
            ),
        ),
        Table(
            "enrichment",
            "one gene set on the differential statistics of one cell type",
            ("dataset", "contrast", "cell_type", "family", "pathway"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("n_genes", INTEGER, "members among the tested genes", "genes"),
                _c("normalized_enrichment_score", FLOAT, "gseapy prerank NES: describes, does not decide", nullable=True),
                _c("leading_edge", STRING, "genes before the peak, joined by ';'", nullable=True),
                _c("correlation", FLOAT, "mean correlation of members over donors", nullable=True),
                _c("direction", STRING, "up or down", nullable=True),
                _c("statistic", FLOAT, "CAMERA t, with the estimated correlation", nullable=True),
                _c("p_value", FLOAT, "CAMERA two-sided p, with the estimated correlation", nullable=True),
                _FDR,
                _DESCRIPTIVE,
            ),
        ),
        Table(
            "pathway_scores",
            "one kept cell; further columns hold one score a gene set, named <family>/<pathway>",
            ("cell",),
            (_CELL,),
            open_ended=True,
        ),
        Table(
            "pathway_donors",
            "one gene set in one cell type of one donor",
            ("dataset", "family", "pathway", "cell_type", "donor"),
            (
                _DATASET,
                _FAMILY,
                _PATHWAY,
                _CELL_TYPE,
                _c("donor", STRING, "donor or line"),
                _c("n_cells", INTEGER, "cells behind the score", "cells"),
                _c("depth", FLOAT, "counts of the ranked genes: mean a cell; of the sum, where counts came summed", "UMI"),
                _c("score", FLOAT, "mean rank-based score (AUCell) over the donor's cells", "0..1"),
                _c("score_sd", FLOAT, "standard deviation of the score between the donor's cells; empty: one cell, or counts that came summed", nullable=True),
            ),
        ),
        Table(
            "pathway_depth",
            "one gene set in one cell type: does its score follow the counts of a cell (no rows where counts came summed)",
            ("dataset", "cell_type", "family", "pathway"),
            (
                _DATASET,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("n_samples", INTEGER, "samples with at least 20 such cells, and not all with one score", "samples"),
                _c("n_cells", INTEGER, "cells in them", "cells"),
                _c("correlation", FLOAT, "Spearman correlation of score and counts among the cells of a sample, mean over samples weighted by cells", "-1..1"),
            ),
        ),
        Table(
            "gene_set_members",
            "one gene of one gene set",
            ("family", "pathway", "gene"),
            (
                _FAMILY,
                _PATHWAY,
                _c("gene", STRING, "its current symbol"),
                _c("given", STRING, "its symbol in the GMT file"),
                _c("known", BOOLEAN, "whether GENCODE v44 (human) or Ensembl (mouse) has a gene of this symbol"),
            ),
        ),
        Table(
            "gene_sets",
            "one gene set of the run, and where it comes from",
            ("family", "pathway"),
            (
                _FAMILY,
                _PATHWAY,
                _c("name", STRING, "the set in a few words"),
                _c("kind", STRING, "pathway; gene_level: read gene by gene, never scored; artefact: scored, shown beside hits that it may explain"),
                _c("direction", STRING, "what its members do while the process runs: up, down or none"),
                _c("species", STRING, "whose symbols its members are: human or mouse"),
                _c("n_genes", INTEGER, "members", "genes"),
                _c("definition", STRING, "what its members have in common", nullable=True),
                _c("source", STRING, "papers and terms, joined by ';'", nullable=True),
                _c("licence", STRING, "terms of use", nullable=True),
                _c("version", INTEGER, "counts the changes of its members"),
                _c("expected_in", STRING, "what the literature lets one expect; no test uses it", nullable=True),
                _c("mouse_derived", BOOLEAN, "whether it was defined in mice"),
                _c("human_orthologs", FLOAT, "share of the members with a one-to-one mouse ortholog; of mouse-derived sets", "0..1", nullable=True),
                _c("reason", STRING, "why it is smaller than 10 or larger than 500 genes, or near to another set", nullable=True),
                _c("see_also", STRING, "public sets of which it is the free equivalent, joined by ';'", nullable=True),
                _c("origin", STRING, "shipped, file (of the user) or collection (fetched)"),
                _c("renamed", STRING, "former symbols that were replaced, as old>new joined by ';'", nullable=True),
                _c("unknown", STRING, "members that are no symbol of human or mouse, joined by ';'", nullable=True),
                _c("near_copies", STRING, "sets with nearly the same genes (near_copy in gene_set_overlap), joined by ';'", nullable=True),
            ),
        ),
        Table(
            "gene_set_overlap",
            "two gene sets that share at least a tenth of the smaller one; not two of one public collection",
            ("family", "pathway", "other_family", "other_pathway"),
            (
                _FAMILY,
                _PATHWAY,
                _c("other_family", STRING, "family of the other set"),
                _c("other_pathway", STRING, "the other set"),
                _c("n_shared", INTEGER, "genes in both", "genes"),
                _c("jaccard", FLOAT, "genes in both, of genes in either", "0..1"),
                _c("containment", FLOAT, "genes in both, of the smaller set", "0..1"),
                _c("near_copy", BOOLEAN, "jaccard over 0.5 or containment over 0.8"),
            ),
        ),
        Table(
            "collection",
            "one public collection of gene sets, as it was fetched",
            ("collection",),
            (
                _c("collection", STRING, "its name in config, the family of its sets"),
                _c("library", STRING, "name at its source"),
                _c("version", STRING, "version at its source", nullable=True),
                _c("source", STRING, "where it came from: Enrichr, MSigDB, a cache or a file"),
                _c("sha256", STRING, "checksum of all its sets in one order"),
                _c("n_library", INTEGER, "sets of the whole library"),
                _c("n_sets", INTEGER, "sets that config chose"),
            ),
        ),
        Table(
            "pathway_sets",
            "one gene set against the genes of one dataset",
            ("dataset", "family", "pathway"),
            (
                _DATASET,
                _FAMILY,
                _PATHWAY,
                _c("n_genes", INTEGER, "members of the set", "genes"),
                _c("n_measured", INTEGER, "members with a count, and among the genes of every sample", "genes"),
                _c("coverage", FLOAT, "share of the members that is measured", "0..1"),
                _c("status", STRING, "scored, low_coverage, too_few_genes or gene_level"),
                _c("missing", STRING, "members without a count or not in every sample, joined by ';'", nullable=True),
            ),
        ),
        Table(
            "pathway_tests",
            "one gene set in one cell type and contrast",
            ("dataset", "contrast", "cell_type", "family", "pathway"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("effect", FLOAT, "case minus control, in donor standard deviations within arms"),
                _c("standard_error", FLOAT, "of the effect; empty when descriptive", nullable=True),
                _c("ci_low", FLOAT, "95 % interval, lower end; empty when descriptive", nullable=True),
                _c("ci_high", FLOAT, "95 % interval, upper end; empty when descriptive", nullable=True),
                _c("effect_control_sd", FLOAT, "the same difference in standard deviations of control donors; empty when descriptive", nullable=True),
                _c("ci_low_control_sd", FLOAT, "95 % interval, lower end", nullable=True),
                _c("ci_high_control_sd", FLOAT, "95 % interval, upper end", nullable=True),
                _STATISTIC,
                _P,
                _c("fdr", FLOAT, "Benjamini-Hochberg over all cell types and sets of the contrast", nullable=True),
                _c("fdr_within", FLOAT, "Benjamini-Hochberg within cell type and contrast", nullable=True),
                _c("minimum_detectable_effect", FLOAT, "|effect| that this test finds with a probability of 0.8 at `fdr`, in the unit of `effect`", nullable=True),
                _c("random_set_percentile", FLOAT, "share of expression-matched random sets with a smaller |t|", "0..100", nullable=True),
                _c("depth_correlation", FLOAT, "of the score with the counts of a cell, as in pathway_depth", "-1..1", nullable=True),
                _c("depth_correlation_donors", FLOAT, "of the donor scores with the log depth of donors, within arms", "-1..1", nullable=True),
                _c("depth_ratio", FLOAT, "depth of the case donors over that of the control donors, by geometric means"),
                _c("coverage", FLOAT, "share of the set that is measured", "0..1"),
                _N_CASE,
                _N_CONTROL,
                _DESCRIPTIVE,
            ),
        ),
        Table(
            "pathway_genes",
            "one member of a scored gene set in one cell type and contrast: its part in the effect of the set",
            ("dataset", "contrast", "cell_type", "family", "pathway", "gene"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("gene", STRING, "gene symbol"),
                _c("contribution", FLOAT, "its part in `effect` of pathway_tests, in the same unit: those of a set add up to it"),
                _c("share", FLOAT, "contribution over effect; negative: it works against the others"),
                _c("log2_fold_change", FLOAT, "its own, of differential; empty: not tested there", nullable=True),
                _c("p_value", FLOAT, "its own", nullable=True),
                _c("fdr", FLOAT, "its own, within cell type and contrast", nullable=True),
            ),
        ),
        Table(
            "set_coherence",
            "one scored gene set in one cell type: do its members move together across donors, contrasts and covariates held",
            ("dataset", "cell_type", "family", "pathway"),
            (
                _DATASET,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("n_donors", INTEGER, "donors of any contrast with enough cells", "donors"),
                _c("n_genes", INTEGER, "members with enough counts here; a set with fewer than 5 has no row", "genes"),
                _c("correlation", FLOAT, "of the log2 expression of two members, mean over all pairs", "-1..1"),
                _c("percentile", FLOAT, "share of random sets of like expression with a smaller mean correlation", "0..100"),
            ),
        ),
        Table(
            "pathway_views",
            "one gene set in one cell type and contrast: activity, CAMERA and prerank side by side",
            ("dataset", "contrast", "cell_type", "family", "pathway"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("activity_effect", FLOAT, "effect of pathway_tests; empty: not scored", nullable=True),
                _c("activity_statistic", FLOAT, "its moderated t", nullable=True),
                _c("activity_p_value", FLOAT, "its p value", nullable=True),
                _c("activity_fdr", FLOAT, "its FDR over all cell types and sets of the contrast", nullable=True),
                _c("camera_direction", STRING, "up or down, of enrichment", nullable=True),
                _c("camera_statistic", FLOAT, "its CAMERA t", nullable=True),
                _c("camera_p_value", FLOAT, "its p value", nullable=True),
                _c("camera_fdr", FLOAT, "Benjamini-Hochberg over all cell types and sets of the contrast, as activity_fdr; enrichment has it within cell type", nullable=True),
                _c("normalized_enrichment_score", FLOAT, "of enrichment: describes, has no p value", nullable=True),
                _c("nes_sign_agrees", STRING, "yes or no: whether it has the sign of activity_effect; empty: not known", nullable=True),
                _c("random_set_percentile", FLOAT, "as in pathway_tests", "0..100", nullable=True),
                _c("verdict", STRING, "agree (both reach the FDR, same sign), opposite, activity_only, camera_only, neither, or not_compared (one of the tests is missing)"),
            ),
        ),
        Table(
            "gene_panel",
            "one ALS gene in one cell type and contrast, tested or not; a mutated gene also over all cell types, '(all)'",
            ("dataset", "contrast", "cell_type", "gene"),
            (*_GENE_KEY, _c("evidence", STRING, "sets of the family that list it, joined by ';'"), _c("own_gene", BOOLEAN, "true: all case donors carry a mutation in it"), *_GENE_ROW),
        ),
        Table(
            "tdp43_genes",
            "one target of TDP-43 in one cell type and contrast, tested or not",
            ("dataset", "contrast", "cell_type", "gene"),
            (
                *_GENE_KEY,
                _c("direction", STRING, "down or up: what its RNA does when TDP-43 is lost"),
                _c("as_expected", STRING, "yes or no: whether it reaches FDR over the list in that direction or against it; empty: it does not reach it", nullable=True),
                _c("mechanism", STRING, "how"),
                _c("source", STRING, "papers, joined by '; '"),
                *_GENE_ROW,
            ),
        ),
        Table(
            "tdp43_index",
            "the index of TDP-43 loss in one cell type and contrast",
            ("dataset", "contrast", "cell_type"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _c("is_neuron", BOOLEAN, "true: of interest; false: a negative control, since the targets are neuronal"),
                _c("status", STRING, "tested, descriptive (too few donors, or a design that cannot be estimated), or too_few_targets (no index)"),
                _c("n_targets", INTEGER, "targets with enough counts here", "genes"),
                _c("n_listed", INTEGER, "targets listed", "genes"),
                _c("missing", STRING, "targets without enough counts here, joined by ';'", nullable=True),
                _c("effect", FLOAT, "mean index of case minus control donors, covariates held; positive: as after a loss of TDP-43", "standard deviations of donors", nullable=True),
                _c("standard_error", FLOAT, "of the effect", nullable=True),
                _c("ci_low", FLOAT, "95 % interval, lower end", nullable=True),
                _c("ci_high", FLOAT, "95 % interval, upper end", nullable=True),
                _c("statistic", FLOAT, "t; empty when descriptive", nullable=True),
                _P,
                _c("fdr", FLOAT, "Benjamini-Hochberg over the cell types of the contrast", nullable=True),
                _c("random_percentile", FLOAT, "share of random sets of like expression, with the same signs, that have a smaller t", "0..100", nullable=True),
                _c("detectable", FLOAT, "|effect| that this test finds with a probability of 0.8 at p 0.05", "standard deviations of donors", nullable=True),
                _N_CASE,
                _N_CONTROL,
                _DESCRIPTIVE,
            ),
        ),
        Table(
            "tdp43_donors",
            "the index of TDP-43 loss of one donor in one cell type",
            ("dataset", "cell_type", "donor"),
            (
                _DATASET,
                _CELL_TYPE,
                _c("donor", STRING, "donor or line"),
                _c("index", FLOAT, "mean over targets of the standardized log expression, times the sign of the target; positive: as after a loss of TDP-43", "standard deviations of donors"),
            ),
        ),
        Table(
            "ligand_receptor",
            "one ligand and receptor between two cell types in one contrast, tested or not",
            ("dataset", "contrast", "ligand", "receptor", "sender", "receiver"),
            (
                _DATASET,
                _CONTRAST,
                _FAMILY,
                _c("ligand", STRING, "gene symbol"),
                _c("receptor", STRING, "gene symbols of its subunits, joined by ';'"),
                _c("sender", STRING, "cell type of the ligand"),
                _c("receiver", STRING, "cell type of the receptor"),
                _c("status", STRING, "tested, descriptive, no_donors (an arm has no donor with both cell types), ligand_low, receptor_low, both_low (too few counts there), or not_measured (a gene is not among those of the dataset)"),
                _c("mean_ligand", FLOAT, "mean log2 counts per million over donors with both cell types", nullable=True),
                _c("mean_receptor", FLOAT, "the same of the lowest subunit of each donor", nullable=True),
                _c("limiting_subunit", STRING, "subunit with the lowest mean", nullable=True),
                _c("effect", FLOAT, "change of the pair's score (mean of ligand and receptor), case minus control, covariates held", "log2", nullable=True),
                _c("standard_error", FLOAT, "of the effect", nullable=True),
                _c("ci_low", FLOAT, "95 % interval, lower end", nullable=True),
                _c("ci_high", FLOAT, "95 % interval, upper end", nullable=True),
                _STATISTIC,
                _P,
                _c("fdr", FLOAT, "Benjamini-Hochberg over all pairs and cell types of the contrast", nullable=True),
                _c("ligand_log2_fold_change", FLOAT, "of the ligand in the sender, as in differential", nullable=True),
                _c("ligand_fdr", FLOAT, "its fdr_all", nullable=True),
                _c("receptor_log2_fold_change", FLOAT, "of the limiting subunit in the receiver", nullable=True),
                _c("receptor_fdr", FLOAT, "its fdr_all", nullable=True),
                _N_CASE,
                _N_CONTROL,
                _DESCRIPTIVE,
                _c("source", STRING, "papers, joined by '; '"),
            ),
        ),
        Table(
            "composition",
            "one cell type in one contrast",
            ("dataset", "contrast", "cell_type"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _c("fraction_case", FLOAT, "mean share over case donors", "0..1"),
                _c("fraction_control", FLOAT, "mean share over control donors", "0..1"),
                _c("effect", FLOAT, "difference of transformed shares, case minus control"),
                _c("ci_low", FLOAT, "95 % interval, lower end", nullable=True),
                _c("ci_high", FLOAT, "95 % interval, upper end", nullable=True),
                _STATISTIC,
                _P,
                _FDR,
                _c("minimum_detectable_effect", FLOAT, "effect that a test would find with power 0.8 at the FDR", nullable=True),
                _N_CASE,
                _N_CONTROL,
                _DESCRIPTIVE,
            ),
        ),
        Table(
            "composition_donors",
            "one cell type of one donor",
            ("dataset", "donor", "cell_type"),
            (
                _DATASET,
                _c("donor", STRING, "donor or line"),
                _CELL_TYPE,
                _c("n_cells", INTEGER, "cells", "cells"),
                _c("fraction", FLOAT, "share of the donor's labelled cells", "0..1"),
            ),
        ),
        Table(
            "calibration",
            "one test in one cell type, or over all of them, with labels shuffled among the donors",
            ("dataset", "contrast", "test", "cell_type"),
            (
                _DATASET,
                _CONTRAST,
                _TEST,
                _c("cell_type", STRING, "cell type; '(all)': over all cell types"),
                _c("n_relabellings", INTEGER, "relabellings with a p value here; one in which the design cannot be estimated has none", "relabellings"),
                _c("n_distinct", INTEGER, "balanced relabellings that there are", "relabellings"),
                _c("n_tests", INTEGER, "p values under all relabellings", "tests"),
                _c("false_positive_rate", FLOAT, "share of them below 0.05", "0..1", nullable=True),
                _c("ci_low", FLOAT, "95 % interval over relabellings, lower end; empty with fewer than two", "0..1", nullable=True),
                _c("ci_high", FLOAT, "95 % interval, upper end", "0..1", nullable=True),
                _c("any_hit_rate", FLOAT, "share of relabellings with a hit (FDR of the test's own table)", "0..1", nullable=True),
                _c("observed_hits", INTEGER, "hits with the true labels", "tests"),
                _c("hits_median", FLOAT, "hits of a relabelling, median", "tests", nullable=True),
                _c("hits_q95", FLOAT, "hits of a relabelling, 95 % quantile", "tests", nullable=True),
                _c("share_with_as_many_hits", FLOAT, "share of the labellings, the true one among them, with at least the observed hits; no p value: balanced relabellings are no group", "0..1", nullable=True),
                _c("verdict", STRING, "held; inflated or conservative (the interval lies above 0.055 or below 0.045); too_few relabellings to say (below 10)"),
            ),
        ),
        Table(
            "calibration_histogram",
            "one bin of the p values of one test, all cell types together",
            ("dataset", "contrast", "test", "bin_low"),
            (
                _DATASET,
                _CONTRAST,
                _TEST,
                _c("bin_low", FLOAT, "lower end of the bin, in it", "0..1"),
                _c("bin_high", FLOAT, "upper end of the bin, not in it but for 1", "0..1"),
                _c("n_relabelled", INTEGER, "p values under all relabellings", "tests"),
                _c("n_true", INTEGER, "p values with the true labels", "tests"),
            ),
        ),
        Table(
            "pathway_artefacts",
            "one inflammation or stress set beside one artefact set, in one cell type and contrast",
            ("dataset", "contrast", "cell_type", "family", "pathway", "artefact"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("artefact", STRING, "artefact set; none: no one is scored here"),
                _c("effect", FLOAT, "of the set, as in pathway_tests", "SD"),
                _c("fdr", FLOAT, "of the set, as in pathway_tests", nullable=True),
                _c("artefact_effect", FLOAT, "of the artefact set, in the same cell type and contrast", "SD", nullable=True),
                _c("artefact_ci_low", FLOAT, "its 95 % interval, lower end", "SD", nullable=True),
                _c("artefact_ci_high", FLOAT, "the same, upper end", "SD", nullable=True),
                _c("artefact_p_value", FLOAT, "of the artefact set", nullable=True),
                _c("artefact_fdr", FLOAT, "of the artefact set", nullable=True),
                _c("flag", STRING, "artefact_moves_too (its FDR is reached, in the direction of the set), artefact_quiet (its interval excludes an effect of the size of the set's), cannot_say, no_artefact_scored"),
                _c("n_shared", INTEGER, "genes in both sets", "genes"),
                _c("shared", STRING, "these genes, joined by ';'", nullable=True),
                _c("correlation", FLOAT, "of the two scores over donors, within arms and with covariates held", "-1..1", nullable=True),
                _c("effect_before", FLOAT, "of the set by an unweighted linear model, in its residual standard deviations", "SD", nullable=True),
                _c("effect_held", FLOAT, "the same with the artefact score as a covariate, in the same unit", "SD", nullable=True),
                _c("ci_low_held", FLOAT, "its 95 % interval, lower end; empty with fewer than 3 degrees of freedom", "SD", nullable=True),
                _c("ci_high_held", FLOAT, "its 95 % interval, upper end", "SD", nullable=True),
                _c("df_held", FLOAT, "residual degrees of freedom with the artefact held", nullable=True),
                _c("held_says", STRING, "stays, vanishes (less than half of the effect is left), descriptive (too few degrees of freedom)", nullable=True),
                _c("descriptive", BOOLEAN, "as in pathway_tests"),
            ),
        ),
        Table(
            "synthesis_pathways",
            "one gene set in one cell type and contrast, over datasets",
            ("contrast", "cell_type", "family", "pathway"),
            (
                _CONTRAST,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("datasets", STRING, "datasets behind the row, joined by ';'"),
                _ORGANISMS,
                _N_DATASETS,
                _N_SAME_SIGN,
                _c("n_tissue", INTEGER, "tissue datasets"),
                _c("n_dish", INTEGER, "dish datasets"),
                _c("effect_tissue", FLOAT, "random-effects mean over tissue datasets", nullable=True),
                _c("ci_low_tissue", FLOAT, "its 95 % interval, lower end", nullable=True),
                _c("ci_high_tissue", FLOAT, "its 95 % interval, upper end", nullable=True),
                _c("fdr_tissue", FLOAT, "Benjamini-Hochberg over the contrast's rows of tissue", nullable=True),
                _c("effect_dish", FLOAT, "random-effects mean over dish datasets", nullable=True),
                _c("ci_low_dish", FLOAT, "its 95 % interval, lower end", nullable=True),
                _c("ci_high_dish", FLOAT, "its 95 % interval, upper end", nullable=True),
                _c("fdr_dish", FLOAT, "Benjamini-Hochberg over the contrast's rows of the dish", nullable=True),
                _c("effect", FLOAT, "random-effects mean over all datasets", nullable=True),
                _c("ci_low", FLOAT, "95 % interval, lower end", nullable=True),
                _c("ci_high", FLOAT, "95 % interval, upper end", nullable=True),
                _c("p_value", FLOAT, "of the pooled effect", nullable=True),
                _c("fdr", FLOAT, "Benjamini-Hochberg over the contrast", nullable=True),
                *_HETEROGENEITY,
                _c("p_difference", FLOAT, "tissue against dish, two-sided, from the two intervals", nullable=True),
            ),
        ),
        Table(
            "synthesis_programmes",
            "one gene set in one cell type and contrast: does the dish show what the tissue shows",
            ("contrast", "cell_type", "family", "pathway"),
            (
                _CONTRAST,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("datasets", STRING, "datasets behind the row, joined by ';'"),
                _ORGANISMS,
                _c("n_tissue", INTEGER, "tissue datasets"),
                _c("n_dish", INTEGER, "dish datasets"),
                *(
                    _c(f"{name}_{system}", FLOAT, meaning, unit, nullable=True)
                    for system, unit in (("tissue", "donor SD"), ("dish", "line SD"))
                    for name, meaning, unit in (
                        ("effect", f"effect in {system}, pooled where it has several datasets", unit),
                        ("ci_low", "its 95 % interval, lower end", unit),
                        ("ci_high", "its 95 % interval, upper end", unit),
                        ("fdr", "as in synthesis_pathways", ""),
                        ("detectable", "effect that this system's interval would exclude 0 for with a probability of 0.8", unit),
                    )
                ),
                _c("difference", FLOAT, "dish minus tissue", "SD", nullable=True),
                _c("ci_low_difference", FLOAT, "its 95 % interval, lower end", "SD", nullable=True),
                _c("ci_high_difference", FLOAT, "its 95 % interval, upper end", "SD", nullable=True),
                _c("verdict", STRING, "same, opposite, tissue_only, tissue_dish_blind, tissue_dish_open, dish_only, dish_tissue_blind, dish_tissue_open, hint, neither, unclear, not_comparable: the rule is in docs/methods.md"),
                _c("excluded_above", FLOAT, "verdicts neither and unclear: larger effects lie outside the 95 % intervals of both systems", "SD", nullable=True),
                _c("why", STRING, "verdict not_comparable: the reason", nullable=True),
                _c("in_words", STRING, "the verdict as a phrase"),
            ),
        ),
        Table(
            "synthesis_agreement",
            "one cell type in one contrast: how alike tissue and dish are over all programmes",
            ("contrast", "cell_type"),
            (
                _CONTRAST,
                _CELL_TYPE,
                _c("n_programmes", INTEGER, "comparable gene sets; at least 5"),
                _c("same_sign", FLOAT, "share with one sign, each set weighed by the smaller of its two |effects|", "0..1", nullable=True),
                _c("concordance", FLOAT, "Lin's concordance of the effects", "-1..1", nullable=True),
                _c("concordance_low", FLOAT, "95 % range of a bootstrap over sets; too narrow, since sets share genes and donors", "-1..1", nullable=True),
                _c("concordance_high", FLOAT, "the same, upper end", "-1..1", nullable=True),
                _c("chance_low", FLOAT, "95 % range with the sets of the dish shuffled; a yardstick, no test", "-1..1", nullable=True),
                _c("chance_high", FLOAT, "the same, upper end", "-1..1", nullable=True),
            ),
        ),
        Table(
            "synthesis_genes",
            "one gene in one cell type and contrast, over datasets",
            ("contrast", "cell_type", "gene"),
            (
                _CONTRAST,
                _CELL_TYPE,
                _c("gene", STRING, "gene symbol"),
                _c("datasets", STRING, "datasets behind the row, joined by ';'"),
                _ORGANISMS,
                _N_DATASETS,
                _N_SAME_SIGN,
                _c("log2_fold_change_tissue", FLOAT, "random-effects mean over tissue datasets", nullable=True),
                _c("log2_fold_change_dish", FLOAT, "random-effects mean over dish datasets", nullable=True),
                _c("log2_fold_change", FLOAT, "random-effects mean over all datasets", nullable=True),
                _c("standard_error", FLOAT, "its standard error", nullable=True),
                _c("p_value", FLOAT, "of the pooled effect", nullable=True),
                _c("fdr", FLOAT, "Benjamini-Hochberg within cell type and contrast", nullable=True),
                *_HETEROGENEITY,
            ),
        ),
        Table(
            "synthesis_biomarkers",
            "one secreted, shed or leaked gene that changes in a cell type",
            ("contrast", "cell_type", "gene"),
            (
                _CONTRAST,
                _CELL_TYPE,
                _c("gene", STRING, "gene symbol"),
                _c("datasets", STRING, "datasets in which it is a hit, joined by ';'"),
                _ORGANISMS,
                _c("status", STRING, "known (as an ALS fluid biomarker) or new candidate"),
                _c("direction", STRING, "up or down in the case arm where it is a hit; mixed: these datasets disagree"),
                _c("lead_dataset", STRING, "the dataset of the lowest FDR; the next columns up to tau are of it"),
                _c("log2_fold_change", FLOAT, "case minus control", "log2"),
                _c("ci_low", FLOAT, "95 % interval (t with donors less 2 degrees of freedom), lower end", "log2"),
                _c("ci_high", FLOAT, "the same, upper end", "log2"),
                _c("fdr", FLOAT, "Benjamini-Hochberg over all candidate genes and cell types of the dataset and contrast; the rank"),
                _c("fdr_all_genes", FLOAT, "over all genes of the cell type, as in differential"),
                _c("share", FLOAT, "of the gene's counts per million over cell types, that of this one; types count alike whatever their size", "0..1"),
                _c("highest_in", STRING, "cell type of origin: where it is highest"),
                _c("share_highest", FLOAT, "the share there", "0..1"),
                _c("tau", FLOAT, "specificity: 0 alike in all cell types, 1 in one only", "0..1", nullable=True),
                _c("changes_in", STRING, "all cell types in which it is a hit in this contrast, joined by ';'"),
                _c("effects", STRING, "log2 fold change with interval in every dataset that tested it"),
                _N_DATASETS,
                _c("n_same_sign", INTEGER, "of these, with the sign of the pool; 0: one dataset, so that nothing can agree"),
                _c("systems", STRING, "systems (tissue, dish) of the datasets with that sign; empty for one dataset", nullable=True),
                _c("effect_pooled", FLOAT, "random-effects mean; empty for one dataset", "log2", nullable=True),
                _c("ci_low_pooled", FLOAT, "its 95 % interval, lower end", "log2", nullable=True),
                _c("ci_high_pooled", FLOAT, "the same, upper end", "log2", nullable=True),
                _c("how", STRING, "how it gets into fluid: secreted, shed (ectodomain) or leaked (upon damage)"),
                _c("fluid", STRING, "fluid in which it is known in ALS: CSF, blood, urine; joined by ';'", nullable=True),
                _c("reported", STRING, "direction reported there: up, down, changed, unclear", nullable=True),
                _c("fluid_agrees", STRING, "yes or no: the direction is that of the fluid; empty where either is none", nullable=True),
                _c("known", STRING, "what is known, with source; empty: a new candidate", nullable=True),
                _c("confirmed", STRING, "yes: paper and direction were read in its abstract; no: only cited; empty: a new candidate", nullable=True),
            ),
        ),
        Table(
            "synthesis_biomarker_tests",
            "one test of a candidate gene (secreted, shed or leaked) in a cell type of a dataset, hit or not",
            ("contrast", "cell_type", "gene", "dataset"),
            (
                _CONTRAST,
                _CELL_TYPE,
                _c("gene", STRING, "gene symbol"),
                _DATASET,
                _c("log2_fold_change", FLOAT, "case minus control", "log2"),
                _c("ci_low", FLOAT, "95 % interval (t with donors less 2 degrees of freedom), lower end", "log2"),
                _c("ci_high", FLOAT, "the same, upper end", "log2"),
                _c("p_value", FLOAT, "donor-level, as in differential"),
                _c("fdr", FLOAT, "Benjamini-Hochberg over all candidate genes and cell types of the dataset and contrast"),
                _c("is_hit", BOOLEAN, "the FDR is reached"),
                _c("detectable", FLOAT, "|log2 fold change| that this test finds with power 0.8", "log2"),
                _c("share", FLOAT, "of the gene's counts per million over cell types, that of this one", "0..1"),
                _c("highest_in", STRING, "cell type of origin: where it is highest"),
                _c("tau", FLOAT, "specificity: 0 alike in all cell types, 1 in one only", "0..1", nullable=True),
                _c("how", STRING, "how it gets into fluid: secreted, shed (ectodomain) or leaked (upon damage)"),
                _c("reported", STRING, "direction reported in ALS fluids: up, down, changed, unclear", nullable=True),
                _c("fluid_agrees", STRING, "yes or no: the sign is that of the fluid; empty where none is reported", nullable=True),
            ),
        ),
        Table(
            "synthesis_biomarkers_tested",
            "one contrast of one dataset: the candidate genes that it could test",
            ("dataset", "contrast"),
            (
                _DATASET,
                _CONTRAST,
                _c("n_genes", INTEGER, "candidate genes tested in a cell type or more", "genes"),
                _c("n_cell_types", INTEGER, "cell types in which any was tested"),
                _c("n_tests", INTEGER, "tests of a gene in a cell type"),
                _c("n_hits", INTEGER, "tests that reach the FDR over all of them"),
                _c("detectable_low", FLOAT, "lower quartile over tests of the detectable change", "log2"),
                _c("detectable", FLOAT, "change that the median test had to have to be found with power 0.8", "log2"),
                _c("detectable_high", FLOAT, "upper quartile", "log2"),
            ),
        ),
        Table(
            "directions",
            "one donor-level test that belongs to one of the six directions, gathered from the other tables",
            ("direction", "dataset", "contrast", "cell_type", "kind", "name"),
            (
                _c("direction", STRING, "genetics, neuroinflammation, aggregation_stress, neuroprotection, stem_cell_models or biomarkers"),
                _c("dataset", STRING, "dataset; '(tissue)', '(dish)' or '(all)': pooled over datasets"),
                _CONTRAST,
                _c("cell_type", STRING, "cell type; of a pair: sender → receiver"),
                _c("kind", STRING, "gene, gene_set, index, pair, programme or biomarker"),
                _c("name", STRING, "gene symbol, family/pathway, or ligand–receptor"),
                _c("effect", FLOAT, "case minus control, in `unit`"),
                _c("unit", STRING, "donor SD, log2 fold change or log2"),
                _c("ci_low", FLOAT, "95 % interval, lower end", nullable=True),
                _c("ci_high", FLOAT, "95 % interval, upper end", nullable=True),
                _c("p_value", FLOAT, "donor-level p value; empty for a programme over datasets", "0..1", nullable=True),
                _c("fdr", FLOAT, "of the table it comes from: over all cell types and sets, over the panel, or over all pairs", "0..1"),
                _c("hit", BOOLEAN, "true: `fdr` reaches differential.fdr"),
                _c("carried_by", STRING, "genes that carry the effect of a set, with their shares", nullable=True),
                _c("donors", STRING, "case donors beyond the median control donor in the direction of the effect; covariates are not held here", nullable=True),
                _c("in_dish", STRING, "of a gene set: does the dish show what the tissue shows, as in synthesis_programmes", nullable=True),
                _c("note", STRING, "what else is to be said", nullable=True),
                _c("file", STRING, "table it comes from"),
            ),
        ),
        Table(
            "synthesis_replication",
            "hits of one dataset in another one, in a cell type and contrast; no p value: genes and sets are correlated, so that they are no independent trials",
            ("kind", "contrast", "cell_type", "discovery", "replication"),
            (
                _c("kind", STRING, "gene or pathway"),
                _CONTRAST,
                _CELL_TYPE,
                _c("discovery", STRING, "dataset in which the hits were found"),
                _c("replication", STRING, "dataset in which they are looked up"),
                _c("n_hits", INTEGER, "discovery FDR reached, and tested in both datasets"),
                _c("n_same_sign", INTEGER, "hits with the same sign in the replication dataset"),
                _c("n_replicated", INTEGER, "hits with the same sign and p < 0.05 there"),
                _c("rate", FLOAT, "n_replicated / n_hits; empty without hits", "0..1", nullable=True),
                _c("n_others", INTEGER, "tested in both datasets and no hit: what chance is taken from"),
                _c("chance_same_sign", FLOAT, "share of those with the same sign; genes: of like mean expression in the replication dataset", "0..1", nullable=True),
                _c("chance_rate", FLOAT, "share of those with the same sign and p < 0.05, likewise", "0..1", nullable=True),
                _c("ratio", FLOAT, "rate / chance_rate; empty where chance is 0", nullable=True),
                _c("effect_correlation", FLOAT, "Spearman's correlation of the two effects over the hits; empty below three", "-1..1", nullable=True),
            ),
        ),
        Table(
            "truth_pathways",
            "one planted gene set in one cell type (simulated data only)",
            ("dataset", "cell_type", "family", "pathway"),
            (
                _DATASET,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("log2_fold_change", FLOAT, "planted on the changed members, case minus control"),
                _c("fraction_changed", FLOAT, "share of the members that were changed", "0..1"),
            ),
        ),
        Table(
            "truth_genes",
            "one gene with a planted change in one cell type (simulated data only)",
            ("dataset", "cell_type", "gene"),
            (_DATASET, _CELL_TYPE, _c("gene", STRING, "gene"), _c("log2_fold_change", FLOAT, "planted, case minus control")),
        ),
        Table(
            "truth_cells",
            "one simulated droplet",
            ("dataset", "sample", "barcode"),
            (
                _DATASET,
                _c("sample", STRING, "sample id"),
                _c("barcode", STRING, "barcode in the raw file"),
                _CELL_TYPE,
                _c("doublet_with", STRING, "second cell type of a doublet", nullable=True),
                _c("dying", BOOLEAN, "simulated as dying: few counts, high mitochondrial share"),
            ),
        ),
        Table(
            "truth_composition",
            "one cell type whose share was shifted (simulated data only)",
            ("dataset", "cell_type"),
            (_DATASET, _CELL_TYPE, _c("fold", FLOAT, "planted ratio of odds, case over control")),
        ),
        Table(
            "planted",
            "one planted or quiet set against what the tests said",
            ("dataset", "contrast", "cell_type", "family", "pathway"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _FAMILY,
                _PATHWAY,
                _c("planted", FLOAT, "planted log2 fold change; 0: nothing planted and no member shared with a planted set"),
                _c("effect", FLOAT, "as in pathway_tests", nullable=True),
                _c("fdr", FLOAT, "as in pathway_tests", nullable=True),
                _c("outcome", STRING, "found, missed, wrong_direction, false_call, quiet, overlap, not_tested"),
            ),
        ),
        Table(
            "planted_families",
            "one family of gene sets in one contrast of a simulated dataset: planted sets against findings, cell types together",
            ("dataset", "contrast", "family"),
            (
                _DATASET,
                _CONTRAST,
                _FAMILY,
                _c("n_planted", INTEGER, "planted sets, one a cell type", "sets"),
                _c("n_found", INTEGER, "of these, called in the planted direction", "sets"),
                _c("n_missed", INTEGER, "of these, not called", "sets"),
                _c("n_wrong_direction", INTEGER, "of these, called in the other direction", "sets"),
                _c("n_not_tested", INTEGER, "of these, not tested", "sets"),
                _c("n_quiet", INTEGER, "tested sets of which no gene was planted, not called", "sets"),
                _c("n_false", INTEGER, "such sets that were called", "sets"),
                _c("n_overlap", INTEGER, "sets that share genes with a planted one: neither answer is wrong", "sets"),
            ),
        ),
        Table(
            "planted_genes",
            "one tested cell type of a simulated dataset: planted genes against what the tests called",
            ("dataset", "contrast", "cell_type"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _c("n_planted", INTEGER, "genes with a planted change that were tested", "genes"),
                _c("n_found", INTEGER, "of these, called in the planted direction", "genes"),
                _c("n_wrong_direction", INTEGER, "of these, called in the other direction", "genes"),
                _c("n_called", INTEGER, "genes called", "genes"),
                _c("n_false", INTEGER, "of these, without a planted change", "genes"),
            ),
        ),
        Table(
            "planted_composition",
            "one cell type of a simulated dataset: planted shift of its share against the test",
            ("dataset", "contrast", "cell_type"),
            (
                _DATASET,
                _CONTRAST,
                _CELL_TYPE,
                _c("fold", FLOAT, "planted ratio of odds, case over control; 1: none"),
                _c("effect", FLOAT, "as in composition"),
                _c("fdr", FLOAT, "as in composition", nullable=True),
                _c("outcome", STRING, "found, missed, wrong_direction, false_call, quiet, overlap, not_tested"),
            ),
        ),
        Table(
            "data_dictionary",
            "one column of one kind of result file",
            ("file", "made_for", "position"),
            (
                _c("file", STRING, "path with slots; <summary> is the config key summary_folder"),
                _c("made_for", STRING, "the datasets it is made for: all, or which"),
                _c("table", STRING, "table in docs/files.md"),
                _c("position", INTEGER, "place of the column, from 1"),
                _c("column", STRING, "name of the column; '*': further columns, named by the data (components, resolutions, gene sets)"),
                _c("type", STRING, "string, float, integer or boolean", nullable=True),
                _c("unit", STRING, "unit or range", nullable=True),
                _c("nullable", BOOLEAN, "whether it may be empty: not known, or not tested"),
                _c("meaning", STRING, "what it holds"),
            ),
        ),
        Table(
            "manifest",
            "one result file",
            ("path",),
            (
                _c("path", STRING, "path from the working folder"),
                _c("sha256", STRING, "checksum of its bytes"),
                _c("size", INTEGER, "size", "bytes"),
                _c("rule", STRING, "rule that wrote it"),
                _c("version", STRING, "alscell version"),
                _c("code", STRING, "digest of the rule's text, its script and the modules it imports"),
                _c("parameters", STRING, "digest of the parameters of the job"),
                _c("software", STRING, "digest of software.tsv as the manifest was written"),
            ),
        ),
        Table(
            "software",
            "one circumstance of a run: a version, or a trait of the machine",
            ("kind", "name"),
            (
                _c("kind", STRING, "alscell, package (installed in the environment), python or machine"),
                _c("name", STRING, "name of the package, or of the trait"),
                _c("value", STRING, "its version, or what the machine has"),
            ),
        ),
    )
}

DTYPES = {STRING: "str", FLOAT: "float64", INTEGER: "int64", BOOLEAN: "bool"}


def empty_table(name: str) -> pd.DataFrame:
    """A table without rows but with every column and its type."""
    return pd.DataFrame({column.name: pd.Series(dtype=DTYPES[column.kind]) for column in TABLES[name].columns})


def check_table(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table as its contract wants it: columns in order and typed, rows sorted by key.

    Parameters
    ----------
    frame : DataFrame
        Rows in any order.
    name : str
        Key of TABLES.

    Raises
    ------
    ValueError
        If a column is missing, unknown, of another kind, empty where it may not be, or a key occurs twice.
    """
    table = TABLES[name]
    missing = [column for column in table.names if column not in frame]
    extra = [column for column in frame if column not in table.names]
    if missing or (extra and not table.open_ended):
        raise ValueError(f"table '{name}': missing columns {missing}, unknown columns {extra}")
    out = frame[[*table.names, *extra]].copy()
    for column in table.columns:
        out[column.name] = _typed(out[column.name], column, name)
    twice = out.duplicated(list(table.key))
    if twice.any():
        raise ValueError(f"table '{name}': key {table.key} occurs twice, e.g. {out.loc[twice, list(table.key)].iloc[0].to_dict()}")
    return out.sort_values(list(table.key), kind="stable", ignore_index=True)


def _typed(values: pd.Series, column: Column, name: str) -> pd.Series:
    empty = values.isna()
    if empty.any() and not column.nullable:
        raise ValueError(f"table '{name}': column '{column.name}' has {int(empty.sum())} empty values")
    if column.kind == FLOAT:
        typed = values.astype("float64")
        if np.isinf(typed.to_numpy()).any():
            raise ValueError(f"table '{name}': column '{column.name}' has infinite values")
        return typed
    if column.kind == STRING:
        return values.astype("str").where(~empty, None).astype("str")
    if column.kind == BOOLEAN and not set(values.unique()) <= {True, False}:
        raise ValueError(f"table '{name}': column '{column.name}' is not boolean")
    return values.astype(DTYPES[column.kind])
