"""Read one sample from an h5ad of any version of anndata, by its labels; only what is needed of it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp

from alscell.counts import BROKEN, Counts, broken, plain_text
from alscell.errors import InputError, nearest
from alscell.sample_cells import choose_cells, thinned

BLOCK_ROWS = 2_000  # rows of a dense matrix in memory at once

log = logging.getLogger(__name__)


def read_labeled(
    path: str | Path,
    *,
    member: str,
    cells: dict[str, str],
    symbol: str,
    gene_id: str,
    layer: str,
    row: dict[str, str],
    where: str,
    per_label: int = 0,
) -> Counts:
    """The cells of one sample in an h5ad, with their given cell types; only these rows are read.

    Parameters
    ----------
    path : path
        An h5ad of any version of anndata.
    member, row
        As of `choose_cells`.
    cells : dict
        Columns of obs: `sample` (left out: the whole file is one sample), `cell_type` (left out: no labels), donor,
        condition.
    symbol, gene_id : str
        Columns of var; '' for the index of var, and for no ids.
    layer : str
        Layer with raw counts, 'raw.X', 'X', or '' for X unless raw.X holds counts of more genes.
    where : str
        File and sample, for messages.
    per_label : int
        Read at most so many cells of a cell type, spread over the file; 0: all.

    Raises
    ------
    InputError
        A column or layer is missing; counts of more genes in raw.X; no such sample; data and sheet disagree; a broken
        file.
    """
    try:
        with h5py.File(path) as file:
            obs = _frame(file, "obs", where)
            names, place = obs.index(), _place(file, layer, where)
            chosen = choose_cells(names, obs.column, cells=cells, member=member, row=row, where=where)
            chosen = thinned(chosen, per_label) if per_label else chosen
            var = _frame(file, {"raw/X": "raw/var", "raw.X": "raw.var"}.get(place, "var"), where)
            genes, gene_ids = _genes(var, symbol, gene_id)
            if not layer:
                _check_no_raw_has_more(file, len(genes), where)
            _check_shape(file[place], len(names), len(genes), where)
            matrix, elsewhere = _rows(file[place], chosen.rows), _other_counts(file, place)
            return Counts(matrix, chosen.barcodes, genes, gene_ids, chosen.cell_types, elsewhere, chosen.notes)
    except (KeyError, *BROKEN) as error:
        raise broken(where, error) from None


class _Frame:
    """obs or var of an h5ad, read column by column, as text.

    SOURCE: anndata's docs, "On-disk format", for 0.8 and later; anndata/_io/h5ad.py of version 0.7 (h5py reference
    from a column of codes to its categories).
    """

    def __init__(self, file: h5py.File, name: str, where: str) -> None:
        self.name, self.where, self.table, self.file = name, where, file[name], file

    def columns(self) -> list[str]:
        """Names of the columns."""
        return [name for name in self.table if name != "__categories"]

    def index(self) -> np.ndarray:
        """Names of the rows."""
        return self._read(_text(self.table.attrs["_index"]))

    def column(self, column: str) -> np.ndarray:
        """Values of a column; InputError if there is none."""
        names = self.columns()
        if column not in names:
            valid = nearest(column, names) if names else "It has none."
            mend = f"Correct `cells`, `symbol` or `gene_id` in dataset.yaml. {valid}"
            raise InputError(self.where, found=f"no column '{column}' in {self.name}", expected="it there", mend=mend)
        return self._read(column)

    def _read(self, column: str) -> np.ndarray:
        import pandas as pd
        from anndata.io import read_elem

        stored = self.table[column]
        if "encoding-type" in stored.attrs:
            values = read_elem(stored)
            return _as_text(np.where(pd.isna(values), None, np.asarray(values, dtype=object)))
        categories = stored.attrs.get("categories", f"__categories/{column}")
        if isinstance(categories, h5py.Reference) or categories in self.table:
            return self._labels(column, stored[:], self.table[categories][:])
        return _as_text(stored[:])

    def _labels(self, column: str, codes: np.ndarray, categories: np.ndarray) -> np.ndarray:
        """Labels of codes; -1 is a missing value."""
        labels = np.append(_as_text(np.atleast_1d(categories)), "")
        if codes.min(initial=0) < -1 or codes.max(initial=-1) >= len(labels) - 1:
            found = f"codes up to {codes.max()} in column '{column}' of {self.name}, and {len(labels) - 1} categories"
            mend = "Open the file with anndata, put the labels right and write it again."
            raise InputError(self.where, found=found, expected="a category for every code", mend=mend)
        return labels[codes]


class _Records(_Frame):
    """obs or var of anndata 0.6 and before: one array of records, its first field the index.

    SOURCE: anndata/base.py of version 0.6 (df_to_records_fixed_width): codes of a column stand in the records, its
    categories in uns as <column>_categories, those of raw.var in raw.cat.
    """

    def columns(self) -> list[str]:
        return list(self.table.dtype.names[1:])

    def index(self) -> np.ndarray:
        return _as_text(self.table[self.table.dtype.names[0]])

    def _read(self, column: str) -> np.ndarray:
        values = self.table[column]
        place = f"{'raw.cat' if self.name == 'raw.var' else 'uns'}/{column}_categories"
        if place in self.file and values.dtype.kind == "i":
            return self._labels(column, values, self.file[place][()])
        return _as_text(values)


def _frame(file: h5py.File, name: str, where: str) -> _Frame:
    table = file.get(name)
    if isinstance(table, h5py.Dataset) and table.dtype.names:
        return _Records(file, name, where)
    if isinstance(table, h5py.Group) and "_index" in table.attrs:
        return _Frame(file, name, where)
    mend = "Check `layout` in dataset.yaml; or open the file with anndata and write it again."
    raise InputError(where, found=f"no table '{name}'", expected="an h5ad", mend=mend)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else plain_text(value)


def _as_text(values: np.ndarray) -> np.ndarray:
    return np.array([_text(value) for value in values.tolist()], dtype=object)


def _place(file: h5py.File, layer: str, where: str) -> str:
    place = {"": "X", "X": "X", "raw.X": "raw.X" if "raw.X" in file else "raw/X"}.get(layer, f"layers/{layer}")
    if place not in file:
        names = [*file.get("layers", ()), *(["raw.X"] if "raw/X" in file or "raw.X" in file else [])]
        mend = f"Correct `layer` in dataset.yaml. {nearest(layer, names) if names else 'The file has X only.'}"
        raise InputError(where, found=f"no layer '{layer}'", expected="it in the file", mend=mend)
    return place


def _genes(var: _Frame, symbol: str, gene_id: str) -> tuple[np.ndarray, np.ndarray]:
    """Symbols and ids. Where symbols come from a column and ids are not named, the index tells genes apart."""
    index = var.index()
    if gene_id:
        ids = var.column(gene_id)
    else:
        ids = index if symbol else np.array([""] * len(index), dtype=object)
    return (var.column(symbol) if symbol else index), ids


def _check_no_raw_has_more(file: h5py.File, n_genes: int, where: str) -> None:
    """Refuse counts in X of the variable genes alone, where raw.X has those of all genes."""
    place = "raw.X" if "raw.X" in file else "raw/X"
    if place not in file or not _whole(file["X"]) or not _whole(file[place]):
        return
    n_raw = len(_frame(file, place.replace("X", "var"), where).index())
    if n_raw > n_genes:
        found = f"counts of {n_genes} genes in X, and of {n_raw} in raw.X"
        mend = "Set `layer: raw.X` in dataset.yaml, or `layer: X` to keep the fewer."
        raise InputError(where, found=found, expected="counts of all genes", mend=mend)


def _check_shape(element: h5py.Group | h5py.Dataset, n_cells: int, n_genes: int, where: str) -> None:
    """Refuse a matrix whose rows or columns are not those that obs and var name."""
    from anndata.io import sparse_dataset

    shape = element.shape if isinstance(element, h5py.Dataset) else sparse_dataset(element).shape
    if tuple(shape) != (n_cells, n_genes):
        found, mend = f"{element.name} of {shape[0]} x {shape[1]}", "Open the file with anndata and write it again."
        raise InputError(where, found=found, expected=f"{n_cells} cells x {n_genes} genes", mend=mend)


def _rows(element: h5py.Group | h5py.Dataset, rows: np.ndarray) -> sp.csr_matrix:
    """Some rows of a stored matrix, as CSR; a matrix stored by column has to be read whole."""
    from anndata.io import sparse_dataset

    if isinstance(element, h5py.Dataset):
        parts = []
        for start in range(0, element.shape[0], BLOCK_ROWS):
            picked = rows[(rows >= start) & (rows < start + BLOCK_ROWS)] - start
            if len(picked):
                parts.append(sp.csr_matrix(element[start : start + BLOCK_ROWS][picked]))
        return sp.vstack(parts).tocsr()
    stored = sparse_dataset(element)
    if stored.format == "csr":
        return sp.csr_matrix(stored[rows])
    log.info("the matrix is stored by column and read whole")
    return sp.csr_matrix(stored.to_memory())[rows]


def _other_counts(file: h5py.File, place: str) -> str:
    """Where else in the file whole numbers are stored, as dataset.yaml `layer` would name it."""
    names = {
        "X": "X",
        "raw/X": "raw.X",
        "raw.X": "raw.X",
        **{f"layers/{name}": name for name in file.get("layers", ())},
    }
    found = [name for path, name in names.items() if path != place and path in file and _whole(file[path])]
    return "; ".join(f"`layer: {name}`" if name != "X" else "X (leave out `layer`)" for name in found)


def _whole(element: h5py.Group | h5py.Dataset) -> bool:
    values = element["data"][:1000] if isinstance(element, h5py.Group) else np.ravel(element[:10])
    return bool(np.isfinite(values).all() and (values == np.rint(values)).all() and (values >= 0).all())
