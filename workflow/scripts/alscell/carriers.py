"""Which genes carry the effect of a gene set: its members' shares in the difference between the arms.

A donor's score is a sum over the set's genes (of what each earns by its rank in a cell), and the difference between the
arms is the same linear function of donors for the score and for each gene. So the effect is a sum over genes, exactly.
NOTE: a gene's part comes from ranks in cells; its own log2 fold change and p-value come from counts and stand beside
it. They can differ, for genes that are rarely in the top of a cell's ranking.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from alscell.activity import ArmModel
from alscell.keys import CELL_TYPE, CONTRAST, DONOR, FAMILY, GENE, PATHWAY
from alscell.pathways import Profiles

COLUMNS = [CELL_TYPE, FAMILY, PATHWAY, GENE, "contribution", "share"]


def gene_contributions(
    models: list[ArmModel],
    effects: pd.DataFrame,
    profiles: Profiles,
    members: dict[tuple[str, str], np.ndarray],
) -> pd.DataFrame:
    """The part of each member in the effect of its set.

    Parameters
    ----------
    models : list of ArmModel
        Of one contrast, from `activity.arm_models`.
    effects : DataFrame
        Columns cell_type, family, pathway, effect: rows of the table "pathway_tests" of the contrast.
    profiles : Profiles
        Of the same donors and cell types.
    members : dict
        (family, pathway) -> positions in `profiles.genes`.

    Returns
    -------
    DataFrame
        COLUMNS, sorted by cell type, family, pathway, and the size of the contribution. Contributions of a set add up
        to its effect and have its unit; `share` is contribution over effect. A set whose arms do not differ at all has
        no rows.
    """
    rows = pd.MultiIndex.from_frame(profiles.rows[[DONOR, CELL_TYPE]])
    needed = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *members.values()]))
    parts = []
    for model in models:
        own = effects[effects[CELL_TYPE] == model.cell_type].set_index([FAMILY, PATHWAY])["effect"]
        donors = rows.get_indexer([(donor, model.cell_type) for donor in model.values.columns])
        differences = pd.Series(model.difference(profiles.weights[np.ix_(donors, needed)].T), index=needed)
        for name, effect in own.items():
            of_genes = differences.loc[members[name]].to_numpy()
            if effect and abs(of_genes.sum()) > 1e-12 * np.abs(of_genes).sum():
                share = of_genes / of_genes.sum()
                frame = pd.DataFrame({GENE: profiles.genes[members[name]], "contribution": effect * share})
                frame["share"] = share
                parts.append(frame.assign(**{CELL_TYPE: model.cell_type, FAMILY: name[0], PATHWAY: name[1]}))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    table["size"] = -table["contribution"].abs().round(12)
    return table.sort_values([CELL_TYPE, FAMILY, PATHWAY, "size", GENE], ignore_index=True)[COLUMNS]


def leading_genes(table: pd.DataFrame, *, n: int) -> pd.DataFrame:
    """The genes that carry each set's effect most, as one text: "CHI3L1 31 %, SOD2 12 %".

    Parameters
    ----------
    table : DataFrame
        Rows of the table "pathway_genes", in any order (as a file it is sorted by gene).
    n : int
        Genes named at most; only those that work in the direction of the effect.

    Returns
    -------
    DataFrame
        Columns contrast, cell_type, family, pathway, carried_by.
    """
    key = [CONTRAST, CELL_TYPE, FAMILY, PATHWAY]
    ordered = table[table["share"] > 0].sort_values(["share", GENE], ascending=[False, True], kind="stable")
    first = ordered.groupby(key, sort=False).head(n)
    said = [f"{gene} {100 * share:.0f} %" for gene, share in zip(first[GENE], first["share"], strict=True)]
    return first.assign(carried_by=said).groupby(key, as_index=False, sort=False)["carried_by"].agg(", ".join)


def with_gene_tests(contributions: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """The contributions, with what the genes' own tests say; empty where a gene was not tested.

    Parameters
    ----------
    contributions : DataFrame
        From `gene_contributions`.
    genes : DataFrame
        Rows of the table "differential" of the same contrast.
    """
    own = genes[[CELL_TYPE, GENE, "log2_fold_change", "p_value", "fdr"]]
    return contributions.merge(own, on=[CELL_TYPE, GENE], how="left", validate="m:1")
