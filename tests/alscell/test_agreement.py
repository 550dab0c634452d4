"""Gene sets and genes over datasets: single datasets, both systems, names of cell types."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscell import agreement, pooling
from alscell.tables import check_table

SYSTEMS = {"cord": "tissue", "cortex": "tissue", "lines": "dish"}


def pathway_row(dataset, effect, *, df=10, se=0.6, pathway="a", cell_type="t", descriptive=False):
    t = effect / se
    p_value = np.nan if descriptive else 2 * stats.t.sf(abs(t), df)
    half = np.nan if descriptive else stats.t.ppf(0.975, df) * se
    return {
        "dataset": dataset, "contrast": "c", "cell_type": cell_type, "family": "f", "pathway": pathway,
        "effect": effect, "standard_error": np.nan if descriptive else se, "p_value": p_value,
        "ci_low": effect - half, "ci_high": effect + half, "descriptive": descriptive,
    }  # fmt: skip


def gene_row(dataset, gene, change, *, se=0.2, fdr=0.5, cell_type="t", descriptive=False):
    p_value = 2 * stats.t.sf(abs(change / se), 10)
    return {
        "dataset": dataset, "contrast": "c", "cell_type": cell_type, "gene": gene, "log2_fold_change": change,
        "standard_error": np.nan if descriptive else se, "p_value": np.nan if descriptive else p_value,
        "fdr": np.nan if descriptive else fdr, "descriptive": descriptive,
    }  # fmt: skip


def pool(*rows):
    return agreement.synthesize_pathways(pd.DataFrame(rows), systems=SYSTEMS)


def checked(table, name):
    """The table as the synthesis writes it."""
    return check_table(agreement.with_organisms(table, dict.fromkeys(SYSTEMS, "human")), name)


@pytest.mark.parametrize("effect", [0.0, 1e-6, 0.3, -2.0, 6.0])
def test_one_dataset_keeps_its_own_test(effect):
    row = pathway_row("cord", effect, df=5)
    got = pool(row).iloc[0]
    own = ["effect", "p_value", "ci_low", "ci_high"]
    assert got[own].tolist() == [row[name] for name in own]
    assert got["note"] == "one_dataset"
    assert np.isnan([got["tau_squared"], got["i_squared"], got["prediction_low"]]).all()


def test_pooled_over_tissue_and_dish():
    rows = [pathway_row("cord", 2.0), pathway_row("cortex", 3.0), pathway_row("lines", -1.0)]
    got = pool(*rows).iloc[0]
    tissue = pooling.random_effects(np.array([[2.0, 3.0]]), np.full((1, 2), 0.6)).iloc[0]
    both = pooling.random_effects(np.array([[2.0, 3.0, -1.0]]), np.full((1, 3), 0.6)).iloc[0]
    for name in ("effect", "ci_low", "ci_high"):
        assert got[f"{name}_tissue"] == pytest.approx(tissue[name])
        assert got[f"{name}_dish"] == pytest.approx(rows[2][name])
        assert got[name] == pytest.approx(both[name])
    assert got["p_value"] == pytest.approx(both["p_value"])
    assert got["prediction_low"] == pytest.approx(both["prediction_low"])
    half = np.hypot(tissue["ci_high"] - tissue["effect"], rows[2]["ci_high"] + 1)
    assert got["p_difference"] == pytest.approx(2 * stats.norm.sf(3.5 / half * stats.norm.isf(0.025)))
    assert got[["n_tissue", "n_dish", "n_datasets", "n_same_sign"]].tolist() == [2, 1, 3, 2]
    assert got[["datasets", "note"]].tolist() == ["cord;cortex;lines", ""]


def test_two_datasets_are_too_few_for_a_pooled_p_and_say_so():
    """Each alone p < 1e-6, and yet one degree of freedom leaves an interval 12.7 standard errors wide to each side."""
    got = pool(pathway_row("cord", 6.0), pathway_row("lines", 6.0)).iloc[0]
    assert got["p_value"] > 0.03
    assert got["note"] == "two_datasets"


def test_descriptive_rows_never_enter():
    rows = [pathway_row("cord", 2.0), pathway_row("lines", 9.0, descriptive=True)]
    pd.testing.assert_frame_equal(pool(*rows), pool(rows[0]))
    assert pool(rows[1]).empty


def test_no_rows_give_empty_tables():
    none = pathway_row("lines", 9.0, descriptive=True)
    assert checked(pool(none), "synthesis_pathways").empty
    genes = agreement.synthesize_genes(pd.DataFrame([gene_row("cord", "A", 1, descriptive=True)]), systems=SYSTEMS)
    assert checked(agreement.worth_keeping(genes, fdr=0.05), "synthesis_genes").empty


def test_difference_between_systems_is_calibrated():
    """No difference between systems, t tests with 8 degrees of freedom: at most 5 % of p below 0.05."""
    rng = np.random.default_rng(4)
    rows = []
    for number in range(1500):
        for dataset in ("cord", "lines"):
            sd = np.sqrt(stats.chi2.rvs(8, random_state=rng) / 8)
            rows.append(pathway_row(dataset, rng.normal(0.5, 0.6) / sd, df=8, pathway=f"s{number:04}"))
    got = pool(*rows)
    assert 0.02 < (got["p_difference"] < 0.05).mean() < 0.055


def test_genes():
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
    assert kept["n_same_sign"].to_dict() == {"CHIT1": 2, "GPNMB": 1, "NEFL": 2, "ONLY": 1}
    assert kept["n_datasets"].to_dict() == {"CHIT1": 2, "GPNMB": 2, "NEFL": 2, "ONLY": 1}
    assert kept.loc["ONLY", "p_value"] == table.loc[6, "p_value"]
    assert kept.loc["NEFL", "log2_fold_change_dish"] == pytest.approx(0.8)
    assert 0.8 < kept.loc["NEFL", "log2_fold_change"] < 1.0
    assert np.isnan(kept.loc["ONLY", "log2_fold_change_dish"])
    p_values = genes.sort_values("p_value")["p_value"].to_numpy()
    assert genes["fdr"].min() == pytest.approx((p_values * 5 / np.arange(1, 6)).min())  # five genes of one cell type


def test_cell_types_of_another_spelling_are_one_type(caplog):
    rows = [
        pathway_row("cord", 2.0, cell_type="Motor neuron"),
        pathway_row("lines", 1.5, cell_type="motor-neuron"),
        pathway_row("lines", 1.0, cell_type="glia_like"),
    ]
    matched = agreement.match_cell_types(pd.DataFrame(rows), names={})
    got = agreement.synthesize_pathways(matched, systems=SYSTEMS)
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
    matched = agreement.match_cell_types(pd.DataFrame(rows), names={})
    assert matched["cell_type"].tolist() == ["T cell", "t cell", "t_cell"]
    assert "would fall together keep their names: T cell, t cell" in caplog.text


def test_datasets_without_a_common_cell_type_are_named(caplog):
    rows = [pathway_row("cord", 2.0, cell_type="microglia"), pathway_row("lines", 1.0, cell_type="Motor Neuron")]
    agreement.match_cell_types(pd.DataFrame(rows), names={})
    assert "c: the datasets share no tested cell type" in caplog.text
    assert "cord: microglia; lines: motor_neuron" in caplog.text
    caplog.clear()
    agreement.match_cell_types(pd.DataFrame(rows[:1]), names={})
    agreement.match_cell_types(pd.DataFrame(rows).iloc[:0], names={})
    assert not caplog.text


def test_further_names_of_a_cell_type_are_matched_whatever_their_spelling(caplog):
    rows = [
        pathway_row("cord", 2.0, cell_type="Alpha motor-neuron"),
        pathway_row("cortex", 2.0, cell_type="MN"),
        pathway_row("lines", 1.0, cell_type="motor_neuron"),
        pathway_row("lines", 1.0, cell_type="progenitor"),
    ]
    names = {"motor_neuron": ["alpha_motor_neuron", "mn"]}
    matched = agreement.match_cell_types(pd.DataFrame(rows), names=names)
    assert matched["cell_type"].tolist() == ["motor_neuron", "motor_neuron", "motor_neuron", "progenitor"]
    assert not caplog.text


def test_types_that_one_dataset_holds_both_do_not_become_one(caplog):
    """They share donors: pooled, they would count as two datasets."""
    rows = [pathway_row("cord", 2.0, cell_type=name) for name in ("alpha_motor_neuron", "gamma_motor_neuron")]
    rows.append(pathway_row("lines", 1.0, cell_type="motor_neuron"))
    names = {"motor_neuron": ["alpha_motor_neuron", "gamma_motor_neuron"]}
    matched = agreement.match_cell_types(pd.DataFrame(rows), names=names)
    assert matched["cell_type"].tolist() == ["alpha_motor_neuron", "gamma_motor_neuron", "motor_neuron"]
    assert "keep their names: alpha_motor_neuron, gamma_motor_neuron" in caplog.text
