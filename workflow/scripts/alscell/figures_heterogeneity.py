"""Figure over datasets: gene sets whose effect differs most between datasets, each dataset beside the pooled effect.

It returns the figure and the very numbers it shows. Positive always means: higher in the case arm.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from alscell.agreement import DISH, PATHWAY_KEY, TISSUE, only_tested
from alscell.figures import (
    CASE_COLOR,
    DOUBLE,
    INK,
    NEUTRAL,
    message_figure,
    new_figure,
    plain,
    probability,
    signed,
)
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, PATHWAY

_LOOKS = {TISSUE: ("#5B3A1E", "o"), DISH: ("#4FB0C6", "s")}
_POOLED = "pooled"
_OF_ROW = ["tau_squared", "i_squared", "q_p_value"]
_ROW = 3.3  # UNIT: mm


def heterogeneity_numbers(
    pooled: pd.DataFrame, tests: pd.DataFrame, *, systems: Mapping[str, str], n_sets: int
) -> pd.DataFrame:
    """The sets of the lowest p of Cochran's Q among those of several datasets: each dataset, then the mean.

    Parameters
    ----------
    pooled : DataFrame
        Table `synthesis_pathways`.
    tests : DataFrame
        Rows of `pathway_tests` of all datasets, cell types named as in `pooled` (agreement.match_cell_types).
    systems : mapping
        Dataset -> tissue or dish.
    n_sets : int
        Sets in a cell type, at most.

    Returns
    -------
    DataFrame
        contrast, cell_type, family, pathway, dataset ("pooled" for the pooled effect), system, effect, ci_low, ci_high
        (95 %), prediction_low, prediction_high, n_case, n_control, tau_squared, i_squared, q_p_value; the set that
        differs most first.
    """
    several = pooled[(pooled["n_datasets"] > 1) & pooled["q_p_value"].notna()]
    top = several.sort_values(["q_p_value", "tau_squared", *PATHWAY_KEY], ascending=[True, False, *[True] * 4]).head(
        n_sets
    )
    order = top[PATHWAY_KEY].assign(place=range(len(top)))
    columns = [*PATHWAY_KEY, DATASET, "effect", "ci_low", "ci_high", "n_case", "n_control"]
    single = order.merge(only_tested(tests)[columns], on=PATHWAY_KEY, how="inner")
    single = single.assign(system=single[DATASET].map(dict(systems)), last=0)
    whole = top[[*PATHWAY_KEY, "effect", "ci_low", "ci_high", "prediction_low", "prediction_high", *_OF_ROW]]
    whole = whole.assign(place=range(len(top)), last=1, **{DATASET: _POOLED})
    names = [*PATHWAY_KEY, DATASET, "system", "effect", "ci_low", "ci_high", "prediction_low", "prediction_high"]
    names += ["n_case", "n_control", *_OF_ROW]
    rows = (
        pd.concat([single, whole], ignore_index=True) if len(top) else pd.DataFrame(columns=[*names, "place", "last"])
    )
    return rows.sort_values(["place", "last", DATASET], ignore_index=True)[names]


def draw_heterogeneity(
    pooled: pd.DataFrame,
    tests: pd.DataFrame,
    *,
    systems: Mapping[str, str],
    n_sets: int,
    stamp: str,
) -> tuple[Figure, pd.DataFrame]:
    """Effect in each dataset, pooled effect with prediction interval, tau and I² of the sets that differ most.

    Parameters
    ----------
    pooled, tests, systems, n_sets
        As `heterogeneity_numbers`.
    """
    drawn = heterogeneity_numbers(pooled, tests, systems=systems, n_sets=n_sets)
    if drawn.empty:
        why = "Heterogeneity: no gene set was tested in two datasets in one cell type and contrast."
        return message_figure(why, stamp=stamp), drawn
    blocks = [own for _, own in drawn.groupby(PATHWAY_KEY, sort=False)]
    n_lines = sum(len(own) + 1 for own in blocks)
    figure, body = new_figure(DOUBLE, 24 + _ROW * n_lines, stamp=stamp)
    axes = body.subplots()
    datasets = drawn[drawn[DATASET] != _POOLED]
    reach = 1.15 * np.nanmax(np.abs(datasets[["effect", "ci_low", "ci_high"]].to_numpy()))
    _forest(axes, blocks, reach, with_contrast=drawn[CONTRAST].nunique() > 1)
    axes.set(xlim=(-reach, reach), ylim=(n_lines - 0.4, -0.8))
    axes.set_xlabel("effect, case − control, in donor standard deviations (95 % interval); (n case v n control)")
    handles = [
        Line2D([], [], marker=marker, markersize=3.5, color=color, label=f"one dataset: {system}")
        for system, (color, marker) in _LOOKS.items()
        if (datasets["system"] == system).any()
    ]
    handles.append(Line2D([], [], marker="D", markersize=3.5, color=CASE_COLOR, label="pooled: random effects"))
    handles.append(
        Line2D([], [], color=NEUTRAL, linewidth=2.4, alpha=0.5, label="95 % prediction interval (from 3 datasets)")
    )
    handles.append(Line2D([], [], linestyle="", marker=">", markersize=3, color=CASE_COLOR, label="interval goes on"))
    body.legend(handles=handles, loc="outside upper left", ncols=3)
    return figure, drawn


def _forest(axes: Axes, blocks: list[pd.DataFrame], reach: float, *, with_contrast: bool) -> None:
    """Blocks of lines from top to bottom: the set's name, each dataset, the pooled effect; numbers at the right."""
    axes.axvline(0, color=NEUTRAL, linewidth=0.6, zorder=0)
    labels, heads = [], []
    for own in blocks:
        first = own.iloc[0]
        contrast = f", {plain(first[CONTRAST])}" if with_contrast else ""
        heads.append(len(labels))
        labels.append(f"{plain(first[PATHWAY])}, {plain(first[CELL_TYPE])}{contrast}")
        for row in own.to_dict("records"):
            _forest_line(axes, row, len(labels), reach)
            right = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 5.5, "color": INK}
            axes.annotate(_numbers_text(row), (1.01, len(labels)), **right)
            counts = "" if row[DATASET] == _POOLED else f" ({row['n_case']:.0f} v {row['n_control']:.0f})"
            labels.append(f"{row[DATASET]}{counts}")
    axes.set_yticks(range(len(labels)), labels, fontsize=5.5)
    for place in heads:
        axes.get_yticklabels()[place].set(fontweight="bold", fontsize=6)
    axes.tick_params(axis="y", length=0)


