"""Cell types: planted ones found, mixed clusters not named, given labels kept."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.annotation import (
    cell_types_table,
    check_markers,
    choose_label,
    cluster_scores,
    given_labels,
    label_clusters,
    majority_label,
    marker_shares,
    marker_values,
    markers_table,
    measured_markers,
    score_types,
    smooth,
    usable_types,
)
from alscell.errors import InputError
from alscell.tables import check_table

TYPES = ("oligodendrocyte", "excitatory_neuron", "inhibitory_neuron", "motor_neuron", "endothelial", "mural")
MARKERS = pd.DataFrame([(name, f"{name}_{i}") for name in TYPES for i in range(4)], columns=["cell_type", "gene"])
GENES = MARKERS["gene"].tolist()
PARENTS = {"excitatory_neuron": "neuron", "inhibitory_neuron": "neuron", "motor_neuron": "neuron"}
PARENTS |= {"cycling": "progenitor"}
LIMITS = {"min_score": 0.25, "min_margin": 0.2}


def cohort(*, sizes, rate=1.2, seed=0):
    """Shallow cells: each marker of the own type is seen in most cells, those of other types (ambient) in few."""
    generator = np.random.default_rng(seed)
    truth = np.repeat(list(sizes), list(sizes.values()))
    own = (truth[:, None] + "_") == np.array([gene[:-1] for gene in GENES])[None]
    values = np.log1p(5 * generator.poisson(np.where(own, rate, 0.05)))
    alike = truth[:, None] == truth[None]
    graph = np.triu(generator.random(alike.shape) < np.where(alike, 12 / 60, 0), 1) * 0.5
    return truth, sp.csr_matrix(values, dtype=np.float32), sp.csr_matrix(graph + graph.T, dtype=np.float32)


def labels_of(clusters, values, graph, markers=MARKERS):
    scores = cluster_scores(score_types(marker_shares(smooth(values, graph)), GENES, markers), clusters)
    return {cluster: choose_label(row, PARENTS, **LIMITS) for cluster, row in scores.iterrows()}


def test_every_planted_type_is_found_also_the_rare_one():
    sizes = dict.fromkeys(TYPES, 60) | {"oligodendrocyte": 500, "motor_neuron": 12}
    truth, values, graph = cohort(sizes=sizes)
    found = labels_of(truth, values, graph)
    assert {name: label["cell_type"] for name, label in found.items()} == {name: name for name in sizes}
    assert all(label["margin"] > 0.3 for label in found.values())


def test_a_cluster_whose_type_has_no_markers_stays_unassigned():
    truth, values, graph = cohort(sizes=dict.fromkeys(TYPES, 60))
    known = MARKERS[~MARKERS["cell_type"].isin(["mural", "motor_neuron"])]
    found = labels_of(truth, values, graph, known)
    assert [found[name]["cell_type"] for name in TYPES] == [*TYPES[:3], "unassigned", "endothelial", "unassigned"]
    assert found["mural"]["score"] < 0.2


def test_mixed_neurons_are_only_neurons_and_other_mixtures_nothing():
    truth, values, graph = cohort(sizes=dict.fromkeys(TYPES, 60))
    mixed = pd.Series(truth).replace({"motor_neuron": "excitatory_neuron", "mural": "endothelial"}).to_numpy()
    found = labels_of(mixed, values, graph)
    assert found["excitatory_neuron"]["cell_type"] == "neuron"
    assert found["endothelial"]["cell_type"] == "unassigned"
    assert found["excitatory_neuron"]["low_margin"]
    assert found["endothelial"]["low_margin"]
    assert found["inhibitory_neuron"]["cell_type"] == "inhibitory_neuron"


def test_a_few_motor_neurons_in_a_large_cluster_do_not_name_it():
    truth, values, graph = cohort(sizes={"excitatory_neuron": 100, "motor_neuron": 15, "oligodendrocyte": 60})
    merged = np.where(truth == "motor_neuron", "excitatory_neuron", truth)
    assert labels_of(merged, values, graph)["excitatory_neuron"]["cell_type"] == "excitatory_neuron"


@pytest.mark.parametrize(
    ("scores", "label", "score", "margin", "next_type"),
    [
        ({"motor_neuron": 0.6, "excitatory_neuron": 0.1, "opc": 0.05}, "motor_neuron", 0.6, 0.5, "excitatory_neuron"),
        ({"motor_neuron": 0.35, "excitatory_neuron": 0.3, "opc": 0.05}, "neuron", 0.65, 0.6, "motor_neuron"),
        ({"motor_neuron": 0.2, "excitatory_neuron": 0.2, "opc": 0.35}, "unassigned", 0.35, 0.15, "opc"),
        ({"neuron": 0.5, "motor_neuron": 0.2, "glia_like": 0.1}, "neuron", 0.5, 0.3, "motor_neuron"),
        ({"microglia": 0.2, "opc": 0.0}, "unassigned", 0.2, 0.2, "microglia"),
        ({"microglia": 0.5, "opc": 0.0}, "microglia", 0.5, 0.5, None),
        ({"microglia": 0.5}, "microglia", 0.5, 0.5, None),
        ({"microglia": 0.45, "opc": 0.3}, "unassigned", 0.45, 0.15, "microglia"),
        ({"cycling": 0.4, "progenitor": 0.35}, "progenitor", 0.75, 0.75, "cycling"),
        ({"neuron": 0.4, "motor_neuron": 0.35}, "neuron", 0.75, 0.75, "motor_neuron"),
    ],
)
def test_labels_by_hand(scores, label, score, margin, next_type):
    found = choose_label(pd.Series(scores), PARENTS, **LIMITS)
    assert found["cell_type"] == label
    assert found["score"] == pytest.approx(score)
    assert found["margin"] == pytest.approx(margin)
    assert found["next_type"] == next_type
    assert found["low_margin"] == (score >= 0.25 and (label == "unassigned" or score > max(scores.values())))


def test_cell_scores_by_hand():
    markers = pd.DataFrame({"cell_type": ["a"] * 3 + ["b"] * 3, "gene": list("xyzzvw")})
    smoothed = np.zeros((40, 5))
    smoothed[:20] = [2.0, 1.0, 4.0, 0.1, 0.0]  # columns x y z v w; v is below the least reference, 0.2
    smoothed[20:30] = [1.0, 0.0, 4.0, 0.0, 0.0]
    found = score_types(marker_shares(smoothed), list("xyzvw"), markers)
    reference_z = 4.0
    assert found.columns.tolist() == ["a", "b"]
    np.testing.assert_allclose(found.iloc[0], [(1 + 1 + 0.5) / 2.5, (0.5 * 4 / reference_z + 0.5) / 2.5])
    np.testing.assert_allclose(found.iloc[25], [(0.5 + 0 + 0.5) / 2.5, 0.5 / 2.5])
    np.testing.assert_allclose(found.iloc[39], [0, 0])


def test_cluster_scores_by_hand():
    scores = pd.DataFrame({"a": [0.8, 0.6, 0.1, 0.5], "b": [0.2, 0.4, 0.5, 0.1]})
    found = cluster_scores(scores, np.array(["0", "0", "0", "1"]))
    assert found.loc["0"].tolist() == pytest.approx([1.4 / 3, 0.5 / 3])
    assert found.loc["1"].tolist() == pytest.approx([0.5, 0])


def test_smooth_by_hand():
    graph = sp.csr_matrix(np.array([[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0]]))
    out = smooth(sp.csr_matrix(np.array([[3.0], [0.0], [7.0]])), graph)
    np.testing.assert_allclose(out[:, 0], [2.0, 1.0, 7.0])


def test_types_with_fewer_than_three_measured_markers_are_not_used():
    measured = measured_markers(MARKERS, ["mural_0", "mural_1", "endothelial_0", "endothelial_1", "endothelial_2"])
    assert usable_types(measured) == ["endothelial"]


def test_a_marker_file_of_other_names_is_the_users_mistake():
    measured = measured_markers(MARKERS, ["Mbp", "Plp1"])
    with pytest.raises(InputError, match=r"^markers.tsv: found 0 measured genes of 24, e.g. oligo.*e.g. Mbp, Plp1"):
        check_markers(measured, MARKERS, example=["Mbp", "Plp1"], where="markers.tsv")


def test_given_labels_are_kept_with_single_spaces_and_blanks_are_unassigned():
    labels = pd.Series(pd.Categorical([" motor  neuron", "nan", None, "", "T/NK", "None"]))
    assert given_labels(labels).tolist() == ["motor neuron", *["unassigned"] * 3, "T/NK", "unassigned"]


def test_majority_label_breaks_ties_by_name():
    assert majority_label(pd.Series(["b", "a", "b", "c"]))["margin"] == 0.25
    tied = majority_label(pd.Series(["b", "a"]))
    assert (tied["cell_type"], tied["next_type"], tied["score"]) == ("a", "b", 0.5)


def cells_of_two_clusters():
    return pd.DataFrame(
        {
            "cell": [f"c{i:02}" for i in range(20)],
            "cluster": ["0"] * 12 + ["1"] * 8,
            "donor": ["d1", "d2"] * 6 + ["d1"] * 8,
            "doublet_score": [0.1] * 17 + [0.2, 0.9, 0.9],
            "given": ["microglia"] * 11 + ["opc"] + ["opc"] * 8,
        }
    )


def test_flags_name_one_donor_low_margin_and_doublets():
    scores = pd.DataFrame({"microglia": [0.6, 0.3], "opc": [0.0, 0.2]}, index=["0", "1"])
    table = check_table(label_clusters(cells_of_two_clusters(), scores, PARENTS, **LIMITS), "cluster_labels")
    assert table["cell_type"].tolist() == ["microglia", "unassigned"]
    assert table["flags"].fillna("").tolist() == ["", "one_donor;low_margin"]
    assert table[["n_cells", "n_donors"]].to_numpy().tolist() == [[12, 2], [8, 1]]
    doublets = cells_of_two_clusters().assign(doublet_score=[0.1] * 18 + [0.5, 0.5], cluster=["0"] * 18 + ["1"] * 2)
    assert "high_doublet_score" in label_clusters(doublets, scores, PARENTS, **LIMITS)["flags"].iloc[1]
    one_donor = cells_of_two_clusters().assign(donor="d1")
    assert not label_clusters(one_donor, scores, PARENTS, **LIMITS)["flags"].fillna("").str.contains("one_donor").any()


def test_no_doublet_scores_no_doublet_flags():
    scores = pd.DataFrame({"microglia": [0.6, 0.6], "opc": [0.0, 0.0]}, index=["0", "1"])
    table = label_clusters(cells_of_two_clusters().assign(doublet_score=np.nan), scores, PARENTS, **LIMITS)
    assert table["flags"].fillna("").tolist() == ["", "one_donor"]


def test_cells_take_the_label_of_their_cluster_or_their_own_given_one():
    cells = cells_of_two_clusters()
    named = label_clusters(cells, None, {}, **LIMITS)
    assert named["cell_type"].tolist() == ["microglia", "opc"]
    assert named["score"].tolist() == pytest.approx([11 / 12, 1.0])
    given = check_table(cell_types_table(cells, named), "cell_types")
    assert given["cell_type"].tolist() == cells["given"].tolist()
    assert given["score"].isna().all()
    assert set(given["source"]) == {"given"}
    marked = check_table(cell_types_table(cells.drop(columns="given"), named), "cell_types")
    assert marked["cell_type"].tolist() == ["microglia"] * 12 + ["opc"] * 8
    assert set(marked["source"]) == {"markers"}


def test_marker_values_come_in_the_order_of_cells_from_genes_that_all_samples_have():
    def sample(name, genes, counts, labels):
        obs = pd.DataFrame({"cell_type": labels}, index=[f"{name}_{i}" for i in range(len(counts))])
        return name, anndata.AnnData(sp.csr_matrix(np.array(counts)), obs=obs, var=pd.DataFrame(index=genes))

    samples = [
        sample("s1", ["A", "B", "C"], [[1, 0, 1], [0, 2, 0]], ["x", ""]),
        sample("s2", ["C", "A", "D"], [[4, 1, 5]], ["y"]),
    ]
    markers = pd.DataFrame({"cell_type": "t", "gene": ["C", "B", "A", "Z"]})
    found = marker_values(iter(samples), markers, pd.Series(["s1_1", "s2_0", "s1_0"]), has_labels=True)
    assert found.genes == ["C", "A"]
    expected = np.log1p(1e4 * np.array([[0, 0], [0.4, 0.1], [0.5, 0.5]]))
    np.testing.assert_allclose(found.values.toarray(), expected, rtol=1e-5)
    assert found.given.tolist() == ["unassigned", "y", "x"]
    assert found.example_genes == ["A", "B", "C"]


def test_markers_table_by_hand():
    values = sp.csr_matrix(np.array([[1.0, 0.0], [3.0, 2.0], [0.0, 5.0]]))
    markers = pd.DataFrame({"cell_type": ["a", "b", "b"], "gene": ["x", "x", "y"]})
    types = pd.Series(["a", "a", "unassigned"])
    table = check_table(markers_table(values, ["x", "y"], types, markers), "markers")
    assert table["cell_type"].tolist() == ["a", "a", "unassigned", "unassigned"]
    assert table["mean"].tolist() == [2, 1, 0, 5]
    assert table["fraction"].tolist() == [1, 0.5, 0, 1]
    assert table["marker_of"].tolist() == ["a;b", "b", "a;b", "b"]


def test_without_a_measured_marker_the_table_is_empty():
    table = markers_table(sp.csr_matrix((3, 0)), [], pd.Series(["a", "b", "b"]), MARKERS.iloc[:0])
    assert len(check_table(table, "markers")) == 0
