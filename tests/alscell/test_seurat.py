"""Seurat objects and sparse matrices in R's format, written here byte by byte, and by R itself where it is at hand.

SOURCE: "R Internals", section 1.8 (serialization format): big-endian XDR, version 2.
"""

import bz2
import gzip
import lzma
import shutil
import struct
import subprocess

import numpy as np
import pytest
import scipy.sparse as sp

from alscell.counts import check_counts
from alscell.errors import InputError
from alscell.seurat import read_seurat

GENES = ["MBP", "GFAP", "AIF1"]
BARCODES = ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCTA-1", "AAACCTGAGAAACGAG-1", "AAACCTGAGAAACGCC-1"]
COUNTS = np.array([[5, 0, 2], [0, 3, 0], [1, 1, 0], [0, 0, 7]])  # cells x genes
NA_INTEGER = -(2**31)
NULL = None


class R:
    """A value with attributes; `object` marks one that has a class, `s4` one of a formal class."""

    def __init__(self, value=NULL, *, s4=False, **attributes):
        self.value, self.s4, self.attributes = value, s4, attributes


def r_bytes(value):
    """The value as saveRDS(compress = FALSE, version = 2) writes it."""
    symbols = []

    def integer(number):
        return struct.pack(">i", number)

    def text(word):
        return integer(9) + integer(-1) if word is None else integer(9 | 64 << 12) + integer(len(word)) + word.encode()

    def symbol(name):
        if name in symbols:
            return integer((symbols.index(name) + 1) << 8 | 255)
        symbols.append(name)
        return integer(1) + text(name)

    def attributes(of):
        pairs = b"".join(integer(2 | 1 << 10) + symbol(name) + item(entry) for name, entry in of.items())
        return pairs + integer(254) if of else b""

    def item(entry):
        entry = entry if isinstance(entry, R) else R(entry)
        is_object = "class" in entry.attributes
        flags = (is_object << 8) | (bool(entry.attributes) << 9)
        value = entry.value
        if entry.s4:
            return integer(25 | flags | 16 << 12) + attributes(entry.attributes)
        if value is None:
            return integer(254)
        if isinstance(value, list) and value and all(word is None or isinstance(word, str) for word in value):
            body = integer(16 | flags) + integer(len(value)) + b"".join(map(text, value))
        elif isinstance(value, list):
            body = integer(19 | flags) + integer(len(value)) + b"".join(map(item, value))
        else:
            kind, code = {"b": (10, ">i4"), "i": (13, ">i4"), "f": (14, ">f8")}[np.asarray(value).dtype.kind]
            body = integer(kind | flags) + integer(len(value)) + np.asarray(value).astype(code).tobytes()
        return body + attributes(entry.attributes)

    return b"X\n" + integer(2) + integer(0x00040203) + integer(0x00020300) + item(value)


def s4(name, package, **slots):
    return R(s4=True, **slots, **{"class": R([name], package=R([package]))})


def named(**entries):
    return R(list(entries.values()), names=list(entries))


def frame(rows=BARCODES, **columns):
    return R(list(columns.values()), names=list(columns), **{"row.names": rows, "class": ["data.frame"]})


def factor(codes, levels):
    return R(np.array(codes), levels=levels, **{"class": ["factor"]})


def sparse(values=COUNTS, *, genes=GENES, cells=BARCODES):
    matrix = sp.csc_matrix(np.asarray(values).T)
    return s4(
        "dgCMatrix",
        "Matrix",
        i=matrix.indices,
        p=matrix.indptr,
        Dim=np.array(matrix.shape),
        Dimnames=R([genes, cells]),
        x=matrix.data.astype(float),
        factors=R([]),
    )


EMPTY = R(np.array([], dtype=float), dim=np.array([0, 0]))
META = frame(
    donor=factor([1, 1, 2, 2], ["D1", "D2"]),
    label=["opc", None, "opc", "microglia"],
    age=np.array([61.0, 61, 55, np.nan]),
    batch=np.array([1, 1, 2, NA_INTEGER]),
    flag=R(np.array([True, False, True, True])),
)


def assay(counts, **slots):
    slots = {"data": counts, "scale.data": EMPTY, "meta.features": frame(GENES, ensembl=["E1", "E2", "E3"])} | slots
    return s4("Assay", "SeuratObject", counts=counts, key=["rna_"], **slots)


