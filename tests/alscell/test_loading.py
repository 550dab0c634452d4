"""Readers of raw files against files made here by hand, and against real 10x files where they are at hand."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.counts import Counts, as_integers, check_counts
from alscell.dense import read_dense
from alscell.errors import InputError
from alscell.files import read_h5ad, sha256, write_counts
from alscell.h5ad import read_labeled
from alscell.loading import as_anndata
from alscell.tenx import read_tenx

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data"))
GENES = ["MBP", "GFAP", "TSPAN6", "TSPAN6", "CD3_protein"]
GENE_IDS = ["ENSG00000197971", "ENSG00000131095", "ENSG00000000003", "ENSG00000999999", "CD3"]
BARCODES = ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCTA-1", "AAACCTGAGAAACGAG-1"]
VALUES = np.array([[5, 0, 2, 1, 9], [0, 3, 0, 0, 9], [1, 1, 0, 4, 9]])


def real(path):
    if not (REAL / path).exists():
        pytest.skip(f"real test data not at {REAL / path}; set ALSCELL_TEST_DATA")
    return REAL / path


def write_tenx(path, values=VALUES, *, genes=GENES, kinds=None, genomes=None, dtype=np.int32):
    matrix = sp.csr_matrix(values)
    kinds = kinds or ["Gene Expression"] * 4 + ["Antibody Capture"]
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        for key, value in (("data", matrix.data.astype(dtype)), ("indices", matrix.indices), ("indptr", matrix.indptr)):
            group[key] = value
        group["shape"] = np.array(matrix.shape[::-1])
        group["barcodes"] = np.array(BARCODES, dtype="S18")
        features = group.create_group("features")
        features["name"], features["id"] = np.array(genes, dtype="S20"), np.array(GENE_IDS, dtype="S20")
        features["feature_type"] = np.array(kinds, dtype="S20")
        features["genome"] = np.array(genomes or ["GRCh38"] * 5, dtype="S20")
    return path


def write_tar(path, members):
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def tenx(path, member="", organism="human"):
    return read_tenx(path, member=member, organism=organism, where="file x, sample s")


def dense(path, member="ALS_C9O_0029", orientation="genes_by_cells"):
    return read_dense(path, member=member, orientation=orientation, organism="human", where="file x, sample s")


def labeled(path, member="s1", **changes):
    options = {
        "cells": {"sample": "library", "cell_type": "label", "donor": "donor", "condition": "diagnosis"},
        "symbol": "",
        "gene_id": "",
        "layer": "",
        "row": {},
        "where": "file x, sample s1",
    }
    return read_labeled(path, member=member, **{**options, **changes})


def counts_of(values, *, barcodes=None, genes=None, gene_ids=None):
    values = np.asarray(values)
    barcodes = barcodes or [f"b{index}" for index in range(values.shape[0])]
    genes = genes or [f"GENE{index}" for index in range(values.shape[1])]
    names = (np.array(barcodes, dtype=object), np.array(genes, dtype=object))
    return Counts(sp.csr_matrix(values), *names, np.array(gene_ids or [""] * len(genes), dtype=object))


def check(counts, organism="human"):
    return check_counts(counts, where="file x, sample s", organism=organism)


# 10x h5


def test_tenx_keeps_gene_expression_and_tells_equal_symbols_apart(tmp_path):
    found = check(tenx(write_tenx(tmp_path / "a.h5")))
    assert np.array_equal(found.matrix.toarray(), VALUES[:, :4])
    assert found.genes.tolist() == ["MBP", "GFAP", "TSPAN6", "TSPAN6.ENSG00000999999"]
    assert found.gene_ids.tolist() == GENE_IDS[:4]
    assert found.barcodes.tolist() == BARCODES
    assert found.matrix.dtype == np.int32
    assert found.matrix.has_sorted_indices


@pytest.mark.parametrize(("organism", "expected"), [("human", ["MBP", "GFAP"]), ("mouse", ["Mbp", "Gfap"])])
def test_tenx_of_two_genomes_keeps_that_of_the_organism(tmp_path, organism, expected):
    genes = ["GRCh38_MBP", "GRCh38_GFAP", "mm10___Mbp", "mm10___Gfap", "CD3"]
    genomes = ["GRCh38", "GRCh38", "mm10", "mm10", ""]
    path = write_tenx(tmp_path / "a.h5", genes=genes, genomes=genomes)
    assert check(tenx(path, organism=organism), organism).genes.tolist() == expected


@pytest.mark.parametrize("compress", [False, True])
def test_tenx_member_of_a_tar_by_name_or_pattern(tmp_path, compress):
    data = write_tenx(tmp_path / "a.h5").read_bytes()
    ending = ".h5.gz" if compress else ".h5"
    names = [f"deep/GSM1_13085_Control_filtered{ending}", f"deep/GSM2_9_ALS_filtered{ending}"]
    path = write_tar(tmp_path / "RAW.tar", {name: gzip.compress(data) if compress else data for name in names})
    for member in (names[0], Path(names[0]).name, "GSM*_13085_*"):
        assert np.array_equal(tenx(path, member).matrix.toarray(), VALUES[:, :4])
    with pytest.raises(InputError, match=r"0 members that fit 'GSM1_13085_Controll_filtered.*Did you mean"):
        tenx(path, f"GSM1_13085_Controll_filtered{ending}")
    with pytest.raises(InputError, match=r"2 members that fit 'GSM\*'.*expected one of the 2 members"):
        tenx(path, "GSM*")


def test_tar_is_never_unpacked_and_only_plain_files_count(tmp_path, monkeypatch):
    data = write_tenx(tmp_path / "a.h5").read_bytes()
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    path = write_tar(folder / "RAW.tar", {"../../evil/s1.h5": data, "/etc/s2.h5": data})
    with tarfile.open(path, "a") as archive:
        entry = tarfile.TarInfo("s3.h5")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    assert tenx(path, "s1.h5").matrix.shape == (3, 4)
    with pytest.raises(InputError, match=r"0 members that fit 's3.h5'"):
        tenx(path, "s3.h5")
    assert sorted(entry.name for entry in folder.iterdir()) == ["RAW.tar"]
    assert not (tmp_path / "evil").exists()


def test_plain_tenx_that_is_called_a_tar_would_give_every_sample_all_cells(tmp_path):
    path = write_tenx(tmp_path / "RAW.tar")
    for member in ("s1", "s2"):
        with pytest.raises(InputError, match="one h5 file that is called an archive; expected a tar or zip"):
            tenx(path, member)


def test_broken_files_are_one_clear_message(tmp_path):
    whole = write_tenx(tmp_path / "a.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    tar = write_tar(tmp_path / "RAW.tar", {"s1.h5": whole}).read_bytes()
    (tmp_path / "cut.tar").write_bytes(tar[:2000])
    (tmp_path / "text.h5").write_text("gene,cell\n")
    for name in ("cut.h5", "cut.tar", "text.h5"):
        with pytest.raises(InputError, match=r"unreadable file.*broken or cut off"):
            tenx(tmp_path / name, "s1.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["obs"] = 1
    with pytest.raises(InputError, match="an HDF5 file with obs in it; expected a 10x h5 file"):
        tenx(tmp_path / "other.h5")


# Dense table

TABLE = {
    "ALS_C9O_0029_20170508_TENEX_AAAC": [1, 0, 2, 7],
    "CTR_CTR_0179_20170508_TENEX_AAAC": [9, 9, 9, 9],
    "ALS_C9O_0029_20170508_TENEX_GGGT": [0, 5, 3, 0],
    "CTR_C9TR_0029_20170508_TENEX_CCCC": [4, 4, 4, 4],
}
ROWS = ["MBP", "4-Mar", "MBP", "1-Mar"]
MEMBER = "ALS_C9O_0029_20170508_TENEX"


def write_table(path, *, transpose=False, separator=",", corner=True):
    table = pd.DataFrame(TABLE, index=ROWS)
    text = (table.T if transpose else table).to_csv(sep=separator, lineterminator="\n")
    text = text if corner else text[1:]
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("corner", [False, True])
@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.csv.gz", ","), ("a.tsv", "\t")])
def test_dense_takes_the_cells_of_one_sample_and_sums_equal_symbols(tmp_path, transpose, corner, name, separator):
    path = write_table(tmp_path / name, transpose=transpose, separator=separator, corner=corner)
    found = check(dense(path, MEMBER, "cells_by_genes" if transpose else "genes_by_cells"))
    assert found.barcodes.tolist() == ["AAAC", "GGGT"]
    assert found.genes.tolist() == ["MBP", "MARCHF4", "1-Mar"]
    assert np.array_equal(found.matrix.toarray(), [[3, 0, 7], [3, 5, 0]])


def test_dense_in_many_blocks_is_the_same(tmp_path, monkeypatch):
    path = write_table(tmp_path / "a.csv")
    whole = dense(path, MEMBER)
    monkeypatch.setattr("alscell.dense.BLOCK_BYTES", 1)
    blocks = dense(path, MEMBER)
    assert np.array_equal(whole.matrix.toarray(), blocks.matrix.toarray())
    assert whole.genes.tolist() == blocks.genes.tolist()


def test_dense_member_may_leave_one_field_open_but_not_two_samples(tmp_path):
    path = write_table(tmp_path / "a.csv")
    assert dense(path, "CTR_*_0029_20170508_TENEX").barcodes.tolist() == ["CCCC"]
    with pytest.raises(InputError, match=r"2 samples whose cells are named.*Valid: CTR_C9TR_0029"):
        dense(path, "CTR_*_*_20170508_TENEX")
    with pytest.raises(InputError, match=r"0 samples.*Did you mean 'ALS_C9O_0029_20170508_TENEX'"):
        dense(path, "ALS_C9O_0029_20170508_TENE")


@pytest.mark.parametrize("orientation", ["genes_by_cells", "cells_by_genes"])
@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["S1_AAAC", "S1_rep2_AAAG"], "'S1_AAAC' and 'S1_rep2_AAAG'"),
        (["S1_rep1_AAAC", "S1_rep2_AAAG"], "'S1_rep1_AAAC' and 'S1_rep2_AAAG'"),
        (["S1_2_AAAC-1", "S1_3_AAAC-1"], "'S1_2_AAAC-1' and 'S1_3_AAAC-1'"),
        (["S1_AAAC", "S1_AAAG", "S1_b_AAAC_1"], "'S1_AAAC' and 'S1_b_AAAC_1'"),
        (["S1_rep1_cell4", "S1_rep2_cell4"], "'S1_rep1_cell4' and 'S1_rep2_cell4'"),
    ],
)
def test_dense_member_that_begins_other_samples_too_is_refused(tmp_path, names, words, orientation):
    table = pd.DataFrame(1, index=["MBP", "GFAP"], columns=[*names, "S2_CCCC"])
    (table if orientation == "genes_by_cells" else table.T).to_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match=f"several samples that begin with 'S1_', e.g. {words}"):
        dense(tmp_path / "a.csv", "S1", orientation)


@pytest.mark.parametrize(
    "names",
    [
        ["S1_AAAC-1", "S1_AAAG-1"],
        ["S1_AAAC_1", "S1_AAAG_2"],
        ["S1_x_AAAC", "S1_x_AAAG"],
        ["S1_01_02_03", "S1_01_04_11"],
        ["S1_cell_1", "S1_cell_2"],
    ],
)
def test_dense_barcodes_of_one_form_are_taken(tmp_path, names):
    pd.DataFrame(1, index=["MBP", "GFAP"], columns=[*names, "S2_CCCC"]).to_csv(tmp_path / "a.csv")
    assert dense(tmp_path / "a.csv", "S1").barcodes.tolist() == [name[3:] for name in names]


def test_dense_that_lies_the_other_way_is_called_transposed(tmp_path):
    common = ["ACTB", "GAPDH", "MALAT1", "UBC", "VIM"]
    pd.DataFrame({"s1_A": range(5), "s1_B": range(5)}, index=common).to_csv(tmp_path / "a.csv")
    assert dense(tmp_path / "a.csv", "s1").matrix.shape == (2, 5)
    with pytest.raises(InputError, match=r"names of genes where cells should be \(ACTB, GAPDH.*looks transposed"):
        dense(tmp_path / "a.csv", "s1", "cells_by_genes")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a header of 0 and a first row of 0 fields"),
        (",s1_A,s1_B\n", "first row of 0 fields"),
        (",s1_A,s1_B\nMBP,1,2,3\n", "a header of 3 and a first row of 4 fields"),
        (",s1_A,s1_B\nMBP,1,2\nGFAP,1,NA\n", "'NA' in row 'GFAP'"),
        (",s1_A,s1_B\nMBP,1,2\nGFAP,,1\n", "'' in row 'GFAP'"),
        (",s1_A,s1_B\nMBP,1,2\nGFAP,1\n", "1 values in row 'GFAP'; expected 2"),
        (",s1_A,s1_B\nMBP,1,2\nGFAP,1,2,3\n", "3 values in row 'GFAP'; expected 2"),
        (",s1_A,s1_A\nMBP,1,2\nGFAP,1,2\n", "1 barcodes more than once, e.g. A 2 times"),
    ],
)
def test_dense_that_is_damaged(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        check(dense(tmp_path / "a.csv", "s1"))


def test_dense_that_is_cut_off(tmp_path):
    rows = "".join(f"GENE{index},{index * 7919 % 97},{index * 104729 % 89}\n" for index in range(20000))
    whole = gzip.compress((",s1_A,s1_B\n" + rows).encode())
    (tmp_path / "a.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"unreadable file.*broken or cut off"):
        dense(tmp_path / "a.csv.gz", "s1")


# Labeled h5ad


def write_labeled(path, *, matrix=sp.csr_matrix, layers=None, **changes):
    obs = pd.DataFrame(
        {
            "library": pd.Categorical(["s1", "s2", "s1", "s2"]),
            "label": pd.Categorical(["microglia", "opc", "opc", "opc"]),
            "donor": [5144.0, 5145.0, 5144.0, 5145.0],
            "diagnosis": ["ASD", "Control", "ASD", "Control"],
        },
        index=["AAAC", "AAAG", "AAAT", "AACC"],
    )
    var = pd.DataFrame({"ensembl": GENE_IDS[:3], "symbol": ["MBP", "GFAP", "GFAP"]}, index=["A1", "B1", "C1"])
    values = np.array([[1, 0, 2], [9, 9, 9], [0, 3, 0], [8, 8, 8]], dtype=np.float32)
    data = anndata.AnnData(matrix(values), obs=obs, var=var, layers={k: matrix(v) for k, v in (layers or {}).items()})
    data.write_h5ad(path)
    return path


@pytest.mark.parametrize("matrix", [sp.csr_matrix, sp.csc_matrix, np.asarray])
def test_labeled_takes_the_rows_of_one_sample_with_their_types(tmp_path, matrix, monkeypatch):
    monkeypatch.setattr("alscell.h5ad.BLOCK_ROWS", 2)
    path = write_labeled(tmp_path / "a.h5ad", matrix=matrix)
    found = check(labeled(path, symbol="symbol", gene_id="ensembl", row={"donor": "5144", "condition": "ASD"}))
    assert np.array_equal(found.matrix.toarray(), [[1, 0, 2], [0, 3, 0]])
    assert found.cell_types.tolist() == ["microglia", "opc"]
    assert found.barcodes.tolist() == ["AAAC", "AAAT"]
    assert found.genes.tolist() == ["MBP", "GFAP", f"GFAP.{GENE_IDS[2]}"]
    assert check(labeled(path)).genes.tolist() == ["A1", "B1", "C1"]
    assert check(labeled(path, symbol="symbol")).genes.tolist() == ["MBP", "GFAP", "GFAP.C1"]


def test_labeled_reads_the_layer_with_counts_and_says_where_counts_are(tmp_path):
    counts = np.array([[1, 0, 2], [9, 9, 9], [0, 3, 0], [8, 8, 8]])
    path = tmp_path / "a.h5ad"
    data = anndata.read_h5ad(write_labeled(path, layers={"counts": counts}))
    data.raw = data.copy()
    data.X = sp.csr_matrix(np.log1p(data.X.toarray()))
    data.write_h5ad(path)
    for layer in ("counts", "raw.X"):
        assert np.array_equal(check(labeled(path, layer=layer)).matrix.toarray(), counts[[0, 2]])
    with pytest.raises(InputError, match=r"looks log-normalized.*`layer: raw.X`; `layer: counts`"):
        check(labeled(path))
    with pytest.raises(InputError, match=r"no layer 'count'.*Did you mean 'counts'"):
        labeled(path, layer="count")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"member": "s3"}, "no cell with library 's3'"),
        ({"row": {"condition": "Control"}}, "sample s1: found diagnosis 'ASD' in the data; expected 'Control'"),
        ({"row": {"donor": "5145"}}, "found donor '5144' in the data; expected '5145'"),
        ({"cells": {"sample": "Library"}}, "no column 'Library' in obs.*Did you mean 'library'"),
        ({"symbol": "symbols"}, "no column 'symbols' in var.*Did you mean 'symbol'"),
    ],
)
def test_labeled_that_disagrees_with_its_description(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        labeled(write_labeled(tmp_path / "a.h5ad"), **changes)


def test_labeled_that_is_no_h5ad(tmp_path):
    with pytest.raises(InputError, match="no table 'obs'"):
        labeled(write_tenx(tmp_path / "a.h5"))


def test_real_labeled_samples_add_up_to_the_whole_file():
    path = real("velmeshev_asd_pfc/velmeshev_pfc_3celltypes_counts.h5ad")
    whole = anndata.read_h5ad(path)
    for name in ("5387_BA9", "5144_PFC"):
        found = check(labeled(path, name, cells={"sample": "sample", "cell_type": "cell_type"}))
        rows = (whole.obs["sample"] == name).to_numpy()
        assert (found.matrix != whole.X[rows]).nnz == 0
        assert found.cell_types.tolist() == whole.obs["cell_type"][rows].astype(str).tolist()
        assert len(found.barcodes) == rows.sum() > 100


# What is no count matrix


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.log1p([[1.0, 2], [3, 40]]), "looks log-normalized"),
        ([[999999.5, 0.5], [250000.25, 749999.75]], "scaled to 1,000,000 a cell, as CPM or TPM"),
        ([[3, 0.73, 40, 5, 1], [0, 3, 0, 7, 2]], "decontaminated or corrected counts"),
        ([[-1.5, 2], [0, 1]], "negative values down to -1.5"),
        ([[-1, 2], [0, 1]], "negative values down to -1"),
        ([[np.nan, 2], [0, 1]], "1 missing or infinite values"),
        ([[3e9, 2], [0, 1]], "a count of 3e"),
    ],
)
def test_values_that_are_no_counts(values, message):
    with pytest.raises(InputError, match=message):
        check(counts_of(values))


def drawn(n_cells, *, seed=0):
    """Counts of cells as they are: sums differ several-fold, most genes have few."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(3000, 0.15))
    return np.array([rng.poisson(depth * share) for depth in 3000 * np.exp(rng.normal(0, 0.5, n_cells))])


