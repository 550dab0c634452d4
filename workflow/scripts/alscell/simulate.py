"""A simulated cohort with planted truth: counts whose answer is known, to try and to test the workflow on.

Counts are gamma-Poisson (negative binomial) around a mean built of: expression by cell type, a planted change in
the case arm, donor effects (gene by gene, and shared by co-expressed genes), batch, sex, library size,
mitochondrial share, ambient RNA, dying cells and doublets. Nothing in it is fitted to anybody's data.

Every draw has its own stream, named by what it is for (cohort, donor, batch, sample), so a sample's counts depend
neither on the other samples nor on their order.

SOURCE: negative binomial with donor effects as in Crowell 2020 (10.1038/s41467-020-19894-4) and Zimmerman 2021
(10.1038/s41467-021-21038-1); effects shared by genes, without which set tests look better than they are, as in
Wu and Smyth 2012 (10.1093/nar/gks461).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from alscell.errors import InputError, nearest
from alscell.simulation_plan import Plan

NUCLEOTIDES = np.array(list("ACGT"))
BARCODE_LENGTH = 16
MARKER_SHARE, MARKER_SPREAD, MARKER_ELSEWHERE = 1.2e-3, 0.4, 1.5e-5  # UNIT: share of a cell's RNA; sd of its log
BASE_SPREAD, TYPE_GENES, TYPE_SPREAD = 1.1, 0.08, 1.0  # sd of log; share of genes that a type shifts; sd of that shift
RIBOSOMAL_SPREAD = 0.4
# SOURCE: 700 to 1,400 counts per million in donors that are women (Velmeshev 2019, 10.1126/science.aav8130; GSE174332).
XIST_SHARE = 1e-3
MITOCHONDRIAL_SPREAD, AMBIENT_SPREAD, MAX_AMBIENT = 0.4, 0.5, 0.5  # sd over cells of log share; ceiling
N_MODULES = 40  # groups of co-expressed genes among the genes that are in no set
LOADING_SPREAD = 0.3


@dataclass(frozen=True)
class Cohort:
    """What all samples share. Arrays are cell types x genes (order of `plan.cell_types` and `genes`) or genes.

    Attributes
    ----------
    genes : DataFrame
        gene, gene_id, chromosome.
    profile : ndarray
        Share of a cell's RNA that is not mitochondrial; 0 for MT genes; each row sums to 1.
    mitochondrial : ndarray
        Share of a cell's mitochondrial RNA, per gene; sums to 1.
    change : ndarray
        Planted log2 fold change, case over control.
    dispersion, donor_spread, loading : ndarray
        Per gene: negative binomial dispersion, sd of the log donor effect, weight in its module.
    module : ndarray
        Number of each gene's module.
    """

    plan: Plan
    seed: int
    genes: pd.DataFrame
    profile: np.ndarray
    mitochondrial: np.ndarray
    change: np.ndarray
    dispersion: np.ndarray
    donor_spread: np.ndarray
    module: np.ndarray
    loading: np.ndarray


def stream(seed: int, *names: str) -> np.random.Generator:
    """A random stream of its own for each use: the same seed and names always give the same numbers."""
    return np.random.default_rng(np.random.SeedSequence([seed, *(zlib.crc32(name.encode()) for name in names)]))


def build_cohort(
    plan: Plan,
    genes: pd.DataFrame,
    *,
    markers: pd.DataFrame,
    gene_sets: Mapping[tuple[str, str], list[str]],
    seed: int,
) -> Cohort:
    """Draw everything that the samples share.

    Parameters
    ----------
    plan : Plan
        What to simulate.
    genes : DataFrame
        gene, gene_id, chromosome; `plan.n_genes` of them are used (0: all).
    markers : DataFrame
        cell_type, gene: high in that type, low elsewhere. Types that the plan has not keep their genes low.
    gene_sets : mapping of (family, pathway) to genes
        Sets that can be planted; each is a module of co-expressed genes.
    seed : int
        The run's seed; `plan.seed_offset` is added.

    Raises
    ------
    InputError
        If an effect names a set that does not exist, or none of its genes is known.
    """
    seed = seed + plan.seed_offset
    genes = _choose_genes(plan, genes, markers, gene_sets, seed)
    change = _planted_change(plan, genes, gene_sets, seed)
    rng = stream(seed, "genes")
    size = len(genes)
    low, high = plan.donor_spread
    module = _modules(genes, gene_sets, rng)
    return Cohort(
        plan=plan,
        seed=seed,
        genes=genes,
        profile=_profiles(plan, genes, markers, change, seed),
        mitochondrial=_mitochondrial_profile(genes, seed),
        change=change,
        dispersion=plan.dispersion * np.exp(rng.normal(0, plan.dispersion_spread, size)),
        donor_spread=rng.uniform(low, high, size),
        module=module,
        loading=np.abs(rng.normal(1, LOADING_SPREAD, size)),
    )


def _choose_genes(
    plan: Plan, genes: pd.DataFrame, markers: pd.DataFrame, gene_sets: Mapping, seed: int
) -> pd.DataFrame:
    """`plan.n_genes` genes in the table's order: sets, markers, programs, MT, Y and XIST always, and a random rest."""
    if not plan.n_genes or plan.n_genes >= len(genes):
        return genes.reset_index(drop=True)
    needed = set(markers["gene"]).union(*gene_sets.values())
    needed = needed.union(*(program.genes for program in plan.programs), *(one.genes for one in plan.gene_effects))
    keep = (genes["gene"].isin(needed) | genes["chromosome"].isin(["MT", "Y"]) | genes["gene"].eq("XIST")).to_numpy(
        copy=True
    )
    rest = np.flatnonzero(~keep)
    extra = min(max(plan.n_genes - int(keep.sum()), 0), len(rest))
    keep[stream(seed, "choice of genes").choice(rest, size=extra, replace=False)] = True
    return genes[keep].reset_index(drop=True)


