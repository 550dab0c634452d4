"""The jobs that gather gene sets and fetch public ones, the latter from a server on this machine."""

from __future__ import annotations

import http.server
import sys
import threading
from pathlib import Path
from typing import ClassVar

import gseapy
import pytest
from gseapy.enrichr import EnrichrAPI

import collect_gene_sets
import fetch_collection
from alscell import files
from alscell.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
GENES = ROOT / "resources" / "genes"
SETS = ROOT / "resources" / "gene_sets"
ENRICHR = "Mitophagy (GO:0000423)\t\tPINK1,1.0\tPARK2,1.0\tOPTN\nAutophagy (GO:0006914)\t\tULK1\tATG5\tATG7\n"
HALLMARK = "HALLMARK_HYPOXIA\thttp://x\tVEGFA\tCA9\nHALLMARK_APOPTOSIS\thttp://x\tBAX\tCASP3\n"
PAGES = {
    "/Enrichr/geneSetLibrary?mode=text&libraryName=GO_Biological_Process_2023": ENRICHR,
    "/Enrichr/geneSetLibrary?mode=text&libraryName=KEGG_2021_Human": "Autophagy\t\tULK1\tATG5\n",
    "/msigdb//2023.2.Hs/h.all.v2023.2.Hs.symbols.gmt": HALLMARK,
}


