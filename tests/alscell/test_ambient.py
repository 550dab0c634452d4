"""Ambient RNA: planted shares are found again, real blood against SoupX's own rate, and hits that follow the soup."""

import os
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell import ambient
from alscell.ambient_hits import donor_soup, mark_hits
from alscell.files import read_gmt, read_markers, read_yaml
from alscell.simulate import build_cohort, simulate_sample
from alscell.simulation_plan import plan_from
from alscell.tables import check_table

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data"))
CORD = ROOT / "tests" / "workflow" / "cohort" / "simulated_spinal_cord"
TYPES = ("oligodendrocyte", "astrocyte", "microglia", "motor_neuron", "inhibitory_neuron")
N_MARKERS, N_GENES, DEPTH = 8, 400, 3000
GENES = [f"G{number:03}" for number in range(N_GENES)]
MARKERS = pd.DataFrame(
    [
        (name, "neuron" if name.endswith("neuron") else "", GENES[N_MARKERS * place + number])
        for place, name in enumerate(TYPES)
        for number in range(N_MARKERS)
    ],
    columns=["cell_type", "parent", "gene"],
)


def real(path):
    if not (REAL / path).exists():
        pytest.skip(f"real test data not at {REAL / path}; set ALSCELL_TEST_DATA")
    return REAL / path


def draw(share, *, seed=1, background=0.0, n_cells=600, n_empty=0):
    """Counts of cells (then of empty droplets), and the types of the cells; no type makes the markers of another."""
    rng = np.random.default_rng(seed)
    types = rng.choice(TYPES, n_cells, p=[0.4, 0.25, 0.15, 0.1, 0.1])
    base = rng.lognormal(0, 1, N_GENES)
    profiles = {}
    for place, name in enumerate(TYPES):
        level = base / base.sum()
        level[: N_MARKERS * len(TYPES)] = background
        level[N_MARKERS * place : N_MARKERS * (place + 1)] = 2e-3 * rng.lognormal(0, 0.4, N_MARKERS)
        profiles[name] = level / level.sum()
    soup = np.mean([profiles[name] for name in types], axis=0)
    mean = np.array([(1 - share) * profiles[name] + share * soup for name in types])
    cells = rng.poisson(DEPTH * rng.lognormal(0, 0.3, (n_cells, 1)) * mean)
    empty = rng.poisson(60 * soup, (n_empty, N_GENES))
    return sp.csr_matrix(np.vstack([cells, empty]).astype(np.int32)), types


def estimate(matrix, types, soup=None, markers=MARKERS, genes=GENES):
    cells = matrix[: len(types)]
    soup = soup or ambient.soup_profile(cells, np.ones(len(types), dtype=bool))
    return ambient.estimate_share(ambient.foreign_pairs(cells, types, genes, markers, soup), seed=1)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.25])
def test_a_planted_share_is_found_again(share):
    found = estimate(*draw(share))
    assert found.status == ambient.OK
    assert found.share == pytest.approx(share, rel=0.2)
    assert found.ci_low <= share * 1.05
    assert found.ci_high >= share * 0.95
    assert found.ci_high < 2 * found.share
    assert found.n_genes == N_MARKERS * len(TYPES)


def test_markers_seen_a_little_in_all_cells_are_told_from_soup():
    found = estimate(*draw(0.05, background=2e-5, n_cells=1500))
    assert found.share == pytest.approx(0.05, rel=0.3)
    assert found.background == pytest.approx(2e-5, rel=0.5)
    pairs = ambient.foreign_pairs(*draw(0.05, background=2e-5), GENES, MARKERS, ambient.Soup(np.ones(N_GENES), "", 0))
    assert set(pairs.loc[pairs["cell_type"] == "motor_neuron", "gene"]).isdisjoint(GENES[32:40])  # kin: also neurons


def test_cells_that_make_a_marker_in_earnest_do_not_count_as_soup():
    matrix, types = draw(0.05)
    dense = matrix.toarray()
    rng = np.random.default_rng(2)
    for gene in range(0, N_MARKERS, 2):  # half of the markers of oligodendrocytes, in astrocytes
        dense[types == "astrocyte", gene] += rng.poisson(DEPTH * 3e-4, (types == "astrocyte").sum())
    found = estimate(sp.csr_matrix(dense), types)
    assert found.share == pytest.approx(0.05, rel=0.25)
    assert found.following < 1


def test_the_soup_comes_from_empty_droplets_where_there_are_enough():
    matrix, types = draw(0.1, n_empty=2500)
    kept = np.arange(matrix.shape[0]) < len(types)
    soup = ambient.soup_profile(matrix, kept)
    assert (soup.found_in, soup.n_droplets) == (ambient.DROPLETS, 2500)
    assert soup.counts.tolist() == np.asarray(matrix[len(types) :].sum(axis=0)).ravel().tolist()
    assert estimate(matrix, types, soup).share == pytest.approx(0.1, rel=0.2)
    few = ambient.soup_profile(matrix[: len(types) + 99], kept[: len(types) + 99])
    assert (few.found_in, few.n_droplets) == (ambient.CELLS, 99)
    assert few.counts.sum() == matrix[: len(types) + 99].sum()