def _planted_change(plan: Plan, genes: pd.DataFrame, gene_sets: Mapping, seed: int) -> np.ndarray:
    """Planted log2 fold change, cell types x genes. A gene moves once: as `gene_effects`, else the first set, says."""
    change = np.zeros((len(plan.proportions), len(genes)))
    position = pd.Series(np.arange(len(genes)), index=genes["gene"])
    for effect in plan.gene_effects:
        unknown = [gene for gene in effect.genes if gene not in position.index]
        if unknown:
            mend = nearest(unknown[0], position.index)
            raise InputError("gene_effects", found=f"'{unknown[0]}'", expected="a gene of genes.tsv", mend=mend)
        change[plan.cell_types.index(effect.cell_type), position[list(effect.genes)]] = effect.log2_fold_change
    for effect in plan.effects:
        key = (effect.family, effect.pathway)
        members = [gene for gene in gene_sets.get(key, ()) if gene in position.index]
        if not members:
            mend = nearest(effect.pathway, {pathway for _, pathway in gene_sets})
            raise InputError("effects", found=f"{key[0]}/{key[1]}", expected="a set with known genes", mend=mend)
        rng = stream(seed, "effect", effect.cell_type, *key)
        n_changed = max(1, round(effect.fraction * len(members)))
        chosen = position[rng.permutation(sorted(members))[:n_changed]].to_numpy()
        row = change[plan.cell_types.index(effect.cell_type)]
        chosen = chosen[row[chosen] == 0]
        row[chosen] = effect.log2_fold_change
    return change


