"""Everything that is measured in made-up cohorts: rows of `cohort` level, one function a question."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse, stats

from alscell.activity import compare_sets
from alscell.composition import compare_composition
from alscell.enrichment import camera, ranking
from alscell.pathways import set_scores
from alscell.ranking import build_ranking, top_weights
from calibration.cohorts import ARMS, CELLS, Cells, Cohort, Plan, draw, draw_cells, plans
from calibration.engines import fit_ours, kept_genes, ours, pydeseq2, python_methods, r_methods
from calibration.measure import rates

DEFAULT = "alscell"  # the engine of config.yaml
BASE = {"correlation": 0.05, "batch": False, "donor_variance": 0.08, "prior_df": 6.0, "n_genes": 2000}
SET_ARMS = ((4, 4), (8, 4), (12, 12))
DONORS, CELL_NUMBERS, EFFECTS = (3, 4, 5, 6, 8, 12), (10, 30, 100, 300), (0.5, 1.0, 2.0)
SHARES = np.array([0.45, 0.2, 0.12, 0.08, 0.06, 0.04, 0.03, 0.015, 0.005])


def genes(arms: tuple[int, int], planted: float, *, repeats: int, seed: int, with_r: bool) -> list[dict]:
    """Tests of genes: every method on every cohort of one design."""
    chosen = list(plans(arms, repeats=repeats, planted=planted, n_genes=2000, seed=seed))
    cohorts = [draw(plan) for plan in chosen]
    kept = [kept_genes(cohort.counts, cohort.design) for cohort in cohorts]
    tested = [(cohort.counts[rows], cohort.design) for cohort, rows in zip(cohorts, kept, strict=True)]
    from_r = r_methods(tested) if with_r else [{} for _ in cohorts]
    out = []
    for plan, cohort, rows, other in zip(chosen, cohorts, kept, from_r, strict=True):
        if with_r:
            other["deseq2"] = other["deseq2"].reshape(2, -1)[1]  # effect, p
        names = {"part": "genes", "arms": plan.arms, "cells": plan.cells.name, "planted": planted}
        for method, p in {**python_methods(cohort), **other}.items():
            out.append({**names, "method": method, **rates(p, cohort.effect[rows] != 0)})
    return out


def pydeseq2_genes(arms: tuple[int, int], planted: float, *, repeats: int, seed: int) -> list[dict]:
    """PyDESeq2 on the same cohorts, where R is absent."""
    out = []
    for plan in plans(arms, repeats=repeats, planted=planted, n_genes=2000, seed=seed):
        cohort = draw(plan)
        rows = kept_genes(cohort.counts, cohort.design)
        p = pydeseq2(cohort.counts[rows], cohort.donors, cohort.covariates)["p_value"].to_numpy()
        names = {"part": "genes", "arms": plan.arms, "cells": plan.cells.name, "planted": planted}
        out.append({**names, "method": "pydeseq2", **rates(p, cohort.effect[rows] != 0)})
    return out


def _default(cohort: Cohort, rows: np.ndarray) -> np.ndarray:
    """p of the default engine."""
    n_cells = cohort.donors["n_cells"].to_numpy(float)
    return ours(cohort.counts[rows], cohort.design, method=DEFAULT, n_cells=n_cells)["p_value"].to_numpy()


def curves(*, repeats: int, seed: int) -> list[dict]:
    """Power and false discoveries of the default engine: over donors, cells and effects, the others held."""
    middle = {"donors": 6, "cells": 100, "effect": 1.0}
    out = []
    for axis, values in (("donors", DONORS), ("cells", CELL_NUMBERS), ("effect", EFFECTS)):
        for value in values:
            at = {**middle, axis: value}
            cells = Cells(str(at["cells"]), at["cells"], 0.3, 0.0)
            for i in range(repeats):
                size = {"n_case": at["donors"], "n_control": at["donors"], "effect": (at["effect"],) * 2}
                plan = Plan(**size, **BASE, cells=cells, planted=0.1, seed=(seed, int(value * 10), i, len(axis)))
                cohort = draw(plan)
                rows = kept_genes(cohort.counts, cohort.design)
                p = _default(cohort, rows)
                names = {"part": f"curve {axis}", "arms": str(value), "planted": 0.1, "method": DEFAULT}
                out.append({**names, **rates(p, cohort.effect[rows] != 0)})
    return out


def naive(*, repeats: int, seed: int) -> list[dict]:
    """What tests over cells make of the same donors: genes, and one score a cell and module."""
    out = []
    for n in (3, 6, 12):
        for planted in (0.0, 0.1):
            for i in range(repeats):
                size = {"n_case": n, "n_control": n, "planted": planted, "cells": Cells("100", 100, 0.3, 0.0)}
                plan = Plan(**size, **{**BASE, "n_genes": 600}, seed=(seed, n, int(planted * 10), i))
                names = {"part": "naive", "arms": plan.arms, "planted": planted}
                out += [{**names, "method": method, **values} for method, values in _naive_cohort(plan).items()]
    return out


def _naive_cohort(plan: Plan) -> dict[str, dict[str, float]]:
    cohort, cells, donor = draw_cells(plan)
    case = (cohort.donors["arm"] == "case").to_numpy()[donor]
    rows = kept_genes(cohort.counts, cohort.design)
    truth = cohort.effect[rows] != 0
    logs = np.log1p(cells / cells.sum(axis=0) * 1e4)
    p = {DEFAULT: _default(cohort, rows)}
    p["cell_wilcoxon"] = stats.mannwhitneyu(logs[rows][:, case], logs[rows][:, ~case], axis=1).pvalue
    out = {method: rates(values, truth) for method, values in p.items()}
    if not plan.planted:
        scores = np.stack([logs[cohort.module == module].mean(axis=0) for module in np.unique(cohort.module)])
        t = stats.ttest_ind(scores[:, case], scores[:, ~case], axis=1).pvalue
        out["cell_score_t"] = rates(t, np.zeros(len(t), dtype=bool))
    return out


def gene_sets(correlation: float, *, repeats: int, seed: int, prerank_repeats: int) -> list[dict]:
    """Sets whose genes are correlated over donors: nothing planted, and every fifth set moved by 0.5."""
    out = []
    for arms in SET_ARMS:
        for moved in (0.0, 0.5):
            for i in range(repeats):
                size = {"n_case": arms[0], "n_control": arms[1], "cells": CELLS[i % 3], "planted": 0.0}
                values = {**BASE, "correlation": correlation, "module_effect": moved}
                plan = Plan(**size, **values, seed=(seed, *arms, int(correlation * 100), int(moved * 10), i))
                names = {"part": "sets", "arms": plan.arms, "cells": f"correlation {correlation}", "planted": moved / 5}
                found = _set_tests(draw(plan), with_prerank=i < prerank_repeats and not moved)
                out += [{**names, "method": method, **rates(p, truth)} for method, (p, truth) in found.items()]
    return out


def _set_tests(cohort: Cohort, *, with_prerank: bool) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    design = cohort.design
    rows = kept_genes(cohort.counts, design)
    n_cells = cohort.donors["n_cells"].to_numpy(float)
    fitted = fit_ours(cohort.counts[rows], design, method=DEFAULT, n_cells=n_cells)
    found = pd.Series(np.arange(len(rows))).groupby(cohort.module[rows]).indices
    members = {f"m{module:02d}": index for module, index in found.items() if len(index) >= 10}
    truth = np.array([int(name[1:]) % 5 == 0 and cohort.effect.any() for name in members])
    test = fitted.test(design)
    out = {"camera": (camera(fitted, design, members)["p_value"].to_numpy(), truth)}
    out["donor_scores"] = (_donor_scores(cohort, rows, members)["p_value"].to_numpy(), truth)
    if not cohort.effect.any():
        low = test["p_value"].to_numpy() < 0.05
        sizes = np.array([len(index) for index in members.values()])
        hits = np.array([low[index].sum() for index in members.values()])
        out["fisher"] = (stats.hypergeom.sf(hits - 1, len(low), low.sum(), sizes), truth)
    if with_prerank:
        out["prerank"] = (_prerank(test["statistic"].to_numpy(), members), truth)
    return out


def _donor_scores(cohort: Cohort, rows: np.ndarray, members: dict[str, np.ndarray]) -> pd.DataFrame:
    """The package's test of AUCell scores of each donor's sums, as for data that enter as sums."""
    names = np.array([f"g{i:05d}" for i in range(len(rows))])
    ranked = build_ranking(names, top_fraction=0.25)  # of 1,500 genes; sets have 10 to 60
    weights = top_weights(sparse.csr_matrix(cohort.counts[rows].T), ranked)
    scores = set_scores(weights, {("m", name): index for name, index in members.items()}, n_top=ranked.n_top)
    index = pd.MultiIndex.from_tuples([("m", name) for name in members], names=["family", "pathway"])
    values = pd.DataFrame(scores.T, index=index, columns=cohort.donors.index)
    return compare_sets(values, cohort.design, np.ones(len(cohort.donors)))  # as for sums: no variance within donors


def _prerank(statistic: np.ndarray, members: dict[str, np.ndarray]) -> np.ndarray:
    import gseapy

    names = np.array([f"G{i}" for i in range(len(statistic))])
    table = gseapy.prerank(
        rnk=ranking(names, statistic),
        gene_sets={name: names[index].tolist() for name, index in members.items()},
        permutation_num=500,
        min_size=1,
        max_size=len(names),
        seed=1,
        threads=1,
        outdir=None,
        no_plot=True,
        verbose=False,
    ).res2d.set_index("Term")
    return table.loc[list(members), "NOM p-val"].to_numpy(dtype=float)


def compositions(*, repeats: int, seed: int) -> list[dict]:
    """Shares without an effect: Dirichlet-multinomial counts of nine types."""
    out = []
    for n_case, n_control in ARMS:
        rng = np.random.default_rng([seed, n_case, n_control])
        names = [f"d{i:02d}" for i in range(n_case + n_control)]
        donors = pd.DataFrame({"arm": ["case"] * n_case + ["control"] * n_control}, index=names)
        choice = {"covariates": [], "min_donors": 3, "transform": "logit", "fdr": 0.05, "dataset": "d"}
        arms = {"c": {"factor": "arm", "case": ["case"], "control": ["control"]}}
        for _ in range(repeats):
            cells = np.exp(rng.normal(8, 0.6, len(names))).astype(int)
            counts = np.array([rng.multinomial(n, rng.dirichlet(SHARES * 30)) for n in cells]).T
            frame = pd.DataFrame(counts, index=[f"t{i}" for i in range(len(SHARES))], columns=names)
            p = compare_composition(frame, donors, arms, **choice)["p_value"].to_numpy(float)
            row = {"part": "composition", "arms": f"{n_case}v{n_control}", "planted": 0.0, "method": "composition"}
            out.append({**row, **rates(p, np.zeros(len(p), dtype=bool))})
    return out
