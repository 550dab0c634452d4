"""Figures: the right numbers are drawn, empty tables give a figure that says so, and bytes repeat."""

import hashlib
import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from alscell import (
    figures,
    figures_biomarkers,
    figures_calibration,
    figures_cells,
    figures_clusters,
    figures_composition,
    figures_dish,
    figures_enrichment,
    figures_genes,
    figures_genotypes,
    figures_heterogeneity,
    figures_panels,
    figures_samples,
    figures_summary,
    figures_tests,
)
from alscell.errors import InputError
from alscell.figure_tables import FIGURE_TABLES
from alscell.tables import empty_table

STAMP = "SIMULATED DATA"


SYSTEMS = {"tissue": "tissue", "dish": "dish"}


def scores_and_sheet(example, dataset: str) -> list[pd.DataFrame]:
    """Donor scores and sample sheet of a dataset."""
    return [example.pathway_donors(dataset), example.samples(dataset)]


def of_contrast(example) -> dict:
    """What the figure of pathway effects is told of the contrast."""
    return {"contrast": example.CONTRASTS[example.CONTRAST], "min_cells": 10, "fdr": 0.05}


def two_genotypes(example) -> dict:
    """The contrast of the example, and a second one."""
    return example.CONTRASTS | {"c9als_vs_control": {"factor": "genotype", "case": ["C9"], "control": ["Control"]}}


def two_contrasts(example) -> list[pd.DataFrame]:
    """Gene sets and ALS genes of both: in the second one, microglia respond less, and no type but them is compared."""
    parts = []
    for table, effect in (
        (example.pathway_tests("tissue"), "effect"),
        (example.gene_panel("tissue"), "log2_fold_change"),
    ):
        less = table[table["cell_type"] == "microglia"].assign(contrast="c9als_vs_control", n_case=3)
        parts.append(pd.concat([table, less.assign(**{effect: less[effect] / 2})]))
    return parts


def texts(figure) -> str:
    """All that is written in a figure."""
    return "\n".join(found.get_text() for found in figure.findobj(lambda item: hasattr(item, "get_text")))


@pytest.fixture(scope="module")
def drawn(example):
    """Every kind of figure of the dataset `tissue`: name -> (figure, numbers)."""
    one, contrasts = "tissue", example.CONTRASTS
    embedding, types = example.embedding(one)
    sheet, tests = example.samples(one), example.pathway_tests(one)
    both = [example.pathway_tests(name) for name in example.TYPES]
    skipped = [example.differential_skipped(name) for name in example.TYPES]
    donor = {"replicate": "donor", "stamp": STAMP}
    genes, left_out = example.differential(one), example.differential_skipped(one)
    cells, limits = example.quality(one), example.quality_limits(one)
    shares, share_tests = example.composition_donors(one), example.composition(one)
    by_arm = {"contrasts": contrasts, **donor}
    return {
        "quality": figures_cells.draw_quality(cells, limits, contrasts=contrasts, stamp=STAMP),
        "ambient": figures_samples.draw_ambient(example.ambient(one), limits, contrasts=contrasts, stamp=STAMP),
        "sex": figures_samples.draw_sex(example.sample_checks(one), stamp=STAMP),
        "cluster_stability": figures_clusters.draw_cluster_stability(
            example.cluster_stability(), min_stability=0.8, n_subsamples=10, subsample_fraction=0.8, stamp=STAMP
        ),
        "umap": figures_cells.draw_umap(embedding, types, sheet, seed=1, **by_arm),
        "markers": figures_cells.draw_markers(example.markers(one), max_genes=15, stamp=STAMP),
        "composition": figures_composition.draw_composition(shares, share_tests, sheet, **by_arm),
        "differential": figures_tests.draw_differential(genes, left_out, fdr=0.05, **donor),
        "volcano": figures_tests.draw_volcano(genes, fdr=0.05, n_labels=3, **donor),
        "gene_heatmap": figures_genes.draw_gene_heatmap(
            genes.assign(decisive_donor="A1"),
            example.expression_donors(one),
            sheet,
            contrast=contrasts[example.CONTRAST],
            fdr=0.05,
            n_genes=3,
            **donor,
        ),
        "running_sums": figures_enrichment.draw_running_sums(
            example.enrichment(one), genes, example.members(), named=[], fdr=0.05, **donor
        ),
        "pathways": figures_tests.draw_pathways(
            tests, *scores_and_sheet(example, one), **of_contrast(example), **donor
        ),
        "pathway_donors": figures_tests.draw_pathway_donors(
            example.pathway_donors(one), tests, sheet, contrast=contrasts[example.CONTRAST], n_panels=4, **donor
        ),
        "calibration": figures_calibration.draw_calibration(
            example.calibration(one), example.calibration_histogram(one), stamp=STAMP
        ),
        "gene_panel": figures_panels.draw_gene_panel(example.gene_panel(one), fdr=0.05, stamp=STAMP),
        "tdp43": figures_panels.draw_tdp43(
            example.tdp43_genes(one),
            example.tdp43_index(one),
            example.tdp43_donors(one),
            sheet,
            contrast=contrasts[example.CONTRAST],
            fdr=0.05,
            **donor,
        ),
        "ligand_receptor": figures_panels.draw_ligand_receptor(
            example.ligand_receptor(one), n_pairs=10, fdr=0.05, stamp=STAMP
        ),
        "pathway_heatmap": figures_summary.draw_pathway_heatmap(
            pd.concat(both), pd.concat(skipped), fdr=0.05, stamp=STAMP
        ),
        "genotypes": figures_genotypes.draw_genotypes(
            *two_contrasts(example), contrasts=two_genotypes(example), fdr=0.05, n_sets=6, n_genes=3, **donor
        ),
        "heterogeneity": figures_heterogeneity.draw_heterogeneity(
            example.synthesis_pathways(), pd.concat(both), systems=SYSTEMS, n_sets=3, stamp=STAMP
        ),
        "tissue_dish": figures_dish.draw_tissue_dish(example.synthesis_programmes(), n_labels=4, stamp=STAMP),
        "biomarkers": figures_biomarkers.draw_biomarkers(example.synthesis_biomarker_tests(), n_genes=30, stamp=STAMP),
        "replication": figures_summary.draw_replication(example.synthesis_replication(), stamp=STAMP),
        "planted_truth": figures_summary.draw_planted(example.planted(), stamp=STAMP),
    }


