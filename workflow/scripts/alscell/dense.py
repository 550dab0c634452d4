"""Read one sample from a dense table (csv or tsv), block by block, without ever holding the whole of it."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from alscell.counts import BROKEN, Counts, barcode_like, broken, gene_like, transposed
from alscell.errors import InputError, nearest
from alscell.sample_cells import Chosen
from alscell.text_table import LONGEST_LINE, endless, open_unpacked, read_header, read_line

BLOCK_BYTES = 4 << 20  # of text that are parsed at once: positions of its fields then take about 100 MB
# ASSUME: no table has so many genes or cells; a file with more rows is a bomb, and their names would fill the memory.
MOST_ROWS = 5_000_000
ROWS_LOOKED_AT = 200  # rows whose names tell which way a table lies
LONGEST_COUNT = 9  # digits that fit into int32
# Spreadsheets turn these symbols into dates. SOURCE: HGNC renamed them for it, doi:10.1038/s41588-020-0669-3; SEP15 is
# SELENOF. 1-Mar and 2-Mar are MARCH1 and MARC1 alike, 13-Sep is a pseudogene of another name: they stay dates.
DATES = re.compile(r"(\d{1,2})-(Mar|Sep|Dec)")
DATED = {
    **{(number, "Mar"): f"MARCHF{number}" for number in range(3, 12)},
    **{(number, "Sep"): f"SEPTIN{number}" for number in (*range(1, 13), 14)},
    (15, "Sep"): "SELENOF",
    (1, "Dec"): "DELEC1",
}
BARCODE = re.compile(r"[ACGTNacgtn]{4,}([.-]\d+)?")

Choose = Callable[[np.ndarray], Chosen]

log = logging.getLogger(__name__)


def read_dense(
    path: str | Path, *, member: str, orientation: str, organism: str, where: str, choose: Choose | None = None
) -> Counts:
    """The cells of one sample in a dense table (csv or tsv, also .gz) with a header line and a first column of names.

    Read in blocks of rows; only the sample's own cells are parsed and kept, sparse. Genes of one symbol are summed.

    Parameters
    ----------
    path : path
        The table.
    member : str
        The sample's cells are those whose names start with '<member>_'; the rest of the name is the barcode. A '*'
        in it stands for anything without '_', if only one such beginning is in the file. If what is left of the names
        are not barcodes of one form, the beginning is that of several samples (S1 also begins S1_rep2), and refused.
    orientation : str
        genes_by_cells (genes in rows) or cells_by_genes; names that say the opposite are an error.
    organism : str
        human or mouse: how symbols are written that were dates.
    where : str
        File and sample, for messages.
    choose : function
        The sample's cells among the names of all cells, where something else than their beginning says it: a table of
        cells. The whole name then is the barcode.

    Raises
    ------
    InputError
        No cell of that sample; cells of other samples that begin alike; axes swapped; a value that is no number; a
        line without end; a broken file.
    """
    try:
        table = _Table(Path(path), where)
        _check_orientation(table, orientation)
        choose = choose or (lambda names: _by_beginning(names, member, where))
        read = _read_genes_by_cells if orientation == "genes_by_cells" else _read_cells_by_genes
        matrix, genes, chosen = read(table, choose)
    except (*BROKEN, pd.errors.ParserError, UnicodeDecodeError, csv.Error) as error:
        raise broken(where, error) from None
    genes, n_dated = _undo_dates(genes, organism)
    n_rows = len(genes)
    genes, matrix = _sum_symbols(genes, matrix)
    notes = {**chosen.notes, "n_genes_dated": n_dated, "n_genes_merged": n_rows - len(genes)}
    ids = np.array([""] * len(genes), dtype=object)
    return Counts(matrix, chosen.barcodes, genes, ids, chosen.cell_types, notes=notes)


class _Table:
    """A dense table on the disk: its columns, and its rows in blocks of whole lines."""

    def __init__(self, path: Path, where: str) -> None:
        self.path, self.where = path, where
        names, self.separator = read_header(path, where)
        self.columns = np.array(names[1:], dtype=object)

    def blocks(self) -> Iterator[bytes]:
        """The rows, as blocks of whole lines that end in a newline only."""
        n_rows, rest = 0, b""
        with open_unpacked(self.path) as stream:
            read_line(stream, self.where)
            while text := stream.read(BLOCK_BYTES):
                end = text.rfind(b"\n") + 1
                block, rest = (rest + text[:end], text[end:]) if end else (b"", rest + text)
                if len(rest) > LONGEST_LINE:
                    raise endless(self.where)
                n_rows += block.count(b"\n")
                if n_rows > MOST_ROWS:
                    expected, mend = f"no more than {MOST_ROWS:,}", "Check what the file is."
                    raise InputError(self.where, found=f"a table of {n_rows:,} rows", expected=expected, mend=mend)
                if block:
                    yield block.replace(b"\r\n", b"\n") if b"\r" in block else block
        if rest:
            yield rest + b"\n"

    def row_names(self) -> Iterator[str]:
        """The names in the first column."""
        for block in self.blocks():
            yield from (self.name_of(line) for line in block.split(b"\n") if line.strip())

    def name_of(self, line: bytes) -> str:
        """The first field of a row."""
        if line.startswith(b'"'):
            return next(csv.reader([line.decode()], delimiter=self.separator))[0]
        return line.partition(self.separator.encode())[0].decode()


def _check_orientation(table: _Table, orientation: str) -> None:
    """Refuse a table whose names say that it lies the other way, before it is read through."""
    rows = np.array(list(islice(table.row_names(), ROWS_LOOKED_AT)), dtype=object)
    lies = {
        "genes_by_cells": barcode_like(table.columns) or gene_like(rows),
        "cells_by_genes": gene_like(table.columns) or barcode_like(rows),
    }
    seems = [name for name, so in lies.items() if so]
    if len(seems) == 1 and seems[0] != orientation:
        cells, genes = (table.columns, rows) if orientation == "genes_by_cells" else (rows, table.columns)
        axis, names = ("cells", cells) if gene_like(cells) else ("genes", genes)
        raise transposed(table.where, names=names, axis=axis)
    if len(seems) != 1:
        log.info("names do not tell which way the table lies: taken as %s, as declared", orientation)


def _read_genes_by_cells(table: _Table, choose: Choose) -> tuple[sp.csr_matrix, np.ndarray, Chosen]:
    chosen = choose(table.columns)
    picked = None if len(chosen.rows) == len(table.columns) else chosen.rows
    blocks, genes = [], []
    for block in table.blocks():
        names, values = _parse(block, table, picked)
        genes += names
        blocks.append(values)
    return _stack(blocks).T.tocsr(), np.array(genes, dtype=object), chosen


def _read_cells_by_genes(table: _Table, choose: Choose) -> tuple[sp.csr_matrix, np.ndarray, Chosen]:
    """In two passes, since the names of the cells stand in the rows: names first, then the sample's rows only."""
    chosen = choose(np.array(list(table.row_names()), dtype=object))
    wanted = np.zeros(chosen.rows[-1] + 1, dtype=bool)
    wanted[chosen.rows] = True
    blocks, start = [], 0
    for block in table.blocks():
        lines = [line for line in block.split(b"\n") if line.strip()]
        mine = [line for line, take in zip(lines, wanted[start : start + len(lines)], strict=False) if take]
        start += len(lines)
        if mine:
            blocks.append(_parse(b"\n".join([*mine, b""]), table, None)[1])
    return _stack(blocks), table.columns, chosen


