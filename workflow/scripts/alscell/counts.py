"""A count matrix of one sample: what it must look like, and what it looks like when it is something else."""

from __future__ import annotations

import lzma
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from alscell.errors import InputError, nearest
from alscell.keys import UNASSIGNED

if TYPE_CHECKING:
    import pandas as pd

# ASSUME: no filtered sample has so many barcodes with so few counts; raw droplets have.
MAX_DROPLETS, DROPLET_COUNTS = 100_000, 50
# ASSUME: counts of no 20 real cells (or donors) have sums so alike, coefficient of variation 5 %; theirs is near 50 %.
# SOURCE: measured on drawn counts of 300 cells: rounded CPM 0.02 %, rounded counts per 10,000 1.8 to 2.6 %, raw 46 to
# 55 %. Below a sum of 500 chance alone could do it in made-up data of one depth.
EQUAL_CELLS, EQUAL_SUMS, EQUAL_VARIATION = 20, 500, 0.05
ENSEMBL = re.compile(r"ENS[A-Z]*G\d{6,}(\.\d+)?")
NUCLEOTIDES = re.compile(r"(^|[^A-Za-z])[ACGTacgt]{10,}")
# Genes that every human or mouse transcriptome has, in capitals: an axis that holds several of them is the gene axis.
COMMON_GENES = frozenset(
    {"ACTB", "B2M", "EEF1A1", "FTL", "GAPDH", "MALAT1", "MT-CO1", "RPL13", "RPLP0", "RPS18", "UBC", "VIM"}
)
BLANK = {"", "nan", "none", "na", "<na>"}  # ways to write "no label", in lower case
# what readers raise for a file that is cut off
BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Counts:
    """One sample: matrix (cells x genes), names of both axes, cell types where they were given.

    `gene_ids` holds '' where the id is unknown; `found_elsewhere` says where else in the file counts may be. `notes`
    holds what a reader changed or left out, under the names of columns of the table `loaded`.
    """

    matrix: Any
    barcodes: np.ndarray
    genes: np.ndarray
    gene_ids: np.ndarray
    cell_types: np.ndarray | None = None
    found_elsewhere: str = ""
    notes: dict[str, Any] = field(default_factory=dict)


