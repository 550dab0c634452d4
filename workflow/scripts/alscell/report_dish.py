"""The part of the report on tissue against dish: a sentence, the agreement of cell types, a verdict a programme."""

from __future__ import annotations

from typing import Any

import pandas as pd

from alscell import report_text as text
from alscell.figures import plain, signed
from alscell.figures_dish import STYLES, why_not_compared
from alscell.keys import CELL_TYPE, CONTRAST, FAMILY, PATHWAY
from alscell.programmes import HINT, NEITHER, NOT_COMPARABLE, VERDICTS
from alscell.report_tables import Results, table


def dish_section(results: Results) -> dict[str, Any]:
    """Sentences and tables of the section `dish`; tables are None where no programme could be compared."""
    programmes = results.tables["synthesis_programmes"]
    compared = programmes[programmes["verdict"] != NOT_COMPARABLE]
    sentence = dish_sentence(programmes)
    if compared.empty:
        return {"sentence": sentence, "scores": None, "verdicts": None}
    return {
        "sentence": sentence,
        "scores": _score_table(results),
        "verdicts": _verdict_table(results, compared),
    }


def dish_sentence(programmes: pd.DataFrame) -> str:
    """How many programmes have which verdict, or why none could be compared.

    Parameters
    ----------
    programmes : DataFrame
        Table "synthesis_programmes".
    """
    counts = programmes["verdict"].value_counts()
    n = int(counts.drop(NOT_COMPARABLE, errors="ignore").sum())
    if not n:
        return why_not_compared(programmes)
    said = [f"{text.count(counts[name])} {VERDICTS[name]}" for name in STYLES if name in counts.index]
    left = counts.get(NOT_COMPARABLE, 0)
    rest = f" {text.count(left)} more could not be compared." if left else ""
    return f"Of {text.count(n)} programmes in cell types tested in both tissue and dish: {'; '.join(said)}.{rest}"


def _score_table(results: Results) -> dict[str, Any]:
    columns = [
        (CONTRAST, "contrast", plain),
        (CELL_TYPE, "cell type", plain),
        ("n_programmes", "programmes", text.count),
        ("same_sign", "same sign, weighed", text.percent),
        ("concordance", "concordance", signed),
        ("concordance_low", "range from", signed),
        ("concordance_high", "to", signed),
        ("chance_low", "sets shuffled from", signed),
        ("chance_high", "to", signed),
    ]
    caption = "Agreement of tissue and dish over all programmes of a cell type (Lin's concordance; 1: equal effects)"
    return table(results.tables["synthesis_agreement"], columns, caption=caption, file=_file(results, "agreement"))


def _verdict_table(results: Results, compared: pd.DataFrame) -> dict[str, Any]:
    intervals = [
        (f"{part}_{system}", name, signed)
        for system, unit in (("tissue", "donor SD"), ("dish", "line SD"), ("difference", "SD"))
        for part, name in (("effect", f"{system} ({unit})"), ("ci_low", "95 % from"), ("ci_high", "to"))
    ]
    columns = [
        (CONTRAST, "contrast", plain),
        (CELL_TYPE, "cell type", plain),
        (FAMILY, "family", plain),
        (PATHWAY, "programme", plain),
        *intervals,
        ("in_words", "verdict", str),
    ]
    order = [name for name in STYLES if name not in (HINT, NEITHER)] + [HINT, NEITHER]
    rows = compared.assign(
        effect_difference=compared["difference"],
        rank=compared["verdict"].map(order.index),
        size=-compared[["effect_tissue", "effect_dish"]].abs().max(axis=1),
    ).sort_values(["rank", "size", CONTRAST, CELL_TYPE, FAMILY, PATHWAY])
    return table(
        rows,
        columns,
        caption="Verdict of every programme, by verdict and size; difference: dish minus tissue",
        max_rows=results.settings["report"]["max_rows"],
        file=_file(results, "programmes"),
    )


def _file(results: Results, name: str) -> str:
    return f"{results.settings['summary_folder']}/synthesis/{name}.tsv"
