"""A list of genes read one by one: each in every cell type and contrast, with what was not tested and why.

A list of causal genes is no pathway: its members have no common direction, so each keeps its own test. The test is that
of differential expression; only the family of the false discovery rate is that of the list, fixed beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import sparse, stats

from alscell.design import Comparison, Definition, assign_groups
from alscell.donor_tests import Plan, compare_values, plans
from alscell.keys import CASE_ARM, CELL_TYPE, CONTRAST, CONTROL_ARM, DONOR, GENE, N_CELLS, PATHWAY, UNASSIGNED
from alscell.moderation import benjamini_hochberg
from alscell.normalization import effective_sizes, voom_values
from alscell.orthologs import NO_ORTHOLOG
from alscell.power import minimum_detectable_effect

# Why a gene has no p-value in a cell type.
TESTED, DESCRIBED, OUTLIER = "tested", "descriptive", "outlier"
NOT_MEASURED, NOT_DETECTED, TOO_LOW, TYPE_NOT_TESTED = "not_measured", "not_detected", "too_low", "type_not_tested"
NO_ORTHOLOG_STATUS = "no_ortholog"
OVER_TYPES = "(all)"  # in the place of a cell type: mean over those that all donors have
ALPHA, POWER = 0.05, 0.8  # of the detectable change: one gene, chosen beforehand, in one cell type
_KEY = [CONTRAST, CELL_TYPE, GENE]
_FROM_TEST = [
    *("log2_fold_change", "standard_error", "df", "p_value", "fdr", "fdr_all", "p_without_one", "decisive_donor"),
    *("outlier_donor", "descriptive"),
]
# Levels of a genotype that name a gene without carrying its mutation.
_REPAIRED = re.compile(r"correct|isogen|control|\bctrl?\b|wild|\bwt\b|healthy|knock.?out|\bko\b", re.IGNORECASE)
# Further names under which a genotype is written.
_ALIASES = {"C9ORF72": ("C9ALS", "C9FTD", "C9"), "TARDBP": ("TDP43",), "SQSTM1": ("P62",)}


def gene_of_level(level: str, genes: Sequence[str]) -> str:
    """The gene that a level of a genotype is named after: c9ALS, SOD1G93A, FUS_P525L_het; '' if none.

    Parameters
    ----------
    level : str
        Of samples.tsv. One that says corrected, isogenic, control, wild type or knockout names no mutated gene.
    genes : sequence of str
        Genes that it may be.
    """
    if _REPAIRED.search(level.replace("_", " ")):
        return ""
    text = re.sub(r"[^A-Z0-9]", "", level.upper())
    for gene in sorted(genes, key=lambda name: (-len(name), name)):
        if any(re.match(rf"{name}(?![0-9])", text) for name in (gene.upper(), *_ALIASES.get(gene.upper(), ()))):
            return gene
    return ""


def own_gene(definition: Definition, donors: pd.DataFrame, genes: Sequence[str]) -> str:
    """The gene that all case donors of a contrast carry a mutation in; '' if there is none, or it is not known.

    Parameters
    ----------
    definition : mapping
        A contrast of config; its key `gene` has the last word.
    donors : DataFrame
        Donor-level columns, index donor; `genotype` is read where it exists, else the levels of the factor.
    genes : sequence of str
        Genes that it may be.
    """
    if definition.get("gene"):
        return str(definition["gene"])
    arms = assign_groups(donors, {**definition, "paired_by": None}).arms
    case = donors.loc[arms.index[arms == CASE_ARM]]
    for column in ("genotype", definition["factor"]):
        if column in case:
            found = {gene_of_level(str(level), genes) for level in case[column]}
            if len(found) == 1 and found != {""}:
                return found.pop()
    return ""


def evidence_of(members: pd.DataFrame, stated: Sequence[str]) -> pd.Series:
    """Gene -> the sets that list it, joined by ';', in the order of names.

    Parameters
    ----------
    members : DataFrame
        Columns pathway, gene: the sets of one family.
    stated : sequence of str
        Genes that config names as the mutated ones; those in no set are added.
    """
    listed = members.groupby(GENE)[PATHWAY].agg(lambda names: ";".join(sorted(set(names))))
    extra = sorted({gene for gene in stated if gene} - set(listed.index))
    return pd.concat([listed, pd.Series("stated in config", index=extra, dtype=object)]).sort_index()


def mutated_genes(
    definitions: Mapping[str, Definition], observations: pd.DataFrame, genes: Sequence[str]
) -> dict[str, str]:
    """Contrast -> its `own_gene`, of those that have one.

    Parameters
    ----------
    definitions : mapping of str to mapping
        Contrasts by name.
    observations : DataFrame
        Rows of the pseudobulk: donor, donor-level columns.
    genes : sequence of str
        Genes that it may be.
    """
    donors = observations.drop_duplicates(DONOR).set_index(DONOR)
    found = {name: own_gene(definition, donors, genes) for name, definition in definitions.items()}
    return {name: gene for name, gene in found.items() if gene}


def read_genes(
    counts: sparse.csr_matrix,
    observations: pd.DataFrame,
    genes: np.ndarray,
    wanted: pd.Series,
    definitions: Mapping[str, Definition],
    differential: pd.DataFrame,
    skipped: pd.DataFrame,
    *,
    min_cells: int,
) -> pd.DataFrame:
    """Every wanted gene in every cell type and contrast.

    Parameters
    ----------
    counts : CSR matrix, (donor x cell type) x genes
        Raw pseudobulk counts.
    observations : DataFrame
        Rows of the pseudobulk: donor, cell_type, n_cells, donor-level columns.
    genes : ndarray of str (genes,)
    wanted : Series
        Gene -> evidence, as `evidence_of`.
    definitions : mapping of str to mapping
        Contrasts by name, as `design.assign_groups`.
    differential, skipped : DataFrame
        Tables `differential` and `differential_skipped` of the dataset.
    min_cells : int
        Cells; a donor with fewer is left out of that cell type.

    Returns
    -------
    DataFrame
        Table "gene_panel" without dataset and own_gene.
    """
    donors = observations.drop_duplicates(DONOR).set_index(DONOR)
    parts = []
    for cell_type in sorted(set(observations[CELL_TYPE]) - {UNASSIGNED}):
        rows = np.flatnonzero((observations[CELL_TYPE] == cell_type) & (observations[N_CELLS] >= min_cells))
        logs, found = _expression(counts[rows], observations[DONOR].to_numpy()[rows], genes, list(wanted.index))
        for contrast, definition in definitions.items():
            comparison = assign_groups(donors.loc[logs.columns], definition)
            part = _by_arm(logs, found, comparison).assign(**{CELL_TYPE: cell_type, CONTRAST: contrast})
            parts.append(part)
    table = pd.concat(parts).rename_axis(GENE).reset_index()
    table["evidence"] = table[GENE].map(wanted)
    table = table.merge(differential[[*_KEY, *_FROM_TEST]], on=_KEY, how="left")
    table["measured"] = table[GENE].isin(genes)
    table = _with_status(table, differential, skipped)
    return _with_intervals(_with_families(table)).drop(columns=["measured", "df"])


def read_over_types(
    expression: pd.DataFrame,
    donors: pd.DataFrame,
    wanted: pd.Series,
    genes: Sequence[str],
    definitions: Mapping[str, Definition],
    *,
    covariates: Sequence[str],
    min_donors: int,
) -> pd.DataFrame:
    """One test a gene and contrast over all cell types: of each donor's mean of log expression over them.

    A mutation is in every cell, so that this is one question. The cell types are those in which the gene has
    enough counts and every donor of the contrasts enough cells; contrasts share models as elsewhere.

    Parameters
    ----------
    expression : DataFrame
        Table `expression_donors`.
    donors : DataFrame
        Donor-level columns, index donor.
    wanted : Series
        Gene -> evidence.
    genes : sequence of str
        The genes to read, of `wanted`; one that has enough counts in fewer than two cell types has no row.
    definitions : mapping of str to mapping
        Contrasts by name, as `design.assign_groups`.
    covariates : sequence of str
        Columns to hold constant.
    min_donors : int
        Donors in each group of a contrast; with fewer the contrast is described only.

    Returns
    -------
    DataFrame
        Rows as those of `read_genes`; cell_type is OVER_TYPES, `reason` lists the cell types.
    """
    known = donors.loc[donors.index.isin(expression.columns)].sort_index()
    in_contrasts = [assign_groups(known, {**one, "paired_by": None}).groups.index for one in definitions.values()]
    concerned = sorted(set().union(*in_contrasts))
    rows = []
    for gene in genes:
        values = expression[expression[GENE] == gene].set_index(CELL_TYPE).sort_index()[concerned].dropna(axis=0)
        if len(values) < 2 or not concerned:
            continue
        means = values.mean(axis=0).to_frame(gene).T
        facts = {GENE: gene, "reason": ";".join(values.index), "evidence": wanted[gene]}
        planned = plans(known.loc[concerned], definitions, covariates=covariates, min_donors=min_donors)
        rows += [{**_over_types_row(means, plan), **facts, CONTRAST: plan.contrast} for plan in planned]
    return pd.DataFrame(rows)


def _over_types_row(means: pd.DataFrame, plan: Plan) -> dict[str, object]:
    """Test and description of one gene's mean over cell types (one row, a column a donor)."""
    test = compare_values(means, plan).rename(columns={"effect": "log2_fold_change"}).iloc[0].to_dict()
    test |= {CELL_TYPE: OVER_TYPES, "status": DESCRIBED if plan.design is None else TESTED}
    for arm in (CASE_ARM, CONTROL_ARM):
        own = plan.comparison.arms.index[plan.comparison.arms == arm]
        # A gene of this table has enough counts in these cell types; a donor of it may still lack them in one.
        test |= {f"mean_{arm}": means.iloc[0][own].mean(), f"detected_{arm}": len(own)}
    if plan.design is not None:
        error = float(test["standard_error"])
        test["detectable"] = float(minimum_detectable_effect(error, float(test["df"]), alpha=ALPHA, power=POWER))
    del test["df"], test["statistic"]
    return test


