"""h5ad files as old versions of anndata wrote them, made here by hand with h5py: labels are labels, never codes.

SOURCE: anndata/_io/h5ad.py of 0.7 (write_series, write_dataframe), anndata/base.py and readwrite of 0.6
(df_to_records_fixed_width; sparse groups of h5sparse).
"""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.counts import check_counts
from alscell.errors import InputError
from alscell.h5ad import read_labeled

BARCODES = ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCTA-1", "AAACCTGAGAAACGAG-1", "AAACCTGAGAAACGCC-1"]
GENES = ["MBP", "GFAP", "AIF1"]
IDS = ["ENSG00000197971", "ENSG00000131095", "ENSG00000204472"]
COUNTS = np.array([[1, 0, 2], [9, 9, 9], [0, 3, 0], [8, 8, 8]])
LIBRARIES = ["s1", "s2"]
TYPES = ["microglia", "opc"]
TEXT = h5py.string_dtype()


def read(path, **changes):
    options = {
        "member": "s1",
        "cells": {"sample": "library", "cell_type": "label", "donor": "donor"},
        "row": {"donor": "5144"},
        "symbol": "",
        "gene_id": "ensembl",
        "layer": "",
        "where": "file x, sample s1",
    }
    return check_counts(read_labeled(path, **{**options, **changes}), where="file x", organism="human")


def assert_read(found):
    assert np.array_equal(found.matrix.toarray(), COUNTS[[0, 2]])
    assert found.barcodes.tolist() == [BARCODES[0], BARCODES[2]]
    assert found.cell_types.tolist() == ["opc", ""]
    assert found.genes.tolist() == GENES
    assert found.gene_ids.tolist() == IDS


def write_sparse(parent, name, values, kind, *, old=False):
    matrix = (sp.csr_matrix if kind == "csr" else sp.csc_matrix)(values.astype(np.float32))
    group = parent.create_group(name)
    for key in ("data", "indices", "indptr"):
        group[key] = getattr(matrix, key)
    if old:
        group.attrs["h5sparse_format"] = kind
        group.attrs["h5sparse_shape"] = matrix.shape
    else:
        group.attrs.update({"encoding-type": f"{kind}_matrix", "encoding-version": "0.1.0", "shape": matrix.shape})


def write_frame_0_7(file, name, index, columns, categories=None):
    group = file.create_group(name)
    group.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.1.0", "_index": "_index"})
    group.attrs["column-order"] = list(columns)
    group.create_dataset("_index", data=index, dtype=TEXT)
    for column, values in columns.items():
        if isinstance(values[0], str):
            group.create_dataset(column, data=values, dtype=TEXT)
        else:
            group[column] = values
    for column, labels in (categories or {}).items():
        place = group.create_dataset(f"__categories/{column}", data=labels, dtype=TEXT)
        place.attrs["ordered"] = False
        group[column].attrs["categories"] = place.ref


def write_0_7(path, *, x=COUNTS, raw=None, kind="csr"):
    codes = {"library": np.int8([0, 1, 0, 1]), "label": np.int8([1, 0, -1, 0]), "donor": [5144.0, 5145, 5144, 5145]}
    with h5py.File(path, "w") as file:
        write_sparse(file, "X", x, kind)
        write_frame_0_7(file, "obs", BARCODES, codes, {"library": LIBRARIES, "label": TYPES})
        write_frame_0_7(file, "var", GENES, {"ensembl": np.int8([0, 1, 2])}, {"ensembl": IDS})
        if raw is not None:
            write_sparse(file, "raw/X", raw, kind)
            write_frame_0_7(file, "raw/var", GENES, {"ensembl": IDS})
    return path


def write_0_6(path, *, text=TEXT, x=COUNTS, raw=None, kind="csr", types=TYPES):
    def records(index, **columns):
        fields = [("index", text), *((name, text if kind == "text" else kind) for name, (kind, _) in columns.items())]
        rows = list(zip(index, *(values for _, values in columns.values()), strict=True))
        if text is not TEXT:
            rows = [tuple(value.encode() if isinstance(value, str) else value for value in row) for row in rows]
        return np.array(rows, dtype=fields)

    with h5py.File(path, "w") as file:
        write_sparse(file, "X", x, kind, old=True)
        file["obs"] = records(
            BARCODES, library=("i1", [0, 1, 0, 1]), donor=("f4", [5144, 5145, 5144, 5145]), label=("i1", [1, 0, -1, 0])
        )
        file["var"] = records(GENES, ensembl=("text", IDS))
        file.create_dataset("uns/library_categories", data=LIBRARIES, dtype=TEXT)
        file.create_dataset("uns/label_categories", data=types, dtype=TEXT)
        if raw is not None:
            write_sparse(file, "raw.X", raw, kind, old=True)
            file["raw.var"] = records(GENES, ensembl=("i1", [0, 1, 2]))
            file.create_dataset("raw.cat/ensembl_categories", data=IDS, dtype=TEXT)
    return path


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_0_7_has_labels_and_not_codes(tmp_path, kind):
    assert_read(read(write_0_7(tmp_path / "a.h5ad", kind=kind)))


