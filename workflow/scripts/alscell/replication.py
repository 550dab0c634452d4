"""Do hits of one dataset come again in another one, more often than genes or sets that were no hits?

NOTE: no p value. Genes of a cell type move together, between donors and by technical causes; a binomial test would
count them as independent trials and call every pair of datasets significant.
NOTE: what is no hit may have changed too, without being found. Chance is then too high, and the ratio too low.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
from scipy import stats

from alscell.agreement import only_tested
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, FAMILY, GENE, PATHWAY
from alscell.tables import TABLES

ALPHA = 0.05  # nominal, of a single look-up in the replication dataset
MIN_IN_BIN = 20  # others, below which a share says little
MIN_FOR_CORRELATION = 3


def replicate_genes(differential: pd.DataFrame, *, fdr: float, n_bins: int) -> pd.DataFrame:
    """Genes: every ordered pair of datasets in each cell type and contrast; chance by bins of mean expression.

    Parameters
    ----------
    differential : DataFrame
        Rows of the table "differential" of all datasets, cell types and genes under names that they share.
    fdr : float
        What counts as a hit.
    n_bins : int
        Bins of mean expression in the replication dataset; fewer where a bin would hold fewer than 20 genes.

    Returns
    -------
    DataFrame
        Columns of the table "synthesis_replication".
    """
    table = differential.rename(columns={"log2_fold_change": "effect"})
    return _every_pair(table, "gene", [GENE], fdr=fdr, n_bins=n_bins)


def replicate_pathways(tests: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """Gene sets: as `replicate_genes`, chance from all sets that are no hits.

    Parameters
    ----------
    tests : DataFrame
        Rows of the table "pathway_tests" of all datasets.
    fdr : float
        What counts as a hit.
    """
    return _every_pair(tests.assign(mean=0.0), "pathway", [FAMILY, PATHWAY], fdr=fdr, n_bins=1)


def _every_pair(table: pd.DataFrame, kind: str, key: list[str], *, fdr: float, n_bins: int) -> pd.DataFrame:
    rows = []
    for (contrast, cell_type), own in only_tested(table).groupby([CONTRAST, CELL_TYPE], sort=True):
        parts = {name: part.set_index(key) for name, part in own.groupby(DATASET, sort=True)}
        for first, second in permutations(parts, 2):
            names = {"kind": kind, CONTRAST: contrast, CELL_TYPE: cell_type, "discovery": first, "replication": second}
            rows.append(names | compare_pair(parts[first], parts[second], fdr=fdr, n_bins=n_bins))
    return pd.DataFrame(rows, columns=TABLES["synthesis_replication"].names)


def compare_pair(discovery: pd.DataFrame, replication: pd.DataFrame, *, fdr: float, n_bins: int) -> dict[str, float]:
    """Counts and shares of one ordered pair of datasets.

    Parameters
    ----------
    discovery, replication : DataFrame
        effect, p_value, fdr, mean; one index of genes or sets. Only what both hold is compared.
    fdr, n_bins
        As in `replicate_genes`.
    """
    measured = ["effect", "p_value", "fdr", "mean"]
    both = discovery[measured].join(replication[measured].add_suffix("_there"), how="inner").sort_index()
    hit = (both["fdr"] <= fdr).to_numpy()
    same = (np.sign(both["effect"]) == np.sign(both["effect_there"])).to_numpy()
    again = same & (both["p_value_there"] < ALPHA).to_numpy()
    n_hits = int(hit.sum())
    expression = both["mean_there"].to_numpy()
    chance_same, chance = (_share_of_others(expression, hit, outcome, n_bins=n_bins) for outcome in (same, again))
    rate = again[hit].mean() if n_hits else np.nan
    return {
        "n_hits": n_hits,
        "n_same_sign": int(same[hit].sum()),
        "n_replicated": int(again[hit].sum()),
        "rate": rate,
        "n_others": int((~hit).sum()),
        "chance_same_sign": chance_same,
        "chance_rate": chance,
        "ratio": rate / chance if chance > 0 else np.nan,
        "effect_correlation": _rank_correlation(both[hit]),
    }


def _share_of_others(expression: np.ndarray, hit: np.ndarray, outcome: np.ndarray, *, n_bins: int) -> float:
    """Share of the outcome among those that are no hits, weighed as the hits lie over bins of expression.

    The bins hold equal numbers of others, so that none is without them. NaN without hits or without others.
    """
    others = np.sort(expression[~hit])
    if not hit.any() or not len(others):
        return np.nan
    n_bins = max(1, min(n_bins, len(others) // MIN_IN_BIN))
    edges = others[np.arange(1, n_bins) * len(others) // n_bins]
    bins = np.searchsorted(edges, expression, side="right")
    counted = np.bincount(bins[~hit], minlength=n_bins)
    share = np.bincount(bins[~hit], weights=outcome[~hit], minlength=n_bins) / np.maximum(counted, 1)
    filled = counted[bins[hit]] > 0  # ties of expression may leave a bin without others
    return float(share[bins[hit]][filled].mean()) if filled.any() else np.nan


def _rank_correlation(hits: pd.DataFrame) -> float:
    varies = hits[["effect", "effect_there"]].nunique().min() > 1
    if len(hits) < MIN_FOR_CORRELATION or not varies:
        return np.nan
    return float(stats.spearmanr(hits["effect"], hits["effect_there"]).statistic)
