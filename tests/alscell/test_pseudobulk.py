"""Sums by donor and cell type: hand arithmetic, sums kept, and what a given table must look like."""

import os
import re
import shutil
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import sum_pseudobulk
from alscell import files
from alscell.errors import InputError, InputErrors
from alscell.given_pseudobulk import given_sums
from alscell.pseudobulk import SampleSums, add_samples, donor_columns, observations_of, sum_cells, sum_sample

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data"))
GENE_TABLES = ROOT / "resources" / "genes"
ALS = DATA / "als_gse174332_pseudobulk" / "als_gse174332_pseudobulk_broad.h5ad"

SHEET = pd.DataFrame(
    {
        "sample": ["s1", "s2", "s3"],
        "donor": ["A", "A", "B"],
        "condition": ["ALS", "ALS", "Control"],
        "age": ["61", "61", "70"],
        "region": ["cervical", "lumbar", "cervical"],
        "file": ["x", "y", "z"],
    }
)


def sums(
    sample: str, cell_types: list[str], n_cells: list[int], counts: list[list[int]], genes: list[str]
) -> SampleSums:
    table = pd.DataFrame({"gene_id": [f"id_{gene}" for gene in genes]}, index=genes)
    return SampleSums(sample, cell_types, np.array(n_cells), sparse.csr_matrix(np.array(counts, dtype=np.int64)), table)


def test_cells_are_summed_by_label() -> None:
    counts = sparse.csr_matrix(np.array([[1, 0, 2], [0, 3, 0], [4, 0, 0], [0, 0, 5]], dtype=np.int32))
    names, n_cells, total = sum_cells(counts, np.array(["b", "a", "b", "a"]))
    assert names == ["a", "b"]
    assert n_cells.tolist() == [2, 2]
    assert total.toarray().tolist() == [[0, 3, 5], [5, 0, 2]]


def test_many_groups_and_large_counts_do_not_overflow() -> None:
    rng = np.random.default_rng(0)
    labels = np.array([f"g{i:03d}" for i in rng.integers(0, 300, 3000)])  # more groups than int8 can number
    counts = sparse.csr_matrix(rng.integers(0, 4, (3000, 5)).astype(np.int32))
    names, _, total = sum_cells(counts, labels)
    expected = pd.DataFrame(counts.toarray()).groupby(labels).sum()
    assert names == expected.index.tolist()
    assert (total.toarray() == expected.to_numpy()).all()
    big = sparse.csr_matrix(np.full((3, 1), 2_000_000_000, dtype=np.int32))
    assert sum_cells(big, np.array(["a", "a", "a"]))[2].toarray().tolist() == [[6_000_000_000]]


def test_only_kept_cells_count_in_any_order() -> None:
    data = anndata.AnnData(
        sparse.csr_matrix(np.array([[1, 1], [10, 0], [100, 7]], dtype=np.int32)),
        obs=pd.DataFrame(index=["c1", "c2", "c3"]),
        var=pd.DataFrame({"gene_id": ["i1", None]}, index=["g1", "g2"]),
    )
    types = pd.Series({"c3": "microglia", "c1": "microglia", "c2": "astrocyte"})
    part = sum_sample(data, types, pd.Index(["c3", "c1"]), sample="s1")
    assert part.cell_types == ["microglia"]
    assert part.n_cells.tolist() == [2]
    assert part.counts.toarray().tolist() == [[101, 8]]
    assert part.genes["gene_id"].tolist() == ["i1", ""]
    with pytest.raises(ValueError, match="without counts or without a cell type"):
        sum_sample(data, types.drop("c1"), pd.Index(["c3", "c1"]), sample="s1")


def test_samples_of_a_donor_are_added_and_donor_columns_joined() -> None:
    parts = [
        sums("s1", ["microglia", "opc"], [3, 1], [[1, 2], [3, 4]], ["g1", "g2"]),
        sums("s2", ["microglia"], [2], [[10, 20]], ["g1", "g2"]),
        sums("s3", ["microglia"], [7], [[5, 6]], ["g1", "g2"]),
    ]
    data = add_samples(parts, SHEET, dataset="d", simulated=True)
    assert data.obs_names.tolist() == ["A|microglia", "A|opc", "B|microglia"]
    assert data.X.toarray().tolist() == [[11, 22], [3, 4], [5, 6]]
    assert data.X.dtype == np.int32
    assert data.obs["n_cells"].tolist() == [5, 1, 7]
    assert data.obs["n_samples"].tolist() == [2, 1, 1]
    assert data.obs["age"].tolist() == ["61", "61", "70"]
    assert "region" not in data.obs  # differs between the samples of donor A
    assert "file" not in data.obs
    assert data.uns["dataset"] == "d"
    assert data.uns["simulated"] is True
    reverse = add_samples(parts[::-1], SHEET, dataset="d", simulated=True)
    assert (reverse.X != data.X).nnz == 0


