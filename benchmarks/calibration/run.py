"""The calibration benchmark: docs/calibration.md, docs/calibration.tsv and docs/images/calibration_benchmark.png.

Run from the repository root: make calibration-benchmark. The same bytes on every run with the same packages and data.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "benchmarks")]

from calibration import page, real, simulated  # noqa: E402
from calibration.cohorts import ARMS, CORRELATIONS  # noqa: E402
from calibration.engines import has_r  # noqa: E402

REPEATS = 24  # cohorts of each design, with and without planted genes
PERMUTATIONS = 50
SEED = 1


def simulated_rows(pool: ProcessPoolExecutor, *, with_r: bool) -> pd.DataFrame:
    """Rows of all parts; the order does not depend on which job ends first."""
    given = {"repeats": REPEATS, "seed": SEED}
    designs = [(arms, planted) for arms in ARMS for planted in (0.0, 0.1)]
    jobs = [pool.submit(simulated.genes, *design, **given, with_r=with_r) for design in designs]
    if not with_r:
        jobs += [pool.submit(simulated.pydeseq2_genes, *design, **given) for design in designs]
    jobs += [pool.submit(simulated.curves, repeats=20, seed=SEED), pool.submit(simulated.naive, repeats=10, seed=SEED)]
    jobs += [pool.submit(simulated.gene_sets, rho, **given, prerank_repeats=6) for rho in CORRELATIONS]
    jobs.append(pool.submit(simulated.compositions, repeats=200, seed=SEED))
    return pd.DataFrame([row for job in jobs for row in job.result()])


def real_results(pool: ProcessPoolExecutor, *, with_r: bool) -> dict:
    """Every answer of real data; empty where the data are absent."""
    onek1k = pool.submit(real.shuffled_onek1k, permutations=PERMUTATIONS, seed=SEED)
    velmeshev = pool.submit(real.velmeshev, permutations=20, seed=SEED, with_r=with_r)
    out = {"kang": real.kang_ranks(), "c9orf72": real.c9orf72()}
    out["onek1k"], out["histogram"] = onek1k.result()
    out["velmeshev"], out["excess"] = velmeshev.result()
    return out


def write(rows: pd.DataFrame, found: dict, folder: Path, *, with_r: bool) -> None:
    """Table, page and figure."""
    table = page.tidy(rows)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "calibration.tsv", sep="\t", index=False, float_format="%.5g")
    (folder / "calibration.md").write_text(page.page(table, found, with_r=with_r))
    page.save_png(page.figure(table, found), folder / "images" / "calibration_benchmark.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    with_r = has_r()
    with ProcessPoolExecutor(given.processes) as pool:
        found = real_results(pool, with_r=with_r)
        write(simulated_rows(pool, with_r=with_r), found, given.out, with_r=with_r)


if __name__ == "__main__":
    main()
