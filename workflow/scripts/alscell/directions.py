"""The six directions of ALS research on one page: what was tested for each, in one table of one form.

Genetics, neuroinflammation, protein aggregation and stress, neuroprotection, stem-cell models, biomarkers. Every row is
a donor-level test of another table, which it names; nothing is tested here, and rows without a test are left out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from alscell.agreement import DISH, TISSUE, match_cell_types
from alscell.artefacts import MOVES_TOO
from alscell.carriers import leading_genes
from alscell.keys import CASE_ARM, CELL_TYPE, CONTRAST, CONTROL_ARM, DATASET, DONOR, FAMILY, GENE, PATHWAY
from alscell.programmes import NOT_COMPARABLE

GENETICS, INFLAMMATION, AGGREGATION = "genetics", "neuroinflammation", "aggregation_stress"
PROTECTION, MODELS, BIOMARKERS = "neuroprotection", "stem_cell_models", "biomarkers"
DIRECTIONS = {
    GENETICS: "Genetics",
    INFLAMMATION: "Neuroinflammation",
    AGGREGATION: "Protein aggregation and stress",
    PROTECTION: "Neuroprotection",
    MODELS: "Stem-cell models",
    BIOMARKERS: "Biomarkers",
}
UNITS = {  # of the panels of the figure
    GENETICS: "log2 fold change",
    INFLAMMATION: "donor SD",
    AGGREGATION: "donor SD",
    PROTECTION: "donor SD",
    MODELS: "donor SD",
    BIOMARKERS: "log2 fold change",
}
OF_FAMILY = {  # which direction a family of gene sets belongs to; other families are not on the page
    "inflammation": INFLAMMATION,
    "autophagy": AGGREGATION,
    "stress": AGGREGATION,
    "neurotrophic": PROTECTION,
    "axon": PROTECTION,
    "motor_neuron": PROTECTION,
    "glia": PROTECTION,
}
COLUMNS = [
    *("direction", DATASET, CONTRAST, CELL_TYPE, "kind", "name", "effect", "unit", "ci_low", "ci_high", "p_value"),
    *("fdr", "hit", "carried_by", "donors", "in_dish", "note", "file"),
]
N_CARRIERS = 4  # genes named


def set_rows(
    tests: pd.DataFrame,
    carriers: pd.DataFrame,
    scores: pd.DataFrame,
    artefacts: pd.DataFrame,
    arms: dict[str, pd.Series],
) -> pd.DataFrame:
    """Gene sets of one dataset.

    Parameters
    ----------
    tests, carriers, scores, artefacts : DataFrame
        Tables "pathway_tests", "pathway_genes", "pathway_donors" and "pathway_artefacts" of the dataset; `tests` may
        have a column `in_dish`.
    arms : dict of str to Series
        Contrast -> arm of each donor.
    """
    key = [CONTRAST, CELL_TYPE, FAMILY, PATHWAY]
    rows = tests[tests["p_value"].notna() & tests[FAMILY].isin(OF_FAMILY)]
    rows = rows.merge(leading_genes(carriers, n=N_CARRIERS), on=key, how="left")
    moving = artefacts[artefacts["flag"] == MOVES_TOO].groupby(key, as_index=False)["artefact"].agg(", ".join)
    rows = rows.merge(moving, on=key, how="left")
    by_set = {name: own.set_index(DONOR)["score"] for name, own in scores.groupby([CELL_TYPE, FAMILY, PATHWAY])}
    donors = [
        donors_beyond(by_set[row[CELL_TYPE], row[FAMILY], row[PATHWAY]], arms[row[CONTRAST]], upward=row["effect"] > 0)
        for row in rows.to_dict("records")
    ]
    return rows.assign(
        direction=rows[FAMILY].map(OF_FAMILY),
        kind="gene_set",
        name=rows[FAMILY] + "/" + rows[PATHWAY],
        unit="donor SD",
        donors=donors,
        note=("artefact signature moves too: " + rows["artefact"]).astype(object).where(rows["artefact"].notna(), None),
        file="pathway_tests.tsv",
    ).reindex(columns=COLUMNS)


def verdicts_of(tests: pd.DataFrame, programmes: pd.DataFrame, *, names: dict[str, list[str]]) -> list[str]:
    """For each row of "pathway_tests" of all datasets: does the dish show what the tissue shows, in words.

    Parameters
    ----------
    programmes : DataFrame
        Table "synthesis_programmes".
    names : dict
        As `agreement.match_cell_types`.
    """
    key = [CONTRAST, CELL_TYPE, FAMILY, PATHWAY]
    words = programmes.set_index(key)["in_words"].to_dict()
    matched = match_cell_types(tests, names=names)[key]
    return [words.get(row) for row in matched.itertuples(index=False, name=None)]


def donors_beyond(scores: pd.Series, arms: pd.Series, *, upward: bool) -> str:
    """In which donors: "7 of 8, not P3": case donors beyond the median control donor, in the direction of the effect.

    Parameters
    ----------
    scores : Series
        Index donor.
    arms : Series
        Donor -> arm.
    upward : bool
        Of the effect.
    """
    own = scores.groupby(arms.reindex(scores.index))
    case = own.get_group(CASE_ARM)
    middle = own.get_group(CONTROL_ARM).median()
    beyond = case > middle if upward else case < middle
    others = sorted(case.index[~beyond])
    return f"{beyond.sum()} of {len(case)}" + (f", not {', '.join(others)}" if 0 < len(others) <= 3 else "")


def gene_rows(panel: pd.DataFrame) -> pd.DataFrame:
    """ALS genes of one dataset or several, from the table "gene_panel"; FDR over the panel, or over the cell types of a
    contrast's own gene.
    """
    rows = panel[panel["fdr_panel"].notna()]  # independent filtering may leave a p value without an FDR
    note = np.where(rows["own_gene"], "mutated in the case donors; FDR over the cell types of this gene", None)
    return rows.assign(
        direction=GENETICS,
        kind="gene",
        name=rows[GENE],
        effect=rows["log2_fold_change"],
        unit="log2 fold change",
        fdr=rows["fdr_gene"].where(rows["own_gene"], rows["fdr_panel"]),
        note=note,
        file="gene_panel.tsv",
    ).reindex(columns=COLUMNS)


def index_rows(index: pd.DataFrame) -> pd.DataFrame:
    """The index of TDP-43 loss in neurons, from the table "tdp43_index"."""
    rows = index[index["p_value"].notna() & index["is_neuron"]]
    return rows.assign(
        direction=AGGREGATION,
        kind="index",
        name="TDP-43 loss index",
        unit="donor SD",
        note=[f"{n} of {listed} targets" for n, listed in zip(rows["n_targets"], rows["n_listed"], strict=True)],
        file="tdp43_index.tsv",
    ).reindex(columns=COLUMNS)


def pair_rows(pairs: pd.DataFrame) -> pd.DataFrame:
    """Ligands and receptors, from the table "ligand_receptor"; the cell type is "sender → receiver"."""
    rows = pairs[pairs["p_value"].notna()]
    return rows.assign(
        direction=PROTECTION,
        kind="pair",
        name=rows["ligand"] + "–" + rows["receptor"].str.replace(";", "+"),
        unit="log2",
        **{CELL_TYPE: rows["sender"] + " → " + rows["receiver"]},
        note="expression of both, not signaling",
        file="ligand_receptor.tsv",
    ).reindex(columns=COLUMNS)


def programme_rows(programmes: pd.DataFrame) -> pd.DataFrame:
    """Programmes tested in tissue and dish, a row a system, from the table "synthesis_programmes"."""
    rows = programmes[programmes["verdict"] != NOT_COMPARABLE]
    parts = [
        rows.assign(
            direction=MODELS,
            kind="programme",
            name=rows[FAMILY] + "/" + rows[PATHWAY],
            effect=rows[f"effect_{system}"],
            ci_low=rows[f"ci_low_{system}"],
            ci_high=rows[f"ci_high_{system}"],
            fdr=rows[f"fdr_{system}"],
            unit="donor SD",
            in_dish=rows["in_words"],
            file="synthesis/programmes.tsv",
            **{DATASET: f"({system})"},
        )
        for system in (TISSUE, DISH)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[table["fdr"].notna()].reindex(columns=COLUMNS)


def biomarker_rows(tests: pd.DataFrame) -> pd.DataFrame:
    """Secreted, shed and leaked genes of all datasets, from the table "synthesis_biomarker_tests"."""
    rows = tests[tests["fdr"].notna()]
    fluid = rows["fluid_agrees"].map({"yes": "as in ALS fluids", "no": "against ALS fluids"})
    origin = ("highest in " + rows["highest_in"]).where(rows["highest_in"] != rows[CELL_TYPE])
    note = [
        ", ".join(part for part in parts if isinstance(part, str))
        for parts in zip(rows["how"], origin, fluid, strict=True)
    ]
    return rows.assign(
        direction=BIOMARKERS,
        kind="biomarker",
        name=rows[GENE],
        effect=rows["log2_fold_change"],
        unit="log2 fold change",
        note=note,
        file="synthesis/biomarker_tests.tsv",
    ).reindex(columns=COLUMNS)


def finish(parts: list[pd.DataFrame], *, fdr: float) -> pd.DataFrame:
    """All rows as the table "directions": hits marked, sorted by direction, dataset, contrast and p."""
    table = pd.concat([part for part in parts if len(part)] or [pd.DataFrame(columns=COLUMNS)], ignore_index=True)
    rank = {name: place for place, name in enumerate(DIRECTIONS)}
    table = table.assign(hit=table["fdr"] <= fdr, rank=table["direction"].map(rank))
    order = ["rank", DATASET, CONTRAST, "p_value", CELL_TYPE, "name"]
    return table.sort_values(order, ignore_index=True)[COLUMNS]


def strongest(rows: pd.DataFrame, *, n: int) -> pd.DataFrame:
    """The first `n` rows by FDR and p; of programmes both systems, side by side."""
    if len(rows) and (rows["kind"] == "programme").all():
        key = [CONTRAST, CELL_TYPE, "name"]
        first = rows.assign(first=rows.groupby(key)["fdr"].transform("min"))
        order = ["first", *key, DATASET]
        return first.sort_values(order, ascending=[True] * 4 + [False], ignore_index=True).head(n).drop(columns="first")
    return rows.sort_values(["fdr", "p_value", DATASET, CONTRAST, CELL_TYPE, "name"], ignore_index=True).head(n)
