"""Do datasets agree: effects pooled over datasets by random effects, tissue against dish.

SOURCE: DerSimonian and Laird 1986, doi:10.1016/0197-2456(86)90046-2; Higgins and Thompson 2002, doi:10.1002/sim.1186.
NOTE: plain DerSimonian-Laird with normal intervals. With two or three datasets the variance between them is hardly
known, so an interval may be too narrow; Hartung-Knapp intervals would have one degree of freedom and say nothing.
NOTE: only tested rows are pooled. Rows of datasets with too few donors (descriptive) never are.
"""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from scipy import stats

from alscell.expression import benjamini_hochberg
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, DESCRIPTIVE, FAMILY, GENE, PATHWAY

LOG = logging.getLogger("alscell.agreement")
TISSUE, DISH = "tissue", "dish"
CONFIDENCE = 0.95
PATHWAY_KEY = [CONTRAST, CELL_TYPE, FAMILY, PATHWAY]
GENE_KEY = [CONTRAST, CELL_TYPE, GENE]


def normal_standard_error(effect: np.ndarray, standard_error: np.ndarray, p_value: np.ndarray) -> np.ndarray:
    """The standard error at which a normal test of the effect gives the dataset's own p value.

    A t test with few donors is less certain than its standard error says; pooling by normal weights must know that.

    Parameters
    ----------
    effect, standard_error, p_value : ndarray
        Of one dataset's t tests. Where the effect is next to 0 (p above 0.999) the standard error stays as it is.
    """
    z = stats.norm.isf(np.clip(p_value, 1e-300, 1.0) / 2)
    usable = p_value < 0.999
    return np.where(usable, np.abs(effect) / np.where(usable, z, 1.0), standard_error)


def random_effects(effects: np.ndarray, standard_errors: np.ndarray) -> pd.DataFrame:
    """DerSimonian-Laird mean of each row.

    Parameters
    ----------
    effects, standard_errors : ndarray, rows x datasets
        NaN where a dataset has no value; standard errors above 0.

    Returns
    -------
    DataFrame
        n (datasets), effect, standard_error, p_value (two-sided, normal), i_squared (0..100; NaN for one dataset).
        All but n are NaN in a row without any value.
    """
    known = np.isfinite(effects) & np.isfinite(standard_errors)
    n = known.sum(axis=1)
    values = np.where(known, effects, 0.0)
    variances = np.where(known, standard_errors, 1.0) ** 2
    fixed = known / variances
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (fixed * values).sum(axis=1) / fixed.sum(axis=1)
        spread = (fixed * (values - middle[:, None]) ** 2).sum(axis=1)
        scale = fixed.sum(axis=1) - (fixed**2).sum(axis=1) / fixed.sum(axis=1)
        between = np.where(n > 1, np.maximum(0.0, (spread - (n - 1)) / scale), 0.0)
        weights = known / (variances + between[:, None])
        effect = (weights * values).sum(axis=1) / weights.sum(axis=1)
        error = 1 / np.sqrt(weights.sum(axis=1))
        heterogeneity = 100 * np.maximum(0.0, np.where(spread > 0, 1 - (n - 1) / spread, 0.0))
    out = pd.DataFrame({"n": n, "effect": effect, "standard_error": error})
    out.loc[n == 0, ["effect", "standard_error"]] = np.nan
    out["p_value"] = 2 * stats.norm.sf(np.abs(out["effect"] / out["standard_error"]))
    out["i_squared"] = np.where(n > 1, heterogeneity, np.nan)
    return out


def match_cell_types(table: pd.DataFrame) -> pd.DataFrame:
    """The table with one spelling of each cell type: "Motor neuron" and "motor-neuron" are motor_neuron.

    Small letters, spaces and hyphens as '_'. Types that one dataset tells apart by nothing else keep their spelling.
    A contrast whose datasets share no cell type is a warning in the log.

    Parameters
    ----------
    table : DataFrame
        Rows of "pathway_tests" or "differential" of all datasets.
    """
    names = table[[DATASET, CELL_TYPE]].drop_duplicates()
    plain = names[CELL_TYPE].str.strip().str.casefold().str.replace(r"[\s-]+", "_", regex=True)
    names = names.assign(plain=plain)
    apart = names.duplicated([DATASET, "plain"], keep=False)
    if apart.any():
        LOG.warning("cell types told apart by spelling alone: %s", ", ".join(sorted(names.loc[apart, CELL_TYPE])))
    names["plain"] = names["plain"].where(~apart, names[CELL_TYPE])
    matched = table.merge(names, on=[DATASET, CELL_TYPE], how="left", validate="m:1")
    matched = matched.assign(**{CELL_TYPE: matched["plain"]}).drop(columns="plain")
    for contrast, rows in _tested(matched).groupby(CONTRAST, sort=True):
        types = rows.groupby(DATASET, sort=True)[CELL_TYPE].unique()
        if len(types) > 1 and rows.groupby(CELL_TYPE)[DATASET].nunique().max() < 2:
            listed = "; ".join(f"{dataset}: {', '.join(sorted(own))}" for dataset, own in types.items())
            LOG.warning("%s: the datasets share no tested cell type, nothing is pooled (%s)", contrast, listed)
    return matched