def broken(where: str, error: BaseException) -> InputError:
    """The error for a file that cannot be read to its end."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    mend = "The file is broken or cut off: remove it and fetch it again."
    return InputError(where, found=f"an unreadable file ({reason})", expected="a whole file", mend=mend)


def check_counts(counts: Counts, *, where: str, organism: str) -> Counts:
    """The sample with an int32 CSR matrix (sorted, without stored zeros) and unique genes, if it is raw counts.

    Parameters
    ----------
    counts : Counts
        As read; the matrix may be of any number type.
    where : str
        File and sample, for messages.
    organism : str
        human or mouse.

    Raises
    ------
    InputError
        No cells or genes; negative, missing or non-integer values; rounded values that were scaled to one sum; axes
        swapped; unfiltered droplets; barcodes twice; genes of another species.
    """
    _check_axes(counts, where=where)
    _check_genes(counts.genes, where=where, organism=organism)
    matrix = as_integers(counts.matrix, where=where, found_elsewhere=counts.found_elsewhere)
    _check_droplets(matrix, where=where)
    _check_sums(matrix, where=where, found_elsewhere=counts.found_elsewhere)
    return replace(counts, matrix=matrix, genes=unique_genes(counts.genes, counts.gene_ids, where=where))


def _check_axes(counts: Counts, *, where: str) -> None:
    n_cells, n_genes = counts.matrix.shape
    if not n_cells or not n_genes:
        found, mend = f"{n_cells} cells x {n_genes} genes", "Check that the file is whole and not a subset."
        raise InputError(where, found=found, expected="at least one cell and one gene", mend=mend)
    if gene_like(counts.barcodes):
        raise transposed(where, names=counts.barcodes, axis="cells")
    if barcode_like(counts.genes):
        raise transposed(where, names=counts.genes, axis="genes")
    name, times = Counter(counts.barcodes.tolist()).most_common(1)[0]
    if times > 1:
        n_twice = n_cells - len(set(counts.barcodes.tolist()))
        found = f"{n_twice} barcodes more than once, e.g. {name} {times} times"
        mend = "Two libraries in one sample? Give each a row of its own in samples.tsv."
        raise InputError(where, found=found, expected="every barcode once", mend=mend)


def transposed(where: str, *, names: np.ndarray, axis: str) -> InputError:
    """The error for a matrix whose axes are swapped: `axis` (cells or genes) holds names of the other kind."""
    other = {"cells": "genes", "genes": "cells"}[axis]
    found = f"names of {other} where {axis} should be ({_few(names)})"
    mend = "The matrix looks transposed: for a dense table set `orientation` in dataset.yaml, else transpose it."
    return InputError(where, found=found, expected="barcodes as cells and gene symbols as genes", mend=mend)


def plain_text(value: Any) -> str:
    """A value of obs or var as a sample sheet has it: a donor stored as 5144.0 is 5144, a missing value is ''."""
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def given_labels(labels: pd.Series) -> pd.Series:
    """Labels that came with the data, white space made single; blank ones are unassigned."""
    text = labels.astype("object").where(labels.notna(), "").astype("str").str.split().str.join(" ")
    return text.where(~text.str.lower().isin(BLANK), UNASSIGNED)


def renamed_labels(labels: np.ndarray, names: dict[str, str], *, where: str) -> np.ndarray:
    """Given labels, made alike as by `given_labels`, under the names of `cell_types` in dataset.yaml.

    Raises
    ------
    InputError
        If a label has no name there; blank ones need none.
    """
    import pandas as pd

    given = given_labels(pd.Series(labels, dtype="object"))
    known = {" ".join(str(label).split()): name for label, name in names.items()} | {UNASSIGNED: UNASSIGNED}
    lacking = sorted(set(given) - set(known))
    if lacking:
        found = f"cell type {', '.join(repr(label) for label in lacking[:12])}"
        mend = f"Add it to `cell_types` in dataset.yaml. {nearest(lacking[0], set(known) - {UNASSIGNED})}"
        raise InputError(where, found=found, expected="labels that `cell_types` names", mend=mend)
    return given.map(known).to_numpy(dtype=object)


def _few(names: np.ndarray) -> str:
    return ", ".join(str(name) for name in names[:3])


def gene_like(names: np.ndarray) -> bool:
    """Whether names are those of genes: half of them Ensembl ids, or at least four genes that are in every cell."""
    names = [str(name) for name in names]
    known = COMMON_GENES.intersection(name.upper() for name in names)
    return len(known) >= 4 or _share(names, ENSEMBL) >= 0.5


def barcode_like(names: np.ndarray) -> bool:
    """Whether at least half of the names carry a run of ten or more nucleotides."""
    return _share([str(name) for name in names], NUCLEOTIDES) >= 0.5


def _share(names: list[str], pattern: re.Pattern[str]) -> float:
    return sum(bool(pattern.search(name)) for name in names) / max(len(names), 1)


def _check_genes(genes: np.ndarray, *, where: str, organism: str) -> None:
    """Symbols of the right species: human ones are capitals, mouse ones begin with one. Ensembl ids have no vote."""
    names = [str(name) for name in genes]
    letters = [name for name in names if sum(sign.isalpha() for sign in name) >= 2 and not ENSEMBL.search(name)]
    capitals = sum(name.upper() == name for name in letters) / max(len(letters), 1)
    seems = "human" if capitals > 0.5 else "mouse"
    if letters and seems != organism:
        mend = "Correct `organism` in dataset.yaml, or translate the symbols to those of that species."
        raise InputError(where, found=f"{seems} symbols ({_few(genes)})", expected=f"{organism} symbols", mend=mend)


def as_integers(matrix: Any, *, where: str, found_elsewhere: str) -> sp.csr_matrix:
    """The matrix as int32 CSR with sorted indices and no stored zeros, if every value is a count.

    Raises
    ------
    InputError
        If a value is missing, negative or not an integer; the message says what the matrix looks like.
    """
    matrix = sp.csr_matrix(matrix)  # a view where it already is CSR
    values = matrix.data
    whole = values.dtype.kind in "iub"
    if not whole and not np.isfinite(values).all():
        found = f"{int((~np.isfinite(values)).sum()):,} missing or infinite values"
    elif values.size and values.min() < 0:
        found = f"negative values down to {values.min():g} (scaled, centered or residuals)"
    elif not whole and not (values == np.rint(values)).all():
        found = _describe_fractions(matrix)
    elif values.size and values.max() > np.iinfo(np.int32).max:
        found = f"a count of {values.max():g}"
    else:
        out = sp.csr_matrix((values.astype(np.int32), matrix.indices, matrix.indptr), shape=matrix.shape, copy=True)
        out.sum_duplicates()
        out.eliminate_zeros()
        return out
    raise _no_counts(where, found, found_elsewhere)


def _no_counts(where: str, found: str, found_elsewhere: str) -> InputError:
    mend = (
        f"Counts may be in {found_elsewhere}."
        if found_elsewhere
        else "Use the raw matrix as the sequencer's pipeline made it."
    )
    return InputError(where, found=found, expected="raw counts: integers, 0 or more", mend=mend)


def _check_sums(matrix: sp.csr_matrix, *, where: str, found_elsewhere: str) -> None:
    """Refuse whole numbers that are rounded: every cell then has about the same sum."""
    sums = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
    if len(sums) < EQUAL_CELLS or np.median(sums) <= EQUAL_SUMS or sums.std() >= EQUAL_VARIATION * sums.mean():
        return
    found = f"whole numbers that add up to about {np.median(sums):,.0f} in every one of {len(sums):,} rows: looks "
    raise _no_counts(where, f"{found}normalized (as CPM or counts per 10,000) and rounded", found_elsewhere)


def _describe_fractions(matrix: sp.csr_matrix) -> str:
    """What a matrix with fractions most likely is."""
    values = matrix.data
    fractions = float((values != np.rint(values)).mean())
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    sums = sums[sums > 0]
    example = f"{values[values != np.rint(values)][0]:.4g}"
    if values.max() < 20:
        looks = f"log-normalized (largest value {values.max():.3g})"
    elif sums.std() < 0.01 * sums.mean():
        looks = f"scaled to {sums.mean():,.0f} a cell, as CPM or TPM"
    elif fractions < 0.9:
        looks = "decontaminated or corrected counts (SoupX, DecontX, CellBender)"
    else:
        looks = "normalized"
    return f"{fractions:.0%} non-integer values, e.g. {example}: looks {looks}"


def _check_droplets(matrix: sp.csr_matrix, *, where: str) -> None:
    if matrix.shape[0] <= MAX_DROPLETS:
        return
    median = float(np.median(np.asarray(matrix.sum(axis=1)).ravel()))
    if median < DROPLET_COUNTS:
        found = f"{matrix.shape[0]:,} barcodes with a median of {median:g} counts: unfiltered droplets"
        mend = "Use the filtered matrix (filtered_feature_bc_matrix.h5), or call cells first."
        raise InputError(where, found=found, expected="cells", mend=mend)


def unique_genes(genes: np.ndarray, gene_ids: np.ndarray, *, where: str) -> np.ndarray:
    """Gene names that are unique: a second gene of one symbol becomes '<symbol>.<gene id>'.

    The first in the order of the file keeps the plain symbol. A gene without a symbol gets its id.

    Raises
    ------
    InputError
        If two genes share both symbol and id.
    """
    seen: set[str] = set()
    names = []
    for gene, gene_id in zip(genes.tolist(), gene_ids.tolist(), strict=True):
        name = gene or gene_id
        if name in seen:
            name = f"{name}.{gene_id}" if gene_id else ""
        if not name or name in seen:
            mend = "Name the columns of var with symbols and ids in dataset.yaml (`symbol`, `gene_id`)."
            raise InputError(where, found=f"gene '{gene}' twice", expected="ids that tell them apart", mend=mend)
        seen.add(name)
        names.append(name)
    return np.array(names, dtype=object)
