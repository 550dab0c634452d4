"""Read the gene sets of a run from where they come: shipped files, fetched collections, files of the user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alscell.files import read_gene_sets, read_gene_table, read_samples, read_yaml
from alscell.gene_sets import COLLECTION, FILE, SHIPPED


@dataclass(frozen=True)
class Sources:
    """Members of all sets (family, pathway, gene), facts of each set, and the origin of each family."""

    members: pd.DataFrame
    facts: dict[tuple[str, str], dict[str, Any]]
    origin: dict[str, str]


def read_sources(
    shipped: Sequence[str],
    shipped_facts: Sequence[str],
    families: Sequence[str],
    fetched: Sequence[str],
    own: Sequence[str],
    own_facts: Sequence[str],
) -> Sources:
    """All sets of a run.

    Parameters
    ----------
    shipped, shipped_facts, families : sequence of str
        GMT file, yaml file and family of each shipped set, in one order.
    fetched : sequence of path
        GMT files of collections; the file's name is the family, as for `own`.
    own, own_facts : sequence of path
        GMT files of the user; yaml files that lie beside some of them, under the same name.
    """
    members = read_gene_sets([*shipped, *fetched, *own], [*families, *(Path(path).stem for path in [*fetched, *own])])
    facts = {(family, Path(path).stem): read_yaml(path) for family, path in zip(families, shipped_facts, strict=True)}
    for path in fetched:
        facts |= {(Path(path).stem, name): {"name": text} for name, text in _descriptions(path)}
    for path in own:
        facts |= {(Path(path).stem, name): {"definition": text} for name, text in _descriptions(path)}
    for path in own_facts:
        names = [name for family, name in facts if family == Path(path).stem]
        for name, said in read_set_facts(path, names).items():
            facts[Path(path).stem, name] |= said
    origin = dict.fromkeys(families, SHIPPED)
    origin |= {Path(path).stem: COLLECTION for path in fetched} | {Path(path).stem: FILE for path in own}
    return Sources(members, facts, origin)


def read_set_facts(path: str | Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the yaml file beside a GMT file says of each set: what it says of all, and of this one under `sets`."""
    said = dict(read_yaml(path) or {})
    single = said.pop("sets", {})
    return {name: {**said, **single.get(name, {})} for name in names}


def _descriptions(path: str | Path) -> list[tuple[str, str]]:
    """Name and description of each set of a GMT file that `read_gmt` could read."""
    lines = (line.split("\t") for line in Path(path).read_text(encoding="utf-8-sig").splitlines())
    return [(fields[0].strip(), fields[1].strip()) for fields in lines if len(fields) > 1]


def read_symbols(human: str, mouse: str, aliases: str) -> tuple[set[str], dict[str, str]]:
    """Symbols of all human and mouse genes, and the current symbol of each former one."""
    known = {symbol for path in (human, mouse) for symbol in read_gene_table(path)["symbol"]}
    former = read_samples(aliases)
    return known, dict(zip(former["former"], former["symbol"], strict=True))


def write_gmt(sets: dict[str, tuple[str, list[str]]]) -> str:
    """Text of a GMT file: name -> description and genes."""
    return "".join("\t".join([name, text, *genes]) + "\n" for name, (text, genes) in sets.items())