def with_organisms(table: pd.DataFrame, organisms: dict[str, str]) -> pd.DataFrame:
    """A table of the synthesis with the organism of each dataset of a row, in the order of `datasets`."""
    listed = [";".join(organisms[name] for name in names.split(";")) for names in table["datasets"]]
    return table.assign(organisms=pd.Series(listed, index=table.index, dtype="str"))


def synthesize_pathways(tests: pd.DataFrame, *, systems: dict[str, str], fdr: float) -> pd.DataFrame:
    """Each gene set in each cell type and contrast, over datasets.

    Parameters
    ----------
    tests : DataFrame
        Rows of the table "pathway_tests" of all datasets.
    systems : dict
        Dataset -> "tissue" or "dish".
    fdr : float
        False discovery rate at which a system shows an effect.

    Returns
    -------
    DataFrame
        Columns of the table "synthesis_pathways".
    """
    rows, pooled = _pool(tests, PATHWAY_KEY, "effect", systems)
    both = pooled["all"]
    half = stats.norm.ppf((1 + CONFIDENCE) / 2) * both["standard_error"]
    out = rows.assign(
        effect=both["effect"],
        ci_low=both["effect"] - half,
        ci_high=both["effect"] + half,
        p_value=both["p_value"],
        fdr=_fdr_within(rows, both["p_value"], [CONTRAST]),
        i_squared=both["i_squared"],
    )
    for system in (TISSUE, DISH):
        part = pooled[system]
        out[f"n_{system}"], out[f"effect_{system}"], out[f"se_{system}"] = (
            part[name] for name in ("n", "effect", "standard_error")
        )
    difference = out["effect_tissue"] - out["effect_dish"]
    out["p_difference"] = 2 * stats.norm.sf(np.abs(difference / np.hypot(out["se_tissue"], out["se_dish"])))
    shown = {name: _fdr_within(rows, pooled[name]["p_value"], [CONTRAST]) <= fdr for name in ("all", TISSUE, DISH)}
    out["verdict"] = verdicts(pooled[TISSUE], pooled[DISH], out["p_difference"], shown)
    return out


def verdicts(
    tissue: pd.DataFrame, dish: pd.DataFrame, p_difference: pd.Series, shown: dict[str, pd.Series]
) -> np.ndarray:
    """One word a row on tissue against dish.

    A system shows an effect if its pooled p passes the false discovery rate over the contrast's rows of that system;
    it supports one if its 95 % interval excludes 0.

    - one_system: no tested dataset of the other system
    - agree: both support it with the same sign, and one of them, or the two pooled, shows it
    - disagree: both support it with opposite signs, and one shows it
    - tissue_only, dish_only: one shows it, the other does not support any, and the two differ (p_difference < 0.05);
      that the other is not significant would not be enough
    - unclear: everything else

    Parameters
    ----------
    tissue, dish : DataFrame
        From `random_effects`, rows alike.
    p_difference : Series
        Of tissue against dish.
    shown : dict
        "all" (both systems pooled), "tissue", "dish" -> boolean Series.
    """
    alpha = 1 - CONFIDENCE
    supports = {name: (part["p_value"] < alpha).to_numpy() for name, part in ((TISSUE, tissue), (DISH, dish))}
    both = supports[TISSUE] & supports[DISH]
    either = (shown[TISSUE] | shown[DISH]).to_numpy()
    same = np.sign(tissue["effect"]).to_numpy() == np.sign(dish["effect"]).to_numpy()
    differ = (p_difference < alpha).to_numpy()
    cases = [
        (tissue["n"].to_numpy() == 0) | (dish["n"].to_numpy() == 0),
        both & same & (either | shown["all"].to_numpy()),
        both & ~same & either,
        shown[TISSUE].to_numpy() & ~supports[DISH] & differ,
        shown[DISH].to_numpy() & ~supports[TISSUE] & differ,
    ]
    return np.select(cases, ["one_system", "agree", "disagree", "tissue_only", "dish_only"], default="unclear")


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
    tested = _tested(differential)
    by_gene = tested.assign(sign=np.sign(tested["log2_fold_change"])).groupby(GENE_KEY, sort=True)
    signs = by_gene["sign"].agg(["min", "max"])
    return rows.assign(
        log2_fold_change_tissue=pooled[TISSUE]["effect"],
        log2_fold_change_dish=pooled[DISH]["effect"],
        log2_fold_change=both["effect"],
        standard_error=both["standard_error"],
        p_value=both["p_value"],
        fdr=_fdr_within(rows, both["p_value"], [CONTRAST, CELL_TYPE]),
        i_squared=both["i_squared"],
        same_sign=(signs["min"] == signs["max"]).to_numpy(),
        lowest_fdr=by_gene["fdr"].min().to_numpy(),
    )


