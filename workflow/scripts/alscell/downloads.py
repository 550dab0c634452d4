"""Bring one raw file here: link a local copy, or download it; it takes its name only when it is whole and right."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import urllib3

from alscell.errors import InputError
from alscell.files import atomic, sha256, write_text

CHUNK = 1 << 20  # bytes
BUSY = (408, 425, 429, 500, 502, 503, 504)  # answers that may be better next time
SIGNATURES = {".gz": b"\x1f\x8b", ".h5": b"\x89HDF\r\n\x1a\n", ".h5ad": b"\x89HDF\r\n\x1a\n"}

log = logging.getLogger(__name__)


class DownloadFailed(Exception):
    """One try failed; `again` says whether another one may succeed."""

    def __init__(self, reason: str, *, again: bool) -> None:
        self.again = again
        super().__init__(reason)


def link(source: str | Path, target: str | Path) -> None:
    """Link a local file under a new name by an absolute symlink; copy it where links are not possible."""
    with atomic(target) as part:
        try:
            part.symlink_to(Path(source).resolve())
        except OSError:
            shutil.copyfile(source, part)


def check_file(path: str | Path, *, name: str, size: int | None, sha256_expected: str | None) -> str:
    """Compare a file with what is known of it.

    Parameters
    ----------
    path : path
        The file as it lies here.
    name : str
        Its proper name; the ending says which content to expect.
    size, sha256_expected : int or None, str or None
        Bytes and hexadecimal checksum as declared; None is not compared.

    Returns
    -------
    str
        What is wrong, '' if nothing.
    """
    found = Path(path).stat().st_size
    if not found:
        return "an empty file"
    wrong = _wrong_content(Path(path), name)
    if not wrong and size is not None and found != size:
        wrong = f"{found:,} bytes where {size:,} are declared"
    if not wrong and sha256_expected and (checksum := sha256(path)) != sha256_expected.lower():
        wrong = f"sha256 {checksum} where {sha256_expected} is declared"
    return wrong


def _wrong_content(path: Path, name: str) -> str:
    """What a file is instead of what its name says; a proxy's or archive's error page saved as data is seen here."""
    with path.open("rb") as stream:
        head = stream.read(512)
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page instead of data (a login or error page?)"
    if name.endswith(".tar"):
        return _wrong_tar(path)
    expected = SIGNATURES.get(Path(name).suffix, b"")
    return "" if head.startswith(expected) else f"content that is no {Path(name).suffix} file"


def _wrong_tar(path: Path) -> str:
    try:
        with tarfile.open(path, "r:") as archive:
            names = archive.getnames()
    except (tarfile.TarError, EOFError, OSError) as error:
        return f"a tar that is broken or cut off ({error})"
    return "" if names else "a tar without members"


def download(
    url: str,
    target: str | Path,
    *,
    size: int | None,
    sha256_expected: str | None,
    attempts: int,
    timeout: float,
    pause: float,
) -> None:
    """Download one file; go on where an earlier try stopped if the server allows it.

    The bytes go to a part file beside `target`, which survives a failure. It is continued only if the server
    names the same version of the file (ETag or Last-Modified) or a checksum is declared.

    Parameters
    ----------
    url : str
        Full address.
    target : path
        Final name; taken only after size, checksum and content are right.
    size, sha256_expected : int or None, str or None
        As declared.
    attempts : int
        Tries, >= 1. A refusal (401, 403, 404) is not tried again.
    timeout : float
        Seconds without an answer.
    pause : float
        Seconds before the second try; doubled for each further one.

    Raises
    ------
    DownloadFailed
        With the reason of the last try.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.download")
    for attempt in range(1, attempts + 1):
        try:
            _fetch(url, part, trusted=bool(sha256_expected), timeout=timeout)
            wrong = check_file(part, name=target.name, size=size, sha256_expected=sha256_expected)
            if wrong:
                _forget(part)
                raise DownloadFailed(f"the server sent {wrong}", again=True)
            break
        except DownloadFailed as failure:
            if attempt == attempts or not failure.again:
                raise
            log.warning("try %d of %d: %s", attempt, attempts, failure)
            time.sleep(pause * 2 ** (attempt - 1))
    os.replace(part, kept_copy(target))
    _forget(part)
    _name(kept_copy(target), target)


def kept_copy(target: str | Path) -> Path:
    """A second name of a downloaded file, beside it: Snakemake removes an output before it makes it anew."""
    return Path(target).with_name(f".{Path(target).name}.kept")


def _name(kept: Path, target: str | Path) -> None:
    """Give a kept file its name as a hard link, which takes no space; where there are no links, move it."""
    with atomic(target) as part:
        try:
            part.hardlink_to(kept)
        except OSError:
            os.replace(kept, part)


