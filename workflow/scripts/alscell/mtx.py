"""Read one sample from three files: matrix.mtx, its features and its barcodes, as Cell Ranger writes them or renamed.

SOURCE: Cell Ranger's folders (10x Genomics, "Feature-barcode matrices: MEX format"); Matrix Market (Boisvert 1996).
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import scipy.io
import scipy.sparse as sp

from alscell.archives import (
    Member,
    Members,
    file_member,
    fitting,
    most_bytes,
    names_of,
    open_archive,
    open_member,
    the_one,
)
from alscell.counts import BROKEN, ENSEMBL, Counts, broken
from alscell.errors import InputError, nearest
from alscell.keys import MTX_PARTS, mtx_names, mtx_start
from alscell.sample_cells import choose_cells, joined
from alscell.tenx import GENE_EXPRESSION, log_left_out, one_genome, without_genome

# ASSUME: one line a gene or cell, with labels, takes less: 2 million cells at 500 bytes.
MAX_TABLE = 2**30
MAX_HEADER_LINES, MAX_LINE = 1_000, 2**20
SHORTEST_VALUE = 6  # bytes of a line "1 1 1"
# Types of features in 10x files: a third column that holds one of these names types.
FEATURE_TYPES = {GENE_EXPRESSION, "Antibody Capture", "CRISPR Guide Capture", "Multiplexing Capture", "Peaks", "Custom"}
_GENOME_OF_ID = re.compile(r"([A-Za-z0-9.-]+?)_+ENS[A-Z]*G\d+.*")

log = logging.getLogger(__name__)


def read_mtx(
    path: str | Path,
    *,
    beside: list[str],
    member: str,
    parts: dict[str, str],
    organism: str,
    cells: dict[str, str],
    symbol: str,
    gene_id: str,
    row: dict[str, str],
    where: str,
) -> Counts:
    """One sample of the layout 10x_mtx, loose or in an archive; gene expression only.

    Parameters
    ----------
    path : path
        A matrix, whose features and barcodes are in `beside`; or a tar or zip that holds all three.
    beside : list of path
        Files that belong to a loose matrix; others are ignored.
    member : str
        What the sample is called in an archive: a folder, what its files' names start with, an archive in the archive,
        several of these joined by '/', or a pattern that fits one sample. Where there is one matrix only and `cells`
        names a column of samples: as of `choose_cells`.
    parts : dict
        Names of the three files; {} for Cell Ranger's.
    organism : str
        Picks the genome where there are several.
    cells, row
        As of `choose_cells`, with columns of the file of barcodes, which then has a header, and `cell`, the column of
        their names (left out: the first). With `table` nothing is said of that file, and all cells are read.
    symbol, gene_id : str
        Columns of the file of features, which then has a header; '' for a file without one.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        No such sample, or several; a file is missing; sizes that do not agree; no counts in the matrix; a column is
        missing; data and sheet disagree; a bomb; a broken file.
    """
    by_column = bool(cells.get("sample"))
    cells = {} if cells.get("table") else cells
    try:
        with open_archive(path, member=member, where=where) as archive:
            files = archive.by_name if archive else {str(file): file_member(file) for file in (path, *beside)}
            starts = {start: name for name in files if (start := mtx_start(name, parts)) is not None}
            start, named = _start_of(
                member, starts, archive, by_column=by_column, parts=parts, organism=organism, where=where
            )
            matrix, features, barcodes = (_part(start, part, files, parts, where) for part in MTX_PARTS)
            kept, genes, gene_ids = _read_features(features, symbol, gene_id, organism, where)
            table = _CellTable(barcodes, cells, where)
            counts = _read_matrix(matrix, n_genes=len(kept), n_cells=len(table.barcodes), where=where)
    except (*BROKEN, UnicodeDecodeError, csv.Error) as error:
        raise broken(where, error) from None
    if named and cells.get("sample") and (len(starts) > 1 or member not in joined(table.column, cells["sample"])):
        cells = _without_sample(table, cells, where)
    chosen = choose_cells(table.barcodes, table.column, cells=cells, member=member, row=row, where=where)
    return Counts(counts[chosen.rows][:, kept], chosen.barcodes, genes, gene_ids, chosen.cell_types, notes=chosen.notes)


def _start_of(
    member: str,
    starts: Mapping[str, str],
    archive: Members | None,
    *,
    by_column: bool,
    parts: dict[str, str],
    organism: str,
    where: str,
) -> tuple[str, bool]:
    """What the names of the sample's three files start with, and whether `member` is what chose it."""
    if not starts:
        wanted = (parts or MTX_PARTS)["matrix"]
        mend = "Name the files of a sample as `parts` in dataset.yaml, or correct `file` in samples.tsv."
        raise InputError(where, found=f"no {wanted}", expected=f"a {wanted}, or an archive with one", mend=mend)
    if archive is None:
        return next(iter(starts)), False
    names = {
        start: names_of(name, start.rpartition("/")[2].rstrip("_.- ")) | {start, start.rstrip("/")}
        for start, name in starts.items()
    }
    fits = fitting(member, names, archive)
    if by_column and len(starts) == 1:
        return next(iter(starts)), bool(fits)
    folders = [PurePosixPath(start) for start in fits]
    # Cell Ranger before version 3: a folder a genome, all of the same cells.
    if len({folder.parent for folder in folders}) == 1 and "gene_bc_matri" in folders[0].parent.name:
        genome = one_genome(sorted(folder.name for folder in folders), organism, where) if len(fits) > 1 else ""
        fits = [start for start in fits if PurePosixPath(start).name == genome] or fits
        names = {start: names[start] for start in fits}
    return the_one(member, names, archive, kind="samples", where=where), True


