"""Figure of one dataset's composition: donor shares of every cell type and the differences between arms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alscell.figures import (
    ARM_COLORS,
    ARM_MARKERS,
    DOUBLE,
    INK,
    NEUTRAL,
    donor_arms,
    message_figure,
    new_figure,
    order_cell_types,
    plain,
    probability,
    swarm,
)
from alscell.keys import CASE_ARM, CELL_TYPE, CONTROL_ARM, DONOR


def draw_composition(
    donors: pd.DataFrame,
    tests: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    contrasts: dict[str, dict[str, Any]],
    replicate: str,
    stamp: str,
) -> tuple[Figure, pd.DataFrame]:
    """Share of each cell type in every donor, by arm, and the difference of logit shares with its 95 % interval.

    Parameters
    ----------
    donors, tests : DataFrame
        Tables `composition_donors` and `composition` of one dataset.
    samples : DataFrame
        Sample sheet.
    """
    names = [name for name in contrasts if name in set(tests["contrast"])]
    shares = [
        donors.assign(contrast=name, arm=donors[DONOR].map(donor_arms(samples, contrasts[name]))).dropna(subset="arm")
        for name in names
    ]
    columns = ["contrast", CELL_TYPE, "quantity", "arm", DONOR, "value", "ci_low", "ci_high", "fdr", "descriptive"]
    if not names:
        return message_figure("Composition: no contrast could be compared.", stamp=stamp), pd.DataFrame(columns=columns)
    points = pd.concat(shares).assign(quantity="share").rename(columns={"fraction": "value"})
    effects = tests.assign(quantity="effect").rename(columns={"effect": "value"})
    drawn = pd.concat([points, effects], ignore_index=True).reindex(columns=columns)
    types = order_cell_types(tests[CELL_TYPE])
    figure, body = new_figure(DOUBLE, len(names) * (16 + 6.2 * len(types)), stamp=stamp)
    grid = body.subplots(len(names), 2, squeeze=False, sharey=True, width_ratios=[1.5, 1])
    for (left, right), name in zip(grid, names, strict=True):
        of_contrast = drawn[drawn["contrast"] == name]
        _share_points(left, of_contrast[of_contrast["quantity"] == "share"], types, contrasts[name], replicate)
        _effect_rows(right, tests[tests["contrast"] == name], types)
        left.set_title(plain(name))
        left.set_yticks(range(len(types)), [plain(cell_type) for cell_type in types])
        left.set_ylim(len(types) - 0.4, -0.6)
    return figure, drawn


def _share_points(axes: Axes, points: pd.DataFrame, types: list[str], contrast: dict, replicate: str) -> None:
    axes.set_xscale("function", functions=(lambda x: np.sqrt(np.clip(x, 0, None)), np.square))
    for arm, shift in ((CASE_ARM, -0.2), (CONTROL_ARM, 0.2)):
        own = points[points["arm"] == arm]
        for row, name in enumerate(types):
            values = 100 * own.loc[own[CELL_TYPE] == name, "value"].to_numpy()
            aside = swarm(np.sqrt(values), distance=0.14, step=0.07, limit=0.14)
            axes.scatter(values, row + shift + aside, s=8, marker=ARM_MARKERS[arm], color=ARM_COLORS[arm], alpha=0.75,
                         linewidth=0)  # fmt: skip
            if len(values):
                axes.plot([values.mean()] * 2, [row + shift - 0.17, row + shift + 0.17], color=INK, linewidth=1.1)
        label = f"{', '.join(contrast[arm])} (n = {own[DONOR].nunique()} {replicate}s)"
        axes.scatter([], [], s=10, marker=ARM_MARKERS[arm], color=ARM_COLORS[arm], label=label)
    top = max(1.0, 100 * points["value"].max()) if len(points) else 1.0
    axes.set_xlim(0, min(100.0, top * 1.08))
    axes.set_xticks([tick for tick in (0, 1, 5, 10, 20, 30, 50, 70, 100) if tick <= top * 1.08])
    axes.set_xlabel(f"share of a {replicate}'s cells (%, square-root axis); bar: mean")
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.5)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)


def _effect_rows(axes: Axes, tests: pd.DataFrame, types: list[str]) -> None:
    table = tests.set_index(CELL_TYPE)
    axes.axvline(0, color=NEUTRAL, linewidth=0.6)
    for row, name in enumerate(types):
        if name not in table.index:
            place = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 6}
            axes.text(0.02, row, "not compared", color=NEUTRAL, **place)
            continue
        test = table.loc[name]
        axes.plot([test["ci_low"], test["ci_high"]], [row, row], color=INK)
        axes.scatter(test["effect"], row, s=14, color="white" if test["descriptive"] else INK, edgecolor=INK, zorder=3)
        note = "descriptive" if test["descriptive"] or pd.isna(test["fdr"]) else probability(test["fdr"])
        axes.text(1.02, row, note, transform=axes.get_yaxis_transform(), va="center", fontsize=6)
    axes.text(1.02, 1.0, "FDR", transform=axes.transAxes, va="bottom", fontsize=6, fontweight="bold")
    axes.set_xlabel("difference of logit shares, case − control\n(95 % interval)")
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.5)
    axes.set_facecolor("none")
