"""The scripts of synthesis.smk on small tables in files."""

from pathlib import Path

import numpy as np
import pandas as pd

import compare_planted
import judge_programmes
import synthesize_datasets
from alscell import files
from alscell.tables import empty_table

PLANTED_TABLES = ("planted", "planted_families", "planted_genes", "planted_composition")

GENE_TABLES = Path(__file__).resolve().parents[2] / "resources" / "genes"
CANDIDATES = {"gene": ["NEFL", "CHIT1"], "how": ["leaked", "secreted"], "fluid": ["CSF", ""], "reported": ["up", ""]}
CANDIDATES |= {"known": ["doi", ""], "confirmed": ["yes", ""]}
ORGANISMS = {"cord": "human", "lines": "human", "mice": "mouse"}


def pathway_tests(dataset, effects):
    rows = [
        {"dataset": dataset, "contrast": "c", "cell_type": "t", "family": "f", "pathway": name, "effect": effect,
         "standard_error": 0.5, "ci_low": effect - 1, "ci_high": effect + 1, "statistic": effect / 0.5,
         "p_value": p, "fdr": p, "fdr_within": p, "random_set_percentile": 50, "coverage": 1.0,
         "effect_control_sd": effect, "ci_low_control_sd": effect - 1, "ci_high_control_sd": effect + 1,
         "minimum_detectable_effect": 2.0, "donor_sd": 0.01, "depth_correlation": 0.1, "depth_correlation_donors": 0.1,
         "depth_ratio": 1.0,
         "n_case": 4, "n_control": 4, "descriptive": False}
        for name, (effect, p) in effects.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def differential(dataset, changes):
    rows = [
        {"dataset": dataset, "contrast": "c", "cell_type": "t", "gene": gene, "mean": 5.0, "log2_fold_change": change,
         "log2_fold_change_shrunk": change, "standard_error": 0.2, "statistic": change / 0.2, "df": 8.0, "p_value": p,
         "fdr": p,
         "fdr_all": p, "p_without_one": p, "decisive_donor": "d1", "outlier_donor": None,
         "n_case": 4, "n_control": 4, "descriptive": False}
        for gene, (change, p) in changes.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def synthesize(folder, tests, genes, cell_types=None):
    given = {"pathway_tests": [], "differential": []}
    for number, (table, name) in enumerate(
        [(t, "pathway_tests") for t in tests] + [(t, "differential") for t in genes]
    ):
        path = folder / f"{number}.tsv.gz"
        files.write_table(table, path, name)
        given[name].append(str(path))
    files.write_plain_table(pd.DataFrame(CANDIDATES), folder / "known.tsv")
    outputs = {
        name: str(folder / f"{name}.tsv")
        for name in ("pathways", "genes", "biomarkers", "biomarker_tests", "biomarkers_tested", "replication")
    }
    choices = {"cell_types": cell_types or {}, "fdr": 0.05, "n_expression_bins": 25}
    known = {"systems": {"cord": "tissue", "lines": "dish", "mice": "tissue"}, "organisms": ORGANISMS}
    tables = {"candidates": str(folder / "known.tsv"), "orthologs": str(GENE_TABLES / "mouse_human.tsv")}
    synthesize_datasets.main(**given, **outputs, **tables, **known, **choices)
    judged = {name: str(folder / f"{name}.tsv") for name in ("programmes", "agreement")}
    judge_programmes.main(pathways=outputs["pathways"], **judged, fdr=0.05, seed=1)
    return {name: files.read_table(path, f"synthesis_{name}") for name, path in (outputs | judged).items()}


def test_four_tables_of_two_datasets(tmp_path):
    tests = [
        pathway_tests("cord", {"a": (3.0, 1e-5), "b": (3.0, 1e-5), "c": (0.1, 0.8)}),
        pathway_tests("lines", {"a": (2.5, 1e-4), "b": (-0.2, 0.7), "c": (0.2, 0.7)}),
    ]
    genes = [
        differential("cord", {"NEFL": (1.0, 0.001), "CHIT1": (0.1, 0.6)}),
        differential("lines", {"NEFL": (0.8, 0.01)}),
    ]
    got = synthesize(tmp_path, tests, genes)
    assert got["programmes"].set_index("pathway")["verdict"].to_dict() == {
        "a": "same",
        "b": "tissue_only",
        "c": "neither",
    }
    assert got["genes"]["gene"].tolist() == ["NEFL"]
    again = got["replication"].set_index(["kind", "discovery"])
    assert again.loc[("gene", "cord"), ["n_hits", "n_replicated", "n_others"]].tolist() == [1, 1, 0]
    assert again.loc[("pathway", "cord"), ["n_hits", "n_same_sign", "n_replicated"]].tolist() == [2, 1, 1]
    assert again.loc[("pathway", "lines"), ["n_hits", "n_same_sign", "n_replicated"]].tolist() == [1, 1, 1]
    assert got["biomarkers"][["gene", "datasets", "direction", "known"]].to_numpy().tolist() == [
        ["NEFL", "cord;lines", "up", "doi"]
    ]


def test_cell_types_are_matched_by_name_whatever_their_spelling(tmp_path):
    tests = [pathway_tests("cord", {"a": (3.0, 1e-5)}), pathway_tests("lines", {"a": (2.5, 1e-4)})]
    genes = [differential("cord", {"NEFL": (1.0, 0.001)}), differential("lines", {"NEFL": (0.8, 0.01)})]
    for tables in (tests, genes):
        tables[0]["cell_type"], tables[1]["cell_type"] = "Motor neuron", "motor_neuron"
    got = synthesize(tmp_path, tests, genes)
    for name in ("pathways", "genes", "biomarkers"):
        table = got[name]
        assert table[["cell_type", "datasets"]].to_numpy().tolist() == [["motor_neuron", "cord;lines"]]
    assert got["programmes"]["verdict"].tolist() == ["same"]


def test_genes_of_mice_are_compared_under_the_symbols_of_their_human_orthologs(tmp_path, caplog):
    """C4b has two human orthologs: it is left out. SOD1 in a mouse dataset is the human transgene, not Sod1."""
    genes = [
        differential("cord", {"NEFL": (1.0, 0.001), "SOD1": (0.1, 0.9), "C4B": (1.0, 0.001)}),
        differential("mice", {"Nefl": (0.8, 0.01), "Sod1": (0.2, 0.8), "SOD1": (9.0, 1e-9), "C4b": (3.0, 1e-9)}),
    ]
    tests = [pathway_tests("cord", {"a": (3.0, 1e-5)}), pathway_tests("mice", {"a": (2.5, 1e-4)})]
    with caplog.at_level("INFO", logger="alscell.orthologs"):
        got = synthesize(tmp_path, tests, genes)
    assert "mice: 2 of 4 mouse genes have no one-to-one human ortholog and are left out" in caplog.text
    table = got["genes"].set_index("gene")
    assert table[["datasets", "organisms"]].to_numpy().tolist() == [
        ["cord", "human"],
        ["cord;mice", "human;mouse"],
        ["cord;mice", "human;mouse"],
    ]
    assert table.index.tolist() == ["C4B", "NEFL", "SOD1"]
    assert table.loc["SOD1", "log2_fold_change"] < 0.2
    assert got["biomarkers"][["gene", "organisms"]].to_numpy().tolist() == [["NEFL", "human;mouse"]]
    assert got["pathways"]["organisms"].tolist() == ["human;mouse"]


def test_one_dataset_still_makes_the_tables(tmp_path):
    got = synthesize(tmp_path, [pathway_tests("cord", {"a": (3.0, 1e-5)})], [empty_table("differential")])
    assert got["programmes"]["why"].tolist() == ["only one dataset was tested (cord)"]
    assert np.isnan(got["pathways"]["effect_dish"][0])
    assert got["pathways"]["note"].tolist() == ["one_dataset"]
    for name in ("genes", "biomarkers", "replication"):
        assert got[name].empty


def test_configured_names_of_a_cell_type_bring_datasets_together(tmp_path):
    genes = [differential("cord", {"NEFL": (1.0, 0.001)}), differential("lines", {"NEFL": (0.8, 0.01)})]
    tests = [pathway_tests("cord", {"a": (3.0, 1e-5)}), pathway_tests("lines", {"a": (2.5, 1e-4)})]
    for tables in (tests, genes):
        tables[0]["cell_type"], tables[1]["cell_type"] = "alpha_motor_neuron", "motor_neuron"
    got = synthesize(tmp_path, tests, genes, {"motor_neuron": ["alpha_motor_neuron"]})
    assert got["programmes"][["cell_type", "datasets", "verdict"]].to_numpy().tolist() == [
        ["motor_neuron", "cord;lines", "same"]
    ]
    assert len(got["replication"]) == 4


def test_planted_truth_of_two_datasets(tmp_path):
    names = ("truth_pathways", "truth_genes", "truth_composition", "tests", "differential", "composition")
    given = {name: [] for name in names}
    for dataset in ("cord", "lines"):
        planted = pd.DataFrame([(dataset, "t", "f", "a", 0.8, 0.5)])
        planted.columns = ["dataset", "cell_type", "family", "pathway", "log2_fold_change", "fraction_changed"]
        genes = pd.DataFrame([(dataset, "t", "A", 0.8)], columns=["dataset", "cell_type", "gene", "log2_fold_change"])
        tests = pathway_tests(dataset, {"a": (2.0, 0.01 if dataset == "cord" else 0.2), "b": (1.0, 0.4)})
        for key, name, table in (
            ("truth_pathways", "truth_pathways", planted),
            ("truth_genes", "truth_genes", genes),
            ("truth_composition", "truth_composition", empty_table("truth_composition")),
            ("tests", "pathway_tests", tests),
            ("differential", "differential", empty_table("differential")),
            ("composition", "composition", empty_table("composition")),
        ):
            path = tmp_path / f"{dataset}_{key}.tsv"
            files.write_table(table, path, name)
            given[key].append(str(path))
    members = pd.DataFrame({"family": "f", "pathway": list("aab"), "gene": list("ABC"), "given": list("ABC")})
    files.write_table(members.assign(known=True), tmp_path / "members.tsv", "gene_set_members")
    contrasts = {"cord": ["c"], "lines": ["c"]}
    output = {name: str(tmp_path / f"{name}.tsv") for name in PLANTED_TABLES}
    compare_planted.main(**given, **output, members=str(tmp_path / "members.tsv"), contrasts=contrasts, fdr=0.05)
    families = files.read_table(output["planted_families"], "planted_families").set_index("dataset")
    assert families[["n_planted", "n_found", "n_missed", "n_quiet", "n_false"]].to_numpy().tolist() == [
        [1, 1, 0, 1, 0], [1, 0, 1, 1, 0]
    ]  # fmt: skip
    assert files.read_table(output["planted_genes"], "planted_genes").empty
    got = files.read_table(output["planted"], "planted").set_index(["dataset", "pathway"])["outcome"]
    assert got.to_dict() == {
        ("cord", "a"): "found",
        ("cord", "b"): "quiet",
        ("lines", "a"): "missed",
        ("lines", "b"): "quiet",
    }
