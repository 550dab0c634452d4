"""Gene sets in the report: what each one is and how much of it is measured, and planted against found by family."""

from __future__ import annotations

from typing import Any

from alscell import report_text as text
from alscell.figures import plain
from alscell.keys import CONTRAST, DATASET, FAMILY, PATHWAY
from alscell.report_tables import Results, table, words


def gene_set_table(results: Results) -> dict[str, Any]:
    """All sets of the run: kind, source, size, and the share of its genes that each dataset measures."""
    sets, coverage = results.tables["gene_sets"], results.tables["pathway_sets"]
    datasets = coverage[DATASET].drop_duplicates().tolist()
    wide = coverage.pivot_table(index=[FAMILY, PATHWAY], columns=DATASET, values="coverage")
    rows = sets.merge(wide, left_on=[FAMILY, PATHWAY], right_index=True, how="left")
    columns = [
        (FAMILY, "family", plain),
        (PATHWAY, "gene set", plain),
        ("kind", "kind", plain),
        ("direction", "members go", plain),
        ("n_genes", "genes", text.count),
        ("source", "source", words),
        *((name, f"measured in {name}", text.percent) for name in datasets),
    ]
    file = f"{results.settings['summary_folder']}/gene_sets/sets.tsv"
    return table(rows, columns, caption="All gene sets, with the share of their genes that is measured", file=file)


def planted_families_table(results: Results) -> dict[str, Any]:
    """Planted sets against the tests, family by family, with the quiet ones (simulated data)."""
    counts = [
        ("n_planted", "planted", text.count),
        ("n_found", "found", text.count),
        ("n_missed", "missed", text.count),
        ("n_wrong_direction", "wrong direction", text.count),
        ("n_not_tested", "not tested", text.count),
        ("n_quiet", "not planted, quiet", text.count),
        ("n_false", "not planted, called", text.count),
        ("n_overlap", "share genes with a planted one", text.count),
    ]
    columns = [(DATASET, "dataset", str), (CONTRAST, "contrast", plain), (FAMILY, "family", plain), *counts]
    caption = f"Planted gene sets by family, one a cell type, called at FDR {results.fdr:g}"
    return table(results.tables["planted_families"], columns, caption=caption)
