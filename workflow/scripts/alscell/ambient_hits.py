"""Differential genes that follow ambient RNA: a caution beside a result, which stays as it is.

More soup in the droplets of one arm, or more of a gene in its soup, makes the gene look higher in every cell type of
that arm. Here the change that ambient RNA alone would make is put beside the change that was found.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy.sparse as sp

from alscell.annotation import parents_of
from alscell.design import Definition, assign_groups
from alscell.keys import CASE_ARM, CELL_TYPE, CONTRAST, CONTROL_ARM, DONOR, GENE, N_CELLS, SAMPLE
from alscell.label_checks import home_of
from alscell.tables import TABLES

SOURCE_FOLD = 4  # ASSUME: a gene of another type is that much higher there
MIN_FRACTION = 0.2  # ASSUME: of the gene's counts in the cell type that ambient RNA would make
MIN_EXPLAINED = 0.25  # ASSUME: of the found log2 fold change that ambient RNA would make
PRIOR = 5e-7  # UNIT: share of counts, half a count in a million; keeps a ratio of nothing finite
COLUMNS = [name for name in TABLES["ambient_hits"].names if name != "dataset"]


def donor_soup(ambient: pd.DataFrame, profiles: Mapping[str, pd.Series]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ambient RNA of each donor: what it adds to a cell's counts, and the soup itself, both donors x genes, as shares.

    Samples of a donor are averaged by their counts; those whose share could not be estimated are left out.

    Parameters
    ----------
    ambient : DataFrame
        Table "ambient".
    profiles : mapping
        Sample -> share of each gene in the soup, index gene.
    """
    added, soup = {}, {}
    for donor, rows in ambient.dropna(subset=["ambient_share"]).groupby(DONOR, sort=True):
        weights = rows["n_counts"].to_numpy(dtype=float) / rows["n_counts"].sum()
        mixed = pd.DataFrame({sample: profiles[sample] for sample in rows[SAMPLE]}).fillna(0.0)
        soup[donor] = mixed @ weights
        added[donor] = mixed @ (weights * rows["ambient_share"].to_numpy())
    return pd.DataFrame(added).fillna(0.0).T, pd.DataFrame(soup).fillna(0.0).T


def mark_hits(
    hits: pd.DataFrame,
    counts: sp.csr_matrix,
    observations: pd.DataFrame,
    genes: np.ndarray,
    soup: tuple[pd.DataFrame, pd.DataFrame],
    markers: pd.DataFrame,
    definitions: Mapping[str, Definition],
    *,
    min_cells: int,
) -> pd.DataFrame:
    """Hits in genes of other cell types that ambient RNA would change in the same direction.

    Parameters
    ----------
    hits : DataFrame
        Rows of the table "differential" that reach the FDR.
    counts : csr_matrix, rows of the pseudobulk x genes
        Summed raw counts.
    observations : DataFrame
        Rows of `counts`: donor, cell_type, n_cells and the donor-level columns.
    genes : ndarray of str
        Columns of `counts`.
    soup : pair of DataFrame
        From `donor_soup`.
    markers : DataFrame
        Columns cell_type, parent, gene.
    definitions : mapping
        Contrast -> definition.
    min_cells : int
        Of a donor in a cell type, as in the tests.

    Returns
    -------
    DataFrame
        Columns of the table "ambient_hits", without dataset.
    """
    known = pd.Index(genes)
    hits = hits[hits[GENE].isin(known)]
    wanted = sorted(set(hits[GENE]))
    sums = counts[:, known.get_indexer(wanted)].toarray()
    shares = pd.DataFrame(sums / np.asarray(counts.sum(axis=1)).reshape(-1, 1), observations.index, wanted)
    enough = (observations[N_CELLS] >= min_cells).to_numpy()
    observations, shares = observations[enough], shares[enough]
    homes = _families(observations[CELL_TYPE].unique(), markers)
    levels = shares.groupby(observations[CELL_TYPE].to_numpy()).mean()
    parts = []
    for (contrast, cell_type), rows in hits.groupby([CONTRAST, CELL_TYPE], sort=True):
        own = (observations[CELL_TYPE] == cell_type) & observations[DONOR].isin(soup[0].index)
        arms = _arms(observations[own], definitions[contrast])
        if set(arms) != {CASE_ARM, CONTROL_ARM}:
            continue
        here = shares[own].set_axis(observations.loc[own, DONOR]).loc[arms.index, rows[GENE]]
        foreign = levels.loc[[name for name in levels.index if homes[name] != homes[cell_type]], rows[GENE]]
        ambient = [table.reindex(index=arms.index, columns=rows[GENE], fill_value=0.0) for table in soup]
        parts.append(_compare(rows, here, foreign, *ambient, arms))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    marks = markers.drop_duplicates([CELL_TYPE, GENE]).groupby(GENE)[CELL_TYPE].agg(";".join)
    return table.assign(marker_of=table[GENE].map(marks))[COLUMNS]


def _families(names: np.ndarray, markers: pd.DataFrame) -> dict[str, str]:
    """Family of each cell type; a type without markers is its own."""
    parents = parents_of(markers)
    families = {parents.get(name, name) for name in markers[CELL_TYPE]}
    return {name: home_of(name, families, parents) or name for name in names}


def _arms(rows: pd.DataFrame, definition: Definition) -> pd.Series:
    """Arm of each donor that the contrast compares."""
    return assign_groups(rows.drop_duplicates(DONOR).set_index(DONOR), definition).arms


def _compare(
    rows: pd.DataFrame,
    here: pd.DataFrame,
    foreign: pd.DataFrame,
    added: pd.DataFrame,
    soup: pd.DataFrame,
    arms: pd.Series,
) -> pd.DataFrame:
    """The hits of one cell type and contrast that follow ambient RNA; tables are donors (or types) x genes."""
    if foreign.empty:
        return rows.head(0)
    case, control = ((arms == arm).to_numpy() for arm in (CASE_ARM, CONTROL_ARM))
    level, total = here.mean().to_numpy(), added.mean().to_numpy()
    own = np.maximum(level - total, 0.0)
    added_case, added_control = added[case].mean().to_numpy(), added[control].mean().to_numpy()
    expected = np.log2((own + added_case + PRIOR) / (own + added_control + PRIOR))
    found = rows["log2_fold_change"].to_numpy(dtype=float)
    table = rows[[CONTRAST, CELL_TYPE, GENE, "log2_fold_change", "fdr"]].assign(
        source_type=foreign.idxmax().to_numpy(),
        source_fold=foreign.max().to_numpy() / np.maximum(level, PRIOR),
        soup_case=soup[case].mean().to_numpy() * 1e6,
        soup_control=soup[control].mean().to_numpy() * 1e6,
        ambient_case=added_case * 1e6,
        ambient_control=added_control * 1e6,
        ambient_fraction=np.minimum(total / np.maximum(level, PRIOR), 1.0),
        expected_log2_fold_change=expected,
        explained=expected / np.where(found == 0, np.nan, found),
        n_case=int(case.sum()),
        n_control=int(control.sum()),
    )
    follows = (table["source_fold"] >= SOURCE_FOLD) & (table["ambient_fraction"] >= MIN_FRACTION)
    return table[follows & (table["explained"] >= MIN_EXPLAINED)]
