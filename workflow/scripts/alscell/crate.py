"""A run as an RO-Crate: one JSON-LD file that tells a repository what every result is, and what made it.

Source: RO-Crate 1.1 (10.5281/zenodo.4541002); Process Run Crate 0.5 of the Workflow Run RO-Crate profiles
(Leo 2024, 10.1371/journal.pone.0309210). The file lies in the folder that it describes and carries the date that config
gives, no other time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from alscell.errors import InputError, InputErrors

NAME = "ro-crate-metadata.json"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
LICENCES = "https://spdx.org/licenses/"
ORCID = "https://orcid.org/"
FORMATS = {
    ".tsv": "text/tab-separated-values",
    ".gz": "application/gzip",
    ".parquet": "application/vnd.apache.parquet",
    ".h5ad": "application/x-hdf5",
    ".npz": "application/zip",
    ".gmt": "text/tab-separated-values",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".html": "text/html",
    ".json": "application/json",
    ".yaml": "application/yaml",
}


def check_deposit(deposit: Mapping[str, Any], where: str) -> None:
    """Stop if config `deposit` does not say what no program can know.

    Raises
    ------
    InputErrors
        With every key that is empty.
    """
    examples = {
        "title": "a line that names the data",
        "authors": "a list such as [{name: Josiah Carberry, orcid: 0000-0002-1825-0097}]",
        "licence": "an SPDX name such as CC-BY-4.0",
        "date": "the day of publication, such as 2026-12-01",
    }
    problems = [
        InputError(f"{where}, key 'deposit: {key}'", found="nothing", expected=expected, mend="Fill it in.")
        for key, expected in examples.items()
        if not deposit[key]
    ]
    if problems:
        raise InputErrors(problems)


def build_crate(
    manifest: pd.DataFrame,
    *,
    folder: str,
    meanings: Mapping[str, str],
    software: pd.DataFrame,
    datasets: Sequence[Mapping[str, Any]],
    deposit: Mapping[str, Any],
    citation: Mapping[str, Any],
) -> dict[str, Any]:
    """The crate of a run.

    Parameters
    ----------
    manifest : DataFrame
        Table `manifest`: path, sha256, size (bytes), rule.
    folder : str
        Folder that the crate describes; results that lie elsewhere are counted, not listed.
    meanings : mapping
        Path -> what the file holds.
    software : DataFrame
        Table `software`.
    datasets : sequence of mapping
        dataset.yaml of every dataset.
    deposit : mapping
        Config `deposit`: title, authors, licence, date.
    citation : mapping
        CITATION.cff of alscell.

    Returns
    -------
    dict
        JSON-LD with @context and @graph, in a fixed order.
    """
    inside = manifest[[PurePosixPath(path).is_relative_to(folder) for path in manifest["path"]]]
    files = [_file(row, folder, meanings[row["path"]]) for row in inside.to_dict("records")]
    actions = [_action(rule, part["path"], folder) for rule, part in inside.groupby("rule", sort=True)]
    sources = [_source(facts) for facts in datasets]
    people = [_author(author, number) for number, author in enumerate(deposit["authors"], start=1)]
    root = _root(deposit, datasets, n_outside=len(manifest) - len(inside))
    parts = {"author": people, "isBasedOn": sources, "hasPart": files, "mentions": actions}
    graph = [
        {"@id": NAME, "@type": "CreativeWork", "conformsTo": {"@id": SPECIFICATION}, "about": {"@id": "./"}},
        root | {name: _links(entities) for name, entities in parts.items()},
        {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        *(_licence(name) for name in sorted({deposit["licence"], citation["license"]})),
        *people,
        *sources,
        *_tools(citation, software),
        *actions,
        *files,
    ]
    return {"@context": [f"{SPECIFICATION}/context", TERMS], "@graph": graph}


def crate_text(crate: Mapping[str, Any]) -> str:
    """The crate as text, the same for the same crate."""
    return json.dumps(crate, indent=1, ensure_ascii=False) + "\n"


def _root(deposit: Mapping[str, Any], datasets: Sequence[Mapping[str, Any]], *, n_outside: int) -> dict[str, Any]:
    simulated = [str(facts["id"]) for facts in datasets if facts.get("simulated")]
    stamp = "SIMULATED: " if simulated and "SIMULATED" not in deposit["title"] else ""
    parts = [f"Results of alscell on {len(datasets)} dataset{'s' if len(datasets) > 1 else ''}."]
    parts += [f"SIMULATED data, nothing measured: {', '.join(simulated)}."] if simulated else []
    parts += ["The donor is the replicate in every test. data_dictionary.tsv explains every column of every table."]
    parts += [f"{n_outside} results lie outside of this folder and are not listed."] if n_outside else []
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{stamp}{deposit['title']}",
        "description": " ".join(parts),
        "datePublished": str(deposit["date"]),
        "license": {"@id": f"{LICENCES}{deposit['licence']}"},
        "conformsTo": {"@id": PROFILE},
        "keywords": ", ".join(
            ["amyotrophic lateral sclerosis", "single-cell RNA sequencing", *["simulated"] * bool(simulated)]
        ),
    }


def _file(row: Mapping[str, Any], folder: str, meaning: str) -> dict[str, Any]:
    return {
        "@id": _inside(row["path"], folder),
        "@type": "File",
        "name": PurePosixPath(row["path"]).name,
        "description": meaning,
        "encodingFormat": FORMATS.get(PurePosixPath(row["path"]).suffix, "application/octet-stream"),
        "contentSize": str(row["size"]),
        "sha256": row["sha256"],
    }


def _action(rule: str, paths: pd.Series, folder: str) -> dict[str, Any]:
    return {
        "@id": f"#rule-{rule}",
        "@type": "CreateAction",
        "name": f"rule {rule} of the workflow",
        "instrument": {"@id": "#alscell"},
        "result": [{"@id": _inside(path, folder)} for path in paths],
    }


def _inside(path: str, folder: str) -> str:
    return PurePosixPath(path).relative_to(folder).as_posix()


def _tools(citation: Mapping[str, Any], software: pd.DataFrame) -> list[dict[str, Any]]:
    """alscell, its authors, and Python with every package of the environment."""
    makers = [
        {"@id": f"#alscell-author-{number}", "@type": "Organization" if "name" in one else "Person", "name": _name(one)}
        for number, one in enumerate(citation["authors"], start=1)
    ]
    packages = [
        {
            "@id": f"#{row['kind']}-{row['name']}",
            "@type": "SoftwareApplication",
            "name": row["name"],
            "softwareVersion": row["value"],
        }
        for row in software[software["kind"].isin(["package", "python"])].to_dict("records")
    ]
    tool = {
        "@id": "#alscell",
        "@type": "SoftwareApplication",
        "name": "alscell",
        "description": citation["title"],
        "softwareVersion": str(citation["version"]),
        "author": _links(makers),
        "license": {"@id": f"{LICENCES}{citation['license']}"},
        "softwareRequirements": _links(packages),
    }
    return [tool, *makers, *packages]


def _licence(name: str) -> dict[str, Any]:
    return {"@id": f"{LICENCES}{name}", "@type": "CreativeWork", "name": name}


def _source(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset that went in: what dataset.yaml says of it, in words."""
    told = {"identifier": facts.get("accession"), "citation": facts.get("citation"), "usageInfo": facts.get("licence")}
    known = {key: str(value) for key, value in told.items() if value}
    return {"@id": f"#dataset-{facts['id']}", "@type": "CreativeWork", "name": facts["title"], **known}


def _author(author: Mapping[str, str], number: int) -> dict[str, Any]:
    named = {"@type": "Person", "name": author["name"]}
    named |= {"affiliation": author["affiliation"]} if author.get("affiliation") else {}
    return {"@id": f"{ORCID}{author['orcid']}" if author.get("orcid") else f"#author-{number}", **named}


def _name(author: Mapping[str, str]) -> str:
    """Name of an author in CITATION.cff: an entity's, or a person's two names."""
    return author.get("name") or re.sub(r" +", " ", f"{author.get('given-names', '')} {author['family-names']}").strip()


def _links(entities: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [{"@id": entity["@id"]} for entity in entities]
