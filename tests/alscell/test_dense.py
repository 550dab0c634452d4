"""Dense tables: which way they lie, what a block of text becomes, and files that would fill the memory."""

import gzip
import io
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.dense import read_dense
from alscell.errors import InputError
from alscell.raw_layouts import write_dense_csv

COMMON = ["ACTB", "GAPDH", "MALAT1", "UBC", "VIM"]
CELLS = [f"s1_{''.join('ACGT'[(number >> 2 * place) & 3] for place in range(12))}-1" for number in range(8)]
ENDLESS = b"1,2" * (1 << 20)


def read(path, orientation="genes_by_cells", member="s1", organism="human"):
    return read_dense(path, member=member, orientation=orientation, organism=organism, where="file x, sample s1")


def write(path, text):
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def table(rows, columns):
    return pd.DataFrame(np.arange(len(rows) * len(columns)).reshape(len(rows), -1), index=rows, columns=columns)


# Orientation


@pytest.mark.parametrize(
    ("rows", "columns", "declared", "message"),
    [
        (CELLS, COMMON, "genes_by_cells", r"names of genes where cells should be \(ACTB, GAPDH"),
        (CELLS, ["A1", "A2"], "genes_by_cells", r"names of cells where genes should be \(s1_AAAA"),
        (["A1", "A2"], CELLS, "cells_by_genes", r"names of cells where genes should be \(s1_AAAA"),
        ([f"ENSG0000000000{n}" for n in range(4)], ["c1", "c2"], "cells_by_genes", r"names of genes where cells"),
        (COMMON, CELLS, "cells_by_genes", r"names of genes where cells should be \(ACTB"),
    ],
)
def test_names_that_contradict_the_orientation_are_refused_before_the_table_is_read(
    tmp_path, monkeypatch, rows, columns, declared, message
):
    monkeypatch.setattr("alscell.dense.BLOCK_BYTES", 1 << 10)
    text = table(rows, columns).to_csv() + "".join(f"{rows[0]}{number}\n" for number in range(100_000))
    damaged = gzip.compress(text.encode())[:-100]  # read through, it would be a broken file
    (tmp_path / "a.txt.gz").write_bytes(damaged)
    with pytest.raises(InputError, match=message + r".*looks transposed.*`orientation`"):
        read(tmp_path / "a.txt.gz", declared)


@pytest.mark.parametrize("orientation", ["genes_by_cells", "cells_by_genes"])
def test_names_that_say_nothing_are_taken_as_declared(tmp_path, orientation):
    genes, cells = ["A1", "A2"], ["s1_c1", "s1_c2", "s1_c3"]
    frame = table(genes, cells)
    (frame if orientation == "genes_by_cells" else frame.T).to_csv(tmp_path / "a.csv")
    assert read(tmp_path / "a.csv", orientation).matrix.toarray().tolist() == frame.T.to_numpy().tolist()


# Values


@pytest.mark.parametrize("orientation", ["genes_by_cells", "cells_by_genes"])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("block", [1, 100, 4 << 20])
def test_every_count_is_kept_whatever_its_length_and_place(tmp_path, monkeypatch, orientation, whole, block):
    monkeypatch.setattr("alscell.dense.BLOCK_BYTES", block)
    rng = np.random.default_rng(3)
    counts = (10 ** rng.uniform(0, 8.9, (30, 40)) * (rng.random((30, 40)) < 0.3)).astype(np.int64)
    cells = [f"s{1 if whole else number % 3}_A{number}" for number in range(40)]
    frame = pd.DataFrame(counts, index=[f"G{number}" for number in range(30)], columns=cells)
    (frame if orientation == "genes_by_cells" else frame.T).to_csv(tmp_path / "a.csv.gz")
    found = read(tmp_path / "a.csv.gz", orientation)
    mine = [name.startswith("s1_") for name in cells]
    assert np.array_equal(found.matrix.toarray(), counts[:, mine].T)
    assert found.matrix.nnz == np.count_nonzero(counts[:, mine])
    assert found.barcodes.tolist() == [f"A{number}" for number in np.flatnonzero(mine)]


@pytest.mark.parametrize("orientation", ["genes_by_cells", "cells_by_genes"])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n\n",
        lambda text: text.replace(",0", ",0.0"),
        lambda text: text.replace(",0", ",00"),
        lambda text: text.replace(",7", ',"7"'),
        lambda text: "\n".join('"' + line.replace(",", '",', 1) for line in text.splitlines()) + "\n",
        lambda text: text.replace(",", "\t"),
    ],
    ids=["Windows", "no end", "blank lines", "fractions", "zeros", "quoted values", "quoted names", "tabs"],
)
def test_ways_to_write_the_same_table(tmp_path, change, orientation):
    frame = table(COMMON, CELLS)
    text = change((frame if orientation == "genes_by_cells" else frame.T).to_csv(lineterminator="\n"))
    found = read(write(tmp_path / "a.txt.gz", text), orientation)
    assert np.array_equal(found.matrix.toarray(), frame.T.to_numpy())
    assert found.genes.tolist() == COMMON


def test_a_quoted_name_may_hold_the_separator(tmp_path):
    text = ',s1_a,s1_b\n"A,1",1,2\n"B ""x""",0,4\nC,5,0\n'
    found = read(write(tmp_path / "a.csv", text))
    assert found.genes.tolist() == ["A,1", 'B "x"', "C"]
    assert found.matrix.toarray().tolist() == [[1, 0, 5], [2, 4, 0]]