def _version_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def _fetch(url: str, part: Path, *, trusted: bool, timeout: float) -> None:
    """Fill the part file up to the size that the server announces, from where it ends."""
    version = _version_file(part).read_text(encoding="utf-8") if _version_file(part).exists() else ""
    start = part.stat().st_size if part.exists() and (version or trusted) else 0
    # NOTE: "identity" and raw reading keep the bytes of a .gz file as they are stored.
    headers = {"Accept-Encoding": "identity", "User-Agent": "alscell"}
    if start:
        headers |= {"Range": f"bytes={start}-"} | ({"If-Range": version} if version else {})
    with _answer(url, headers, timeout) as answer:
        if answer.status_code == 416:
            _forget(part)
            raise DownloadFailed("the server has fewer bytes than were fetched before", again=True)
        if answer.status_code == 206 and _range_start(answer) == start:
            mode = "ab"
            log.info("going on at byte %d", start)
        elif answer.status_code == 206:
            raise DownloadFailed("the server sent another part of the file than was asked for", again=True)
        else:
            mode, start = "wb", 0
        write_text(_version(answer), _version_file(part))
        announced = answer.headers.get("Content-Length")
        got = _save(answer, part, mode)
    if announced is not None and got != int(announced):
        raise DownloadFailed(
            f"the connection ended after {start + got:,} of {start + int(announced):,} bytes", again=True
        )


@contextlib.contextmanager
def _answer(url: str, headers: dict[str, str], timeout: float) -> Iterator[requests.Response]:
    """The server's answer, with every way to fail turned into DownloadFailed."""
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
            if answer.status_code != 416 and not answer.ok:
                reason = f"the server answered {answer.status_code} {answer.reason}"
                raise DownloadFailed(reason, again=answer.status_code in BUSY)
            yield answer
    except (
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidURL,
    ) as error:
        raise DownloadFailed(f"not an address that can be downloaded ({error})", again=False) from None
    except requests.exceptions.Timeout:
        raise DownloadFailed(f"no answer within {timeout:g} seconds", again=True) from None
    except requests.exceptions.RequestException as error:
        raise DownloadFailed(f"no connection ({_root(error)})", again=True) from None
    except urllib3.exceptions.HTTPError as error:
        raise DownloadFailed(f"the connection broke ({_root(error)})", again=True) from None


def _save(answer: requests.Response, part: Path, mode: str) -> int:
    """Write the body as it comes; what came before a break is kept in the part file."""
    got = 0
    with part.open(mode) as stream:
        while block := answer.raw.read(CHUNK, decode_content=False):
            stream.write(block)
            got += len(block)
    return got


def _version(answer: requests.Response) -> str:
    """What the server calls this version of the file; a weak ETag does not promise equal bytes."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _range_start(answer: requests.Response) -> int:
    """First byte of a partial answer, from 'bytes 100-199/200'."""
    first = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else -1


def _root(error: BaseException) -> str:
    """The innermost cause, in one line: 'Name or service not known' rather than five wrapped objects."""
    seen: Any = error
    while True:
        inner = getattr(seen, "reason", None) or seen.__cause__ or seen.__context__
        if not isinstance(inner, BaseException):
            return f"{type(seen).__name__}: {str(seen).splitlines()[0] if str(seen) else 'no detail'}"
        seen = inner


def acquire(
    target: str | Path,
    *,
    dataset: str,
    entry: dict[str, Any],
    place: str | Path,
    url: str,
    mirror: str,
    offline: bool,
    attempts: int,
    timeout: float,
    pause: float,
) -> str:
    """Put one raw file of a dataset at `target`, checked: from this machine if it is here, else from its address.

    Parameters
    ----------
    target : path
        Where the file is to be.
    dataset : str
        For messages.
    entry : dict
        name, size and sha256 as dataset.yaml has them.
    place : path
        Where the file lies, or would lie, on this machine.
    url : str
        Address of the folder that holds the file, '' for a dataset that lies on this machine.
    mirror : str
        Address or folder in the place of `url`, '' for none; `place` is in that folder then.
    offline : bool
        True: never open a connection.
    attempts, timeout, pause
        See download.

    Returns
    -------
    str
        The place it came from.

    Raises
    ------
    InputError
        If the file cannot be had, or is not what was declared.
    """
    name, size, expected = entry["name"], entry.get("size"), entry.get("sha256")
    where, place, kept = f"dataset {dataset}, file {name}", Path(place).absolute(), kept_copy(target)
    base = url if not mirror or not url else mirror if "://" in mirror else ""
    if place.is_file():
        if wrong := check_file(place, name=name, size=size, sha256_expected=expected):
            mend = "Fetch the file again, or correct size and sha256 in dataset.yaml."
            raise InputError(where, found=f"{wrong} at {place}", expected="the whole file", mend=mend)
        link(place, target)
        return str(place)
    if not base:
        mend = "Put it there, or set `data_folder` (for a dataset with an address: `download.mirror`) in config.yaml."
        raise InputError(where, found="no such file", expected=f"it at {place}", mend=mend)
    if kept.exists() and not check_file(kept, name=name, size=size, sha256_expected=expected):
        _name(kept, target)
        return str(kept)
    address = f"{base.rstrip('/')}/{name}"
    try:
        if offline:
            raise DownloadFailed("`download.offline` is true, so no connection was opened", again=False)
        download(address, target, size=size, sha256_expected=expected, attempts=attempts, timeout=timeout, pause=pause)
    except DownloadFailed as failure:
        raise InputError(where, found=str(failure), expected=f"the file at {address}", mend=_ways_out(place)) from None
    return address


def _ways_out(place: Path) -> str:
    return (
        "Three ways to mend it: (1) connect this machine, or let a connected one run `snakemake acquire`; "
        f"(2) put the file at {place}; "
        "(3) set `download.mirror` (an address or a folder that holds the file) or `data_folder` in config.yaml."
    )
