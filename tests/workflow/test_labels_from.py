"""Nuclei without labels are named by a labeled h5ad: the real file's own labels of other donors come back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anndata
import pytest

from alscell.files import read_samples, read_table

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data"))
FILE = DATA / "velmeshev_asd_pfc" / "velmeshev_pfc_3celltypes_counts.h5ad"
DONORS = ["5577", "5879", "5531", "5408"]
CONFIG = """\
datasets: [{id: mine, folder: mine, contrasts: []}]
data_folder: data
quality: {min_cells: 20}
"""
DATASET = """\
id: mine
title: Nuclei without labels
organism: human
tissue: prefrontal cortex
system: tissue
assay: nuclei
role: reference
replicate: donor
enters_at: load
layout: h5ad
source: {path: new, files: [{name: new.h5ad}]}
cells: {sample: sample}
levels: {condition: [ASD, Control]}
labels_from: {file: known/known.h5ad, cell_type: kind}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not FILE.exists():
        pytest.skip(f"no {FILE}")
    folder = tmp_path_factory.mktemp("labels_from")
    data = anndata.read_h5ad(FILE)
    chosen = data.obs["donor"].astype(str).isin(DONORS).to_numpy()
    for name, part in (("new", data[chosen]), ("known", data[~chosen])):
        (folder / "data" / name).mkdir(parents=True)
        part = part.copy()
        part.obs = part.obs.rename(columns={"cell_type": "kind"} if name == "known" else {})
        part.obs = part.obs.drop(columns=["cell_type"], errors="ignore")
        part.write_h5ad(folder / "data" / name / f"{name}.h5ad")
    (folder / "mine").mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "mine/dataset.yaml").write_text(DATASET)
    sheet = read_samples(ROOT / "examples/velmeshev/samples.tsv")
    sheet[sheet["donor"].isin(DONORS)].to_csv(folder / "mine/samples.tsv", sep="\t", index=False)
    return folder


def snakemake(folder: Path, *targets: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "--directory", folder, "--cores", "1"]
    command += ["--configfile", folder / "config.yaml", "--", *targets]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)


def test_cells_get_the_names_of_the_reference(folder):
    done = snakemake(folder, "results/mine/cell_types.parquet")
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    learned = read_table(folder / "results/mine/learned_markers.tsv", "learned_markers")
    assert set(learned["cell_type"]) == {"AST-FB", "Endothelial", "Microglia"}
    assert {"P2RY12", "CSF1R"} & set(learned.query("cell_type == 'Microglia'")["gene"])
    got = read_table(folder / "results/mine/cell_types.parquet", "cell_types")
    given = anndata.read_h5ad(FILE, backed="r").obs.astype(str)
    truth = given["cell_type"].set_axis(given["sample"] + "_" + given.index)
    both = got.assign(truth=truth.loc[got["cell"]].to_numpy())
    named = both[both["cell_type"] != "unassigned"]
    assert len(named) > 0.9 * len(both) > 900
    assert (named["cell_type"] == named["truth"]).mean() > 0.98
    assert set(got["source"]) == {"markers"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"known/known": "known/gone"}, "gone.h5ad: found no such file; expected the labeled h5ad of `labels_from`"),
        ({"labels_from:": "markers: spinal_cord\nlabels_from:"}, "expected either `labels_from` or `markers`"),
        ({"{sample: sample}": "{sample: sample, cell_type: x}"}, "expected either `labels_from` or `cells.cell_type`"),
    ],
)
def test_what_cannot_be_is_said_before_any_job(folder, tmp_path, change, message):
    (tmp_path / "mine").mkdir()
    text = DATASET
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "mine/dataset.yaml").write_text(text)
    (tmp_path / "mine/samples.tsv").write_text((folder / "mine/samples.tsv").read_text())
    (tmp_path / "config.yaml").write_text(CONFIG.replace("data_folder: data", f"data_folder: {folder / 'data'}"))
    done = snakemake(tmp_path, "results/mine/cell_types.parquet")
    assert done.returncode == 1
    assert message in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stderr


def test_a_column_that_the_reference_lacks_is_named(folder):
    path = folder / "mine/dataset.yaml"
    path.write_text(DATASET.replace("cell_type: kind", "cell_type: kinds"))
    try:
        done = snakemake(folder, "results/mine/learned_markers.tsv")
    finally:
        path.write_text(DATASET)
    log = (folder / "logs/learn_markers/mine.log").read_text()
    assert done.returncode == 1
    assert "known.h5ad (labels_from): found no column 'kinds' in obs" in log
    assert "Did you mean 'kind'" in log
    assert "Traceback" not in log
