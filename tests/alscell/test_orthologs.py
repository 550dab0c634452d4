"""Mouse and human symbols of one gene: the shipped pairs, sets and markers for mouse data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alscell import files, pathways
from alscell.annotation import measured_markers, usable_types
from alscell.errors import InputError
from alscell.orthologs import in_human_symbols, in_mouse_symbols

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
PATH = RESOURCES / "genes" / "mouse_human.tsv"
PAIRS = files.read_gene_table(PATH)
MOUSE = files.read_gene_table(RESOURCES / "genes" / "mouse.tsv")
HUMAN = files.read_gene_table(RESOURCES / "genes" / "human.tsv")
SETS = sorted((RESOURCES / "gene_sets").glob("*/*.gmt"))


def members(*genes):
    return pd.DataFrame({"family": "f", "pathway": "a", "gene": list(genes)})


def mouse_of(*genes):
    return in_mouse_symbols(members(*genes), PAIRS, where="own.gmt")["gene"].tolist()


def test_pairs_are_one_to_one_and_those_one_knows():
    assert PAIRS.columns.tolist() == ["mouse_symbol", "human_symbol", "mouse_id", "human_id"]
    assert len(PAIRS) > 15_000
    for column in PAIRS:
        assert PAIRS[column].is_unique, column
    human = PAIRS.set_index("mouse_symbol")["human_symbol"]
    known = {"Mbp": "MBP", "Sod1": "SOD1", "Tardbp": "TARDBP", "C9orf72": "C9orf72", "Trp53": "TP53", "Il6": "IL6"}
    assert human[list(known)].to_dict() == known
    # without a one-to-one ortholog: Xist (not in a gene tree), C4b (C4A and C4B), Serpina3n (SERPINA3), Gm... by chance
    assert not {"Xist", "C4b", "Serpina3n", "Gm24514"} & set(human.index)


def test_pairs_have_the_names_of_the_two_tables():
    for table, organism in ((MOUSE, "mouse"), (HUMAN, "human")):
        symbols = table.set_index("gene_id")["symbol"]
        assert (symbols[PAIRS[f"{organism}_id"]].to_numpy() == PAIRS[f"{organism}_symbol"].to_numpy()).all()


def test_human_symbols_become_mouse_ones_and_never_match_by_chance():
    """C2 and C3 are genes of both; C4A, C4B and SERPINA3 have no one-to-one ortholog, and there is a mouse C4b."""
    found = mouse_of("MBP", "C9orf72", "TP53", "C3", "C4B", "XIST", "NO-SUCH-GENE")
    assert found == ["Mbp", "C9orf72", "Trp53", "C3", "C4B (human)", "XIST (human)", "NO-SUCH-GENE (human)"]
    unpaired = set(HUMAN["symbol"]) - set(PAIRS["human_symbol"])
    lost = sorted(unpaired & set(MOUSE["symbol"].str.upper()))
    assert len(lost) > 100
    assert not set(mouse_of(*lost)) & set(MOUSE["symbol"])


def test_mouse_symbols_stay_and_a_mixture_is_refused():
    own = ["Gfap", "Aqp4", "H2-K1", "H2-D1", "BC004004", "C3", "C9orf72", "mt-Co1"]
    assert mouse_of(*own) == own
    with pytest.raises(InputError, match=r"own.gmt: found 2 symbols .* \(GFAP, AQP4\) and 2 as mouse ones \(Mbp, Plp1"):
        mouse_of("GFAP", "AQP4", "Mbp", "Plp1")


def test_shipped_sets_keep_their_size_and_show_what_a_mouse_lacks(tmp_path):
    given = files.read_gene_sets(SETS, [path.parent.name for path in SETS])
    files.write_table(given.assign(given=given["gene"], known=True), tmp_path / "members.tsv", "gene_set_members")
    human = files.read_members(tmp_path / "members.tsv")
    mouse = files.read_members(tmp_path / "members.tsv", [str(PATH)])
    keys = ["family", "pathway"]
    assert mouse[keys].equals(human[keys])
    facts = [(path.parent.name, path.stem, files.read_yaml(path.with_suffix(".yaml"))["kind"]) for path in SETS]
    kinds = pd.DataFrame(facts, columns=["family", "pathway", "kind"])
    genes = pd.Index(MOUSE["symbol"].unique())
    table = pathways.set_coverage(mouse, kinds, genes, min_coverage=0.6, min_genes=10).set_index("pathway")
    of_human = human.groupby("pathway")["gene"].nunique()
    assert (table["n_genes"] == of_human[table.index]).all()
    assert table.loc["complement", "coverage"] == pytest.approx(36 / 52)
    assert "C4B (human)" in table.loc["complement", "missing"].split(";")
    assert set(table["status"]) == {"scored", "gene_level"}
    scored = table[table["status"] == "scored"]
    assert scored["coverage"].between(0.66, 1.0).all()
    lost = ";".join(scored["missing"].dropna()).split(";")
    assert all(name.endswith(" (human)") for name in lost)


@pytest.mark.parametrize("name", ["spinal_cord", "ipsc_motor_neurons"])
def test_shipped_markers_tell_every_type_in_mice(name):
    path = RESOURCES / "markers" / f"{name}.tsv"
    human, mouse = files.read_markers(path), files.read_markers(path, [str(PATH)])
    assert mouse["cell_type"].equals(human["cell_type"])
    usable = usable_types(measured_markers(mouse, MOUSE["symbol"].tolist()))
    assert usable == list(dict.fromkeys(human["cell_type"]))


def test_results_of_mice_go_under_human_symbols_and_others_stay():
    table = pd.DataFrame({"dataset": ["cord", "mice", "mice", "mice"], "gene": ["Mbp", "Mbp", "Xist", "SOD1"]})
    table = table.assign(value=np.arange(4))
    found = in_human_symbols(table, PAIRS, organisms={"cord": "human", "mice": "mouse"})
    assert found.to_numpy().tolist() == [["cord", "Mbp", 0], ["mice", "MBP", 1]]