def test_every_figure_of_simulated_data_is_stamped_and_holds_numbers(drawn):
    assert len(drawn) == 24
    for name, (figure, numbers) in drawn.items():
        assert STAMP in texts(figure), name
        assert len(numbers), name


def test_every_figure_has_a_page_s_width_and_type_that_can_be_read(drawn):
    for name, (figure, _) in drawn.items():
        assert figure.get_figwidth() <= figures.DOUBLE * figures.MILLIMETRE + 1e-9, name
        shown = figure.findobj(lambda item: hasattr(item, "get_fontsize") and item.get_text() and item.get_visible())
        sizes = {round(item.get_fontsize(), 2) for item in shown}
        assert min(sizes) >= 5, (name, sizes)
        assert max(sizes) <= 7, (name, sizes)


def test_numbers_drawn_have_the_columns_of_the_dictionary(drawn):
    for name, (_, numbers) in drawn.items():
        assert list(numbers.columns) == FIGURE_TABLES[f"figure_{name}"].names, name


def test_columns_name_the_donors_behind_them(drawn):
    assert "motor neuron (5 v 4)" in texts(drawn["gene_panel"][0])
    assert "progenitor (4 v 4)" in texts(drawn["pathway_heatmap"][0])
    assert "rare" in texts(drawn["pathway_heatmap"][0]).split("\n")  # not tested: no donors to name


def test_real_data_has_no_stamp(example):
    figure, _ = figures_tests.draw_pathways(
        example.pathway_tests("dish"),
        *scores_and_sheet(example, "dish"),
        **of_contrast(example),
        replicate="line",
        stamp="",
    )
    assert "SIMULATED" not in texts(figure)


@pytest.mark.parametrize(
    ("simulated", "expected"),
    [(True, STAMP), (False, ""), ([], ""), (["b", "a"], "SIMULATED DATA: a, b")],
)
def test_stamp_text(simulated, expected):
    assert figures.stamp_text(simulated) == expected


def test_saved_twice_the_bytes_are_the_same_and_hold_no_time(drawn, tmp_path):
    sums = []
    for turn in ("first", "second"):
        paths = {ending: tmp_path / f"{turn}.{ending}" for ending in ("pdf", "png", "tsv")}
        figure, numbers = drawn["volcano"]
        figures.save_figure(figure, numbers, pdf=paths["pdf"], png=paths["png"], numbers=paths["tsv"])
        sums.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths.values()])
    assert sums[0] == sums[1]
    pdf = (tmp_path / "first.pdf").read_bytes()
    assert b"CreationDate" not in pdf
    assert b"/Type3" not in pdf  # embedded as TrueType, so that the text stays text
    image = Image.open(tmp_path / "first.png")
    assert "Software" not in image.info
    assert image.size[0] == int(figures.DOUBLE / 25.4 * figures.PNG_DPI)


