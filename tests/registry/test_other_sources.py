"""Data that come from elsewhere than GEO, by the same rules: files of CELLxGENE, each at an address of its own."""

from __future__ import annotations

import subprocess
import sys

import anndata
import numpy as np
import pandas as pd
import pytest
import rehearse
from scipy import sparse

from alscell.files import read_h5ad

GENES = {"ENSG00000197971": "MBP", "ENSG00000131095": "GFAP", "ENSG00000229807": "XIST", "ENSG00000198804": "MT-CO1"}
DATASET = """
id: census
title: Two files in the form of CELLxGENE
organism: human
tissue: spinal cord
system: tissue
assay: nuclei
replicate: donor
enters_at: qc
layout: h5ad
source:
  files:
    - {{name: first.h5ad, url: "{address}/5f1a.h5ad"}}
    - {{name: second.h5ad, url: "{address}/77c0.h5ad"}}
layer: raw.X
symbol: feature_name
cells: {{sample: donor_id, donor: donor_id, condition: disease, cell_type: cell_type}}
conditions: {{amyotrophic lateral sclerosis: ALS, normal: Control}}
cell_types: {{oligodendrocyte: oligodendrocyte, microglial cell: microglia}}
levels: {{condition: [ALS, Control]}}
"""
SHEET = """sample\tdonor\tcondition\tfile
D1\tD1\tALS\tfirst.h5ad
D2\tD2\tControl\tfirst.h5ad
D3\tD3\t{third}\tsecond.h5ad
"""


def write_census(path, donors):
    """An h5ad of CELLxGENE's schema: normalized values in X, counts in raw.X, Ensembl ids as index."""
    rng = np.random.default_rng(len(donors))
    obs = pd.DataFrame(
        [
            {"donor_id": donor, "disease": disease, "cell_type": ["oligodendrocyte", "microglial cell"][n % 2]}
            for donor, disease in donors
            for n in range(12)
        ],
        index=[f"{donor}-{n}" for donor, _ in donors for n in range(12)],
        dtype="category",
    )
    counts = sparse.csr_matrix(rng.poisson(4, (len(obs), len(GENES))).astype(np.float32))
    var = pd.DataFrame({"feature_name": pd.Categorical(list(GENES.values()))}, index=list(GENES))
    data = anndata.AnnData(counts, obs=obs, var=var)
    data.raw = data.copy()
    data.X = sparse.csr_matrix(counts.log1p())
    data.write_h5ad(path)
    return counts


@pytest.fixture
def census(tmp_path):
    (tmp_path / "site").mkdir()
    counts = write_census(tmp_path / "site" / "5f1a.h5ad", [("D1", "amyotrophic lateral sclerosis"), ("D2", "normal")])
    write_census(tmp_path / "site" / "77c0.h5ad", [("D3", "normal")])
    (tmp_path / "census").mkdir()
    entry = "{id: census, folder: census, contrasts: [als_vs_control]}"
    (tmp_path / "mine.yaml").write_text(f"datasets: [{entry}]\n")

    def load(third="Control"):
        (tmp_path / "census" / "samples.tsv").write_text(SHEET.format(third=third))
        with rehearse.served(tmp_path / "site") as address:
            (tmp_path / "census" / "dataset.yaml").write_text(DATASET.format(address=address))
            command = [sys.executable, "-m", "snakemake", "-s", str(rehearse.ROOT / "Snakefile"), "load"]
            command += ["--directory", str(tmp_path), "--cores", "2", "--configfile", str(tmp_path / "mine.yaml")]
            return subprocess.run(command, capture_output=True, text=True, check=False)

    return tmp_path, counts, load


def test_raw_counts_donors_and_names_of_census_files(census):
    folder, counts, load = census
    answer = load()
    assert answer.returncode == 0, answer.stdout + answer.stderr
    data = read_h5ad(folder / "results" / "census" / "samples" / "D2" / "counts.h5ad")
    assert np.array_equal(data.X.toarray(), counts[12:].toarray())  # raw.X, not the normalized X
    assert data.var_names.tolist() == list(GENES.values())
    assert data.var["gene_id"].tolist() == list(GENES)
    assert set(data.obs["cell_type"]) == {"oligodendrocyte", "microglia"}
    assert (folder / "locks" / "census" / "second.h5ad.lock.yaml").is_file()


def test_condition_of_the_sheet_is_compared_with_that_of_the_data(census):
    folder, _, load = census
    answer = load(third="ALS")
    output = answer.stdout + answer.stderr
    assert answer.returncode == 1
    assert "sample D3: found disease 'Control' in the data; expected 'ALS', as in samples.tsv" in output
    assert not (folder / "results" / "census" / "samples" / "D3" / "counts.h5ad").exists()
