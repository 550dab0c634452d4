"""Read one sample from a dense table (csv or tsv), block by block, without ever holding the whole of it."""

from __future__ import annotations

import csv
import gzip
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from alscell.counts import BROKEN, Counts, broken, gene_like, transposed
from alscell.errors import InputError, nearest

BLOCK_VALUES = 4_000_000  # values of a table in memory at once
# Spreadsheets turn these symbols into dates. SOURCE: HGNC renamed them for it, doi:10.1038/s41588-020-0669-3
DATES = re.compile(r"(\d{1,2})-(Mar|Sep|Dec)")
BARCODE = re.compile(r"[ACGTNacgtn]{4,}([.-]\d+)?")

log = logging.getLogger(__name__)


def read_dense(path: str | Path, *, member: str, orientation: str, where: str) -> Counts:
    """The cells of one sample in a dense table (csv or tsv, also .gz) with a header line and a first column of names.

    Read in blocks of rows; only the sample's own cells are kept, sparse. Genes of one symbol are summed.

    Parameters
    ----------
    path : path
        The table.
    member : str
        The sample's cells are those whose names start with '<member>_'; the rest of the name is the barcode. A '*'
        in it stands for anything without '_', if only one such beginning is in the file. If what is left of the names
        are not barcodes of one form, the beginning is that of several samples (S1 also begins S1_rep2), and refused.
    orientation : str
        genes_by_cells (genes in rows) or cells_by_genes.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        No cell of that sample; cells of other samples that begin alike; axes swapped; a value that is no number; a
        broken file.
    """
    try:
        columns, separator = _header(Path(path), where)
        read = _read_genes_by_cells if orientation == "genes_by_cells" else _read_cells_by_genes
        matrix, barcodes, genes = read(Path(path), columns, separator, member, where)
    except (*BROKEN, pd.errors.ParserError, UnicodeDecodeError, csv.Error) as error:
        raise broken(where, error) from None
    genes, matrix = _sum_symbols(_undo_dates(genes), matrix)
    return Counts(matrix, barcodes, genes, np.array([""] * len(genes), dtype=object))


def _open(path: Path) -> Any:
    """The table's bytes, unpacked if they are gzip, whatever the name says."""
    with path.open("rb") as stream:
        opener = gzip.open if stream.read(2) == b"\x1f\x8b" else open
    return opener(path, "rb")


def _header(path: Path, where: str) -> tuple[np.ndarray, str]:
    """Names of the data columns, and the separator.

    R's write.table leaves out the name of the first column, so the header may be one shorter than the rows.
    """
    with _open(path) as stream:
        lines = [stream.readline().decode(), stream.readline().decode()]
    separator = "\t" if lines[0].count("\t") > lines[0].count(",") else ","
    names, first = csv.reader(lines, delimiter=separator) if all(lines) else ([], [])
    no_corner = len(first) == len(names) + 1 and names[0] != ""
    if (len(first) != len(names) and not no_corner) or len(first) < 2:
        found = f"a header of {len(names)} and a first row of {len(first)} fields"
        mend = "Check the separator and that the file is whole."
        raise InputError(where, found=found, expected="one name for each column", mend=mend)
    return np.array(names[len(names) - len(first) + 1 :], dtype=object), separator


class _EvenRows:
    """The rows of an open table for pandas, which would read a row with too many or too few fields without a word."""

    def __init__(self, stream: Any, separator: str, n_columns: int, where: str) -> None:
        self.stream, self.separator, self.n_columns, self.where = stream, separator.encode(), n_columns, where

    def __iter__(self) -> _EvenRows:
        return self

    def read(self, size: int = -1) -> bytes:
        lines = self.stream.readlines(size)
        for line in lines:
            if line.count(self.separator) != self.n_columns and b'"' not in line and line.strip():
                found = f"{line.count(self.separator)} values in row '{line.split(self.separator)[0].strip().decode()}'"
                mend = "Is the file cut off, or a name that holds a separator not quoted?"
                raise InputError(self.where, found=found, expected=f"{self.n_columns}, as the header says", mend=mend)
        return b"".join(lines)


