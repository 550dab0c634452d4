"""The atlas under the CELLxGENE schema: ontology terms of cells, ids of genes, and what is known of each field.

Terms are given (a column of the sample sheet with the schema's own name, or `cellxgene` in dataset.yaml), derived (from
other facts, by resources/ontology/terms.tsv), 'unknown' where the schema takes that word, or missing. None is guessed.

Source: CELLxGENE schema 7.1.0, as its validator (cellxgene-schema 7.1.2) states it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alscell.atlas import as_labels
from alscell.errors import InputError, InputErrors
from alscell.keys import CELL_TYPE, CONDITION, DONOR

if TYPE_CHECKING:
    from anndata import AnnData

SCHEMA_VERSION = "7.1.0"
ANNOTATION = "GENCODE 48 (human) or M37 (mouse)"
GIVEN, DERIVED, UNKNOWN, MISSING, OUTDATED = "given", "derived", "unknown", "missing", "outdated"
SUSPENSIONS = {"nuclei": "nucleus", "cells": "cell"}
# ASSUME: cells of a dish are of a line, iPSC lines among them; `cellxgene: tissue_type` says otherwise.
TISSUE_TYPES = {"tissue": "tissue", "dish": "cell line"}
CELL_LINE, NOT_APPLICABLE = "cell line", "na"
# The portal writes these from the terms, and refuses a file that has them.
LABELS = (
    *("cell_type", "assay", "disease", "sex", "tissue", "self_reported_ethnicity", "development_stage"),
    *("observation_joinid", "experimental_condition", "perturbation_types", "organism", "citation", "schema_version"),
)
ROWS_AT_ONCE = 20_000
SHOWN = 8  # values of a field that the list names


@dataclass(frozen=True)
class Field:
    """A field of obs.

    Parameters
    ----------
    name, requirement, how : str
        Its name in the schema, what the schema wants of it, and how to supply it.
    fallback : str
        What the schema takes where nothing is known; "" if nothing.
    not_of : tuple of str
        Cells of which it must be 'na': those of a cell line, of a mouse.
    """

    name: str
    requirement: str
    how: str
    fallback: str = ""
    not_of: tuple[str, ...] = ()


FIELDS = (
    Field(
        "assay_ontology_term_id",
        "EFO term of the library preparation",
        "dataset.yaml, cellxgene: {assay: 'EFO:...'}; or this column in samples.tsv",
    ),
    Field(
        "cell_type_ontology_term_id",
        "CL term, or unknown",
        "dataset.yaml, cellxgene: {cell_types: {<cell type>: 'CL:...'}}",
        UNKNOWN,
    ),
    Field(
        "development_stage_ontology_term_id",
        "HsapDv or MmusDv term, or unknown; na for a cell line",
        "samples.tsv, column age (years, human); or this column",
        UNKNOWN,
        (CELL_LINE,),
    ),
    Field(
        "disease_ontology_term_id",
        "MONDO term, or PATO:0000461 for normal",
        "dataset.yaml, cellxgene: {diseases: {<condition>: 'MONDO:...'}}; or this column in samples.tsv",
    ),
    Field("donor_id", "donor; na for a cell line", "samples.tsv, column donor", "", (CELL_LINE,)),
    Field(
        "self_reported_ethnicity_ontology_term_id",
        "HANCESTRO or AfPO terms, or unknown; na for a mouse or a cell line",
        "this column in samples.tsv",
        UNKNOWN,
        (CELL_LINE, "mouse"),
    ),
    Field(
        "sex_ontology_term_id",
        "PATO term of female or male, or unknown; na for a cell line",
        "samples.tsv, column sex (F, M); or this column",
        UNKNOWN,
        (CELL_LINE,),
    ),
    Field("suspension_type", "cell or nucleus, as the assay allows", "dataset.yaml, assay: cells or nuclei"),
    Field(
        "tissue_ontology_term_id",
        "UBERON term; Cellosaurus name (CVCL_...) of a cell line; CL term of a primary culture",
        "dataset.yaml, cellxgene: {tissue: 'UBERON:...'}; or this column in samples.tsv",
    ),
    Field(
        "tissue_type",
        "tissue, organoid, primary cell culture or cell line",
        "dataset.yaml, cellxgene: {tissue_type: ...}; or this column in samples.tsv",
    ),
)
_PRIMARY = Field(
    "is_primary_data",
    "true for the first publication of these cells, else false",
    "dataset.yaml, cellxgene: {is_primary_data: true}; false if left out",
)


def portal_columns(
    cells: pd.DataFrame, *, facts: Mapping[str, Any], terms: pd.DataFrame
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The cells with the columns that the schema names, and what is known of each.

    Parameters
    ----------
    cells : DataFrame
        As `atlas.describe_cells` returns them.
    facts : mapping
        Of dataset.yaml: organism, assay, tissue, system and cellxgene (may be empty).
    terms : DataFrame
        resources/ontology/terms.tsv: kind, name, term, label.

    Returns
    -------
    DataFrame
        The same rows. A column that has no value for any cell is left out; `tissue` holds the words of dataset.yaml.
    list of dict
        Rows of table `atlas_schema` without the dataset.
    """
    known = {kind: dict(part[["name", "term"]].to_numpy()) for kind, part in terms.groupby("kind")}
    columns, rows = {}, []
    for field in FIELDS:
        values, states = _fill(_sources(field, cells, facts, known), cells.index)
        rows += _rows("obs", field, states, values)
        columns[field.name] = values
    columns[_PRIMARY.name] = pd.Series(bool(facts["cellxgene"].get(_PRIMARY.name)), index=cells.index)
    state = GIVEN if _PRIMARY.name in facts["cellxgene"] else DERIVED
    rows += _rows("obs", _PRIMARY, pd.Series(state, index=cells.index), columns[_PRIMARY.name].map(str))
    columns["author_cell_type"] = cells[CELL_TYPE]
    columns["tissue"] = _from_sheet(cells, "tissue").fillna(facts["tissue"])
    kept = {name: one if one.dtype == bool else as_labels(one) for name, one in columns.items() if one.notna().any()}
    return cells.drop(columns=[name for name in columns if name in cells]).assign(**kept), rows


