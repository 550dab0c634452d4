"""Counts summed by donor and cell type: the only expression that tests between donors see."""

from __future__ import annotations

import logging
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from alscell.errors import InputError
from alscell.keys import (
    CELL_TYPE,
    DATASET,
    DONOR,
    GENE,
    GENE_ID,
    N_CELLS,
    SAMPLE,
    SHEET_FILE_COLUMNS,
)

LOG = logging.getLogger("alscell.pseudobulk")
N_SAMPLES = "n_samples"
UNIT = "raw counts, summed over cells"
# ASSUME: samples that share fewer genes than this were not counted against the same annotation.
MIN_SHARED_GENES = 0.5


@dataclass(frozen=True)
class SampleSums:
    """Counts of one sample summed by cell type.

    Parameters
    ----------
    sample : str
    cell_types : list of str (types,)
    n_cells : ndarray of int (types,)
    counts : CSR matrix of int64, types x genes
    genes : DataFrame
        Index gene, column gene_id.
    """

    sample: str
    cell_types: list[str]
    n_cells: np.ndarray
    counts: sparse.csr_matrix
    genes: pd.DataFrame


def sum_cells(counts: sparse.csr_matrix, labels: np.ndarray) -> tuple[list[str], np.ndarray, sparse.csr_matrix]:
    """Sum the rows of each label.

    Parameters
    ----------
    counts : CSR matrix of integers, cells x genes
    labels : ndarray of str (cells,)

    Returns
    -------
    names : list of str
        Labels, sorted.
    n_cells : ndarray of int
    sums : CSR matrix of int64, labels x genes
    """
    names, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    # NOTE: int64 throughout: categorical codes are int8, and sums of int32 counts can pass 2^31.
    member = (np.ones(len(codes), dtype=np.int64), (codes.astype(np.int64), np.arange(len(codes))))
    indicator = sparse.csr_matrix(member, shape=(len(names), len(codes)))
    sums = sparse.csr_matrix(indicator @ sparse.csr_matrix(counts).astype(np.int64))
    return names.tolist(), np.bincount(codes, minlength=len(names)), sums


def check_samples(counts: Set[str], quality: Set[str], sheet: pd.DataFrame, *, where: str) -> list[str]:
    """Names of the samples to sum, sorted.

    NOTE: never by position: the sheet may have been sorted or edited while its samples were made.

    Parameters
    ----------
    counts, quality : set of str
        Samples that have counts, and a table of quality.
    sheet : DataFrame
        samples.tsv as it is now.
    where : str
        Path of the sheet.

    Raises
    ------
    InputError
        If the sheet lacks one of them.
    ValueError
        If a sample has counts or quality only.
    """
    if counts ^ quality:
        raise ValueError(f"samples with counts or quality only: {sorted(counts ^ quality)}")
    unknown = sorted(counts - set(sheet[SAMPLE]))
    if unknown:
        raise InputError(
            where,
            found=f"no row for sample {', '.join(map(repr, unknown))}, which this run has counts of",
            expected="the samples that the run was started with",
            mend="Put the row back, or start the run again with the new sheet.",
        )
    return sorted(counts)


def sum_sample(data: Any, cell_types: pd.Series, kept: pd.Index, *, sample: str) -> SampleSums:
    """Sum the kept cells of one sample by cell type.

    Parameters
    ----------
    data : AnnData, cells x genes
        Raw counts of one sample.
    cell_types : Series
        Cell -> type, of the whole dataset.
    kept : Index
        Cells of this sample that passed quality control.
    sample : str

    Raises
    ------
    ValueError
        If a kept cell has no counts or no type.
    """
    rows = data.obs_names.get_indexer(kept)
    if (rows < 0).any() or not kept.isin(cell_types.index).all():
        raise ValueError(f"sample '{sample}': kept cells without counts or without a cell type")
    names, n_cells, sums = sum_cells(data.X[rows], cell_types[kept].to_numpy())
    return SampleSums(sample, names, n_cells, sums, pd.DataFrame({GENE_ID: gene_ids(data.var)}, index=data.var_names))


def gene_ids(genes: pd.DataFrame) -> pd.Series:
    """Ensembl ids, '' where unknown."""
    if GENE_ID not in genes:
        return pd.Series("", index=genes.index)
    return genes[GENE_ID].astype(object).fillna("").astype(str)


