"""A SIMULATED cohort of any size for benchmarks: 20,000 genes, 12 cell types, donors in two arms, 10x h5 files.

Run from the repository root: .venv/bin/python benchmarks/cohort.py --cells 100000 --samples 16 --out /tmp/cohort
Then, in that folder: snakemake --snakefile <alscell>/Snakefile --configfile config.yaml
The model is that of the demo (workflow/scripts/alscell/simulate.py) with more genes and deeper nuclei, about 2,500
genes each. `truth.tsv.gz` has the type of every droplet. Samples are drawn one by one: memory doesn't grow with them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from alscell.files import read_set_lists, read_yaml, write_plain_table  # noqa: E402
from alscell.raw_layouts import tenx_h5_bytes  # noqa: E402
from alscell.simulate import Cohort, build_cohort, simulate_sample  # noqa: E402
from alscell.simulation_plan import plan_from  # noqa: E402

N_GENES = 20_000
SEED = 42
RESOURCES = ROOT / "resources"
DEMO = ROOT / "examples/demo/simulated_spinal_cord/simulation.yaml"
PROPORTIONS = {
    "oligodendrocyte": 0.34,
    "opc": 0.08,
    "astrocyte": 0.14,
    "microglia": 0.10,
    "endothelial": 0.05,
    "mural": 0.05,
    "excitatory_neuron": 0.07,
    "inhibitory_neuron": 0.06,
    "motor_neuron": 0.03,
    "lymphocyte": 0.03,
    "fibroblast": 0.03,
    "ependymal": 0.02,
}
LIBRARY_MEDIAN = 3000  # UMI; with the folds of the demo about 2,500 genes a nucleus are seen


def gene_table() -> pd.DataFrame:
    """The demo's genes and others, 20,000 in all; the others stand on chromosome 1, which nothing asks about."""
    known = pd.read_csv(RESOURCES / "simulation/genes.tsv", sep="\t", keep_default_na=False)
    others = pd.read_csv(RESOURCES / "genes/human.tsv", sep="\t", keep_default_na=False)
    others = others.rename(columns={"symbol": "gene"}).drop_duplicates("gene")
    taken = others["gene"].isin(known["gene"]) | others["gene_id"].isin(known["gene_id"])
    unfit = (others["gene"] == "") | others["gene"].str.startswith("MT-")
    others = others[~taken & ~unfit].head(N_GENES - len(known))
    return pd.concat([known, others.assign(chromosome="1")[known.columns]], ignore_index=True)


def cohort_of(cells_per_sample: int) -> Cohort:
    """The plan of the demo's cord with the sizes of a benchmark."""
    plan = read_yaml(DEMO)
    plan |= {"cells_per_sample": cells_per_sample, "proportions": PROPORTIONS, "library_median": LIBRARY_MEDIAN}
    plan |= {"n_genes": 0, "cells_spread": 0.0, "composition": {"microglia": 1.6}}
    sets = sorted((RESOURCES / "gene_sets").glob("*/*.gmt"))
    return build_cohort(
        plan_from(plan, where=str(DEMO)),
        gene_table(),
        markers=pd.read_csv(RESOURCES / "markers/spinal_cord.tsv", sep="\t", keep_default_na=False),
        gene_sets=read_set_lists([str(path) for path in sets], [path.parent.name for path in sets]),
        seed=SEED,
    )


def sheet(n_samples: int) -> pd.DataFrame:
    """One sample a donor, the first half ALS; sexes by turns."""
    names = [f"SIM{number:03d}" for number in range(1, n_samples + 1)]
    return pd.DataFrame(
        {
            "sample": names,
            "donor": names,
            "condition": ["ALS" if number < n_samples // 2 else "Control" for number in range(n_samples)],
            "file": [f"{name}.h5" for name in names],
            "sex": ["FM"[number % 2] for number in range(n_samples)],
        }
    )


def write_sample(folder: Path, cohort: Cohort, row: dict[str, str]) -> pd.DataFrame:
    """Draw one sample and write its h5; the true types of its cells."""
    counts, cells = simulate_sample(cohort, row)
    data = tenx_h5_bytes(counts, list(cells["barcode"] + "-1"), cohort.genes, library=row["sample"])
    (folder / row["file"]).write_bytes(data)
    return cells.assign(sample=row["sample"], n_genes=counts.getnnz(axis=1))


def write_config(folder: Path, n_cells: int, rows: pd.DataFrame) -> None:
    """dataset.yaml, samples.tsv and config.yaml, as a user writes them."""
    dataset = {
        "id": "cohort",
        "title": f"SIMULATED cohort of {n_cells:,} nuclei",
        "organism": "human",
        "tissue": "spinal cord",
        "system": "tissue",
        "assay": "nuclei",
        "replicate": "donor",
        "simulated": True,
        "enters_at": "load",
        "layout": "10x_h5",
        "source": {"path": "raw"},
        "levels": {"condition": ["ALS", "Control"], "sex": ["F", "M"]},
        "markers": "spinal_cord",
    }
    entry = {"id": "cohort", "folder": "dataset", "contrasts": ["als_vs_control"], "covariates": ["sex"]}
    (folder / "dataset").mkdir(exist_ok=True)
    (folder / "dataset/dataset.yaml").write_text(yaml.safe_dump(dataset, sort_keys=False))
    rows.to_csv(folder / "dataset/samples.tsv", sep="\t", index=False)
    (folder / "config.yaml").write_text(yaml.safe_dump({"datasets": [entry]}, sort_keys=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, required=True)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    raw = given.out / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    rows = sheet(given.samples)
    write_config(given.out, given.cells, rows)
    cohort = cohort_of(given.cells // given.samples)
    jobs = [(raw, cohort, row) for row in rows.to_dict("records")]
    with multiprocessing.Pool(given.processes) as pool:
        truth = pd.concat(pool.starmap(write_sample, jobs, chunksize=1), ignore_index=True)
    write_plain_table(truth.drop(columns="n_genes"), given.out / "truth.tsv.gz")  # its gzip carries no time
    print(
        f"{len(truth):,} nuclei in {given.samples} samples, median {truth['n_genes'].median():.0f} genes: {given.out}"
    )


if __name__ == "__main__":
    main()
