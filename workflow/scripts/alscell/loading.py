"""Read one sample from its raw file, whatever its layout; the readers of 10x h5 files and of labeled h5ad files.

The readers return what the file says; alscell.counts decides whether it is raw counts.
Nothing is ever unpacked to disk: members of a tar are read as bytes, so their paths cannot matter.
"""

from __future__ import annotations

import fnmatch
import gzip
import io
import logging
import re
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import scipy.sparse as sp

from alscell.counts import BROKEN, Counts, broken, plain_text
from alscell.dense import read_dense
from alscell.errors import InputError, nearest
from alscell.keys import is_tar_name

if TYPE_CHECKING:
    import pandas as pd

GENE_EXPRESSION = "Gene Expression"
GENOMES = {"human": re.compile(r"(hg|grch|b37)", re.IGNORECASE), "mouse": re.compile(r"(mm|grcm)", re.IGNORECASE)}
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
    return read_labeled(path, cells=cells, symbol=symbol, gene_id=gene_id, layer=layer, repeated=repeated, **name)


def read_tenx(path: str | Path, *, member: str, organism: str, where: str) -> Counts:
    """One 10x h5 file of Cell Ranger 2 or later, plain or as a member of a tar; gene expression only.

    Parameters
    ----------
    path : path
        An h5 file, or a tar (also compressed) that holds h5 files.
    member : str
        Name of the member in the tar, with or without folders; may be a pattern (`GSM1_*_filtered.h5`) that fits one
        member. Not used for a plain h5 file, which is one sample: `check` refuses a sheet with more of them.
    organism : str
        Picks the genome where the file has several.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        No such member, or several; a plain h5 that is called a tar; not a 10x h5; probes in the place of genes;
        a broken file.
    """
    try:
        is_tar = tarfile.is_tarfile(path)
        if is_tar_name(Path(path).name) and not is_tar and h5py.is_hdf5(path):
            # `check` lets several samples share a file of this name; each would get all of its cells.
            mend = "Give it its right name, and every sample a file of its own."
            raise InputError(where, found="one h5 file that is called a tar", expected="a tar of h5 files", mend=mend)
        source = _member_bytes(Path(path), member, where) if is_tar else path
        with h5py.File(source, "r") as file:
            if "matrix" in file:
                return _read_version3(file["matrix"], organism, where)
            return _read_version2(file, organism, where)
    except (KeyError, *BROKEN) as error:
        raise broken(where, error) from None


def _member_bytes(path: Path, member: str, where: str) -> io.BytesIO:
    """The one member of a tar that has this name or fits this pattern, in memory."""
    with tarfile.open(path, "r:*") as archive:
        members = {entry.name: entry for entry in archive if entry.isfile()}
        fits = [name for name in members if member in (name, PurePosixPath(name).name)]
        fits = fits or [name for name in members if fnmatch.fnmatchcase(PurePosixPath(name).name, member)]
        if len(fits) != 1:
            found = f"{len(fits)} members that fit '{member}'" + (f" ({', '.join(fits[:4])})" if fits else "")
            names = [PurePosixPath(name).name for name in members]
            mend = "Correct `member` in samples.tsv. " + (nearest(member, names) if not fits else "Make it longer.")
            raise InputError(
                where, found=found, expected=f"one of the {len(members)} members of the archive", mend=mend
            )
        data = archive.extractfile(members[fits[0]]).read()
    if len(data) != members[fits[0]].size:
        raise EOFError(f"member {fits[0]} ends early")
    return io.BytesIO(gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data)


def _read_version3(group: h5py.Group, organism: str, where: str) -> Counts:
    features = group["features"]
    if "probe_region" in features:
        mend = "Use the filtered_feature_bc_matrix.h5 of the same run."
        raise InputError(where, found="a matrix of probes", expected="a matrix of genes", mend=mend)
    genes, gene_ids = _text(features["name"]), _text(features["id"])
    kinds, genomes = (_text(features[key]) if key in features else None for key in ("feature_type", "genome"))
    keep = np.ones(len(genes), dtype=bool) if kinds is None else kinds == GENE_EXPRESSION
    if genomes is not None and len(set(genomes[keep])) > 1:
        genome = _genome(sorted(set(genomes[keep])), organism, where)
        keep &= genomes == genome
        genes = np.array([re.sub(rf"^{re.escape(genome)}_+", "", gene) for gene in genes], dtype=object)
    if not keep.all():
        log.info("%d of %d features are no genes of this species and left out", (~keep).sum(), len(keep))
    return Counts(_sparse(group)[:, np.flatnonzero(keep)], _text(group["barcodes"]), genes[keep], gene_ids[keep])


def _read_version2(file: h5py.File, organism: str, where: str) -> Counts:
    genomes = [name for name in file if isinstance(file[name], h5py.Group) and "gene_names" in file[name]]
    if not genomes:
        found = f"an HDF5 file with {', '.join(sorted(file)) or 'nothing'} in it"
        mend = "Use Cell Ranger's filtered_feature_bc_matrix.h5; for an h5ad set `layout: h5ad` in dataset.yaml."
        raise InputError(
            where, found=found, expected="a 10x h5 file (group 'matrix', or one group a genome)", mend=mend
        )
    group = file[genomes[0] if len(genomes) == 1 else _genome(sorted(genomes), organism, where)]
    return Counts(_sparse(group), _text(group["barcodes"]), _text(group["gene_names"]), _text(group["genes"]))


def _genome(genomes: list[str], organism: str, where: str) -> str:
    fits = [name for name in genomes if GENOMES[organism].match(name)]
    if len(fits) != 1:
        mend = "Split the file by genome first."
        raise InputError(where, found=f"genomes {', '.join(genomes)}", expected=f"one that is {organism}", mend=mend)
    return fits[0]


def _sparse(group: h5py.Group) -> sp.csr_matrix:
    """Cells x genes. 10x stores genes x cells by column, which are the same three arrays."""
    n_genes, n_cells = (int(size) for size in group["shape"][:])
    return sp.csr_matrix((group["data"][:], group["indices"][:], group["indptr"][:]), shape=(n_cells, n_genes))


def _text(dataset: h5py.Dataset) -> np.ndarray:
    return np.asarray(dataset.asstr()[:], dtype=object)


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
        values = sorted(set(obs.column(column)[rows]))
        if values != [expected]:
            found = f"{column} {' and '.join(repr(value) for value in values)} in the data"
            mend = "Correct the sample's row in samples.tsv, or its `member`."
            raise InputError(where, found=found, expected=f"'{expected}', as in samples.tsv", mend=mend)


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
        "counts_xist": None,
        "counts_y": None,
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