def _part(start: str, part: str, files: Mapping[str, Member], parts: dict[str, str], where: str) -> Member:
    wanted = mtx_names(start, part, parts)
    found = [name for name in wanted if name in files]
    if len(found) == 1:
        return files[found[0]]
    names = " and ".join(PurePosixPath(name).name for name in found)
    mend = "Remove one." if found else "Put it there, or name the three files as `parts` in dataset.yaml."
    expected = f"one of {', '.join(PurePosixPath(name).name for name in wanted)}"
    raise InputError(where, found=names or f"no file with the {part}", expected=expected, mend=mend)


def _read_table(member: Member, where: str) -> list[list[str]]:
    """Rows of a text table, parted by tabs or, if its first line has none, by commas."""
    buffer = io.BytesIO()
    with open_member(member, where=where) as stream:
        while chunk := stream.read(2**20):
            buffer.write(chunk)
            if buffer.tell() > MAX_TABLE:
                found = f"more than {MAX_TABLE:,} bytes in {_file(member)}"
                mend = "Is it the right file? See `parts` in dataset.yaml."
                raise InputError(where, found=found, expected="one line a gene or cell", mend=mend)
    lines = buffer.getvalue().decode("utf-8-sig").splitlines()
    separator = "\t" if not lines or "\t" in lines[0] or "," not in lines[0] else ","
    return [row for row in csv.reader(lines, delimiter=separator) if row]


def _with_header(rows: list[list[str]], member: Member, where: str) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and the rows; R's write.table leaves out the name of the first column."""
    header, *rows = rows or [[]]
    # A row that ends in a separator has a field more, too: then names would slip by one column.
    header = ["", *header] if rows and len(rows[0]) == len(header) + 1 and rows[0][-1] else header
    if uneven := [number for number, row in enumerate(rows, 2) if len(row) != len(header)]:
        found = f"{len(rows[uneven[0] - 2])} fields in line {uneven[0]} of {_file(member)}"
        mend = "Is it cut off, or are names that hold a separator not quoted?"
        raise InputError(where, found=found, expected=f"{len(header)}, as in its header", mend=mend)
    return header, rows


