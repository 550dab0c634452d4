"""Real runs of the whole workflow on a small SIMULATED cohort: are the values right, not only the exit codes?"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import anndata
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from alscell.contract import ASKED, FILES, find_contract
from alscell.files import read_samples, read_table, read_yaml, sha256

REPOSITORY = Path(__file__).resolve().parents[2]
COHORT = Path(__file__).with_name("cohort")
CORD, DISH = "simulated_spinal_cord", "simulated_ipsc_motor_neurons"
RUN = {"summary": "results", "with_cells": [CORD, DISH], "simulated": [CORD, DISH]}


def command(folder: Path, *arguments: str, cores: int) -> list[str]:
    config = folder / "cohort" / "config.yaml"
    return [
        *(sys.executable, "-m", "snakemake", "-s", str(REPOSITORY / "Snakefile"), "--directory", str(folder)),
        *("--cores", str(cores), *arguments, "--configfile", str(config)),
    ]


def snakemake(folder: Path, *arguments: str, cores: int = 2) -> str:
    """Run the workflow in a folder; its output. Fails with that output if the run does."""
    done = subprocess.run(command(folder, *arguments, cores=cores), capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-6000:]
    return output


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Path:
    """A finished run, made once; tests that change files work on a copy."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(COHORT, folder / "cohort")
    snakemake(folder)
    return folder


@pytest.fixture(scope="session")
def tests_of(run):
    def read(dataset: str) -> pd.DataFrame:
        return read_table(run / "results" / dataset / "pathway_tests.tsv", "pathway_tests")

    return read


def test_numbers_of_every_figure_have_the_columns_of_the_dictionary(run):
    dictionary = read_table(run / "results/data_dictionary.tsv", "data_dictionary")
    for contract in (one for one in FILES if one.table.startswith("figure_")):
        expected = dictionary.loc[dictionary["file"] == contract.pattern, "column"].tolist()
        found = list(run.glob(re.sub(r"\{\w+\}", "*", contract.pattern.replace("<summary>", "results"))))
        drawn = [path for path in found if find_contract(str(path), **RUN).pattern == contract.pattern]
        assert drawn, contract.pattern
        for path in drawn:
            assert path.read_text(encoding="utf-8").splitlines()[0].split("\t") == expected, path.name


def rules_of(output: str) -> set[str]:
    """Rules that a dry run plans, from its table of jobs."""
    lines = output.split("Job stats:")[1].splitlines()[3:]
    return {line.split()[0] for line in lines[: lines.index("")]} - {"total", "all"}


def test_every_file_of_the_contract_is_there(run):
    first_sample = {
        dataset: read_samples(run / "cohort" / dataset / "samples.tsv")["sample"].iloc[0] for dataset in (CORD, DISH)
    }
    checked = 0
    for file in FILES:
        unnamed = any(name in file.pattern for name in ("{file}", "{figure}", "{collection}", "learned_markers"))
        if unnamed or file.only == ASKED:
            continue
        for dataset in (CORD, DISH) if "{dataset}" in file.pattern else ("",):
            path = file.pattern.replace("<summary>", "results").replace("{dataset}", dataset)
            path = path.replace("{contrast}", "als_vs_control").replace("{sample}", first_sample.get(dataset, ""))
            assert (run / path).is_file(), path
            assert (run / path).stat().st_size > 0, path
            checked += 1
    assert checked > 40


@pytest.mark.parametrize(
    ("dataset", "cell_type", "pathway", "sign"),
    [
        (CORD, "microglia", "tnf_nfkb", 1),
        (CORD, "astrocyte", "reactive_astrocyte", 1),
        (CORD, "motor_neuron", "isr_atf4", 1),
        (CORD, "motor_neuron", "oxidative_phosphorylation", -1),
        (DISH, "motor_neuron", "isr_atf4", 1),
        (DISH, "motor_neuron", "oxidative_phosphorylation", 1),
    ],
)
def test_planted_pathways_are_found_with_their_sign(tests_of, dataset, cell_type, pathway, sign):
    table = tests_of(dataset).query("contrast == 'als_vs_control' and cell_type == @cell_type and pathway == @pathway")
    assert len(table) == 1
    row = table.iloc[0]
    assert row["fdr"] <= 0.05
    assert row["effect"] * sign > 0
    assert row["random_set_percentile"] >= 95


