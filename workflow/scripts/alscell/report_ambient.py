"""What the report says of ambient RNA: how much there is, and which results follow it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from alscell import report_text as text
from alscell.ambient import DROPLETS, OK
from alscell.figures import plain, signed
from alscell.keys import CELL_TYPE, CONDITION, CONTRAST, DATASET, GENE
from alscell.report_tables import Results, listed, table, words


def share_sentence(ambient: pd.DataFrame) -> str:
    """How much of the counts is ambient RNA, by condition; where the soup was read; what could not be told.

    Parameters
    ----------
    ambient : DataFrame
        Rows of "ambient" of one dataset.
    """
    known = ambient[ambient["status"] == OK]
    if known.empty:
        return "Ambient RNA could not be estimated in any sample: too few markers of other cell types in its cells."
    parts = [
        f"{text.percent(own['ambient_share'].median())} in {name} ({text.percent(own['ambient_share'].min())} to "
        f"{text.percent(own['ambient_share'].max())})"
        for name, own in known.groupby(CONDITION, sort=True)
    ]
    n_droplets = int((known["profile_from"] == DROPLETS).sum())
    soup = f"the soup was read from empty droplets in {n_droplets} of {len(known)} samples, else from all cells"
    unknown = len(ambient) - len(known)
    rest = f" In {unknown} of {len(ambient)} samples it cannot be told." if unknown else ""
    return f"Ambient RNA makes up, in the median sample, {', '.join(parts)} of the counts; {soup}.{rest}"


def hits_sentence(hits: pd.DataFrame, n_genes: int, n_known: int) -> str:
    """How many results follow ambient RNA.

    Parameters
    ----------
    hits : DataFrame
        Rows of "ambient_hits" of one contrast.
    n_genes : int
        Genes that reach the FDR in the contrast, over all cell types.
    n_known : int
        Samples of the dataset whose ambient share is known.
    """
    if not n_genes:
        return ""
    if not n_known:
        return "Whether genes follow ambient RNA cannot be told: its share is not known in any sample."
    if hits.empty:
        return f"None of the {text.count(n_genes)} genes that reach the FDR follows ambient RNA, by the limits used."
    return (
        f"Read with caution: {text.count(len(hits))} of {text.count(n_genes)} genes that reach the FDR follow ambient "
        "RNA. They belong to another cell type, and the soup alone would move them the same way. Nothing was removed."
    )


def hits_section(results: Results, dataset: str, contrast: str) -> dict[str, Any]:
    """The sentence and the table of one contrast; both empty for a dataset without cells."""
    where = {DATASET: dataset, CONTRAST: contrast}
    hits, genes = results.rows("ambient_hits", **where), results.rows("differential", **where)
    samples = results.rows("ambient", dataset=dataset)
    n_genes, n_known = int((genes["fdr"] <= results.fdr).sum()), int((samples["status"] == OK).sum())
    return {
        "sentence": hits_sentence(hits, n_genes, n_known) if len(samples) else "",
        "table": _hits_table(results, hits.sort_values([CELL_TYPE, "fdr", GENE]), dataset),
    }


def _hits_table(results: Results, hits: pd.DataFrame, dataset: str) -> dict[str, Any]:
    columns = [
        (CELL_TYPE, "cell type", plain),
        (GENE, "gene", str),
        ("log2_fold_change", "log₂ fold change", signed),
        ("fdr", "FDR", text.probability),
        ("expected_log2_fold_change", "of the soup alone", signed),
        ("ambient_fraction", "ambient share of the gene", text.percent),
        ("ambient_case", "ambient per million, case", lambda value: text.number(value, 1)),
        ("ambient_control", "control", lambda value: text.number(value, 1)),
        ("source_type", "highest in", plain),
        ("marker_of", "marker of", lambda names: words(names) if pd.isna(names) else listed(names)),
    ]
    caption = f"Genes that reach the FDR and follow ambient RNA: {len(hits):,}"
    file, max_rows = f"results/{dataset}/ambient_hits.tsv", results.settings["report"]["max_rows"]
    return table(hits, columns, caption=caption, max_rows=max_rows, file=file)
