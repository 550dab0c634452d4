"""Positive controls: interferon in stimulated blood, sets of leukocytes in blood, published marker lists."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from alscell.keys import FAMILY, PATHWAY
from alscell.pathways import set_scores
from alscell.ranking import top_weights
from calibration.real import DATA
from gene_sets.cohorts import current_symbols, read_cohort, symbols
from gene_sets.measured import Sets, positions, ranked

# Where in blood a set must score highest (MNP: monocytes). Written down before the scores were looked at.
BLOOD = {
    ("inflammation", "complement"): ("MNP",),
    ("inflammation", "mhc_class_ii"): ("MNP", "B"),
    ("inflammation", "t_cell_cytotoxicity"): ("NK", "T_CD8"),
    ("inflammation", "phagocytosis"): ("MNP",),
    ("inflammation", "tlr_signaling"): ("MNP",),
    ("inflammation", "inflammasome"): ("MNP",),
    ("inflammation", "dam_microglia"): ("MNP",),
    ("inflammation", "lipid_associated_microglia"): ("MNP",),
    ("inflammation", "tnf_nfkb"): ("MNP",),
    ("autophagy", "lysosome_hydrolases"): ("MNP",),
    ("autophagy", "lysosome_clear"): ("MNP",),
}
# Which sets must share more genes than chance with a published list: file, list, our set.
LISTS = (
    ("activation_markers", "DAM", ("inflammation", "dam_microglia")),
    ("neuroexpresso_spinal_cord_human", "MotorNeuron", ("motor_neuron", "motor_neuron_identity")),
    ("PanglaoDB_markers", "Motor neurons", ("motor_neuron", "motor_neuron_identity")),
    ("neuroexpresso_spinal_cord_human", "Microglia", ("inflammation", "homeostatic_microglia")),
    ("neuroexpresso_spinal_cord_human", "Astrocyte", ("glia", "astrocyte_homeostasis")),
    ("neuroexpresso_spinal_cord_human", "Oligo", ("glia", "myelination")),
    ("neuroexpresso_spinal_cord_human", "Endothelial", ("glia", "blood_brain_barrier")),
)


def interferon(sets: Sets) -> pd.DataFrame:
    """Every set in blood with and without interferon beta: difference of mean scores, its rank (1: rises most)."""
    cohort = read_cohort("kang")
    if cohort is None:
        return pd.DataFrame()
    ranking, counts = ranked(cohort)
    places = positions(ranking, sets)
    scores = set_scores(top_weights(counts, ranking), places, n_top=ranking.n_top)
    stimulated = (cohort.rows["stim"] != "ctrl").to_numpy()
    gap = scores[stimulated].mean(axis=0) - scores[~stimulated].mean(axis=0)
    out = pd.DataFrame(list(places), columns=[FAMILY, PATHWAY]).assign(difference=gap)
    out["rank"] = out["difference"].rank(ascending=False, method="min").astype(int)
    return out.sort_values(["rank", FAMILY, PATHWAY], ignore_index=True)


def in_blood(scores: pd.DataFrame) -> pd.DataFrame:
    """family, pathway, expected and highest cell type, met; from the scores of pbmc4k (sets x cell types)."""
    rows = []
    for key, expected in BLOOD.items():
        if key in scores.index:
            highest = str(scores.loc[key].idxmax())
            rows.append((*key, " or ".join(expected), highest, highest in expected))
    return pd.DataFrame(rows, columns=[FAMILY, PATHWAY, "expected", "highest", "met"])


def published_lists(sets: Sets) -> pd.DataFrame:
    """Our sets against published lists: shared genes, expected by chance, hypergeometric p, best of all our sets.

    The background is all current human and mouse symbols in capitals that are human ones.
    """
    rows = []
    n_genes = len({symbol for symbol in symbols()[0] if symbol == symbol.upper()})
    for file, name, key in LISTS:
        path = DATA / "spinal_cord_markers" / f"{file}.csv"
        if not path.exists():
            continue
        listed = pd.read_csv(path)
        genes = set(current_symbols(pd.Index(listed.loc[listed["set"] == name, "gene"].str.upper())))
        p = {one: _hypergeometric(genes, set(own), n_genes) for one, own in sets.items()}
        best = min(p, key=lambda one: (p[one], one))
        shared = sorted(genes & set(sets[key])) if key in sets else []
        chance = len(genes) * len(sets.get(key, [])) / n_genes
        facts = {"list": f"{file}: {name}", "n_list": len(genes), "set": "/".join(key), "n_shared": len(shared)}
        facts |= {"by_chance": chance, "p_value": p.get(key, np.nan), "closest_set": "/".join(best)}
        rows.append({**facts, "shared": ";".join(shared)})
    return pd.DataFrame(rows)


def _hypergeometric(one: set[str], other: set[str], n_genes: int) -> float:
    return float(stats.hypergeom.sf(len(one & other) - 1, n_genes, len(one), len(other)))


def blood_scores(sets: Sets) -> pd.DataFrame:
    """Mean scores of pbmc4k, sets x cell types; empty where the data are absent."""
    from gene_sets.measured import type_scores

    cohort = read_cohort("pbmc4k")
    return pd.DataFrame() if cohort is None else type_scores(cohort, sets)[0]
