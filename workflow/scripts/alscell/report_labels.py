"""What the report says of the cell types: do labels fit their markers, and which types are too rare to test."""

from __future__ import annotations

from typing import Any

import pandas as pd

from alscell import report_text as text
from alscell.figures import plain, signed
from alscell.keys import CELL_TYPE, CONTRAST, DONOR, N_CELLS, UNASSIGNED
from alscell.label_checks import CONTAMINATED, FITS, MISLABELLED, MIXED, UNKNOWN
from alscell.report_tables import Results, table, words

VERDICTS = {
    MISLABELLED: "most cells look like the other type",
    MIXED: "some cells look like the other type",
    CONTAMINATED: "more RNA of the other type than elsewhere",
    UNKNOWN: "no markers for this label",
    FITS: "fits",
}


def label_lines(checks: pd.DataFrame) -> list[str]:
    """A warning for each label whose cells look like another type.

    Parameters
    ----------
    checks : DataFrame
        Rows of "label_checks" of one dataset.
    """
    lines = []
    for row in checks[checks["verdict"].isin((MISLABELLED, MIXED, CONTAMINATED))].to_dict("records"):
        label, other = plain(row[CELL_TYPE]), plain(row["other_type"])
        if row["verdict"] == CONTAMINATED:
            lines.append(f"{label}: carries RNA of {other}, {signed(row['excess'])} above what other types carry")
        else:
            lines.append(f"{label}: {text.percent(row['share_alike'])} of its cells look like {other}")
    return lines


def label_table(results: Results, dataset: str) -> dict[str, Any]:
    """Labels that do not fit, or that have no markers, with the type that they look like."""
    rows = results.rows("label_checks", dataset=dataset)
    unfit = rows[~rows["verdict"].isin((FITS, UNKNOWN))]
    unknown = rows[rows["verdict"] == UNKNOWN].sort_values("share_alike", ascending=False).drop_duplicates(CELL_TYPE)
    shown = pd.concat([unfit, unknown])
    columns = [
        (CELL_TYPE, "label", plain),
        ("other_type", "looks like", plain),
        ("n_cells", "cells", text.count),
        ("share_alike", "cells that do", text.percent),
        ("level", "marker score", text.number),
        ("usual", "in other labels", text.number),
        ("verdict", "verdict", VERDICTS.get),
    ]
    fitting = rows[CELL_TYPE].nunique() - shown[CELL_TYPE].nunique()
    caption = f"Labels against the markers of other types, {dataset}: {fitting} of {rows[CELL_TYPE].nunique()} fit"
    return table(shown, columns, caption=caption, file=f"results/{dataset}/label_checks.tsv")


def type_table(results: Results, dataset: str) -> dict[str, Any]:
    """Cells and donors of every cell type, and in which contrasts it was tested; the rarest last."""
    donors = results.rows("composition_donors", dataset=dataset)
    skipped, tested = (results.rows(name, dataset=dataset) for name in ("differential_skipped", "differential"))
    least = results.settings["pseudobulk"]["min_cells"]
    with_p = tested[tested["p_value"].notna()].groupby(CELL_TYPE)[CONTRAST].unique()
    rows = []
    for name, own in donors[donors[CELL_TYPE] != UNASSIGNED].groupby(CELL_TYPE, sort=True):
        why = skipped[(skipped[CELL_TYPE] == name) & (skipped["reason"] != "donors_left_out")]
        reasons = [f"{plain(row[CONTRAST])}: {text.reason(row['reason'])}" for row in why.to_dict("records")]
        contrasts = ", ".join(plain(one) for one in sorted(with_p.get(name, [])))
        row = {CELL_TYPE: name, N_CELLS: own[N_CELLS].sum(), DONOR: own.loc[own[N_CELLS] >= least, DONOR].nunique()}
        rows.append(row | {"tested": contrasts, "why": "; ".join(reasons)})
    columns = [
        (CELL_TYPE, "cell type", plain),
        (N_CELLS, "cells", text.count),
        (DONOR, f"donors with {least} cells or more", text.count),
        ("tested", "tested in", words),
        ("why", "not tested", words),
    ]
    frame = pd.DataFrame(rows, columns=[name for name, _, _ in columns])
    frame = frame.sort_values([N_CELLS, CELL_TYPE], ascending=[False, True])
    caption = f"Cell types, {dataset}"
    return table(frame, columns, caption=caption, file=f"results/{dataset}/differential_skipped.tsv")
