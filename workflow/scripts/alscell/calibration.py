"""Are the tests calibrated on these data: the tests of the workflow again, with labels shuffled among the donors.

When labels are shuffled at random there is nothing to find, so 5 % of the p-values should lie below 0.05.
NOTE: labels are shuffled as if any donor could have been in either arm. What goes with an arm as a whole (a batch of
cases only, relatives within an arm) is torn apart by that and cannot be seen here.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse, special, stats

from alscell.activity import compare_arms
from alscell.composition import compare_composition, count_cells
from alscell.design import Definition, assign_groups, share_models
from alscell.enrichment import camera_sets
from alscell.expression import Choices, cell_type_units, compare_donors, fit_cell_type
from alscell.keys import (
    CASE_ARM,
    CELL_TYPE,
    CONTRAST,
    CONTROL_ARM,
    DONOR,
    FAMILY,
    N_CELLS,
    PATHWAY,
    UNASSIGNED,
)
from alscell.moderation import benjamini_hochberg
from alscell.tables import empty_table

LOG = logging.getLogger("alscell.calibration")
ALL_TYPES = "(all)"  # the row over all cell types
OVER_CELLS = "pathways_over_cells"  # no test of the workflow: what it would be to take cells for replicates
NOMINAL = 0.05
HARMLESS = (0.045, 0.055)  # ASSUME: a rate within a tenth of the nominal one does no harm
MIN_RELABELLINGS = 10  # ASSUME: fewer say nothing about a rate of 0.05; 3 against 3 donors have 9
EDGES = np.linspace(0, 1, 21)  # of the bins of p; the first one is p < NOMINAL
_BINS = [f"bin_{i}" for i in range(len(EDGES) - 1)]
_N_TRUE = 0  # number of the true labelling

Test = Callable[[pd.Series], pd.DataFrame]  # label of each donor -> cell_type, p_value, fdr


@dataclass(frozen=True)
class Relabellings:
    """Other ways to spread the arms over the same donors.

    Parameters
    ----------
    cases : ndarray of bool (relabellings, donors)
        Who is in the case arm; donors in the order they were given.
    n_distinct : int
        How many such relabellings there are.
    """

    cases: np.ndarray
    n_distinct: int


def relabel_arms(is_case: np.ndarray, blocks: np.ndarray, *, permutations: int, seed: int) -> Relabellings:
    """Shuffle the arms within blocks, so that the new case arm has its share of true cases.

    A true difference leaks into a relabelling whose case arm holds mostly true cases, or hardly any: its tests then
    find the truth and look inflated. So only those relabellings are used in which the number of true cases that stay
    in the case arm is as near as can be to its mean over all relabellings (8 against 4: 5 of 8, where 5.3 is even).
    Sizes of the arms are kept in every block. If every block has as many cases as controls, a relabelling and its
    mirror image give the same p-values: of the two, that with the first donor as a case is kept.

    Parameters
    ----------
    is_case : ndarray of bool (donors,)
        The true arms.
    blocks : ndarray (donors,)
        Labels are shuffled among donors with the same value only.
    permutations : int
        How many relabellings are wanted at most; all, if there are no more.
    seed : int
        Decides which, if there are more.

    Source
    ------
    NOTE: balanced relabellings are no group, so the rank of the true labelling among them is no p-value (Southworth,
    Kim and Owen 2009, J Comput Biol 16:625). The rate at which each of them calls null genes is not touched by that.
    """
    groups = [np.flatnonzero(blocks == value) for value in np.unique(blocks)]
    mirrored = all(2 * is_case[group].sum() == len(group) for group in groups)
    ways = _ways(is_case, groups)
    ways[int(is_case.sum())] = 0  # the true labelling
    if mirrored:
        ways[0] = 0  # its mirror image
    kept = _most_balanced(ways, sum(Fraction(int(is_case[group].sum()) ** 2, len(group)) for group in groups))
    n_distinct = sum(ways[n] for n in kept) // (2 if mirrored else 1)
    candidates = _every(is_case, groups) if n_distinct <= permutations else _random(is_case, groups, seed)
    found: dict[bytes, np.ndarray] = {}
    while len(found) < min(n_distinct, permutations):
        cases = next(candidates)
        if int((cases & is_case).sum()) in kept:
            cases = ~cases if mirrored and not cases[0] else cases
            found[cases.tobytes()] = cases
    return Relabellings(np.array(list(found.values()), dtype=bool).reshape(-1, len(is_case)), n_distinct)


def _ways(is_case: np.ndarray, groups: list[np.ndarray]) -> list[int]:
    """In how many labellings 0, 1, ... true cases stay in the case arm, exactly."""
    ways = [1]
    for group in groups:
        n, k = len(group), int(is_case[group].sum())
        own = [math.comb(k, stay) * math.comb(n - k, k - stay) for stay in range(k + 1)]
        product = [0] * (len(ways) + k)
        for (i, a), (j, b) in itertools.product(enumerate(ways), enumerate(own)):
            product[i + j] += a * b
        ways = product
    return ways


def _most_balanced(ways: list[int], mean: Fraction) -> set[int]:
    """The numbers nearest to the mean that some labelling has; two if they lie on either side of it."""
    possible = [n for n, count in enumerate(ways) if count]
    nearest = min((abs(n - mean) for n in possible), default=0)
    return {n for n in possible if abs(n - mean) == nearest}


def _every(is_case: np.ndarray, groups: list[np.ndarray]) -> Iterator[np.ndarray]:
    choices = (itertools.combinations(group, int(is_case[group].sum())) for group in groups)
    for chosen in itertools.product(*choices):
        cases = np.zeros(len(is_case), dtype=bool)
        cases[list(itertools.chain(*chosen))] = True
        yield cases


def _random(is_case: np.ndarray, groups: list[np.ndarray], seed: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(seed)
    while True:
        cases = is_case.copy()
        for group in groups:
            cases[group] = is_case[generator.permutation(group)]
        yield cases


def block_values(donors: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """The block of each donor: its values in these columns, those that the dataset has; one block without columns."""
    absent = [name for name in columns if name not in donors]
    if absent:
        LOG.warning("no donor-level column %s here: labels are shuffled without it", ", ".join(absent))
    present = [name for name in columns if name in donors]
    return donors.groupby(present).ngroup().to_numpy() if present else np.zeros(len(donors), dtype=int)


# --- the tests of the workflow, as functions of the label of each donor


@dataclass(frozen=True)
class Pseudobulk:
    """Counts by donor and cell type: counts (rows x genes), their rows (observations), genes."""

    counts: sparse.csr_matrix
    observations: pd.DataFrame
    genes: np.ndarray

    def donors(self) -> pd.DataFrame:
        """Donor-level columns, index donor."""
        return self.observations.drop_duplicates(DONOR).set_index(DONOR)

    def relabelled(self, factor: str, labels: pd.Series) -> pd.DataFrame:
        """The rows, with other labels in the column of the factor."""
        return self.observations.assign(**{factor: self.observations[DONOR].map(labels)})

    def relabelled_donors(self, factor: str, labels: pd.Series) -> pd.DataFrame:
        """Donor-level columns, index donor, with other labels in the column of the factor."""
        return self.donors().assign(**{factor: labels})


@dataclass(frozen=True)
class Plan:
    """What is tested: one contrast, and those that share its model.

    Parameters
    ----------
    definitions : dict of str to mapping
        Contrasts of the model by name, as `design.assign_groups`.
    contrast : str
        The one whose labels are shuffled.
    covariates : list of str
        Columns held constant.
    min_cells, min_donors : int
        As `expression.cell_type_units`.
    """

    definitions: dict[str, Definition]
    contrast: str
    covariates: list[str]
    min_cells: int
    min_donors: int

    @property
    def factor(self) -> str:
        return self.definitions[self.contrast]["factor"]

    def limits(self) -> dict[str, Any]:
        """Keyword arguments of `cell_type_units`."""
        return {"covariates": self.covariates, "min_cells": self.min_cells, "min_donors": self.min_donors}


def plan_of(definitions: dict[str, Definition], contrast: str, **limits: Any) -> Plan:
    """The plan of one of a dataset's contrasts: those of another model are left out, as they change nothing."""
    model = next(names for names in share_models(definitions) if contrast in names)
    return Plan({name: definitions[name] for name in model}, contrast, **limits)