def test_0_7_keeps_labels_whose_reference_got_lost(tmp_path):
    path = write_0_7(tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as file:
        del file["obs/label"].attrs["categories"]
        file["obs/library"].attrs["categories"] = "__categories/library"
    assert_read(read(path))


def test_0_7_column_may_begin_with_an_underscore(tmp_path):
    path = write_0_7(tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as file:
        file["obs"].create_dataset("_label", data=["a", "b", "c", "d"], dtype=TEXT)
    assert read(path, cells={"sample": "library", "cell_type": "_label"}).cell_types.tolist() == ["a", "c"]
    with pytest.raises(InputError, match="no column '__categories' in obs"):
        read(path, cells={"sample": "library", "cell_type": "__categories"})


@pytest.mark.parametrize("text", [TEXT, "S20"])
@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_0_6_has_labels_and_not_codes(tmp_path, text, kind):
    assert_read(read(write_0_6(tmp_path / "a.h5ad", text=text, kind=kind)))


@pytest.mark.parametrize("write", [write_0_6, write_0_7])
def test_raw_of_old_versions_is_found_and_named(tmp_path, write):
    path = write(tmp_path / "a.h5ad", x=np.log1p(COUNTS), raw=COUNTS)
    assert_read(read(path, layer="raw.X"))
    with pytest.raises(InputError, match=r"log-normalized.*`layer: raw.X`"):
        read(path)


def test_counts_of_some_genes_are_not_taken_where_raw_has_all(tmp_path):
    path = write_0_7(tmp_path / "a.h5ad", raw=COUNTS)
    assert_read(read(path))  # of as many genes: either will do
    with h5py.File(path, "r+") as file:
        del file["X"], file["var"]
        write_sparse(file, "X", COUNTS[:, :2], "csr")
        write_frame_0_7(file, "var", GENES[:2], {"ensembl": IDS[:2]})
    with pytest.raises(InputError, match=r"counts of 2 genes in X, and of 3 in raw.X.*`layer: raw.X`"):
        read(path)
    assert_read(read(path, layer="raw.X"))
    assert read(path, layer="X").genes.tolist() == GENES[:2]


def test_0_6_with_a_single_category(tmp_path):
    path = write_0_6(tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as file:
        file["obs"][...] = np.array([(*row[:3], 0) for row in file["obs"][:].tolist()], dtype=file["obs"].dtype)
        del file["uns/label_categories"]
        file["uns/label_categories"] = "opc"
    assert read(path).cell_types.tolist() == ["opc", "opc"]


def test_codes_without_a_category_are_refused(tmp_path):
    path = write_0_6(tmp_path / "a.h5ad", types=["opc"])
    with pytest.raises(InputError, match="codes up to 1 in column 'label' of obs, and 1 categories"):
        read(path)


@pytest.mark.parametrize("write", [write_0_6, write_0_7])
def test_a_column_that_old_files_lack_is_named(tmp_path, write):
    with pytest.raises(InputError, match=r"no column 'labels' in obs.*Did you mean 'label'"):
        read(write(tmp_path / "a.h5ad"), cells={"sample": "library", "cell_type": "labels"})


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_matrix_of_other_cells_than_obs_names_is_refused(tmp_path, kind):
    write_0_7(tmp_path / "a.h5ad", x=np.vstack([COUNTS, COUNTS]), kind=kind)
    with pytest.raises(InputError, match=r"/X of 8 x 3; expected 4 cells x 3 genes"):
        read(tmp_path / "a.h5ad")


@pytest.mark.parametrize("dtype", ["Int64", "string"])
def test_missing_values_of_nullable_columns_are_blank(tmp_path, dtype):
    obs = pd.DataFrame({"run": pd.array([1, None, 1, 2], dtype="Int64").astype(dtype)}, index=BARCODES)
    with anndata.settings.override(allow_write_nullable_strings=True):
        anndata.AnnData(COUNTS, obs=obs, var=pd.DataFrame(index=GENES)).write_h5ad(tmp_path / "a.h5ad")
    found = read(tmp_path / "a.h5ad", member="1", cells={"sample": "run"}, row={}, gene_id="")
    assert found.barcodes.tolist() == [BARCODES[0], BARCODES[2]]