def test_ambient_figure_groups_samples_by_condition_and_says_what_cannot_be_told(example, drawn):
    figure, numbers = drawn["ambient"]
    assert numbers["condition"].tolist() == ["ALS"] * 5 + ["Control"] * 4
    limits = example.quality_limits("tissue").set_index("sample")
    expected = (limits["n_doublets"] / limits["n_cells"])[numbers["sample"]]
    assert numbers["doublet_share"].tolist() == pytest.approx(expected.tolist())
    assert numbers["ambient_share"].isna().sum() == 1
    assert "cannot be told: too few markers" in texts(figure)
    assert {"soup from empty droplets", "soup from the sum of all cells"} <= set(texts(figure).splitlines())
    alone, _ = figures_samples.draw_ambient(
        example.ambient("tissue").tail(1), example.quality_limits("tissue"), contrasts=example.CONTRASTS, stamp=""
    )
    assert "SIMULATED" not in texts(alone)


def test_drawn_again_the_new_figure_has_the_same_bytes(example, drawn, tmp_path):
    """Drawn from shuffled rows, in a new figure: order and memory of an earlier one change nothing."""
    genes, sets = example.differential("tissue"), example.enrichment("tissue")
    donor = {"replicate": "donor", "stamp": STAMP}
    again = {
        "running_sums": figures_enrichment.draw_running_sums(
            sets.sample(frac=1, random_state=1), genes.sample(frac=1, random_state=2), example.members(), named=[],
            fdr=0.05, **donor,
        ),
        "cluster_stability": figures_clusters.draw_cluster_stability(
            example.cluster_stability()[::-1], min_stability=0.8, n_subsamples=10, subsample_fraction=0.8, stamp=STAMP
        ),
    }  # fmt: skip
    for name, pair in again.items():
        sums = []
        for turn, (figure, numbers) in (("first", drawn[name]), ("second", pair)):
            paths = [tmp_path / f"{name}_{turn}.{ending}" for ending in ("pdf", "png", "tsv")]
            figures.save_figure(figure, numbers, pdf=paths[0], png=paths[1], numbers=paths[2])
            sums.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
        assert sums[0] == sums[1], name


def test_quality_counts_each_cell_once_under_its_first_reason(example, drawn):
    cells = example.quality("tissue")
    numbers = drawn["quality"][1]
    counts = numbers[numbers["panel"] == "cells"].pivot(index="sample", columns="quantity", values="value")
    assert (counts.sum(axis=1) == cells.groupby("sample").size()).all()
    assert (counts["kept"] == cells.groupby("sample")["keep"].sum()).all()
    earlier = cells[["low_counts", "high_counts", "low_genes", "high_mitochondrial"]].any(axis=1)
    assert (cells["doublet"] & earlier).any()  # else this would show nothing
    assert counts["doublet"].sum() == (cells["doublet"] & ~earlier).sum()
    assert counts["low_counts"].sum() == cells["low_counts"].sum()
    middle = numbers[(numbers["panel"] == "n_counts") & (numbers["quantity"] == "median")].set_index("sample")["value"]
    assert middle["s_A0"] == np.median(cells.loc[cells["sample"] == "s_A0", "n_counts"])
    assert "left out: most cells lost" in texts(drawn["quality"][0])


def test_genes_are_counted_by_hand(example):
    genes = example.differential("tissue")
    counts = figures_tests.count_genes(genes, example.differential_skipped("tissue"), fdr=0.05).set_index("cell_type")
    assert counts.loc["microglia", ["n_up", "n_down", "n_tested", "status"]].tolist() == [3, 1, 300, "tested"]
    assert counts.loc["astrocyte", ["n_up", "n_down"]].tolist() == [0, 0]
    assert counts.loc["mural", "status"] == "descriptive"  # named among the skipped too, but it has effects
    assert counts.loc["rare", ["n_case", "n_control", "n_tested", "status"]].tolist() == [
        2,
        0,
        0,
        "no_donors_in_an_arm",
    ]


def test_untested_types_are_named_in_the_figure(drawn):
    written = texts(drawn["differential"][0])
    assert "not tested: no donors in an arm" in written
    assert "effects only, too few donors" in written


