"""Design, moderation, normalization, tests between donors: against limma, edgeR, statsmodels and planted truth."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import sparse, stats
from statsmodels.stats.multitest import multipletests

from alscell.design import build_design
from alscell.errors import InputError
from alscell.expression import (
    CellTypeFit,
    Choices,
    Differential,
    cell_type_units,
    compare_donors,
    fit_cell_type,
)
from alscell.moderation import (
    benjamini_hochberg,
    fit_linear,
    moderate,
    moderated_test,
    natural_spline,
    shrink,
)
from alscell.normalization import expressed_genes, tmm_factors
from alscell.tables import check_table

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
TOLERANCE = 1e-6  # relative; the reference holds 9 digits
ARMS = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
LIMITS = {"min_count": 10, "min_total_count": 15}
LIMMA = {"cell_weights": False, "local_prior": False}  # limma's voom as it is


def choices(**changes: object) -> Choices:
    """The default engine, but for what is said."""
    extras = {"hidden_factors": 0, "exclude_outliers": False, "independent_filtering": False, "fdr": 0.05}
    return Choices(**{"method": "voom", "cell_weights": True, "local_prior": True, **LIMITS, **extras, **changes})


def donors_table(n_case: int = 4, n_control: int = 4, **columns: list[str]) -> pd.DataFrame:
    levels = ["ALS"] * n_case + ["Control"] * n_control
    return pd.DataFrame({"condition": levels, **columns}, index=[f"d{i:02d}" for i in range(len(levels))])


@pytest.fixture(scope="module")
def reference() -> dict:
    read = {name: pd.read_csv(REFERENCE / f"{name}.tsv", sep="\t") for name in ("counts", "donors", "genes")}
    donors = pd.read_csv(REFERENCE / "design.tsv", sep="\t", dtype=str).set_index("donor")
    read["counts"] = read["counts"].set_index("gene")
    read["genes"] = read["genes"].set_index("gene")
    return {**read, "design": build_design(donors, **ARMS, covariates=["age"])}


# --- design


def test_design_codes_arms_numbers_and_labels() -> None:
    donors = donors_table(2, 2, age=["50", "70", "60", "60"], sex=["F", "M", "M", "F"], batch=["1", "2", "2", "1"])
    design = build_design(donors, **ARMS, covariates=["age"])
    assert design.contrast.tolist() == [0, 0, 1]
    assert design.matrix.columns.tolist() == ["intercept", "age", "condition=ALS"]
    assert design.matrix["condition=ALS"].tolist() == [1, 1, 0, 0]
    assert design.arms.tolist() == ["case", "case", "control", "control"]
    assert design.matrix["age"].to_numpy() == pytest.approx(stats.zscore([50, 70, 60, 60], ddof=1))
    labels = build_design(donors, **ARMS, covariates=["batch"]).matrix
    assert labels.columns.tolist() == ["intercept", "batch=2", "condition=ALS"]
    assert labels["batch=2"].tolist() == [0, 1, 1, 0]


def test_donors_of_other_levels_are_left_out() -> None:
    donors = donors_table().assign(condition=["ALS", "ALS", "FTD", "FTD", "Control", "Control", "", "Control"])
    design = build_design(donors, **ARMS, covariates=[])
    assert design.arms.to_dict() == {"d00": "case", "d01": "case", "d04": "control", "d05": "control", "d07": "control"}
    assert (design.n_case, design.n_control) == (2, 3)


def test_constant_covariate_is_dropped_with_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        design = build_design(donors_table(sex=["F"] * 8), **ARMS, covariates=["sex"])
    assert design.matrix.columns.tolist() == ["intercept", "condition=ALS"]
    assert "'sex' is 'F' in all 8 donors" in caplog.text


@pytest.mark.parametrize(
    ("columns", "covariates", "message"),
    [
        ({"batch": list("11112222")}, ["batch"], "'batch' separates ALS from Control completely"),
        ({"age": ["1", "", *"345678"]}, ["age"], "covariate 'age': found no value for donor d01"),
        ({"age": ["1", "NA", *"345678"]}, ["age"], "no value for donor d01"),
        ({}, ["age"], "covariate 'age': found no such donor-level column"),
        ({"sex": list("FMFMFMFM"), "gender": list("abababab")}, ["sex", "gender"], "'gender' follows from .*sex"),
        ({"a": list("01230123"), "b": list("12340123")}, ["a", "b"], "'a' and 'b' together separate"),
    ],
)
def test_designs_that_cannot_be_estimated_name_the_column(columns: dict, covariates: list[str], message: str) -> None:
    donors = donors_table(**columns)
    with pytest.raises(InputError, match=message):
        build_design(donors, **ARMS, covariates=covariates)


@pytest.mark.parametrize("odd", ["90+", "61,5"])
def test_covariate_is_numbers_or_labels_never_both(odd: str) -> None:
    """What a covariate becomes may not depend on whether the odd donor is in a cell type: the odd value is refused."""
    donors = donors_table(age=["61", "55", "70", odd, "59", "73", "64", "52"])
    with pytest.raises(InputError, match=rf"covariate 'age': found '{re.escape(odd)}' for donor d03.*7 others.*'age'"):
        build_design(donors, **ARMS, covariates=["age"])
    assert build_design(donors.drop(index="d03"), **ARMS, covariates=["age"]).matrix["age"].abs().max() < 3


def test_log_says_how_each_covariate_is_coded(caplog: pytest.LogCaptureFixture) -> None:
    donors = donors_table(
        age=["61", "55", "70", "66", "59", "73", "64", "52"], Batch=list("12312312"), rin=["7.0", "7"] * 4
    )
    with caplog.at_level("INFO"):
        design = build_design(donors, **ARMS, covariates=["age", "Batch", "rin"])
    assert design.matrix.columns.tolist() == ["intercept", "age", "Batch=2", "Batch=3", "condition=ALS"]
    assert "covariate 'age': numeric, 52 to 73" in caplog.text
    assert "covariate 'Batch': labels 1, 2, 3" in caplog.text
    assert "covariate 'rin' is 7 in all 8 donors: dropped" in caplog.text


def test_unknown_level_names_the_levels_there_are() -> None:
    with pytest.raises(InputError, match=r"no donor in the case arm \['als'\]; levels present: \['ALS', 'Control'\]"):
        build_design(donors_table(), factor="condition", case=["als"], control=["Control"], covariates=[])


# --- moderation


def test_unweighted_and_weighted_fits_equal_statsmodels() -> None:
    rng = np.random.default_rng(3)
    design = build_design(donors_table(5, 4, age=[str(a) for a in rng.integers(40, 80, 9)]), **ARMS, covariates=["age"])
    values, weights = rng.normal(size=(6, 9)), rng.uniform(0.2, 3, (6, 9))
    for given in (None, weights):
        fit = fit_linear(values, design, weights=given)
        for row in range(len(values)):
            model = sm.WLS(
                values[row], design.matrix.to_numpy(), weights=np.ones(9) if given is None else given[row]
            ).fit()
            assert fit.coefficients[row] == pytest.approx(model.params)
            assert fit.sigma2[row] == pytest.approx(model.scale)
            for term in range(3):
                one = replace(design, contrast=np.eye(3)[term])
                assert fit.effect(one)[row] == pytest.approx(model.params[term])
                assert fit.unscaled_error(one)[row] * np.sqrt(model.scale) == pytest.approx(model.bse[term])
            both = np.array([0.0, 2.0, -1.0])
            test = model.t_test(both)
            assert fit.unscaled_error(replace(design, contrast=both))[row] * np.sqrt(model.scale) == pytest.approx(
                test.sd.item()
            )
    assert fit.df_residual == 6


def test_bad_values_are_refused() -> None:
    design = build_design(donors_table(), **ARMS, covariates=[])
    with pytest.raises(ValueError, match="not finite"):
        fit_linear(np.full((2, 8), np.nan), design, weights=None)
    with pytest.raises(ValueError, match="8 donors"):
        fit_linear(np.zeros((2, 7)), design, weights=None)
    with pytest.raises(ValueError, match="positive"):
        fit_linear(np.zeros((2, 8)), design, weights=np.zeros((2, 8)))


def test_prior_of_variances_is_recovered() -> None:
    rng = np.random.default_rng(5)
    df_prior, prior, df = 8, 0.3, 6
    true = prior * df_prior / rng.chisquare(df_prior, 40_000)
    posterior, found = moderate(true * rng.chisquare(df, len(true)) / df, df, average=None, prior="common")
    assert found == pytest.approx(np.full(40_000, df_prior), rel=0.05)
    assert np.corrcoef(posterior, true)[0, 1] > 0.5
    equal = prior * rng.chisquare(df, 40_000) / df
    posterior, found = moderate(equal, df, average=None, prior="common")
    assert (found > 200).all()  # one variance for all: the prior takes over
    assert posterior == pytest.approx(np.full(40_000, prior), rel=0.2)


def test_variances_closer_than_chance_are_all_the_prior() -> None:
    """limma, too, then takes the mean, and on a trend the trend itself."""
    rng = np.random.default_rng(5)
    close = rng.uniform(0.9, 1.1, 500)
    posterior, df_prior = moderate(close, 4, average=None, prior="common")
    assert np.isinf(df_prior).all()
    assert posterior == pytest.approx(np.full(500, close.mean()))
    average = rng.uniform(0, 10, 500)
    posterior, df_prior = moderate(close * np.exp(average / 5), 4, average=average, prior="trend")
    assert np.isinf(df_prior).all()
    assert np.corrcoef(np.log(posterior), average)[0, 1] > 0.999
    design = build_design(donors_table(3, 3), **ARMS, covariates=[])
    values = np.array([[1.0, 2, 3, 1, 2, 3], [5, 6, 7, 8, 9, 10]])
    assert moderated_test(fit_linear(values, design, weights=None), design, prior="common")["df_total"].tolist() == [
        8,
        8,
    ]


def test_single_feature_keeps_its_own_variance() -> None:
    posterior, df_prior = moderate(np.array([0.7]), 5, average=None, prior="common")
    assert (posterior.tolist(), df_prior.tolist()) == ([0.7], [0.0])


def test_spline_is_natural_and_spans_straight_lines() -> None:
    x = np.sort(np.random.default_rng(1).uniform(-3, 9, 400))
    basis = natural_spline(x, df=4)
    assert np.linalg.matrix_rank(basis) == 4
    line = basis @ np.linalg.lstsq(basis, 2 * x - 1, rcond=None)[0]
    assert line == pytest.approx(2 * x - 1)


def test_benjamini_hochberg_equals_statsmodels_and_passes_over_empty() -> None:
    p = np.random.default_rng(0).uniform(size=50) ** 2
    p[7] = p[8]
    with_gap = np.insert(p, 3, np.nan)
    found = benjamini_hochberg(with_gap)
    assert np.isnan(found[3])
    assert np.delete(found, 3) == pytest.approx(multipletests(p, method="fdr_bh")[1])
    assert np.isnan(benjamini_hochberg(np.array([np.nan]))).all()
    assert benjamini_hochberg(np.array([])).shape == (0,)


def test_shrinkage_halves_the_error_and_keeps_signs() -> None:
    rng = np.random.default_rng(2)
    truth, error = rng.normal(0, 0.5, 5000), rng.uniform(0.2, 1.5, 5000)
    seen = rng.normal(truth, error)
    shrunk = shrink(seen, error)
    assert ((shrunk - truth) ** 2).mean() < 0.5 * ((seen - truth) ** 2).mean()
    assert (np.sign(shrunk) == np.sign(seen)).all()
    assert (np.abs(shrunk) <= np.abs(seen)).all()
    assert shrunk == pytest.approx(seen * 0.25 / (0.25 + error**2), abs=0.25)


# --- against edgeR 3.40.2 and limma 3.54.1 (tests/reference/limma.R)


def test_filter_and_tmm_equal_edger(reference: dict) -> None:
    counts = reference["counts"].to_numpy()
    kept = expressed_genes(counts, smallest_arm=4, **LIMITS)
    assert 100 < kept.sum() < 500
    assert reference["counts"].index[kept].tolist() == reference["genes"].index.tolist()
    assert tmm_factors(counts[kept]) == pytest.approx(reference["donors"]["tmm"].to_numpy(), rel=TOLERANCE)
    assert tmm_factors(counts[kept]).prod() == pytest.approx(1)


def fit_reference(reference: dict, method: str) -> CellTypeFit:
    counts, cells = reference["counts"], np.arange(reference["counts"].shape[1]) + 20
    choice = choices(method=method, **LIMMA)
    return fit_cell_type(counts.to_numpy(), counts.index.to_numpy(), reference["design"], choice, cells=cells)


@pytest.mark.parametrize("method", ["voom", "trend"])
def test_moderated_t_equals_limma(reference: dict, method: str) -> None:
    genes, design = reference["genes"], reference["design"]
    fitted = fit_reference(reference, method)
    test = fitted.test(design)
    assert fitted.genes.tolist() == genes.index.tolist()
    names = {"effect": "effect", "standard_error": "error", "statistic": "t", "p_value": "p", "residual_sd": "sd"}
    for ours, theirs in names.items():
        expected = genes[f"{method}_{theirs}"].to_numpy()
        assert test[ours].to_numpy() == pytest.approx(expected, rel=TOLERANCE, abs=1e-8), ours
    lines = (REFERENCE / "versions.txt").read_text().splitlines()
    df_prior = next(float(line.split()[-1]) for line in lines if line.startswith(f"df_prior {method}"))
    assert test["df_total"].iloc[0] - fitted.fit.df_residual == pytest.approx(df_prior, rel=TOLERANCE)


def test_voom_weights_equal_limma(reference: dict) -> None:
    genes = reference["genes"]
    fitted = fit_reference(reference, "voom")
    assert fitted.weights[:, 0] == pytest.approx(genes["weight_first"].to_numpy(), rel=TOLERANCE)
    assert fitted.weights[:, -1] == pytest.approx(genes["weight_last"].to_numpy(), rel=TOLERANCE)
    assert fitted.fit.average == pytest.approx(genes["average"].to_numpy(), rel=TOLERANCE)


def test_large_arms_need_seventy_percent_beyond_ten() -> None:
    counts = np.full((2, 40), 5.0)
    counts[0, :17] = 50  # 10 + 0.7 * (20 - 10) = 17 donors
    counts[1, :16] = 50
    counts = np.vstack([counts, np.full((1, 40), 1000.0) - counts.sum(axis=0)])
    assert expressed_genes(counts, smallest_arm=20, **LIMITS).tolist() == [True, False, True]


# --- whole contrasts


def cohort(n_case: int, n_control: int, *, seed: int, planted: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    case = np.repeat([1.0, 0.0], [n_case, n_control])
    effect = np.where(np.arange(600) % 10 == 0, np.where(np.arange(600) % 20 == 0, planted, -planted), 0.0)
    rate = np.exp(rng.normal(4, 1, 600))[:, None] * np.exp(rng.normal(0, 0.25, (600, len(case))))
    depth = rng.lognormal(0, 0.6, len(case))
    return rng.poisson(rate * 2 ** (effect[:, None] * case) * depth), effect


def pseudobulk(blocks: dict[str, np.ndarray], donors: pd.DataFrame, cells: dict[str, list[int]]) -> tuple:
    rows = pd.concat(
        [
            donors.iloc[: block.shape[1]].assign(cell_type=name, n_cells=cells[name]).rename_axis("donor").reset_index()
            for name, block in blocks.items()
        ],
        ignore_index=True,
    )
    counts = sparse.csr_matrix(np.hstack(list(blocks.values())).T)
    order = rows.sort_values(["donor", "cell_type"]).index
    return counts[order.to_numpy()], rows.loc[order].reset_index(drop=True), np.array([f"g{i:03d}" for i in range(600)])


LEAST = {"min_cells": 10, "min_donors": 3}


def compare(counts, rows, genes, definitions=None, *, covariates=(), **changes) -> Differential:
    definitions = definitions or {"c": ARMS}
    return compare_donors(
        counts, rows, genes, definitions, choices(**changes), dataset="d", covariates=covariates, **LEAST
    )


@pytest.mark.parametrize("method", ["voom", "trend"])
def test_planted_genes_come_back_with_their_sign(method: str) -> None:
    counts, effect = cohort(8, 6, seed=1, planted=1.5)
    data = pseudobulk({"microglia": counts}, donors_table(8, 6), {"microglia": [50] * 14})
    table, skipped = compare(*data, method=method)[:2]
    table = check_table(table, "differential").set_index("gene")
    check_table(skipped, "differential_skipped")
    truth = pd.Series(effect, index=data[2])[table.index]
    hits = table["fdr"] < 0.05
    assert (hits & (truth != 0)).sum() > 0.8 * (truth != 0).sum()
    assert (hits & (truth == 0)).sum() <= 0.12 * hits.sum()
    planted = truth != 0
    assert np.corrcoef(table.loc[planted, "log2_fold_change"], truth[planted])[0, 1] > 0.95
    assert table.loc[truth > 0, "log2_fold_change"].mean() == pytest.approx(1.5, abs=0.2)
    assert 0.02 < (table.loc[~planted, "p_value"] < 0.05).mean() < 0.09
    assert (table["log2_fold_change_shrunk"].abs() <= table["log2_fold_change"].abs()).all()
    assert (table["statistic"] == table["log2_fold_change"] / table["standard_error"]).mean() > 0.99
    assert (table["n_case"] == 8).all()
    assert (table["n_control"] == 6).all()


def test_order_of_rows_and_other_cell_types_change_nothing() -> None:
    one, two = cohort(4, 4, seed=2, planted=1)[0], cohort(4, 4, seed=3, planted=0)[0]
    cells = {"opc": [30] * 8, "astrocyte": [30] * 8}
    alone = compare(*pseudobulk({"opc": one}, donors_table(), cells), method="voom").table
    counts, rows, genes = pseudobulk({"opc": one, "astrocyte": two}, donors_table(), cells)
    order = np.random.default_rng(0).permutation(len(rows))
    both = compare(counts[order], rows.iloc[order].reset_index(drop=True), genes, method="voom").table
    mine = both[both["cell_type"] == "opc"].reset_index(drop=True)
    assert len(mine) > 500
    for column in ("statistic", "p_value", "fdr", "log2_fold_change_shrunk"):
        assert mine[column].to_numpy() == pytest.approx(alone[column].to_numpy(), rel=1e-9)
    assert both["fdr_all"].to_numpy() == pytest.approx(multipletests(both["p_value"], method="fdr_bh")[1])


def test_thin_cell_types_are_described_or_skipped_with_a_reason() -> None:
    counts = cohort(4, 4, seed=4, planted=2)[0]
    blocks = dict.fromkeys(("astrocyte", "microglia", "opc", "unassigned", "mural"), counts)
    blocks["mural"] = np.where(np.arange(600)[:, None] < 5, counts, 0)
    cells = {
        "astrocyte": [30] * 8,
        "microglia": [30, 30, 9, 9, 30, 30, 30, 30],
        "opc": [30] * 4 + [3] * 4,
        "unassigned": [99] * 8,
        "mural": [30] * 8,
    }
    table, skipped = compare(*pseudobulk(blocks, donors_table(), cells), method="voom")[:2]
    table, skipped = check_table(table, "differential"), check_table(skipped, "differential_skipped")
    assert table["cell_type"].unique().tolist() == ["astrocyte", "microglia"]
    thin = table[table["cell_type"] == "microglia"].set_index("gene")
    assert thin["descriptive"].all()
    assert (
        thin[["p_value", "fdr", "fdr_all", "statistic", "standard_error", "log2_fold_change_shrunk"]].isna().all().all()
    )
    assert thin.loc["g020", "log2_fold_change"] > 1
    assert thin.loc["g010", "log2_fold_change"] < -1
    assert (thin["n_case"].iloc[0], thin["n_control"].iloc[0]) == (2, 4)
    reasons = skipped.set_index("cell_type")["reason"].to_dict()
    assert reasons == {"microglia": "too_few_donors", "opc": "no_donors_in_an_arm", "mural": "no_genes"}
    detail = skipped.set_index("cell_type")["detail"]
    assert "2 case and 4 control donors; 3 needed in each; effects only" in detail["microglia"]
    assert detail["microglia"].endswith("left out, fewer than 10 cells: d02 (9), d03 (9)")
    full = table[table["cell_type"] == "astrocyte"]
    assert full["fdr_all"].to_numpy() == pytest.approx(full["fdr"].to_numpy())


def test_donors_left_out_of_a_tested_cell_type_are_named_with_their_cells() -> None:
    """d01 has 9 opc and d07 none (no row at all); donors of no arm and `unassigned` are nobody's loss."""
    counts = cohort(4, 5, seed=4, planted=2)[0]
    donors = donors_table(4, 5)
    cells = {"opc": [30, 9] + [30] * 7, "mural": [30, 30, 9] + [30] * 6, "astrocyte": [30] * 9, "unassigned": [1] * 9}
    blocks = dict.fromkeys(cells, counts) | {"mural": np.where(np.arange(600)[:, None] < 5, counts, 0)}
    matrix, rows, genes = pseudobulk(blocks, donors, cells)
    kept = ~((rows["donor"] == "d07") & (rows["cell_type"] == "opc")).to_numpy()
    matrix, rows = matrix[kept], rows[kept].reset_index(drop=True)
    other = rows.index[rows["donor"] == "d06"]
    rows.loc[other, "condition"] = "Other"
    rows.loc[other, "n_cells"] = 2
    table, skipped = compare(matrix, rows, genes, method="voom")[:2]
    skipped = check_table(skipped, "differential_skipped")
    assert skipped[["cell_type", "reason", "n_case", "n_control"]].to_numpy().tolist() == [
        ["mural", "no_genes", 3, 4],
        ["opc", "donors_left_out", 3, 3],
    ]
    assert skipped.set_index("cell_type").loc["opc", "detail"] == "left out, fewer than 10 cells: d01 (9), d07 (0)"
    assert skipped.set_index("cell_type").loc["mural", "detail"].endswith("left out, fewer than 10 cells: d02 (9)")
    tested = table.groupby("cell_type")["descriptive"].first()
    assert tested.to_dict() == {"astrocyte": False, "opc": False}


