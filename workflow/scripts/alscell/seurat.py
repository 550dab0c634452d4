"""Read one sample from a Seurat object (.rds), or from a bare sparse matrix, without R.

SOURCE: package SeuratObject: classes Assay (versions 3 and 4: slot counts) and Assay5 (version 5: slot layers, names of
rows and columns in the logical maps features and cells); package Matrix: class dgCMatrix.
"""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from alscell.counts import BROKEN, Counts, broken, plain_text
from alscell.errors import InputError, nearest
from alscell.sample_cells import choose_cells

if TYPE_CHECKING:
    from rdata.parser import RObject

ASSAY, LAYER, META = "RNA", "counts", "meta.data"
# Unpacked. An RDS can only be read whole, every slot of it, and takes four times that in memory. Measured: 30,000 genes
# x 5,000 cells with normalized and scaled values, 0.34 GB unpacked, 11 s and 1.2 GB of memory.
LARGE_BYTES, MOST_BYTES = 1 << 30, 4 << 30
OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
RENEW = (
    'In R: counts <- GetAssayData(x <- readRDS("old.rds"), assay = "RNA", slot = "counts"); '
    'saveRDS(CreateSeuratObject(CreateAssayObject(counts), meta.data = x[[]]), "new.rds")'
)
FROM_EXPERIMENT = (
    'In R: x <- readRDS("old.rds"); counts <- SingleCellExperiment::counts(x); '
    "meta <- as.data.frame(SingleCellExperiment::colData(x)); "
    'saveRDS(SeuratObject::CreateSeuratObject(counts, meta.data = meta), "new.rds")'
)
FROM_MATRIX = (
    'If it holds counts, in R: saveRDS(as(as.matrix(counts), "CsparseMatrix"), "new.rds"), genes x cells with names.'
)
RENAME = (
    "If one of them (not SCT or integrated) holds raw counts, in R: "
    f'x <- RenameAssays(readRDS("old.rds"), old = "{ASSAY}"); saveRDS(x, "new.rds")'
)
REORDER = (
    'In R: x <- readRDS("old.rds"); x@meta.data <- x@meta.data[colnames(x), ]; saveRDS(x, "new.rds"). '
    "Where merge() took the names of the rows, add its columns again by name, with AddMetaData."
)
JOIN = 'In R: x <- SeuratObject::JoinLayers(readRDS("old.rds")); saveRDS(x, "new.rds")'

log = logging.getLogger(__name__)


def read_seurat(
    path: str | Path,
    *,
    member: str,
    cells: dict[str, str],
    row: dict[str, str],
    symbol: str,
    gene_id: str,
    layer: str,
    where: str,
) -> Counts:
    """The cells of one sample in a Seurat object, with their given cell types.

    Parameters
    ----------
    path : path
        An object of Seurat 3, 4 or 5 as saveRDS writes it (gzip, bzip2, xz or unpacked), or a dgCMatrix.
    member, row
        As of `choose_cells`.
    cells : dict
        Columns of meta.data: sample, cell_type, donor, condition. A bare matrix has none.
    symbol, gene_id : str
        Columns of the assay's table of features; '' for its row names, and for no ids.
    layer : str
        Layer of a version 5 object, or '' for counts.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        No Seurat object; no assay RNA or no counts in it; layers that are split; a column is missing; no such sample;
        data and sheet disagree; too large; a broken file.
    """
    data = _read_object(path, where)
    kind = _class(data)
    if kind == "Seurat":
        assay = _assay(data, where)
        matrix, genes, names = _counts(assay, layer, where)
        meta = _Table(_slot(data, META), META, where)
        slots = _attributes(assay)
        features = _Table(slots.get("meta.features", slots.get("meta.data")), "the table of features", where)
        meta.check_rows(names)
        if symbol or gene_id:
            features.check_rows(genes)
    elif kind in ("dgCMatrix", "matrix"):
        matrix, genes, names = _matrix(data, where)
        meta = features = _Table(None, "a bare matrix", where)
    else:
        found = f"an R object of class {kind or 'list'}"
        mend = FROM_EXPERIMENT if kind in ("SingleCellExperiment", "SummarizedExperiment") else FROM_MATRIX
        raise InputError(where, found=found, expected="a Seurat object, or a dgCMatrix", mend=mend)
    if len(genes) != matrix.shape[1] or len(names) != matrix.shape[0]:
        found = f"{len(genes)} names of genes and {len(names)} of cells"
        expected = f"{matrix.shape[1]} and {matrix.shape[0]}, as the counts have"
        raise InputError(where, found=found, expected=expected, mend=RENEW)
    chosen = choose_cells(names, meta.column, cells=cells, member=member, row=row, where=where)
    ids = features.column(gene_id) if gene_id else np.array([""] * len(genes), dtype=object)
    symbols = features.column(symbol) if symbol else genes
    return Counts(matrix[chosen.rows], chosen.barcodes, symbols, ids, chosen.cell_types, notes=chosen.notes)


