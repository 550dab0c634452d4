"""The scripts of pathways.smk on a small cohort in files: scores, donor means, tests, and one planted set found."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import gather_pathways
import measure_coherence
import score_pathways
import score_pseudobulk
import test_pathways as pathway_tests  # the script, not a test module
from alscell import files
from alscell.errors import InputError
from alscell.gene_sets import collect_sets

N_GENES = 400
GENES = np.array([f"GENE{number:03}" for number in range(N_GENES)])
LIMITS = {"min_coverage": 0.6, "min_genes": 10, "top_fraction": 0.1}
ARMS = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
TESTS = {"min_cells": 10, "min_donors": 3, "n_random_sets": 60, "n_expression_bins": 8, "seed": 42, "covariates": []}
TESTS |= {"cell_weights": True, "fdr": 0.05}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """4 against 4 donors, one with two samples; set f/moved rises in microglia of ALS donors; 5 cells are not kept."""
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(7)
    level = rng.lognormal(0, 1, N_GENES)
    samples, types, counts = [], [], []
    for number in range(9):
        donor = f"d{min(number, 7)}"  # samples s7 and s8 are one donor
        condition = "ALS" if number < 4 else "Control"
        samples.append((f"s{number}", donor, condition))
        labels = np.where(np.arange(50) < 25, "microglia", "opc")
        mean = np.tile(level * rng.lognormal(0, 0.15, N_GENES), (50, 1))
        if condition == "ALS":
            mean[:25, :20] *= 2.5
        data = rng.poisson(400 * mean / mean.sum(axis=1, keepdims=True)).astype(np.int32)
        cells = [f"s{number}_{cell:02}" for cell in range(50)]
        path = folder / f"s{number}.h5ad"
        uns = {"dataset": "x", "sample": f"s{number}", "simulated": True}
        obs, var = pd.DataFrame(index=cells), pd.DataFrame(index=GENES)
        files.write_h5ad(anndata.AnnData(sparse.csr_matrix(data), obs=obs, var=var, uns=uns), path)
        counts.append(str(path))
        types += list(zip(cells[: 45 if number == 0 else 50], labels, strict=False))
    table = pd.DataFrame(types, columns=["cell", "cell_type"]).assign(
        cluster="0", score=1.0, margin=1.0, source="given"
    )
    files.write_table(table, folder / "cell_types.parquet", "cell_types")
    sheet = pd.DataFrame(samples, columns=["sample", "donor", "condition"])
    files.write_plain_table(sheet, folder / "samples.tsv")
    sets = {"moved": GENES[:20], "still": GENES[50:75], "absent": ["Q1", *GENES[:1]]}
    write_sets(folder, {"f": sets, "single": {"genes": GENES[:12]}}, {("single", "genes"): {"kind": "gene_level"}})
    return {"folder": folder, "counts": counts, "donors": dict(sheet[["sample", "donor"]].to_numpy())}


def write_sets(folder, families, facts):
    """members.tsv and sets.tsv of made-up families: family -> set -> genes."""
    rows = [(family, name, gene) for family, sets in families.items() for name in sets for gene in sets[name]]
    members = pd.DataFrame(rows, columns=["family", "pathway", "gene"])
    origin = dict.fromkeys(families, "file")
    members, sets, _ = collect_sets(members, facts, origin, known=set(GENES), aliases={})
    files.write_table(members, folder / "members.tsv", "gene_set_members")
    files.write_table(sets, folder / "sets.tsv", "gene_sets")


def gene_sets(folder):
    return {"members": str(folder / "members.tsv"), "sets": str(folder / "sets.tsv"), "orthologs": []}


def outputs(folder):
    names = {
        "profiles": "profiles.h5ad",
        "set_table": "sets_found.tsv",
        "donor_scores": "donors.parquet",
        "depth": "depth.tsv",
    }
    return {key: str(folder / name) for key, name in names.items()}


def score(cohort, folder, **changed):
    given = {
        "counts": cohort["counts"],
        "cell_types": str(cohort["folder"] / "cell_types.parquet"),
        "donors": cohort["donors"],
        "cell_scores": str(folder / "cells.parquet"),
        **gene_sets(cohort["folder"]),
        **outputs(folder),
        **LIMITS,
    }
    score_pathways.main(**given | changed, dataset="x", simulated=True)


def run_tests(cohort, folder, **changed):
    given = {**gene_sets(cohort["folder"]), "samples": str(cohort["folder"] / "samples.tsv")}
    del given["sets"]
    given |= (
        outputs(folder)
        | TESTS
        | {"tests": str(folder / "tests.tsv"), "definitions": {"als_vs_control": ARMS}}
        | changed
    )
    pathway_tests.main(**given, dataset="x", contrast="als_vs_control")
    return files.read_table(folder / "tests.tsv", "pathway_tests")


@pytest.fixture(scope="module")
def scored(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored")
    score(cohort, folder)
    return folder


def test_every_kept_cell_has_a_score_of_every_scored_set(cohort, scored):
    cells = files.read_table(scored / "cells.parquet", "pathway_scores")
    assert len(cells) == 9 * 50 - 5
    assert list(cells.columns) == ["cell", "f/moved", "f/still"]
    assert cells["f/moved"].dtype == np.float32
    sets = files.read_table(scored / "sets_found.tsv", "pathway_sets").set_index("pathway")
    assert sets["status"].to_dict() == {
        "absent": "too_few_genes", "moved": "scored", "still": "scored", "genes": "gene_level"
    }  # fmt: skip
    assert sets.loc["absent", "missing"] == "Q1"


def test_donor_scores_are_means_over_cells_of_all_samples(cohort, scored):
    cells = files.read_table(scored / "cells.parquet", "pathway_scores")
    types = files.read_table(cohort["folder"] / "cell_types.parquet", "cell_types").set_index("cell")["cell_type"]
    donor = cells["cell"].str.slice(0, 2).map(cohort["donors"])
    expected = cells.groupby([donor.to_numpy(), types[cells["cell"]].to_numpy()])["f/moved"].mean()
    got = files.read_table(scored / "donors.parquet", "pathway_donors").query("pathway == 'moved'")
    for row in got.itertuples():
        assert row.score == pytest.approx(expected[row.donor, row.cell_type], rel=1e-5)
    counts = got.set_index(["donor", "cell_type"])["n_cells"]
    assert counts["d7"].to_dict() == {"microglia": 50, "opc": 50}
    assert counts["d0"].to_dict() == {"microglia": 25, "opc": 20}
    profiles = files.read_h5ad(scored / "profiles.h5ad")
    assert profiles.obs_names.tolist()[:2] == ["d0|microglia", "d0|opc"]
    assert profiles.uns["n_top"] == 40
    assert profiles.uns["simulated"]


def test_planted_set_is_found(cohort, scored, tmp_path):
    table = run_tests(cohort, scored).set_index(["cell_type", "pathway"])
    assert table.index.tolist() == [(a, b) for a in ("microglia", "opc") for b in ("moved", "still")]
    assert (table["fdr"] <= 0.05).to_dict() == {key: key == ("microglia", "moved") for key in table.index}
    row = table.loc["microglia", "moved"]
    assert row["effect"] > 2
    assert row["random_set_percentile"] == 100
    assert row[["n_case", "n_control", "coverage"]].tolist() == [4, 4, 1]
    flipped = {"als_vs_control": {**ARMS, "case": ["Control"], "control": ["ALS"]}}
    flipped = run_tests(cohort, scored, definitions=flipped)
    assert flipped["effect"].to_numpy() == pytest.approx(-table["effect"].to_numpy(), rel=1e-4)
    run_tests(cohort, scored)
    gather_pathways.main(tests=[str(scored / "tests.tsv")], table=str(tmp_path / "all.tsv"))
    assert (tmp_path / "all.tsv").read_bytes() == (scored / "tests.tsv").read_bytes()


def test_coherence_of_scored_sets_is_written_for_every_cell_type(cohort, scored, tmp_path):
    """Members of `still` follow one factor of donors in microglia; the rest is noise around a level."""
    rng, donors = np.random.default_rng(5), [f"d{number}" for number in range(8)]
    parts = []
    for cell_type, pull in (("microglia", 1.0), ("opc", 0.0)):
        values = rng.uniform(3, 9, N_GENES)[:, None] + rng.normal(0, 0.5, (N_GENES, 8))
        values[50:75] += pull * rng.normal(0, 1, 8)
        frame = pd.DataFrame(values.astype(np.float32), columns=donors)
        frame.insert(0, "gene", GENES)
        frame.insert(0, "cell_type", cell_type)
        parts.append(frame)
    files.write_table(pd.concat(parts), tmp_path / "expression.parquet", "expression_donors")
    given = {"n_random_sets": 200, "n_expression_bins": 8, "seed": 1, "covariates": [], "dataset": "x"}
    for name in ("one", "two"):
        measure_coherence.main(
            expression=str(tmp_path / "expression.parquet"),
            set_table=str(scored / "sets_found.tsv"),
            members=str(cohort["folder"] / "members.tsv"),
            orthologs=[],
            samples=str(cohort["folder"] / "samples.tsv"),
            table=str(tmp_path / f"{name}.tsv"),
            definitions={"als_vs_control": ARMS},
            **given,
        )
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()
    table = files.read_table(tmp_path / "one.tsv", "set_coherence").set_index(["cell_type", "pathway"])
    assert table.index.tolist() == [
        (a, b) for a in ("microglia", "opc") for b in ("moved", "still")
    ]  # scored ones only
    assert table.loc[("microglia", "still"), "percentile"] > 99
    assert table.drop(index=("microglia", "still"))["percentile"].max() < 99
    assert set(table["n_donors"]) == {8}


def test_same_bytes_again_whatever_the_order_of_samples(cohort, scored, tmp_path):
    score(cohort, tmp_path, counts=cohort["counts"][::-1])
    for name in ("cells.parquet", "donors.parquet", "sets_found.tsv", "profiles.h5ad"):
        assert (tmp_path / name).read_bytes() == (scored / name).read_bytes(), name


def test_donor_level_table_is_ranked_as_it_is(cohort, tmp_path):
    """Sums over cells, made here: the planted set is found, and there is no table of cells."""
    types = files.read_table(cohort["folder"] / "cell_types.parquet", "cell_types").set_index("cell")["cell_type"]
    rows, sums = [], []
    for path in cohort["counts"][:8]:
        data = files.read_h5ad(path)
        for cell_type in ("microglia", "opc"):
            inside = data.obs_names.isin(types.index[types == cell_type])
            rows.append((cohort["donors"][data.uns["sample"]], cell_type, int(inside.sum())))
            sums.append(np.asarray(data.X[inside].sum(axis=0)).ravel())
    obs = pd.DataFrame(rows, columns=["donor", "cell_type", "n_cells"])
    obs.index = obs["donor"] + "|" + obs["cell_type"]
    data = anndata.AnnData(sparse.csr_matrix(np.array(sums)), obs=obs, var=pd.DataFrame(index=GENES))
    files.write_h5ad(data, tmp_path / "pseudobulk.h5ad")
    given = gene_sets(cohort["folder"]) | outputs(tmp_path) | LIMITS
    score_pseudobulk.main(counts=str(tmp_path / "pseudobulk.h5ad"), **given, dataset="x", simulated=False)
    assert not (tmp_path / "cells.parquet").exists()
    table = run_tests(cohort, tmp_path).set_index(["cell_type", "pathway"])
    assert (table["fdr"] <= 0.05).to_dict() == {key: key == ("microglia", "moved") for key in table.index}


def test_genes_that_half_of_the_samples_name_otherwise_are_left_out(cohort, scored, tmp_path):
    """In the ALS donors' files 10 members of `still` have other names: the set may not look down there."""
    counts = []
    for number, path in enumerate(cohort["counts"]):
        data = files.read_h5ad(path)
        if number < 4:
            data.var_names = [f"{name}-AS" if 50 <= i < 60 else name for i, name in enumerate(GENES)]
        counts.append(str(tmp_path / f"s{number}.h5ad"))
        files.write_h5ad(data, counts[-1])
    score(cohort, tmp_path, counts=counts)
    sets = files.read_table(tmp_path / "sets_found.tsv", "pathway_sets").set_index("pathway")
    assert sets.loc["still", ["n_genes", "n_measured"]].tolist() == [25, 15]
    assert sets.loc["still", "missing"].split(";") == GENES[50:60].tolist()
    table = run_tests(cohort, tmp_path).set_index(["cell_type", "pathway"])
    assert (table["fdr"] <= 0.05).to_dict() == {key: key == ("microglia", "moved") for key in table.index}
    genes = files.read_h5ad(tmp_path / "profiles.h5ad").var_names
    assert set(genes) == set(files.read_h5ad(scored / "profiles.h5ad").var_names) - set(GENES[50:60])


