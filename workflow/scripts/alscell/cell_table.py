"""A table with one row a cell, beside the counts: which cells are a sample's, and what it says of them."""

from __future__ import annotations

import csv
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from alscell.counts import BROKEN, Counts, broken
from alscell.errors import InputError, nearest
from alscell.keys import is_numbered
from alscell.sample_cells import JOIN, Chosen, choose_cells, joined
from alscell.series_matrix import read_series_matrix
from alscell.text_table import open_unpacked, read_header, read_line

SERIES_MATRIX = re.compile(r"series_matrix\.txt(\.gz)?$")
ATTRIBUTES = ("geo_accession", "title", "source_name_ch1")  # of a series matrix, beside the characteristics
# ASSUME: where names repeat between samples, a file that holds one sample holds few barcodes that another sample has.
# Cell Ranger draws them from 0.7 to 7 million, so that two samples of 10,000 cells share at most 1.5 %.
OWN_SHARE = 0.9

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CellTable:
    """Columns of text, one value a row; `names` are the cells' names in the counts."""

    where: str
    names: np.ndarray
    columns: dict[str, np.ndarray]

    def column(self, name: str) -> np.ndarray:
        """Values of a column; InputError if there is none."""
        if name not in self.columns:
            raise _no_column(name, self.columns, self.where)
        return self.columns[name]


def _no_column(name: str, columns: Iterable[str], where: str) -> InputError:
    mend = f"Correct `cells` in dataset.yaml. {nearest(name, [column for column in columns if column] or ['none'])}"
    return InputError(where, found=f"no column '{name}'", expected="it in the header", mend=mend)


def assign_cells(
    counts: Counts, table: str | Path, *, cells: dict[str, str], member: str, row: dict[str, str], where: str
) -> Counts:
    """The cells of a sample among those that were read, with their types; parameters as of `cells_of_sample`."""
    chosen = cells_of_sample(counts.barcodes, table, cells=cells, member=member, row=row, where=where)
    return replace(
        counts,
        matrix=sp.csr_matrix(counts.matrix)[chosen.rows],
        barcodes=chosen.barcodes,
        cell_types=chosen.cell_types,
        notes={**counts.notes, **chosen.notes},
    )


def cells_of_sample(
    names: np.ndarray, table: str | Path, *, cells: dict[str, str], member: str, row: dict[str, str], where: str
) -> Chosen:
    """The cells of one sample, by a table of cells.

    Parameters
    ----------
    names : array of str
        Names of all cells of the counts. They match those of the table exactly, or after what R's make.names does to
        either ('-' becomes '.', a leading digit gets an X), if that tells the cells apart.
    table : path
        csv or tsv, also .gz, or a GEO series matrix.
    cells : dict
        Columns of the table, as in dataset.yaml: cell (left out: the first one), sample, cell_type, donor, condition.
    member, row
        As of `choose_cells`. Where a file has its own name as a member, the sample's name (`row["sample"]`) also fits.
    where : str
        File and sample, for messages.

    Returns
    -------
    Chosen
        With the note `n_cells_unlisted`: cells without a row in the table, left out.

    Raises
    ------
    InputError
        No column or sample of that name; a cell in two rows; no cell of the counts in the table; more than half of the
        sample's rows without a cell; data and sheet disagree; a broken file.
    """
    found = read_cell_table(table, cells=cells)
    place = f"{where}, table {found.where}"
    mine = np.ones(len(found.names), dtype=bool)
    if cells.get("sample") and not is_numbered(member):
        samples = joined(found.column, cells["sample"])
        if member not in samples and row.get("sample") in samples:
            member = row["sample"]
        mine = samples == member
        if not mine.any():
            mend = f"Correct `member` in samples.tsv. {nearest(member, set(samples))}"
            words = f"no row with {cells['sample']} '{member}'"
            raise InputError(place, found=words, expected="rows of this sample", mend=mend)
    rows = _rows_of(names, found, mine, cells, place)
    listed = np.flatnonzero(rows >= 0)
    chosen = choose_cells(
        names[listed],
        lambda name: found.column(name)[rows[listed]],
        cells=cells,
        member=member,
        row=row,
        where=place,
    )
    if cells.get("sample"):
        mine = joined(found.column, cells["sample"]) == chosen.notes.get("source_sample", member)
    _check_missing(int(mine.sum()), len(chosen.rows), found, mine, rows, place)
    n_unlisted = len(names) - len(listed)
    if n_unlisted:
        log.warning("%d of %d cells have no row in %s and are left out", n_unlisted, len(names), Path(table).name)
    return replace(chosen, rows=listed[chosen.rows], notes={**chosen.notes, "n_cells_unlisted": n_unlisted})


