"""Every kind of difference between two files of a result is named: where it is, how many values, by how much."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from anndata import AnnData
from PIL import Image

from alscell.compare_files import difference
from alscell.files import write_counts, write_graph, write_plain_table, write_text

GENES = pd.DataFrame(
    {
        "cell_type": ["astrocyte", "microglia", "microglia"],
        "gene": ["GFAP", "GPNMB", "SPP1"],
        "effect": [1.0, 2.5, np.nan],
    }
)


@pytest.fixture
def compare(tmp_path):
    """Write two values to two files of one name; what `difference` says."""

    def compared(name, write, first, second):
        for folder, value in (("first", first), ("second", second)):
            (tmp_path / folder).mkdir(exist_ok=True)
            write(value, tmp_path / folder / name)
        return difference(tmp_path / "first" / name, tmp_path / "second" / name)

    return compared


@pytest.mark.parametrize("name", ["genes.tsv", "genes.tsv.gz", "genes.parquet"])
def test_table_column_row_and_largest_difference(compare, name):
    write = write_plain_table if ".tsv" in name else pd.DataFrame.to_parquet
    assert compare(name, write, GENES, GENES.copy()) == ""
    moved = GENES.assign(effect=[1.0, 2.25, np.nan])
    said = compare(name, write, GENES, moved)
    assert said == (
        "column 'effect', row 2 (cell_type microglia, gene GPNMB): 2.5 and 2.25; 1 of 3 values differ, by 0.25 at most"
    )
    renamed = moved.assign(gene=["GFAP", "CD68", "SPP1"])
    said = compare(name, write, GENES, renamed)
    assert said.startswith("column 'gene', row 2 (cell_type microglia): GPNMB and CD68; 1 of 3 values differ; 1 more")


def test_table_rows_and_columns(compare):
    assert compare("genes.tsv", write_plain_table, GENES, GENES[:2]) == (
        "3 rows and 2; row 3 is the first that one of them lacks"
    )
    said = compare("genes.tsv", write_plain_table, GENES, GENES[1:])
    assert said.startswith("3 rows and 2; column 'cell_type', row 1 (gene GFAP): astrocyte and microglia")
    said = compare("genes.tsv", write_plain_table, GENES, GENES.rename(columns={"effect": "size"}))
    assert said == "columns differ: only the first has ['effect'], only the second has ['size']"


def test_same_values_in_other_bytes(compare):
    def write(level, path):
        GENES.to_csv(path, sep="\t", compression={"method": "gzip", "compresslevel": level})

    assert compare("genes.tsv.gz", write, 0, 9) == "the same values, but stored as other bytes"


def test_pixel_box_of_a_figure(compare):
    def write(pixels, path):
        Image.fromarray(pixels).save(path)

    white = np.full((50, 80, 3), 255, "u1")
    spotted = white.copy()
    spotted[10:13, 20:25] = 250
    said = compare("figure.png", write, white, spotted)
    assert (
        said == "pixels in columns 20 to 24, rows 10 to 12, from the top left; 15 of 4000 differ, by 5 of 255 at most"
    )
    assert compare("figure.png", write, white, white[:40]) == "80 x 50 pixels and 80 x 40"


def test_element_of_an_h5ad(compare):
    counts = scipy.sparse.csr_matrix(np.array([[0, 3, 1], [2, 0, 0]], "int32"))
    more = counts.copy()
    more.data[1] += 1
    data = AnnData(counts, obs=pd.DataFrame({"donor": ["D1", "D2"]}, index=["a", "b"]))
    other = AnnData(more, obs=data.obs)
    assert compare("counts.h5ad", write_counts, data, data) == ""
    said = compare("counts.h5ad", write_counts, data, other)
    assert said == "element 'X/data': 1 and 2; 1 of 3 values differ, by 1 at most"
    other = AnnData(counts, obs=data.obs.assign(sex=["F", "M"]))
    assert "element 'obs/sex/mask': only the second has it" in compare("counts.h5ad", write_counts, data, other)
    renamed = AnnData(counts, obs=pd.DataFrame({"donor": ["D1", "D3"]}, index=["a", "b"]))
    assert "element 'obs/donor/values': D2 and D3; 1 of 2 values differ" in compare(
        "counts.h5ad", write_counts, data, renamed
    )


def test_array_of_a_graph(compare):
    graph = scipy.sparse.csr_matrix(np.eye(3))
    said = compare("graph.npz", write_graph, graph, graph * 0.5)
    assert said == "element 'data': 1.0 and 0.5; 3 of 3 values differ, by 0.5 at most"


def test_line_of_a_text_and_byte_of_anything_else(compare):
    said = compare("report.html", write_text, "<p>\nnumpy 2.5.0 here", "<p>\nnumpy 2.5.1 here")
    assert said == "line 2, character 11: 'numpy 2.5.0 here' and 'numpy 2.5.1 here'"
    assert compare("set.gmt", write_text, "a\nb", "a") == "line 2, character 1: 'b' and ''"
    said = compare("figure.pdf", write_text, "abcd", "abXde")
    assert said == "byte 3 of 4 and 5; 1 of the first 4 differ"


def test_file_that_cannot_be_read(compare):
    said = compare("genes.parquet", write_text, "no table", "none at all")
    assert said.startswith("byte 3 of 8 and 11;")
    assert "the content could not be compared:" in said