def _forest_line(axes: Axes, row: dict, y: float, reach: float) -> None:
    color, marker = (CASE_COLOR, "D") if row[DATASET] == _POOLED else _LOOKS[row["system"]]
    if pd.notna(row["prediction_low"]):
        axes.plot([row["prediction_low"], row["prediction_high"]], [y, y], color=NEUTRAL, linewidth=2.4, alpha=0.5)
    axes.plot([row["ci_low"], row["ci_high"]], [y, y], color=color, linewidth=0.9)
    axes.scatter(row["effect"], y, s=12, marker=marker, color=color, linewidth=0, zorder=3)
    for end, sign, arrow in (("ci_low", -1, "<"), ("ci_high", 1, ">")):
        if sign * row[end] > reach:
            axes.scatter(sign * 0.985 * reach, y, s=9, marker=arrow, color=color, linewidth=0, zorder=3)


def _numbers_text(row: dict) -> str:
    interval = f"{signed(row['effect'])} [{signed(row['ci_low'])}, {signed(row['ci_high'])}]"
    if row[DATASET] != _POOLED:
        return interval
    spread = f"τ {np.sqrt(row['tau_squared']):.2f}, I² {row['i_squared']:.0f} %, Q p {probability(row['q_p_value'])}"
    return f"{interval}, {spread}"
