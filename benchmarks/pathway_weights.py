"""Do weights of donors by cells pay in the tests of pathway activity? Type I error and power, with and without them.

Run from the repository root: .venv/bin/python benchmarks/pathway_weights.py --out weights.tsv [--repeats 400]
A row is one cohort design; columns with `_plain` are without weights. A quarter of the sets moves by 1.5 standard
deviations between donors, the others by nothing. `ratio` is the variance of a score between the cells of a donor over
that between donors; `correlation` is the share of the latter that all sets have in common. Takes about ten minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from alscell.activity import compare_sets  # noqa: E402
from alscell.design import build_design  # noqa: E402
from alscell.donor_weights import weights_by_cells  # noqa: E402

N_SETS = 40
PATTERNS = ("even", "uneven", "few in cases", "few in controls")


def cells_of(rng: np.random.Generator, case: np.ndarray, pattern: str) -> np.ndarray:
    """Cells of each donor: 150 to 350, 10 to 500, or 10 to 60 in one arm and 60 to 500 in the other."""

    def draw(low: float, high: float) -> np.ndarray:
        return np.exp(rng.uniform(np.log(low), np.log(high), len(case)))

    if pattern in ("even", "uneven"):
        return draw(*((150, 350) if pattern == "even" else (10, 500))).round()
    few = case if pattern == "few in cases" else ~case
    return np.where(few, draw(10, 60), draw(60, 500)).round()


def cohort(rng: np.random.Generator, case: np.ndarray, *, pattern: str, ratio: float, correlation: float) -> tuple:
    """Mean scores (sets x donors), variance between cells as it would be estimated, cells, and which sets move."""
    cells = cells_of(rng, case, pattern)
    between = 0.01 * 6 / rng.chisquare(8, N_SETS)
    within = between * ratio * np.exp(rng.normal(0, 0.6, N_SETS) - 0.18)
    shared, own = rng.normal(0, 1, (1, len(case))), rng.normal(0, 1, (N_SETS, len(case)))
    donor = np.sqrt(between)[:, None] * (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)
    noise = np.sqrt(within[:, None] / cells) * rng.normal(0, 1, (N_SETS, len(case)))
    moves = np.arange(N_SETS) < N_SETS // 4
    df = cells.sum() - len(case)
    scores = 1 + donor + noise + 1.5 * np.sqrt(between)[:, None] * np.outer(moves, case)
    return scores, within * rng.chisquare(df, N_SETS) / df, cells, moves


def measure(n_case: int, n_control: int, *, repeats: int, seed: int, **shape: object) -> dict[str, object]:
    """Share of p values below 0.05 in sets that do not move (type_1) and in those that do (power)."""
    case = np.arange(n_case + n_control) < n_case
    names = [f"d{i:03d}" for i in range(len(case))]
    donors = pd.DataFrame({"arm": np.where(case, "case", "control")}, index=names)
    design = build_design(donors, factor="arm", case=["case"], control=["control"], covariates=[])
    index = pd.MultiIndex.from_tuples([("f", f"s{i:03d}") for i in range(N_SETS)], names=["family", "pathway"])
    rng = np.random.default_rng([seed, n_case, n_control])
    found = []
    for _ in range(repeats):
        scores, within, cells, moves = cohort(rng, case, **shape)
        frame = pd.DataFrame(scores, index=index, columns=names)
        weights = weights_by_cells(scores, within, cells, design.matrix.to_numpy())
        row = []
        for chosen in (weights, np.ones(len(case))):
            called = compare_sets(frame, design, chosen)["p_value"].to_numpy() < 0.05
            row += [called[~moves].mean(), called[moves].mean()]
        found.append(row)
    means = np.mean(found, axis=0)
    rates = dict(zip(("type_1", "power", "type_1_plain", "power_plain"), means, strict=True))
    error = np.std(np.array(found)[:, 0]) / np.sqrt(repeats)
    return {"arms": f"{n_case}v{n_control}", **shape, **rates, "type_1_se": error}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rows = [
        measure(*arms, repeats=given.repeats, seed=given.seed, pattern=pattern, ratio=ratio, correlation=correlation)
        for arms in ((3, 3), (5, 5), (8, 4), (8, 8))
        for ratio in (3.0, 30.0, 150.0)
        for pattern in PATTERNS
        for correlation in (0.0, 0.3)
    ]
    table = pd.DataFrame(rows)
    if given.out:
        table.to_csv(given.out, sep="\t", index=False, float_format="%.4g")
    print(table.to_string(index=False, float_format="%.3f"))


if __name__ == "__main__":
    main()
