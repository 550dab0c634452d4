"""The words of the report: numbers as a reader wants them, what was found in sentences, and the methods.

Every value in the methods is taken from the config of the run, so the text can't say something else than was done.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from alscell.artefacts import CANNOT_SAY, NONE_SCORED, QUIET
from alscell.calibration import OVER_CELLS
from alscell.check_design import few_donors
from alscell.figures import NOTHING, plain, probability, signed
from alscell.keys import CASE_ARM, CELL_TYPE, CONTRAST, CONTROL_ARM, DATASET, DONOR, FAMILY, PATHWAY
from alscell.views import ACTIVITY_ONLY, AGREE, CAMERA_ONLY, NEITHER, NOT_COMPARED, OPPOSITE

DEPTH_RATIO = 1.5  # ASSUME: a larger difference in depth between arms calls for a word of caution
# ASSUME: so does a smaller one beside a hit whose score follows depth. The correlation over donors is of few.
_HIT_DEPTH_RATIO, _FOLLOWS_CELLS, _FOLLOWS_DONORS = 1.2, 0.3, 0.6

# Codes in tables, in plain words.
REASONS = {
    "no_donors_in_an_arm": "no donor in one of the arms",
    "too_few_donors": "too few donors for a test: effect sizes only, no p value",
    "design_not_estimable": "the covariates can't be told apart from the contrast",
    "donors_left_out": "donors with too few cells of this type were left out",
    "no_genes": "no gene has enough counts",
    "low_coverage": "too small a share of its genes is measured",
    "too_few_genes": "too few of its genes are measured",
    "gene_level": "looked at gene by gene, not as a set",
    "too_few_cells": "too few cells passed",
    "most_cells_lost": "too small a share of its cells passed",
}
VIEWS = {
    AGREE: "both, same direction",
    OPPOSITE: "both, opposite directions",
    ACTIVITY_ONLY: "activity only",
    CAMERA_ONLY: "CAMERA only",
    NEITHER: "neither",
    NOT_COMPARED: "not compared",
}
NOTES = {
    "one_dataset": "one dataset: its own test",
    "two_datasets": "two datasets: too few for a pooled p",
}
OUTCOMES = {
    "found": "planted and found",
    "missed": "planted and missed",
    "wrong_direction": "planted and found in the wrong direction",
    "false_call": "not planted and called",
    "quiet": "not planted and not called",
    "overlap": "not planted, but moved by what was planted",
    "not_tested": "not tested",
}

CALIBRATION = {  # tests, as the report calls them
    "differential": "tests of genes",
    "pathways": "tests of pathway activity",
    "enrichment": "tests of enrichment",
    "composition": "tests of composition",
}
WRONG_TEST = "pathway activity, cells taken for replicates (wrong; for comparison only)"
CALIBRATION_VERDICTS = {
    "held": "held",
    "inflated": "inflated: too many low p values",
    "conservative": "conservative: too few low p values",
    "too_few": "too few relabellings to say",
}


def number(value: Any, digits: int = 2) -> str:
    """A number with a true minus and so many decimals; a dash where there is none."""
    if value is None or pd.isna(value):
        return NOTHING
    return f"{value:,.{digits}f}".replace("-", "−")


def count(value: Any) -> str:
    """A whole number with thousands separated."""
    return NOTHING if value is None or pd.isna(value) else f"{int(value):,}"


def percent(value: Any) -> str:
    """A share in percent, with a decimal where it is below 10 %."""
    if value is None or pd.isna(value):
        return NOTHING
    return f"{100 * value:.2g} %" if 0 < value < 0.1 else f"{100 * value:.0f} %"


def size(value: int) -> str:
    """A file size."""
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value = value / 1000
    return f"{value:.1f} GB"


def reason(code: str) -> str:
    """A status or reason of a table in plain words."""
    return REASONS.get(code, plain(code))


def joined(names: list[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def arms_text(contrast: dict[str, Any]) -> str:
    """'ALS against Control'."""
    return f"{joined(contrast['case'])} against {joined(contrast['control'])}"


def summary_lines(
    tests: pd.DataFrame,
    views: pd.DataFrame,
    genes: pd.DataFrame,
    artefacts: pd.DataFrame,
    *,
    fdr: float,
    replicate: str,
    max_sets: int,
) -> tuple[str, list[str]]:
    """What one contrast of one dataset found, as a sentence and one line a cell type.

    Parameters
    ----------
    tests, views : DataFrame
        Rows of `pathway_tests` and `pathway_views` of the contrast.
    genes : DataFrame
        Rows of figures_tests.count_genes.
    artefacts : DataFrame
        Rows of `pathway_artefacts` of the contrast.
    max_sets : int
        Gene sets named in a line.

    Returns
    -------
    (sentence, lines)
    """
    tested = tests[~tests["descriptive"] & tests["fdr"].notna()]
    hits = tested[tested["fdr"] <= fdr].sort_values(["fdr", CELL_TYPE, FAMILY, PATHWAY])
    n_types = tested[CELL_TYPE].nunique()
    if tested.empty:
        sentence = "No pathway test was possible: too few donors, or no gene set was scored. See “Skipped”."
    elif hits.empty:
        tried = f"{count(len(tested))} pathway tests in {n_types} cell types"
        least = f"{_least(tested['minimum_detectable_effect'])} {replicate} SD"
        sentence = f"No pathway found: none of {tried} reaches FDR {fdr:g}. {_COULD} {least}."
    else:
        sentence = (
            f"{count(len(hits))} of {count(len(tested))} pathway tests reach FDR {fdr:g}, "
            f"in {hits[CELL_TYPE].nunique()} of {n_types} cell types."
        )
    verdicts = views.set_index([CELL_TYPE, FAMILY, PATHWAY])["verdict"].to_dict()
    beside = artefact_notes(artefacts)
    lines = []
    for row in genes.to_dict("records"):
        own = hits[hits[CELL_TYPE] == row[CELL_TYPE]]
        changed = row["n_up"] + row["n_down"]
        if own.empty and not changed:
            continue
        named = [_set_text(test, verdicts, beside) for test in own.head(max_sets).to_dict("records")]
        more = [f"{len(own) - max_sets} more"] if len(own) > max_sets else []
        sets = joined(named + more) if named else "no pathway"
        donors = f"{row['n_case']} against {row['n_control']} {replicate}s"
        lines.append(
            f"{plain(row[CELL_TYPE])} ({donors}): {sets}; genes: {count(row['n_up'])} up, {count(row['n_down'])} down"
        )
    return sentence, lines


_COULD = "Found, with a probability of 0.8, would have been effects of at least"


def _least(effects: pd.Series) -> str:
    """'2.9', or '2.9 to 3.4' where cell types differ."""
    low, high = number(effects.min(), 1), number(effects.max(), 1)
    return low if low == high else f"{low} to {high}"


def undetected_genes(power: pd.DataFrame) -> list[str]:
    """Cell types in which no gene reaches the FDR, each with the change that could have been found.

    Parameters
    ----------
    power : DataFrame
        Rows of `differential_power` of one contrast.
    """
    return [
        f"{plain(row[CELL_TYPE])} (half of its {count(row['n_genes'])} genes had to change at least "
        f"{number(2 ** row['detectable'], 1)}-fold to be found with 80 % power)"
        for row in power[power["n_hits"] == 0].to_dict("records")
    ]


def undetected_lines(tests: pd.DataFrame, *, fdr: float, replicate: str) -> list[str]:
    """Tested cell types without a hit, one line each, with the effect that could have been found there.

    Parameters
    ----------
    tests : DataFrame
        Rows of `pathway_tests` of one contrast.
    """
    tested = tests[~tests["descriptive"] & tests["fdr"].notna()]
    return [
        f"{plain(str(name))} ({own['n_case'].max()} against {own['n_control'].max()} {replicate}s): could have been "
        f"found only if at least {_least(own['minimum_detectable_effect'])} {replicate} SD"
        for name, own in tested.groupby(CELL_TYPE, sort=True)
        if not (own["fdr"] <= fdr).any()
    ]


def _set_text(test: dict[str, Any], verdicts: dict[tuple, str], beside: dict[tuple, str]) -> str:
    direction = "up" if test["effect"] > 0 else "down"
    notes = [f"effect {signed(test['effect'])}", f"FDR {probability(test['fdr'])}"]
    verdict = verdicts.get((test[CELL_TYPE], test[FAMILY], test[PATHWAY]))
    if verdict in (AGREE, OPPOSITE):
        notes.append("CAMERA agrees" if verdict == AGREE else "CAMERA says the opposite")
    percentile = test["random_set_percentile"]
    if pd.notna(percentile) and percentile < 95:
        notes.append(f"but only above {percentile:.0f} % of random sets")
    if caution := _depth_caution(test):
        notes.append(caution)
    if note := beside.get((test[CELL_TYPE], test[FAMILY], test[PATHWAY])):
        notes.append(note)
    return f"{plain(test[FAMILY])}: {plain(test[PATHWAY])} {direction} ({', '.join(notes)})"


def artefact_notes(artefacts: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """A short word on the artefact sets beside each watched set, by cell type, family and set.

    Parameters
    ----------
    artefacts : DataFrame
        Rows of `pathway_artefacts` of one contrast.
    """
    notes: dict[tuple[str, str, str], list[str]] = {}
    for row in artefacts.sort_values([CELL_TYPE, FAMILY, PATHWAY, "artefact"]).to_dict("records"):
        notes.setdefault((row[CELL_TYPE], row[FAMILY], row[PATHWAY]), []).append(_artefact_note(row))
    return {key: _one_note(said) for key, said in notes.items()}


_QUIET = "artefact signatures don't move as far"


def _one_note(said: list[str]) -> str:
    moving = [note for note in said if note != _QUIET]
    return "; ".join(dict.fromkeys(moving)) or _QUIET


def _artefact_note(row: dict[str, Any]) -> str:
    if row["flag"] == NONE_SCORED:
        return "no artefact signature is scored"
    if row["flag"] == CANNOT_SAY:
        return f"{_artefact_name(row)}: {_artefact_range(row)}"
    if row["flag"] == QUIET:
        return _QUIET
    moved = (
        f"{_artefact_name(row)} moves too: {signed(row['artefact_effect'])} SD, FDR {probability(row['artefact_fdr'])}"
    )
    if row["held_says"] not in ("stays", "vanishes"):
        return moved
    return f"{moved}; with it held {signed(row['effect_held'])} SD of {signed(row['effect_before'])}"


def _artefact_range(row: dict[str, Any]) -> str:
    if pd.isna(row["artefact_ci_low"]):
        return "not tested"
    low, high = signed(row["artefact_ci_low"]), signed(row["artefact_ci_high"])
    return f"can't say ({signed(row['artefact_effect'])} SD, {low} to {high})"


def _artefact_name(row: dict[str, Any]) -> str:
    names = {"ex_vivo_activation": "dissociation signature", "post_mortem": "post-mortem signature"}
    return names.get(row["artefact"], plain(str(row["artefact"])))


def _depth_caution(test: dict[str, Any]) -> str:
    """What to say of a hit that the arms' difference in depth would move in the same direction; '' for others."""
    ratio, cells, donors = test["depth_ratio"], test["depth_correlation"], test["depth_correlation_donors"]
    if max(ratio, 1 / ratio) < _HIT_DEPTH_RATIO:
        return ""
    sign = (1 if ratio > 1 else -1) * (1 if test["effect"] > 0 else -1)
    following = [
        f"{signed(value)} among {what}"
        for value, least, what in ((cells, _FOLLOWS_CELLS, "cells"), (donors, _FOLLOWS_DONORS, "donors"))
        if pd.notna(value) and sign * value >= least
    ]
    if not following:
        return ""
    return f"but its score follows depth, r {joined(following)}, and the case arm has {ratio:.2g} times the depth"


