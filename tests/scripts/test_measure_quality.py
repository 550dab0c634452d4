"""measure_quality and gather_quality: planted debris, dying cells and doublets, and the tables they end in."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import gather_quality
import measure_quality
from alscell.counts import Counts
from alscell.files import read_table, sha256, write_counts
from alscell.loading import as_anndata

QUALITY = {
    "n_mads": 5,
    "n_mads_mitochondrial": 3,
    "min_counts": 500,
    "min_genes": 100,
    "max_fraction_mitochondrial_nuclei": 0.05,
    "max_fraction_mitochondrial_cells": 0.2,
    "min_cells": 50,
    "min_fraction_kept": 0.2,
}
DOUBLETS = {
    "simulated_per_cell": 2,
    "n_top_genes": 200,
    "n_neighbors": 15,
    "n_components": 5,
    "expected_rate_per_1000": 0.008,
    "max_rate": 0.25,
}
N_CELLS, N_DEBRIS, N_DYING = 300, 20, 15


def write_sample(path, *, n_cells=N_CELLS):
    """Two types of cells; then debris with few counts; then dying cells, a third of whose counts are mitochondrial."""
    random = np.random.default_rng(0)
    genes = np.array([f"GENE{index}" for index in range(390)] + [f"MT-ND{index}" for index in range(10)], dtype=object)
    profiles = np.full((2, 400), 1.0)
    profiles[0, :50], profiles[1, 50:100], profiles[:, 390:] = 8, 8, 0.2
    profiles /= profiles.sum(axis=1, keepdims=True)
    cells = random.poisson(profiles[random.integers(0, 2, n_cells)] * random.lognormal(7.6, 0.2, (n_cells, 1)))
    debris = random.poisson(profiles[:1] * 60, (N_DEBRIS, 400))
    dying = random.poisson(profiles[:1] * 2000, (N_DYING, 400))
    dying[:, 390:] += 100
    matrix = sp.csr_matrix(np.vstack([cells, debris, dying]).astype(np.int32))
    barcodes = np.array([f"B{index:04}" for index in range(matrix.shape[0])], dtype=object)
    counts = Counts(matrix, barcodes, genes, np.array([""] * 400, dtype=object))
    write_counts(as_anndata(counts, dataset="d", sample=path.parent.name, simulated=True), path)


def measure(folder, **changes):
    paths = {"counts": "counts.h5ad", "quality": "quality.parquet", "limits": "quality_limits.tsv"}
    options = {"assay": "nuclei", "for_quality": QUALITY, "for_doublets": DOUBLETS, "seed": 1, **changes}
    measure_quality.main(
        dataset="d", sample=folder.name, **{name: str(folder / file) for name, file in paths.items()}, **options
    )
    return read_table(folder / "quality.parquet", "quality"), read_table(
        folder / "quality_limits.tsv", "quality_limits"
    )


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples") / "s1"
    folder.mkdir()
    write_sample(folder / "counts.h5ad")
    return folder


def test_bad_cells_are_flagged_with_their_reason(sample):
    cells, limits = measure(sample)
    debris, dying = cells.iloc[N_CELLS : N_CELLS + N_DEBRIS], cells.iloc[N_CELLS + N_DEBRIS :]
    good = cells.iloc[:N_CELLS]
    assert debris["low_counts"].all()
    assert dying["high_mitochondrial"].all()
    assert not dying["low_counts"].any()
    assert good["keep"].mean() > 0.9
    assert not cells.iloc[N_CELLS:]["keep"].any()
    assert (
        cells.loc[cells["doublet_score"].isna(), ["low_counts", "high_counts", "low_genes", "high_mitochondrial"]]
        .any(axis=1)
        .all()
    )
    row = limits.iloc[0]
    assert (row["n_cells"], row["n_kept"], row["status"]) == (len(cells), cells["keep"].sum(), "ok")
    assert np.isnan(row["donor"])


def test_doublets_are_scored_among_good_cells_only(sample):
    cells, _ = measure(sample)
    flagged = cells[["low_counts", "high_counts", "low_genes", "high_mitochondrial"]].any(axis=1)
    assert flagged.sum() >= N_DEBRIS + N_DYING
    assert (cells["doublet_score"].isna() == flagged).all()
    assert not (cells["doublet"] & flagged).any()


def test_ceiling_is_that_of_the_assay(sample):
    loose = {**QUALITY, "n_mads_mitochondrial": 1000}
    nuclei = measure(sample, for_quality=loose)[1].iloc[0]
    cells = measure(sample, for_quality=loose, assay="cells")[1].iloc[0]
    assert (nuclei["upper_mitochondrial"], cells["upper_mitochondrial"]) == (0.05, 0.2)


def test_same_bytes_again(sample):
    measure(sample)
    before = sha256(sample / "quality.parquet"), sha256(sample / "quality_limits.tsv")
    measure(sample)
    assert (sha256(sample / "quality.parquet"), sha256(sample / "quality_limits.tsv")) == before


def test_gathered_samples_have_donor_and_condition_and_a_reason(sample, tmp_path, caplog):
    small = tmp_path / "s0"
    small.mkdir()
    write_sample(small / "counts.h5ad", n_cells=20)
    measure(small)
    measure(sample)
    paths = [str(folder / "quality_limits.tsv") for folder in (sample, small)]
    table = tmp_path / "quality_limits.tsv"
    gather_quality.main(
        limits=paths, table=str(table), donors={"s0": "01", "s1": "02"}, conditions={"s0": "ALS", "s1": "Control"}
    )
    found = read_table(table, "quality_limits")
    assert found[["sample", "donor", "condition"]].to_numpy().tolist() == [["s0", "01", "ALS"], ["s1", "02", "Control"]]
    assert found["status"].tolist() == ["too_few_cells", "ok"]
    assert "sample s0 is left out: too_few_cells" in caplog.text


@pytest.mark.parametrize("script", ["acquire_file", "load_sample", "measure_quality", "gather_quality"])
def test_jobs_never_import_scanpy(script):
    code = f"import sys; import {script}; print('scanpy' in sys.modules)"
    folder = Path(measure_quality.__file__).parent
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    assert found.stdout.strip() == "False"
