"""Style of every figure: type, sizes, palettes, donor points, labels that do not overlap, and saving.

Figures are drawn without pyplot, so nothing is shared between them, and a user's own matplotlibrc has no say.
Their bytes depend on the numbers drawn and on the matplotlib version only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase
from matplotlib.patheffects import withStroke

from alscell.design import assign_groups
from alscell.files import atomic, write_plain_table
from alscell.keys import CASE_ARM, CELL_TYPES, CONTROL_ARM, DONOR, UNASSIGNED

MILLIMETRE = 1 / 25.4  # UNIT: inches
SINGLE, DOUBLE = 89.0, 183.0  # UNIT: mm, width of one and two columns of a journal page
PNG_DPI = 200
RASTER_DPI = 300  # of point clouds inside the PDF

STYLE = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same glyphs everywhere
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 6,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "lines.linewidth": 0.9,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "alscell",
    "savefig.dpi": PNG_DPI,
}

# SOURCE: Okabe and Ito 2008 and Tol 2021 (muted, bright), colour-blind safe; kin cell types share a hue.
_CELL_TYPE_HUES = {
    "oligodendrocyte": "#0072B2",
    "opc": "#56B4E9",
    "astrocyte": "#D55E00",
    "microglia": "#009E73",
    "lymphocyte": "#117733",
    "endothelial": "#CC79A7",
    "mural": "#882255",
    "fibroblast": "#AA4499",
    "ependymal": "#999933",
    "schwann": "#332288",
    "excitatory_neuron": "#E69F00",
    "inhibitory_neuron": "#C9B200",
    "motor_neuron": "#7A1F00",
    "neuron": "#A6761D",
    "progenitor": "#88CCEE",
    "cycling": "#44546A",
    "mesenchymal": "#CC6677",
    "glia_like": "#6699CC",
}
_SPARE = (
    *("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499"),
    *("#4477AA", "#EE7733", "#009988", "#CC3311", "#EE3377", "#BBBB33", "#A6761D", "#44546A"),
)
CASE_COLOR, CONTROL_COLOR = "#C1440E", "#2F6DB5"
_CASE_HUES = (CASE_COLOR, "#8C2D66", "#B8860B", "#5B3A1E", "#E07B9A")
_CONTROL_HUES = (CONTROL_COLOR, "#4FB0C6", "#1B3A5C")
NEUTRAL, FAINT, INK = "#8A8A8A", "#D9D9D9", "#222222"
ARM_COLORS = {CASE_ARM: CASE_COLOR, CONTROL_ARM: CONTROL_COLOR}
ARM_MARKERS = {CASE_ARM: "o", CONTROL_ARM: "s"}
NOTHING = "–"  # where there is no number
# Words of ids that are written otherwise.
SPELLED = {
    **{word: word.upper() for word in ("als", "asd", "atf4", "atf6", "clear", "dam", "dna", "il6", "ire1")},
    **{word: word.upper() for word in ("er", "escrt", "ii", "isr", "mhc", "nmj", "nrf2", "opc", "stat3", "sting")},
    **{word: word.upper() for word in ("t", "tlr", "tnf", "upr", "xbp1")},
    "c9als": "c9ALS",
    "cgas": "cGAS",
    "fals": "fALS",
    "mtorc1": "mTORC1",
    "nfkb": "NF-κB",
    "sals": "sALS",
    "tdp43": "TDP-43",
    "vs": "against",
}
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_STAMP_BAND, _STAMP_LETTER = 6.0, 1.75  # UNIT: mm kept free above the panels; mm a bold letter


def stamp_text(simulated: bool | Sequence[str]) -> str:
    """What a figure of simulated data says at its top; '' for real data.

    Parameters
    ----------
    simulated : bool or sequence of str
        Of a figure of one dataset: whether it is simulated; of a figure of several: those that are.
    """
    if isinstance(simulated, bool):
        return "SIMULATED DATA" if simulated else ""
    return f"SIMULATED DATA: {', '.join(sorted(simulated))}" if len(simulated) else ""


def _set_style() -> None:
    """The house style, whatever a user's matplotlibrc or another library's import has set."""
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(STYLE)


def new_figure(width: float, height: float, *, stamp: str) -> tuple[Figure, FigureBase]:
    """An empty figure and the part of it to draw in, `width` x `height` mm; a stamp gets a band of its own above."""
    _set_style()
    band = _STAMP_BAND if stamp else 0.0
    figure = Figure(figsize=(width * MILLIMETRE, (height + band) * MILLIMETRE), dpi=PNG_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    if not stamp:
        return figure, figure
    head, body = figure.subfigures(2, 1, height_ratios=[band, height])
    box = {"boxstyle": "square,pad=0.35", "facecolor": "#FFF3C4", "edgecolor": "#8A5A00", "linewidth": 0.8}
    style = {"ha": "right", "va": "center", "fontsize": 7, "fontweight": "bold", "color": "#6B4500"}
    fits = len(stamp) * _STAMP_LETTER < width - 5
    head.text(1 - 2.5 / width, 0.4, stamp if fits else stamp.partition(":")[0], bbox=box, **style)
    return figure, body


def message_figure(message: str, *, stamp: str) -> Figure:
    """A small figure that only says why there is nothing to draw."""
    figure, body = new_figure(DOUBLE, 24, stamp=stamp)
    axes = body.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, message, ha="center", va="center", fontsize=7, color=INK, wrap=True, transform=axes.transAxes)
    return figure


def save_figure(figure: Figure, drawn: pd.DataFrame, *, pdf: str | Path, png: str | Path, numbers: str | Path) -> None:
    """Write a figure as PDF and PNG and the numbers drawn as a table; no time and no version goes into them."""
    _set_style()
    with atomic(pdf) as part:
        figure.savefig(part, format="pdf", dpi=RASTER_DPI, metadata={"CreationDate": None})
    with atomic(png) as part:
        figure.savefig(part, format="png", dpi=PNG_DPI, metadata={"Software": None})
    write_plain_table(drawn, numbers)


def plain(name: str) -> str:
    """An id as a reader wants it: 'motor_neuron' -> 'motor neuron', 'tnf_nfkb' -> 'TNF NF-κB'."""
    return " ".join(SPELLED.get(word, word) for word in name.split("_"))


def with_donors(labels: Sequence[str], tests: pd.DataFrame, keys: Sequence[Any], *, by: str | list[str]) -> list[str]:
    """Labels with the donors behind them, "microglia (8 v 4)": the most of any row of the key.

    Parameters
    ----------
    labels, keys : sequence, one a label
    tests : DataFrame
        Columns n_case, n_control and `by`, which holds the keys.
    """
    most = tests.groupby(by)[["n_case", "n_control"]].max()
    counts = {
        key: f" ({row.n_case:.0f} v {row.n_control:.0f})"
        for key, row in zip(most.index, most.itertuples(), strict=True)
    }
    return [f"{label}{counts.get(key, '')}" for label, key in zip(labels, keys, strict=True)]


def signed(value: float) -> str:
    """An effect with its sign, a true minus and two decimals; a dash where there is none."""
    return NOTHING if pd.isna(value) else f"{value:+.2f}".replace("-", "−")


def probability(value: Any) -> str:
    """A p value or FDR with two significant digits, never 0.000."""
    if value is None or pd.isna(value):
        return NOTHING
    if value == 0:
        return "< 10⁻³⁰⁰"
    if value >= 0.001:
        return f"{value:.{max(2, 1 - math.floor(math.log10(value)))}f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}"


def cell_type_colors(cell_types: Iterable[str]) -> dict[str, str]:
    """A color for each cell type: fixed for the names of keys.CELL_TYPES, by order of name for others."""
    names = sorted(set(cell_types))
    own = [name for name in names if name not in _CELL_TYPE_HUES and name != UNASSIGNED]
    spare = {name: _SPARE[i % len(_SPARE)] for i, name in enumerate(own)}
    return {name: FAINT if name == UNASSIGNED else _CELL_TYPE_HUES.get(name) or spare[name] for name in names}


def order_cell_types(cell_types: Iterable[str]) -> list[str]:
    """Cell types in the order of keys.CELL_TYPES, then others by name, `unassigned` last."""
    rank = {name: i for i, name in enumerate(CELL_TYPES)}
    return sorted(set(cell_types), key=lambda name: (name == UNASSIGNED, rank.get(name, len(rank)), name))


def nominal_colors(names: Iterable[str]) -> dict[str, str]:
    """A color for each of some names (donors, clusters), by their order; after 17 the colors come round again."""
    return {name: _SPARE[i % len(_SPARE)] for i, name in enumerate(names)}


def condition_colors(levels: Iterable[str], contrasts: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Warm colors for levels that are in a case arm, blue ones for controls, gray for the rest."""
    levels = list(levels)
    cases = {level for contrast in contrasts.values() for level in contrast["case"]}
    controls = {level for contrast in contrasts.values() for level in contrast["control"]} - cases
    hues = {}
    for members, palette in ((cases, _CASE_HUES), (controls, _CONTROL_HUES)):
        present = sorted(members & set(levels))
        hues |= {level: palette[i % len(palette)] for i, level in enumerate(present)}
    return {level: hues.get(level, NEUTRAL) for level in levels}