def test_volcano_leaves_out_what_has_no_p_and_names_the_lowest(drawn):
    figure, numbers = drawn["volcano"]
    assert "mural" not in set(numbers["cell_type"])
    assert numbers.loc[numbers["labeled"], "gene"].tolist() == ["GENE0", "GENE1", "GENE3"]
    written = texts(figure)
    assert all(name in written for name in ("GENE0", "GENE1", "GENE3"))
    assert "GENE7" not in written


def test_top_genes_of_every_donor_are_those_of_the_table_and_one_rests_on_one_donor(drawn, example):
    figure, numbers = drawn["gene_heatmap"]
    assert numbers["gene"].unique().tolist() == ["GENE0", "GENE1", "GENE3"]  # the lowest p of the hits
    assert numbers["donor"].unique().tolist() == ["A0", "A1", "A2", "A3", "A4", "C0", "C1", "C2"]  # C3: too few cells
    table = example.expression_donors("tissue").set_index(["cell_type", "gene"]).loc[("microglia", "GENE1")]
    own = numbers[numbers["gene"] == "GENE1"].set_index("donor")
    assert np.allclose(own["log2_cpm"], table[own.index].astype(float))
    assert np.allclose(own["z"], (own["log2_cpm"] - own["log2_cpm"].mean()) / own["log2_cpm"].std())
    assert own["one_donor"].isna().all()
    assert set(numbers.loc[numbers["gene"] == "GENE0", "one_donor"]) == {"A1"}
    written = texts(figure)
    assert "GENE0 †" in written
    assert "5 v 3 donors" in written
    half = 2.1788 * 0.4  # t of 12 degrees of freedom at 97.5 %, times the standard error
    assert f"+2.50 [+{2.5 - half:.2f}, +{2.5 + half:.2f}]" in written


def test_running_sums_show_the_strongest_set_of_each_family_or_those_that_are_named(drawn, example):
    figure, numbers = drawn["running_sums"]
    shown = numbers[["family", "pathway", "cell_type"]].drop_duplicates().to_numpy().tolist()
    assert ["inflammation", "interferon_alpha", "microglia"] in shown
    assert ["stress", "unfolded_protein_perk", "motor_neuron"] in shown
    assert [family for family, _, _ in shown] == ["autophagy", "inflammation", "stress"]
    own = numbers[numbers["cell_type"] == "microglia"]
    assert sorted(own["gene"]) == sorted(f"GENE{10 * n}" for n in range(12))
    table = example.differential("tissue").query("cell_type == 'microglia'")
    places = table["statistic"].rank(ascending=False).set_axis(table["gene"])
    assert own["rank"].tolist() == places[own["gene"]].tolist() == sorted(own["rank"])
    assert own["after"].iloc[-1] == pytest.approx((300 - own["rank"].iloc[-1]) / (300 - 12))  # what still falls to 0
    assert "NES +2.40, CAMERA FDR 0.0034" in texts(figure)
    assert "5 v 4 donors, 37 genes of the set" in texts(figure)
    named = figures_enrichment.choose_sets(example.enrichment("tissue"), ["stress/hypoxia", "stress/heat_shock"])
    assert named["pathway"].tolist() == ["heat_shock", "hypoxia"]
    with pytest.raises(InputError, match=r"'stress/hypoxi'.*Did you mean 'stress/hypoxia'"):
        figures_enrichment.choose_sets(example.enrichment("tissue"), ["stress/hypoxi"])


def test_labels_do_not_overlap_and_stay_inside():
    figure, body = figures.new_figure(figures.SINGLE, 60, stamp="")
    axes = body.subplots()
    points = np.random.default_rng(0).random((25, 2)) * [1, 0.05]
    axes.scatter(*points.T)
    figure.draw_without_rendering()
    figures.place_labels(axes, points, [f"LABEL{i}" for i in range(25)], centered=False, fontsize=6)
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
    assert len(boxes) > 5
    frame = axes.get_window_extent()
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert box.x0 >= frame.x0
        assert box.x1 <= frame.x1


def test_donor_points_are_the_scores_of_both_arms(example, drawn):
    numbers = drawn["pathway_donors"][1]
    first = numbers[(numbers["cell_type"] == "microglia") & (numbers["pathway"] == "interferon_alpha")]
    assert first["arm"].value_counts().to_dict() == {"case": 5, "control": 4}
    table = example.pathway_donors("tissue")
    own = table[(table["cell_type"] == "microglia") & (table["pathway"] == "interferon_alpha")]
    assert np.allclose(first.set_index("donor")["score"].sort_index(), own.set_index("donor")["score"].sort_index())
    assert "n = 5" in texts(drawn["pathway_donors"][0])


