"""Small made-up tables that satisfy every contract: two datasets, two contrasts' worth of results, some of it missing.

`tissue` has 5 ALS and 4 control donors; in `dish` the arms have 4 lines each. Cell type `rare` was never tested and
`mural` has effects only. One pathway moves in microglia.
"""

import numpy as np
import pandas as pd

from alscell.gene_sets import collect_sets
from alscell.planted import count_families
from alscell.programmes import judge_programmes, score_agreement
from alscell.tables import TABLES, check_table, empty_table

CONTRASTS = {"als_vs_control": {"factor": "condition", "case": ["ALS"], "control": ["Control"]}}
CONTRAST = "als_vs_control"
KEY = ["dataset", "contrast", "cell_type", "family", "pathway"]
TYPES = {
    "tissue": ["oligodendrocyte", "astrocyte", "microglia", "mural", "motor_neuron"],
    "dish": ["motor_neuron", "progenitor"],
}
SETS = [
    *(("inflammation", name) for name in ("interferon_alpha", "interferon_gamma", "tnf_nfkb", "complement")),
    *(("autophagy", name) for name in ("macroautophagy", "lysosome", "mitophagy")),
    *(("stress", name) for name in ("unfolded_protein_perk", "heat_shock", "hypoxia")),
]
MOVED = {("microglia", "interferon_alpha"): 2.4, ("motor_neuron", "unfolded_protein_perk"): 1.8}
MISSED = ("astrocyte", "lysosome")


def samples(dataset: str) -> pd.DataFrame:
    """Sample sheet, one sample a donor."""
    n_case = {"tissue": 5, "dish": 4}[dataset]
    donors = [f"A{i}" for i in range(n_case)] + [f"C{i}" for i in range(4)]
    condition = ["ALS"] * n_case + ["Control"] * 4
    return pd.DataFrame({"sample": [f"s_{name}" for name in donors], "donor": donors, "condition": condition})


def quality(dataset: str, n_cells: int = 60) -> pd.DataFrame:
    """Cells of all samples, with a column `sample`."""
    rng = np.random.default_rng(0)
    parts = []
    for sample in samples(dataset)["sample"]:
        counts = rng.lognormal(8, 0.6, n_cells).astype(int)
        flags = {"low_counts": counts < 1200, "high_counts": counts > 12000, "low_genes": counts < 900}
        flags |= {"high_mitochondrial": rng.random(n_cells) < 0.06, "doublet": rng.random(n_cells) < 0.05}
        frame = pd.DataFrame(
            {
                "cell": [f"{sample}_{i}" for i in range(n_cells)],
                "n_counts": counts,
                "n_genes": (counts**0.85).astype(int),
                "fraction_mitochondrial": rng.beta(1, 200, n_cells),
                "fraction_ribosomal": 0.01,
                "doublet_score": rng.random(n_cells),
                **flags,
            }
        )
        frame["keep"] = ~pd.DataFrame(flags).any(axis=1)
        parts.append(check_table(frame, "quality").assign(sample=sample))
    return pd.concat(parts, ignore_index=True)


def quality_limits(dataset: str) -> pd.DataFrame:
    """One row a sample; the last control of `tissue` is left out."""
    cells = quality(dataset).groupby("sample")
    table = samples(dataset).assign(dataset=dataset)
    sums = {"n_kept": "keep", "n_low_counts": "low_counts", "n_high_counts": "high_counts", "n_low_genes": "low_genes"}
    sums |= {"n_high_mitochondrial": "high_mitochondrial", "n_doublets": "doublet"}
    table["n_cells"] = table["sample"].map(cells.size())
    for name, column in sums.items():
        table[name] = table["sample"].map(cells[column].sum()).astype(int)
    table = table.assign(median_counts=3000.0, median_genes=1500.0, median_fraction_mitochondrial=0.003)
    table = table.assign(lower_counts=1200.0, upper_counts=12000.0, lower_genes=400.0, upper_mitochondrial=0.02)
    table["status"] = "ok"
    if dataset == "tissue":
        table.loc[table.index[-1], "status"] = "most_cells_lost"
    return check_table(table, "quality_limits")


def ambient(dataset: str) -> pd.DataFrame:
    """One row a sample, cases with twice the share; that of the last control of `tissue` cannot be told."""
    table = samples(dataset).assign(dataset=dataset, profile_from="cells", n_droplets=0, n_counts=180_000)
    table["ambient_share"] = np.where(table["condition"] == "ALS", 0.08, 0.04)
    table = table.assign(ci_low=table["ambient_share"] * 0.8, ci_high=table["ambient_share"] * 1.3)
    table = table.assign(n_genes=40, n_pairs=200, background=5.0, following=0.95, status="ok")
    if dataset == "tissue":
        last = table.index[-1]
        table.loc[last, ["ambient_share", "ci_low", "ci_high", "background", "following"]] = np.nan
        table.loc[last, ["n_genes", "n_pairs", "status"]] = [3, 9, "too_few_markers"]
        table.loc[table.index[0], ["profile_from", "n_droplets"]] = ["droplets", 800]
    return check_table(table.astype({"n_genes": int, "n_pairs": int}), "ambient")


