"""The numbers behind every figure, as tables; most of their columns are those of a table in tables.py, taken by name.

docs/files.md and data_dictionary.tsv are made from this module, too. A figure without an entry here fails a test.
"""

from __future__ import annotations

from dataclasses import replace

from alscell.tables import BOOLEAN, FLOAT, INTEGER, STRING, TABLES, Column, Table

_ARM = Column("arm", STRING, "case or control; empty in rows that are not of a donor", nullable=True)
_DONOR = Column("donor", STRING, "donor; empty in rows that are not of a donor", nullable=True)


def _of(table: str, names: str) -> tuple[Column, ...]:
    """Columns of a table by name; a name with '?' may be empty in the figure though it is not in the table."""
    known = {column.name: column for column in TABLES[table].columns}
    return tuple(
        replace(known[name.rstrip("?")], nullable=known[name.rstrip("?")].nullable or name.endswith("?"))
        for name in names.split()
    )


def _numbers(figure: str, row: str, *columns: Column) -> Table:
    return Table(f"figure_{figure}", row, (), columns)


# fmt: off
FIGURE_TABLES = {
    table.name: table
    for table in (
        _numbers("quality", "one measure of one sample, as a panel draws it",
            *_of("quality_limits", "sample donor"),
            Column("condition", STRING, "condition of the sample"),
            Column("panel", STRING, "cells (what became of the cells), or the measure whose spread is drawn"),
            Column("quantity", STRING, "of cells: kept, or the first reason of removal; else a quantile over cells (low, lower, median, upper, high) or a limit_..."),
            Column("value", FLOAT, "number of cells, or the measure in its unit in table quality", nullable=True),
        ),
        _numbers("ambient", "one sample",
            *_of("ambient", "sample donor condition ambient_share ci_low ci_high profile_from status"),
            *_of("quality_limits", "n_cells n_doublets"),
            Column("doublet_share", FLOAT, "n_doublets over n_cells", "0..1"),
        ),
        _numbers("sex", "one sample",
            *_of("sample_checks", "sample donor declared_sex inferred_sex sex_agrees xist_per_million y_per_million"),
        ),
        _numbers("cluster_stability", "one resolution",
            *_of("cluster_stability", "resolution n_clusters stability stability_low chosen"),
        ),
        _numbers("umap", "one kept cell",
            *_of("embedding", "cell umap_1 umap_2"), *_of("cell_types", "cell_type cluster"),
            *_of("embedding", "donor"), Column("condition", STRING, "condition of the cell's sample"),
        ),
        _numbers("markers", "one marker gene in one cell type",
            *_of("markers", "cell_type gene mean fraction marker_of"),
            Column("mean_scaled", FLOAT, "where the mean lies between the gene's smallest and largest over cell types", "0..1"),
        ),
        _numbers("composition", "one donor's share of a cell type, or the effect tested on the shares",
            *_of("composition", "contrast cell_type"),
            Column("quantity", STRING, "share (of a donor) or effect (of the contrast)"), _ARM, _DONOR,
            Column("value", FLOAT, "share of the donor's cells, 0..1; effect on the logit of the share"),
            *_of("composition", "ci_low? ci_high? fdr? descriptive?"),
        ),
        _numbers("differential", "one cell type in one contrast",
            *_of("differential", "contrast cell_type n_case n_control"),
            Column("n_tested", INTEGER, "genes tested", "genes"),
            Column("n_up", INTEGER, "of these, called and higher in the case arm", "genes"),
            Column("n_down", INTEGER, "of these, called and lower in the case arm", "genes"),
            Column("status", STRING, "tested, descriptive, or the reason in differential_skipped"),
        ),
        _numbers("volcano", "one gene in one cell type",
            *_of("differential", "contrast cell_type gene log2_fold_change p_value fdr n_case n_control"),
            Column("labeled", BOOLEAN, "whether the figure names the gene"),
        ),
        _numbers("gene_heatmap", "one top gene in one donor",
            *_of("differential", "cell_type gene log2_fold_change"),
            Column("ci_low", FLOAT, "95 % interval of log2_fold_change, lower end", nullable=True),
            Column("ci_high", FLOAT, "95 % interval of log2_fold_change, upper end", nullable=True),
            *_of("differential", "fdr"),
            Column("one_donor", STRING, "donor without whom p exceeds 0.05; empty if there is none", nullable=True),
            Column("donor", STRING, "donor or line"), Column("log2_cpm", FLOAT, "log2 counts per million"),
            Column("arm", STRING, "case or control"),
            Column("z", FLOAT, "log2_cpm standardized within the gene, over these donors", "SD"),
        ),
        _numbers("running_sums", "one gene of a drawn gene set",
            *_of("enrichment", "cell_type family pathway n_genes normalized_enrichment_score fdr"),
            *_of("differential", "n_case n_control"),
            Column("n_ranked", INTEGER, "genes of the ranking", "genes"),
            *_of("differential", "gene"),
            Column("rank", INTEGER, "place in the ranking; 1 is the highest statistic"),
            *_of("differential", "statistic"),
            Column("before", FLOAT, "running sum before the gene", "-1..1"),
            Column("after", FLOAT, "running sum after it", "-1..1"),
            Column("leading_edge", BOOLEAN, "whether the gene is before the peak"),
        ),
        _numbers("pathways", "one gene set in one cell type, or one donor of it",
            *_of("pathway_tests", "contrast cell_type family pathway effect? ci_low ci_high fdr n_case? n_control? descriptive?"),
            _DONOR, _ARM,
            Column("donor_value", FLOAT, "score less the mean of the control donors, over donor_sd of pathway_tests", nullable=True),
        ),
        _numbers("pathway_donors", "one donor's score of one gene set in one cell type",
            *_of("pathway_tests", "cell_type family pathway effect ci_low ci_high fdr descriptive"),
            *_of("pathway_donors", "donor"), Column("arm", STRING, "case or control"),
            *_of("pathway_donors", "n_cells score"),
        ),
        _numbers("pathway_views", "one gene set in one cell type",
            *_of("pathway_views", "dataset contrast cell_type family pathway activity_statistic camera_statistic"),
            *_of("pathway_views", "activity_fdr camera_fdr normalized_enrichment_score nes_sign_agrees verdict"),
        ),
        _numbers("gene_panel", "one gene of the panel in one cell type",
            *_of("gene_panel", "cell_type gene own_gene status log2_fold_change p_value fdr_panel fdr_gene n_case n_control"),
        ),
        _numbers("genotypes", "one gene set or ALS gene in one cell type and contrast",
            *_of("pathway_tests", "contrast"),
            Column("kind", STRING, "gene_set or gene"), *_of("pathway_tests", "cell_type"),
            Column("name", STRING, "family/pathway, or gene symbol"),
            Column("effect", FLOAT, "case minus control: donor standard deviations, or log2 fold change"),
            *_of("pathway_tests", "ci_low ci_high p_value"),
            Column("fdr", FLOAT, "over the contrast; of genes over the list and all cell types", nullable=True),
            *_of("pathway_tests", "n_case n_control descriptive"),
        ),
        _numbers("tdp43", "one target in one cell type, the index of a cell type, or the index of a donor",
            *_of("tdp43_genes", "cell_type gene? direction? status?"),
            Column("value", FLOAT, "gene: log2 fold change; index: its effect; donor: its index", nullable=True),
            Column("fdr", FLOAT, "gene: fdr_panel of tdp43_genes; index: fdr of tdp43_index", nullable=True),
            Column("quantity", STRING, "what the row is of: gene, index or donor"),
            *_of("tdp43_index", "ci_low? ci_high? p_value? random_percentile?"), _DONOR, _ARM,
        ),
        _numbers("ligand_receptor", "one pair between two cell types",
            *_of("ligand_receptor", "family ligand receptor sender receiver status effect p_value fdr n_case n_control"),
        ),
        _numbers("calibration", "one test of one cell type (quantity rate), or one bin of its p values (quantity bin)",
            *_of("calibration", "dataset contrast test cell_type? n_relabellings? n_distinct? n_tests? false_positive_rate?"),
            *_of("calibration", "ci_low? ci_high? any_hit_rate? observed_hits? hits_median? hits_q95?"),
            *_of("calibration", "share_with_as_many_hits? verdict?"),
            Column("quantity", STRING, "what the row is of: rate or bin"),
            *_of("calibration_histogram", "bin_low? bin_high? n_relabelled? n_true?"),
        ),
        _numbers("directions", "one of the strongest results of a direction",
            *_of("directions", "direction dataset contrast cell_type kind name effect unit ci_low ci_high p_value fdr"),
            *_of("directions", "hit carried_by donors in_dish note file"),
        ),
        _numbers("pathway_heatmap", "one gene set in one cell type of a dataset",
            *_of("pathway_tests", "dataset contrast cell_type family pathway effect fdr descriptive n_case n_control"),
        ),
        _numbers("heterogeneity", "one gene set in one dataset, or its pooled effect",
            *_of("pathway_tests", "contrast cell_type family pathway"),
            Column("dataset", STRING, "dataset, or pooled"),
            Column("system", STRING, "tissue or dish; empty for the pooled effect", nullable=True),
            *_of("pathway_tests", "effect ci_low ci_high"),
            *_of("synthesis_pathways", "prediction_low prediction_high"),
            *_of("pathway_tests", "n_case? n_control?"),
            *_of("synthesis_pathways", "tau_squared i_squared q_p_value"),
        ),
        _numbers("tissue_dish", "one gene set in one cell type",
            *_of("synthesis_programmes", "contrast cell_type family pathway n_tissue n_dish effect_tissue ci_low_tissue ci_high_tissue"),
            *_of("synthesis_programmes", "effect_dish ci_low_dish ci_high_dish"),
            *_of("synthesis_programmes", "difference ci_low_difference ci_high_difference verdict"),
        ),
        _numbers("biomarkers", "one candidate gene in one cell type of a dataset",
            *_of("synthesis_biomarker_tests", "dataset contrast gene cell_type log2_fold_change ci_low ci_high p_value"),
            *_of("synthesis_biomarker_tests", "fdr is_hit detectable reported"),
        ),
        _numbers("replication", "hits of one dataset in another, in one cell type",
            *_of("synthesis_replication", "kind contrast cell_type discovery replication n_hits n_same_sign n_replicated"),
            *_of("synthesis_replication", "rate n_others chance_same_sign chance_rate ratio effect_correlation"),
        ),
        _numbers("planted_truth", "one gene set in one cell type of a simulated dataset",
            *_of("planted", "dataset contrast cell_type family pathway planted effect fdr outcome"),
        ),
    )
}
# fmt: on
