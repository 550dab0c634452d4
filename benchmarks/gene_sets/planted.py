"""A set is raised in one of two arms of real donors without a true difference: is it found, with its sign, alone?

Arms are drawn anew each time, balanced within what is held constant. Counts of the members are thinned in the other arm
(binomial), so all noise is that of real counts. What is tested is what a run tests: scores of cells, donors compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy import sparse

from alscell.activity import compare_arms
from alscell.keys import CASE_ARM, CELL_TYPE, CONTROL_ARM, DONOR, N_CELLS
from alscell.pathways import set_scores
from alscell.ranking import Ranking, top_weights
from gene_sets.cohorts import MIN_CELLS, Cohort, read_cohort
from gene_sets.measured import Sets, positions, ranked

EFFECT = 0.5  # UNIT: log2
ARMS = {"arm": {"factor": "arm", "case": [CASE_ARM], "control": [CONTROL_ARM]}}
CHOICES = {
    "covariates": ["held"],
    "min_cells": MIN_CELLS,
    "min_donors": 3,
    "cell_weights": True,
    "fdr": 0.05,
    "n_random_sets": 0,
    "n_expression_bins": 1,
    "seed": (0, ""),
}


@dataclass(frozen=True)
class Ready:
    """A cell type of a cohort, ranked and scored once (counts, scores: rows of the cohort x genes, sets)."""

    cohort: Cohort
    ranking: Ranking
    counts: sparse.csr_matrix
    members: dict[tuple[str, str], np.ndarray]
    scores: np.ndarray


@cache
def ready(name: str, sets: tuple[tuple[tuple[str, str], tuple[str, ...]], ...]) -> dict[str, Ready]:
    """Every cell type of a dataset; empty where the data are absent."""
    whole = read_cohort(name)
    if whole is None:
        return {}
    ranking, counts = ranked(whole)
    members = positions(ranking, {key: list(genes) for key, genes in sets})
    out = {}
    for cell_type in sorted(set(whole.rows[CELL_TYPE])):
        inside = (whole.rows[CELL_TYPE] == cell_type).to_numpy()
        scores = set_scores(top_weights(counts[inside], ranking), members, n_top=ranking.n_top)
        out[cell_type] = Ready(whole.part(cell_type), ranking, counts[inside], members, scores)
    return out


def planted(name: str, sets: Sets, chosen: list[tuple[str, str]], *, repeats: int, seed: int) -> pd.DataFrame:
    """Tests of all sets, each time with one set raised, in the cell type where it scores highest.

    Returns
    -------
    DataFrame
        dataset, cell_type, repeat, family, pathway, planted_family, planted_pathway, shared (members in common),
        effect, p_value; one row a tested set.
    """
    types = ready(name, tuple((key, tuple(genes)) for key, genes in sets.items()))
    out = []
    for key in chosen:
        if not types or key not in next(iter(types.values())).members:
            continue
        column = list(next(iter(types.values())).members).index(key)
        best = max(sorted(types), key=lambda one: types[one].scores[:, column].mean())
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, repeat, *"/".join(key).encode()])
            found = plant(types[best], key, rng)
            names = {"dataset": name, CELL_TYPE: best, "repeat": repeat}
            out.append(found.assign(**names, planted_family=key[0], planted_pathway=key[1]))
    return pd.concat(out, ignore_index=True) if out else pd.DataFrame()


def plant(unit: Ready, key: tuple[str, str], rng: np.random.Generator) -> pd.DataFrame:
    """One set raised in one cell type: family, pathway, shared, effect, p_value of every tested set."""
    donors = balanced_arms(unit.cohort, rng)
    control = (unit.cohort.rows[DONOR].map(donors["arm"]) == CONTROL_ARM).to_numpy()
    counts = unit.counts[control]
    inside = np.isin(counts.indices, unit.members[key])
    counts.data[inside] = rng.binomial(counts.data[inside], 2.0**-EFFECT)
    counts.eliminate_zeros()
    scores = unit.scores.copy()
    scores[control] = set_scores(top_weights(counts, unit.ranking), unit.members, n_top=unit.ranking.n_top)
    table = compare_arms(donor_table(unit, scores), donors, None, {}, ARMS, "arm", **CHOICES)
    members = set(unit.members[key])
    shared = {other: len(members.intersection(places)) for other, places in unit.members.items()}
    pairs = zip(table["family"], table["pathway"], strict=True)
    return table[["family", "pathway", "effect", "p_value"]].assign(shared=[shared[pair] for pair in pairs])


def balanced_arms(cohort: Cohort, rng: np.random.Generator) -> pd.DataFrame:
    """Donors with column arm, half of each group of the held column cases, and column held."""
    donors = cohort.rows.drop_duplicates(DONOR).set_index(DONOR).sort_index()
    first = donors[cohort.held[0]]
    arm = pd.Series("", index=donors.index)
    for number, level in enumerate(sorted(first.unique())):
        own = rng.permutation(first.index[first == level].to_numpy(dtype=object))
        labels = [CASE_ARM, CONTROL_ARM] if number % 2 else [CONTROL_ARM, CASE_ARM]
        arm[own] = np.resize(labels, len(own))
    return pd.DataFrame({"arm": arm, "held": first})


def donor_table(unit: Ready, scores: np.ndarray) -> pd.DataFrame:
    """Scores of donors as the table "pathway_donors"; where rows are sums, without a spread between cells."""
    place, donors = pd.factorize(unit.cohort.rows[DONOR], sort=True)
    of_donor = pd.DataFrame(scores).groupby(place)
    depth = np.asarray(unit.counts.sum(axis=1)).ravel()
    facts = pd.DataFrame({N_CELLS: unit.cohort.rows["n_cells"].to_numpy(), "depth": depth}).groupby(place)
    n_sets = scores.shape[1]
    return pd.DataFrame(
        {
            DONOR: np.repeat(donors, n_sets),
            "family": np.tile([family for family, _ in unit.members], len(donors)),
            "pathway": np.tile([name for _, name in unit.members], len(donors)),
            "score": of_donor.mean().to_numpy().ravel(),
            "score_sd": of_donor.std().to_numpy().ravel(),
            N_CELLS: np.repeat(facts[N_CELLS].sum().to_numpy(), n_sets),
            "depth": np.repeat(facts["depth"].mean().to_numpy(), n_sets),
            CELL_TYPE: "one",
        }
    )
