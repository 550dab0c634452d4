"""Pooling over datasets: hand arithmetic, statsmodels, single datasets, and the words of the verdict."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from alscell import agreement
from alscell.tables import check_table

SYSTEMS = {"cord": "tissue", "cortex": "tissue", "lines": "dish"}


def pathway_row(dataset, effect, *, df=10, se=0.6, pathway="a", cell_type="t", descriptive=False):
    t = effect / se
    p_value = np.nan if descriptive else 2 * stats.t.sf(abs(t), df)
    return {
        "dataset": dataset, "contrast": "c", "cell_type": cell_type, "family": "f", "pathway": pathway,
        "effect": effect, "standard_error": np.nan if descriptive else se, "p_value": p_value,
        "descriptive": descriptive,
    }  # fmt: skip


def gene_row(dataset, gene, change, *, se=0.2, fdr=0.5, cell_type="t", descriptive=False):
    p_value = 2 * stats.t.sf(abs(change / se), 10)
    return {
        "dataset": dataset, "contrast": "c", "cell_type": cell_type, "gene": gene, "log2_fold_change": change,
        "standard_error": np.nan if descriptive else se, "p_value": np.nan if descriptive else p_value,
        "fdr": np.nan if descriptive else fdr, "descriptive": descriptive,
    }  # fmt: skip


def pool(*rows, fdr=0.05):
    return agreement.synthesize_pathways(pd.DataFrame(rows), systems=SYSTEMS, fdr=fdr)


def checked(table, name):
    """The table as the synthesis writes it."""
    return check_table(agreement.with_organisms(table, dict.fromkeys(SYSTEMS, "human")), name)


def oracle(effects, errors):
    """Mean and standard error by statsmodels, which does not set a negative variance between datasets to 0."""
    fit = combine_effects(effects, errors**2, method_re="dl")
    return (fit.mean_effect_re, fit.sd_eff_w_re) if fit.tau2 > 0 else (fit.mean_effect_fe, fit.sd_eff_w_fe)


def test_two_effects_by_hand():
    """1 and 3 with variance 1: Q = 2, tau2 = (2 - 1) / (2 - 1) = 1, weights 1/2, standard error 1, I2 = 50."""
    got = agreement.random_effects(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]])).iloc[0]
    assert got.tolist() == pytest.approx([2, 2, 1, 2 * stats.norm.sf(2), 50])


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt")
def test_random_effects_as_statsmodels():
    rng = np.random.default_rng(0)
    effects, errors = rng.normal(0.4, 1, (30, 5)), rng.uniform(0.2, 1, (30, 5))
    effects[:10, 2] = np.nan
    got = agreement.random_effects(effects, errors)
    assert (got["i_squared"] == 0).any()
    assert (got["i_squared"] > 50).any()
    for row in range(30):
        known = np.isfinite(effects[row])
        values, sizes = effects[row, known], errors[row, known]
        assert got.loc[row, ["effect", "standard_error"]].tolist() == pytest.approx(oracle(values, sizes))
        assert got["i_squared"][row] == pytest.approx(
            100 * max(0, combine_effects(values, sizes**2, method_re="dl").i2)
        )
        assert got["n"][row] == known.sum()


def test_row_without_values_is_empty():
    got = agreement.random_effects(np.array([[np.nan, np.nan], [1.0, np.nan]]), np.ones((2, 2)))
    assert got.loc[0].isna().tolist() == [False, True, True, True, True]
    assert got.loc[1, ["n", "effect", "standard_error"]].tolist() == [1, 1, 1]
    assert np.isnan(got.loc[1, "i_squared"])


@pytest.mark.parametrize("effect", [0.0, 1e-6, 0.3, -2.0, 6.0])
def test_one_dataset_keeps_its_own_p(effect):
    row = pathway_row("cord", effect)
    got = pool(row).iloc[0]
    assert got["p_value"] == pytest.approx(row["p_value"], abs=1e-3 if abs(effect) < 0.01 else 1e-12)
    assert got["effect"] == effect
    assert got["verdict"] == "one_system"
    assert got["ci_high"] - got["ci_low"] > 2 * 1.96 * 0.6 * 0.999  # never narrower than the standard error says


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt")
def test_pooled_over_tissue_and_dish():
    rows = [pathway_row("cord", 2.0), pathway_row("cortex", 3.0), pathway_row("lines", -1.0)]
    got = pool(*rows).iloc[0]
    errors = np.array([abs(row["effect"]) / stats.norm.isf(row["p_value"] / 2) for row in rows])
    tissue = oracle(np.array([2.0, 3.0]), errors[:2])
    assert got[["effect_tissue", "se_tissue"]].tolist() == pytest.approx(tissue)
    assert got[["effect_dish", "se_dish"]].tolist() == pytest.approx([-1.0, errors[2]])
    assert got["effect"] == pytest.approx(oracle(np.array([2.0, 3.0, -1.0]), errors)[0])
    z = (tissue[0] + 1) / np.hypot(tissue[1], errors[2])
    assert got["p_difference"] == pytest.approx(2 * stats.norm.sf(z))
    assert got[["n_tissue", "n_dish", "datasets"]].tolist() == [2, 1, "cord;cortex;lines"]


@pytest.mark.parametrize(
    ("tissue", "dish", "verdict"),
    [
        (4.0, 3.0, "agree"),
        (-4.0, -3.0, "agree"),
        (4.0, -3.0, "disagree"),
        (4.0, 0.0, "tissue_only"),
        (0.1, -4.0, "dish_only"),
        (2.5, 1.1, "unclear"),  # not significant in the dish, but not different from tissue either
        (0.3, 0.2, "unclear"),
        (4.0, None, "one_system"),
        (None, 4.0, "one_system"),
    ],
)
def test_verdicts(tissue, dish, verdict):
    rows = [pathway_row(name, value, df=30) for name, value in (("cord", tissue), ("lines", dish)) if value is not None]
    assert pool(*rows)["verdict"].tolist() == [verdict]


def test_two_weak_systems_agree_if_the_pooled_effect_is_shown():
    """Each system's own p of 0.03 fails among 20 sets; pooled, it passes."""
    quiet = [pathway_row(name, 0.01, df=1000, pathway=f"q{i:02}") for i in range(19) for name in ("cord", "lines")]
    moved = [pathway_row(name, 1.55, df=1000, pathway="moved") for name in ("cord", "lines")]
    got = pool(*quiet, *moved).set_index("pathway")
    assert 0.005 < moved[0]["p_value"] < 0.05
    assert got.loc["moved", "fdr"] <= 0.05
    assert got.loc["moved", "verdict"] == "agree"
    assert set(got["verdict"][got.index != "moved"]) == {"unclear"}


