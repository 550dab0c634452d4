"""Do cells look like what they are called: every label, given or found, against the markers of all other types.

Published labels hold glia under the names of neurons, and nuclei carry RNA of their neighbors. Two signs are looked at:
cells that look more like another type than like their own, and markers of another type in all cells of a label, more
than other labels have of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from alscell.cell_classes import NEURON, cell_class
from alscell.keys import CELL_TYPE, UNASSIGNED

FITS, CONTAMINATED, MIXED, MISLABELLED, UNKNOWN = "fits", "contaminated", "mixed", "mislabelled", "unknown_label"
# ASSUME: shares of cells that look like another type, and the excess of its score, from which a reader should look.
MIXED_FROM, MISLABELLED_FROM, EXCESS_FROM = 0.1, 0.5, 0.15
COLUMNS = [CELL_TYPE, "other_type", "n_cells", "share_alike", "level", "usual", "excess", "verdict"]


def check_labels(types: pd.Series, scores: pd.DataFrame, parents: dict[str, str], *, min_margin: float) -> pd.DataFrame:
    """Each label against each type outside its family.

    Parameters
    ----------
    types : Series
        Label of every cell.
    scores : DataFrame, cells x types
        From `annotation.score_types`, rows as in `types`; 1: as high as in the cells that are highest in it.
    parents : dict
        From `annotation.parents_of`.
    min_margin : float
        By which a cell must look more like another type than like any of its own family.

    Returns
    -------
    DataFrame
        Columns of the table "label_checks"; cells without a label are left out. No rows without scores.
    """
    labels = types.to_numpy(dtype=object).astype(str)
    family = np.array([parents.get(name, name) for name in scores.columns])
    names = [name for name in sorted(set(labels)) if name != UNASSIGNED]
    if not names or scores.empty:
        return pd.DataFrame(columns=COLUMNS)
    means = pd.DataFrame({name: scores[labels == name].mean() for name in names}).T
    homes = {name: home_of(name, set(family), parents) for name in names}
    parts = [_one_label(name, homes, means, scores[labels == name], family, min_margin=min_margin) for name in names]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values([CELL_TYPE, "other_type"], ignore_index=True)


def home_of(label: str, families: set[str], parents: dict[str, str]) -> str | None:
    """The family that a label belongs to: by its spelling, or as a neuron by its words; None if it has no markers."""
    known = {_spelled(name): parents.get(name, name) for name in (*families, *parents)}
    for name in (_spelled(label), _spelled(label).removesuffix("s")):
        if known.get(name) in families:
            return known[name]
    return NEURON if NEURON in families and cell_class(label, names={}) == NEURON else None


def _spelled(name: str) -> str:
    return "_".join(name.strip().casefold().replace("-", " ").replace("_", " ").split())


def _one_label(
    label: str,
    homes: dict[str, str | None],
    means: pd.DataFrame,
    scores: pd.DataFrame,
    family: np.ndarray,
    *,
    min_margin: float,
) -> pd.DataFrame:
    home = homes[label]
    values, outside = scores.to_numpy(), family != home
    own = values[:, ~outside].max(axis=1, initial=0.0)
    best = values.argmax(axis=1)
    clear = values[np.arange(len(values)), best] - own >= min_margin
    rows = []
    for column in np.flatnonzero(outside):
        others = [name for name in homes if name != label and homes[name] not in (None, family[column])]
        level, usual = means.loc[label].iloc[column], means.loc[others].iloc[:, column].median() if others else np.nan
        share = float((clear & (best == column)).mean())
        rows.append((label, scores.columns[column], len(scores), share, level, usual, level - usual))
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    return table.assign(verdict=_verdicts(table) if home else UNKNOWN)


def _verdicts(table: pd.DataFrame) -> np.ndarray:
    share, excess = table["share_alike"], table["excess"]
    cases = [share >= MISLABELLED_FROM, share >= MIXED_FROM, excess >= EXCESS_FROM]
    return np.select(cases, [MISLABELLED, MIXED, CONTAMINATED], default=FITS)