def test_descriptive_effect_is_the_difference_of_means() -> None:
    counts = np.vstack([np.full((20, 4), 100), [[400, 400, 100, 100]], [[100, 100, 400, 400]]])
    donors = donors_table(2, 2)
    rows = donors.assign(cell_type="opc", n_cells=20).rename_axis("donor").reset_index()
    genes = np.array([f"g{i:02d}" for i in range(22)])
    table = compare(sparse.csr_matrix(counts.T), rows, genes, method="voom").table.set_index("gene")
    assert table["descriptive"].all()
    assert table.loc["g20", "log2_fold_change"] == pytest.approx(2, abs=0.05)
    assert table.loc["g21", "log2_fold_change"] == pytest.approx(-2, abs=0.05)
    assert table.loc["g00", "log2_fold_change"] == pytest.approx(0, abs=0.01)


def test_design_lost_in_one_cell_type_is_a_row_not_a_crash() -> None:
    donors = donors_table(batch=list("11122221"))
    counts = cohort(4, 4, seed=6, planted=1)[0]
    # Without d03 and d07, the cases left are all of batch 1 and the controls all of batch 2.
    cells = {"opc": [30] * 8, "mural": [30, 30, 30, 9, 30, 30, 30, 9]}
    rows = pseudobulk({"opc": counts, "mural": counts}, donors, cells)[1]
    units, skipped = cell_type_units(rows, {"c": ARMS}, covariates=["batch"], **LEAST)
    assert [unit.cell_type for unit in units] == ["opc"]
    assert skipped["reason"].tolist() == ["design_not_estimable"]
    assert "'batch' separates ALS from Control completely" in skipped["detail"].iloc[0]


