"""The RO-Crate of a run: every id resolves, every result is there with its checksum, simulated data are stamped."""

import pandas as pd
import pytest

from alscell.crate import build_crate, check_deposit, crate_text
from alscell.errors import InputErrors

MANIFEST = pd.DataFrame(
    {
        "path": ["results/a/atlas.h5ad", "results/report.html", "other/b/composition.tsv"],
        "sha256": ["0" * 64, "1" * 64, "2" * 64],
        "size": [7, 8, 9],
        "rule": ["assemble_atlas", "write_report", "test_composition"],
    }
)
SOFTWARE = pd.DataFrame({"kind": ["package", "machine"], "name": ["numpy", "system"], "value": ["2.0", "Linux"]})
CITATION = {"title": "alscell", "version": "0.1.0", "license": "MIT", "authors": [{"name": "The alscell authors"}]}
DEPOSIT = {"title": "Cord", "licence": "CC-BY-4.0", "date": "2026-12-01"}
DEPOSIT |= {"authors": [{"name": "Josiah Carberry", "orcid": "0000-0002-1825-0097"}, {"name": "B"}]}


def crate(simulated=True):
    return build_crate(
        MANIFEST,
        folder="results",
        meanings={path: f"about {path}" for path in MANIFEST["path"]},
        software=SOFTWARE,
        datasets=[{"id": "a", "title": "Cord", "accession": "GSE1", "simulated": simulated}],
        deposit=DEPOSIT,
        citation=CITATION,
    )


def ids_named(value):
    if isinstance(value, dict):
        return ({value["@id"]} if set(value) == {"@id"} else set()).union(*map(ids_named, value.values()))
    return set().union(*map(ids_named, value)) if isinstance(value, list) else set()


def test_every_id_is_described_once_and_every_result_inside_is_listed():
    graph = crate()["@graph"]
    described = [entity["@id"] for entity in graph]
    assert len(described) == len(set(described))
    assert ids_named(graph) - set(described) == {"https://w3id.org/ro/crate/1.1"}
    files = {entity["@id"]: entity for entity in graph if entity["@type"] == "File"}
    assert set(files) == {"a/atlas.h5ad", "report.html"}
    assert (files["a/atlas.h5ad"]["contentSize"], files["a/atlas.h5ad"]["sha256"]) == ("7", "0" * 64)
    root = next(entity for entity in graph if entity["@id"] == "./")
    assert {link["@id"] for link in root["hasPart"]} == set(files)
    assert "1 results lie outside" in root["description"]
    assert "#machine-system" not in described


def test_simulated_data_are_stamped_and_others_are_not():
    names = [next(one["name"] for one in crate(flag)["@graph"] if one["@id"] == "./") for flag in (True, False)]
    assert names == ["SIMULATED: Cord", "Cord"]


def test_the_same_run_gives_the_same_text():
    assert crate_text(crate()) == crate_text(crate())


def test_what_no_program_can_know_is_asked_for_all_at_once():
    with pytest.raises(InputErrors, match=r"(?s)2 problems.*deposit: authors.*deposit: date"):
        check_deposit(DEPOSIT | {"authors": [], "date": ""}, "config")
    check_deposit(DEPOSIT, "config")