def test_descriptive_rows_never_enter():
    rows = [pathway_row("cord", 2.0), pathway_row("lines", 9.0, descriptive=True)]
    pd.testing.assert_frame_equal(pool(*rows), pool(rows[0]))
    assert pool(rows[1]).empty


def test_no_rows_give_empty_tables():
    none = pathway_row("lines", 9.0, descriptive=True)
    assert checked(pool(none), "synthesis_pathways").empty
    genes = agreement.synthesize_genes(pd.DataFrame([gene_row("cord", "A", 1, descriptive=True)]), systems=SYSTEMS)
    assert checked(agreement.worth_keeping(genes, fdr=0.05), "synthesis_genes").empty
    none = pd.DataFrame([gene_row("cord", "A", 1, descriptive=True)])
    found = agreement.find_biomarkers(none, pd.DataFrame({"gene": ["A"], "known": [""]}), fdr=0.05)
    assert checked(found, "synthesis_biomarkers").empty


def test_difference_between_systems_is_calibrated():
    """No difference between systems, t tests with 8 degrees of freedom: about 5 % of p below 0.05."""
    rng = np.random.default_rng(4)
    rows = []
    for number in range(1500):
        for dataset in ("cord", "lines"):
            sd = np.sqrt(stats.chi2.rvs(8, random_state=rng) / 8)
            rows.append(pathway_row(dataset, rng.normal(0.5, 0.6) / sd, df=8, pathway=f"s{number:04}"))
    got = pool(*rows)
    assert 0.03 < (got["p_difference"] < 0.05).mean() < 0.07


