"""What is known of a raw file before it is here, from dataset.yaml, its lock file and the source's own list."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from alscell.errors import InputError
from alscell.files import read_yaml, write_text
from alscell.integrity import BLOCK, WrongFile, check_content, list_members, quick_look

HEAD = "# Written at the first download, made to be committed. Delete it if a change at the source is meant.\n"


@dataclass(frozen=True)
class Claim:
    """What one authority says of a file.

    Parameters
    ----------
    by : str
        declared, lock or listing.
    where : str
        The file or address that says it.
    mend : str
        What to do if the file is another one.
    size, md5, sha256, members
        What it says; None and {} where it says nothing.
    """

    by: str
    where: str
    mend: str
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    members: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Verified:
    """A file that is what it should be: its size, its checksum, and what that was verified by."""

    size: int
    sha256: str
    verified_by: str

    def row(self, *, dataset: str, file: str, source: str) -> dict[str, Any]:
        """A row of the table `acquired`."""
        facts = {"size": self.size, "sha256": self.sha256, "source": source, "verified_by": self.verified_by}
        return {"dataset": dataset, "file": file, **facts}


def lock_path(locks: str | Path, dataset: str, name: str) -> Path:
    """Where the lock file of a raw file is."""
    return Path(locks) / dataset / f"{name}.lock.yaml"


def known_before(entry: dict[str, Any], lock: Path | None, where: str) -> list[Claim]:
    """What dataset.yaml declares and the lock file holds.

    Raises
    ------
    InputError
        If the two contradict each other, or the lock file cannot be read.
    """
    mend = "Correct size and sha256 in dataset.yaml if a change at the source is meant."
    declared = Claim("declared", "dataset.yaml", mend, size=entry.get("size"), sha256=_lower(entry.get("sha256")))
    if lock is None or not lock.exists():
        return [declared]
    held = read_yaml(lock)
    if not isinstance(held, dict) or not {"size", "sha256"} <= set(held):
        raise InputError(str(lock), found="no size and sha256", expected="a lock file", mend="Delete it.")
    for key in ("size", "sha256"):
        said = getattr(declared, key)
        if said is not None and said != held[key]:
            found, expected = f"{key} {said} in dataset.yaml and {held[key]} in {lock}", "the same in both"
            mend = f"If a change at the source is meant, delete {lock}; else correct dataset.yaml."
            raise InputError(where, found=found, expected=expected, mend=mend)
    mend = f"If a change at the source is meant, delete {lock}."
    return [declared, Claim("lock", str(lock), mend, size=held["size"], sha256=held["sha256"])]


def _lower(checksum: str | None) -> str | None:
    return checksum.lower() if checksum else None


def is_trusted(claims: list[Claim]) -> bool:
    """Whether a checksum is known, which no other file can have."""
    return any(claim.sha256 or claim.md5 for claim in claims)


def known_size(claims: list[Claim]) -> int | None:
    """The size of the file, where somebody says it."""
    return next((claim.size for claim in claims if claim.size is not None), None)


def verify(path: str | Path, *, name: str, claims: list[Claim]) -> Verified:
    """Compare a file with all that is known of it; read its content through if nobody knows its sha256.

    Raises
    ------
    WrongFile
        With the first difference.
    """
    path = Path(path)
    if wrong := quick_look(path):
        raise WrongFile(wrong, mend="Try again later; open the address in a browser to see what it says.")
    size = path.stat().st_size
    for claim in claims:
        if claim.size not in (None, size):
            raise WrongFile(f"{size:,} bytes where {claim.where} says {claim.size:,}", mend=claim.mend)
    found = _digests(path, md5=any(claim.md5 for claim in claims))
    for claim in claims:
        for kind in ("sha256", "md5"):
            said = getattr(claim, kind)
            if said and said != found[kind]:
                raise WrongFile(f"{kind} {found[kind]} where {claim.where} says {said}", mend=claim.mend)
    verified = [
        *(["size"] if any(claim.by == "declared" and claim.size is not None for claim in claims) else []),
        *(["sha256"] if any(claim.by == "declared" and claim.sha256 for claim in claims) else []),
        *(claim.by for claim in claims if claim.by != "declared"),
    ]
    if not any(claim.sha256 for claim in claims):
        if wrong := check_content(path, name):
            raise WrongFile(wrong, mend="Fetch it again; if it stays so, the file is broken at its source.")
        verified.append("content")
    for claim in claims:
        _compare_members(path, claim)
    return Verified(size, found["sha256"], "; ".join(verified))


def _compare_members(path: Path, claim: Claim) -> None:
    if not claim.members:
        return
    found = dict(list_members(path))
    for name, size in claim.members.items():
        if name not in found:
            raise WrongFile(f"no member {name}, which {claim.where} names", mend=claim.mend)
        if found[name] != size:
            raise WrongFile(
                f"member {name} of {found[name]:,} bytes where {claim.where} says {size:,}", mend=claim.mend
            )
    if more := sorted(set(found) - set(claim.members)):
        raise WrongFile(f"a member {more[0]} that {claim.where} does not name", mend=claim.mend)


def _digests(path: Path, *, md5: bool) -> dict[str, str]:
    sums = {"sha256": hashlib.sha256()} | ({"md5": hashlib.md5(usedforsecurity=False)} if md5 else {})
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            for one in sums.values():
                one.update(block)
    return {kind: one.hexdigest() for kind, one in sums.items()}


def write_lock(lock: Path, path: str | Path, *, name: str, verified: Verified, source: str, through: str) -> None:
    """Write down what was found of a file; the same file gives the same bytes.

    Parameters
    ----------
    lock : path
        The lock file.
    path : path
        The raw file; members of an archive are listed.
    name : str
        Its proper name.
    verified : Verified
        Its size and checksum.
    source : str
        Its address at the source.
    through : str
        'mirror' or 'copy on this machine' if it did not come from that address, else ''.
    """
    facts: dict[str, Any] = {"name": name, "size": verified.size, "sha256": verified.sha256, "source": source}
    if through:
        facts["through"] = through
    if members := list_members(path):
        facts["members"] = [{"name": one, "size": size} for one, size in sorted(members)]
    write_text(HEAD + yaml.safe_dump(facts, sort_keys=True, width=1000, allow_unicode=True), lock)