@pytest.mark.parametrize("target", [1e4, 1e6])
def test_rounded_normalized_values_are_no_counts(target):
    raw = drawn(40)
    scaled = np.rint(raw / raw.sum(axis=1, keepdims=True) * target)
    with pytest.raises(InputError, match=r"every one of 40 rows: looks normalized \(as CPM.*raw counts"):
        check(counts_of(scaled))
    assert check(counts_of(raw)).matrix.sum() == raw.sum()
    # Too few rows to tell, and sums so small that chance makes them alike.
    assert check(counts_of(scaled[:19])).matrix.shape[0] == 19
    assert check(counts_of(np.full((40, 5), 100))).matrix.shape[0] == 40


def test_whole_numbers_stored_as_floats_are_counts():
    found = as_integers(sp.csr_matrix([[1.0, 0.0], [2.0, 3.0]]), where="x", found_elsewhere="")
    assert found.dtype == np.int32
    assert found.toarray().tolist() == [[1, 0], [2, 3]]


def test_input_is_not_changed():
    parts = (np.array(values, dtype=np.int32) for values in ([2, 0, 1], [1, 0, 0], [0, 2, 3]))
    stored = sp.csr_matrix(tuple(parts), shape=(2, 2))
    before = stored.indptr.copy(), stored.toarray()
    found = as_integers(stored, where="x", found_elsewhere="")
    assert found.nnz == 2
    assert np.array_equal(stored.indptr, before[0])
    assert np.array_equal(stored.toarray(), before[1])