@pytest.mark.parametrize(
    ("dataset", "cell_type"), [(CORD, "oligodendrocyte"), (DISH, "progenitor"), (DISH, "mesenchymal")]
)
def test_cell_types_in_which_nothing_moves_stay_quiet(run, tests_of, dataset, cell_type):
    pathways = tests_of(dataset).query("contrast == 'als_vs_control' and cell_type == @cell_type")
    assert len(pathways) >= 15
    assert (pathways["fdr"] > 0.05).all()
    genes = read_table(run / "results" / dataset / "differential.tsv.gz", "differential")
    genes = genes.query("contrast == 'als_vs_control' and cell_type == @cell_type")
    assert len(genes) > 300
    assert (genes["fdr"] <= 0.05).sum() <= 1


def test_manifest_says_what_made_each_result(run):
    table = read_table(run / "results/manifest.tsv", "manifest")
    assert set(table["software"]) == {sha256(run / "results/software.tsv")}
    assert (table.groupby("rule")["code"].nunique() == 1).all()
    assert (table.groupby("code")["rule"].nunique() == 1).all()
    loaded = table[table["rule"] == "load_sample"]
    assert loaded["parameters"].nunique() == len(loaded) / 2 > 10  # two files a sample
    resolved = read_yaml(run / "results/config.yaml")
    assert (resolved["clusters"]["n_subsamples"], resolved["seed"]) == (3, 42)


def test_raw_files_are_listed_with_their_checksums(run):
    files = [path for path in run.glob("results/*/raw/*") if not path.name.startswith(".")]
    assert len(files) == 3
    for path in files:
        table = path.parents[1] / "acquired" / f"{path.name}.tsv"
        row = read_table(table, "acquired").iloc[0]
        assert (row["file"], row["sha256"], row["source"]) == (path.name, sha256(path), "simulated")


def test_planted_genes_are_found_and_hits_are_mostly_true(run):
    genes = read_table(run / f"results/{CORD}/differential.tsv.gz", "differential")
    genes = genes[genes["contrast"] == "als_vs_control"]
    truth = read_table(run / f"results/{CORD}/truth/genes.tsv", "truth_genes")
    both = genes.merge(truth, on=["dataset", "cell_type", "gene"], how="left", suffixes=("", "_planted"))
    hits = both[both["fdr"] <= 0.05]
    assert len(hits) >= 15
    assert hits["log2_fold_change_planted"].isna().mean() <= 0.15
    named = hits[hits["log2_fold_change_planted"].notna()]
    assert (named["log2_fold_change"] * named["log2_fold_change_planted"] > 0).all()
    for cell_type, gene, sign in (("microglia", "GPNMB", 1), ("motor_neuron", "STMN2", -1)):
        row = genes[(genes["cell_type"] == cell_type) & (genes["gene"] == gene)].iloc[0]
        assert row["fdr"] <= 0.05
        assert row["log2_fold_change"] * sign > 1


def test_two_familial_donors_give_effects_and_no_p_value(run, tests_of):
    pathways = tests_of(CORD).query("contrast == 'fals_vs_control'")
    genes = read_table(run / f"results/{CORD}/differential.tsv.gz", "differential")
    genes = genes[genes["contrast"] == "fals_vs_control"]
    for table in (pathways, genes):
        assert len(table) > 50
        assert table["descriptive"].all()
        assert (table["n_case"] <= 2).all()
        assert table[["p_value", "fdr", "statistic"]].isna().all(axis=None)
    assert pathways["effect"].notna().all()
    skipped = read_table(run / f"results/{CORD}/differential_skipped.tsv", "differential_skipped")
    skipped = skipped[skipped["contrast"] == "fals_vs_control"]
    assert set(skipped["reason"]) == {"too_few_donors"}
    assert set(skipped["cell_type"]) == set(genes["cell_type"]) >= set(pathways["cell_type"])


def test_calibration_tells_of_every_tested_contrast_and_none_of_a_descriptive_one(run):
    for dataset, n in ((CORD, 10), (DISH, 10)):
        table = read_table(run / "results" / dataset / "calibration.tsv", "calibration")
        assert set(table["contrast"]) == {"als_vs_control"}
        over_all = table[table["cell_type"] == "(all)"].set_index("test")
        assert sorted(over_all.index) == [
            "composition",
            "differential",
            "enrichment",
            "pathways",
            "pathways_over_cells",
        ]
        assert over_all["n_relabellings"].between(n - 2, n).all()  # batch and arms may be one in a relabelling
        rate = over_all["false_positive_rate"]
        assert rate["differential"] < 0.1
        assert rate["pathways_over_cells"] > 0.15 > rate["pathways"]  # cells taken for replicates: shown as a warning
    report = (run / "results/report.html").read_text()
    assert "With labels shuffled among the donors" in report


