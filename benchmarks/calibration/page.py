"""The table, the verdicts and the figure of the benchmark, from its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from alscell.figures import CASE_COLOR, CONTROL_COLOR, DOUBLE, NEUTRAL, PNG_DPI, new_figure
from calibration.measure import RATES, summary

NAMES = {
    "alscell": "alscell (default)",
    "voom": "alscell, limma's voom",
    "trend": "alscell, limma-trend",
    "limma_voom": "limma-voom (R)",
    "limma_quality": "limma-voom, quality weights (R)",
    "edger_ql": "edgeR QL (R)",
    "edger_ql_robust": "edgeR QL, robust (R)",
    "deseq2": "DESeq2 (R)",
    "pydeseq2": "PyDESeq2",
    "cell_number_weights": "voom x cell numbers (dreamlet-like)",
    "best_possible": "knows the spread of the variances",
    "oracle": "oracle: knows each variance",
    "cell_wilcoxon": "Wilcoxon over cells",
    "cell_score_t": "t-test of scores over cells",
    "camera": "alscell CAMERA",
    "donor_scores": "alscell donor scores",
    "prerank": "prerank (genes permuted)",
    "fisher": "Fisher over-representation",
    "composition": "alscell composition",
}
YARDSTICKS = ("oracle", "best_possible")
DEFAULT = "alscell"
ABOUT = """Made by `make calibration-benchmark`; do not edit. All numbers are in [calibration.tsv](calibration.tsv).
A rate is the mean over cohorts, its standard error over cohorts in brackets. FDR is Benjamini-Hochberg at 0.05 on the
same genes for every method. `null_p05`, `null_p001`: share of p below 0.05, 0.001; `any_call`: share of cohorts with a
call."""
ORACLE = """The oracle is a weighted least-squares z test with the true variance of each log count (donors, cells,
Poisson; delta method) on the same log counts per million, in the same design. No test can know each gene's variance.
The second yardstick knows how variances are spread over genes and the noise of each count, and infers the rest from the
gene's residuals: what a test can reach."""
COHORTS = """2,000 genes, 10 % planted at a |log2 fold change| of 0.5 to 2; cells even, uneven or few in cases; half of
the cohorts with a batch confounded 70 to 30 and held as covariate; correlation 0 to 0.15; variance between cells 1 or 4
times the squared mean. Shrinkage (apeglm and the like) changes effects and no p-value, so DESeq2 has one row.
Dreamlet-like: voom's weights times cell number, 20-fold at most; not dreamlet itself."""


