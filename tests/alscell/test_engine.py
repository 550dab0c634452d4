"""What the default engine adds to limma's voom, and what stands beside it: cells, prior, filter, outliers, PyDESeq2."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from alscell import negative_binomial
from alscell.design import build_design, plan_tests
from alscell.expression import Choices, compare_donors, donor_expression, fit_cell_type
from alscell.moderation import benjamini_hochberg, filtered_fdr, moderate, prior_variance
from alscell.normalization import cell_factors, voom
from alscell.tables import check_table

ARMS = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
CHOICES = {
    "method": "voom",
    "min_count": 10,
    "min_total_count": 15,
    "cell_weights": True,
    "local_prior": True,
    "hidden_factors": 0,
    "exclude_outliers": False,
    "independent_filtering": False,
    "fdr": 0.05,
}
LEAST = {"covariates": [], "min_cells": 10, "min_donors": 3, "dataset": "d"}


def donors_table(n_case: int, n_control: int) -> pd.DataFrame:
    levels = ["ALS"] * n_case + ["Control"] * n_control
    return pd.DataFrame({"condition": levels}, index=[f"d{i:02d}" for i in range(len(levels))])


def noisy_cells(seed: int, cells: np.ndarray, *, n_genes: int = 3000, noise: float = 6.0) -> np.ndarray:
    """Well expressed genes whose donors hardly differ, but whose cells do: the sum over n cells varies by noise / n."""
    rng = np.random.default_rng(seed)
    rate = np.exp(rng.normal(6, 1, n_genes))[:, None] * np.exp(rng.normal(0, 0.1, (n_genes, len(cells))))
    return rng.poisson(rate * rng.gamma(cells / noise, noise / cells, rate.shape))


def test_equal_cells_leave_voom_as_it_is_and_unequal_ones_are_weighed_by_what_the_data_show() -> None:
    design = build_design(donors_table(6, 6), **ARMS, covariates=[])
    cells = np.array([20, 300] * 6, dtype=float)
    counts = noisy_cells(1, cells).astype(float)
    sizes = counts.sum(axis=0)
    plain = voom(counts, sizes, design, cells=None)[1]
    assert (voom(counts, sizes, design, cells=np.full(12, 50))[1] == plain).all()
    ratio = voom(counts, sizes, design, cells=cells)[1] / plain
    few, many = ratio[:, ::2].mean(), ratio[:, 1::2].mean()
    # Variances: 0.01 between donors, 6 / 20 and 6 / 300 between cells (natural logs), and 1 / count.
    expected = (0.01 + 6 / 20 + np.exp(-6)) / (0.01 + 6 / 300 + np.exp(-6))
    assert many / few == pytest.approx(expected, rel=0.25)
    same = np.log(ratio).mean(axis=1)
    assert same == pytest.approx(np.zeros(len(same)), abs=1e-9)


def test_cells_that_explain_nothing_change_next_to_nothing() -> None:
    rng = np.random.default_rng(2)
    design = build_design(donors_table(5, 5), **ARMS, covariates=[])
    residuals = rng.normal(0, 0.5, (3000, 10))
    cells = np.array([15, 200] * 5, dtype=float)
    factors = cell_factors(residuals, np.ones((3000, 10)), np.full((3000, 10), 1e6), cells, design)
    assert factors.min() > 0.8
    assert factors.max() < 1.25


def test_power_rises_and_the_null_holds_where_cells_are_uneven() -> None:
    cells = np.array([12, 400, 15, 300, 20, 250, 12, 400, 15, 300, 20, 250], dtype=float)
    design = build_design(donors_table(6, 6), **ARMS, covariates=[])
    found, null = {}, {}
    for weighed in (True, False):
        rates = []
        for seed in range(6):
            counts = noisy_cells(seed, cells, n_genes=1000, noise=2.0)
            rng = np.random.default_rng(seed)
            counts[:50, :6], counts[50:100, 6:] = (
                rng.binomial(part, 0.6) for part in (counts[:50, :6], counts[50:100, 6:])
            )
            fitted = fit_cell_type(
                counts, np.arange(1000), design, Choices(**CHOICES | {"cell_weights": weighed}), cells=cells
            )
            p = fitted.test(design)["p_value"].to_numpy()
            planted = fitted.genes < 100
            called = benjamini_hochberg(p) < 0.05
            rates.append((called[planted].mean(), (p[~planted] < 0.05).mean()))
        found[weighed], null[weighed] = np.mean(rates, axis=0)
    assert found[True] > found[False] + 0.1
    assert 0.035 < null[True] < 0.065


def test_local_prior_weighs_less_where_genes_differ_more() -> None:
    """Low half: variances as like as chance allows; high half: a prior of 4 degrees of freedom."""
    rng = np.random.default_rng(3)
    average = np.sort(rng.uniform(0, 10, 20_000))
    true = np.where(average > 5, 4 / rng.chisquare(4, 20_000), 1.0)
    sigma2 = true * rng.chisquare(6, 20_000) / 6
    common = prior_variance(sigma2, 6, average=average, prior="common")[1]
    local = prior_variance(sigma2, 6, average=average, prior="local")[1]
    assert (local <= common + 1e-9).all() or np.median(local[average > 7]) < np.median(common)
    assert np.median(local[average > 7]) < 6
    posterior = moderate(sigma2, 6, average=average, prior="local")[0]
    plain = moderate(sigma2, 6, average=average, prior="common")[0]
    high = average > 6
    assert np.mean((np.log(posterior) - np.log(true))[high] ** 2) < np.mean((np.log(plain) - np.log(true))[high] ** 2)
    with pytest.raises(ValueError, match="none of"):
        prior_variance(sigma2, 6, average=average, prior="robust")


def test_filter_gains_calls_where_low_genes_hold_none_and_changes_nothing_without_hits() -> None:
    rng = np.random.default_rng(4)
    mean = rng.uniform(0, 10, 4000)
    p = rng.uniform(size=4000)
    high = np.flatnonzero(mean > 7)
    p[high[:300]] = rng.beta(0.15, 8, 300)
    filtered, plain = filtered_fdr(p, mean, fdr=0.05), benjamini_hochberg(p)
    assert (filtered <= 0.05).sum() > (plain <= 0.05).sum()
    assert np.isnan(filtered[mean < 3]).mean() > 0.9
    null = rng.uniform(size=4000)
    assert (filtered_fdr(null, mean, fdr=0.05) == benjamini_hochberg(null)).all()


# --- tables


def pseudobulk(counts: np.ndarray, cells: list[int], donors: pd.DataFrame) -> tuple:
    rows = donors.assign(cell_type="opc", n_cells=cells).rename_axis("donor").reset_index()
    return sparse.csr_matrix(counts.T), rows, np.array([f"g{i:04d}" for i in range(len(counts))], dtype=object)


def cohort(n: int, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(np.exp(rng.normal(5, 1, 800))[:, None] * np.exp(rng.normal(0, 0.3, (800, 2 * n))))
    counts[:40, :n] *= 4
    return counts


def test_outliers_are_named_or_excluded_and_hits_of_one_donor_are_marked() -> None:
    counts = cohort(5)
    counts[50, 2] *= 400
    data = pseudobulk(counts, [60] * 10, donors_table(5, 5))
    table = check_table(compare_donors(*data, {"c": ARMS}, Choices(**CHOICES), **LEAST).table, "differential")
    table = table.set_index("gene")
    assert table.loc["g0050", "outlier_donor"] == "d02"
    assert table.loc["g0050", "decisive_donor"] == "d02"
    assert table["outlier_donor"].notna().mean() < 0.05
    planted = table.iloc[:40]
    assert (planted["p_without_one"] > planted["p_value"]).mean() > 0.9
    assert (planted["p_without_one"] < 0.05).mean() > 0.9
    changed = Choices(**CHOICES | {"exclude_outliers": True})
    excluded = compare_donors(*data, {"c": ARMS}, changed, **LEAST).table.set_index("gene")
    assert excluded["p_value"].isna().tolist() == table["outlier_donor"].notna().tolist()


def test_detectable_changes_shrink_with_donors_and_half_of_such_genes_are_found() -> None:
    detectable = {}
    for n in (4, 10):
        found = compare_donors(
            *pseudobulk(cohort(n), [60] * 2 * n, donors_table(n, n)), {"c": ARMS}, Choices(**CHOICES), **LEAST
        )
        power = check_table(found.power, "differential_power").iloc[0]
        assert power["n_hits"] == (found.table["fdr"] <= 0.05).sum()
        assert power["p_needed"] == pytest.approx(0.05 * 0.01 * 0.8 / 0.95)
        assert power["detectable_low"] < power["detectable"] < power["detectable_high"]
        detectable[n] = power["detectable"]
    assert detectable[10] < 0.7 * detectable[4]
    rng = np.random.default_rng(6)
    hits = []
    for seed in range(5):
        counts = cohort(10, seed + 20)
        up, down = counts[100:150, :10], counts[150:200, 10:]
        counts[100:150, :10], counts[150:200, 10:] = (rng.poisson(part * 2 ** detectable[10]) for part in (up, down))
        table = compare_donors(
            *pseudobulk(counts, [60] * 20, donors_table(10, 10)), {"c": ARMS}, Choices(**CHOICES), **LEAST
        ).table.set_index("gene")
        names = [f"g{i:04d}" for i in range(100, 200)]
        hits.append((table["p_value"].reindex(names) < 0.05 * 0.01 * 0.8 / 0.95).mean())
    assert 0.6 < np.mean(hits) < 0.9  # 0.8 for the median gene, less on average


def test_expression_of_donors_is_for_all_with_enough_cells() -> None:
    counts, rows, genes = pseudobulk(cohort(4), [60] * 7 + [3], donors_table(4, 4))
    table = compare_donors(counts, rows, genes, {"c": ARMS}, Choices(**CHOICES), **LEAST).table
    values = check_table(donor_expression(counts, rows, genes, table, min_cells=10), "expression_donors")
    assert values.columns.tolist() == ["cell_type", "gene", *sorted(rows["donor"])]
    assert values["gene"].tolist() == sorted(table["gene"])
    assert values["d07"].isna().all()
    shown = values.set_index("gene")
    change = shown[["d00", "d01", "d02", "d03"]].mean(axis=1) - shown[["d04", "d05", "d06"]].mean(axis=1)
    estimated = table.set_index("gene")["log2_fold_change"][change.index]
    assert np.corrcoef(change, estimated)[0, 1] > 0.99


# --- PyDESeq2


def test_pydeseq2_by_contrast_equals_its_own_formula() -> None:
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.ds import DeseqStats

    rng = np.random.default_rng(7)
    counts = rng.negative_binomial(8, 8 / (8 + np.exp(rng.normal(4, 1, 150))[:, None] * np.ones(12)))
    counts[:20, :4] *= 3
    donors = pd.DataFrame({"group": np.repeat(["A", "B", "C"], 4)}, index=[f"d{i:02d}" for i in range(12)])
    arms = {"a_c": ("A", "C"), "b_c": ("B", "C"), "a_b": ("A", "B")}
    definitions = {name: {"factor": "group", "case": [a], "control": [b]} for name, (a, b) in arms.items()}
    designs, _ = plan_tests(donors, definitions, covariates=[], min_donors=3)
    frame = pd.DataFrame(counts.T, index=donors.index, columns=[f"g{i}" for i in range(150)])
    data = DeseqDataSet(counts=frame, metadata=donors, design="~group", quiet=True)
    data.deseq2()
    for name, (case, control) in arms.items():
        stats = DeseqStats(data, contrast=["group", case, control], independent_filter=False, quiet=True)
        stats.summary()
        found = negative_binomial.test_counts(counts, designs[name])
        assert found["effect"].to_numpy() == pytest.approx(stats.results_df["log2FoldChange"].to_numpy(), abs=1e-3)
        assert found["statistic"].to_numpy() == pytest.approx(stats.results_df["stat"].to_numpy(), abs=2e-2)
    matrix, column = negative_binomial.contrast_as_column(designs["a_b"])
    assert matrix.columns[-1] == column
    assert (found["shrunk"].abs() <= found["effect"].abs() + 1e-6).mean() > 0.95


def test_pydeseq2_is_a_method_of_the_workflow() -> None:
    data = pseudobulk(cohort(4)[:150], [60] * 8, donors_table(4, 4))
    choices = Choices(**CHOICES | {"method": "pydeseq2"})
    found = compare_donors(*data, {"c": ARMS}, choices, **LEAST)
    table = check_table(found.table, "differential").set_index("gene")
    check_table(found.power, "differential_power")
    assert (table["fdr"].iloc[:40] < 0.05).mean() > 0.8
    assert table["log2_fold_change"].iloc[:40].mean() > 1
    with pytest.raises(ValueError, match="'wilcoxon' is none of"):
        Choices(**CHOICES | {"method": "wilcoxon"})
