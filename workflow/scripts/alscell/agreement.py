"""Effects pooled over datasets, and over those of each system.

NOTE: only tested rows are pooled. Rows of datasets with too few donors (descriptive) never are.
"""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from alscell.expression import benjamini_hochberg
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, DESCRIPTIVE, FAMILY, GENE, PATHWAY
from alscell.pooling import difference, random_effects

LOG = logging.getLogger("alscell.agreement")
TISSUE, DISH = "tissue", "dish"
PATHWAY_KEY = [CONTRAST, CELL_TYPE, FAMILY, PATHWAY]
GENE_KEY = [CONTRAST, CELL_TYPE, GENE]
_HETEROGENEITY = ["tau_squared", "q_p_value", "i_squared", "prediction_low", "prediction_high", "note"]


def match_cell_types(table: pd.DataFrame, *, names: dict[str, list[str]]) -> pd.DataFrame:
    """The table with one name of each cell type: "Motor neuron" and "motor-neuron" are motor_neuron.

    First the spelling (small letters, spaces and hyphens as '_'), then `names`. Types of one dataset that would fall
    together keep their own names: they share donors, and are no two datasets. A contrast whose datasets share no cell
    type is a warning in the log.

    Parameters
    ----------
    table : DataFrame
        Rows of "pathway_tests" or "differential" of all datasets.
    names : dict
        Cell type -> further names that datasets give it.
    """
    types = table[[DATASET, CELL_TYPE]].drop_duplicates()
    told = {other: name for name, others in names.items() for other in _spelled(pd.Series(others, dtype="str"))}
    plain = _spelled(types[CELL_TYPE])
    types = types.assign(plain=[told.get(name, name) for name in plain])
    apart = types.duplicated([DATASET, "plain"], keep=False)
    if apart.any():
        kept = ", ".join(sorted(set(types.loc[apart, CELL_TYPE])))
        LOG.warning("cell types of one dataset that would fall together keep their names: %s", kept)
    types["plain"] = types["plain"].where(~apart, types[CELL_TYPE])
    matched = table.merge(types, on=[DATASET, CELL_TYPE], how="left", validate="m:1")
    matched = matched.assign(**{CELL_TYPE: matched["plain"]}).drop(columns="plain")
    for contrast, rows in only_tested(matched).groupby(CONTRAST, sort=True):
        by_dataset = rows.groupby(DATASET, sort=True)[CELL_TYPE].unique()
        if len(by_dataset) > 1 and rows.groupby(CELL_TYPE)[DATASET].nunique().max() < 2:
            listed = "; ".join(f"{dataset}: {', '.join(sorted(own))}" for dataset, own in by_dataset.items())
            LOG.warning("%s: the datasets share no tested cell type, nothing is pooled (%s)", contrast, listed)
    return matched


def _spelled(names: pd.Series) -> pd.Series:
    return names.str.strip().str.casefold().str.replace(r"[\s-]+", "_", regex=True)


def with_organisms(table: pd.DataFrame, organisms: dict[str, str]) -> pd.DataFrame:
    """A table of the synthesis with the organism of each dataset of a row, in the order of `datasets`."""
    listed = [";".join(organisms[name] for name in names.split(";")) for names in table["datasets"]]
    return table.assign(organisms=pd.Series(listed, index=table.index, dtype="str"))


def synthesize_pathways(tests: pd.DataFrame, *, systems: dict[str, str]) -> pd.DataFrame:
    """Each gene set in each cell type and contrast, over datasets.

    Parameters
    ----------
    tests : DataFrame
        Rows of the table "pathway_tests" of all datasets.
    systems : dict
        Dataset -> "tissue" or "dish".

    Returns
    -------
    DataFrame
        Columns of the table "synthesis_pathways".
    """
    rows, pooled = _pool(tests, PATHWAY_KEY, "effect", systems)
    both = pooled["all"]
    out = rows.assign(**both[["effect", "ci_low", "ci_high", "p_value"]])
    out["fdr"] = _fdr_within(rows, both["p_value"], [CONTRAST])
    for system in (TISSUE, DISH):
        part = pooled[system]
        out[f"n_{system}"], out[f"effect_{system}"] = part["n"], part["effect"]
        out[f"ci_low_{system}"], out[f"ci_high_{system}"] = part["ci_low"], part["ci_high"]
        out[f"fdr_{system}"] = _fdr_within(rows, part["p_value"], [CONTRAST])
    out["p_difference"] = difference(pooled[TISSUE], pooled[DISH])
    return out.assign(n_datasets=both["n"], n_same_sign=both["n_same_sign"], **both[_HETEROGENEITY])


