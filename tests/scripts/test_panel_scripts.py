"""The scripts of panels.smk and their figures on a small donor-level dataset in files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import sparse

import plot_gene_panel
import plot_ligand_receptor
import plot_tdp43
import test_differential as differential_tests  # scripts, not test modules
import test_gene_panel as panel_tests
import test_ligand_receptor as pair_tests
import test_tdp43 as target_tests
from alscell import files
from alscell.pseudobulk import to_anndata

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "resources"
ALS_GENES = sorted(map(str, (RESOURCES / "gene_sets/als_genes").glob("*.gmt")))
CONTRASTS = {
    "als_vs_control": {"factor": "condition", "case": ["ALS"], "control": ["Control"], "gene": "C9orf72"},
    "fals_vs_control": {"factor": "subtype", "case": ["fALS"], "control": ["Control"]},
}
TARGETS, PAIRS = RESOURCES / "tdp43/targets.tsv", RESOURCES / "ligand_receptor/neurotrophic.tsv"
DESIGN = {"dataset": "x", "definitions": CONTRASTS}


def write_inputs(folder: Path) -> None:
    rng = np.random.default_rng(8)
    listed = [*files.read_samples(TARGETS)["gene"], "GDNF", "GFRA1", "RET", "CX3CL1", "CX3CR1", "C9orf72", "SOD1"]
    genes = np.array(list(dict.fromkeys([*listed, *(f"G{i:03}" for i in range(150))])))
    level, rows, counts = 20 + rng.lognormal(3, 1, len(genes)), [], []
    for cell_type in ("astrocyte", "microglia", "motor_neuron"):
        for i in range(8):
            label = "ALS" if i < 4 else "Control"
            row = {"donor": f"d{i}", "cell_type": cell_type, "n_cells": 50, "n_samples": 1, "condition": label}
            rows.append(row | {"subtype": "fALS" if i < 2 else label})
            counts.append(rng.poisson(level * rng.gamma(8, 1 / 8, len(genes))))
    observations = pd.DataFrame(rows, index=[f"{row['donor']}|{row['cell_type']}" for row in rows])
    named = pd.DataFrame({"gene_id": ""}, index=genes)
    data = to_anndata(sparse.csr_matrix(np.array(counts)), observations, named, dataset="x", simulated=True)
    files.write_h5ad(data, folder / "sums.h5ad")
    sheet = observations.drop_duplicates("donor").assign(sample=lambda table: table["donor"])
    files.write_plain_table(sheet[["sample", "donor", "condition", "subtype"]], folder / "samples.tsv")


def run_tests(inputs: Path, out: Path) -> None:
    given = {name: str(inputs / f"{name}.tsv") for name in ("skipped", "power")}
    given |= {"table": str(inputs / "differential.parquet"), "donors_table": str(inputs / "expression.parquet")}
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())["differential"]
    choices = {name: value for name, value in settings.items() if name != "min_donors"}
    sums, plain = str(inputs / "sums.h5ad"), {"covariates": [], "min_donors": 3}
    differential_tests.main(
        sums=sums, text_table=str(inputs / "d.tsv.gz"), min_cells=10, choices=choices, **given, **plain, **DESIGN
    )
    tests = {"sums": sums, "differential": given["table"], "expression": given["donors_table"], "orthologs": []}
    panel_tests.main(
        **tests, **plain, **DESIGN, skipped=given["skipped"], gene_sets=ALS_GENES,
        table=str(out / "gene_panel.tsv"), min_cells=10,
    )  # fmt: skip
    target_tests.main(
        **tests, **plain, **DESIGN, skipped=given["skipped"], targets=str(TARGETS), genes=str(out / "tdp43_genes.tsv"),
        index=str(out / "tdp43_index.tsv"), donors=str(out / "tdp43_donors.tsv"), min_cells=10, fdr=0.05,
        n_random_sets=50, n_expression_bins=5, seed=1, names={},
    )  # fmt: skip
    pair_tests.main(**tests, **plain, **DESIGN, pairs=str(PAIRS), table=str(out / "ligand_receptor.tsv"), names={})


def draw(folder: Path, contrast: str) -> None:
    def out(name: str) -> dict[str, str]:
        return {kind: str(folder / f"{name}_{contrast}.{kind}") for kind in ("pdf", "png", "numbers")}

    common = {"contrast": contrast, "fdr": 0.05, "simulated": True}
    plot_gene_panel.main(table=str(folder / "gene_panel.tsv"), **common, **out("gene_panel"))
    plot_ligand_receptor.main(table=str(folder / "ligand_receptor.tsv"), n_pairs=10, **common, **out("ligand_receptor"))
    tables = {name: str(folder / f"tdp43_{name}.tsv") for name in ("genes", "index", "donors")}
    levels = {"contrast_levels": CONTRASTS[contrast], "replicate": "donor", "samples": str(folder / "samples.tsv")}
    plot_tdp43.main(**tables, **levels, **common, **out("tdp43"))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("panels")
    write_inputs(folder)
    run_tests(folder, folder)
    for contrast in CONTRASTS:
        draw(folder, contrast)
    return folder


def test_the_gene_stated_in_config_is_the_mutated_one(made):
    table = files.read_table(made / "gene_panel.tsv", "gene_panel")
    own = table[table["own_gene"]]
    assert set(own["gene"]) == {"C9orf72"}
    assert set(own["contrast"]) == {"als_vs_control"}
    assert set(own["cell_type"]) == {"(all)", "astrocyte", "microglia", "motor_neuron"}
    assert set(table.loc[table["gene"] == "FUS", "status"]) == {"not_measured"}


def test_a_contrast_with_two_donors_has_effects_only_in_all_tables(made):
    for name in ("gene_panel", "tdp43_index", "ligand_receptor"):
        table = files.read_table(made / f"{name}.tsv", name)
        few = table[table["contrast"] == "fals_vs_control"]
        assert few["p_value"].isna().all(), name
        assert "descriptive" in set(few["status"]), name
        assert table.loc[table["contrast"] == "als_vs_control", "p_value"].notna().any(), name


def test_every_figure_is_drawn_also_without_tests(made):
    for name in ("gene_panel", "tdp43", "ligand_receptor"):
        for contrast in CONTRASTS:
            assert (made / f"{name}_{contrast}.png").stat().st_size > 5000
            assert len(pd.read_csv(made / f"{name}_{contrast}.numbers", sep="\t"))


def test_same_bytes_again(made, tmp_path):
    run_tests(made, tmp_path)
    for name in ("gene_panel", "tdp43_genes", "tdp43_index", "tdp43_donors", "ligand_receptor"):
        assert (tmp_path / f"{name}.tsv").read_bytes() == (made / f"{name}.tsv").read_bytes()
