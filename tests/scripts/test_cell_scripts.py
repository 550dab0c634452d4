"""The scripts of cells.smk on a small cohort in files: map, clusters, cell types and atlas; planted types found."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import annotate_cells
import assemble_atlas
import cluster_cells
import embed_cells
from alscell import files
from alscell.errors import InputError

TYPES = ("microglia", "oligodendrocyte", "excitatory_neuron", "motor_neuron")
N_GENES = 300
GENES = [f"GENE{number:03}" for number in range(N_GENES)]
MARKERS = pd.DataFrame(
    [(name, GENES[20 * index + number], "test") for index, name in enumerate(TYPES) for number in range(5)],
    columns=["cell_type", "gene", "source"],
)
EMBED = {"seed": 1, "n_top_genes": 150, "n_components": 10, "integrate_by": "sample"}
GRAPH = {"n_neighbors": 10, "min_dist": 0.5}
CLUSTER = {"seed": 1, "resolutions": [0.3, 1.0], "n_subsamples": 3, "subsample_fraction": 0.8, "min_stability": 0.8}
FACTS = {"title": "A cohort", "organism": "human", "tissue": "spinal cord", "system": "tissue", "assay": "nuclei"}
ABOUT = {"dataset": "d", "citation": "", "facts": {**FACTS, "simulated": True, "cellxgene": {}}}
RESOURCES = Path(__file__).resolve().parents[2] / "resources"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Samples s1, s2, s10 of three donors (s2 lacks a gene); `bad` has another status than ok."""
    folder, generator = tmp_path_factory.mktemp("cohort"), np.random.default_rng(3)
    level = generator.lognormal(0, 1, N_GENES)
    truth, limits, paths = {}, [], []
    for name, n_cells in (("s1", 150), ("s2", 120), ("s10", 130), ("bad", 30)):
        kind = generator.choice(TYPES, n_cells, p=[0.25, 0.5, 0.17, 0.08])
        mean = np.tile(level * generator.lognormal(0, 0.2, N_GENES), (n_cells, 1))
        for index, own in enumerate(TYPES):
            mean[np.ix_(kind == own, range(20 * index, 20 * index + 20))] *= 8
        counts = generator.poisson(900 * mean / mean.sum(axis=1, keepdims=True)).astype(np.int32)
        cells = [f"{name}_{number:03}" for number in range(n_cells)]
        truth |= dict(zip(cells, kind, strict=True))
        labels = np.where(np.arange(n_cells) % 10 == 0, "nan", kind)
        data = anndata.AnnData(
            sp.csr_matrix(counts),
            obs=pd.DataFrame({"barcode": cells, "cell_type": pd.Categorical(labels)}, index=cells),
            var=pd.DataFrame({"gene_id": ""}, index=GENES),
        )
        data = data[:, GENES[:-1]].copy() if name == "s2" else data
        path = folder / name / "counts.h5ad"
        path.parent.mkdir()
        files.write_h5ad(data, path)
        quality = pd.DataFrame({"cell": cells, "n_counts": counts.sum(axis=1), "n_genes": (counts > 0).sum(axis=1)})
        flags = dict.fromkeys(("low_counts", "high_counts", "low_genes", "high_mitochondrial", "doublet"), False)
        scores = dict.fromkeys(("fraction_mitochondrial", "fraction_ribosomal", "doublet_score"), 0.0)
        quality = quality.assign(**flags, **scores, keep=np.arange(n_cells) != 5)
        files.write_table(quality, path.with_name("quality.parquet"), "quality")
        limits.append((name, "ok" if name != "bad" else "too_few_cells"))
        paths.append(str(path))
    pd.DataFrame(limits, columns=["sample", "status"]).to_csv(folder / "limits.tsv", sep="\t", index=False)
    sheet = pd.DataFrame({"sample": ["s1", "s2", "s10", "bad"], "donor": ["d1", "d2", "d3", "d1"], "condition": "ALS"})
    sheet.assign(age=["61", "70", "", "55"]).to_csv(folder / "samples.tsv", sep="\t", index=False)
    MARKERS.to_csv(folder / "markers.tsv", sep="\t", index=False)
    donors = {row["sample"]: {"donor": row["donor"]} for row in sheet.to_dict("records")}
    quality_paths = [path.replace("counts.h5ad", "quality.parquet") for path in paths]
    return folder, paths, quality_paths, donors, pd.Series(truth)


