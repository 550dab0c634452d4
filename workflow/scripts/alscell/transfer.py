"""Fetch one file over HTTP into a part file: tried again, continued where it broke, kept when a try fails."""

from __future__ import annotations

import contextlib
import email.utils
import errno
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from alscell.files import write_text
from alscell.integrity import WrongFile

CHUNK = 1 << 20  # bytes
BUSY = (408, 425, 429, 500, 502, 503, 504)  # answers that may be better next time
REDIRECTS = 10
MIN_SPEED = 1024  # bytes a second; a server that is slower during `timeout` has stalled
PROGRESS = 8 << 20  # bytes; a try that adds as many is no failed one, however many breaks a long file takes
LONGEST_PAUSE = 900  # seconds that a busy server may ask for
LONGEST_TEXT = 16 << 20  # bytes of a list of files
FULL = (errno.ENOSPC, errno.EDQUOT)

log = logging.getLogger(__name__)


class DownloadFailed(Exception):
    """One try failed; `again` says whether another one may succeed, `wait` what the server asks for, in seconds."""

    def __init__(self, reason: str, *, again: bool, wait: float = 0.0) -> None:
        self.again, self.wait = again, wait
        super().__init__(reason)


def download(
    url: str,
    part: Path,
    *,
    verify: Callable[[Path], None],
    size: int | None,
    trusted: bool,
    attempts: int,
    timeout: float,
    pause: float,
) -> None:
    """Fill a part file with a whole and verified file; go on where an earlier try or run stopped, if that is safe.

    The part file survives a failure. It is continued only if the server names the same version of the file (ETag or
    Last-Modified), or if a checksum is known. A file that `verify` refuses is deleted and fetched once more.

    Parameters
    ----------
    url : str
        Full address, http or https.
    part : path
        Where the bytes go; the caller gives it its final name.
    verify : function of a path
        Raises WrongFile if the whole file is not the one that is meant.
    size : int or None
        Bytes, where known.
    trusted : bool
        Whether a checksum is known, so that a mixture of two versions would be noticed.
    attempts : int
        Tries in a row without progress, >= 1. A refusal (401, 403, 404) is not tried again.
    timeout : float
        Seconds without an answer, or with less than `MIN_SPEED`.
    pause : float
        Seconds before the second try; doubled for each further one. A longer Retry-After of the server is honored.

    Raises
    ------
    DownloadFailed, WrongFile
        With the reason of the last try.
    """
    failures, refused, longest = 0, False, _length(part)
    while True:
        try:
            _fetch(url, part, size=size, trusted=trusted, timeout=timeout)
            verify(part)
            _version_file(part).unlink(missing_ok=True)
            return
        except WrongFile as wrong:
            forget(part)
            if refused or attempts == 1:
                raise
            refused, reason, wait, longest = True, str(wrong), 0.0, 0
            failures += 1
        except DownloadFailed as failure:
            failures = 1 if _length(part) >= longest + PROGRESS else failures + 1
            longest = max(longest, _length(part))
            if failures >= attempts or not failure.again:
                raise
            reason, wait = str(failure), failure.wait
        wait = max(wait, pause * 2 ** (failures - 1))
        log.warning("try %d of %d: %s; the next one in %g seconds", failures, attempts, reason, wait)
        time.sleep(wait)


def fetch_text(url: str, *, attempts: int, timeout: float, pause: float) -> str:
    """A small text file, such as a source's list of its files.

    Raises
    ------
    DownloadFailed
        If it cannot be had, is too large, or is no text.
    """
    for attempt in range(1, attempts + 1):
        try:
            data, began = b"", time.monotonic()
            with _answer(url, {"Accept-Encoding": "identity"}, timeout) as answer:
                while block := answer.raw.read1(CHUNK, decode_content=False):
                    data += block
                    if len(data) > LONGEST_TEXT or time.monotonic() - began > timeout:
                        raise DownloadFailed("too long or too slow for a list of files", again=False)
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise DownloadFailed("no text", again=False) from None
        except DownloadFailed as failure:
            if attempt == attempts or not failure.again:
                raise
            time.sleep(max(failure.wait, pause * 2 ** (attempt - 1)))
    raise AssertionError("unreachable: the last try returns or raises")


def forget(part: Path) -> None:
    """Delete a part file and what is known of its version."""
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def _version_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _fetch(url: str, part: Path, *, size: int | None, trusted: bool, timeout: float) -> None:
    """Fill the part file up to the size that the server announces, from where it ends."""
    version = _version_file(part).read_text(encoding="utf-8") if _version_file(part).exists() else ""
    start = _length(part) if version or trusted else 0
    if trusted and size and start == size:
        return
    # NOTE: "identity" and raw reading keep the bytes of a .gz file as they are stored.
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-"} | ({"If-Range": version} if version else {})
    with _answer(url, headers, timeout) as answer:
        if answer.status_code == 416:
            if start and answer.headers.get("Content-Range", "") == f"bytes */{start}":
                return  # all of it had come before the earlier run ended
            forget(part)
            raise DownloadFailed("the server has fewer bytes than were fetched before", again=True)
        if answer.status_code == 206 and _range_start(answer) != start:
            raise DownloadFailed("the server sent another part of the file than was asked for", again=True)
        if answer.status_code == 206 and version and _version(answer) not in ("", version):
            forget(part)  # a server that does not look at If-Range
            raise DownloadFailed("the file has changed at its source since an earlier try", again=True)
        if answer.headers.get("Content-Encoding", "identity") != "identity" and ".gz" not in part.name:
            raise DownloadFailed("the server packed the file, which it was asked not to do", again=False)
        if answer.status_code == 206:
            log.info("going on at byte %s", f"{start:,}")
        else:
            # The old bytes go before the new version is written: whenever this ends, the two belong together.
            start = 0
            forget(part)
            write_text(_version(answer), _version_file(part))
        announced = _announced(answer)
        total = start + announced if announced is not None else size
        _check_space(part, None if total is None else total - start)
        got = start + _save(answer, part, start=start, total=total, timeout=timeout)
    if total is not None and got < total:
        raise DownloadFailed(f"the connection ended after {got:,} of {total:,} bytes", again=True)


