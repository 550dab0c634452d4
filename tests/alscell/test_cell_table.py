"""A table of cells beside the counts: names that R changed, samples by number, rows and cells that do not fit."""

import gzip
import logging

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.cell_table import assign_cells, cells_of_sample, make_name, read_cell_table
from alscell.counts import Counts, renamed_labels
from alscell.errors import InputError
from alscell.loading import read_sample
from alscell.sample_cells import choose_cells

CELLS = {"sample": "donor", "cell_type": "type", "condition": "group"}
NAMES = ["AAAC-1_1", "AAAG-1_1", "AACC-1_2", "AACG-1_2", "AAGG-1_2"]
TABLE = pd.DataFrame(
    {
        "donor": ["D1", "D1", "D2", "D2", "D2"],
        "type": ["opc", "microglia", "opc", "", "Astrcytes"],
        "group": ["ALS", "ALS", "Control", "Control", "Control"],
    },
    index=NAMES,
)


def write(path, table=TABLE, *, separator=",", corner=True, quote=True):
    text = table.to_csv(sep=separator, lineterminator="\n", quoting=2 if quote else 0)
    text = text if corner else text.partition(separator)[2]
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def cells_of(names, path, *, member="D2", cells=CELLS, row=None):
    row = {"condition": "Control", "sample": "s2"} if row is None else row
    return cells_of_sample(np.array(names, dtype=object), path, cells=cells, member=member, row=row, where="file x")


@pytest.mark.parametrize("corner", [True, False])
@pytest.mark.parametrize(
    ("name", "separator"), [("a.csv", ","), ("a.csv.gz", ","), ("a.tsv.gz", "\t"), ("a.txt", "\t")]
)
def test_rows_of_a_sample_in_the_order_of_the_counts(tmp_path, name, separator, corner):
    path = write(tmp_path / name, separator=separator, corner=corner)
    found = cells_of([NAMES[4], NAMES[0], NAMES[2], NAMES[3]], path)
    assert found.rows.tolist() == [0, 2, 3]
    assert found.barcodes.tolist() == [NAMES[4], NAMES[2], NAMES[3]]
    assert found.cell_types.tolist() == ["Astrcytes", "opc", ""]
    assert found.notes == {"n_cells_unlisted": 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cell,type,donor\nb1,opc,D2\nb2,Exc,L2,D2\n", "4 fields in row 3; expected 3"),
        ("cell,type,donor\nb1,opc,D2\nb2,D2\n", "2 fields in row 3; expected 3"),
        ('cell,type,donor\nb1,opc,D2\nb2,opc,"D2\n', "an unreadable file .unexpected end of data"),
        ("cell,type,donor\nb1,opc,D2,\nb2,opc,D2,\n", "ends in a separator, and a header of 3 that does not"),
    ],
)
def test_values_never_slip_into_another_column(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        cells_of(["b1", "b2"], tmp_path / "a.csv", cells={"sample": "donor", "cell_type": "type"})


def test_names_of_cells_may_be_in_any_column(tmp_path):
    table = TABLE.rename_axis("row").reset_index().assign(barcode=["b1", "b2", "b3", "b4", "b5"])
    table.to_csv(tmp_path / "a.csv", index=False)
    found = cells_of(["b5", "b4", "b3"], tmp_path / "a.csv", cells={**CELLS, "cell": "barcode"})
    assert found.cell_types.tolist() == ["Astrcytes", "", "opc"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AAAC-1_Donor1", "AAAC.1_Donor1"),
        ("1_AAAC", "X1_AAAC"),
        ("_a", "X_a"),
        (".2a", "X.2a"),
        (".a", ".a"),
        ("AAAC.1", "AAAC.1"),
    ],
)
def test_make_name_does_what_r_does(name, expected):
    assert make_name(name) == expected


@pytest.mark.parametrize("changed", ["counts", "table"])
def test_names_that_r_changed_on_either_side_are_the_same(tmp_path, changed):
    """GSE190442: the header of the counts has '.1_' where the metadata have '-1_'."""
    table = TABLE if changed == "counts" else TABLE.rename(index=make_name)
    names = [make_name(name) for name in NAMES] if changed == "counts" else NAMES
    found = cells_of(names, write(tmp_path / "a.csv", table))
    assert found.cell_types.tolist() == ["opc", "", "Astrcytes"]
    assert found.barcodes.tolist() == names[2:]


