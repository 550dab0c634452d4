"""Gene sets of a run: symbols, facts, overlaps; and public collections, without a connection."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from alscell.errors import InputError
from alscell.gene_sets import collect_sets, find_overlaps, resolve_symbols, source_text
from alscell.public_sets import acquire_library, as_gmt, choose_sets, file_name, is_kegg, plain_names
from alscell.tables import check_table

KNOWN, FORMER = {"GBA1", "PRKN", "SOD1", "FUS", *(f"G{n}" for n in range(40))}, {"GBA": "GBA1", "PARK2": "PRKN"}
LIBRARY = {"Macroautophagy (GO:0016236)": ["ATG5", "ULK1"], "Mitophagy (GO:0000423)": ["PINK1,1.0", "ATG5", "PINK1"]}


def members(**sets: list[str]) -> pd.DataFrame:
    rows = [("f", name, gene) for name, genes in sets.items() for gene in genes]
    return pd.DataFrame(rows, columns=["family", "pathway", "gene"])


def collect(facts: dict | None = None, **sets: list[str]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return collect_sets(members(**sets), facts or {}, {"f": "file"}, known=KNOWN, aliases=FORMER)


def test_former_symbols_become_current_ones_and_a_gene_counts_once() -> None:
    found = resolve_symbols(members(a=["GBA", "GBA1", "SOD1", "NOSUCH"]), KNOWN, FORMER)
    assert found[["gene", "given", "known"]].to_numpy().tolist() == [
        ["GBA1", "GBA", True], ["SOD1", "SOD1", True], ["NOSUCH", "NOSUCH", False]
    ]  # fmt: skip


def test_a_current_symbol_is_never_taken_for_a_former_one() -> None:
    found = resolve_symbols(members(a=["SOD1"]), KNOWN, {"SOD1": "FUS"})
    assert found["gene"].tolist() == ["SOD1"]


def test_each_set_gets_its_facts_or_the_defaults() -> None:
    said = {"name": "Sets of mine", "kind": "artefact", "source": [{"paper": "Marsh 2022", "doi": "10.1038/x"}]}
    _, sets, _ = collect({("f", "b"): said}, a=["GBA", "NOSUCH"], b=["SOD1"])
    sets = check_table(sets, "gene_sets").set_index("pathway")
    assert sets["kind"].to_dict() == {"a": "pathway", "b": "artefact"}
    assert sets.loc["a", ["name", "renamed", "unknown", "n_genes"]].tolist() == ["a", "GBA>GBA1", "NOSUCH", 2]
    assert sets.loc["b", "source"] == "Marsh 2022 10.1038/x"
    assert sets["origin"].unique().tolist() == ["file"]
    assert pd.isna(sets.loc["b", "unknown"])


def test_species_follows_the_way_symbols_are_written() -> None:
    assert collect(a=["Gfap", "Aqp4", "Sod1"])[1]["species"].tolist() == ["mouse"]
    assert collect(a=["SOD1", "FUS"])[1]["species"].tolist() == ["human"]


def test_sources_are_told_in_one_line() -> None:
    sources = [{"paper": "A 2001", "doi": "10.1/x", "note": "mouse"}, {"term": "GO:0000423", "confirmed": False}]
    assert source_text(sources) == "A 2001 10.1/x (mouse); GO:0000423 (not confirmed)"


def test_overlaps_are_counted_and_near_copies_named() -> None:
    big, inside, half = [f"G{n}" for n in range(20)], [f"G{n}" for n in range(9)], [f"G{n}" for n in range(15, 25)]
    _, sets, overlap = collect(big=big, inside=inside, half=half, alone=["SOD1", "FUS"])
    check_table(overlap, "gene_set_overlap")
    shared = overlap.set_index(["pathway", "other_pathway"])
    assert shared.loc[("big", "inside"), ["n_shared", "containment", "near_copy"]].tolist() == [9, 1.0, True]
    assert shared.loc[("big", "half"), "n_shared"] == 5
    assert shared.loc[("big", "half"), "jaccard"] == pytest.approx(5 / 25)
    assert not shared.loc[("big", "half"), "near_copy"]
    assert len(overlap) == 2
    copies = sets.set_index("pathway")["near_copies"]
    assert copies.dropna().to_dict() == {"big": "f/inside", "inside": "f/big"}


def test_pairs_within_a_public_collection_are_left_out() -> None:
    given = pd.concat([members(a=["SOD1", "FUS"]), members(b=["SOD1"], c=["SOD1"]).assign(family="go")])
    overlap = find_overlaps(given, ["go"])
    assert sorted(zip(overlap["pathway"], overlap["other_pathway"], strict=True)) == [("a", "b"), ("a", "c")]


def test_overlaps_equal_those_of_python_sets() -> None:
    sets = {f"s{n}": [f"G{(7 * n + step) % 40}" for step in range(5 + n)] for n in range(12)}
    overlap = find_overlaps(members(**sets)).set_index(["pathway", "other_pathway"])["n_shared"].to_dict()
    expected = {
        (one, other): len(set(sets[one]) & set(sets[other]))
        for one in sorted(sets)
        for other in sorted(sets)
        if one < other and len(set(sets[one]) & set(sets[other])) >= 0.1 * min(len(sets[one]), len(sets[other]))
    }
    assert overlap == expected


def test_a_run_without_sets_has_empty_tables() -> None:
    for table, name in zip(collect(), ("gene_set_members", "gene_sets", "gene_set_overlap"), strict=True):
        assert check_table(table, name).empty


def test_a_library_is_one_text_whatever_its_order() -> None:
    turned = {name: genes[::-1] for name, genes in reversed(LIBRARY.items())}
    assert as_gmt(LIBRARY) == as_gmt(turned)
    assert "Mitophagy (GO:0000423)\t\tATG5\tPINK1\n" in as_gmt(LIBRARY)
    assert (file_name("h.all", "2023.2.Hs"), file_name("GO_X", "")) == ("h.all.v2023.2.Hs.gmt", "GO_X.gmt")
    assert (is_kegg("KEGG_2021_Human"), is_kegg("c2.cp"), is_kegg("h.all")) == (True, True, False)


def test_sets_are_chosen_by_name_identifier_or_all() -> None:
    names = list(LIBRARY)
    assert list(choose_sets(LIBRARY, ["all"], where="x")) == names
    assert list(choose_sets(LIBRARY, ["GO:0000423", names[0]], where="x")) == [names[1], names[0]]
    with pytest.raises(InputError, match=r"collection 'go': found 'Mitofagy'; expected one of its 2 sets"):
        choose_sets(LIBRARY, ["Mitofagy"], where="collection 'go'")
    assert plain_names(names, where="x") == dict(
        zip(names, ["macroautophagy_go_0016236", "mitophagy_go_0000423"], strict=True)
    )
    with pytest.raises(InputError, match="both become 'a_b'"):
        plain_names(["A b", "a_B"], where="x")


def fetched(library: str, msigdb: str) -> dict:
    return LIBRARY


def refuse(library: str, msigdb: str) -> dict:
    raise AssertionError("a connection was opened")


def test_a_library_is_fetched_once_and_held_to_its_checksum(tmp_path: Path) -> None:
    given = {"name": "go", "stored": tmp_path / "cache" / "GO_X.gmt", "locks": str(tmp_path / "locks")}
    first = acquire_library("GO_X", "", **given, offline=False, fetch=fetched)
    again = acquire_library("GO_X", "", **given, offline=True, fetch=refuse)
    assert again.sets == first.sets == {name: sorted({g.split(",")[0] for g in LIBRARY[name]}) for name in LIBRARY}
    assert again.sha256 == first.sha256
    assert (first.source, again.source) == ("Enrichr, through gseapy", f"copy {given['stored']}")
    assert first.sha256 in (tmp_path / "locks" / "gene_sets" / "GO_X.gmt.lock.yaml").read_text()
    given["stored"].write_text("Macroautophagy (GO:0016236)\t\tATG5\n")
    with pytest.raises(InputError, match=r"GO_X: found sets with sha256 .* expected those that .*lock.yaml holds"):
        acquire_library("GO_X", "", **given, offline=False, fetch=refuse)


def test_offline_says_which_file_to_put_where(tmp_path: Path) -> None:
    given = {"name": "go", "stored": tmp_path / "GO_X.gmt", "locks": str(tmp_path / "locks")}
    with pytest.raises(InputError, match=r"'go', library GO_X: found `download.offline` is true .*GO_X.gmt.*`gmt:`"):
        acquire_library("GO_X", "", **given, offline=True, fetch=refuse)
    assert not (tmp_path / "locks").exists()