def ambient_hits(dataset: str) -> pd.DataFrame:
    """One myelin gene in microglia of `tissue`; none in `dish`."""
    if dataset == "dish":
        return empty_table("ambient_hits")
    row = {"dataset": dataset, "contrast": CONTRAST, "cell_type": "microglia", "gene": "MBP", "log2_fold_change": 1.2}
    row |= {"fdr": 0.01, "source_type": "oligodendrocyte", "source_fold": 30.0, "marker_of": "oligodendrocyte"}
    row |= {"soup_case": 4000.0, "soup_control": 4000.0, "ambient_case": 320.0, "ambient_control": 160.0}
    row |= {"ambient_fraction": 0.9, "expected_log2_fold_change": 0.9, "explained": 0.75, "n_case": 5, "n_control": 3}
    return check_table(pd.DataFrame([row]), "ambient_hits")


def sample_checks(dataset: str) -> pd.DataFrame:
    """Sexes by turns, and agreeing; in `tissue` A1 is swapped and A2 is A3 under another name."""
    sheet = samples(dataset)[["sample", "donor", "condition"]]
    sex = np.where(np.arange(len(sheet)) % 2, "M", "F")
    table = sheet.assign(dataset=dataset, declared_sex=sex, inferred_sex=sex, sex_agrees="yes", flagged=False)
    table = table.assign(
        xist_per_million=np.where(sex == "F", 900.0, 2.0), y_per_million=np.where(sex == "M", 550.0, 8)
    )
    table = table.assign(n_counts=200_000, n_cells=60, cells_to_median=1.0, n_cells_compared=60, notes=None)
    for name in ("n_cells_repeated", "n_cells_unlisted", "n_genes_without_id", "n_genes_without_symbol"):
        table[name] = 0
    table = table.assign(n_genes_dated=0, n_genes_merged=0)
    if dataset == "tissue":
        swap = {
            "inferred_sex": "F",
            "sex_agrees": "no",
            "flagged": True,
            "xist_per_million": 900.0,
            "y_per_million": 8.0,
        }
        table.loc[1, [*swap, "notes"]] = [*swap.values(), "declared M, but its counts are of F: a swap?"]
        table.loc[[2, 3], "flagged"] = True
        table.loc[[2, 3], "notes"] = ["same cells: s_A3 (donor A3)", "same cells: s_A2 (donor A2)"]
    return check_table(table, "sample_checks")


def sample_pairs(dataset: str) -> pd.DataFrame:
    """The pair of `tissue`; none in the dish."""
    if dataset == "dish":
        return empty_table("sample_pairs")
    row = {"dataset": dataset, "sample_1": "s_A2", "donor_1": "A2", "sample_2": "s_A3", "donor_2": "A3"}
    row |= {"verdict": "same cells", "counted_twice": True, "n_identical": 60, "fraction_identical": 1.0}
    return check_table(pd.DataFrame([row | {"n_shared_barcodes": 60.0, "n_expected_barcodes": 0.005}]), "sample_pairs")


