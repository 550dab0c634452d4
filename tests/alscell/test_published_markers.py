"""Shipped markers against published lists of the same types (Humphrey 2023 collected them for ALS spinal cord).

Only a list that has a type can say that a gene is not one of it: a list without fibroblasts files their genes under the
pericytes beside them. So a gene is judged by the lists that have its type; genes of types that no list has are judged
by nobody, and those of them that a list gives to another type stand below with the reason why they are kept.
"""

import os
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
LISTS = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data")) / "spinal_cord_markers"
FILES = (
    "Darmanis_single_cell",
    "Mathys_single_nucleus",
    "PanglaoDB_markers",
    "blum_spinal_cord",
    "kelley_markers",
    "neuroexpresso_spinal_cord_human",
)
STARTS = {  # start of a set's name: our type; the longest that fits holds
    "astro": "astrocyte",
    "ast": "astrocyte",
    "oli": "oligodendrocyte",
    "opc": "opc",
    "mic": "microglia",
    "end": "endothelial",
    "per": "mural",
    "ependymal": "ependymal",
    "neurons": "neuron",
    "motor": "motor_neuron",
    "cholinergic": "motor_neuron",
    "ex": "excitatory_neuron",
    "in": "inhibitory_neuron",
}
SAME = {"glia_like": "astrocyte"}  # astrocyte-like cells of a culture are marked by genes of astrocytes
# Types that no list has -> gene -> why it is kept though lists name it for another type.
NOT_IN_THE_LISTS = {
    "fibroblast": {
        **dict.fromkeys(("CEMIP", "COL1A1", "COL1A2"), "lists without fibroblasts: filed under pericytes"),
        "DCN": "lists without fibroblasts: filed under pericytes and endothelium",
        "FBLN1": "lists without fibroblasts: filed under pericytes and astrocytes",
    },
    "lymphocyte": {"IL7R": "list without lymphocytes, bulk microglia: they hold other leukocytes"},
    "schwann": {
        **dict.fromkeys(("CDH19", "PMP22"), "lists of the brain, without Schwann cells: oligodendrocytes express it"),
        "PMP2": "list of the brain, without Schwann cells: astrocytes express it",
    },
    "mesenchymal": {
        **dict.fromkeys(("COL1A1", "COL1A2", "DCN"), "as for fibroblasts"),
        "POSTN": "lists without mesenchyme: filed under vessels",
    },
    "progenitor": {
        "NKX6-1": "progenitors of motor neurons and motor neurons of the embryo both express it",
        "OLIG2": "progenitors of motor neurons become oligodendrocytes and their precursors, which keep it",
        **dict.fromkeys(("PAX6", "RFX4", "SOX2"), "radial glia become astrocytes, which keep it"),
    },
}  # fmt: skip
# Markers that more lists name for another type than for their own, and why they are kept.
KEPT = {("motor_cortex", "PVALB"): "PanglaoDB has it from ependyma, which the table for cortex does not hold"}
SHIPPED = ("spinal_cord", "motor_cortex", "ipsc_motor_neurons")


def type_of(name):
    fitting = [start for start in STARTS if name.casefold().startswith(start)]
    return STARTS[max(fitting, key=len)]


def family(name):
    return "neuron" if name == "neuron" or name.endswith("_neuron") else SAME.get(name, name)


@pytest.fixture(scope="module")
def published():
    """One row a list, type family and gene."""
    if not LISTS.is_dir():
        pytest.skip(f"no published lists in {LISTS}")
    parts = [pd.read_csv(LISTS / f"{name}.csv").assign(list=name) for name in FILES]
    table = pd.concat(parts)
    table["family"] = table["set"].map(type_of).map(family)
    table["gene"] = table["gene"].str.upper()  # one list is of mice
    return table[["list", "family", "gene", "set"]].drop_duplicates()


def shipped(name):
    table = pd.read_csv(ROOT / "resources" / "markers" / f"{name}.tsv", sep="\t")
    return table.assign(family=table["cell_type"].map(family))


@pytest.mark.parametrize("name", SHIPPED)
def test_no_marker_is_one_of_another_type_in_lists_that_have_its_own(published, name):
    having = published.groupby("family")["list"].unique()
    wrong = {}
    for row in shipped(name).itertuples():
        lists = published[published["list"].isin(having.get(row.family, [])) & (published["gene"] == row.gene)]
        own = lists.loc[lists["family"] == row.family, "list"].nunique()
        others = lists.loc[lists["family"] != row.family].groupby("family")["list"].nunique().max()
        if others > own and (name, row.gene) not in KEPT:
            wrong[row.gene] = (row.cell_type, own, others)
    assert not wrong


@pytest.mark.parametrize("name", SHIPPED)
def test_markers_of_types_that_no_list_has_are_kept_for_a_reason(published, name):
    table = shipped(name)
    alone = table[~table["family"].isin(published["family"])]
    listed = alone[alone["gene"].isin(published["gene"])]
    expected = {
        (one, gene) for one, genes in NOT_IN_THE_LISTS.items() for gene in genes if one in set(table["cell_type"])
    }
    assert set(zip(listed["cell_type"], listed["gene"], strict=True)) == expected


@pytest.mark.parametrize("name", SHIPPED)
def test_most_markers_of_a_type_are_in_a_list_of_it(published, name):
    """By type: how many of its markers at least one list names for it (for neurons: for neurons)."""
    table = shipped(name)
    table = table[table["family"].isin(published["family"])]
    known = set(zip(published["family"], published["gene"], strict=True))
    found = [pair in known for pair in zip(table["family"], table["gene"], strict=True)]
    share = table.assign(found=found).groupby("cell_type")["found"].mean()
    assert share.min() >= 0.5, share.to_dict()
    assert share.mean() >= 0.75, share.to_dict()


def test_motor_neuron_markers_are_in_lists_of_motor_neurons(published):
    table = shipped("spinal_cord").query("cell_type == 'motor_neuron'")
    named = published[published["set"].map(type_of) == "motor_neuron"]
    assert set(table["gene"]) <= set(named["gene"])
    others = published[published["set"].map(type_of).isin(["excitatory_neuron", "inhibitory_neuron"])]
    assert not set(table["gene"]) & set(others["gene"])


@pytest.mark.parametrize(
    ("name", "kind"), [("Oligos", "oligodendrocyte"), ("Opc", "opc"), ("Ependymal cells", "ependymal")]
)
def test_names_of_sets(name, kind):
    assert type_of(name) == kind