def test_too_little_to_go_by_gives_no_share_and_a_reason():
    matrix, types = draw(0.1)
    alone = estimate(matrix, np.where(types == "astrocyte", "astrocyte", "unassigned"))
    few = estimate(matrix, types, markers=MARKERS.groupby("cell_type").head(1))
    assert (alone.status, few.status, few.n_genes) == (ambient.NO_PAIRS, ambient.FEW_MARKERS, 5)
    for found in (alone, few):
        soup = ambient.soup_profile(matrix, np.ones(len(types), dtype=bool))
        row = ambient.ambient_row(soup, found, dataset="d", sample="s", n_counts=1)
        assert check_table(row, "ambient")[["ambient_share", "ci_low", "ci_high"]].isna().all(axis=None)


def test_a_sample_without_cells_counts_or_listed_genes_gives_no_share_and_no_warning(recwarn):
    matrix, types = draw(0.1, n_cells=60)
    nothing = sp.csr_matrix(matrix.shape, dtype=np.int32)
    cases = ((matrix[:0], types[:0], MARKERS), (nothing, types, MARKERS), (matrix, types, MARKERS.assign(gene="NONE")))
    for cells, labels, markers in cases:
        found = estimate(cells, labels, markers=markers)
        assert (found.status, found.n_pairs) == (ambient.NO_PAIRS, 0)
        assert np.isnan(found.share)
    assert [str(one.message) for one in recwarn] == []


def test_the_same_seed_gives_the_same_interval():
    pair = draw(0.1)
    assert estimate(*pair) == estimate(*pair)


@pytest.mark.parametrize("planted", [0.02, 0.12])
def test_the_share_of_a_simulated_cord_is_found_again(planted):
    """The simulator lets every marker be seen a little in all types: without a background the share would double."""
    genes = pd.read_csv(ROOT / "resources" / "simulation" / "genes.tsv", sep="\t", keep_default_na=False)
    files = (ROOT / "resources" / "gene_sets").glob("*/*.gmt")
    sets = {(path.parent.name, name): genes for path in files for name, genes in read_gmt(path).items()}
    markers = read_markers(ROOT / "resources" / "markers" / "spinal_cord.tsv")
    shares = {"oligodendrocyte": 0.35, "astrocyte": 0.2, "microglia": 0.15, "opc": 0.15, "motor_neuron": 0.15}
    changes = {"ambient_share": planted, "cells_per_sample": 900, "doublets_per_1000": 0, "proportions": shares}
    plan = plan_from({**read_yaml(CORD / "simulation.yaml"), **changes}, where="simulation.yaml")
    cohort = build_cohort(plan, genes, markers=markers, gene_sets=sets, seed=1)
    counts, cells = simulate_sample(cohort, {"sample": "b", "donor": "b", "condition": "Control", "sex": "M"})
    found = estimate(counts, cells["cell_type"].to_numpy(dtype=str), markers=markers, genes=list(cohort.genes["gene"]))
    mean = planted * np.exp(0.5**2 / 2)  # of the log-normal share of a cell, whose median is planted
    assert found.ci_low < mean * 1.1
    assert found.ci_high > mean * 0.9
    assert found.share == pytest.approx(mean, rel=0.3)


def test_blood_agrees_with_the_rate_of_immunoglobulins_in_t_cells():
    """SoupX's own estimate by hand: counts of genes that T cells cannot make, over those expected of pure soup."""
    data = anndata.read_h5ad(real("pbmc4k_soupx/pbmc_counts.h5ad"))
    data = data[data.obs["annotation"] != "?"]
    types = data.obs["annotation"].astype(str).replace({"T_CD4": "T", "T_CD8": "T"}).to_numpy(dtype=str)
    listed = {
        "B": "CD79A CD79B MS4A1 IGKC IGHM IGHD CD19 BANK1 TCL1A",
        "MNP": "LYZ S100A8 S100A9 FCN1 CD14 S100A12 VCAN",
        "NK": "KLRF1 FGFBP2 SPON2 KLRD1 GNLY",
        "T": "CD3D CD3G IL7R TRAC",
    }
    rows = [(name, "", gene) for name, genes in listed.items() for gene in genes.split()]
    markers = pd.DataFrame(rows, columns=["cell_type", "parent", "gene"])
    matrix, genes = sp.csr_matrix(data.X), list(data.var_names)
    soup = ambient.soup_profile(matrix, np.ones(len(types), dtype=bool))
    found = estimate(matrix, types, soup, markers, genes)
    places = [genes.index(name) for name in ("IGKC", "IGHM", "IGHD")]
    cells = matrix[types == "T"]
    by_hand = cells[:, places].sum() / (cells.sum() * soup.shares[places].sum())
    assert by_hand == pytest.approx(0.053, abs=0.005)
    assert found.ci_low < 1.2 * by_hand
    assert found.share == pytest.approx(by_hand, rel=0.5)


