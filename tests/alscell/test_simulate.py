"""The simulated cohort: same seed same bytes, layouts that other tools read, and the planted truth in the counts."""

from __future__ import annotations

import dataclasses
import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from alscell.errors import InputError
from alscell.files import read_gmt, read_samples, read_yaml
from alscell.raw_layouts import tenx_h5_bytes, write_dense_csv, write_tar
from alscell.simulate import build_cohort, draw_cells, planted_genes, planted_pathways, simulate_sample, stream
from alscell.simulation_plan import plan_from

ROOT = Path(__file__).parents[2]
CORD = ROOT / "tests" / "workflow" / "cohort" / "simulated_spinal_cord"
DISH = ROOT / "tests" / "workflow" / "cohort" / "simulated_ipsc_motor_neurons"
GENES = pd.read_csv(ROOT / "resources" / "simulation" / "genes.tsv", sep="\t", keep_default_na=False)
SETS = {
    (path.parent.name, name): members
    for path in sorted((ROOT / "resources" / "gene_sets").glob("*/*.gmt"))
    for name, members in read_gmt(path).items()
}
CASE = {"sample": "a", "donor": "a", "condition": "ALS", "sex": "F"}
CONTROL = {"sample": "b", "donor": "b", "condition": "Control", "sex": "M"}


def effect(**changes):
    one_set = {"cell_type": "microglia", "family": "stress", "pathway": "heat_shock"}
    return {**one_set, "log2_fold_change": 1.0, "fraction": 1.0, **changes}


def markers(name):
    return pd.read_csv(ROOT / "resources" / "markers" / f"{name}.tsv", sep="\t")


def description(folder=CORD, **changes):
    return {**read_yaml(folder / "simulation.yaml"), **changes}


def cohort(folder=CORD, name="spinal_cord", seed=1, **changes):
    plan = plan_from(description(folder, **changes), where="simulation.yaml")
    return build_cohort(plan, GENES, markers=markers(name), gene_sets=SETS, seed=seed)


@pytest.fixture(scope="module")
def quiet():
    """No spread between donors, no doublets, no ambient RNA, no dying cells: what is left is the model's center."""
    return cohort(
        donor_spread=[0, 0],
        module_spread=0,
        dying_share=0,
        ambient_share=0,
        doublets_per_1000=0,
        cells_per_sample=3000,
        cells_spread=0,
        library_spread=0.35,
        dispersion_spread=0,
        proportion_precision=1e6,
    )


@pytest.fixture(scope="module")
def case(quiet):
    return simulate_sample(quiet, CASE)


@pytest.fixture(scope="module")
def control(quiet):
    return simulate_sample(quiet, CONTROL)


def of_type(drawn, cell_type):
    counts, cells = drawn
    return counts[(cells["cell_type"] == cell_type).to_numpy()]


def test_one_seed_one_matrix():
    first, second, other = (simulate_sample(cohort(seed=seed), CASE)[0] for seed in (1, 1, 2))
    assert np.array_equal(first.toarray(), second.toarray())
    assert first.shape != other.shape or (first != other).nnz > 0
    assert first.dtype == np.int32
    assert first.data.min() > 0


def test_streams_are_the_same_in_every_process():
    assert stream(1, "donor", "SIM01").integers(0, 1000, 4).tolist() == [793, 534, 386, 111]
    assert stream(1, "donor", "SIM02").integers(0, 1000, 4).tolist() != [793, 534, 386, 111]


def test_a_sample_depends_on_no_other_sample():
    drawn = cohort()
    rows = read_samples(CORD / "samples.tsv").to_dict("records")
    alone = simulate_sample(drawn, rows[3])[0]
    after_others = [simulate_sample(drawn, row)[0] for row in reversed(rows[2:5])][1]
    assert np.array_equal(alone.toarray(), after_others.toarray())