def with_own_gene(table: pd.DataFrame, mutated: Mapping[str, str]) -> pd.DataFrame:
    """With a column own_gene: whether the row is of the gene that is mutated in its contrast."""
    pairs = zip(table[CONTRAST], table[GENE], strict=True)
    return table.assign(own_gene=[gene.upper() == mutated.get(contrast, "").upper() for contrast, gene in pairs])


def _expression(
    counts: sparse.csr_matrix, donors: np.ndarray, genes: np.ndarray, wanted: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """log2 counts per million, and whether there is a count, of the wanted genes (rows) in donors (columns)."""
    dense = counts.toarray().T.astype(float)
    filled = dense.sum(axis=0) > 0
    dense, donors = dense[:, filled], donors[filled]
    place = pd.Index(genes).get_indexer(wanted)
    known = place >= 0
    logs = pd.DataFrame(np.nan, index=wanted, columns=donors)
    found = pd.DataFrame(False, index=wanted, columns=donors)
    if known.any() and len(donors):
        logs.loc[known] = voom_values(dense, effective_sizes(dense))[place[known]]
        found.loc[known] = dense[place[known]] > 0
    return logs, found


def _by_arm(logs: pd.DataFrame, found: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """Mean expression, donors with a count and donors, in each arm."""
    out = pd.DataFrame(index=logs.index)
    for arm in (CASE_ARM, CONTROL_ARM):
        own = comparison.arms.index[comparison.arms == arm]
        out[f"mean_{arm}"] = logs[own].mean(axis=1)
        out[f"detected_{arm}"] = found[own].sum(axis=1)
        out[f"n_{arm}"] = len(own)
    return out


def _with_status(table: pd.DataFrame, differential: pd.DataFrame, skipped: pd.DataFrame) -> pd.DataFrame:
    """With status, and the reason why a cell type was not tested."""
    pair = [CONTRAST, CELL_TYPE]
    reasons = skipped[skipped["reason"] != "donors_left_out"].drop_duplicates(pair)[[*pair, "reason", "detail"]]
    out = table.merge(reasons, on=pair, how="left")
    tested = set(differential[pair].drop_duplicates().itertuples(index=False, name=None))
    in_tested = pd.Series([key in tested for key in zip(out[CONTRAST], out[CELL_TYPE], strict=True)], index=out.index)
    has_row = out["log2_fold_change"].notna()
    described = has_row & out["descriptive"].eq(True)
    status = np.select(
        [
            out[GENE].str.endswith(NO_ORTHOLOG),
            ~out["measured"],
            described,
            has_row & out["p_value"].notna(),
            has_row,
            ~in_tested,
            (out["detected_case"] + out["detected_control"]) == 0,
        ],
        [NO_ORTHOLOG_STATUS, NOT_MEASURED, DESCRIBED, TESTED, OUTLIER, TYPE_NOT_TESTED, NOT_DETECTED],
        default=TOO_LOW,
    )
    out["status"], out["descriptive"] = status, described
    absent = (out["status"] == TYPE_NOT_TESTED) & out["reason"].isna()
    out.loc[absent, "reason"] = "no_donors_in_an_arm"
    out["reason"] = out["reason"].where(out["status"].isin([TYPE_NOT_TESTED, DESCRIBED]))
    return out.drop(columns="detail")


def _with_families(table: pd.DataFrame) -> pd.DataFrame:
    """With the false discovery rates over the list (all cell types of a contrast), and over a gene's own cell types."""
    adjust = {"fdr_panel": [CONTRAST], "fdr_gene": [CONTRAST, GENE]}
    for name, by in adjust.items():
        table[name] = table.groupby(by)["p_value"].transform(lambda p: benjamini_hochberg(p.to_numpy(dtype=float)))
    return table


def _with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """With 95 % intervals, and the change that the test of this one gene finds with POWER at p of ALPHA."""
    error = table["standard_error"].to_numpy(dtype=float)
    df = np.where(np.isnan(error), np.nan, table["df"].fillna(np.inf).to_numpy(dtype=float))
    half = stats.t.ppf(0.975, df) * error
    detectable = np.full(len(table), np.nan)
    for value in np.unique(df[~np.isnan(df)]):
        rows = df == value
        detectable[rows] = minimum_detectable_effect(error[rows], float(value), alpha=ALPHA, power=POWER)
    change = table["log2_fold_change"]
    return table.assign(ci_low=change - half, ci_high=change + half, detectable=detectable)
