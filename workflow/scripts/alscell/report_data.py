"""What the interactive parts of the report draw: cells, tests of genes and of sets, packed as columns of bytes.

A column of numbers is {"dtype", "bdata"}, as plotly.js itself reads it; a column of names adds its "levels". Bytes are
little-endian. What the page holds is limited, and the page says so: the files hold all of it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from alscell.figures import cell_type_colors, condition_colors, nominal_colors, order_cell_types, plain
from alscell.keys import (
    CELL,
    CELL_TYPE,
    CONDITION,
    CONTRAST,
    DATASET,
    DESCRIPTIVE,
    DONOR,
    FAMILY,
    GENE,
    PATHWAY,
    SAMPLE,
)
from alscell.report_tables import Results

# ASSUME: what a browser draws without waiting, and what keeps the page of 100,000 cells under 25 MB.
MAX_CELLS = 100_000  # drawn, over all datasets
SCORE_BYTES = 1_500_000  # scores of cells, a byte each, over all datasets
VOLCANO_GENES = 1_500  # a contrast and cell type; hits beyond them are held, too
HELD_GENES = 2_000  # with their tests in every cell type
HELD_SETS = 400  # a contrast and cell type
# Said where something is looked up that the page lacks.
HELD = (
    "Held are the tests of the ALS genes, of the biomarker candidates that change, of genes that reach the FDR in a "
    "cell type, and of the gene sets of the lowest p; all others are in differential.tsv.gz and pathway_tests.tsv of "
    "the dataset. A gene with too few counts everywhere has no test (see “ALS genes” for these)."
)
_GRID = 65_535  # steps of a coordinate
_SCORE_STEPS = 255
_KEY = [DATASET, CONTRAST, CELL_TYPE]


def pack_numbers(values: Iterable[float], dtype: str) -> dict[str, str]:
    """A column of numbers: NumPy's code of its type without byte order, and its bytes in base64."""
    data = np.ascontiguousarray(values, dtype=f"<{dtype}").tobytes()
    return {"dtype": dtype, "bdata": base64.b64encode(data).decode()}


def pack_names(values: Iterable[str], levels: Sequence[str] = ()) -> dict[str, Any]:
    """A column of names: its levels (sorted, unless given), and the place of each value among them."""
    codes = pd.Categorical([str(value) for value in values], categories=list(levels) or None)
    dtype = "u1" if len(codes.categories) < 256 else "u2" if len(codes.categories) < 65_536 else "u4"
    return {"levels": [str(name) for name in codes.categories], **pack_numbers(codes.codes, dtype)}


def page_data(results: Results) -> dict[str, Any]:
    """All that the page's script draws or looks up."""
    genes, sets = held_genes(results), held_sets(results)
    with_cells = [name for name, info in results.infos.items() if info["enters_at"] != "pseudobulk"]
    names = {*genes[CONTRAST], *genes[CELL_TYPE], *sets[CONTRAST], *sets[CELL_TYPE], *sets[FAMILY], *sets[PATHWAY]}
    names |= set(results.tables["cell_types"][CELL_TYPE])
    return {
        "fdr": results.fdr,
        "simulated": [name for name, info in results.infos.items() if info["simulated"]],
        "words": {name: plain(str(name)) for name in sorted(names)},
        "cells": {name: cell_columns(results, name) for name in with_cells},
        "volcano": volcano_columns(results),
        "genes": _columns(genes, [*_KEY, GENE], GENE_NUMBERS),
        "sets": _columns(sets.assign(set=sets[FAMILY] + "/" + sets[PATHWAY]), [*_KEY, "set"], SET_NUMBERS),
    }


def cell_columns(results: Results, dataset: str) -> dict[str, Any]:
    """UMAP of a dataset's cells with what they can be colored by.

    Returns
    -------
    dict
        n_cells (all); x, y (steps of a grid) and range (its ends in UMAP units: x low, high, y low, high); by: names
        with colors; scores: family/set -> values in steps, with the value of the last step.
    """
    cells = results.rows("embedding", dataset=dataset)
    shown_cells = cells.iloc[spread(len(cells), n_drawn(results, dataset))]
    labels = results.rows("cell_types", dataset=dataset).set_index(CELL).loc[shown_cells[CELL]]
    condition = results.samples[dataset].set_index(SAMPLE)[CONDITION]
    donors = shown_cells[DONOR].astype("str")
    columns = {
        "cell type": _colored(labels[CELL_TYPE], order_cell_types(labels[CELL_TYPE]), cell_type_colors),
        "cluster": _colored(labels["cluster"], sorted(set(labels["cluster"]), key=_by_number), nominal_colors),
        results.infos[dataset]["replicate"]: _colored(donors, sorted(set(donors)), nominal_colors),
        "condition": _colored(
            shown_cells[SAMPLE].map(condition),
            sorted(condition.unique()),
            lambda levels: condition_colors(levels, results.settings["contrasts"]),
        ),
    }
    x, y = shown_cells["umap_1"].to_numpy(), shown_cells["umap_2"].to_numpy()
    return {
        "n_cells": len(cells),
        "range": [float(value) for axis in (x, y) for value in (axis.min(), axis.max())],
        "x": pack_numbers(_steps(x, _GRID), "u2"),
        "y": pack_numbers(_steps(y, _GRID), "u2"),
        "by": columns,
        "scores": _scores(results, dataset, shown_cells[CELL]),
    }


def n_drawn(results: Results, dataset: str) -> int:
    """Cells of a dataset that the page draws."""
    n_all, n_own = len(results.tables["embedding"]), len(results.rows("embedding", dataset=dataset))
    return n_own if n_all <= MAX_CELLS else n_own * MAX_CELLS // n_all


