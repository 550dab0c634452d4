"""Loom files as loompy writes them, made here by hand with h5py."""

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from alscell.counts import check_counts
from alscell.errors import InputError
from alscell.loom import read_loom

GENES = ["MBP", "GFAP", "AIF1", "GFAP"]
IDS = ["ENSG00000197971", "ENSG00000131095", "ENSG00000204472", "ENSG00000999999"]
BARCODES = ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCTA-1", "AAACCTGAGAAACGAG-1"]
COUNTS = np.array([[5, 0, 2, 1], [0, 3, 0, 0], [1, 1, 0, 4]])
COLUMNS = {
    "CellID": BARCODES,
    "donor": ["D1", "D2", "D1"],
    "label": ["opc", "microglia", ""],
    "age": [61.0, 55.0, 61.0],
}


def write(path, *, counts=COUNTS, columns=COLUMNS, rows=None, layers=None, text=None):
    rows = {"Gene": GENES, "Accession": IDS} if rows is None else rows
    text = text or h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.create_dataset("matrix", data=np.asarray(counts).T, chunks=(2, 2), compression="gzip")
        for name, values in (layers or {}).items():
            file.create_dataset(f"layers/{name}", data=np.asarray(values).T, chunks=(2, 2))
        for group, attributes in (("row_attrs", rows), ("col_attrs", columns)):
            file.create_group(group)
            for name, values in attributes.items():
                words = isinstance(values[0], str)
                file.create_dataset(f"{group}/{name}", data=values, dtype=text if words else None)
    return path


def read(path, **changes):
    options = {
        "member": "D1",
        "cells": {"sample": "donor", "cell_type": "label"},
        "row": {},
        "symbol": "",
        "gene_id": "",
        "layer": "",
        "where": "file x, sample s",
    }
    return check_counts(read_loom(path, **{**options, **changes}), where="file x, sample s", organism="human")


@pytest.mark.parametrize("text", [h5py.string_dtype(), "S20"])
@pytest.mark.parametrize("block", [1, 8_000_000])
def test_cells_of_one_sample_with_their_types(tmp_path, monkeypatch, block, text):
    monkeypatch.setattr("alscell.loom.BLOCK_VALUES", block)
    found = read(write(tmp_path / "a.loom", text=text))
    assert found.matrix.toarray().tolist() == COUNTS[[0, 2]].tolist()
    assert found.barcodes.tolist() == [BARCODES[0], BARCODES[2]]
    assert found.genes.tolist() == ["MBP", "GFAP", "AIF1", "GFAP.ENSG00000999999"]
    assert found.gene_ids.tolist() == IDS
    assert found.cell_types.tolist() == ["opc", ""]


def test_blocks_of_a_larger_file_give_the_same_counts(tmp_path, monkeypatch):
    monkeypatch.setattr("alscell.loom.BLOCK_VALUES", 500)
    counts = sp.random(60, 101, density=0.2, random_state=1).toarray()
    counts = np.rint(counts * 100)
    columns = {"obs_names": [f"c{number}" for number in range(60)], "donor": ["D1", "D2", "D2"] * 20}
    rows = {"var_names": [f"G{number}" for number in range(101)]}
    found = read(write(tmp_path / "a.loom", counts=counts, columns=columns, rows=rows), cells={"sample": "donor"})
    assert np.array_equal(found.matrix.toarray(), counts[::3])
    assert found.barcodes.tolist() == [f"c{number}" for number in range(0, 60, 3)]
    assert set(found.gene_ids) == {""}


def test_whole_file_layer_and_names_of_ones_own(tmp_path):
    columns = {"cell_name": ["x", "y", "z"]}
    path = write(
        tmp_path / "a.loom",
        counts=np.log1p(COUNTS),
        columns=columns,
        rows={"symbol": ["A", "B", "C", "D"], "ensembl": IDS},
        layers={"spliced": COUNTS},
    )
    own = {"cells": {"cell": "cell_name"}, "symbol": "symbol", "gene_id": "ensembl"}
    found = read(path, layer="spliced", **own)
    assert found.matrix.toarray().tolist() == COUNTS.tolist()
    assert found.barcodes.tolist() == ["x", "y", "z"]
    assert found.genes.tolist() == ["A", "B", "C", "D"]
    with pytest.raises(InputError, match="log-normalized"):
        read(path, **own)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"member": "D3"}, "no cell with donor 'D3'"),
        ({"cells": {"sample": "doner"}}, "no attribute 'doner' in col_attrs.*Did you mean 'donor'"),
        ({"cells": {"sample": "donor", "condition": "age"}, "row": {"condition": "55"}}, "age '61' in the data"),
        ({"symbol": "Genes"}, "no attribute 'Genes' in row_attrs.*Did you mean 'Gene'"),
        ({"layer": "spliced"}, "no layer 'spliced'.*The file has none"),
    ],
)
def test_file_that_disagrees_with_its_description(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "a.loom"), **changes)


def test_numbered_sample(tmp_path):
    found = read(write(tmp_path / "a.loom"), member="@2", row={"n_numbered": "2"})
    assert found.notes["source_sample"] == "D2"
    assert found.barcodes.tolist() == BARCODES[1:2]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.__delitem__("row_attrs"), "an HDF5 file with col_attrs, matrix in it; expected a loom file"),
        (lambda file: file.__delitem__("row_attrs/Gene"), "no attribute 'Gene' in row_attrs"),
        (lambda file: file.__delitem__("col_attrs/CellID"), "no attribute 'CellID' in col_attrs"),
    ],
)
def test_file_that_is_no_loom(tmp_path, spoil, message):
    path = write(tmp_path / "a.loom")
    with h5py.File(path, "r+") as file:
        spoil(file)
    with pytest.raises(InputError, match=message):
        read(path)


def test_file_whose_parts_do_not_fit_or_that_is_cut_off(tmp_path):
    path = write(tmp_path / "a.loom", columns={**COLUMNS, "CellID": [*BARCODES, "one more"]})
    with pytest.raises(InputError, match="matrix of 4 x 3; expected 4 genes x 4 cells"):
        read(path, cells={})
    whole = write(tmp_path / "b.loom").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="unreadable file"):
        read(path)