def _rows_of(names: np.ndarray, table: CellTable, mine: np.ndarray, cells: dict[str, str], where: str) -> np.ndarray:
    """For every cell of the counts its row in the table, -1 for none.

    Where names repeat between samples (barcodes of one file a sample), only rows of this sample are looked at.
    """
    same = _same_cells(names.tolist(), table.names.tolist(), where)
    times = Counter(table.names[mine].tolist())
    twice = next((name for name in times if times[name] > 1), None)
    if twice is not None:
        mend = "Remove one." if cells.get("sample") else "Name the column that tells samples apart as `cells.sample`."
        raise InputError(where, found=f"cell '{twice}' in {times[twice]} rows", expected="one row a cell", mend=mend)
    repeated = len(set(table.names.tolist())) < len(table.names)
    taken = np.flatnonzero(mine) if repeated else np.arange(len(table.names))
    row_of = dict(zip(table.names[taken].tolist(), taken.tolist(), strict=True))
    rows = np.array([row_of.get(same.get(name), -1) for name in names.tolist()], dtype=np.int64)
    if not (rows >= 0).any():
        both = f"in the counts {_few(names)}, in the table {_few(table.names[taken])}"
        found = f"none of {len(names):,} cells in the table: {both}"
        mend = "Name the column with the cells' names as `cells.cell` in dataset.yaml, or rename the cells."
        raise InputError(where, found=found, expected="the same names in both", mend=mend)
    others = {name for name, is_mine in zip(table.names.tolist(), mine.tolist(), strict=True) if not is_mine}
    shared = sum(same.get(name) in others for name, row in zip(names.tolist(), rows.tolist(), strict=True) if row >= 0)
    if repeated and shared and (rows >= 0).sum() < OWN_SHARE * len(same):
        found = f"{shared} cells with a row in several samples, e.g. in {_few(table.names[taken])}"
        mend = "Correct `cells.cell` and `cells.sample` in dataset.yaml, or the table."
        raise InputError(where, found=found, expected="one row a cell", mend=mend)
    return rows


def _few(names: np.ndarray) -> str:
    return ", ".join(f"'{name}'" for name in names[:3])


def _same_cells(names: list[str], listed: list[str], where: str) -> dict[str, str]:
    """Name of a cell in the counts -> its name in the table: the same, else the same for R."""
    same = {name: name for name in set(names) & set(listed)}
    here, there = (_by_r_name(name for name in dict.fromkeys(side) if name not in same) for side in (names, listed))
    for key in here.keys() & there.keys():
        if len(here[key]) > 1 or len(there[key]) > 1:
            found = f"cells {', '.join(here[key][:3])} and rows {', '.join(there[key][:3])}, which are '{key}' in R"
            mend = "Write the names in both alike."
            raise InputError(where, found=found, expected="names that tell cells apart", mend=mend)
        same[here[key][0]] = there[key][0]
    return same


