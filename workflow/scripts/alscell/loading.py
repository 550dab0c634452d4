"""Read one sample from its raw file, whatever its layout; the reader of labeled h5ad files.

The readers return what the file says; alscell.counts decides whether it is raw counts.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import scipy.sparse as sp

from alscell.counts import BROKEN, Counts, broken, check_repeated, plain_text
from alscell.dense import read_dense
from alscell.errors import InputError, nearest
from alscell.mtx import read_mtx
from alscell.tenx import read_tenx

if TYPE_CHECKING:
    import pandas as pd

BLOCK_ROWS = 2_000  # rows of a dense h5ad in memory at once

log = logging.getLogger(__name__)


def read_sample(
    path: str | Path,
    *,
    beside: list[str],
    member: str,
    row: dict[str, str],
    where: str,
    organism: str,
    layout: str,
    orientation: str,
    parts: dict[str, str],
    cells: dict[str, str],
    cell_types: dict[str, str],
    symbol: str,
    gene_id: str,
    layer: str,
) -> Counts:
    """One sample in any layout.

    Parameters
    ----------
    path : path
        The raw file that samples.tsv names.
    beside : list of path
        Further raw files that belong to it: genes and barcodes of a loose matrix.mtx, `cells.table`.
    member : str
        What the sample is called inside the file.
    row : dict
        donor and condition of the sample sheet, to be compared with what `cells` says of the data.
    where : str
        File and sample, for messages.
    organism, layout, orientation, parts, cells, cell_types, symbol, gene_id, layer
        As dataset.yaml has them; '' or {} where it does not.

    Raises
    ------
    InputError
        As the reader of the layout.
    """
    name = {"member": member, "where": where}
    if layout == "10x_h5":
        return read_tenx(path, organism=organism, **name)
    if layout == "dense_csv":
        return read_dense(path, orientation=orientation, **name)
    repeated = {cells[key]: row[key] for key in ("donor", "condition") if cells.get(key)}
    columns = {"symbol": symbol, "gene_id": gene_id, "cells": cells, "repeated": repeated}
    if layout == "10x_mtx":
        return read_mtx(path, beside=beside, parts=parts, organism=organism, **columns, **name)
    return read_labeled(path, layer=layer, **columns, **name)


def read_labeled(
    path: str | Path,
    *,
    member: str,
    cells: dict[str, str],
    symbol: str,
    gene_id: str,
    layer: str,
    repeated: dict[str, str],
    where: str,
) -> Counts:
    """The cells of one sample in an h5ad, with their given cell types; only these rows are read.

    Parameters
    ----------
    path : path
        An h5ad of anndata 0.7 or later.
    member : str
        Value of the obs column that names the sample.
    cells : dict
        Columns of obs: `sample` (left out: the whole file is one sample) and `cell_type` (left out: no labels).
    symbol, gene_id : str
        Columns of var; '' for the index of var, and for no ids.
    layer : str
        Layer with raw counts, 'raw.X', or '' for X.
    repeated : dict
        By obs column, the value that the sample sheet says: the data must say the same.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        A column or layer is missing; no such sample; data and sheet disagree; a broken file.
    """
    try:
        with h5py.File(path) as file:
            obs, rows = _Frame(file, "obs", where), None
            if cells.get("sample"):
                samples = obs.column(cells["sample"])
                rows = np.flatnonzero(samples == member)
                if not len(rows):
                    mend = f"Correct `member` in samples.tsv. {nearest(member, set(samples))}"
                    found = f"no cell with {cells['sample']} '{member}'"
                    raise InputError(where, found=found, expected="cells of this sample", mend=mend)
            rows = np.arange(len(obs.index())) if rows is None else rows
            _compare(obs, rows, repeated, where)
            place = _place(file, layer, where)
            genes, gene_ids = _genes(_Frame(file, "raw/var" if place == "raw/X" else "var", where), symbol, gene_id)
            types = obs.column(cells["cell_type"])[rows] if cells.get("cell_type") else None
            matrix, elsewhere = _rows(file[place], rows), _other_counts(file, place)
            return Counts(matrix, obs.index()[rows], genes, gene_ids, types, elsewhere)
    except (KeyError, *BROKEN) as error:
        raise broken(where, error) from None


class _Frame:
    """obs or var of an h5ad, read column by column, as text."""

    def __init__(self, file: h5py.File, name: str, where: str) -> None:
        self.name, self.where, self.group = name, where, file.get(name)
        if not isinstance(self.group, h5py.Group) or "_index" not in self.group.attrs:
            mend = "Not an h5ad, or one of anndata before 0.7: open it with anndata and write it again."
            raise InputError(where, found=f"no table '{name}'", expected="an h5ad", mend=mend)

    def index(self) -> np.ndarray:
        return self.column(self.group.attrs["_index"])

    def column(self, column: str) -> np.ndarray:
        from anndata.io import read_elem

        if column not in self.group:
            names = [name for name in self.group if not name.startswith("_")]
            valid = nearest(column, names) if names else "It has none."
            mend = f"Correct `cells`, `symbol` or `gene_id` in dataset.yaml. {valid}"
            raise InputError(self.where, found=f"no column '{column}' in {self.name}", expected="it there", mend=mend)
        return np.array(
            [plain_text(value) for value in np.asarray(read_elem(self.group[column]), dtype=object)], dtype=object
        )


def _compare(obs: _Frame, rows: np.ndarray, repeated: dict[str, str], where: str) -> None:
    """Donor and condition of a sample must be the same in the data and in the sheet."""
    for column, expected in repeated.items():
        check_repeated(column, obs.column(column)[rows], expected, where=where)


def _place(file: h5py.File, layer: str, where: str) -> str:
    place = {"": "X", "raw.X": "raw/X"}.get(layer, f"layers/{layer}")
    if place not in file:
        names = [*file.get("layers", ()), *(["raw.X"] if "raw/X" in file else [])]
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


def _rows(element: h5py.Group | h5py.Dataset, rows: np.ndarray) -> sp.csr_matrix:
    """Some rows of a stored matrix, as CSR; a matrix stored by column has to be read whole."""
    from anndata.io import read_elem, sparse_dataset

    if isinstance(element, h5py.Dataset):
        parts = []
        for start in range(0, element.shape[0], BLOCK_ROWS):
            picked = rows[(rows >= start) & (rows < start + BLOCK_ROWS)] - start
            if len(picked):
                parts.append(sp.csr_matrix(element[start : start + BLOCK_ROWS][picked]))
        return sp.vstack(parts).tocsr()
    if element.attrs.get("encoding-type") == "csr_matrix":
        return sp.csr_matrix(sparse_dataset(element)[rows])
    log.info("the matrix is stored by column and read whole")
    return sp.csr_matrix(read_elem(element))[rows]


def _other_counts(file: h5py.File, place: str) -> str:
    """Where else in the file whole numbers are stored, as dataset.yaml `layer` would name it."""
    names = {"X": "X", "raw/X": "raw.X", **{f"layers/{name}": name for name in file.get("layers", ())}}
    found = [name for path, name in names.items() if path != place and path in file and _whole(file[path])]
    return "; ".join(f"`layer: {name}`" if name != "X" else "X (leave out `layer`)" for name in found)


def _whole(element: h5py.Group | h5py.Dataset) -> bool:
    values = element["data"][:1000] if isinstance(element, h5py.Group) else np.ravel(element[:10])
    return bool(np.isfinite(values).all() and (values == np.rint(values)).all() and (values >= 0).all())


def loaded_table(counts: Counts, *, sample: str) -> pd.DataFrame:
    """One row for the table `loaded`: sizes, and what was changed or left out while reading."""
    import pandas as pd

    n_cells, n_genes = counts.matrix.shape
    row = {
        "sample": sample,
        "source_sample": "",
        "n_cells": n_cells,
        "n_genes": n_genes,
        "n_counts": int(counts.matrix.sum()),
        "n_cells_unlisted": 0,
        "symbols_from": "file",
        "ids_from": "file" if any(counts.gene_ids) else "none",
        "n_genes_dated": 0,
        "n_genes_merged": 0,
        "n_genes_repeated": 0,
        "n_genes_without_id": int((counts.gene_ids == "").sum()),
        "n_genes_without_symbol": 0,
        "fraction_without_symbol": 0.0,
        "counts_xist": 0,
        "counts_y": 0,
    }
    return pd.DataFrame([{**row, **counts.notes}])


def as_anndata(counts: Counts, *, dataset: str, sample: str, simulated: bool) -> Any:
    """The sample as later steps read it: cells named '<sample>_<barcode>', genes by symbol; no donor, no condition."""
    import pandas as pd
    from anndata import AnnData

    barcodes = counts.barcodes.astype(str)
    obs = pd.DataFrame({"barcode": barcodes}, index=[f"{sample}_{barcode}" for barcode in barcodes])
    if counts.cell_types is not None:
        obs["cell_type"] = pd.Categorical(counts.cell_types.astype(str))
    var = pd.DataFrame({"gene_id": counts.gene_ids.astype(str)}, index=pd.Index(counts.genes.astype(str), name="gene"))
    obs.index.name = "cell"
    uns = {"dataset": dataset, "sample": sample, "simulated": simulated}
    return AnnData(counts.matrix, obs=obs, var=var, uns=uns)
