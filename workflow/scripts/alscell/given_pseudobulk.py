"""Count tables that come as sums by donor and cell type: checked, then treated as the sums made here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from alscell.counts import Counts, check_counts, gene_like, given_labels, plain_text, renamed_labels, transposed
from alscell.errors import InputError, InputErrors, nearest
from alscell.genes import name_genes
from alscell.keys import CELL_TYPE, CONDITION, DONOR, GENE_ID, N_CELLS, SAMPLE, is_numbered
from alscell.pseudobulk import SampleSums
from alscell.sample_cells import as_levels, numbered_sample

_REPEATED = (DONOR, CONDITION)  # columns of samples.tsv that the table may repeat; both must then say the same


def given_sums(
    data: Any,
    sheet: pd.DataFrame,
    *,
    columns: dict,
    symbol: str,
    gene_id: str,
    layer: str,
    organism: str,
    gene_table: pd.DataFrame,
    where: str,
    cell_types: dict | None = None,
    conditions: dict | None = None,
) -> list[SampleSums]:
    """The sums of a donor-level table, sample by sample.

    Parameters
    ----------
    data : AnnData, (sample x cell type) x genes
        As it came.
    sheet : DataFrame
        samples.tsv; a row's `member` (else `sample`) names it in the table, '@n' the n-th of its condition.
    columns : dict
        `cells` of dataset.yaml: which obs column is sample, cell_type, n_cells and, if there, donor and condition.
    symbol, gene_id : str
        Columns of var; '' for the index, and for none.
    layer : str
        Layer with raw counts; '' for X.
    organism : str
        human or mouse.
    gene_table : DataFrame
        gene_id, symbol; names the genes as in `name_genes`.
    where : str
        The file, for messages.
    cell_types : dict
        New names of the given cell types; without them they stay.
    conditions : dict
        The sheet's levels for conditions that the table writes otherwise.

    Raises
    ------
    InputError, InputErrors
        Columns or layer absent, axes swapped, values that are not counts, samples that are not in the sheet or the
        other way round, another donor or condition than the sheet's, a sample and cell type twice, no cells or
        no counts in a row.
    """
    rows = _rows(data, columns, where=where)
    if cell_types:
        rows[CELL_TYPE] = renamed_labels(rows[CELL_TYPE].to_numpy(), cell_types, where=where)
    if conditions and CONDITION in rows:
        rows[CONDITION] = as_levels(rows[CONDITION].to_numpy(), {"conditions": conditions}, where=where)
    matrix = _layer(data, layer, where=where)
    genes = _column(data.var, symbol, where=where) if symbol else data.var_names.astype(str).to_numpy(dtype=object)
    ids = _column(data.var, gene_id, where=where) if gene_id else np.full(len(genes), "", dtype=object)
    members = _members(sheet, rows, columns, where=where)
    sample_of = dict(zip(members, sheet[SAMPLE], strict=True))
    problems = _row_problems(rows, sheet.assign(member=members), where=where)
    if problems:
        raise InputErrors(problems)
    names = (rows[SAMPLE] + "|" + rows[CELL_TYPE]).to_numpy()
    named = name_genes(Counts(matrix, names, genes, ids), gene_table, organism=organism, where=where)
    counts = check_counts(named, where=where, organism=organism)
    empty = np.flatnonzero(counts.matrix.sum(axis=1) == 0)
    if len(empty):
        mend = "Remove the row."
        raise InputError(where, found=f"no counts in {names[empty[0]]}", expected="a count in every row", mend=mend)
    table = pd.DataFrame({GENE_ID: counts.gene_ids}, index=pd.Index(counts.genes))
    return [
        SampleSums(
            sample_of[member],
            rows.loc[index, CELL_TYPE].tolist(),
            rows.loc[index, N_CELLS].to_numpy(),
            counts.matrix[index].astype(np.int64),
            table,
        )
        for member, index in sorted(rows.groupby(SAMPLE).groups.items())
    ]


def _rows(data: Any, columns: dict, *, where: str) -> pd.DataFrame:
    """sample, cell_type, n_cells and, where given, donor and condition of each row; index 0..n-1."""
    needed = (SAMPLE, CELL_TYPE, N_CELLS)
    names = {name: str(columns[name]) for name in (*needed, *_REPEATED) if columns.get(name)}
    for name in (*needed, *(name for name in _REPEATED if name in names)):
        if names.get(name) in data.obs:
            continue
        if gene_like(data.obs_names.to_numpy()):
            raise transposed(where, names=data.obs_names.to_numpy(), axis="cells")
        found = f"no obs column '{names[name]}'" if name in names else f"no `cells.{name}` in dataset.yaml"
        mend = f"Set `cells.{name}` in dataset.yaml. {nearest(names.get(name, name), map(str, data.obs))}"
        raise InputError(where, found=found, expected=f"an obs column with the {name} of each row", mend=mend)
    rows = pd.DataFrame({name: [plain_text(value) for value in data.obs[column]] for name, column in names.items()})
    numbers = pd.to_numeric(rows[N_CELLS], errors="coerce")
    return rows.assign(**{CELL_TYPE: given_labels(rows[CELL_TYPE]), N_CELLS: numbers})


def _layer(data: Any, layer: str, *, where: str) -> Any:
    if layer and layer not in data.layers:
        have = ", ".join(map(str, data.layers)) or "none"
        mend = "Correct `layer` in dataset.yaml, or remove it to use X."
        raise InputError(
            where, found=f"no layer '{layer}' (layers: {have})", expected="a layer with raw counts", mend=mend
        )
    return data.layers[layer] if layer else data.X


def _column(frame: pd.DataFrame, name: str, *, where: str) -> np.ndarray:
    if name not in frame:
        mend = (
            f"Correct dataset.yaml. {nearest(name, map(str, frame))}"
            if len(frame.columns)
            else "Remove it from dataset.yaml."
        )
        raise InputError(
            where, found=f"no var column '{name}'", expected="the column that dataset.yaml names", mend=mend
        )
    return frame[name].astype(object).fillna("").astype(str).to_numpy(dtype=object)


def _members(sheet: pd.DataFrame, rows: pd.DataFrame, columns: dict, *, where: str) -> pd.Series:
    """What each sample is called in the file."""
    if "member" not in sheet:
        return sheet[SAMPLE]
    members = sheet["member"].where(sheet["member"] != "", sheet[SAMPLE])
    numbered = sheet[members.map(is_numbered).astype(bool)]
    for index, row in numbered.iterrows():
        alike = numbered[CONDITION] == row[CONDITION] if columns.get(CONDITION) else numbered[SAMPLE] != ""
        members[index] = numbered_sample(
            rows[SAMPLE].to_numpy(),
            rows[CONDITION].to_numpy() if columns.get(CONDITION) else None,
            member=row["member"],
            row={CONDITION: row[CONDITION], "n_numbered": str(alike.sum())},
            where=where,
        )
    return members


def _row_problems(rows: pd.DataFrame, sheet: pd.DataFrame, *, where: str) -> list[InputError]:
    """All that is wrong between the rows of the table and the sheet, whose column `member` names its samples."""
    known = sheet.set_index("member")
    problems = _sample_problems(rows, known, where=where)
    keys, cells = rows[SAMPLE] + ", " + rows[CELL_TYPE], rows[N_CELLS]
    for name in sorted(set(keys[keys.duplicated()])):
        expected, mend = "one row a sample and cell type", "Add the rows up, or drop one."
        problems.append(InputError(where, found=f"two rows of {name}", expected=expected, mend=mend))
    for index in np.flatnonzero(~((cells >= 1) & (cells == cells.round())))[:5]:
        found = f"{cells[index]:g} cells in {keys[index]}"
        mend = "Correct the column, or `cells.n_cells` in dataset.yaml."
        problems.append(InputError(where, found=found, expected="a whole number, 1 or more", mend=mend))
    for name in _REPEATED:
        problems += _repeated_problems(rows, known, name, where=where) if name in rows else []
    return problems


def _sample_problems(rows: pd.DataFrame, known: pd.DataFrame, *, where: str) -> list[InputError]:
    problems = []
    for name in sorted(set(rows[SAMPLE]) - set(known.index)):
        mend = f"Add it to samples.tsv, or drop its rows. {nearest(name, known.index)}"
        problems.append(InputError(where, found=f"sample '{name}'", expected="a sample of samples.tsv", mend=mend))
    for name in sorted(set(known.index) - set(rows[SAMPLE])):
        found, expected = f"sample '{name}'", f"rows of it in {where}"
        mend = "Remove it from samples.tsv, or correct its `member`."
        problems.append(InputError("samples.tsv", found=found, expected=expected, mend=mend))
    return problems


def _repeated_problems(rows: pd.DataFrame, known: pd.DataFrame, column: str, *, where: str) -> list[InputError]:
    """Where the table's donor or condition of a sample is not the sheet's."""
    pairs = rows.loc[rows[SAMPLE].isin(known.index), [SAMPLE, column]].drop_duplicates()
    mend = f"Correct samples.tsv, or remove `cells.{column}` from dataset.yaml if it means something else."
    return [
        InputError(
            where,
            found=f"{column} '{value}' of '{name}'",
            expected=f"'{known.at[name, column]}' (samples.tsv)",
            mend=mend,
        )
        for name, value in pairs.itertuples(index=False)
        if value != known.at[name, column]
    ]
