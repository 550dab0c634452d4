"""Figure of one dataset's samples: the sex that their counts say.

It returns the figure and the very numbers it shows.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from alscell.figures import CASE_COLOR, INK, NEUTRAL, SINGLE, message_figure, new_figure, place_labels
from alscell.keys import DONOR, SAMPLE
from alscell.sample_checks import DECLARED, FEMALE, MALE, MIN_PER_MILLION, MIXED, NO

_AXES = {"xist_per_million": "XIST (counts per million)", "y_per_million": "Y genes (counts per million)"}
# SOURCE: Tol 2021, muted, color-blind safe.
_SEXES = {
    FEMALE: ("declared F", "#882255", "o"),
    MALE: ("declared M", "#44AA99", "s"),
    "": ("not declared", NEUTRAL, "D"),
}
_TICKS = (0, *(10**power for power in range(1, 7)))


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
