"""Figure of one contrast's top genes: the expression of every donor, one panel a cell type.

It returns the figure and the very numbers it shows. Positive always means: higher in the case arm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from scipy import stats

from alscell.expression import ONE_DONOR
from alscell.figures import (
    ARM_COLORS,
    DOUBLE,
    INK,
    donor_arms,
    message_figure,
    new_figure,
    order_cell_types,
    plain,
    signed,
)
from alscell.keys import CASE_ARM, CELL_TYPE, CONTROL_ARM, DONOR, GENE

_REACH = 2.5  # of the color scale, in standard deviations
_BESIDE = 44.0  # UNIT: mm, gene names at the left of a panel and effects at its right
_NARROWEST, _NAMED, _WIDEST = (
    1.7,
    2.0,
    4.0,
)  # UNIT: mm, field of a donor: narrowest, narrowest that bears a name, widest
_LEGEND = 120.0  # UNIT: mm, width that the legend needs
_ROW, _HEAD = 3.1, 20.0  # UNIT: mm, a gene; title, arms and names of donors of a panel
ONE_DONOR_MARK = "†"


def top_gene_donors(
    differential: pd.DataFrame, expression: pd.DataFrame, arms: pd.Series, *, fdr: float, n_genes: int
) -> pd.DataFrame:
    """Expression of the genes of lowest p among those at the FDR, in every donor of both arms.

    Parameters
    ----------
    differential : DataFrame
        Table `differential` of one contrast.
    expression : DataFrame
        Table `expression_donors`.
    arms : Series
        Donor -> case or control.
    fdr : float, 0..1
        Within the cell type.
    n_genes : int
        Genes of a cell type, at most.

    Returns
    -------
    DataFrame
        cell_type, gene, log2_fold_change, ci_low, ci_high (95 %), fdr, one_donor (the donor without whom p exceeds
        ONE_DONOR, else empty), donor, arm, log2_cpm, z (over these donors, within the gene); genes in the order of p,
        donors case first.
    """
    hits = differential[differential["fdr"] <= fdr].sort_values([CELL_TYPE, "p_value", GENE])
    top = hits.groupby(CELL_TYPE, sort=False).head(n_genes)
    half = stats.t.ppf(0.975, top["df"].fillna(np.inf).to_numpy(float)) * top["standard_error"]
    top = top.assign(ci_low=top["log2_fold_change"] - half, ci_high=top["log2_fold_change"] + half)
    top["one_donor"] = top["decisive_donor"].where(top["p_without_one"] > ONE_DONOR)
    top = top[[CELL_TYPE, GENE, "log2_fold_change", "ci_low", "ci_high", "fdr", "one_donor"]]
    donors = [name for arm in (CASE_ARM, CONTROL_ARM) for name in sorted(arms.index[arms == arm]) if name in expression]
    wide = top.merge(expression[[CELL_TYPE, GENE, *donors]], on=[CELL_TYPE, GENE], how="inner", validate="1:1")
    long = wide.melt(list(top.columns), donors, DONOR, "log2_cpm", ignore_index=False).dropna(subset="log2_cpm")
    long = long.sort_index(kind="stable").reset_index(drop=True)
    by_gene = long.groupby([CELL_TYPE, GENE], sort=False)["log2_cpm"]
    spread = by_gene.transform("std").replace(0, np.nan)
    return long.assign(arm=long[DONOR].map(arms), z=((long["log2_cpm"] - by_gene.transform("mean")) / spread).fillna(0))


def draw_gene_heatmap(
    differential: pd.DataFrame,
    expression: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    contrast: dict[str, Any],
    fdr: float,
    n_genes: int,
    replicate: str,
    stamp: str,
) -> tuple[Figure, pd.DataFrame]:
    """Expression of the top genes in every donor, one panel a cell type, with the effect and its interval beside.

    Parameters
    ----------
    differential, expression, fdr, n_genes
        As `top_gene_donors`.
    samples : DataFrame
        Sample sheet.
    contrast : dict
        factor, case, control as in config.yaml.
    """
    drawn = top_gene_donors(differential, expression, donor_arms(samples, contrast), fdr=fdr, n_genes=n_genes)
    if drawn.empty:
        return message_figure(f"Top genes: no gene reaches FDR {fdr:g} in any cell type.", stamp=stamp), drawn
    types = order_cell_types(drawn[CELL_TYPE])
    most = int(drawn.groupby(CELL_TYPE)[DONOR].nunique().max())
    n_columns = min(len(types), max(1, int(DOUBLE // (_BESIDE + _NARROWEST * most))))
    named = (DOUBLE / n_columns - _BESIDE) / most >= _NAMED
    lines = [types[start : start + n_columns] for start in range(0, len(types), n_columns)]
    sizes = drawn.groupby(CELL_TYPE)[GENE].nunique()
    tallest = [int(sizes[line].max()) for line in lines]
    heights = [_HEAD + _ROW * n for n in tallest]
    width = min(DOUBLE, max(_LEGEND, n_columns * (_BESIDE + _WIDEST * most)))
    figure, body = new_figure(width, sum(heights) + 24, stamp=stamp)
    grid = body.subplots(len(lines), n_columns, squeeze=False, height_ratios=heights)
    for axes in list(grid.flat)[len(types) :]:
        axes.set_axis_off()
    for axes, name, n_rows in zip(grid.flat, types, np.repeat(tallest, n_columns), strict=False):
        image = _gene_panel(axes, drawn[drawn[CELL_TYPE] == name], n_rows, named=named)
        arms = drawn[drawn[CELL_TYPE] == name].drop_duplicates(DONOR)["arm"].value_counts()
        axes.set_title(f"{plain(name)}\n{arms[CASE_ARM]} v {arms[CONTROL_ARM]} {replicate}s", fontsize=6)
    bar = body.colorbar(image, ax=grid[-1, :], location="bottom", shrink=0.4, aspect=40, extend="both")
    bar.set_label("log₂ counts per million, standardized within the gene (standard deviations)", fontsize=6)
    handles = [Patch(facecolor=ARM_COLORS[arm], label=", ".join(contrast[arm])) for arm in (CASE_ARM, CONTROL_ARM)]
    frame = {"linestyle": "", "marker": "s", "markersize": 4.5, "markerfacecolor": "none", "color": INK}
    mark = f"{ONE_DONOR_MARK} and frame: p > {ONE_DONOR:g} without this {replicate}"
    if drawn["one_donor"].isna().all():
        mark, frame["linestyle"], frame["marker"] = f"no gene rests on one {replicate}", "", ""
    handles.append(Line2D([], [], **frame, label=mark))
    title = f"at most {n_genes} genes a cell type, FDR ≤ {fdr:g} in it; right: log₂ fold change [95 % interval]"
    body.legend(handles=handles, loc="outside upper left", ncols=3, title=title, title_fontsize=6, alignment="left")
    return figure, drawn


def _gene_panel(axes: Axes, table: pd.DataFrame, n_rows: int, *, named: bool) -> AxesImage:
    """Fields of genes x donors under a strip of arms; `n_rows` rows are made room for, so that all rows are alike."""
    genes, donors = table.drop_duplicates(GENE), table.drop_duplicates(DONOR).sort_values(["arm", DONOR])
    field = table.pivot(index=GENE, columns=DONOR, values="z").loc[genes[GENE], donors[DONOR]]
    image = axes.imshow(field, cmap="RdBu_r", vmin=-_REACH, vmax=_REACH, aspect="auto", interpolation="nearest")
    for place, arm in enumerate(donors["arm"]):
        axes.add_patch(Rectangle((place - 0.5, -1.3), 1, 0.6, facecolor=ARM_COLORS[arm], linewidth=0))
    axes.axvline((donors["arm"] == CASE_ARM).sum() - 0.5, color="white", linewidth=1.5)
    for place, row in enumerate(genes.to_dict("records")):
        text = f"{signed(row['log2_fold_change'])} [{signed(row['ci_low'])}, {signed(row['ci_high'])}]"
        axes.annotate(text, (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=5.5, color=INK)
        if row["one_donor"] in field.columns:
            corner = (field.columns.get_loc(row["one_donor"]) - 0.5, place - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=INK, linewidth=0.8))
    marks = np.where(genes["one_donor"].notna(), f" {ONE_DONOR_MARK}", "")
    axes.set_yticks(range(len(genes)), genes[GENE] + marks, fontstyle="italic")
    axes.set_xticks(range(len(donors)) if named else [], donors[DONOR] if named else [], rotation=90, fontsize=5)
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False, pad=1)
    axes.set_ylim(n_rows - 0.5, -1.4)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image