def test_cluster_stability_fills_the_chosen_resolution_and_writes_the_number_of_clusters(drawn, example):
    figure, numbers = drawn["cluster_stability"]
    pd.testing.assert_frame_equal(numbers, example.cluster_stability())
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.2\n4", "0.4\n6", "0.7\n9"]
    assert [label.get_fontweight() for label in axes.get_xticklabels()] == ["normal", "bold", "normal"]
    points = axes.collections[-1]
    assert points.get_offsets()[:, 1].tolist() == numbers["stability"].tolist()
    white = [tuple(color[:3]) == (1, 1, 1) for color in points.get_facecolor()]
    assert white == [True, False, True]
    assert "n = 10 random parts of 80 % of the cells" in texts(figure)


def test_pathways_draw_donors_less_the_controls_in_the_unit_of_the_effect(drawn, example):
    figure, numbers = drawn["pathways"]
    effects, points = numbers[numbers["donor"].isna()], numbers[numbers["donor"].notna()]
    tests = example.pathway_tests("tissue")
    assert len(effects) == len(tests)
    assert len(points) == len(tests) * len(example.samples("tissue"))
    scores = example.pathway_donors("tissue").query("cell_type == 'microglia' and pathway == 'interferon_alpha'")
    scores = scores.set_index("donor")["score"]
    own = points.query("cell_type == 'microglia' and pathway == 'interferon_alpha'").set_index("donor")
    level = scores[[name for name in scores.index if name.startswith("C")]].mean()
    assert np.allclose(own["donor_value"].sort_index(), (scores.sort_index() - level) / 0.01)  # donor_sd of the example
    assert own["arm"].value_counts().to_dict() == {"case": 5, "control": 4}
    assert own.loc[own["arm"] == "control", "donor_value"].mean() == pytest.approx(0, abs=1e-9)
    assert "5 v 4 donors" in texts(figure)
    assert "points: donors less the mean of controls" in texts(figure)
    few = example.pathway_donors("tissue").assign(n_cells=lambda table: np.where(table["donor"] == "A0", 9, 40))
    arms = figures.donor_arms(example.samples("tissue"), example.CONTRASTS[example.CONTRAST])
    _, left = figures_tests.pathway_numbers(tests, few, arms, min_cells=10)
    assert "A0" not in set(left["donor"])


def test_composition_draws_every_donor_in_its_arm(drawn):
    numbers = drawn["composition"][1]
    shares = numbers[numbers["quantity"] == "share"]
    assert shares.groupby(["cell_type", "arm"]).size().unstack().loc["microglia"].to_dict() == {"case": 5, "control": 4}
    assert shares.groupby("donor")["value"].sum().round(9).eq(1).all()


def test_calibration_draws_every_rate_and_names_types_without_p(example):
    rates, bins = example.calibration("tissue"), example.calibration_histogram("tissue")
    empty = (rates["test"] == "composition") & (rates["cell_type"] == "microglia")
    figure, numbers = figures_calibration.draw_calibration(rates[~empty], bins, stamp="")
    assert numbers["quantity"].value_counts().to_dict() == {"bin": 100, "rate": 24}
    assert texts(figure).count("no p values") == 1
    dots = [found for found in figure.axes[5].collections if len(found.get_offsets()) == 1]
    assert [dot.get_offsets()[0, 0] for dot in dots] == pytest.approx([5.1] * 5)
    labels = [found.get_label() for axes in figure.axes for found in axes.patches]
    assert labels.count("true labels") == 4  # composition has too few tests for a line of its own


def test_heat_map_has_a_column_for_types_that_were_not_tested(drawn):
    written = texts(drawn["pathway_heatmap"][0])
    assert "rare" in written
    assert "progenitor" in written


def test_tissue_and_dish_are_compared_only_where_both_exist(drawn):
    numbers = drawn["tissue_dish"][1]
    assert set(numbers["cell_type"]) == {"motor_neuron"}
    assert "n = 1 v 1 datasets" in texts(drawn["tissue_dish"][0])


def test_one_dataset_or_one_system_is_said_to_be_so(example):
    table = example.synthesis_programmes().assign(verdict="not_comparable", n_dish=0)
    figure, numbers = figures_dish.draw_tissue_dish(table.assign(datasets="cord"), n_labels=3, stamp="")
    assert "Only one dataset was tested (cord)" in texts(figure)
    assert numbers.empty
    figure, _ = figures_dish.draw_tissue_dish(table.assign(datasets="cord;cortex"), n_labels=3, stamp="")
    assert "of one system (tissue)" in texts(figure)
    figure, _ = figures_dish.draw_tissue_dish(example.synthesis_programmes().iloc[:0], n_labels=3, stamp="")
    assert "No cell type was compared" in texts(figure)