def _stack(blocks: list[sp.csr_matrix]) -> sp.csr_matrix:
    """Blocks of rows as one matrix. The list is emptied on the way: both at once would be twice the sample."""
    shape = sum(block.shape[0] for block in blocks), blocks[0].shape[1]
    counts = np.concatenate([np.diff(block.indptr) for block in blocks])
    data = np.empty(counts.sum(), dtype=np.result_type(*(block.dtype for block in blocks)))
    indices, start = np.empty(len(data), dtype=np.int32), 0
    for block in blocks:
        data[start : start + block.nnz], indices[start : start + block.nnz] = block.data, block.indices
        start += block.nnz
        block.data = block.indices = np.empty(0, dtype=np.int32)
    return sp.csr_matrix((data, indices, np.concatenate([[0], np.cumsum(counts)])), shape=shape)


def _parse(block: bytes, table: _Table, picked: np.ndarray | None) -> tuple[list[str], sp.csr_matrix]:
    """Names and values of the rows of a block, for the picked columns (None: all)."""
    found = _parse_counts(block, table, picked)
    return _parse_numbers(block, table, picked) if found is None else found


def _parse_counts(block: bytes, table: _Table, picked: np.ndarray | None) -> tuple[list[str], sp.csr_matrix] | None:
    """As `_parse`, for rows of plain whole numbers; None if anything else is in them.

    Most values are 0: they are told from the others by length and first digit, and never become numbers.
    """
    n_columns = len(table.columns)
    text = np.frombuffer(block, dtype=np.uint8)
    is_end = text == ord(table.separator)
    is_end |= text == ord("\n")
    ends = np.flatnonzero(is_end)
    n_rows = block.count(b"\n")
    if len(ends) != n_rows * (n_columns + 1):
        return None
    ends = ends.reshape(n_rows, n_columns + 1)
    if not (text[ends[:, -1]] == ord("\n")).all():
        return None
    before, after = ends[:, :-1], ends[:, 1:]
    if picked is not None:
        before, after = before[:, picked], after[:, picked]
    full = (after - before != 2) | (text[before + 1] != ord("0"))
    places = np.flatnonzero(full.ravel())
    start = before.ravel()[places] + 1
    length = after.ravel()[places] - start
    if len(length) and not 1 <= length.min() <= length.max() <= LONGEST_COUNT:
        return None
    values = np.zeros(len(places), dtype=np.int32)
    for place in range(length.max(initial=0)):
        inside = slice(None) if place == 0 else np.flatnonzero(length > place)
        digits = text[start[inside] + place] - ord("0")  # unsigned: what is no digit becomes large
        if (digits > 9).any():
            return None
        values[inside] = values[inside] * 10 + digits
    pointers = np.concatenate([[0], np.cumsum(full.sum(axis=1))])
    columns = (places % full.shape[1]).astype(np.int32)
    starts = [0, *(ends[:-1, -1] + 1).tolist()]
    names = [table.name_of(block[start : end + 1]) for start, end in zip(starts, ends[:, 0].tolist(), strict=True)]
    return names, sp.csr_matrix((values, columns, pointers), shape=full.shape)