def run_all(cohort, out, *, given=""):
    folder, counts, quality, donors, _ = cohort
    made = {name: str(out / f"{name}.parquet") for name in ("embedding", "clusters", "cell_types")}
    graph, limits = str(out / "graph.npz"), str(folder / "limits.tsv")
    read = {"counts": counts, "quality": quality}
    embed_cells.main(
        **read, limits=[limits], samples=donors, embedding=made["embedding"], graph=graph, **EMBED, **GRAPH
    )
    stability = str(out / "stability.tsv")
    cluster_cells.main(
        embedding=made["embedding"], graph=graph, clusters=made["clusters"], stability=stability, **CLUSTER
    )
    tables = {"labels": str(out / "labels.tsv"), "markers": str(out / "markers.tsv"), "checks": str(out / "checks.tsv")}
    known = {"marker_genes": str(folder / "markers.tsv"), "orthologs": [], "learned": [], "given": given}
    known |= {"min_score": 0.25, "min_margin": 0.2, "refine": ["neuron"], "seed": 42}
    annotate_cells.main(**read, **made, **tables, **known, graph=graph)
    assemble_atlas.main(
        **read,
        **ABOUT,
        embedding=made["embedding"],
        cell_types=made["cell_types"],
        samples=str(folder / "samples.tsv"),
        terms=str(RESOURCES / "ontology/terms.tsv"),
        current_genes=str(RESOURCES / "genes/current_human.tsv"),
        atlas=str(out / "atlas.h5ad"),
        schema=str(out / "atlas_schema.tsv"),
        integrate_by="sample",
    )
    return out


@pytest.fixture(scope="module")
def done(cohort, tmp_path_factory):
    return run_all(cohort, tmp_path_factory.mktemp("results"))


def test_every_kept_cell_of_good_samples_has_a_place_a_cluster_and_its_planted_type(cohort, done):
    truth = cohort[-1]
    expected = sorted(cell for cell in truth.index if not cell.startswith("bad") and not cell.endswith("_005"))
    embedding = files.read_table(done / "embedding.parquet", "embedding")
    types = files.read_table(done / "cell_types.parquet", "cell_types")
    assert embedding["cell"].tolist() == types["cell"].tolist() == expected
    assert embedding.groupby("sample")["donor"].unique().str[0].to_dict() == {"s1": "d1", "s10": "d3", "s2": "d2"}
    assert len([name for name in embedding if name.startswith("pc_")]) == 10
    assert (types["cell_type"].to_numpy() == truth[expected].to_numpy()).mean() > 0.98
    assert files.read_graph(done / "graph.npz").shape == (397, 397)
    labels = files.read_table(done / "labels.tsv", "cluster_labels")
    assert set(labels["cell_type"]) == set(TYPES)
    assert labels["n_cells"].sum() == 397


def test_the_markers_table_shows_each_type_highest_in_its_own_markers(done):
    table = files.read_table(done / "markers.tsv", "markers")
    assert len(table) == 4 * 20
    highest = table.loc[table.groupby("gene")["mean"].idxmax()]
    assert (highest["cell_type"] == highest["marker_of"]).all()


