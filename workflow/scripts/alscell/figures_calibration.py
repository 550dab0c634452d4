"""Figure of one contrast's calibration: p-values with shuffled labels, and the share of them below 0.05."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alscell.calibration import ALL_TYPES, HARMLESS, NOMINAL, OVER_CELLS
from alscell.figures import (
    CASE_COLOR,
    CONTROL_COLOR,
    DOUBLE,
    FAINT,
    INK,
    NEUTRAL,
    message_figure,
    new_figure,
    order_cell_types,
    plain,
)
from alscell.keys import CELL_TYPE

TESTS = {
    "differential": "genes",
    "pathways": "pathway activity",
    "enrichment": "enrichment of sets",
    "composition": "composition",
    OVER_CELLS: "WRONG: cells as replicates\n(pathway activity)",
}
_MARKS = {"held": INK, "inflated": CASE_COLOR, "conservative": CONTROL_COLOR, "too_few": NEUTRAL}
_FEWEST = 40  # p-values with the true labels; fewer say nothing in 20 bins
_LARGEST = 30.0  # UNIT: %, end of the axis of rates


def draw_calibration(rates: pd.DataFrame, bins: pd.DataFrame, *, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """Histograms of p of each test, relabelled and true, over the rate of false positives in each cell type.

    Parameters
    ----------
    rates, bins : DataFrame
        Tables `calibration` and `calibration_histogram` of one contrast.
    """
    drawn = pd.concat([rates.assign(quantity="rate"), bins.assign(quantity="bin")], ignore_index=True)
    if rates.empty:
        why = "Calibration: too few donors for a test, so there are no p values that could be wrong."
        return message_figure(why, stamp=stamp), drawn
    tests = [name for name in TESTS if name in set(rates["test"])]
    types = [ALL_TYPES, *order_cell_types(set(rates[CELL_TYPE]) - {ALL_TYPES})]
    heights = [32, 12 + 4.2 * len(types)]
    figure, body = new_figure(DOUBLE, sum(heights), stamp=stamp)
    upper, lower = body.subplots(2, len(tests), squeeze=False, height_ratios=heights)
    for top, bottom, name in zip(upper, lower, tests, strict=True):
        _histogram(top, bins[bins["test"] == name])
        top.set_title(TESTS[name])
        _rate_rows(bottom, rates[rates["test"] == name].set_index(CELL_TYPE), types)
        first = name == tests[0]
        bottom.set_yticks(range(len(types)), [_type_label(one) for one in types] if first else [])
    upper[0].set_ylabel("density")
    upper[0].legend(loc="lower left", frameon=True, framealpha=1, edgecolor="white")
    return figure, drawn


def _type_label(name: str) -> str:
    return "all cell types" if name == ALL_TYPES else plain(name)


def _histogram(axes: Axes, bins: pd.DataFrame) -> None:
    """Densities: 1 everywhere is what labels without meaning should give."""
    edges = [*bins["bin_low"], bins["bin_high"].iloc[-1]]
    width = np.diff(edges)
    shuffled, true = (bins[name] / max(bins[name].sum(), 1) / width for name in ("n_relabelled", "n_true"))
    axes.stairs(shuffled, edges, fill=True, color=FAINT, label="labels shuffled")
    if bins["n_true"].sum() >= _FEWEST:
        axes.stairs(true, edges, color=CASE_COLOR, linewidth=0.8, label="true labels")
    axes.axhline(1, color=INK, linewidth=0.6, linestyle=(0, (3, 2)))
    axes.set_xlim(0, 1)
    highest = min(true.max(), 4) if bins["n_true"].sum() >= _FEWEST else 0  # a strong truth may leave the panel
    axes.set_ylim(0, 1.15 * max(1.4, shuffled.max(), highest))
    axes.set_xlabel("p")


def _rate_rows(axes: Axes, rates: pd.DataFrame, types: list[str]) -> None:
    axes.axvspan(100 * HARMLESS[0], 100 * HARMLESS[1], color="#EEEEEE", linewidth=0)
    axes.axvline(100 * NOMINAL, color=INK, linewidth=0.6, linestyle=(0, (3, 2)))
    for row, name in enumerate(types):
        if name not in rates.index or pd.isna(rates.loc[name, "false_positive_rate"]):
            place = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 6}
            axes.text(0.98, row, "no p values", color=NEUTRAL, ha="right", **place)
            continue
        own = rates.loc[name]
        color, rate = _MARKS[own["verdict"]], 100 * own["false_positive_rate"]
        axes.plot([100 * own["ci_low"], 100 * own["ci_high"]], [row, row], color=color)
        size, marker = (16, "D") if name == ALL_TYPES else (9, "o")
        axes.scatter(min(rate, _LARGEST), row, s=size, color=color, marker=marker, clip_on=False, zorder=3)
        if rate > _LARGEST:
            axes.text(_LARGEST, row - 0.35, f"{rate:.0f} % →", color=color, ha="right", fontsize=6)
    highest = 100 * rates[["false_positive_rate", "ci_high"]].max().max()
    axes.set_xlim(0, min(_LARGEST, max(10.0, 1.05 * highest)) if highest == highest else 10.0)
    axes.set_ylim(len(types) - 0.4, -0.6)
    axes.set_xlabel("p < 0.05 (%), 95 % interval")
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.5)