def test_sums_beyond_int32_are_kept() -> None:
    data = add_samples(
        [sums("s3", ["opc"], [5], [[5_000_000_000, 1]], ["g1", "g2"])], SHEET, dataset="d", simulated=False
    )
    assert data.X[0, 0] == 5_000_000_000


def test_genes_are_those_of_all_samples_by_name() -> None:
    parts = [
        sums("s1", ["opc"], [1], [[1, 2, 3]], ["g1", "g2", "g3"]),
        sums("s3", ["opc"], [1], [[30, 10, 99]], ["g3", "g1", "other"]),
    ]
    data = add_samples(parts, SHEET, dataset="d", simulated=False)
    assert data.var_names.tolist() == ["g1", "g3"]
    assert data.X.toarray().tolist() == [[1, 3], [10, 30]]
    foreign = [parts[0], sums("s3", ["opc"], [1], [[1, 2]], ["Actb", "g1"])]
    with pytest.raises(InputError, match=r"sample 's3'.*one annotation"):
        add_samples(foreign, SHEET, dataset="d", simulated=False)


def test_donor_columns_keep_text() -> None:
    table = donor_columns(SHEET.assign(age=["061", "061", "070"]))
    assert table.columns.tolist() == ["condition", "age"]
    assert table.loc["A", "age"] == "061"


def given(**changes: object) -> anndata.AnnData:
    obs = pd.DataFrame(
        {
            "id": ["s1", "s1", "s2", "s3"],
            "type": ["opc", "microglia", "opc", "opc"],
            "cells": [4, 9, 12, 30],
            "dx": ["ALS", "ALS", "ALS", "Control"],
        },
        index=["r1", "r2", "r3", "r4"],
    ).assign(**changes)
    counts = np.array([[1, 2, 0], [3, 0, 1], [5, 5, 5], [0, 0, 9]], dtype=np.float32)
    return anndata.AnnData(sparse.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=["TP53", "SOD1", "FUS"]))


def read(data: anndata.AnnData, sheet: pd.DataFrame = SHEET, **changes: object) -> list[SampleSums]:
    columns = {"sample": "id", "cell_type": "type", "n_cells": "cells", "condition": "dx"}
    columns |= {"donor": "person"} if "person" in data.obs else {}
    choice = {"columns": columns, "symbol": "", "gene_id": "", "layer": "", "organism": "human"}
    choice |= {"gene_table": files.read_gene_table(GENE_TABLES / "human.tsv"), **changes}
    return given_sums(data, sheet, where="table.h5ad", **choice)


def test_given_table_gives_the_same_file_as_sums_from_cells() -> None:
    data = add_samples(read(given()), SHEET, dataset="d", simulated=False)
    assert data.obs_names.tolist() == ["A|microglia", "A|opc", "B|opc"]
    assert data.X.toarray().tolist() == [[3, 0, 1], [6, 7, 5], [0, 0, 9]]
    assert data.obs["n_cells"].tolist() == [9, 16, 30]
    assert data.obs["n_samples"].tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ["s1", "s1", "s2", "s9"]}, "sample 's9'.*sample 's3'"),
        ({"dx": ["ALS", "ALS", "ALS", "ALS"]}, "condition 'ALS' of 's3'; expected 'Control'"),
        ({"person": ["A", "A", "B", "B"]}, "donor 'B' of 's2'; expected 'A'"),
        ({"type": ["opc", "opc", "opc", "opc"]}, "two rows of s1, opc"),
        ({"cells": [4, 0, 12, 2.5]}, "0 cells in s1, microglia.*2.5 cells in s3, opc"),
    ],
)
def test_given_table_that_disagrees_with_the_sheet_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputErrors) as error:
        read(given(**changes))
    assert re.search(message, str(error.value), flags=re.DOTALL), str(error.value)