def donor_arms(samples: pd.DataFrame, contrast: dict[str, Any]) -> pd.Series:
    """The arm of each donor in one contrast, 'case' or 'control', index donor; donors in neither are left out.

    Parameters
    ----------
    samples : DataFrame
        Sample sheet with columns donor and those of the contrast.
    contrast : dict
        As in config.yaml.
    """
    return assign_groups(samples.drop_duplicates(DONOR).set_index(DONOR), contrast).arms


def swarm(values: np.ndarray, *, distance: float, step: float, limit: float) -> np.ndarray:
    """Sideways offsets that keep points apart which lie closer than `distance`; the same input, the same offsets.

    Parameters
    ----------
    values : ndarray, shape (n,)
    distance : float
        Points closer than this, in units of `values`, would overlap.
    step, limit : float
        Sideways step and largest offset, in units of the other axis.
    """
    offsets = np.zeros(len(values))
    sides = [0.0, *(sign * i * step for i in range(1, int(limit / step) + 1) for sign in (1, -1))]
    placed: list[int] = []
    for index in np.argsort(values, kind="stable"):
        near = {offsets[other] for other in placed if abs(values[other] - values[index]) < distance}
        offsets[index] = next((side for side in sides if side not in near), 0.0)
        placed.append(index)
    return offsets