def test_the_atlas_holds_the_raw_counts_of_these_cells(cohort, done):
    atlas = anndata.read_h5ad(done / "atlas.h5ad")
    assert atlas.shape == (397, N_GENES - 1)
    types = files.read_table(done / "cell_types.parquet", "cell_types").set_index("cell")["cell_type"]
    assert atlas.obs["cell_type"].astype(str).to_dict() == types.to_dict()
    for path in cohort[1][:3]:
        raw = anndata.read_h5ad(path)[:, GENES[:-1]]
        cells = [cell for cell in raw.obs_names if cell in atlas.obs_names]
        assert len(cells) >= 119
        assert (atlas[cells].X != raw[cells].X).nnz == 0
    assert atlas.uns["title"] == "SIMULATED A cohort"
    schema = files.read_table(done / "atlas_schema.tsv", "atlas_schema")
    missing = schema.loc[schema["state"] == "missing", ["place", "field", "n"]].to_numpy().tolist()
    assert missing == [["obs", "assay_ontology_term_id", 397], ["var", "index", N_GENES - 1]]
    assert atlas.obs["age"].dtype == float


def test_the_same_input_gives_the_same_bytes(cohort, done, tmp_path):
    again = run_all(cohort, tmp_path)
    names = sorted(path.name for path in done.iterdir())
    assert len(names) == 10
    for name in names:
        assert (again / name).read_bytes() == (done / name).read_bytes(), name


def test_given_labels_win(cohort, tmp_path):
    out, truth = run_all(cohort, tmp_path, given="annotation"), cohort[-1]
    types = files.read_table(out / "cell_types.parquet", "cell_types").set_index("cell")
    blank = types.index.str.endswith("0")
    assert set(types.loc[blank, "cell_type"]) == {"unassigned"}
    assert (types.loc[~blank, "cell_type"] == truth[types.index[~blank]]).all()
    assert set(types["source"]) == {"given"}
    assert types["score"].isna().all()


def test_human_markers_name_the_cells_of_mice_by_their_orthologs(cohort, done, tmp_path):
    """The data's genes are mouse here: GENE007's human ortholog is HUMAN007."""
    human = MARKERS["gene"].str.replace("GENE", "HUMAN")
    MARKERS.assign(gene=human).to_csv(tmp_path / "markers.tsv", sep="\t", index=False)
    pairs = pd.DataFrame({"mouse_symbol": MARKERS["gene"], "human_symbol": human})
    pairs.to_csv(tmp_path / "pairs.tsv.gz", sep="\t", index=False)
    annotate_cells.main(
        counts=cohort[1],
        quality=cohort[2],
        embedding=str(done / "embedding.parquet"),
        graph=str(done / "graph.npz"),
        clusters=str(done / "clusters.parquet"),
        marker_genes=str(tmp_path / "markers.tsv"),
        orthologs=[str(tmp_path / "pairs.tsv.gz")],
        learned=[],
        cell_types=str(tmp_path / "cell_types.parquet"),
        labels=str(tmp_path / "labels.tsv"),
        checks=str(tmp_path / "checks.tsv"),
        markers=str(tmp_path / "shown.tsv"),
        given="",
        min_score=0.25,
        min_margin=0.2,
        refine=[],
        seed=42,
    )
    assert (tmp_path / "cell_types.parquet").read_bytes() == (done / "cell_types.parquet").read_bytes()
    assert (tmp_path / "shown.tsv").read_bytes() == (done / "markers.tsv").read_bytes()


def test_markers_of_another_species_are_the_users_mistake(cohort, done, tmp_path):
    mouse = tmp_path / "mouse.tsv"
    MARKERS.assign(gene=MARKERS["gene"].str.title()).to_csv(mouse, sep="\t", index=False)
    with pytest.raises(InputError, match=r"mouse.tsv: found 0 measured genes of 20, e.g. Gene000.*GENE000"):
        annotate_cells.main(
            counts=cohort[1],
            quality=cohort[2],
            embedding=str(done / "embedding.parquet"),
            graph=str(done / "graph.npz"),
            clusters=str(done / "clusters.parquet"),
            marker_genes=str(mouse),
            orthologs=[],
            learned=[],
            cell_types=str(tmp_path / "types.parquet"),
            labels=str(tmp_path / "labels.tsv"),
            checks=str(tmp_path / "checks.tsv"),
            markers=str(tmp_path / "markers.tsv"),
            given="",
            min_score=0.25,
            min_margin=0.2,
            refine=[],
            seed=42,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["mouse.tsv"]
