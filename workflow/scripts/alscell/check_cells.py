"""How dataset.yaml says which cells are a sample's: keys that fit the layout, and members that are numbers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from alscell.check_schema import shown
from alscell.errors import InputError, nearest
from alscell.keys import CONDITION, SAMPLE, is_numbered

Row = tuple[int, dict[str, str]]  # line in samples.tsv, column -> value

_TABLE_LAYOUTS = ("10x_h5", "10x_mtx", "dense_csv")  # the file itself has no columns of cells, or may have none
_NO_COLUMNS = ("10x_h5", "dense_csv")
_WITH_LAYERS = ("h5ad", "loom", "seurat_rds", "pseudobulk_h5ad")
_NUMBERED = re.compile(r"@[1-9]\d*")


def cells_problems(facts: dict, path: str) -> list[InputError]:
    """Keys about cells that do not fit each other or the layout; `path` is that of dataset.yaml, for messages."""
    layout, cells = facts["layout"], facts.get("cells", {})
    table, columns = cells.get("table"), [key for key in cells if key not in ("table", "cell")]
    names = [entry["name"] for entry in facts["source"].get("files", ())]
    found = []

    def add(key: str, value: str | None, expected: str, mend: str) -> None:
        found.append(InputError(f"{path}, key '{key}'", found=shown(value), expected=expected, mend=mend))

    if table and layout not in _TABLE_LAYOUTS:
        add("cells.table", table, f"layout {', '.join(_TABLE_LAYOUTS)}", "Name columns of the object itself.")
    elif table and names and table not in names:
        add("cells.table", table, "a name in `source.files`", "Add the file there.")
    if layout in _NO_COLUMNS and columns and not table:
        add(
            f"cells.{columns[0]}",
            cells[columns[0]],
            f"`cells.table` with layout {layout}",
            "The counts have no columns.",
        )
    if table and layout == "dense_csv" and "sample" not in cells:
        add("cells.sample", None, "the column of `cells.table` that names the sample", "Add it.")
    if "cell" in cells and not table and layout not in ("10x_mtx", "loom"):
        add("cells.cell", cells["cell"], "it with `cells.table`, or layout loom or 10x_mtx", "Remove it.")
    if "orientation" in facts and layout != "dense_csv":
        add("orientation", facts["orientation"], "it with layout dense_csv only", "Remove it.")
    if facts.get("layer") and layout not in _WITH_LAYERS:
        add("layer", facts["layer"], f"it with layout {', '.join(_WITH_LAYERS)} only", "Remove it.")
    if facts.get("conditions") and "condition" not in cells:
        add(
            "conditions", "a map", "`cells.condition`, the column whose values it names", "Add that, or remove the map."
        )
    for value, level in facts.get("conditions", {}).items():
        if level not in (levels := facts["levels"][CONDITION]):
            add(
                f"conditions.{value}", level, f"one of {', '.join(levels)} (`levels.condition`)", nearest(level, levels)
            )
    if facts.get("cell_types") and "cell_type" not in cells:
        add(
            "cell_types", "a map", "`cells.cell_type`, the column whose labels it names", "Add that, or remove the map."
        )
    return found


def numbered_problems(rows: Sequence[Row], facts: dict, *, sheet: str) -> list[InputError]:
    """What is wrong with members '@n': in each file and condition they are 1, 2, 3 ... and the only ones.

    Parameters
    ----------
    rows : sequence of (line, row)
        The rows of the sheet.
    facts : dict
        dataset.yaml. Where `cells` names no condition, numbers run through a file.
    sheet : str
        Path of samples.tsv, for messages.
    """
    problems, groups = [], defaultdict(list)
    cells = facts.get("cells", {})
    for number, row in rows:
        member = row.get("member", "")
        group = (row.get("file", ""), row[CONDITION] if cells.get("condition") else "")
        groups[group].append((number, member))
        place = f"{sheet}, line {number} (sample '{row[SAMPLE]}')"
        if is_numbered(member) and not _NUMBERED.fullmatch(member):
            problems.append(InputError(place, found=f"member '{member}'", expected="@1, @2, ...", mend="Correct it."))
        elif is_numbered(member) and not cells.get("sample"):
            mend = "Name the column that tells the samples apart in dataset.yaml."
            problems.append(InputError(place, found=f"member '{member}'", expected="`cells.sample`", mend=mend))
        elif is_numbered(member) and cells.get("donor"):
            mend = "Remove `cells.donor` from dataset.yaml: names that are not known cannot be compared."
            problems.append(InputError(place, found=f"member '{member}'", expected="no `cells.donor`", mend=mend))
    if problems:
        return problems
    for (file, condition), members in groups.items():
        numbers = sorted(int(member[1:]) for _, member in members if is_numbered(member))
        if not numbers:
            continue
        of = "".join([f" of {condition}" if condition else "", f" in {file}" if file else ""])
        lines = ", ".join(str(line) for line, _ in members[:12])
        place = f"{sheet}, lines {lines}"
        if len(numbers) < len(members):
            mend = "Number all of them or none: a number counts all samples of the data."
            found = f"members with and without @{of}"
            problems.append(InputError(place, found=found, expected="one kind", mend=mend))
        elif numbers != list(range(1, len(numbers) + 1)):
            found = f"members {', '.join(f'@{number}' for number in numbers)}{of}"
            expected, mend = f"@1 to @{len(numbers)}, each once", "Number the rows anew."
            problems.append(InputError(place, found=found, expected=expected, mend=mend))
    return problems
