"""Figures of one dataset's donor-level tests: differential expression and pathway activity.

Each function returns the figure and the very numbers it shows. Positive always means: higher in the case arm.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from alscell.figures import (
    ARM_COLORS,
    ARM_MARKERS,
    CASE_COLOR,
    CONTROL_COLOR,
    DOUBLE,
    FAINT,
    INK,
    NEUTRAL,
    donor_arms,
    message_figure,
    new_figure,
    order_cell_types,
    place_labels,
    plain,
    probability,
    signed,
    swarm,
)
from alscell.keys import CASE_ARM, CELL_TYPE, CONTRAST, CONTROL_ARM, DONOR, FAMILY, N_CELLS, PATHWAY

_KEY = [CONTRAST, CELL_TYPE]
_SET_KEY = [*_KEY, FAMILY, PATHWAY]
_FOREST_ROW = 2.6  # UNIT: mm a gene set; the shipped sets of nine cell types fill one page


def count_genes(differential: pd.DataFrame, skipped: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """Genes up and down at an FDR, for each contrast and cell type, tested or not.

    Parameters
    ----------
    differential, skipped : DataFrame
        Tables `differential` and `differential_skipped`.
    fdr : float, 0..1

    Returns
    -------
    DataFrame
        contrast, cell_type, n_case, n_control, n_tested, n_up, n_down, status (tested, descriptive, or the reason why
        it was not tested), in the order of cell types.
    """
    hit = differential["fdr"] <= fdr
    flagged = differential.assign(
        n_up=hit & (differential["log2_fold_change"] > 0), n_down=hit & (differential["log2_fold_change"] < 0)
    )
    counts = flagged.groupby(_KEY, as_index=False).agg(
        n_case=("n_case", "max"),
        n_control=("n_control", "max"),
        n_tested=("gene", "size"),
        n_up=("n_up", "sum"),
        n_down=("n_down", "sum"),
        descriptive=("descriptive", "all"),
    )
    counts["status"] = np.where(counts.pop("descriptive").astype(bool), "descriptive", "tested")
    left = skipped.drop_duplicates(_KEY).rename(columns={"reason": "status"})
    left = left[~left.set_index(_KEY).index.isin(counts.set_index(_KEY).index)]
    left = left.assign(n_tested=0, n_up=0, n_down=0)[counts.columns]
    table = pd.concat([counts, left], ignore_index=True) if len(left) else counts
    rank = {name: i for i, name in enumerate(order_cell_types(table[CELL_TYPE]))}
    return table.sort_values(_KEY, key=lambda c: c.map(rank) if c.name == CELL_TYPE else c, ignore_index=True)


def draw_differential(
    differential: pd.DataFrame, skipped: pd.DataFrame, *, fdr: float, replicate: str, stamp: str
) -> tuple[Figure, pd.DataFrame]:
    """Number of genes up and down in each cell type and contrast, with the donors behind it."""
    drawn = count_genes(differential, skipped, fdr=fdr)
    if drawn.empty:
        return message_figure("Differential expression: no cell type could be tested.", stamp=stamp), drawn
    names = sorted(drawn[CONTRAST].unique())
    sizes = drawn.groupby(CONTRAST).size()[names]
    figure, body = new_figure(DOUBLE, sum(20 + 4.8 * sizes), stamp=stamp)
    panels = body.subplots(len(names), 1, squeeze=False, height_ratios=(20 + 4.8 * sizes).tolist())[:, 0]
    reach = max(1, drawn[["n_up", "n_down"]].to_numpy().max())
    for axes, name in zip(panels, names, strict=True):
        _count_rows(axes, drawn[drawn[CONTRAST] == name].reset_index(drop=True), reach)
        axes.set_title(f"{plain(name)}: genes at FDR ≤ {fdr:g} within the cell type (case v control {replicate}s)")
    panels[-1].set_xlabel("genes   (← lower in case | higher in case →)")
    return figure, drawn


def _count_rows(axes: Axes, table: pd.DataFrame, reach: int) -> None:
    rows = np.arange(len(table))
    axes.barh(rows, table["n_up"], color=CASE_COLOR, height=0.7)
    axes.barh(rows, -table["n_down"], color=CONTROL_COLOR, height=0.7)
    for row, own in table.iterrows():
        if own["status"] != "tested":
            axes.barh(row, 2.6 * reach, left=-1.3 * reach, color="#F3F3F3", edgecolor=FAINT, hatch="////", height=0.7)
            descriptive = own["status"] == "descriptive"
            why = "effects only, too few donors" if descriptive else f"not tested: {plain(own['status'])}"
            box = {"facecolor": "white", "linewidth": 0, "pad": 1}
            axes.text(0, row, why, ha="center", va="center", fontsize=6, bbox=box)
            continue
        axes.text(own["n_up"] + reach * 0.02, row, f"{own['n_up']:,}", va="center", fontsize=6)
        axes.text(-own["n_down"] - reach * 0.02, row, f"{own['n_down']:,}", va="center", ha="right", fontsize=6)
    axes.axvline(0, color=INK, linewidth=0.6)
    axes.set_xlim(-1.3 * reach, 1.3 * reach)
    labels = [f"{plain(own[CELL_TYPE])}  ({own['n_case']} v {own['n_control']})" for _, own in table.iterrows()]
    axes.set_yticks(rows, labels)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")


def draw_volcano(
    differential: pd.DataFrame, *, fdr: float, n_labels: int, replicate: str, stamp: str
) -> tuple[Figure, pd.DataFrame]:
    """Effect against p value of every gene, one panel a cell type; the genes with the lowest p are named.

    Parameters
    ----------
    differential : DataFrame
        Table `differential` of one contrast.
    n_labels : int
        Genes named in a panel, among those at `fdr`.
    """
    tested = differential[differential["p_value"].notna() & ~differential["descriptive"]]
    columns = [*_KEY, "gene", "log2_fold_change", "p_value", "fdr", "n_case", "n_control"]
    drawn = tested[columns].sort_values([CELL_TYPE, "p_value", "gene"], ignore_index=True)
    hits = drawn[drawn["fdr"] <= fdr]
    drawn["labeled"] = drawn.index.isin(hits.groupby(CELL_TYPE).head(n_labels).index)
    if drawn.empty:
        why = "No cell type had enough donors for a test: there are effect sizes, but no p values to draw."
        return message_figure(why, stamp=stamp), drawn
    types = order_cell_types(drawn[CELL_TYPE])
    n_columns = min(4, len(types))
    n_rows = -(-len(types) // n_columns)
    figure, body = new_figure(DOUBLE, 10 + 50 * n_rows, stamp=stamp)
    panels = list(body.subplots(n_rows, n_columns, squeeze=False).flat)
    for axes, name in zip(panels, types, strict=False):
        _volcano_panel(axes, drawn[drawn[CELL_TYPE] == name], fdr, name, replicate)
    for axes in panels[len(types) :]:
        axes.set_axis_off()
    colored = f"colored: FDR ≤ {fdr:g} within the cell type"
    body.supxlabel(f"log₂ fold change, case − control   ({colored})", fontsize=7)
    body.supylabel("−log₁₀ p (donor level)", fontsize=7)
    figure.draw_without_rendering()
    for axes, name in zip(panels, types, strict=False):
        top = drawn[(drawn[CELL_TYPE] == name) & drawn["labeled"]]
        points = np.column_stack([top["log2_fold_change"], -np.log10(top["p_value"].clip(lower=1e-300))])
        place_labels(axes, points, list(top["gene"]), centered=False, fontsize=5.5, fontstyle="italic", color=INK)
    return figure, drawn


def _volcano_panel(axes: Axes, genes: pd.DataFrame, fdr: float, name: str, replicate: str) -> None:
    height = -np.log10(genes["p_value"].clip(lower=1e-300))
    hit = genes["fdr"] <= fdr
    up, down = hit & (genes["log2_fold_change"] > 0), hit & (genes["log2_fold_change"] < 0)
    for mask, color, size in ((~hit, "#BDBDBD", 1.5), (down, CONTROL_COLOR, 4), (up, CASE_COLOR, 4)):
        x = genes.loc[mask, "log2_fold_change"]
        axes.scatter(x, height[mask], s=size, color=color, linewidth=0, rasterized=True)
    axes.axvline(0, color=NEUTRAL, linewidth=0.5)
    reach = 1.12 * genes["log2_fold_change"].abs().max() or 1.0
    axes.set_xlim(-reach, reach)
    axes.set_ylim(0, max(1.0, 1.18 * height.max()))
    n_case, n_control = genes["n_case"].max(), genes["n_control"].max()
    axes.set_title(f"{plain(name)}\n{n_case} v {n_control} {replicate}s; {down.sum():,} down, {up.sum():,} up")


def pathway_numbers(
    tests: pd.DataFrame, donors: pd.DataFrame, arms: pd.Series, *, min_cells: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every effect, and the donors behind it in the same unit.

    Parameters
    ----------
    tests, donors : DataFrame
        Tables `pathway_tests` of one contrast and `pathway_donors` of its dataset.
    arms : Series
        Donor -> case or control.
    min_cells : int
        Cells below which a donor is left out of a cell type.

    Returns
    -------
    effects : DataFrame
        Columns of `tests`; one row a set.
    points : DataFrame
        contrast, cell_type, family, pathway, donor, arm, donor_value: the donor's score less the mean of the control
        donors, over `donor_sd`. Covariates are not held, so that means of arms need not differ by just the effect.
    """
    kept = [*_SET_KEY, "effect", "ci_low", "ci_high", "fdr", "n_case", "n_control", "descriptive"]
    effects = tests[kept].sort_values([CELL_TYPE, FAMILY, PATHWAY], ignore_index=True)
    points = donors[donors[N_CELLS] >= min_cells].assign(arm=lambda table: table[DONOR].map(arms)).dropna(subset="arm")
    points = points.merge(tests[[*_SET_KEY, "donor_sd"]].dropna(subset="donor_sd"), on=_SET_KEY[1:], how="inner")
    controls = points["score"].where(points["arm"] == CONTROL_ARM)
    level = controls.groupby([points[name] for name in _SET_KEY]).transform("mean")
    points["donor_value"] = (points["score"] - level) / points["donor_sd"]
    points = points[[*_SET_KEY, DONOR, "arm", "donor_value"]]
    return effects, points.sort_values([CELL_TYPE, FAMILY, PATHWAY, "arm", DONOR], ignore_index=True)