def _parse_numbers(block: bytes, table: _Table, picked: np.ndarray | None) -> tuple[list[str], sp.csr_matrix]:
    """As `_parse`, for rows with fractions, quotes or blank lines, and to say what is wrong with the others."""
    n_columns, separator = len(table.columns), table.separator.encode()
    for line in block.split(b"\n"):
        n_values = line.count(separator)
        if n_values != n_columns and b'"' in line:  # a quoted separator is none
            n_values = len(next(csv.reader([line.decode()], delimiter=table.separator))) - 1
        if n_values != n_columns and line.strip():
            found = f"{n_values} values in row '{table.name_of(line).strip()}'"
            mend = "Is the file cut off, or a name that holds a separator not quoted?"
            raise InputError(table.where, found=found, expected=f"{n_columns}, as the header says", mend=mend)
    columns = list(range(1, n_columns + 1)) if picked is None else (picked + 1).tolist()
    if not block.strip():
        return [], sp.csr_matrix((0, len(columns)), dtype=np.int32)
    # NOTE: without na_filter an empty cell or "NA" stays text, and is reported instead of becoming a number.
    rows = pd.read_csv(
        io.BytesIO(block),
        sep=table.separator,
        header=None,
        usecols=[0, *columns],
        dtype={0: "str"},
        na_filter=False,
    )
    names, values = rows[0].tolist(), rows[columns]
    if texts := [column for column in columns if values.dtypes[column].kind not in "iufb"]:
        numbers = pd.to_numeric(values[texts[0]], errors="coerce")
        bad = int(np.flatnonzero(numbers.isna())[0])
        found = f"'{values[texts[0]].iloc[bad]}' in row '{names[bad]}'"
        raise InputError(table.where, found=found, expected="a number", mend="The table must hold raw counts only.")
    return names, sp.csr_matrix(values.to_numpy())


