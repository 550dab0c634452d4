"""Validation of all shipped gene sets: docs/gene_set_validation.md and .tsv, docs/images/gene_set_validation.png.

Run from the repository root: make validate-sets. The same bytes on every run with the same packages and data.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "benchmarks")]

from calibration.page import save_png  # noqa: E402
from gene_sets import controls, measured, page, verdicts  # noqa: E402
from gene_sets.cohorts import DATA, FILES, has_data, marker_genes, read_cohort, shipped_sets  # noqa: E402
from gene_sets.planted import planted  # noqa: E402

REPEATS = 10  # null splits in which each set is planted
CHUNK = 6  # sets of one job
SEED = 1
COVERED = ("velmeshev", "als", "pbmc4k")
WITH_DONORS = ("velmeshev", "als", "onek1k")


def all_planted(pool: ProcessPoolExecutor, sets: measured.Sets, *, repeats: int) -> pd.DataFrame:
    """Every scored set planted in both cohorts; the order does not depend on which job ends first."""
    keys = sorted(sets)
    chunks = [keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK)]
    names = [name for name in ("velmeshev", "als") if has_data(name)]
    jobs = [pool.submit(planted, name, sets, part, repeats=repeats, seed=SEED) for name in names for part in chunks]
    parts = [job.result() for job in jobs]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def collect(pool: ProcessPoolExecutor, *, repeats: int) -> verdicts.Found:
    """Everything that can be measured with the data at hand."""
    members, facts, overlap = shipped_sets()
    sets = {key: part["gene"].tolist() for key, part in members.groupby(["family", "pathway"], sort=True)}
    kinds = facts.set_index(["family", "pathway"])["kind"]
    scored = {key: genes for key, genes in sets.items() if kinds[key] != verdicts.LIST}
    cohorts = {name: read_cohort(name) for name in FILES if has_data(name)}
    coverage = {name: measured.coverage(cohorts[name], sets) for name in COVERED if name in cohorts}
    index = pd.MultiIndex.from_tuples(list(sets), names=["family", "pathway"])
    together = [measured.coherence(cohorts[name], scored, seed=SEED)[0] for name in WITH_DONORS if name in cohorts]
    by_type = {name: measured.type_scores(cohorts[name], scored) for name in COVERED if name in cohorts}
    leading = [part.assign(dataset=name) for name, (_, part) in by_type.items()]
    blood = "pbmc4k" in cohorts
    half = measured.half_depth(cohorts["pbmc4k"], scored, seed=SEED) if blood else pd.Series(dtype=float)
    return verdicts.Found(
        sets=facts,
        members=members,
        overlap=overlap,
        markers=marker_genes(),
        coverage=pd.DataFrame(coverage, index=index),
        coherence=pd.concat(together, ignore_index=True) if together else pd.DataFrame(),
        leading=pd.concat(leading, ignore_index=True) if leading else pd.DataFrame(),
        planted=all_planted(pool, scored, repeats=repeats),
        half_depth=half,
        interferon=controls.interferon(scored),
        blood=controls.in_blood(by_type["pbmc4k"][0]) if blood else pd.DataFrame(),
        lists=controls.published_lists(scored),
    )


def write(found: verdicts.Found, folder: Path) -> pd.DataFrame:
    """Table, page and figure."""
    table = verdicts.table(found)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "gene_set_validation.tsv", sep="\t", index=False, float_format="%.5g")
    (folder / "gene_set_validation.md").write_text(page.page(table, found))
    save_png(page.figure(table, found), folder / "images" / "gene_set_validation.png")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    given = parser.parse_args()
    lists = [f"spinal_cord_markers/{name}.csv" for name, _, _ in controls.LISTS]
    missing = [str(DATA / path) for path in [*FILES.values(), *lists] if not (DATA / path).exists()]
    if missing:
        parser.error(f"no {missing[0]}; set ALSCELL_TEST_DATA to the folder of the data. The page stays as it is.")
    with ProcessPoolExecutor(given.processes) as pool:
        write(collect(pool, repeats=given.repeats), given.out)


if __name__ == "__main__":
    main()
