"""The scripts of calibration.smk on a small donor-level dataset in files: two contrasts, one of them descriptive."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import gather_calibration
import plot_calibration
import test_calibration as calibration_tests  # the script, not a test module
from alscell import files
from alscell.gene_sets import collect_sets
from alscell.pseudobulk import to_anndata

GENES = np.array([f"G{i:03}" for i in range(120)])
PARAMS = {
    "covariates": ["sex"],
    "choices": {
        "method": "voom",
        "min_count": 10,
        "min_total_count": 15,
        "cell_weights": True,
        "local_prior": True,
        "hidden_factors": 0,
        "exclude_outliers": False,
        "independent_filtering": False,
        "fdr": 0.05,
    },
    "min_cells": 10,
    "min_donors": 3,
    "cell_weights": True,
    "transform": "logit",
    "sizes": {"min_size": 5, "max_size": 500},
    "permutations": 12,
    "blocks": ["sex"],
    "seed": 42,
}
CONTRASTS = {
    "als_vs_control": {"factor": "condition", "case": ["ALS"], "control": ["Control"]},
    "fals_vs_control": {"factor": "subtype", "case": ["fALS"], "control": ["Control"]},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """4 against 4 donors, two women and two men in each arm; both contrasts done, gathered and drawn."""
    folder = tmp_path_factory.mktemp("calibration")
    write_inputs(folder)
    for contrast in CONTRASTS:
        run_contrast(folder, folder, contrast)
        plot_calibration.main(
            table=str(folder / f"{contrast}.tsv"),
            bins=str(folder / f"{contrast}_bins.tsv"),
            simulated=True,
            **{name: str(folder / f"{contrast}.{name}") for name in ("pdf", "png", "numbers")},
        )
    gather_calibration.main(
        tables=[str(folder / f"{contrast}.tsv") for contrast in CONTRASTS],
        tables_of_bins=[str(folder / f"{contrast}_bins.tsv") for contrast in CONTRASTS],
        table=str(folder / "all.tsv"),
        bins=str(folder / "all_bins.tsv"),
    )
    return folder


def write_inputs(folder):
    rng = np.random.default_rng(8)
    rows, counts, scores = [], [], []
    level = 20 + rng.lognormal(3, 1, len(GENES))
    for cell_type in ("microglia", "motor_neuron", "opc"):
        for i in range(8):
            label = "ALS" if i < 4 else "Control"
            row = {"donor": f"d{i}", "cell_type": cell_type, "n_cells": int(rng.integers(30, 90)), "n_samples": 1}
            rows.append(row | {"condition": label, "subtype": "fALS" if i < 2 else label, "sex": "FM"[i % 2]})
            counts.append(rng.poisson(level * rng.gamma(8, 1 / 8, len(GENES))))
            scores += [
                {"dataset": "x", "family": "f", "pathway": f"set{s}", "cell_type": cell_type, "donor": f"d{i}",
                 "n_cells": row["n_cells"], "depth": 5000.0, "score": 0.1 + 0.01 * rng.normal(), "score_sd": 0.02}
                for s in range(6)
            ]  # fmt: skip
    genes = pd.DataFrame({"gene_id": ""}, index=GENES)
    observations = pd.DataFrame(rows, index=[f"{row['donor']}|{row['cell_type']}" for row in rows])
    data = to_anndata(sparse.csr_matrix(np.array(counts)), observations, genes, dataset="x", simulated=True)
    files.write_h5ad(data, folder / "sums.h5ad")
    files.write_table(pd.DataFrame(scores), folder / "scores.parquet", "pathway_donors")
    rows = [("f", f"set{s}", gene) for s in range(6) for gene in GENES[20 * s : 20 * s + 20]]
    given = pd.DataFrame(rows, columns=["family", "pathway", "gene"])
    facts, known = {("f", "set5"): {"kind": "gene_level"}}, set(GENES)
    members, sets, _ = collect_sets(given, facts, {"f": "file"}, known=known, aliases={})
    files.write_table(members, folder / "members.tsv", "gene_set_members")
    files.write_table(sets, folder / "sets.tsv", "gene_sets")


def run_contrast(folder, out, contrast, **changed):
    given = {"members": str(folder / "members.tsv"), "sets": str(folder / "sets.tsv"), "orthologs": []}
    given |= {"sums": str(folder / "sums.h5ad"), "donor_scores": str(folder / "scores.parquet")}
    given |= {"table": str(out / f"{contrast}.tsv"), "bins": str(out / f"{contrast}_bins.tsv")}
    given |= {"dataset": "x", "contrast": contrast, "definitions": CONTRASTS}
    calibration_tests.main(**given | PARAMS | changed)


def test_every_test_has_its_rates_and_the_descriptive_contrast_has_none(made):
    table = files.read_table(made / "all.tsv", "calibration")
    assert set(table["contrast"]) == {"als_vs_control"}
    over_all = table[table["cell_type"] == "(all)"].set_index("test")
    # Two women and two men in each arm: 18 balanced labellings within sex, and their mirror images are among them.
    assert (over_all[["n_relabellings", "n_distinct"]] == 9).all(axis=None)
    assert over_all["n_tests"].to_dict() == {
        "composition": 9 * 3, "differential": 9 * 3 * 120, "enrichment": 9 * 3 * 5, "pathways": 9 * 3 * 6,
        "pathways_over_cells": 9 * 3 * 6,
    }  # fmt: skip
    assert set(table["verdict"]) == {"too_few"}
    bins = files.read_table(made / "all_bins.tsv", "calibration_histogram")
    assert bins.groupby("test")["n_true"].sum()["differential"] == 3 * 120


def test_figures_say_what_is_there(made):
    numbers = pd.read_csv(made / "als_vs_control.numbers", sep="\t")
    assert numbers["quantity"].value_counts().to_dict() == {"bin": 100, "rate": 20}
    assert pd.read_csv(made / "fals_vs_control.numbers", sep="\t").empty
    assert (made / "fals_vs_control.png").stat().st_size > 1000


def test_same_bytes_again(made, tmp_path):
    run_contrast(made, tmp_path, "als_vs_control")
    for name in ("als_vs_control.tsv", "als_vs_control_bins.tsv"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_the_seed_decides_where_there_are_more_relabellings_than_wanted(made, tmp_path):
    rates = []
    for seed in (1, 2):
        run_contrast(made, tmp_path, "als_vs_control", blocks=[], covariates=[], seed=seed)
        rates.append(files.read_table(tmp_path / "als_vs_control.tsv", "calibration"))
    assert (rates[0]["n_distinct"] == 18).all()
    assert (rates[0]["n_relabellings"] == 12).all()
    assert not rates[0].equals(rates[1])