def _by_r_name(names: Iterable[str]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name in names:
        found[make_name(name)].append(name)
    return found


def make_name(name: str) -> str:
    """What R's make.names (and so read.csv, data.frame) makes of a name.

    SOURCE: help page of make.names in R's package base, without its reserved words.
    """
    plain = re.sub(r"[^A-Za-z0-9._]", ".", name)
    return plain if re.match(r"[A-Za-z]|\.(?![0-9])", plain) else f"X{plain}"


def _check_missing(n_rows: int, n_cells: int, table: CellTable, mine: np.ndarray, rows: np.ndarray, where: str) -> None:
    """Rows of the sample whose cells are not in the counts: some were filtered; many are a wrong or cut-off file."""
    if n_cells == n_rows:
        return
    lacking = mine.copy()
    lacking[rows[rows >= 0]] = False
    examples = _few(table.names[lacking])
    found = f"{n_rows - n_cells} of {n_rows} rows of this sample without a cell in the counts ({examples})"
    if n_cells < n_rows / 2:
        mend = "Is the file whole, and the right one? Does `cells.sample` tell samples apart?"
        raise InputError(where, found=found, expected="a cell for every row", mend=mend)
    log.warning("%s: %s", where, found)


def read_cell_table(path: str | Path, *, cells: dict[str, str]) -> CellTable:
    """The columns of a table of cells that `cells` names, as text; errors as `cells_of_sample`."""
    where = Path(path).name
    try:
        if SERIES_MATRIX.search(where):
            return _read_series_matrix(path, cells, where)
        return _read_rows(path, cells, where)
    except (*BROKEN, UnicodeDecodeError, csv.Error) as error:
        raise broken(where, error) from None


def _wanted(cells: dict[str, str], names: list[str]) -> list[str]:
    """Columns that `cells` names; of a name such as line+batch, which is no column, its parts."""
    keys = [cells[key] for key in ("sample", "cell_type", "donor", "condition") if cells.get(key)]
    parts = [[key] if key in names else [part.strip() for part in key.split(JOIN)] for key in keys]
    return list(dict.fromkeys(name for part in parts for name in part))


def _read_rows(path: str | Path, cells: dict[str, str], where: str) -> CellTable:
    names, separator = read_header(path, where)
    cell = cells.get("cell", names[0])
    wanted = _wanted(cells, names)
    for name in [cell, *wanted]:
        if names.count(name) != 1:
            if name not in names:
                raise _no_column(name, names, where)
            found, mend = f"{names.count(name)} columns '{name}'", "Rename all but one."
            raise InputError(where, found=found, expected="one", mend=mend)
    places = {name: names.index(name) for name in [cell, *wanted]}
    rows = []
    with open_unpacked(path) as stream:
        read_line(stream, where)
        lines = (line.decode() for line in iter(lambda: read_line(stream, where), b""))
        for number, fields in enumerate(csv.reader(lines, delimiter=separator, strict=True), 2):
            if fields and len(fields) != len(names):
                found, expected = f"{len(fields)} fields in row {number}", f"{len(names)}, as in the header"
                mend = "Is the file cut off, or are values that hold a separator not quoted?"
                raise InputError(where, found=found, expected=expected, mend=mend)
            if fields:
                rows.append(tuple(fields[place] for place in places.values()))
    columns = dict(zip(places, map(_texts, zip(*rows, strict=True)), strict=True))
    return CellTable(where, columns[cell], columns)


def _texts(values: Iterable[str]) -> np.ndarray:
    return np.array(values, dtype=object)


def _read_series_matrix(path: str | Path, cells: dict[str, str], where: str) -> CellTable:
    """One row a GSM: geo_accession, title, source_name_ch1 and a column for each key of its characteristics."""
    with open_unpacked(path) as stream:
        lines = (line.decode(errors="replace") for line in iter(lambda: read_line(stream, where), b""))
        matrix = read_series_matrix(lines, where=where)
    own = {key: values for key, values in matrix.samples.items() if key in ATTRIBUTES}
    columns = {key: _texts(values) for key, values in {**matrix.characteristics, **own}.items()}
    cell = cells.get("cell", "geo_accession")
    for name in [cell, *_wanted(cells, list(columns))]:
        if name not in columns:
            raise _no_column(name, columns, where)
    return CellTable(where, columns[cell], columns)