def worth_keeping(genes: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """Rows that say something beyond the dataset's own table: of two datasets or more, or a hit in its only one."""
    several = genes["datasets"].str.contains(";", regex=False)
    return genes[several | (genes["lowest_fdr"] <= fdr)].drop(columns="lowest_fdr")


def find_biomarkers(differential: pd.DataFrame, candidates: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """Secreted or shed genes that are a hit in at least one dataset, with the change in the dataset of the lowest FDR.

    Parameters
    ----------
    differential : DataFrame
        Rows of the table "differential" of all datasets.
    candidates : DataFrame
        Columns gene, known (what is known of it as a fluid biomarker, with its source; empty if nothing is listed).
    fdr : float
        What counts as a hit.

    Returns
    -------
    DataFrame
        Columns of the table "synthesis_biomarkers". The pooled effect is in "synthesis_genes"; it may have another
        sign than a hit, and FDR of a hit and direction of the pool would be a claim that no dataset makes.
    """
    tested = _tested(differential)
    hits = tested[(tested["fdr"] <= fdr) & tested[GENE].isin(candidates[GENE])]
    hits = hits.sort_values([*GENE_KEY, "fdr", DATASET], kind="stable")
    by_gene = hits.assign(sign=np.sign(hits["log2_fold_change"])).groupby(GENE_KEY, sort=True)
    signs = by_gene["sign"].agg(["min", "max"])
    direction = np.where(signs["min"] > 0, "up", np.where(signs["max"] < 0, "down", "mixed"))
    out = (
        by_gene[["log2_fold_change", "fdr"]]
        .first()
        .assign(datasets=by_gene[DATASET].agg(lambda names: ";".join(sorted(names))), direction=direction)
    )
    known = candidates.drop_duplicates(GENE).set_index(GENE)["known"]
    out = out.reset_index().assign(known=lambda rows: rows[GENE].map(known.where(known.fillna("") != "", None)))
    return out[[*GENE_KEY, "datasets", "log2_fold_change", "fdr", "direction", "known"]]


def _tested(table: pd.DataFrame) -> pd.DataFrame:
    return table[~table[DESCRIPTIVE].astype(bool)]


def _pool(
    table: pd.DataFrame, key: list[str], effect: str, systems: dict[str, str]
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Keys and datasets of each row, sorted; and its pooled effects over all datasets, and over each system's."""
    tested = _tested(table)
    error = normal_standard_error(
        *(tested[name].to_numpy(dtype=float) for name in (effect, "standard_error", "p_value"))
    )
    long = tested[[*key, DATASET]].assign(effect=tested[effect].astype(float), error=error)
    by_row = long.set_index([*key, DATASET])
    effects, errors = (by_row[name].unstack(DATASET).sort_index() for name in ("effect", "error"))
    pooled = {"all": random_effects(effects.to_numpy(), errors.to_numpy())}
    for system in (TISSUE, DISH):
        inside = [name for name in effects.columns if systems[name] == system]
        pooled[system] = random_effects(effects[inside].to_numpy(), errors[inside].to_numpy())
    rows = effects.index.to_frame(index=False)
    known = effects.notna().to_numpy()
    patterns, codes = np.unique(known, axis=0, return_inverse=True) if len(known) else (known, np.zeros(0, dtype=int))
    names = np.array([";".join(effects.columns[pattern]) for pattern in patterns], dtype=object)
    return rows.assign(datasets=names[codes.ravel()] if len(names) else ""), pooled


def _fdr_within(rows: pd.DataFrame, p_value: pd.Series, groups: list[str]) -> pd.Series:
    """Benjamini-Hochberg within groups of rows; rows without a p value stay empty."""
    table = rows[groups].assign(p=p_value.to_numpy(dtype=float))
    return table.groupby(groups)["p"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
