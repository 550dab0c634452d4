"""Does what dissociation or death does to cells move along with a stress or inflammation hit?

Each such set stands beside each set of the family "artefact", same cell type and contrast: its effect and FDR,
the correlation of the donors' scores within arms, shared genes, and the set's effect with the artefact score held.
NOTE: held is not cleaned. The artefact signatures are made of genes that true inflammation moves too (Marsh 2022,
doi:10.1038/s41593-022-01022-8), so that holding them can take away a true effect; what stays is the safer half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from alscell.design import Definition, Design, plan_tests
from alscell.keys import CELL_TYPE, CONTRAST, DESCRIPTIVE, DONOR, FAMILY, GENE, N_CELLS, PATHWAY
from alscell.pooling import CONFIDENCE
from alscell.tables import TABLES

ARTEFACT = "artefact"  # family of the artefact sets
WATCHED = ("inflammation", "stress")  # families beside which the artefact is shown
MIN_DF = 3  # residual degrees of freedom, below which an effect with the artefact held gets no interval
VANISHES = 0.5  # ASSUME: an effect that loses more than half of its size with the artefact held is mostly shared
NONE_SCORED, QUIET, MOVES_TOO, UNTESTED = "no_artefact_scored", "artefact_quiet", "artefact_moves_too", "not_tested"
_KEY = [CONTRAST, CELL_TYPE, FAMILY, PATHWAY]


def show_artefacts(
    tests: pd.DataFrame,
    scores: pd.DataFrame,
    gene_sets: pd.DataFrame,
    donors: pd.DataFrame,
    definitions: Mapping[str, Definition],
    *,
    covariates: Sequence[str],
    min_cells: int,
    min_donors: int,
    fdr: float,
) -> pd.DataFrame:
    """Every set of WATCHED families beside every artefact set; one row without an artefact set where none is scored.

    Parameters
    ----------
    tests, scores : DataFrame
        Tables "pathway_tests" and "pathway_donors" of one dataset.
    gene_sets : DataFrame
        Columns family, pathway, gene.
    donors : DataFrame
        Donor-level columns, index donor.
    definitions, covariates, min_cells, min_donors
        As in `activity.compare_arms`.
    fdr : float
        At which an artefact set moves.

    Returns
    -------
    DataFrame
        Columns of the table "pathway_artefacts", without dataset.
    """
    watched = tests[tests[FAMILY].isin(WATCHED)][[*_KEY, "effect", "fdr", DESCRIPTIVE]]
    beside = tests[tests[FAMILY] == ARTEFACT][[CONTRAST, CELL_TYPE, PATHWAY, "effect", "fdr"]]
    names = {PATHWAY: ARTEFACT, "effect": "artefact_effect", "fdr": "artefact_fdr"}
    rows = watched.merge(beside.rename(columns=names), on=[CONTRAST, CELL_TYPE], how="left")
    rows["flag"] = _flags(rows, fdr)
    rows = rows.assign(**_shared_genes(rows, gene_sets))
    designs = _Designs(scores, donors, definitions, covariates=covariates, min_cells=min_cells, min_donors=min_donors)
    held = pd.DataFrame([_hold(row, designs) for row in rows.to_dict("records")], index=rows.index, columns=_HELD)
    rows = pd.concat([rows, held], axis=1).assign(artefact=rows[ARTEFACT].fillna("none"))
    return rows[[name for name in TABLES["pathway_artefacts"].names if name != "dataset"]]


_HELD = ["correlation", "effect_before", "effect_held", "ci_low_held", "ci_high_held", "df_held", "held_says"]


def _flags(rows: pd.DataFrame, fdr: float) -> np.ndarray:
    same = np.sign(rows["effect"]) == np.sign(rows["artefact_effect"])
    cases = [rows[ARTEFACT].isna(), rows["artefact_fdr"].isna(), same & (rows["artefact_fdr"] <= fdr)]
    return np.select(cases, [NONE_SCORED, UNTESTED, MOVES_TOO], default=QUIET)


def _shared_genes(rows: pd.DataFrame, gene_sets: pd.DataFrame) -> dict[str, list[object]]:
    members = {key: set(own[GENE]) for key, own in gene_sets.groupby([FAMILY, PATHWAY], sort=True)}
    shared = [
        sorted(members.get((row[FAMILY], row[PATHWAY]), set()) & members.get((ARTEFACT, row[ARTEFACT]), set()))
        for row in rows.to_dict("records")
    ]
    return {"n_shared": [len(genes) for genes in shared], "shared": [";".join(genes) or None for genes in shared]}


class _Designs:
    """Scores, sets x donors, and designs of every cell type, each made once."""

    def __init__(
        self,
        scores: pd.DataFrame,
        donors: pd.DataFrame,
        definitions: Mapping[str, Definition],
        *,
        covariates: Sequence[str],
        min_cells: int,
        min_donors: int,
    ) -> None:
        known = scores[scores[DONOR].isin(donors.index) & (scores[N_CELLS] >= min_cells)]
        self.scores, self.designs = {}, {}
        for cell_type, rows in known.groupby(CELL_TYPE, sort=True):
            here = donors.loc[rows[DONOR].unique()].sort_index()
            planned, _ = plan_tests(here, definitions, covariates=covariates, min_donors=min_donors)
            self.scores[cell_type] = rows.pivot(index=[FAMILY, PATHWAY], columns=DONOR, values="score")
            self.designs |= {(contrast, cell_type): design for contrast, design in planned.items()}


def _hold(row: dict[str, object], known: _Designs) -> dict[str, object]:
    """Correlation with the artefact score, and the effect with it held; empty without a test or an artefact set."""
    design = known.designs.get((row[CONTRAST], row[CELL_TYPE]))
    if row["flag"] in (NONE_SCORED, UNTESTED) or design is None:
        return {}
    scores = known.scores[row[CELL_TYPE]][design.matrix.index]
    own, artefact = (
        scores.loc[key].to_numpy(float) for key in ((row[FAMILY], row[PATHWAY]), (ARTEFACT, row[ARTEFACT]))
    )
    return hold_artefact(own, artefact, design)


def hold_artefact(score: np.ndarray, artefact: np.ndarray, design: Design) -> dict[str, object]:
    """One set and one artefact score by donors: how they go together within arms, and what is left with it held.

    Parameters
    ----------
    score, artefact : ndarray (donors,)
        In the order of the design.
    design : Design
        Of these donors.

    Returns
    -------
    dict
        correlation of the residuals; effect_before and effect_held, both in residual standard deviations of the model
        without the artefact; interval and df_held of the latter (no interval below MIN_DF); held_says: "stays",
        "vanishes", or "descriptive". Empty where a score does not vary within arms.
    """
    terms = design.matrix.to_numpy(dtype=float)
    residuals = [values - terms @ np.linalg.lstsq(terms, values, rcond=None)[0] for values in (score, artefact)]
    df = len(terms) - terms.shape[1]
    if df < 2 or any(np.abs(part).max() <= 1e-9 * max(np.abs(score).max(), 1e-12) for part in residuals):
        return {}
    sd = float(np.sqrt((residuals[0] ** 2).sum() / df))
    before = float(design.contrast @ np.linalg.lstsq(terms, score, rcond=None)[0]) / sd
    more = np.column_stack([terms, artefact / np.std(artefact)])
    coefficients = np.linalg.lstsq(more, score, rcond=None)[0]
    weights = np.append(design.contrast, 0.0)
    held = float(weights @ coefficients) / sd
    left = score - more @ coefficients
    error = np.sqrt((left**2).sum() / (df - 1) * (weights @ np.linalg.inv(more.T @ more) @ weights)) / sd
    tested = df - 1 >= MIN_DF
    half = stats.t.ppf((1 + CONFIDENCE) / 2, df - 1) * error if tested else np.nan
    says = "vanishes" if held * np.sign(before) < (1 - VANISHES) * abs(before) else "stays"
    return {
        "correlation": float(np.corrcoef(*residuals)[0, 1]),
        "effect_before": before,
        "effect_held": held,
        "ci_low_held": held - half,
        "ci_high_held": held + half,
        "df_held": df - 1,
        "held_says": says if tested else "descriptive",
    }
