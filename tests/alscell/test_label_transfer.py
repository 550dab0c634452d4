"""Labels of a reference for other cells: what is learned, and on real cells how many get the right name."""

import os
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.annotation import MarkerValues, measured_markers
from alscell.counts import Counts
from alscell.embedding import log_normalize
from alscell.errors import InputError
from alscell.label_transfer import below_reference, learn_labels, learn_markers
from alscell.naming import name_cells
from alscell.sample_cells import Chosen, thinned
from alscell.tables import check_table

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data"))
LIMITS = {"min_score": 0.25, "min_margin": 0.2}


def reference(seed=0):
    """Three labels of 60 cells; gene i of 30 belongs to label i // 10, and half of label a's are half as high in b."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(["a", "b", "Inhibitory neuron"], 60)
    level = np.full((3, 40), 0.1)
    for kind in range(3):
        level[kind, 10 * kind : 10 * kind + 10] = 4
    level[1, :5] = 3  # a's first five genes do not tell it from b
    counts = sp.csr_matrix(rng.poisson(np.repeat(level, 60, axis=0)))
    return counts, np.array([f"G{i}" for i in range(40)]), labels


def test_genes_that_tell_a_label_from_every_other_are_learned():
    counts, genes, labels = reference()
    learned = check_table(learn_labels(Counts(counts, labels, genes, genes, labels), where="x"), "learned_markers")
    by_label = learned.groupby("cell_type")["gene"].agg(set)
    assert by_label["a"] == {f"G{i}" for i in range(5, 10)}
    assert by_label["b"] == {f"G{i}" for i in range(10, 20)}
    assert by_label["Inhibitory neuron"] == {f"G{i}" for i in range(20, 30)}
    assert (learned["level"] >= 2 * learned["next_level"]).all()
    assert learned.groupby("cell_type")["parent"].first().to_dict() == {"a": "", "b": "", "Inhibitory neuron": "neuron"}
    assert (learned["n_cells"] == 60).all()


def test_labels_of_few_cells_and_blank_ones_are_none(caplog):
    counts, genes, labels = reference()
    labels = labels.astype(object)
    labels[:45], labels[60:120] = "nan", "b"
    learned = learn_labels(Counts(counts, labels, genes, genes, labels), where="x")
    assert set(learned["cell_type"]) == {"b", "Inhibitory neuron"}
    assert "too few cells: a" in caplog.text


def test_a_reference_whose_labels_nothing_tells_apart_is_refused():
    counts, genes, labels = reference()
    mixed = np.random.default_rng(1).permutation(labels)
    with pytest.raises(InputError, match=r"ref\.h5ad: found 3 labels, none with 3 genes of its own"):
        learn_labels(Counts(counts, labels, genes, genes, mixed), where="ref.h5ad")


def test_cells_are_thinned_evenly_and_rare_labels_kept_whole():
    kinds = np.array(["common"] * 100 + ["rare"] * 3, dtype=object)
    few = thinned(Chosen(np.arange(103) + 7, np.arange(103), kinds), 10)
    assert pd.Series(few.cell_types).value_counts().to_dict() == {"common": 10, "rare": 3}
    assert few.rows[[0, 9]].tolist() == [7, 106]
    assert few.rows.tolist() == sorted(few.rows)


def test_a_cluster_with_less_than_half_of_the_reference_is_told():
    counts, genes, labels = reference()
    values = sp.csr_matrix(np.log1p(counts.toarray()))
    learned = learn_markers(values, genes, labels)
    names = pd.DataFrame({"cluster": ["0", "1", "2"], "cell_type": ["a", "b", "unassigned"]})
    clusters = np.repeat(["0", "1", "2"], 60)
    assert below_reference(names, clusters, values, genes.tolist(), learned).tolist() == [False, False, False]
    wrong = names.assign(cell_type=["b", "a", "neuron"])
    assert below_reference(wrong, clusters, values, genes.tolist(), learned).tolist() == [True, True, False]


# --- real cells


def labeled(folder, name, column):
    path = DATA / folder / name
    if not path.exists():
        pytest.skip(f"no {path}")
    data = anndata.read_h5ad(path)
    data.obs_names_make_unique()
    data.var_names_make_unique()
    return data, data.obs[column].astype(str).to_numpy()


def groups(data):
    """Clusters and neighbors as scanpy makes them."""
    import scanpy as sc

    space = data.copy()
    sc.pp.normalize_total(space, target_sum=1e4)
    sc.pp.log1p(space)
    sc.pp.highly_variable_genes(space, n_top_genes=1000)
    space = space[:, space.var["highly_variable"]].copy()
    sc.pp.pca(space, n_comps=30)
    sc.pp.neighbors(space, n_neighbors=15)
    sc.tl.leiden(space, resolution=1.0, flavor="igraph", n_iterations=2)
    return space.obs["leiden"].astype(str).to_numpy(), space.obsp["connectivities"]


def carried(known, labels, new, *, without=()):
    """Labels of `known`, but some, given to the cells of `new`."""
    kept = ~np.isin(labels, without)
    counts = Counts(
        sp.csr_matrix(known.X)[kept], known.obs_names[kept], *[known.var_names.to_numpy()] * 2, labels[kept]
    )
    learned = measured_markers(learn_labels(counts, where="x"), new.var_names.tolist())
    genes = list(dict.fromkeys(learned["gene"]))
    clusters, graph = groups(new)
    cells = pd.DataFrame({"cell": new.obs_names, "cluster": clusters, "donor": "d", "doublet_score": 0.0})
    taken = MarkerValues(log_normalize(new, genes=genes), genes, None, [])
    named = name_cells(cells, taken, learned, sp.csr_matrix(graph), refine=[], seed=1, **LIMITS)
    check_table(named.clusters, "cluster_labels")
    return named.cells["cell_type"].to_numpy()


def halves():
    data, labels = labeled("velmeshev_asd_pfc", "velmeshev_pfc_3celltypes_counts.h5ad", "cell_type")
    donors = data.obs["donor"].astype(str)
    first = donors.isin(sorted(donors.unique())[::2]).to_numpy()
    return data[first].copy(), labels[first], data[~first].copy(), labels[~first]


def test_nuclei_of_other_donors_get_their_names():
    known, labels, new, truth = halves()
    got = carried(known, labels, new)
    assert (got == truth)[got != "unassigned"].mean() > 0.985
    assert (got == "unassigned").mean() < 0.06


@pytest.mark.parametrize("absent", ["AST-FB", "Endothelial", "Microglia"])
def test_a_type_that_the_reference_lacks_stays_unassigned(absent):
    known, labels, new, truth = halves()
    got = carried(known, labels, new, without=[absent])
    assert (got[truth == absent] == "unassigned").mean() > 0.97
    assert (got == truth)[(truth != absent) & (got != "unassigned")].mean() > 0.98


def test_blood_cells_of_another_laboratory_get_the_right_names_or_none():
    """Resting cells (10x v2, all genes) name stimulated ones (10x v1, 1,267 genes)."""
    known, labels = labeled("pbmc4k_soupx", "pbmc_counts.h5ad", "annotation")
    new, truth = labeled("kang_ifnb", "kang_muscat_subset_counts.h5ad", "cluster_id")
    got = carried(known, labels, new, without=["?"])
    same = {"B cells": "B", "CD4 T cells": "T_CD4", "CD8 T cells": "T_CD8", "CD14+ Monocytes": "MNP"}
    expected = pd.Series(truth).map(same | {"FCGR3A+ Monocytes": "MNP"}).to_numpy()
    assert (got == expected)[got != "unassigned"].mean() > 0.95
    assert (got[expected == "MNP"] == "MNP").mean() > 0.95


def test_monocytes_are_not_called_b_cells_for_their_shared_genes():
    data, labels = labeled("pbmc4k_soupx", "pbmc_counts.h5ad", "annotation")
    half = np.arange(len(labels)) % 2 == 0
    got = carried(data[half].copy(), labels[half], data[~half].copy(), without=["MNP", "?"])
    monocytes = got[labels[~half] == "MNP"]
    assert (monocytes == "unassigned").mean() > 0.75  # dendritic cells among them are as high as B cells in these genes
    assert (got[labels[~half] == "B"] == "B").mean() > 0.95