def _profiles(plan: Plan, genes: pd.DataFrame, markers: pd.DataFrame, change: np.ndarray, seed: int) -> np.ndarray:
    """Share of each type's non-mitochondrial RNA, cell types x genes."""
    size = len(genes)
    base = stream(seed, "base").normal(0, BASE_SPREAD, size)
    special = stream(seed, "markers").normal(0, MARKER_SPREAD, size)
    names = genes["gene"]
    nuclear = genes["chromosome"].ne("MT").to_numpy()
    ribosomal = names.str.match(r"RP[SL]P?\d").to_numpy()
    any_marker = names.isin(markers["gene"]).to_numpy()
    profile = np.zeros(change.shape)
    for row, cell_type in enumerate(plan.cell_types):
        rng = stream(seed, "type", cell_type)
        log = base + np.where(rng.random(size) < TYPE_GENES, rng.normal(0, TYPE_SPREAD, size), 0)
        share = np.exp(log) / np.exp(log).sum()
        # a planted gene is a gene that the type expresses; else nothing could be found
        share = np.where(change[row] != 0, np.maximum(share, np.median(share)), share)
        own = names.isin(markers.loc[markers["cell_type"] == cell_type, "gene"]).to_numpy()
        low = any_marker & (change[row] == 0)
        for program in plan.programs:
            inside = names.isin(program.genes).to_numpy()
            own, low = own | (inside & (cell_type in program.cell_types)), low | inside
        share[low] = MARKER_ELSEWHERE
        share[own] = MARKER_SHARE * np.exp(special[own])
        plain = nuclear & ~ribosomal
        profile[row, plain] = share[plain] / share[plain].sum() * (1 - plan.ribosomal_share * ribosomal.any())
        level = np.exp(base[ribosomal] * RIBOSOMAL_SPREAD / BASE_SPREAD)
        profile[row, ribosomal] = level / level.sum() * plan.ribosomal_share if level.size else 0
    return profile / profile.sum(axis=1, keepdims=True)


def _mitochondrial_profile(genes: pd.DataFrame, seed: int) -> np.ndarray:
    level = np.exp(stream(seed, "mitochondrial").normal(0, BASE_SPREAD, len(genes)))
    level[genes["chromosome"].ne("MT").to_numpy()] = 0
    return level / max(level.sum(), 1e-300)


def _modules(genes: pd.DataFrame, gene_sets: Mapping, rng: np.random.Generator) -> np.ndarray:
    """A module for each gene: its first set, in sorted order; else one of `N_MODULES` at random."""
    module = rng.integers(0, N_MODULES, len(genes))
    taken = np.zeros(len(genes), dtype=bool)
    for number, key in enumerate(sorted(gene_sets)):
        inside = genes["gene"].isin(gene_sets[key]).to_numpy() & ~taken
        module[inside] = N_MODULES + number
        taken |= inside
    return module


def draw_cells(cohort: Cohort, row: Mapping[str, str]) -> pd.DataFrame:
    """The droplets of one sample, in the order of their barcodes.

    Parameters
    ----------
    cohort : Cohort
        From `build_cohort`.
    row : mapping
        The sample's row of samples.tsv: sample, donor, condition.

    Returns
    -------
    DataFrame
        barcode (16 letters), cell_type, doublet_with ("" for a single cell), dying.
    """
    plan = cohort.plan
    rng = stream(cohort.seed, "cells", row["sample"])
    n_cells = max(1, round(plan.cells_per_sample * np.exp(rng.normal(0, plan.cells_spread))))
    n_doublets = round(n_cells * n_cells / 1000 * plan.doublets_per_1000)
    shares = _shares(cohort, row)
    types = np.array(plan.cell_types, dtype=object)
    codes = pd.unique(rng.integers(0, 4**BARCODE_LENGTH, n_cells + 100))[:n_cells]
    letters = NUCLEOTIDES[(np.sort(codes)[:, None] >> (2 * np.arange(BARCODE_LENGTH)[::-1])) & 3]
    second = np.full(n_cells, "", dtype=object)
    pairs = rng.permutation(n_cells)[:n_doublets]
    second[pairs] = types[rng.choice(len(types), size=len(pairs), p=shares)]
    return pd.DataFrame(
        {
            "barcode": ["".join(word) for word in letters],
            "cell_type": types[rng.choice(len(types), size=n_cells, p=shares)],
            "doublet_with": second,
            "dying": (rng.random(n_cells) < plan.dying_share) & (second == ""),
        }
    )


