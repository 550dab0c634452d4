"""Every real 10x file of shared/data/tenx_formats is read to the last count, or refused with the right words.

The numbers are those of the files' own descriptions (PROVENANCE.md) and of tables made from them by other tools.
"""

import functools
import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alscell.counts import check_counts
from alscell.errors import InputError
from alscell.files import read_gene_table
from alscell.genes import name_genes
from alscell.loading import read_sample

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data")) / "tenx_formats"
NEEDS = pytest.mark.skipif(not REAL.exists(), reason=f"real test data not at {REAL}; set ALSCELL_TEST_DATA")
pytestmark = NEEDS

PBMC, CR3, CR2 = "pbmc500_v3_h5_mtx", "scanpy_10x_data/3.0.0", "scanpy_10x_data/1.2.0"
SOUPX = "soupx_toy_v2_raw_and_filtered"
MONOCLE2 = "monocle3_cr2.0/outs/filtered_gene_bc_matrices/hg19"
MONOCLE3 = "monocle3_cr3.0/outs/filtered_feature_bc_matrix"

# file: organism, cells x genes, sum of counts
READ = {
    "GSE164378_RNA_ADT_3P_P1_subsetted.h5": ("human", (200, 50), 2764),  # 30 antibodies of 80 features left out
    f"{PBMC}/filtered_feature_bc_matrix.h5": ("human", (587, 50), 274980),
    f"{PBMC}/filtered_feature_bc_matrix_272barcodes.h5": ("human", (272, 50), 127908),
    f"{PBMC}/filtered_feature_bc_matrix/matrix.mtx.gz": ("human", (587, 50), 274980),
    f"{CR3}/filtered_feature_bc_matrix.h5": ("human", (1107, 507), 41549),
    f"{CR3}/filtered_feature_bc_matrix/matrix.mtx.gz": ("human", (1107, 507), 41549),
    f"{CR2}/filtered_gene_bc_matrices_h5.h5": ("human", (12, 343), 12),
    f"{CR2}/filtered_gene_bc_matrices/hg19_chr21/matrix.mtx": ("human", (12, 343), 12),
    f"{CR2}/multiple_genomes.h5": ("human", (12, 343), 12),
    "scanpy_10x_data/int-ids/matrix.mtx": ("mouse", (5, 6), 8),  # names of version 3, not packed; ids are numbers
    f"{MONOCLE2}/matrix.mtx": ("human", (80, 240), 23110),
    f"{MONOCLE3}/matrix.mtx.gz": ("human", (5, 3), 5610),  # 2 antibodies of 5 features left out
    f"{SOUPX}/filtered_gene_bc_matrices/GRCh38/matrix.mtx": ("human", (62, 226), 18209),
    f"{SOUPX}/raw_gene_bc_matrices/GRCh38/matrix.mtx": ("human", (1289, 226), 112078),
    "seurat_visium_filtered_feature_bc_matrix.h5": ("mouse", (2695, 100), 132231),
}
# file: organism, words
REFUSED = {
    "scanpy_visium/2.1.0/raw_probe_bc_matrix.h5": ("mouse", "a matrix of probes; expected a matrix of genes"),
    "scanpy_visium/1.0.0/filtered_feature_bc_matrix.h5": ("mouse", r"100 of 100 Ensembl ids that are not of mouse"),
    f"{CR2}/multiple_genomes.h5": ("mouse", "genomes another_genome, hg19_chr21; expected one that is mouse"),
    "seurat_visium_filtered_feature_bc_matrix.h5": ("human", "100 of 100 Ensembl ids that are not of human"),
    f"{MONOCLE3}/matrix.mtx.gz": ("mouse", "3 of 3 Ensembl ids that are not of mouse"),
}
NO_COUNTS = {  # read beside a matrix, or nothing that a reader is for
    *("PROVENANCE.md", "README.md", "metaData.tsv", "genes_50.csv", "barcodes_272.csv", "scalefactors_json.json"),
    *("tissue_positions_list.csv", "expected_matrix.csv", "expected_barcodes.csv", "expected_feature_ids.csv"),
    *("features.tsv", "genes.tsv", "barcodes.tsv", "features.tsv.gz", "barcodes.tsv.gz"),
}


@functools.cache
def gene_table(organism):
    return read_gene_table(ROOT / f"resources/genes/{organism}.tsv")


