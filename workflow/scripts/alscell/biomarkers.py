"""Secreted, shed or leaked genes that change: where they come from, whether datasets agree, and what fluids show.

Ranked by one number, the FDR over the tested candidate genes; everything else stands beside it. RNA in a cell is no
protein in a fluid: agreement of a direction is a reason to measure, no validation.
SOURCE: tau, the specificity of expression: Yanai et al. 2005, doi:10.1093/bioinformatics/bti042.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from alscell.agreement import GENE_KEY, only_tested
from alscell.expression import benjamini_hochberg
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, GENE, N_CASE, N_CONTROL
from alscell.pooling import CONFIDENCE, random_effects
from alscell.power import minimum_detectable_effect
from alscell.tables import TABLES

POWER = 0.8
HOW = ("secreted", "shed", "leaked")
REPORTED = ("up", "down", "changed", "unclear")  # in ALS fluids; the last two tell no direction


def candidate_tests(differential: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
    """Tested rows of candidate genes with `fdr_candidates`: over all of them in a dataset and contrast, and intervals.

    Parameters
    ----------
    differential : DataFrame
        Rows of the table "differential" of all datasets, human symbols.
    candidates : DataFrame
        Column gene.
    """
    rows = only_tested(differential)
    rows = rows[rows[GENE].isin(candidates[GENE])].reset_index(drop=True)
    by_contrast = rows.groupby([DATASET, CONTRAST])["p_value"]
    rows["fdr_candidates"] = by_contrast.transform(lambda p: benjamini_hochberg(p.to_numpy(dtype=float)))
    # Donors less two: moderation adds degrees of freedom, covariates take some.
    half = stats.t.ppf((1 + CONFIDENCE) / 2, _freedom(rows)) * rows["standard_error"].to_numpy(dtype=float)
    return rows.assign(ci_low=rows["log2_fold_change"] - half, ci_high=rows["log2_fold_change"] + half)


def _freedom(rows: pd.DataFrame) -> np.ndarray:
    return np.maximum((rows[N_CASE] + rows[N_CONTROL]).to_numpy(dtype=float) - 2, 1)


def cell_of_origin(differential: pd.DataFrame) -> pd.DataFrame:
    """Where each gene is expressed, in each dataset: by counts per million, 0 where it was too low to be tested.

    Parameters
    ----------
    differential : DataFrame
        Rows of the table "differential"; `mean` is log2 counts per million over donors. Descriptive rows count too.

    Returns
    -------
    DataFrame
        dataset, cell_type, gene, share (of the sum over cell types, a cell type counting once whatever its size),
        highest_in, share_highest, tau (0: alike in all, 1: in one only; empty with one cell type).
    """
    mean = differential.groupby([DATASET, CELL_TYPE, GENE], sort=True)["mean"].mean()
    parts = []
    for dataset, own in np.exp2(mean).groupby(level=DATASET, sort=True):
        wide = own.droplevel(DATASET).unstack(CELL_TYPE, fill_value=0.0)
        share = wide.div(wide.sum(axis=1), axis="index")
        n = wide.shape[1]
        tau = (n - share.div(share.max(axis=1), axis="index").sum(axis=1)) / (n - 1) if n > 1 else np.nan
        whole = pd.DataFrame({"highest_in": share.idxmax(axis=1), "share_highest": share.max(axis=1), "tau": tau})
        long = share.stack().rename("share").reset_index()
        parts.append(long.merge(whole.reset_index(), on=GENE).assign(**{DATASET: dataset}))
    columns = [DATASET, CELL_TYPE, GENE, "share", "highest_in", "share_highest", "tau"]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def find_biomarkers(
    differential: pd.DataFrame, candidates: pd.DataFrame, *, systems: dict[str, str], fdr: float
) -> pd.DataFrame:
    """Candidate genes that are a hit in at least one dataset, with the change in the dataset of the lowest FDR.

    Parameters
    ----------
    differential : DataFrame
        Rows of the table "differential" of all datasets.
    candidates : DataFrame
        Columns gene, how (HOW), fluid, reported (REPORTED, or empty), known (words with source; empty: new).
    systems : dict
        Dataset -> "tissue" or "dish".
    fdr : float
        What counts as a hit, by `fdr_candidates`.

    Returns
    -------
    DataFrame
        Columns of the table "synthesis_biomarkers", without organisms.
    """
    tested = candidate_tests(differential, candidates)
    is_hit = tested["fdr_candidates"] <= fdr
    hits = tested[is_hit].sort_values([*GENE_KEY, "fdr_candidates", "p_value", DATASET], kind="stable")
    columns = [name for name in TABLES["synthesis_biomarkers"].names if name != "organisms"]
    if hits.empty:
        return pd.DataFrame(columns=columns)
    lead = hits.drop_duplicates(GENE_KEY)
    lead = lead.merge(cell_of_origin(differential), on=[DATASET, CELL_TYPE, GENE], how="left")
    lead = lead.merge(_over_datasets(tested, systems), on=GENE_KEY, how="left").merge(_hit_datasets(hits), on=GENE_KEY)
    lead = lead.merge(_listed(hits, [CONTRAST, GENE], CELL_TYPE, "changes_in"), on=[CONTRAST, GENE])
    facts = candidates.drop_duplicates(GENE).replace("", None)
    lead = lead.merge(facts, on=GENE, how="left")
    lead["status"] = np.where(lead["known"].isna(), "new candidate", "known")
    lead["fluid_agrees"] = _fluid_agrees(lead)
    lead = lead.rename(columns={DATASET: "lead_dataset", "fdr": "fdr_all_genes", "fdr_candidates": "fdr"})
    return lead.sort_values([CONTRAST, CELL_TYPE, GENE], ignore_index=True)[columns]


def _fluid_agrees(rows: pd.DataFrame) -> np.ndarray:
    """yes, no, or None where no direction is reported or datasets disagree."""
    comparable = rows["reported"].isin(("up", "down")) & rows["direction"].isin(("up", "down"))
    said = np.where(rows["reported"] == rows["direction"], "yes", "no").astype(object)
    return np.where(comparable, said, None)


def _hit_datasets(hits: pd.DataFrame) -> pd.DataFrame:
    """Datasets in which a row is a hit, and the direction on which they agree."""
    signs = hits.assign(sign=np.sign(hits["log2_fold_change"])).groupby(GENE_KEY, sort=True)["sign"].agg(["min", "max"])
    direction = np.where(signs["min"] > 0, "up", np.where(signs["max"] < 0, "down", "mixed"))
    return signs.assign(direction=direction).reset_index().drop(columns=["min", "max"]).merge(
        _listed(hits, GENE_KEY, DATASET, "datasets"), on=GENE_KEY
    )  # fmt: skip


def _listed(rows: pd.DataFrame, key: list[str], column: str, name: str) -> pd.DataFrame:
    joined = rows.groupby(key, sort=True)[column].agg(lambda values: ";".join(sorted(set(values))))
    return joined.rename(name).reset_index()


def _over_datasets(tested: pd.DataFrame, systems: dict[str, str]) -> pd.DataFrame:
    """Effects of all datasets in words, how many share the sign, which systems do, and the pool of two or more."""
    tested = tested.sort_values([*GENE_KEY, DATASET])
    out = []
    for key, own in tested.groupby(GENE_KEY, sort=True):
        effects, errors = own["log2_fold_change"].to_numpy(float), own["standard_error"].to_numpy(float)
        pooled = random_effects(effects[None], errors[None]).iloc[0]
        several = len(own) > 1
        same = {systems[name] for name, one in zip(own[DATASET], effects, strict=True) if one * pooled["effect"] > 0}
        row = dict(zip(GENE_KEY, key, strict=True)) | {"n_datasets": len(own)}
        row |= {"effects": "; ".join(_effect(one) for one in own.to_dict("records"))}
        row |= {"n_same_sign": int(pooled["n_same_sign"]) if several else 0}
        row |= {"systems": ";".join(sorted(same, reverse=True)) if several else None}
        row |= {f"{name}_pooled": pooled[name] if several else np.nan for name in ("effect", "ci_low", "ci_high")}
        out.append(row)
    columns = [*GENE_KEY, "n_datasets", "effects", "n_same_sign", "systems"]
    columns += ["effect_pooled", "ci_low_pooled", "ci_high_pooled"]
    return pd.DataFrame(out, columns=columns)


def _effect(row: dict[str, object]) -> str:
    return f"{row[DATASET]} {row['log2_fold_change']:+.2f} ({row['ci_low']:+.2f} to {row['ci_high']:+.2f})"


def count_candidates(differential: pd.DataFrame, candidates: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """How many candidate genes each dataset could test, found, and how large a change had to be to be found.

    Parameters
    ----------
    differential, candidates, fdr
        As in `find_biomarkers`.

    Returns
    -------
    DataFrame
        Columns of the table "synthesis_biomarkers_tested". The detectable change is that of the first hit: at the p
        value fdr * max(hits, 1) / tests, with power 0.8.
    """
    rows = []
    for (dataset, contrast), own in candidate_tests(differential, candidates).groupby([DATASET, CONTRAST], sort=True):
        n_hits = int((own["fdr_candidates"] <= fdr).sum())
        alpha = fdr * max(n_hits, 1) / len(own)
        changes = np.concatenate([
            minimum_detectable_effect(part["standard_error"].to_numpy(float), df, alpha=alpha, power=POWER)
            for df, part in own.groupby(_freedom(own), sort=True)
        ])  # fmt: skip
        low, middle, high = np.quantile(changes, [0.25, 0.5, 0.75])
        row = {DATASET: dataset, CONTRAST: contrast, "n_genes": own[GENE].nunique()}
        row |= {"n_cell_types": own[CELL_TYPE].nunique(), "n_tests": len(own), "n_hits": n_hits}
        rows.append(row | {"detectable_low": low, "detectable": middle, "detectable_high": high})
    return pd.DataFrame(rows, columns=TABLES["synthesis_biomarkers_tested"].names)