def _blocks(path: Path, separator: str, columns: list[int], n_columns: int, where: str) -> Any:
    """Blocks of rows: names in the first column and the chosen columns as numbers."""
    with _open(path) as stream:
        stream.readline()
        # NOTE: without na_filter an empty cell or "NA" stays text, and is reported instead of becoming a number.
        table = pd.read_csv(
            _EvenRows(stream, separator, n_columns, where),
            sep=separator,
            header=None,
            usecols=[0, *columns],
            dtype={0: "str"},
            na_filter=False,
            chunksize=max(1, BLOCK_VALUES // n_columns),
        )
        for block in table:
            names, values = block[0].to_numpy(dtype=object), block[columns]
            texts = [column for column in columns if values.dtypes[column].kind not in "iufb"]
            if texts:
                numbers = pd.to_numeric(values[texts[0]], errors="coerce")
                bad = int(np.flatnonzero(numbers.isna())[0])
                found = f"'{values[texts[0]].iloc[bad]}' in row '{names[bad]}'"
                raise InputError(where, found=found, expected="a number", mend="The table must hold raw counts only.")
            yield names, values.to_numpy()


def _read_genes_by_cells(path: Path, cells: np.ndarray, separator: str, member: str, where: str) -> Any:
    picked, barcodes = _pick(cells, member, where)
    blocks, genes = [], []
    for names, values in _blocks(path, separator, [int(index) + 1 for index in picked], len(cells), where):
        genes.append(names)
        blocks.append(sp.csr_matrix(values))
    return sp.vstack(blocks).T.tocsr(), barcodes, np.concatenate(genes)


def _read_cells_by_genes(path: Path, genes: np.ndarray, separator: str, member: str, where: str) -> Any:
    blocks, cells = [], []
    for names, values in _blocks(path, separator, list(range(1, len(genes) + 1)), len(genes), where):
        fits = [bool(_beginning(member).fullmatch(name)) for name in names]
        blocks.append(sp.csr_matrix(values[fits]))
        cells.append(names)
    _, barcodes = _pick(np.concatenate(cells), member, where)
    return sp.vstack(blocks).tocsr(), barcodes, genes


def _beginning(member: str) -> re.Pattern[str]:
    """Names of a sample's cells: the beginning, and after '_' the barcode."""
    return re.compile(f"({'[^_]*'.join(re.escape(part) for part in member.split('*'))})_(.+)")


def _pick(names: np.ndarray, member: str, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions and barcodes of the cells of one sample."""
    fits = [_beginning(member).fullmatch(name) for name in names]
    beginnings = sorted({fit[1] for fit in fits if fit})
    if len(beginnings) == 1:
        barcodes = np.array([fit[2] for fit in fits if fit], dtype=object)
        _check_barcodes(barcodes, beginnings[0], where)
        return np.flatnonzero([bool(fit) for fit in fits]), barcodes
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


def _undo_dates(genes: np.ndarray) -> np.ndarray:
    """Symbols that a spreadsheet turned into dates, back: 4-Mar is MARCHF4. 1-Mar and 2-Mar have two origins: left."""
    families = {"Mar": "MARCHF", "Sep": "SEPTIN", "Dec": "DELEC"}

    def symbol(name: str) -> str:
        date = DATES.fullmatch(name)
        unclear = not date or (date[2] == "Mar" and date[1] in "12")
        return name if unclear else f"{families[date[2]]}{date[1]}"

    mended = np.array([symbol(name) for name in genes], dtype=object)
    if n_dates := sum(DATES.fullmatch(name) is not None for name in genes):
        log.warning(
            "%d gene symbols were turned into dates by a spreadsheet; %d mended", n_dates, (mended != genes).sum()
        )
    return mended


def _sum_symbols(genes: np.ndarray, matrix: sp.csr_matrix) -> tuple[np.ndarray, sp.csr_matrix]:
    """Genes of one symbol summed, in the order in which symbols first occur."""
    positions = {name: index for index, name in enumerate(dict.fromkeys(genes.tolist()))}
    if len(positions) == len(genes):
        return genes, matrix
    log.info("%d rows share the symbol of another gene and are summed with it", len(genes) - len(positions))
    target = [positions[name] for name in genes.tolist()]
    sums = sp.csr_matrix((np.ones(len(genes)), (range(len(genes)), target)), shape=(len(genes), len(positions)))
    return np.array(list(positions), dtype=object), (matrix @ sums).tocsr()