def test_axes_genes_and_barcodes_are_checked():
    with pytest.raises(InputError, match="0 cells x 3 genes"):
        check(counts_of(np.zeros((0, 3))))
    with pytest.raises(InputError, match="2 cells x 0 genes"):
        check(counts_of(np.zeros((2, 0))))
    with pytest.raises(InputError, match=r"names of cells where genes should be.*transposed"):
        check(counts_of(np.ones((2, 3)), genes=BARCODES))
    swapped = ["ACTB", "GAPDH", "MALAT1", "UBC", "VIM"]
    with pytest.raises(InputError, match=r"names of genes where cells should be \(ACTB, GAPDH"):
        check(counts_of(np.ones((5, 3)), barcodes=swapped))
    with pytest.raises(InputError, match="gene 'MBP' twice"):
        check(counts_of(np.ones((2, 2)), genes=["MBP", "MBP"]))
    with pytest.raises(InputError, match="mouse symbols"):
        check(counts_of(np.ones((2, 3)), genes=["Mbp", "Gfap", "Aif1"]))
    with pytest.raises(InputError, match="human symbols"):
        check(counts_of(np.ones((2, 3)), genes=["MBP", "GFAP", "C9orf72"]), "mouse")
    assert check(counts_of(np.ones((2, 2)), genes=["MBP", ""], gene_ids=["E1", "E2"])).genes.tolist() == ["MBP", "E2"]


