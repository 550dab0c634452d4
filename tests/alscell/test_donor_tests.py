"""Linear models of a few values a donor: equal to known tests, and right without a difference."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscell.design import build_design
from alscell.donor_tests import FEWEST, compare_values, plans, test_rows
from alscell.moderation import fit_linear, moderated_test

test_rows.__test__ = False  # a function of the package, no test of ours
DONORS = pd.DataFrame(
    {"condition": ["ALS"] * 5 + ["Control"] * 5, "sex": list("FMFMFFMFMM")}, index=[f"d{i}" for i in range(10)]
)
CONTRAST = {"als": {"factor": "condition", "case": ["ALS"], "control": ["Control"]}}
DESIGN = {"covariates": [], "min_donors": 3}


def values(n: int) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(1).normal(size=(n, 10)), columns=DONORS.index)


def test_few_rows_are_tested_one_by_one():
    data = values(FEWEST - 1)
    (plan,) = plans(DONORS, CONTRAST, **DESIGN)
    found = compare_values(data, plan)
    expected = stats.ttest_ind(data.iloc[:, :5], data.iloc[:, 5:], axis=1)
    assert found["p_value"].to_numpy() == pytest.approx(expected.pvalue)
    assert found["ci_low"].to_numpy() == pytest.approx(expected.confidence_interval().low)
    assert (found["n_case"].iloc[0], found["descriptive"].any()) == (5, False)


def test_many_rows_share_their_variances():
    data = values(50)
    (plan,) = plans(DONORS, CONTRAST, covariates=["sex"], min_donors=3)
    design = build_design(DONORS, covariates=["sex"], **CONTRAST["als"])
    expected = moderated_test(fit_linear(data.to_numpy(), design, weights=None), design, prior="common")
    assert compare_values(data, plan)["p_value"].to_numpy() == pytest.approx(expected["p_value"].to_numpy())


def test_false_positives_are_5_percent():
    rng = np.random.default_rng(2)
    (plan,) = plans(DONORS, CONTRAST, covariates=["sex"], min_donors=3)
    p = test_rows(rng.normal(size=(4000, 10)), plan.design, moderated=False)["p_value"]
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.012)


def test_rows_without_spread_are_no_finding():
    (plan,) = plans(DONORS, CONTRAST, **DESIGN)
    found = test_rows(np.ones((2, 10)), plan.design, moderated=False)
    assert found["p_value"].tolist() == [1.0, 1.0]


def test_two_donors_are_described_and_a_missing_arm_is_left_out():
    (plan,) = plans(DONORS.iloc[[0, 1, 5, 6, 7]], CONTRAST, **DESIGN)
    assert (plan.design, plan.reason) == (None, "too_few_donors")
    found = compare_values(values(3), plan)
    assert found["descriptive"].all()
    assert found["p_value"].isna().all()
    data = values(3)
    assert found["effect"].to_numpy() == pytest.approx(data[["d0", "d1"]].mean(1) - data[["d5", "d6", "d7"]].mean(1))
    assert list(plans(DONORS.head(5), CONTRAST, **DESIGN)) == []
