"""Rare types in big clusters, and labels that do not fit: found where planted, quiet where nothing is."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.annotation import marker_shares, parents_of, rename_cells, score_types, smooth
from alscell.errors import InputError
from alscell.files import read_markers
from alscell.label_checks import check_labels, home_of
from alscell.refinement import neighboring, refine_types
from alscell.tables import check_table

PARENTS = {"excitatory_neuron": "neuron", "inhibitory_neuron": "neuron", "motor_neuron": "neuron"}
TYPES = ("oligodendrocyte", "astrocyte", "microglia", *PARENTS)
N_MARKERS = 8
MARKERS = pd.DataFrame(
    [(name, PARENTS.get(name, ""), f"{name}_{i}") for name in TYPES for i in range(N_MARKERS)],
    columns=["cell_type", "parent", "gene"],
)
GENES = MARKERS["gene"].tolist()
LIMITS = {"min_score": 0.25, "min_margin": 0.2}


def expressed(name: str) -> list[bool]:
    """Which genes a type has: its markers; `cholinergic_4`: 4 of the 8 of motor neurons."""
    if name.startswith("cholinergic_"):
        return [gene in [f"motor_neuron_{i}" for i in range(int(name[-1]))] for gene in GENES]
    return [gene.rpartition("_")[0] == name for gene in GENES]


def cohort(sizes: dict[str, int], *, seed: int, soup: dict[str, str] | None = None, k: int = 15):
    """Sparse nuclei with depths, and a graph of neighbors; `soup`: type -> other type whose RNA it carries."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(list(sizes), list(sizes.values()))
    own = np.array([expressed(name) for name in sizes])
    level = np.where(own, rng.uniform(0.3, 1.5, len(GENES)), 0.04)
    for name, other in (soup or {}).items():
        level[list(sizes).index(name)] += 0.5 * np.array([gene.startswith(other) for gene in GENES])
    row = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    depth = rng.lognormal(0, 0.4, len(truth))
    values = np.log1p(5 * rng.poisson(level[row] * depth[:, None]) / depth[:, None])
    space = np.log1p(5 * level)[row] + rng.normal(0, 0.35, (len(truth), len(GENES)))  # as other genes would place them
    near = np.argsort(((space[:, None] - space[None]) ** 2).sum(axis=2), axis=1)[:, 1 : k + 1]
    graph = sp.csr_matrix((np.ones(near.size), near.ravel(), np.arange(len(truth) + 1) * k), (len(truth),) * 2)
    graph = graph.maximum(graph.T) * 0.4
    return truth, marker_shares(smooth(sp.csr_matrix(values), sp.csr_matrix(graph))), sp.csr_matrix(graph)


def refine(types, clusters, shares, graph, seed=1):
    return refine_types(
        pd.Series(types), clusters, shares, GENES, MARKERS, graph, branches=["neuron"], seed=seed, **LIMITS
    )


def merged(truth, *, into="excitatory_neuron"):
    """Labels and clusters in which every cholinergic neuron is lost among other neurons."""
    return np.where((truth == "motor_neuron") | np.char.startswith(truth, "cholinergic"), into, truth)


@pytest.mark.parametrize("seed", range(3))
def test_rare_motor_neurons_are_found_in_a_big_cluster(seed):
    sizes = {"excitatory_neuron": 300, "motor_neuron": 15, "oligodendrocyte": 200, "inhibitory_neuron": 80}
    truth, shares, graph = cohort(sizes, seed=seed)
    found = refine(merged(truth), merged(truth), shares, graph)
    is_motor = found["cell_type"] == "motor_neuron"
    hit = truth[found.index[is_motor]] == "motor_neuron"
    assert hit.sum() >= 12  # of 15
    assert hit.mean() >= 0.9
    assert not (found["cell_type"] == "oligodendrocyte").any()


