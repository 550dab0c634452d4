"""Figures over all datasets of a run: pathway heat map, hits found again, planted truth.

Each function returns the figure and the very numbers it shows. Positive always means: higher in the case arm.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from alscell.figures import (
    CASE_COLOR,
    DOUBLE,
    FAINT,
    INK,
    NEUTRAL,
    message_figure,
    new_figure,
    order_cell_types,
    plain,
    signed,
    with_donors,
)
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, FAMILY, PATHWAY, UNASSIGNED

OUTCOMES = {
    "found": ("found", "#117733", "+"),
    "missed": ("missed", "#E69F00", "−"),
    "wrong_direction": ("wrong direction", "#882255", "↕"),
    "false_call": ("false call", CASE_COLOR, "!"),
    "quiet": ("nothing planted, nothing called", "#E8EEF4", ""),
    "overlap": ("shares genes with a planted set", "#D8D2E8", ""),
    "not_tested": ("not tested", "#FFFFFF", "×"),
}
_SET = [FAMILY, PATHWAY]
_COLUMN = [DATASET, CONTRAST, CELL_TYPE]


def draw_pathway_heatmap(
    tests: pd.DataFrame, skipped: pd.DataFrame, *, fdr: float, stamp: str
) -> tuple[Figure, pd.DataFrame]:
    """Effect of every gene set in every dataset, contrast and cell type; a dot where FDR is reached.

    Parameters
    ----------
    tests, skipped : DataFrame
        Tables `pathway_tests` and `differential_skipped` of all datasets; the latter adds cell types not tested.
    """
    drawn = tests[[*_COLUMN, *_SET, "effect", "fdr", "descriptive", "n_case", "n_control"]].sort_values(
        [*_COLUMN, *_SET], ignore_index=True
    )
    if drawn.empty:
        return message_figure("Pathway activity: no gene set could be compared in any dataset.", stamp=stamp), drawn
    columns = _columns(pd.concat([drawn[_COLUMN], skipped[_COLUMN]]).drop_duplicates())
    sets = [tuple(key) for key in drawn[_SET].drop_duplicates().sort_values(_SET).itertuples(index=False, name=None)]
    row, column = {key: i for i, key in enumerate(sets)}, {key: i for i, key in enumerate(columns)}
    effect = np.full((len(sets), len(columns)), np.nan)
    width = min(DOUBLE, max(120.0, 72 + 9 * len(columns)))
    figure, body = new_figure(width, 52 + 3.4 * len(sets), stamp=stamp)
    axes = body.subplots()
    reach = float(max(1.0, np.nanquantile(drawn["effect"].abs(), 0.98)))
    for test in drawn.to_dict("records"):
        effect[row[test[FAMILY], test[PATHWAY]], column[tuple(test[name] for name in _COLUMN)]] = test["effect"]
    axes.set_facecolor("#E2E2E2")
    image = axes.imshow(effect, cmap="RdBu_r", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest")
    for test in drawn.to_dict("records"):
        place = column[tuple(test[name] for name in _COLUMN)], row[test[FAMILY], test[PATHWAY]]
        if test["descriptive"]:
            box = (place[0] - 0.5, place[1] - 0.5)
            axes.add_patch(Rectangle(box, 1, 1, fill=False, hatch="/////", edgecolor="white", linewidth=0))
        elif test["fdr"] <= fdr:
            axes.scatter(*place, s=7, color="black", edgecolor="white", linewidth=0.5)
    names = with_donors([plain(name) for _, _, name in columns], drawn, columns, by=_COLUMN)
    _heatmap_labels(axes, sets, columns, names, step=(width - 72) / len(columns))
    bar = body.colorbar(image, ax=axes, shrink=0.4, aspect=22, pad=0.02, extend="both")
    bar.set_label("effect, case − control (donor standard deviations)", fontsize=6)
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=3, color="black", label=f"FDR ≤ {fdr:g}"),
        Patch(facecolor="#E2E2E2", label="not tested or not scored"),
        Patch(facecolor="#C98F7A", edgecolor="white", hatch="/////", label="descriptive: too few donors"),
    ]
    body.legend(handles=handles, loc="outside upper left", ncols=3)
    return figure, drawn


def _columns(keys: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Columns of the heat map: by dataset and contrast, within them cell types in the usual order."""
    keys = keys[keys[CELL_TYPE] != UNASSIGNED]
    rank = {name: i for i, name in enumerate(order_cell_types(keys[CELL_TYPE]))}
    return sorted(keys.itertuples(index=False, name=None), key=lambda key: (key[0], key[1], rank[key[2]]))


