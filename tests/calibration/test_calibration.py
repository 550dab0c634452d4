"""A small half of the calibration benchmark, on fixed seeds: margins are those of the smaller sample."""

import pandas as pd
import pytest

from calibration.cohorts import ARMS, CORRELATIONS
from calibration.measure import summary
from calibration.simulated import DEFAULT, compositions, gene_sets, genes, naive


@pytest.fixture(scope="module")
def tests_of_genes():
    rows = [
        row for arms in ARMS for planted in (0.0, 0.1) for row in genes(arms, planted, repeats=9, seed=7, with_r=False)
    ]
    return summary(pd.DataFrame(rows), ["planted", "method"]).set_index(["planted", "method"])


def test_null_p_values_are_uniform_enough(tests_of_genes):
    row = tests_of_genes.loc[0.0, DEFAULT]
    assert row["n_cohorts"] >= 20
    assert 0.03 <= row["null_p05"] <= 0.06
    assert row["null_p001"] <= 0.002
    assert row["any_call"] <= 0.07 + 2 * row["any_call_se"]


def test_planted_genes_are_found_at_the_fdr_that_is_said(tests_of_genes):
    row = tests_of_genes.loc[0.1, DEFAULT]
    assert row["fdp"] <= 0.06 + 2 * row["fdp_se"]
    assert row["power"] >= tests_of_genes.loc[(0.1, "best_possible"), "power"] - 0.05
    assert tests_of_genes.loc[(0.1, "oracle"), "power"] > row["power"]


def test_weights_by_cell_number_would_break_it(tests_of_genes):
    assert tests_of_genes.loc[(0.0, "cell_number_weights"), "null_p05"] > 0.06


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_sets_hold_their_rate_whatever_the_correlation(correlation):
    rows = pd.DataFrame(gene_sets(correlation, repeats=12, seed=7, prerank_repeats=0)).query("planted == 0")
    rates = summary(rows, ["method"]).set_index("method")
    for method in ("camera", "donor_scores"):
        assert rates.loc[method, "null_p05"] <= 0.06 + 2 * rates.loc[method, "null_p05_se"], method


def test_shares_hold_their_rate():
    rates = summary(pd.DataFrame(compositions(repeats=60, seed=7)), ["method"]).set_index("method")
    assert 0.03 <= rates.loc["composition", "null_p05"] <= 0.065


def test_tests_over_cells_do_not():
    rates = summary(pd.DataFrame(naive(repeats=3, seed=7)), ["planted", "method"]).set_index(["planted", "method"])
    assert rates.loc[(0.0, "cell_wilcoxon"), "null_p05"] > 0.2
    assert rates.loc[(0.0, DEFAULT), "null_p05"] <= 0.06
