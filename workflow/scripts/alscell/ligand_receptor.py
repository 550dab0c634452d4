"""Trophic support and signals between neurons and their neighbors: ligand in one cell type, receptor in another.

A donor's score of a pair is the mean of the ligand's log expression in the sending type and the receptor's in the
receiving one; a receptor of several subunits counts with the lowest. Donors are the replicates.
NOTE: this is co-expression of RNA. Whether protein is made, secreted, near enough and bound is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from alscell.cell_classes import cell_class, types_of
from alscell.design import Definition
from alscell.donor_tests import Plan, compare_values, plans
from alscell.keys import CELL_TYPE, CONTRAST, DESCRIPTIVE, GENE, N_CASE, N_CONTROL
from alscell.moderation import benjamini_hochberg
from alscell.orthologs import in_mouse_symbols
from alscell.tables import empty_table

TESTED, DESCRIBED, NO_DONORS = "tested", "descriptive", "no_donors"
NOT_MEASURED, LIGAND_LOW, RECEPTOR_LOW, BOTH_LOW = "not_measured", "ligand_low", "receptor_low", "both_low"
PAIR = ["ligand", "receptor", "sender", "receiver"]
_FOUND = ["effect", "standard_error", "ci_low", "ci_high", "statistic", "p_value"]
_SIDES = {"ligand": "sender", "limiting_subunit": "receiver"}


def in_mouse_pairs(pairs: pd.DataFrame, orthologs: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """The pairs under the mouse symbols of their genes; arguments as `orthologs.in_mouse_symbols`."""
    human = sorted({gene for text in (*pairs["ligand"], *pairs["receptor"]) for gene in text.split(";")})
    mouse = in_mouse_symbols(pd.DataFrame({GENE: human}), orthologs, where=where)[GENE]
    symbols = dict(zip(human, mouse, strict=True))
    return pairs.assign(
        ligand=pairs["ligand"].map(symbols),
        receptor=[";".join(symbols[gene] for gene in text.split(";")) for text in pairs["receptor"]],
    )


def compare_pairs(
    expression: pd.DataFrame,
    differential: pd.DataFrame,
    donors: pd.DataFrame,
    pairs: pd.DataFrame,
    genes: Sequence[str],
    definitions: Mapping[str, Definition],
    *,
    covariates: Sequence[str],
    min_donors: int,
    names: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """Every pair in every two cell types that may hold it, in every contrast.

    Parameters
    ----------
    expression, differential : DataFrame
        Tables `expression_donors` and `differential` of one dataset.
    donors : DataFrame
        Donor-level columns, index donor.
    pairs : DataFrame
        family, ligand, receptor (subunits joined by ';'), sender, receiver (classes of cell types), source.
    genes : sequence of str
        All genes of the dataset.
    definitions : mapping of str to mapping
        Contrasts by name, as `design.assign_groups`.
    covariates : sequence of str
        Columns to hold constant.
    min_donors : int
        Donors in each group of a contrast; with fewer the contrast is described only.
    names : mapping
        As `cell_classes.cell_class`.

    Returns
    -------
    DataFrame
        Table "ligand_receptor" without the dataset; a pair that is not tested has its reason in `status`.
    """
    values = {
        str(name): own.drop(columns=CELL_TYPE).set_index(GENE).dropna(axis=1, how="all")
        for name, own in expression.groupby(CELL_TYPE, sort=True)
    }
    parts = []
    for (sender, receiver), own in _type_pairs(pairs, list(values), names):
        own = own.assign(sender=sender, receiver=receiver)
        own["status"] = _status(own, set(values[sender].index), set(values[receiver].index), set(genes))
        both = values[sender].columns.intersection(values[receiver].columns)
        scores, facts = _scores(own[own["status"] == ""], values[sender][both], values[receiver][both])
        known = donors.loc[donors.index.isin(both)].sort_index()
        planned = {
            plan.contrast: plan for plan in plans(known, definitions, covariates=covariates, min_donors=min_donors)
        }
        parts += [_rows(own, scores, facts, planned.get(name), name) for name in definitions]
    if not parts:
        return empty_table("ligand_receptor")
    table = pd.concat(parts, ignore_index=True)
    table["fdr"] = table.groupby(CONTRAST)["p_value"].transform(lambda p: benjamini_hochberg(p.to_numpy(float)))
    return _with_own_tests(table, differential)


def _type_pairs(
    pairs: pd.DataFrame, types: list[str], names: Mapping[str, Sequence[str]]
) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """Every two cell types with the pairs that the first may send to the second, each pair once."""
    classes = {name: cell_class(name, names=names) for name in types}
    rows = [
        {**pair, "from": sender, "to": receiver}
        for pair in pairs.to_dict("records")
        for sender in types_of(pair["sender"], classes)
        for receiver in types_of(pair["receiver"], classes)
        if sender != receiver
    ]
    if rows:
        every = pd.DataFrame(rows).drop_duplicates(["ligand", "receptor", "from", "to"])
        for key, own in every.groupby(["from", "to"], sort=True):
            yield key, own.drop(columns=["from", "to"]).reset_index(drop=True)


def _status(pairs: pd.DataFrame, sent: set[str], received: set[str], genes: set[str]) -> list[str]:
    """What a pair lacks; an empty text where all its genes have enough counts in their cell type."""
    out = []
    for pair in pairs.itertuples():
        subunits = pair.receptor.split(";")
        low = (pair.ligand not in sent, not set(subunits) <= received)
        known = {pair.ligand, *subunits} <= genes
        reason = {(True, True): BOTH_LOW, (True, False): LIGAND_LOW, (False, True): RECEPTOR_LOW}.get(low, "")
        out.append(reason if known else NOT_MEASURED)
    return out


def _scores(pairs: pd.DataFrame, sent: pd.DataFrame, received: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores (pairs x donors, index of `pairs`) and, a row a pair, mean_ligand, mean_receptor and limiting_subunit.

    The limiting subunit of the table is the one with the lowest mean; the score takes the lowest of each donor.
    """
    scores, facts = {}, {}
    for pair in pairs.itertuples():
        subunits = received.loc[pair.receptor.split(";")]
        ligand, receptor = sent.loc[pair.ligand], subunits.min(axis=0)
        scores[pair.Index] = (ligand + receptor) / 2
        lowest = subunits.mean(axis=1).sort_index().idxmin() if len(received.columns) else subunits.index[0]
        facts[pair.Index] = {
            "mean_ligand": ligand.mean(),
            "mean_receptor": receptor.mean(),
            "limiting_subunit": lowest,
        }
    return pd.DataFrame(scores).T, pd.DataFrame(facts).T