def _column(header: list[str], rows: list[list[str]], name: str, key: str, member: Member, where: str) -> np.ndarray:
    if header.count(name) != 1:
        found = f"{'no' if name not in header else 'more than one'} column '{name}' in {_file(member)}"
        mend = f"Correct `{key}` in dataset.yaml. {nearest(name, header)}"
        raise InputError(where, found=found, expected="it there, once", mend=mend)
    at = header.index(name)
    return np.array([row[at] for row in rows], dtype=object)


def _read_features(
    member: Member, symbol: str, gene_id: str, organism: str, where: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which features are genes of the species (of all: True or False), and symbols and ids of these."""
    rows = _read_table(member, where)
    kinds = None
    if symbol or gene_id:
        header, rows = _with_header(rows, member, where)
        named = [
            _column(header, rows, name, key, member, where) if name else None
            for key, name in (("symbol", symbol), ("gene_id", gene_id))
        ]
        symbols = named[0] if symbol else named[1]
        ids = named[1] if gene_id else np.array([""] * len(rows), dtype=object)
    else:
        if uneven := [number for number, row in enumerate(rows, 1) if len(row) != len(rows[0])]:
            found = f"{len(rows[uneven[0] - 1])} fields in line {uneven[0]} of {_file(member)}"
            mend = "Is it cut off, or is a name quoted that should not be?"
            raise InputError(where, found=found, expected=f"{len(rows[0])}, as in its first line", mend=mend)
        columns = [np.array(column, dtype=object) for column in zip(*rows, strict=True)]
        symbols, ids = _symbols_and_ids(columns)
        if len(columns) > 2 and FEATURE_TYPES & set(columns[2]):
            kinds = columns[2]
    keep = np.ones(len(symbols), dtype=bool) if kinds is None else kinds == GENE_EXPRESSION
    # Several genomes in one matrix (Cell Ranger 3 and later): GRCh38_ENSG00000000003, mm10___ENSMUSG00000000001.
    genomes = np.array([fit[1] if (fit := _GENOME_OF_ID.fullmatch(gene)) else "" for gene in ids], dtype=object)
    if any(genomes[keep]) and all(genomes[keep]):
        several = sorted(set(genomes[keep]))
        genome = one_genome(several, organism, where) if len(several) > 1 else several[0]
        keep &= genomes == genome
        symbols, ids = without_genome(symbols, genome), without_genome(ids, genome)
    log_left_out(keep)
    return keep, symbols[keep], ids[keep]


def _symbols_and_ids(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Cell Ranger: ids, then symbols; also taken the other way round, or one of the two, by the look of Ensembl ids."""
    if not columns:
        return np.array([], dtype=object), np.array([], dtype=object)
    looks_like_ids = [np.mean([bool(ENSEMBL.search(name)) for name in column]) >= 0.5 for column in columns[:2]]
    if len(columns) == 1:
        nothing = np.array([""] * len(columns[0]), dtype=object)
        return columns[0], (columns[0] if looks_like_ids[0] else nothing)
    return (columns[0], columns[1]) if looks_like_ids == [False, True] else (columns[1], columns[0])


class _CellTable:
    """The file of barcodes: one line a cell; with a header if dataset.yaml names one of its columns."""

    def __init__(self, member: Member, cells: dict[str, str], where: str) -> None:
        self.member, self.where, self.header, self.rows = member, where, [], _read_table(member, where)
        if cells:
            self.header, self.rows = _with_header(self.rows, member, where)
        first = np.array([row[0] for row in self.rows], dtype=object)
        self.barcodes = self.column(cells["cell"]) if cells.get("cell") else first

    def column(self, name: str) -> np.ndarray:
        return _column(self.header, self.rows, name, "cells", self.member, self.where)


def _without_sample(table: _CellTable, cells: dict[str, str], where: str) -> dict[str, str]:
    """Where `member` chose among several matrices, each must be of one sample: `cells` without the column."""
    samples = sorted(set(joined(table.column, cells["sample"])))
    if len(samples) > 1:
        found = f"{cells['sample']} {', '.join(samples[:4])} in the matrix that `member` names"
        mend = "Leave out `cells.sample` in dataset.yaml, or split the matrix."
        raise InputError(where, found=found, expected="one sample in it", mend=mend)
    return {key: name for key, name in cells.items() if key != "sample"}


def _read_matrix(member: Member, *, n_genes: int, n_cells: int, where: str) -> sp.csr_matrix:
    """The matrix as cells x genes, whichever way it lies; its size must be that of the two lists."""
    shape, n_values = _read_header(member, where)
    if shape not in ((n_genes, n_cells), (n_cells, n_genes)):
        found = f"a matrix of {shape[0]} x {shape[1]}, with {n_genes} features and {n_cells} barcodes"
        headers = (shape[0] + 1, shape[1] + 1) in ((n_genes, n_cells), (n_cells, n_genes))
        one_more = headers or n_genes - 1 in shape or n_cells - 1 in shape
        mend = "Do the three files belong together, and are they whole?"
        mend += " If a list has a header, name its column (`symbol`, `cells.cell`) in dataset.yaml." if one_more else ""
        raise InputError(where, found=found, expected="as many rows and columns as names", mend=mend)
    with open_member(member, where=where) as stream:
        try:
            # NOTE: scipy reads a stream block by block; it refuses what ends early, is too long or lies outside.
            found = scipy.io.mmread(stream, spmatrix=False)
        except InputError:
            raise
        except (ValueError, OverflowError) as error:
            raise broken(where, error) from None
    if shape != (n_genes, n_cells):
        log.info("the matrix lies cells x genes")
    matrix = sp.csr_matrix(found.T if shape == (n_genes, n_cells) else found)
    if matrix.nnz != n_values:
        found = f"{n_values - matrix.nnz:,} values of {_file(member)} more than once"
        mend = "Write the matrix again, each value once."
        raise InputError(where, found=found, expected="each gene of a cell once", mend=mend)
    return matrix


def _read_header(member: Member, where: str) -> tuple[tuple[int, int], int]:
    """Rows and columns of a Matrix Market file, and its number of values; refused if it holds no counts."""
    with open_member(member, where=where) as stream:
        banner = stream.readline(MAX_LINE).decode("ascii", "replace").lower().split()
        sizes = next((line for _ in range(MAX_HEADER_LINES) if not _skipped(line := stream.readline(MAX_LINE))), b"")
    kind = " ".join(banner[1:])
    if banner[:1] != ["%%matrixmarket"]:
        mend = "Is it the right file? See `parts` in dataset.yaml."
        raise InputError(where, found=f"{_file(member)}, no Matrix Market file", expected="a matrix.mtx", mend=mend)
    if kind.split() not in (["matrix", "coordinate", field, "general"] for field in ("integer", "real")):
        why = " (which genes a cell has, not how often)" if "pattern" in kind else ""
        mend = "Use the matrix with the counts."
        raise InputError(where, found=f"'{kind}'{why}", expected="'matrix coordinate integer general'", mend=mend)
    numbers = sizes.split()
    if len(numbers) != 3 or not all(number.isdigit() for number in numbers):
        raise EOFError("no sizes in its header")
    n_rows, n_columns, n_values = map(int, numbers)
    if n_values > min(n_rows * n_columns, most_bytes(member.size) // SHORTEST_VALUE):
        found = f"{n_values:,} values in the header of a matrix of {n_rows:,} x {n_columns:,} and {member.size:,} bytes"
        mend = "Damaged, or made to fill the memory: fetch it again."
        raise InputError(where, found=found, expected="no more values than it can hold", mend=mend)
    return (n_rows, n_columns), n_values


def _skipped(line: bytes) -> bool:
    """Whether a line of the header is a comment or blank; the end of the file ('') is not."""
    return line.startswith(b"%") or (bool(line) and not line.strip())


def _file(member: Member) -> str:
    return PurePosixPath(member.name).name
