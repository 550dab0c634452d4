"""The scripts of ambient.smk and their figure on a small cohort in files, whose case samples hold more soup."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import estimate_ambient
import gather_ambient
import mark_ambient
import plot_ambient
from alscell import files
from alscell.pseudobulk import to_anndata
from alscell.tables import empty_table

TYPES = ("oligodendrocyte", "astrocyte", "microglia")
N_MARKERS, N_GENES, N_CELLS, DEPTH = 6, 120, 240, 4000
GENES = [f"G{number:03}" for number in range(N_GENES)]
PLANTED = {"a1": 0.25, "a2": 0.25, "c1": 0.05, "c2": 0.05}
CONTRAST = {"als_vs_control": {"factor": "condition", "case": ["ALS"], "control": ["Control"]}}
NAMES = {
    "donors": dict.fromkeys(PLANTED),
    "conditions": {name: "ALS" if name[0] == "a" else "Control" for name in PLANTED},
}
NAMES["donors"] = {name: name.upper() for name in PLANTED}
LEAKED = [GENES[number] for number in range(N_MARKERS)]  # markers of oligodendrocytes


def write_cohort(folder: Path) -> None:
    rng = np.random.default_rng(5)
    base = rng.lognormal(0, 1, N_GENES)
    profiles = np.tile(base / base.sum(), (len(TYPES), 1))
    profiles[:, : N_MARKERS * len(TYPES)] = 0
    for place in range(len(TYPES)):
        profiles[place, N_MARKERS * place : N_MARKERS * (place + 1)] = 3e-3
    profiles /= profiles.sum(axis=1, keepdims=True)
    cells, sums, rows = [], [], []
    for name, share in PLANTED.items():
        kind = rng.choice(len(TYPES), N_CELLS, p=[0.5, 0.3, 0.2])
        mean = (1 - share) * profiles[kind] + share * profiles[kind].mean(axis=0)
        matrix = sp.csr_matrix(rng.poisson(DEPTH * mean).astype(np.int32))
        ids = [f"{name}_{number:03}" for number in range(N_CELLS)]
        obs = pd.DataFrame({"barcode": ids}, index=pd.Index(ids, name="cell"))
        path = folder / name / "counts.h5ad"
        path.parent.mkdir(parents=True)
        files.write_h5ad(anndata.AnnData(matrix, obs=obs, var=pd.DataFrame({"gene_id": ""}, index=GENES)), path)
        kept = empty_table("quality").reindex(range(N_CELLS)).assign(cell=ids, keep=np.arange(N_CELLS) > 4)
        numbers = ("n_counts", "n_genes", "fraction_mitochondrial", "fraction_ribosomal")
        flags = ("low_counts", "high_counts", "low_genes", "high_mitochondrial", "doublet")
        kept = kept.assign(**dict.fromkeys(numbers, 1), **dict.fromkeys(flags, False))
        files.write_table(kept, path.with_name("quality.parquet"), "quality")
        types = pd.DataFrame({"cell": ids, "cluster": "0", "cell_type": np.array(TYPES)[kind], "source": "given"})
        cells.append(types[kept["keep"].to_numpy()].assign(score=np.nan, margin=np.nan))
        for place, cell_type in enumerate(TYPES):
            sums.append(np.asarray(matrix[kind == place].sum(axis=0)).ravel())
            condition = NAMES["conditions"][name]
            rows.append((name.upper(), cell_type, int((kind == place).sum()), 1, condition))
    files.write_table(pd.concat(cells), folder / "cell_types.parquet", "cell_types")
    observations = pd.DataFrame(rows, columns=["donor", "cell_type", "n_cells", "n_samples", "condition"])
    observations.index = observations["donor"] + "|" + observations["cell_type"]
    named = pd.DataFrame({"gene_id": ""}, index=GENES)
    files.write_h5ad(
        to_anndata(sp.csr_matrix(np.array(sums)), observations, named, dataset="d", simulated=True),
        folder / "sums.h5ad",
    )
    markers = [(name, GENES[N_MARKERS * i + j], "test") for i, name in enumerate(TYPES) for j in range(N_MARKERS)]
    files.write_plain_table(pd.DataFrame(markers, columns=["cell_type", "gene", "source"]), folder / "markers.tsv")


def write_tests(folder: Path) -> None:
    """Every gene of astrocytes is a hit, up in ALS."""
    rows = empty_table("differential").reindex(range(N_GENES))
    rows = rows.assign(dataset="d", contrast="als_vs_control", cell_type="astrocyte", gene=GENES, log2_fold_change=2.0)
    rows = rows.assign(mean=5.0, fdr=0.01, p_value=0.001, n_case=2, n_control=2, descriptive=False)
    files.write_table(rows, folder / "differential.parquet", "differential")


def run_scripts(inputs: Path, out: Path) -> None:
    plain = {"marker_genes": str(inputs / "markers.tsv"), "learned": [], "orthologs": [], "dataset": "d"}
    for name in PLANTED:
        estimate_ambient.main(
            counts=str(inputs / name / "counts.h5ad"), quality=str(inputs / name / "quality.parquet"),
            cell_types=str(inputs / "cell_types.parquet"), table=str(out / name / "ambient.tsv"),
            profile=str(out / name / "ambient_profile.parquet"), sample=name, seed=1, **plain,
        )  # fmt: skip
    profiles = [str(out / name / "ambient_profile.parquet") for name in PLANTED]
    gather_ambient.main(
        tables=[str(out / name / "ambient.tsv") for name in PLANTED], profiles=profiles, **NAMES, **plain,
        table=str(out / "ambient.tsv"), genes=str(out / "ambient_genes.tsv"),
    )  # fmt: skip
    mark_ambient.main(
        sums=str(inputs / "sums.h5ad"), differential=str(inputs / "differential.parquet"), profiles=profiles, **plain,
        ambient=str(out / "ambient.tsv"), table=str(out / "ambient_hits.tsv"), definitions=CONTRAST, min_cells=10,
        fdr=0.05,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ambient")
    write_cohort(folder)
    write_tests(folder)
    run_scripts(folder, folder)
    return folder


def test_every_sample_has_the_share_that_was_planted(made):
    table = files.read_table(made / "ambient.tsv", "ambient").set_index("sample")
    assert table["donor"].to_dict() == {name: name.upper() for name in PLANTED}
    assert table["condition"].to_dict() == NAMES["conditions"]
    assert set(table["status"]) == {"ok"}
    assert set(table["profile_from"]) == {"cells"}
    for name, share in PLANTED.items():
        assert table.loc[name, "ambient_share"] == pytest.approx(share, rel=0.2), name


def test_the_soup_of_a_sample_is_the_sum_of_its_cells(made):
    profile = files.read_table(made / "a1" / "ambient_profile.parquet", "ambient_profile")
    counts = np.asarray(files.read_h5ad(made / "a1" / "counts.h5ad").X.sum(axis=0)).ravel()
    assert profile.set_index("gene")["n_counts"][GENES].tolist() == counts.tolist()
    assert profile["share"].sum() == pytest.approx(1)
    genes = files.read_table(made / "ambient_genes.tsv", "ambient_genes")
    assert genes["rank"].tolist() == list(range(1, 101))
    assert genes["share"].is_monotonic_decreasing
    assert set(genes.loc[genes["gene"].isin(LEAKED), "marker_of"]) == {"oligodendrocyte"}


def test_hits_are_marked_where_they_are_markers_of_another_type(made):
    hits = files.read_table(made / "ambient_hits.tsv", "ambient_hits")
    assert set(LEAKED) <= set(hits["gene"]) <= {*LEAKED, *GENES[2 * N_MARKERS : 3 * N_MARKERS]}
    assert set(hits.loc[hits["gene"].isin(LEAKED), "source_type"]) == {"oligodendrocyte"}
    assert (hits["ambient_case"] > 3 * hits["ambient_control"]).all()
    assert hits["explained"].between(0.6, 1.6).all()


def test_same_bytes_again(made, tmp_path):
    run_scripts(made, tmp_path)
    for name in ("ambient.tsv", "ambient_genes.tsv", "ambient_hits.tsv", "c1/ambient_profile.parquet"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_the_figure_shows_the_table(made, tmp_path):
    limits = pd.DataFrame({"sample": list(PLANTED), "n_cells": N_CELLS, "n_doublets": 12})
    files.write_plain_table(limits, tmp_path / "limits.tsv")
    out = {kind: str(tmp_path / f"a.{kind}") for kind in ("pdf", "png", "numbers")}
    about = {"contrasts": CONTRAST, "simulated": True}
    plot_ambient.main(ambient=str(made / "ambient.tsv"), limits=str(tmp_path / "limits.tsv"), **about, **out)
    assert (tmp_path / "a.png").stat().st_size > 5000
    drawn = pd.read_csv(tmp_path / "a.numbers", sep="\t").set_index("sample")
    table = files.read_table(made / "ambient.tsv", "ambient").set_index("sample")
    assert drawn["ambient_share"].to_dict() == pytest.approx(table["ambient_share"].to_dict(), rel=1e-4)
    assert set(drawn["doublet_share"]) == {12 / N_CELLS}