def composition_lines(composition: pd.DataFrame, *, fdr: float) -> list[str]:
    """Cell types whose share differs, one line each."""
    hits = composition[(composition["fdr"] <= fdr) & ~composition["descriptive"]]
    hits = hits.sort_values([DATASET, CONTRAST, "fdr", CELL_TYPE])
    return [
        f"{plain(row[CELL_TYPE])} {'larger' if row['effect'] > 0 else 'smaller'} in the case arm: "
        f"{percent(row['fraction_case'])} against {percent(row['fraction_control'])}, FDR {probability(row['fdr'])}"
        for row in hits.to_dict("records")
    ]


def few_donors_caution(n_case: int, n_control: int, *, min_donors: int) -> str:
    """A word of caution where a contrast is tested with few donors, else ''."""
    caution = few_donors(n_case, n_control) if min(n_case, n_control) >= min_donors else ""
    return f"CAUTION: {caution}" if caution else ""


def calibration_sentence(rates: pd.DataFrame, *, blocks: list[str]) -> str:
    """How many tests of one contrast have p < 0.05 when labels mean nothing, in one sentence.

    Parameters
    ----------
    rates : DataFrame
        Rows over all cell types of the table `calibration`, one a test.
    blocks : list of str
        Columns within which labels were shuffled.
    """
    if rates.empty:
        return "No test was made: too few donors."
    own = rates.set_index("test").reindex([name for name in CALIBRATION if name in set(rates["test"])])
    n_run, n_distinct = own["n_relabellings"].max(), own["n_distinct"].max()
    which = f"{count(n_run)} of {count(n_distinct)} balanced relabellings"
    if not n_run:
        return f"There is no other balanced way to spread the labels over these donors{_within(blocks)}."
    said = [
        f"{_rate(row)} of {count(row['n_tests'])} {CALIBRATION[name]}" for name, row in own.to_dict("index").items()
    ]
    sentence = f"With labels shuffled among the donors{_within(blocks)} ({which}), {joined(said)} have p < 0.05."
    few = " So few relabellings cannot say whether that is 5 %." if set(own["verdict"]) == {"too_few"} else ""
    return sentence + few + _over_cells(rates.set_index("test"))