def gene_test(labels: pd.Series, data: Pseudobulk, *, choices: Choices, plan: Plan) -> pd.DataFrame:
    """Differential expression.

    Parameters
    ----------
    labels : Series
        Donor -> label in the column of the factor.
    """
    rows = data.relabelled(plan.factor, labels)
    found = compare_donors(data.counts, rows, data.genes, plan.definitions, choices, dataset="", **plan.limits())
    return found.table[found.table[CONTRAST] == plan.contrast]


def pathway_test(
    labels: pd.Series, data: Pseudobulk, scores: pd.DataFrame, *, cell_weights: bool, fdr: float, plan: Plan
) -> pd.DataFrame:
    """Pathway activity, without random sets; `scores` is the table "pathway_donors"."""
    donors = data.relabelled_donors(plan.factor, labels)
    options = {"cell_weights": cell_weights, "fdr": fdr, "n_random_sets": 0, "n_expression_bins": 1, "seed": (0, "")}
    return compare_arms(scores, donors, None, {}, plan.definitions, plan.contrast, **plan.limits(), **options)


def set_test(
    labels: pd.Series, data: Pseudobulk, gene_sets: pd.DataFrame, *, choices: Choices, sizes: dict[str, int], plan: Plan
) -> pd.DataFrame:
    """CAMERA; `sizes` holds min_size and max_size."""
    parts = [empty_table("enrichment")[[CELL_TYPE, "p_value", "fdr"]]]
    rows = data.relabelled(plan.factor, labels)
    for unit in cell_type_units(rows, plan.definitions, **plan.limits())[0]:
        if (design := unit.designs.get(plan.contrast)) is None:
            continue
        dense = data.counts[unit.rows].toarray().T
        if (fitted := fit_cell_type(dense, data.genes, design, choices, cells=unit.cells)) is not None:
            parts.append(camera_sets(fitted, design, gene_sets, **sizes).assign(**{CELL_TYPE: unit.cell_type}))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def share_test(labels: pd.Series, data: Pseudobulk, *, transform: str, fdr: float, plan: Plan) -> pd.DataFrame:
    """Composition."""
    donors = data.relabelled_donors(plan.factor, labels)
    options = {"covariates": plan.covariates, "min_donors": plan.min_donors, "transform": transform, "fdr": fdr}
    found = compare_composition(count_cells(data.observations), donors, plan.definitions, dataset="", **options)
    return found[found[CONTRAST] == plan.contrast]


