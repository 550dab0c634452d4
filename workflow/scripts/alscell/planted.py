"""What was planted in simulated data against what the tests said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from alscell.keys import CELL_TYPE, CONTRAST, FAMILY, GENE, PATHWAY

KEY = [CONTRAST, CELL_TYPE, FAMILY, PATHWAY]
SET = [CELL_TYPE, FAMILY, PATHWAY]


def compare_planted(
    truth_pathways: pd.DataFrame,
    truth_genes: pd.DataFrame,
    gene_sets: pd.DataFrame,
    tests: pd.DataFrame,
    *,
    contrasts: list[str],
    fdr: float,
) -> pd.DataFrame:
    """Every planted set, and every tested set in which nothing was planted, of one simulated dataset.

    Outcomes of a planted set:

    - found: FDR low enough, and the planted direction
    - wrong_direction: FDR low enough, the other direction
    - missed: tested, FDR too high
    - not_tested: no p value (cell type not found, too few donors, or set not scored)

    Outcomes of other sets:

    - overlap: at least one member moves in this cell type, since it is in a planted set too; neither answer is wrong
    - false_call: no member moves, FDR low enough
    - quiet: no member moves, FDR too high
    - not_tested: no member moves, no p value

    Parameters
    ----------
    truth_pathways : DataFrame
        Table "truth_pathways".
    truth_genes : DataFrame
        Table "truth_genes".
    gene_sets : DataFrame
        Columns family, pathway, gene.
    tests : DataFrame
        Table "pathway_tests".
    contrasts : list of str
        Contrasts of this dataset whose case arm carries the change and whose control arm does not.
    fdr : float
        What counts as called.

    Returns
    -------
    DataFrame
        Columns of the table "planted" but dataset. Cell types are matched by name.
    """
    names = pd.DataFrame({CONTRAST: pd.Series(sorted(contrasts), dtype="str")})
    planted = truth_pathways[[*SET, "log2_fold_change"]].rename(columns={"log2_fold_change": "planted"})
    tested = tests.loc[tests[CONTRAST].isin(contrasts), [*KEY, "effect", "fdr"]]
    table = names.merge(planted, how="cross").merge(tested, on=KEY, how="outer")
    table["planted"] = table["planted"].fillna(0.0)
    moved = truth_genes[[CELL_TYPE, GENE]].merge(gene_sets, on=GENE)[SET].drop_duplicates()
    touched = pd.MultiIndex.from_frame(table[SET]).isin(pd.MultiIndex.from_frame(moved))
    is_planted = (table["planted"] != 0).to_numpy()
    called = (table["fdr"] <= fdr).to_numpy()
    same = (np.sign(table["effect"]) == np.sign(table["planted"])).to_numpy()
    cases = [
        ~is_planted & touched,
        table["fdr"].isna().to_numpy(),
        is_planted & called & same,
        is_planted & called,
        is_planted,
        called,
    ]
    outcomes = ["overlap", "not_tested", "found", "wrong_direction", "missed", "false_call"]
    table["outcome"] = np.select(cases, outcomes, default="quiet")
    return table[[*KEY, "planted", "effect", "fdr", "outcome"]]


def count_families(planted: pd.DataFrame) -> pd.DataFrame:
    """How the planted sets of each family were found, and how many quiet ones were called.

    Parameters
    ----------
    planted : DataFrame
        From `compare_planted`; a quiet set without a test counts nowhere.

    Returns
    -------
    DataFrame
        Columns of the table "planted_families" but dataset.
    """
    is_planted, outcome = planted["planted"] != 0, planted["outcome"]
    flags = {
        "n_planted": is_planted,
        "n_found": outcome == "found",
        "n_missed": outcome == "missed",
        "n_wrong_direction": outcome == "wrong_direction",
        "n_not_tested": is_planted & (outcome == "not_tested"),
        "n_quiet": outcome == "quiet",
        "n_false": outcome == "false_call",
        "n_overlap": outcome == "overlap",
    }
    return planted[[CONTRAST, FAMILY]].assign(**flags).groupby([CONTRAST, FAMILY], as_index=False).sum()


def compare_genes(truth: pd.DataFrame, differential: pd.DataFrame, *, contrasts: list[str], fdr: float) -> pd.DataFrame:
    """How many planted genes were found in each cell type, and how many calls were of genes that were not planted.

    Parameters
    ----------
    truth : DataFrame
        Table "truth_genes".
    differential : DataFrame
        Table "differential"; a cell type without p values has no row in the result.
    contrasts, fdr
        As `compare_planted`.

    Returns
    -------
    DataFrame
        Columns of the table "planted_genes" but dataset.
    """
    tested = differential[differential[CONTRAST].isin(contrasts) & differential["p_value"].notna()]
    planted = truth[[CELL_TYPE, GENE, "log2_fold_change"]].rename(columns={"log2_fold_change": "planted"})
    both = tested.merge(planted, on=[CELL_TYPE, GENE], how="left")
    called = both["fdr"] <= fdr
    is_planted = both["planted"].notna()
    same = np.sign(both["log2_fold_change"]) == np.sign(both["planted"])
    flags = {
        "n_planted": is_planted,
        "n_found": called & is_planted & same,
        "n_wrong_direction": called & is_planted & ~same,
        "n_called": called,
        "n_false": called & ~is_planted,
    }
    return both[[CONTRAST, CELL_TYPE]].assign(**flags).groupby([CONTRAST, CELL_TYPE], as_index=False).sum()


def compare_composition(
    truth: pd.DataFrame, composition: pd.DataFrame, *, contrasts: list[str], fdr: float
) -> pd.DataFrame:
    """Planted shifts of composition against the tests: found, missed or wrong_direction, false_call or quiet.

    A cell type without a planted shift is `overlap` where another one was shifted: shares sum to 1, so it moves too.

    Parameters
    ----------
    truth : DataFrame
        Table "truth_composition".
    composition : DataFrame
        Table "composition".
    contrasts, fdr
        As `compare_planted`.

    Returns
    -------
    DataFrame
        Columns of the table "planted_composition" but dataset.
    """
    tested = composition.loc[composition[CONTRAST].isin(contrasts), [CONTRAST, CELL_TYPE, "effect", "fdr"]]
    table = tested.merge(truth[[CELL_TYPE, "fold"]], on=CELL_TYPE, how="left").fillna({"fold": 1.0})
    is_planted = (table["fold"] != 1).to_numpy()
    called = (table["fdr"] <= fdr).to_numpy()
    same = (np.sign(table["effect"]) == np.sign(np.log(table["fold"]))).to_numpy()
    cases = [
        table["fdr"].isna().to_numpy(),
        is_planted & called & same,
        is_planted & called,
        is_planted,
        np.full(len(table), is_planted.any()),
        called,
    ]
    outcomes = ["not_tested", "found", "wrong_direction", "missed", "overlap", "false_call"]
    return table.assign(outcome=np.select(cases, outcomes, default="quiet"))