def read(path, *, organism, member="s"):
    name = Path(path).name
    in_archive = name.endswith((".tar", ".tar.gz", ".zip"))
    layout = "10x_h5" if ".h5" in (member if in_archive else name) else "10x_mtx"
    beside = [] if in_archive else [str(file) for file in Path(path).parent.iterdir() if file != Path(path)]
    empty = dict.fromkeys(("orientation", "symbol", "gene_id", "layer"), "")
    facts = {**empty, "parts": {}, "cells": {}, "cell_types": {}, "row": {}, "beside": beside, "where": "file x"}
    found = read_sample(path, layout=layout, organism=organism, member=member, **facts)
    named = name_genes(found, gene_table(organism), organism=organism, where="file x")
    return check_counts(named, where="file x", organism=organism)


def test_every_file_has_its_place_here():
    names = {str(path.relative_to(REAL)) for path in REAL.rglob("*") if path.is_file()}
    matrices = {name for name in names if Path(name).name not in NO_COUNTS}
    assert matrices == set(READ) | set(REFUSED)
    assert len(matrices) == 17


@pytest.mark.parametrize("name", READ)
def test_real_file_is_read_to_the_last_count(name):
    organism, shape, total = READ[name]
    found = read(REAL / name, organism=organism)
    assert (found.matrix.shape, int(found.matrix.sum())) == (shape, total)
    assert found.matrix.dtype == np.int32
    assert len(set(found.genes)) == shape[1]
    assert len(found.barcodes) == len(set(found.barcodes)) == shape[0]


@pytest.mark.parametrize("name", REFUSED)
def test_real_file_is_refused_in_the_right_words(name):
    organism, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        read(REAL / name, organism=organism)


def assert_same(one, other):
    """Two readings of the same cells, cell by cell and gene by gene."""
    assert one.barcodes.tolist() == other.barcodes.tolist()
    assert one.genes.tolist() == other.genes.tolist()
    assert one.gene_ids.tolist() == other.gene_ids.tolist()
    assert (one.matrix != other.matrix).nnz == 0


def test_real_h5_and_mtx_are_as_cell_ranger_wrote_them_densely():
    expected = pd.read_csv(REAL / PBMC / "expected_matrix.csv", header=None).to_numpy()
    cells, genes = ((REAL / PBMC / f"expected_{name}.csv").read_text().split() for name in ("barcodes", "feature_ids"))
    assert expected.shape == (len(genes), len(cells))
    for name in ("filtered_feature_bc_matrix.h5", "filtered_feature_bc_matrix/matrix.mtx.gz"):
        found = read(REAL / PBMC / name, organism="human")
        assert np.array_equal(found.matrix.toarray(), expected.T)
        assert (found.barcodes.tolist(), found.gene_ids.tolist()) == (cells, genes)


@pytest.mark.parametrize(
    ("h5", "matrix"),
    [
        (f"{PBMC}/filtered_feature_bc_matrix.h5", f"{PBMC}/filtered_feature_bc_matrix/matrix.mtx.gz"),
        (f"{CR3}/filtered_feature_bc_matrix.h5", f"{CR3}/filtered_feature_bc_matrix/matrix.mtx.gz"),
        (f"{CR2}/filtered_gene_bc_matrices_h5.h5", f"{CR2}/filtered_gene_bc_matrices/hg19_chr21/matrix.mtx"),
    ],
)
def test_real_h5_equals_the_mtx_of_the_same_cells(h5, matrix):
    assert_same(read(REAL / h5, organism="human"), read(REAL / matrix, organism="human"))


def test_real_subset_of_barcodes_equals_these_cells_of_the_whole():
    whole = read(REAL / PBMC / "filtered_feature_bc_matrix.h5", organism="human")
    part = read(REAL / PBMC / "filtered_feature_bc_matrix_272barcodes.h5", organism="human")
    rows = np.flatnonzero(np.isin(whole.barcodes, part.barcodes))
    assert whole.barcodes[rows].tolist() == part.barcodes.tolist()
    assert (whole.matrix[rows] != part.matrix).nnz == 0


def test_real_antibodies_are_left_out():
    found = read(REAL / MONOCLE3 / "matrix.mtx.gz", organism="human")
    assert found.genes.tolist() == ["RP11-34P13.3", "FAM138A", "FAM231B"]
    assert found.matrix.toarray().tolist() == [[110, 0, 0], [0, 1000, 0], [0, 0, 500], [4000, 0, 0], [0, 0, 0]]