def cell_test(labels: pd.Series, data: Pseudobulk, scores: pd.DataFrame, *, plan: Plan) -> pd.DataFrame:
    """Pathway activity as if cells were replicates: Welch's t test over cells, on the rows that `pathway_test` tests.

    WRONG on purpose: cells of one donor are no replicates (Squair 2021, 10.1038/s41467-021-25960-2). It is here to
    show on the user's own data what that costs, and its p-values are used for nothing else. No rows where counts came
    summed, as nothing is known of single cells then.
    """
    comparison = assign_groups(data.relabelled_donors(plan.factor, labels), plan.definitions[plan.contrast])
    rows = scores.assign(arm=scores[DONOR].map(comparison.arms)).dropna(subset=["arm", "score_sd"])
    rows = rows[(rows[N_CELLS] >= plan.min_cells) & (rows[CELL_TYPE] != UNASSIGNED)]
    if rows.empty:
        return empty_table("pathway_tests")[[CELL_TYPE, "p_value", "fdr"]]
    n, mean = rows[N_CELLS], rows["score"]
    sums = rows.assign(total=n * mean, squares=(n - 1) * rows["score_sd"] ** 2 + n * mean**2, donors=1)
    sums = sums.groupby([CELL_TYPE, FAMILY, PATHWAY, "arm"])[[N_CELLS, "total", "squares", "donors"]].sum().unstack()
    sums = sums[(sums["donors"].reindex(columns=[CASE_ARM, CONTROL_ARM]) >= plan.min_donors).all(axis=1)]
    means = sums["total"] / sums[N_CELLS]
    spread = np.sqrt(((sums["squares"] - sums[N_CELLS] * means**2) / (sums[N_CELLS] - 1)).clip(lower=0))
    arms = [(means[arm], spread[arm], sums[N_CELLS][arm]) for arm in (CASE_ARM, CONTROL_ARM)]
    p_value = stats.ttest_ind_from_stats(*arms[0], *arms[1], equal_var=False).pvalue
    table = pd.DataFrame({CELL_TYPE: sums.index.get_level_values(CELL_TYPE), "p_value": p_value})
    return table.assign(fdr=benjamini_hochberg(p_value))


