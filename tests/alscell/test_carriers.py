"""Members of a set and their part in its effect: they add up, and a planted gene is named first."""

import numpy as np
import pandas as pd
import pytest

from alscell.activity import arm_models, compare_arms
from alscell.carriers import gene_contributions, leading_genes, with_gene_tests
from alscell.pathways import Profiles, donor_scores
from alscell.tables import check_table

N_GENES, N_TOP = 120, 30
ARMS = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
LIMITS = {"covariates": ["sex"], "min_cells": 10, "min_donors": 3, "cell_weights": True}
MEMBERS = {("f", f"s{number}"): np.arange(number * 20, number * 20 + 20) for number in range(6)}


def cohort(n_case: int, n_control: int):
    """Profiles of two cell types; in microglia of cases gene g005 earns three times as much."""
    rng = np.random.default_rng(4)
    donors = pd.DataFrame(
        {"condition": ["ALS"] * n_case + ["Control"] * n_control, "sex": list("FM" * 10)[: n_case + n_control]},
        index=pd.Index([f"d{i}" for i in range(n_case + n_control)], name="donor"),
    )
    rows, weights = [], []
    for donor, condition in donors["condition"].items():
        for cell_type in ("astrocyte", "microglia"):
            values = rng.lognormal(0, 0.3, N_GENES)
            values[5] *= 3 if (condition, cell_type) == ("ALS", "microglia") else 1
            rows.append((donor, cell_type, int(rng.integers(10, 90)), 1000.0))
            weights.append(values)
    genes = pd.Index([f"g{number:03}" for number in range(N_GENES)])
    expression = pd.DataFrame(dict.fromkeys(("astrocyte", "microglia"), np.ones(N_GENES)), index=genes)
    frame = pd.DataFrame(rows, columns=["donor", "cell_type", "n_cells", "depth"])
    return donors, Profiles(frame, np.array(weights), genes, N_TOP, expression)


def explained(n_case: int, n_control: int):
    donors, profiles = cohort(n_case, n_control)
    scores = donor_scores(profiles, MEMBERS, None)
    scores["score_sd"] = 0.3 * scores["score"]
    tests = compare_arms(
        scores,
        donors,
        None,
        {},
        {"c": ARMS},
        "c",
        fdr=0.05,
        n_random_sets=0,
        n_expression_bins=1,
        seed=(0, ""),
        **LIMITS,
    )
    models = list(arm_models(scores, donors, {"c": ARMS}, "c", **LIMITS))
    return tests, gene_contributions(models, tests, profiles, MEMBERS)


@pytest.mark.parametrize("sizes", [(6, 5), (2, 4)])  # tested with covariate and weights; described
def test_contributions_add_up_to_the_effect(sizes):
    tests, parts = explained(*sizes)
    assert tests["descriptive"].all() == (sizes == (2, 4))
    key = ["cell_type", "family", "pathway"]
    sums = parts.groupby(key)[["contribution", "share"]].sum()
    assert len(sums) == 12
    assert sums["contribution"].to_dict() == pytest.approx(tests.set_index(key)["effect"].to_dict())
    assert sums["share"].tolist() == pytest.approx([1] * 12)


def test_the_gene_that_moves_comes_first():
    _, parts = explained(6, 5)
    first = parts[(parts["cell_type"] == "microglia") & (parts["pathway"] == "s0")].iloc[0]
    assert first["gene"] == "g005"
    assert first["share"] > 0.5
    own = parts.groupby(["cell_type", "family", "pathway"])["contribution"]
    assert own.apply(lambda values: values.abs().round(12).is_monotonic_decreasing).all()


def test_a_set_that_does_not_differ_has_no_rows():
    donors, profiles = cohort(4, 4)
    flat = Profiles(profiles.rows, np.ones_like(profiles.weights), profiles.genes, N_TOP, profiles.expression)
    scores = donor_scores(flat, MEMBERS, None)
    models = list(arm_models(scores, donors, {"c": ARMS}, "c", **LIMITS))
    effects = scores[["cell_type", "family", "pathway"]].drop_duplicates().assign(effect=0.0)
    assert gene_contributions(models, effects, flat, MEMBERS).empty
    assert gene_contributions([], effects, flat, MEMBERS).empty


def test_gene_tests_stand_beside_and_may_be_missing():
    _, parts = explained(6, 5)
    genes = pd.DataFrame([("microglia", "g005", 1.6, 1e-6, 1e-4)],
                         columns=["cell_type", "gene", "log2_fold_change", "p_value", "fdr"])  # fmt: skip
    table = with_gene_tests(parts, genes).assign(dataset="x", contrast="c")
    check_table(table, "pathway_genes")
    assert len(table) == len(parts)
    assert table["p_value"].notna().sum() == 1
    assert table.loc[table["p_value"].notna(), ["cell_type", "gene"]].to_numpy().tolist() == [["microglia", "g005"]]


def test_leading_genes_are_the_largest_shares_whatever_the_order_of_the_table():
    """Files are sorted by gene: the first genes of a set in the alphabet are not those that carry it."""
    key = {"contrast": "c", "cell_type": "t", "family": "f", "pathway": "p"}
    table = pd.DataFrame({"gene": list("ABCDE"), "share": [0.01, 0.3, -0.2, 0.5, 0.3]}).assign(**key)
    assert leading_genes(table, n=3)["carried_by"].tolist() == ["D 50 %, B 30 %, E 30 %"]
    pd.testing.assert_frame_equal(leading_genes(table.iloc[::-1], n=3), leading_genes(table, n=3))