@pytest.mark.parametrize("dataset", [CORD, DISH])
def test_labels_agree_with_the_simulated_cell_types(run, dataset):
    labels = read_table(run / f"results/{dataset}/cell_types.parquet", "cell_types")
    truth = read_table(run / f"results/{dataset}/truth/cells.tsv.gz", "truth_cells")
    truth["cell"] = truth["sample"] + "_" + truth["barcode"]
    both = labels.merge(truth, on="cell", suffixes=("", "_true"))
    assert len(both) == len(labels) > 500
    singlets = both[both["doublet_with"].isna()]
    assert adjusted_rand_score(singlets["cell_type_true"], singlets["cell_type"]) > 0.95
    assert (singlets["cell_type"] == singlets["cell_type_true"]).mean() > 0.97


def test_dying_cells_are_removed_and_others_kept(run):
    truth = read_table(run / f"results/{CORD}/truth/cells.tsv.gz", "truth_cells")
    truth["cell"] = truth["sample"] + "_" + truth["barcode"]
    paths = sorted(run.glob(f"results/{CORD}/samples/*/quality.parquet"))
    quality = pd.concat(read_table(path, "quality") for path in paths)
    both = quality.merge(truth, on="cell")
    assert len(both) == len(truth)
    assert both.loc[both["dying"], "keep"].mean() < 0.1
    assert both.loc[~both["dying"] & both["doublet_with"].isna(), "keep"].mean() > 0.9


def test_pseudobulk_is_the_sum_of_the_kept_cells(run):
    bulk = anndata.read_h5ad(run / f"results/{CORD}/pseudobulk.h5ad")
    atlas = anndata.read_h5ad(run / f"results/{CORD}/atlas.h5ad")
    atlas.X = atlas.X.astype("int64")
    assert bulk.X.sum() == atlas.X.sum() > 0
    donor, cell_type = bulk.obs_names[0].split("|")
    cells = atlas[(atlas.obs["donor"] == donor) & (atlas.obs["cell_type"] == cell_type)]
    assert len(cells) == bulk.obs["n_cells"].iloc[0]
    expected = pd.Series(cells.X.sum(axis=0).A1 if hasattr(cells.X.sum(axis=0), "A1") else cells.X.sum(axis=0))
    found = pd.Series(bulk.X[0].toarray().ravel(), index=bulk.var_names)[atlas.var["feature_name"].tolist()]
    assert (found.to_numpy() == expected.to_numpy()).all()


def test_samples_are_compared_and_fingerprints_go_no_further(run):
    for dataset in (CORD, DISH):
        checks = read_table(run / f"results/{dataset}/sample_checks.tsv", "sample_checks")
        assert len(checks) == len(read_samples(run / f"cohort/{dataset}/samples.tsv"))
        assert not checks["flagged"].any()
        assert read_table(run / f"results/{dataset}/sample_pairs.tsv", "sample_pairs").empty
        for name in ("atlas", "pseudobulk"):
            assert "fingerprint" not in anndata.read_h5ad(run / f"results/{dataset}/{name}.h5ad", backed="r").obs
        checks = read_table(run / f"results/{dataset}/sample_checks.tsv", "sample_checks")
        assert (checks["inferred_sex"] == checks["declared_sex"]).all()
        assert set(checks["inferred_sex"]) == {"F", "M"}