def test_wide_intervals_of_two_datasets_do_not_flatten_the_panel(example):
    """One degree of freedom: intervals of 12.7 standard errors to each side."""
    table = example.synthesis_programmes()
    wide = table.assign(ci_low_tissue=table["effect_tissue"] - 50, ci_high_tissue=table["effect_tissue"] + 50)
    figure, _ = figures_dish.draw_tissue_dish(wide, n_labels=3, stamp="")
    low, high = figure.axes[0].get_xlim()
    largest = table[["effect_tissue", "effect_dish"]].abs().max(axis=None)
    assert -2.5 * largest < low < -largest < largest < high < 2.5 * largest


def test_genotypes_stand_side_by_side_with_the_values_of_both_tables(drawn, example):
    figure, numbers = drawn["genotypes"]
    genes = two_contrasts(example)[1]
    sets = numbers[numbers["kind"] == "gene_set"]
    assert set(zip(sets["cell_type"].head(3), sets["name"].head(3), strict=True)) == {
        ("microglia", "inflammation/interferon_alpha"),
        ("motor_neuron", "stress/unfolded_protein_perk"),
    }
    found = sets[sets["name"] == "inflammation/interferon_alpha"].query("cell_type == 'microglia'")
    assert found.set_index("contrast")["effect"].to_dict() == {"als_vs_control": 2.4, "c9als_vs_control": 1.2}
    assert found.set_index("contrast")["n_case"].to_dict() == {"als_vs_control": 5, "c9als_vs_control": 3}
    single = numbers[numbers["kind"] == "gene"]
    assert set(single["name"]) <= set(genes["gene"])
    assert "(all)" not in set(single["cell_type"])
    written = texts(figure)
    assert "C9 v Control donors" in written
    assert "3 v 4" in written
    assert "none" in written  # motor neurons in the second contrast
    figure, numbers = figures_genotypes.draw_genotypes(
        *two_contrasts(example), contrasts=example.CONTRASTS, fdr=0.05, n_sets=6, n_genes=3, replicate="donor", stamp=""
    )
    assert "the only contrast" in texts(figure)
    assert numbers.empty


def test_heterogeneity_sets_each_dataset_beside_the_pooled_effect(drawn, example):
    figure, numbers = drawn["heterogeneity"]
    assert set(numbers["cell_type"]) == {"motor_neuron"}  # the only one of two datasets
    assert numbers["dataset"].tolist() == ["dish", "tissue", "pooled"] * 3
    for _, own in numbers.groupby("pathway"):
        one = own.set_index("dataset")
        key = {name: own[name].iloc[0] for name in ("cell_type", "family", "pathway")}
        for dataset in example.TYPES:
            tests = example.pathway_tests(dataset)
            (row,) = tests[(tests[list(key)] == pd.Series(key)).all(axis=1)].to_dict("records")
            assert one.loc[dataset, ["effect", "ci_low", "ci_high"]].tolist() == [
                row[name] for name in ("effect", "ci_low", "ci_high")
            ]
    assert "tissue (5 v 4)" in texts(figure)
    assert "τ 0.32, I² 10 %, Q p 0.30" in texts(figure)
    table = example.synthesis_pathways().query("cell_type == 'motor_neuron'")
    table = table.assign(q_p_value=np.where(table["pathway"] == "hypoxia", 1e-4, 0.3), ci_high=99.0)
    table = table.assign(prediction_low=-3.0, prediction_high=3.0)
    tests = pd.concat([example.pathway_tests(name) for name in example.TYPES])
    figure, numbers = figures_heterogeneity.draw_heterogeneity(table, tests, systems=SYSTEMS, n_sets=2, stamp="")
    assert numbers["pathway"].tolist()[:3] == ["hypoxia"] * 3
    low, high = figure.axes[0].get_xlim()
    assert -10 < low < high < 10  # an interval of two datasets does not flatten the figure


def test_replication_shows_pairs_with_hits_and_their_numbers(drawn, example):
    figure, numbers = drawn["replication"]
    written = texts(figure)
    assert "tissue → dish" in written
    assert "20 of 40" in written
    assert "2 of 4" in written
    assert "microglia" not in written
    assert set(numbers["cell_type"]) == {"motor_neuron"}
    none = example.synthesis_replication().assign(n_hits=0)
    assert "No dataset has a hit" in texts(figures_summary.draw_replication(none, stamp="")[0])


