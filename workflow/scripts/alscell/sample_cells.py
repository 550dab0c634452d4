"""Which cells of a file are a sample's, by what the file, or a table beside it, says of every cell."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alscell.counts import BLANK
from alscell.errors import InputError, nearest
from alscell.keys import NUMBERED, is_numbered

JOIN = "+"  # `cells.sample: line+batch` is the values of two columns, joined by the same sign

Column = Callable[[str], np.ndarray]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chosen:
    """Positions of a sample's cells in a file (increasing), their names, their types, and notes for table `loaded`."""

    rows: np.ndarray
    barcodes: np.ndarray
    cell_types: np.ndarray | None = None
    notes: dict[str, Any] = field(default_factory=dict)


def choose_cells(
    names: np.ndarray, column: Column, *, cells: dict[str, str], member: str, row: dict[str, Any], where: str
) -> Chosen:
    """The cells of one sample.

    Parameters
    ----------
    names : array of str, one a cell
        Names of all cells.
    column : function
        Name of a column -> its values as text, one a cell; raises InputError if there is none.
    cells : dict
        Columns: `sample` (left out: all cells are the sample's), `cell_type`, `donor`, `condition`.
    member : str
        Value of the column `sample`, or '@n': the n-th of its values, sorted as text, among the cells of the row's
        condition (among all cells if `cells` names no condition).
    row : dict
        By column of the sample sheet, what the data must say too: donor, condition. With '@n' also `n_numbered`, the
        number of rows that share file and condition: the data must hold as many samples. Where the data write
        conditions otherwise, `conditions`: value there -> level of the sheet.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        No such sample; data and sheet disagree; another number of samples than rows, or one of two conditions.
    """
    notes: dict[str, Any] = {}
    rows = np.arange(len(names))
    if cells.get("sample"):
        samples = joined(column, cells["sample"])
        if is_numbered(member):
            conditions = None
            if cells.get("condition"):
                conditions = as_levels(joined(column, cells["condition"]), row, where=where)
            member = numbered_sample(samples, conditions, member=member, row=row, where=where)
            notes["source_sample"] = member
        rows = np.flatnonzero(samples == member)
        if not len(rows):
            mend = f"Correct `member` in samples.tsv. {nearest(member, set(samples))}"
            found = f"no cell with {cells['sample']} '{member}'"
            raise InputError(where, found=found, expected="cells of this sample", mend=mend)
    for key in ("donor", "condition"):
        if cells.get(key) and key in row:
            values = joined(column, cells[key])[rows]
            values = as_levels(values, row, where=where) if key == "condition" else values
            _compare(values, cells[key], row[key], where)
    types = column(cells["cell_type"])[rows] if cells.get("cell_type") else None
    return Chosen(rows, names[rows], types, notes)


def thinned(chosen: Chosen, per_label: int) -> Chosen:
    """At most `per_label` cells of each type, evenly spread over those chosen."""
    codes, n_types = np.unique(chosen.cell_types.astype(str), return_inverse=True)[1], len(set(chosen.cell_types))
    places = [np.flatnonzero(codes == code) for code in range(n_types)]
    few = [one[np.linspace(0, len(one) - 1, min(len(one), per_label)).astype(int)] for one in places]
    kept = np.sort(np.concatenate(few)) if few else np.arange(0)
    return Chosen(chosen.rows[kept], chosen.barcodes[kept], chosen.cell_types[kept], chosen.notes)


def joined(column: Column, name: str) -> np.ndarray:
    """Values of a column, or of several named 'one+other', joined by the same sign."""
    if JOIN not in name:
        return column(name)
    try:
        return column(name)
    except InputError:
        parts = [column(part.strip()) for part in name.split(JOIN)]
    return np.array([JOIN.join(values) for values in zip(*parts, strict=True)], dtype=object)


def as_levels(conditions: np.ndarray, row: dict[str, Any], *, where: str) -> np.ndarray:
    """Conditions of the data as the sheet's levels, by the map `conditions` of the row; as they are where it has none.

    Raises
    ------
    InputError
        A condition that the map has not; blank ones stay.
    """
    names = {str(value): level for value, level in (row.get("conditions") or {}).items()}  # YAML reads 1 as a number
    if not names:
        return conditions
    for value in sorted(set(conditions)):
        if value not in names and value.strip().lower() not in BLANK:
            mend = f"Add it to `conditions` in dataset.yaml, or correct it there. {nearest(value, names)}"
            raise InputError(where, found=f"condition '{value}' in the data", expected="one of the map", mend=mend)
    return np.array([names.get(value, value) for value in conditions], dtype=object)


def _compare(values: np.ndarray, column: str, expected: str, where: str) -> None:
    """Donor and condition of a sample must be the same in the data and in the sheet."""
    found = sorted(set(values))
    if found != [expected]:
        found = f"{column} {' and '.join(repr(value) for value in found)} in the data"
        mend = "Correct the sample's row in samples.tsv, or its `member`."
        raise InputError(where, found=found, expected=f"'{expected}', as in samples.tsv", mend=mend)


def numbered_sample(
    samples: np.ndarray, conditions: np.ndarray | None, *, member: str, row: dict[str, Any], where: str
) -> str:
    """The real name of sample '@n'.

    Parameters
    ----------
    samples, conditions : array of str, one a cell
        As the data say; None where they name no condition. Blank samples are none.
    member, row, where
        As of `choose_cells`.

    Raises
    ------
    InputError
        Another number of samples than rows; a sample of two conditions; no such number.
    """
    named = np.array([sample.strip().lower() not in BLANK for sample in samples], dtype=bool)
    of = ""
    if conditions is not None:
        _check_one_condition(samples[named], conditions[named], where)
        named &= conditions == row["condition"]
        of = f" of condition '{row['condition']}'"
    valid = sorted(set(samples[named]))
    n_rows = int(row["n_numbered"])
    if len(valid) != n_rows:
        found = f"{len(valid)} samples{of} in the data ({', '.join(valid[:12]) or 'none'})"
        mend = "Give every one of them a row in samples.tsv, or name those that you want in column 'member'."
        raise InputError(where, found=found, expected=f"{n_rows}, as many as rows with @", mend=mend)
    number = int(member.removeprefix(NUMBERED))
    if not 1 <= number <= len(valid):
        mend = "Correct `member` in samples.tsv."
        raise InputError(where, found=f"member '{member}'", expected=f"@1 to @{len(valid)}", mend=mend)
    log.info("%s of the %d samples%s is %s", member, len(valid), of, valid[number - 1])
    return valid[number - 1]


def _check_one_condition(samples: np.ndarray, conditions: np.ndarray, where: str) -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for sample, condition in set(zip(samples.tolist(), conditions.tolist(), strict=True)):
        seen[sample].add(condition)
    for sample in sorted(seen):
        if len(seen[sample]) > 1:
            values = " and ".join(repr(value) for value in sorted(seen[sample]))
            mend = "Correct `cells` in dataset.yaml: a sample has one condition."
            found = f"conditions {values} in sample '{sample}'"
            raise InputError(where, found=found, expected="one condition in each sample", mend=mend)