def tidy(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a number: part, arms, cells, planted, method, measure, value, standard_error, n_cohorts."""
    keys = ["part", "arms", "cells", "planted", "method"]
    rows = rows.assign(cells=rows["cells"].fillna("all"), arms=rows["arms"].astype(str))
    pooled = [
        rows.assign(**change) for change in ({}, {"cells": "all"}, {"arms": "all"}, {"arms": "all", "cells": "all"})
    ]
    wide = pd.concat([summary(part, keys) for part in pooled]).drop_duplicates(keys)
    long = [
        wide[[*keys, "n_cohorts"]].assign(measure=rate, value=wide[rate], standard_error=wide[f"{rate}_se"])
        for rate in RATES
    ]
    out = pd.concat(long).dropna(subset="value").sort_values([*keys, "measure"], kind="stable")
    return out[[*keys, "measure", "value", "standard_error", "n_cohorts"]].reset_index(drop=True)


def pick(table: pd.DataFrame, **keys: object) -> pd.DataFrame:
    """Rows with these values, arms and cells pooled unless they are named."""
    keys = {"arms": "all", "cells": "all", **keys}
    return table[np.logical_and.reduce([table[name] == value for name, value in keys.items()])].set_index("method")


def wide(table: pd.DataFrame, planted: float, measures: tuple[str, ...], **keys: object) -> pd.DataFrame:
    """Methods by measures, each value with its standard error as text."""
    out = {}
    for measure in measures:
        part = pick(table, planted=planted, measure=measure, **keys)
        out[measure] = part["value"].map("{:.3f}".format) + " (" + part["standard_error"].map("{:.3f}".format) + ")"
    return pd.DataFrame(out)


def verdicts(table: pd.DataFrame, real: dict) -> list[tuple[str, str, str, bool]]:
    """(what, bar, measured, met) of every bar; those without data are left out."""
    null = pick(table, part="genes", planted=0.0, measure="null_p05")["value"]
    any_call = pick(table, part="genes", planted=0.0, measure="any_call")
    fdp = pick(table, part="genes", planted=0.1, measure="fdp")["value"]
    power = pick(table, part="genes", planted=0.1, measure="power")["value"]
    out = [("Genes, nothing planted: p < 0.05", "0.03 to 0.06", f"{null[DEFAULT]:.3f}", 0.03 <= null[DEFAULT] <= 0.06)]
    shown = f"{any_call.loc[DEFAULT, 'value']:.3f} (s.e. {any_call.loc[DEFAULT, 'standard_error']:.3f})"
    out.append(("Genes, nothing planted: any call", "0.07 at most", shown, any_call.loc[DEFAULT, "value"] <= 0.07))
    out.append(("Genes, planted: false discoveries", "0.06 at most", f"{fdp[DEFAULT]:.3f}", fdp[DEFAULT] <= 0.06))
    for yardstick in YARDSTICKS:
        gap = 100 * (power[yardstick] - power[DEFAULT])
        out.append((f"Power behind: {NAMES[yardstick]}", "5 points at most", f"{gap:.1f}", gap <= 5))
    holds = fdp[(fdp <= 0.06) & ~fdp.index.isin([*YARDSTICKS, DEFAULT])].index
    best = power[holds].idxmax()
    gap = 100 * (power[best] - power[DEFAULT])
    text = f"{NAMES[best]}: {gap:+.1f}"
    out.append(("Power of the best method that holds the FDR", "2 points more at most", text, gap <= 2))
    for method in ("camera", "donor_scores"):
        for cells in sorted(table.loc[table["part"] == "sets", "cells"].unique()):
            if cells == "all":
                continue
            row = pick(table, part="sets", planted=0.0, measure="null_p05", cells=cells).loc[method]
            shown = f"{row['value']:.3f} (s.e. {row['standard_error']:.3f})"
            out.append((f"Sets, {NAMES[method]}, {cells}: p < 0.05", "0.06 at most", shown, row["value"] <= 0.06))
    value = pick(table, part="composition", planted=0.0, measure="null_p05")["value"]["composition"]
    out.append(("Composition, no effect: p < 0.05", "0.03 to 0.06", f"{value:.3f}", 0.03 <= value <= 0.06))
    return out + _real_verdicts(real)


def _real_verdicts(real: dict) -> list[tuple[str, str, str, bool]]:
    out = []
    if real["onek1k"]:
        units = pd.DataFrame(real["onek1k"])
        for arms in sorted(units["arms"].unique(), key=lambda name: int(name.split("v")[0]), reverse=True):
            own = units.loc[units["arms"] == arms].groupby("permutation")["any_call"].mean()
            shown = f"{own.mean():.3f} (s.e. {own.sem():.3f})"
            what = f"OneK1K, 40 donors shuffled, {arms}: any call in a cell type"
            out.append((what, "0.07 at most", shown, own.mean() <= 0.07))
    if real["kang"]:
        ranks = real["kang"]
        first = ranks["HALLMARK_INTERFERON_ALPHA_RESPONSE"], ranks["HALLMARK_INTERFERON_GAMMA_RESPONSE"]
        out.append(
            (
                "Kang, interferon alpha and gamma among 50 sets",
                "ranks 1 and 2",
                f"{first[0]}, {first[1]}",
                first == (1, 2),
            )
        )
    for row in real["c9orf72"]:
        if row["expressed"]:
            lower = row["case"] == "c9ALS"
            shown = f"{row['effect']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
            met = row["effect"] < 0 if lower else row["low"] < 0 < row["high"]
            what = f"C9orf72 in {row['case']}, {row['cell_class']}: log2 fold change"
            out.append((what, "below 0" if lower else "interval holds 0", shown, met))
    for row in real["velmeshev"]:
        if "r log2FC" in row:
            low = min(row["r log2FC"], row["r log10 p"])
            shown = f"{row['r log2FC']:.4f}, {row['r log10 p']:.4f}"
            what = f"PyDESeq2 against R's DESeq2, {row['cell_type']}: r of log2FC, of log p"
            out.append((what, "0.999 at least", shown, low >= 0.999))
    return out


def markdown(frame: pd.DataFrame) -> str:
    """A table, first column the index."""
    lines = ["| " + " | ".join(["", *map(str, frame.columns)]) + " |", "|---" * (len(frame.columns) + 1) + "|"]
    lines += [
        "| " + " | ".join([str(name), *map(str, row)]) + " |"
        for name, row in zip(frame.index, frame.values.tolist(), strict=True)
    ]
    return "\n".join(lines)


def page(table: pd.DataFrame, real: dict, *, with_r: bool) -> str:
    """The whole of docs/calibration.md."""
    rates = wide(table, 0.0, ("null_p05", "null_p001", "any_call"), part="genes")
    planted = wide(table, 0.1, ("fdp", "power"), part="genes")
    order = [name for name in NAMES if name in rates.index]
    genes = rates.join(planted).loc[order].rename(index=NAMES)
    naive = wide(table, 0.0, ("null_p05", "any_call"), part="naive").join(
        wide(table, 0.1, ("fdp", "power"), part="naive")
    )
    sets = pd.DataFrame({
        cells: pick(table, part="sets", planted=0.0, measure="null_p05", cells=cells)["value"].map("{:.3f}".format)
        for cells in sorted(set(table.loc[table["part"] == "sets", "cells"]) - {"all"})
    })  # fmt: skip
    set_power = wide(table, 0.1, ("power",), part="sets").rename(columns={"power": "power, sets moved by log2 0.5"})
    bars = pd.DataFrame(
        [(bar, shown, "met" if met else "**missed**") for _, bar, shown, met in verdicts(table, real)],
        index=[what for what, *_ in verdicts(table, real)],
        columns=["bar", "measured", "verdict"],
    )
    parts = [
        "# Calibration benchmark",
        ABOUT,
        "" if with_r else "Rscript with limma, edgeR and DESeq2 was not there: their rows are left out.",
        "![Figure](images/calibration_benchmark.png)",
        "## Verdicts", markdown(bars),
        ORACLE,
        "## Genes (SIMULATED)", markdown(genes),
        COHORTS,
        "### By donors: power (false discoveries)", markdown(_by(table, "arms")),
        "### By cells: power (false discoveries)", markdown(_by(table, "cells")),
        "## Tests over cells (SIMULATED)", markdown(naive.rename(index=NAMES)),
        "## Gene sets (SIMULATED): p < 0.05 with nothing planted", markdown(sets.rename(index=NAMES)),
        markdown(set_power.rename(index=NAMES)),
        "Prerank's p describes its ranking only; it has no verdict. Planted sets go up and down by turns.",
        *_real_parts(real),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _by(table: pd.DataFrame, axis: str) -> pd.DataFrame:
    part = table[(table["part"] == "genes") & (table["planted"] == 0.1)]
    part = part[part["cells" if axis == "arms" else "arms"] == "all"]
    power, fdp = (
        part[part["measure"] == name].pivot(index="method", columns=axis, values="value") for name in ("power", "fdp")
    )
    shown = power.map("{:.3f}".format) + " (" + fdp.map("{:.3f}".format) + ")"
    return shown.loc[[name for name in NAMES if name in shown.index]].rename(index=NAMES)


def _real_parts(real: dict) -> list[str]:
    out = []
    if real["onek1k"]:
        units = pd.DataFrame(real["onek1k"])
        frame = units.groupby("arms")[["null_p05", "any_call"]].mean()
        frame["any_call of a permutation"] = (
            units.groupby(["arms", "permutation"])["any_call"].max().groupby("arms").mean()
        )
        out += ["## OneK1K: 40 healthy donors, labels shuffled", markdown(frame.map("{:.3f}".format))]
    if real["velmeshev"]:
        frame = pd.DataFrame(real["velmeshev"]).set_index("cell_type").T
        out += [
            "## Velmeshev: PyDESeq2 against R's DESeq2; the default engine against PyDESeq2, by thirds of expression"
        ]
        out.append(markdown(frame.map("{:.4g}".format)))
        excess = pd.DataFrame(real["excess"]).groupby(["cell_type", "method"])[["genes", "null_p05", "called"]].mean()
        excess.index = [f"{cell_type}, {NAMES[method]}" for cell_type, method in excess.index]
        out += [
            "Donor labels shuffled; `called` at an FDR of 0.05, mean over shuffles:",
            markdown(excess.map("{:.3g}".format)),
        ]
    return out


def figure(table: pd.DataFrame, real: dict) -> Figure:
    """One page of six panels."""
    out, body = new_figure(DOUBLE, 135, stamp="SIMULATED DATA: panels a to d")
    a, b, c, d, e, f = body.subplots(2, 3).ravel()
    _rates_panel(a, pick(table, part="genes", planted=0.0, measure="null_p05"))
    _power_panel(b, table)
    _curve_panel(c, table)
    _sets_panel(d, table)
    bins = np.asarray(real["histogram"])
    if bins.sum():
        e.bar(np.arange(10) / 10 + 0.05, bins / bins.sum(), width=0.095, color=CONTROL_COLOR)
    e.axhline(0.1, color=NEUTRAL, linewidth=0.6)
    e.set(title="e  OneK1K, labels shuffled", xlabel="p-value", ylabel="share")
    _excess_panel(f, real)
    return out


def _rates_panel(axes, part: pd.DataFrame) -> None:
    part = part.loc[[name for name in reversed(NAMES) if name in part.index]]
    colors = [
        CASE_COLOR if name == DEFAULT else NEUTRAL if name in YARDSTICKS else CONTROL_COLOR for name in part.index
    ]
    for i, (value, error) in enumerate(zip(part["value"], part["standard_error"], strict=True)):
        axes.errorbar(value, i, xerr=1.96 * error, fmt="o", markersize=3, color=colors[i])
    numbers = range(len(part), 0, -1)
    labels = [f"{NAMES[name]}  {number}" for name, number in zip(part.index, numbers, strict=True)]
    axes.set_yticks(range(len(part)), labels)
    axes.axvspan(0.03, 0.06, color="#EEEEEE")
    axes.set(title="a  Nothing planted", xlabel="share of p < 0.05")


def _power_panel(axes, table: pd.DataFrame) -> None:
    fdp, power = (pick(table, part="genes", planted=0.1, measure=name)["value"] for name in ("fdp", "power"))
    shown = [name for name in NAMES if name in power.index]
    for i, name in enumerate(shown):
        color = CASE_COLOR if name == DEFAULT else NEUTRAL if name in YARDSTICKS else CONTROL_COLOR
        axes.plot(fdp[name], power[name], marker="o", markersize=3, color=color)
        side = -1 if i % 2 else 1  # by turns, so that neighbors do not hide each other
        axes.annotate(
            str(i + 1), (fdp[name], power[name]), (4 * side, 0), textcoords="offset points", fontsize=6, color=color,
            ha="left" if side > 0 else "right", va="center",
        )  # fmt: skip
    axes.axvline(0.05, color=NEUTRAL, linewidth=0.6, linestyle=":")
    axes.set(title="b  10 % planted (numbers as in a)", xlabel="false discovery proportion", ylabel="power")


def _curve_panel(axes, table: pd.DataFrame) -> None:
    for axis, color, marker in (("donors", CASE_COLOR, "o"), ("cells", CONTROL_COLOR, "s"), ("effect", "#009E73", "^")):
        part = table[(table["part"] == f"curve {axis}") & (table["measure"] == "power") & (table["arms"] != "all")]
        part = part.drop_duplicates("arms").assign(x=lambda rows: rows["arms"].astype(float)).sort_values("x")
        axes.errorbar(
            part["x"],
            part["value"],
            yerr=1.96 * part["standard_error"],
            color=color,
            marker=marker,
            markersize=3,
            label=axis,
        )
    axes.set_xscale("log")
    axes.set_xlim(0.4, 20_000)  # room for the legend
    axes.legend(title="varied, else\n6, 100, 1", title_fontsize=6, loc="center right")
    axes.set(title="c  Power of the default", xlabel="donors, cells, or |log2 FC|", ylabel="power", ylim=(0, 1))


def _sets_panel(axes, table: pd.DataFrame) -> None:
    part = table[
        (table["part"] == "sets")
        & (table["measure"] == "null_p05")
        & (table["planted"] == 0)
        & (table["arms"] == "all")
    ]
    part = part[part["cells"] != "all"]
    colors = {"camera": CASE_COLOR, "donor_scores": CONTROL_COLOR, "prerank": "#7A7A7A", "fisher": "#E69F00"}
    for (method, color), marker in zip(colors.items(), "os^D", strict=True):
        rows = part[part["method"] == method].sort_values("cells")
        x = rows["cells"].str.split().str[-1].astype(float)
        axes.errorbar(
            x,
            rows["value"],
            yerr=1.96 * rows["standard_error"],
            color=color,
            marker=marker,
            markersize=3,
            label=NAMES[method],
        )
    axes.axhline(0.05, color=NEUTRAL, linewidth=0.6, linestyle=":")
    axes.set_ylim(0, 0.6)
    axes.legend(loc="upper left")
    axes.set(title="d  Gene sets, nothing planted", xlabel="correlation between genes", ylabel="share of p < 0.05")


def _excess_panel(axes, real: dict) -> None:
    axes.set(title="f  Velmeshev, labels shuffled", ylabel="share of p < 0.05")
    if not real["excess"]:
        return
    frame = pd.DataFrame(real["excess"]).groupby(["cell_type", "method"])["null_p05"].mean().unstack()
    for shift, method, color in ((-0.2, DEFAULT, CASE_COLOR), (0.2, "cell_wilcoxon", CONTROL_COLOR)):
        axes.bar(np.arange(len(frame)) + shift, frame[method], width=0.38, color=color, label=NAMES[method])
    axes.axhline(0.05, color=NEUTRAL, linewidth=0.6, linestyle=":")
    axes.set_xticks(range(len(frame)), frame.index)
    axes.set_ylim(0, 1.3 * frame.to_numpy().max())
    axes.legend(loc="upper left")


def save_png(figure: Figure, path: str) -> None:
    figure.savefig(path, format="png", dpi=PNG_DPI, metadata={"Software": None})