def synthesize_genes(differential: pd.DataFrame, *, systems: dict[str, str]) -> pd.DataFrame:
    """Each gene in each cell type and contrast, over datasets.

    Parameters
    ----------
    differential : DataFrame
        Rows of the table "differential" of all datasets.
    systems : dict
        Dataset -> "tissue" or "dish".

    Returns
    -------
    DataFrame
        Columns of the table "synthesis_genes", and lowest_fdr: the lowest FDR of a single dataset.
    """
    rows, pooled = _pool(differential, GENE_KEY, "log2_fold_change", systems)
    both = pooled["all"]
    lowest = only_tested(differential).groupby(GENE_KEY, sort=True)["fdr"].min()
    return rows.assign(
        log2_fold_change_tissue=pooled[TISSUE]["effect"],
        log2_fold_change_dish=pooled[DISH]["effect"],
        log2_fold_change=both["effect"],
        standard_error=both["standard_error"],
        p_value=both["p_value"],
        fdr=_fdr_within(rows, both["p_value"], [CONTRAST, CELL_TYPE]),
        n_datasets=both["n"],
        n_same_sign=both["n_same_sign"],
        **both[_HETEROGENEITY],
        lowest_fdr=lowest.to_numpy(),
    )


def worth_keeping(genes: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """Rows that say something beyond the dataset's own table: of two datasets or more, or a hit in its only one."""
    return genes[(genes["n_datasets"] > 1) | (genes["lowest_fdr"] <= fdr)].drop(columns="lowest_fdr")


def only_tested(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with a test behind them: not descriptive, and with an effect, a standard error and a p value."""
    return table[~table[DESCRIPTIVE].astype(bool) & table[["standard_error", "p_value"]].notna().all(axis=1)]


def _pool(
    table: pd.DataFrame, key: list[str], effect: str, systems: dict[str, str]
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Keys and datasets of each row, sorted; and its pooled effects over all datasets, and over each system's."""
    columns = [name for name in ("standard_error", "p_value", "ci_low", "ci_high") if name in table]
    long = only_tested(table).set_index([*key, DATASET])[[effect, *columns]].astype(float)
    wide = {name: long[name].unstack(DATASET).sort_index() for name in (effect, *columns)}
    wide["effect"] = wide.pop(effect)
    datasets = wide["effect"].columns
    chosen = {"all": list(datasets)}
    chosen |= {system: [name for name in datasets if systems[name] == system] for system in (TISSUE, DISH)}
    pooled = {name: _pool_datasets({one: part[own] for one, part in wide.items()}) for name, own in chosen.items()}
    known = wide["effect"].notna().to_numpy()
    patterns, codes = np.unique(known, axis=0, return_inverse=True) if len(known) else (known, np.zeros(0, dtype=int))
    names = np.array([";".join(datasets[pattern]) for pattern in patterns], dtype=object)
    rows = wide["effect"].index.to_frame(index=False)
    return rows.assign(datasets=names[codes.ravel()] if len(names) else ""), pooled


def _pool_datasets(wide: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Random effects over datasets; where there is one dataset only, its own test, with its donors' uncertainty."""
    pooled = random_effects(wide["effect"].to_numpy(), wide["standard_error"].to_numpy())
    for name, values in wide.items():
        pooled[name] = np.where(pooled["n"] == 1, values.max(axis=1).to_numpy(), pooled[name])
    return pooled


def _fdr_within(rows: pd.DataFrame, p_value: pd.Series, groups: list[str]) -> pd.Series:
    """Benjamini-Hochberg within groups of rows; rows without a p value stay empty."""
    table = rows[groups].assign(p=p_value.to_numpy(dtype=float))
    return table.groupby(groups)["p"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
