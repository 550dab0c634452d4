"""Read one sample from a 10x h5 file of Cell Ranger 2 or later, plain, gzipped or in an archive."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import scipy.sparse as sp

from alscell.archives import Members, file_member, held, names_of, open_archive, the_one
from alscell.counts import BROKEN, Counts, broken
from alscell.errors import InputError
from alscell.keys import HDF5, is_archive_name

GENE_EXPRESSION = "Gene Expression"
GENOMES = {"human": re.compile(r"(hg|grch|b37)", re.IGNORECASE), "mouse": re.compile(r"(mm|grcm)", re.IGNORECASE)}
# ASSUME: HDF5's gzip does not shrink a real table so much. Measured on eight 10x files: at most 26 times; 1,030 is what
# it reaches on one value repeated. Small tables may do as they like.
MAX_H5_RATIO, FREE_H5_BYTES = 250, 256 * 2**20
_H5_NAME = re.compile(r".*\.(h5|hdf5)(\.gz)?", re.IGNORECASE | re.DOTALL)

log = logging.getLogger(__name__)


def read_tenx(path: str | Path, *, member: str, organism: str, where: str) -> Counts:
    """One 10x h5 file of Cell Ranger 2 or later, plain or as a member of an archive; gene expression only.

    Parameters
    ----------
    path : path
        An h5 file (also .gz), or a tar or zip that holds h5 files, or such archives.
    member : str
        What the file is called in the archive: its name, with or without folders, a folder or an archive in it that
        holds this one h5, or a pattern (`GSM1_*_filtered.h5`) that fits one. Not used for a plain h5 file, which is one
        sample: `check` refuses a sheet with more of them.
    organism : str
        Picks the genome where the file has several.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        No such member, or several; a plain h5 that is called an archive; not a 10x h5; probes in the place of genes;
        a bomb; a broken file.
    """
    try:
        with Path(path).open("rb") as stream:
            # NOTE: h5py.is_hdf5 also takes a tar whose first member is an h5: its signature may stand at byte 512.
            is_h5 = stream.read(len(HDF5)) == HDF5
        if is_h5 and is_archive_name(Path(path).name):
            # `check` lets several samples share a file of this name; each would get all of its cells.
            mend = "Give it its right name, and every sample a file of its own."
            found = "one h5 file that is called an archive"
            raise InputError(where, found=found, expected="a tar or zip of h5 files", mend=mend)
        if is_h5:
            return _read(path, organism, where)
        with open_archive(path, member=member, where=where) as archive:
            source = file_member(path) if archive is None else archive.by_name[_h5_of(member, archive, where)]
            return _read(held(source, where=where), organism, where)
    except (KeyError, *BROKEN) as error:
        raise broken(where, error) from None


def one_genome(genomes: Sequence[str], organism: str, where: str) -> str:
    """The one genome, by its name, that is of this species.

    Raises
    ------
    InputError
        None or several are.
    """
    fits = [name for name in genomes if GENOMES[organism].match(name)]
    if len(fits) != 1:
        mend = "Split the file by genome first."
        raise InputError(where, found=f"genomes {', '.join(genomes)}", expected=f"one that is {organism}", mend=mend)
    return fits[0]


def without_genome(names: np.ndarray, genome: str) -> np.ndarray:
    """Names of genes without the genome that Cell Ranger puts in front of them: GRCh38_MBP, mm10___Mbp."""
    return np.array([re.sub(rf"^{re.escape(genome)}_+", "", name) for name in names], dtype=object)


def log_left_out(keep: np.ndarray) -> None:
    """Say how many features are not kept, if any."""
    if not keep.all():
        log.info("%d of %d features are no genes of this species and left out", (~keep).sum(), len(keep))


def _h5_of(member: str, archive: Members, where: str) -> str:
    """Name of the h5 that is the sample; another file counts only if it is named in full."""
    named = {name for name in archive.by_name if member in (name, Path(name).name)}
    names = {name: names_of(name) for name in archive.by_name if name in named or _H5_NAME.fullmatch(name)}
    return the_one(member, names, archive, kind="members", where=where)


def _read(source: str | Path | io.BytesIO, organism: str, where: str) -> Counts:
    with h5py.File(source, "r") as file:
        if "matrix" in file:
            return _read_version3(file["matrix"], organism, where)
        return _read_version2(file, organism, where)


def _read_version3(group: h5py.Group, organism: str, where: str) -> Counts:
    features = group["features"]
    if "probe_region" in features:
        mend = "Use the filtered_feature_bc_matrix.h5 of the same run."
        raise InputError(where, found="a matrix of probes", expected="a matrix of genes", mend=mend)
    genes, gene_ids, barcodes = (_text(part, where) for part in (features["name"], features["id"], group["barcodes"]))
    kinds, genomes = (_text(features[key], where) if key in features else None for key in ("feature_type", "genome"))
    matrix = _sparse(group, len(barcodes), len(genes), where)
    keep = np.ones(len(genes), dtype=bool) if kinds is None else kinds == GENE_EXPRESSION
    if genomes is not None and len(set(genomes[keep])) > 1:
        genome = one_genome(sorted(set(genomes[keep])), organism, where)
        keep &= genomes == genome
        genes, gene_ids = without_genome(genes, genome), without_genome(gene_ids, genome)
    log_left_out(keep)
    return Counts(matrix[:, np.flatnonzero(keep)], barcodes, genes[keep], gene_ids[keep])


def _read_version2(file: h5py.File, organism: str, where: str) -> Counts:
    genomes = [name for name in file if isinstance(file[name], h5py.Group) and "gene_names" in file[name]]
    if not genomes:
        found = f"an HDF5 file with {', '.join(sorted(file)) or 'nothing'} in it"
        mend = "Use Cell Ranger's filtered_feature_bc_matrix.h5; for an h5ad set `layout: h5ad` in dataset.yaml."
        raise InputError(
            where, found=found, expected="a 10x h5 file (group 'matrix', or one group a genome)", mend=mend
        )
    genome = genomes[0] if len(genomes) == 1 else one_genome(sorted(genomes), organism, where)
    group = file[genome]
    barcodes, genes, gene_ids = (_text(group[key], where) for key in ("barcodes", "gene_names", "genes"))
    matrix = _sparse(group, len(barcodes), len(genes), where)
    return Counts(matrix, barcodes, without_genome(genes, genome), without_genome(gene_ids, genome))


def _sparse(group: h5py.Group, n_cells: int, n_genes: int, where: str) -> sp.csr_matrix:
    """Cells x genes. 10x stores genes x cells by column, which are the same three arrays."""
    shape = tuple(int(size) for size in _values(group["shape"], where)[::-1])
    try:
        if shape != (n_cells, n_genes):
            raise ValueError(f"a matrix of {shape[1]} x {shape[0]}, {n_genes} genes and {n_cells} barcodes")
        matrix = sp.csr_matrix(tuple(_values(group[key], where) for key in ("data", "indices", "indptr")), shape=shape)
        # NOTE: scipy does not look at the indices by itself, and reads beside its arrays where they are too large.
        matrix.check_format(full_check=True)
    except InputError:
        raise
    except ValueError as error:
        raise broken(where, error) from None
    return matrix


def _text(dataset: h5py.Dataset, where: str) -> np.ndarray:
    return np.asarray(_values(dataset.asstr(), where, stored=dataset), dtype=object)


def _values(dataset: h5py.Dataset, where: str, *, stored: h5py.Dataset | None = None) -> np.ndarray:
    """All values of a dataset, unless it claims to be far larger than what is stored of it."""
    stored = dataset if stored is None else stored
    n_bytes, n_stored = stored.size * stored.dtype.itemsize, stored.id.get_storage_size()
    if n_bytes > max(FREE_H5_BYTES, MAX_H5_RATIO * n_stored):
        found = f"{stored.name} of {n_bytes:,} bytes, of which {n_stored:,} are stored"
        mend = "Damaged, or made to fill the memory: fetch it again."
        raise InputError(where, found=found, expected="a matrix, which does not shrink so much", mend=mend)
    return dataset[:]
