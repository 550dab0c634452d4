"""Activity, CAMERA and prerank of one gene set side by side: verdicts, and what one FDR is taken over."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscell.figures_views import draw_pathway_views
from alscell.tables import check_table
from alscell.views import KEY, compare_views

# Set: activity effect, its FDR; CAMERA t, its p; NES; verdict at FDR 0.05, whether NES and activity have one sign.
CASES = {
    "both": (2.0, 0.01, 5.0, 1e-6, 1.9, "agree", "yes"),
    "against": (-2.0, 0.01, 5.0, 1e-6, 1.9, "opposite", "no"),
    "active": (2.0, 0.01, -0.5, 0.6, -0.8, "activity_only", "no"),
    "enriched": (0.1, 0.90, -5.0, 1e-6, -1.7, "camera_only", "no"),
    "still": (-0.1, 0.90, -0.2, 0.8, -0.7, "neither", "yes"),
    "described": (1.0, np.nan, 0.2, 0.8, 0.7, "not_compared", "yes"),
}


@pytest.fixture
def views():
    keys = pd.DataFrame({"dataset": "x", "contrast": "c", "cell_type": "t", "family": "f", "pathway": list(CASES)})
    columns = pd.DataFrame(list(CASES.values()))
    tests = keys.assign(effect=columns[0], statistic=columns[0], p_value=columns[1], fdr=columns[1])
    direction = np.where(columns[2] > 0, "up", "down")
    camera = keys.assign(direction=direction, statistic=columns[2], p_value=columns[3])
    camera["normalized_enrichment_score"] = columns[4]
    unscored = camera.iloc[[0]].assign(pathway="unscored")
    found = compare_views(tests.assign(random_set_percentile=50.0), pd.concat([camera, unscored]), fdr=0.05)
    return check_table(found, "pathway_views")


def test_verdict_of_every_case(views):
    got = views.set_index("pathway")
    for name, (*_, verdict, sign) in CASES.items():
        assert got.loc[name, ["verdict", "nes_sign_agrees"]].tolist() == [verdict, sign], name
    assert got.loc["unscored", "verdict"] == "not_compared"
    assert pd.isna(got.loc["unscored", "nes_sign_agrees"])


def test_camera_is_held_to_all_sets_of_the_contrast(views):
    expected = stats.false_discovery_control(views["camera_p_value"].to_numpy(dtype=float))
    assert views["camera_fdr"].to_numpy(dtype=float) == pytest.approx(expected)


def test_figure_draws_what_was_compared_and_says_when_nothing_was(views):
    _, drawn = draw_pathway_views(views, fdr=0.05, n_labels=3, stamp="")
    assert sorted(drawn["pathway"]) == sorted(set(CASES) - {"described"})
    assert not drawn.duplicated(KEY).any()
    figure, nothing = draw_pathway_views(views[views["verdict"] == "not_compared"], fdr=0.05, n_labels=3, stamp="")
    assert nothing.empty
    assert any("No gene set" in text.get_text() for text in figure.findobj(match=lambda one: hasattr(one, "get_text")))
