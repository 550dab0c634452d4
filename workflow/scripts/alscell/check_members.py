"""Which cells of which file are a sample's: no two rows of a sheet may take the same ones."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from alscell.check_cells import is_numbered, numbered_problems
from alscell.errors import InputError, nearest
from alscell.keys import SAMPLE, is_tar_name

Row = tuple[int, dict[str, str]]  # line in samples.tsv, column -> value


def file_problems(rows: Sequence[Row], facts: dict, *, sheet: str) -> list[InputError]:
    """What is wrong with the columns file and member.

    Parameters
    ----------
    rows : sequence of (line, row)
        The rows of the sheet.
    facts : dict
        dataset.yaml.
    sheet : str
        Path of samples.tsv, for messages.
    """
    named = dict.fromkeys(row["file"] for _, row in rows if row.get("file"))
    names = [entry["name"] for entry in facts["source"].get("files", ({"name": name} for name in named))]
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
    table = facts.get("cells", {}).get("table")
    if unused := [name for name in names if name not in held and name != table]:
        found = f"no sample in file {', '.join(unused)}"
        mend = "Add its samples, or remove the file from `source.files` in dataset.yaml."
        problems.append(InputError(sheet, found=found, expected="a sample in every file", mend=mend))
    problems += numbered_problems(rows, facts, sheet=sheet)
    for file, inside in held.items():
        whole = _why_whole(file, facts)
        problems += _whole_problems(file, inside, whole, sheet) if whole else _member_problems(file, inside, sheet)
    return problems


def _why_whole(file: str, facts: dict) -> str:
    """Why a file is one sample as a whole, whatever `member` says; '' if a row takes a part of it."""
    cells = facts.get("cells", {})
    if cells.get("sample") and cells.get("table"):
        return ""
    if facts["layout"] in ("loom", "seurat_rds") and not cells.get("sample"):
        return "without `cells.sample` in dataset.yaml a file is one sample"
    if facts["layout"] == "10x_h5" and not is_tar_name(file):
        return "a plain h5 is one sample (only a tar, by its name, holds several)"
    if facts["layout"] == "h5ad" and not facts.get("cells", {}).get("sample"):
        return "without `cells.sample` in dataset.yaml an h5ad is one sample"
    return ""


def _whole_problems(file: str, rows: Sequence[Row], why: str, sheet: str) -> list[InputError]:
    mend = "Give each sample a file of its own"
    mend += "." if "plain" in why else ", or name the column of obs that tells the samples apart as `cells.sample`."
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
    one, other = (PurePosixPath(name).name for name in (one, other))
    return one == other or any(
        set("*?[") & set(b) and fnmatch.fnmatchcase(a, b) for a, b in ((one, other), (other, one))
    )
