"""Scores by rank: against decoupler, against ranks counted one by one, and under permutations."""

import anndata
import decoupler
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from alscell import pathways
from alscell.errors import InputError
from alscell.ranking import align, build_ranking, detected, measured_genes, top_weights
from alscell.tables import check_table

N_GENES = 700
NO_KINDS = pd.DataFrame({"family": [], "pathway": [], "kind": []})


@pytest.fixture(scope="module")
def cells():
    """90 cells with many ties; the last 30 have fewer genes with a count than the ranking uses; 20 genes are empty."""
    rng = np.random.default_rng(1)
    share = rng.lognormal(0, 1.3, N_GENES)
    share[rng.choice(N_GENES, 20, replace=False)] = 0
    depth = np.r_[rng.lognormal(6.5, 0.5, 60), np.full(30, 18)]
    counts = sparse.csr_matrix(rng.poisson(np.outer(depth, share / share.sum())).astype(np.int32))
    counts = counts[counts.getnnz(axis=1) > 0]
    names = pd.Index([f"G{number}" for number in rng.permutation(10_000)[:N_GENES]])
    return anndata.AnnData(
        counts, obs=pd.DataFrame(index=[f"s_{i:03}" for i in range(counts.shape[0])]), var=pd.DataFrame(index=names)
    )


@pytest.fixture(scope="module")
def gene_sets(cells):
    rng = np.random.default_rng(2)
    parts = [
        pd.DataFrame({"family": "f", "pathway": f"s{size}", "gene": rng.choice(cells.var_names, size, replace=False)})
        for size in (12, 30, 90, 300)
    ]
    return pd.concat(parts)


def score(data, gene_sets, *, top_fraction=0.05):
    ranking = build_ranking(detected(data.X, data.var_names), top_fraction=top_fraction)
    table = pathways.set_coverage(gene_sets, NO_KINDS, ranking.genes, min_coverage=0, min_genes=5)
    members = pathways.set_members(gene_sets, table, ranking.genes)
    weights = top_weights(align(data.X, data.var_names, ranking), ranking)
    values = pathways.set_scores(weights, members, n_top=ranking.n_top)
    return pd.DataFrame(values, index=data.obs_names, columns=[name for _, name in members])


def test_scores_equal_decoupler(cells, gene_sets):
    ordered = cells[:, np.argsort(cells.var_names)].copy()
    net = gene_sets.rename(columns={"pathway": "source", "gene": "target"})[["source", "target"]]
    decoupler.mt.aucell(ordered, net, tmin=5)
    expected = ordered.obsm["score_aucell"]
    ours = score(cells, gene_sets)[expected.columns]
    assert (cells.X.getnnz(axis=1) < 34).sum() >= 25  # cells whose ranking needs genes without a count
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-7)
    assert ours.to_numpy().std() > 0.02


def test_score_by_hand():
    """20 genes, 5 ranks: members of rank 1 and 3 earn 4 + 2 of at most 4 + 3; a member of rank 5 earns nothing."""
    names = pd.Index([f"g{i:02}" for i in range(20)])
    data = anndata.AnnData(sparse.csr_matrix(np.arange(40, 20, -1)[None, :]), var=pd.DataFrame(index=names))
    sets = pd.DataFrame({"family": "f", "pathway": list("aabbb"), "gene": ["g00", "g02", "g00", "g03", "g04"]})
    ranking = build_ranking(names, top_fraction=0.25)
    table = pathways.set_coverage(sets, NO_KINDS, names, min_coverage=1, min_genes=2)
    weights = top_weights(align(data.X, names, ranking), ranking)
    values = pathways.set_scores(weights, pathways.set_members(sets, table, names), n_top=ranking.n_top)
    assert ranking.n_top == 5
    np.testing.assert_allclose(values, [[6 / 7, (4 + 1) / (4 + 3 + 2)]])