def test_design_without_residual_donors_is_a_row_not_a_crash() -> None:
    donors = donors_table(3, 3, batch=list("123124"), site=list("abbaab"))
    rows = pseudobulk({"opc": cohort(3, 3, seed=6, planted=1)[0]}, donors, {"opc": [30] * 6})[1]
    units, skipped = cell_type_units(rows, {"c": ARMS}, covariates=["batch", "site"], **LEAST)
    assert units == []
    assert skipped["reason"].tolist() == ["design_not_estimable"]
    assert "6 donors for 6 coefficients" in skipped["detail"].iloc[0]
    assert len(cell_type_units(rows, {"c": ARMS}, covariates=["batch"], **LEAST)[0]) == 1


def test_nothing_to_test_gives_an_empty_typed_table() -> None:
    counts = cohort(4, 4, seed=6, planted=1)[0]
    data = pseudobulk({"opc": counts}, donors_table(), {"opc": [3] * 8})
    table, skipped = compare(*data, method="trend")[:2]
    assert len(check_table(table, "differential")) == 0
    assert check_table(skipped, "differential_skipped")["reason"].tolist() == ["no_donors_in_an_arm"]


def test_covariate_is_held_constant() -> None:
    donors = donors_table(6, 6, sex=list("FFFFFMFMMMMM"))
    rng = np.random.default_rng(8)
    male = (donors["sex"] == "M").to_numpy()
    rate = np.full((600, 12), 80.0)
    rate[:100] *= np.where(male, 4.0, 1.0)
    data = pseudobulk({"opc": rng.poisson(rate * rng.lognormal(0, 0.2, (600, 12)))}, donors, {"opc": [30] * 12})
    without = compare(*data, method="voom").table
    held = compare(*data, covariates=["sex"]).table
    assert without["log2_fold_change"].iloc[:100].mean() < -0.8
    assert abs(held["log2_fold_change"].iloc[:100].mean()) < 0.2
