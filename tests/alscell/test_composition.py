"""Shares of cell types: hand arithmetic, a plain linear model, planted shifts and a null."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import special

from alscell.composition import compare_composition, count_cells, donor_fractions, logit_shares
from alscell.tables import check_table

ARMS = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
TYPES = ["astrocyte", "microglia", "motor_neuron", "oligodendrocyte", "opc"]


def donors_table(n_case: int, n_control: int, **columns: list[str]) -> pd.DataFrame:
    levels = ["ALS"] * n_case + ["Control"] * n_control
    return pd.DataFrame({"condition": levels, **columns}, index=[f"d{i:02d}" for i in range(len(levels))])


def compare(counts: pd.DataFrame, donors: pd.DataFrame, covariates: list[str] = (), **changes: object) -> pd.DataFrame:
    options = {"dataset": "d", "min_donors": 3, "transform": "logit", "fdr": 0.05, "definitions": {"c": ARMS}}
    return compare_composition(counts, donors, covariates=list(covariates), **options | changes)


def draw(rng: np.random.Generator, n_case: int, n_control: int, *, odds: float) -> pd.DataFrame:
    """Dirichlet-multinomial counts; the odds of microglia are multiplied in the cases."""
    base = np.array([0.2, 0.1, 0.05, 0.5, 0.15])
    shifted = base * [1, odds, 1, 1, 1]
    columns = {}
    for i in range(n_case + n_control):
        share = rng.dirichlet((shifted / shifted.sum() if i < n_case else base) * 60)
        columns[f"d{i:02d}"] = rng.multinomial(int(rng.lognormal(7, 0.5)), share)
    return pd.DataFrame(columns, index=TYPES)


def test_unassigned_cells_are_not_in_the_denominator() -> None:
    rows = pd.DataFrame(
        {
            "donor": ["B", "B", "A", "A", "C"],
            "cell_type": ["opc", "microglia", "opc", "unassigned", "unassigned"],
            "n_cells": [3, 1, 10, 1000, 5],
        }
    )
    counts = count_cells(rows)
    assert counts.to_dict() == {"A": {"microglia": 0, "opc": 10}, "B": {"microglia": 1, "opc": 3}}
    table = check_table(donor_fractions(counts, dataset="d"), "composition_donors")
    assert table[["donor", "cell_type", "n_cells", "fraction"]].to_numpy().tolist() == [
        ["A", "microglia", 0, 0.0],
        ["A", "opc", 10, 1.0],
        ["B", "microglia", 1, 0.25],
        ["B", "opc", 3, 0.75],
    ]


def test_logit_is_that_of_the_corrected_share() -> None:
    counts = np.array([[0, 7], [10, 3]])
    assert logit_shares(counts) == pytest.approx(special.logit((counts + 0.5) / 11))
    assert np.isfinite(logit_shares(counts)).all()


def test_effect_is_the_coefficient_of_the_linear_model() -> None:
    donors = donors_table(4, 4, age=["50", "61", "72", "55", "64", "58", "49", "70"])
    counts = draw(np.random.default_rng(1), 4, 4, odds=3.0)
    table = compare(counts, donors, ["age"])
    table = check_table(table, "composition").set_index("cell_type")
    ages = donors["age"].astype(float)
    terms = np.column_stack([np.ones(8), (ages - ages.mean()) / ages.std(), donors["condition"] == "ALS"])
    for name in TYPES:
        share = (counts.loc[name] + 0.5) / (counts.sum() + 1)
        model = sm.OLS(special.logit(share.to_numpy()), terms.astype(float)).fit()
        assert table.loc[name, "effect"] == pytest.approx(model.params[2])
        assert table.loc[name, "ci_low"] < model.params[2] < table.loc[name, "ci_high"]
        assert table.loc[name, "fraction_case"] == pytest.approx((counts.loc[name] / counts.sum()).iloc[:4].mean())
    outside = (table["ci_low"] > 0) | (table["ci_high"] < 0)
    assert (outside == (table["p_value"] < 0.05)).all()


def test_planted_shift_is_found_and_the_null_holds() -> None:
    rng = np.random.default_rng(7)
    found, false = [], []
    for _ in range(150):
        donors = donors_table(8, 4)
        shifted = compare(draw(rng, 8, 4, odds=3), donors)
        found.append(shifted.set_index("cell_type").loc["microglia", ["effect", "p_value"]].tolist())
        null = compare(draw(rng, 8, 4, odds=1), donors)
        false.append((null["p_value"] < 0.05).mean())
    effect, p = np.array(found).T
    assert (p < 0.05).mean() > 0.9
    assert 0.8 < effect.mean() < 1.2  # log(3) less what the other types give up
    assert 0.02 < np.mean(false) < 0.08


def test_few_donors_give_effects_only() -> None:
    counts = draw(np.random.default_rng(2), 2, 4, odds=2)
    table = compare(counts, donors_table(2, 4))
    table = check_table(table, "composition")
    assert len(table) == 5
    assert table["descriptive"].all()
    assert table[["p_value", "fdr", "statistic", "ci_low", "ci_high"]].isna().all().all()
    values = special.logit((counts + 0.5) / (counts.sum() + 1)).to_numpy()
    assert table["effect"].to_numpy() == pytest.approx(values[:, :2].mean(axis=1) - values[:, 2:].mean(axis=1))


def test_confounded_covariate_after_quality_control_is_descriptive_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    donors = donors_table(4, 4, batch=list("11112222"))
    counts = draw(np.random.default_rng(2), 4, 4, odds=2)
    table = compare(counts, donors, ["batch"])
    assert check_table(table, "composition")["descriptive"].all()
    assert "'batch' separates ALS from Control completely" in caplog.text


def test_arms_without_donors_give_an_empty_typed_table() -> None:
    counts = draw(np.random.default_rng(2), 4, 0, odds=2)
    table = compare(counts, donors_table(4, 0))
    assert len(check_table(table, "composition")) == 0


def test_types_and_donors_of_other_contrasts_are_left_out() -> None:
    donors = donors_table(4, 4).assign(condition=[*["ALS"] * 4, *["Control"] * 3, "FTD"])
    counts = draw(np.random.default_rng(2), 4, 4, odds=2)
    counts.loc["schwann"] = [0] * 7 + [50]  # only the FTD donor has it
    table = compare(counts, donors)
    assert table["cell_type"].tolist() == TYPES
    assert (table["n_control"] == 3).all()


def test_arcsine_is_the_other_transform_and_interactions_are_differences_of_differences() -> None:
    counts = draw(np.random.default_rng(3), 4, 4, odds=2)
    donors = donors_table(4, 4, sex=list("MMFFMMFF"))
    values = np.arcsin(np.sqrt((counts / counts.sum()).to_numpy()))
    table = check_table(compare(counts, donors, transform="arcsine"), "composition")
    assert table["effect"].to_numpy() == pytest.approx(values[:, :4].mean(axis=1) - values[:, 4:].mean(axis=1))
    both = {"c": ARMS, "by_sex": ARMS | {"modifier": {"factor": "sex", "case": ["M"], "control": ["F"]}}}
    table = check_table(compare(counts, donors, definitions=both, transform="arcsine", min_donors=2), "composition")
    men = values[:, :2].mean(axis=1) - values[:, 4:6].mean(axis=1)
    women = values[:, 2:4].mean(axis=1) - values[:, 6:].mean(axis=1)
    found = table[table["contrast"] == "by_sex"]
    assert found["effect"].to_numpy() == pytest.approx(men - women)
    assert not found["descriptive"].any()


def test_more_donors_detect_smaller_shifts() -> None:
    rng = np.random.default_rng(5)
    few, many = (
        np.mean([compare(draw(rng, n, n, odds=1), donors_table(n, n))["minimum_detectable_effect"] for _ in range(20)])
        for n in (4, 12)
    )
    assert few / many == pytest.approx(np.sqrt(3), rel=0.1)  # of the standard errors; df are many here
