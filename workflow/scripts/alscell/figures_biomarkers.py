"""Figure of biomarker candidates: change of each gene in every cell type and dataset.

Positive always means: higher in the case arm.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from alscell.figures import DOUBLE, message_figure, new_figure, order_cell_types, plain
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, GENE

_NOT_TESTED = "#E2E2E2"
_ARROWS = {"up": " ▲", "down": " ▼"}  # beside known genes: the direction reported in ALS fluids


def draw_biomarkers(tests: pd.DataFrame, *, n_genes: int, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """Log2 fold change of the candidates of the lowest FDR, one panel a dataset and contrast.

    Parameters
    ----------
    tests : DataFrame
        Table `synthesis_biomarker_tests`.
    n_genes : int
        Genes shown at most: by their lowest FDR, then p, of any test. If none is a hit, the legend says so.
    """
    ranked = tests.sort_values(["fdr", "p_value", GENE], kind="stable")[GENE].drop_duplicates()
    genes = list(ranked[:n_genes])
    key = [DATASET, CONTRAST, GENE, CELL_TYPE]
    columns = ["log2_fold_change", "ci_low", "ci_high", "p_value", "fdr", "is_hit", "detectable", "reported"]
    drawn = tests[tests[GENE].isin(genes)][[*key, *columns]].sort_values(key, ignore_index=True)
    if drawn.empty:
        return message_figure("No secreted, shed or leaked gene could be tested.", stamp=stamp), drawn
    panels = list(drawn.groupby([DATASET, CONTRAST], sort=True))
    types = [order_cell_types(own[CELL_TYPE]) for _, own in panels]
    cells = sum(len(names) for names in types)
    width = min(DOUBLE, max(110.0, 50 + 9 * cells + 8 * len(panels)))
    figure, body = new_figure(width, 56 + 3.6 * len(genes), stamp=stamp)
    grid = body.subplots(1, len(panels), squeeze=False, sharey=True, width_ratios=[len(names) for names in types])[0]
    reach = float(max(1.0, np.quantile(drawn["log2_fold_change"].abs(), 0.98)))
    for axes, ((dataset, contrast), own), names in zip(grid, panels, types, strict=True):
        image = _panel(axes, own, genes, names, reach)
        axes.set_title(f"{dataset}\n{plain(contrast)}", fontsize=6)
    reported = drawn.drop_duplicates(GENE).set_index(GENE)["reported"]
    known = [pd.notna(reported[gene]) for gene in genes]
    labels = [gene + _ARROWS.get(reported[gene], "") for gene in genes]
    grid[0].set_yticks(range(len(genes)), labels)
    for label, is_known in zip(grid[0].get_yticklabels(), known, strict=True):
        label.set(fontstyle="italic", fontweight="bold" if is_known else "normal")
    body.colorbar(image, ax=grid, shrink=0.5, aspect=22, pad=0.02, extend="both", label="log₂ fold change")
    reached = "FDR over the candidates reached" if drawn["is_hit"].any() else "FDR reached: by no gene"
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=3, color="black", label=reached),
        Patch(facecolor=_NOT_TESTED, label="not tested"),
        Line2D([], [], linestyle="", label="bold: known from ALS fluids (▲ ▼: direction there)"),
    ]
    body.legend(handles=handles, loc="outside upper left", ncols=1)
    return figure, drawn


def _panel(axes: Axes, own: pd.DataFrame, genes: list[str], types: list[str], reach: float) -> object:
    field = own.pivot(index=GENE, columns=CELL_TYPE, values="log2_fold_change").reindex(index=genes, columns=types)
    axes.set_facecolor(_NOT_TESTED)
    image = axes.imshow(
        field.to_numpy(dtype=float), cmap="RdBu_r", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest"
    )
    for test in own[own["is_hit"]].to_dict("records"):
        place = types.index(test[CELL_TYPE]), genes.index(test[GENE])
        axes.scatter(*place, s=7, color="black", edgecolor="white", linewidth=0.5)
    axes.set_xticks(range(len(types)), [plain(name) for name in types], rotation=90)
    axes.tick_params(length=0)
    return image