def test_cells_are_the_same_with_and_without_counts():
    drawn = cohort()
    pd.testing.assert_frame_equal(draw_cells(drawn, CASE), simulate_sample(drawn, CASE)[1])
    assert draw_cells(drawn, CASE)["barcode"].is_unique
    assert draw_cells(drawn, CASE)["barcode"].str.fullmatch("[ACGT]{16}").all()


def test_library_sizes_follow_the_plan(quiet, control):
    oligodendrocytes, neurons = (
        np.asarray(of_type(control, name).sum(axis=1)).ravel() for name in ("oligodendrocyte", "motor_neuron")
    )
    # the median of a log-normal is its scale; the standard error of a median of 1,000 is near 0.35 * 1.25 / 31 = 1.4 %
    assert np.median(oligodendrocytes) == pytest.approx(quiet.plan.library_median, rel=0.06)
    assert np.median(neurons) == pytest.approx(2 * quiet.plan.library_median, rel=0.06)
    assert np.std(np.log(oligodendrocytes)) == pytest.approx(quiet.plan.library_spread, rel=0.1)


def test_counts_are_overdispersed_as_planned():
    drawn = cohort(
        donor_spread=[0, 0], module_spread=0, dying_share=0, ambient_share=0, doublets_per_1000=0,
        cells_per_sample=2500, library_spread=0, dispersion_spread=0, dispersion=0.4,
    )  # fmt: skip
    counts = of_type(simulate_sample(drawn, CONTROL), "oligodendrocyte").toarray().astype(float)
    mean, variance = counts.mean(axis=0), counts.var(axis=0, ddof=1)
    nuclear = drawn.genes["chromosome"].ne("MT").to_numpy() & (mean > 1)
    # negative binomial: variance = mean + dispersion * mean ** 2
    dispersion = (variance - mean)[nuclear] / mean[nuclear] ** 2
    assert nuclear.sum() > 100
    assert np.median(dispersion) == pytest.approx(0.4, rel=0.1)


def test_mitochondrial_share_and_dying_cells():
    drawn = cohort(dying_share=0.3, cells_per_sample=1000)
    counts, cells = simulate_sample(drawn, CONTROL)
    total = np.asarray(counts.sum(axis=1)).ravel()
    share = np.asarray(counts[:, drawn.genes["chromosome"].eq("MT").to_numpy()].sum(axis=1)).ravel() / total
    dying = cells["dying"].to_numpy()
    assert dying.mean() == pytest.approx(0.3, abs=0.05)
    assert share[~dying].mean() == pytest.approx(0.002, rel=0.25)
    assert share[dying].mean() == pytest.approx(0.10, rel=0.25)
    assert np.median(total[dying]) < 0.3 * np.median(total[~dying])


def test_sex_genes(quiet, case, control):
    totals = {name: pd.Series(np.asarray(drawn[0].sum(axis=0)).ravel(), index=quiet.genes["gene"]) for name, drawn in
              (("F", case), ("M", control))}  # fmt: skip
    on_y = quiet.genes.loc[quiet.genes["chromosome"] == "Y", "gene"]
    assert totals["F"][on_y].sum() == 0
    assert totals["M"][on_y].sum() > 50
    assert totals["M"]["XIST"] == 0
    assert totals["F"]["XIST"] > 50


def test_markers_are_high_in_their_type_and_low_elsewhere(quiet, control):
    table = markers("spinal_cord")
    for cell_type in quiet.plan.cell_types:
        inside = quiet.genes["gene"].isin(table.loc[table["cell_type"] == cell_type, "gene"]).to_numpy()
        means = {name: of_type(control, name)[:, inside].sum() / of_type(control, name).sum() for name in
                 quiet.plan.cell_types}  # fmt: skip
        other = max(value for name, value in means.items() if name != cell_type)
        assert means[cell_type] > 5 * other, cell_type


