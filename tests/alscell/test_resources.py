"""Shipped gene sets, markers and demo datasets: real symbols, sources, sizes, and designs that can be fitted."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from alscell.biomarkers import HOW, REPORTED
from alscell.check_schema import schema_problems
from alscell.files import read_gene_table, read_gmt, read_samples
from alscell.gene_sets import find_overlaps
from alscell.keys import CELL_TYPES

ROOT = Path(__file__).parents[2]
SETS = ROOT / "resources" / "gene_sets"
FILES = sorted(SETS.glob("*/*.gmt"))
FACTS = {(path.parent.name, path.stem): yaml.safe_load(path.with_suffix(".yaml").read_text()) for path in FILES}
SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "gene_set.schema.yaml").read_text())
GENES = pd.read_csv(ROOT / "resources" / "simulation" / "genes.tsv", sep="\t", keep_default_na=False)
SYMBOLS = set(GENES["gene"])
DOI = re.compile(r"10\.\d{4,5}/\S+|R-HSA-\d+|GO:\d{7}")
MARKERS = sorted((ROOT / "resources" / "markers").glob("*.tsv"))
SIMULATED = sorted(
    [
        *(ROOT / "examples" / "demo").glob("*/dataset.yaml"),
        *(ROOT / "tests" / "workflow" / "cohort").glob("*/dataset.yaml"),
    ]
)
CURRENT = set(read_gene_table(ROOT / "resources" / "genes" / "human.tsv")["symbol"])
ORTHOLOGS = set(read_gene_table(ROOT / "resources" / "genes" / "mouse_human.tsv")["human_symbol"])
FORMER = read_samples(ROOT / "resources" / "genes" / "former_symbols.tsv")


def members():
    return [(path.parent.name, name, genes) for path in FILES for name, genes in read_gmt(path).items()]


def test_index_names_the_sets_that_are_there():
    """Rules read the index: under `module: github(...)` no folder can be listed."""
    index = yaml.safe_load((SETS / "families.yaml").read_text(encoding="utf-8"))
    assert [(family, name) for family, names in index.items() for name in names] == list(FACTS)
    assert {"inflammation", "autophagy", "stress", "tdp43", "als_genes", "neurotrophic", "axon", "biomarkers"} <= set(
        index
    )
    assert index["artefact"] == ["ex_vivo_activation", "post_mortem"]
    assert len(FACTS) >= 45


def test_each_set_is_one_file_with_its_facts_beside():
    assert {path.with_suffix(".yaml") for path in FILES} == set(SETS.glob("*/*.yaml"))
    for path in FILES:
        assert list(read_gmt(path)) == [path.stem]
    names = [name for _, name in FACTS]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z0-9_]+", name) for name in names)


@pytest.mark.parametrize("key", FACTS, ids="/".join)
def test_facts_fit_their_schema(key):
    facts = FACTS[key]
    assert schema_problems(facts, SCHEMA, where=str) == []
    assert all(entry.get("doi") or entry.get("term") for entry in facts["source"])
    assert "kegg" not in str(facts).lower()
    assert (facts["kind"] == "artefact") == (key[0] == "artefact")
    assert (facts["kind"] == "gene_level") == (key[0] in {"als_genes", "tdp43", "biomarkers"})


def test_facts_with_an_unknown_key_are_refused():
    (_, problem), *_ = schema_problems(
        {**FACTS["stress", "hypoxia"], "sorce": []}, SCHEMA, where=lambda _: "hypoxia.yaml"
    )
    assert "unknown key" in str(problem)
    assert "'source'" in str(problem)


@pytest.mark.parametrize(
    ("family", "name", "genes"), members(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_members_are_known_genes_named_once(family, name, genes):
    facts = FACTS[family, name]
    assert sorted(set(genes) - SYMBOLS) == []
    assert sorted(set(genes) - CURRENT) == []
    assert genes == sorted(set(genes))
    assert not set(genes) & set(FORMER["former"])
    assert 10 <= len(genes) <= 500 or facts["reason"]
    if facts.get("mouse_derived"):
        share = len(set(genes) & ORTHOLOGS) / len(genes)
        assert facts["human_orthologs"] == pytest.approx(share, abs=0.005)
    else:
        assert "human_orthologs" not in facts


def test_page_of_the_sets_is_made_from_their_files():
    page = runpy.run_path(str(ROOT / "docs" / "make_gene_sets_page.py"))["gene_sets_page"](SETS)
    assert (ROOT / "docs" / "gene_sets.md").read_text(encoding="utf-8") == page, "run docs/make_gene_sets_page.py"
    assert all(f"| `{name}` |" in page for _, name in FACTS)


def test_former_symbols_lead_to_current_ones():
    assert FORMER["former"].is_unique
    assert not set(FORMER["former"]) & CURRENT
    assert set(FORMER["symbol"]) <= CURRENT
    known = dict(FORMER.to_numpy())
    assert (known["PARK2"], known["GBA"], known["DDX58"], known["MARCH5"]) == ("PRKN", "GBA1", "RIGI", "MARCHF5")


def test_near_copies_have_a_reason():
    rows = [(family, name, gene) for family, name, genes in members() for gene in genes]
    overlap = find_overlaps(pd.DataFrame(rows, columns=["family", "pathway", "gene"]))
    close = overlap[overlap["near_copy"]]
    for row in close.itertuples():
        pair = [FACTS[row.family, row.pathway], FACTS[row.other_family, row.other_pathway]]
        assert any("reason" in facts for facts in pair), f"{row.pathway} and {row.other_pathway}"
    assert len(close) <= 1


def test_sets_agree_with_the_biology_they_name():
    """Sentinel genes that a reader would miss at once, and genes that would be a mistake."""
    expected = {
        "tnf_nfkb": ("NFKBIA TNFAIP3", "MX1"), "interferon_alpha": ("ISG15 MX1", "TNFAIP3"),
        "interferon_gamma": ("STAT1 CIITA GBP1", "OAS3"), "complement": ("C3 C1QA", "STAT1"),
        "dam_microglia": ("TREM2 APOE GPNMB", "P2RY12"), "reactive_astrocyte": ("GFAP SERPINA3", "AIF1"),
        "receptors": ("SQSTM1 OPTN TBK1", "ATG5"), "initiation": ("ULK1 BECN1 C9orf72", "SQSTM1 ATG5"),
        "elongation": ("ATG5 MAP1LC3B", "ULK1"), "fusion": ("STX17 RAB7A", "ULK1"),
        "mitophagy": ("PINK1 PRKN", "BNIP3"),
        "mitophagy_receptors": ("BNIP3 FUNDC1", "PRKN"), "lysosome_hydrolases": ("CTSD HEXB", "LAMP1"),
        "lysosome_acidification": ("ATP6V1H CLCN7", "CTSD"), "er_phagy": ("RETREG1", "SQSTM1"),
        "homeostatic_microglia": ("P2RY12 TMEM119", "GPNMB"), "ex_vivo_activation": ("FOS JUN CCL3 HSPA1A", "GPNMB"),
        "vulnerable_motor_neuron": ("MMP9", "SYT13"), "motor_neuron_identity": ("CHAT MNX1 ISL1", "SLC17A7"),
        "cgas_sting": ("CGAS STING1", "MX1"), "axonal_transport": ("KIF5A DCTN1", "NEFL"),
        "isr_atf4": ("ATF4 TRIB3 CHAC1", "EDEM1"), "upr_atf6": ("ATF6 HSPA5", "CHAC1 EDEM1"),
        "upr_ire1_xbp1": ("ERN1 XBP1 DNAJB9", "CHAC1"),
        "heat_shock": ("HSPA1A DNAJB1", "HSPA5"), "oxidative_phosphorylation": ("NDUFB8 ATP5F1A", "MT-CO1"),
        "tdp43_loss_targets": ("STMN2 UNC13A", "SOD1"), "als_genes_definitive": ("SOD1 C9orf72 TARDBP FUS", "STMN2"),
    }  # fmt: skip
    by_name = {name: set(genes) for _, name, genes in members()}
    for name, (inside, outside) in expected.items():
        assert set(inside.split()) <= by_name[name], name
        assert not set(outside.split()) & by_name[name], name


def test_biomarkers_are_known_genes_with_sources():
    table = pd.read_csv(SETS / "biomarkers.tsv", sep="\t", keep_default_na=False)
    lists = {name: set(genes) for family, name, genes in members() if family == "biomarkers"}
    assert lists["fluid_biomarkers"] == set(table.loc[table["known"] != "", "gene"])
    assert lists["secreted_candidates"] == set(table.loc[table["known"] == "", "gene"])
    symbols = pd.read_csv(ROOT / "resources" / "genes" / "human.tsv", sep="\t", keep_default_na=False)["symbol"]
    assert list(table.columns) == ["gene", "how", "fluid", "reported", "known", "confirmed"]
    assert len(table) >= 150
    assert table["gene"].is_unique
    assert set(table["gene"]) <= set(symbols)
    assert set(table["how"]) == set(HOW)
    assert set(table["reported"]) == {"", *REPORTED}
    assert ((table["reported"] != "") == (table["known"] != "")).all()
    assert {"NEFL", "NEFH", "CHIT1", "CHI3L1", "GPNMB"} <= set(table.loc[table["known"] != "", "gene"])
    assert set(table.loc[table["known"] != "", "confirmed"]) == {"yes", "no"}
    assert set(table.loc[table["known"] == "", "confirmed"]) == {""}
    cited = table.loc[table["known"] != "", "known"]
    assert cited.str.contains(r"10\.\d{4,5}/|PMC\d+|\d+:\d+ \(\w+ \d{4}\)").all()
    assert cited[table["reported"] == "up"].str.contains("raised").all()
    assert cited[table["reported"] == "down"].str.contains("lowered").all()


def test_gene_table():
    assert len(GENES) >= 6500
    assert GENES["gene"].is_unique
    assert GENES["gene_id"].is_unique
    assert GENES["gene_id"].str.fullmatch(r"ENSG\d{11}").all()
    assert set(GENES["chromosome"]) == {*map(str, range(1, 23)), "X", "Y", "MT"}
    assert GENES.loc[GENES["chromosome"] == "MT", "gene"].str.startswith("MT-").sum() == 13
    assert {"XIST", "UTY", "DDX3Y", "KDM5D", "EIF1AY", "RPS4Y1"} <= SYMBOLS
    assert GENES["gene"].str.match(r"RP[SL]\d").sum() >= 70
    in_sets = {gene for _, _, genes in members() for gene in genes}
    assert len(SYMBOLS - in_sets) >= 3000


@pytest.mark.parametrize("path", MARKERS, ids=lambda path: path.stem)
def test_markers(path):
    table = pd.read_csv(path, sep="\t", keep_default_na=False)
    known = set(pd.read_csv(ROOT / "resources" / "genes" / "human.tsv", sep="\t", keep_default_na=False)["symbol"])
    assert list(table.columns) == ["cell_type", "gene", "source", "parent"]
    assert set(table["cell_type"]) <= set(CELL_TYPES)
    assert set(table["gene"]) <= known
    assert not table.duplicated(["cell_type", "gene"]).any()
    assert not table["gene"].duplicated().any()  # a marker names one type
    assert table.groupby("cell_type").size().between(5, 12).all()
    assert table["source"].map(lambda text: bool(DOI.search(text))).all()


def test_marker_files_cover_tissue_and_dish():
    types = {path.stem: set(pd.read_csv(path, sep="\t")["cell_type"]) for path in MARKERS}
    assert set(types) == {"spinal_cord", "ipsc_motor_neurons", "motor_cortex"}
    assert types["spinal_cord"] | types["ipsc_motor_neurons"] == set(CELL_TYPES)
    assert "motor_neuron" in types["spinal_cord"] & types["ipsc_motor_neurons"]


@pytest.mark.parametrize("path", SIMULATED, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_simulated_datasets_are_consistent(path):
    info = yaml.safe_load(path.read_text(encoding="utf-8"))
    plan = yaml.safe_load((path.parent / "simulation.yaml").read_text(encoding="utf-8"))
    sheet = read_samples(path.parent / "samples.tsv")
    assert info["id"] == path.parent.name
    assert info["simulated"]
    assert "SIMULATED" in info["title"]
    assert all("SIMULATED" in entry["name"] for entry in info["source"]["files"])
    assert set(sheet["file"]) == {entry["name"] for entry in info["source"]["files"]}
    assert sheet["member"].is_unique
    assert sheet["sample"].is_unique
    assert sheet.groupby("condition")["donor"].nunique().to_dict() == info["expected_donors"]
    for column, levels in info["levels"].items():
        assert set(sheet[column]) == set(levels), column
    assert set(plan["proportions"]) <= set(
        pd.read_csv(ROOT / "resources" / "markers" / f"{info['markers']}.tsv", sep="\t")["cell_type"]
    )
    moved = {effect["cell_type"] for effect in plan["effects"]} | {one["cell_type"] for one in plan["gene_effects"]}
    assert set(plan["proportions"]) - moved, "some cell types stay quiet"


@pytest.mark.parametrize("folder", ["examples/demo", "tests/workflow/cohort"])
def test_designs_have_full_rank(folder):
    config = yaml.safe_load((ROOT / folder / "config.yaml").read_text(encoding="utf-8"))
    for entry in config["datasets"]:
        sheet = read_samples(ROOT / folder / entry["id"] / "samples.tsv")
        case = config["contrasts"]["als_vs_control"]
        columns = [np.ones(len(sheet)), sheet[case["factor"]].isin(case["case"])]
        columns += [sheet[name] == sheet[name].iloc[0] for name in entry["covariates"]]
        design = np.column_stack(columns).astype(float)
        assert np.linalg.matrix_rank(design) == design.shape[1]


def test_familial_contrast_is_too_small_for_a_test():
    config = yaml.safe_load((ROOT / "examples" / "demo" / "config.yaml").read_text(encoding="utf-8"))
    contrast = config["contrasts"]["fals_vs_control"]
    sheet = read_samples(ROOT / "examples" / "demo" / "simulated_spinal_cord" / "samples.tsv")
    assert sheet[contrast["factor"]].isin(contrast["case"]).sum() == 2
    assert "fals_vs_control" in config["datasets"][0]["contrasts"]