def test_planted_tally(drawn):
    assert "2 found, 1 missed, 1 false call" in texts(drawn["planted_truth"][0])


def test_empty_tables_give_a_figure_that_says_so(example):
    sheet, contrasts = example.samples("tissue"), example.CONTRASTS
    donor = {"replicate": "donor", "stamp": ""}
    none, of_panels = empty_table, {"contrast": contrasts[example.CONTRAST], "n_panels": 3}
    of_arms = of_contrast(example)
    pairs = [
        figures_cells.draw_quality(none("quality").assign(sample=""), none("quality_limits"), contrasts={}, stamp=""),
        figures_clusters.draw_cluster_stability(
            none("cluster_stability"), min_stability=0.8, n_subsamples=10, subsample_fraction=0.8, stamp=""
        ),
        figures_cells.draw_umap(none("embedding"), none("cell_types"), sheet, contrasts={}, seed=0, **donor),
        figures_cells.draw_markers(none("markers"), max_genes=9, stamp=""),
        figures_composition.draw_composition(
            none("composition_donors"), none("composition"), sheet, contrasts=contrasts, **donor
        ),
        figures_tests.draw_differential(none("differential"), none("differential_skipped"), fdr=0.05, **donor),
        figures_tests.draw_volcano(none("differential"), fdr=0.05, n_labels=3, **donor),
        figures_genes.draw_gene_heatmap(
            none("differential"),
            none("expression_donors"),
            sheet,
            contrast=contrasts[example.CONTRAST],
            fdr=0.05,
            n_genes=3,
            **donor,
        ),
        figures_enrichment.draw_running_sums(
            none("enrichment"), none("differential"), example.members(), named=[], fdr=0.05, **donor
        ),
        figures_tests.draw_pathways(none("pathway_tests"), none("pathway_donors"), sheet, **of_arms, **donor),
        figures_tests.draw_pathway_donors(none("pathway_donors"), none("pathway_tests"), sheet, **of_panels, **donor),
        figures_calibration.draw_calibration(none("calibration"), none("calibration_histogram"), stamp=""),
        figures_summary.draw_pathway_heatmap(none("pathway_tests"), none("differential_skipped"), fdr=0.05, stamp=""),
        figures_genotypes.draw_genotypes(
            none("pathway_tests"), none("gene_panel"), contrasts=contrasts, fdr=0.05, n_sets=3, n_genes=3, **donor
        ),
        figures_heterogeneity.draw_heterogeneity(
            none("synthesis_pathways"), none("pathway_tests"), systems={}, n_sets=3, stamp=""
        ),
        figures_dish.draw_tissue_dish(none("synthesis_programmes"), n_labels=3, stamp=""),
        figures_biomarkers.draw_biomarkers(none("synthesis_biomarker_tests"), n_genes=3, stamp=""),
        figures_summary.draw_replication(none("synthesis_replication"), stamp=""),
        figures_summary.draw_planted(none("planted"), stamp=""),
    ]
    for figure, numbers in pairs:
        assert re.search(r"\b([Nn]o|could)\b", texts(figure)), texts(figure)
        assert len(numbers) == 0


def test_biomarkers_mark_known_genes_and_hits(drawn, example):
    figure, numbers = drawn["biomarkers"]
    written = figure.findobj(lambda item: hasattr(item, "get_fontweight"))
    assert {label.get_text() for label in written if label.get_fontweight() == "bold"} == {"GPNMB ▲", STAMP}
    assert "SPP1" in texts(figure)
    assert "FDR over the candidates reached" in texts(figure)
    assert numbers["is_hit"].tolist() == [False, True, False]
    table = example.synthesis_biomarker_tests()
    figure, numbers = figures_biomarkers.draw_biomarkers(table.assign(is_hit=False), n_genes=1, stamp="")
    assert "by no gene" in texts(figure)
    assert set(numbers["gene"]) == {"GPNMB"}


def test_only_descriptive_results_are_drawn_without_p(example):
    genes, tests = example.differential("tissue"), example.pathway_tests("tissue")
    genes, tests = genes[genes["descriptive"]], tests[tests["descriptive"]]
    figure, numbers = figures_tests.draw_volcano(genes, fdr=0.05, n_labels=3, replicate="donor", stamp="")
    assert "no p values" in texts(figure)
    assert numbers.empty
    figure, numbers = figures_tests.draw_pathways(
        tests, *scores_and_sheet(example, "tissue"), **of_contrast(example), replicate="donor", stamp=""
    )
    assert numbers["effect"].notna().sum() == len(example.SETS)
    assert "no test" in texts(figure).splitlines()


