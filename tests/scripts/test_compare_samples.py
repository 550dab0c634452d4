"""compare_samples on what load_sample writes: both tables, the stop, and the key that lifts it."""

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest

import check_samples
import compare_samples
import load_sample
from alscell.errors import InputErrors
from alscell.files import read_h5ad, read_identity, read_table

TABLE = str(Path(__file__).resolve().parents[2] / "resources" / "genes" / "human.tsv")
READING = {"organism": "human", "layout": "dense_csv", "orientation": "genes_by_cells"}
READING |= {"symbol": "", "gene_id": "", "layer": "", "parts": {}, "cells": {}, "cell_types": {}}
GENES = ["XIST", "UTY", *(f"GENE{i}" for i in range(300))]
SHEET = {name: {"donor": f"d_{name}", "condition": "ALS", "sex": "F"} for name in ("s1", "s2", "s3")}


@pytest.fixture
def dataset(tmp_path):
    """Three loaded samples of 40 cells: s1 a woman, s2 the cells of s1 in another file and order, s3 a man."""
    rng = np.random.default_rng(0)
    woman, man = (rng.poisson(rng.uniform(2, 6, 40), (len(GENES), 40)) for _ in range(2))
    woman[:2], man[:2] = [[1], [0]], [[0], [1]]
    order = rng.permutation(len(GENES))
    files = {"s1": (GENES, woman), "s2": ([GENES[i] for i in order], woman[order][:, ::-1]), "s3": (GENES, man)}
    for sample, (genes, values) in files.items():
        lines = [",".join(["", *(f"{sample}_{i}" for i in range(40))])]
        lines += [",".join([gene, *map(str, row)]) for gene, row in zip(genes, values, strict=True)]
        raw = tmp_path / f"{sample}.csv.gz"
        raw.write_bytes(gzip.compress("\n".join(lines).encode()))
        folder = tmp_path / "samples" / sample
        paths = {"counts": str(folder / "counts.h5ad"), "loaded": str(folder / "loaded.tsv")}
        row = {"dataset": "d", "sample": sample, "member": "", "simulated": False}
        load_sample.main(raw=str(raw), beside=[], genes=TABLE, reading=READING, row={}, **paths, **row)
    return tmp_path


def compare(folder, *, names=("s1", "s2", "s3"), sheet=SHEET, allow=False):
    counts, loaded = ([f"{folder}/samples/{name}/{file}" for name in names] for file in ("counts.h5ad", "loaded.tsv"))
    paths = {"checks": f"{folder}/sample_checks.tsv", "pairs": f"{folder}/sample_pairs.tsv"}
    own = {name: sheet[name] for name in names}
    donors = {name: row["donor"] for name, row in own.items()}
    shared = {"counts": counts, "dataset": "d", "pairs": paths["pairs"]}
    compare_samples.main(**shared, donors=donors, allow_shared_cells=allow)
    check_samples.main(**shared, loaded=loaded, sheet=own, checks=paths["checks"])
    return tuple(read_table(path, f"sample_{key}") for key, path in paths.items())


def test_one_library_for_two_donors_stops_and_leaves_no_table(dataset):
    with pytest.raises(InputErrors, match=r"dataset d, samples.tsv: found 40 cells .*'s1' \(donor d_s1\) and 's2'"):
        compare(dataset)
    assert not list(dataset.glob("sample_*.tsv"))


def test_the_key_lets_it_pass_and_the_tables_say_it(dataset):
    checks, pairs = compare(dataset, allow=True)
    assert pairs[["sample_1", "sample_2", "verdict"]].to_numpy().tolist() == [["s1", "s2", "same cells"]]
    assert pairs["counted_twice"].all()
    assert checks["flagged"].tolist() == [True, True, True]
    assert checks["inferred_sex"].tolist() == ["F", "F", "M"]
    assert checks["sex_agrees"].tolist() == ["yes", "yes", "no"]


def test_different_samples_leave_an_empty_table_of_pairs(dataset):
    checks, pairs = compare(dataset, names=("s1", "s3"))
    assert pairs.empty
    assert checks["n_cells_compared"].tolist() == [40, 40]


def test_a_sheet_without_sex_says_not_known(dataset):
    sheet = {name: {key: row[key] for key in ("donor", "condition")} for name, row in SHEET.items()}
    checks, _ = compare(dataset, names=("s1", "s3"), sheet=sheet)
    assert checks["declared_sex"].isna().all()
    assert checks["sex_agrees"].tolist() == ["not known", "not known"]
    assert not checks["flagged"].any()


def test_only_names_and_fingerprints_are_read(dataset):
    path = dataset / "samples/s1/counts.h5ad"
    whole = read_h5ad(path)
    with h5py.File(path, "a") as file:
        del file["X/data"], file["X/indices"]
    cells = read_identity(path)
    assert cells["fingerprint"].tolist() == whole.obs["fingerprint"].tolist()
    assert whole.obs["fingerprint"].dtype == np.uint64
    assert cells["n_genes"].tolist() == np.asarray((whole.X > 0).sum(axis=1)).ravel().tolist()