def test_given_table_must_be_counts_with_named_columns() -> None:
    data = given()
    data.X = sparse.csr_matrix(data.X * 0.5)
    with pytest.raises(InputError, match="raw counts"):
        read(data)
    with pytest.raises(InputError, match=r"no obs column 'ids'.*Did you mean 'id'"):
        read(given(), columns={"sample": "ids", "cell_type": "type", "n_cells": "cells"})
    with pytest.raises(InputError, match=r"no `cells.n_cells` in dataset.yaml"):
        read(given(), columns={"sample": "id", "cell_type": "type"})
    with pytest.raises(InputError, match="no layer 'raw'"):
        read(given(), layer="raw")
    with pytest.raises(InputError, match="no var column 'symbol'"):
        read(given(), symbol="symbol")
    genes = ["ACTB", "GAPDH", "MALAT1", "B2M", "UBC", "VIM"]
    swapped = anndata.AnnData(np.ones((6, 2), dtype=np.int32), obs=pd.DataFrame(index=genes))
    with pytest.raises(InputError, match="transposed"):
        read(swapped)


def test_given_table_is_read_as_cells_are() -> None:
    """Ids stored as numbers are the sheet's text, and a blank type is `unassigned`, as in a labelled h5ad."""
    sheet = SHEET.assign(member=["0", "1", "2"], donor=["7", "7", "8"])
    types = pd.Categorical(["opc", None, "T  cell", "nan"])
    parts = read(given(id=[0.0, 0.0, 1.0, 2.0], person=[7.0, 7.0, 7.0, 8.0], type=types), sheet)
    assert [(part.sample, part.cell_types) for part in parts] == [
        ("s1", ["opc", "unassigned"]),
        ("s2", ["T cell"]),
        ("s3", ["unassigned"]),
    ]
    with pytest.raises(InputError, match=r"no obs column 'persons'.*cells\.donor.*Did you mean 'person'"):
        read(given(person="A"), columns={"sample": "id", "cell_type": "type", "n_cells": "cells", "donor": "persons"})


def test_member_names_the_sample_in_the_table() -> None:
    sheet = SHEET.assign(member=["", "two", ""])
    parts = read(given(id=["s1", "s1", "two", "s3"]), sheet)
    assert [part.sample for part in parts] == ["s1", "s3", "s2"]


def write_sample(folder: Path, sample: str, counts: list[list[int]], keep: list[bool]) -> dict[str, str]:
    cells = [f"{sample}_{i}" for i in range(len(counts))]
    data = anndata.AnnData(
        sparse.csr_matrix(np.array(counts, dtype=np.int32)),
        obs=pd.DataFrame(index=cells),
        var=pd.DataFrame({"gene_id": ["i1", "i2"]}, index=["g1", "g2"]),
        uns={"sample": sample},
    )
    folder = folder / sample
    files.write_h5ad(data, folder / "counts.h5ad")
    flags = dict.fromkeys(("low_counts", "high_counts", "low_genes", "high_mitochondrial", "doublet"), False)
    numbers = {"n_counts": 1, "n_genes": 1, "fraction_mitochondrial": 0.0, "fraction_ribosomal": 0.0}
    quality = pd.DataFrame({"cell": cells, "keep": keep}).assign(**flags, **numbers, doublet_score=np.nan)
    files.write_table(quality, folder / "quality.parquet", "quality")
    return {"counts": str(folder / "counts.h5ad"), "quality": str(folder / "quality.parquet")}


def sum_script(tmp_path: Path, sheet: pd.DataFrame, **changes: list[str]) -> anndata.AnnData:
    """The script on three samples, with the sheet as it is when the job runs; `changes` to its lists of paths."""
    written = [
        write_sample(tmp_path, "s1", [[1, 2], [50, 50], [3, 4]], [True, False, True]),
        write_sample(tmp_path, "s2", [[99, 99]], [True]),
        write_sample(tmp_path, "s3", [[5, 6], [7, 8]], [True, True]),
    ]
    limits = files.TABLES["quality_limits"]
    table = pd.DataFrame(
        {column.name: "x" if column.kind == "string" else 1 for column in limits.columns}, index=range(3)
    )
    table = table.assign(sample=["s1", "s2", "s3"], status=["ok", "too_few_cells", "ok"])
    files.write_table(table, tmp_path / "limits.tsv", "quality_limits")
    names = ["s1_0", "s1_2", "s3_0", "s3_1"]
    types = pd.DataFrame({"cell": names, "cluster": "0", "cell_type": ["opc", "opc", "opc", "unassigned"]})
    types = types.assign(score=np.nan, margin=np.nan, source="markers")
    files.write_table(types, tmp_path / "cell_types.parquet", "cell_types")
    sheet.to_csv(tmp_path / "samples.tsv", sep="\t", index=False)
    paths = {name: str(tmp_path / file) for name, file in {"limits": "limits.tsv", "samples": "samples.tsv"}.items()}
    lists = {name: [entry[name] for entry in written] for name in ("counts", "quality")} | changes
    sum_pseudobulk.main(
        **lists,
        cell_types=str(tmp_path / "cell_types.parquet"),
        sums=str(tmp_path / "sums.h5ad"),
        dataset="d",
        simulated=False,
        **paths,
    )
    return files.read_h5ad(tmp_path / "sums.h5ad")