def test_colors_are_fixed_and_differ(example):
    colors = figures.cell_type_colors(["microglia", "astrocyte", "AST-FB", "unassigned"])
    assert colors["microglia"] == figures.cell_type_colors(["microglia"])["microglia"]
    assert len(set(colors.values())) == 4
    arms = figures.condition_colors(["ALS", "Control", "Other"], example.CONTRASTS)
    assert arms == {"ALS": figures.CASE_COLOR, "Control": figures.CONTROL_COLOR, "Other": figures.NEUTRAL}
    unused = example.CONTRASTS | {"first": {"factor": "condition", "case": ["AAA"], "control": ["BBB"]}}
    assert figures.condition_colors(["ALS", "Control"], unused)["ALS"] == figures.CASE_COLOR


def test_swarm_keeps_equal_values_apart():
    offsets = figures.swarm(np.array([1.0, 1.0, 1.0, 5.0]), distance=0.5, step=0.1, limit=0.3)
    assert sorted(offsets[:3]) == [-0.1, 0.0, 0.1]
    assert offsets[3] == 0.0


def test_panels_mark_what_was_not_tested_and_the_mutated_gene(drawn):
    figure, numbers = drawn["gene_panel"]
    said = texts(figure)
    for words in (
        "not measured",
        "too few counts",
        "cell type not tested",
        "descriptive",
        "mutated in the case donors",
    ):
        assert words in said
    assert "(all)" not in set(numbers["cell_type"])  # a test over cell types is no cell type
    assert figure.axes[0].get_yticklabels()[0].get_text() == "C9orf72"
    assert set(numbers.loc[numbers["gene"] == "ANG", "status"]) == {"not_measured"}


def test_tdp43_draws_every_donor_of_both_arms_and_no_index_of_few_targets(drawn, example):
    figure, numbers = drawn["tdp43"]
    points = numbers[numbers["quantity"] == "donor"]
    assert points.groupby("cell_type").size().to_dict() == dict.fromkeys(
        ("astrocyte", "microglia", "mural", "motor_neuron"), len(example.samples("tissue"))
    )
    assert "no index: too few targets or donors" in texts(figure)
    assert "STMN2 ↓" in texts(figure)


def test_ligands_draw_only_columns_with_an_effect(drawn):
    figure, numbers = drawn["ligand_receptor"]
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == [f"{name} → motor neuron (5 v 4)" for name in ("astrocyte", "microglia", "mural")]
    assert "HGF" not in set(numbers["ligand"])


def test_empty_panels_say_so():
    for figure, _ in (
        figures_panels.draw_gene_panel(empty_table("gene_panel"), fdr=0.05, stamp=""),
        figures_panels.draw_ligand_receptor(empty_table("ligand_receptor"), n_pairs=5, fdr=0.05, stamp=""),
    ):
        assert "could be compared" in texts(figure) or "no pair has enough counts" in texts(figure)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("t_cell_cytotoxicity", "T cell cytotoxicity"),
        ("mhc_class_ii", "MHC class II"),
        ("cgas_sting", "cGAS STING"),
        ("mtorc1_regulation", "mTORC1 regulation"),
        ("upr_ire1_xbp1", "UPR IRE1 XBP1"),
        ("tnf_nfkb", "TNF NF-κB"),
        ("motor_neuron", "motor neuron"),
    ],
)
def test_names_are_written_as_the_field_writes_them(name, written):
    assert figures.plain(name) == written


def test_settings_of_other_libraries_change_no_figure(tmp_path):
    """A library may set matplotlib's defaults when it is imported, before a figure is begun or before it is saved."""
    written = []
    for name, changes in (("plain", {}), ("changed", {"font.size": 14, "font.family": "serif", "pdf.fonttype": 3})):
        with matplotlib.rc_context(changes):
            figure = figures.message_figure("nothing to draw", stamp="SIMULATED DATA")
        with matplotlib.rc_context(changes):
            paths = {key: tmp_path / f"{name}.{key}" for key in ("pdf", "png", "numbers")}
            figures.save_figure(figure, pd.DataFrame({"a": [1]}), **paths)
        written.append([path.read_bytes() for path in paths.values()])
    assert written[0] == written[1]
