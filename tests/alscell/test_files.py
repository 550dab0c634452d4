"""Files appear whole or not at all, with the same bytes each time, and other readers can open them."""

import gzip

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from alscell import files
from alscell.tables import TABLES, check_table, empty_table

ROWS = pd.DataFrame({"dataset": "d", "cell_type": ["b", "a"], "fold": [0.5, 2.0]})


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out" / "table.tsv"
    files.write_text("old", path)

    def fail() -> None:
        with files.atomic(path) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == ["table.tsv"]


def test_what_a_killed_job_left_behind_goes_with_the_next_write(tmp_path):
    (tmp_path / ".table.tsv.99.part").write_text("half")
    (tmp_path / ".other.tsv.99.part").write_text("of another job")
    files.write_text("new", tmp_path / "table.tsv")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".other.tsv.99.part", "table.tsv"]


@pytest.mark.parametrize("ending", ["tsv", "tsv.gz", "parquet"])
def test_a_table_comes_back_sorted_and_has_the_same_bytes_each_time(tmp_path, ending):
    paths = [tmp_path / f"{name}.{ending}" for name in ("one", "two")]
    for path, rows in zip(paths, (ROWS, ROWS.iloc[::-1]), strict=True):
        files.write_table(rows, path, "truth_composition")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    back = files.read_table(paths[0], "truth_composition")
    assert back["cell_type"].tolist() == ["a", "b"]
    assert back["fold"].tolist() == [2.0, 0.5]
    if ending == "tsv.gz":
        assert paths[0].read_bytes()[4:8] == bytes(4)  # no time in the header
        assert gzip.decompress(paths[0].read_bytes()).startswith(b"dataset\tcell_type\tfold\n")


def test_text_that_looks_like_a_number_stays_text(tmp_path):
    rows = pd.DataFrame({"cell": ["007", "1e3"], "cluster": ["0", "NA"]})
    files.write_table(rows, tmp_path / "clusters.tsv", "clusters")
    back = files.read_table(tmp_path / "clusters.tsv", "clusters")
    assert back["cell"].tolist() == ["007", "1e3"]
    assert back["cluster"].tolist() == ["0", "NA"]


@pytest.mark.parametrize("ending", ["tsv", "parquet"])
@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_without_rows_keeps_its_types(tmp_path, name, ending):
    files.write_table(empty_table(name), tmp_path / f"t.{ending}", name)
    back = files.read_table(tmp_path / f"t.{ending}", name)
    assert back.dtypes.equals(empty_table(name).dtypes)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS.drop(columns="fold"), "missing columns"),
        (ROWS.assign(more=1), "unknown columns"),
        (ROWS.assign(fold=np.nan), "empty values"),
        (ROWS.assign(fold=np.inf), "infinite"),
        (ROWS.assign(cell_type="a"), "occurs twice"),
    ],
)
def test_a_table_that_breaks_its_contract_is_not_written(tmp_path, rows, words):
    with pytest.raises(ValueError, match=words):
        files.write_table(rows, tmp_path / "t.tsv", "truth_composition")
    assert not list(tmp_path.iterdir())
    assert len(check_table(ROWS, "truth_composition")) == 2


def test_counts_written_in_turn_have_room_for_more_than_two_billion(tmp_path):
    """anndata refuses to append beyond 2^31 counts where the first block made an int32 `indptr`."""
    counts = sparse.random(30, 20, density=0.3, format="csr", random_state=1)
    counts.data = np.ceil(counts.data * 9)
    counts = counts.astype(np.int32)
    assert counts.indptr.dtype == np.int32
    names = pd.Index([f"n{i}" for i in range(30)])
    frame = anndata.AnnData(obs=pd.DataFrame(index=names), var=pd.DataFrame(index=names[:20]))
    files.write_in_turn(frame, (counts[start : start + 10] for start in (0, 10, 20)), tmp_path / "atlas.h5ad")
    with h5py.File(tmp_path / "atlas.h5ad") as file:
        assert {name: file["X"][name].dtype for name in ("data", "indices", "indptr")} == {
            "data": np.int32,
            "indices": np.int32,
            "indptr": np.int64,
        }
    back = anndata.read_h5ad(tmp_path / "atlas.h5ad")
    assert (counts != back.X).nnz == 0
    assert (counts[5:25] != anndata.read_h5ad(tmp_path / "atlas.h5ad", backed="r")[5:25].to_memory().X).nnz == 0


def test_counts_open_in_memory_and_backed_with_the_same_bytes_each_time(tmp_path):
    counts = sparse.random(30, 20, density=0.3, format="csr", random_state=1)
    counts.data = np.ceil(counts.data * 9)
    data = anndata.AnnData(counts.astype(np.int32))
    paths = [tmp_path / name for name in ("one.h5ad", "two.h5ad")]
    for path in paths:
        files.write_counts(data, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    whole = anndata.read_h5ad(paths[0])
    assert (whole.X != data.X).nnz == 0
    backed = anndata.read_h5ad(paths[0], backed="r")
    assert (data.X[5:9] != backed[5:9].to_memory().X).nnz == 0


def test_tables_that_do_not_name_their_dataset_get_it_from_their_folder(tmp_path):
    rows = pd.DataFrame({"cell": ["a"], "cluster": ["0"], "cell_type": ["opc"]})
    rows = check_table(rows.assign(score=0.5, margin=0.1, source="markers"), "cell_types")
    paths = [tmp_path / name / "cell_types.parquet" for name in ("cord", "dish")]
    for path in paths:
        files.write_table(rows, path, "cell_types")
    both = files.read_folder_tables([str(path) for path in paths], "cell_types")
    assert list(both["dataset"]) == ["cord", "dish"]
    none = files.read_folder_tables([], "cell_types")
    assert len(none) == 0
    assert set(none.columns) == set(both.columns)
