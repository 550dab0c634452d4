"""Figures of one contrast's lists of genes: ALS genes, targets of TDP-43, ligands with their receptors.

Each function returns the figure and the very numbers it shows. Positive always means: higher in the case arm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

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
    with_donors,
)
from alscell.gene_panel import OVER_TYPES
from alscell.keys import CASE_ARM, CELL_TYPE, CONTROL_ARM, DONOR, GENE

_BACK = "#E2E2E2"
_HATCH = "/////"
# Status: mark, what the legend says. What has a value has no mark.
_MARKS = {
    "too_low": (".", "too few counts"),
    "ligand_low": (".", "too few counts"),
    "receptor_low": (".", "too few counts"),
    "both_low": (".", "too few counts"),
    "not_detected": ("o", "no count"),
    "not_measured": ("x", "not measured"),
    "no_ortholog": ("x", "not measured"),
    "type_not_tested": ("_", "cell type not tested"),
    "no_donors": ("_", "cell type not tested"),
    "outlier": ("*", "outlying donor, no p"),
}
_MARK_STYLE = {"color": NEUTRAL, "linewidth": 0.6}
_DESCRIPTIVE = "descriptive"


def draw_gene_panel(rows: pd.DataFrame, *, fdr: float, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """log2 fold change of every ALS gene in every cell type; a dot where the FDR over the list is reached.

    Parameters
    ----------
    rows : DataFrame
        Table `gene_panel` of one contrast.
    """
    kept = [CELL_TYPE, GENE, "own_gene", "status", "log2_fold_change", "p_value", "fdr_panel", "fdr_gene"]
    kept += ["n_case", "n_control"]
    drawn = rows.loc[rows[CELL_TYPE] != OVER_TYPES, kept].reset_index(drop=True)
    if drawn["log2_fold_change"].isna().all():
        return message_figure("ALS genes: none could be compared in any cell type.", stamp=stamp), drawn
    own = sorted(set(drawn.loc[drawn["own_gene"], GENE]))
    genes = [*own, *sorted(set(drawn[GENE]) - set(own))]
    types = order_cell_types(drawn[CELL_TYPE])
    width = min(DOUBLE, max(110.0, 62 + 9 * len(types)))
    figure, body = new_figure(width, 50 + 3.3 * len(genes), stamp=stamp)
    axes = body.subplots()
    cells = drawn.rename(columns={"log2_fold_change": "value", "fdr_panel": "fdr"})
    image = _heat(axes, cells, (GENE, genes), (CELL_TYPE, types), fdr=fdr)
    labels = with_donors([plain(name) for name in types], drawn, types, by=CELL_TYPE)
    axes.set_xticks(range(len(types)), labels, rotation=90)
    axes.set_yticks(range(len(genes)), genes, fontstyle="italic")
    for row in range(len(own)):
        axes.get_yticklabels()[row].set(fontweight="bold")
        axes.add_patch(Rectangle((-0.5, row - 0.5), len(types), 1, fill=False, edgecolor=INK, linewidth=1.2))
    _bar(body, axes, image, "log2 fold change, case − control")
    handles = _legend(drawn["status"], f"FDR ≤ {fdr:g} over the list and all cell types")
    if own:
        handles.append(Patch(facecolor="white", edgecolor=INK, linewidth=1.2, label="mutated in the case donors"))
    body.legend(handles=handles, loc="outside upper left", ncols=2)
    return figure, drawn


def draw_tdp43(
    genes: pd.DataFrame,
    index: pd.DataFrame,
    by_donor: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    contrast: Mapping[str, Any],
    fdr: float,
    replicate: str,
    stamp: str,
) -> tuple[Figure, pd.DataFrame]:
    """Targets of TDP-43 gene by gene, and the index of every donor in every cell type.

    Parameters
    ----------
    genes, index : DataFrame
        Tables `tdp43_genes` and `tdp43_index` of one contrast.
    by_donor : DataFrame
        Table `tdp43_donors` of the dataset.
    samples : DataFrame
        Sample sheet.
    contrast : mapping
        As in config.yaml.
    """
    arms = donor_arms(samples, dict(contrast))
    points = by_donor.assign(arm=by_donor[DONOR].map(arms)).dropna(subset="arm")
    points = points[points[CELL_TYPE].isin(index.loc[index["status"] != "too_few_targets", CELL_TYPE])]
    kept = [CELL_TYPE, GENE, "direction", "status", "log2_fold_change", "fdr_panel"]
    drawn = pd.concat(
        [
            genes[kept].assign(quantity="gene").rename(columns={"log2_fold_change": "value", "fdr_panel": "fdr"}),
            index.assign(quantity="index").rename(columns={"effect": "value"})[
                [CELL_TYPE, "quantity", "status", "value", "ci_low", "ci_high", "p_value", "fdr", "random_percentile"]
            ],
            points.assign(quantity="donor").rename(columns={"index": "value"})[
                [CELL_TYPE, DONOR, "arm", "quantity", "value"]
            ],
        ],
        ignore_index=True,
    )
    if genes["log2_fold_change"].isna().all():
        return message_figure("TDP-43: none of its targets could be compared.", stamp=stamp), drawn
    types = order_cell_types(genes[CELL_TYPE])
    listed = genes.drop_duplicates(GENE).sort_values(["direction", GENE])
    height = 46 + max(3.6 * len(listed), 6.5 * len(types))
    figure, body = new_figure(DOUBLE, height, stamp=stamp)
    left, right = body.subplots(1, 2, width_ratios=[1, 1.1])
    cells = genes[kept].rename(columns={"log2_fold_change": "value", "fdr_panel": "fdr"})
    image = _heat(left, cells, (GENE, list(listed[GENE])), (CELL_TYPE, types), fdr=fdr)
    left.set_xticks(range(len(types)), [plain(name) for name in types], rotation=90)
    arrows = {"down": "↓", "up": "↑"}
    labels = [f"{gene} {arrows[way]}" for gene, way in zip(listed[GENE], listed["direction"], strict=True)]
    left.set_yticks(range(len(listed)), labels, fontstyle="italic")
    left.set_title("targets (arrow: after a loss of TDP-43)")
    _bar(body, left, image, "log2 fold change, case − control")
    _index_rows(right, points, index, types, replicate)
    body.legend(handles=_legend(genes["status"], f"FDR ≤ {fdr:g} over the list"), loc="outside upper left", ncols=3)
    return figure, drawn


def _index_rows(axes: Axes, points: pd.DataFrame, index: pd.DataFrame, types: list[str], replicate: str) -> None:
    """Index of every donor by arm, a row a cell type; beside it p and the percentile of random sets."""
    table = index.set_index(CELL_TYPE)
    neurons = set(index.loc[index["is_neuron"], CELL_TYPE])
    axes.axvline(0, color=NEUTRAL, linewidth=0.6)
    for arm, shift in ((CASE_ARM, -0.18), (CONTROL_ARM, 0.18)):
        own = points[points["arm"] == arm]
        for row, name in enumerate(types):
            values = own.loc[own[CELL_TYPE] == name, "index"].to_numpy(dtype=float)
            aside = swarm(values, distance=0.08, step=0.06, limit=0.12)
            axes.scatter(values, row + shift + aside, s=9, marker=ARM_MARKERS[arm], color=ARM_COLORS[arm], alpha=0.8,
                         linewidth=0)  # fmt: skip
            if len(values):
                axes.plot([values.mean()] * 2, [row + shift - 0.15, row + shift + 0.15], color=INK, linewidth=1.1)
        axes.scatter([], [], s=10, marker=ARM_MARKERS[arm], color=ARM_COLORS[arm], label=arm)
    beside = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 6}
    for row, name in enumerate(types):
        if name not in table.index or table.loc[name, "status"] == "too_few_targets":
            axes.text(0.02, row, "no index: too few targets or donors", color=NEUTRAL, **beside)
            continue
        test = table.loc[name]
        tested = test["status"] == "tested"
        axes.text(1.02, row, probability(test["p_value"]) if tested else _DESCRIPTIVE, **beside)
        if tested and pd.notna(test["random_percentile"]):
            axes.text(1.32, row, f"{test['random_percentile']:.0f}", **beside)
    head = {"transform": axes.transAxes, "va": "bottom", "fontsize": 6, "fontweight": "bold"}
    axes.text(1.02, 1.0, "p", **head)
    axes.text(1.32, 1.0, "%ile", **head)
    axes.set_yticks(range(len(types)), [f"{plain(name)}{'' if name in neurons else ' (control)'}" for name in types])
    axes.set_ylim(len(types) - 0.4, -0.6)
    axes.set_xlabel(f"index of each {replicate} (→ as after a loss of TDP-43); bar: mean\n"
                    "%ile: share of random sets with a smaller t")  # fmt: skip
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.5)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)


def draw_ligand_receptor(rows: pd.DataFrame, *, n_pairs: int, fdr: float, stamp: str) -> tuple[Figure, pd.DataFrame]:
    """Change of the score of ligand-receptor pairs, a column a sender and receiver; dot: FDR over the contrast.

    Parameters
    ----------
    rows : DataFrame
        Table `ligand_receptor` of one contrast.
    n_pairs : int
        Pairs drawn, at most: those with the lowest p, then by the size of the effect.
    """
    kept = ["family", "ligand", "receptor", "sender", "receiver", "status", "effect", "p_value", "fdr"]
    kept += ["n_case", "n_control"]
    found = rows[rows["effect"].notna()]
    if found.empty:
        message = "Ligands and receptors: no pair has enough counts in two cell types of the same donors."
        return message_figure(message, stamp=stamp), rows[kept].head(0)
    ranked = found.assign(size=-found["effect"].abs()).sort_values(["p_value", "size", "ligand", "receptor"])
    chosen = ranked[["ligand", "receptor"]].drop_duplicates().head(n_pairs)
    drawn = rows.merge(chosen)[kept].sort_values(["family", "ligand", "receptor", "sender", "receiver"])
    drawn = drawn.reset_index(drop=True)
    named = {"pair": drawn["ligand"] + " → " + drawn["receptor"].str.replace(";", " + ")}
    place = drawn["sender"] + "\t" + drawn["receiver"]
    cells = drawn.assign(**named, place=place, value=drawn["effect"])
    pairs = list(cells["pair"].drop_duplicates())
    places = _places(cells[cells["value"].notna()])
    cells = cells[cells["place"].isin(places)]
    width = min(DOUBLE, max(120.0, 78 + 5 * len(places)))
    figure, body = new_figure(width, 74 + 3.3 * len(pairs), stamp=stamp)
    axes = body.subplots()
    image = _heat(axes, cells, ("pair", pairs), ("place", places), fdr=fdr)
    labels = [" → ".join(plain(name) for name in place.split("\t")) for place in places]
    labels = with_donors(labels, cells, places, by="place")
    axes.set_xticks(range(len(places)), labels, rotation=90, fontsize=5)
    axes.set_yticks(range(len(pairs)), pairs, fontsize=5.5)
    receivers = [place.split("\t")[1] for place in places]
    for column in range(1, len(places)):
        if receivers[column] != receivers[column - 1]:
            axes.axvline(column - 0.5, color="white", linewidth=2.0)
    _bar(body, axes, image, "change of the pair's score, case − control (log2)")
    body.legend(handles=_legend(cells["status"], f"FDR ≤ {fdr:g} over all pairs and cell types"),
                loc="outside upper left", ncols=2)  # fmt: skip
    return figure, drawn


def _places(cells: pd.DataFrame) -> list[str]:
    """Sender and receiver (joined by a tab), by receiver, then by sender, each in the usual order of cell types."""
    pairs = {tuple(place.split("\t")) for place in cells["place"]}
    order = {name: i for i, name in enumerate(order_cell_types({name for pair in pairs for name in pair}))}
    return ["\t".join(pair) for pair in sorted(pairs, key=lambda pair: (order[pair[1]], order[pair[0]]))]


def _heat(
    axes: Axes,
    cells: pd.DataFrame,
    rows: tuple[str, Sequence[str]],
    columns: tuple[str, Sequence[str]],
    *,
    fdr: float,
) -> AxesImage:
    """Fields colored by `value`, a dot where `fdr` is reached, gray with a mark of the status without a value.

    What is not asked has no row in `cells`, and stays white.
    """
    (row_name, row_values), (column_name, column_values) = rows, columns
    row, column = ({name: i for i, name in enumerate(values)} for values in (row_values, column_values))
    grid = np.full((len(row), len(column)), np.nan)
    fields = cells.to_dict("records")
    for field in fields:
        grid[row[field[row_name]], column[field[column_name]]] = field["value"]
    reach = float(max(1.0, np.nanquantile(np.abs(grid), 0.98)))
    image = axes.imshow(grid, cmap="RdBu_r", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest")
    for field in fields:
        place = column[field[column_name]], row[field[row_name]]
        if field["status"] == _DESCRIPTIVE:
            box = (place[0] - 0.5, place[1] - 0.5)
            axes.add_patch(Rectangle(box, 1, 1, fill=False, hatch=_HATCH, edgecolor="white", linewidth=0))
        elif field["status"] in _MARKS:
            if field["status"] != "outlier":
                axes.add_patch(Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, facecolor=_BACK, linewidth=0))
            axes.scatter(*place, s=6, marker=_MARKS[field["status"]][0], **_MARK_STYLE)
        elif field["fdr"] <= fdr:
            axes.scatter(*place, s=7, color="black", edgecolor="white", linewidth=0.5)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image


def _bar(body: Any, axes: Axes, image: AxesImage, label: str) -> None:
    bar = body.colorbar(image, ax=axes, shrink=0.4, aspect=22, pad=0.02, extend="both")
    bar.set_label(label, fontsize=6)


def _legend(status: pd.Series, found: str) -> list[Line2D | Patch]:
    """What the marks of a heat map mean, of those that it has."""
    seen = set(status)
    handles: list[Line2D | Patch] = [
        Line2D([], [], linestyle="", marker="o", markersize=3, color="black", label=found),
    ]
    marks = dict(_MARKS[name] for name in _MARKS if name in seen)
    handles += [
        Line2D([], [], linestyle="", marker=mark, markersize=3.5, color=NEUTRAL, label=f"gray: {meaning}")
        for mark, meaning in marks.items()
    ]
    if _DESCRIPTIVE in seen:
        label = "descriptive: too few donors"
        handles.append(Patch(facecolor="#C98F7A", edgecolor="white", hatch=_HATCH, label=label))
    return handles