def _from_sheet(cells: pd.DataFrame, name: str) -> pd.Series:
    """A column of the sheet as text; missing where it is blank or not there."""
    if name not in cells:
        return pd.Series(np.nan, index=cells.index, dtype=object)
    values = cells[name].astype(object)
    return values.where(values != "")


def _sources(
    field: Field, cells: pd.DataFrame, facts: Mapping[str, Any], known: Mapping[str, dict[str, str]]
) -> Iterator[tuple[str, pd.Series]]:
    """(state, values) of a field, from the source that counts most to the one that counts least."""
    every, told = pd.Series(0, index=cells.index), facts["cellxgene"]
    kind = _from_sheet(cells, "tissue_type").fillna(told.get("tissue_type", TISSUE_TYPES[facts["system"]]))
    if facts["organism"] in field.not_of:
        yield DERIVED, every.map({0: NOT_APPLICABLE})
    yield DERIVED, every.map({0: NOT_APPLICABLE}).where(kind.isin(field.not_of))
    yield GIVEN, _from_sheet(cells, field.name)
    # field -> what names its value in a cell, what dataset.yaml says of these names, and what the project knows of them
    named = {
        "assay_ontology_term_id": (every, {0: told.get("assay")}, {}),
        "cell_type_ontology_term_id": (cells[CELL_TYPE], told.get("cell_types"), known["cell_type"]),
        "development_stage_ontology_term_id": (_years(cells, facts["organism"]), {}, known["age"]),
        "disease_ontology_term_id": (cells[CONDITION], told.get("diseases"), known["disease"]),
        "donor_id": (cells[DONOR], {}, {donor: donor for donor in cells[DONOR].unique()}),
        "self_reported_ethnicity_ontology_term_id": (every, {}, {}),
        "sex_ontology_term_id": (_from_sheet(cells, "sex"), {}, known["sex"]),
        "suspension_type": (every, {}, {0: SUSPENSIONS[facts["assay"]]}),
        "tissue_ontology_term_id": (_tissue(cells, facts, kind), {}, known["tissue"]),
        "tissue_type": (every, {0: told.get("tissue_type")}, {0: TISSUE_TYPES[facts["system"]]}),
    }
    names, given, derived = named[field.name]
    if field.name == "tissue_ontology_term_id":
        yield GIVEN, every.map({0: told.get("tissue")})
    yield GIVEN, names.astype(object).map(given or {})
    yield DERIVED, names.astype(object).map(derived)
    if field.fallback:
        yield UNKNOWN, every.map({0: field.fallback})


def _tissue(cells: pd.DataFrame, facts: Mapping[str, Any], kind: pd.Series) -> pd.Series:
    """The tissue in words, lower case; missing for cells of a dish, whose tissue is their line."""
    return _from_sheet(cells, "tissue").fillna(facts["tissue"]).str.lower().where(kind == "tissue")


def _years(cells: pd.DataFrame, organism: str) -> pd.Series:
    """Whole years as text. UNIT: a column `age` of human donors holds years."""
    years = pd.to_numeric(_from_sheet(cells, "age" if organism == "human" else ""), errors="coerce")
    return np.floor(years).map(lambda year: f"{year:.0f}", na_action="ignore")


def _fill(sources: Iterator[tuple[str, pd.Series]], index: pd.Index) -> tuple[pd.Series, pd.Series]:
    values = pd.Series(np.nan, index=index, dtype=object)
    states = pd.Series(MISSING, index=index, dtype=object)
    for state, found in sources:
        new = (values.isna() & found.notna()).to_numpy()
        values = values.mask(new, found.astype(object))
        states[new] = state
    return values, states


