"""load_sample: each layout ends in the same kind of file; a bad sample leaves none."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import load_sample
from alscell.errors import InputError
from alscell.files import read_h5ad, read_table

GENE_TABLES = Path(__file__).resolve().parents[2] / "resources" / "genes"
OPTIONS = {"dataset": "d", "sample": "s1", "beside": [], "simulated": True}
TEXTS = {"organism": "human", "layout": "dense_csv", "orientation": "genes_by_cells"}
READING = {**TEXTS, "symbol": "", "gene_id": "", "layer": "", "parts": {}, "cells": {}, "cell_types": {}}


def load(tmp_path, raw, *, member="", row=None, **reading):
    reading = {**READING, **reading}
    outputs = {"counts": str(tmp_path / "counts.h5ad"), "loaded": str(tmp_path / "loaded.tsv")}
    genes = str(GENE_TABLES / f"{reading['organism']}.tsv")
    given = {"member": member, "row": row or {}, "reading": reading, "genes": genes, **outputs}
    load_sample.main(raw=str(raw), **given, **OPTIONS)
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
    data = load(tmp_path, raw, **changes, row={"donor": "p1", "condition": ""})
    assert data.X.toarray().tolist() == [[1, 0], [2, 3]]
    assert data.obs["cell_type"].tolist() == ["opc", "microglia"]
    with pytest.raises(InputError, match=r"sample s1: found person 'p1' in the data; expected 'p2'"):
        load(tmp_path, raw, **changes, row={"donor": "p2", "condition": ""})


def test_bad_sample_leaves_no_file(tmp_path):
    (tmp_path / "a.csv").write_text(",s1_A,s1_B\nMBP,1.5,0\nGFAP,0,3\n")
    with pytest.raises(InputError, match=r"a\.csv, sample s1: found .*non-integer"):
        load(tmp_path, tmp_path / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_ids_get_symbols_and_what_was_not_named_is_counted(tmp_path):
    """Versions are cut off, the second gene of one symbol keeps its id behind it, an unknown id stays a name."""
    ids = ["ENSG00000197971.16", "ENSG00000131095.13", "ENSG00000168255.22", "ENSG00000285437.2", "ENSG00000999999.1"]
    rows = "".join(f"{name},{number},{number}\n" for number, name in enumerate(ids, start=1))
    (tmp_path / "a.csv").write_text(f",s1_A,s1_B\n{rows}")
    data = load(tmp_path, tmp_path / "a.csv")
    assert data.var_names.tolist() == ["MBP", "GFAP", "POLR2J3", "POLR2J3.ENSG00000285437", "ENSG00000999999"]
    assert data.var["gene_id"].tolist() == [name.partition(".")[0] for name in ids]
    assert data.X.toarray().tolist() == [[1, 2, 3, 4, 5]] * 2
    table = read_table(tmp_path / "loaded.tsv", "loaded").iloc[0]
    assert table[["symbols_from", "ids_from"]].tolist() == ["gene table", "file"]
    names = ["n_genes_repeated", "n_genes_without_id", "n_genes_without_symbol"]
    assert table[names].tolist() == [1, 0, 1]
    assert table["fraction_without_symbol"] == pytest.approx(5 / 15, abs=1e-6)
