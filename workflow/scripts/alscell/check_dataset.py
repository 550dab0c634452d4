"""One dataset folder: dataset.yaml and samples.tsv against their schemas, against each other and against the disk."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alscell.check_cells import cells_problems
from alscell.check_design import is_missing
from alscell.check_members import FILE_NAME, file_problems
from alscell.check_schema import key_name, schema_problems, shown
from alscell.errors import InputError, nearest
from alscell.keys import (
    BARCODE,
    CELL,
    CELL_TYPE,
    CONDITION,
    CONTRAST,
    DATASET,
    DONOR,
    N_CELLS,
    SAMPLE,
    SHEET_REQUIRED,
)

SHIPPED_MARKERS = ("spinal_cord", "ipsc_motor_neurons", "motor_cortex")
# Properties of a person, which cannot differ between that person's samples.
_PERSONAL = (CONDITION, "sex", "age", "genotype")
# Columns that results have too, or that no h5ad and no design can hold beside their own.
RESERVED = frozenset(
    (
        *(
            "_index",
            "index",
            CELL,
            CELL_TYPE,
            "cell_type_score",
            "cluster",
            BARCODE,
            DATASET,
            CONTRAST,
            "arm",
            "intercept",
        ),
        *(N_CELLS, "n_samples", "n_counts", "n_genes", "doublet_score", "fraction_mitochondrial", "fraction_ribosomal"),
    )
)
_CELL_LAYOUTS = ("10x_h5", "10x_mtx", "dense_csv", "h5ad", "loom", "seurat_rds")
_LAYOUTS = {"load": _CELL_LAYOUTS, "qc": _CELL_LAYOUTS, "pseudobulk": ("pseudobulk_h5ad",)}
_CELLS = {"qc": ("cell_type",), "pseudobulk": ("sample", "cell_type", "n_cells")}


@dataclass(frozen=True)
class Sheet:
    """A sample sheet: its columns, and its rows with their line numbers in the file. Every value is text."""

    path: str
    columns: list[str]
    rows: list[tuple[int, dict[str, str]]]

    @property
    def donors(self) -> dict[str, dict[str, str]]:
        """Donor -> column -> value, only for columns that are the same in all samples of that donor."""
        seen: dict[str, list[dict[str, str]]] = defaultdict(list)
        for _, row in self.rows:
            seen[row[DONOR]].append(row)
        return {
            donor: {column: rows[0][column] for column in rows[0] if len({row[column] for row in rows}) == 1}
            for donor, rows in seen.items()
        }


def read_facts(path: str, schema: dict) -> tuple[dict | None, list[InputError]]:
    """dataset.yaml, if it is sound, and what is wrong with it."""
    text, problems = _read_text(path, mend="Check `id` and `folder` of this entry of `datasets`.")
    if text is None:
        return None, problems
    try:
        facts = yaml.safe_load(text)
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
        return None, [InputError(path, found=found, expected="valid YAML", mend="Check indentation and quotes.")]
    broken = schema_problems(facts, schema, where=lambda place: f"{path}, key '{key_name(place)}'" if place else path)
    return (None if broken else facts), [problem for _, problem in broken]


def facts_problems(facts: dict, path: str, *, entry_id: str, data_folder: str) -> list[InputError]:
    """What contradicts itself in dataset.yaml, or is not on the disk."""
    problems = []
    if facts["id"] != entry_id:
        problems.append(_problem(path, "id", facts["id"], f"'{entry_id}', as in config", "Give both the same name."))
    allowed = _LAYOUTS[facts["enters_at"]]
    if facts["layout"] not in allowed:
        expected = f"{' or '.join(allowed)} with enters_at: {facts['enters_at']}"
        problems.append(_problem(path, "layout", facts["layout"], expected, "Change one of the two."))
    if facts.get("parts") and facts["layout"] != "10x_mtx":
        found, mend = shown(facts["layout"]), "Remove it."
        problems.append(
            InputError(f"{path}, key 'parts'", found=f"it with layout {found}", expected="10x_mtx", mend=mend)
        )
    if facts["layout"] == "dense_csv" and "orientation" not in facts:
        expected = "genes_by_cells or cells_by_genes"
        problems.append(_problem(path, "orientation", None, expected, "A dense table does not say which way it lies."))
    if facts["source"].get("simulation") and not facts.get("simulated"):
        problems.append(_problem(path, "simulated", None, "true, with `source.simulation`", "Everything must say so."))
    for key in _CELLS.get(facts["enters_at"], ()):
        if key not in facts.get("cells", {}):
            expected = f"the column that holds it, with enters_at: {facts['enters_at']}"
            problems.append(_problem(path, f"cells.{key}", None, expected, "Add it."))
    return [
        *problems,
        *cells_problems(facts, path),
        *_levels_problems(facts, path),
        *_source_problems(facts["source"], path, data_folder=data_folder),
        *_marker_problems(facts, path),
        *_reference_problems(facts, path, data_folder=data_folder),
    ]


def read_sheet(path: str) -> tuple[Sheet | None, list[InputError]]:
    """samples.tsv, if it can be read as a table, and what is wrong with it.

    A byte-order mark and Windows line ends are harmless and taken; lines that start with # are comments.
    """
    text, problems = _read_text(path, mend="A dataset folder holds dataset.yaml and samples.tsv.")
    if text is None:
        return None, problems
    lines = [(n, line.rstrip("\n")) for n, line in enumerate(io.StringIO(text, newline=None), 1)]
    lines = [(n, line) for n, line in lines if line.strip() and not line.startswith("#")]
    if len(lines) < 2:
        mend = f"Columns: {', '.join(SHEET_REQUIRED)}, and file if there are several files."
        return None, [InputError(path, found="no samples", expected="a header and one line a sample", mend=mend)]
    table = list(csv.reader([line for _, line in lines], delimiter="\t"))
    columns, problems = table[0], _header_problems(table[0], path)
    rows = []
    for (number, _), fields in zip(lines[1:], table[1:], strict=False):
        if len(fields) != len(columns):
            found, expected = f"{len(fields)} fields", f"{len(columns)}, as in the header"
            mend = "Fields are parted by one tab each; an empty one is two tabs in a row."
            problems.append(InputError(f"{path}, line {number}", found=found, expected=expected, mend=mend))
        rows.append((number, dict(zip(columns, fields, strict=False))))
    return (None if problems else Sheet(path, columns, rows)), problems


def unfilled_columns(sheet: Sheet) -> list[InputError]:
    """Columns that every sheet needs and that are empty in all rows, as in a draft: one problem each, not one a row."""
    mends = {
        CONDITION: "Fill it with levels of `levels.condition` in dataset.yaml; remove rows that are none of them.",
        DONOR: "Name the person, line or animal of each sample: the replicate of every test.",
    }
    return [
        InputError(
            f"{sheet.path}, column '{column}'",
            found=f"nothing in any of {len(sheet.rows)} rows",
            expected=f"a {column} for every sample",
            mend=mends.get(column, "Fill it."),
        )
        for column in SHEET_REQUIRED
        if not any(row[column].strip() for _, row in sheet.rows)
    ]


def sex_warning(sheet: Sheet) -> str:
    """A sentence if sex stands in a column of another name, where nothing compares it with the counts; else ''."""
    words = {"f", "m", "female", "male"}
    for column in sheet.columns:
        values = {row[column].strip().lower() for _, row in sheet.rows} - {""}
        if "sex" not in sheet.columns and values and values <= words:
            return f"{sheet.path}: column '{column}' holds sex; only a column called 'sex' is compared with the counts."
    return ""


def sheet_problems(sheet: Sheet, facts: dict, schema: dict, *, data_folder: str) -> list[InputError]:
    """What is wrong in the rows of a sample sheet."""
    problems = []
    for number, row in sheet.rows:
        place = f"{sheet.path}, line {number} (sample '{row[SAMPLE]}')"
        problems += _value_problems(row, place)
        problems += _row_problems(row, facts, schema, place)
    if not problems:
        problems = [
            *_repeated(sheet),
            *_split_persons(sheet),
            *_look_alikes(sheet),
            *file_problems(sheet.rows, facts, sheet=sheet.path, data_folder=data_folder),
        ]
    return problems or _count_problems(sheet, facts)


def _problem(path: str, key: str, found: Any, expected: str, mend: str) -> InputError:
    return InputError(f"{path}, key '{key}'", found=shown(found), expected=expected, mend=mend)


def _read_text(path: str, *, mend: str) -> tuple[str | None, list[InputError]]:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror)
        return None, [InputError(path, found=reason, expected="a file that can be read", mend=mend)]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        mend = "Excel's 'Unicode text' is UTF-16: save it as 'Text (tab delimited)', or convert it to UTF-8."
        return None, [InputError(path, found="UTF-16 text", expected="UTF-8 text", mend=mend)]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        found = f"byte 0x{data[error.start]:02x} in line {line}"
        mend = "The file seems to be in Latin-1 or another old encoding: save it as UTF-8."
        return None, [InputError(path, found=found, expected="UTF-8 text", mend=mend)]


def _header_problems(columns: list[str], path: str) -> list[InputError]:
    place = f"{path}, header"
    if len(columns) == 1:
        for name, mark in (("semicolons", ";"), ("commas", ",")):
            if mark in columns[0]:
                mend = "Save it with tabs between the columns ('Text, tab delimited' in Excel)."
                return [InputError(place, found=f"columns parted by {name}", expected="tabs", mend=mend)]
    problems = []
    for column in SHEET_REQUIRED:
        if column not in columns:
            close = nearest(column, [name for name in columns if name] or ["none"])
            found = f"no column '{column}' among {', '.join(columns)}"
            problems.append(InputError(place, found=found, expected=", ".join(SHEET_REQUIRED), mend=close))
    for column in sorted({name for name in columns if columns.count(name) > 1 or not name.strip()}):
        found = f"column '{column}' twice" if column.strip() else "a column without a name"
        problems.append(InputError(place, found=found, expected="every column named, once", mend="Rename or remove."))
    for column in columns:
        if column in RESERVED or "/" in column or column != column.strip() or column == ".":
            reason = "free of '/' and of blanks at its ends" if column not in RESERVED else "that results don't use too"
            mend = "Rename it." if column not in RESERVED else f"Rename it, e.g. '{column.strip('_')}_in_sheet'."
            found = f"a column '{column}'"
            problems.append(InputError(place, found=found, expected=f"a name {reason}", mend=mend))
    return problems


def _value_problems(row: dict[str, str], place: str) -> list[InputError]:
    problems = []
    for column, value in row.items():
        if value != value.strip():
            found = f"'{value}' in column '{column}'"
            expected = "no blank at its start or end"
            problems.append(InputError(place, found=found, expected=expected, mend="Remove the blank."))
        if "#" in value:
            found = f"'{value}' in column '{column}'"
            expected = "no '#', which starts a comment"
            problems.append(InputError(place, found=found, expected=expected, mend="Remove it."))
    return problems


def _row_problems(row: dict[str, str], facts: dict, schema: dict, place: str) -> list[InputError]:
    levels = facts["levels"]
    empty = [name for name in SHEET_REQUIRED if is_missing(row[name]) and row[name] not in levels.get(name, ())]
    problems = [
        InputError(place, found=f"no {column}", expected=f"a {column} for every sample", mend="Fill it.")
        for column in empty
    ]
    filled = {column: value for column, value in row.items() if column not in empty}
    loose = {**schema, "required": []}
    problems += [
        problem
        for _, problem in schema_problems(filled, loose, where=lambda path: f"{place}, column '{key_name(path)}'")
    ]
    for column, levels in facts["levels"].items():
        value = row.get(column, "")
        if value and column not in empty and value not in levels:
            expected = f"one of {', '.join(levels)} (`levels.{column}` in dataset.yaml)"
            found, mend = f"{column} '{value}'", f"{nearest(value, levels)} Or add it to `levels.{column}`."
            problems.append(InputError(place, found=found, expected=expected, mend=mend))
    return problems


def _repeated(sheet: Sheet) -> list[InputError]:
    problems, first = [], {}
    for number, row in sheet.rows:
        # A file system may not tell a.h5ad from A.h5ad.
        name = row[SAMPLE].lower()
        if name in first:
            found = f"sample '{row[SAMPLE]}', already in line {first[name]}"
            place = f"{sheet.path}, line {number}"
            problems.append(InputError(place, found=found, expected="every sample once", mend="Rename or remove it."))
        first.setdefault(name, number)
    return problems


def _look_alikes(sheet: Sheet) -> list[InputError]:
    """Donors whose names are nearly the same: one person written in two ways would count as two replicates."""
    problems, first = [], {}
    for donor in dict.fromkeys(row[DONOR] for _, row in sheet.rows):
        other = first.setdefault(_name_key(donor), donor)
        if other != donor:
            found = f"donors '{other}' and '{donor}'"
            expected = "names that differ in more than capitals, punctuation or leading zeros"
            mend = "One donor: write both alike. Two donors: rename one."
            problems.append(InputError(sheet.path, found=found, expected=expected, mend=mend))
    return problems


def _name_key(name: str) -> tuple[str, ...]:
    """Words and numbers of a name: the same for P7, p-7, P 07 and P_7; not for 1.1 and 11."""
    return tuple(part.lstrip("0") or "0" for part in re.findall(r"[^\W\d_]+|\d+", name.casefold())) or (name,)


def _split_persons(sheet: Sheet) -> list[InputError]:
    problems = []
    for donor, constant in sheet.donors.items():
        rows = [row for _, row in sheet.rows if row[DONOR] == donor]
        for column in _PERSONAL:
            if column in sheet.columns and column not in constant:
                values = ", ".join(f"{row[column] or '(empty)'} in {row[SAMPLE]}" for row in rows)
                found, expected = f"{column} {values}", f"one {column} for all samples of a donor"
                mend = "Mend the odd one, or give different donors different names."
                problems.append(InputError(f"{sheet.path}, donor '{donor}'", found=found, expected=expected, mend=mend))
    return problems


def _count_problems(sheet: Sheet, facts: dict) -> list[InputError]:
    conditions = [row.get(CONDITION) for row in sheet.donors.values()]
    problems = []
    for condition, expected in facts.get("expected_donors", {}).items():
        if condition in facts["levels"][CONDITION] and conditions.count(condition) != expected:
            found = f"{conditions.count(condition)} donors with condition {condition}"
            wanted = f"{expected} (`expected_donors` in dataset.yaml)"
            mend = "Add or remove rows, or mend the number."
            problems.append(InputError(sheet.path, found=found, expected=wanted, mend=mend))
    return problems


def _levels_problems(facts: dict, path: str) -> list[InputError]:
    conditions = facts["levels"][CONDITION]
    named = {
        "expected_donors": facts.get("expected_donors", {}),
        "cellxgene.diseases": facts.get("cellxgene", {}).get("diseases", {}),
    }
    return [
        _problem(path, f"{key}.{name}", name, "a level of `levels.condition`", nearest(name, conditions))
        for key, names in named.items()
        for name in names
        if name not in conditions
    ]


def _source_problems(source: dict, path: str, *, data_folder: str) -> Iterable[InputError]:
    kinds = [kind for kind in ("url", "zenodo", "path", "simulation") if source.get(kind)]
    entries = source.get("files", [])
    if len(kinds) > 1 or not (kinds or (entries and all(entry.get("url") for entry in entries))):
        found, expected = " and ".join(kinds) or "none", "exactly one of url, zenodo, path and simulation"
        mend = "Say where the files are; or give every entry of `files` a `url`."
        yield _problem(path, "source", found, expected, mend)
        return
    if not entries and kinds != ["path"]:
        yield _problem(path, "source.files", None, "the names of the raw files", "Only with `path` it may be left out.")
    if source.get("simulation") or source.get("path"):
        for entry in entries:
            if entry.get("url"):
                mend = "Leave out one of the two."
                yield _problem(path, "source.files", entry["url"], f"no url with `source.{kinds[0]}`", mend)
    names = [entry["name"] for entry in entries]
    for name in names:
        if not FILE_NAME.fullmatch(name) or ("/" in name and kinds != ["path"]):
            expected = "a file name" + (" without folders, which only `path` may have" if kinds != ["path"] else "")
            yield _problem(path, "source.files", name, expected, "Rename it, or leave out the folder.")
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _problem(path, "source.files", name, "every file once", "Remove the second.")
    if kinds == ["simulation"]:
        file = Path(path).parent / source["simulation"]
        if not file.is_file():
            yield InputError(str(file), found="no such file", expected="the simulated cohort", mend=f"See {path}.")
    if kinds == ["path"]:
        yield from _disk_problems(source, Path(data_folder) / source["path"])


def _disk_problems(source: dict, folder: Path) -> Iterable[InputError]:
    for entry in source.get("files", ()):
        file = folder / entry["name"]
        if not file.is_file():
            mend = "Put it there, or set `source.path` in dataset.yaml or `data_folder` in config."
            yield InputError(str(file), found="no such file", expected="a raw file of dataset.yaml", mend=mend)
        elif entry.get("size") not in (None, file.stat().st_size):
            found, expected = f"{file.stat().st_size} bytes", f"{entry['size']} (`size` in dataset.yaml)"
            yield InputError(str(file), found=found, expected=expected, mend="Fetch it again, or mend the size.")


def _marker_problems(facts: dict, path: str) -> list[InputError]:
    name = facts.get("markers")
    if name is None or name in SHIPPED_MARKERS:
        return []
    file = Path(path).parent / f"{name}.tsv"
    if not file.is_file():
        expected = f"{', '.join(SHIPPED_MARKERS)} or a file {name}.tsv beside dataset.yaml"
        return [_problem(path, "markers", name, expected, f"Write {file}: columns cell_type, gene, source.")]
    header = file.read_text(encoding="utf-8-sig").split("\n", 1)[0].rstrip("\r").split("\t")
    lacking = [column for column in ("cell_type", "gene") if column not in header]
    if lacking:
        found = f"no column {', '.join(lacking)}"
        return [InputError(str(file), found=found, expected="columns cell_type, gene, source", mend="Add them, tabs.")]
    return []


def _reference_problems(facts: dict, path: str, *, data_folder: str) -> Iterable[InputError]:
    """`labels_from` names cells by another dataset: nothing else may name them, and the file must be there."""
    reference = facts.get("labels_from")
    if reference is None:
        return
    rivals = {"markers": facts.get("markers"), "cells.cell_type": facts.get("cells", {}).get("cell_type")}
    for key, value in rivals.items():
        if value:
            expected, mend = f"either `labels_from` or `{key}`", "Remove the one that shall not name the cells."
            yield _problem(path, "labels_from", f"it and {key}: {value}", expected, mend)
    if facts["enters_at"] == "pseudobulk":
        mend = "Remove it: sums by cell type have their names already."
        yield _problem(path, "labels_from", "it with enters_at: pseudobulk", "it with single cells only", mend)
    file = Path(data_folder) / reference["file"]
    if not file.is_file():
        mend = "Put it there, or set `labels_from.file` in dataset.yaml or `data_folder` in config."
        yield InputError(str(file), found="no such file", expected="the labeled h5ad of `labels_from`", mend=mend)