def _rows(place: str, field: Field, states: pd.Series, values: pd.Series) -> list[dict[str, Any]]:
    """One row a state: how many cells (or genes) are in it, and what they hold."""
    about = {"place": place, "field": field.name, "requirement": field.requirement, "how": field.how}
    return [
        {**about, "state": state, "n": int((states == state).sum()), "holds": _listed(values[states == state])}
        for state in sorted(states.unique())
    ]


def _listed(values: pd.Series) -> str | None:
    found = sorted(map(str, values.dropna().unique()))
    return "; ".join([*found[:SHOWN], *(["..."] if len(found) > SHOWN else [])]) or None


def feature_table(genes: pd.DataFrame, current: Collection[str]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """var of the atlas: index Ensembl id, or the symbol where a gene has none of its own; and what is known of the ids.

    Parameters
    ----------
    genes : DataFrame
        Index gene symbol, column gene_id ('' where unknown).
    current : collection of str
        Ensembl ids of the annotation that the schema names.

    Returns
    -------
    DataFrame
        Columns feature_name (symbol), gene_id, feature_is_filtered (False: no gene was taken out of X).
    list of dict
        Rows of table `atlas_schema` without the dataset; `holds` names the genes that are not valid.
    """
    ids, symbols = genes["gene_id"].to_numpy(dtype=object), genes.index.to_numpy(dtype=object)
    own = (ids != "") & ~pd.Series(ids).duplicated().to_numpy() & ~pd.Series(ids).isin(symbols).to_numpy()
    index = pd.Index(np.where(own, ids, symbols), name="feature_id", dtype=object)
    table = pd.DataFrame({"feature_name": symbols, "gene_id": ids, "feature_is_filtered": False}, index=index)
    field = Field("index", f"Ensembl id of {ANNOTATION}, each once", "left out by `snakemake submission`")
    states = pd.Series(np.select([~own, ~index.isin(list(current))], [MISSING, OUTDATED], DERIVED))
    return table, _rows("var", field, states, pd.Series(symbols).where(states != DERIVED))


def facts_of_atlas(facts: Mapping[str, Any], terms: pd.DataFrame) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """uns of the atlas as the schema wants it, and rows of table `atlas_schema` on uns and X.

    `facts` holds title, organism and simulated; the title of simulated data says so.
    """
    stamped = "SIMULATED" in facts["title"] or not facts["simulated"]
    title = facts["title"] if stamped else f"SIMULATED {facts['title']}"
    organism = terms[(terms["kind"] == "organism") & (terms["name"] == facts["organism"])].iloc[0]
    held = {
        "title": (title, GIVEN, "title of the dataset", "dataset.yaml, title"),
        "organism_ontology_term_id": (organism["term"], DERIVED, "NCBITaxon term", "dataset.yaml, organism"),
        "X_approximate_distribution": ("count", DERIVED, "count or normal", "always count"),
        "default_embedding": ("X_umap", DERIVED, "a key of obsm", "always X_umap"),
    }
    rows = [
        {"place": "uns", "field": name, "state": state, "n": 1, "holds": value, "requirement": wanted, "how": how}
        for name, (value, state, wanted, how) in held.items()
    ]
    counts = {"holds": "raw counts", "requirement": "raw counts, float32, sparse by rows", "how": "always so"}
    rows.append({"place": "X", "field": "X", "state": DERIVED, "n": 1, **counts})
    return {name: value[0] for name, value in held.items()} | {"organism": organism["label"]}, rows


def check_fields(schema: pd.DataFrame) -> None:
    """Stop if cells lack a field that the schema wants.

    Parameters
    ----------
    schema : DataFrame
        Table `atlas_schema` of one dataset.

    Raises
    ------
    InputErrors
        With every such field, and how to supply it.
    """
    lacking = schema[(schema["place"] == "obs") & (schema["state"] == MISSING)]
    problems = [
        InputError(
            f"dataset '{row.dataset}'",
            found=f"no {row.field} for {row.n} cells",
            expected=row.requirement,
            mend=f"Supply it: {row.how}.",
        )
        for row in lacking.itertuples()
    ]
    if problems:
        raise InputErrors(problems)


def frame_of_submission(atlas: AnnData, current: Collection[str]) -> AnnData:
    """An atlas without its counts, without genes that are not in `current`, and without what the portal fills in."""
    from anndata import AnnData

    return AnnData(
        obs=atlas.obs.drop(columns=[name for name in LABELS if name in atlas.obs]),
        var=atlas.var.loc[atlas.var_names.isin(list(current)), ["gene_id", "feature_is_filtered"]],
        obsm=dict(atlas.obsm),
        uns={name: value for name, value in atlas.uns.items() if name not in LABELS},
    )


def counts_in_turn(atlas: AnnData, genes: pd.Index) -> Iterator[Any]:
    """Counts of some genes, some thousand cells after the other; `atlas` may be on disk."""
    columns = atlas.var_names.get_indexer(genes)
    for start in range(0, atlas.n_obs, ROWS_AT_ONCE):
        yield atlas.X[start : start + ROWS_AT_ONCE][:, columns]