def place_labels(axes: Axes, points: np.ndarray, labels: Sequence[str], *, centered: bool, **style: Any) -> None:
    """Write labels beside points of one panel so that no two overlap and none leaves the panel.

    Earlier labels have the better places; a label without a free place is left out.
    Lay the figure out first (figure.draw_without_rendering()), and add nothing to it afterwards.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        In data units of `axes`.
    labels : sequence of str, length n
    centered : bool
        True: on the point where that is free, for names of groups; False: beside it, for names of points.
    """
    figure = axes.get_figure(root=True)
    renderer, frame = figure.canvas.get_renderer(), axes.get_window_extent()
    dots = [] if centered else [tuple(axes.transData.transform(point)) for point in points]
    taken: list[Any] = []
    for point, label in zip(points, labels, strict=True):
        text = axes.annotate(label, point, xytext=(0, 0), textcoords="offset points", ha="center", va="center", **style)
        text.set_in_layout(False)
        text.set_path_effects([withStroke(linewidth=1.6, foreground="white")])
        box = text.get_window_extent(renderer).padded(0.6)
        place = _free_place(box, taken, dots, frame, centered=centered)
        if place is None:
            text.remove()
            continue
        text.set_position(np.array(place) * 72 / figure.dpi)
        if not centered and np.hypot(*place) > box.height + box.width / 2:
            line = {"arrowstyle": "-", "linewidth": 0.4, "color": NEUTRAL, "shrinkB": 1, "shrinkA": 3}
            lead = axes.annotate("", point, xytext=text.get_position(), textcoords="offset points", arrowprops=line)
            lead.set_in_layout(False)
        taken.append(box.translated(*place))


def _free_place(box: Any, taken: list[Any], dots: list[tuple], frame: Any, *, centered: bool) -> tuple | None:
    """The nearest shift of a label's box, in pixels, at which it is free of others, of points and of the frame."""
    reach = [0.0] if centered else []
    reach += [0.9, 1.5, 2.2, 3.0]
    for factor in reach:
        for angle in (0, 180, 90, 270, 45, 135, 315, 225) if factor else (0,):
            radians = np.deg2rad(angle)
            across = factor * box.height + (0 if centered else box.width / 2 * abs(np.cos(radians)))
            shift = (across * np.cos(radians), factor * box.height * np.sin(radians))
            moved = box.translated(*shift)
            inside = frame.x0 <= moved.x0 and moved.x1 <= frame.x1 and frame.y0 <= moved.y0 and moved.y1 <= frame.y1
            if not inside or any(moved.overlaps(other) for other in taken):
                continue
            if not any(moved.contains(*dot) for dot in dots):
                return shift
    return None