def _beginning(member: str) -> re.Pattern[str]:
    """Names of a sample's cells: the beginning, and after '_' the barcode."""
    return re.compile(f"({'[^_]*'.join(re.escape(part) for part in member.split('*'))})_(.+)")


def _by_beginning(names: np.ndarray, member: str, where: str) -> Chosen:
    """Positions and barcodes of the cells whose names begin with `member`."""
    fits = [_beginning(member).fullmatch(name) for name in names]
    beginnings = sorted({fit[1] for fit in fits if fit})
    if len(beginnings) == 1:
        barcodes = np.array([fit[2] for fit in fits if fit], dtype=object)
        _check_barcodes(barcodes, beginnings[0], where)
        return Chosen(np.flatnonzero([bool(fit) for fit in fits]), barcodes)
    if not beginnings and gene_like(names):
        raise transposed(where, names=names, axis="cells")
    mend = "Correct `member` in samples.tsv. "
    mend += f"Valid: {', '.join(beginnings)}." if beginnings else nearest(member, _samples(names))
    found = f"{len(beginnings)} samples whose cells are named '{member}_<barcode>'"
    raise InputError(where, found=found, expected="one such sample", mend=mend)


def _check_barcodes(barcodes: np.ndarray, beginning: str, where: str) -> None:
    """Refuse what is left of the cells' names if it is not of one form: member S1 would also take S1_rep2_<barcode>."""
    forms: dict[tuple[int, str], str] = {}
    for barcode in barcodes:
        forms.setdefault((barcode.count("_"), _before_barcode(barcode)), barcode)
    if len(forms) < 2:
        return
    one, other = (f"'{beginning}_{forms[form]}'" for form in sorted(forms)[:2])
    found = f"cells of several samples that begin with '{beginning}_', e.g. {one} and {other}"
    mend = "Make `member` longer, one row a sample (samples of one donor are added up); else rename cells in the table."
    raise InputError(where, found=found, expected="barcodes of one form after `member`", mend=mend)


def _before_barcode(name: str) -> str:
    """What stands before the barcode in 'rep2_ACGT' or 'rep2_ACGT_1': fields before the first one of nucleotides.

    Barcodes may also be numbers parted by '_' (combinatorial indexing); else the barcode is the last field.
    """
    fields = name.split("_")
    if all(field.isdigit() for field in fields):
        return ""
    at = next((index for index, field in enumerate(fields) if BARCODE.fullmatch(field)), len(fields) - 1)
    return "_".join(fields[:at])


def _samples(names: np.ndarray) -> list[str]:
    """What cells are named after, if their names are '<sample>_<barcode>': the first fifty."""
    return sorted({name.rpartition("_")[0] for name in names} - {""})[:50] or [str(names[0])]


def _undo_dates(genes: np.ndarray, organism: str) -> tuple[np.ndarray, int]:
    """Symbols that a spreadsheet turned into dates, back: 4-Mar is MARCHF4, of a mouse Marchf4.

    Also the number of symbols that were dates.
    """

    def symbol(name: str) -> str:
        date = DATES.fullmatch(name)
        known = DATED.get((int(date[1]), date[2]), "") if date else ""
        return (known if organism == "human" else known.capitalize()) or name

    mended = np.array([symbol(name) for name in genes], dtype=object)
    if n_dates := sum(DATES.fullmatch(name) is not None for name in genes):
        log.warning(
            "%d gene symbols were turned into dates by a spreadsheet; %d mended", n_dates, (mended != genes).sum()
        )
    return mended, n_dates


def _sum_symbols(genes: np.ndarray, matrix: sp.csr_matrix) -> tuple[np.ndarray, sp.csr_matrix]:
    """Genes of one symbol summed, in the order in which symbols first occur."""
    positions = {name: index for index, name in enumerate(dict.fromkeys(genes.tolist()))}
    if len(positions) == len(genes):
        return genes, matrix
    log.info("%d rows share the symbol of another gene and are summed with it", len(genes) - len(positions))
    target = [positions[name] for name in genes.tolist()]
    sums = sp.csr_matrix(
        (np.ones(len(genes), dtype=np.int32), (range(len(genes)), target)), shape=(len(genes), len(positions))
    )
    return np.array(list(positions), dtype=object), (matrix @ sums).tocsr()