@pytest.mark.parametrize(("others", "recall"), [(300, 0.9), (100, 0.6)])
def test_many_motor_neurons_of_a_cluster_are_found_too(others, recall):
    truth, shares, graph = cohort({"excitatory_neuron": others, "motor_neuron": 150, "oligodendrocyte": 200}, seed=1)
    found = refine(merged(truth), merged(truth), shares, graph)
    assert (truth[found.index] == "motor_neuron").all()
    assert len(found) >= recall * 150


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_motor", [0, 40])
def test_cholinergic_neurons_with_half_of_the_markers_stay_what_they_are(seed, n_motor):
    sizes = {"excitatory_neuron": 300, "cholinergic_4": 60, "motor_neuron": n_motor, "oligodendrocyte": 200}
    truth, shares, graph = cohort({name: n for name, n in sizes.items() if n}, seed=seed)
    found = refine(merged(truth), merged(truth), shares, graph)
    assert (truth[found.index] == "cholinergic_4").sum() <= 6
    assert (truth[found.index] == "motor_neuron").sum() >= 0.9 * n_motor


@pytest.mark.parametrize("seed", range(5))
def test_none_are_found_where_there_are_none(seed):
    sizes = {"excitatory_neuron": 300, "oligodendrocyte": 200, "inhibitory_neuron": 80}
    truth, shares, graph = cohort(sizes, seed=seed)
    assert (refine(truth, truth, shares, graph)["cell_type"] == "motor_neuron").sum() == 0