def cells_note(results: Results, dataset: str) -> str:
    """What the zoomable UMAP leaves out, in words; '' where it shows all cells and scores."""
    n_own = len(results.rows("embedding", dataset=dataset))
    n_scored = len(drawn_scores(results, dataset))
    n_sets = len(results.rows("pathway_tests", dataset=dataset)[[FAMILY, PATHWAY]].drop_duplicates())
    shown = n_drawn(results, dataset)
    cells = f"The zoomable UMAP shows {shown:,} of {n_own:,} cells, evenly over the samples. " if shown < n_own else ""
    scores = (
        f"It holds the scores of {n_scored} of {n_sets} gene sets, those of the lowest p." if n_scored < n_sets else ""
    )
    return (cells + scores).strip()


def drawn_scores(results: Results, dataset: str) -> list[str]:
    """Sets (family/set) whose scores of cells the page holds: of the lowest p, as many as its share of bytes allows."""
    n_cells = min(len(results.tables["embedding"]), MAX_CELLS)
    tests = results.rows("pathway_tests", dataset=dataset).sort_values(["p_value", FAMILY, PATHWAY])
    scored = results.tables["pathway_scores"].columns
    ranked = [name for name in dict.fromkeys(tests[FAMILY] + "/" + tests[PATHWAY]) if name in scored]
    return sorted(ranked[: SCORE_BYTES // max(n_cells, 1)])


def spread(n: int, n_shown: int) -> np.ndarray:
    """Places of `n_shown` of `n` rows at even distance: rows come sample by sample, so each sample keeps its share."""
    return np.arange(n) if n_shown >= n else np.linspace(0, n - 1, n_shown).astype(int)


def _by_number(name: str) -> tuple[int, str]:
    return (int(name) if name.isdigit() else 0, name)


def _colored(values: pd.Series, levels: list[str], colors: Any) -> dict[str, Any]:
    hues = colors(levels)
    return {**pack_names(values, levels), "colors": [hues[name] for name in levels]}


def _steps(values: np.ndarray, n_steps: int) -> np.ndarray:
    low, high = values.min(), values.max()
    return np.round((values - low) / max(high - low, 1e-9) * n_steps)


def _scores(results: Results, dataset: str, cells: pd.Series) -> dict[str, Any]:
    own = results.rows("pathway_scores", dataset=dataset)
    own = own.set_index(CELL).loc[cells, drawn_scores(results, dataset)] if len(own) else pd.DataFrame()
    highs = own.max()
    return {
        name: {"high": float(highs[name]), **pack_numbers(own[name] / max(highs[name], 1e-9) * _SCORE_STEPS, "u1")}
        for name in own.columns
    }


def volcano_note() -> str:
    """What the zoomable volcano leaves out."""
    return f"Zoomable: the {VOLCANO_GENES:,} genes of the lowest p in each cell type, and every hit; below: all genes."


def volcano_columns(results: Results) -> dict[str, Any]:
    """The genes of the lowest p in every contrast and cell type, and every hit."""
    tests = results.tables["differential"].dropna(subset=["p_value"])
    tests = tests.sort_values([*_KEY, "p_value", GENE])
    kept = (tests.groupby(_KEY).cumcount() < VOLCANO_GENES) | (tests["fdr"] <= results.fdr)
    return _columns(tests[kept], [*_KEY, GENE], {"log2_fold_change": "f4", "p_value": "f8", "fdr": "f8"})


GENE_NUMBERS = {
    **dict.fromkeys(("log2_fold_change", "ci_low", "ci_high", "log2_fold_change_shrunk", "mean"), "f4"),
    "p_value": "f8",
    "fdr": "f8",
    "fdr_all": "f8",
    "n_case": "u2",
    "n_control": "u2",
    DESCRIPTIVE: "u1",
}
SET_NUMBERS = {
    **dict.fromkeys(("effect", "ci_low", "ci_high", "random_set_percentile", "coverage"), "f4"),
    "p_value": "f8",
    "fdr": "f8",
    "n_case": "u2",
    "n_control": "u2",
    DESCRIPTIVE: "u1",
}


def held_genes(results: Results) -> pd.DataFrame:
    """Every test of the genes that can be looked up: the ALS genes, then biomarkers, then those of the lowest FDR."""
    tests = results.tables["differential"]
    panel = results.tables["gene_panel"][GENE]
    biomarkers = results.tables["synthesis_biomarkers"][GENE]
    hits = tests[tests["fdr"] <= results.fdr].sort_values(["fdr", GENE])[GENE]
    first = list(dict.fromkeys([*panel, *biomarkers, *hits]))[:HELD_GENES]
    rows = tests[tests[GENE].isin(first)].sort_values([GENE, *_KEY])
    half = stats.t.ppf(0.975, rows["df"].to_numpy(dtype=float)) * rows["standard_error"]
    return rows.assign(ci_low=rows["log2_fold_change"] - half, ci_high=rows["log2_fold_change"] + half)


def held_sets(results: Results) -> pd.DataFrame:
    """Tests of the gene sets that can be looked up: those of the lowest p in each contrast and cell type, and hits."""
    tests = results.tables["pathway_tests"].sort_values([*_KEY, "p_value", FAMILY, PATHWAY])
    kept = (tests.groupby(_KEY).cumcount() < HELD_SETS) | (tests["fdr"] <= results.fdr)
    return tests[kept]


def _columns(rows: pd.DataFrame, names: list[str], numbers: dict[str, str]) -> dict[str, Any]:
    return {
        **{name: pack_names(rows[name]) for name in names},
        **{name: pack_numbers(rows[name], dtype) for name, dtype in numbers.items()},
    }