def draw_pathways(
    tests: pd.DataFrame,
    donors: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    contrast: dict[str, Any],
    min_cells: int,
    fdr: float,
    replicate: str,
    stamp: str,
    columns: int = 9,
) -> tuple[Figure, pd.DataFrame]:
    """Effect of every gene set with its 95 % interval and its donors, one column a cell type.

    Parameters
    ----------
    tests, donors, min_cells
        As `pathway_numbers`.
    samples : DataFrame
        Sample sheet.
    contrast : dict
        factor, case, control as in config.yaml.
    columns : int
        Cell types side by side; more go below.
    """
    drawn, points = pathway_numbers(tests, donors, donor_arms(samples, contrast), min_cells=min_cells)
    if drawn.empty:
        why = "Pathway activity: no gene set could be compared."
        return message_figure(why, stamp=stamp), pd.concat([drawn, points])
    types = order_cell_types(drawn[CELL_TYPE])
    keys = drawn[[FAMILY, PATHWAY]].drop_duplicates().sort_values([FAMILY, PATHWAY])
    sets = list(keys.itertuples(index=False, name=None))
    rows = _family_rows(sets)
    n_rows, n_columns = -(-len(types) // columns), min(columns, len(types))
    figure, body = new_figure(DOUBLE, n_rows * (16 + _FOREST_ROW * (max(rows.values()) + 1)) + 12, stamp=stamp)
    grid = body.subplots(n_rows, n_columns, squeeze=False, sharey=True, sharex=True)
    widest = [*drawn[["effect", "ci_low", "ci_high"]].to_numpy().ravel(), *points["donor_value"]]
    reach = 1.05 * np.nanmax(np.abs(widest))
    for axes, name in zip(grid.flat, types, strict=False):
        _donor_marks(axes, points[points[CELL_TYPE] == name], rows)
        _forest_panel(axes, drawn[drawn[CELL_TYPE] == name], rows, fdr, replicate)
        axes.set_xlim(-reach, reach)
    for axes in list(grid.flat)[len(types) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_yticks([rows[key] for key in sets], [plain(pathway) for _, pathway in sets])
        axes.set_ylim(max(rows.values()) + 0.8, -1.4)
        for family in dict.fromkeys(family for family, _ in sets):
            first = min(rows[key] for key in sets if key[0] == family)
            axes.annotate(plain(family), (0, first - 1), xycoords=("axes fraction", "data"), xytext=(-4, 0), ha="right",
                          va="center", textcoords="offset points", fontsize=6, fontweight="bold")  # fmt: skip
    unit = f"in {replicate} standard deviations"
    body.supxlabel(
        f"effect, case − control, {unit} (95 % interval); points: {replicate}s less the mean of controls", fontsize=7
    )
    marks = {"linestyle": "", "markersize": 2, "markeredgewidth": 0, "alpha": 0.6}
    extra = [
        Line2D(
            [], [], **marks, marker=ARM_MARKERS[arm], color=ARM_COLORS[arm], label=f"{', '.join(levels)}: a {replicate}"
        )
        for arm, levels in ((arm, contrast[arm]) for arm in (CASE_ARM, CONTROL_ARM))
    ]
    forest_legend(body, fdr, extra)
    return figure, pd.concat([drawn, points], ignore_index=True)


def _donor_marks(axes: Axes, points: pd.DataFrame, rows: dict) -> None:
    """Donors as small points above (case) and below (control) the line of their set."""
    for arm, shift in ((CASE_ARM, -0.27), (CONTROL_ARM, 0.27)):
        own = points[points["arm"] == arm]
        y = np.array([rows[key] for key in zip(own[FAMILY], own[PATHWAY], strict=True)]) + shift
        look = {"marker": ARM_MARKERS[arm], "color": ARM_COLORS[arm], "alpha": 0.5, "linewidth": 0}
        axes.scatter(own["donor_value"], y, s=2.5, **look)


def _family_rows(sets: list[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Row of each set from the top, with a free row above each family for its name."""
    rows, row, last = {}, -2.3, None
    for key in sets:
        row += 1 if key[0] == last else 2.3
        rows[key], last = row, key[0]
    return rows


def _forest_panel(axes: Axes, tests: pd.DataFrame, rows: dict, fdr: float, replicate: str) -> None:
    axes.axvline(0, color=NEUTRAL, linewidth=0.6)
    y = np.array([rows[key] for key in zip(tests[FAMILY], tests[PATHWAY], strict=True)])
    hit = (tests["fdr"] <= fdr).to_numpy()
    color = np.where(hit, np.where(tests["effect"] > 0, CASE_COLOR, CONTROL_COLOR), NEUTRAL)
    axes.hlines(y, tests["ci_low"], tests["ci_high"], colors=color, linewidth=0.8)
    fill = np.where(tests["descriptive"], "white", color)
    axes.scatter(tests["effect"], y, s=5, color=fill, edgecolor=color, linewidth=0.6, zorder=3)
    counts = f"{tests['n_case'].max()} v {tests['n_control'].max()} {replicate}s"
    found = "no test" if tests["descriptive"].all() else f"{hit.sum()} of {len(tests)} at FDR"
    name = textwrap.fill(plain(tests[CELL_TYPE].iloc[0]), 15)
    axes.set_title(f"{name}\n{counts}\n{found}", fontsize=5.5)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelbottom=True)
    axes.grid(axis="y", color="#F0F0F0", linewidth=0.5)


def forest_legend(body: FigureBase, fdr: float, extra: Sequence[Line2D] = ()) -> None:
    """What colors and hollow points of a forest plot mean, and what else there is in it."""
    entries = (
        (f"higher in case, FDR ≤ {fdr:g}", CASE_COLOR, CASE_COLOR),
        (f"lower in case, FDR ≤ {fdr:g}", CONTROL_COLOR, CONTROL_COLOR),
        ("FDR above", NEUTRAL, NEUTRAL),
        ("descriptive: too few donors, no test", NEUTRAL, "white"),
    )
    handles = [
        Line2D([], [], marker="o", markersize=3.5, color=edge, markerfacecolor=fill, label=label)
        for label, edge, fill in entries
    ]
    body.legend(handles=[*handles, *extra], loc="outside upper left", ncols=3 if extra else 4)


def draw_pathway_donors(
    donors: pd.DataFrame,
    tests: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    contrast: dict[str, Any],
    n_panels: int,
    replicate: str,
    stamp: str,
) -> tuple[Figure, pd.DataFrame]:
    """Donor scores of the sets that differ most, by arm: the points behind the tests.

    Parameters
    ----------
    donors, tests : DataFrame
        Tables `pathway_donors` and `pathway_tests` of one dataset and contrast.
    samples : DataFrame
        Sample sheet.
    contrast : dict
        factor, case, control as in config.yaml.
    n_panels : int
        Pairs of cell type and set shown, by p value, or by size of the effect where nothing was tested.
    """
    ranked = tests.assign(size=-tests["effect"].abs()).sort_values(["p_value", "size", CELL_TYPE, FAMILY, PATHWAY])
    top = ranked.head(n_panels).drop(columns="size")
    shown = top[[CELL_TYPE, FAMILY, PATHWAY, "effect", "ci_low", "ci_high", "fdr", "descriptive"]]
    points = donors.assign(arm=donors[DONOR].map(donor_arms(samples, contrast))).dropna(subset="arm")
    drawn = shown.merge(points[[CELL_TYPE, FAMILY, PATHWAY, DONOR, "arm", "n_cells", "score"]], how="inner")
    if drawn.empty:
        return message_figure("Pathway activity: no gene set could be compared.", stamp=stamp), drawn
    panels = list(drawn.groupby([CELL_TYPE, FAMILY, PATHWAY], sort=False))
    n_columns = min(4, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure, body = new_figure(DOUBLE, 8 + 49 * n_rows, stamp=stamp)
    grid = body.subplots(n_rows, n_columns, squeeze=False)
    for axes, (_, own) in zip(grid.flat, panels, strict=False):
        _donor_panel(axes, own, contrast)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    body.supylabel(f"pathway score of a {replicate} (AUCell, 0 to 1)", fontsize=7)
    return figure, drawn


def _donor_panel(axes: Axes, points: pd.DataFrame, contrast: dict[str, Any]) -> None:
    span = float(np.ptp(points["score"])) or 1.0
    labels = []
    for place, arm in enumerate((CASE_ARM, CONTROL_ARM)):
        values = points.loc[points["arm"] == arm, "score"].to_numpy()
        aside = swarm(values, distance=0.05 * span, step=0.09, limit=0.36)
        look = {"marker": ARM_MARKERS[arm], "color": ARM_COLORS[arm], "alpha": 0.8, "linewidth": 0}
        axes.scatter(place + aside, values, s=13, **look)
        if len(values):
            axes.plot([place - 0.3, place + 0.3], [values.mean()] * 2, color=INK, linewidth=1.1)
        labels.append(f"{', '.join(contrast[arm])}\nn = {len(values)}")
    test = points.iloc[0]
    effect = signed(test["effect"])
    if test["descriptive"] or pd.isna(test["fdr"]):
        note = f"{effect}\ndescriptive, no test"
    else:
        interval = f"[{signed(test['ci_low'])}, {signed(test['ci_high'])}]"
        note = f"{effect} {interval}\nFDR {probability(test['fdr'])}"
    title = f"{plain(test[FAMILY])}: {plain(test[PATHWAY])}\n{plain(test[CELL_TYPE])}\n{note}"
    axes.set_title(title, fontsize=6)
    axes.set_xticks([0, 1], labels)
    axes.set_xlim(-0.6, 1.6)
    axes.margins(y=0.08)
