"""Bring one raw file here: link a local copy, or download it; it takes its name only when it is whole and right.

A download goes to a store: the cache that a lab shares, else a kept copy beside the results. The raw file is a link.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from alscell.claims import Claim, Verified, is_trusted, known_before, known_size, lock_path, verify, write_lock
from alscell.errors import InputError
from alscell.files import atomic
from alscell.integrity import WrongFile
from alscell.sources import (
    listing_address,
    listing_name,
    mirror_address,
    openable,
    own_address,
    read_listing,
    shown_address,
)
from alscell.transfer import DownloadFailed, download, fetch_text, forget

POLL = 0.2  # seconds between looks at a lock that somebody else holds
NO_LISTING = "no listing"
OFFLINE = "`download.offline` is true, so no connection was opened"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ways:
    """How files may be fetched: offline, attempts, timeout and pause as `transfer.download` has them."""

    offline: bool
    attempts: int
    timeout: float
    pause: float

    @property
    def patience(self) -> dict[str, Any]:
        return {"attempts": self.attempts, "timeout": self.timeout, "pause": self.pause}


def acquire(
    target: str | Path,
    *,
    dataset: str,
    entry: dict[str, Any],
    origin: dict[str, Any],
    place: str | Path,
    mirror: str,
    simulated_mirror: bool,
    cache: str,
    locks: str,
    offline: bool,
    attempts: int,
    timeout: float,
    pause: float,
) -> dict[str, Any]:
    """Put one raw file of a dataset at `target`, checked: from this machine if it is here, else from its address.

    Parameters
    ----------
    target : path
        Where the file is to be.
    dataset : str
        Name of the dataset, and of its folder in mirror, cache and locks.
    entry : dict
        name, url, size and sha256 as dataset.yaml has them.
    origin : dict
        url, zenodo and listing of dataset.yaml's `source`; all empty for a dataset that lies on this machine.
    place : path
        Where the file lies, or would lie, on this machine.
    mirror : str
        Address or folder that holds `<dataset>/<file>` in the place of the source, '' for none; `place` is in that
        folder then.
    simulated_mirror : bool
        True: the mirror's files are made up. They are not compared with what is known of the real ones, and neither
        locked nor put into the cache.
    cache : str
        Folder that keeps downloads for several runs, '' to keep them beside the results.
    locks : str
        Folder of the lock files.
    offline : bool
        True: never open a connection.
    attempts, timeout, pause
        See `transfer.download`.

    Returns
    -------
    dict
        A row of the table `acquired`.

    Raises
    ------
    InputError
        If the file cannot be had, or is not what is declared, locked or listed.
    """
    name, where, place = entry["name"], f"dataset {dataset}, file {entry['name']}", Path(place)
    ways = Ways(offline, attempts, timeout, pause)
    address = own_address(entry, origin)
    made_up = simulated_mirror and bool(address)
    lock = lock_path(locks, dataset, name) if address and not made_up else None
    claims = [] if made_up else known_before(entry, lock, where)
    if place.is_file():
        listing = place.parents[name.count("/")] / (listing_name(origin) or "none")
        claims, missing = _with_listing(claims, origin, name, str(listing), partial(listing.read_text, "utf-8-sig"))
        try:
            verified = verify(place, name=name, claims=claims)
        except WrongFile as wrong:
            raise InputError(where, found=f"{wrong} at {place}", expected="the whole file", mend=wrong.mend) from None
        link(place, target)
        source, through = str(place), "copy on this machine"
    else:
        fetch = _fetch_address(mirror, dataset, name, address)
        if not fetch:
            mend = (
                "Put it there, or set `data_folder` (for a dataset with an address: `download.mirror`) in config.yaml."
            )
            raise InputError(where, found="no such file", expected=f"it at {place.absolute()}", mend=mend)
        listing = mirror_address(mirror, dataset, listing_name(origin)) if mirror else listing_address(origin)
        claims, missing = _with_listing(claims, origin, name, listing, partial(_read_there, listing, ways))
        job = _Job(where, name, claims, fetch, place, ways)
        through = "mirror" if mirror else ""
        if cache and not made_up:
            stored = Path(cache) / dataset / name
            source, verified = _through_cache(job, stored, Path(cache), target)
            through = "cache" if source != shown_address(fetch) else through
        else:
            source, verified = _through_kept_copy(job, kept_copy(target, simulated=made_up), target)
    if lock and not lock.exists():
        _try_write_lock(lock, target, name=name, verified=verified, source=shown_address(address), through=through)
    if missing:
        verified = replace(verified, verified_by=f"{verified.verified_by}; {NO_LISTING}")
    return verified.row(dataset=dataset, file=name, source=source)


@dataclass(frozen=True)
class _Job:
    """One file to be fetched: where messages place it, what is known of it, its address, its place on this machine."""

    where: str
    name: str
    claims: list[Claim]
    address: str
    place: Path
    ways: Ways

    def verify(self, path: str | Path) -> Verified:
        return verify(path, name=self.name, claims=self.claims)

    def failed(self, reason: str) -> InputError:
        """The message of a file that could not be fetched, with the ways out."""
        expected = f"the file at {shown_address(self.address)}"
        mend = (
            "Three ways to mend it: (1) connect this machine, or let a connected one run `snakemake acquire`; "
            f"(2) put the file at {self.place.absolute()}; (3) set `download.mirror` (an address or a folder that "
            "holds `<id>/<file>`), `download.cache` or `data_folder` in config.yaml."
        )
        return InputError(self.where, found=reason, expected=expected, mend=mend)


def _fetch_address(mirror: str, dataset: str, name: str, address: str) -> str:
    """Where to fetch a file: at its source or in the mirror; '' if it can only lie on this machine."""
    if not address or (mirror and "://" not in mirror):
        return ""
    return mirror_address(mirror, dataset, name) if mirror else address


def _try_write_lock(lock: Path, path: str | Path, **facts: Any) -> None:
    try:
        write_lock(lock, path, **facts)
        log.info("size and checksum are written to %s; later downloads must equal them", lock)
    except OSError as error:
        log.warning("%s cannot be written (%s): the next download will not be held to this one", lock, error.strerror)


def _with_listing(
    claims: list[Claim], origin: dict[str, Any], name: str, where: str, read: Callable[[], str]
) -> tuple[list[Claim], bool]:
    """Claims and what the source's own list says; whether a list should be there and could not be used.

    Where a sha256 is known, no list is needed, and none is asked for.
    """
    if not listing_name(origin) or any(claim.sha256 for claim in claims):
        return claims, False
    listed, reason, where = None, "it does not name this file", shown_address(where)
    try:
        listed = read_listing(read(), name)
    except (DownloadFailed, OSError, ValueError) as error:
        reason = str(error)
    if listed is None:
        log.warning("the source's list of files, %s, cannot be used: %s", where, reason)
        return claims, True
    mend = "The source contradicts itself, or its list has changed: try again later, or correct `source.listing`."
    said = {"size": listed.size, "md5": listed.md5, "sha256": listed.sha256, "members": listed.members}
    return [*claims, Claim("listing", where, mend, **said)], False


def _read_there(address: str, ways: Ways) -> str:
    if ways.offline:
        raise DownloadFailed(OFFLINE, again=False)
    return fetch_text(openable(address), **ways.patience)


def link(source: str | Path, target: str | Path) -> None:
    """Link a local file under a new name by an absolute symlink; copy it where links are not possible."""
    with atomic(target) as part:
        try:
            part.symlink_to(Path(source).resolve())
        except OSError:
            shutil.copyfile(source, part)


def kept_copy(target: str | Path, *, simulated: bool = False) -> Path:
    """A second name of a downloaded file, beside it: Snakemake removes an output before it makes it anew."""
    return Path(target).with_name(f".{Path(target).name}{'.simulated' if simulated else ''}.kept")


def _through_kept_copy(job: _Job, kept: Path, target: str | Path) -> tuple[str, Verified]:
    """Source and checksum of a file that is kept beside the results; a kept copy that is not right is fetched anew."""
    verified, source = None, f"kept copy of {shown_address(job.address)}"
    if kept.is_file():
        try:
            verified = job.verify(kept)
        except WrongFile as wrong:
            log.warning("the kept copy %s is not right (%s) and fetched anew", kept, wrong)
    if verified is None and job.ways.offline:
        raise job.failed(OFFLINE)
    if verified is None:
        verified, source = _fetch(job, kept), shown_address(job.address)
    with atomic(target) as part:
        try:
            part.hardlink_to(kept)  # takes no space
        except OSError:
            os.replace(kept, part)
    return source, verified


def _through_cache(job: _Job, stored: Path, cache: Path, target: str | Path) -> tuple[str, Verified]:
    """Source and checksum of a file in the shared cache: found there, or put there by this run or one at the same time.

    What is in the cache was put there whole, so it is read without a lock, also by those who may not write there.
    """
    verified, source = None, f"cache {stored}"
    if not stored.is_file() and job.ways.offline:
        raise job.failed(OFFLINE)
    if not stored.is_file():
        try:
            _share(cache, stored.parent)
            with _alone(stored):
                if not stored.is_file():
                    verified, source = _fetch(job, stored), shown_address(job.address)
                    stored.chmod(cache.stat().st_mode & 0o666)
        except OSError as error:
            mend = "Ask for the right to write there, or let somebody who has it run `snakemake acquire`, or set "
            mend += '`download.cache: ""` in config.yaml.'
            found = f"no such file, and the cache cannot be written ({error.strerror})"
            raise InputError(job.where, found=found, expected=f"it at {stored}", mend=mend) from None
    try:
        verified = verified or job.verify(stored)
    except WrongFile as wrong:
        mend = f"If the cached file is the wrong one, delete it there. {wrong.mend}"
        expected = "the file that is known"
        raise InputError(job.where, found=f"{wrong} at {stored}", expected=expected, mend=mend) from None
    link(stored, target)
    return source, verified


def _share(cache: Path, folder: Path) -> None:
    """Make a folder in the cache, open to those to whom the cache itself is open."""
    cache.mkdir(parents=True, exist_ok=True)
    for one in [*reversed(folder.relative_to(cache).parents), folder.relative_to(cache)]:
        with contextlib.suppress(FileExistsError):
            (cache / one).mkdir()
            (cache / one).chmod(cache.stat().st_mode & 0o2777)


@contextlib.contextmanager
def _alone(stored: Path) -> Iterator[None]:
    """Hold the lock of a file; whoever holds it has it until done or dead, since the kernel releases it then."""
    mode = stored.parent.stat().st_mode & 0o666
    lock = FileLock(stored.with_name(f".{stored.name}.lock"), mode=mode)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        log.info("another run is fetching %s; waiting for it", stored)
        lock.acquire(poll_interval=POLL)
        log.info("the other run has ended")
    try:
        yield
    finally:
        lock.release()


def _fetch(job: _Job, stored: Path) -> Verified:
    """Download a file into its store; whoever looks there finds all of it, or nothing."""
    stored.parent.mkdir(parents=True, exist_ok=True)
    part = stored.with_name(f".{stored.name.removeprefix('.').removesuffix('.kept')}.download")
    if part.exists() and not os.access(part, os.W_OK):
        forget(part)  # of another user of the cache
    found: list[Verified] = []
    try:
        download(
            openable(job.address),
            part,
            verify=lambda path: found.append(job.verify(path)),
            size=known_size(job.claims),
            trusted=is_trusted(job.claims),
            **job.ways.patience,
        )
    except DownloadFailed as failure:
        raise job.failed(str(failure)) from None
    except WrongFile as wrong:
        found_text = f"{wrong}, sent by the server"
        expected = f"the file at {shown_address(job.address)}"
        raise InputError(job.where, found=found_text, expected=expected, mend=wrong.mend) from None
    os.replace(part, stored)
    return found[-1]
