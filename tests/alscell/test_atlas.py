"""The atlas: what a cell carries, and that other tools can read it."""

import shutil
import subprocess
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.atlas import counts_of, describe_cells, frame_of_atlas, shared_genes
from alscell.errors import InputError
from alscell.files import write_in_turn
from alscell.portal import feature_table

CELLS = ["s2_b", "s2_a", "s1_a"]
EMBEDDING = pd.DataFrame(
    {"cell": CELLS, "sample": ["s2", "s2", "s1"], "donor": ["9", "9", "10"], "umap_1": [1.0, 2, 3], "umap_2": 0.0}
).assign(pc_01=[1.5, 2.5, 3.5], pc_02=0.25)
TYPES = pd.DataFrame(
    {"cell": CELLS, "cluster": ["0", "10", "0"], "cell_type": ["opc", "unassigned", "opc"], "score": 0.5}
)
QUALITY = pd.DataFrame({"cell": [*CELLS, "s1_lost"], "n_counts": [5, 6, 7, 8], "n_genes": 3}).assign(
    fraction_mitochondrial=0.0, fraction_ribosomal=0.0, doublet_score=np.nan
)
SHEET = pd.DataFrame(
    {"sample": ["s1", "s2"], "donor": ["10", "9"], "condition": ["ALS", "Control"], "file": "x.h5", "member": ""}
).assign(age=["61", ""], batch=["1", "2"], sex=["F", ""], n_genes="many")
READ_IN_R = Path(__file__).resolve().parents[2] / "examples/seurat/read_atlas.R"


@pytest.fixture
def cells():
    return describe_cells(EMBEDDING, TYPES, QUALITY, SHEET)


def test_cells_carry_sheet_quality_and_labels_but_no_files(cells):
    assert cells.index.tolist() == ["s1_a", "s2_a", "s2_b"]
    assert not {"file", "member"} & set(cells)
    assert cells["n_counts"].tolist() == [7, 6, 5]
    assert cells["cell_type"].tolist() == ["opc", "unassigned", "opc"]
    assert cells["n_genes_in_sheet"].tolist() == ["many"] * 3


def test_numbers_of_the_sheet_are_numbers_and_names_written_in_digits_are_not(cells):
    assert cells["age"].tolist()[0] == 61.0
    assert cells["age"].isna().tolist() == [False, True, True]
    for name in ("donor", "batch", "sex", "condition"):
        assert isinstance(cells[name].dtype, pd.CategoricalDtype), name
    assert cells["donor"].tolist() == ["10", "9", "9"]


def genes(*names):
    return pd.DataFrame({"gene_id": [f"id_{name}" for name in names]}, index=list(names))


def test_shared_genes_keep_the_first_samples_order():
    assert shared_genes([genes("C", "A", "B"), genes("A", "C")], where="x").index.tolist() == ["C", "A"]
    with pytest.raises(InputError, match="without a common gene"):
        shared_genes([genes("C"), genes("A")], where="x")


def samples():
    generator = np.random.default_rng(0)
    for name, n_cells, order in (("s1", 1, "CAB"), ("s2", 2, "ABC")):
        counts = sp.csr_matrix(generator.poisson(3, (n_cells, 3)).astype(np.int32))
        yield name, anndata.AnnData(counts, var=genes(*order))


def write(cells, path):
    features, _ = feature_table(genes("C", "A"), set())
    frame = frame_of_atlas(cells, features, EMBEDDING, about={"title": "t", "simulated": True})
    write_in_turn(frame, (counts_of(data, pd.Index(["C", "A"])) for _, data in samples()), path)


def test_the_file_holds_counts_labels_and_maps_in_one_order(cells, tmp_path):
    write(cells, tmp_path / "atlas.h5ad")
    atlas = anndata.read_h5ad(tmp_path / "atlas.h5ad")
    parts = dict(samples())
    expected = np.vstack([parts[name][:, ["C", "A"]].X.toarray() for name in ("s1", "s2")])
    np.testing.assert_array_equal(atlas.X.toarray(), expected)
    assert sp.isspmatrix_csr(atlas.X)
    assert atlas.X.dtype == np.float32
    assert atlas.obsm["X_umap"][:, 0].tolist() == [3, 2, 1]
    assert atlas.obsm["X_pca"].dtype == np.float32
    assert atlas.obsm["X_pca"][:, 0].tolist() == [3.5, 2.5, 1.5]
    assert atlas.obs["cell_type"].tolist() == cells["cell_type"].tolist()
    assert atlas.var_names.tolist() == ["id_C", "id_A"]
    assert atlas.var["feature_name"].tolist() == ["C", "A"]
    assert atlas.uns["title"] == "t"
    assert bool(atlas.uns["simulated"])
    assert anndata.read_h5ad(tmp_path / "atlas.h5ad", backed="r")[1:].to_memory().n_obs == 2


def test_the_file_is_the_same_every_time_and_has_no_text_that_older_readers_refuse(cells, tmp_path):
    write(cells, tmp_path / "one.h5ad")
    write(cells, tmp_path / "two.h5ad")
    assert (tmp_path / "one.h5ad").read_bytes() == (tmp_path / "two.h5ad").read_bytes()
    encodings = []
    with h5py.File(tmp_path / "one.h5ad") as file:
        file.visititems(lambda name, item: encodings.append(item.attrs.get("encoding-type")))
        assert "raw" not in file
    assert "string-array" in encodings
    assert "nullable-string-array" not in encodings


def test_the_example_reads_it_into_seurat(cells, tmp_path):
    packages = ["Rscript", "-e", "library(Seurat); library(hdf5r)"]
    if not shutil.which("Rscript") or subprocess.run(packages, capture_output=True).returncode:
        pytest.skip("no R with the packages Seurat and hdf5r: examples/seurat is not tried")
    write(cells, tmp_path / "atlas.h5ad")
    script = (
        f'source("{READ_IN_R}"); x <- read_atlas("atlas.h5ad");'
        'write.csv(as.matrix(GetAssayData(x, "counts")), "counts.csv");'
        'write.csv(cbind(x@meta.data[, c("donor", "sex", "age")], Embeddings(x, "umap")), "cells.csv")'
    )
    answer = subprocess.run(["Rscript", "-e", script], cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    atlas = anndata.read_h5ad(tmp_path / "atlas.h5ad")
    counts = pd.read_csv(tmp_path / "counts.csv", index_col=0)
    assert counts.index.tolist() == ["C", "A"]
    assert counts.columns.tolist() == atlas.obs_names.tolist()
    np.testing.assert_array_equal(counts.to_numpy().T, atlas.X.toarray())
    facts = pd.read_csv(tmp_path / "cells.csv", index_col=0)
    assert facts["donor"].astype(str).tolist() == atlas.obs["donor"].tolist()
    assert facts["age"].isna().tolist() == atlas.obs["age"].isna().tolist()
    assert facts["sex"].fillna("").tolist() == atlas.obs["sex"].tolist()
    np.testing.assert_array_equal(facts[["UMAP_1", "UMAP_2"]].to_numpy(), atlas.obsm["X_umap"])
