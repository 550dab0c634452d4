"""Other labs' workflows that use alscell as a module: each a folder of its own; the test adds the data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LABS = Path(__file__).parent
PLACEHOLDER = "/path/to/alscell/Snakefile"
# Where Snakemake keeps its clones of GitHub, below XDG_CACHE_HOME.
CLONES = "snakemake/snakemake/source-cache/snakemake-git-cache/github.com"
TYPES = ("astrocyte", "microglia")
# GENE0 and a shipped set are higher in ALS astrocytes, and nothing else moves.
GENE, GENE_FOLD, SET, SET_FOLD = "GENE0", 8, "interferon_alpha", 2
POOR = 3  # so many cells of the first donor hold a twentieth of the counts


@cache
def set_genes() -> dict[str, list[str]]:
    """Genes of the shipped sets of inflammation."""
    lines = [path.read_text().split("\t") for path in sorted((ROOT / "resources/gene_sets/inflammation").glob("*.gmt"))]
    return {name: [gene.strip() for gene in genes] for name, _, *genes in lines}


def write_lab(folder: Path, lab: str, *, cells_per_type: int) -> Path:
    """A copy of a lab's folder, its counts, and the path of this alscell in the place of the placeholder."""
    from anndata import AnnData

    shutil.copytree(LABS / lab, folder, dirs_exist_ok=True)
    snakefile = folder / "Snakefile"
    snakefile.write_text(snakefile.read_text().replace(PLACEHOLDER, str(ROOT / "Snakefile")))
    sheet = pd.read_csv(folder / "cohort/samples.tsv", sep="\t")
    rows = [(donor, name) for donor in sheet["donor"] for name in TYPES for _ in range(cells_per_type)]
    obs = pd.DataFrame(rows, columns=["donor", "type"], index=[f"row{number}" for number in range(len(rows))])
    obs["n_cells"] = 40
    sets = {gene for genes in set_genes().values() for gene in genes}
    genes = ["ACTB", "GAPDH", "MALAT1", *(f"GENE{number}" for number in range(900)), *sorted(sets)]
    rng = np.random.default_rng(5)
    mean = np.tile(rng.gamma(2, 20 if cells_per_type == 1 else 1, len(genes)), (len(obs), 1))
    ill = sheet.loc[sheet["condition"] == "ALS", "donor"]
    moved = ((obs["type"] == "astrocyte") & obs["donor"].isin(ill)).to_numpy()[:, None]
    mean *= np.where(moved & np.isin(genes, [GENE]), GENE_FOLD, 1)
    mean *= np.where(moved & np.isin(genes, set_genes()[SET]), SET_FOLD, 1)
    if cells_per_type > 1:
        depth = rng.uniform(0.7, 1.3, len(obs))
        depth[:POOR] = 0.05
        mean *= depth[:, None]
    counts = rng.negative_binomial(10, 10 / (10 + mean)).astype(np.int32)
    (folder / "data/cohort").mkdir(parents=True)
    AnnData(counts, obs=obs, var=pd.DataFrame(index=genes)).write_h5ad(folder / "data/cohort/counts.h5ad")
    return folder


def snakemake(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / ".cache"), "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=500)


