"""Coherence of gene sets: the right number, no coherence from a contrast, uniform percentiles of random sets."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscell.random_sets import expression_bins
from alscell.set_validation import (
    Draws,
    coherence_table,
    design_terms,
    free_basis,
    gene_directions,
    mean_correlation,
    member_agreement,
    set_coherence,
)

ARMS = {"als": {"factor": "condition", "case": ["ALS"], "control": ["Control"]}}
N_GENES = 600


def donors(n: int = 14) -> pd.DataFrame:
    """Two arms, two sexes, an age; and one donor of a condition that no contrast compares."""
    condition = ["ALS", "Control"] * (n // 2)
    frame = pd.DataFrame({"condition": condition, "sex": list("FFMM" * n)[:n], "age": np.arange(50.0, 50 + n)})
    frame.index = [f"d{number:02d}" for number in range(n)]
    return pd.concat([frame, pd.DataFrame({"condition": ["other"], "sex": ["F"], "age": [60.0]}, index=["d99"])])


def values_of(people: pd.DataFrame, *, seed: int, effect: float = 0.0, shared: float = 0.0) -> pd.DataFrame:
    """Log expression; genes g000 to g029 rise in ALS by `effect` and follow one factor by `shared`."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(2, 10, N_GENES)
    noise = rng.normal(0, 1, (N_GENES, len(people))) * rng.uniform(0.5, 2, N_GENES)[:, None]
    noise[:30] += shared * rng.normal(0, 1, len(people)) + effect * (people["condition"] == "ALS").to_numpy()
    names = [f"g{number:03d}" for number in range(N_GENES)]
    return pd.DataFrame(level[:, None] + noise, index=names, columns=people.index)


def as_table(values: pd.DataFrame, cell_type: str = "microglia") -> pd.DataFrame:
    frame = values.rename_axis("gene").reset_index()
    frame.insert(0, "cell_type", cell_type)
    return frame


def sets_of(members: dict[str, list[str]]) -> pd.DataFrame:
    rows = [("f", name, gene) for name, genes in members.items() for gene in genes]
    return pd.DataFrame(rows, columns=["family", "pathway", "gene"])


def planted_and_not() -> pd.DataFrame:
    names = [f"g{number:03d}" for number in range(N_GENES)]
    return sets_of({"planted": names[:30], "other": names[100:130], "few": names[200:204]})


def test_the_mean_correlation_is_that_of_the_pairs():
    people = donors()
    values = values_of(people, seed=1, shared=0.7)
    terms = np.column_stack([np.ones(15), people["age"]])
    directions = gene_directions(values, terms, n_bins=5)
    residuals = values.to_numpy() @ (np.eye(15) - terms @ np.linalg.pinv(terms))
    pairs = np.corrcoef(residuals[:30])[np.triu_indices(30, 1)]
    assert mean_correlation(directions.units[:30].sum(axis=0), 30) == pytest.approx(pairs.mean(), abs=1e-12)
    left = member_agreement(directions, list(values.index[:30]))
    one = left.index[0]
    place = values.index.get_loc(one)
    assert left.iloc[0] == pytest.approx(np.delete(np.corrcoef(residuals[:30])[place], place).mean(), abs=1e-12)


def test_terms_hold_arms_and_covariates_and_leave_other_donors_out():
    terms = design_terms(donors(), ARMS, covariates=["sex", "age"])
    assert "d99" not in terms.index
    assert len(terms) == 14
    basis = free_basis(terms.to_numpy())
    assert basis.shape == (14, 14 - 4)  # intercept, arm, sex, age; the arms' columns add up to the intercept
    people = donors().loc[terms.index]
    for column in ((people["condition"] == "ALS"), (people["sex"] == "F"), people["age"]):
        assert np.abs(column.to_numpy(float) @ basis).max() < 1e-9
    assert len(design_terms(donors(), {}, covariates=[])) == 15