def _over_cells(rates: pd.DataFrame) -> str:
    """What it would cost to take cells for replicates; '' where counts came summed."""
    if OVER_CELLS not in rates.index or "pathways" not in rates.index:
        return ""
    wrong, right = rates.loc[OVER_CELLS], rates.loc["pathways"]
    return (
        f" Had cells been taken for replicates, {_rate(wrong)} of the tests of pathway activity would have p < 0.05 "
        f"with labels that mean nothing; with the true labels {count(wrong['observed_hits'])} of "
        f"{count(wrong['n_tests'] / wrong['n_relabellings'])} would be called, where the donors give "
        f"{count(right['observed_hits'])}."
    )


def _within(blocks: list[str]) -> str:
    return f", within {joined(blocks)}," if blocks else ""


def _rate(row: dict[str, Any]) -> str:
    """'4.8 % (95 % interval 4.1 to 5.6)'."""
    low, high = (100 * row[name] for name in ("ci_low", "ci_high"))
    interval = f" (95 % interval {low:.1f} to {high:.1f})" if pd.notna(low) else ""
    return f"{100 * row['false_positive_rate']:.1f} %{interval}"


def inflated_lines(rates: pd.DataFrame) -> list[str]:
    """A line for each test whose p-values are too low on these data; `rates` as in `calibration_sentence`."""
    return [
        f"{CALIBRATION[row['test']]} are not calibrated on these data: with labels shuffled among the donors "
        f"{_rate(row)} have p < 0.05; take their p values and FDR for too low."
        for row in rates[(rates["verdict"] == "inflated") & (rates["test"] != OVER_CELLS)].to_dict("records")
    ]


