"""A small half of `make validate-sets`, on fixed seeds: no set fails its rules, and the positive controls come out."""

import numpy as np
import pandas as pd
import pytest

from gene_sets import controls, measured, page, verdicts
from gene_sets.cohorts import FILES, has_data, marker_genes, read_cohort, shipped_sets
from gene_sets.planted import planted

MEMBERS, FACTS, OVERLAP = shipped_sets()
KINDS = FACTS.set_index(["family", "pathway"])["kind"]
SETS = {
    key: part["gene"].tolist()
    for key, part in MEMBERS.groupby(["family", "pathway"], sort=True)
    if KINDS[key] != verdicts.LIST
}
PLANTED = [("stress", "proteasome"), ("autophagy", "lysosome_clear"), ("inflammation", "interferon_alpha")]


def needs(name: str):
    reason = f"needs {FILES[name]} in ../shared/data (or $ALSCELL_TEST_DATA)"
    return pytest.mark.skipif(not has_data(name), reason=reason)


def no_data(**known) -> verdicts.Found:
    """Results of the sets alone, as where no data are there, but for what is given."""
    empty = dict.fromkeys(("coherence", "leading", "planted", "interferon", "blood", "lists"), pd.DataFrame())
    index = pd.MultiIndex.from_frame(FACTS[["family", "pathway"]])
    facts = {"sets": FACTS, "members": MEMBERS, "overlap": OVERLAP, "markers": marker_genes()}
    series = {"coverage": pd.DataFrame(index=index), "half_depth": pd.Series(dtype=float)}
    return verdicts.Found(**{**facts, **empty, **series, **known})


def test_no_program_holds_a_marker_of_a_cell_type_and_no_set_copies_another():
    table = verdicts.table(no_data())
    failed = table[table["verdict"] == "fails"]
    assert failed[["pathway", "reason"]].to_numpy().tolist() == []
    assert len(table) == len(FACTS)


def test_a_marker_in_a_program_fails_it_and_one_in_an_identity_does_not():
    rows = [("autophagy", "chaperone_mediated", "GFAP"), ("glia", "myelination", "AQP4")]
    more = pd.concat([MEMBERS, pd.DataFrame(rows, columns=MEMBERS.columns)])
    table = verdicts.table(no_data(members=more)).set_index("pathway")
    assert table.loc["chaperone_mediated", "verdict"] == "fails"
    assert "GFAP (astrocyte" in table.loc["chaperone_mediated", "reason"]
    assert table.loc["myelination", "verdict"] != "fails"


def test_an_alarming_set_and_one_with_the_wrong_sign_fail():
    rng = np.random.default_rng(1)
    own = {"family": "stress", "pathway": "proteasome"}
    runs = [
        {**own, "planted_family": "stress", "planted_pathway": "proteasome", "effect": -1.0, "p_value": 0.01,
         "shared": 30, "dataset": "velmeshev", "cell_type": "t", "repeat": repeat}
        for repeat in range(10)
    ]  # fmt: skip
    quiet = {"family": "stress", "pathway": "hypoxia", "planted_family": "stress", "planted_pathway": "proteasome"}
    runs += [
        {**quiet, "effect": 0.1, "p_value": p, "shared": 0, "dataset": "velmeshev", "cell_type": "t", "repeat": 0}
        for p in rng.uniform(0, 0.2, 200)
    ]
    table = verdicts.table(no_data(planted=pd.DataFrame(runs))).set_index("pathway")
    assert "planted sign lost" in table.loc["proteasome", "reason"]
    assert "not quiet" in table.loc["hypoxia", "reason"]


def test_what_left_a_set_is_not_back():
    inside = set(zip(MEMBERS["family"] + "/" + MEMBERS["pathway"], MEMBERS["gene"], strict=True))
    for row in page.changes().itertuples():
        assert (row.set in {one for one, _ in inside}) == (row.left != "(whole set)")
        assert not inside & {(row.set, gene) for gene in row.left.split(";")}


@needs("kang")
def test_interferon_alpha_rises_first_and_gamma_soon_after():
    found = controls.interferon(SETS)
    rank = found.set_index("pathway")["rank"]
    assert rank["interferon_alpha"] == 1
    assert rank["interferon_gamma"] <= 3
    gap = found.set_index("pathway")["difference"]
    assert gap["interferon_alpha"] > 1.5 * gap.drop("interferon_alpha").max()


@needs("pbmc4k")
def test_sets_of_leukocytes_are_highest_where_they_belong():
    cohort = read_cohort("pbmc4k")
    blood = controls.in_blood(measured.type_scores(cohort, SETS)[0])
    assert len(blood) == len(controls.BLOOD)
    assert blood.loc[~blood["met"], "pathway"].tolist() == []
    ratio = measured.half_depth(cohort, {key: SETS[key] for key in PLANTED}, seed=2)
    assert ratio.between(0.75, 1.33).all()


def test_published_lists_are_nearest_to_the_sets_of_their_cells():
    lists = controls.published_lists(SETS)
    if lists.empty:
        pytest.skip("needs spinal_cord_markers in ../shared/data (or $ALSCELL_TEST_DATA)")
    assert (lists["p_value"] < 1e-3).all()
    nearest = lists.set_index("list")["closest_set"]
    assert nearest["activation_markers: DAM"] == "inflammation/dam_microglia"
    assert nearest["neuroexpresso_spinal_cord_human: MotorNeuron"] == "motor_neuron/motor_neuron_identity"


@needs("velmeshev")
def test_members_move_together_more_often_than_random_genes_do():
    cohort = read_cohort("velmeshev")
    found, _ = measured.coherence(cohort, SETS, seed=3)
    assert (found["percentile"] > 95).mean() > 0.2
    assert found.set_index(["pathway", "cell_type"]).loc[("interferon_alpha", "Microglia"), "percentile"] > 99
    rng = np.random.default_rng(3)
    genes = sorted(set(MEMBERS["gene"]) & set(cohort.genes))
    shuffled = {("f", f"s{number:03d}"): rng.choice(genes, 60, replace=False).tolist() for number in range(100)}
    at_random, _ = measured.coherence(cohort, shuffled, seed=3)
    assert (at_random["percentile"] > 95).mean() < (found["percentile"] > 95).mean() / 2


@needs("velmeshev")
def test_planted_sets_are_found_with_their_sign_and_the_others_stay_quiet():
    runs = planted("velmeshev", SETS, PLANTED, repeats=5, seed=3)
    own = runs[runs["pathway"] == runs["planted_pathway"]]
    assert len(own) == 15
    assert (own["effect"] > 0).mean() >= 0.9
    assert (own["p_value"] < 0.05).mean() >= 0.7
    apart = runs[runs["shared"] == 0]
    assert (apart["p_value"] < 0.05).mean() < 0.08
