"""Read one sample from a loom file, in blocks of genes.

SOURCE: "Loom file format specs" of loompy (versions 2 and 3): /matrix and /layers/<name>, genes x cells; /row_attrs and
/col_attrs, one dataset an attribute.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
import scipy.sparse as sp

from alscell.counts import BROKEN, Counts, broken, plain_text
from alscell.errors import InputError, nearest
from alscell.sample_cells import choose_cells

BLOCK_VALUES = 8_000_000  # values that are in memory at once, dense
# Names that the attributes have by habit: of loompy and velocyto, and of scanpy's write_loom.
SYMBOLS, IDS, CELLS = ("Gene", "var_names"), ("Accession",), ("CellID", "obs_names")


def read_loom(
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
    """The cells of one sample in a loom file, with their given cell types.

    Parameters
    ----------
    path : path
        A loom file, version 2 or 3.
    member, row
        As of `choose_cells`.
    cells : dict
        Attributes of columns: sample, cell_type, donor, condition; `cell` with the cells' names (left out: CellID).
    symbol, gene_id : str
        Attributes of rows; '' for Gene, and for Accession if it is there.
    layer : str
        Layer with raw counts, or '' for the main matrix.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        No loom file; an attribute or layer is missing; no such sample; data and sheet disagree; a broken file.
    """
    try:
        with h5py.File(path) as file:
            if not {"matrix", "row_attrs", "col_attrs"} <= set(file):
                mend = "Check `layout` in dataset.yaml."
                found = f"an HDF5 file with {', '.join(sorted(file)) or 'nothing'} in it"
                raise InputError(where, found=found, expected="a loom file (matrix, row_attrs, col_attrs)", mend=mend)
            place = _place(file, layer, where)
            of_cells, of_genes = _Attributes(file, "col_attrs", where), _Attributes(file, "row_attrs", where)
            names = of_cells.one_of(cells.get("cell", ""), CELLS)
            genes = of_genes.one_of(symbol, SYMBOLS)
            known = gene_id or next((name for name in IDS if name in of_genes.group), "")
            ids = of_genes.values(known) if known else np.array([""] * len(genes), dtype=object)
            chosen = choose_cells(names, of_cells.values, cells=cells, member=member, row=row, where=where)
            if file[place].shape != (len(genes), len(names)):
                shape = " x ".join(str(size) for size in file[place].shape)
                found, expected = f"{place} of {shape}", f"{len(genes)} genes x {len(names)} cells"
                mend = "The file is broken: write it anew with loompy."
                raise InputError(where, found=found, expected=expected, mend=mend)
            matrix = _columns(file[place], chosen.rows)
    except (KeyError, *BROKEN) as error:
        raise broken(where, error) from None
    return Counts(matrix, chosen.barcodes, genes, ids, chosen.cell_types, notes=chosen.notes)


class _Attributes:
    """row_attrs or col_attrs, as text."""

    def __init__(self, file: h5py.File, name: str, where: str) -> None:
        self.name, self.where, self.group = name, where, file[name]

    def values(self, attribute: str) -> np.ndarray:
        if attribute not in self.group:
            raise self._missing(attribute)
        stored = self.group[attribute]
        values = stored.asstr()[:] if h5py.check_string_dtype(stored.dtype) else stored[:]
        return np.array([plain_text(value) for value in values.tolist()], dtype=object)

    def one_of(self, attribute: str, habits: Iterable[str]) -> np.ndarray:
        """The named attribute; if none is named, the first of the habitual ones that is there."""
        found = attribute or next((name for name in habits if name in self.group), "")
        if not found:
            raise self._missing(next(iter(habits)))
        return self.values(found)

    def _missing(self, attribute: str) -> InputError:
        valid = nearest(attribute, self.group) if len(self.group) else "It has none."
        mend = f"Correct `cells`, `symbol` or `gene_id` in dataset.yaml. {valid}"
        return InputError(
            self.where, found=f"no attribute '{attribute}' in {self.name}", expected="it there", mend=mend
        )


def _place(file: h5py.File, layer: str, where: str) -> str:
    layers = list(file.get("layers", ()))
    if layer and layer not in layers:
        mend = f"Correct `layer` in dataset.yaml. {nearest(layer, layers) if layers else 'The file has none.'}"
        raise InputError(where, found=f"no layer '{layer}'", expected="it in the file", mend=mend)
    return f"layers/{layer}" if layer else "matrix"


def _columns(matrix: h5py.Dataset, picked: np.ndarray) -> sp.csr_matrix:
    """Some columns of a stored matrix, transposed; whole chunks of rows are read, each once."""
    n_rows, n_columns = matrix.shape
    chunk = matrix.chunks[0] if matrix.chunks else 1
    step = max(1, BLOCK_VALUES // max(n_columns, 1) // chunk) * chunk
    blocks = [sp.csc_matrix(matrix[start : start + step][:, picked]) for start in range(0, n_rows, step)]
    return sp.vstack(blocks, format="csc").T.tocsr()
