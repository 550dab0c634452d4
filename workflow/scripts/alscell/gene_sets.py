"""Gene sets of one run: current symbols, facts, sizes and overlaps of all sets, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from alscell.keys import FAMILY, GENE, PATHWAY
from alscell.orthologs import likely_species

SHIPPED, FILE, COLLECTION = "shipped", "file", "collection"  # where a set comes from
SMALL, LARGE = 10, 500  # UNIT: genes; a shipped set outside says why
# ASSUME: sets that share more are one thing under two names; two scores of it would count it twice.
MAX_JACCARD, MAX_CONTAINMENT = 0.5, 0.8
MIN_SHOWN = 0.1  # share of the smaller set: pairs of sets that share less are not listed
DEFAULTS = {
    "definition": "",
    "kind": "pathway",
    "direction": "up",
    "source": [],
    "licence": "",
    "version": 1,
    "expected_in": "",
    "mouse_derived": False,
    "human_orthologs": None,
    "reason": "",
    "see_also": [],
}
COUNTED = ("n_genes", "renamed", "unknown")
EITHER = ("definition", "source", "licence", "expected_in", "reason", "see_also", "renamed", "unknown", "near_copies")


def resolve_symbols(members: pd.DataFrame, known: set[str], aliases: Mapping[str, str]) -> pd.DataFrame:
    """Members under their current symbols; a gene that a set names twice, by two of its symbols, stays once.

    Parameters
    ----------
    members : DataFrame
        Columns family, pathway, gene.
    known : set of str
        Current symbols; these stay as they are.
    aliases : mapping
        Former symbol -> current one.

    Returns
    -------
    DataFrame
        Columns family, pathway, gene, given (as the file has it), known (whether the symbol is a current one).
    """
    given = members[GENE]
    current = [gene if gene in known else aliases.get(gene, gene) for gene in given]
    out = members.assign(**{GENE: current, "given": given, "known": [gene in known for gene in current]})
    return out.drop_duplicates([FAMILY, PATHWAY, GENE], ignore_index=True)


def describe_sets(
    members: pd.DataFrame, facts: Mapping[tuple[str, str], Mapping[str, Any]], origin: Mapping[str, str]
) -> pd.DataFrame:
    """One row a set, with what is known of it.

    Parameters
    ----------
    members : DataFrame
        From `resolve_symbols`.
    facts : mapping
        (family, pathway) -> content of its yaml; may lack sets and keys.
    origin : mapping
        Family -> shipped, file or collection.

    Returns
    -------
    DataFrame
        Columns of the table "gene_sets" but `near_copies`.
    """
    species = {family: likely_species(genes) for family, genes in members.groupby(FAMILY)[GENE]}
    genes: dict[tuple[str, str], list[tuple[str, str, bool]]] = {}
    for family, pathway, *gene in members[[FAMILY, PATHWAY, GENE, "given", "known"]].itertuples(index=False):
        genes.setdefault((family, pathway), []).append(tuple(gene))
    rows = []
    for (family, pathway), part in sorted(genes.items()):
        said = {"name": pathway, "species": species[family], **DEFAULTS, **facts.get((family, pathway), {})}
        rows.append(
            {
                **said,
                FAMILY: family,
                PATHWAY: pathway,
                "source": source_text(said["source"]),
                "see_also": ";".join(said["see_also"]),
                "origin": origin[family],
                "n_genes": len(part),
                "renamed": ";".join(f"{given}>{gene}" for gene, given, _ in part if given != gene),
                "unknown": ";".join(sorted(gene for gene, _, known in part if not known)),
            }
        )
    table = pd.DataFrame(rows, columns=[FAMILY, PATHWAY, "name", "species", *DEFAULTS, "origin", *COUNTED])
    table["human_orthologs"] = table["human_orthologs"].astype("float64")
    return table


def source_text(source: Sequence[Mapping[str, Any]]) -> str:
    """References of a set in one line."""
    return "; ".join(_reference(entry) for entry in source)


def _reference(entry: Mapping[str, Any]) -> str:
    words = [entry[key] for key in ("paper", "doi", "term") if entry.get(key)]
    remarks = [entry["note"]] if entry.get("note") else []
    remarks += ["not confirmed"] if entry.get("confirmed") is False else []
    return " ".join([*words, *([f"({', '.join(remarks)})"] if remarks else [])])


def find_overlaps(members: pd.DataFrame, collections: Iterable[str] = ()) -> pd.DataFrame:
    """Pairs of sets that share at least `MIN_SHOWN` of the smaller one.

    Parameters
    ----------
    members : DataFrame
        Columns family, pathway, gene; each gene once in a set.
    collections : iterable of str
        Families of public collections: what two sets of one share is its curators' will, and may be a million pairs.

    Returns
    -------
    DataFrame
        Columns of the table "gene_set_overlap".
    """
    keys = members[[FAMILY, PATHWAY]].drop_duplicates().sort_values([FAMILY, PATHWAY], ignore_index=True)
    row = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(members[[FAMILY, PATHWAY]]))
    column, genes = pd.factorize(members[GENE])
    ones = np.ones(len(row), dtype=np.int64)
    inside = sparse.csr_matrix((ones, (row, column)), shape=(len(keys), len(genes)))
    shared = sparse.coo_matrix(sparse.triu(inside @ inside.T, k=1))
    size = np.asarray(inside.sum(axis=1)).ravel()
    family = keys[FAMILY].to_numpy()
    told = (family[shared.row] != family[shared.col]) | ~keys[FAMILY].isin(set(collections)).to_numpy()[shared.row]
    first, second, n_shared = shared.row[told], shared.col[told], shared.data[told]
    both = size[first] + size[second] - n_shared
    smaller = np.minimum(size[first], size[second])
    table = pd.DataFrame(
        {
            "family": family[first],
            "pathway": keys[PATHWAY].to_numpy()[first],
            "other_family": family[second],
            "other_pathway": keys[PATHWAY].to_numpy()[second],
            "n_shared": n_shared,
            "jaccard": n_shared / both,
            "containment": n_shared / smaller,
        }
    )
    table["near_copy"] = (table["jaccard"] > MAX_JACCARD) | (table["containment"] > MAX_CONTAINMENT)
    return table[table["containment"] >= MIN_SHOWN].reset_index(drop=True)


def name_near_copies(sets: pd.DataFrame, overlap: pd.DataFrame) -> pd.Series:
    """For each set the others that hold nearly the same genes, as 'family/set' joined by ';'; '' for most."""
    close = overlap[overlap["near_copy"]]
    copies: dict[tuple[str, str], list[str]] = {}
    for row in close.itertuples():
        one, other = (row.family, row.pathway), (row.other_family, row.other_pathway)
        copies.setdefault(one, []).append("/".join(other))
        copies.setdefault(other, []).append("/".join(one))
    keys = zip(sets[FAMILY], sets[PATHWAY], strict=True)
    return pd.Series([";".join(sorted(copies.get(key, []))) for key in keys], index=sets.index, dtype="str")


def collect_sets(
    members: pd.DataFrame,
    facts: Mapping[tuple[str, str], Mapping[str, Any]],
    origin: Mapping[str, str],
    *,
    known: set[str],
    aliases: Mapping[str, str],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Everything about the gene sets of a run.

    Parameters
    ----------
    members : DataFrame
        Columns family, pathway, gene, as the files have them.
    facts, origin
        As `describe_sets`.
    known, aliases
        As `resolve_symbols`.

    Returns
    -------
    members, sets, overlap : DataFrame
        Columns of the tables "gene_set_members", "gene_sets", "gene_set_overlap"; without any set, no rows.
    """
    found = resolve_symbols(members, known, aliases)
    overlap = find_overlaps(found, [family for family, where in origin.items() if where == COLLECTION])
    sets = describe_sets(found, facts, origin)
    sets["near_copies"] = name_near_copies(sets, overlap)
    sets[list(EITHER)] = sets[list(EITHER)].replace("", None)
    return found, sets, overlap