def _rows(
    pairs: pd.DataFrame, scores: pd.DataFrame, facts: pd.DataFrame, plan: Plan | None, contrast: str
) -> pd.DataFrame:
    """Rows of two cell types in one contrast."""
    out = pairs.assign(**{CONTRAST: contrast, N_CASE: 0, N_CONTROL: 0, DESCRIPTIVE: False})
    facts = facts.reindex(columns=["mean_ligand", "mean_receptor", "limiting_subunit"])
    out = out.join(facts.astype({"limiting_subunit": object}))  # no pair of a dataset may have been measured
    if plan is None:
        out["status"] = out["status"].where(out["status"] != "", NO_DONORS)
        return out.reindex(columns=[*out.columns, *_FOUND])
    out[N_CASE], out[N_CONTROL] = plan.comparison.n_case, plan.comparison.n_control
    fine = out["status"] == ""
    out.loc[fine, "status"] = DESCRIBED if plan.design is None else TESTED
    out[DESCRIPTIVE] = out["status"] == DESCRIBED
    if scores.empty:
        return out.reindex(columns=[*out.columns, *_FOUND])
    return out.join(compare_values(scores.astype(float), plan)[_FOUND])


def _with_own_tests(table: pd.DataFrame, differential: pd.DataFrame) -> pd.DataFrame:
    """With log2 fold change and FDR (all cell types) of the ligand in the sender and the subunit in the receiver."""
    columns = {"log2_fold_change": "log2_fold_change", "fdr_all": "fdr"}
    for side, place in _SIDES.items():
        name = "ligand" if side == "ligand" else "receptor"
        own = differential[[CONTRAST, CELL_TYPE, GENE, *columns]]
        own = own.rename(columns={column: f"{name}_{new}" for column, new in columns.items()})
        table = table.merge(own, left_on=[CONTRAST, place, side], right_on=[CONTRAST, CELL_TYPE, GENE], how="left")
        table = table.drop(columns=[CELL_TYPE, GENE])
    return table
