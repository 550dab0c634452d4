"""Figure of one contrast's gene sets: donor-level activity against CAMERA, with the sign of the prerank score."""

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
    INK,
    NEUTRAL,
    message_figure,
    new_figure,
    order_cell_types,
    place_labels,
    plain,
)
from alscell.keys import CELL_TYPE, FAMILY, PATHWAY
from alscell.views import ACTIVITY_ONLY, AGREE, CAMERA_ONLY, KEY, NEITHER, NOT_COMPARED, OPPOSITE

# Verdict: what the legend says, color, marker; what asks for a closer look first.
VERDICTS = {
    OPPOSITE: ("opposite directions", CASE_COLOR, "X"),
    ACTIVITY_ONLY: ("activity only", "#882255", "s"),
    CAMERA_ONLY: ("CAMERA only", CONTROL_COLOR, "D"),
    AGREE: ("both, same direction", "#117733", "o"),
    NEITHER: ("neither", NEUTRAL, "o"),
}
_PLACE = ["activity_statistic", "camera_statistic"]


def draw_pathway_views(views: pd.DataFrame, *, fdr: float, n_labels: int, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """Activity t of every gene set against its CAMERA t, one panel a cell type; hollow: NES of the other sign.

    Parameters
    ----------
    views : DataFrame
        Table `pathway_views` of one contrast.
    n_labels : int
        Sets named in a panel, at most: disagreements first, then by the size of both statistics.
    """
    both = views[views["verdict"] != NOT_COMPARED]
    kept = [*KEY, *_PLACE, "activity_fdr", "camera_fdr", "normalized_enrichment_score", "nes_sign_agrees", "verdict"]
    drawn = both[kept].sort_values([CELL_TYPE, FAMILY, PATHWAY], ignore_index=True)
    if drawn.empty:
        return message_figure("No gene set has both a test of activity and of enrichment.", stamp=stamp), drawn
    types = order_cell_types(drawn[CELL_TYPE])
    n_columns = min(4, len(types))
    n_rows = -(-len(types) // n_columns)
    figure, body = new_figure(DOUBLE, 20 + 49 * n_rows, stamp=stamp)
    panels = list(body.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True).flat)
    reach = 1.12 * drawn[_PLACE].abs().max()
    for axes, name in zip(panels, types, strict=False):
        _views_panel(axes, drawn[drawn[CELL_TYPE] == name])
        axes.set(xlim=(-reach.iloc[0], reach.iloc[0]), ylim=(-reach.iloc[1], reach.iloc[1]))
    for axes in panels[len(types) :]:
        axes.set_axis_off()
    body.supxlabel("activity between donors: moderated t   (← lower in case | higher in case →)", fontsize=7)
    body.supylabel("CAMERA: t   (← lower | higher →)", fontsize=7)
    handles = [
        Line2D([], [], linestyle="", marker=marker, markersize=4, color=color, label=label)
        for label, color, marker in VERDICTS.values()
    ]
    hollow = {"marker": "o", "markersize": 4, "color": INK, "markerfacecolor": "white"}
    handles.append(Line2D([], [], linestyle="", label="hollow: NES and activity differ in sign", **hollow))
    body.legend(handles=handles, loc="outside upper left", ncols=3, title=f"reaches FDR {fdr:g} over the contrast in",
                title_fontsize=6, alignment="left")  # fmt: skip
    figure.draw_without_rendering()
    for axes, name in zip(panels, types, strict=False):
        top = _to_name(drawn[drawn[CELL_TYPE] == name], n_labels)
        place_labels(axes, top[_PLACE].to_numpy(), [plain(one) for one in top[PATHWAY]], centered=False, fontsize=5.5,
                     color=INK)  # fmt: skip
    return figure, drawn


def _views_panel(axes: Axes, sets: pd.DataFrame) -> None:
    axes.axhline(0, color=NEUTRAL, linewidth=0.5)
    axes.axvline(0, color=NEUTRAL, linewidth=0.5)
    for verdict, (_, color, marker) in reversed(VERDICTS.items()):
        own = sets[sets["verdict"] == verdict]
        fill = np.where(own["nes_sign_agrees"] == "no", "white", color)
        strength = 0.45 if verdict == NEITHER else 0.9
        axes.scatter(own[_PLACE[0]], own[_PLACE[1]], s=12, color=fill, edgecolor=color, marker=marker, alpha=strength,
                     linewidth=0.6)  # fmt: skip
    counts = sets["verdict"].value_counts()
    found = [f"{counts[name]} {VERDICTS[name][0].partition(',')[0]}" for name in VERDICTS if name in counts]
    lines = [", ".join(found[:2]), ", ".join(found[2:])]
    axes.set_title("\n".join([plain(sets[CELL_TYPE].iloc[0]), *(line for line in lines if line)]), fontsize=6)


def _to_name(sets: pd.DataFrame, n_labels: int) -> pd.DataFrame:
    """Sets with a verdict, in the order in which they get a label."""
    rank = {name: place for place, name in enumerate(VERDICTS)}
    found = sets[sets["verdict"] != NEITHER]
    order = found.assign(rank=found["verdict"].map(rank), size=-found[_PLACE].abs().sum(axis=1))
    return order.sort_values(["rank", "size", FAMILY, PATHWAY]).head(n_labels)
