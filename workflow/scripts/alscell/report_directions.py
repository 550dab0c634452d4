"""The page of the six directions in the report: what was found for each, in whom, by which genes, and where to look."""

from __future__ import annotations

from typing import Any

import pandas as pd

from alscell import report_text as text
from alscell.directions import (
    AGGREGATION,
    BIOMARKERS,
    DIRECTIONS,
    GENETICS,
    INFLAMMATION,
    MODELS,
    PROTECTION,
    strongest,
)
from alscell.figures import plain, signed
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, PATHWAY
from alscell.programmes import HINT, NEITHER, NOT_COMPARABLE, UNCLEAR, VERDICTS
from alscell.report_dish import dish_sentence
from alscell.report_tables import Results, table, words

QUESTIONS = {
    GENETICS: "Do the ALS genes themselves change, and does the mutated gene in its carriers?",
    INFLAMMATION: "Which cells are inflamed, in which donors, by which genes?",
    AGGREGATION: "Do autophagy, the lysosome, the stress responses and the targets of TDP-43 move?",
    PROTECTION: "Does the support of motor neurons change: trophic factors, axon, glia, ligands and receptors?",
    MODELS: "Does the dish show what the cord shows?",
    BIOMARKERS: "Which secreted or shed genes change, and in which cells?",
}
LINKS = {  # sections of the report that hold the tests
    GENETICS: [("panel", "ALS genes")],
    INFLAMMATION: [("pathways", "pathway activity"), ("enrichment", "enrichment")],
    AGGREGATION: [("pathways", "pathway activity"), ("tdp43", "TDP-43")],
    PROTECTION: [("pathways", "pathway activity"), ("support", "ligands and receptors")],
    MODELS: [("dish", "tissue against dish")],
    BIOMARKERS: [("biomarkers", "biomarker candidates")],
}
N_NAMED, N_PROGRAMMES = 3, 5  # results named in a line
N_LINES = 8  # cell types, or pairs of them, with a line of their own


def direction_sections(results: Results) -> list[dict[str, Any]]:
    """One part of the page a direction: its question, an answer of a few lines, its links and its table."""
    return [_section(results, name) for name in DIRECTIONS]


def _section(results: Results, name: str) -> dict[str, Any]:
    rows = results.rows("directions", direction=name)
    answers = [
        {"where": where, "sentence": answer(own), "lines": hit_lines(own)} for where, own in _by_contrast(results, rows)
    ]
    if name == MODELS:
        programmes = results.tables["synthesis_programmes"]
        sentence = {"where": "Tissue against dish", "sentence": dish_sentence(programmes)}
        answers = [sentence | {"lines": programme_lines(programmes)}]
    return {
        "id": f"direction-{name}",
        "title": DIRECTIONS[name],
        "question": QUESTIONS[name],
        "answers": answers,
        "links": LINKS[name],
        "table": direction_table(results, rows, name),
    }