def test_planted_changes_are_in_the_counts_and_nothing_else_moves(quiet, case, control):
    truth = planted_genes(quiet).set_index(["cell_type", "gene"])["log2_fold_change"]
    for cell_type in quiet.plan.cell_types:
        sums = [np.asarray(of_type(drawn, cell_type).sum(axis=0)).ravel() for drawn in (case, control)]
        seen = (sums[0] + sums[1] > 200) & quiet.genes["chromosome"].ne("Y").to_numpy()
        change = np.log2((sums[0] + 0.5) / sums[0].sum()) - np.log2((sums[1] + 0.5) / sums[1].sum())
        planted = truth.get(cell_type, pd.Series(dtype=float)).reindex(quiet.genes["gene"]).fillna(0).to_numpy()
        seen &= quiet.genes["gene"].ne("XIST").to_numpy()
        still = seen & (planted == 0)
        center = np.median(change[still])
        assert np.std(change[still]) < 0.25, cell_type
        if cell_type == "oligodendrocyte":
            assert not planted.any()
            continue
        moved = seen & (planted != 0)
        assert moved.sum() >= 20
        slope = np.polyfit(planted[moved], change[moved] - center, 1)[0] if np.ptp(planted[moved]) else 1.0
        assert slope == pytest.approx(1, abs=0.15), cell_type
        assert np.mean(change[moved] - center - planted[moved]) == pytest.approx(0, abs=0.1), cell_type


def test_truth_tables_tell_what_was_planted(quiet):
    pathways = planted_pathways(quiet, SETS)
    assert len(pathways) == len(quiet.plan.effects) == 4
    assert pathways["fraction_changed"].between(0.6, 0.8).all()
    one = pathways[pathways["pathway"] == "isr_atf4"].iloc[0]
    members = set(SETS["stress", "isr_atf4"])
    genes = planted_genes(quiet)
    moved = genes[(genes["cell_type"] == one["cell_type"]) & genes["gene"].isin(members)]
    up = moved[moved["log2_fold_change"] > 0]
    assert len(up) / len(members) == pytest.approx(one["fraction_changed"])


def test_a_gene_of_two_planted_sets_moves_as_the_first_says():
    effects = [
        effect(family="stress", pathway="heat_shock", log2_fold_change=1.0),
        effect(family="autophagy", pathway="chaperone_mediated", log2_fold_change=-1.0),
    ]
    drawn = cohort(effects=effects, gene_effects=[{"cell_type": "microglia", "genes": ["BAG1"], "log2_fold_change": 3}])
    row = pd.Series(drawn.change[drawn.plan.cell_types.index("microglia")], index=drawn.genes["gene"])
    assert row["HSPA8"] == 1.0  # in both sets
    assert row["LAMP2"] == -1.0  # in the second only
    assert row["BAG1"] == 3.0  # single genes come first


def test_composition_shift_is_the_planted_ratio_of_odds(quiet, case, control):
    shares = {name: [(drawn[1]["cell_type"] == name).mean() for drawn in (case, control)] for name in
              quiet.plan.cell_types}  # fmt: skip
    for name, fold in quiet.plan.composition.items():
        (case_share, control_share) = shares[name]
        ratio = case_share / (1 - case_share) / (control_share / (1 - control_share))
        assert ratio == pytest.approx(fold, rel=0.2), name
    case_ratio, control_ratio = (shares["oligodendrocyte"][i] / shares["astrocyte"][i] for i in (0, 1))
    assert case_ratio == pytest.approx(control_ratio, rel=0.2)


def test_donors_differ_and_coexpressed_genes_move_together():
    drawn = cohort(donor_spread=[0.1, 0.1], module_spread=0.5, dying_share=0, cells_per_sample=200)
    rows = [{**CONTROL, "sample": f"s{i}", "donor": f"d{i}"} for i in range(16)]
    sums = np.array(
        [np.asarray(of_type(simulate_sample(drawn, row), "oligodendrocyte").sum(axis=0)).ravel() for row in rows]
    )
    log = np.log((sums + 0.5) / sums.sum(axis=1, keepdims=True))
    seen = sums.sum(axis=0) > 300
    in_set = drawn.genes["gene"].isin(SETS["stress", "oxidative_phosphorylation"]).to_numpy() & seen
    within = np.corrcoef(log[:, in_set].T)[np.triu_indices(in_set.sum(), 1)].mean()
    other = drawn.genes["gene"].isin(SETS["stress", "stress_granule"]).to_numpy() & seen & ~in_set
    between = np.corrcoef(log[:, in_set].T, log[:, other].T)[: in_set.sum(), in_set.sum() :].mean()
    assert within > 0.5
    assert abs(between) < within / 2


