"""Figure of one dataset's contrasts side by side: do genotypes (C9orf72, SOD1) change the same sets and genes.

It returns the figure and the very numbers it shows. Positive always means: higher in the case arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alscell.figures import CASE_COLOR, CONTROL_COLOR, DOUBLE, INK, NEUTRAL, message_figure, new_figure, plain
from alscell.figures_tests import forest_legend
from alscell.gene_panel import OVER_TYPES
from alscell.keys import CELL_TYPE, CONTRAST, FAMILY, GENE, PATHWAY

SETS, GENES = "gene_set", "gene"
_UNITS = {SETS: "gene sets: effect in {0} standard deviations", GENES: "ALS genes: log₂ fold change"}
_COLUMNS = [CONTRAST, "kind", CELL_TYPE, "name", "effect", "ci_low", "ci_high", "p_value", "fdr"]
_COLUMNS += ["n_case", "n_control", "descriptive"]
_KEY = ["kind", CELL_TYPE, "name"]
_ROW = 3.2  # UNIT: mm


def genotype_numbers(tests: pd.DataFrame, genes: pd.DataFrame, *, n_sets: int, n_genes: int) -> pd.DataFrame:
    """The gene sets and ALS genes of the lowest p in any contrast, in all contrasts.

    Parameters
    ----------
    tests, genes : DataFrame
        Tables `pathway_tests` and `gene_panel` of one dataset.
    n_sets, n_genes : int
        Pairs of cell type and set, and of cell type and gene, at most; by the size of the effect where no contrast is
        tested.

    Returns
    -------
    DataFrame
        contrast, kind (gene_set or gene), cell_type, name, effect (donor standard deviations, or log2 fold change),
        ci_low, ci_high (95 %), p_value, fdr (over the contrast; of genes: over the list), n_case, n_control,
        descriptive; the strongest pair first.
    """
    sets = tests.assign(kind=SETS, name=tests[FAMILY] + "/" + tests[PATHWAY])[_COLUMNS]
    single = genes[(genes[CELL_TYPE] != OVER_TYPES) & genes["log2_fold_change"].notna()]
    single = single.drop(columns="fdr").rename(columns={GENE: "name", "log2_fold_change": "effect", "fdr_panel": "fdr"})
    parts = []
    for table, most in ((sets, n_sets), (single.assign(kind=GENES)[_COLUMNS], n_genes)):
        ranked = table.assign(size=-table["effect"].abs()).groupby(_KEY, as_index=False)[["p_value", "size"]].min()
        top = ranked.sort_values(["p_value", "size", *_KEY]).head(most)[_KEY]
        parts.append(top.merge(table, on=_KEY, how="left"))
    return pd.concat(parts, ignore_index=True)[_COLUMNS]


def draw_genotypes(
    tests: pd.DataFrame,
    genes: pd.DataFrame,
    *,
    contrasts: Mapping[str, Mapping[str, Any]],
    fdr: float,
    n_sets: int,
    n_genes: int,
    replicate: str,
    stamp: str,
) -> tuple[Figure, pd.DataFrame]:
    """Effect of the strongest gene sets and ALS genes with its 95 % interval, one column a contrast.

    Parameters
    ----------
    tests, genes, n_sets, n_genes
        As `genotype_numbers`.
    contrasts : mapping
        The dataset's contrasts as in config.yaml, in the order of the columns.
    """
    drawn = genotype_numbers(tests, genes, n_sets=n_sets, n_genes=n_genes)
    shown = [name for name in contrasts if name in set(drawn[CONTRAST])]
    if len(shown) < 2:
        why = f"{plain(shown[0])} is the only contrast" if shown else "no contrast could be compared"
        return message_figure(f"Genotypes side by side: {why} of this dataset.", stamp=stamp), drawn.iloc[:0]
    kinds = [kind for kind in (SETS, GENES) if (drawn["kind"] == kind).any()]
    rows = {kind: drawn[drawn["kind"] == kind].drop_duplicates(_KEY)[_KEY].reset_index(drop=True) for kind in kinds}
    heights = [_ROW * len(rows[kind]) + 14 for kind in kinds]
    figure, body = new_figure(DOUBLE, sum(heights) + 16, stamp=stamp)
    grid = body.subplots(len(kinds), len(shown), squeeze=False, sharex="row", sharey="row", height_ratios=heights)
    for line, kind in zip(grid, kinds, strict=True):
        own = drawn[drawn["kind"] == kind]
        reach = 1.08 * np.nanmax(np.abs(own[["effect", "ci_low", "ci_high"]].to_numpy()))
        for axes, contrast in zip(line, shown, strict=True):
            _contrast_panel(axes, rows[kind].merge(own[own[CONTRAST] == contrast], how="left"), fdr)
            axes.set_xlim(-reach, reach)
            axes.set_xlabel(_UNITS[kind].format(replicate), fontsize=6)
        names = rows[kind]["name"].str.rpartition("/")[2]
        labels = [
            f"{plain(name) if kind == SETS else name}, {plain(one)}"
            for name, one in zip(names, rows[kind][CELL_TYPE], strict=True)
        ]
        line[0].set_yticks(range(len(labels)), labels)
        line[0].set_ylim(len(labels) - 0.4, -0.6)
    for axes, contrast in zip(grid[0], shown, strict=True):
        arms = " v ".join(", ".join(contrasts[contrast][arm]) for arm in ("case", "control"))
        axes.set_title(f"{plain(contrast)}\nright: n, {arms} {replicate}s", fontsize=6)
    forest_legend(body, fdr)
    return figure, drawn


def _contrast_panel(axes: Axes, table: pd.DataFrame, fdr: float) -> None:
    """A line for each pair, with the donors of both arms at the right; `table` has a row for each, maybe empty."""
    axes.axvline(0, color=NEUTRAL, linewidth=0.6)
    y = np.arange(len(table))
    hit = (table["fdr"] <= fdr).to_numpy()
    color = np.where(hit, np.where(table["effect"] > 0, CASE_COLOR, CONTROL_COLOR), NEUTRAL)
    axes.hlines(y, table["ci_low"], table["ci_high"], colors=color, linewidth=0.8)
    fill = np.where(table["descriptive"].eq(True), "white", color)
    axes.scatter(table["effect"], y, s=9, color=fill, edgecolor=color, linewidth=0.7, zorder=3)
    for place, (n_case, n_control) in enumerate(zip(table["n_case"], table["n_control"], strict=True)):
        text = "none" if pd.isna(n_case) else f"{n_case:.0f} v {n_control:.0f}"
        axes.annotate(text, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=5, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="#F0F0F0", linewidth=0.5)
