"""Artefact signatures beside stress and inflammation: flags, correlation within arms, effects with them held."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from alscell.artefacts import hold_artefact, show_artefacts
from alscell.design import build_design
from alscell.tables import check_table

CONTRAST = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
SETS = [("inflammation", "tnf"), ("autophagy", "lysosome"), ("artefact", "ex_vivo_activation")]


def sheet(n=5):
    names = [f"A{i}" for i in range(n)] + [f"C{i}" for i in range(n)]
    return pd.DataFrame({"condition": ["ALS"] * n + ["Control"] * n}, index=pd.Index(names, name="donor"))


def made_tests(artefact_fdr=0.01, sets=None):
    rows = pd.DataFrame(sets or SETS, columns=["family", "pathway"]).assign(
        contrast="c", cell_type="microglia", effect=2.0
    )
    rows["fdr"] = np.where(rows["family"] == "artefact", artefact_fdr, 0.001)
    return rows.assign(descriptive=False)


def scores(donors, values, sets=None):
    rows = [
        {"family": family, "pathway": pathway, "cell_type": "microglia", "donor": donor, "n_cells": 40, "score": score}
        for family, pathway in sets or SETS
        for donor, score in zip(donors.index, values[pathway], strict=True)
    ]
    return pd.DataFrame(rows)


GENES = pd.DataFrame(
    [("inflammation", "tnf", "FOS"), ("inflammation", "tnf", "TNF"), ("artefact", "ex_vivo_activation", "FOS")],
    columns=["family", "pathway", "gene"],
)


def show(table, values, donors=None, sets=None, min_donors=3):
    donors = sheet() if donors is None else donors
    choices = {"covariates": [], "min_cells": 10, "min_donors": min_donors, "fdr": 0.05}
    got = show_artefacts(table, scores(donors, values, sets), GENES, donors, {"c": CONTRAST}, **choices)
    return check_table(got.assign(dataset="cord"), "pathway_artefacts")


def made_up(seed=0, follows=0.0, n=5):
    """An artefact that is higher in cases; a set that follows it, or has an effect of its own."""
    rng = np.random.default_rng(seed)
    case = np.repeat([1.0, 0.0], n)
    artefact = 2 * case + rng.normal(0, 1, 2 * n)
    own = follows * artefact + (0 if follows else 3 * case) + rng.normal(0, 0.3, 2 * n)
    return {"tnf": own, "lysosome": rng.normal(0, 1, 2 * n), "ex_vivo_activation": artefact}


def test_an_effect_that_follows_the_artefact_vanishes_and_one_of_its_own_stays():
    followed, own = show(made_tests(), made_up(follows=1.0)).iloc[0], show(made_tests(), made_up()).iloc[0]
    assert [followed["flag"], own["flag"]] == ["artefact_moves_too"] * 2
    assert [followed["held_says"], own["held_says"]] == ["vanishes", "stays"]
    assert followed["correlation"] > 0.9
    assert abs(own["correlation"]) < 0.9
    assert own["ci_low_held"] > 0 > followed["ci_low_held"]


def test_only_stress_and_inflammation_are_watched_and_shared_genes_are_named():
    got = show(made_tests(), made_up())
    assert got["pathway"].tolist() == ["tnf"]
    assert got[["n_shared", "shared"]].iloc[0].tolist() == [1, "FOS"]


@pytest.mark.parametrize(
    ("table", "flag"),
    [
        (made_tests(artefact_fdr=0.2), "artefact_quiet"),
        (made_tests().assign(effect=[2.0, 1.0, -2.0]), "artefact_quiet"),
        (made_tests(artefact_fdr=np.nan), "not_tested"),
        (made_tests(sets=SETS[:2]), "no_artefact_scored"),
    ],
)
def test_flags(table, flag):
    assert show(table, made_up())["flag"].tolist() == [flag]


def test_without_an_artefact_set_the_row_says_so_and_holds_nothing():
    got = show(made_tests(sets=SETS[:2]), made_up(), sets=SETS[:2]).iloc[0]
    assert got["artefact"] == "none"
    assert got[["correlation", "effect_held"]].isna().all()


def test_too_few_donors_give_no_interval():
    got = show(made_tests(), made_up(n=2), donors=sheet(2), min_donors=2)
    assert got["held_says"].tolist() in ([None], [np.nan], ["descriptive"])
    assert got["ci_low_held"].isna().all()
    untested = show(made_tests(), made_up(n=2), donors=sheet(2), min_donors=3)
    assert untested["effect_held"].isna().all()


def test_effect_held_is_that_of_an_ordinary_linear_model():
    values, donors = made_up(seed=3), sheet()
    design = build_design(donors, covariates=[], **CONTRAST)
    order = donors.index.get_indexer(design.matrix.index)
    own, artefact = values["tnf"][order], values["ex_vivo_activation"][order]
    got = hold_artefact(own, artefact, design)
    case = (donors["condition"].iloc[order] == "ALS").to_numpy(float)
    before = sm.OLS(own, np.column_stack([np.ones(10), case])).fit()
    held = sm.OLS(own, np.column_stack([np.ones(10), case, artefact])).fit()
    sd = np.sqrt(before.scale)
    assert got["effect_before"] == pytest.approx(before.params[1] / sd)
    assert got["effect_held"] == pytest.approx(held.params[1] / sd)
    assert [got["ci_low_held"], got["ci_high_held"]] == pytest.approx((held.conf_int()[1] / sd).tolist())
    assert got["df_held"] == 7
    assert got["correlation"] == pytest.approx(
        np.corrcoef(before.resid, sm.OLS(artefact, before.model.exog).fit().resid)[0, 1]
    )


def test_a_constant_artefact_score_holds_nothing():
    design = build_design(sheet(), covariates=[], **CONTRAST)
    assert hold_artefact(np.arange(10.0), np.ones(10), design) == {}
