"""Ligands and receptors between cell types: scores by hand, who sends to whom, and what is not tested."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscell import files
from alscell.cell_classes import cell_class, types_of
from alscell.ligand_receptor import compare_pairs, in_mouse_pairs
from alscell.moderation import benjamini_hochberg
from alscell.tables import check_table, empty_table

ROOT = Path(__file__).resolve().parents[2]
PAIRS = files.read_samples(ROOT / "resources" / "ligand_receptor" / "neurotrophic.tsv")
CONTRASTS = {"als": {"factor": "condition", "case": ["ALS"], "control": ["Control"]}}
DONORS = pd.DataFrame({"condition": ["ALS"] * 5 + ["Control"] * 5}, index=[f"d{i}" for i in range(10)])
DESIGN = {"covariates": [], "min_donors": 3, "names": {}}
GENES = ["GDNF", "GFRA1", "RET", "BDNF", "NTRK2", "CX3CL1", "CX3CR1", "HGF"]


def expression() -> pd.DataFrame:
    """GDNF falls in the astrocytes of cases; RET is below GFRA1; d9 has no astrocytes; HGF is measured but low."""
    rng = np.random.default_rng(4)
    rows = {
        "astrocyte": {"GDNF": 3.0, "BDNF": 4.0},
        "microglia": {"CX3CR1": 6.0, "GDNF": 2.0},
        "motor_neuron": {"GFRA1": 7.0, "RET": 5.0, "NTRK2": 6.0, "CX3CL1": 4.0, "BDNF": 2.0},
    }
    parts = []
    for cell_type, genes in rows.items():
        values = rng.normal(0, 0.3, (len(genes), len(DONORS))) + np.array(list(genes.values()))[:, None]
        table = pd.DataFrame(values, columns=DONORS.index)
        table.insert(0, "gene", list(genes))
        table.insert(0, "cell_type", cell_type)
        parts.append(table)
    out = pd.concat(parts, ignore_index=True)
    fallen = (out["cell_type"] == "astrocyte") & (out["gene"] == "GDNF")
    out.loc[fallen, list(DONORS.index[:5])] -= 3.0
    out.loc[out["cell_type"] == "astrocyte", "d9"] = np.nan
    return out


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    table = compare_pairs(expression(), empty_table("differential"), DONORS, PAIRS, GENES, CONTRASTS, **DESIGN)
    return check_table(table.assign(dataset="x"), "ligand_receptor")


def row(table: pd.DataFrame, *key: str) -> pd.Series:
    return table.set_index(["ligand", "receptor", "sender", "receiver"]).loc[key]


def test_score_is_the_mean_of_ligand_and_lowest_subunit_tested_between_donors_with_both_types(found):
    values = expression().set_index(["cell_type", "gene"])
    score = (
        values.loc[("astrocyte", "GDNF")] + values.loc[[("motor_neuron", "GFRA1"), ("motor_neuron", "RET")]].min(axis=0)
    ) / 2
    case, control = score[[f"d{i}" for i in range(5)]], score[[f"d{i}" for i in range(5, 9)]]
    own = row(found, "GDNF", "GFRA1;RET", "astrocyte", "motor_neuron")
    expected = stats.ttest_ind(case, control)  # two pairs of these types: too few to share their variances
    assert own["p_value"] == pytest.approx(expected.pvalue)
    assert own["effect"] == pytest.approx(case.mean() - control.mean())
    assert (own["n_case"], own["n_control"], own["limiting_subunit"]) == (5, 4, "RET")
    assert own["fdr"] < 0.05


def test_what_did_not_move_is_not_found(found):
    others = found[(found["status"] == "tested") & ~((found["ligand"] == "GDNF") & (found["sender"] == "astrocyte"))]
    assert len(others) >= 3
    assert (others["fdr"] > 0.05).all()


def test_fdr_is_over_all_pairs_and_types_of_the_contrast(found):
    tested = found[found["p_value"].notna()]
    assert tested["fdr"].to_numpy() == pytest.approx(benjamini_hochberg(tested["p_value"].to_numpy()))


def test_neurons_send_to_microglia_and_no_type_to_itself(found):
    assert row(found, "CX3CL1", "CX3CR1", "motor_neuron", "microglia")["status"] == "tested"
    assert set(found.loc[found["ligand"] == "CX3CL1", "receiver"]) == {"microglia"}
    assert (found["sender"] != found["receiver"]).all()


def test_every_pair_says_why_it_was_not_tested(found):
    assert row(found, "HGF", "MET", "astrocyte", "motor_neuron")["status"] == "not_measured"  # MET is no gene here
    assert row(found, "BDNF", "NTRK2", "microglia", "motor_neuron")["status"] == "ligand_low"
    assert found["status"].ne("").all()
    assert found.loc[found["status"] != "tested", ["effect", "p_value", "fdr"]].isna().all(axis=None)


def test_few_donors_are_described_and_none_are_told():
    facts = (expression(), empty_table("differential"))
    few = compare_pairs(*facts, DONORS.iloc[[0, 1, 5, 6, 7]], PAIRS, GENES, CONTRASTS, **DESIGN)
    own = row(check_table(few.assign(dataset="x"), "ligand_receptor"), "GDNF", "GFRA1;RET", "astrocyte", "motor_neuron")
    assert (own["status"], bool(own["descriptive"])) == ("descriptive", True)
    assert own["effect"] < -1
    assert pd.isna(own["p_value"])
    none = compare_pairs(*facts, DONORS.head(5), PAIRS, GENES, CONTRASTS, **DESIGN)
    assert "no_donors" in set(check_table(none.assign(dataset="x"), "ligand_receptor")["status"])
    assert none["effect"].isna().all()


def test_without_neurons_there_are_no_rows_between_glia_and_neurons():
    glia = expression().query("cell_type != 'motor_neuron'")
    table = compare_pairs(glia, empty_table("differential"), DONORS, PAIRS, GENES, CONTRASTS, **DESIGN)
    assert set(table["receiver"]) == {"microglia"}
    alone = compare_pairs(glia.query("cell_type == 'astrocyte'"), empty_table("differential"), DONORS, PAIRS, GENES,
                          CONTRASTS, **DESIGN)  # fmt: skip
    assert check_table(alone, "ligand_receptor").empty


def test_a_dataset_that_measured_no_pair_says_so_beside_its_own_tests():
    """As in Velmeshev's three cell types: the receptors of microglia are not among its genes."""
    tests = pd.DataFrame({"contrast": "als", "cell_type": "astrocyte", "gene": ["GDNF"], "log2_fold_change": [-3.0]})
    tests = tests.assign(fdr_all=0.01).astype({"contrast": "str", "cell_type": "str", "gene": "str"})
    glia = expression().query("cell_type != 'motor_neuron' and gene != 'CX3CR1'")
    table = compare_pairs(glia, tests, DONORS, PAIRS, GENES[:3], CONTRASTS, **DESIGN)
    assert set(check_table(table.assign(dataset="x"), "ligand_receptor")["status"]) == {"not_measured"}
    assert table["effect"].isna().all()


