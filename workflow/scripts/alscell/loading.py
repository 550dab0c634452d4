"""Read one sample from its raw file, whatever its layout; the reader of 10x h5 files.

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
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import scipy.sparse as sp

from alscell.cell_table import assign_cells, cells_of_sample
from alscell.counts import BROKEN, Counts, broken, renamed_labels
from alscell.dense import read_dense
from alscell.errors import InputError, nearest
from alscell.h5ad import read_labeled
from alscell.keys import is_tar_name
from alscell.loom import read_loom
from alscell.seurat import read_seurat

if TYPE_CHECKING:
    import pandas as pd

GENE_EXPRESSION = "Gene Expression"
GENOMES = {"human": re.compile(r"(hg|grch|b37)", re.IGNORECASE), "mouse": re.compile(r"(mm|grcm)", re.IGNORECASE)}

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
        sample, donor and condition of the sample sheet, to be compared with what `cells` says of the data; with member
        '@n' also `n_numbered`, the number of rows of this file and condition.
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
    choice = {"cells": cells, "row": row, **name}
    columns = {"symbol": symbol, "gene_id": gene_id, "layer": layer}
    table = next((file for file in beside if cells.get("table") and file.endswith(f"/{cells['table']}")), None)
    if layout == "10x_h5":
        found = read_tenx(path, organism=organism, **name)
        found = assign_cells(found, table, **choice) if table else found
    elif layout == "dense_csv":
        choose = partial(cells_of_sample, table=table, **choice) if table else None
        found = read_dense(path, orientation=orientation, choose=choose, **name)
    else:
        read = {"loom": read_loom, "seurat_rds": read_seurat}.get(layout, read_labeled)
        found = read(path, **columns, **choice)
    if cell_types and found.cell_types is not None:
        found = replace(found, cell_types=renamed_labels(found.cell_types, cell_types, where=where))
    return found


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