def workflow_tests(
    data: Pseudobulk,
    scores: pd.DataFrame,
    gene_sets: pd.DataFrame,
    plan: Plan,
    *,
    choices: Choices,
    sizes: dict[str, int],
    cell_weights: bool,
    transform: str,
) -> dict[str, Test]:
    """The four tests by name, and as a fifth what not to do.

    Parameters
    ----------
    data, plan
        What is tested.
    scores, cell_weights
        Of `pathway_test`.
    gene_sets, sizes
        Of `set_test`.
    choices : Choices
        Of the genes.
    transform : str
        Of `share_test`.
    """
    fdr = choices.fdr
    return {
        "differential": partial(gene_test, data=data, choices=choices, plan=plan),
        "pathways": partial(pathway_test, data=data, scores=scores, cell_weights=cell_weights, fdr=fdr, plan=plan),
        "enrichment": partial(set_test, data=data, gene_sets=gene_sets, choices=choices, sizes=sizes, plan=plan),
        "composition": partial(share_test, data=data, transform=transform, fdr=fdr, plan=plan),
        OVER_CELLS: partial(cell_test, data=data, scores=scores, plan=plan),
    }


# --- from p-values to rates


def calibrate(tests: dict[str, Test], labels: pd.Series, relabellings: list[pd.Series], *, fdr: float) -> pd.DataFrame:
    """Run every test with the true and with all other labels, and count what it says.

    Parameters
    ----------
    tests : dict
        Name -> test.
    labels : Series
        True label of each donor.
    relabellings : list of Series
        Other labels of the same donors.
    fdr : float
        At which a test calls a hit.

    Returns
    -------
    DataFrame
        labelling (0: the true one), test, cell_type, n_hits, and the number of p-values in each bin of EDGES.
    """
    parts = []
    for number, given in enumerate([labels, *relabellings]):
        with _quiet(number != _N_TRUE):
            parts += [
                count_p_values(test(given), fdr=fdr).assign(labelling=number, test=name) for name, test in tests.items()
            ]
    return pd.concat(parts, ignore_index=True)