def _check_space(part: Path, needed: int | None) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed is not None and needed > free:
        raise DownloadFailed(_full(part, f"{needed:,} more bytes are needed", free), again=False)


def _full(part: Path, need: str, free: int) -> str:
    place = part.parent.absolute()
    return f"too little disk space: {need}, {free:,} are free in {place} (what came is kept and continued)"


def _save(answer: requests.Response, part: Path, *, start: int, total: int | None, timeout: float) -> int:
    """Write the body as it comes; what came before a break is kept in the part file."""
    got, since, began = 0, 0, time.monotonic()
    try:
        with part.open("ab" if start else "wb") as stream, _progress(part, start, total) as advance:
            # NOTE: read1 hands out what is there; read would wait for a whole block from a server that drips.
            while block := answer.raw.read1(CHUNK, decode_content=False):
                stream.write(block)
                got += len(block)
                since += len(block)
                advance(len(block))
                if total is not None and start + got > total:
                    break  # more than there is; the caller's check will say so
                if (now := time.monotonic()) - began >= timeout:
                    if since < MIN_SPEED * timeout:
                        reason = f"the server stalled: less than {MIN_SPEED:,} bytes a second for {timeout:g} seconds"
                        raise DownloadFailed(reason, again=True)
                    since, began = 0, now
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        if error.errno not in FULL:
            raise
        need = f"{total - _length(part):,} more bytes are needed" if total else "the file is larger than what is free"
        raise DownloadFailed(_full(part, need, shutil.disk_usage(part.parent).free), again=False) from None
    return got


@contextlib.contextmanager
def _progress(part: Path, start: int, total: int | None) -> Iterator[Callable[[int], None]]:
    """A function to be told of new bytes: a bar on a terminal, else a line in the log at each tenth."""
    name = part.name.removeprefix(".").removesuffix(".download")
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(desc=name, initial=start, total=total, unit="B", unit_scale=True, leave=False) as bar:
            yield bar.update
        return
    done, tenth = start, start * 10 // total if total else 0

    def advance(n_bytes: int) -> None:
        nonlocal done, tenth
        done += n_bytes
        if total and done * 10 // total > tenth:
            tenth = done * 10 // total
            log.info("%s: %d %% of %s bytes", name, tenth * 10, f"{total:,}")

    yield advance


@contextlib.contextmanager
def _answer(url: str, headers: dict[str, str], timeout: float) -> Iterator[requests.Response]:
    """The server's answer, with every way to fail turned into DownloadFailed."""
    try:
        with requests.Session() as session, _follow(session, url, headers, timeout) as answer:
            if answer.status_code != 416 and not answer.ok:
                raise _refusal(answer)
            yield answer
    except (
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidURL,
    ):
        raise DownloadFailed("not an address that can be downloaded (http or https)", again=False) from None
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
        raise DownloadFailed(f"no answer within {timeout:g} seconds", again=True) from None
    except requests.exceptions.RequestException as error:
        raise DownloadFailed(f"no connection ({_root(error)})", again=True) from None
    except urllib3.exceptions.HTTPError as error:
        raise DownloadFailed(f"the connection broke ({_root(error)})", again=True) from None


def _follow(session: requests.Session, url: str, headers: dict[str, str], timeout: float) -> requests.Response:
    for _ in range(REDIRECTS + 1):
        answer = session.get(
            url, headers={"User-Agent": "alscell", **headers}, stream=True, timeout=timeout, allow_redirects=False
        )
        if not answer.is_redirect:
            return answer
        answer.close()
        url = _next_address(url, answer.headers["Location"])
    raise DownloadFailed(f"more than {REDIRECTS} redirects", again=False)


def _next_address(url: str, location: str) -> str:
    """Where a redirect leads; from https only to https, since anybody between could change what comes over http."""
    found = requests.utils.requote_uri(urljoin(url, location))
    if urlsplit(url).scheme == "https" and urlsplit(found).scheme != "https":
        raise DownloadFailed(f"a redirect from https to {urlsplit(found).scheme or 'nowhere'}, refused", again=False)
    return found


def _refusal(answer: requests.Response) -> DownloadFailed:
    """What a server's error means for the next try; Retry-After is a number of seconds or a date."""
    reason, again = f"the server answered {answer.status_code} {answer.reason}", answer.status_code in BUSY
    asked = answer.headers.get("Retry-After", "")
    wait = 0.0
    if asked.isdigit():
        wait = float(asked)
    elif asked:
        with contextlib.suppress(ValueError):
            wait = max(0.0, email.utils.parsedate_to_datetime(asked).timestamp() - time.time())
    if again and wait > LONGEST_PAUSE:
        return DownloadFailed(f"{reason} and asks to come back in {wait:,.0f} seconds", again=False)
    return DownloadFailed(reason, again=again, wait=wait)


def _announced(answer: requests.Response) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


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