def test_order_of_genes_and_cells_changes_nothing(cells, gene_sets):
    rng = np.random.default_rng(3)
    shuffled = cells[rng.permutation(cells.n_obs), rng.permutation(cells.n_vars)].copy()
    expected, got = score(cells, gene_sets), score(shuffled, gene_sets)
    pd.testing.assert_frame_equal(got.loc[expected.index], expected, check_exact=True)


def test_gene_that_a_sample_lacks_is_no_gene_without_a_count(cells, caplog):
    """Sample b names 3 genes otherwise, and neither sample has a count of `empty`."""
    counts = sparse.csr_matrix(np.array([[1, 2, 3, 4, 0]], dtype=np.int32))
    a, b = pd.Index(["SHARED", "X", "Y", "Z", "empty"]), pd.Index(["SHARED", "X1", "Y1", "Z1", "empty"])
    with caplog.at_level("WARNING"):
        assert measured_genes([(counts, a), (counts, b)]) == {"SHARED"}
    assert "6 of 7 genes with counts are not in every sample" in caplog.text
    caplog.clear()
    assert measured_genes([(counts, a), (counts, a[[1, 0, 2, 3, 4]])]) == {"SHARED", "X", "Y", "Z"}
    assert measured_genes([]) == set()
    assert not caplog.text
    with pytest.raises(ValueError, match="1 ranked genes are not in the counts"):
        align(counts, b, build_ranking(["SHARED", "X"], top_fraction=1.0))


def test_stored_zeros_are_no_counts(cells, gene_sets):
    """Some zeros are stored, as a matrix has them after a subtraction."""
    stored = cells.copy()
    place = sparse.random(*cells.shape, density=0.3, format="csr", rng=np.random.default_rng(4))
    place.data[:] = 1000
    stored.X = sparse.csr_matrix(cells.X + place.astype(np.int32))
    stored.X.data[np.asarray(stored.X.data) >= 1000] -= 1000
    assert (stored.X.data == 0).sum() > 1000
    pd.testing.assert_frame_equal(score(stored, gene_sets), score(cells, gene_sets), check_exact=True)


def test_donor_profile_gives_the_mean_of_cell_scores(cells, gene_sets):
    """Two samples of one donor, genes listed in another order, against the mean over cells."""
    ranking = build_ranking(detected(cells.X, cells.var_names), top_fraction=0.05)
    table = pathways.set_coverage(gene_sets, NO_KINDS, ranking.genes, min_coverage=0, min_genes=5)
    members = pathways.set_members(gene_sets, table, ranking.genes)
    types = np.where(np.arange(cells.n_obs) % 3 == 0, "astrocyte", "microglia")
    donors = np.where(np.arange(cells.n_obs) < 50, "d1", "d2")
    parts = []
    for rows in (slice(0, 30), slice(30, 50), slice(50, None)):
        sample = cells[rows, np.random.default_rng(len(parts)).permutation(N_GENES)].copy()
        groups = pd.MultiIndex.from_arrays([donors[rows], types[rows]])
        parts.append(pathways.score_sample(sample, groups, ranking, members))
    assert sum(part.n_shallow for part in parts) == (cells.X.getnnz(axis=1) < 34).sum()
    profiles = pathways.mean_profiles(parts, ranking)
    got = pathways.donor_scores(profiles, members, pathways.sum_squares(parts)).set_index(
        ["pathway", "donor", "cell_type"]
    )
    scores = score(cells, gene_sets)
    expected, spread = scores.groupby([donors, types]).mean(), scores.groupby([donors, types]).std()
    depth = pd.Series(np.asarray(cells[:, ranking.genes].X.sum(axis=1)).ravel())
    depth = depth.groupby([donors, types]).mean()
    for (donor, cell_type), row in expected.iterrows():
        for name in scores:
            found = got.loc[(name, donor, cell_type)]
            assert found["score"] == pytest.approx(row[name], rel=1e-9)
            assert found["score_sd"] == pytest.approx(spread.loc[(donor, cell_type), name], rel=1e-6)
            assert found["depth"] == pytest.approx(depth[donor, cell_type])
        assert got.loc[("s30", donor, cell_type), "n_cells"] == ((donors == donor) & (types == cell_type)).sum()
    microglia = cells[types == "microglia", ranking.genes].X.toarray().mean(axis=0)
    np.testing.assert_allclose(profiles.expression["microglia"], microglia)
    again = pathways.from_anndata(pathways.to_anndata(profiles, dataset="x", simulated=True))
    np.testing.assert_allclose(again.weights, profiles.weights, rtol=1e-6)
    pd.testing.assert_frame_equal(again.rows, profiles.rows, check_dtype=False)
    check_table(got.reset_index().assign(dataset="x"), "pathway_donors")