def test_script_sums_kept_cells_of_samples_that_are_in_order(tmp_path: Path) -> None:
    data = sum_script(tmp_path, SHEET)
    assert data.obs_names.tolist() == ["A|opc", "B|opc", "B|unassigned"]
    assert data.X.toarray().tolist() == [[4, 6], [5, 6], [7, 8]]
    assert observations_of(data)["n_samples"].tolist() == [1, 1, 1]


def test_script_knows_samples_by_name_though_the_sheet_was_sorted_meanwhile(tmp_path: Path) -> None:
    sum_script(tmp_path, SHEET)
    expected = (tmp_path / "sums.h5ad").read_bytes()
    paths = [str(tmp_path / sample / "quality.parquet") for sample in ("s2", "s3", "s1")]
    data = sum_script(tmp_path, SHEET[::-1], quality=paths)
    assert data.X.toarray().tolist() == [[4, 6], [5, 6], [7, 8]]
    assert (tmp_path / "sums.h5ad").read_bytes() == expected


def test_script_refuses_samples_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"samples\.tsv.*no row for sample 's2'.*Put the row back"):
        sum_script(tmp_path, SHEET[SHEET["sample"] != "s2"])
    with pytest.raises(ValueError, match=r"counts or quality only: \['s2', 's3'\]"):
        sum_script(tmp_path, SHEET, quality=[str(tmp_path / "s1" / "quality.parquet")])
    (tmp_path / "moved" / "s3").mkdir(parents=True)
    shutil.copy(tmp_path / "s1" / "counts.h5ad", tmp_path / "moved" / "s3" / "counts.h5ad")
    counts = [str(tmp_path / folder / "counts.h5ad") for folder in ("s1", "s2", "moved/s3")]
    with pytest.raises(ValueError, match="holds sample 's1', not 's3'"):
        sum_script(tmp_path, SHEET, counts=counts)


def test_real_als_table_keeps_every_count(tmp_path: Path) -> None:
    if not ALS.exists():
        pytest.skip(f"{ALS} is not there; set ALSCELL_TEST_DATA")
    source = anndata.read_h5ad(ALS)
    sheet = source.obs.drop_duplicates("sample")[["sample", "condition"]].astype(str)
    sheet = sheet.assign(donor="d" + sheet["sample"].str[-3:])
    columns = {"sample": "sample", "cell_type": "cell_class", "n_cells": "n_cells", "condition": "condition"}
    parts = read(source, sheet, columns=columns)
    data = add_samples(parts, sheet, dataset="d", simulated=False)
    data.write_h5ad(tmp_path / "sums.h5ad")
    again = anndata.read_h5ad(tmp_path / "sums.h5ad")
    assert again.shape == source.shape
    assert again.X.sum() == source.X.sum()
    rows = observations_of(again)
    assert rows["n_cells"].sum() == source.obs["n_cells"].sum()
    assert isinstance(rows["donor"].iloc[0], str)
    assert rows["n_cells"].dtype == int
    one = again["d143|Glia"].X.toarray().ravel()
    assert (one == source["GSM5292143|Glia"].X.toarray().ravel()).all()


def test_numbered_members_of_a_given_table_count_within_a_condition() -> None:
    sheet = SHEET.assign(member=["@2", "@1", "@1"])
    parts = read(given(id=["p9", "p9", "p10", "c1"]), sheet)
    assert {part.sample: part.n_cells.tolist() for part in parts} == {"s1": [4, 9], "s2": [12], "s3": [30]}
    with pytest.raises(
        InputError, match=r"1 samples of condition 'ALS' in the data \(p9\); expected 2, as many as rows"
    ):
        read(given(id=["p9", "p9", "p9", "c1"], type=["a", "b", "c", "d"]), sheet)


def test_given_types_get_the_names_of_dataset_yaml() -> None:
    names = {"opc": "OPC", "microglia": "MG"}
    assert [part.cell_types for part in read(given(), cell_types=names)] == [["OPC", "MG"], ["OPC"], ["OPC"]]
    with pytest.raises(InputError, match=r"cell type 'microglia'; expected labels that `cell_types` names"):
        read(given(), cell_types={"opc": "OPC"})