def embedding(dataset: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables `embedding` and `cell_types`."""
    rng = np.random.default_rng(1)
    rows = []
    for number, name in enumerate([*TYPES[dataset], "unassigned"]):
        angle = 2 * np.pi * number / 6
        for sample in samples(dataset).to_dict("records"):
            for i in range(12):
                place = 6 * np.array([np.cos(angle), np.sin(angle)]) + rng.normal(0, 1, 2)
                key = {"cell": f"{sample['sample']}_{number}_{i}", "sample": sample["sample"], "donor": sample["donor"]}
                rows.append({**key, "umap_1": place[0], "umap_2": place[1], "cluster": str(number), "cell_type": name})
    frame = pd.DataFrame(rows)
    types = frame[["cell", "cluster", "cell_type"]].assign(score=0.5, margin=0.2, source="markers")
    return check_table(frame.drop(columns=["cluster", "cell_type"]), "embedding"), check_table(types, "cell_types")


def cluster_labels(dataset: str) -> pd.DataFrame:
    """One row a cluster."""
    rows = [
        {"cluster": str(i), "cell_type": name, "score": 0.6, "margin": 0.3, "next_type": "opc", "n_cells": 108}
        for i, name in enumerate([*TYPES[dataset], "unassigned"])
    ]
    return check_table(pd.DataFrame(rows).assign(n_donors=9, top_donor_fraction=0.2, flags=None), "cluster_labels")


def label_checks(dataset: str) -> pd.DataFrame:
    """Glia among the motor neurons of `tissue`, and their RNA in astrocytes; all fits in the dish."""
    row = {
        "other_type": "oligodendrocyte",
        "n_cells": 108,
        "share_alike": 0.0,
        "level": 0.1,
        "usual": 0.1,
        "excess": 0.0,
    }
    rows = [row | {"cell_type": name, "verdict": "fits"} for name in TYPES[dataset] if name != "oligodendrocyte"]
    table = pd.DataFrame(rows).set_index("cell_type")
    if dataset == "tissue":
        table.loc["motor_neuron", ["share_alike", "verdict"]] = [0.62, "mislabelled"]
        table.loc["astrocyte", ["excess", "verdict"]] = [0.2, "contaminated"]
    return check_table(table.reset_index(), "label_checks")


def cluster_stability() -> pd.DataFrame:
    """Three resolutions, the middle one chosen."""
    table = {"resolution": [0.2, 0.4, 0.7], "n_clusters": [4, 6, 9], "stability": [0.97, 0.93, 0.7]}
    table |= {"stability_low": [0.9, 0.85, 0.5], "chosen": [False, True, False]}
    return check_table(pd.DataFrame(table), "cluster_stability")


def markers(dataset: str) -> pd.DataFrame:
    """Five marker genes a type, high in their own type."""
    types = TYPES[dataset]
    rows = [
        {"cell_type": name, "gene": f"{owner[:4].upper()}{i}", "mean": 2.0 + i / 9 if name == owner else 0.2,
         "fraction": 0.8 if name == owner else 0.08, "marker_of": owner}
        for name in types for owner in types for i in range(5)
    ]  # fmt: skip
    return check_table(pd.DataFrame(rows), "markers")


def differential(dataset: str, n_genes: int = 300) -> pd.DataFrame:
    """Genes of every type but `rare`; three genes move in microglia, `mural` is descriptive."""
    rng = np.random.default_rng(2)
    parts = []
    for name in TYPES[dataset]:
        change, p = rng.normal(0, 0.4, n_genes), rng.random(n_genes)
        fdr = np.full(n_genes, 0.9)
        if name == "microglia":
            change[:4], p[:4], fdr[:4] = [2.5, 2.2, 1.9, -2.4], [1e-9, 2e-8, 5e-7, 1e-7], [1e-6, 3e-6, 6e-5, 1e-5]
        frame = pd.DataFrame({"gene": [f"GENE{i}" for i in range(n_genes)], "log2_fold_change": change})
        frame = frame.assign(cell_type=name, mean=5.0, log2_fold_change_shrunk=0.7 * change, standard_error=0.4)
        frame = frame.assign(statistic=change / 0.4, df=12.0, p_value=p, fdr=fdr, fdr_all=fdr)
        frame = frame.assign(descriptive=name == "mural")
        frame = frame.assign(
            p_without_one=np.maximum(10 * p, 1e-3).clip(max=1), decisive_donor="d1", outlier_donor=None
        )
        if name == "microglia":
            frame.loc[0, ["p_without_one", "outlier_donor"]] = 0.3, "d1"
        if name == "mural":
            empty = ["log2_fold_change_shrunk", "standard_error", "statistic", "df", "p_value", "fdr", "fdr_all"]
            frame[[*empty, "p_without_one", "decisive_donor"]] = np.nan
        parts.append(frame)
    n_case = 5 if dataset == "tissue" else 4
    table = pd.concat(parts).assign(dataset=dataset, contrast=CONTRAST, n_case=n_case, n_control=4)
    return check_table(table, "differential")


def expression_donors(dataset: str) -> pd.DataFrame:
    """Expression that follows `differential`; donor C3 has too few microglia."""
    rng = np.random.default_rng(7)
    rows = differential(dataset)[["cell_type", "gene", "log2_fold_change"]]
    table = rows[["cell_type", "gene"]].copy()
    for sample in samples(dataset).to_dict("records"):
        values = 5 + rng.normal(0, 0.3, len(rows)) + rows["log2_fold_change"] * (sample["condition"] == "ALS")
        table[sample["donor"]] = values.to_numpy(np.float32)
    table.loc[table["cell_type"] == "microglia", "C3"] = np.nan
    return check_table(table, "expression_donors")


def differential_power(dataset: str) -> pd.DataFrame:
    """Hits in microglia only; one of them rests on one donor."""
    names = [name for name in TYPES[dataset] if name != "mural"]
    table = pd.DataFrame({"cell_type": names, "n_case": 5 if dataset == "tissue" else 4, "n_control": 4})
    table["n_hits"] = np.where(table["cell_type"] == "microglia", 4, 0)
    table["n_one_donor"] = np.where(table["cell_type"] == "microglia", 1, 0)
    table = table.assign(n_genes=300, p_needed=4e-4, detectable_low=1.5, detectable=2.0, detectable_high=3.0)
    return check_table(table.assign(dataset=dataset, contrast=CONTRAST), "differential_power")


def differential_skipped(dataset: str) -> pd.DataFrame:
    """`rare` in tissue; nothing in the dish."""
    if dataset == "dish":
        return empty_table("differential_skipped")
    rows = [
        ("rare", "no_donors_in_an_arm", "no control donor has 10 cells", 2, 0),
        ("mural", "too_few_donors", "2 case and 3 control donors; 3 needed in each", 2, 3),
    ]
    table = pd.DataFrame(rows, columns=["cell_type", "reason", "detail", "n_case", "n_control"])
    return check_table(table.assign(dataset=dataset, contrast=CONTRAST), "differential_skipped")


def pathway_tests(dataset: str) -> pd.DataFrame:
    """Every set in every type; those of MOVED are found, `mural` is descriptive."""
    rng = np.random.default_rng(3)
    rows = []
    for name in TYPES[dataset]:
        for family, pathway in SETS:
            effect = MOVED.get((name, pathway), float(rng.normal(0, 0.3)))
            found = (name, pathway) in MOVED
            row = {"cell_type": name, "family": family, "pathway": pathway, "effect": effect, "coverage": 0.93}
            row |= {"ci_low": effect - 0.9, "ci_high": effect + 0.9, "standard_error": 0.45, "statistic": effect / 0.45}
            row |= {"p_value": 0.00012 if found else 0.4, "fdr": 0.0034 if found else 0.8, "fdr_within": 0.5}
            row |= {"random_set_percentile": 99.0 if found else 40.0, "descriptive": name == "mural"}
            row |= {f"{one}_control_sd": 1.2 * row[one] for one in ("effect", "ci_low", "ci_high")}
            row |= {"donor_sd": 0.01, "minimum_detectable_effect": 1.9}
            row |= {"depth_correlation": 0.1, "depth_correlation_donors": 0.2}
            row |= {"depth_ratio": 0.9}
            if name == "mural":
                tested = ("ci_low", "ci_high", "standard_error", "statistic", "p_value", "fdr", "fdr_within")
                tested += ("effect_control_sd", "ci_low_control_sd", "ci_high_control_sd", "minimum_detectable_effect")
                row |= dict.fromkeys(tested, np.nan)
            rows.append(row)
    n_case = 5 if dataset == "tissue" else 4
    table = pd.DataFrame(rows).assign(dataset=dataset, contrast=CONTRAST, n_case=n_case, n_control=4)
    return check_table(table, "pathway_tests")


def pathway_genes(dataset: str) -> pd.DataFrame:
    """Three genes carry each set: 60 %, 50 % and -10 %; the first is tested by itself."""
    sets = pathway_tests(dataset)[["dataset", "contrast", "cell_type", "family", "pathway", "effect"]]
    parts = []
    for gene, share in (("GENE1", 0.6), ("GENE2", 0.5), ("GENE3", -0.1)):
        part = sets.assign(gene=gene, share=share, contribution=share * sets["effect"])
        parts.append(
            part.assign(**dict.fromkeys(("log2_fold_change", "p_value", "fdr"), 0.2 if share > 0.5 else np.nan))
        )
    return check_table(pd.concat(parts).drop(columns="effect"), "pathway_genes")


def pathway_artefacts(dataset: str) -> pd.DataFrame:
    """A dissociation signature that moves in microglia only."""
    tests = pathway_tests(dataset)
    rows = tests[tests["family"].isin(("inflammation", "stress"))]
    moves = rows["cell_type"] == "microglia"
    table = rows.assign(artefact="ex_vivo_activation", n_shared=1, shared="FOS", correlation=0.4, df_held=6.0)
    table = table.assign(artefact_effect=np.where(moves, 0.9, 0.1), artefact_fdr=np.where(moves, 0.01, 0.9))
    table = table.assign(artefact_p_value=table["artefact_fdr"] / 10)
    for name, reach in (("artefact_ci_low", -0.4), ("artefact_ci_high", 0.4)):
        table[name] = table["artefact_effect"] + reach
    up = moves & (rows["effect"] > 0)
    table = table.assign(flag=np.where(up, "artefact_moves_too", "artefact_quiet"), effect_before=rows["effect"])
    table = table.assign(effect_held=rows["effect"] / 2, ci_low_held=-1.0, ci_high_held=3.0, held_says="stays")
    return check_table(table[TABLES["pathway_artefacts"].names], "pathway_artefacts")


def set_coherence(dataset: str) -> pd.DataFrame:
    """Members of every set move together but in mural cells, which have too few donors to know."""
    sets = pathway_tests(dataset)[["dataset", "cell_type", "family", "pathway"]].drop_duplicates()
    sets = sets[sets["cell_type"] != "mural"]
    return check_table(sets.assign(n_donors=9, n_genes=30, correlation=0.1, percentile=97.0), "set_coherence")


def pathway_donors(dataset: str) -> pd.DataFrame:
    """Donor scores that follow MOVED."""
    rng = np.random.default_rng(4)
    rows = [
        {"family": family, "pathway": pathway, "cell_type": name, "donor": sample["donor"], "n_cells": 40,
         "depth": 3000.0, "score_sd": 0.05,
         "score": float(np.clip(0.1 + 0.01 * rng.normal()
                        + 0.01 * MOVED.get((name, pathway), 0) * (sample["condition"] == "ALS"), 0, 1))}
        for name in TYPES[dataset] for family, pathway in SETS for sample in samples(dataset).to_dict("records")
    ]  # fmt: skip
    return check_table(pd.DataFrame(rows).assign(dataset=dataset), "pathway_donors")


def gene_sets() -> pd.DataFrame:
    """Facts of all sets, one of them a list that is not scored."""
    rows = [(family, name, f"{name}{n}") for family, name in [*SETS, ("tdp43", "cryptic")] for n in range(12)]
    members = pd.DataFrame(rows, columns=["family", "pathway", "gene"])
    source = [{"paper": "Somebody 2020", "doi": "10.1000/made.up"}]
    facts = {("tdp43", "cryptic"): {"kind": "gene_level", "source": source}}
    origin = dict.fromkeys(members["family"], "shipped")
    return check_table(collect_sets(members, facts, origin, known=set(), aliases={})[1], "gene_sets")


def members() -> pd.DataFrame:
    """Twelve genes of `differential` in each set: those of the first set are GENE0, GENE10, GENE20 and so on."""
    rows = [(family, name, f"GENE{i + 10 * n}") for i, (family, name) in enumerate(SETS) for n in range(12)]
    return pd.DataFrame(rows, columns=["family", "pathway", "gene"])


def pathway_sets(dataset: str) -> pd.DataFrame:
    """All sets scored but one."""
    table = pd.DataFrame(SETS, columns=["family", "pathway"]).assign(dataset=dataset, n_genes=40, n_measured=37)
    table = table.assign(coverage=0.93, status="scored", missing="AAA;BBB;CCC")
    table.loc[len(table)] = ["tdp43", "cryptic", dataset, 12, 4, 0.33, "low_coverage", "STMN2;UNC13A"]
    return check_table(table, "pathway_sets")


def enrichment(dataset: str) -> pd.DataFrame:
    """Every set in every tested type."""
    tests = pathway_tests(dataset)
    up = np.where(tests["effect"] > 0, "up", "down")
    table = tests[[*KEY, "statistic", "p_value", "fdr", "descriptive"]]
    table = table.assign(n_genes=37, normalized_enrichment_score=tests["effect"], leading_edge="GENE1;GENE2")
    return check_table(table.assign(correlation=0.04, direction=up), "enrichment")


def composition_donors(dataset: str) -> pd.DataFrame:
    """Shares that sum to 1 in each donor."""
    rng = np.random.default_rng(5)
    types, rows = TYPES[dataset], []
    for donor in samples(dataset)["donor"]:
        counts = rng.multinomial(500, np.arange(1, len(types) + 1)[::-1] / sum(range(1, len(types) + 1)))
        rows += [
            {"donor": donor, "cell_type": name, "n_cells": n, "fraction": n / 500}
            for name, n in zip(types, counts, strict=True)
        ]
    return check_table(pd.DataFrame(rows).assign(dataset=dataset), "composition_donors")


def composition(dataset: str) -> pd.DataFrame:
    """One row a type; `mural` is descriptive."""
    table = pd.DataFrame({"cell_type": TYPES[dataset]}).assign(dataset=dataset, contrast=CONTRAST)
    table["effect"] = np.linspace(-0.8, 0.6, len(table))
    table = table.assign(fraction_case=0.2, fraction_control=0.25, ci_low=table["effect"] - 0.5)
    table = table.assign(ci_high=table["effect"] + 0.5, statistic=1.0, p_value=0.03, fdr=0.04, n_case=5, n_control=4)
    table["minimum_detectable_effect"] = 0.9
    table["descriptive"] = table["cell_type"] == "mural"
    empty = ["ci_low", "ci_high", "statistic", "p_value", "fdr", "minimum_detectable_effect"]
    table.loc[table["descriptive"], empty] = np.nan
    return check_table(table, "composition")


def calibration(dataset: str) -> pd.DataFrame:
    """Every test of every tested type and over all; composition of `tissue` is inflated."""
    n_distinct = {"tissue": 60, "dish": 18}[dataset]
    types = ["(all)", *(name for name in TYPES[dataset] if name != "mural")]
    rows = []
    for test, n in (
        ("differential", 300),
        ("pathways", 10),
        ("enrichment", 10),
        ("composition", 1),
        ("pathways_over_cells", 10),
    ):
        for name in types:
            n_tests = n * (len(types) - 1 if name == "(all)" else 1) * min(n_distinct, 50)
            row = {"test": test, "cell_type": name, "n_tests": n_tests, "observed_hits": 4, "verdict": "held"}
            row |= {"false_positive_rate": 0.051, "ci_low": 0.042, "ci_high": 0.062, "any_hit_rate": 0.1}
            if (test, dataset) == ("composition", "tissue"):
                row |= {"false_positive_rate": 0.2, "ci_low": 0.12, "ci_high": 0.31, "verdict": "inflated"}
            if test == "pathways_over_cells":
                row |= {"false_positive_rate": 0.4, "ci_low": 0.3, "ci_high": 0.5, "verdict": "inflated"}
                row |= {"observed_hits": 9}
            rows.append(row)
    table = pd.DataFrame(rows).assign(dataset=dataset, contrast=CONTRAST, n_distinct=n_distinct)
    table = table.assign(n_relabellings=min(n_distinct, 50), hits_median=0.0, hits_q95=1.0)
    return check_table(table.assign(share_with_as_many_hits=0.02), "calibration")


def calibration_histogram(dataset: str) -> pd.DataFrame:
    """Flat."""
    low = np.arange(20) / 20
    parts = [
        pd.DataFrame({"test": test, "bin_low": low, "bin_high": low + 0.05, "n_relabelled": 50 * n, "n_true": n})
        for test, n in (
            ("differential", 60),
            ("pathways", 2),
            ("enrichment", 2),
            ("composition", 1),
            ("pathways_over_cells", 2),
        )
    ]
    table = pd.concat(parts, ignore_index=True).round(2)
    return check_table(table.assign(dataset=dataset, contrast=CONTRAST), "calibration_histogram")


PANEL = {"C9orf72": "tested", "SOD1": "tested", "TARDBP": "too_low", "ANG": "not_measured"}
TARGETS = {"STMN2": "down", "UNC13A": "down", "NPTX2": "up"}


def _genes_one_by_one(dataset: str, status: dict[str, str]) -> pd.DataFrame:
    """Rows of genes in every type: those tested have numbers, `mural` is descriptive, `rare` was not tested."""
    rows = []
    for name in [*TYPES[dataset], *(["rare"] if dataset == "tissue" else [])]:
        for gene, own in status.items():
            row = {"cell_type": name, "gene": gene, "status": own, "descriptive": False, "detected_case": 5}
            row |= {"detected_control": 4, "n_case": 5, "n_control": 4, "mean_case": 4.0, "mean_control": 5.0}
            if name == "rare" and own != "not_measured":
                row |= {"status": "type_not_tested", "reason": "no_donors_in_an_arm"}
            elif own == "tested":
                row |= {"log2_fold_change": -1.0, "decisive_donor": "d1"}
                if name == "mural":
                    row |= {"status": "descriptive", "descriptive": True, "reason": "too_few_donors"}
                else:
                    row |= {"standard_error": 0.3, "ci_low": -1.6, "ci_high": -0.4, "p_value": 0.004, "fdr": 0.3}
                    row |= {"fdr_all": 0.4, "fdr_panel": 0.03, "fdr_gene": 0.02, "detectable": 0.9}
                    row |= {"p_without_one": 0.02}
            rows.append(row)
    empty = {"outlier_donor": None, "dataset": dataset, "contrast": CONTRAST}
    columns = [name for name in empty_table("gene_panel").columns if name not in ("evidence", "own_gene", *empty)]
    return pd.DataFrame(rows).reindex(columns=columns).assign(**empty)


def gene_panel(dataset: str) -> pd.DataFrame:
    """C9orf72 is mutated in the tissue, and lower over all cell types."""
    table = _genes_one_by_one(dataset, PANEL).assign(evidence="als_genes")
    over = table[(table["cell_type"] == "motor_neuron") & (table["gene"] == "C9orf72")].copy()
    over[["fdr", "fdr_all", "fdr_panel", "fdr_gene", "p_without_one", "decisive_donor"]] = np.nan
    over = over.assign(cell_type="(all)", reason="astrocyte;motor_neuron")
    table = pd.concat([table, over]) if dataset == "tissue" else table
    return check_table(table.assign(own_gene=(table["gene"] == "C9orf72") & (dataset == "tissue")), "gene_panel")


def tdp43_genes(dataset: str) -> pd.DataFrame:
    """All targets lower: STMN2 and UNC13A as expected, NPTX2 not."""
    table = _genes_one_by_one(dataset, dict.fromkeys(TARGETS, "tested"))
    table = table.assign(direction=table["gene"].map(TARGETS), mechanism="cryptic exon", source="Nobody 2020")
    said = table["direction"].map({"down": "yes", "up": "no"})
    return check_table(table.assign(as_expected=said.where(table["fdr_panel"] <= 0.05)), "tdp43_genes")


def tdp43_index(dataset: str) -> pd.DataFrame:
    """Raised in motor neurons only; `mural` has effects only, `oligodendrocyte` too few targets."""
    table = pd.DataFrame({"cell_type": TYPES[dataset]}).assign(dataset=dataset, contrast=CONTRAST, n_listed=19)
    table = table.assign(status="tested", n_targets=15, missing="SYT7", effect=0.1, standard_error=0.3, ci_low=-0.5)
    table = table.assign(ci_high=0.7, statistic=0.3, p_value=0.7, fdr=0.8, random_percentile=60.0, detectable=0.9)
    table = table.assign(n_case=5, n_control=4, descriptive=False, is_neuron=table["cell_type"] == "motor_neuron")
    found = {"effect": 1.4, "ci_low": 0.8, "ci_high": 2.0, "statistic": 4.7, "p_value": 0.001, "fdr": 0.01}
    table.loc[table["is_neuron"], [*found, "random_percentile"]] = [*found.values(), 99.0]
    tested = ["standard_error", "ci_low", "ci_high", "statistic", "p_value", "fdr", "random_percentile", "detectable"]
    for name, status, columns in (
        ("mural", "descriptive", tested),
        ("oligodendrocyte", "too_few_targets", ["effect", *tested]),
    ):
        table.loc[table["cell_type"] == name, ["status", "descriptive"]] = [status, status == "descriptive"]
        table.loc[table["cell_type"] == name, columns] = np.nan
    return check_table(table, "tdp43_index")


def tdp43_donors(dataset: str) -> pd.DataFrame:
    """Cases higher in motor neurons."""
    rng = np.random.default_rng(6)
    rows = [
        {"cell_type": name, "donor": sample["donor"],
         "index": rng.normal(0, 0.3) + 1.4 * (name == "motor_neuron" and sample["condition"] == "ALS")}
        for name in TYPES[dataset] for sample in samples(dataset).to_dict("records")
    ]  # fmt: skip
    return check_table(pd.DataFrame(rows).assign(dataset=dataset), "tdp43_donors")


def ligand_receptor(dataset: str) -> pd.DataFrame:
    """GDNF reaches FDR, BDNF does not, HGF is too low; `mural` is descriptive. None in the dish: no neighbor there."""
    if dataset == "dish":
        return empty_table("ligand_receptor")
    rows = []
    for sender in ("astrocyte", "microglia", "mural"):
        for family, ligand, receptor, fdr in (
            ("gdnf", "GDNF", "GFRA1;RET", 0.01),
            ("neurotrophin", "BDNF", "NTRK2", 0.6),
            ("hgf", "HGF", "MET", np.nan),
        ):
            row = {"family": family, "ligand": ligand, "receptor": receptor, "sender": sender, "status": "ligand_low"}
            row |= {"receiver": "motor_neuron", "descriptive": False}
            if ligand != "HGF":
                row |= {"status": "tested", "mean_ligand": 3.0, "mean_receptor": 5.0, "effect": -0.8}
                row |= {"limiting_subunit": receptor.split(";")[-1], "ligand_log2_fold_change": -1.0}
                row |= {"receptor_log2_fold_change": -0.6}
                if sender == "mural":
                    row |= {"status": "descriptive", "descriptive": True}
                else:
                    row |= {"standard_error": 0.2, "ci_low": -1.2, "ci_high": -0.4, "statistic": -4.0, "fdr": fdr}
                    row |= {"p_value": fdr / 10, "ligand_fdr": 0.4, "receptor_fdr": 0.5}
            rows.append(row)
    table = pd.DataFrame(rows).assign(dataset=dataset, contrast=CONTRAST, n_case=5, n_control=4, source="Nobody 2020")
    return check_table(table, "ligand_receptor")


HETEROGENEITY = {"tau_squared": 0.1, "q_p_value": 0.3, "i_squared": 10.0, "note": "two_datasets"}
HETEROGENEITY |= {"prediction_low": np.nan, "prediction_high": np.nan}


def synthesis_pathways() -> pd.DataFrame:
    """Motor neurons seen in tissue and dish, microglia in tissue only."""
    rng = np.random.default_rng(6)
    rows = []
    for name in ("motor_neuron", "microglia"):
        for family, pathway in SETS:
            both = name == "motor_neuron"
            effect = MOVED.get((name, pathway), float(rng.normal(0, 0.3)))
            row = {"cell_type": name, "family": family, "pathway": pathway, "effect_tissue": effect, "effect": effect}
            row |= {"effect_dish": effect + 0.2 if both else np.nan}
            row |= {"ci_low_dish": effect - 0.6 if both else np.nan, "ci_high_dish": effect + 1 if both else np.nan}
            row |= {"ci_low_tissue": effect - 0.8, "ci_high_tissue": effect + 0.8, "n_datasets": 1 + both}
            row |= {"n_dish": int(both), "p_difference": 0.7 if both else np.nan}
            row |= {"fdr_tissue": 0.01 if (name, pathway) in MOVED else 0.5, "fdr_dish": 0.5 if both else np.nan}
            rows.append(row)
    table = pd.DataFrame(rows).assign(contrast=CONTRAST, datasets="dish;tissue", organisms="human;human")
    table = table.assign(n_tissue=1, p_value=0.2, n_same_sign=1, **HETEROGENEITY)
    table = table.assign(ci_low=table["effect"] - 0.6, ci_high=table["effect"] + 0.6, fdr=0.5)
    return check_table(table, "synthesis_pathways")


def synthesis_programmes() -> pd.DataFrame:
    """The verdicts on `synthesis_pathways`."""
    return check_table(judge_programmes(synthesis_pathways(), fdr=0.05), "synthesis_programmes")


def synthesis_agreement() -> pd.DataFrame:
    """One score: only motor neurons are in both systems."""
    return check_table(score_agreement(synthesis_programmes(), seed=1), "synthesis_agreement")


def synthesis_genes() -> pd.DataFrame:
    """Two genes."""
    table = pd.DataFrame({"gene": ["GENE0", "GENE1"], "log2_fold_change": [2.5, 1.1], "fdr": [1e-6, 0.2]})
    table = table.assign(contrast=CONTRAST, cell_type="motor_neuron", datasets="dish;tissue", standard_error=0.3)
    table = table.assign(organisms="human;human")
    table = table.assign(log2_fold_change_tissue=2.5, log2_fold_change_dish=2.4, p_value=1e-8)
    return check_table(table.assign(n_datasets=2, n_same_sign=2, **HETEROGENEITY), "synthesis_genes")


def synthesis_replication() -> pd.DataFrame:
    """Motor neurons of two datasets: hits come again; none in microglia."""
    rows = [
        {"kind": kind, "cell_type": name, "discovery": first, "replication": second, "n_hits": hits,
         "n_same_sign": hits * 3 // 4, "n_replicated": hits // 2, "rate": 0.5 if hits else np.nan, "n_others": 900}
        for kind, hits_of in (("gene", {"motor_neuron": 40, "microglia": 0}), ("pathway", {"motor_neuron": 4}))
        for name, hits in hits_of.items()
        for first, second in (("dish", "tissue"), ("tissue", "dish"))
    ]  # fmt: skip
    table = pd.DataFrame(rows).assign(contrast=CONTRAST, effect_correlation=0.4)
    chance = table["rate"] / 10
    table = table.assign(chance_same_sign=chance * 10, chance_rate=chance, ratio=table["rate"] / chance)
    return check_table(table, "synthesis_replication")


def synthesis_biomarkers() -> pd.DataFrame:
    """One known biomarker, up as in the fluid, in one dataset of two."""
    row = {"contrast": CONTRAST, "cell_type": "microglia", "gene": "GPNMB", "datasets": "tissue", "organisms": "human"}
    row |= {"status": "known", "direction": "up", "lead_dataset": "tissue", "log2_fold_change": 2.0, "ci_low": 1.0}
    row |= {"ci_high": 3.0, "fdr": 0.0004, "fdr_all_genes": 0.001, "share": 0.9, "highest_in": "microglia", "tau": 0.97}
    row |= {"share_highest": 0.9, "changes_in": "microglia", "effects": "tissue +2.00 (+1.00 to +3.00)"}
    row |= {"n_datasets": 1, "n_same_sign": 0, "systems": None, "effect_pooled": np.nan, "how": "shed", "fluid": "CSF"}
    row |= {"ci_low_pooled": np.nan, "ci_high_pooled": np.nan, "reported": "up", "fluid_agrees": "yes"}
    return check_table(pd.DataFrame([row | {"known": "CSF GPNMB, a paper", "confirmed": "no"}]), "synthesis_biomarkers")


def synthesis_biomarker_tests() -> pd.DataFrame:
    """GPNMB (known) up in microglia; SPP1 (new) tested twice, no hit."""
    rows = [
        ("GPNMB", "microglia", "tissue", 2.0, 0.0004, "up", "yes"),
        ("SPP1", "microglia", "tissue", 0.8, 0.3, None, None),
        ("SPP1", "motor_neuron", "dish", -0.2, 0.9, None, None),
    ]
    table = pd.DataFrame(
        rows, columns=["gene", "cell_type", "dataset", "log2_fold_change", "fdr", "reported", "agrees"]
    )
    change, fdr = table["log2_fold_change"], table["fdr"]
    table = table.rename(columns={"agrees": "fluid_agrees"}).assign(contrast=CONTRAST, p_value=fdr / 2)
    table = table.assign(ci_low=change - 1, ci_high=change + 1, is_hit=fdr <= 0.05, detectable=1.5, share=0.9, tau=0.9)
    table = table.assign(highest_in="microglia", how="secreted")
    return check_table(table[TABLES["synthesis_biomarker_tests"].names], "synthesis_biomarker_tests")


def synthesis_biomarkers_tested() -> pd.DataFrame:
    """Two datasets; nothing is found in the dish."""
    rows = pd.DataFrame({"dataset": ["dish", "tissue"], "n_hits": [0, 1], "detectable": [2.0, 1.0]})
    rows = rows.assign(contrast=CONTRAST, n_genes=90, n_cell_types=2, n_tests=150, detectable_low=0.5)
    return check_table(rows.assign(detectable_high=3.0), "synthesis_biomarkers_tested")


def planted() -> pd.DataFrame:
    """Two found, one missed, one false call, the rest quiet."""
    parts = []
    for dataset in TYPES:
        tests = pathway_tests(dataset)
        keys = list(zip(tests["cell_type"], tests["pathway"], strict=True))
        tests["planted"] = [0.8 if key in MOVED or key == MISSED else 0.0 for key in keys]
        tests["outcome"] = ["found" if key in MOVED else "missed" if key == MISSED else "quiet" for key in keys]
        tests.loc[tests["descriptive"], "outcome"] = "not_tested"
        tests.loc[keys.index((TYPES[dataset][0], "hypoxia")), "outcome"] = "false_call"
        parts.append(tests)
    table = pd.concat(parts)[[*KEY, "planted", "effect", "fdr", "outcome"]]
    return check_table(table, "planted")


def planted_families() -> pd.DataFrame:
    """The same by family."""
    parts = [count_families(part).assign(dataset=dataset) for dataset, part in planted().groupby("dataset")]
    return check_table(pd.concat(parts), "planted_families")


def planted_genes() -> pd.DataFrame:
    """One cell type: 8 of 10 planted genes found, one call of a gene that was not planted."""
    row = {"dataset": "tissue", "contrast": CONTRAST, "cell_type": "microglia"}
    row |= {"n_planted": 10, "n_found": 8, "n_wrong_direction": 0, "n_called": 9, "n_false": 1}
    return check_table(pd.DataFrame([row]), "planted_genes")


def planted_composition() -> pd.DataFrame:
    """One planted shift, missed."""
    row = {"dataset": "tissue", "contrast": CONTRAST, "cell_type": "microglia", "fold": 1.8}
    return check_table(pd.DataFrame([row | {"effect": 0.4, "fdr": 0.3, "outcome": "missed"}]), "planted_composition")


def directions() -> pd.DataFrame:
    """Two found sets and a quiet one, an own gene, a pair; one dataset."""
    row = {
        "dataset": "tissue",
        "contrast": CONTRAST,
        "ci_low": 0.4,
        "ci_high": 2.4,
        "p_value": 0.001,
        "fdr": 0.01,
        "hit": True,
    }
    row |= {"unit": "donor SD", "kind": "gene_set", "file": "pathway_tests.tsv", "in_dish": None}
    inflamed = {"direction": "neuroinflammation", "cell_type": "microglia"}
    rows = [
        row | inflamed | {"name": "inflammation/tnf_nfkb", "effect": 1.4, "donors": "4 of 5, not T3", "carried_by":
               "SOD2 31 %"},
        row | inflamed | {"name": "inflammation/complement", "effect": -1.2, "donors": "5 of 5", "fdr": 0.02},
        row | inflamed | {"name": "inflammation/inflammasome", "effect": 0.1, "fdr": 0.8, "p_value": 0.7, "hit": False},
        row | {"direction": "genetics", "cell_type": "astrocyte", "kind": "gene", "name": "C9orf72", "effect": -0.6,
               "unit": "log2 fold change", "note": "mutated in the case donors", "file": "gene_panel.tsv"},
        row | {"direction": "neuroprotection", "cell_type": "astrocyte → motor_neuron", "kind": "pair",
               "name": "GDNF–RET", "effect": 0.3, "fdr": 0.5, "hit": False, "unit": "log2",
               "file": "ligand_receptor.tsv"},
    ]  # fmt: skip
    return check_table(pd.DataFrame(rows), "directions")