def test_coverage_and_status():
    genes = pd.Index(["A", "B", "C", "D"])
    sets = pd.DataFrame(
        [("f", "full", gene) for gene in "ABC"]
        + [("f", "low", gene) for gene in "ABCWXYZ"]
        + [("f", "few", gene) for gene in "AB"]
        + [("f", "single", gene) for gene in "ABCD"]
        + [("f", "full", "A")],  # named twice, counted once
        columns=["family", "pathway", "gene"],
    )
    kinds = pd.DataFrame({"family": "f", "pathway": ["single", "full"], "kind": ["gene_level", "artefact"]})
    got = pathways.set_coverage(sets, kinds, genes, min_coverage=0.6, min_genes=3)
    got = got.set_index("pathway")
    assert got["status"].to_dict() == {
        "few": "too_few_genes", "full": "scored", "low": "low_coverage", "single": "gene_level"
    }  # fmt: skip
    assert got["n_genes"].to_dict() == {"few": 2, "full": 3, "low": 7, "single": 4}
    assert got.loc["low", ["n_genes", "n_measured", "missing"]].tolist() == [7, 3, "W;X;Y;Z"]
    assert got.loc["low", "coverage"] == pytest.approx(3 / 7)
    assert list(pathways.set_members(sets, got.reset_index(), genes)) == [("f", "full")]


def test_no_gene_in_common_says_what_is_where(gene_sets):
    ensembl = pd.Index(["ENSG01", "ENSG02"])
    with pytest.raises(InputError, match=r"gene_sets.*found 0 of their .* genes .*G\d+.*2 genes.*ENSG01.*symbol"):
        pathways.set_coverage(gene_sets, NO_KINDS, ensembl, min_coverage=0.6, min_genes=10)


def test_a_few_symbols_that_two_species_share_are_no_overlap():
    """C2, C3 and C9 are genes of mouse and man; 3 of 100 members is 3 %."""
    sets = pd.DataFrame({"family": "f", "pathway": "p", "gene": ["C2", "C3", "C9", *(f"HUMAN{i}" for i in range(97))]})
    mouse = pd.Index(["C2", "C3", "C9", "Gfap", "Nefl"])
    with pytest.raises(InputError, match=r"3 of their 100 genes \(3\.0 %; such as C2.* 5 genes .*at least 5 %"):
        pathways.set_coverage(sets, NO_KINDS, mouse, min_coverage=0.6, min_genes=10)
    twice = pd.concat([sets, sets.assign(pathway="q")])  # each gene counts once
    with pytest.raises(InputError, match="3 of their 100 genes"):
        pathways.check_overlap(twice, mouse, where="gene sets")
    pathways.check_overlap(sets, [*mouse, "HUMAN0", "HUMAN1"], where="gene sets")
    pathways.check_overlap(sets.iloc[:0], mouse, where="gene sets")


def test_no_set_scored_gives_empty_tables(cells, gene_sets):
    ranking = build_ranking(detected(cells.X, cells.var_names), top_fraction=0.05)
    groups = pd.MultiIndex.from_product([["d"], ["t"] * cells.n_obs])
    part = pathways.score_sample(cells, groups, ranking, {})
    table = pathways.donor_scores(pathways.mean_profiles([part], ranking), {}, pathways.sum_squares([part]))
    assert list(part.cells) == ["cell"]
    assert check_table(table.assign(dataset="x"), "pathway_donors").empty