def replication_sentence(replication: pd.DataFrame) -> str:
    """How many hits of a dataset came again in another one, over all cell types, in one sentence."""
    found = replication[replication["n_hits"] > 0]
    if replication.empty:
        return "No cell type was tested in two datasets, so that no hit could be looked up in another one."
    if found.empty:
        return "No dataset has a hit in a cell type that another one tested, too."
    parts = []
    for kind, name in (("gene", "genes"), ("pathway", "gene sets")):
        rows = found[found["kind"] == kind]
        if len(rows):
            n_hits, n_again = int(rows["n_hits"].sum()), int(rows["n_replicated"].sum())
            usual = f", by chance {percent(np.average(rows['chance_rate'], weights=rows['n_hits']))}"
            by_chance = usual if rows["chance_rate"].notna().all() else ""
            parts.append(f"{count(n_again)} of {count(n_hits)} hits ({name}; {percent(n_again / n_hits)}{by_chance})")
    return (
        f"{' and '.join(parts)} had the same sign and p < 0.05 in another dataset, over all cell types and pairs of "
        "datasets; chance is what genes or sets reach that were no hits. There is no p-value: genes are correlated."
    )


def biomarker_sentence(found: pd.DataFrame, tested: pd.DataFrame) -> str:
    """How many candidate genes change, how many are new, and what could have been found, in one paragraph.

    Parameters
    ----------
    found, tested : DataFrame
        Tables `synthesis_biomarkers` and `synthesis_biomarkers_tested`.
    """
    if tested.empty:
        return "No secreted, shed or leaked gene could be tested: too few donors, or none is expressed."
    could = [
        f"{row[DATASET]} ({plain(row[CONTRAST])}): {count(row['n_genes'])} genes, {count(row['n_hits'])} of "
        f"{count(row['n_tests'])} tests reach the FDR; half of the tests could find a "
        f"{number(2 ** row['detectable'], 1)}-fold change or more with 80 % power"
        for row in tested.to_dict("records")
    ]
    genes = found.drop_duplicates("gene")
    compared = found[found["fluid_agrees"].notna()]
    n_agree = int((compared["fluid_agrees"] == "yes").sum())
    known = f" Of {count(len(compared))} changes with a direction known from ALS fluids, {count(n_agree)} have it."
    said = f"{count(len(genes))} secreted, shed or leaked genes change in a cell type ({_new(genes)})."
    none = "No secreted, shed or leaked gene changes in any cell type."
    return f"{said if len(genes) else none}{known if len(compared) else ''} {'; '.join(could)}."


