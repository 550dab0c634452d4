"""Are the p-values right? Genes (voom against trend), gene sets and shares, in made-up cohorts and shuffled donors.

Run from the repository root: .venv/bin/python benchmarks/calibration.py --out calibration.tsv [--repeats 40]
A row is one cohort design and one method, averaged over repeats. Real data (../shared/data or $ALSCELL_TEST_DATA) are
used where they are there. Takes about two minutes with 40 repeats.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from alscell.composition import compare_composition  # noqa: E402
from alscell.design import Design  # noqa: E402
from alscell.enrichment import camera  # noqa: E402
from alscell.expression import CellTypeFit, benjamini_hochberg, build_design, fit_cell_type, moderated_test  # noqa: E402
from alscell.pseudobulk import sum_cells  # noqa: E402

DATA = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data"))
N_GENES = 4000
COUNTS_PER_CELL = 3000
SET_SIZE = 60
METHODS = ("voom", "trend")


def cohort(
    rng: np.random.Generator,
    *,
    n_case: int,
    n_control: int,
    median_cells: float,
    spread: float,
    skew: float,
    planted: float,
    correlation: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Pseudobulk of one cell type: genes x donors, and the planted log2 fold change of each gene.

    Donors differ in cell number (lognormal, sd `spread`; the case arm has exp(-skew) times the cells), genes in mean
    and in donor-to-donor variance, cells by gamma noise (dispersion 1), so a sum over n cells has shape n. Runs of
    SET_SIZE genes share `correlation` of their donor-to-donor variance.
    """
    case = np.repeat([True, False], [n_case, n_control])
    cells = np.maximum(np.exp(rng.normal(np.log(median_cells), spread, len(case)) - skew * case), 10).round()
    share = np.exp(rng.normal(0, 2, N_GENES))
    donor_sd = np.sqrt(0.08 * 6 / rng.chisquare(6, N_GENES))
    shared = rng.normal(0, 1, (N_GENES // SET_SIZE + 1, len(case)))[np.arange(N_GENES) // SET_SIZE]
    own = rng.normal(0, 1, (N_GENES, len(case)))
    donor = (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own) * donor_sd[:, None]
    effect = np.where(rng.random(N_GENES) < planted, rng.choice([-1.0, 1.0], N_GENES), 0.0)
    rate = (
        share[:, None] * np.exp(donor + np.log(2) * effect[:, None] * case) * rng.gamma(cells, 1 / cells, donor.shape)
    )
    depth = cells * COUNTS_PER_CELL * rng.lognormal(0, 0.3, len(case))
    return rng.poisson(rate / share.sum() * depth), effect


def fit(counts: np.ndarray, n_case: int, method: str) -> tuple[CellTypeFit, Design] | None:
    """Fit of the genes that are kept (named by row number); the first donors are the cases."""
    names = [f"d{i:03d}" for i in range(counts.shape[1])]
    levels = ["case"] * n_case + ["control"] * (len(names) - n_case)
    donors = pd.DataFrame({"arm": levels}, index=names)
    design = build_design(donors, factor="arm", case=["case"], control=["control"], covariates=[])
    fitted = fit_cell_type(counts, np.arange(len(counts)), design, method=method, min_count=10, min_total_count=15)
    return fitted and (fitted, design)


def measure(cohorts: Iterator[tuple[np.ndarray, np.ndarray, int]], **names: object) -> list[dict]:
    """One row a method: rates over all cohorts."""
    seen = {method: [] for method in METHODS}
    for counts, effect, n_case in cohorts:
        for method in METHODS:
            if (result := fit(counts, n_case, method)) is None:
                continue
            genes = result[0].genes
            p = moderated_test(result[0].fit, result[1], trend=method == "trend")["p_value"].to_numpy()
            truth = effect[genes] != 0
            called = benjamini_hochberg(p) < 0.05
            null = p[~truth]
            seen[method].append(
                {
                    "genes": len(genes),
                    "null_p05": (null < 0.05).mean(),
                    "null_p001": (null < 0.001).mean(),
                    "any_call": float(called.any()),
                    "fdp": (called & ~truth).sum() / max(called.sum(), 1),
                    "power": (called & truth).sum() / truth.sum() if truth.any() else np.nan,
                }
            )
    rows = []
    for method, values in seen.items():
        frame = pd.DataFrame(values)
        spread = frame["null_p05"].std() / np.sqrt(len(frame))
        rows.append({**names, "method": method, "n": len(frame), **frame.mean(), "null_p05_se": spread})
    return rows


def simulated(repeats: int, seed: int) -> list[dict]:
    rows = []
    for n_case, n_control in ((8, 4), (4, 4), (3, 3), (8, 8)):
        for label, shape in (
            ("even", {"median_cells": 300, "spread": 0.3, "skew": 0.0}),
            ("uneven", {"median_cells": 150, "spread": 1.2, "skew": 0.0}),
            ("uneven, few in cases", {"median_cells": 150, "spread": 0.8, "skew": 1.5}),
            ("uneven, few in controls", {"median_cells": 40, "spread": 0.8, "skew": -1.5}),
        ):
            for planted in (0.0, 0.1):
                rng = np.random.default_rng([seed, n_case, n_control, int(planted * 10)])
                size = {"n_case": n_case, "n_control": n_control}
                cohorts = ((*cohort(rng, **size, **shape, planted=planted), n_case) for _ in range(repeats))
                rows += measure(cohorts, data="simulated", cells=label, arms=f"{n_case}v{n_control}", planted=planted)
    return rows


def gene_sets(repeats: int, seed: int) -> list[dict]:
    """CAMERA on sets without an effect, whose genes are correlated over donors."""
    rows = []
    for n_case, n_control in ((8, 4), (4, 4), (8, 8)):
        for correlation in (0.0, 0.05, 0.15):
            for method in METHODS:
                rng = np.random.default_rng([seed, n_case, n_control, int(correlation * 100)])
                p = []
                for _ in range(repeats):
                    shape = {"n_case": n_case, "n_control": n_control, "median_cells": 300, "spread": 0.8, "skew": 0.0}
                    counts, _ = cohort(rng, **shape, planted=0.0, correlation=correlation)
                    fitted, design = fit(counts, n_case, method)
                    sets = pd.Series(np.arange(len(fitted.genes))).groupby(fitted.genes // SET_SIZE).indices
                    sets = {str(name): rows for name, rows in sets.items() if len(rows) >= 10}
                    p.append(camera(fitted, design, sets, trend=method == "trend")["p_value"].to_numpy())
                rates = np.array([(values < 0.05).mean() for values in p])
                names = {
                    "data": "simulated",
                    "cells": f"CAMERA, correlation {correlation}",
                    "arms": f"{n_case}v{n_control}",
                }
                spread = {
                    "null_p001": (np.concatenate(p) < 0.001).mean(),
                    "null_p05_se": rates.std() / np.sqrt(repeats),
                }
                rows.append(
                    {**names, "planted": 0.0, "method": method, "n": repeats, "null_p05": rates.mean(), **spread}
                )
    return rows


def compositions(repeats: int, seed: int) -> list[dict]:
    """Shares without an effect: Dirichlet-multinomial counts of nine types."""
    rows = []
    shares = np.array([0.45, 0.2, 0.12, 0.08, 0.06, 0.04, 0.03, 0.015, 0.005])
    for n_case, n_control in ((8, 4), (4, 4), (8, 8)):
        rng = np.random.default_rng([seed, n_case, n_control])
        names = [f"d{i:03d}" for i in range(n_case + n_control)]
        donors = pd.DataFrame({"arm": ["case"] * n_case + ["control"] * n_control}, index=names)
        choice = {"factor": "arm", "case": ["case"], "control": ["control"], "covariates": [], "min_donors": 3}
        rates = []
        for _ in range(repeats * 10):
            cells = np.exp(rng.normal(8, 0.6, len(names))).astype(int)
            counts = np.array([rng.multinomial(n, rng.dirichlet(shares * 30)) for n in cells]).T
            frame = pd.DataFrame(counts, index=[f"t{i}" for i in range(len(shares))], columns=names)
            rates.append(
                (compare_composition(frame, donors, dataset="d", contrast="c", **choice)["p_value"] < 0.05).mean()
            )
        names = {"data": "simulated", "cells": "composition", "arms": f"{n_case}v{n_control}", "method": "logit"}
        rates = {"n": len(rates), "null_p05": np.mean(rates), "null_p05_se": np.std(rates) / np.sqrt(len(rates))}
        rows.append({**names, "planted": 0.0, **rates})
    return rows


def shuffled(
    name: str, path: str, donor: str, cell_type: str, block: str | None, repeats: int, seed: int
) -> list[dict]:
    """Real donors with labels drawn at random (within `block`, so that a real difference is balanced out)."""
    file = DATA / path
    if not file.exists():
        print(f"{name}: {file} is not there, left out", file=sys.stderr)
        return []
    import anndata

    data = anndata.read_h5ad(file)
    labels = data.obs[donor].astype(str) + "|" + data.obs[cell_type].astype(str)
    groups, n_cells, sums = sum_cells(data.X, labels.to_numpy())
    rows = pd.DataFrame([group.split("|") for group in groups], columns=["donor", "cell_type"])
    rows = rows[n_cells >= 10]
    strata = data.obs.assign(key=data.obs[donor].astype(str)).groupby("key")[block].first() if block else None

    def draw(rng: np.random.Generator, n_case: int, n_control: int) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        for _ in range(repeats):
            for _, part in rows.groupby("cell_type"):
                if len(part) >= n_case + n_control:
                    chosen = part.sample(n_case + n_control, random_state=rng)
                    if strata is not None:  # alternate arms within strata
                        order = chosen["donor"].map(strata).to_numpy().argsort(kind="stable")
                        chosen = pd.concat([chosen.iloc[order[::2]], chosen.iloc[order[1::2]]])
                    yield sums[chosen.index].toarray().T, np.zeros(sums.shape[1]), n_case

    out = []
    for n_case, n_control in ((8, 4), (4, 4), (10, 10)) if strata is None else ((4, 4), (10, 10)):
        rng = np.random.default_rng([seed, n_case, n_control])
        names = {"data": name, "cells": "real", "arms": f"{n_case}v{n_control}", "planted": 0.0}
        out += measure(draw(rng, n_case, n_control), **names)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rows = simulated(given.repeats, given.seed) + gene_sets(given.repeats, given.seed)
    rows += compositions(given.repeats, given.seed)
    rows += shuffled(
        "onek1k", "onek1k_scdesignpop/example_counts.h5ad", "indiv", "cell_type", None, given.repeats, given.seed
    )
    rows += shuffled(
        "velmeshev",
        "velmeshev_asd_pfc/velmeshev_pfc_3celltypes_counts.h5ad",
        "donor",
        "cell_type",
        "diagnosis",
        given.repeats,
        given.seed,
    )
    table = pd.DataFrame(rows).query("n > 0")
    if given.out:
        table.to_csv(given.out, sep="\t", index=False, float_format="%.4g")
    print(table.to_string(index=False, float_format="%.3f"))


if __name__ == "__main__":
    main()