def logical_map(names, layers):
    inside = np.ones(len(names) * len(layers), dtype=bool)
    names = R([names, layers])
    attributes = {"dim": np.array([len(names.value[0]), len(layers)]), "dimnames": names}
    return R(inside, **attributes, **{"class": R(["LogMap"], package=R(["SeuratObject"]))})


def assay5(cells=BARCODES, **layers):
    return s4(
        "Assay5",
        "SeuratObject",
        layers=named(**layers),
        cells=logical_map(cells, list(layers)),
        features=logical_map(GENES, list(layers)),
        **{"meta.data": frame(GENES, ensembl=["E1", "E2", "E3"])},
    )


def seurat(meta=META, **assays):
    return s4("Seurat", "SeuratObject", assays=named(**assays), **{"meta.data": meta, "active.assay": ["RNA"]})


def write(path, value, pack=gzip.compress):
    path.write_bytes(pack(r_bytes(value)))
    return path


def read(path, **changes):
    options = {
        "member": "D2",
        "cells": {"sample": "donor", "cell_type": "label"},
        "row": {},
        "symbol": "",
        "gene_id": "",
        "layer": "",
        "where": "file x, sample s",
    }
    return check_counts(read_seurat(path, **{**options, **changes}), where="file x, sample s", organism="human")


BARE = sparse(genes=NULL, cells=NULL)
V4, V5 = seurat(RNA=assay(sparse())), seurat(RNA=assay5(counts=BARE, data=BARE))


@pytest.mark.parametrize("value", [V4, V5], ids=["version 4", "version 5"])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_cells_of_one_sample_with_their_types(tmp_path, value, pack):
    found = read(write(tmp_path / "a.rds", value, pack), gene_id="ensembl")
    assert found.matrix.toarray().tolist() == COUNTS[2:].tolist()
    assert found.barcodes.tolist() == BARCODES[2:]
    assert found.genes.tolist() == GENES
    assert found.gene_ids.tolist() == ["E1", "E2", "E3"]
    assert found.cell_types.tolist() == ["opc", "microglia"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("donor", ["D1", "D1", "D2", "D2"]),
        ("label", ["opc", "", "opc", "microglia"]),
        ("age", ["61", "61", "55", ""]),
        ("batch", ["1", "1", "2", ""]),
        ("flag", ["TRUE", "FALSE", "TRUE", "TRUE"]),
    ],
)
def test_columns_of_every_kind_are_text_and_never_codes(tmp_path, column, expected):
    found = read_seurat(
        write(tmp_path / "a.rds", V4),
        member="",
        cells={"cell_type": column},
        row={},
        symbol="",
        gene_id="",
        layer="",
        where="x",
    )
    assert found.cell_types.tolist() == expected


@pytest.mark.parametrize("value", [sparse(), R(COUNTS.ravel().astype(float), dim=[0], dimnames=R([GENES, BARCODES]))])
def test_bare_matrix(tmp_path, value):
    if "dim" in value.attributes:
        value.attributes["dim"] = np.array([3, 4])
    found = read(write(tmp_path / "a.rds", value), cells={})
    assert found.matrix.toarray().tolist() == COUNTS.tolist()
    assert found.barcodes.tolist() == BARCODES
    assert found.genes.tolist() == GENES


SPLIT = seurat(RNA=assay5(**{"counts.a": BARE, "counts.b": BARE}))


