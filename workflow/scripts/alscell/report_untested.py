"""The report's section of what was skipped, what failed and what is described only, with the reasons."""

from __future__ import annotations

from typing import Any

import pandas as pd

from alscell import report_text as text
from alscell.calibration import ALL_TYPES, OVER_CELLS
from alscell.figures import plain
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, DONOR, FAMILY, PATHWAY, SAMPLE, UNASSIGNED
from alscell.report_panels import STATUS
from alscell.report_tables import Results, table, words

# Tables of genes and pairs read one by one -> what one of their rows is.
ONE_BY_ONE = {
    "gene_panel": "ALS gene in a cell type",
    "tdp43_genes": "target of TDP-43 in a cell type",
    "tdp43_index": "index of TDP-43 in a cell type",
    "ligand_receptor": "ligand-receptor pair between cell types",
}


def untested_tables(results: Results) -> list[dict[str, Any]]:
    """All that was skipped, failed or is described only, with reasons: samples, cell types, sets, genes and tests."""
    key = [(DATASET, "dataset", str)]
    samples = results.tables["quality_limits"]
    samples = samples[samples["status"] != "ok"].assign(reason=lambda rows: rows["status"].map(text.reason))
    skipped = results.tables["differential_skipped"]
    skipped = skipped.assign(reason=skipped["reason"].map(text.reason))
    sets = results.tables["pathway_sets"]
    sets = sets[sets["status"] != "scored"].assign(reason=lambda rows: rows["status"].map(text.reason))
    tests = results.tables["pathway_tests"]
    effects = tests[tests["descriptive"]].groupby([DATASET, CONTRAST, CELL_TYPE], as_index=False).agg(
        n_case=("n_case", "max"), n_control=("n_control", "max"), n_sets=(PATHWAY, "size")
    )  # fmt: skip
    arms = [("n_case", "case", text.count), ("n_control", "control", text.count)]
    types = [*key, (CONTRAST, "contrast", plain), (CELL_TYPE, "cell type", plain)]
    return [
        table(samples, [*key, (SAMPLE, "sample", str), (DONOR, "donor", str), ("n_cells", "cells", text.count),
                        ("n_kept", "kept", text.count), ("reason", "reason", words)],
              caption="Samples left out"),
        table(skipped, [*types, *arms, ("reason", "reason", words), ("detail", "detail", words)],
              caption="Differential expression: cell types not tested, with effects only, or without some donors"),
        table(effects, [*types, *arms, ("n_sets", "gene sets", text.count)],
              caption="Pathway activity with effect sizes only: too few donors, or a design that cannot be estimated"),
        table(sets, [*key, (FAMILY, "family", plain), (PATHWAY, "gene set", plain), ("n_genes", "genes", text.count),
                     ("n_measured", "measured", text.count), ("coverage", "share", text.percent),
                     ("reason", "reason", words)],
              caption="Gene sets not scored"),
        composition_effects(results),
        one_by_one(results),
        failed_checks(results),
        unnamed_cells(results),
    ]  # fmt: skip


def composition_effects(results: Results) -> dict[str, Any]:
    """Cell types whose share is described and not tested."""
    shares = results.tables["composition"]
    columns = [
        (DATASET, "dataset", str),
        (CONTRAST, "contrast", plain),
        (CELL_TYPE, "cell type", plain),
        ("n_case", "case", text.count),
        ("n_control", "control", text.count),
    ]
    return table(shares[shares["descriptive"]], columns, caption="Composition with effect sizes only")


def one_by_one(results: Results) -> dict[str, Any]:
    """Genes and pairs without a p value, counted by reason."""
    parts = [
        results.tables[name].query("status != 'tested'").groupby([DATASET, CONTRAST, "status"], as_index=False).size()
        .assign(what=what)
        for name, what in ONE_BY_ONE.items()
    ]  # fmt: skip
    counts = pd.concat(parts, ignore_index=True)
    counts = counts.assign(reason=counts["status"].map(STATUS))
    columns = [
        (DATASET, "dataset", str),
        (CONTRAST, "contrast", plain),
        ("what", "what", str),
        ("reason", "reason", words),
        ("size", "number", text.count),
    ]
    return table(counts, columns, caption="Genes and pairs, read one by one, that have no p value")


def failed_checks(results: Results) -> dict[str, Any]:
    """Tests that did not hold, or could not be checked, with labels shuffled; those over all cell types."""
    rates = results.tables["calibration"]
    rows = rates[(rates[CELL_TYPE] == ALL_TYPES) & (rates["test"] != OVER_CELLS) & (rates["verdict"] != "held")]
    rows = rows.assign(verdict=rows["verdict"].map(text.CALIBRATION_VERDICTS))
    columns = [
        (DATASET, "dataset", str),
        (CONTRAST, "contrast", plain),
        ("test", "test", plain),
        ("false_positive_rate", "p < 0.05 with labels shuffled", text.percent),
        ("verdict", "verdict", words),
    ]
    return table(rows, columns, caption="Tests whose calibration is not shown to hold on these data")


def unnamed_cells(results: Results) -> dict[str, Any]:
    """Cells that no test saw: kept, but of no cell type."""
    cells = results.tables["cell_types"]
    cells = cells.assign(unnamed=cells[CELL_TYPE] == UNASSIGNED)
    counts = cells.groupby(DATASET, as_index=False).agg(n_all=("unnamed", "size"), n_unnamed=("unnamed", "sum"))
    columns = [
        (DATASET, "dataset", str),
        ("n_unnamed", "without a type", text.count),
        ("n_all", "kept cells", text.count),
    ]
    return table(counts[counts["n_unnamed"] > 0], columns, caption="Cells without a cell type: in no test")
