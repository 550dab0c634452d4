"""Three views of one gene set side by side: donor-level activity, CAMERA, and the prerank score.

They ask different things. Activity is self-contained: did the set's score move between donors? CAMERA is competitive:
did its genes move more than the other genes did? Where they disagree, the table says so.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from alscell.keys import CELL_TYPE, CONTRAST, DATASET, FAMILY, PATHWAY
from alscell.moderation import benjamini_hochberg

AGREE, OPPOSITE, ACTIVITY_ONLY, CAMERA_ONLY = "agree", "opposite", "activity_only", "camera_only"
NEITHER, NOT_COMPARED = "neither", "not_compared"
DISAGREEMENTS = (OPPOSITE, ACTIVITY_ONLY, CAMERA_ONLY)
KEY = [DATASET, CONTRAST, CELL_TYPE, FAMILY, PATHWAY]
_ACTIVITY = {
    "effect": "activity_effect",
    "statistic": "activity_statistic",
    "p_value": "activity_p_value",
    "fdr": "activity_fdr",
}
_CAMERA = {"direction": "camera_direction", "statistic": "camera_statistic", "p_value": "camera_p_value"}


def compare_views(tests: pd.DataFrame, enrichment: pd.DataFrame, *, fdr: float) -> pd.DataFrame:
    """What the three views say of every set in every cell type and contrast, and whether they agree.

    Parameters
    ----------
    tests, enrichment : DataFrame
        Tables "pathway_tests" and "enrichment" of one dataset.
    fdr : float, 0..1
        What counts as found.

    Returns
    -------
    DataFrame
        Table "pathway_views": a row for each set that has a row in either table. `camera_fdr` is taken over all cell
        types and sets of the contrast, so that both tests are held to the same family.
    """
    activity = tests[[*KEY, *_ACTIVITY, "random_set_percentile"]].rename(columns=_ACTIVITY)
    camera = enrichment[[*KEY, *_CAMERA, "normalized_enrichment_score"]].rename(columns=_CAMERA)
    table = activity.merge(camera, on=KEY, how="outer").sort_values(KEY, ignore_index=True)
    table["camera_fdr"] = np.nan
    for rows in table.groupby(CONTRAST).indices.values():
        table.loc[rows, "camera_fdr"] = benjamini_hochberg(table["camera_p_value"].to_numpy(dtype=float)[rows])
    table["verdict"] = _verdicts(table, fdr)
    signs = np.sign(table["normalized_enrichment_score"].to_numpy(dtype=float) * table["activity_effect"])
    table["nes_sign_agrees"] = signs.map({1.0: "yes", -1.0: "no"}).astype(object)
    return table


def _verdicts(table: pd.DataFrame, fdr: float) -> np.ndarray:
    active, enriched = table["activity_fdr"] <= fdr, table["camera_fdr"] <= fdr
    same = (table["activity_effect"] > 0) == (table["camera_statistic"] > 0)
    tested = table["activity_fdr"].notna() & table["camera_fdr"].notna()
    cases = [~tested, active & enriched & same, active & enriched, active, enriched]
    return np.select(cases, [NOT_COMPARED, AGREE, OPPOSITE, ACTIVITY_ONLY, CAMERA_ONLY], default=NEITHER)