@pytest.mark.parametrize(
    ("value", "changes", "message"),
    [
        (SPLIT, {}, r"layers counts.a, counts.b in assay RNA; expected one layer 'counts'.*JoinLayers\(readRDS"),
        (seurat(RNA=assay5(data=BARE)), {}, r"layers data in assay RNA.*Ask for the raw object"),
        (seurat(RNA=assay(EMPTY, data=sparse())), {}, r"no counts in assay RNA, only data; expected raw counts"),
        (seurat(RNA=assay(sparse(np.log1p(COUNTS)))), {}, r"looks log-normalized"),
        (seurat(SCT=assay(sparse())), {}, r"found assays SCT; expected an assay RNA.*not SCT.*RenameAssays"),
        (frame(a=[None]), {}, r"an R object of class data.frame; expected a Seurat object.*saveRDS"),
        (named(a=["x"]), {}, r"an R object of class list"),
        (
            s4("SingleCellExperiment", "S"),
            {},
            r"class SingleCellExperiment.*SingleCellExperiment::counts\(x\).*saveRDS",
        ),
        (s4("dgTMatrix", "Matrix", Dim=np.array([3, 4])), {"cells": {}}, r"class dgTMatrix.*CsparseMatrix"),
        (V4, {"member": "D3"}, "no cell with donor 'D3'"),
        (V4, {"cells": {"sample": "doner"}}, "no column 'doner' in meta.data.*Did you mean 'donor'"),
        (V4, {"symbol": "gene"}, "no column 'gene' in the table of features"),
        (V4, {"layer": "spliced"}, "no layer 'spliced'"),
        (V4, {"cells": {"sample": "donor", "condition": "batch"}, "row": {"condition": "2"}}, "batch '' and '2'"),
        (seurat(META, RNA=assay(sparse(COUNTS[:2], cells=BARCODES[:2]))), {}, "4 rows in meta.data; expected 2"),
        (
            seurat(META, RNA=assay(sparse(cells=BARCODES[::-1]))),
            {},
            r"rows of meta.data in another order than the counts.*x@meta.data\[colnames\(x\), \]",
        ),
        (
            seurat(frame(np.array([NA_INTEGER, -4]), donor=["D1", "D2"] * 2), RNA=assay(sparse())),
            {},
            "or of none; expect",
        ),
        (
            seurat(RNA=assay(sparse(), **{"meta.features": frame(GENES[::-1], ensembl=["E3", "E2", "E1"])})),
            {"gene_id": "ensembl"},
            "rows of the table of features in another order than the counts",
        ),
    ],
)
def test_object_that_cannot_be_used_says_what_to_do(tmp_path, value, changes, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "a.rds", value), **changes)


def test_files_that_are_no_rds_or_cut_off(tmp_path):
    whole = r_bytes(V4)
    path = tmp_path / "a.rds"
    for content in (b"", b"<html>", gzip.compress(whole)[:-30], *(whole[:size] for size in range(2, len(whole), 97))):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"unreadable file.*broken or cut off"):
            read(path)
    path.write_bytes(gzip.compress(b"RDX3\n" + whole))
    with pytest.raises(InputError, match=r"an R workspace \(save\); expected one object \(saveRDS\).*load\("):
        read(path)


def test_object_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("alscell.seurat.MOST_BYTES", 1 << 20)
    path = tmp_path / "a.rds"
    path.write_bytes(gzip.compress(b"X\n" + b"\0" * (2 << 20)))
    with pytest.raises(InputError, match=r"an object of more than 0 GB unpacked.*In R: "):
        read(path)


MAKE = """
suppressMessages(library(Seurat))
counts <- as(matrix(c(5,0,2, 0,3,0, 1,1,0, 0,0,7), 3), "dgCMatrix")
dimnames(counts) <- list(c("MBP","GFAP","AIF1"), c({cells}))
x <- CreateSeuratObject(counts)
x$donor <- factor(c("D1","D1","D2","D2")); x$label <- c("opc", NA, "opc", "microglia")
x <- NormalizeData(x, verbose = FALSE)
saveRDS(x, "r.rds")
y <- readRDS("a.rds")
stopifnot(identical(as.matrix(y@assays$RNA@counts), as.matrix(counts)),
          identical(as.character(y@meta.data$donor), as.character(x@meta.data$donor)))
"""


def test_object_that_r_itself_wrote_and_r_reads_what_is_written_here(tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("no Rscript: objects written by R itself are not tried")
    if subprocess.run(["Rscript", "-e", "library(Seurat)"], capture_output=True).returncode:
        pytest.skip("R has no package Seurat: objects written by R itself are not tried")
    write(tmp_path / "a.rds", V4)
    script = MAKE.replace("{cells}", ",".join(f'"{name}"' for name in BARCODES))
    answer = subprocess.run(["Rscript", "-e", script], cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    found = read(tmp_path / "r.rds")
    assert found.matrix.toarray().tolist() == COUNTS[2:].tolist()
    assert found.cell_types.tolist() == ["opc", "microglia"]
    assert found.genes.tolist() == GENES
