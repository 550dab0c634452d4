"""Hits of one dataset in another one: hand arithmetic, planted and null tables, chance by expression, edge cases."""

import numpy as np
import pandas as pd
import pytest

from alscell import replication
from alscell.tables import check_table


def rows(dataset, effects, p_values, *, fdr=None, mean=None, cell_type="t", names=None):
    n = len(effects)
    table = pd.DataFrame({"log2_fold_change": effects, "p_value": p_values, "fdr": p_values if fdr is None else fdr})
    table["gene"] = [f"g{i:05}" for i in range(n)] if names is None else names
    table["mean"] = np.zeros(n) if mean is None else mean
    return table.assign(dataset=dataset, contrast="c", cell_type=cell_type, standard_error=1.0, descriptive=False)


def compared(*tables, n_bins=1, fdr=0.05):
    got = replication.replicate_genes(pd.concat(tables, ignore_index=True), fdr=fdr, n_bins=n_bins)
    return check_table(got, "synthesis_replication")


def pair(table, discovery, other):
    return table.set_index(["discovery", "replication"]).loc[(discovery, other)]


def test_counts_by_hand():
    """Five hits of `a`; g4 is not tested in `b`. Of four others one has the same sign and p < 0.05, two the sign."""
    a = rows("a", [1, 2, -1, -2, 3, 1, 1, 1, -1], [0.01] * 5 + [0.5] * 4)
    b = rows("b", [1, 2, -3, 1, 0, 1, 1, -1, 1], [0.01, 0.2, 0.03, 0.001, 0.9, 0.04, 0.3, 0.01, 0.02]).drop(index=4)
    got = pair(compared(a, b), "a", "b")
    assert got[["n_hits", "n_same_sign", "n_replicated", "n_others"]].tolist() == [4, 3, 2, 4]
    shares = ["rate", "chance_same_sign", "chance_rate", "ratio"]
    assert got[shares].tolist() == pytest.approx([0.5, 0.5, 0.25, 2.0])
    assert got["effect_correlation"] == pytest.approx(0.632, abs=1e-3)  # ranks 3 4 2 1 against 2.5 4 1 2.5
    other_way = pair(compared(a, b), "b", "a")
    assert other_way["n_hits"] == 6


def simulated(rng, *, n, n_changed, shift=0.0):
    """Two datasets of one truth: z statistics of the genes, the first ones changed; a shift moves all genes of both."""
    truth = np.where(np.arange(n) < n_changed, 5.0, 0.0) * rng.choice([-1, 1], n)
    tables = []
    for name in ("a", "b"):
        z = rng.normal(truth + shift)
        p = 2 * replication.stats.norm.sf(np.abs(z))
        tables.append(rows(name, z, p, fdr=np.where(p < 1e-3, 0.01, 0.9), mean=rng.normal(size=n)))
    return tables


def test_planted_changes_come_again_and_chance_is_that_of_the_null():
    got = pair(compared(*simulated(np.random.default_rng(1), n=6000, n_changed=200), n_bins=10), "a", "b")
    assert got["rate"] > 0.9
    assert 0.015 < got["chance_rate"] < 0.035  # half of 5 %
    assert 0.45 < got["chance_same_sign"] < 0.55
    assert got["ratio"] > 25
    assert got["effect_correlation"] > 0.5


def test_without_a_change_hits_come_again_as_often_as_chance():
    tables = simulated(np.random.default_rng(2), n=200_000, n_changed=0)
    got = pair(compared(*tables, n_bins=10), "a", "b")
    assert got["n_hits"] > 100
    assert got["rate"] == pytest.approx(got["chance_rate"], abs=0.03)


def test_a_shift_of_all_genes_raises_chance_and_not_the_ratio():
    """All genes move in both datasets, such as by depth: 0.025 would be a wrong yardstick."""
    got = pair(compared(*simulated(np.random.default_rng(3), n=20_000, n_changed=0, shift=1.0), n_bins=5), "a", "b")
    assert got["chance_rate"] > 0.1
    assert got["ratio"] < 1.6


def test_chance_is_taken_at_the_expression_of_the_hits():
    """Only highly expressed genes can be significant in `b`; hits of `a` are all highly expressed."""
    n = 400
    mean = np.arange(n, dtype=float)
    high = mean >= 300
    a = rows("a", np.ones(n), np.where(mean >= 380, 0.01, 0.9), mean=mean)
    b = rows("b", np.ones(n), np.where(high, 0.01, 0.9), mean=mean)
    assert pair(compared(a, b, n_bins=10), "a", "b")["chance_rate"] == 1
    assert pair(compared(a, b, n_bins=1), "a", "b")["chance_rate"] == pytest.approx(80 / 380)


def test_order_of_datasets_and_rows_does_not_matter():
    a, b = simulated(np.random.default_rng(4), n=500, n_changed=50)
    once, again = compared(a, b, n_bins=4), compared(b.sample(frac=1, random_state=0), a, n_bins=4)
    pd.testing.assert_frame_equal(once, again)
    assert once[["discovery", "replication"]].to_numpy().tolist() == [["a", "b"], ["b", "a"]]


def test_one_dataset_and_no_common_type_give_no_row():
    a = rows("a", [1.0], [0.01])
    assert compared(a).empty
    assert compared(a, rows("b", [1.0], [0.01], cell_type="u")).empty
    assert compared(a, rows("b", [1.0], [0.01]).assign(descriptive=True)).empty


def test_no_hits_give_a_row_without_shares():
    got = compared(rows("a", [1.0, 2.0], [0.5, 0.6]), rows("b", [1.0, 2.0], [0.5, 0.6]))
    assert got["n_hits"].tolist() == [0, 0]
    assert got[["rate", "chance_same_sign", "chance_rate", "ratio", "effect_correlation"]].isna().all(axis=None)


def test_all_hits_leave_no_chance_to_compare_with():
    got = pair(compared(rows("a", [1.0] * 3, [0.01] * 3), rows("b", [1.0] * 3, [0.01] * 3)), "a", "b")
    assert got[["rate", "n_others"]].tolist() == [1, 0]
    assert np.isnan([got["chance_rate"], got["ratio"], got["effect_correlation"]]).all()


def test_rows_without_p_are_not_looked_up_and_without_fdr_are_no_hits():
    a = rows("a", [1.0, 1.0, 1.0], [0.01, 0.01, 0.01], fdr=[0.01, np.nan, 0.01])
    b = rows("b", [1.0, 1.0, 1.0], [0.01, 0.01, np.nan])
    got = pair(compared(a, b), "a", "b")
    assert got[["n_hits", "n_others", "n_replicated"]].tolist() == [1, 1, 1]


def test_gene_sets():
    names = [f"s{i}" for i in range(4)]
    a, b = (rows(name, [1, 1, -1, -1], [0.01, 0.01, 0.6, 0.7], names=names) for name in "ab")
    tests = pd.concat([a, b]).rename(columns={"log2_fold_change": "effect", "gene": "pathway"}).assign(family="f")
    got = check_table(replication.replicate_pathways(tests.drop(columns="mean"), fdr=0.05), "synthesis_replication")
    assert got["kind"].tolist() == ["pathway", "pathway"]
    assert got[["n_hits", "n_replicated", "n_others", "chance_rate"]].to_numpy().tolist() == [[2, 2, 2, 0]] * 2
    assert got["ratio"].isna().all()
