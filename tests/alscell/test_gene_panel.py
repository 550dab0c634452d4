"""A list of genes read one by one: statuses, families of the FDR, the mutated gene, and C9orf72 in real donors."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import sparse, stats

from alscell import files
from alscell.expression import Choices, compare_donors, donor_expression
from alscell.gene_panel import (
    OVER_TYPES,
    evidence_of,
    gene_of_level,
    mutated_genes,
    own_gene,
    read_genes,
    read_over_types,
    with_own_gene,
)
from alscell.moderation import benjamini_hochberg
from alscell.tables import check_table

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data"))
GENES = ["SOD1", "C9orf72", "FUS", "TARDBP", "UBQLN2"]
CONTRASTS = {
    "c9_vs_control": {"factor": "condition", "case": ["c9ALS"], "control": ["Control"]},
    "sod1_vs_control": {"factor": "condition", "case": ["SOD1"], "control": ["Control"]},
}
DESIGN = {"covariates": [], "min_donors": 3}


def choices() -> Choices:
    given = yaml.safe_load((ROOT / "config.yaml").read_text())["differential"]
    return Choices(**{name: value for name, value in given.items() if name != "min_donors"})


@pytest.fixture(scope="module")
def made():
    """5 c9ALS, 2 SOD1 and 5 control donors, two cell types; C9orf72 low in c9ALS, TARDBP hardly counted."""
    rng = np.random.default_rng(7)
    names = np.array([*GENES[:4], *(f"G{i}" for i in range(200))], dtype=object)
    levels = ["c9ALS"] * 5 + ["SOD1"] * 2 + ["Control"] * 5
    rows, counts = [], []
    for cell_type in ("microglia", "motor_neuron"):
        for i, level in enumerate(levels):
            means = np.full(len(names), 200.0)
            means[1] = 60.0 if level == "c9ALS" else 200.0
            means[2:4] = 0.0, 0.4
            rows.append((f"d{i:02}", cell_type, 100, level))
            counts.append(rng.negative_binomial(40, 40 / (40 + means)))
    observations = pd.DataFrame(rows, columns=["donor", "cell_type", "n_cells", "condition"])
    observations.loc[len(rows) - 1, "n_cells"] = 3  # the last donor has too few motor neurons
    matrix = sparse.csr_matrix(np.array(counts))
    found = compare_donors(matrix, observations, names, CONTRASTS, choices(), dataset="x", min_cells=10, **DESIGN)
    members = pd.DataFrame({"family": "als", "pathway": ["b", "a", "a", "a", "a", "a"], "gene": ["SOD1", *GENES]})
    wanted = evidence_of(members, [])
    table = read_genes(matrix, observations, names, wanted, CONTRASTS, found.table, found.skipped, min_cells=10)
    expression = donor_expression(matrix, observations, names, found.table, min_cells=10)
    return {"table": table, "observations": observations, "found": found, "wanted": wanted, "expression": expression}


def test_every_gene_has_a_row_in_every_type_and_contrast_and_its_status(made):
    table = with_own_gene(made["table"], {"c9_vs_control": "C9orf72"})
    assert len(check_table(table.assign(dataset="x"), "gene_panel")) == 2 * 2 * len(GENES)
    status = table[table["contrast"] == "c9_vs_control"].groupby("gene")["status"].unique().str.join(" ").to_dict()
    assert status == {
        "C9orf72": "tested",
        "SOD1": "tested",
        "FUS": "not_detected",
        "TARDBP": "too_low",
        "UBQLN2": "not_measured",
    }
    assert table.loc[table["gene"] == "SOD1", "evidence"].eq("a;b").all()


def test_own_gene_marks_its_contrast_only_and_mouse_symbols_too(made):
    assert not with_own_gene(made["table"], {})["own_gene"].any()
    own = with_own_gene(made["table"], {"sod1_vs_control": "Sod1"})
    assert set(own.loc[own["own_gene"], ["contrast", "gene"]].itertuples(index=False, name=None)) == {
        ("sod1_vs_control", "SOD1")
    }


def test_contrast_of_two_donors_is_descriptive(made):
    rows = made["table"][(made["table"]["contrast"] == "sod1_vs_control") & (made["table"]["gene"] == "SOD1")]
    assert rows["status"].eq("descriptive").all()
    assert rows["reason"].eq("too_few_donors").all()
    assert rows["log2_fold_change"].notna().all()
    assert rows[["p_value", "fdr_panel", "ci_low", "detectable"]].isna().all(axis=None)
    assert rows["n_case"].eq(2).all()


def test_arms_count_donors_with_enough_cells(made):
    row = made["table"].set_index(["contrast", "cell_type", "gene"]).loc[("c9_vs_control", "motor_neuron", "C9orf72")]
    assert (row["n_case"], row["n_control"], row["detected_control"]) == (5, 4, 4)
    assert row["mean_case"] - row["mean_control"] == pytest.approx(np.log2(60 / 200), abs=0.3)


def test_interval_excludes_zero_just_where_p_is_below_5_percent(made):
    tested = made["table"][made["table"]["p_value"].notna()]
    outside = (tested["ci_low"] > 0) | (tested["ci_high"] < 0)
    assert len(tested) == 4
    assert (outside == (tested["p_value"] < 0.05)).all()
    assert outside.sum() >= 2


def test_families_of_the_fdr_are_the_list_and_the_gene(made):
    tested = made["table"][made["table"]["p_value"].notna()]
    assert tested["fdr_panel"].to_numpy() == pytest.approx(benjamini_hochberg(tested["p_value"].to_numpy()))
    for _, own in tested.groupby("gene"):
        assert own["fdr_gene"].to_numpy() == pytest.approx(benjamini_hochberg(own["p_value"].to_numpy()))


def test_a_type_that_is_not_tested_says_why(made):
    skipped = pd.DataFrame({"contrast": ["c9_vs_control"], "cell_type": ["microglia"], "reason": ["no_genes"]})
    skipped = skipped.assign(detail="", n_case=5, n_control=5)
    none = made["found"].table.head(0)
    counts = sparse.csr_matrix(np.ones((len(made["observations"]), 1), dtype=int))
    rows = read_genes(
        counts, made["observations"], np.array(["SOD1"]), made["wanted"], CONTRASTS, none, skipped, min_cells=10
    ).set_index(["contrast", "cell_type", "gene"])
    told = rows.loc[("c9_vs_control", "microglia", "SOD1")]
    assert (told["status"], told["reason"]) == ("type_not_tested", "no_genes")
    assert rows.loc[("c9_vs_control", "microglia", "FUS"), "status"] == "not_measured"


def test_one_test_over_cell_types_is_a_t_test_of_donor_means(made):
    """Without covariates and with one contrast, it is Student's t test of the donors' means."""
    donors = made["observations"].drop_duplicates("donor").set_index("donor")
    alone = {"c9_vs_control": CONTRASTS["c9_vs_control"]}
    observed = made["expression"].drop(columns="d11")  # too few motor neurons: it would leave one type
    row = read_over_types(observed, donors, made["wanted"], ["C9orf72"], alone, **DESIGN).iloc[0]
    means = observed[observed["gene"] == "C9orf72"].set_index("cell_type").drop(columns="gene").mean()
    case, control = means[[f"d{i:02}" for i in range(5)]], means[[f"d{i:02}" for i in range(7, 11)]]
    expected = stats.ttest_ind(case, control)
    assert row["p_value"] == pytest.approx(expected.pvalue, rel=1e-5)
    assert row["log2_fold_change"] == pytest.approx(case.mean() - control.mean(), abs=1e-5)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(expected.confidence_interval()), abs=1e-5)
    assert row["reason"] == "microglia;motor_neuron"


def test_no_test_over_types_where_a_donor_lacks_one(made):
    donors = made["observations"].drop_duplicates("donor").set_index("donor")
    assert read_over_types(made["expression"], donors, made["wanted"], ["C9orf72"], CONTRASTS, **DESIGN).empty


@pytest.mark.parametrize(
    ("level", "gene"),
    [
        ("c9ALS", "C9orf72"),
        ("C9orf72", "C9orf72"),
        ("SOD1G93A", "SOD1"),
        ("FUS_P525L_het", "FUS"),
        ("TDP43_M337V", "TARDBP"),
        ("TARDBP_M337V", "TARDBP"),
        ("C9orf72_corrected", ""),
        ("FUS_KO", ""),
        ("control", ""),
        ("WT", ""),
        ("sALS", ""),
        ("sporadic", ""),
        ("ALS", ""),
    ],
)
def test_levels_name_their_gene(level, gene):
    assert gene_of_level(level, ["SOD1", "C9orf72", "FUS", "TARDBP", "ALS2"]) == gene


def test_mutated_gene_needs_all_case_donors_and_config_has_the_last_word():
    donors = pd.DataFrame(
        {"condition": ["ALS"] * 3 + ["Control"], "genotype": ["SOD1_A4V", "SOD1", "SOD1_D90A", "control"]},
        index=list("abcd"),
    )
    contrast = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
    assert own_gene(contrast, donors, GENES) == "SOD1"
    mixed = donors.assign(genotype=["SOD1", "FUS", "SOD1", "control"])
    assert own_gene(contrast, mixed, GENES) == ""
    assert own_gene({**contrast, "gene": "FUS"}, donors, GENES) == "FUS"
    observations = donors.rename_axis("donor").reset_index()
    assert mutated_genes({"x": contrast}, observations, GENES) == {"x": "SOD1"}


def test_a_gene_stated_in_config_joins_the_list():
    members = pd.DataFrame({"pathway": ["a"], "gene": ["SOD1"]})
    assert evidence_of(members, ["", "SOD1", "KIF1A"]).to_dict() == {"SOD1": "a", "KIF1A": "stated in config"}


def test_c9orf72_is_lower_in_c9als_and_flat_in_sporadic_als():
    """4 c9ALS, 4 sALS and 4 control donors of the motor cortex (Pineda 2024), counts by donor and class."""
    path = DATA / "als_gse174332_pseudobulk" / "als_gse174332_pseudobulk_broad.h5ad"
    if not path.exists():
        pytest.skip(f"no {path}")
    folder = ROOT / "examples" / "als_gse174332"
    config = yaml.safe_load((folder / "config.yaml").read_text())
    data = files.read_h5ad(path)
    sheet = files.read_samples(folder / "samples.tsv").set_index("sample")
    observations = pd.DataFrame(
        {
            "donor": data.obs["sample"].astype(str).to_numpy(),
            "cell_type": data.obs["cell_class"].astype(str).to_numpy(),
            "n_cells": data.obs["n_cells"].to_numpy(),
        }
    )
    observations["condition"] = sheet.loc[observations["donor"], "condition"].to_numpy()
    observations["sex"] = sheet.loc[observations["donor"], "sex"].to_numpy()
    wanted = evidence_of(files.read_gene_sets(sorted((ROOT / "resources/gene_sets/als_genes").glob("*.gmt"))), [])
    totals = np.asarray(data.X.sum(axis=0)).ravel()
    kept = (totals >= np.sort(totals)[-5000]) | data.var_names.isin(wanted.index)  # the rest would cost a minute
    data = data[:, kept]
    counts, names = sparse.csr_matrix(data.X).astype(int), data.var_names.to_numpy(dtype=object)
    design = {"covariates": config["datasets"][0]["covariates"], "min_donors": 3}
    contrasts = config["contrasts"]
    found = compare_donors(counts, observations, names, contrasts, choices(), dataset="als", min_cells=10, **design)
    table = read_genes(counts, observations, names, wanted, contrasts, found.table, found.skipped, min_cells=10)
    mutated = mutated_genes(contrasts, observations, list(wanted.index))
    assert mutated == {"c9als_vs_control": "C9orf72", "c9als_vs_sals": "C9orf72"}
    own = table[table["gene"] == "C9orf72"].set_index(["contrast", "cell_type"])
    assert len(own) == 12
    assert own["status"].eq("tested").all()
    assert (own.loc["c9als_vs_control", "log2_fold_change"] < 0).all()
    assert own.loc[("c9als_vs_sals", "Glia"), "fdr_gene"] < 0.05
    assert (own.loc["c9als_vs_sals", "log2_fold_change"] < 0).all()
    assert (own.loc["sals_vs_control", "p_value"] > 0.2).all()
    expression = donor_expression(counts, observations, names, found.table, min_cells=10)
    donors = observations.drop_duplicates("donor").set_index("donor")
    over = read_over_types(expression, donors, wanted, ["C9orf72"], contrasts, **design).set_index("contrast")
    assert over["cell_type"].eq(OVER_TYPES).all()
    assert over.loc["c9als_vs_control", "p_value"] < 0.1  # 0.036 with all genes: library sizes differ a little
    assert over.loc["c9als_vs_control", "log2_fold_change"] < 0
    assert over.loc["c9als_vs_sals", "p_value"] < 0.05  # 0.008 with all genes
    assert over.loc["sals_vs_control", "p_value"] > 0.2
