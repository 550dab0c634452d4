"""Gather all gene sets of a run: the shipped families that config names, public collections, and files of the user.

Reads: GMT files with their facts, symbols of human and mouse genes, former symbols.
Writes: members.tsv, sets.tsv and overlap.tsv of the folder gene_sets.
"""

import logging

from alscell.files import write_table
from alscell.gene_set_files import read_sources, read_symbols
from alscell.gene_sets import collect_sets
from alscell.jobs import run

LOG = logging.getLogger("alscell.collect_gene_sets")


def main(
    *,
    shipped: list[str],
    shipped_facts: list[str],
    families: list[str],
    fetched: list[str],
    own: list[str],
    own_facts: list[str],
    human: str,
    mouse: str,
    aliases: str,
    members: str,
    sets: str,
    overlap: str,
) -> None:
    """Read all files, write the three tables. `families`: of each file in `shipped`, in its order."""
    sources = read_sources(shipped, shipped_facts, families, fetched, own, own_facts)
    known, former = read_symbols(human, mouse, aliases)
    genes, table, shared = collect_sets(sources.members, sources.facts, sources.origin, known=known, aliases=former)
    write_table(genes, members, "gene_set_members")
    write_table(table, sets, "gene_sets")
    write_table(shared, overlap, "gene_set_overlap")
    for row in table[table["unknown"].notna()].itertuples():
        LOG.warning("%s/%s: no gene has the symbol %s", row.family, row.pathway, row.unknown.replace(";", ", "))
    for row in table[table["near_copies"].notna()].itertuples():
        LOG.warning("%s/%s holds nearly the same genes as %s", row.family, row.pathway, row.near_copies)
    LOG.info("%d sets of %d families", len(table), table["family"].nunique())


if __name__ == "__main__":
    run(main, snakemake)