def test_ambient_rna_brings_foreign_markers():
    table = markers("spinal_cord")
    rate = {}
    for ambient in (0.0, 0.2):
        drawn = cohort(ambient_share=ambient, dying_share=0, doublets_per_1000=0, cells_per_sample=600)
        counts = of_type(simulate_sample(drawn, CONTROL), "microglia")
        myelin = drawn.genes["gene"].isin(table.loc[table["cell_type"] == "oligodendrocyte", "gene"]).to_numpy()
        rate[ambient] = counts[:, myelin].sum() / counts.sum()
    assert rate[0.2] > 4 * rate[0.0]


def test_doublets_hold_two_cells_and_their_number_grows_with_the_square():
    drawn = cohort(doublets_per_1000=0.1, cells_per_sample=1000, cells_spread=0, dying_share=0)
    counts, cells = simulate_sample(drawn, CONTROL)
    double = (cells["doublet_with"] != "").to_numpy()
    assert double.sum() == 100
    half = cohort(doublets_per_1000=0.1, cells_per_sample=500, cells_spread=0)
    assert (draw_cells(half, CONTROL)["doublet_with"] != "").sum() == 25
    same = (cells["cell_type"] == "oligodendrocyte").to_numpy()
    both = same & (cells["doublet_with"] == "oligodendrocyte").to_numpy()
    total = np.asarray(counts.sum(axis=1)).ravel()
    assert total[both].mean() == pytest.approx(2 * total[same & ~double].mean(), rel=0.35)


def test_batch_effect_only_where_there_is_a_batch():
    drawn = cohort(
        DISH, "ipsc_motor_neurons", donor_spread=[0, 0], module_spread=0, batch_spread=0.5, cells_per_sample=400
    )
    sums = {}
    for sample, batch in (("a", "BatchE"), ("b", "BatchE"), ("c", "BatchF")):
        row = {"sample": sample, "donor": sample, "condition": "Control", "sex": "F", "batch": batch}
        total = np.asarray(of_type(simulate_sample(drawn, row), "motor_neuron").sum(axis=0)).ravel()
        sums[sample] = np.log((total + 0.5) / total.sum())
        seen = total > 100
    assert np.std((sums["a"] - sums["c"])[seen]) > 3 * np.std((sums["a"] - sums["b"])[seen])


def test_a_smaller_gene_list_keeps_what_is_needed():
    drawn = cohort(n_genes=3200)
    names = set(drawn.genes["gene"])
    assert len(names) == 3200
    assert names.issuperset(set().union(*SETS.values()))
    assert {"XIST", "MT-CO1", "UTY"} <= names
    assert list(drawn.genes["gene"]) == [gene for gene in GENES["gene"] if gene in names]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cels_per_sample": 3}, "cells_per_sample"),
        ({"proportions": {"microglia": 1.0}}, "cell type of proportions"),
        ({"proportions": {**description()["proportions"], "opc": 0.1}}, "sum to 1"),
        ({"composition": {"microglya": 2}}, "Did you mean 'microglia'"),
        ({"ambient_share": 1.5}, "ambient_share"),
        ({"dispersion": "high"}, "dispersion"),
        ({"donor_spread": [0.3, 0.1]}, "lower one first"),
        (
            {"effects": [{"cell_type": "microglia", "family": "stress", "pathway": "heat_shock", "fraction": 0.5}]},
            "entry 1",
        ),
    ],
)
def test_a_wrong_plan_is_refused_with_its_key(changes, told):
    with pytest.raises(InputError, match=told) as refused:
        plan_from(description(**changes), where="cohort/simulation.yaml")
    assert refused.value.where.startswith("cohort/simulation.yaml")