@pytest.mark.parametrize("value", ["1e3", "-2", "1.5", "12345678901", " 3"])
def test_a_number_that_is_no_plain_count_keeps_its_value(tmp_path, value):
    path = write(tmp_path / "a.csv", f",s1_a,s1_b\nA,1,2\nB,{value},4\n")
    assert read(path).matrix.toarray().tolist() == [[1, float(value)], [2, 4]]


@pytest.mark.parametrize("value", ["x", "1;2", "", "1:", "/", "NA", "1 2"])
def test_what_is_no_number_is_named(tmp_path, value):
    path = write(tmp_path / "a.csv", f",s1_a,s1_b\nA,1,2\nB,{value},4\n")
    with pytest.raises(InputError, match=f"'{value}' in row 'B'; expected a number"):
        read(path)


def test_changes_to_genes_are_noted(tmp_path):
    found = read(write(tmp_path / "a.csv", ",s1_a\n4-Mar,1\n1-Mar,1\nB,1\nB,1\nB,1\n"))
    assert found.notes == {"n_genes_dated": 2, "n_genes_merged": 2}
    assert found.genes.tolist() == ["MARCHF4", "1-Mar", "B"]


@pytest.mark.parametrize(
    ("organism", "genes"),
    [
        ("human", ["MARCHF4", "SEPTIN9", "SELENOF", "DELEC1", "2-Mar", "13-Sep", "2-Dec"]),
        ("mouse", ["Marchf4", "Septin9", "Selenof", "Delec1", "2-Mar", "13-Sep", "2-Dec"]),
    ],
)
def test_dates_become_symbols_that_are_genes_of_the_organism(tmp_path, organism, genes):
    dates = ["04-Mar", "9-Sep", "15-Sep", "1-Dec", "2-Mar", "13-Sep", "2-Dec"]
    path = write(tmp_path / "a.csv", ",s1_a\n" + "".join(f"{date},1\n" for date in dates))
    assert read(path, organism=organism).genes.tolist() == genes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene,s1_a,s1_b,s2_c\nA,1,2,3,\n", "first row that ends in a separator, and a header of 4 that does not"),
        ('"","s1_a","s1_b","s2_c"\n"A",1,2,3\n"B",5,6\n', "2 values in row 'B'; expected 3"),
        ('"","s1_a","s1_b","s2_c"\n"A",1,2,3\n"B",9,4,5,6\n', "4 values in row 'B'; expected 3"),
    ],
)
def test_values_never_slip_into_the_column_of_another_cell(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "a.csv", text))


def test_quoted_separator_is_no_column(tmp_path):
    path = write(tmp_path / "a.csv", '"","s1_a","s1_b"\n"A,x",1,2\n"B",3,4\n')
    assert read(path).genes.tolist() == ["A,x", "B"]
    assert read(path).matrix.toarray().tolist() == [[1, 3], [2, 4]]


def test_table_is_never_in_memory_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("alscell.dense.BLOCK_BYTES", 1 << 16)
    counts = sp.random(3000, 3000, density=0.01, format="csr", random_state=1)
    counts.data = np.ceil(counts.data * 9).astype(np.int64)
    counts = counts.astype(np.int64)
    stream = io.BytesIO()
    write_dense_csv(stream, counts, [f"s1_A{number}" for number in range(3000)], [f"G{n}" for n in range(3000)])
    (tmp_path / "a.csv.gz").write_bytes(stream.getvalue())
    del stream
    tracemalloc.start()
    found = read(tmp_path / "a.csv.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.matrix != counts).nnz == 0
    assert peak < 3000 * 3000 * 2  # a byte a value is the text alone, a number takes four or eight


# Files that would fill the memory


@pytest.mark.parametrize(
    "text",
    [
        ENDLESS,
        b",s1_a\n" + ENDLESS,
        b",s1_a\nA,1\n" + ENDLESS,
        b",s1_a\nA,1\n" + ENDLESS + b"\nB,1\n",
        b"\0" * (3 << 20),
    ],
    ids=["header", "first row", "row", "row with an end", "zeros"],
)
@pytest.mark.parametrize("orientation", ["genes_by_cells", "cells_by_genes"])
def test_line_without_end_is_refused(tmp_path, monkeypatch, text, orientation):
    monkeypatch.setattr("alscell.dense.BLOCK_BYTES", 1 << 12)
    for module in ("dense", "text_table"):
        monkeypatch.setattr(f"alscell.{module}.LONGEST_LINE", 1 << 20)
    path = write(tmp_path / "a.csv.gz", text)
    tracemalloc.start()
    with pytest.raises(InputError, match="a line of more than 1 MB; expected a table, one line a row"):
        read(path, orientation)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 << 20


@pytest.mark.parametrize("orientation", ["genes_by_cells", "cells_by_genes"])
def test_rows_without_end_are_refused(tmp_path, monkeypatch, orientation):
    monkeypatch.setattr("alscell.dense.MOST_ROWS", 100)
    path = write(tmp_path / "a.csv.gz", ",s1_a,s1_b\n" + "s1_x,1,2\n" * 101)
    with pytest.raises(InputError, match="a table of 101 rows; expected no more than 100"):
        read(path, orientation)