def test_change_of_each_side_is_that_of_differential():
    tests = pd.DataFrame(
        {
            "contrast": "als",
            "cell_type": ["astrocyte", "motor_neuron", "motor_neuron"],
            "gene": ["GDNF", "RET", "GFRA1"],
            "log2_fold_change": [-3.0, 0.2, 9.0],
            "fdr_all": [0.001, 0.9, 0.1],
        }
    )
    table = compare_pairs(expression(), tests, DONORS, PAIRS, GENES, CONTRASTS, **DESIGN)
    own = row(table, "GDNF", "GFRA1;RET", "astrocyte", "motor_neuron")
    assert (own["ligand_log2_fold_change"], own["ligand_fdr"]) == (-3.0, 0.001)
    assert (own["receptor_log2_fold_change"], own["receptor_fdr"]) == (0.2, 0.9)


def test_pairs_of_mice_go_by_their_orthologs():
    orthologs = files.read_gene_table(ROOT / "resources/genes/mouse_human.tsv")
    mice = in_mouse_pairs(PAIRS, orthologs, where="pairs")
    assert "Gdnf" in set(mice["ligand"])
    assert "Gfra1;Ret" in set(mice["receptor"])


def test_every_pair_has_known_genes_classes_and_a_paper():
    known = set(files.read_gene_table(ROOT / "resources/genes/human.tsv")["symbol"])
    genes = {gene for text in (*PAIRS["ligand"], *PAIRS["receptor"]) for gene in text.split(";")}
    assert genes <= known
    assert set(PAIRS["sender"]) | set(PAIRS["receiver"]) <= {"neuron", "support", "microglia"}
    assert not PAIRS.duplicated(["ligand", "receptor", "sender", "receiver"]).any()
    assert PAIRS["source"].str.contains(r"\(.* \d{4}.*\)").all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("motor_neuron", "neuron"),
        ("Excitatory", "neuron"),
        ("L2/3 Exc", "neuron"),
        ("microglia", "microglia"),
        ("Glia", "microglia"),
        ("glia_like", "support"),
        ("oligodendrocyte", "support"),
        ("alpha", "neuron"),
    ],
)
def test_classes_go_by_the_words_of_a_name(name, expected):
    assert cell_class(name, names={"motor_neuron": ["alpha"]}) == expected


def test_support_holds_the_microglia():
    classes = {"astrocyte": "support", "microglia": "microglia", "motor_neuron": "neuron"}
    assert types_of("support", classes) == ["astrocyte", "microglia"]
    assert types_of("microglia", classes) == ["microglia"]
