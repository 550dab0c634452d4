"""Figure of tissue against dish: effect against effect of every programme, with intervals, by verdict.

Positive always means: higher in the case arm.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from alscell.figures import (
    CASE_COLOR,
    CONTROL_COLOR,
    DOUBLE,
    FAINT,
    INK,
    NEUTRAL,
    SINGLE,
    message_figure,
    new_figure,
    place_labels,
    plain,
)
from alscell.keys import CELL_TYPE, CONTRAST, FAMILY, PATHWAY
from alscell.programmes import (
    DISH_BLIND,
    DISH_ONLY,
    DISH_OPEN,
    HINT,
    NEITHER,
    NOT_COMPARABLE,
    OPPOSITE,
    SAME,
    TISSUE_BLIND,
    TISSUE_ONLY,
    TISSUE_OPEN,
    UNCLEAR,
)

# Verdict: words in the legend, color, marker; hollow where the other system could not tell.
STYLES = {
    SAME: ("same direction", "#117733", "o"),
    OPPOSITE: ("opposite", CASE_COLOR, "X"),
    TISSUE_ONLY: ("tissue only", "#882255", "s"),
    DISH_ONLY: ("dish only", CONTROL_COLOR, "D"),
    TISSUE_BLIND: ("tissue, dish could not tell", "#882255", "s"),
    DISH_BLIND: ("dish, tissue could not tell", CONTROL_COLOR, "D"),
    TISSUE_OPEN: ("tissue, open in the dish", "#882255", "^"),
    DISH_OPEN: ("dish, open in tissue", CONTROL_COLOR, "v"),
    HINT: ("a hint only", NEUTRAL, "P"),
    NEITHER: ("neither", NEUTRAL, "o"),
    UNCLEAR: ("not decided", NEUTRAL, "."),
}
_HOLLOW = (TISSUE_BLIND, DISH_BLIND, TISSUE_OPEN, DISH_OPEN)
PALE = (HINT, NEITHER, UNCLEAR)
_SET = [FAMILY, PATHWAY]


def draw_tissue_dish(programmes: pd.DataFrame, *, n_labels: int, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """Effect in tissue against effect in the dish, with 95 % intervals, one panel a cell type and contrast.

    Parameters
    ----------
    programmes : DataFrame
        Table `synthesis_programmes`.
    n_labels : int
        Sets named in a panel, at most: those with a verdict that are farthest from zero.
    """
    both = programmes[programmes["verdict"] != NOT_COMPARABLE]
    key = [CONTRAST, CELL_TYPE, *_SET]
    arms = [f"{column}_{system}" for system in ("tissue", "dish") for column in ("effect", "ci_low", "ci_high")]
    gap = ["difference", "ci_low_difference", "ci_high_difference"]
    drawn = both[[*key, "n_tissue", "n_dish", *arms, *gap, "verdict"]].sort_values(key, ignore_index=True)
    if drawn.empty:
        return message_figure(why_not_compared(programmes), stamp=stamp), drawn
    panels = list(drawn.groupby([CONTRAST, CELL_TYPE]))
    n_columns = min(3, len(panels))
    n_rows = -(-len(panels) // n_columns)
    width = {1: SINGLE, 2: 125.0, 3: DOUBLE}[n_columns]
    figure, body = new_figure(width, 22 + 60 * n_rows, stamp=stamp)
    grid = body.subplots(n_rows, n_columns, squeeze=False)
    limits = _common_limits(drawn)
    for axes, ((contrast, cell_type), own) in zip(grid.flat, panels, strict=False):
        _agreement_panel(axes, own, limits)
        datasets = f"n = {own['n_tissue'].max()} v {own['n_dish'].max()} datasets"
        axes.set_title(f"{plain(cell_type)} ({plain(contrast)})\n{len(own)} sets, {datasets}")
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    body.supxlabel("effect in tissue (donor SD, 95 % interval)", fontsize=7)
    for axes in grid[:, 0]:
        axes.set_ylabel("effect in the dish (line SD, 95 % interval)")
    handles = [_handle(verdict) for verdict in STYLES if (drawn["verdict"] == verdict).any()]
    body.legend(handles=handles, loc="outside upper left", ncols=n_columns + 1 if n_columns > 1 else 2)
    figure.draw_without_rendering()
    for axes, (_, own) in zip(grid.flat, panels, strict=False):
        clear = own[~own["verdict"].isin(PALE)]
        size = clear[["effect_tissue", "effect_dish"]].abs().sum(axis=1)
        top = clear.loc[size.sort_values(ascending=False, kind="stable").index[:n_labels]]
        points, labels = top[["effect_tissue", "effect_dish"]].to_numpy(), [plain(name) for name in top[PATHWAY]]
        place_labels(axes, points, labels, centered=False, fontsize=5.5, color=INK)
    return figure, drawn


def why_not_compared(programmes: pd.DataFrame) -> str:
    """Why no programme could be compared, as a sentence; `programmes` as in `draw_tissue_dish`."""
    names = sorted({name for listed in programmes["datasets"] for name in listed.split(";")})
    if len(names) == 1:
        return f"Only one dataset was tested ({names[0]}): there is no other one to compare it with."
    for system, other in (("tissue", "dish"), ("dish", "tissue")):
        if names and not programmes[f"n_{other}"].any():
            return f"All datasets that were tested are of one system ({system}): there is nothing to compare it with."
    return "No cell type was compared both in tissue and in the dish."


def _handle(verdict: str) -> Line2D:
    label, color, marker = STYLES[verdict]
    fill = "white" if verdict in _HOLLOW else color
    return Line2D([], [], linestyle="", marker=marker, markersize=4, color=color, markerfacecolor=fill, label=label)


def _common_limits(sets: pd.DataFrame) -> tuple[float, float]:
    """Ends of both axes, the same for all panels: intervals and zero, and a margin.

    Two datasets of a system give intervals many times as wide as any effect; these leave the panel.
    """
    effects = sets[["effect_tissue", "effect_dish"]].to_numpy()
    reach = 2 * np.abs(effects).max()
    low = max(-reach, min(0.0, sets[["ci_low_tissue", "ci_low_dish"]].to_numpy().min()))
    high = min(reach, max(0.0, sets[["ci_high_tissue", "ci_high_dish"]].to_numpy().max()))
    margin = 0.05 * (high - low)
    return low - margin, high + margin


def _agreement_panel(axes: Axes, sets: pd.DataFrame, limits: tuple[float, float]) -> None:
    axes.axhline(0, color=NEUTRAL, linewidth=0.5)
    axes.axvline(0, color=NEUTRAL, linewidth=0.5)
    axes.plot(limits, limits, color=FAINT, linewidth=0.8, linestyle="--")
    for verdict, (_, color, marker) in reversed(STYLES.items()):
        own = sets[sets["verdict"] == verdict]
        strength = 0.35 if verdict in PALE else 0.9
        x, y = own["effect_tissue"], own["effect_dish"]
        width, height = (
            [own[f"effect_{system}"] - own[f"ci_low_{system}"], own[f"ci_high_{system}"] - own[f"effect_{system}"]]
            for system in ("tissue", "dish")
        )
        axes.errorbar(x, y, xerr=width, yerr=height, fmt="none", ecolor=color, elinewidth=0.5, alpha=0.6 * strength)
        fill = "white" if verdict in _HOLLOW else color
        axes.scatter(x, y, s=13, facecolor=fill, edgecolor=color, marker=marker, alpha=strength, linewidth=0.7)
    axes.set(xlim=limits, ylim=limits)
    axes.set_aspect("equal")
