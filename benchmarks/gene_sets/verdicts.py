"""One row a set: everything measured, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from alscell.keys import CELL_TYPE, FAMILY, GENE, PATHWAY

KEY = [FAMILY, PATHWAY]
LIST = "gene_level"  # kind of a set that is never scored
LEAST_COVERAGE = 0.6  # of the dataset in which most members are found
LEAST_SIGN = 0.9  # share of planted runs with the right sign
LEAST_POWER = 0.5
MANY_ALARMS, MOST_ALARMS = 0.08, 0.10
LARGEST_SHARE = 0.5  # of a score from one gene, in cells
DEPTH = (0.75, 1.33)
# Sets that name cell types or their states are made of markers; all others are programs that any cell may run.
IDENTITIES = ("glia", "motor_neuron")
STATES = (
    *("homeostatic_microglia", "dam_microglia", "lipid_associated_microglia", "reactive_astrocyte"),
    *("neurotoxic_astrocyte", "t_cell_cytotoxicity", "nmj"),
)
# Markers of a cell type that are the program itself.
PROGRAM_GENES = {
    "axon_cytoskeleton": ("PRPH",),
    "complement": ("C1QB",),
    "neurotrophic_receptors": ("RET",),
    "phagocytosis": ("C1QB", "TYROBP"),
}


@dataclass(frozen=True)
class Found:
    """All results of the benchmark; frames are empty where data are absent.

    Parameters
    ----------
    sets, members, overlap : DataFrame
        From `cohorts.shipped_sets`.
    markers : DataFrame
        cell_type, gene.
    coverage : DataFrame, sets x datasets
    coherence, leading, planted : DataFrame
        As `measured.coherence`, `measured.type_scores` (with dataset), `planted.planted`.
    half_depth : Series
    interferon, blood, lists : DataFrame
        As in `controls`.
    """

    sets: pd.DataFrame
    members: pd.DataFrame
    overlap: pd.DataFrame
    markers: pd.DataFrame
    coverage: pd.DataFrame
    coherence: pd.DataFrame
    leading: pd.DataFrame
    planted: pd.DataFrame
    half_depth: pd.Series
    interferon: pd.DataFrame
    blood: pd.DataFrame
    lists: pd.DataFrame


def table(found: Found) -> pd.DataFrame:
    """One row a set, sorted by family and set: facts, measures, verdict, reason."""
    out = found.sets.set_index(KEY)[["name", "kind", "source", "n_genes"]].sort_index()
    out = out.join(found.coverage.rename(columns="coverage_{}".format))
    out = out.join(_closest(found.overlap)).join(_best_coherence(found.coherence))
    out["foreign_markers"] = _foreign_markers(found)
    out = out.join(_leading(found.leading))
    out["half_depth_ratio"] = found.half_depth.reindex(out.index)
    out = out.join(_power(found.planted)).join(_alarms(found.planted))
    said = [_verdict(row, n_types=_types(found.coherence)) for _, row in out.iterrows()]
    out["verdict"], out["reason"] = [word for word, _ in said], [reason for _, reason in said]
    return out.reset_index()


def _closest(overlap: pd.DataFrame) -> pd.DataFrame:
    """The other set that holds most of a set, or is held most: closest_set, jaccard, containment, near_copy."""
    turned = {
        "family": "other_family",
        "pathway": "other_pathway",
        "other_family": "family",
        "other_pathway": "pathway",
    }
    both = pd.concat([overlap, overlap.rename(columns=turned)], ignore_index=True)
    both["closest_set"] = both["other_family"] + "/" + both["other_pathway"]
    both = both.sort_values(["jaccard", "closest_set"], ascending=[False, True]).drop_duplicates(KEY)
    return both.set_index(KEY)[["closest_set", "jaccard", "containment", "near_copy"]]


def _best_coherence(coherence: pd.DataFrame) -> pd.DataFrame:
    """The cell type of each dataset in which members move together most: coherence_<dataset>, with _in its name."""
    if coherence.empty:
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=KEY))
    order = coherence.sort_values(["percentile", "correlation"], ascending=False, kind="stable")
    best = order.drop_duplicates([*KEY, "dataset"]).set_index([*KEY, "dataset"])
    shown = best["percentile"].unstack().rename(columns="coherence_{}".format)
    return shown.join(best[CELL_TYPE].unstack().rename(columns="coherence_{}_in".format))


def _types(coherence: pd.DataFrame) -> int:
    """Cell types of all datasets that coherence was asked in."""
    return 0 if coherence.empty else len(coherence[["dataset", CELL_TYPE]].drop_duplicates())


def _foreign_markers(found: Found) -> pd.Series:
    """Markers of a cell type among the members of programs, joined by ';'."""
    of_type = found.markers.groupby(GENE)[CELL_TYPE].agg(lambda types: ", ".join(sorted(types)))
    inside = found.members[found.members[GENE].isin(of_type.index)]
    scored = found.sets.loc[found.sets["kind"] != LIST, KEY]
    inside = inside.merge(scored)
    program = ~inside[FAMILY].isin(IDENTITIES) & ~inside[PATHWAY].isin(STATES)
    meant = [gene in PROGRAM_GENES.get(name, ()) for gene, name in zip(inside[GENE], inside[PATHWAY], strict=True)]
    inside = inside[program & ~np.array(meant, dtype=bool)]
    said = inside[GENE] + " (" + inside[GENE].map(of_type) + ")"
    return said.groupby([inside[FAMILY], inside[PATHWAY]]).agg("; ".join)


def _leading(leading: pd.DataFrame) -> pd.DataFrame:
    """The largest share of a score that one gene earns in the cells of Velmeshev: leading_gene, _share, _in."""
    cells = leading[leading["dataset"] == "velmeshev"] if len(leading) else leading
    if cells.empty:
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=KEY))
    first = cells.sort_values(["share", CELL_TYPE], ascending=[False, True]).drop_duplicates(KEY).set_index(KEY)
    names = {GENE: "leading_gene", "share": "leading_share", CELL_TYPE: "leading_in"}
    return first.rename(columns=names)[list(names.values())]


def _own(planted: pd.DataFrame) -> pd.DataFrame:
    own = (planted["family"] == planted["planted_family"]) & (planted["pathway"] == planted["planted_pathway"])
    return planted[own]


def _power(planted: pd.DataFrame) -> pd.DataFrame:
    """Of each dataset: power_<dataset>, sign_<dataset>, effect_<dataset>, planted_<dataset>_in."""
    if planted.empty:
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=KEY))
    own = _own(planted)
    own = own.assign(power=(own["p_value"] < 0.05) & (own["effect"] > 0), sign=own["effect"] > 0)
    means = own.groupby([*KEY, "dataset"])[["power", "sign", "effect"]].mean().unstack()
    means.columns = [f"{measure}_{dataset}" for measure, dataset in means.columns]
    where = own.groupby([*KEY, "dataset"])[CELL_TYPE].first().unstack().rename(columns="planted_{}_in".format)
    return means.join(where)


def _alarms(planted: pd.DataFrame) -> pd.DataFrame:
    """Tests of a set while another one without common members was raised: false_alarms (p < 0.05), n_quiet_tests."""
    if planted.empty:
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=KEY))
    apart = planted[planted["shared"] == 0]
    groups = (apart["p_value"] < 0.05).groupby([apart["family"], apart["pathway"]])
    return pd.DataFrame({"false_alarms": groups.mean(), "n_quiet_tests": groups.size()})


def _verdict(row: pd.Series, *, n_types: int) -> tuple[str, str]:
    """A word and its reason."""
    if row["kind"] == LIST:
        return "list", "read gene by gene, never scored"
    failures = []
    coverage = row.filter(like="coverage_").dropna()
    if len(coverage) and coverage.max() < LEAST_COVERAGE:
        failures.append(f"{coverage.max():.0%} measured at best")
    if row.get("near_copy") is True:
        failures.append(f"near copy of {row['closest_set']}")
    if isinstance(row["foreign_markers"], str):
        failures.append(f"holds markers of cell types: {row['foreign_markers']}")
    if (row.filter(like="sign_").dropna() < LEAST_SIGN).all() and row.filter(like="sign_").notna().any():
        failures.append("planted sign lost")
    if row.get("false_alarms", 0) > MOST_ALARMS:
        failures.append(f"not quiet: {row['false_alarms']:.0%} of tests with another set planted")
    if failures:
        return "fails", "; ".join(failures)
    cautions = _cautions(row, n_types)
    return ("holds, with care", "; ".join(cautions)) if cautions else ("holds", "")


def _cautions(row: pd.Series, n_types: int) -> list[str]:
    out = []
    power = row.filter(like="power_").astype(float).dropna()
    if len(power) and power.max() < LEAST_POWER:
        out.append(f"weak here: power {power.max():.2f} at best")
    best = row[[name for name in row.index if name.startswith("coherence_") and not name.endswith("_in")]]
    best = best.astype(float).dropna()
    if n_types and not (best >= 100 - 5 / n_types).any():
        out.append("members not shown to move together" if len(best) else "too few members expressed for coherence")
    if row.get("leading_share", 0) > LARGEST_SHARE:
        out.append(f"{row['leading_gene']} earns {row['leading_share']:.0%} in {row['leading_in']}")
    if row.get("false_alarms", 0) > MANY_ALARMS:
        out.append(f"{row['false_alarms']:.0%} false alarms")
    ratio = row["half_depth_ratio"]
    if not np.isnan(ratio) and not DEPTH[0] <= ratio <= DEPTH[1]:
        out.append(f"follows depth: {ratio:.2f} at half the counts")
    return out
