"""Figure of one dataset's clusters: how well each resolution holds in parts of the cells, and which one is used.

It returns the figure and the very numbers it shows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from alscell.figures import CASE_COLOR, INK, NEUTRAL, SINGLE, message_figure, new_figure


def draw_cluster_stability(
    table: pd.DataFrame, *, min_stability: float, n_subsamples: int, subsample_fraction: float, stamp: str
) -> tuple[Figure, pd.DataFrame]:
    """Adjusted Rand index of every resolution with its number of clusters; the chosen one is filled.

    Parameters
    ----------
    table : DataFrame
        Table `cluster_stability`.
    min_stability : float, -1..1
        Of config: the finest resolution at or above it is chosen.
    n_subsamples, subsample_fraction : int, float 0..1
        Of config: how many parts of the cells were clustered again, and the share of the cells in each.
    """
    drawn = table.sort_values("resolution", ignore_index=True)
    if drawn.empty:
        return message_figure("Clusters: no resolution was tried.", stamp=stamp), drawn
    figure, body = new_figure(SINGLE, 66, stamp=stamp)
    axes = body.subplots()
    places = np.arange(len(drawn))
    color = np.where(drawn["chosen"], CASE_COLOR, NEUTRAL)
    axes.axhline(min_stability, color=INK, linewidth=0.6, linestyle="--")
    axes.vlines(places, drawn["stability_low"], drawn["stability"], colors=color, linewidth=1.2)
    axes.scatter(places, drawn["stability_low"], s=26, marker="_", color=color, linewidth=1.2)
    fill = np.where(drawn["chosen"], CASE_COLOR, "white")
    axes.scatter(places, drawn["stability"], s=22, color=fill, edgecolor=color, linewidth=1.0, zorder=3)
    axes.set_xticks(places, [f"{row.resolution:g}\n{row.n_clusters}" for row in drawn.itertuples()])
    for label, chosen in zip(axes.get_xticklabels(), drawn["chosen"], strict=True):
        label.set_fontweight("bold" if chosen else "normal")
    axes.set(xlim=(-0.6, len(drawn) - 0.4), ylim=(min(0, 1.1 * drawn["stability_low"].min()), 1.05))
    axes.set_xlabel("Leiden resolution (upper line), number of clusters (lower line)")
    axes.set_ylabel("stability (adjusted Rand index)")
    parts = f"n = {n_subsamples} random parts of {100 * subsample_fraction:g} % of the cells"
    axes.set_title(f"point: median, bar: lowest of {parts}", fontsize=6)
    dot = {"linestyle": "", "marker": "o", "markersize": 4}
    handles = [
        Line2D([], [], **dot, color=CASE_COLOR, label="resolution used"),
        Line2D([], [], **dot, color=NEUTRAL, markerfacecolor="white", label="others"),
        Line2D([], [], color=INK, linewidth=0.6, linestyle="--", label=f"stable: {min_stability:g} or more"),
    ]
    body.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure, drawn
