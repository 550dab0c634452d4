"""Does the dish show what the tissue shows: one verdict a programme, by a fixed rule on intervals.

The rule (docs/methods.md, "Tissue against dish") looks at three intervals: tissue, dish and their difference. That a
system is not significant never counts as evidence that nothing is there: "only" needs a difference whose interval
excludes 0, and where nothing was found, the table says how large an effect is excluded.
SOURCE: interval of a difference from two intervals: Zou and Donner 2008, doi:10.1002/sim.3095; concordance: Lin 1989,
doi:10.2307/2532051.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from alscell.agreement import DISH, PATHWAY_KEY, TISSUE
from alscell.keys import CELL_TYPE, CONTRAST
from alscell.pooling import CONFIDENCE

POWER = 0.8
# Half an interval times this is found with that power: (z of 0.975 + z of 0.8) / z of 0.975. With few degrees of
# freedom the true factor is a little smaller (1.37 with 6).
DETECTABLE = 1 + stats.norm.ppf(POWER) / stats.norm.ppf((1 + CONFIDENCE) / 2)
MIN_SETS = 5  # programmes, below which no agreement over sets is given
N_DRAWS = 2000

SAME, OPPOSITE, HINT, NEITHER, NOT_COMPARABLE = "same", "opposite", "hint", "neither", "not_comparable"
TISSUE_ONLY, TISSUE_BLIND, TISSUE_OPEN = "tissue_only", "tissue_dish_blind", "tissue_dish_open"
DISH_ONLY, DISH_BLIND, DISH_OPEN = "dish_only", "dish_tissue_blind", "dish_tissue_open"
VERDICTS = {
    SAME: "same direction in both",
    OPPOSITE: "opposite directions",
    TISSUE_ONLY: "in tissue only (the dish excludes an effect of this size)",
    TISSUE_BLIND: "in tissue; the dish could not have seen an effect of this size",
    TISSUE_OPEN: "in tissue; open in the dish: neither no effect nor the same effect can be excluded",
    DISH_ONLY: "in the dish only (the tissue excludes an effect of this size)",
    DISH_BLIND: "in the dish; the tissue could not have shown an effect of this size",
    DISH_OPEN: "in the dish; open in tissue: neither no effect nor the same effect can be excluded",
    HINT: "a hint only: an interval excludes 0, but no false discovery rate is reached",
    NEITHER: "in neither",
    NOT_COMPARABLE: "not comparable",
}


def judge_programmes(pathways: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """Verdict of each gene set in each cell type and contrast, with the numbers behind it.

    Parameters
    ----------
    pathways : DataFrame
        Table "synthesis_pathways". Effects in standard deviations of donors (tissue) or lines (dish) within arms.
    fdr : float
        False discovery rate at which a system shows an effect.

    Returns
    -------
    DataFrame
        Columns of the table "synthesis_programmes".
    """
    out = pathways[[*PATHWAY_KEY, "datasets", "organisms", "n_tissue", "n_dish"]].copy()
    for system in (TISSUE, DISH):
        names = [f"{part}_{system}" for part in ("effect", "ci_low", "ci_high", "fdr")]
        out[names] = pathways[names]
        half = (pathways[f"ci_high_{system}"] - pathways[f"ci_low_{system}"]) / 2
        out[f"detectable_{system}"] = half * DETECTABLE
    out["difference"] = out["effect_dish"] - out["effect_tissue"]
    out["ci_low_difference"], out["ci_high_difference"] = difference_interval(out)
    shown = {name: (pathways[column] <= fdr).to_numpy() for name, column in _SHOWN.items()}
    out["verdict"] = verdicts(out, shown)
    largest = [out[f"{end}_{system}"].abs() for system in (TISSUE, DISH) for end in ("ci_low", "ci_high")]
    out["excluded_above"] = np.where(out["verdict"] == NEITHER, pd.concat(largest, axis=1).max(axis=1), np.nan)
    out["why"] = why_not_comparable(out)
    out["in_words"] = [_sentence(row) for row in out.to_dict("records")]
    return out


_SHOWN = {"all": "fdr", TISSUE: "fdr_tissue", DISH: "fdr_dish"}


def difference_interval(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """95 % interval of dish minus tissue from the two intervals; NaN where either is missing.

    Parameters
    ----------
    table : DataFrame
        effect, ci_low and ci_high of both systems, with the endings _tissue and _dish.
    """
    gap = table["effect_dish"] - table["effect_tissue"]
    halves = {system: table[f"ci_high_{system}"] - table[f"effect_{system}"] for system in (TISSUE, DISH)}
    reach = np.hypot(halves[TISSUE], halves[DISH])
    return gap - reach, gap + reach


def verdicts(table: pd.DataFrame, shown: dict[str, np.ndarray]) -> np.ndarray:
    """One code a row, by the first case that holds.

    1. not_comparable: an interval of a system is missing.
    2. same, opposite: both intervals exclude 0, and a system (for `same` also the two pooled) reaches the FDR.
    3. tissue_*: the tissue reaches the FDR, the dish's interval holds 0. `_only`: the interval of the difference
       excludes 0. `_dish_blind`: it does not, and the dish would have missed the tissue's effect in more than one of
       five. `_dish_open`: it does not, though the dish would have found it. dish_* alike.
    4. hint: an interval excludes 0, but no FDR is reached.
    5. neither.

    Parameters
    ----------
    table : DataFrame
        Effects, intervals and `detectable` of both systems, interval of the difference.
    shown : dict
        "all", "tissue", "dish" -> boolean array: the FDR is reached.
    """
    supports = {one: excludes_zero(table[f"ci_low_{one}"], table[f"ci_high_{one}"]) for one in (TISSUE, DISH)}
    shows = {one: shown[one] & supports[one] for one in (TISSUE, DISH)}
    either, both = shows[TISSUE] | shows[DISH], supports[TISSUE] & supports[DISH]
    same = (np.sign(table["effect_tissue"]) == np.sign(table["effect_dish"])).to_numpy()
    differ = excludes_zero(table["ci_low_difference"], table["ci_high_difference"])
    cases = {
        NOT_COMPARABLE: table["ci_low_difference"].isna().to_numpy(),
        SAME: both & same & (either | shown["all"]),
        OPPOSITE: both & ~same & either,
    }
    for one, other, names in (
        (TISSUE, DISH, (TISSUE_ONLY, TISSUE_BLIND, TISSUE_OPEN)),
        (DISH, TISSUE, (DISH_ONLY, DISH_BLIND, DISH_OPEN)),
    ):
        alone = shows[one] & ~supports[other]
        blind = (table[f"detectable_{other}"] > table[f"effect_{one}"].abs()).to_numpy()
        cases |= {names[0]: alone & differ, names[1]: alone & blind, names[2]: alone}
    cases[HINT] = supports[TISSUE] | supports[DISH]
    return np.select(list(cases.values()), list(cases), default=NEITHER)


def excludes_zero(low: pd.Series, high: pd.Series) -> np.ndarray:
    """Whether an interval lies on one side of 0; False where it is missing."""
    return ((low > 0) | (high < 0)).to_numpy()


def why_not_comparable(table: pd.DataFrame) -> pd.Series:
    """Why a row has no verdict, in words; None where it has one."""
    names = {name for listed in table["datasets"] for name in listed.split(";")}
    one = f"only one dataset was tested ({min(names)})" if len(names) == 1 else ""
    reasons = []
    for row in table.to_dict("records"):
        missing = [system for system in (TISSUE, DISH) if not row[f"n_{system}"]]
        elsewhere = {system: f"no {system} dataset has a tested {row[CELL_TYPE]}" for system in missing}
        reason = one or "; ".join(elsewhere.values()) or "a pooled interval could not be estimated"
        reasons.append(reason if row["verdict"] == NOT_COMPARABLE else None)
    return pd.Series(reasons, index=table.index, dtype="str")


def _sentence(row: dict[str, object]) -> str:
    said = VERDICTS[row["verdict"]]
    if row["verdict"] == NEITHER:
        return f"{said}; effects above {row['excluded_above']:.1f} SD can be excluded in both"
    if row["verdict"] == NOT_COMPARABLE:
        return f"{said}: {row['why']}"
    for system, verdict in ((DISH, TISSUE_BLIND), (TISSUE, DISH_BLIND)):
        if row["verdict"] == verdict:
            return f"{said}: it would have taken {row[f'detectable_{system}']:.1f} SD"
    return said


def score_agreement(programmes: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """How alike the effects of all programmes of a cell type are in tissue and dish, with what chance would give.

    NOTE: no p value. Sets share genes and donors, so that neither the bootstrap over sets nor the shuffling of sets
    knows the true uncertainty; both are too narrow, and serve as a yardstick.

    Parameters
    ----------
    programmes : DataFrame
        Table "synthesis_programmes".
    seed : int
        Of the bootstrap and the shuffling; each cell type has its own stream.

    Returns
    -------
    DataFrame
        Columns of the table "synthesis_agreement": cell types with at least MIN_SETS comparable programmes.
    """
    rows = []
    comparable = programmes[programmes["verdict"] != NOT_COMPARABLE]
    for (contrast, cell_type), own in comparable.groupby([CONTRAST, CELL_TYPE], sort=True):
        if len(own) < MIN_SETS:
            continue
        tissue, dish = (own[f"effect_{system}"].to_numpy(dtype=float) for system in (TISSUE, DISH))
        random = np.random.default_rng([seed, len(own), *f"{contrast}/{cell_type}".encode()])
        drawn = random.integers(len(own), size=(N_DRAWS, len(own)))
        shuffled = random.permuted(np.tile(dish, (N_DRAWS, 1)), axis=1)
        again = concordance(tissue[drawn], dish[drawn])
        chance = concordance(np.tile(tissue, (N_DRAWS, 1)), shuffled)
        row = {CONTRAST: contrast, CELL_TYPE: cell_type, "n_programmes": len(own)}
        row |= {"same_sign": same_sign(tissue, dish), "concordance": float(concordance(tissue, dish))}
        row |= dict(zip(("concordance_low", "concordance_high"), np.nanquantile(again, [0.025, 0.975]), strict=True))
        row |= dict(zip(("chance_low", "chance_high"), np.nanquantile(chance, [0.025, 0.975]), strict=True))
        rows.append(row)
    names = [CONTRAST, CELL_TYPE, "n_programmes", "same_sign", "concordance", "concordance_low", "concordance_high"]
    return pd.DataFrame(rows, columns=[*names, "chance_low", "chance_high"])


def concordance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Lin's concordance over the last axis: 1 equal, 0 unrelated, -1 mirrored; NaN if constant."""
    a, b = (values - values.mean(axis=-1, keepdims=True) for values in (first, second))
    spread = (a**2).mean(axis=-1) + (b**2).mean(axis=-1) + (first.mean(axis=-1) - second.mean(axis=-1)) ** 2
    shared = np.asarray(2 * (a * b).mean(axis=-1))
    return np.divide(shared, spread, out=np.full(shared.shape, np.nan), where=np.asarray(spread) > 0)


def same_sign(first: np.ndarray, second: np.ndarray) -> float:
    """Share of the programmes with one sign, each weighed by the smaller of its two sizes; NaN if all weights are 0."""
    weights = np.minimum(np.abs(first), np.abs(second))
    same = np.sign(first) == np.sign(second)
    return float(np.average(same, weights=weights)) if weights.sum() > 0 else np.nan
