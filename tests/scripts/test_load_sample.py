"""load_sample: each layout ends in the same kind of file; a bad sample leaves none."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import load_sample
from alscell.errors import InputError
from alscell.files import read_h5ad

OPTIONS = {
    "dataset": "d",
    "sample": "s1",
    "member": "",
    "organism": "human",
    "layout": "dense_csv",
    "orientation": "genes_by_cells",
    "cells": {},
    "symbol": "",
    "gene_id": "",
    "layer": "",
    "donor": "",
    "condition": "",
    "simulated": True,
}


def load(tmp_path, raw, **changes):
    load_sample.main(raw=str(raw), counts=str(tmp_path / "counts.h5ad"), **{**OPTIONS, **changes})
    return read_h5ad(tmp_path / "counts.h5ad")


def write_labeled(path):
    obs = pd.DataFrame(
        {"library": ["one", "one", "two"], "label": ["opc", "microglia", "opc"], "person": ["p1", "p1", "p2"]},
        index=["AAAC", "AAAG", "AAAT"],
    )
    values = sp.csr_matrix(np.array([[1, 0], [2, 3], [4, 4]]))
    anndata.AnnData(values, obs=obs, var=pd.DataFrame(index=["MBP", "GFAP"])).write_h5ad(path)
    return path


def test_dense_sample(tmp_path):
    (tmp_path / "a.csv").write_text(",s1_A,s2_A,s1_B\nMBP,1,7,0\nGFAP,0,7,3\n")
    data = load(tmp_path, tmp_path / "a.csv")
    assert data.X.toarray().tolist() == [[1, 0], [0, 3]]
    assert data.obs_names.tolist() == ["s1_A", "s1_B"]
    assert data.uns["simulated"]


def test_labeled_sample_compares_the_donor_of_data_and_sheet(tmp_path):
    raw = write_labeled(tmp_path / "a.h5ad")
    changes = {
        "layout": "h5ad",
        "member": "one",
        "cells": {"sample": "library", "cell_type": "label", "donor": "person"},
    }
    data = load(tmp_path, raw, **changes, donor="p1")
    assert data.X.toarray().tolist() == [[1, 0], [2, 3]]
    assert data.obs["cell_type"].tolist() == ["opc", "microglia"]
    with pytest.raises(InputError, match=r"sample s1: found person 'p1' in the data; expected 'p2'"):
        load(tmp_path, raw, **changes, donor="p2")


def test_bad_sample_leaves_no_file(tmp_path):
    (tmp_path / "a.csv").write_text(",s1_A,s1_B\nMBP,1.5,0\nGFAP,0,3\n")
    with pytest.raises(InputError, match=r"a\.csv, sample s1: found .*non-integer"):
        load(tmp_path, tmp_path / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
