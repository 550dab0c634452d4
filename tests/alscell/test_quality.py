"""Metrics, limits and flags against arithmetic by hand."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.stats import median_abs_deviation

from alscell.quality import (
    Limits,
    cell_metrics,
    flag_cells,
    median_and_mad,
    n_mitochondrial_genes,
    sample_limits,
    sample_status,
    summarize_sample,
)
from alscell.tables import check_table

SETTINGS = {
    "n_mads": 5,
    "n_mads_mitochondrial": 3,
    "min_counts": 500,
    "min_genes": 200,
    "max_fraction_mitochondrial": 0.05,
}


def metrics_of(n_counts, *, n_genes=None, mitochondrial=0.0):
    n_counts = np.asarray(n_counts)
    n_genes = np.full(len(n_counts), 1000) if n_genes is None else n_genes
    values = {"n_counts": n_counts, "n_genes": n_genes, "fraction_mitochondrial": mitochondrial}
    return pd.DataFrame({**values, "fraction_ribosomal": 0.0})


def test_metrics_of_three_cells():
    genes = ["MT-CO1", "mt-Nd1", "RPL3", "Rps27a", "RPS6KA1", "RPL10P3", "MTOR", "MBP"]
    matrix = sp.csr_matrix([[1, 1, 2, 0, 4, 0, 0, 2], [0, 0, 0, 5, 0, 5, 0, 0], [0] * 8])
    found = cell_metrics(matrix, genes)
    assert found["n_counts"].tolist() == [10, 10, 0]
    assert found["n_genes"].tolist() == [5, 2, 0]
    assert found["fraction_mitochondrial"].tolist() == [0.2, 0.0, 0.0]
    assert found["fraction_ribosomal"].tolist() == [0.2, 0.5, 0.0]
    assert n_mitochondrial_genes(genes) == 2


@pytest.mark.parametrize("gene", ["RPL3", "RPLP0", "RPSA", "RPS4X", "RPS4Y1", "RPL36AL", "RPL7L1", "RPS27L", "RPL13A"])
def test_ribosomal_proteins_are_known_by_name(gene):
    assert cell_metrics(sp.csr_matrix([[1]]), [gene])["fraction_ribosomal"][0] == 1


@pytest.mark.parametrize("gene", ["RPS6KA1", "RPS6KB2", "RPL10P3", "RPLP0P6", "RPSAP58", "RPS19BP1", "MRPL3"])
def test_other_genes_are_not_ribosomal_proteins(gene):
    assert cell_metrics(sp.csr_matrix([[1]]), [gene])["fraction_ribosomal"][0] == 0


def test_median_and_mad_as_scipy_has_them():
    values = np.random.default_rng(0).lognormal(size=501)
    median, mad = median_and_mad(values)
    assert median == np.median(values)
    assert mad == pytest.approx(median_abs_deviation(values, scale="normal"), rel=1e-4)
    with pytest.raises(ValueError, match="no values"):
        median_and_mad(np.array([]))


def test_limits_follow_the_spread_of_the_sample():
    n_counts = np.random.default_rng(1).lognormal(8, 0.2, 2000).astype(int)
    mitochondrial = np.random.default_rng(2).normal(0.01, 0.002, 2000)
    found = sample_limits(metrics_of(n_counts, n_genes=n_counts // 3, mitochondrial=mitochondrial), **SETTINGS)
    middle, spread = np.median(np.log1p(n_counts)), median_abs_deviation(np.log1p(n_counts), scale="normal")
    assert found.lower_counts == pytest.approx(np.expm1(middle - 5 * spread), rel=1e-3)
    assert found.upper_counts == pytest.approx(np.expm1(middle + 5 * spread), rel=1e-3)
    assert found.upper_mitochondrial == pytest.approx(0.016, abs=0.001)
    assert found.lower_genes < found.lower_counts


def test_limits_are_never_looser_than_floors_and_ceiling():
    n_counts = np.random.default_rng(1).lognormal(7, 1.5, 2000).astype(int)
    mitochondrial = np.random.default_rng(2).uniform(0, 1, 2000)
    found = sample_limits(metrics_of(n_counts, n_genes=n_counts // 3, mitochondrial=mitochondrial), **SETTINGS)
    assert found.lower_counts == 500
    assert found.lower_genes == 200
    assert found.upper_mitochondrial == 0.05


def test_debris_does_not_move_the_limits():
    cells = np.random.default_rng(1).lognormal(8, 0.2, 1000).astype(int)
    alone = sample_limits(metrics_of(cells), **SETTINGS)
    with_debris = sample_limits(metrics_of(np.concatenate([cells, np.full(3000, 40)])), **SETTINGS)
    assert with_debris == alone


def test_no_mitochondrial_spread_leaves_the_ceiling():
    mitochondrial = np.where(np.arange(100) < 10, 0.03, 0.0)
    found = sample_limits(metrics_of(np.full(100, 3000), mitochondrial=mitochondrial), **SETTINGS)
    assert found.upper_mitochondrial == 0.05
    assert (found.lower_counts, found.upper_counts) == (500, 3000)


def test_sample_without_a_solid_cell_has_limits_too():
    found = sample_limits(metrics_of([3, 40]), **SETTINGS)
    assert found == Limits(500, 40, 200, 0.05)
    assert flag_cells(metrics_of([3, 40]), found)["low_counts"].all()


def test_each_flag_has_its_own_reason_and_limits_are_inside():
    metrics = metrics_of(
        [499, 500, 9000, 9001, 1000], n_genes=[200, 200, 200, 200, 199], mitochondrial=[0.05, 0.0, 0.051, 0.0, 0.0]
    )
    found = flag_cells(metrics, Limits(500, 9000, 200, 0.05))
    assert found["low_counts"].tolist() == [True, False, False, False, False]
    assert found["high_counts"].tolist() == [False, False, False, True, False]
    assert found["low_genes"].tolist() == [False, False, False, False, True]
    assert found["high_mitochondrial"].tolist() == [False, False, True, False, False]
    assert "low_counts" not in metrics


@pytest.mark.parametrize(
    ("n_cells", "n_kept", "status"),
    [
        (100, 50, "ok"),
        (100, 49, "too_few_cells"),
        (1000, 199, "most_cells_lost"),
        (1000, 200, "ok"),
        (0, 0, "too_few_cells"),
    ],
)
def test_status_of_a_sample(n_cells, n_kept, status):
    assert sample_status(n_cells, n_kept, min_cells=50, min_fraction_kept=0.2) == status


def test_summary_counts_flags_and_fits_its_table():
    flags = flag_cells(metrics_of([400, 1000, 2000, 3000]), Limits(500, 2500, 200, 0.05))
    cells = flags.assign(doublet=[False, True, False, False], keep=[False, False, True, False])
    row = summarize_sample(
        cells, Limits(500, 2500, 200, 0.05), dataset="d", sample="s", min_cells=1, min_fraction_kept=0.2
    )
    row = check_table(row, "quality_limits").iloc[0]
    assert (row["n_cells"], row["n_kept"], row["n_low_counts"], row["n_high_counts"], row["n_doublets"]) == (
        4,
        1,
        1,
        1,
        1,
    )
    assert (row["median_counts"], row["status"]) == (2000, "ok")
    none = summarize_sample(
        cells.assign(keep=False), Limits(1, 2, 3, 0.05), dataset="d", sample="s", min_cells=1, min_fraction_kept=0.2
    )
    row = check_table(none, "quality_limits").iloc[0]
    assert np.isnan(row["median_counts"])
    assert row["status"] == "most_cells_lost"
