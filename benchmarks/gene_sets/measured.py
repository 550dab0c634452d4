"""What the sets look like in real data: coverage, coherence, leading gene, and what half the counts do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from alscell.keys import CELL_TYPE, DONOR, GENE
from alscell.normalization import effective_sizes, expressed_genes, voom_values
from alscell.pathways import set_scores
from alscell.ranking import Ranking, align, build_ranking, detected, top_weights
from alscell.set_validation import FEWEST_GENES, cell_type_directions, member_agreement, set_coherence
from gene_sets.cohorts import Cohort, donor_sums

Sets = Mapping[tuple[str, str], list[str]]
TOP = 0.05  # as config.yaml's top_fraction
BINS, DRAWS = 25, 4000
FILTER = {"min_count": 10, "min_total_count": 15}  # as config.yaml's


def coverage(cohort: Cohort, sets: Sets) -> pd.Series:
    """Share of the members with a count in any row."""
    found = detected(cohort.counts, cohort.genes)
    return pd.Series({key: np.mean([gene in found for gene in genes]) for key, genes in sets.items()})


def expression_table(cohort: Cohort) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table as "expression_donors", and the terms of donors to hold constant."""
    rows, sums = donor_sums(cohort)
    donors = cohort.rows.drop_duplicates(DONOR).set_index(DONOR).sort_index()
    parts = []
    for cell_type, own in rows.groupby(CELL_TYPE, sort=True):
        counts = sums[own.index].T.astype(float)
        counts = counts[:, counts.sum(axis=0) > 0]
        kept = expressed_genes(counts, smallest_arm=max(counts.shape[1] // 2, 2), **FILTER)
        values = voom_values(counts[kept], effective_sizes(counts[kept]))
        frame = pd.DataFrame(values, columns=own[DONOR].to_numpy()).reindex(columns=donors.index)
        frame.insert(0, GENE, cohort.genes[kept].to_numpy())
        frame.insert(0, CELL_TYPE, cell_type)
        parts.append(frame)
    terms = pd.get_dummies(donors[list(cohort.held)]).astype(float).assign(intercept=1.0)
    return pd.concat(parts, ignore_index=True), terms


def coherence(cohort: Cohort, sets: Sets, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Coherence of every set in every cell type, and the member that agrees least with the others of each set.

    Returns
    -------
    coherence : DataFrame
        family, pathway, n_genes, correlation, percentile, cell_type, dataset.
    members : DataFrame
        dataset, cell_type, family, pathway, gene, agreement: mean correlation with the other members.
    """
    expression, terms = expression_table(cohort)
    found, agreement = [], []
    for number, (cell_type, directions) in enumerate(cell_type_directions(expression, terms, n_bins=BINS)):
        names = {"dataset": cohort.name, CELL_TYPE: cell_type}
        found.append(set_coherence(directions, sets, n_sets=DRAWS, seed=seed + number).assign(**names))
        for (family, pathway), genes in sets.items():
            own = member_agreement(directions, genes)
            if len(own) >= FEWEST_GENES:
                frame = own.rename_axis(GENE).rename("agreement").reset_index()
                agreement.append(frame.assign(**names, family=family, pathway=pathway))
    return pd.concat(found, ignore_index=True), pd.concat(agreement, ignore_index=True)


def ranked(cohort: Cohort) -> tuple[Ranking, sparse.csr_matrix]:
    """The ranking of a dataset, and its counts over the ranked genes."""
    ranking = build_ranking(detected(cohort.counts, cohort.genes), top_fraction=TOP)
    return ranking, align(cohort.counts, cohort.genes, ranking)


def positions(ranking: Ranking, sets: Sets) -> dict[tuple[str, str], np.ndarray]:
    """Places of the ranked members of each set that has two or more."""
    found = {key: np.unique(ranking.genes.get_indexer(genes)) for key, genes in sets.items()}
    found = {key: places[places >= 0] for key, places in found.items()}
    return {key: places for key, places in found.items() if len(places) > 1}


def type_scores(cohort: Cohort, sets: Sets) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean score of every set in every cell type (sets x types), and the genes that earn it.

    Returns
    -------
    scores : DataFrame, sets x cell types
    leading : DataFrame
        family, pathway, cell_type, gene, share: the member with the largest share of the score in each cell type.
    """
    ranking, counts = ranked(cohort)
    weights = top_weights(counts, ranking)
    places = positions(ranking, sets)
    index = pd.MultiIndex.from_tuples(list(places), names=["family", "pathway"])
    types = sorted(set(cohort.rows[CELL_TYPE]) - {"?"})
    means, leading = {}, []
    for cell_type in types:
        mean = np.asarray(weights[(cohort.rows[CELL_TYPE] == cell_type).to_numpy()].mean(axis=0))
        means[cell_type] = set_scores(mean, places, n_top=ranking.n_top)[0]
        for key, own in places.items():
            earned = mean[0, own]
            first = int(earned.argmax())
            share = earned[first] / max(earned.sum(), 1e-12)
            leading.append((*key, cell_type, ranking.genes[own[first]], share))
    columns = ["family", "pathway", CELL_TYPE, GENE, "share"]
    return pd.DataFrame(means, index=index), pd.DataFrame(leading, columns=columns)


def half_depth(cohort: Cohort, sets: Sets, *, seed: int) -> pd.Series:
    """Mean score at half the counts over that at all counts, in the cell type where the set scores highest."""
    ranking, counts = ranked(cohort)
    thinned = counts.copy()
    thinned.data = np.random.default_rng(seed).binomial(counts.data, 0.5)
    thinned.eliminate_zeros()
    places = positions(ranking, sets)
    scores = [set_scores(top_weights(part, ranking), places, n_top=ranking.n_top) for part in (counts, thinned)]
    whole, half = (pd.DataFrame(part).groupby(cohort.rows[CELL_TYPE].to_numpy()).mean() for part in scores)
    best = whole.to_numpy().argmax(axis=0)
    column = np.arange(len(places))
    ratio = half.to_numpy()[best, column] / np.maximum(whole.to_numpy()[best, column], 1e-12)
    return pd.Series(ratio, index=pd.MultiIndex.from_tuples(list(places)))