def test_names_that_r_made_alike_are_refused(tmp_path):
    table = TABLE.rename(index={NAMES[3]: "AACC.1-2", NAMES[2]: "AACC-1.2"})
    with pytest.raises(InputError, match=r"which are 'AACC.1.2' in R; expected names that tell cells apart"):
        cells_of(["AACC.1.2", NAMES[4]], write(tmp_path / "a.csv", table))


def test_cells_without_a_row_are_left_out_and_counted(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        found = cells_of([*NAMES, "TTTT-1_2", "TTTG-1_2"], write(tmp_path / "a.csv"))
    assert found.notes["n_cells_unlisted"] == 2
    assert found.barcodes.tolist() == NAMES[2:]
    assert "2 of 7 cells have no row in a.csv and are left out" in caplog.text


def test_rows_without_a_cell_are_a_warning_up_to_half(tmp_path, caplog):
    path = write(tmp_path / "a.csv")
    with caplog.at_level(logging.WARNING):
        assert len(cells_of([NAMES[0], *NAMES[2:4]], path).rows) == 2
    assert "1 of 3 rows of this sample without a cell in the counts ('AAGG-1_2')" in caplog.text
    with pytest.raises(InputError, match=r"table a.csv: found 2 of 3 rows of this sample without a cell"):
        cells_of(NAMES[:3], path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ["x1", "x2"]}, r"none of 2 cells in the table: in the counts 'x1', 'x2', in the table 'AAAC-1_1'"),
        ({"member": "D3"}, r"no row with donor 'D3'.*Valid: D1, D2"),
        ({"cells": {"sample": "doner"}}, r"no column 'doner'; expected.*Did you mean 'donor'"),
        ({"cells": {**CELLS, "cell": "id"}}, r"a.csv: found no column 'id'"),
        ({"row": {"condition": "ALS"}}, r"found group 'Control' in the data; expected 'ALS'"),
        ({"names": NAMES[:2]}, r"no cell with donor 'D2'"),
    ],
)
def test_table_that_disagrees_with_counts_or_sheet(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        cells_of(**{"names": NAMES, "path": write(tmp_path / "a.csv"), **changes})


def test_a_cell_in_two_rows_is_refused(tmp_path):
    table = pd.concat([TABLE, TABLE.iloc[[2]]])
    with pytest.raises(InputError, match="cell 'AACC-1_2' in 2 rows; expected one row a cell"):
        cells_of(NAMES, write(tmp_path / "a.csv", table))


def many(sample, numbers, group="ALS"):
    return pd.DataFrame({"donor": sample, "type": "opc", "group": group}, index=[f"AC{n}-1" for n in numbers])


def test_barcodes_may_repeat_between_samples_if_the_file_holds_one(tmp_path, caplog):
    """One 10x file a sample, one table for all: a barcode of another sample is another cell."""
    table = pd.concat([many("D1", range(100)), many("D2", range(95, 200), "Control")])
    path = write(tmp_path / "a.csv", table)
    one = cells_of([f"AC{n}-1" for n in range(102)], path, member="D1", row={"condition": "ALS"})
    assert len(one.rows) == 100
    assert one.notes["n_cells_unlisted"] == 2
    with pytest.raises(InputError, match=r"5 cells with a row in several samples"):
        cells_of([f"AC{n}-1" for n in range(200)], path, member="D1", row={"condition": "ALS"})


def test_sample_may_go_by_its_own_name_where_member_is_the_name_of_a_file(tmp_path):
    found = cells_of(
        NAMES, write(tmp_path / "a.csv"), member="GSM1_D2.h5", row={"sample": "D2", "condition": "Control"}
    )
    assert len(found.rows) == 3


def test_columns_may_be_joined(tmp_path):
    table = TABLE.assign(line=["A", "A", "A", "B", "B"])
    path, cells = write(tmp_path / "a.csv", table), {"sample": "donor+line", "cell_type": "type"}
    assert cells_of(NAMES, path, member="D2+B", cells=cells).barcodes.tolist() == NAMES[3:]
    with pytest.raises(InputError, match=r"no row with donor\+line 'D2\+C'"):
        cells_of(NAMES, path, member="D2+C", cells=cells)


# Samples by number


def numbered(table, member, *, n=2, condition="ALS", cells=CELLS, tmp_path=None):
    row = {"condition": condition, "n_numbered": str(n)}
    return cells_of(list(table.index), write(tmp_path / "a.csv", table), member=member, cells=cells, row=row)


FOUR = pd.DataFrame(
    {"donor": ["P9", "P10", "C2", "P9", "C1", ""], "type": "opc", "group": ["ALS", "ALS", "Ctl", "ALS", "Ctl", "ALS"]},
    index=[f"cell{number}" for number in range(6)],
)


@pytest.mark.parametrize(
    ("member", "condition", "expected", "names"),
    [
        ("@1", "ALS", "P10", ["cell1"]),
        ("@2", "ALS", "P9", ["cell0", "cell3"]),
        ("@1", "Ctl", "C1", ["cell4"]),
        ("@2", "Ctl", "C2", ["cell2"]),
    ],
)
def test_numbered_member_is_the_nth_sample_of_its_condition(tmp_path, member, condition, expected, names, caplog):
    with caplog.at_level(logging.INFO):
        found = numbered(FOUR, member, condition=condition, tmp_path=tmp_path)
    assert found.notes["source_sample"] == expected
    assert found.barcodes.tolist() == names
    assert f"{member} of the 2 samples of condition '{condition}' is {expected}" in caplog.text


def test_numbered_member_without_conditions_counts_all_samples(tmp_path):
    found = numbered(FOUR, "@3", n=4, cells={"sample": "donor"}, tmp_path=tmp_path)
    assert found.notes["source_sample"] == "P10"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 3}, r"2 samples of condition 'ALS' in the data \(P10, P9\); expected 3, as many as rows with @"),
        ({"n": 1}, r"2 samples of condition 'ALS'.*expected 1"),
        ({"member": "@3"}, r"member '@3'; expected @1 to @2"),
        ({"member": "@0"}, r"member '@0'; expected @1 to @2"),
        ({"condition": "PLS"}, r"0 samples of condition 'PLS'"),
        (
            {"table": FOUR.assign(group=["ALS", "ALS", "Ctl", "Ctl", "Ctl", "ALS"])},
            r"conditions 'ALS' and 'Ctl' in sample 'P9'",
        ),
    ],
)
def test_numbered_member_that_cannot_be_told(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        numbered(**{"table": FOUR, "member": "@1", "tmp_path": tmp_path, **changes})


# GEO series matrix

SERIES = """\
!Series_title\t"iPSC motor neurons"
!Sample_title\t"plate1_A1"\t"plate1_A2"\t"plate1_A3"
!Sample_geo_accession\t"GSM1"\t"GSM2"\t"GSM3"
!Sample_source_name_ch1\t"motor neurons"\t"motor neurons"\t"motor neurons"
!Sample_characteristics_ch1\t"line: FUS_P525L"\t"line: CTRL"\t"differentiation: D2"
!Sample_characteristics_ch1\t"differentiation: D1"\t"differentiation: D1"\t"line: CTRL"
!Sample_characteristics_ch1\t"sex: F"\t""\t"note: a, ""b"": c"
!series_matrix_table_begin
"ID_REF"\t"GSM1"\t"GSM2"\t"GSM3"
"""


@pytest.mark.parametrize(
    ("cell", "names"), [("title", ["plate1_A3", "plate1_A1"]), ("geo_accession", ["GSM3", "GSM1"])]
)
def test_series_matrix_finds_a_key_in_whatever_line_it_stands(tmp_path, cell, names):
    path = tmp_path / "GSE1_series_matrix.txt.gz"
    path.write_bytes(gzip.compress(SERIES.encode()))
    table = read_cell_table(path, cells={"cell": cell, "sample": "line"})
    assert table.column("line").tolist() == ["FUS_P525L", "CTRL", "CTRL"]
    assert table.column("differentiation").tolist() == ["D1", "D1", "D2"]
    assert table.column("sex").tolist() == ["F", "", ""]
    assert table.column("note").tolist() == ["", "", 'a, "b": c']
    found = cells_of(names, path, member="CTRL+D2", cells={"cell": cell, "sample": "line+differentiation"}, row={})
    assert found.barcodes.tolist() == names[:1]


def test_series_matrix_that_does_not_hold_what_is_asked_for(tmp_path):
    path = tmp_path / "GSE1_series_matrix.txt"
    path.write_text(SERIES)
    with pytest.raises(InputError, match=r"no column 'lines'.*Did you mean 'line'"):
        read_cell_table(path, cells={"cell": "title", "sample": "lines"})
    path.write_text(SERIES.replace('\t"GSM3"', ""))
    with pytest.raises(InputError, match=r"2 values in a line !Sample_geo_accession; expected 3"):
        read_cell_table(path, cells={"cell": "title", "sample": "line"})


# Through the dispatcher

OPTIONS = {
    "member": "D2",
    "row": {"condition": "Control", "sample": "s2"},
    "where": "file x",
    "organism": "human",
    "layout": "dense_csv",
    "orientation": "genes_by_cells",
    "parts": {},
    "cells": {**CELLS, "table": "meta.csv"},
    "cell_types": {},
    "symbol": "",
    "gene_id": "",
    "layer": "",
}


@pytest.mark.parametrize("orientation", ["genes_by_cells", "cells_by_genes"])
def test_dense_counts_take_their_samples_from_the_table(tmp_path, orientation):
    write(tmp_path / "meta.csv")
    counts = pd.DataFrame(np.arange(12).reshape(2, 6), index=["MBP", "GFAP"], columns=[*map(make_name, NAMES), "Z.1"])
    counts = counts if orientation == "genes_by_cells" else counts.T
    counts.to_csv(tmp_path / "counts.csv")
    options = {**OPTIONS, "orientation": orientation, "cell_types": {"opc": "OPC", "Astrcytes": "astrocyte"}}
    found = read_sample(tmp_path / "counts.csv", beside=[str(tmp_path / "meta.csv")], **options)
    assert found.matrix.toarray().tolist() == [[2, 8], [3, 9], [4, 10]]
    assert found.cell_types.tolist() == ["OPC", "unassigned", "astrocyte"]
    assert found.notes["n_cells_unlisted"] == 1


def test_counts_that_were_read_take_cells_and_types_from_the_table(tmp_path):
    names = np.array(NAMES[::-1], dtype=object)
    counts = Counts(sp.csr_matrix(np.eye(5)), names, names, names, notes={"symbols_from": "gene table"})
    row = {"condition": "Control"}
    found = assign_cells(counts, write(tmp_path / "a.csv"), cells=CELLS, member="D2", row=row, where="x")
    assert found.matrix.toarray().tolist() == np.eye(5)[:3].tolist()
    assert found.cell_types.tolist() == ["Astrcytes", "", "opc"]
    assert found.notes == {"symbols_from": "gene table", "n_cells_unlisted": 0}


# Names of cell types


def test_labels_get_their_names_whatever_their_white_space():
    names = {"Excitatory Neuron": "neuron", "OPC": "OPC"}
    found = renamed_labels(np.array(["Excitatory  Neuron", " OPC", "", "nan"]), names, where="x")
    assert found.tolist() == ["neuron", "OPC", "unassigned", "unassigned"]


def test_a_label_without_a_name_is_refused():
    with pytest.raises(InputError, match=r"cell type 'Astrcytes'; expected labels that.*Did you mean 'Astrocytes'"):
        renamed_labels(np.array(["Astrcytes", "Astrocytes"]), {"Astrocytes": "astrocyte"}, where="x")


# Conditions that the data write otherwise


DISEASES = np.array(["PN:normal", "MND", "MND", "", "PN:normal"], dtype=object)
LINES = np.array(["a", "b", "b", "c", "d"], dtype=object)


def chosen(member, condition, conditions, diseases=DISEASES):
    columns = {"line": LINES, "disease": diseases}
    row = {"condition": condition, "n_numbered": "2", "conditions": conditions}
    cells = {"sample": "line", "condition": "disease"}
    names = np.array([f"c{n}" for n in range(5)], dtype=object)
    return choose_cells(names, columns.__getitem__, cells=cells, member=member, row=row, where="file x")


def test_conditions_are_compared_under_the_names_of_the_sheet():
    names = {"PN:normal": "Control", "MND": "ALS"}
    assert chosen("b", "ALS", names).rows.tolist() == [1, 2]
    with pytest.raises(InputError, match="disease 'ALS' in the data; expected 'Control'"):
        chosen("b", "Control", names)
    assert chosen("@2", "Control", names).notes == {"source_sample": "d"}  # a and d; c has no condition


def test_condition_outside_the_map_is_named():
    with pytest.raises(InputError, match="condition 'MND' in the data; expected one of the map"):
        chosen("b", "ALS", {"PN:normal": "Control", "MMD": "ALS"})


def test_conditions_in_digits_are_text_in_the_map_too(tmp_path):
    path = write(tmp_path / "a.csv", TABLE.assign(group=["1", "1", "0", "0", "0"]))
    row = {"condition": "Control", "conditions": {0: "Control", 1: "ALS"}}
    assert cells_of(NAMES, path, row=row).rows.tolist() == [2, 3, 4]
