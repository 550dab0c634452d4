"""Made-up cohorts with a known truth: sums over the cells of each donor, or the cells themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alscell.design import Design, build_design
from alscell.keys import CASE_ARM, CONTROL_ARM

MODULE = 60  # genes that share a part of their donor-to-donor variance
COUNTS_PER_CELL = 3000
ARMS = ((3, 3), (4, 4), (5, 3), (6, 6), (8, 4), (12, 12))  # case, control donors
CORRELATIONS = (0.0, 0.05, 0.15)


@dataclass(frozen=True)
class Cells:
    """Cells of a donor: lognormal around `median` with `spread`; cases have exp(-skew) times as many."""

    name: str
    median: float
    spread: float
    skew: float


CELLS = (Cells("even", 200, 0.3, 0.0), Cells("uneven", 100, 1.2, 0.0), Cells("few in cases", 150, 0.8, 1.5))


@dataclass(frozen=True)
class Plan:
    """What one cohort is drawn from.

    Parameters
    ----------
    n_case, n_control : int
        Donors in each arm.
    cells : Cells
    planted : float
        Share of the genes with an effect.
    effect : (float, float)
        Range of the size of log2 fold changes; signs are random.
    correlation : float
        Share of the donor-to-donor variance that the genes of a module have in common.
    batch : bool
        Two batches, 70 % of the cases and 30 % of the controls in the second; they differ by 0.3 (natural log, sd).
    donor_variance, prior_df : float
        Variance of natural log expression between donors: donor_variance * prior_df / chi2(prior_df), 2 at most.
    n_genes : int
    seed : tuple of int
    module_effect : float
        |log2 fold change| of all genes of every fifth module, up and down by turns, instead of single genes.
    cell_noise : float
        Mean over genes of the squared coefficient of variation of a cell's expression.
    """

    n_case: int
    n_control: int
    cells: Cells
    planted: float
    correlation: float
    batch: bool
    donor_variance: float
    prior_df: float
    n_genes: int
    seed: tuple[int, ...]
    effect: tuple[float, float] = (0.5, 2.0)
    module_effect: float = 0.0
    cell_noise: float = 1.0

    @property
    def arms(self) -> str:
        return f"{self.n_case}v{self.n_control}"


@dataclass(frozen=True)
class Cohort:
    """Counts of one cell type and the truth behind them.

    Parameters
    ----------
    counts : ndarray of int, genes x donors
    effect : ndarray (genes,)
        Planted log2 fold change; 0 for most.
    donors : DataFrame
        arm, batch and n_cells, index donor.
    covariates : list of str
        Those to hold constant.
    variance : ndarray, genes x donors
        True variance of log2 counts: donor + cell noise / cells + Poisson, by the delta method.
    donor_variance : ndarray (genes,)
        The donor part of it, of natural logarithms.
    module : ndarray of int (genes,)
    """

    counts: np.ndarray
    effect: np.ndarray
    donors: pd.DataFrame
    covariates: list[str]
    variance: np.ndarray
    donor_variance: np.ndarray
    module: np.ndarray

    @property
    def design(self) -> Design:
        arms = {"case": [CASE_ARM], "control": [CONTROL_ARM]}
        return build_design(self.donors, factor="arm", **arms, covariates=self.covariates)


def plans(arms: tuple[int, int], *, repeats: int, planted: float, n_genes: int, seed: int) -> Iterator[Plan]:
    """Plans of one design: cells, batch, correlation and variances go round, so that every mixture is met."""
    for i in range(repeats):
        rng = np.random.default_rng([seed, *arms, int(planted * 100), i])
        yield Plan(
            *arms,
            cells=CELLS[i % 3],
            planted=planted,
            correlation=CORRELATIONS[i // 3 % 3],
            batch=i % 2 == 1,
            donor_variance=float(rng.choice([0.05, 0.08, 0.15])),
            prior_df=float(rng.choice([4.0, 6.0, 12.0])),
            n_genes=n_genes,
            seed=(seed, *arms, int(planted * 100), i, 1),
            cell_noise=float(rng.choice([1.0, 4.0])),
        )


def draw(plan: Plan) -> Cohort:
    """One cohort of sums. A cell's expression is gamma noise around its donor's, so a sum over n cells has shape n."""
    rng = np.random.default_rng(plan.seed)
    truth = _truth(rng, plan)
    depth = truth["n_cells"] * COUNTS_PER_CELL * rng.lognormal(0, 0.3, len(truth["case"]))
    shape = truth["n_cells"] / truth["noise"][:, None]
    counts = rng.poisson(truth["rate"] * np.exp(truth["donor"]) * rng.gamma(shape, 1 / shape) * depth)
    donors = _donor_table(truth["case"], truth["batch"], truth["n_cells"])
    poisson = 1 / np.maximum(truth["rate"] * depth, 0.5)
    total = (truth["variance"][:, None] + 1 / shape + poisson) / np.log(2) ** 2
    return Cohort(
        counts, truth["effect"], donors, ["batch"] if plan.batch else [], total, truth["variance"], truth["module"]
    )


def draw_cells(plan: Plan) -> tuple[Cohort, np.ndarray, np.ndarray]:
    """The same model cell by cell: cohort of the sums, counts (genes x cells), and each cell's donor (row number)."""
    rng = np.random.default_rng(plan.seed)
    truth = _truth(rng, plan)
    donor = np.repeat(np.arange(len(truth["case"])), truth["n_cells"].astype(int))
    depth = COUNTS_PER_CELL * rng.lognormal(0, 0.3, len(donor))
    shape = 1 / truth["noise"][:, None]
    mean = (truth["rate"] * np.exp(truth["donor"]))[:, donor] * depth
    cells = rng.poisson(mean * rng.gamma(shape, 1 / shape, mean.shape))
    sums = np.stack([cells[:, donor == i].sum(axis=1) for i in range(len(truth["case"]))], axis=1)
    donors = _donor_table(truth["case"], truth["batch"], truth["n_cells"])
    nothing = np.full(sums.shape, np.nan)  # the oracle is asked about sums only
    cohort = Cohort(
        sums, truth["effect"], donors, ["batch"] if plan.batch else [], nothing, truth["variance"], truth["module"]
    )
    return cohort, cells, donor


