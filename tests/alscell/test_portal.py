"""The atlas under the CELLxGENE schema: which terms it gets, from where, and what the list says is missing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from alscell import files
from alscell.errors import InputErrors
from alscell.keys import CELL_TYPES
from alscell.portal import (
    FIELDS,
    check_fields,
    counts_in_turn,
    facts_of_atlas,
    feature_table,
    frame_of_submission,
    portal_columns,
)

ROOT = Path(__file__).resolve().parents[2]
TERMS = files.read_gene_table(ROOT / "resources/ontology/terms.tsv")
TISSUE = {"title": "Cord", "organism": "human", "tissue": "Lumbar spinal cord", "system": "tissue", "assay": "nuclei"}
TISSUE |= {"simulated": False, "cellxgene": {}}
CELLS = pd.DataFrame(
    {
        "donor": ["d1", "d1", "d2"],
        "condition": ["ALS", "ALS", "FUS_KO"],
        "cell_type": ["opc", "unassigned", "L5 ET"],
        "sex": ["F", "F", ""],
        "age": [61.7, 61.7, np.nan],
    },
    index=["a", "b", "c"],
)


def described(cells=CELLS, **facts):
    named, rows = portal_columns(cells, facts=TISSUE | facts, terms=TERMS)
    table = pd.DataFrame(rows).set_index(["field", "state"])
    return named, table


def test_terms_follow_from_sheet_and_labels_and_none_is_guessed():
    named, table = described()
    assert named["cell_type_ontology_term_id"].tolist() == ["CL:0002453", "unknown", "unknown"]
    assert named["sex_ontology_term_id"].tolist() == ["PATO:0000383", "PATO:0000383", "unknown"]
    assert named["development_stage_ontology_term_id"].tolist() == ["HsapDv:0000155", "HsapDv:0000155", "unknown"]
    assert named["tissue_ontology_term_id"].unique().tolist() == ["UBERON:0002792"]
    assert named["suspension_type"].unique().tolist() == ["nucleus"]
    assert named["donor_id"].tolist() == ["d1", "d1", "d2"]
    assert named["disease_ontology_term_id"].tolist()[:2] == ["MONDO:0004976"] * 2
    assert named["disease_ontology_term_id"].isna().tolist() == [False, False, True]
    assert "assay_ontology_term_id" not in named
    assert named["is_primary_data"].tolist() == [False] * 3
    assert table.loc[("disease_ontology_term_id", "missing"), "n"] == 1
    assert table.loc[("assay_ontology_term_id", "missing"), "n"] == 3
    assert table.loc[("cell_type_ontology_term_id", "unknown"), "n"] == 2
    assert set(table.xs("missing", level="state").index) == {"assay_ontology_term_id", "disease_ontology_term_id"}
    assert table["n"].groupby("field").sum().eq(3).all()


def test_what_the_dataset_says_supplies_all_that_was_missing():
    told = {"assay": "EFO:0009922", "diseases": {"FUS_KO": "MONDO:0011938"}, "cell_types": {"L5 ET": "CL:4023041"}}
    named, table = described(cellxgene=told | {"is_primary_data": True})
    assert "missing" not in table.index.get_level_values("state")
    assert named["disease_ontology_term_id"].tolist() == ["MONDO:0004976", "MONDO:0004976", "MONDO:0011938"]
    assert named["cell_type_ontology_term_id"].tolist() == ["CL:0002453", "unknown", "CL:4023041"]
    assert named["is_primary_data"].tolist() == [True] * 3
    assert table.loc[("is_primary_data", "given"), "holds"] == "True"


def test_a_column_of_the_sheet_goes_before_all_else_and_its_blanks_do_not_count():
    sheet = CELLS.assign(disease_ontology_term_id=["MONDO:0005144", "", "PATO:0000461"], tissue="brain")
    named, table = described(sheet)
    assert named["disease_ontology_term_id"].tolist() == ["MONDO:0005144", "MONDO:0004976", "PATO:0000461"]
    assert named["tissue_ontology_term_id"].unique().tolist() == ["UBERON:0000955"]
    assert table.loc["disease_ontology_term_id", "n"].to_dict() == {"derived": 1, "given": 2}


def test_cells_of_a_line_have_no_donor_sex_or_age_and_miss_the_name_of_their_line():
    named, table = described(system="dish", assay="cells", tissue="spinal cord")
    assert named["tissue_type"].unique().tolist() == ["cell line"]
    for name in ("donor_id", "sex_ontology_term_id", "development_stage_ontology_term_id"):
        assert named[name].unique().tolist() == ["na"], name
    assert named["donor"].tolist() == ["d1", "d1", "d2"]
    assert table.loc[("tissue_ontology_term_id", "missing"), "n"] == 3
    organoid, _ = described(system="dish", cellxgene={"tissue_type": "organoid", "tissue": "UBERON:0000955"})
    assert organoid["donor_id"].tolist() == ["d1", "d1", "d2"]
    assert organoid["tissue_ontology_term_id"].unique().tolist() == ["UBERON:0000955"]


def test_a_mouse_has_no_ethnicity_and_no_human_age():
    named, _ = described(organism="mouse")
    assert named["self_reported_ethnicity_ontology_term_id"].unique().tolist() == ["na"]
    assert named["development_stage_ontology_term_id"].unique().tolist() == ["unknown"]
    assert facts_of_atlas(TISSUE | {"organism": "mouse"}, TERMS)[0]["organism_ontology_term_id"] == "NCBITaxon:10090"


def test_genes_are_named_by_ids_and_those_without_a_current_one_are_listed():
    genes = pd.DataFrame({"gene_id": ["E1", "", "E1", "E3"]}, index=["A", "MATR3", "B", "OLD"])
    table, rows = feature_table(genes, {"E1"})
    assert table.index.tolist() == ["E1", "MATR3", "B", "E3"]
    assert table["feature_name"].tolist() == genes.index.tolist()
    assert not table["feature_is_filtered"].any()
    found = {row["state"]: (row["n"], row["holds"]) for row in rows}
    assert found == {"derived": (1, None), "missing": (2, "B; MATR3"), "outdated": (1, "OLD")}


@pytest.mark.parametrize(("title", "stamped"), [("Cord", "SIMULATED Cord"), ("SIMULATED cord", "SIMULATED cord")])
def test_the_title_of_simulated_data_says_so(title, stamped):
    assert facts_of_atlas(TISSUE | {"title": title, "simulated": True}, TERMS)[0]["title"] == stamped


def test_every_cell_type_of_the_project_has_a_term_or_is_known_to_have_none():
    named = set(TERMS.loc[TERMS["kind"] == "cell_type", "name"])
    assert set(CELL_TYPES) - named == {"cycling", "glia_like"}  # a state, and a likeness: no type of CL
    assert not TERMS.duplicated(["kind", "name"]).any()
    prefixes = TERMS.groupby("kind")["term"].agg(lambda terms: {term.split(":")[0] for term in terms})
    assert prefixes["cell_type"] == {"CL"}
    assert prefixes["age"] == {"HsapDv"}
    assert {field.name for field in FIELDS} >= {"donor_id", "tissue_type", "suspension_type"}


def test_a_submission_has_current_genes_only_and_no_labels_of_the_portal():
    cells = CELLS.assign(disease_ontology_term_id="MONDO:0004976")
    var = pd.DataFrame(
        {"feature_name": ["A", "B"], "gene_id": ["E1", "E2"], "feature_is_filtered": False}, index=["E1", "E2"]
    )
    counts = sp.csr_matrix(np.arange(6, dtype=np.float32).reshape(3, 2))
    atlas = AnnData(counts, obs=cells, var=var, uns={"title": "t", "citation": "c"})
    frame = frame_of_submission(atlas, {"E2"})
    assert frame.var_names.tolist() == ["E2"]
    assert not {"cell_type", "sex"} & set(frame.obs)
    assert dict(frame.uns) == {"title": "t"}
    assert sp.vstack(list(counts_in_turn(atlas, frame.var_names))).toarray().ravel().tolist() == [1, 3, 5]


def test_a_submission_without_a_field_that_cells_need_is_refused():
    _, rows = portal_columns(CELLS, facts=TISSUE, terms=TERMS)
    with pytest.raises(
        InputErrors, match=r"(?s)2 problems.*assay_ontology_term_id for 3 cells.*disease_ontology_term_id"
    ):
        check_fields(pd.DataFrame(rows).assign(dataset="d"))
