"""What the report says of genes read one by one: ALS genes, targets of TDP-43, ligands and receptors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from alscell import report_text as text
from alscell.figures import plain, probability, signed
from alscell.gene_panel import OVER_TYPES
from alscell.keys import CELL_TYPE, CONTRAST, DATASET, GENE
from alscell.report_tables import Results, table, words, yes

STATUS = {
    "tested": "tested",
    "descriptive": "effect only: too few donors",
    "outlier": "no p: an outlying donor",
    "too_low": "too few counts",
    "not_detected": "no count",
    "not_measured": "not among the genes of the dataset",
    "no_ortholog": "no mouse ortholog",
    "type_not_tested": "cell type not tested",
    "no_donors": "an arm has no donor with both cell types",
    "ligand_low": "too few counts of the ligand",
    "receptor_low": "too few counts of the receptor",
    "both_low": "too few counts of both",
    "too_few_targets": "too few targets",
}
TDP43_CAUTION = (
    "Counts of 3' reads cannot see cryptic exons; they see at most that less RNA is left. In nuclei, RNA that decays "
    "in the cytoplasm may not be missing yet; STMN2, UNC13A and others also fall where neurons die or lose their "
    "identity. Read the genes; the index only sums them up."
)
SUPPORT_CAUTION = (
    "This is co-expression of RNA in two cell types of the same donors. It does not show that protein is made, "
    "released, near enough, or bound."
)
_SHOWN = 4  # names in a sentence


def panel_section(results: Results, dataset: str, contrast: str) -> dict[str, Any]:
    """ALS genes in one contrast: whether the mutated gene moves, which others do, what was not tested."""
    rows = results.rows("gene_panel", **{DATASET: dataset, CONTRAST: contrast})
    of_types, file = rows[rows[CELL_TYPE] != OVER_TYPES], f"results/{dataset}/gene_panel.tsv"
    lines = [own_gene_sentence(rows), found_sentence(of_types, "fdr_panel", fdr=results.fdr, what="ALS genes")]
    lines.append(untested_sentence(of_types))
    return {"lines": [line for line in lines if line], "table": gene_table(results, rows, "ALS genes, by p", file)}


def tdp43_section(results: Results, dataset: str, contrast: str) -> dict[str, Any]:
    """Targets of TDP-43 in one contrast, and their index."""
    where = {DATASET: dataset, CONTRAST: contrast}
    genes, index = results.rows("tdp43_genes", **where), results.rows("tdp43_index", **where)
    lines = [index_sentence(index, fdr=results.fdr)]
    lines.append(found_sentence(genes, "fdr_panel", fdr=results.fdr, what="targets of TDP-43"))
    lines.append(untested_sentence(genes))
    extra = [("direction", "after a loss", str), ("as_expected", "as expected", words)]
    views = [
        index_table(index, f"results/{dataset}/tdp43_index.tsv"),
        gene_table(results, genes, "Targets of TDP-43, by p", f"results/{dataset}/tdp43_genes.tsv", extra),
    ]
    return {"lines": [line for line in lines if line], "tables": views}


def support_section(results: Results, dataset: str, contrast: str) -> dict[str, Any]:
    """Ligands and receptors in one contrast."""
    rows = results.rows("ligand_receptor", **{DATASET: dataset, CONTRAST: contrast})
    return {
        "lines": support_lines(rows, fdr=results.fdr),
        "table": support_table(results, rows, f"results/{dataset}/ligand_receptor.tsv"),
    }


def own_gene_sentence(rows: pd.DataFrame) -> str:
    """Whether the gene that is mutated in the case donors itself moves.

    Parameters
    ----------
    rows : DataFrame
        Table `gene_panel` of one contrast.
    """
    own = rows[rows["own_gene"]]
    if own.empty:
        return "The case donors share no known mutated gene, so that no gene is singled out."
    gene = str(own[GENE].iloc[0])
    over, types = own[own[CELL_TYPE] == OVER_TYPES], own[own[CELL_TYPE] != OVER_TYPES]
    measured = types[types["log2_fold_change"].notna()]
    if measured.empty:
        reasons = text.joined(sorted({STATUS[name] for name in types["status"]}))
        return f"{gene}, mutated in the case donors, could not be compared in any cell type: {reasons}."
    lower, higher = (int((np.sign(measured["log2_fold_change"]) == sign).sum()) for sign in (-1, 1))
    count = f"the estimate is lower in {lower} and higher in {higher} of {len(measured)} cell types"
    listed = "; ".join(_own_in_type(row) for row in measured.sort_values(CELL_TYPE).to_dict("records"))
    return f"{gene}, mutated in the case donors: {_over_types(over)}{count} ({listed})."


def _own_in_type(row: dict[str, Any]) -> str:
    p = f", FDR over its cell types {probability(row['fdr_gene'])}" if pd.notna(row["fdr_gene"]) else ", not tested"
    return f"{plain(row[CELL_TYPE])} {signed(row['log2_fold_change'])}{p}"


def _over_types(over: pd.DataFrame) -> str:
    """The one test over all cell types, in words; '' where it was not made."""
    if over.empty or pd.isna(over["p_value"].iloc[0]):
        return ""
    row = over.iloc[0]
    interval = f"{signed(row['log2_fold_change'])} log2 [{signed(row['ci_low'])}, {signed(row['ci_high'])}]"
    figures = f"{interval}, p {probability(row['p_value'])}"
    if row["p_value"] < 0.05:
        return f"it is {'lower' if row['log2_fold_change'] < 0 else 'higher'} over the cell types ({figures}); "
    found = f"a change of {text.number(row['detectable'])} would have been found with a probability of 80 %"
    return f"no change is found over the cell types ({figures}; {found}); "


def found_sentence(rows: pd.DataFrame, column: str, *, fdr: float, what: str) -> str:
    """How many tests of a list reach the FDR over the list, and the first of them by name."""
    tested = rows[rows["p_value"].notna()]
    if tested.empty:
        return f"None of the {rows[GENE].nunique()} {what} could be tested."
    hits = tested[tested[column] <= fdr].sort_values(["p_value", CELL_TYPE, GENE])
    size = f"{len(tested):,} tests of {tested[GENE].nunique()} {what} in {tested[CELL_TYPE].nunique()} cell types"
    if hits.empty:
        median = text.number(tested["detectable"].median())
        return (
            f"None of {size} reaches FDR {fdr:g} over the list; the median test finds a change of {median} log2 "
            "at p 0.05 with a probability of 80 %."
        )
    named = [
        f"{row[GENE]} in {plain(row[CELL_TYPE])} ({signed(row['log2_fold_change'])})"
        for row in hits.head(_SHOWN).to_dict("records")
    ]
    return f"{len(hits)} of {size} reach FDR {fdr:g} over the list: {text.joined(named)}{_more(len(hits))}."


def _more(n: int) -> str:
    return f", and {n - _SHOWN} more" if n > _SHOWN else ""


def untested_sentence(rows: pd.DataFrame) -> str:
    """Genes of a list that no cell type could test, with the reasons; '' if there are none."""
    tested = set(rows.loc[rows["status"] == "tested", GENE])
    left = rows[~rows[GENE].isin(tested)]
    if left.empty:
        return ""
    reasons = left.groupby(GENE)["status"].agg(_reasons)
    parts = [f"{', '.join(sorted(genes.index))} ({why})" for why, genes in reasons.groupby(reasons, sort=True)]
    return f"Tested in no cell type: {'; '.join(parts)}."


def _reasons(status: pd.Series) -> str:
    """Why a gene was tested nowhere; that some cell types were not tested is said only where it is all."""
    own = set(status) - {"type_not_tested"} or set(status)
    return " or ".join(sorted({STATUS[name] for name in own}))


def index_sentence(index: pd.DataFrame, *, fdr: float) -> str:
    """Whether the index of TDP-43 loss differs between arms in neurons, and in the negative controls.

    Parameters
    ----------
    index : DataFrame
        Table `tdp43_index` of one contrast.
    """
    tested = index[index["status"] == "tested"]
    if tested.empty:
        why = text.joined(sorted({STATUS[name] for name in index["status"]})) or "no cell type has enough donors"
        return f"The index of TDP-43 loss could not be tested: {why}."
    parts = []
    for is_neuron, what in ((True, "neurons"), (False, "other cell types (negative controls)")):
        own = tested[tested["is_neuron"] == is_neuron]
        hits = own[own["fdr"] <= fdr].sort_values(CELL_TYPE)
        if own.empty:
            parts.append(f"{what}: none has an index")
        elif hits.empty:
            median = text.number(own["detectable"].median())
            parts.append(f"{what}: none of {len(own)} differs (detectable: {median} standard deviations)")
        else:
            named = text.joined([_index_hit(row) for row in hits.to_dict("records")])
            parts.append(f"{what}: {len(hits)} of {len(own)} differ, {named}")
    return f"Index of TDP-43 loss between the arms, at FDR {fdr:g}. {parts[0].capitalize()}; {parts[1]}."


def _index_hit(row: dict[str, Any]) -> str:
    way = "as after a loss" if row["effect"] > 0 else "against a loss"
    beyond = f", beyond {row['random_percentile']:.0f} % of random sets" if pd.notna(row["random_percentile"]) else ""
    return f"{plain(row[CELL_TYPE])} ({signed(row['effect'])}, {way}{beyond})"


def support_lines(rows: pd.DataFrame, *, fdr: float) -> list[str]:
    """Which pairs change between the arms, and how many could not be tested.

    Parameters
    ----------
    rows : DataFrame
        Table `ligand_receptor` of one contrast.
    """
    if rows.empty:
        return ["There are no two cell types that could send and receive: neurons and neighbors are needed."]
    tested, described = rows[rows["status"] == "tested"], rows[rows["status"] == "descriptive"]
    lines = []
    if tested.empty:
        lines.append(f"No pair could be tested; {len(described):,} have an effect without a test.")
    else:
        hits = tested[tested["fdr"] <= fdr].sort_values(["p_value", "ligand", "receptor", "sender", "receiver"])
        named = [_pair(row) for row in hits.head(_SHOWN).to_dict("records")]
        what = f"{len(tested):,} tests of {len(tested[['ligand', 'receptor']].drop_duplicates())} pairs"
        said = f"{len(hits)} of {what} reach FDR {fdr:g}: {text.joined(named)}{_more(len(hits))}."
        lines.append(said if len(hits) else f"None of {what} between cell types reaches FDR {fdr:g}.")
    left = rows[~rows["status"].isin(["tested", "descriptive"])]
    reasons = [f"{n:,} {STATUS[name]}" for name, n in left["status"].value_counts().sort_index().items()]
    if reasons:
        lines.append(f"Not tested: {'; '.join(reasons)}.")
    return lines


def _pair(row: dict[str, Any]) -> str:
    receptor = row["receptor"].replace(";", " + ")
    between = f"{plain(row['sender'])} to {plain(row['receiver'])}"
    return f"{row['ligand']}–{receptor} from {between} ({signed(row['effect'])})"


def gene_table(
    results: Results, rows: pd.DataFrame, caption: str, file: str, extra: Sequence[tuple[str, str, Any]] = ()
) -> dict[str, Any]:
    """A list of genes as a table: the mutated one first, then by p, those not tested last."""
    own = rows["own_gene"] if "own_gene" in rows else pd.Series(False, index=rows.index)
    shown = rows.assign(rank=~own, status=rows["status"].map(STATUS)).sort_values(["rank", "p_value", GENE, CELL_TYPE])
    mutated = [("own_gene", "mutated", yes)] if "own_gene" in rows else []
    columns = [
        (GENE, "gene", str),
        *mutated,
        *extra,
        (CELL_TYPE, "cell type", plain),
        ("status", "status", words),
        ("mean_case", "log2 CPM, case", text.number),
        ("mean_control", "control", text.number),
        ("detected_case", "with a count, case", text.count),
        ("n_case", "of", text.count),
        ("detected_control", "with a count, control", text.count),
        ("n_control", "of", text.count),
        ("log2_fold_change", "log2 fold change", signed),
        ("ci_low", "95 % from", signed),
        ("ci_high", "to", signed),
        ("p_value", "p", probability),
        ("fdr", "FDR, cell type", probability),
        ("fdr_panel", "FDR, list", probability),
        ("fdr_gene", "FDR, gene", probability),
        ("detectable", "detectable", text.number),
    ]
    return table(shown, columns, caption=caption, max_rows=results.settings["report"]["max_rows"], file=file)


def index_table(index: pd.DataFrame, file: str) -> dict[str, Any]:
    """The index of TDP-43 loss, neurons first."""
    shown = index.assign(rank=~index["is_neuron"], status=index["status"].map(STATUS)).sort_values(["rank", CELL_TYPE])
    columns = [
        (CELL_TYPE, "cell type", plain),
        ("is_neuron", "neuron", yes),
        ("status", "status", words),
        ("n_targets", "targets", text.count),
        ("n_listed", "of", text.count),
        ("effect", "index, case − control", signed),
        ("ci_low", "95 % from", signed),
        ("ci_high", "to", signed),
        ("p_value", "p", probability),
        ("fdr", "FDR", probability),
        ("random_percentile", "percentile of random sets", lambda value: text.number(value, 0)),
        ("detectable", "detectable", text.number),
    ]
    return table(shown, columns, caption="Index of TDP-43 loss", file=file)


def support_table(results: Results, rows: pd.DataFrame, file: str) -> dict[str, Any]:
    """Pairs with an effect, by p."""
    shown = rows[rows["effect"].notna()].sort_values(["p_value", "ligand", "receptor", "sender", "receiver"])
    columns = [
        ("ligand", "ligand", str),
        ("receptor", "receptor", lambda names: names.replace(";", " + ")),
        ("sender", "from", plain),
        ("receiver", "to", plain),
        ("mean_ligand", "ligand, log2 CPM", text.number),
        ("mean_receptor", "receptor, log2 CPM", text.number),
        ("effect", "change of the pair", signed),
        ("ci_low", "95 % from", signed),
        ("ci_high", "to", signed),
        ("p_value", "p", probability),
        ("fdr", "FDR", probability),
        ("ligand_log2_fold_change", "ligand alone", signed),
        ("ligand_fdr", "FDR", probability),
        ("receptor_log2_fold_change", "receptor alone", signed),
        ("receptor_fdr", "FDR", probability),
        ("source", "source", words),
    ]
    caption = "Ligands and receptors between cell types, by p"
    return table(shown, columns, caption=caption, max_rows=results.settings["report"]["max_rows"], file=file)
