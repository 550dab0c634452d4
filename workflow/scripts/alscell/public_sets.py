"""Public collections of gene sets: fetched by gseapy at run time, kept with their checksum, never shipped."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alscell.claims import HEAD, lock_path
from alscell.errors import InputError, nearest
from alscell.files import read_gmt, read_yaml, write_text

FOLDER = "gene_sets"  # of collections, in the cache and among the lock files
ALL = "all"  # in the place of the names of sets
ENRICHR, MSIGDB = "Enrichr", "MSigDB"


def file_name(library: str, msigdb: str) -> str:
    """Name of a library's file in the cache: of a library of Enrichr, or of a category and version of MSigDB."""
    return f"{library}.v{msigdb}.gmt" if msigdb else f"{library}.gmt"


def is_kegg(library: str) -> bool:
    """Whether a library holds KEGG's pathways, whose use is free for academic users only."""
    return "kegg" in library.lower() or library in ("c2.all", "c2.cp")


@dataclass(frozen=True)
class Library:
    """A whole library: its sets, where they came from, and the checksum of `as_gmt` of them."""

    sets: dict[str, list[str]]
    source: str
    sha256: str


def acquire_library(
    library: str,
    msigdb: str,
    *,
    name: str,
    stored: Path,
    locks: str,
    offline: bool,
    fetch: Callable[[str, str], Mapping[str, Sequence[str]]],
) -> Library:
    """A library from the copy of an earlier fetch, else from its source; its content has to be what it was.

    Parameters
    ----------
    library, msigdb : str
        Name of an Enrichr library and ''; or a category (h.all) and the version of MSigDB (2023.2.Hs).
    name : str
        Of the collection in config, for messages.
    stored : path
        Where the copy is, or is to go.
    locks, offline
        As config `download` has them.
    fetch : callable
        Takes library and msigdb, returns set -> genes; opens the connection.

    Raises
    ------
    InputError
        If the library cannot be had, or is not the one that the lock file holds.
    """
    where = f"config, gene set collection '{name}', library {library}"
    fetched = not stored.is_file()
    if fetched and offline:
        mend = f"Put the library there as a GMT file, name a file of your own with `gmt:` under '{name}', or let a "
        mend += "connected machine run `snakemake gene_sets`."
        found, expected = "`download.offline` is true and no copy", f"one at {stored.absolute()}"
        raise InputError(where, found=found, expected=expected, mend=mend)
    sets = fetch(library, msigdb) if fetched else read_gmt(stored)
    checksum = checksum_of(sets)
    _compare_lock(lock_path(locks, FOLDER, file_name(library, msigdb)), checksum, where, stored)
    if fetched:
        write_text(as_gmt(sets), stored)
    service = f"{MSIGDB} {msigdb}" if msigdb else ENRICHR
    return Library(read_gmt(stored), f"{service}, through gseapy" if fetched else f"copy {stored}", checksum)


def _compare_lock(lock: Path, checksum: str, where: str, stored: Path) -> None:
    """Hold a library to the checksum of its first fetch, or write that down."""
    if not lock.exists():
        write_text(HEAD + yaml.safe_dump({"sha256": checksum}), lock)
        return
    held = read_yaml(lock)
    if not isinstance(held, dict) or held.get("sha256") != checksum:
        mend = f"If a change at the source is meant, delete {lock}; if the copy {stored} is wrong, delete that."
        found, expected = f"sets with sha256 {checksum}", f"those that {lock} holds"
        raise InputError(where, found=found, expected=expected, mend=mend)


def fetch_with_gseapy(library: str, msigdb: str) -> Mapping[str, Sequence[str]]:
    """Sets of a library, from Enrichr or MSigDB.

    Raises
    ------
    InputError
        If there is no answer, or no library of this name.
    """
    import gseapy
    from gseapy.parser import download_library

    source = f"{MSIGDB} {msigdb}" if msigdb else ENRICHR
    try:
        sets = gseapy.Msigdb.get_gmt(library, msigdb) if msigdb else download_library(library)
    except Exception as error:
        found = f"no answer: {type(error).__name__}: {str(error)[:200]}"
        raise _no_library(library, source, found) from error
    if not sets:
        raise _no_library(library, source, "no such library there")
    return sets


def _no_library(library: str, source: str, found: str) -> InputError:
    mend = "Check name and version; or save the library as a GMT file and name it with `gmt:`."
    return InputError(f"gene set library {library} of {source}", found=found, expected="its gene sets", mend=mend)


def as_gmt(sets: Mapping[str, Iterable[str]]) -> str:
    """Sets as the text of a GMT file, in one order, so that equal libraries have equal checksums."""
    lines = []
    for name in sorted(sets):
        genes = sorted({gene.split(",")[0].strip() for gene in sets[name]} - {""})  # Enrichr may add a weight
        if genes:
            lines.append("\t".join([name, "", *genes]))
    return "\n".join(lines) + "\n"


def checksum_of(sets: Mapping[str, Iterable[str]]) -> str:
    """sha256 of the text of `as_gmt`."""
    return hashlib.sha256(as_gmt(sets).encode()).hexdigest()


def choose_sets(sets: Mapping[str, list[str]], wanted: Sequence[str], *, where: str) -> dict[str, list[str]]:
    """Those sets of a library that config names, by name or by an identifier in it (GO:0006914, R-HSA-1632852).

    Raises
    ------
    InputError
        If the library has no such set.
    """
    if list(wanted) == [ALL]:
        return dict(sets)
    chosen = {}
    for one in wanted:
        found = [one] if one in sets else [name for name in sets if one in re.split(r"[\s()]+", name)]
        if not found:
            raise InputError(where, found=f"'{one}'", expected=f"one of its {len(sets)} sets", mend=_closest(one, sets))
        chosen |= {name: sets[name] for name in found}
    return chosen


def _closest(name: str, sets: Mapping[str, Any]) -> str:
    mend = nearest(name, sets)
    return mend if mend.startswith("Did") else f"Its sets are named like '{next(iter(sets))}'."


def plain_names(names: Iterable[str], *, where: str) -> dict[str, str]:
    """Public names -> names as ours are: lower case, digits and '_'.

    Raises
    ------
    InputError
        If two become one.
    """
    taken: dict[str, str] = {}
    for name in names:
        short = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        if short in taken:
            found = f"sets '{taken[short]}' and '{name}', which both become '{short}'"
            raise InputError(where, found=found, expected="names that differ", mend="Choose one of them in `sets`.")
        taken[short] = name
    return {name: short for short, name in taken.items()}