def _shares(cohort: Cohort, row: Mapping[str, str]) -> np.ndarray:
    """A donor's share of each cell type: Dirichlet around the plan's, whose odds are shifted in the case arm."""
    plan = cohort.plan
    share = pd.Series(plan.proportions, dtype=float)
    if row["condition"] in plan.case and plan.composition:
        fold = pd.Series(plan.composition, dtype=float)
        odds = fold * share[fold.index] / (1 - share[fold.index])
        rest = share.drop(fold.index)
        moved = odds / (1 + odds)
        share = pd.concat([moved, rest / rest.sum() * (1 - moved.sum())]).reindex(share.index)
    return stream(cohort.seed, "shares", row["donor"]).dirichlet(share.to_numpy() * plan.proportion_precision)


def simulate_sample(cohort: Cohort, row: Mapping[str, str]) -> tuple[sparse.csr_matrix, pd.DataFrame]:
    """Counts of one sample.

    Parameters
    ----------
    cohort : Cohort
        From `build_cohort`.
    row : mapping
        The sample's row of samples.tsv: sample, donor, condition, and, where given, sex (F or M) and batch.

    Returns
    -------
    counts : csr_matrix of int32, cells x genes
        UMI counts.
    cells : DataFrame
        As `draw_cells`, in the order of the rows of `counts`.
    """
    cells = draw_cells(cohort, row)
    rng = stream(cohort.seed, "counts", row["sample"])
    profile = _sample_profile(cohort, row)
    double = np.flatnonzero(cells["doublet_with"].to_numpy() != "")
    owner = np.concatenate([np.arange(len(cells)), double])
    unit_type = np.concatenate([cells["cell_type"], cells["doublet_with"].to_numpy()[double]])
    dying = np.concatenate([cells["dying"], np.zeros(len(double), dtype=bool)])
    fold = pd.Series(cohort.plan.library_fold).reindex(cohort.plan.cell_types).fillna(1.0).to_numpy(dtype=float)
    soup = _soup(cohort, profile, unit_type, fold)
    blocks, order = [], []
    for number, cell_type in enumerate(cohort.plan.cell_types):
        inside = np.flatnonzero(unit_type == cell_type)
        blocks.append(_draw_counts(cohort, profile[number], soup, dying[inside], fold[number], rng))
        order.append(inside)
    units = sparse.vstack(blocks, format="csr")
    owners = owner[np.concatenate(order)]
    gather = sparse.csr_matrix((np.ones(len(owners), dtype=np.int32), (owners, np.arange(len(owners)))))
    counts = sparse.csr_matrix(gather @ units, dtype=np.int32)
    if row.get("sex") == "F":
        counts = _with_xist(counts, cohort, stream(cohort.seed, "XIST", row["sample"]))
    counts.sort_indices()
    return counts, cells


def _with_xist(counts: sparse.csr_matrix, cohort: Cohort, rng: np.random.Generator) -> sparse.csr_matrix:
    """The counts with XIST as women have it; drawn by itself, so that the other genes are as they were."""
    place = np.flatnonzero(cohort.genes["gene"] == "XIST")
    if not len(place):
        return counts
    drawn = rng.poisson(XIST_SHARE * np.asarray(counts.sum(axis=1)).ravel()).astype(np.int32)
    parts = [counts[:, : place[0]], sparse.csr_matrix(drawn[:, None]), counts[:, place[0] + 1 :]]
    return sparse.hstack(parts, format="csr", dtype=np.int32)