def test_unfiltered_droplets_are_refused(monkeypatch):
    monkeypatch.setattr("alscell.counts.MAX_DROPLETS", 50)
    droplets = np.zeros((60, 2))
    droplets[:10] = 500
    with pytest.raises(InputError, match="60 barcodes with a median of 0 counts: unfiltered droplets"):
        check(counts_of(droplets))
    cells = np.arange(120).reshape(60, 2) + 500
    assert check(counts_of(cells)).matrix.shape == (60, 2)


# The file that later steps read


def test_written_sample_holds_the_contract_and_the_same_bytes(tmp_path):
    found = check(tenx(write_tenx(tmp_path / "a.h5")))
    for name in ("one.h5ad", "two.h5ad"):
        write_counts(as_anndata(found, dataset="d", sample="s", simulated=False), tmp_path / name)
    assert sha256(tmp_path / "one.h5ad") == sha256(tmp_path / "two.h5ad")
    data = read_h5ad(tmp_path / "one.h5ad")
    assert data.obs_names.tolist() == [f"s_{barcode}" for barcode in BARCODES]
    assert data.obs["barcode"].tolist() == BARCODES
    assert "cell_type" not in data.obs
    assert data.var_names.tolist() == ["MBP", "GFAP", "TSPAN6", "TSPAN6.ENSG00000999999"]
    assert data.var["gene_id"].tolist() == GENE_IDS[:4]
    assert sp.isspmatrix_csr(data.X) or data.X.format == "csr"
    assert data.X.dtype == np.int32
    assert {key: data.uns[key] for key in ("dataset", "sample")} == {"dataset": "d", "sample": "s"}
    assert not data.uns["simulated"]