def test_glia_are_never_renamed_and_the_seed_alone_decides():
    truth, shares, graph = cohort({"excitatory_neuron": 200, "motor_neuron": 12, "astrocyte": 100}, seed=4)
    labels = np.where(truth == "motor_neuron", "astrocyte", truth)  # under a glial name: not of the branch
    assert refine(labels, labels, shares, graph).empty
    one, two = (refine(merged(truth), merged(truth), shares, graph, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_lone_cells_are_no_group():
    graph = sp.csr_matrix((10, 10), dtype=float).tolil()
    for i in range(5):
        graph[i, (i + 1) % 5] = graph[(i + 1) % 5, i] = 1  # a ring of five; the others stand alone
    graph = graph.tocsr()
    assert neighboring(np.ones(10, dtype=bool), graph).tolist() == [True] * 5 + [False] * 5
    assert not neighboring(np.arange(10) < 4, graph).any()
    assert not neighboring(np.zeros(10, dtype=bool), graph).any()


def test_renamed_cells_say_so():
    cells = {
        "cell": list("ab"),
        "cluster": "0",
        "cell_type": "neuron",
        "score": 0.4,
        "margin": 0.3,
        "source": "markers",
    }
    refined = pd.DataFrame({"cell_type": ["motor_neuron"], "score": [0.7], "margin": [0.5]}, index=[1])
    out = check_table(rename_cells(pd.DataFrame(cells), refined), "cell_types")
    assert out.iloc[1].to_dict() == {
        "cell": "b", "cluster": "0", "cell_type": "motor_neuron", "score": 0.7, "margin": 0.5, "source": "refined"
    }  # fmt: skip
    assert out.iloc[0]["source"] == "markers"


# --- labels against markers


def checked(labels, shares):
    scores = score_types(shares, GENES, MARKERS)
    table = check_labels(pd.Series(labels), scores, parents_of(MARKERS), min_margin=0.2)
    return check_table(table, "label_checks").set_index(["cell_type", "other_type"])


SIZES = {"oligodendrocyte": 150, "astrocyte": 80, "microglia": 60, "excitatory_neuron": 100, "motor_neuron": 40}


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_fit_are_left_in_peace(seed):
    truth, shares, _ = cohort(SIZES, seed=seed)
    table = checked(truth, shares)
    assert set(table["verdict"]) == {"fits"}
    assert ("motor_neuron", "excitatory_neuron") not in table.index  # of its own family
    assert len(table) == 3 * 5 + 2 * 3


def test_glia_under_the_name_of_neurons_are_found():
    truth, shares, _ = cohort(SIZES, seed=1)
    labels = truth.astype(object)
    labels[np.flatnonzero(truth == "oligodendrocyte")[:90]] = "motor_neuron"  # 90 of 130
    labels[np.flatnonzero(truth == "astrocyte")[:20]] = "excitatory_neuron"  # 20 of 120
    table = checked(labels, shares)
    assert table.loc[("motor_neuron", "oligodendrocyte"), "verdict"] == "mislabelled"
    assert table.loc[("motor_neuron", "oligodendrocyte"), "share_alike"] == pytest.approx(90 / 130, abs=0.02)
    assert table.loc[("excitatory_neuron", "astrocyte"), "verdict"] == "mixed"
    assert (table.loc["microglia", "verdict"] == "fits").all()


def test_foreign_rna_in_all_cells_of_a_label_is_contamination():
    truth, shares, _ = cohort(SIZES, seed=2, soup={"motor_neuron": "oligodendrocyte"})
    table = checked(truth, shares)
    row = table.loc[("motor_neuron", "oligodendrocyte")]
    assert (row["verdict"], row["share_alike"]) == ("contaminated", 0)
    assert row["excess"] > 0.15
    assert (table.drop(("motor_neuron", "oligodendrocyte"))["verdict"] == "fits").all()


@pytest.mark.parametrize(
    ("label", "home"),
    [
        ("Oligodendrocytes", "oligodendrocyte"), ("motor-neuron", "neuron"), ("L2/3 Exc", "neuron"), ("MN", "neuron"),
        ("Neurons", "neuron"), ("microglia", "microglia"), ("Ependymal", None), ("T cells", None),
    ],
)  # fmt: skip
def test_labels_find_their_family(label, home):
    families = {PARENTS.get(name, name) for name in TYPES}
    assert home_of(label, families, PARENTS) == home


def test_names_of_a_users_own_marker_table_are_found_however_written():
    families = {"AST-FB", "Endothelial", "T cells"}
    assert [home_of(name, families, {}) for name in ("AST-FB", "ast_fb", "endothelial", "T cell")] == [
        "AST-FB", "AST-FB", "Endothelial", None
    ]  # fmt: skip
    assert home_of("T cells", families, {}) == "T cells"


def test_a_label_without_markers_has_no_verdict_and_one_label_no_usual_level():
    truth, shares, _ = cohort({"oligodendrocyte": 50, "astrocyte": 50}, seed=3)
    table = checked(np.where(truth == "astrocyte", "T cells", truth), shares)
    assert set(table.loc["T cells", "verdict"]) == {"unknown_label"}
    assert table.loc[("T cells", "astrocyte"), "share_alike"] > 0.9
    alone = checked(np.where(truth == "astrocyte", "unassigned", truth), shares)
    assert set(alone.index.get_level_values(0)) == {"oligodendrocyte"}
    assert alone["usual"].isna().all()
    assert (alone["verdict"] == "fits").all()


# --- the column `parent`


def test_parents_are_read_and_checked(tmp_path):
    path = tmp_path / "markers.tsv"
    path.write_text("cell_type\tgene\tparent\nmn\tISL1\tneuron\nmn\tMNX1\tneuron\nglia\tGFAP\t\n", encoding="utf-8")
    assert parents_of(read_markers(path)) == {"mn": "neuron"}
    path.write_text("cell_type\tgene\nmn\tISL1\n", encoding="utf-8")
    assert parents_of(read_markers(path)) == {}
    for rows, said in (
        ("mn\tISL1\tneuron\nmn\tMNX1\tcell\n", "several parents of 'mn'"),
        ("mn\tISL1\tneuron\nneuron\tSYT1\tcell\n", "'mn', whose parent has a parent"),
    ):
        path.write_text(f"cell_type\tgene\tparent\n{rows}", encoding="utf-8")
        with pytest.raises(InputError, match=said):
            read_markers(path)
