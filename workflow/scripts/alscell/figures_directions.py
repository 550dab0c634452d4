"""Figure of the six directions: the strongest tested results of each, as effects with intervals."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alscell.directions import DIRECTIONS, UNITS, strongest
from alscell.figures import CASE_COLOR, CONTROL_COLOR, DOUBLE, INK, NEUTRAL, message_figure, new_figure, plain
from alscell.keys import CELL_TYPE, CONTRAST, DATASET

_ROW, _HEAD = 5.2, 17.0  # UNIT: mm, a result; title and axis of a panel
_LONGEST = 46  # letters of a label


def draw_directions(table: pd.DataFrame, *, fdr: float, n_rows: int, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """A forest of effects for each direction, the lowest p first; one unit a panel.

    Parameters
    ----------
    table : DataFrame
        Table "directions".
    fdr : float
        What counts as found: filled dots.
    n_rows : int
        Results in a panel, at most.
    """
    shown = {name: strongest(table[(table["direction"] == name) & (table["unit"] == UNITS[name])], n=n_rows)
             for name in DIRECTIONS}  # fmt: skip
    drawn = pd.concat(shown.values(), ignore_index=True)
    if drawn.empty:
        return message_figure("No direction has a tested result: too few donors.", stamp=stamp), drawn
    names = list(DIRECTIONS)
    pairs = [names[i : i + 2] for i in range(0, len(names), 2)]
    heights = [_HEAD + _ROW * max(1, *(len(shown[name]) for name in pair)) for pair in pairs]
    figure, body = new_figure(DOUBLE, sum(heights), stamp=stamp)
    panels = body.subplots(3, 2, height_ratios=heights)
    several = drawn[DATASET].nunique() > 1 or drawn[CONTRAST].nunique() > 1
    for name, axes in zip(names, panels.flat, strict=True):
        axes.set_title(DIRECTIONS[name], fontweight="bold")
        _forest(axes, shown[name], unit=UNITS[name], fdr=fdr, named=several)
    return figure, drawn


def _forest(axes: Axes, rows: pd.DataFrame, *, unit: str, fdr: float, named: bool) -> None:
    if rows.empty:
        axes.set_axis_off()
        axes.text(0, 0.6, "nothing was tested", color=NEUTRAL, transform=axes.transAxes)
        return
    axes.axvline(0, color=NEUTRAL, linewidth=0.5)
    for place, row in enumerate(rows.to_dict("records")):
        found = row["fdr"] <= fdr
        color = (CASE_COLOR if row["effect"] > 0 else CONTROL_COLOR) if found else NEUTRAL
        axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=color)
        fill = color if found else "white"
        axes.scatter(row["effect"], place, s=14, color=fill, edgecolor=color, linewidth=0.8, zorder=3)
    axes.set_yticks(range(len(rows)), [_label(row, named=named) for row in rows.to_dict("records")], fontsize=5.5)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(f"{unit}, 95 % interval")
    axes.tick_params(axis="y", length=0, colors=INK)


def _label(row: dict, *, named: bool) -> str:
    """Cell type and result and, where there are several, the dataset and contrast in a second line."""
    what = f"{plain(row[CELL_TYPE])}: {plain(row['name'].rpartition('/')[2])}"
    what = what if len(what) <= _LONGEST else what[: _LONGEST - 1] + "…"
    where = f"{plain(row[DATASET])[:30]}, {plain(row[CONTRAST])}"
    return f"{what}\n{where}" if named else what