def test_human_sets_are_scored_in_mice_by_their_orthologs(cohort, scored, tmp_path):
    """The data's genes are mouse here. GENE399 is also a human symbol, of a gene without an ortholog: no member."""
    human = [f"HUMAN{number:03}" for number in range(N_GENES)]
    pairs = pd.DataFrame({"mouse_symbol": GENES, "human_symbol": human})[:-1]
    pairs.to_csv(tmp_path / "pairs.tsv.gz", sep="\t", index=False)
    sets = {"moved": human[:20], "still": human[50:75], "absent": ["Q1", human[0]], "chance": [*human[1:4], GENES[-1]]}
    write_sets(tmp_path, {"f": sets}, {})
    given = gene_sets(tmp_path) | {"orthologs": [str(tmp_path / "pairs.tsv.gz")]}
    score(cohort, tmp_path, **given)
    found = files.read_table(tmp_path / "sets_found.tsv", "pathway_sets").set_index("pathway")
    assert found.loc["chance", ["n_genes", "n_measured", "missing"]].tolist() == [4, 3, "GENE399 (human)"]
    mine, theirs = (files.read_table(folder / "cells.parquet", "pathway_scores") for folder in (tmp_path, scored))
    shared = ["cell", *(name for name in theirs if "moved" in name or "still" in name)]
    assert len(shared) == 3
    pd.testing.assert_frame_equal(mine[shared], theirs[shared])
    del given["sets"]
    table = run_tests(cohort, tmp_path, **given).set_index(["cell_type", "pathway"])
    assert table.loc[("microglia", "moved"), "fdr"] <= 0.05


def test_gene_sets_of_another_species_are_refused(cohort, tmp_path):
    write_sets(tmp_path, {"mouse": {"set": ["Nefl", "Gfap"]}}, {})
    with pytest.raises(InputError, match=r"0 of their 2 genes \(0\.0 %; such as Gfap, Nefl\)"):
        score(cohort, tmp_path, **gene_sets(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["members.tsv", "sets.tsv"]