def _heatmap_labels(
    axes: Axes, sets: list[tuple[str, str]], columns: list[tuple[str, str, str]], names: list[str], *, step: float
) -> None:
    axes.set_yticks(range(len(sets)), [plain(pathway) for _, pathway in sets])
    axes.set_xticks(range(len(columns)), names, rotation=90)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    families = [family for family, _ in sets]
    for family in dict.fromkeys(families):
        first, last = families.index(family), len(families) - 1 - families[::-1].index(family)
        if first:
            axes.axhline(first - 0.5, color="white", linewidth=2.5)
        axes.annotate(plain(family), (1.01, (first + last) / 2), xycoords=("axes fraction", "data"), va="center",
                      fontsize=6, fontweight="bold", rotation=0 if last - first < 3 else 270)  # fmt: skip
    groups = [key[:2] for key in columns]
    several = len({contrast for _, contrast in groups}) > 1
    for group in dict.fromkeys(groups):
        first, last = groups.index(group), len(groups) - 1 - groups[::-1].index(group)
        if first:
            axes.axvline(first - 0.5, color="white", linewidth=2.5)
        name = f"{group[0]}\n{plain(group[1])}" if several else group[0]
        narrow = (last - first + 1) * step < 1.4 * len(group[0])  # UNIT: mm; a level name would meet its neighbors
        turn = {"rotation": 30, "ha": "left"} if narrow else {"ha": "center"}
        axes.annotate(name, ((first + last) / 2, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3), va="bottom",
                      textcoords="offset points", fontsize=6, fontweight="bold", **turn)  # fmt: skip


def draw_replication(replication: pd.DataFrame, *, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """Share of the hits that come again in another dataset, against chance: genes left, gene sets right.

    Parameters
    ----------
    replication : DataFrame
        Table `synthesis_replication`. Cell types without hits of either kind are not drawn.
    """
    key = [CONTRAST, "discovery", "replication", CELL_TYPE]
    drawn = replication[replication["n_hits"] > 0].sort_values([*key, "kind"], ignore_index=True)
    if drawn.empty:
        why = "No cell type was tested in two datasets: there is nothing to find again."
        if len(replication):
            why = "No dataset has a hit in a cell type that another one tested, too."
        return message_figure(why, stamp=stamp), drawn
    lines = _replication_lines(drawn)
    figure, body = new_figure(DOUBLE, 26 + 4.2 * len(lines), stamp=stamp)
    panels = body.subplots(1, 2, sharey=True)
    for axes, (kind, title) in zip(panels, (("gene", "genes"), ("pathway", "gene sets")), strict=True):
        _replication_panel(axes, drawn[drawn["kind"] == kind], lines)
        axes.set_title(title)
        axes.set_xlabel("share with the same sign and p < 0.05")
    panels[0].set_yticks(range(len(lines)), [name for name, _ in lines.values()])
    for label, (_, is_head) in zip(panels[0].get_yticklabels(), lines.values(), strict=True):
        label.set_fontweight("bold" if is_head else "normal")
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=4, color=CASE_COLOR, label="hits"),
        Line2D([], [], linestyle="", marker="o", markersize=4, color=NEUTRAL, fillstyle="none", label="others: chance"),
    ]
    body.legend(handles=handles, loc="outside upper left", ncols=2)
    return figure, drawn


def _replication_lines(drawn: pd.DataFrame) -> dict[tuple[str, ...], tuple[str, bool]]:
    """What stands at the left, from top to bottom: a head for each pair of datasets, and below it its cell types."""
    several = drawn[CONTRAST].nunique() > 1
    lines = {}
    for pair, own in drawn.groupby([CONTRAST, "discovery", "replication"], sort=True):
        contrast = f", {plain(pair[0])}" if several else ""
        lines[pair] = (f"{pair[1]} → {pair[2]}{contrast}", True)
        lines |= {(*pair, name): (plain(name), False) for name in order_cell_types(own[CELL_TYPE])}
    return lines


