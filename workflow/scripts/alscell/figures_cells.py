"""Figures of one dataset's cells: quality per sample, UMAP, marker genes.

Each function returns the figure and the very numbers it shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from alscell.figures import (
    CASE_COLOR,
    DOUBLE,
    INK,
    NEUTRAL,
    cell_type_colors,
    condition_colors,
    message_figure,
    new_figure,
    nominal_colors,
    order_cell_types,
    place_labels,
    plain,
)
from alscell.keys import CELL_TYPE, CONDITION, DONOR, SAMPLE

QUANTILES = {"low": 0.025, "lower": 0.25, "median": 0.5, "upper": 0.75, "high": 0.975}
# Column of `quality`, axis label, columns of `quality_limits`, logarithmic axis, factor on the axis.
METRICS = (
    ("n_counts", "counts per cell (UMI)", ("lower_counts", "upper_counts"), True, 1),
    ("n_genes", "genes per cell", ("lower_genes",), True, 1),
    ("fraction_mitochondrial", "mitochondrial counts (%)", ("upper_mitochondrial",), False, 100),
)
# A cell with several flags is counted under the first of these.
REMOVED = {
    "low_counts": ("few counts", "#88CCEE"),
    "high_counts": ("many counts", "#332288"),
    "low_genes": ("few genes", "#44AA99"),
    "high_mitochondrial": ("mitochondrial", "#CC6677"),
    "doublet": ("doublet", "#DDCC77"),
}
KEPT_COLOR = "#B8B8B8"


def quality_numbers(cells: pd.DataFrame, limits: pd.DataFrame) -> pd.DataFrame:
    """What the quality figure shows: quantiles and limits of each metric, and cells by first reason of removal.

    Parameters
    ----------
    cells : DataFrame
        Table `quality` of all samples, with a column `sample`.
    limits : DataFrame
        Table `quality_limits`.

    Returns
    -------
    DataFrame
        sample, donor, condition, panel, quantity, value; one number a row.
    """
    rows = []
    grouped = dict(list(cells.groupby(SAMPLE, sort=True)))
    for limit in limits.sort_values([CONDITION, SAMPLE]).to_dict("records"):
        own = grouped.get(limit[SAMPLE], cells.iloc[:0])
        facts = {key: limit[key] for key in (SAMPLE, DONOR, CONDITION)}
        for metric, _, bounds, _, _ in METRICS:
            values = {name: own[metric].quantile(share) for name, share in QUANTILES.items()} if len(own) else {}
            values |= {f"limit_{name}": limit[name] for name in bounds}
            rows += [{**facts, "panel": metric, "quantity": name, "value": value} for name, value in values.items()]
        reason = pd.Series("kept", index=own.index).mask(~own["keep"], "other")
        for flag in reversed(REMOVED):
            reason = reason.mask(own[flag], flag)
        counts = reason.value_counts().reindex(["kept", *REMOVED], fill_value=0)
        rows += [{**facts, "panel": "cells", "quantity": name, "value": n} for name, n in counts.items()]
    return pd.DataFrame(rows, columns=[SAMPLE, DONOR, CONDITION, "panel", "quantity", "value"])


def draw_quality(
    cells: pd.DataFrame, limits: pd.DataFrame, *, contrasts: dict[str, dict[str, Any]], stamp: str
) -> tuple[Figure, pd.DataFrame]:
    """Counts, genes and mitochondrial share of every sample with its limits, and which cells were removed and why."""
    drawn = quality_numbers(cells, limits)
    if drawn.empty:
        return message_figure("No sample was loaded.", stamp=stamp), drawn
    order = limits.sort_values([CONDITION, SAMPLE]).reset_index(drop=True)
    colors = condition_colors(sorted(order[CONDITION].unique()), contrasts)
    figure, body = new_figure(DOUBLE, 24 + 4.4 * len(order), stamp=stamp)
    panels = body.subplots(1, 4, sharey=True, width_ratios=[1, 1, 1, 1.25])
    for axes, (metric, label, bounds, logarithmic, factor) in zip(panels, METRICS, strict=False):
        table = drawn[drawn["panel"] == metric].pivot(index=SAMPLE, columns="quantity", values="value") * factor
        _quantile_rows(axes, table.reindex(order[SAMPLE]), [colors[name] for name in order[CONDITION]], bounds)
        axes.set_xlabel(label)
        if logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}k" if value >= 1000 else f"{value:g}")
            axes.xaxis.set_minor_locator(NullLocator())
    _square_root_axis(panels[2])
    _removed_bars(panels[3], drawn, order)
    panels[0].set_yticks(range(len(order)), order[SAMPLE])
    panels[0].set_ylim(len(order) - 0.4, -0.6)
    for tick, status in zip(panels[0].get_yticklabels(), order["status"], strict=True):
        tick.set_color(INK if status == "ok" else CASE_COLOR)
    handles = [Line2D([], [], color=color, linewidth=3, label=name) for name, color in colors.items()]
    handles += [Line2D([], [], color=INK, linestyle="", marker="|", markersize=6, label="limit of the sample")]
    body.legend(handles=handles, loc="outside upper left", ncols=len(handles),
                  title="thick: middle half of the cells, thin: middle 95 %, point: median", title_fontsize=6,
                  alignment="left")  # fmt: skip
    return figure, drawn


def _quantile_rows(axes: Axes, table: pd.DataFrame, colors: list[str], bounds: tuple[str, ...]) -> None:
    rows = np.arange(len(table))
    if "median" in table:
        axes.hlines(rows, table["low"], table["high"], colors=colors, linewidth=0.8)
        axes.hlines(rows, table["lower"], table["upper"], colors=colors, linewidth=3.2)
        axes.scatter(table["median"], rows, s=7, color="white", edgecolor=colors, linewidth=0.8, zorder=3)
    for bound in bounds:
        axes.scatter(table[f"limit_{bound}"], rows, marker="|", s=28, color=INK, linewidth=0.9, zorder=4)
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.5)


def _square_root_axis(axes: Axes) -> None:
    """Of percentages: most cells of a nucleus preparation lie below 1 %, dying cells above 10 %."""
    top = axes.get_xlim()[1]
    axes.set_xscale("function", functions=(lambda x: np.sqrt(np.clip(x, 0, None)), np.square))
    axes.set_xticks([tick for tick in (0, 0.5, 2, 5, 10, 20, 40, 80) if tick <= top])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlim(0, top)


def _removed_bars(axes: Axes, drawn: pd.DataFrame, order: pd.DataFrame) -> None:
    counts = drawn[drawn["panel"] == "cells"].pivot(index=SAMPLE, columns="quantity", values="value")
    counts = counts.reindex(order[SAMPLE])
    total = counts.sum(axis=1).clip(lower=1)
    left = np.zeros(len(counts))
    for name, (label, color) in {"kept": ("kept", KEPT_COLOR), **REMOVED}.items():
        share = (100 * counts[name] / total).to_numpy()
        axes.barh(range(len(counts)), share, left=left, height=0.72, color=color, label=label)
        left += share
    for row, (n_kept, n_all, status) in enumerate(zip(order["n_kept"], order["n_cells"], order["status"], strict=True)):
        note = f"{n_kept:,} of {n_all:,}" if status == "ok" else f"left out: {plain(status)}"
        axes.text(102, row, note, va="center", fontsize=5.5, color=INK if status == "ok" else CASE_COLOR)
    axes.set_xlim(0, 100)
    axes.set_xlabel("cells, by first reason (%)")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, columnspacing=0.8)


def draw_umap(
    embedding: pd.DataFrame,
    cell_types: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    contrasts: dict[str, dict[str, Any]],
    replicate: str,
    seed: int,
    stamp: str,
) -> tuple[Figure, pd.DataFrame]:
    """UMAP of all kept cells, colored by cell type, cluster, donor and condition.

    Parameters
    ----------
    embedding, cell_types : DataFrame
        Tables `embedding` and `cell_types`.
    samples : DataFrame
        Sample sheet with columns sample and condition.
    replicate : str
        What a donor is called in this dataset: donor, line or animal.
    seed : int
        Of the order in which points are drawn, so that no group lies on top.
    """
    table = embedding[["cell", SAMPLE, DONOR, "umap_1", "umap_2"]].merge(
        cell_types[["cell", "cluster", CELL_TYPE]], on="cell", how="left", validate="one_to_one"
    )
    table[CONDITION] = table[SAMPLE].map(samples.set_index(SAMPLE)[CONDITION])
    drawn = table[["cell", "umap_1", "umap_2", CELL_TYPE, "cluster", DONOR, CONDITION]]
    if drawn.empty:
        return message_figure("No cell passed quality control.", stamp=stamp), drawn
    shuffled = drawn.iloc[np.random.default_rng(seed).permutation(len(drawn))]
    clusters = sorted(drawn["cluster"].unique(), key=lambda name: (len(name), name))
    levels = sorted(drawn[CONDITION].unique())
    types = order_cell_types(drawn[CELL_TYPE])
    panels = (
        (CELL_TYPE, "cell type", types, cell_type_colors(types), True),
        ("cluster", "cluster", clusters, nominal_colors(clusters), True),
        (DONOR, replicate, sorted(drawn[DONOR].unique()), nominal_colors(sorted(drawn[DONOR].unique())), False),
        (CONDITION, "condition", levels, condition_colors(levels, contrasts), False),
    )
    figure, body = new_figure(DOUBLE, 150, stamp=stamp)
    grid = body.subplots(2, 2)
    for axes, (column, title, names, colors, _) in zip(grid.flat, panels, strict=True):
        _umap_panel(axes, shuffled, column, title, names, colors)
    figure.draw_without_rendering()
    for axes, (column, _, names, _, labeled) in zip(grid.flat, panels, strict=True):
        if labeled:
            _label_groups(axes, drawn, column, names)
    return figure, drawn


def _umap_panel(axes: Axes, cells: pd.DataFrame, column: str, title: str, names: list[str], colors: dict) -> None:
    size = float(np.clip(6e4 / len(cells) / 5, 0.25, 9))
    axes.scatter(cells["umap_1"], cells["umap_2"], s=size, c=cells[column].map(colors), linewidth=0, rasterized=True)
    shown = f", {len(names)} {title}s" if column in ("cluster", DONOR) else ""
    axes.set_title(f"{title}  ({len(cells):,} cells{shown})")
    axes.set(xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    axes.set_aspect("equal", adjustable="datalim")
    axes.xaxis.label.set(fontsize=6)
    axes.yaxis.label.set(fontsize=6)
    if column == "cluster" or len(names) > 40:
        return
    counts = cells[column].value_counts()
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            markersize=3.5,
            color=colors[name],
            label=f"{plain(name) if column == CELL_TYPE else name} ({counts[name]:,})",
        )
        for name in names
    ]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=1 + (len(names) > 20),
                handletextpad=0.2, labelspacing=0.35)  # fmt: skip


def _label_groups(axes: Axes, cells: pd.DataFrame, column: str, names: list[str]) -> None:
    middles = cells.groupby(column)[["umap_1", "umap_2"]].median().reindex(names)
    by_size = cells[column].value_counts().reindex(names).sort_values(ascending=False, kind="stable").index
    labels = [plain(name) for name in by_size]
    place_labels(axes, middles.loc[by_size].to_numpy(), labels, centered=True, fontsize=6, color=INK)


def draw_markers(markers: pd.DataFrame, *, max_genes: int, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """Dot plot of marker genes: size is the share of cells with a count, color the mean, scaled within the gene.

    Parameters
    ----------
    markers : DataFrame
        Table `markers`.
    max_genes : int
        Genes shown over all types; of each type those with the highest mean in it.
    """
    drawn = _chosen_markers(markers, max_genes)
    if drawn.empty:
        return message_figure("No marker gene of these cell types was measured.", stamp=stamp), drawn
    types = order_cell_types(drawn[CELL_TYPE])
    genes = list(drawn.drop_duplicates("gene")["gene"])
    column, row = drawn["gene"].map(genes.index), drawn[CELL_TYPE].map(types.index)
    figure, body = new_figure(DOUBLE, 36 + 4.6 * len(types), stamp=stamp)
    axes = body.subplots()
    dots = axes.scatter(column, row, s=26 * drawn["fraction"], c=drawn["mean_scaled"], cmap="viridis_r", vmin=0, vmax=1,
                        linewidth=0.2, edgecolor=NEUTRAL)  # fmt: skip
    axes.set_xticks(range(len(genes)), genes, rotation=90, fontstyle="italic", fontsize=min(6, 420 / len(genes)))
    axes.set_yticks(range(len(types)), [plain(name) for name in types])
    axes.set(xlim=(-0.8, len(genes) - 0.2), ylim=(len(types) - 0.4, -0.6))
    owner = list(drawn.drop_duplicates("gene")["marker_of"])
    for name in dict.fromkeys(owner):
        first, last = owner.index(name), len(owner) - 1 - owner[::-1].index(name)
        axes.plot([first - 0.4, last + 0.4], [-0.95, -0.95], color=INK, linewidth=0.8, clip_on=False)
        axes.text((first + last) / 2, -1.15, plain(name), rotation=35, ha="left", va="bottom", fontsize=6)
    sizes = [Line2D([], [], linestyle="", marker="o", markersize=(26 * share) ** 0.5, color=NEUTRAL,
                    label=f"{100 * share:.0f} %") for share in (0.1, 0.5, 1.0)]  # fmt: skip
    key = {"title": "cells with\na count", "title_fontsize": 6, "loc": "lower left", "bbox_to_anchor": (1.01, 0)}
    axes.legend(handles=sizes, **key)
    bar = body.colorbar(dots, ax=axes, shrink=0.6, aspect=14, pad=0.09)
    bar.set_label("mean log1p(counts per 10,000),\nscaled within the gene", fontsize=6)
    return figure, drawn


def _chosen_markers(markers: pd.DataFrame, max_genes: int) -> pd.DataFrame:
    types = order_cell_types(markers[CELL_TYPE])
    owned = markers[markers["marker_of"].isin(types)]
    own = owned[owned["marker_of"] == owned[CELL_TYPE]].sort_values(["mean", "gene"], ascending=[False, True])
    own = own.drop_duplicates("gene").groupby("marker_of").head(max(2, max_genes // max(1, own["marker_of"].nunique())))
    own = own.assign(rank=own["marker_of"].map(types.index)).sort_values("rank", kind="stable")
    drawn = markers[markers["gene"].isin(own["gene"])].copy()
    drawn["marker_of"] = drawn["gene"].map(own.set_index("gene")["marker_of"])
    low, high = (drawn.groupby("gene")["mean"].transform(how) for how in ("min", "max"))
    drawn["mean_scaled"] = ((drawn["mean"] - low) / (high - low).where(high > low)).fillna(0.0)
    place = {gene: i for i, gene in enumerate(own["gene"])}
    key = pd.DataFrame({"gene": drawn["gene"].map(place), "type": drawn[CELL_TYPE].map(types.index)}, index=drawn.index)
    return drawn.loc[key.sort_values(["gene", "type"]).index].reset_index(drop=True)