def _sample_profile(cohort: Cohort, row: Mapping[str, str]) -> np.ndarray:
    """Share of non-mitochondrial RNA, cell types x genes, for one sample: condition, donor, batch and sex."""
    plan, (n_types, n_genes) = cohort.plan, cohort.profile.shape
    donor = stream(cohort.seed, "donor", row["donor"])
    log = donor.normal(0, 1, (n_types, n_genes)) * cohort.donor_spread
    modules = donor.normal(0, plan.module_spread, (n_types, int(cohort.module.max()) + 1))
    log += modules[:, cohort.module] * cohort.loading
    if row["condition"] in plan.case:
        log += cohort.change * np.log(2)
    if row.get("batch"):
        log += stream(cohort.seed, "batch", row["batch"]).normal(0, plan.batch_spread, n_genes)
    profile = cohort.profile * np.exp(log)
    if row.get("sex") == "F":
        profile[:, cohort.genes["chromosome"].eq("Y").to_numpy()] = 0
    elif row.get("sex") == "M":
        profile[:, cohort.genes["gene"].eq("XIST").to_numpy()] = 0
    return profile / profile.sum(axis=1, keepdims=True)


def _soup(cohort: Cohort, profile: np.ndarray, unit_type: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The sample's mean profile, genes: what floats in every droplet."""
    number = pd.Series(unit_type).value_counts().reindex(cohort.plan.cell_types, fill_value=0).to_numpy()
    mean = (number * fold) @ profile
    share = cohort.plan.mitochondrial_share
    return (1 - share) * mean / mean.sum() + share * cohort.mitochondrial


def _draw_counts(
    cohort: Cohort, profile: np.ndarray, soup: np.ndarray, dying: np.ndarray, fold: float, rng: np.random.Generator
) -> sparse.csr_matrix:
    """Counts of the cells of one type, cells x genes. Only these cells are dense, and only here."""
    plan, n_cells = cohort.plan, len(dying)
    if not n_cells:
        return sparse.csr_matrix((0, len(soup)), dtype=np.int32)
    library = plan.library_median * fold * np.exp(rng.normal(0, plan.library_spread, n_cells))
    library *= np.where(dying, plan.dying_library_fold, 1)
    share = np.where(dying, plan.dying_mitochondrial_share, plan.mitochondrial_share)
    share = np.minimum(share * np.exp(rng.normal(0, MITOCHONDRIAL_SPREAD, n_cells)), 0.9)
    ambient = np.minimum(plan.ambient_share * np.exp(rng.normal(0, AMBIENT_SPREAD, n_cells)), MAX_AMBIENT)
    mean = (library * (1 - ambient) * (1 - share))[:, None] * profile
    mean += (library * (1 - ambient) * share)[:, None] * cohort.mitochondrial
    mean *= rng.standard_gamma(np.broadcast_to(1 / cohort.dispersion, mean.shape)) * cohort.dispersion
    mean += (library * ambient)[:, None] * soup
    return sparse.csr_matrix(rng.poisson(mean).astype(np.int32))


def planted_pathways(cohort: Cohort, gene_sets: Mapping[tuple[str, str], list[str]]) -> pd.DataFrame:
    """One row for each planted set; `fraction_changed`: share of its simulated members that move the planted way."""
    rows = []
    for effect in cohort.plan.effects:
        inside = cohort.genes["gene"].isin(gene_sets[effect.family, effect.pathway]).to_numpy()
        change = cohort.change[cohort.plan.cell_types.index(effect.cell_type), inside]
        moved = np.sign(change) == np.sign(effect.log2_fold_change)
        rows.append((effect.cell_type, effect.family, effect.pathway, effect.log2_fold_change, moved.mean()))
    return pd.DataFrame(rows, columns=["cell_type", "family", "pathway", "log2_fold_change", "fraction_changed"])


def planted_genes(cohort: Cohort) -> pd.DataFrame:
    """One row for each gene with a planted change in a cell type: cell_type, gene, log2_fold_change."""
    row, column = np.nonzero(cohort.change)
    return pd.DataFrame(
        {
            "cell_type": np.array(cohort.plan.cell_types, dtype=object)[row],
            "gene": cohort.genes["gene"].to_numpy()[column],
            "log2_fold_change": cohort.change[row, column],
        }
    )