def _replication_panel(axes: Axes, rows: pd.DataFrame, lines: dict[tuple[str, ...], tuple[str, bool]]) -> None:
    places = {name: place for place, name in enumerate(lines)}
    for row in rows.to_dict("records"):
        y = places[tuple(row[name] for name in (CONTRAST, "discovery", "replication", CELL_TYPE))]
        axes.plot([row["chance_rate"], row["rate"]], [y, y], color=FAINT, linewidth=1.5, zorder=1)
        axes.scatter(row["chance_rate"], y, s=14, facecolor="white", edgecolor=NEUTRAL, linewidth=0.8, zorder=2)
        axes.scatter(row["rate"], y, s=14, color=CASE_COLOR, linewidth=0, zorder=3)
        text = f"{row['n_replicated']:,} of {row['n_hits']:,}"
        axes.annotate(text, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=5.5, color=INK)
    axes.set(xlim=(-0.03, 1.03), ylim=(len(lines) - 0.5, -0.5))
    axes.tick_params(axis="y", length=0)


def draw_planted(planted: pd.DataFrame, *, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """What was planted in the simulated data against what the tests found, one field a cell type and set.

    Parameters
    ----------
    planted : DataFrame
        Table `planted`.
    """
    drawn = planted.sort_values([*_COLUMN, *_SET], ignore_index=True)
    if drawn.empty:
        return message_figure("No truth was planted in the datasets of this run.", stamp=stamp), drawn
    sets = [tuple(key) for key in drawn[_SET].drop_duplicates().sort_values(_SET).itertuples(index=False, name=None)]
    groups = list(drawn.groupby([DATASET, CONTRAST]))
    widths = [own[CELL_TYPE].nunique() for _, own in groups]
    figure, body = new_figure(DOUBLE, 58 + 3.5 * len(sets), stamp=stamp)
    panels = body.subplots(1, len(groups), squeeze=False, sharey=True, width_ratios=widths)[0]
    for axes, ((dataset, contrast), own) in zip(panels, groups, strict=True):
        types = order_cell_types(own[CELL_TYPE])
        _outcome_fields(axes, own, sets, types)
        counts = own["outcome"].value_counts()
        tally = ", ".join(f"{counts[name]} {OUTCOMES[name][0]}" for name in list(OUTCOMES)[:4] if name in counts)
        axes.set_title(f"{dataset}\n{plain(contrast)}\n{tally or 'nothing planted'}", fontsize=6)
    panels[0].set_yticks(range(len(sets)), [plain(pathway) for _, pathway in sets])
    handles = [
        Patch(facecolor=color, edgecolor=NEUTRAL, linewidth=0.4, label=f"{label} {sign}".strip())
        for label, color, sign in OUTCOMES.values()
    ]
    title = "number: planted log₂ fold change, case − control"
    body.legend(handles=handles, loc="outside lower left", ncols=4, title=title, title_fontsize=6, alignment="left")
    return figure, drawn


def _outcome_fields(axes: Axes, table: pd.DataFrame, sets: list[tuple[str, str]], types: list[str]) -> None:
    field = np.ones((len(sets), len(types), 3))
    for test in table.to_dict("records"):
        y, x = sets.index((test[FAMILY], test[PATHWAY])), types.index(test[CELL_TYPE])
        _, color, sign = OUTCOMES[test["outcome"]]
        field[y, x] = to_rgb(color)
        ink = "white" if np.mean(to_rgb(color)) < 0.5 else INK
        text = f"{signed(test['planted'])} {sign}" if test["planted"] else sign
        axes.text(x, y, text, ha="center", va="center", fontsize=5, color=ink)
    axes.imshow(field, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(types)), [plain(name) for name in types], rotation=90)
    axes.set_xticks(np.arange(len(types) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(sets) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.8)
    axes.tick_params(which="both", length=0)