def test_one_library_for_two_donors_stops_before_any_sum(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder, copy_function=shutil.copy2, symlinks=True)
    samples = folder / f"results/{CORD}/samples"
    shutil.copyfile(samples / "SIM01/counts.h5ad", samples / "SIM02/counts.h5ad")
    made = [folder / f"results/{CORD}/{name}" for name in ("embedding.parquet", "pseudobulk.h5ad")]
    before = [path.stat().st_mtime for path in made]
    wanted = command(folder, "--keep-going", "pseudobulk", cores=2)
    done = subprocess.run(wanted, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    output = done.stdout + done.stderr
    assert "the same, count for count, in samples 'SIM01' (donor SIM01) and 'SIM02' (donor SIM02)" in output
    assert "allow_shared_cells: true" in output
    assert "Traceback" not in output
    assert [path.stat().st_mtime for path in made] == before


def test_everything_drawn_from_simulated_data_says_so(run):
    report = (run / "results/report.html").read_text()
    assert report.count("SIMULATED") >= 10
    assert anndata.read_h5ad(run / f"results/{CORD}/atlas.h5ad", backed="r").uns["simulated"]


def test_report_is_one_file_that_opens_offline(run):
    report = (run / "results/report.html").read_text()
    for address in ('src="http', "src='http", '<link rel="stylesheet"', "@import", "<script src"):
        assert address not in report
    assert report.count("data:image/") >= 10


def test_a_second_run_has_nothing_to_do(run):
    assert "Nothing to be done" in snakemake(run, "--dry-run")


def test_an_edited_age_reruns_only_what_depends_on_it(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder, copy_function=shutil.copy2, symlinks=True)
    sheet = folder / f"cohort/{CORD}/samples.tsv"
    rows = pd.read_csv(sheet, sep="\t", dtype=str, comment="#")
    rows.loc[0, "age"] = "99"
    rows.to_csv(sheet, sep="\t", index=False)
    planned = rules_of(snakemake(folder, "--dry-run"))
    assert {"sum_pseudobulk", "test_differential", "test_pathways", "assemble_atlas", "write_report"} <= planned
    assert "test_calibration" in planned
    needless = {
        *("simulate_file", "simulate_truth", "load_sample", "measure_quality", "gather_quality"),
        *("compare_samples", "embed_cells", "cluster_cells", "annotate_cells", "score_pathways"),
    }
    assert not planned & needless


def test_one_figure_by_its_name_plans_only_what_it_needs(tmp_path):
    shutil.copytree(COHORT, tmp_path / "cohort")
    planned = rules_of(snakemake(tmp_path, "--dry-run", "results/figures/pathway_heatmap.pdf"))
    assert {name for name in planned if name.startswith("plot_")} == {"plot_pathway_heatmap"}
    assert {"test_pathways", "gather_pathways", "test_differential", "score_pathways"} <= planned
    needless = {"test_calibration", "test_enrichment", "test_composition", "assemble_atlas", "synthesize_datasets"}
    assert not planned & {*needless, "write_report", "write_manifest"}


def test_a_changed_threshold_reruns_only_the_stages_below_it(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder, copy_function=shutil.copy2, symlinks=True)
    with (folder / "cohort/config.yaml").open("a", encoding="utf-8") as stream:
        stream.write("\ndifferential:\n  fdr: 0.1\n")
    planned = rules_of(snakemake(folder, "--dry-run"))
    assert {"plot_volcano", "plot_pathways", "plot_gene_heatmap", "compare_views", "write_report"} <= planned
    above = {"simulate_file", "load_sample", "measure_quality", "embed_cells", "cluster_cells", "annotate_cells"}
    above |= {"sum_pseudobulk", "score_pathways", "assemble_atlas", "collect_gene_sets"}
    drawn_without_it = {"plot_quality", "plot_umap", "plot_markers", "plot_cluster_stability"}
    assert not planned & (above | drawn_without_it)


def test_a_killed_run_resumes_on_one_core_and_gives_the_same_bytes(run, tmp_path):
    """kill -9 in mid-run, then again with one core instead of two: the checksums of all results are the same."""
    folder = tmp_path / "again"
    folder.mkdir()
    shutil.copytree(COHORT, folder / "cohort")
    first = subprocess.Popen(
        command(folder, cores=1), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 300
    while not list(folder.glob("results/*/samples/*/quality.parquet")) and first.poll() is None:
        assert time.monotonic() < deadline, "no sample was measured in 300 s"
        time.sleep(0.2)
    assert first.poll() is None, "the run ended before it could be killed"
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not (folder / "results/report.html").exists()
    snakemake(folder, "--unlock")
    snakemake(folder, "--rerun-incomplete", cores=1)
    columns = ["path", "sha256"]
    one, two = (read_table(path / "results/manifest.tsv", "manifest")[columns] for path in (folder, run))
    assert len(one) > 100
    different = one.merge(two, on="path", how="outer", suffixes=("_one", "_two")).query("sha256_one != sha256_two")
    assert different.empty, list(different["path"])
