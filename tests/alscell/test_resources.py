"""Shipped gene sets, markers and demo datasets: real symbols, sources, sizes, and designs that can be fitted."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from alscell.biomarkers import HOW, REPORTED
from alscell.files import read_gmt, read_samples
from alscell.keys import CELL_TYPES

ROOT = Path(__file__).parents[2]
SETS = ROOT / "resources" / "gene_sets"
FAMILIES = {path.stem: read_gmt(path) for path in sorted(SETS.glob("*.gmt"))}
TABLE = pd.read_csv(SETS / "sets.tsv", sep="\t", keep_default_na=False)
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
# former symbols and aliases of members that are easily typed by habit
ALIASES = {
    "PARK2", "DDX58", "GBA", "FAM21", "IL8", "MARCH5", "MB21D1", "TMEM173", "ATP5A1", "ATP5B", "WARS", "AARS", "GARS",
    "FAM134B", "C21orf2", "ERO1L", "TMEM55B", "H2AFX", "IKBKG1", "CCL6", "PIFO", "STK", "KIAA0226", "TCEB1", "SHFM1",
    "GPR56", "CD3", "TUBB2", "DARC", "HDGFRP2", "NARS", "SELS", "UFD1L", "KIAA1324", "DFNA5", "ICE", "NALP3", "GP91",
}  # fmt: skip


def members():
    return [(family, name, genes) for family, sets in FAMILIES.items() for name, genes in sets.items()]


def test_families_are_the_shipped_ones():
    assert set(FAMILIES) == {"als_genes", "autophagy", "axon", "inflammation", "neurotrophic", "stress", "tdp43"}
    assert len(members()) >= 22
    common = (ROOT / "workflow" / "rules" / "common.smk").read_text(encoding="utf-8")
    assert all(f'"{name}"' in common for name in FAMILIES)


def test_each_set_has_one_line_of_facts():
    listed = list(zip(TABLE["family"], TABLE["pathway"], strict=True))
    assert sorted(listed) == sorted((family, name) for family, name, _ in members())
    assert not TABLE.map(lambda value: value.strip() == "").to_numpy().any()
    assert set(TABLE["kind"]) == {"pathway", "gene_level"}
    assert set(TABLE["direction"]) <= {"up", "down", "none"}
    assert TABLE["source"].map(lambda text: bool(DOI.search(text))).all()
    assert not TABLE["source"].str.contains("KEGG|check", case=False).any()


def test_set_names_are_unique_over_families():
    assert TABLE["pathway"].is_unique
    assert TABLE["pathway"].str.fullmatch("[a-z0-9_]+").all()


@pytest.mark.parametrize(
    ("family", "name", "genes"), members(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_members_are_known_genes_named_once(family, name, genes):
    assert sorted(set(genes) - SYMBOLS) == []
    assert len(genes) == len(set(genes))
    assert genes == sorted(genes)
    assert not set(genes) & ALIASES
    kind = TABLE.set_index(["family", "pathway"]).loc[(family, name), "kind"]
    assert 10 <= len(genes) <= 120
    assert kind == ("gene_level" if family in {"tdp43", "als_genes"} else "pathway")


def test_gmt_lines_cite_their_source():
    for path in SETS.glob("*.gmt"):
        raw = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        for name, text, *genes in raw:
            row = TABLE.set_index("pathway").loc[name]
            assert text == f"{row['definition']}; {row['source']}"
            assert len(genes) == len(set(genes))


def test_sets_agree_with_the_biology_they_name():
    """Sentinel genes that a reader would miss at once, and genes that would be a mistake."""
    expected = {
        "tnf_nfkb": ("NFKBIA TNFAIP3", "MX1"), "interferon_alpha": ("ISG15 MX1", "TNFAIP3"),
        "interferon_gamma": ("STAT1 CIITA GBP1", "OAS3"), "complement": ("C3 C1QA", "STAT1"),
        "dam_microglia": ("TREM2 APOE GPNMB", "P2RY12"), "reactive_astrocyte": ("GFAP SERPINA3", "AIF1"),
        "receptors": ("SQSTM1 OPTN TBK1", "ATG5"), "initiation_elongation": ("ULK1 ATG5 BECN1", "SQSTM1"),
        "isr_atf4": ("ATF4 TRIB3 CHAC1", "EDEM1"), "upr_atf6_ire1": ("XBP1 HSPA5", "CHAC1"),
        "heat_shock": ("HSPA1A DNAJB1", "HSPA5"), "oxidative_phosphorylation": ("NDUFB8 ATP5F1A", "MT-CO1"),
        "tdp43_loss_targets": ("STMN2 UNC13A", "SOD1"), "als_genes": ("SOD1 C9orf72 TARDBP FUS", "STMN2"),
    }  # fmt: skip
    by_name = {name: set(genes) for _, name, genes in members()}
    for name, (inside, outside) in expected.items():
        assert set(inside.split()) <= by_name[name], name
        assert not set(outside.split()) & by_name[name], name


def test_biomarkers_are_known_genes_with_sources():
    table = pd.read_csv(SETS / "biomarkers.tsv", sep="\t", keep_default_na=False)
    symbols = pd.read_csv(ROOT / "resources" / "genes" / "human.tsv.gz", sep="\t", keep_default_na=False)["symbol"]
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
    known = set(pd.read_csv(ROOT / "resources" / "genes" / "human.tsv.gz", sep="\t", keep_default_na=False)["symbol"])
    assert list(table.columns) == ["cell_type", "gene", "source"]
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