def test_real_raw_droplets_are_called_so(monkeypatch):
    """The pair is cut to 1,289 droplets: the limit is set below that, as 700,000 lie above the real one."""
    monkeypatch.setattr("alscell.counts.MAX_DROPLETS", 1000)
    monkeypatch.setattr("alscell.counts.DROPLET_COUNTS", 100)
    path = REAL / SOUPX / "raw_gene_bc_matrices/GRCh38/matrix.mtx"
    with pytest.raises(InputError, match=r"1,289 barcodes with a median of \d+ counts: unfiltered droplets"):
        read(path, organism="human")
    filtered = read(REAL / SOUPX / "filtered_gene_bc_matrices/GRCh38/matrix.mtx", organism="human")
    assert filtered.matrix.shape == (62, 226)


def test_real_filtered_cells_have_the_counts_of_the_raw_droplets():
    raw, filtered = (
        read(REAL / SOUPX / f"{kind}_gene_bc_matrices/GRCh38/matrix.mtx", organism="human")
        for kind in ("raw", "filtered")
    )
    at = {barcode: number for number, barcode in enumerate(raw.barcodes)}
    rows = [at[barcode] for barcode in filtered.barcodes]
    assert (raw.matrix[rows] != filtered.matrix).nnz == 0


# The same files packed as GEO hands them out


def add(archive, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def trio(folder, prefix=""):
    return {f"{prefix}{path.name}": path.read_bytes() for path in sorted((REAL / folder).iterdir())}


def tar_gz(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            add(archive, name, data)
    return buffer.getvalue()


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


H5, MATRIX = REAL / PBMC / "filtered_feature_bc_matrix.h5", f"{PBMC}/filtered_feature_bc_matrix"
# what `member` may be: what it stands for
GSM = {
    "GSM1_pbmc_filtered_feature_bc_matrix.h5": H5,
    "GSM1_*.h5": H5,
    "GSM2_pbmc.h5.gz": H5,
    "GSM3_pbmc": REAL / MATRIX / "matrix.mtx.gz",
    "GSM4_cr2.tar.gz": REAL / MONOCLE2 / "matrix.mtx",
    "GSM4_cr2": REAL / MONOCLE2 / "matrix.mtx",
    "GSM5_soupx.zip": REAL / SOUPX / "filtered_gene_bc_matrices/GRCh38/matrix.mtx",
    "GSM6_pbmc.tar/*.h5": H5,
    "GSM6_pbmc*/filtered*.h5": H5,
    "GSM7_visium*.h5.gz": REAL / "seurat_visium_filtered_feature_bc_matrix.h5",
    "GSM8_*": REAL / CR3 / "filtered_feature_bc_matrix/matrix.mtx.gz",
}


def raw_members():
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as archive:
        add(archive, "deep/filtered_feature_bc_matrix.h5", H5.read_bytes())
    return {
        "GSM1_pbmc_filtered_feature_bc_matrix.h5": H5.read_bytes(),
        "GSM2_pbmc.h5.gz": gzip.compress(H5.read_bytes()),
        **trio(MATRIX, "GSM3_pbmc_"),
        "GSM4_cr2.tar.gz": tar_gz(trio(MONOCLE2, "filtered_gene_bc_matrices/hg19/")),
        "GSM5_soupx.zip": zipped(trio(f"{SOUPX}/filtered_gene_bc_matrices/GRCh38")),
        "GSM6_pbmc.tar": inner.getvalue(),
        "GSM7_visium.h5.gz": gzip.compress((REAL / "seurat_visium_filtered_feature_bc_matrix.h5").read_bytes()),
        **trio(f"{CR3}/filtered_feature_bc_matrix", "GSM8/outs/filtered_feature_bc_matrix/GSM8_"),
    }


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The same members as RAW.tar, RAW.tar.gz and RAW.zip."""
    folder, members = tmp_path_factory.mktemp("geo"), raw_members()
    with tarfile.open(folder / "RAW.tar", "w") as archive:
        for name, data in members.items():
            add(archive, name, data)
    (folder / "RAW.tar.gz").write_bytes(tar_gz(members))
    (folder / "RAW.zip").write_bytes(zipped(members))
    return folder


@pytest.mark.parametrize("name", ["RAW.tar", "RAW.tar.gz", "RAW.zip"])
@pytest.mark.parametrize("member", GSM)
def test_real_files_packed_under_gsm_names_are_read_equal(name, member, archives):
    organism = "mouse" if "visium" in member else "human"
    loose = read(GSM[member], organism=organism)
    assert_same(read(archives / name, organism=organism, member=member), loose)


def test_real_h5_packed_by_gzip_is_read_equal(tmp_path):
    (tmp_path / "a.h5.gz").write_bytes(gzip.compress(H5.read_bytes()))
    assert_same(read(tmp_path / "a.h5.gz", organism="human"), read(H5, organism="human"))