def _by_contrast(results: Results, rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Rows of each dataset and contrast, named as a reader wants it; rows over datasets have none."""
    contrasts = results.settings["contrasts"]
    found = []
    for (dataset, contrast), own in rows.groupby([DATASET, CONTRAST], sort=True, dropna=False):
        arms = text.arms_text(contrasts[contrast]) if contrast in contrasts else contrast
        found.append((f"{dataset}, {arms}" if pd.notna(dataset) and dataset else arms, own))
    return found


def answer(rows: pd.DataFrame) -> str:
    """'4 of 120 tests in 9 cell types reach the FDR: microglia 3, astrocyte 1.'"""
    hits = rows[rows["hit"]]
    pairs = " and pairs of them" if (rows["kind"] == "pair").any() else ""
    tried = f"{text.count(len(rows))} tests in {rows[CELL_TYPE].nunique()} cell types{pairs}"
    if hits.empty:
        return f"none of {tried} reaches the FDR."
    by_type = hits[CELL_TYPE].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    named = ", ".join(f"{plain(str(name))} {n}" for name, n in by_type.head(N_LINES).items())
    more = f" and {len(by_type) - N_LINES} more" if len(by_type) > N_LINES else ""
    return f"{text.count(len(hits))} of {tried} reach the FDR: {named}{more}."


def hit_lines(rows: pd.DataFrame) -> list[str]:
    """A line a cell type with a hit, the lowest FDR first: what moves, how far, in which donors, by which genes."""
    lines = []
    hits = strongest(rows[rows["hit"]], n=len(rows))
    for cell_type, own in hits.groupby(CELL_TYPE, sort=False):
        in_dish = own["in_dish"].dropna().unique()
        once = f". Tissue against dish: {in_dish[0]}" if len(in_dish) == 1 else ""
        own = own.assign(in_dish=None) if once else own
        named = [hit_text(row) for row in strongest(own, n=N_NAMED).to_dict("records")]
        more = f"; {len(own) - N_NAMED} more" if len(own) > N_NAMED else ""
        lines.append(f"{plain(str(cell_type))}: {'; '.join(named)}{more}{once}".replace("_", " "))
    rest = [f"{len(lines) - N_LINES} more cell types or pairs, in the table below"] if len(lines) > N_LINES else []
    return lines[:N_LINES] + rest


def programme_lines(programmes: pd.DataFrame) -> list[str]:
    """A line for each verdict that says something, with its programmes and both effects."""
    lines = []
    for verdict, words_of in VERDICTS.items():
        own = programmes[programmes["verdict"] == verdict]
        if own.empty or verdict in (HINT, NEITHER, NOT_COMPARABLE, UNCLEAR):
            continue
        named = [
            f"{plain(row[PATHWAY])} in {plain(row[CELL_TYPE])} (tissue {signed(row['effect_tissue'])}, dish "
            f"{signed(row['effect_dish'])} SD)"
            for row in own.head(N_PROGRAMMES).to_dict("records")
        ]
        more = f"; {len(own) - N_PROGRAMMES} more" if len(own) > N_PROGRAMMES else ""
        lines.append(f"{words_of}: {'; '.join(named)}{more}")
    return lines


def hit_text(row: dict[str, Any]) -> str:
    """'TNF NF-κB up (+2.10 donor SD, FDR 0.0012; in 7 of 8 case donors, not P3; carried by CHI3L1 31 %)'."""
    said = [f"{signed(row['effect'])} {row['unit']}, FDR {text.probability(row['fdr'])}"]
    if pd.notna(row["donors"]):
        number, comma, others = row["donors"].partition(",")
        said.append(f"in {number} case donors{comma}{others}")
    said += [f"carried by {row['carried_by']}"] if pd.notna(row["carried_by"]) else []
    said += [f"tissue against dish: {row['in_dish']}"] if pd.notna(row["in_dish"]) else []
    said += [row["note"]] if pd.notna(row["note"]) else []
    return f"{plain(row['name'].rpartition('/')[2])} {'up' if row['effect'] > 0 else 'down'} ({'; '.join(said)})"


def direction_table(results: Results, rows: pd.DataFrame, name: str) -> dict[str, Any]:
    """All hits of a direction and, where these are few, the strongest of the others."""
    limit = results.settings["report"]["max_rows"]
    ordered = strongest(rows, n=max(limit, int(rows["hit"].sum())))
    columns = [
        (DATASET, "dataset", words),
        (CONTRAST, "contrast", plain),
        (CELL_TYPE, "cell type", plain),
        ("name", "what", plain),
        ("effect", "effect", signed),
        ("ci_low", "95 % from", signed),
        ("ci_high", "to", signed),
        ("unit", "unit", words),
        ("p_value", "p", text.probability),
        ("fdr", "FDR", text.probability),
        ("donors", "case donors beyond the median control", words),
        ("carried_by", "carried by", words),
        ("in_dish", "tissue against dish", words),
        ("note", "note", words),
        ("file", "from", words),
    ]
    caption = f"{DIRECTIONS[name]}: {int(rows['hit'].sum()):,} of {len(rows):,} tests reach their FDR"
    return table(ordered, columns, caption=caption, max_rows=limit, file="synthesis/directions.tsv")
