"""Names of genes by the shipped tables: symbols for Ensembl ids, ids for symbols."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from alscell.counts import ENSEMBL, Counts, gene_like
from alscell.errors import InputError
from alscell.keys import GENE_ID

SYMBOL = "symbol"
IDS = {"human": re.compile(r"ENSG\d{6,}"), "mouse": re.compile(r"ENSMUSG\d{6,}")}
# Cell Ranger puts the genome before names and ids where a reference has two of them. SOURCE: 10x Genomics, mkref.
PREFIX = re.compile(r"(?P<genome>hg19|hg38|GRCh37|GRCh38|mm9|mm10|mm39|GRCm38|GRCm39)_+(?=\S)")
VERSION = re.compile(r"^(ENS[A-Z]*G\d+)\.\d+")
OTHER_IDS = re.compile(r"\d+|ENS[A-Z]*[TP]\d{6,}(\.\d+)?|[NX][MRP]_\d+(\.\d+)?")
# Rows below a table of counts that are no genes: reads that HTSeq and STAR could not count.
# SOURCE: manuals of htseq-count ("special counters") and STAR (ReadsPerGene.out.tab).
LEFT_OVER = re.compile(
    r"__(no_feature|ambiguous|too_low_aQual|not_aligned|alignment_not_unique)|N_(unmapped|multimapping|noFeature|ambiguous)"
)
MIN_NAMED = 0.5  # ASSUME: with fewer genes (or counts) named, ids are of another species, release or kind
# ASSUME: more genes of another species are a mixture; fewer are a transgene, such as human SOD1 in SOD1-G93A mice.
MAX_FOREIGN = 0.01

log = logging.getLogger(__name__)


def name_genes(counts: Counts, table: pd.DataFrame, *, organism: str, where: str) -> Counts:
    """The sample with symbols where it came with Ensembl ids, and ids where it came with symbols.

    Where at least half of the names are Ensembl ids, those get their symbols from the table; a gene that the table does
    not name keeps its id as its name. Where no gene has an id, those whose symbol stands for one id in the table, and
    once in the sample, get it. Versions (.12) are cut off ids. Reads that no gene got (__no_feature) are left out.
    `notes` says what was done.

    Parameters
    ----------
    counts : Counts
        As read.
    table : DataFrame
        gene_id, symbol; of this organism.
    organism : str
        human or mouse.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        Genes of two species; ids in the place of symbols that are of another species, or unknown to the table for half
        of the genes or of the counts; names that are numbers or transcripts.
    """
    if gene_like(counts.barcodes) or not len(counts.genes):
        return counts  # swapped axes or an empty matrix: check_counts says so
    counts = _without_left_over(counts)
    genes = _without_genome(counts.genes, organism, where)
    gene_ids = _without_genome(counts.gene_ids, organism, where)
    gene_ids = np.array([VERSION.sub(r"\1", name) for name in gene_ids], dtype=object)
    _check_kind(genes, where)
    by_id = _share(genes, ENSEMBL) >= MIN_NAMED
    if by_id:
        if any(gene_ids) and _share(gene_ids, ENSEMBL) < MIN_NAMED:
            found = f"Ensembl ids as symbols ({_few(genes)}) and other names as ids ({_few(gene_ids)})"
            mend = "Swap `symbol` and `gene_id` in dataset.yaml."
            raise InputError(where, found=found, expected="symbols and Ensembl ids", mend=mend)
        genes = np.array([VERSION.sub(r"\1", name) for name in genes], dtype=object)
        gene_ids = np.where([bool(ENSEMBL.match(name)) for name in genes], genes, gene_ids)
    elif np.array_equal(gene_ids, genes):  # a features.tsv with symbols in both columns
        gene_ids = np.array([""] * len(genes), dtype=object)
    ids_from = "file" if any(gene_ids) else "none"
    _check_species(gene_ids, organism, where)
    if by_id:
        symbols = dict(zip(table[GENE_ID], table[SYMBOL], strict=True))
        genes = np.array([symbols.get(name.removesuffix("_PAR_Y"), name) for name in genes], dtype=object)
    elif not any(gene_ids):
        gene_ids = ids_of_symbols(genes, table)
        ids_from = "gene table" if any(gene_ids) else "none"
    unnamed = np.array([not name or bool(ENSEMBL.match(name)) for name in genes])
    share = _share_of_counts(counts.matrix, unnamed)
    if by_id and (unnamed.mean() > 1 - MIN_NAMED or share > 1 - MIN_NAMED):
        found = f"{unnamed.sum():,} of {len(genes):,} Ensembl ids, with {share:.0%} of the counts, that the {organism} "
        found += f"gene table does not name ({_few(genes[unnamed])})"
        mend = "Check `organism`; or name the column of var that holds symbols as `symbol` in dataset.yaml (h5ad)."
        raise InputError(where, found=found, expected="ids of which at least half have a symbol", mend=mend)
    names = [gene or gene_id for gene, gene_id in zip(genes.tolist(), gene_ids.tolist(), strict=True)]
    notes = {
        "symbols_from": "gene table" if by_id else "file",
        "ids_from": ids_from,
        "n_genes_repeated": len(names) - len(set(names)),
        "n_genes_without_id": int((gene_ids == "").sum()),
        "n_genes_without_symbol": int(unnamed.sum()),
        "fraction_without_symbol": share,
    }
    if by_id:
        counted = len(genes) - unnamed.sum(), unnamed.sum(), 100 * share
        log.info("symbols of %d genes come from the gene table; %d keep their id (%.2f %% of the counts)", *counted)
    return replace(counts, genes=genes, gene_ids=gene_ids, notes={**counts.notes, **notes})


def ids_of_symbols(genes: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """The Ensembl id of each symbol; '' where it stands for none or for several, or is there twice."""
    once = table[~table[SYMBOL].duplicated(keep=False)]
    ids = dict(zip(once[SYMBOL], once[GENE_ID], strict=True))
    times = Counter(genes.tolist())
    return np.array([ids.get(gene, "") if times[gene] == 1 else "" for gene in genes.tolist()], dtype=object)


def _without_left_over(counts: Counts) -> Counts:
    keep = np.array([not LEFT_OVER.fullmatch(name) for name in counts.genes])
    if keep.all():
        return counts
    log.warning("left out, since they are no genes: %s", ", ".join(counts.genes[~keep]))
    matrix = sp.csr_matrix(counts.matrix)[:, keep]
    return replace(counts, matrix=matrix, genes=counts.genes[keep], gene_ids=counts.gene_ids[keep])


def _without_genome(names: np.ndarray, organism: str, where: str) -> np.ndarray:
    """Names without 'GRCh38_' and the like before them, if they are those of one genome and of this organism."""
    found = [PREFIX.match(name) for name in names]
    genomes = Counter(match["genome"] for match in found if match)
    if not genomes:
        return names
    if len(genomes) > 1 or _organism(next(iter(genomes))) != organism:
        listed = ", ".join(f"{number:,} of {genome}" for genome, number in sorted(genomes.items()))
        mend = f"Keep the genes and cells of {organism} only, then run again; or correct `organism` in dataset.yaml."
        raise InputError(where, found=f"genes {listed}", expected=f"genes of {organism} alone", mend=mend)
    log.info("'%s_' is cut off %d names of genes", *next(iter(genomes.items())))
    return np.array([PREFIX.sub("", name, count=1) for name in names], dtype=object)


def _organism(genome: str) -> str:
    """human for hg38 and GRCh38, mouse for mm10 and GRCm39."""
    return "human" if genome.removeprefix("GRC").startswith("h") else "mouse"


def _check_kind(genes: np.ndarray, where: str) -> None:
    odd = [name for name in genes if OTHER_IDS.fullmatch(name)]
    if len(odd) < MIN_NAMED * len(genes):
        return
    found = f"{len(odd):,} of {len(genes):,} names of genes that are numbers, transcripts or proteins ({_few(odd)})"
    mend = "Translate them (and add up transcripts of a gene) first, or name the right columns in dataset.yaml."
    raise InputError(where, found=found, expected="gene symbols or Ensembl gene ids", mend=mend)


def _check_species(gene_ids: np.ndarray, organism: str, where: str) -> None:
    """Refuse Ensembl ids of another species, but for a few transgenes."""
    ids = [name for name in gene_ids if ENSEMBL.match(name)]
    foreign = [name for name in ids if not IDS[organism].match(name)]
    if len(foreign) <= MAX_FOREIGN * len(ids):
        if foreign:
            log.warning("%d genes of another species are kept as they are (%s)", len(foreign), _few(foreign))
        return
    found = f"{len(foreign):,} of {len(ids):,} Ensembl ids that are not of {organism} ({_few(foreign)})"
    mend = "Correct `organism` in dataset.yaml, or keep the genes and cells of one species only."
    raise InputError(where, found=found, expected=f"ids of {organism}", mend=mend)


def _share(names: np.ndarray, pattern: re.Pattern[str]) -> float:
    return sum(bool(pattern.match(name)) for name in names) / max(len(names), 1)


def _share_of_counts(matrix: Any, picked: np.ndarray) -> float:
    """Share of all counts in some genes, 0..1; 0 for values that are no counts, which check_counts refuses."""
    sums = np.asarray(sp.csr_matrix(matrix).sum(axis=0), dtype=np.float64).ravel()
    total = sums.sum()
    return float(sums[picked].sum() / total) if np.isfinite(total) and total > 0 else 0.0


def _few(names: Any) -> str:
    return ", ".join(str(name) for name in list(names)[:3])
