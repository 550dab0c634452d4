"""Variable genes, principal components, integration: planted truth and other implementations."""

import os
import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.embedding import (
    common_genes,
    embedding_table,
    integrate,
    log_normalize,
    principal_components,
    standardized_variance,
    usable_cells,
    variable_genes,
)
from alscell.errors import InputError
from alscell.tables import check_table

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"


def as_data(matrix):
    genes = [f"G{i}" for i in range(matrix.shape[1])]
    return anndata.AnnData(sp.csr_matrix(matrix), var=pd.DataFrame(index=genes))


def test_log_normalize_by_hand_and_by_the_depth_over_all_genes():
    out = log_normalize(as_data(np.array([[1, 0, 3], [0, 0, 5]])), genes=["G2", "G0"])
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.toarray(), [[np.log1p(7500), np.log1p(2500)], [np.log1p(10000), 0]], rtol=1e-6)


def test_a_cell_without_counts_stays_zero():
    assert log_normalize(as_data(np.array([[0, 0], [1, 1]])), genes=["G0"]).toarray()[0, 0] == 0


def test_genes_that_differ_between_cell_types_are_more_variable_than_genes_of_any_mean_that_do_not():
    generator = np.random.default_rng(0)
    means = 10 ** generator.uniform(-2, 1.5, 600)
    rates = np.tile(means, (400, 1))
    rates[:200, :30] *= 4
    rates[200:, :30] /= 4
    found = standardized_variance(as_data(generator.poisson(rates * generator.gamma(5, 0.2, rates.shape))))
    marked = means[:30] > 0.1
    assert marked.sum() > 15
    others = found.iloc[30:][means[30:] > 0.1]
    assert (found.iloc[:30][marked] > others.quantile(0.99)).all()
    assert others.between(0.6, 1.4).all()  # 1 is usual, at every mean


def test_standardized_variance_by_hand_where_the_trend_is_given(monkeypatch):
    import statsmodels.nonparametric.smoothers_lowess as smoothers

    matrix = np.random.default_rng(1).poisson(2.0, (25, 12))
    matrix[0, 0] = 60  # clipped at mean + sqrt(25) * sd
    monkeypatch.setattr(smoothers, "lowess", lambda y, x, **_: np.zeros_like(y))  # variance 1 is usual everywhere
    found = standardized_variance(as_data(matrix))
    clipped = np.minimum(matrix, matrix.mean(axis=0) + 5)
    expected = ((clipped - matrix.mean(axis=0)) ** 2).sum(axis=0) / 24
    np.testing.assert_allclose(found.to_numpy(), expected)


def test_genes_without_variance_and_samples_of_one_cell_get_zero():
    matrix = np.random.default_rng(2).poisson(1.0, (30, 20))
    matrix[:, 3] = 0
    assert standardized_variance(as_data(matrix))["G3"] == 0
    assert (standardized_variance(as_data(matrix[:1])) == 0).all()


def test_variable_genes_counts_samples_first_and_then_ranks():
    table = pd.DataFrame(
        {"a": [9, 8, 1, 2, 0], "b": [9, 1, 8, 2, 0], "c": [1, 9, 8, 2, 0]}, index=["x", "y", "z", "never", "flat"]
    )
    assert variable_genes(table, n_top_genes=2) == ["x", "y"]  # all in two samples; median ranks 1, 1.5, 2
    assert variable_genes(table, n_top_genes=50) == ["x", "y", "z", "never"]
    wild_in_one = pd.DataFrame({"a": [100, 5, 4], "b": [1, 5, 4], "c": [1, 5, 4]}, index=["w", "u", "v"])
    assert variable_genes(wild_in_one, n_top_genes=2) == ["u", "v"]


def test_common_genes_is_the_intersection_and_none_is_the_users_mistake():
    first, second = pd.Series([1.0, 2, 3], index=["A", "B", "C"]), pd.Series([4.0, 5], index=["C", "A"])
    table = common_genes({"s": first, "t": second}, where="limits")
    assert table.loc[["A", "C"]].to_numpy().tolist() == [[1, 5], [3, 4]]
    with pytest.raises(InputError, match=r"'A' in one and 'ENSG1' in another"):
        common_genes({"s": first, "t": pd.Series([1.0], index=["ENSG1"])}, where="limits")


