"""Gene sets: CAMERA against limma, prerank against its definition, and what the table says where nothing was tested."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from alscell.design import build_design
from alscell.enrichment import (
    camera,
    count_members,
    enrich_dataset,
    normal_scores,
    prerank_scores,
    ranking,
    running_sums,
    sets_to_test,
)
from alscell.errors import InputError
from alscell.expression import Choices, fit_cell_type
from alscell.files import read_gene_sets, read_gmt
from alscell.tables import check_table

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
ARMS = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}


# --- GMT files


def gmt(folder: Path, text: str, name: str = "stress.gmt") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_gene_sets_are_rows_of_family_pathway_gene(tmp_path: Path) -> None:
    paths = [
        gmt(tmp_path, "upr\tdefinition\tHSPA5\tDDIT3\tHSPA5\t\n\nhsf1\t\tHSPA1A\r\n"),
        gmt(tmp_path, "core\tx\tC9orf72\tmt-Nd1\n", "my_sets.gmt"),
    ]
    assert read_gene_sets(paths).to_numpy().tolist() == [
        ["stress", "upr", "HSPA5"],
        ["stress", "upr", "DDIT3"],
        ["stress", "hsf1", "HSPA1A"],
        ["my_sets", "core", "C9orf72"],
        ["my_sets", "core", "mt-Nd1"],
    ]
    assert len(read_gene_sets([])) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("upr definition HSPA5 DDIT3\n", "line 1: found no tabs"),
        ("upr\tdefinition\tHSPA5 DDIT3\n", "'HSPA5 DDIT3' in set 'upr'; expected tabs, not spaces"),
        ("a\tx\tSOD1\nupr\tdefinition\t\n", "line 2: found set 'upr' without genes"),
        ("upr\tdefinition\n", "set 'upr' without genes"),
        ("upr\tx\tSOD1\nupr\ty\tFUS\n", "line 2: found a second set 'upr'"),
        ("\n", "found no gene set"),
    ],
)
def test_broken_gmt_names_line_and_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_gmt(gmt(tmp_path, text))


def test_a_family_may_have_several_files_but_each_set_once(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    paths = [gmt(tmp_path, "a\tx\tSOD1\n"), gmt(tmp_path / "mine", "b\tx\tFUS\n")]
    assert read_gene_sets(paths, ["f", "f"])["pathway"].tolist() == ["a", "b"]
    paths[1] = gmt(tmp_path / "mine", "a\tx\tFUS\n")
    with pytest.raises(InputError, match=r"mine/stress.gmt: found set 'a' of family 'stress', also in .*stress.gmt"):
        read_gene_sets(paths)


def test_gene_level_sets_are_not_tested_as_sets() -> None:
    sets = pd.DataFrame(
        [["tdp43", "loss", "STMN2"], ["stress", "upr", "HSPA5"], ["mine", "loss", "FUS"]],
        columns=["family", "pathway", "gene"],
    )
    kinds = pd.DataFrame(
        [["tdp43", "loss", "gene_level"], ["stress", "upr", "pathway"]], columns=["family", "pathway", "kind"]
    )
    assert sets_to_test(sets, kinds)["family"].tolist() == ["stress", "mine"]


# --- CAMERA


def choices(method: str) -> Choices:
    """limma's models as they are."""
    plain = {"cell_weights": False, "local_prior": False, "hidden_factors": 0, "exclude_outliers": False}
    return Choices(method, 10, 15, **plain, independent_filtering=False, fdr=0.05)


@pytest.fixture(scope="module")
def reference() -> dict:
    donors = pd.read_csv(REFERENCE / "design.tsv", sep="\t", dtype=str).set_index("donor")
    design = build_design(donors, **ARMS, covariates=["age"])
    counts = pd.read_csv(REFERENCE / "counts.tsv", sep="\t", index_col="gene")
    sets = pd.read_csv(REFERENCE / "sets.tsv", sep="\t")
    cells = np.arange(counts.shape[1]) + 20
    fits = {
        method: fit_cell_type(counts.to_numpy(), counts.index.to_numpy(), design, choices(method), cells=cells)
        for method in ("voom", "trend")
    }
    return {"design": design, "fits": fits, "sets": sets, "camera": pd.read_csv(REFERENCE / "camera.tsv", sep="\t")}


@pytest.mark.parametrize("method", ["voom", "trend"])
def test_camera_equals_limma(reference: dict, method: str) -> None:
    fitted = reference["fits"][method]
    members = {
        name: np.flatnonzero(np.isin(fitted.genes, genes)) for name, genes in reference["sets"].groupby("set")["gene"]
    }
    found = camera(fitted, reference["design"], members)
    expected = reference["camera"].query("method == @method").set_index("set").loc[found.index]
    assert len(expected) == 12
    assert [len(rows) for rows in members.values()] == expected["n_genes"].tolist()
    assert found["correlation"].to_numpy() == pytest.approx(expected["correlation"].to_numpy(), rel=1e-6)
    assert found["p_value"].to_numpy() == pytest.approx(expected["p"].to_numpy(), rel=1e-5)
    assert found["direction"].tolist() == expected["direction"].tolist()
    assert (expected["correlation"] > 0.4).any()
    assert (expected["correlation"] < 0).any()


