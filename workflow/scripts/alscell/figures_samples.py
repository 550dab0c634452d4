"""Figures of one dataset's samples: the sex that their counts say, their ambient RNA and their doublets.

Each function returns the figure and the very numbers it shows.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from alscell.ambient import CELLS, DROPLETS, OK
from alscell.figures import (
    CASE_COLOR,
    DOUBLE,
    INK,
    NEUTRAL,
    SINGLE,
    condition_colors,
    message_figure,
    new_figure,
    place_labels,
    plain,
)
from alscell.keys import CONDITION, DONOR, SAMPLE
from alscell.sample_checks import DECLARED, FEMALE, MALE, MIN_PER_MILLION, MIXED, NO

_AXES = {"xist_per_million": "XIST (counts per million)", "y_per_million": "Y genes (counts per million)"}
# SOURCE: Tol 2021, muted, color-blind safe.
_SEXES = {
    FEMALE: ("declared F", "#882255", "o"),
    MALE: ("declared M", "#44AA99", "s"),
    "": ("not declared", NEUTRAL, "D"),
}
_TICKS = (0, *(10**power for power in range(1, 7)))
_PROFILES = {DROPLETS: "soup from empty droplets", CELLS: "soup from the sum of all cells"}


def draw_sex(checks: pd.DataFrame, *, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """XIST against Y genes, one point a sample, colored by the declared sex; those that disagree are labeled.

    Parameters
    ----------
    checks : DataFrame
        Table `sample_checks`.
    """
    columns = [SAMPLE, DONOR, "declared_sex", "inferred_sex", "sex_agrees", *_AXES]
    drawn = checks[columns].sort_values(SAMPLE, ignore_index=True)
    shown = drawn.dropna(subset=list(_AXES))
    if shown.empty:
        return message_figure("Sex: XIST or the Y genes are not among the genes of any sample.", stamp=stamp), drawn
    figure, body = new_figure(SINGLE, 72, stamp=stamp)
    axes = body.subplots()
    declared = shown["declared_sex"].fillna("").str.lower().map(DECLARED).fillna("")
    for sex, (label, color, marker) in _SEXES.items():
        own = shown[declared == sex]
        if len(own):
            style = {"s": 18, "color": color, "marker": marker, "edgecolor": "white", "linewidth": 0.4, "alpha": 0.85}
            axes.scatter(*(own[name] for name in _AXES), label=label, **style)
    odd = shown[(shown["sex_agrees"] == NO) | (shown["inferred_sex"] == MIXED)]
    axes.scatter(*(odd[name] for name in _AXES), s=46, facecolor="none", edgecolor=CASE_COLOR, linewidth=0.9)
    _limits_and_fields(axes, top=max(20_000, 2 * shown[list(_AXES)].to_numpy().max()))
    axes.set(**dict(zip(("xlabel", "ylabel"), _AXES.values(), strict=True)))
    body.legend(loc="outside lower center", ncols=len(_SEXES))
    figure.draw_without_rendering()
    place_labels(axes, odd[list(_AXES)].to_numpy(), list(odd[SAMPLE]), centered=False, fontsize=5.5, color=CASE_COLOR)
    return figure, drawn


def _limits_and_fields(axes: Axes, *, top: float) -> None:
    """Both axes logarithmic above 10 and linear below, the limit on each, and what each field means."""
    axes.set_xscale("symlog", linthresh=10, linscale=0.5)
    axes.set_yscale("symlog", linthresh=10, linscale=0.5)
    axes.set(xlim=(-2, top), ylim=(-2, top))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(_TICKS))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.axvline(MIN_PER_MILLION, color=NEUTRAL, linewidth=0.6, linestyle="--")
    axes.axhline(MIN_PER_MILLION, color=NEUTRAL, linewidth=0.6, linestyle="--")
    for text, x, y in (
        ("male", 0.02, 0.98),
        ("two donors?", 0.98, 0.98),
        ("unclear", 0.02, 0.02),
        ("female", 0.98, 0.02),
    ):
        axes.text(x, y, text, transform=axes.transAxes, fontsize=6, color=INK, alpha=0.6,
                  ha="left" if x < 0.5 else "right", va="bottom" if y < 0.5 else "top")  # fmt: skip


def draw_ambient(
    ambient: pd.DataFrame, limits: pd.DataFrame, *, contrasts: dict[str, dict[str, Any]], stamp: str
) -> tuple[Figure, pd.DataFrame]:
    """Ambient share of every sample with its 95 % interval, and beside it the share of cells called doublets.

    Parameters
    ----------
    ambient, limits : DataFrame
        Tables `ambient` and `quality_limits`.
    contrasts : dict
        Of config.yaml, for the colors of conditions.
    """
    columns = [SAMPLE, DONOR, CONDITION, "ambient_share", "ci_low", "ci_high", "profile_from", "status"]
    drawn = ambient[columns].merge(limits[[SAMPLE, "n_cells", "n_doublets"]], on=SAMPLE, how="left", validate="1:1")
    drawn["doublet_share"] = drawn["n_doublets"] / drawn["n_cells"].clip(lower=1)
    drawn = drawn.sort_values([CONDITION, DONOR, SAMPLE], ignore_index=True)
    if drawn.empty:
        return message_figure("No sample was loaded.", stamp=stamp), drawn
    colors = condition_colors(sorted(drawn[CONDITION].unique()), contrasts)
    of_sample = drawn[CONDITION].map(colors)
    figure, body = new_figure(DOUBLE, 26 + 4.4 * len(drawn), stamp=stamp)
    left, right = body.subplots(1, 2, sharey=True, width_ratios=[1.6, 1])
    _ambient_rows(left, drawn, of_sample)
    right.barh(drawn.index, 100 * drawn["doublet_share"], height=0.7, color=of_sample)
    right.set(xlabel="cells called doublets (%)", xlim=(0, None))
    left.set_yticks(drawn.index, drawn[SAMPLE])
    left.set_ylim(len(drawn) - 0.4, -0.6)
    for axes in (left, right):
        axes.grid(axis="y", color="#EEEEEE", linewidth=0.5)
    handles = [Line2D([], [], color=color, linewidth=3, label=name) for name, color in colors.items()]
    for name, label in _PROFILES.items():
        if name in set(drawn["profile_from"]):
            style = {"marker": "o", "linestyle": "", "markersize": 4, "markeredgecolor": INK}
            handles.append(Line2D([], [], markerfacecolor=INK if name == DROPLETS else "white", label=label, **style))
    body.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure, drawn


def _ambient_rows(axes: Axes, drawn: pd.DataFrame, colors: pd.Series) -> None:
    """A point and its interval a sample; the words of its status where there is no share."""
    known = drawn[drawn["status"] == OK]
    own, high = colors[known.index], 100 * drawn["ci_high"].max()
    axes.hlines(known.index, 100 * known["ci_low"], 100 * known["ci_high"], colors=own, linewidth=1.2)
    faces = own.where(known["profile_from"] == DROPLETS, "white")
    axes.scatter(100 * known["ambient_share"], known.index, s=16, c=faces, edgecolor=own, linewidth=1, zorder=3)
    axes.set(xlabel="ambient RNA (% of counts), 95 % interval", xlim=(0, 1.08 * high if high > 0 else 1))
    for row in drawn[drawn["status"] != OK].itertuples():
        axes.text(0.02, row.Index, f"cannot be told: {plain(row.status)}", fontsize=5.5, va="center", color=NEUTRAL,
                  transform=axes.get_yaxis_transform())  # fmt: skip