def test_a_missing_key_is_named():
    plan = description()
    del plan["dispersion"]
    with pytest.raises(InputError, match="dispersion"):
        plan_from(plan, where="simulation.yaml")


def test_an_unknown_set_or_gene_is_named():
    with pytest.raises(InputError, match="heat_shock"):
        cohort(effects=[effect(pathway="heat_shok")])
    with pytest.raises(InputError, match="GPNMB"):
        cohort(gene_effects=[{"cell_type": "microglia", "genes": ["GPNMBB"], "log2_fold_change": 1}])


def test_plan_fields_are_the_documented_keys():
    keys = set(read_yaml(ROOT / "examples" / "demo" / "simulated_spinal_cord" / "simulation.yaml"))
    plan = plan_from(description(), where="x")
    assert keys == {field.name for field in dataclasses.fields(plan)}


def small():
    genes = pd.DataFrame({"gene": ["STMN2", "MT-CO1", "XIST"], "gene_id": ["ENSG1", "ENSG2", "ENSG3"]})
    return sparse.csr_matrix(np.array([[0, 3, 0], [7, 0, 1]], dtype=np.int32)), genes


def test_scanpy_reads_the_h5(tmp_path):
    scanpy = pytest.importorskip("scanpy")
    counts, genes = small()
    content = tenx_h5_bytes(counts, ["AAAC-1", "AAAG-1"], genes, library="s")
    assert content == tenx_h5_bytes(counts, ["AAAC-1", "AAAG-1"], genes, library="s")
    (tmp_path / "s.h5").write_bytes(content)
    data = scanpy.read_10x_h5(tmp_path / "s.h5")
    assert np.array_equal(data.X.toarray(), counts.toarray())
    assert list(data.obs_names) == ["AAAC-1", "AAAG-1"]
    assert list(data.var_names) == list(genes["gene"])
    assert list(data.var["gene_ids"]) == list(genes["gene_id"])


def test_tar_holds_its_members_without_times():
    stream = io.BytesIO()
    write_tar(stream, [("GSM1_a_ALS.h5", b"one"), ("GSM2_b_Control.h5", b"second")])
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        members = archive.getmembers()
        assert [(member.name, member.size, member.mtime) for member in members] == [
            ("GSM1_a_ALS.h5", 3, 0),
            ("GSM2_b_Control.h5", 6, 0),
        ]
        assert archive.extractfile(members[1]).read() == b"second"


def test_dense_csv_is_genes_by_cells():
    counts, genes = small()
    streams = [io.BytesIO(), io.BytesIO()]
    for target in streams:
        write_dense_csv(target, counts, ["ALS_C9O_SIM1_A_TENEX_AC", "CTR_CTR_SIM2_A_TENEX_GT"], list(genes["gene"]))
    assert streams[0].getvalue() == streams[1].getvalue()
    assert streams[0].getvalue()[4:8] == bytes(4)  # gzip's time
    text = gzip.decompress(streams[0].getvalue()).decode()
    assert text.splitlines() == [
        ",ALS_C9O_SIM1_A_TENEX_AC,CTR_CTR_SIM2_A_TENEX_GT",
        "STMN2,0,7",
        "MT-CO1,3,0",
        "XIST,0,1",
    ]


def test_dense_csv_in_chunks_keeps_every_row():
    counts = sparse.csr_matrix(np.arange(2 * 600).reshape(2, 600).astype(np.int32))
    stream = io.BytesIO()
    write_dense_csv(stream, counts, ["a", "b"], [f"g{i}" for i in range(600)])
    table = pd.read_csv(io.BytesIO(gzip.decompress(stream.getvalue())), index_col=0)
    assert np.array_equal(table.to_numpy(), counts.toarray().T)
    assert list(table.index) == [f"g{i}" for i in range(600)]