def test_correlated_genes_widen_the_test(reference: dict) -> None:
    """The same members would be significant if they were independent."""
    fitted, design = reference["fits"]["trend"], reference["design"]
    table = camera(fitted, design, {"module06": _rows(reference, "trend", "module06")})
    n = len(_rows(reference, "trend", "module06"))
    inflation = 1 + (n - 1) * table["correlation"].iloc[0]
    assert inflation > 3


def _rows(reference: dict, method: str, name: str) -> np.ndarray:
    genes = reference["sets"].query("set == @name")["gene"]
    return np.flatnonzero(np.isin(reference["fits"][method].genes, genes))


def test_normal_scores_keep_probabilities_and_stay_finite() -> None:
    t = np.array([-3.0, -0.1, 0.0, 2.0, 7.0])
    assert stats.norm.sf(normal_scores(t, df=5)) == pytest.approx(stats.t.sf(t, 5))
    assert np.isfinite(normal_scores(np.array([-300.0, 300.0]), df=1e6)).all()


# --- prerank


def test_ranking_breaks_ties_by_name() -> None:
    ranked = ranking(np.array(["b", "c", "a", "d"]), np.array([1.0, 2.0, 1.0, 1.0]))
    assert ranked.index.tolist() == ["c", "a", "b", "d"]
    assert (np.diff(ranked) < 0).all()
    assert ranked.to_numpy() == pytest.approx([2, 1, 1, 1])


def enrichment_peak(ranked: pd.Series, members: list[str]) -> tuple[float, list[str]]:
    """Running sum of Subramanian 2005 with weight 1, by hand: its peak, and the members before it."""
    inside = ranked.index.isin(members)
    step = np.where(inside, ranked.abs() / ranked.abs()[inside].sum(), -1 / (~inside).sum())
    path = np.cumsum(step)
    peak = int(np.argmax(np.abs(path)))
    edge = ranked.index[: peak + 1] if path[peak] > 0 else ranked.index[:peak:-1]
    return path[peak], [gene for gene in edge if gene in members]


def test_scores_have_the_sign_and_the_leading_edge_of_the_running_sum() -> None:
    rng = np.random.default_rng(4)
    # Most names are not in capitals, those of the sets are, but for two: gseapy alone would drop these from the sets.
    names = np.array([f"{'c' if i > 200 or i in (0, 30) else 'C'}{i}" for i in range(2000)])
    values = rng.normal(size=2000)
    values[:30] += 1.5
    values[30:60] -= 1.5
    values[[0, 30]] = [4, -4]
    ranked = ranking(names, values)
    sets = {"up": list(names[:30]), "down": list(names[30:60]), "quiet": list(names[100:140])}
    table = prerank_scores(ranked, sets, permutations=500, seed=1)
    assert sorted(table.index) == ["down", "quiet", "up"]
    for name, members in sets.items():
        score, edge = enrichment_peak(ranked, members)
        assert np.sign(table.loc[name, "normalized_enrichment_score"]) == np.sign(score)
        assert sorted(table.loc[name, "leading_edge"].split(";")) == sorted(edge)
    assert "c0" in table.loc["up", "leading_edge"].split(";")
    assert "c30" in table.loc["down", "leading_edge"].split(";")
    assert table.loc["up", "normalized_enrichment_score"] > 1.8
    assert table.loc["down", "normalized_enrichment_score"] < -1.8
    assert abs(table.loc["quiet", "normalized_enrichment_score"]) < 1.6


def test_running_sums_are_those_of_the_definition_at_every_member() -> None:
    rng = np.random.default_rng(6)
    names = np.array([f"g{i}" for i in range(300)])
    ranked = ranking(names, rng.normal(size=300) + np.where(np.arange(300) < 20, 1.5, 0))
    members = {"b": list(names[:20]), "a": list(names[100:115])}
    table = running_sums(ranked, members)
    assert table["set"].unique().tolist() == ["a", "b"]
    for name, own in table.groupby("set"):
        inside = ranked.index.isin(members[name])
        step = np.where(inside, ranked.abs() / ranked.abs()[inside].sum(), -1 / (~inside).sum())
        path = np.cumsum(step)
        assert own["gene"].tolist() == ranked.index[inside].tolist()
        assert own["rank"].tolist() == (np.flatnonzero(inside) + 1).tolist()
        assert own["after"].to_numpy() == pytest.approx(path[inside])
        assert own["before"].to_numpy() == pytest.approx((path - step)[inside])
    edge = prerank_scores(ranked, members, permutations=50, seed=1).loc["b", "leading_edge"].split(";")
    of_b = table[table["set"] == "b"]
    assert sorted(of_b["gene"][: of_b["after"].argmax() + 1]) == sorted(edge)
    assert running_sums(ranked, {}).empty