def test_top_genes_are_those_of_the_mean_soup():
    profiles = {"a": pd.Series({"X": 0.6, "Y": 0.4}), "b": pd.Series({"X": 0.2, "Z": 0.8})}
    markers = pd.DataFrame({"cell_type": ["T", "U"], "gene": ["X", "X"]})
    table = ambient.top_genes(profiles, markers, n_genes=2)
    check_table(table.assign(dataset="d"), "ambient_genes")
    assert table["gene"].tolist() == ["X", "Z"]
    assert table["cumulative"].tolist() == pytest.approx([0.4, 0.8])
    assert table["marker_of"].fillna("").tolist() == ["T;U", ""]
    assert table[["lowest", "highest"]].to_numpy().tolist() == [[0.2, 0.6], [0.0, 0.8]]


DONORS = [f"d{number}" for number in range(8)]
DEFINITIONS = {"c": {"factor": "condition", "case": ["ALS"], "control": ["Control"]}}


def planted_hits():
    """Astrocytes of eight donors; droplets of cases hold 20 % soup, those of controls 5 %; MBP is in the soup."""
    genes = np.array(["MBP", "OWN", "LOW", "REST"])
    makes = {"oligodendrocyte": [2e-2, 1e-4, 2e-2, 0], "astrocyte": [1e-5, 1e-4, 1e-5, 0]}
    rows, counts = [], []
    for number, donor in enumerate(DONORS):
        case = number < 4
        soup = np.array([1e-2, 1e-4, 1e-2, 0])
        for name, profile in makes.items():
            level = np.array(profile) + (0.2 if case else 0.05) * soup
            if name == "astrocyte":
                level[1] *= 4 if case else 1
            counts.append(np.rint(1e6 * np.append(level[:3], 1 - level[:3].sum())))
            rows.append((donor, name, 50, "ALS" if case else "Control"))
    observations = pd.DataFrame(rows, columns=["donor", "cell_type", "n_cells", "condition"])
    hits = [("MBP", 2.0), ("OWN", 2.0), ("LOW", -1.0)]
    table = pd.DataFrame(hits, columns=["gene", "log2_fold_change"])
    table = table.assign(contrast="c", cell_type="astrocyte", fdr=0.01, dataset="d")
    shares = [0.2] * 4 + [0.05] * 4
    found = pd.DataFrame({"sample": DONORS, "donor": DONORS, "ambient_share": shares, "n_counts": 1000})
    profiles = {donor: pd.Series({"MBP": 1e-2, "OWN": 1e-4, "LOW": 1e-2, "REST": 0.9799}) for donor in DONORS}
    markers = pd.DataFrame({"cell_type": ["oligodendrocyte", "astrocyte"], "parent": "", "gene": ["MBP", "AQP4"]})
    return table, sp.csr_matrix(np.array(counts, dtype=np.int64)), observations, genes, found, profiles, markers


def marked(**changes):
    table, counts, observations, genes, found, profiles, markers = planted_hits()
    soup = donor_soup(found.assign(**changes), profiles)
    return mark_hits(table, counts, observations, genes, soup, markers, DEFINITIONS, min_cells=10)


def test_only_the_gene_of_another_type_that_moves_with_the_soup_is_marked():
    got = marked()
    check_table(got.assign(dataset="d"), "ambient_hits")
    assert got["gene"].tolist() == ["MBP"]  # OWN is no gene of another type; LOW moves against the soup
    row = got.iloc[0]
    assert (row["source_type"], row["marker_of"]) == ("oligodendrocyte", "oligodendrocyte")
    assert (row["n_case"], row["n_control"]) == (4, 4)
    assert row["ambient_case"] == pytest.approx(2000)
    assert row["ambient_control"] == pytest.approx(500)
    assert row["expected_log2_fold_change"] == pytest.approx(np.log2(2010.5 / 510.5), abs=0.01)
    assert row["explained"] == pytest.approx(row["expected_log2_fold_change"] / 2)
    assert row["ambient_fraction"] > 0.95


def test_arms_with_the_same_soup_explain_nothing():
    assert marked(ambient_share=0.1).empty


def test_donors_without_a_share_are_left_out_and_an_empty_arm_marks_nothing():
    some = marked(ambient_share=[np.nan, 0.2, 0.2, 0.2, 0.05, 0.05, 0.05, np.nan])
    assert some[["n_case", "n_control"]].to_numpy().tolist() == [[3, 3]]
    none = marked(ambient_share=[np.nan] * 4 + [0.05] * 4)
    check_table(none.assign(dataset="d"), "ambient_hits")
    assert none.empty


def test_samples_of_a_donor_are_averaged_by_their_counts():
    rows = pd.DataFrame({"sample": ["a", "b"], "donor": "d", "ambient_share": [0.1, 0.3], "n_counts": [3, 1]})
    added, soup = donor_soup(rows, {"a": pd.Series({"X": 0.4}), "b": pd.Series({"X": 0.8, "Y": 0.2})})
    assert soup.loc["d"].to_dict() == pytest.approx({"X": 0.5, "Y": 0.05})
    assert added.loc["d"].to_dict() == pytest.approx({"X": 0.75 * 0.1 * 0.4 + 0.25 * 0.3 * 0.8, "Y": 0.25 * 0.3 * 0.2})
