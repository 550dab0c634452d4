"""What the report's script is given: columns that unpack to the values of the tables, and no more than a page holds."""

import base64
import dataclasses

import numpy as np
import pandas as pd
import pytest

from alscell import report_data, report_parts
from alscell.errors import InputError
from alscell.figures import cell_type_colors
from alscell.report_tables import Results

SETS = ["inflammation/interferon_alpha", "stress/hypoxia"]


@pytest.fixture
def results(example) -> Results:
    """Cells and tests of two datasets."""
    names = ("differential", "pathway_tests", "gene_panel")
    tables = {name: pd.concat([getattr(example, name)(one) for one in example.TYPES]) for name in names}
    cells = {one: example.embedding(one) for one in example.TYPES}
    for place, name in enumerate(("embedding", "cell_types")):
        tables[name] = pd.concat([cells[one][place].assign(dataset=one) for one in example.TYPES])
    rng = np.random.default_rng(3)
    scores = {name: rng.random(len(tables["embedding"]), dtype="float32") for name in SETS}
    tables["pathway_scores"] = tables["embedding"][["dataset", "cell"]].assign(**scores)
    tables["synthesis_biomarkers"] = example.synthesis_biomarkers()
    info = {"enters_at": "load", "replicate": "donor", "simulated": True}
    return Results(
        settings={"differential": {"fdr": 0.05}, "contrasts": example.CONTRASTS},
        infos=dict.fromkeys(example.TYPES, info),
        samples={one: example.samples(one) for one in example.TYPES},
        tables=tables,
        figures={},
        versions={},
    )


def unpack(column):
    """The values of a column, as the page's script reads them."""
    values = np.frombuffer(base64.b64decode(column["bdata"]), dtype=f"<{column['dtype']}")
    return [column["levels"][code] for code in values] if "levels" in column else values


@pytest.mark.parametrize(("n_levels", "dtype"), [(2, "u1"), (255, "u1"), (256, "u2"), (70_000, "u4")])
def test_names_unpack_to_themselves(n_levels, dtype):
    names = [f"name{i}" for i in range(n_levels)]
    packed = report_data.pack_names(names)
    assert packed["dtype"] == dtype
    assert unpack(packed) == names


def test_cells_unpack_to_coordinates_and_labels(results, example):
    cells, types = example.embedding("tissue")
    columns = report_data.cell_columns(results, "tissue")
    left, right, _, _ = columns["range"]
    x = left + unpack(columns["x"]) / 65_535 * (right - left)
    np.testing.assert_allclose(x, cells["umap_1"], atol=(right - left) / 65_535)
    assert unpack(columns["by"]["cell type"]) == list(types["cell_type"])
    assert unpack(columns["by"]["donor"]) == list(cells["donor"])
    assert set(unpack(columns["by"]["condition"])) == {"ALS", "Control"}
    score = columns["scores"]["stress/hypoxia"]
    own = results.rows("pathway_scores", dataset="tissue")["stress/hypoxia"]
    np.testing.assert_allclose(unpack(score) / 255 * score["high"], own, atol=1 / 254)


def test_cell_types_have_the_colors_of_the_figures(results):
    column = report_data.cell_columns(results, "tissue")["by"]["cell type"]
    assert dict(zip(column["levels"], column["colors"], strict=True)) == cell_type_colors(column["levels"])


def test_many_cells_are_thinned_evenly_and_that_is_said(results, monkeypatch):
    assert report_data.cells_note(results, "tissue").endswith("scores of 2 of 10 gene sets, those of the lowest p.")
    monkeypatch.setattr(report_data, "MAX_CELLS", 200)
    n_tissue = len(results.rows("embedding", dataset="tissue"))
    columns = report_data.cell_columns(results, "tissue")
    n_shown = len(unpack(columns["x"]))
    assert n_shown == n_tissue * 200 // len(results.tables["embedding"])
    assert columns["n_cells"] == n_tissue
    per_donor = pd.Series(unpack(columns["by"]["donor"])).value_counts()
    assert len(per_donor) == 9
    assert per_donor.max() - per_donor.min() <= 8  # rows of the example come by type, then sample
    assert f"shows {n_shown:,} of {n_tissue:,} cells, evenly" in report_data.cells_note(results, "tissue")


def test_scores_of_the_lowest_p_are_held_where_not_all_fit(results, monkeypatch):
    monkeypatch.setattr(report_data, "SCORE_BYTES", len(results.tables["embedding"]))
    assert report_data.drawn_scores(results, "tissue") == ["inflammation/interferon_alpha"]


def test_genes_held_have_every_test_and_their_interval(results, monkeypatch):
    hits = {"GENE0", "GENE1", "GENE2", "GENE3"}
    panel = set(results.tables["gene_panel"]["gene"])
    held = report_data.held_genes(results)
    assert set(held["gene"]) == (hits | panel | set(results.tables["synthesis_biomarkers"]["gene"])) & set(
        results.tables["differential"]["gene"]
    )
    own = held[(held["gene"] == "GENE0") & (held["dataset"] == "tissue")]
    assert list(own["cell_type"]) == ["astrocyte", "microglia", "motor_neuron", "mural", "oligodendrocyte"]
    row = own[own["cell_type"] == "microglia"].iloc[0]
    assert row["ci_low"] == pytest.approx(2.5 - 2.178813 * 0.4)  # t with 12 degrees of freedom
    assert own[own["cell_type"] == "mural"]["ci_low"].isna().all()
    monkeypatch.setattr(report_data, "HELD_GENES", len(panel))
    assert set(report_data.held_genes(results)["gene"]) <= panel


def test_volcano_holds_the_lowest_p_and_every_hit(results, monkeypatch):
    monkeypatch.setattr(report_data, "VOLCANO_GENES", 2)
    table = report_data.volcano_columns(results)
    frame = pd.DataFrame({name: unpack(table[name]) for name in table}).query("dataset == 'tissue'")
    counts = frame["cell_type"].value_counts()
    assert counts.to_dict() == {"microglia": 4, "astrocyte": 2, "oligodendrocyte": 2, "motor_neuron": 2}
    own = results.rows("differential", dataset="tissue", cell_type="astrocyte")
    assert sorted(frame[frame["cell_type"] == "astrocyte"]["p_value"]) == sorted(own["p_value"])[:2]


def test_dataset_without_cells_has_no_umap(results):
    infos = results.infos | {"dish": results.infos["dish"] | {"enters_at": "pseudobulk"}}
    data = report_data.page_data(dataclasses.replace(results, infos=infos))
    assert list(data["cells"]) == ["tissue"]
    assert data["words"]["motor_neuron"] == "motor neuron"


def test_parts_are_whole_and_end_no_element():
    parts = report_parts.read_parts()
    assert set(parts) == {"plotly", "datatables", "datatables_style"}
    assert "scattergl" in parts["plotly"]
    assert "export{" in parts["datatables"][-1_000_000:]
    assert all("</script" not in text and "</style" not in text for text in parts.values())
    assert report_parts._inert("a</script>b") == "a<\\/script>b"


def test_a_missing_part_is_one_clear_error(monkeypatch):
    monkeypatch.setattr(report_parts, "PARTS", {"plotly": ("no_such_package", "x.js")})
    with pytest.raises(InputError, match=r"package no_such_package: found no file x\.js.*make setup"):
        report_parts.read_parts()
