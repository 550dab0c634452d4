"""Figure of one contrast's enrichment: the running sums of some gene sets along the ranked genes.

It returns the figure and the very numbers it shows. Positive always means: higher in the case arm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from alscell.enrichment import ranking, running_sums
from alscell.errors import InputError, nearest
from alscell.figures import (
    CASE_COLOR,
    CONTROL_COLOR,
    DOUBLE,
    NEUTRAL,
    message_figure,
    new_figure,
    plain,
    probability,
    signed,
)
from alscell.keys import CELL_TYPE, FAMILY, GENE, N_CASE, N_CONTROL, PATHWAY

_SET = [FAMILY, PATHWAY]
_SCORE = "normalized_enrichment_score"
_COLUMNS = 4


def choose_sets(enrichment: pd.DataFrame, named: Sequence[str]) -> pd.DataFrame:
    """The gene sets to draw, each in the cell type of its lowest CAMERA p; sorted by name.

    Parameters
    ----------
    enrichment : DataFrame
        Table `enrichment` of one contrast.
    named : sequence of str
        "family/pathway"; none: the set of the lowest p of each family. A named set without a test is left out.

    Raises
    ------
    InputError
        If a named set is none of those of the run.
    """
    keys = enrichment[FAMILY] + "/" + enrichment[PATHWAY]
    for name in named:
        if len(enrichment) and name not in set(keys):
            where, expected = "config, key 'enrichment.running_sums'", "family/pathway of a set that is tested as a set"
            raise InputError(where, found=f"'{name}'", expected=expected, mend=nearest(name, set(keys)))
    ranked = enrichment[enrichment["p_value"].notna() & enrichment[_SCORE].notna() & (keys.isin(named) | (not named))]
    ranked = ranked.sort_values(["p_value", CELL_TYPE, *_SET])
    return ranked.drop_duplicates(_SET if named else FAMILY).sort_values(_SET, ignore_index=True)


def running_numbers(
    enrichment: pd.DataFrame, differential: pd.DataFrame, members: pd.DataFrame, *, named: Sequence[str]
) -> pd.DataFrame:
    """The running sum of each chosen set at each of its members.

    Parameters
    ----------
    enrichment, named
        As `choose_sets`.
    differential : DataFrame
        Table `differential` of the same contrast: ranks the genes by its statistic.
    members : DataFrame
        family, pathway, gene; one row a member.

    Returns
    -------
    DataFrame
        cell_type, family, pathway, n_genes, normalized_enrichment_score, fdr (of CAMERA), n_case, n_control, n_ranked,
        then those of `enrichment.running_sums` but set, and leading_edge (whether the gene is before the peak).
    """
    parts = []
    for row in choose_sets(enrichment, named).to_dict("records"):
        own = differential[differential[CELL_TYPE] == row[CELL_TYPE]]
        ranked = ranking(own[GENE].to_numpy(dtype=object), own["statistic"].to_numpy(dtype=float))
        inside = members.loc[(members[FAMILY] == row[FAMILY]) & (members[PATHWAY] == row[PATHWAY]), GENE]
        sums = running_sums(ranked, {"set": sorted(set(inside) & set(ranked.index))}).drop(columns="set")
        edge = sums[GENE].isin(row["leading_edge"].split(";"))
        facts = {name: row[name] for name in (CELL_TYPE, *_SET, "n_genes", _SCORE, "fdr")}
        facts |= {name: own[name].max() for name in (N_CASE, N_CONTROL)} | {"n_ranked": len(ranked)}
        parts.append(pd.DataFrame(facts, index=sums.index).join(sums).assign(leading_edge=edge))
    names = [CELL_TYPE, *_SET, "n_genes", _SCORE, "fdr", N_CASE, N_CONTROL, "n_ranked", GENE, "rank", "statistic"]
    return (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=[*names, "before", "after", "leading_edge"])
    )


def draw_running_sums(
    enrichment: pd.DataFrame,
    differential: pd.DataFrame,
    members: pd.DataFrame,
    *,
    named: Sequence[str],
    fdr: float,
    replicate: str,
    stamp: str,
) -> tuple[Figure, pd.DataFrame]:
    """Running sum of each chosen set along the genes, its members as ticks, with NES and the FDR of CAMERA.

    Parameters
    ----------
    enrichment, differential, members, named
        As `running_numbers`.
    """
    drawn = running_numbers(enrichment, differential, members, named=named)
    if drawn.empty:
        why = "Running sums: no gene set was tested along a ranking of genes; that needs enough donors in both arms."
        return message_figure(why, stamp=stamp), drawn
    panels = list(drawn.groupby([*_SET, CELL_TYPE], sort=False))
    n_columns = min(_COLUMNS, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure, body = new_figure(DOUBLE, 16 + 46 * n_rows, stamp=stamp)
    grid = list(body.subplots(n_rows, n_columns, squeeze=False, sharey=True).flat)
    for axes, (_, own) in zip(grid, panels, strict=False):
        _running_panel(axes, own, fdr, replicate)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    body.supxlabel("rank of the gene by its moderated t   (← higher in case | lower in case →)", fontsize=7)
    body.supylabel("running sum (enrichment score)", fontsize=7)
    looks = ((f"higher in case, FDR ≤ {fdr:g}", CASE_COLOR), (f"lower in case, FDR ≤ {fdr:g}", CONTROL_COLOR))
    handles = [Line2D([], [], color=color, label=label) for label, color in (*looks, ("FDR above", NEUTRAL))]
    tick = {"linestyle": "", "marker": "|", "markersize": 6, "color": NEUTRAL}
    handles.append(Line2D([], [], **tick, label="gene of the set; colored: leading edge"))
    body.legend(handles=handles, loc="outside upper left", ncols=4)
    return figure, drawn


def _running_panel(axes: Axes, table: pd.DataFrame, fdr: float, replicate: str) -> None:
    test = table.iloc[0]
    color = (CASE_COLOR if test[_SCORE] > 0 else CONTROL_COLOR) if test["fdr"] <= fdr else NEUTRAL
    x = np.concatenate([[0], np.column_stack([table["rank"] - 1, table["rank"]]).ravel(), [test["n_ranked"]]])
    y = np.concatenate([[0], table[["before", "after"]].to_numpy().ravel(), [0]])
    axes.axhline(0, color=NEUTRAL, linewidth=0.5)
    axes.plot(x, y, color=color, linewidth=1.0)
    ticks = {"transform": axes.get_xaxis_transform(), "linewidth": 0.4}
    leading = table["leading_edge"]
    axes.vlines(table.loc[~leading, "rank"], 0, 0.07, color=NEUTRAL, **ticks)
    axes.vlines(table.loc[leading, "rank"], 0, 0.07, color=color if color != NEUTRAL else "black", **ticks)
    axes.set(xlim=(0, test["n_ranked"]), ylim=(-1.2, 1.05))
    axes.set_xticks([0, test["n_ranked"]], ["1", f"{test['n_ranked']:,}"])
    axes.get_xticklabels()[1].set_ha("right")
    lines = (
        f"{plain(test[FAMILY])}: {plain(test[PATHWAY])}",
        plain(test[CELL_TYPE]),
        f"{test[N_CASE]} v {test[N_CONTROL]} {replicate}s, {test['n_genes']} genes of the set",
        f"NES {signed(test[_SCORE])}, CAMERA FDR {probability(test['fdr'])}",
    )
    axes.set_title("\n".join(lines), fontsize=6)