def shared_genes(parts: list[SampleSums]) -> pd.DataFrame:
    """Genes that every sample was counted for, in the order of the first.

    Raises
    ------
    InputError
        If a sample has less than half of the genes of the one that has most.
    """
    largest = max(len(part.genes) for part in parts)
    shared = parts[0].genes
    for part in parts:
        shared = shared[shared.index.isin(part.genes.index)]
        if len(shared) < MIN_SHARED_GENES * largest:
            raise InputError(
                f"sample '{part.sample}'",
                found=f"{len(part.genes)} genes, of which {len(shared)} are in all samples before it",
                expected=f"the genes of the other samples ({largest})",
                mend="Count all samples of a dataset against one annotation, or leave this sample out.",
            )
    if len(shared) < largest:
        LOG.info("%d of %d genes are in every sample; the others are left out", len(shared), largest)
    return shared


def add_samples(parts: list[SampleSums], sheet: pd.DataFrame, *, dataset: str, simulated: bool) -> Any:
    """The pseudobulk of a dataset: samples of one donor and cell type added up.

    Parameters
    ----------
    parts : list of SampleSums
        At least one, each with at least one cell.
    sheet : DataFrame
        samples.tsv.
    dataset : str
    simulated : bool

    Returns
    -------
    AnnData, (donor x cell type) x genes
        CSR integers; obs donor, cell_type, n_cells, n_samples and the donor-level columns of the sheet; index
        "<donor>|<cell_type>", sorted; var gene_id; uns dataset, simulated, unit.
    """
    genes = shared_genes(parts)
    donor_of = sheet.set_index(SAMPLE)[DONOR]
    blocks = [part.counts[:, part.genes.index.get_indexer(genes.index)] for part in parts]
    rows = pd.DataFrame(
        [
            (donor_of[part.sample], cell_type, cells)
            for part in parts
            for cell_type, cells in zip(part.cell_types, part.n_cells, strict=True)
        ],
        columns=[DONOR, CELL_TYPE, N_CELLS],
    )
    names = rows[DONOR] + "|" + rows[CELL_TYPE]
    groups, _, counts = sum_cells(sparse.vstack(blocks, format="csr"), names.to_numpy())
    grouped = rows.assign(name=names).groupby("name", sort=True)
    observations = grouped.agg({DONOR: "first", CELL_TYPE: "first", N_CELLS: "sum"}).assign(
        **{N_SAMPLES: grouped.size()}
    )
    donors = donor_columns(sheet)
    observations = observations.loc[groups].join(donors, on=DONOR).sort_values([DONOR, CELL_TYPE], kind="stable")
    counts = counts[pd.Index(groups).get_indexer(observations.index)]
    return to_anndata(counts, observations, genes, dataset=dataset, simulated=simulated)


def donor_columns(sheet: pd.DataFrame) -> pd.DataFrame:
    """Columns of the sheet that have one value in all samples of each donor; index donor."""
    candidates = [name for name in sheet if name not in (SAMPLE, DONOR, *SHEET_FILE_COLUMNS)]
    values = sheet.groupby(DONOR)[candidates].nunique().max()
    kept = [name for name in candidates if values[name] == 1]
    varying = sorted(set(candidates) - set(kept))
    if varying:
        LOG.info("columns that differ between samples of one donor are left out: %s", ", ".join(varying))
    return sheet.groupby(DONOR)[kept].first()


def to_anndata(
    counts: sparse.csr_matrix, observations: pd.DataFrame, genes: pd.DataFrame, *, dataset: str, simulated: bool
) -> Any:
    """The pseudobulk as AnnData: int32 counts where they fit, int64 else."""
    import anndata

    counts = sparse.csr_matrix(counts)
    counts.sort_indices()
    fits = counts.nnz == 0 or counts.data.max() <= np.iinfo(np.int32).max
    observations = observations.rename_axis(None).astype({N_CELLS: np.int64, N_SAMPLES: np.int64})
    return anndata.AnnData(
        X=counts.astype(np.int32 if fits else np.int64),
        obs=observations,
        var=pd.DataFrame({GENE_ID: genes[GENE_ID].to_numpy()}, index=genes.index.rename(GENE)),
        uns={DATASET: dataset, "simulated": simulated, "unit": UNIT},
    )


def observations_of(data: Any) -> pd.DataFrame:
    """Rows of a pseudobulk as plain text and integers (h5ad gives categories)."""
    text = [name for name in data.obs if name not in (N_CELLS, N_SAMPLES)]
    return data.obs.astype({**dict.fromkeys(text, object), N_CELLS: int, N_SAMPLES: int}).astype(
        dict.fromkeys(text, str)
    )