def test_members_that_move_together_are_coherent_and_a_difference_between_arms_is_not():
    people = donors()
    terms = design_terms(people, ARMS, covariates=["sex"])
    draws = Draws(500, 10, 1)
    shared = coherence_table(as_table(values_of(people, seed=2, shared=0.8)), terms, planted_and_not(), draws)
    assert shared["pathway"].tolist() == ["other", "planted"]  # "few" has too few members
    shared = shared.set_index("pathway")
    assert shared.loc["planted", "percentile"] > 99
    assert shared.loc["planted", "correlation"] > 0.15
    assert shared.loc["planted", "n_genes"] == 30
    assert shared.loc["planted", "n_donors"] == 14
    percentiles = []
    for seed in range(40):
        found = coherence_table(as_table(values_of(people, seed=seed, effect=3.0)), terms, planted_and_not(), draws)
        percentiles.append(found.set_index("pathway").loc["planted", "percentile"])
    assert stats.kstest(np.array(percentiles) / 100, "uniform").pvalue > 0.01
    blind = design_terms(people.assign(condition="x"), {}, covariates=[])
    found = coherence_table(as_table(values_of(people, seed=3, effect=3.0)), blind, planted_and_not(), draws)
    assert found.set_index("pathway").loc["planted", "percentile"] == 100  # what the design takes out


def test_random_sets_have_uniform_percentiles():
    """Also where genes share a depth factor that grows as expression falls: unmatched sets take that for coherence."""
    people = donors(20)
    terms = design_terms(people, ARMS, covariates=[])
    rng = np.random.default_rng(5)
    values = values_of(people, seed=5)
    pull = 8 / values.mean(axis=1).to_numpy()
    values += pull[:, None] * rng.normal(0, 0.5, values.shape[1])
    bins = expression_bins(values.mean(axis=1), n_bins=10)
    members = {}
    for number in range(300):
        low = rng.choice(values.index[bins < 3], 12, replace=False)
        high = rng.choice(values.index[bins >= 3], int(rng.integers(3, 30)), replace=False)
        members["f", f"s{number}"] = [*low, *high]
    directions = gene_directions(values[terms.index], terms.to_numpy(), n_bins=10)
    percentile = set_coherence(directions, members, n_sets=1000, seed=1)["percentile"] / 100
    assert (percentile > 0.95).mean() < 0.09
    assert (percentile < 0.05).mean() < 0.09
    assert abs(percentile.mean() - 0.5) < 0.05
    unmatched = gene_directions(values[terms.index], terms.to_numpy(), n_bins=1)
    blind = set_coherence(unmatched, members, n_sets=1000, seed=1)["percentile"] / 100
    assert blind.mean() > 0.6  # the matching does work


def test_too_few_donors_or_genes_give_no_rows():
    people = donors(4)
    terms = design_terms(people, ARMS, covariates=[])
    table = as_table(values_of(people, seed=1))
    assert coherence_table(table, terms, planted_and_not(), Draws(50, 5, 1)).empty
    people = donors()
    few = as_table(values_of(people, seed=1).iloc[:10])
    terms = design_terms(people, ARMS, covariates=[])
    assert coherence_table(few, terms, planted_and_not(), Draws(50, 5, 1)).empty


def test_a_cell_type_stands_alone_and_donors_without_it_are_left_out():
    people = donors()
    terms = design_terms(people, ARMS, covariates=[])
    one, two = as_table(values_of(people, seed=1, shared=1.0)), as_table(values_of(people, seed=2), "astrocyte")
    two["d03"] = np.nan
    both = coherence_table(pd.concat([one, two]), terms, planted_and_not(), Draws(100, 5, 1))
    alone = coherence_table(one, terms, planted_and_not(), Draws(100, 5, 1))
    pd.testing.assert_frame_equal(both[both["cell_type"] == "microglia"].reset_index(drop=True), alone)
    assert set(both.loc[both["cell_type"] == "astrocyte", "n_donors"]) == {13}