class Library(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        body = PAGES.get(self.path)
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write((body or "no such library").encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server(monkeypatch, tmp_path):
    """gseapy's two services on this machine; what was asked of them."""
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Library)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{served.server_port}"
    start = EnrichrAPI.__init__

    def here(self, organism="human"):
        start(self, organism)
        self.base_url = f"{address}/Enrichr"

    monkeypatch.setattr(EnrichrAPI, "__init__", here)
    module = sys.modules[EnrichrAPI.__module__]  # gseapy.enrichr is the function of that name
    monkeypatch.setattr(module, "DEFAULT_CACHE_PATH", str(tmp_path / "gseapy"))
    monkeypatch.setattr(gseapy.Msigdb, "url", f"{address}/msigdb/")
    Library.asked.clear()
    yield Library.asked
    served.shutdown()


def fetch(folder, *, given=(), cache="", offline=False, **entry):
    entry = {"name": "own", "library": "GO_Biological_Process_2023", "msigdb": "", "sets": ["all"], **entry}
    gmt, table = folder / "out" / "own.gmt", folder / "out" / "own.tsv"
    fetch_collection.main(
        given=[str(path) for path in given],
        collection="own",
        gmt=str(gmt),
        table=str(table),
        entry=entry,
        ways={"cache": str(cache), "locks": str(folder / "locks"), "offline": offline},
    )
    return files.read_gmt(gmt), files.read_table(table, "collection").iloc[0]


def test_enrichr_library_is_fetched_kept_and_not_asked_for_again(server, tmp_path):
    sets, row = fetch(tmp_path, sets=["GO:0000423"])
    assert sets == {"mitophagy_go_0000423": ["OPTN", "PARK2", "PINK1"]}
    assert row[["library", "n_library", "n_sets"]].tolist() == ["GO_Biological_Process_2023", 2, 1]
    assert "sha256: " + row["sha256"] in next((tmp_path / "locks").rglob("*.yaml")).read_text()
    assert len(server) == 1
    (tmp_path / "out" / "own.gmt").unlink()  # as Snakemake does before it runs a job again
    again, second = fetch(tmp_path, sets=["all"], offline=True)
    assert set(again) == {"mitophagy_go_0000423", "autophagy_go_0006914"}
    assert second["sha256"] == row["sha256"]
    assert len(server) == 1


def test_msigdb_category_goes_through_a_shared_cache(server, tmp_path):
    entry = {"library": "h.all", "msigdb": "2023.2.Hs", "sets": ["HALLMARK_HYPOXIA"]}
    sets, row = fetch(tmp_path / "a", cache=tmp_path / "cache", **entry)
    assert sets == {"hallmark_hypoxia": ["CA9", "VEGFA"]}
    assert row[["version", "source"]].tolist() == ["2023.2.Hs", "MSigDB 2023.2.Hs, through gseapy"]
    assert (tmp_path / "cache/gene_sets/h.all.v2023.2.Hs.gmt").exists()
    again, _ = fetch(tmp_path / "b", cache=tmp_path / "cache", offline=True, **entry)
    assert again == sets
    assert len(server) == 1


@pytest.mark.parametrize("entry", [{"library": "GO_Bological"}, {"library": "h.all", "msigdb": "1999.1.Hs"}])
def test_library_that_is_not_there_is_one_message(server, tmp_path, entry):
    with pytest.raises(InputError, match=rf"gene set library {entry['library']} of .*`gmt:`"):
        fetch(tmp_path, **entry)
    assert not (tmp_path / "out" / "own.gmt").exists()
    assert not (tmp_path / "locks").exists()


def test_own_file_stands_for_the_library_and_nothing_is_asked(server, tmp_path):
    (tmp_path / "mine.gmt").write_text(HALLMARK)
    sets, row = fetch(tmp_path, given=[tmp_path / "mine.gmt"], library="h.all", offline=True)
    assert set(sets) == {"hallmark_hypoxia", "hallmark_apoptosis"}
    assert row["source"] == f"file {tmp_path / 'mine.gmt'}"
    assert server == []


def test_kegg_is_fetched_with_a_word_about_its_licence(server, tmp_path, caplog):
    fetch(tmp_path, library="KEGG_2021_Human")
    assert "need a licence of KEGG" in caplog.text


def collect(folder, *, shipped=(), fetched=(), own=()):
    paths = [SETS / family / f"{name}.gmt" for family, name in shipped]
    out = {name: str(folder / f"{name}.tsv") for name in ("members", "sets", "overlap")}
    collect_gene_sets.main(
        shipped=[str(path) for path in paths],
        shipped_facts=[str(path.with_suffix(".yaml")) for path in paths],
        families=[family for family, _ in shipped],
        fetched=[str(path) for path in fetched],
        own=[str(path) for path in own],
        own_facts=[str(path.with_suffix(".yaml")) for path in own if path.with_suffix(".yaml").exists()],
        **{name: str(GENES / f"{name}.tsv") for name in ("human", "mouse")},
        aliases=str(GENES / "former_symbols.tsv"),
        **out,
    )
    return files.read_table(out["members"], "gene_set_members"), files.read_table(out["sets"], "gene_sets")


def test_shipped_fetched_and_own_sets_come_into_one_table(tmp_path):
    (tmp_path / "go.gmt").write_text("mitophagy\tMitophagy (GO:0000423)\tPINK1\tPARK2\tOPTN\n")
    (tmp_path / "mine.gmt").write_text("a\tfirst\tSOD1\tNOSUCH\nb\tsecond\tFUS\n")
    (tmp_path / "mine.yaml").write_text("licence: mine\nsets: {b: {kind: gene_level, name: The second}}\n")
    shipped = [("stress", "hypoxia"), ("artefact", "post_mortem")]
    members, sets = collect(tmp_path, shipped=shipped, fetched=[tmp_path / "go.gmt"], own=[tmp_path / "mine.gmt"])
    sets = sets.set_index(["family", "pathway"])
    assert sets["origin"].to_dict() == {
        ("artefact", "post_mortem"): "shipped", ("go", "mitophagy"): "collection",
        ("mine", "a"): "file", ("mine", "b"): "file", ("stress", "hypoxia"): "shipped",
    }  # fmt: skip
    assert sets.loc[("artefact", "post_mortem"), "kind"] == "artefact"
    assert sets.loc[("go", "mitophagy"), ["name", "renamed"]].tolist() == ["Mitophagy (GO:0000423)", "PARK2>PRKN"]
    assert sets.loc[("mine", "a"), ["name", "definition", "licence", "unknown"]].tolist() == [
        "a",
        "first",
        "mine",
        "NOSUCH",
    ]
    assert sets.loc[("mine", "b"), ["name", "kind", "licence"]].tolist() == ["The second", "gene_level", "mine"]
    assert "Ferreira 2018" in sets.loc[("artefact", "post_mortem"), "source"]
    assert set(members.loc[members["family"] == "go", "gene"]) == {"PINK1", "PRKN", "OPTN"}
    assert not members.loc[members["gene"] == "NOSUCH", "known"].any()


def test_same_bytes_whatever_the_order_of_the_files(tmp_path):
    shipped = [("stress", "hypoxia"), ("stress", "heat_shock"), ("autophagy", "fusion")]
    made = []
    for name, order in (("a", shipped), ("b", shipped[::-1])):
        (tmp_path / name).mkdir()
        collect(tmp_path / name, shipped=order)
        made.append([(tmp_path / name / f"{table}.tsv").read_bytes() for table in ("members", "sets", "overlap")])
    assert made[0] == made[1]


def test_no_set_at_all_gives_empty_tables(tmp_path):
    members, sets = collect(tmp_path)
    assert members.empty
    assert sets.empty