def test_normalization_is_by_the_mean_of_random_sets_of_the_same_sign() -> None:
    rng = np.random.default_rng(5)
    names = np.array([f"G{i}" for i in range(800)])
    ranked = ranking(names, rng.normal(size=800) + 0.3)
    members = list(names[:25])
    score, _ = enrichment_peak(ranked, members)
    null = np.array([enrichment_peak(ranked, list(rng.choice(names, 25, replace=False)))[0] for _ in range(800)])
    expected = score / np.abs(null[np.sign(null) == np.sign(score)]).mean()
    found = prerank_scores(ranked, {"set": members}, permutations=1000, seed=3)["normalized_enrichment_score"].iloc[0]
    assert found == pytest.approx(expected, rel=0.06)


def test_scores_depend_on_the_seed_only() -> None:
    rng = np.random.default_rng(6)
    names = np.array([f"G{i}" for i in range(500)])
    ranked = ranking(names, rng.normal(size=500))
    sets = {"a": list(names[:20]), "b": list(names[50:90])}
    first = prerank_scores(ranked, sets, permutations=200, seed=1).sort_index()
    turned = {name: genes[::-1] for name, genes in reversed(sets.items())}
    pd.testing.assert_frame_equal(first, prerank_scores(ranked, turned, permutations=200, seed=1).sort_index())
    assert len(prerank_scores(ranked, {}, permutations=200, seed=1)) == 0


# --- whole contrasts


def test_table_finds_the_planted_set_and_keeps_rows_without_numbers() -> None:
    rng = np.random.default_rng(9)
    genes = np.array([f"G{i:03d}" for i in range(500)])
    case = np.repeat([1.0, 0.0], [6, 5])
    donors = pd.DataFrame({"donor": [f"d{i:02d}" for i in range(11)], "condition": ["ALS"] * 6 + ["Control"] * 5})
    rate = np.full((500, 11), 100.0) * rng.lognormal(0, 0.3, (500, 11))
    rate[:40] *= 2 ** (0.8 * case)
    full = donors.assign(cell_type="microglia", n_cells=50)
    thin = donors.assign(cell_type="opc", n_cells=[50, 50, *[2] * 4, *[50] * 5])
    rows = pd.concat([full, thin], ignore_index=True)
    counts = sparse.csr_matrix(np.vstack([rng.poisson(rate).T] * 2))
    sets = {"planted": genes[:40], "quiet": genes[100:140], "small": [*genes[:5], *(f"absent{i}" for i in range(9))]}
    table = pd.DataFrame([("f", name, gene) for name, members in sets.items() for gene in members])
    table.columns = ["family", "pathway", "gene"]
    choice = {"covariates": [], "min_cells": 10, "min_donors": 3, "dataset": "d"}
    scores = {"permutations": 300, "seed": 1, "min_size": 10, "max_size": 500}
    found = check_table(
        enrich_dataset(counts, rows, genes, table, {"c": ARMS}, choices("voom"), **choice, **scores), "enrichment"
    )
    found = found.set_index(["cell_type", "pathway"])
    assert len(found) == 6
    planted, quiet, small = (found.loc[("microglia", name)] for name in ("planted", "quiet", "small"))
    assert planted["fdr"] < 0.01
    assert planted["direction"] == "up"
    assert planted["normalized_enrichment_score"] > 1.8
    assert set(planted["leading_edge"].split(";")) <= set(genes[:40])
    assert quiet["p_value"] > 0.05
    assert small["n_genes"] == 5
    assert small[["normalized_enrichment_score", "p_value", "fdr", "direction"]].isna().all()
    described = found.loc["opc"]
    assert described["descriptive"].all()
    assert described["n_genes"].to_dict() == {"planted": 40, "quiet": 40, "small": 5}
    assert described[["normalized_enrichment_score", "statistic", "p_value", "fdr"]].isna().all().all()


def test_nothing_tested_gives_an_empty_typed_table() -> None:
    rows = pd.DataFrame({"donor": ["a", "b"], "condition": ["ALS", "Control"], "cell_type": "opc", "n_cells": 2})
    choice = {"covariates": [], "min_cells": 10, "min_donors": 3, "dataset": "d"}
    counts, genes = sparse.csr_matrix(np.ones((2, 3), dtype=int)), np.array(["A", "B", "C"])
    sets = pd.DataFrame([["f", "p", "A"]], columns=["family", "pathway", "gene"])
    scores = {"permutations": 10, "seed": 1, "min_size": 1, "max_size": 5}
    found = enrich_dataset(counts, rows, genes, sets, {"c": ARMS}, choices("voom"), **choice, **scores)
    assert len(check_table(found, "enrichment")) == 0


def test_members_are_counted_for_every_set() -> None:
    sets = pd.DataFrame([["f", "b", "X"], ["f", "a", "Y"], ["f", "a", "X"]], columns=["family", "pathway", "gene"])
    assert count_members(sets, np.array(["X"])).to_numpy().tolist() == [["f", "a", 1], ["f", "b", 1]]