def _new(genes: pd.DataFrame) -> str:
    n_new = int((genes["status"] != "known").sum())
    return f"{count(len(genes) - n_new)} known from ALS fluids, {count(n_new)} new candidates"


def planted_sentence(planted: pd.DataFrame) -> str:
    """How much of the planted truth was found, and how much was called that wasn't planted."""
    counts = planted["outcome"].value_counts()
    n = {name: int(counts.get(name, 0)) for name in OUTCOMES}
    tested = n["found"] + n["missed"] + n["wrong_direction"]
    return (
        f"Of {tested} planted changes that were tested, {n['found']} were found, {n['missed']} missed and "
        f"{n['wrong_direction']} found in the wrong direction. Of {n['quiet'] + n['false_call']} sets without any "
        f"planted change, {n['false_call']} were called. {n['overlap']} sets share genes with a planted one and count "
        "neither way."
    )


def identity_lines(checks: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """What of samples and donors must be known before anything else is read: cells shared, sex that disagrees.

    Parameters
    ----------
    checks, pairs : DataFrame
        Rows of `sample_checks` and `sample_pairs` of one dataset.
    """
    twice = [
        f"ONE LIBRARY COUNTS FOR TWO DONORS: {row['sample_1']} (donor {row['donor_1']}) and {row['sample_2']} (donor "
        f"{row['donor_2']}), {count(row['n_identical'])} cells alike count for count."
        for row in pairs[pairs["counted_twice"]].to_dict("records")
    ]
    flagged = checks[checks["flagged"]].to_dict("records")
    return twice + [f"{row['sample']} (donor {row['donor']}): {row['notes']}" for row in flagged]


def depth_sentence(quality: pd.DataFrame, arms: pd.Series) -> str:
    """Sequencing depth of the two arms, with a warning where it differs: pathway scores and rare genes depend on it.

    Parameters
    ----------
    quality : DataFrame
        Rows of `quality_limits` of one dataset.
    arms : Series
        Donor -> "case" or "control".
    """
    kept = quality[quality["median_counts"].notna() & (quality["status"] == "ok")]
    medians = kept["median_counts"].groupby(kept[DONOR].map(arms)).median()
    if len(medians) < 2:
        return ""
    case, control = medians[CASE_ARM], medians[CONTROL_ARM]
    sentence = f"Depth: a median of {count(case)} UMI a cell in case samples, {count(control)} in control samples."
    if max(case, control) <= DEPTH_RATIO * min(case, control):
        return sentence
    return (
        f"{sentence} CAUTION: the arms differ {max(case, control) / min(case, control):.1f}-fold in depth, which alone "
        "can move rank-based scores; read pathway effects beside the random sets and CAMERA."
    )


def methods(settings: dict[str, Any], assays: set[str], *, from_sums: bool) -> list[str]:
    """The methods of this run, one paragraph a stage, with the values of its config.

    Parameters
    ----------
    settings : dict
        The whole config.
    assays : set of str
        Assays of the datasets that have cells: nuclei, cells. Empty: no step on cells was run, so none is told.
    from_sums : bool
        Whether a dataset came as counts summed by donor and cell type.
    """
    return [*(_cell_methods(settings, assays) if assays else []), *_donor_methods(settings, from_sums)]


def _cell_methods(settings: dict[str, Any], assays: set[str]) -> list[str]:
    quality, doublets, embedding = settings["quality"], settings["doublets"], settings["embedding"]
    clusters, annotation = settings["clusters"], settings["annotation"]
    ceilings = [f"{100 * quality[f'max_fraction_mitochondrial_{name}']:g} % for {name}" for name in sorted(assays)]
    return [
        f"Quality control, per sample: cells more than {quality['n_mads']} median absolute deviations from the median "
        f"of log counts or log genes, or {quality['n_mads_mitochondrial']} above that of the mitochondrial share, were "
        f"removed, with floors of {count(quality['min_counts'])} counts and {count(quality['min_genes'])} genes and "
        f"mitochondrial ceilings of {joined(ceilings)} (after Germain et al. 2020). Doublets: "
        f"share of simulated doublets ({doublets['simulated_per_cell']} a cell) among {doublets['n_neighbors']} "
        f"neighbors in {doublets['n_components']} principal components of {count(doublets['n_top_genes'])} variable "
        f"genes (after Wolock et al. 2019), at most "
        f"{100 * doublets['max_rate']:g} % of a sample. Samples with fewer than {quality['min_cells']} kept cells, or "
        f"less than {100 * quality['min_fraction_kept']:g} % of their cells kept, were left out.",
        f"Embedding and clusters: {count(embedding['n_top_genes'])} variable genes ranked within samples, "
        f"{embedding['n_components']} principal components, {_integration(embedding['integrate_by'])}, "
        f"{embedding['n_neighbors']} nearest neighbors, UMAP (McInnes et al. 2018) and Leiden clusters (Traag et al. "
        f"2019). Of the resolutions {joined([f'{value:g}' for value in clusters['resolutions']])}, the finest was used "
        f"whose clusters repeat in {clusters['n_subsamples']} subsamples of {100 * clusters['subsample_fraction']:g} % "
        f"of the cells with a median adjusted Rand index of at least {clusters['min_stability']:g} (after "
        "Patterson-Cross et al. 2021). Clusters were "
        f"named by marker genes, and left unassigned below a score of {annotation['min_score']:g} or a margin of "
        f"{annotation['min_margin']:g}; labels that came with a dataset were kept. No embedded or integrated value "
        "enters a test.",
        "Ambient RNA: its share of each sample's counts was estimated from marker genes of other cell types, with a "
        "soup from empty droplets or, without them, from all cells (after Young and Behjati 2020). Nothing was "
        "removed; genes that follow it are marked.",
    ]


def _donor_methods(settings: dict[str, Any], from_sums: bool) -> list[str]:
    differential, enrichment, pathways = settings["differential"], settings["enrichment"], settings["pathways"]
    summed = " Where counts came summed by donor and cell type, the sums were ranked." if from_sums else ""
    return [
        f"Differential expression: counts summed by donor and cell type (donors with fewer than "
        f"{settings['pseudobulk']['min_cells']} cells of a type left out for it; Squair et al. 2021, Crowell et al. "
        f"2020), genes kept as by edgeR's filterByExpr (at least {differential['min_count']} counts, "
        f"{differential['min_total_count']} in all), scaled by TMM (Robinson and Oshlack 2010), tested with "
        f"moderated t statistics ({_engine(differential['method'])}; Smyth 2004). With fewer than "
        f"{differential['min_donors']} donors in an arm, effect sizes only are given. Benjamini–Hochberg "
        "within cell type and contrast; the family over all cell types is in the tables beside it.",
        f"Enrichment: CAMERA with the correlation estimated from the data (Wu and Smyth 2012) decides; the normalized "
        f"enrichment score of a preranked GSEA (gseapy, multilevel, {count(enrichment['permutations'])} permutations; "
        f"Subramanian et al. 2005, Fang et al. 2023) describes. Sets with {enrichment['min_size']} to "
        f"{enrichment['max_size']} tested genes.",
        f"Pathway activity: each cell's genes were ranked and a set scored by its recovery in the top "
        f"{100 * pathways['top_fraction']:g} % (AUCell, Aibar et al. 2017), for sets of which at least "
        f"{100 * pathways['min_coverage']:g} % and {pathways['min_genes']} genes are measured. Scores were averaged "
        "over a donor's cells of one type and compared between donors by a linear model with moderated variances; "
        "effects are in standard deviations of donors within arms. Benjamini–Hochberg over all cell types and sets "
        f"of the contrast.{summed} Each set was compared with {count(pathways['n_random_sets'])} random sets of like "
        "expression, and so was how far its members move together across donors, contrasts and covariates held (mean "
        "correlation of pairs).",
        "Composition: logit shares of cell types per donor, moderated linear model (after propeller, Phipson et al. "
        "2022). Synthesis: random-effects means over datasets (Paule and Mandel 1982), Hartung–Knapp intervals whose "
        "standard errors never fall below those of the datasets (Röver et al. 2015), tissue and dish apart.",
        *([_calibration_method(settings["calibration"])] if settings["calibration"]["in_report"] else []),
        f"Random steps use seed {settings['seed']}. A positive effect always means: higher in the case arm.",
    ]


def _calibration_method(calibration: dict[str, Any]) -> str:
    return (
        f"Calibration: labels were shuffled among the donors{_within(calibration['blocks'])} up to "
        f"{count(calibration['permutations'])} times, balanced with regard to the true arms, and every test was run "
        "again; the share of p values below 0.05 with an interval over relabellings."
    )


def _integration(column: str) -> str:
    return "not integrated" if column == "none" else f"integrated over {column} by Harmony (Korsunsky et al. 2019)"


def _engine(method: str) -> str:
    return {"voom": "limma-voom, Law et al. 2014", "trend": "limma-trend, Law et al. 2014"}.get(method, method)


CITATIONS = (
    "Aibar et al. 2017, Nat Methods, doi:10.1038/nmeth.4463",
    "Crowell et al. 2020, Nat Commun, doi:10.1038/s41467-020-19894-4",
    "Fang et al. 2023, Bioinformatics, doi:10.1093/bioinformatics/btac757",
    "Germain et al. 2020, Genome Biol, doi:10.1186/s13059-020-02136-7",
    "Korsunsky et al. 2019, Nat Methods, doi:10.1038/s41592-019-0619-0",
    "Law et al. 2014, Genome Biol, doi:10.1186/gb-2014-15-2-r29",
    "McInnes et al. 2018, arXiv:1802.03426",
    "Mölder et al. 2021, F1000Research, doi:10.12688/f1000research.29032.2",
    "Patterson-Cross et al. 2021, BMC Bioinformatics, doi:10.1186/s12859-021-03957-4",
    "Paule and Mandel 1982, J Res Natl Bur Stand, doi:10.6028/jres.087.022",
    "Phipson et al. 2022, Bioinformatics, doi:10.1093/bioinformatics/btac582",
    "Robinson and Oshlack 2010, Genome Biol, doi:10.1186/gb-2010-11-3-r25",
    "Röver et al. 2015, BMC Med Res Methodol, doi:10.1186/s12874-015-0091-1",
    "Smyth 2004, Stat Appl Genet Mol Biol, doi:10.2202/1544-6115.1027",
    "Squair et al. 2021, Nat Commun, doi:10.1038/s41467-021-25960-2",
    "Subramanian et al. 2005, PNAS, doi:10.1073/pnas.0506580102",
    "Traag et al. 2019, Sci Rep, doi:10.1038/s41598-019-41695-z",
    "Wolf et al. 2018, Genome Biol, doi:10.1186/s13059-017-1382-0",
    "Wolock et al. 2019, Cell Syst, doi:10.1016/j.cels.2018.11.005",
    "Wu and Smyth 2012, Nucleic Acids Res, doi:10.1093/nar/gks461",
    "Young and Behjati 2020, GigaScience, doi:10.1093/gigascience/giaa151",
)
