"""The file for people and their tools: raw counts of the kept cells with all that was found out about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alscell.errors import InputError
from alscell.keys import CELL, CELL_TYPE, SAMPLE, SHEET_FILE_COLUMNS, SHEET_REQUIRED, is_label_column

if TYPE_CHECKING:
    from anndata import AnnData

FORBIDDEN = ("ethnicity", "ethnicity_ontology_term_id", "organism", "organism_ontology_term_id")  # by CELLxGENE, in obs
QUALITY_COLUMNS = ("n_counts", "n_genes", "fraction_mitochondrial", "fraction_ribosomal", "doublet_score")


def shared_genes(genes: list[pd.DataFrame], *, where: str) -> pd.DataFrame:
    """Genes that all samples have, in the order of the first sample, with their ids.

    Parameters
    ----------
    genes : list of DataFrame
        One a sample: index gene, column gene_id.

    Raises
    ------
    InputError
        If the samples share no gene.
    """
    common = genes[0]
    for other in genes[1:]:
        if not other.index.equals(common.index):
            common = common[common.index.isin(other.index)]
    if common.empty:
        found = f"samples without a common gene, e.g. '{genes[0].index[0]}' in the first"
        mend = "See 'symbol' and 'gene_id' in dataset.yaml."
        raise InputError(where, found=found, expected="one kind of gene names in a dataset", mend=mend)
    return common


def describe_cells(
    embedding: pd.DataFrame, cell_types: pd.DataFrame, quality: pd.DataFrame, sheet: pd.DataFrame
) -> pd.DataFrame:
    """One row a kept cell, sorted by sample and cell: all columns of the sample sheet, quality, cluster, cell type.

    Parameters
    ----------
    embedding, cell_types, quality : DataFrame
        Tables of these names, of all samples.
    sheet : DataFrame
        Sample sheet, as text. A column of numbers becomes numbers unless keys.is_label_column knows its name.

    Returns
    -------
    DataFrame
        Index cell; repeated text is categorical.
    """
    cells = embedding[[CELL, SAMPLE]].sort_values([SAMPLE, CELL], ignore_index=True)
    facts = sheet.drop(columns=[name for name in SHEET_FILE_COLUMNS if name in sheet])
    own = {"cluster", CELL_TYPE, "cell_type_score", "author_cell_type", *QUALITY_COLUMNS, *FORBIDDEN}
    facts = facts.rename(columns={name: f"{name}_in_sheet" for name in facts if name in own})
    cells = cells.merge(facts, on=SAMPLE, how="left", validate="m:1")
    types = cell_types[[CELL, "cluster", CELL_TYPE, "score"]].rename(columns={"score": "cell_type_score"})
    cells = cells.merge(types, on=CELL, validate="1:1")
    cells = cells.merge(quality[[CELL, *QUALITY_COLUMNS]], on=CELL, how="left", validate="1:1")
    for name in facts.columns:
        cells[name] = _numbers_or_labels(cells[name], is_label=name in SHEET_REQUIRED or is_label_column(name))
    for name in ("cluster", CELL_TYPE):
        cells[name] = as_labels(cells[name])
    index = pd.Index(cells.pop(CELL).to_numpy(dtype=object), name=CELL)
    return cells.set_index(index)


def _numbers_or_labels(values: pd.Series, *, is_label: bool) -> pd.Series:
    numbers = pd.to_numeric(values.replace("", np.nan), errors="coerce")
    if not is_label and numbers.notna().any() and (numbers.notna() | (values == "")).all():
        return numbers.astype("float64")
    return as_labels(values)


def as_labels(values: pd.Series) -> pd.Series:
    """Text as a categorical whose categories older readers of h5ad know (plain strings)."""
    text = values.astype("object")
    categories = pd.Index(sorted(text.dropna().unique()), dtype=object)
    return pd.Series(pd.Categorical(text, categories=categories), index=values.index)


def frame_of_atlas(
    cells: pd.DataFrame, features: pd.DataFrame, embedding: pd.DataFrame, *, about: dict[str, Any]
) -> AnnData:
    """The atlas without its counts: obs, var, obsm X_pca and X_umap (float32), uns.

    Parameters
    ----------
    cells : DataFrame
        obs, in the order of the atlas.
    features : DataFrame
        var, as `portal.feature_table` returns it.
    embedding : DataFrame
        Table `embedding`; its components are the integrated ones.
    about : dict
        What uns holds: title, citation, simulated and more.
    """
    from anndata import AnnData

    places = embedding.set_index(CELL).loc[cells.index]
    components = [name for name in places if name.startswith("pc_")]
    return AnnData(
        obs=cells,
        var=features,
        obsm={
            "X_pca": places[components].to_numpy(dtype=np.float32),
            "X_umap": places[["umap_1", "umap_2"]].to_numpy(dtype=np.float32),
        },
        uns=about,
    )


def counts_of(data: AnnData, genes: pd.Index) -> Any:
    """Counts of some genes, as CSR of float32 (CELLxGENE wants it; whole numbers are exact in it below 2^24)."""
    counts = data.X if data.var_names.equals(genes) else data[:, genes].X
    return counts.astype(np.float32)