def _truth(rng: np.random.Generator, plan: Plan) -> dict[str, np.ndarray]:
    case = np.repeat([True, False], [plan.n_case, plan.n_control])
    mean = np.log(plan.cells.median) - plan.cells.skew * case
    n_cells = np.maximum(np.exp(rng.normal(mean, plan.cells.spread)).round(), 10)
    share = np.exp(rng.normal(0, 2, plan.n_genes))
    module = np.arange(plan.n_genes) // MODULE
    variance = plan.donor_variance * plan.prior_df / rng.chisquare(plan.prior_df, plan.n_genes)
    variance = np.minimum(variance, 2.0)  # the tail of 1 / chi2 has no end; expression has
    noise = plan.cell_noise * rng.lognormal(-0.125, 0.5, plan.n_genes)
    shared = rng.normal(0, 1, (module[-1] + 1, len(case)))[module]
    own = rng.normal(0, 1, (plan.n_genes, len(case)))
    donor = np.sqrt(plan.correlation) * shared + np.sqrt(1 - plan.correlation) * own
    batch = _batches(rng, case) if plan.batch else np.zeros(len(case), dtype=bool)
    effect = _effects(rng, plan, module)
    fixed = np.log(2) * effect[:, None] * case + 0.3 * rng.normal(0, 1, plan.n_genes)[:, None] * batch
    return {
        "case": case,
        "n_cells": n_cells,
        "module": module,
        "variance": variance,
        "noise": noise,
        "donor": donor * np.sqrt(variance)[:, None],
        "batch": batch,
        "effect": effect,
        "rate": share[:, None] * np.exp(fixed) / share.sum(),
    }


def _donor_table(case: np.ndarray, batch: np.ndarray, n_cells: np.ndarray) -> pd.DataFrame:
    names = [f"d{i:02d}" for i in range(len(case))]
    arm = np.where(case, CASE_ARM, CONTROL_ARM)
    return pd.DataFrame({"arm": arm, "batch": np.where(batch, "b2", "b1"), "n_cells": n_cells}, names)


def _effects(rng: np.random.Generator, plan: Plan, module: np.ndarray) -> np.ndarray:
    if plan.module_effect:
        return np.where(module % 5 == 0, np.where(module % 10 == 0, 1.0, -1.0) * plan.module_effect, 0.0)
    size = rng.uniform(*plan.effect, plan.n_genes) * rng.choice([-1.0, 1.0], plan.n_genes)
    return np.where(rng.random(plan.n_genes) < plan.planted, size, 0.0)


def _batches(rng: np.random.Generator, case: np.ndarray) -> np.ndarray:
    """Second batch or not: most of the cases, few of the controls, and at least one of each."""
    batch = np.zeros(len(case), dtype=bool)
    for arm, share in ((case, 0.7), (~case, 0.3)):
        members = rng.permutation(np.flatnonzero(arm))
        n = min(max(round(share * len(members)), 1), len(members) - 1)
        batch[members[:n]] = True
    return batch
