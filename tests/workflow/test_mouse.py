"""A real run of mouse sums, with Ensembl ids only, beside human ones: sets are translated, results compared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import sparse

from alscell.files import read_gene_table, read_gmt, read_table

ROOT = Path(__file__).resolve().parents[2]
PAIRS = read_gene_table(ROOT / "resources" / "genes" / "mouse_human.tsv")
SETS = {
    (path.parent.name, name): genes
    for path in (ROOT / "resources" / "gene_sets").glob("*/*.gmt")
    for name, genes in read_gmt(path).items()
}
PLANTED = SETS["inflammation", "dam_microglia"]
# Mouse genes without a one-to-one human ortholog, some of them named as human genes of the sets are but for capitals.
MOUSE_ONLY = ["ENSMUSG00000086503", "ENSMUSG00000073418", "ENSMUSG00000060550"]  # Xist, C4b, H2-Q7
FACTS = {
    "title": "SIMULATED sums",
    "tissue": "spinal cord",
    "system": "tissue",
    "assay": "nuclei",
    "simulated": True,
    "enters_at": "pseudobulk",
    "layout": "pseudobulk_h5ad",
    "levels": {"condition": ["ALS", "Control"]},
    "cells": {"sample": "sample", "cell_type": "cell_type", "n_cells": "n_cells"},
}
DONORS = [f"D{number}" for number in range(1, 11)]


def write_dataset(folder: Path, name: str, organism: str, genes: list[str], up: list[bool], *, seed: int) -> None:
    """Ten donors, five of them ALS with the genes in `up` doubled; the count table names genes as `genes` does."""
    rng = np.random.default_rng(seed)
    mean = rng.lognormal(5, 0.7, len(genes)) * rng.lognormal(0, 0.1, (len(DONORS), len(genes)))
    mean[:5] *= np.where(up, 2.0, 1.0)
    obs = pd.DataFrame({"sample": DONORS, "cell_type": "microglia", "n_cells": 50}, index=DONORS)
    (folder / "data" / name).mkdir(parents=True)
    data = anndata.AnnData(sparse.csr_matrix(rng.poisson(mean)), obs=obs, var=pd.DataFrame(index=genes))
    data.write_h5ad(folder / "data" / name / "sums.h5ad")
    (folder / name).mkdir()
    facts = {"id": name, "organism": organism, "replicate": "donor" if organism == "human" else "animal", **FACTS}
    facts["source"] = {"path": name, "files": [{"name": "sums.h5ad"}]}
    (folder / name / "dataset.yaml").write_text(yaml.safe_dump(facts))
    sheet = pd.DataFrame({"sample": DONORS, "donor": DONORS, "condition": ["ALS"] * 5 + ["Control"] * 5})
    sheet.to_csv(folder / name / "samples.tsv", sep="\t", index=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mouse")
    members = {gene for genes in SETS.values() for gene in genes}
    pairs = pd.concat([PAIRS[PAIRS["human_symbol"].isin(members)], PAIRS.iloc[::20]]).drop_duplicates()
    up = pairs["human_symbol"].isin(PLANTED).tolist()
    write_dataset(folder, "people", "human", pairs["human_symbol"].tolist(), up, seed=1)
    ids = [*(pairs["mouse_id"] + ".2"), *MOUSE_ONLY]
    write_dataset(folder, "mice", "mouse", ids, [*up, False, False, True], seed=2)
    config = {"data_folder": "data", "enrichment": {"permutations": 100}, "pathways": {"n_random_sets": 50}}
    config["datasets"] = [{"id": name, "folder": name, "contrasts": ["als_vs_control"]} for name in ("people", "mice")]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    targets = ["results/synthesis/genes.tsv", "results/mice/enrichment.tsv.gz"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--cores", "1", *targets, "--configfile", str(folder / "config.yaml")],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return folder / "results"


def test_counts_and_results_of_mice_stay_in_mouse_symbols(run):
    sums = anndata.read_h5ad(run / "mice" / "pseudobulk.h5ad")
    assert {"Nefl", "Sod1", "Trem2", "Xist", "C4b", "H2-Q7"} <= set(sums.var_names)
    assert sums.var.loc["Trem2", "gene_id"] == "ENSMUSG00000023992"
    table = read_table(run / "mice" / "differential.tsv.gz", "differential").set_index("gene")
    assert table.loc["Trem2", "fdr"] < 0.05
    assert "TREM2" not in table.index


def test_human_sets_are_scored_in_mice_and_show_what_a_mouse_lacks(run):
    mice, people = (
        read_table(run / name / "pathway_sets.tsv", "pathway_sets").set_index("pathway") for name in ("mice", "people")
    )
    assert mice["n_genes"].equals(people["n_genes"])
    assert mice["n_measured"].equals(people["n_measured"])  # the human table holds genes with a mouse ortholog only
    assert mice.loc["complement", ["n_genes", "n_measured"]].tolist() == [52, 36]
    assert "C4B (human)" in mice.loc["complement", "missing"].split(";")  # though the mouse's own C4b is measured
    for name in ("mice", "people"):
        tests = read_table(run / name / "pathway_tests.tsv", "pathway_tests").set_index("pathway")
        assert tests["p_value"].idxmin() == "dam_microglia"
        assert tests.loc["dam_microglia", "fdr"] < 0.05
        assert tests.loc["dam_microglia", "effect"] > 0
    enriched = read_table(run / "mice" / "enrichment.tsv.gz", "enrichment").set_index("pathway")
    assert enriched["fdr"].idxmin() == "dam_microglia"
    assert enriched.loc["dam_microglia", "fdr"] < 0.05


def test_the_synthesis_compares_mice_and_people_under_human_symbols(run):
    genes = read_table(run / "synthesis" / "genes.tsv", "synthesis_genes").set_index("gene")
    assert genes.loc["TREM2", ["datasets", "organisms"]].tolist() == ["mice;people", "mouse;human"]
    assert genes.loc["TREM2", "log2_fold_change"] == pytest.approx(1, abs=0.3)
    assert not {"Trem2", "Xist", "C4b", "H2-Q7"} & set(genes.index)
    sets = read_table(run / "synthesis" / "pathways.tsv", "synthesis_pathways").set_index("pathway")
    assert set(sets["organisms"]) == {"mouse;human"}
    log = next(run.parent.glob("logs/synthesize_datasets/*.log")).read_text()
    assert "mice: 3 of" in log