def git(*arguments: str | Path, folder: Path) -> None:
    identity = ["-c", "user.name=lab", "-c", "user.email=lab@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    """A cache of Snakemake that holds a bare clone of lab/alscell with a tag, as after a first fetch from GitHub."""
    source, cache_folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("cache")
    for name in ("Snakefile", "config.yaml", "CITATION.cff"):
        shutil.copy(ROOT / name, source)
    for name in ("workflow", "resources", "envs", "config"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    git("init", "--quiet", folder=source)
    git("add", "--all", folder=source)
    git("commit", "--quiet", "--message", "release", folder=source)
    git("tag", "v0.1.0", folder=source)
    clone = cache_folder / CLONES / "lab/alscell"
    git("clone", "--quiet", "--bare", source, clone, folder=source)
    return cache_folder


def test_genes_and_pathways_of_a_count_table(tmp_path):
    lab = write_lab(tmp_path, "pathways", cells_per_type=1)
    answer = snakemake(lab)
    assert answer.returncode == 0, answer.stderr
    genes = pd.read_csv(lab / "als/results/cohort/differential.tsv.gz", sep="\t")
    assert set(genes["cell_type"]) == set(TYPES)
    assert genes.loc[genes["p_value"].idxmin(), ["cell_type", "gene"]].tolist() == ["astrocyte", GENE]
    fold = genes.loc[(genes["gene"] == GENE) & (genes["cell_type"] == "astrocyte"), "log2_fold_change"]
    assert fold.iloc[0] == pytest.approx(np.log2(GENE_FOLD), abs=1)
    pathways = pd.read_csv(lab / "als/results/cohort/pathway_tests.tsv", sep="\t")
    first = pathways.loc[pathways["p_value"].idxmin()]
    assert first[["cell_type", "pathway"]].tolist() == ["astrocyte", SET]
    assert first["effect"] > 0
    assert first["fdr"] < 0.01
    assert not (pathways.loc[pathways["cell_type"] == "microglia", "fdr"] < 0.05).any()
    found = pd.read_csv(lab / "interferon.tsv", sep="\t")
    assert set(found["pathway"]) == {"interferon_alpha", "interferon_gamma"}
    # All that alscell wrote lies below the prefix.
    assert not (lab / "results").exists()
    assert not (lab / "logs").exists()


def test_quality_control_only(tmp_path):
    lab = write_lab(tmp_path, "quality", cells_per_type=60)
    answer = snakemake(lab)
    assert answer.returncode == 0, answer.stderr
    limits = pd.read_csv(lab / "checked/results/cohort/quality_limits.tsv", sep="\t")
    assert limits["sample"].tolist() == ["D1", "D2"]
    cells = pd.read_parquet(lab / "checked/results/cohort/samples/D1/quality.parquet")
    assert len(cells) == 120
    assert sorted(cells.loc[~cells["keep"], "cell"]) == [f"D1_row{number}" for number in range(POOR)]
    assert (lab / "samples_to_look_at.tsv").read_text().startswith("dataset\tsample\t")
    assert not list(lab.rglob("embedding.parquet"))


def test_two_copies_side_by_side_from_a_tag(release, tmp_path):
    lab = write_lab(tmp_path, "side_by_side", cells_per_type=1)
    answer = snakemake(lab, XDG_CACHE_HOME=str(release))
    assert answer.returncode == 0, answer.stderr
    tables = [pd.read_csv(lab / f"{name}/results/cohort/differential.tsv.gz", sep="\t") for name in ("voom", "trend")]
    first, second = (table.set_index(["cell_type", "gene"]) for table in tables)
    assert first["p_value"].idxmin() == second["p_value"].idxmin() == ("astrocyte", GENE)
    assert not np.allclose(first["p_value"], second["p_value"].reindex(first.index))
    assert (lab / "voom/summary/gene_sets/sets.tsv").exists()
    assert not (lab / "trend/summary").exists()
    assert sorted(path.name for path in lab.iterdir() if path.name in ("results", "summary", "logs")) == []
    again = snakemake(lab, "--dry-run", XDG_CACHE_HOME=str(release))
    assert "Nothing to be done" in again.stdout + again.stderr


# What `snakedeploy deploy-workflow` leaves: the folder config/, and a Snakefile of these lines.
DEPLOYED = """\
configfile: "config/config.yaml"


module alscell:
    snakefile: SOURCE
    config: config


use rule * from alscell
"""
SOURCES = ('github("lab/alscell", path="workflow/Snakefile", tag="v0.1.0")', '"gh:lab/alscell@v0.1.0"')


@pytest.mark.parametrize("source", SOURCES, ids=["tag", "short form"])
def test_deployed_as_the_catalog_does(source, release, tmp_path):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/Snakefile").write_text(DEPLOYED.replace("SOURCE", source))
    answer = snakemake(tmp_path, "qc", "--dry-run", XDG_CACHE_HOME=str(release))
    assert answer.returncode == 0, answer.stderr
    assert "results/gse287257/quality_limits.tsv" in answer.stdout + answer.stderr


def jobs(text: str) -> list[str]:
    """The table of jobs that a dry-run prints."""
    lines = text[text.rindex("Job stats:") :].splitlines()[3:]
    return lines[: lines.index("")]


def test_both_doors_lead_to_the_same_jobs(tmp_path):
    lab = write_lab(tmp_path, "quality", cells_per_type=1)
    found = {}
    for door in ("Snakefile", "workflow/Snakefile"):
        answer = snakemake(lab, "--snakefile", str(ROOT / door), "--configfile", "config.yaml", "--dry-run")
        assert answer.returncode == 0, answer.stderr
        found[door] = {line.split()[0] for line in jobs(answer.stdout + answer.stderr)}
    assert len(found["Snakefile"]) > 40
    assert found["Snakefile"] ^ found["workflow/Snakefile"] == {"all", "everything"}


def test_catalog_finds_what_it_asks_for():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment"}
    assert set(usage["software-stack-deployment"]) == {"conda", "apptainer", "apptainer+conda", "report"}
    assert (ROOT / "workflow/Snakefile").exists()
    assert "# Configuration" in (ROOT / "config/README.md").read_text()
    page = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in page
    assert "workflow" in page


def test_dry_run_of_all_from_labeled_cells(tmp_path):
    lab = write_lab(tmp_path, "quality", cells_per_type=1)
    snakefile = lab / "Snakefile"
    lines = [line for line in snakefile.read_text().splitlines() if not line.startswith("use rule")]
    snakefile.write_text("\n".join([*lines, "use rule * from alscell as als_*", ""]))
    answer = snakemake(lab, "als_all", "--dry-run")
    assert answer.returncode == 0, answer.stderr
    output = answer.stdout + answer.stderr
    for job in ("als_load_sample", "als_measure_quality", "als_sum_pseudobulk", "als_test_pathways", "als_plot_umap"):
        assert job in output
    # Outputs move below the prefix; the lab's own files don't.
    assert "checked/results/cohort/samples/D1/counts.h5ad" in output
    assert "checked/cohort" not in output
    assert "checked/data" not in output


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"qualty": {"min_cells": 5}}, ["'qualty'", "Did you mean 'quality'?"]),
        ({"data_folder": "dada"}, ["dada/cohort/counts.h5ad", "no such file"]),
        ({"datasets": None}, ["key 'datasets'"]),
    ],
)
def test_faults_are_refused_under_a_module(section, words, tmp_path):
    lab = write_lab(tmp_path, "pathways", cells_per_type=1)
    config = yaml.safe_load((lab / "config.yaml").read_text())
    (lab / "config.yaml").write_text(yaml.safe_dump({"alscell": {**config["alscell"], **section}}))
    answer = snakemake(lab, "--dry-run")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stdout + answer.stderr
    for word in words:
        assert word in answer.stdout + answer.stderr


def test_page_shows_the_lines_that_run():
    page = (ROOT / "docs/reuse.md").read_text()
    known = {line for path in LABS.glob("*/Snakefile") for line in path.read_text().splitlines()}
    known |= {line for path in LABS.glob("*/config.yaml") for line in path.read_text().splitlines()}
    blocks = page.split("```")[1::2]
    shown = [line for block in blocks if block.startswith(("python", "yaml")) for line in block.splitlines()[1:]]
    assert len(shown) > 15
    assert [line for line in shown if line.strip() and line not in known] == []
