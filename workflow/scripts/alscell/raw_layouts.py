"""Raw count files in the layouts in which public repositories hand them out; the same counts give the same bytes.

SOURCE: Cell Ranger's h5 layout, version 3 (10x Genomics, "Feature-barcode matrices: HDF5"); GEO's GSM-named members
of a RAW.tar; the dense genes x cells csv of GSE138121 (Ho 2021, 10.1016/j.cels.2020.10.010).
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
import pandas as pd
from scipy import sparse

GENOME = "GRCh38"
ROWS_AT_ONCE = 256  # genes of a dense file that are in memory at once


def tenx_h5_bytes(counts: sparse.csr_matrix, barcodes: list[str], genes: pd.DataFrame, *, library: str) -> bytes:
    """One sample as Cell Ranger's filtered_feature_bc_matrix.h5, version 3.

    Parameters
    ----------
    counts : csr_matrix of integers, cells x genes
        UMI counts.
    barcodes : list of str
        One a cell.
    genes : DataFrame
        gene, gene_id.
    library : str
        Sample name, kept as the file's library id.
    """
    import h5py

    counts = counts.sorted_indices()
    buffer = io.BytesIO()
    packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    with h5py.File(buffer, "w") as file:
        file.attrs["filetype"] = "matrix"
        file.attrs["version"] = 2
        file.attrs["chemistry_description"] = "SIMULATED"
        file.attrs["library_ids"] = np.array([library.encode()])
        matrix = file.create_group("matrix")
        matrix.create_dataset("barcodes", data=_bytes(barcodes), **packed)
        # cells x genes by row and genes x cells by column are the same three arrays
        matrix.create_dataset("data", data=counts.data.astype(np.int32), **packed)
        matrix.create_dataset("indices", data=counts.indices.astype(np.int64), **packed)
        matrix.create_dataset("indptr", data=counts.indptr.astype(np.int64), **packed)
        matrix.create_dataset("shape", data=np.array(counts.shape[::-1], dtype=np.int32))
        features = matrix.create_group("features")
        features.create_dataset("_all_tag_keys", data=_bytes(["genome"]))
        features.create_dataset("id", data=_bytes(genes["gene_id"]), **packed)
        features.create_dataset("name", data=_bytes(genes["gene"]), **packed)
        features.create_dataset("feature_type", data=_bytes(["Gene Expression"] * len(genes)), **packed)
        features.create_dataset("genome", data=_bytes([GENOME] * len(genes)), **packed)
    return buffer.getvalue()


def write_tar(stream: BinaryIO, members: Iterable[tuple[str, bytes]]) -> None:
    """An uncompressed tar of named members, each with the same owner, rights and time 0."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))


def write_dense_csv(stream: BinaryIO, counts: sparse.csr_matrix, names: list[str], genes: list[str]) -> None:
    """A gzipped csv, genes in rows and cells in columns, gene symbols in a first column without a heading.

    Parameters
    ----------
    stream : binary file
        Open for writing; stays open.
    counts : csr_matrix of integers, cells x genes
        UMI counts; never dense for more than `ROWS_AT_ONCE` genes.
    names : list of str
        Names of the cells.
    genes : list of str
        Symbols.
    """
    by_gene = counts.T.tocsr()
    with gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0, compresslevel=6) as packed:
        packed.write((",".join(["", *names]) + "\n").encode())
        for start in range(0, len(genes), ROWS_AT_ONCE):
            rows = by_gene[start : start + ROWS_AT_ONCE].toarray().tolist()
            lines = (
                f"{gene},{','.join(map(str, row))}\n"
                for gene, row in zip(genes[start : start + ROWS_AT_ONCE], rows, strict=True)
            )
            packed.write("".join(lines).encode())


def _bytes(values: Iterable[str]) -> np.ndarray:
    return np.array([value.encode() for value in values], dtype="S")
