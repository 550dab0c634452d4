"""Which cells of which file are a sample's: no two rows of a sheet may take the same ones."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from alscell.check_cells import numbered_problems
from alscell.errors import InputError, nearest
from alscell.keys import MTX_PARTS, SAMPLE, is_archive_name, is_numbered, mtx_names, mtx_start

# A path below the folder of a dataset: no blanks, no way out of it. The schema says the same of `source.files`.
FILE_NAME = re.compile(r"(?!(.*/)?\.+(/|$))[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*")
Row = tuple[int, dict[str, str]]  # line in samples.tsv, column -> value


def file_problems(rows: Sequence[Row], facts: dict, *, sheet: str, data_folder: str) -> list[InputError]:
    """What is wrong with the columns file and member, and with the files that belong to those.

    Parameters
    ----------
    rows : sequence of (line, row)
        The rows of the sheet.
    facts : dict
        dataset.yaml.
    sheet : str
        Path of samples.tsv, for messages.
    data_folder : str
        As config has it.
    """
    if "files" not in facts["source"]:
        if "path" not in facts["source"]:
            return []  # a problem of dataset.yaml, told there
        return _folder_problems(rows, facts, sheet=sheet, folder=Path(data_folder) / facts["source"]["path"])
    names = [entry["name"] for entry in facts["source"]["files"]]
    problems: list[InputError] = []
    held: dict[str, list[Row]] = defaultdict(list)
    for number, row in rows:
        file = row.get("file") or (names[0] if len(names) == 1 else "")
        if file not in names:
            found = f"file '{file}'" if file else "no file"
            expected = "a name in `source.files` of dataset.yaml"
            place = f"{sheet}, line {number} (sample '{row[SAMPLE]}')"
            problems.append(InputError(place, found=found, expected=expected, mend=nearest(file, names)))
        held[file].append((number, row))
    if problems:
        return problems
    belonging = {name for file in held for name in _belonging(file, names, facts)}
    if unused := [name for name in names if name not in held and name not in belonging]:
        found = f"no sample in file {', '.join(unused)}"
        mend = "Add its samples, or remove the file from `source.files` in dataset.yaml."
        problems.append(InputError(sheet, found=found, expected="a sample in every file", mend=mend))
    return problems + _sharing_problems(held, names, facts, sheet)


def _folder_problems(rows: Sequence[Row], facts: dict, *, sheet: str, folder: Path) -> list[InputError]:
    """Without `source.files`, the files of a folder are those that the sheet names and what belongs to them."""
    problems: list[InputError] = []
    held: dict[str, list[Row]] = defaultdict(list)
    for number, row in rows:
        file = row.get("file", "")
        place = f"{sheet}, line {number} (sample '{row[SAMPLE]}')"
        if not FILE_NAME.fullmatch(file):
            found = f"file '{file}'" if file else "no file"
            expected = f"a file below {folder}: letters, digits and _ . + - only, folders parted by '/'"
            mend = "Fill column `file`, or list the files as `source.files` in dataset.yaml."
            problems.append(InputError(place, found=found, expected=expected, mend=mend))
        elif file not in held and not (folder / file).is_file():
            mend = "Put it there, or correct column `file`, `source.path` in dataset.yaml or `data_folder` in config."
            expected = f"a raw file of samples.tsv, line {number}"
            problems.append(InputError(str(folder / file), found="no such file", expected=expected, mend=mend))
        held[file].append((number, row))
    table = facts.get("cells", {}).get("table")
    if table and not (folder / table).is_file():
        mend = "Put it there, or correct `cells.table` in dataset.yaml."
        problems.append(InputError(str(folder / table), found="no such file", expected="the table of cells", mend=mend))
    if problems:
        return problems
    parts = facts.get("parts", {})
    starts = [start for file in held if (start := mtx_start(file, parts)) is not None]
    there = [
        name
        for start in starts
        for part in MTX_PARTS
        for name in mtx_names(start, part, parts)
        if (folder / name).is_file()
    ]
    return _sharing_problems(held, there, facts, sheet)


def _belonging(file: str, names: Sequence[str], facts: dict) -> list[str]:
    """Files that need no sample of their own: features and barcodes of a loose matrix, the table of cells."""
    parts, table = facts.get("parts", {}), facts.get("cells", {}).get("table")
    start = mtx_start(file, parts) if facts["layout"] == "10x_mtx" else None
    wanted = [] if start is None else [*mtx_names(start, "features", parts), *mtx_names(start, "barcodes", parts)]
    return [name for name in names if name in wanted or name == table]


def _sharing_problems(held: dict[str, list[Row]], names: Sequence[str], facts: dict, sheet: str) -> list[InputError]:
    """What is wrong with each file and the samples that share it."""
    problems: list[InputError] = []
    for file, inside in held.items():
        if facts["layout"] == "10x_mtx" and not is_archive_name(file):
            problems += _part_problems(file, names, facts, f"{sheet}, line {inside[0][0]}, file '{file}'")
        whole = _why_whole(file, facts)
        problems += _whole_problems(file, inside, whole, sheet) if whole else _member_problems(file, inside, sheet)
    rows = [row for inside in held.values() for row in inside]
    return problems + numbered_problems(sorted(rows, key=lambda row: row[0]), facts, sheet=sheet)


def _part_problems(file: str, names: Sequence[str], facts: dict, place: str) -> list[InputError]:
    """A loose matrix without its features or barcodes, or with two of either."""
    parts = facts.get("parts", {})
    start = mtx_start(file, parts)
    if start is None:
        wanted = (parts or MTX_PARTS)["matrix"]
        mend = "Correct column `file`, or name the three files of a sample as `parts` in dataset.yaml."
        expected = f"a file whose name ends in {wanted} or {wanted}.gz, or an archive"
        return [InputError(place, found="it", expected=expected, mend=mend)]
    problems = []
    for part in MTX_PARTS:
        wanted = mtx_names(start, part, parts)
        found = [name for name in names if name in wanted]
        if len(found) != 1:
            mend = "Remove one." if found else "Add it, or name the three files of a sample as `parts` in dataset.yaml."
            said = " and ".join(found) or f"no {part} beside it"
            expected = f"one of {', '.join(wanted)}"
            problems.append(InputError(place, found=said, expected=expected, mend=mend))
    return problems


def _why_whole(file: str, facts: dict) -> str:
    """Why a file is one sample as a whole, whatever `member` says; '' if a row takes a part of it."""
    cells = facts.get("cells", {})
    if cells.get("sample") and (cells.get("table") or facts["layout"] == "10x_mtx"):
        return ""
    if facts["layout"] in ("loom", "seurat_rds") and not cells.get("sample"):
        return "without `cells.sample` in dataset.yaml a file is one sample"
    if facts["layout"] == "10x_h5" and not is_archive_name(file):
        return "a plain h5 is one sample (only a tar or zip, by its name, holds several)"
    if facts["layout"] == "10x_mtx" and not is_archive_name(file):
        return "a loose matrix is one sample (only a tar or zip, by its name, holds several)"
    if facts["layout"] == "h5ad" and not facts.get("cells", {}).get("sample"):
        return "without `cells.sample` in dataset.yaml an h5ad is one sample"
    return ""


def _whole_problems(file: str, rows: Sequence[Row], why: str, sheet: str) -> list[InputError]:
    mend = "Give each sample a file of its own"
    mend += ", or name the column of obs that tells the samples apart as `cells.sample`." if "h5ad" in why else "."
    if len(rows) > 1:
        lines = ", ".join(str(number) for number, _ in rows[:5])
        found = f"{len(rows)} samples in {file} (lines {lines}): each would get all of its cells"
        return [InputError(sheet, found=found, expected=f"one, since {why}", mend=mend)]
    number, row = rows[0]
    member = row.get("member", "")
    if member in ("", row[SAMPLE], file, PurePosixPath(file).stem):
        return []
    place = f"{sheet}, line {number} (sample '{row[SAMPLE]}')"
    expected = f"none, since {why}, and all of {file} is taken"
    return [InputError(place, found=f"member '{member}'", expected=expected, mend=f"Remove it. {mend}")]


def _member_problems(file: str, rows: Sequence[Row], sheet: str) -> list[InputError]:
    """Rows that take the same member of a file, by its name or because the pattern of one fits the other."""
    problems: list[InputError] = []
    seen: list[tuple[int, str]] = []
    for number, row in rows:
        member = row.get("member") or row[SAMPLE]
        if is_numbered(member):
            continue
        first = next((line for line, other in seen if _same(member, other)), None)
        if first is not None:
            found = f"the same file and member as line {first}: {file}, {member}"
            place = f"{sheet}, line {number} (sample '{row[SAMPLE]}')"
            problems.append(InputError(place, found=found, expected="every member once", mend="Mend column 'member'."))
        seen.append((number, member))
    return problems


def _same(one: str, other: str) -> bool:
    """Whether two members may be the same: with folders in both, these count; else one may be a part of the other."""
    if "/" in one and "/" in other:
        return _fit(one, other)
    telling = [[part for part in name.split("/") if part.strip("*") or "/" not in name] for name in (one, other)]
    return any(_fit(a, b) for a in telling[0] for b in telling[1])


def _fit(one: str, other: str) -> bool:
    return one == other or any(
        set("*?[") & set(b) and fnmatch.fnmatchcase(a, b) for a, b in ((one, other), (other, one))
    )
