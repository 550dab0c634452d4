"""Biomarker candidates: FDR over candidates, cell of origin, agreement of datasets and of the fluid."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscell import biomarkers
from alscell.expression import benjamini_hochberg
from alscell.tables import check_table

SYSTEMS = {"cord": "tissue", "cortex": "tissue", "lines": "dish"}
CANDIDATES = pd.DataFrame(
    [
        ("NEFL", "leaked", "CSF;blood", "up", "raised; a paper"),
        ("CST3", "secreted", "CSF", "down", "lowered; a paper"),
        ("APP", "shed", "CSF", "changed", "changed; a paper"),
        ("SPP1", "secreted", "", "", ""),
    ],
    columns=["gene", "how", "fluid", "reported", "known"],
)


def row(dataset, gene, change, p, *, cell_type="microglia", mean=5.0, se=0.2, descriptive=False):
    tested = {"standard_error": se, "p_value": p, "fdr": min(1.0, 3 * p)}
    tested = dict.fromkeys(tested) if descriptive else tested
    return {"dataset": dataset, "contrast": "c", "cell_type": cell_type, "gene": gene, "mean": mean, "n_case": 5,
            "n_control": 5, "log2_fold_change": change, "descriptive": descriptive} | tested  # fmt: skip


def find(*rows):
    found = biomarkers.find_biomarkers(pd.DataFrame(rows), CANDIDATES, systems=SYSTEMS, fdr=0.05)
    return check_table(found.assign(organisms="human"), "synthesis_biomarkers").set_index("gene")


def test_fdr_is_over_the_candidates_of_all_cell_types_of_a_dataset_only():
    rows = [row("cord", "NEFL", 1, 0.02), row("cord", "SPP1", 1, 0.03, cell_type="astrocyte")]
    rows += [row("cord", "OTHER", 1, 0.9), row("lines", "NEFL", 1, 0.8)]
    got = biomarkers.candidate_tests(pd.DataFrame(rows), CANDIDATES)
    assert got["fdr_candidates"].tolist() == [*benjamini_hochberg(np.array([0.02, 0.03])), 0.8]
    assert got["ci_low"][0] == pytest.approx(1 - stats.t.ppf(0.975, 8) * 0.2)


def test_known_and_new_and_agreement_with_the_fluid():
    rows = [row("cord", "NEFL", -1, 1e-4), row("cord", "CST3", -1, 1e-4), row("cord", "APP", 1, 1e-4)]
    got = find(*rows, row("cord", "SPP1", 2, 1e-4), row("cord", "OTHER", 5, 1e-9))
    assert got["fluid_agrees"].fillna("").to_dict() == {"APP": "", "CST3": "yes", "NEFL": "no", "SPP1": ""}
    assert got["status"].to_dict() == dict.fromkeys(["APP", "CST3", "NEFL"], "known") | {"SPP1": "new candidate"}
    assert got["how"].to_dict() == {"APP": "shed", "CST3": "secreted", "NEFL": "leaked", "SPP1": "secreted"}


def test_direction_is_that_of_the_hits_and_datasets_that_disagree_are_mixed():
    """NEFL: the hit is down and the pool is up. CST3: two hits against each other. SPP1: one dataset only."""
    rows = [row("cord", "NEFL", -0.5, 1e-4, se=0.3), row("cortex", "NEFL", 1, 0.4), row("lines", "NEFL", 1, 0.4)]
    rows += [row("cord", "CST3", -1, 1e-3), row("lines", "CST3", 2, 1e-5), row("cord", "SPP1", 1, 1e-3)]
    got = find(*rows)
    assert got["direction"].to_dict() == {"CST3": "mixed", "NEFL": "down", "SPP1": "up"}
    assert got["datasets"].to_dict() == {"CST3": "cord;lines", "NEFL": "cord", "SPP1": "cord"}
    assert got.loc["CST3", ["lead_dataset", "log2_fold_change"]].tolist() == ["lines", 2.0]
    assert got.loc["CST3", "fluid_agrees"] is None or pd.isna(got.loc["CST3", "fluid_agrees"])
    assert got.loc["NEFL", "effect_pooled"] > 0
    assert got.loc["NEFL", ["n_datasets", "n_same_sign", "systems"]].tolist() == [3, 2, "tissue;dish"]
    assert got.loc["NEFL", "effects"].startswith("cord -0.50 (-1.19 to +0.19); cortex +1.00")
    assert got.loc["SPP1", ["n_datasets", "n_same_sign"]].tolist() == [1, 0]
    assert got.loc["SPP1", ["systems", "effect_pooled"]].isna().all()


def test_cell_of_origin_is_where_counts_are_highest_also_by_descriptive_rows():
    """4, 2 and 1 of 7 counts per million; tau of (1, 0.5, 0.25) is (0 + 0.5 + 0.75) / 2. SPP1 is in one type only."""
    rows = [row("cord", "NEFL", 1, 1e-4, mean=1.0), row("cord", "NEFL", 1, 0.9, cell_type="astrocyte", mean=0.0)]
    rows += [row("cord", "NEFL", 1, 1, cell_type="neuron", mean=2.0, descriptive=True)]
    rows += [row("cord", "SPP1", 1, 1e-4)]
    got = find(*rows)
    assert got.loc["NEFL", "highest_in"] == "neuron"
    assert got.loc["NEFL", ["share", "share_highest", "tau"]].tolist() == pytest.approx([2 / 7, 4 / 7, 0.625])
    assert got.loc["SPP1", ["share", "share_highest", "tau"]].tolist() == [1, 1, 1]
    assert got.loc["NEFL", "changes_in"] == "microglia"


def test_nothing_found_gives_an_empty_table_and_the_change_that_could_be_found():
    table = pd.DataFrame([row("cord", gene, 0.1, 0.7) for gene in ("NEFL", "SPP1")])
    assert find(*table.to_dict("records")).empty
    got = check_table(biomarkers.count_candidates(table, CANDIDATES, fdr=0.05), "synthesis_biomarkers_tested").iloc[0]
    assert got[["n_genes", "n_tests", "n_hits"]].tolist() == [2, 2, 0]
    critical = stats.t.isf(0.025 / 2, 8)
    assert stats.nct.sf(critical, 8, got["detectable"] / 0.2) == pytest.approx(0.8, abs=0.002)
    none = pd.DataFrame([row("cord", "NEFL", 1, 1, descriptive=True)])
    assert find(*none.to_dict("records")).empty
    assert biomarkers.count_candidates(none, CANDIDATES, fdr=0.05).empty