def test_genes_and_biomarkers():
    table = pd.DataFrame(
        [
            gene_row("cord", "NEFL", 1.0, fdr=0.01),
            gene_row("lines", "NEFL", 0.8, fdr=0.3),
            gene_row("cord", "GPNMB", -0.5, fdr=0.04),
            gene_row("lines", "GPNMB", 0.4),
            gene_row("cord", "CHIT1", 0.2, fdr=0.9),
            gene_row("lines", "CHIT1", 0.1, fdr=0.9),
            gene_row("cord", "ONLY", 1.0, fdr=0.01),
            gene_row("cord", "QUIET", 0.1, fdr=0.9),
            gene_row("cord", "NEFL", 2.0, cell_type="u", descriptive=True),
        ]
    )
    genes = agreement.synthesize_genes(table, systems=SYSTEMS)
    kept = checked(agreement.worth_keeping(genes, fdr=0.05), "synthesis_genes").set_index("gene")
    assert kept.index.tolist() == ["CHIT1", "GPNMB", "NEFL", "ONLY"]
    assert kept["same_sign"].to_dict() == {"CHIT1": True, "GPNMB": False, "NEFL": True, "ONLY": True}
    assert kept.loc["NEFL", "log2_fold_change_dish"] == pytest.approx(0.8)
    assert 0.8 < kept.loc["NEFL", "log2_fold_change"] < 1.0
    assert np.isnan(kept.loc["ONLY", "log2_fold_change_dish"])
    p_values = genes.sort_values("p_value")["p_value"].to_numpy()
    assert genes["fdr"].min() == pytest.approx((p_values * 5 / np.arange(1, 6)).min())  # five genes of one cell type
    candidates = pd.DataFrame({"gene": ["NEFL", "GPNMB", "CHIT1"], "known": ["light chain; doi", "", "doi"]})
    found = checked(agreement.find_biomarkers(table, candidates, fdr=0.05), "synthesis_biomarkers")
    assert found["gene"].tolist() == ["GPNMB", "NEFL"]
    assert found["fdr"].tolist() == [0.04, 0.01]
    assert found["direction"].tolist() == ["down", "up"]
    assert found["datasets"].tolist() == ["cord", "cord"]
    assert found["log2_fold_change"].tolist() == [-0.5, 1.0]
    assert found["known"].isna().tolist() == [True, False]


def test_direction_of_a_biomarker_is_that_of_its_hits_and_not_of_the_pool():
    """A: the one hit is down, the pool is up. B: two hits, against each other. C: two hits, both up."""
    table = pd.DataFrame(
        [
            gene_row("cord", "A", -0.5, se=0.3, fdr=0.01),
            gene_row("cortex", "A", 1.0, fdr=0.2),
            gene_row("lines", "A", 1.0, fdr=0.2),
            gene_row("cord", "B", -1.0, fdr=0.04),
            gene_row("lines", "B", 2.0, fdr=0.001),
            gene_row("cortex", "C", 1.0, fdr=0.02),
            gene_row("cord", "C", 2.0, fdr=0.02),
            gene_row("lines", "C", -3.0, fdr=0.06),
            gene_row("cord", "D", 3.0, fdr=0.01),
        ]
    )
    pooled = agreement.synthesize_genes(table, systems=SYSTEMS).set_index("gene")
    assert pooled.loc["A", "log2_fold_change"] > 0
    candidates = pd.DataFrame({"gene": ["A", "B", "C"], "known": ""})
    found = checked(agreement.find_biomarkers(table, candidates, fdr=0.05), "synthesis_biomarkers")
    columns = ["gene", "datasets", "log2_fold_change", "fdr", "direction"]
    assert found[columns].to_numpy().tolist() == [
        ["A", "cord", -0.5, 0.01, "down"],
        ["B", "cord;lines", 2.0, 0.001, "mixed"],
        ["C", "cord;cortex", 2.0, 0.02, "up"],
    ]


def test_cell_types_of_another_spelling_are_one_type(caplog):
    rows = [
        pathway_row("cord", 2.0, cell_type="Motor neuron"),
        pathway_row("lines", 1.5, cell_type="motor-neuron"),
        pathway_row("lines", 1.0, cell_type="glia_like"),
    ]
    matched = agreement.match_cell_types(pd.DataFrame(rows))
    got = agreement.synthesize_pathways(matched, systems=SYSTEMS, fdr=0.05)
    assert got[["cell_type", "datasets"]].to_numpy().tolist() == [
        ["glia_like", "lines"],
        ["motor_neuron", "cord;lines"],
    ]
    assert not caplog.text


def test_types_that_one_dataset_tells_apart_by_spelling_stay_apart(caplog):
    rows = [
        pathway_row("cord", 2.0, cell_type="T cell"),
        pathway_row("cord", 1.0, cell_type="t cell"),
        pathway_row("lines", 1.0, cell_type="T cell"),
    ]
    matched = agreement.match_cell_types(pd.DataFrame(rows))
    assert matched["cell_type"].tolist() == ["T cell", "t cell", "t_cell"]
    assert "told apart by spelling alone: T cell, t cell" in caplog.text


def test_datasets_without_a_common_cell_type_are_named(caplog):
    rows = [pathway_row("cord", 2.0, cell_type="microglia"), pathway_row("lines", 1.0, cell_type="Motor Neuron")]
    agreement.match_cell_types(pd.DataFrame(rows))
    assert "c: the datasets share no tested cell type" in caplog.text
    assert "cord: microglia; lines: motor_neuron" in caplog.text
    caplog.clear()
    agreement.match_cell_types(pd.DataFrame(rows[:1]))
    agreement.match_cell_types(pd.DataFrame(rows).iloc[:0])
    assert not caplog.text