def _read_object(path: str | Path, where: str) -> RObject:
    """The whole object, parsed but not converted."""
    from rdata.parser import parse_data

    try:
        with Path(path).open("rb") as stream:
            opener = OPENERS.get(stream.read(2), open)
        with opener(path, "rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except (lzma.LZMAError, *BROKEN) as error:
        raise broken(where, error) from None
    if len(content) > MOST_BYTES:
        found = f"an object of more than {MOST_BYTES >> 30} GB unpacked"
        raise InputError(where, found=found, expected="one that fits into memory", mend=RENEW)
    if len(content) > LARGE_BYTES:
        log.warning("%.1f GB unpacked: an h5ad or 10x folder would need far less memory", len(content) / 2**30)
    if content[:3] == b"RDX":
        mend = 'In R: name <- load("old.RData"); saveRDS(get(name[1]), "new.rds")'
        raise InputError(where, found="an R workspace (save)", expected="one object (saveRDS)", mend=mend)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about attributes that it does not know; none is used here
            return parse_data(content, extension=".rds").object
    except RecursionError:
        raise InputError(where, found="an object nested too deep", expected="a Seurat object", mend=RENEW) from None
    except (ValueError, IndexError, AssertionError, NotImplementedError, UnicodeDecodeError) as error:
        raise broken(where, error) from None


def _target(data: RObject) -> RObject:
    return data.referenced_object if data.referenced_object is not None else data


def _attributes(data: RObject) -> dict[str, RObject]:
    """Attributes of an object; the slots of an S4 object are among them."""
    found, node = {}, data.attributes
    while node is not None and node.info.type.name == "LIST":
        found[_target(node.tag).value.value.decode()] = _target(node.value[0])
        node = node.value[1]
    return found


def _slot(data: RObject, name: str) -> RObject | None:
    return _attributes(data).get(name)


def _is(data: RObject | None, *kinds: str) -> bool:
    return data is not None and data.info.type.name in kinds


def _class(data: RObject) -> str:
    classes = _strings(_slot(data, "class"))
    if not classes and _slot(data, "dim") is not None:
        return "matrix"
    return classes[0] if classes else ""


def _strings(data: RObject | None) -> list[str]:
    """A character vector; NA is ''."""
    if not _is(data, "STR"):
        return []
    return ["" if text.value is None else text.value.decode(errors="replace") for text in map(_target, data.value)]


def _named(data: RObject | None) -> dict[str, RObject]:
    """A named list."""
    if not _is(data, "VEC"):
        return {}
    return dict(zip(_strings(_slot(data, "names")), map(_target, data.value), strict=False))


def _texts(values: list[str]) -> np.ndarray:
    return np.array(values, dtype=object)


class _Table:
    """A data.frame, read column by column, as text."""

    def __init__(self, data: RObject | None, name: str, where: str) -> None:
        self.columns, self.name, self.where = _named(data), name, where
        self.rows = _strings(_slot(data, "row.names")) if data is not None else []

    def check_rows(self, names: np.ndarray) -> None:
        """InputError if there are more or fewer rows, or if they are named otherwise or in another order."""
        for column in self.columns.values():
            if len(column.value) != len(names):
                found = f"{len(column.value)} rows in {self.name}"
                raise InputError(self.where, found=found, expected=f"{len(names)}, as the counts have", mend=RENEW)
        # Rows of features have no names in version 5; those of cells have them, unless merge() took them and sorted.
        if self.columns and self.rows != names.tolist() and (self.rows or self.name == META):
            found = f"rows of {self.name} in another order than the counts, or of other names, or of none"
            mend = REORDER if self.name == META else RENEW
            raise InputError(self.where, found=found, expected="one row a name, in the same order", mend=mend)

    def column(self, column: str) -> np.ndarray:
        """Values of a column; InputError if there is none."""
        if column not in self.columns:
            valid = nearest(column, self.columns) if self.columns else "It has none."
            mend = f"Correct `cells`, `symbol` or `gene_id` in dataset.yaml. {valid}"
            raise InputError(self.where, found=f"no column '{column}' in {self.name}", expected="it there", mend=mend)
        data = self.columns[column]
        levels = _strings(_slot(data, "levels"))
        if _is(data, "STR"):
            return _texts(_strings(data))
        values = np.ma.asarray(data.value).tolist()  # None for NA
        if levels:
            return _texts(["" if value is None else levels[value - 1] for value in values])
        if _is(data, "LGL"):
            return _texts(["" if value is None else str(bool(value)).upper() for value in values])
        return _texts([plain_text(value) for value in values])


def _assay(data: RObject, where: str) -> RObject:
    assays = _named(_slot(data, "assays"))
    if ASSAY not in assays:
        found = f"assays {', '.join(assays) or 'none'}"
        mend = RENAME
        raise InputError(where, found=found, expected=f"an assay {ASSAY} with raw counts", mend=mend)
    return assays[ASSAY]


def _counts(assay: RObject, layer: str, where: str) -> tuple[sp.csr_matrix, np.ndarray, np.ndarray]:
    """Counts of an assay (cells x genes), names of genes, names of cells."""
    slots = _attributes(assay)
    if "layers" in slots:
        return _layer(slots, layer or LAYER, where)
    if layer not in ("", LAYER):
        mend = "Remove `layer` from dataset.yaml: an object of Seurat 3 or 4 has the slot counts."
        raise InputError(where, found=f"no layer '{layer}'", expected="it in the file", mend=mend)
    counts = slots.get(LAYER)
    if counts is None or 0 in _dim(counts):
        have = [name for name in ("data", "scale.data") if name in slots and 0 not in _dim(slots[name])]
        found = f"no counts in assay {ASSAY}, only {' and '.join(have) or 'empty slots'}"
        mend = "Ask for the raw object: normalized values cannot be turned back into counts."
        raise InputError(where, found=found, expected="raw counts (slot counts)", mend=mend)
    return _matrix(counts, where)


def _layer(slots: dict[str, RObject], layer: str, where: str) -> tuple[sp.csr_matrix, np.ndarray, np.ndarray]:
    """A layer of a version 5 assay, whose names stand in maps: rows are names, columns layers."""
    layers = _named(slots["layers"])
    if layer not in layers:
        split = [name for name in layers if name.startswith(f"{layer}.")]
        found = f"layers {', '.join(layers) or 'none'} in assay {ASSAY}"
        mend = JOIN if split else "Ask for the raw object: normalized values cannot be turned back into counts."
        raise InputError(where, found=found, expected=f"one layer '{layer}' with raw counts", mend=mend)
    matrix, _, _ = _matrix(layers[layer], where)
    return matrix, _mapped(slots["features"], layer), _mapped(slots["cells"], layer)


def _mapped(table: RObject, layer: str) -> np.ndarray:
    """Names that a logical map says are in a layer."""
    rows, layers = _dimnames(table)
    inside = np.ma.asarray(table.value).astype(bool).filled(False).reshape((len(rows), len(layers)), order="F")
    return rows[inside[:, layers.tolist().index(layer)]]


def _dim(data: RObject) -> list[int]:
    slots = _attributes(data)
    size = slots.get("Dim", slots.get("dim"))
    return [] if size is None else [int(value) for value in size.value]


def _dimnames(data: RObject) -> list[np.ndarray]:
    slots = _attributes(data)
    names = slots.get("Dimnames", slots.get("dimnames"))
    if not _is(names, "VEC"):
        return [_texts([]), _texts([])]
    return [_texts(_strings(_target(side))) for side in names.value]


def _matrix(data: RObject, where: str) -> tuple[sp.csr_matrix, np.ndarray, np.ndarray]:
    """Cells x genes: the columns of a dgCMatrix are the rows of a CSR matrix, by the same three arrays."""
    kind, size = _class(data), _dim(data)
    if kind == "dgCMatrix":
        parts = [_slot(data, name).value for name in ("x", "i", "p")]
        matrix = sp.csr_matrix(tuple(np.ma.getdata(part) for part in parts), shape=(size[1], size[0]))
    elif kind == "matrix" and _is(data, "REAL", "INT"):
        values = np.ma.asarray(data.value).astype(np.float64).filled(np.nan)
        matrix = sp.csr_matrix(values.reshape(size, order="F").T)
    else:
        raise InputError(where, found=f"counts of class {kind}", expected="a dgCMatrix", mend=FROM_MATRIX)
    genes, names = _dimnames(data)
    return matrix, genes, names
