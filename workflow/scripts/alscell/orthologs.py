"""Human and mouse symbols of one gene: human sets and markers for mouse data, mouse results beside human ones."""

from __future__ import annotations

import logging
import re

import pandas as pd

from alscell.errors import InputError
from alscell.keys import DATASET, GENE

# Symbols that do not tell the species: C9orf72 and Cxorf38 in both; H2-K1 and BC004004, mouse genes in capitals.
NO_VOTE = re.compile(r"C[\dXx]+orf\d+|H2-\w+|[A-Z]{2}\d{6}")
NO_ORTHOLOG = " (human)"  # behind a human symbol that has no mouse one: fits no gene of the data

log = logging.getLogger(__name__)


def in_mouse_symbols(members: pd.DataFrame, orthologs: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """Genes of sets or markers, in human symbols, under the symbols of their one-to-one mouse orthologs.

    A human gene without one becomes '<symbol> (human)', which no gene of the data is called: it counts as a member that
    is not measured. Rows that are in mouse symbols stay as they are.

    Parameters
    ----------
    members : DataFrame
        Column gene; the genes of one file.
    orthologs : DataFrame
        mouse_symbol, human_symbol; each symbol once.
    where : str
        The file, for messages.

    Raises
    ------
    InputError
        Human and mouse symbols in one file.
    """
    if written_for(members[GENE], where=where) == "mouse":
        return members
    mouse = dict(zip(orthologs["human_symbol"], orthologs["mouse_symbol"], strict=True))
    return members.assign(**{GENE: [mouse.get(gene, gene + NO_ORTHOLOG) for gene in members[GENE]]})


def written_for(genes: pd.Series, *, where: str) -> str:
    """Whether symbols are written as human ones (GFAP) or as mouse ones (Gfap).

    C3 and C9orf72 are written alike in both and have no vote; without any vote the file is human.

    Raises
    ------
    InputError
        If at least a tenth of the symbols is of either kind.
    """
    human, mouse = _votes(genes)
    if min(len(human), len(mouse)) >= max(0.1 * (len(human) + len(mouse)), 1):
        found = f"{len(human)} symbols written as human ones are ({', '.join(human[:3])}) and "
        found += f"{len(mouse)} as mouse ones ({', '.join(mouse[:3])})"
        mend = "Write all genes of the file in one way; human ones are translated by their orthologs."
        raise InputError(where, found=found, expected="symbols of one species", mend=mend)
    return likely_species(genes)


def likely_species(genes: pd.Series) -> str:
    """The species in whose way most symbols are written: human, unless more are mouse ones."""
    human, mouse = _votes(genes)
    return "mouse" if len(mouse) > len(human) else "human"


def _votes(genes: pd.Series) -> tuple[list[str], list[str]]:
    telling = [gene for gene in genes if sum(map(str.isalpha, gene)) >= 2 and not NO_VOTE.fullmatch(gene)]
    return [gene for gene in telling if gene.upper() == gene], [gene for gene in telling if gene.upper() != gene]


def in_human_symbols(table: pd.DataFrame, orthologs: pd.DataFrame, *, organisms: dict[str, str]) -> pd.DataFrame:
    """Rows of mouse datasets under the human symbols of their genes; genes without a one-to-one ortholog are left out.

    Parameters
    ----------
    table : DataFrame
        dataset, gene, in symbols of the dataset's organism.
    orthologs : DataFrame
        mouse_symbol, human_symbol; each symbol once.
    organisms : dict
        Dataset -> human or mouse.
    """
    mice = {name for name, organism in organisms.items() if organism == "mouse"}
    human = dict(zip(orthologs["mouse_symbol"], orthologs["human_symbol"], strict=True))
    names = table[GENE].where(~table[DATASET].isin(mice), table[GENE].map(human))
    for dataset, rows in table.groupby(DATASET, sort=True):
        if dataset in mice:
            lost = rows.loc[names[rows.index].isna(), GENE].nunique()
            counted = dataset, lost, rows[GENE].nunique()
            log.info("%s: %d of %d mouse genes have no one-to-one human ortholog and are left out", *counted)
    return table.assign(**{GENE: names})[names.notna()].reset_index(drop=True)