@contextlib.contextmanager
def _quiet(repeated: bool) -> Iterator[None]:
    """Keep what the tests log with every relabelling out of the log: it would repeat what they said the first time."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING if repeated else before)
    try:
        yield
    finally:
        logging.disable(before)


def count_p_values(table: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """cell_type, n_hits and one column a bin of p: one row a cell type that has p-values."""
    tested = table[table["p_value"].notna()]
    rows = [
        (name, int((own["fdr"] <= fdr).sum()), *np.histogram(own["p_value"], EDGES)[0])
        for name, own in tested.groupby(CELL_TYPE)
    ]
    return pd.DataFrame(rows, columns=[CELL_TYPE, "n_hits", *_BINS])


def summarise(counts: pd.DataFrame, *, n_distinct: int) -> pd.DataFrame:
    """Realised false-positive rate of every test, by cell type and over all: table "calibration" but its names.

    Parameters
    ----------
    counts : DataFrame
        From `calibrate`.
    n_distinct : int
        From `relabel_arms`.
    """
    values = ["n_hits", *_BINS]
    over_all = counts.groupby(["labelling", "test"], as_index=False)[values].sum().assign(**{CELL_TYPE: ALL_TYPES})
    rows = [
        {"test": test, CELL_TYPE: cell_type, "n_distinct": n_distinct, **_rates(own.set_index("labelling")[values])}
        for (test, cell_type), own in pd.concat([over_all, counts]).groupby(["test", CELL_TYPE])
    ]
    return pd.DataFrame(rows)


def _rates(counts: pd.DataFrame) -> dict[str, Any]:
    """One row of the summary; counts by labelling, of one test in one cell type."""
    other = counts.drop(index=_N_TRUE, errors="ignore")
    hits, n_tests = other["n_hits"].to_numpy(), other[_BINS].sum(axis=1).to_numpy()
    observed = int(counts["n_hits"].get(_N_TRUE, 0))
    rate, low, high = rate_interval(other[_BINS[0]].to_numpy(), n_tests)
    some = len(other) > 0
    return {
        "n_relabellings": len(other),
        "n_tests": int(n_tests.sum()),
        "false_positive_rate": rate,
        "ci_low": low,
        "ci_high": high,
        "any_hit_rate": (hits > 0).mean() if some else np.nan,
        "observed_hits": observed,
        "hits_median": np.median(hits) if some else np.nan,
        "hits_q95": np.quantile(hits, 0.95) if some else np.nan,
        "share_with_as_many_hits": ((hits >= observed).sum() + 1) / (len(hits) + 1) if some else np.nan,
        "verdict": verdict(low, high, n_relabellings=len(other)),
    }


def rate_interval(n_low: np.ndarray, n_tests: np.ndarray) -> tuple[float, float, float]:
    """Share of tests with a low p over relabellings, with a 95 % interval.

    The relabelling is the unit: tests of one relabelling share its donors, and a factor that many genes follow makes
    them low together. The interval is a t interval of the ratio of sums, on the logit scale.

    Parameters
    ----------
    n_low, n_tests : ndarray of int (relabellings,)
        Tests with p < 0.05, and all tests.

    Returns
    -------
    rate, low, high
        NaN where one relabelling or none is there. If none or all are low, the open end is where so many
        relabellings would still all be alike in 2.5 % of cases.
    """
    n = len(n_low)
    rate = n_low.sum() / n_tests.sum() if n else np.nan
    if n < 2:
        return rate, np.nan, np.nan
    reach = 1 - 0.025 ** (1 / n)
    if rate == 0:
        return 0.0, 0.0, reach
    if rate == 1:
        return 1.0, 1 - reach, 1.0
    error = np.sqrt(n / (n - 1) * ((n_low - rate * n_tests) ** 2).sum()) / n_tests.sum()
    half = stats.t.ppf(0.975, n - 1) * error / (rate * (1 - rate))
    center = special.logit(rate)
    return rate, float(special.expit(center - half)), float(special.expit(center + half))


def verdict(low: float, high: float, *, n_relabellings: int) -> str:
    """inflated or conservative where the whole interval lies above or below HARMLESS, else held; or too_few to say."""
    if n_relabellings < MIN_RELABELLINGS:
        return "too_few"
    if low > HARMLESS[1]:
        return "inflated"
    return "conservative" if high < HARMLESS[0] else "held"


def histogram(counts: pd.DataFrame) -> pd.DataFrame:
    """p-values of every test in bins, all cell types: table "calibration_histogram" but its names."""
    parts = []
    for test, own in counts.groupby("test"):
        is_true = own["labelling"] == _N_TRUE
        parts.append(
            pd.DataFrame(
                {
                    "test": test,
                    "bin_low": EDGES[:-1].round(2),
                    "bin_high": EDGES[1:].round(2),
                    "n_relabelled": own.loc[~is_true, _BINS].sum().to_numpy(),
                    "n_true": own.loc[is_true, _BINS].sum().to_numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def calibrate_contrast(
    tests: dict[str, Test],
    donors: pd.DataFrame,
    *,
    definition: Definition,
    min_donors: int,
    blocks: list[str],
    permutations: int,
    seed: int,
    fdr: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables of one contrast.

    Parameters
    ----------
    tests : dict
        As `calibrate`.
    donors : DataFrame
        Donor-level columns, index donor.
    definition : mapping
        The contrast, as `design.assign_groups`. Donors of other groups keep their label.
    min_donors : int
        Donors in each group; with fewer there are no p-values, and no rows.
    blocks : list of str
        Columns within which labels are shuffled; pairs and the levels of a modifier always are.
    permutations, seed
        As `relabel_arms`.
    fdr : float
        As `calibrate`.

    Returns
    -------
    calibration, histogram : DataFrame
        Tables "calibration" and "calibration_histogram", but dataset and contrast; without rows if no test gives a
        p-value.
    """
    factor, comparison = definition["factor"], assign_groups(donors, definition)
    arms = comparison.arms.sort_index()
    is_case = (arms == CASE_ARM).to_numpy()
    fixed = [definition.get("paired_by"), (definition.get("modifier") or {}).get("factor")]
    counts = pd.DataFrame()
    if comparison.smallest_group >= min_donors:
        within = [name for name in fixed if name] + [name for name in blocks if name not in fixed]
        own = block_values(donors.loc[arms.index], within)
        chosen = relabel_arms(is_case, own, permutations=permutations, seed=seed)
        LOG.info("%d of %d balanced relabellings of %d donors", len(chosen.cases), chosen.n_distinct, len(arms))
        relabellings = []
        for cases in chosen.cases:
            labels = donors[factor].copy()
            labels[arms.index] = np.where(cases, definition["case"][0], definition["control"][0])
            relabellings.append(labels)
        counts = calibrate(tests, donors[factor], relabellings, fdr=fdr)
    if counts.empty:
        LOG.info("no p-values: %d case and %d control donors", is_case.sum(), (~is_case).sum())
        return empty_table("calibration"), empty_table("calibration_histogram")
    return summarise(counts, n_distinct=chosen.n_distinct), histogram(counts)