def test_principal_components_agree_with_sklearn():
    from sklearn.decomposition import PCA

    matrix = (np.random.default_rng(3).poisson(1.0, (5000, 40)) * np.linspace(1, 3, 40)).astype(np.float32)
    ours = principal_components(sp.csr_matrix(matrix), n_components=6)
    theirs = PCA(6, svd_solver="full").fit_transform(matrix.astype(np.float64))
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours, theirs * signs, atol=1e-6)


def test_principal_components_are_clipped_to_what_there_is():
    assert principal_components(sp.random(8, 50, 0.5, "csr", rng=np.random.default_rng(0)), n_components=30).shape == (
        8,
        7,
    )


def test_integration_takes_a_shift_between_samples_out_and_leaves_types_apart():
    generator = np.random.default_rng(4)
    kind = np.tile([0, 1], 200)
    sample = np.repeat(["a", "b"], 200)
    components = generator.normal(0, 1, (400, 5))
    components[:, 0] += 20 * kind
    components[:, 1] += 6 * (sample == "b")
    out = integrate(components, sample, seed=1)
    assert out.shape == components.shape
    assert abs(out[sample == "a", 1].mean() - out[sample == "b", 1].mean()) < 2.5  # of 6
    assert out[kind == 1, 0].mean() - out[kind == 0, 0].mean() > 15
    np.testing.assert_array_equal(out, integrate(components, sample, seed=1))
    assert integrate(components, np.full(400, "one"), seed=1) is components


QUALITY = {
    name: pd.DataFrame({"cell": [f"{name}_{i}" for i in range(n)], "keep": [i % 2 == 0 for i in range(n)]})
    for name, n in (("s2", 60), ("s1", 20), ("bad", 90))
}
LIMITS = pd.DataFrame({"sample": ["s1", "s2", "bad"], "status": ["ok", "ok", "too_few_cells"]})
SAMPLES = {
    "s2": {"donor": "d1", "batch": "x"},
    "s1": {"donor": "d1", "batch": "y"},
    "bad": {"donor": "d2", "batch": "y"},
}


@pytest.mark.parametrize(("by", "groups"), [("sample", 2), ("donor", 1), ("batch", 2), ("none", 1)])
def test_usable_cells_are_kept_ones_of_good_samples(by, groups):
    cells = usable_cells(QUALITY, LIMITS, SAMPLES, integrate_by=by)
    assert cells["sample"].value_counts().to_dict() == {"s2": 30, "s1": 10}
    assert cells["donor"].unique().tolist() == ["d1"]
    assert cells["group"].nunique() == groups


def test_too_few_cells_and_a_missing_column_are_the_users_mistakes():
    with pytest.raises(InputError, match="10 kept cells in 1 samples"):
        usable_cells(QUALITY, LIMITS[LIMITS["sample"] != "s2"], SAMPLES, integrate_by="sample")
    with pytest.raises(InputError, match=r"found 0 kept cells"):
        usable_cells(QUALITY, LIMITS.assign(status="too_few_cells"), SAMPLES, integrate_by="sample")
    with pytest.raises(InputError, match="'pool', which is no column"):
        usable_cells(QUALITY, LIMITS, SAMPLES, integrate_by="pool")


def test_embedding_table_keeps_its_contract():
    cells = usable_cells(QUALITY, LIMITS, SAMPLES, integrate_by="none").sort_values("cell")
    values = np.arange(40 * 3.0).reshape(40, 3)
    table = check_table(embedding_table(cells, values, values[:, :2]), "embedding")
    assert table.columns[-3:].tolist() == ["pc_01", "pc_02", "pc_03"]
    assert table["cell"].tolist() == cells["cell"].tolist()


PROBE = """
import numpy as np, scipy.sparse as sp
from alscell.embedding import integrate, principal_components
from alscell.neighbors import nearest_neighbors
from threadpoolctl import threadpool_info, threadpool_limits
values = sp.random(200, 50, 0.1, "csr", dtype=np.float32, rng=np.random.default_rng(0))
with threadpool_limits(limits=1):
    found = integrate(principal_components(values, n_components=5), np.tile(["a", "b"], 100), seed=1)
    nearest_neighbors(found, n_neighbors=5, seed=1)
    print(*(pool["num_threads"] for pool in threadpool_info()))
"""


def test_one_limit_on_threads_reaches_every_library_so_that_the_last_digits_repeat():
    threads = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    env = {**os.environ, **threads, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) >= 2
    assert set(done.stdout.split()) == {"1"}
