"""Raw files as they come packed: tar (any compression), zip, archives one level inside these, and single gzip files.

Members are read as streams. Nothing is ever unpacked to disk, so paths in an archive cannot matter, and links, devices
and sparse files are not members at all. What is compressed is read through a stream that refuses to grow without end.
"""

from __future__ import annotations

import bz2
import contextlib
import fnmatch
import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from alscell.counts import BROKEN, broken
from alscell.errors import InputError, nearest
from alscell.keys import is_archive_name, without_ending

# ASSUME: no count matrix shrinks a hundredfold. Measured: Matrix Market text 2.5 to 7 times, 10x h5 not at all, zeros
# of a dense table 20 to 60 times; gzip reaches 1,030 times on a file of zeros. Small files may do as they like.
MAX_RATIO, FREE_BYTES = 100, 256 * 2**20
# ASSUME: what has to be in memory as a whole, one packed h5, is smaller: a filtered h5 of a million nuclei takes 8 GiB.
MAX_HELD = 16 * 2**30
# ASSUME: no archive of a study has more; a plate study with a file a cell has thousands.
MAX_MEMBERS = 100_000
MAX_DEPTH = 20  # folders of a path that `member` may name, from its end
_BLOCK = 512  # bytes; a tar is made of such blocks and ends with blocks of zeros
_CHUNK = 2**20
_COMPRESSED = {
    re.compile(rb"\x1f\x8b"): gzip.open,
    re.compile(rb"BZh\d1AY&SY"): bz2.open,
    re.compile(rb"\xfd7zXZ\x00"): lzma.open,
}


@dataclass(frozen=True)
class Member:
    """A file on disk or in an archive: name with folders ('/'), bytes as it is stored, and a way to open these."""

    name: str
    size: int
    open_stored: Callable[[], BinaryIO]


@dataclass(frozen=True)
class Members:
    """What an archive holds, by name; those of an archive inside it are '<its name>/<name>'. `ended`: it has an end."""

    file: str
    by_name: Mapping[str, Member]
    ended: bool


def file_member(path: str | Path) -> Member:
    """A file on disk."""
    path = Path(path)
    return Member(str(path), path.stat().st_size, partial(path.open, "rb"))


def most_bytes(size: int) -> int:
    """Bytes that something of `size` bytes may unpack to."""
    return max(FREE_BYTES, MAX_RATIO * size)


@contextlib.contextmanager
def open_member(member: Member, *, where: str) -> Iterator[BinaryIO]:
    """The content of a file or member as a stream; gzip (also bz2, xz) is unpacked, whatever the name says.

    Raises
    ------
    InputError
        While reading: it unpacks to more than `most_bytes`.
    """
    with member.open_stored() as stored, _unpacked(stored, member, where) as stream:
        yield stream


def held(member: Member, *, where: str) -> io.BytesIO:
    """The content of a member in memory, for readers that jump in it.

    Raises
    ------
    InputError
        If it is larger than `MAX_HELD`, or unpacks to more than `most_bytes`.
    """
    buffer = io.BytesIO()
    with open_member(member, where=where) as stream:
        while chunk := stream.read(_CHUNK):
            if buffer.tell() + len(chunk) > MAX_HELD:
                raise _too_large(member.name, MAX_HELD, where)
            buffer.write(chunk)
    buffer.seek(0)
    return buffer


@contextlib.contextmanager
def open_archive(path: str | Path, *, member: str, where: str) -> Iterator[Members | None]:
    """Regular files in a tar or zip; None for a file that is neither.

    Parameters
    ----------
    path : path
        The file; told by what it holds, not by its name.
    member : str
        What the sheet calls the sample. Archives inside the file are opened only if nothing else has that name: those
        that bear it, else all.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        No archive although its name says so; more than `MAX_MEMBERS` members; a bomb.
    EOFError, OSError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError
        `counts.BROKEN`: it is cut off or damaged.
    """
    outer = file_member(path)
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(open_member(outer, where=where))
        found = _members(stream, where)
        if found is None:
            if is_archive_name(outer.name):
                mend = "Fetch it again; if it is a single matrix, give it its right name."
                raise InputError(where, found="a file that is no archive", expected="a tar or zip", mend=mend)
            yield None
            return
        members, ended = found
        names = {name: names_of(name) for name in members}
        if not _fitting(member, {name: names[name] for name in members if not is_archive_name(name)}):
            for name in _inner(member, {name: names[name] for name in members if is_archive_name(name)}):
                members |= _inside(members[name], stack, where)
        yield Members(PurePosixPath(outer.name).name, members, ended)


def names_of(path: str, short: str = "") -> set[str]:
    """All that `member` may call a file: any run of the parts of its path; archives with and without their ending.

    Parameters
    ----------
    path : str
        Name in the archive.
    short : str
        What else the last part may be called.
    """
    parts = path.split("/")[-MAX_DEPTH:]
    forms = [parts, [*parts[:-1], short]] if short else [parts]
    runs = {
        "/".join(form[start:end])
        for form in forms
        for start in range(len(form))
        for end in range(start + 1, len(form) + 1)
    }
    return runs | {without_ending(part) for part in parts}


def the_one(member: str, names: Mapping[str, Iterable[str]], archive: Members, *, kind: str, where: str) -> str:
    """The one member or sample of an archive that is called `member`.

    Parameters
    ----------
    member : str
        As samples.tsv has it; a pattern (`GSM1_*`) counts if nothing is called just so.
    names : mapping
        Member or sample -> all that it may be called.
    archive : Members
        The archive; its own name fits all.
    kind : str
        What is chosen from, for messages: members, samples.
    where : str
        File and sample, for messages.

    Raises
    ------
    InputError
        None or several fit.
    """
    fits = fitting(member, names, archive)
    if len(fits) == 1:
        return fits[0]
    found = f"{len(fits)} {kind} that fit '{member}'" + (f" ({', '.join(fits[:4])})" if fits else "")
    mend = "Correct `member` in samples.tsv. "
    mend += "Make it longer." if fits else nearest(member, list(names)[:50] or ["none"])
    if not fits and not archive.ended:
        mend += " The archive has no end mark and may be cut off: compare its size, or fetch it again."
    raise InputError(where, found=found, expected=f"one of the {len(names)} {kind} of the archive", mend=mend)


def fitting(member: str, names: Mapping[str, Iterable[str]], archive: Members) -> list[str]:
    """All members or samples of an archive that are called `member`."""
    whole = member in (archive.file, without_ending(archive.file))
    return _fitting(member, names) or (list(names) if whole else [])


def _fitting(member: str, names: Mapping[str, Iterable[str]]) -> list[str]:
    exact = [key for key, called in names.items() if member in called]
    pattern = re.compile(fnmatch.translate(member))
    return exact or [key for key, called in names.items() if any(map(pattern.match, called))]


def _inner(member: str, names: Mapping[str, Iterable[str]]) -> list[str]:
    """Archives inside the archive that `member`, or what it begins with before a '/', names; else all."""
    parts = member.split("/")
    for end in range(1, len(parts) + 1):
        if fits := _fitting("/".join(parts[:end]), names):
            return fits
    return list(names)


def _inside(outer: Member, stack: contextlib.ExitStack, where: str) -> dict[str, Member]:
    where = f"{where}, {outer.name}"
    try:
        stream = stack.enter_context(open_member(outer, where=where))
        members, _ = _members(stream, where) or ({}, True)
    except BROKEN as error:
        raise broken(where, error) from None
    return {
        f"{outer.name}/{name}": Member(f"{outer.name}/{name}", member.size, member.open_stored)
        for name, member in members.items()
    }


def _members(stream: BinaryIO, where: str) -> tuple[dict[str, Member], bool] | None:
    """Members of an open tar or zip, and whether it has its end; None if it is neither."""
    # NOTE: by the first bytes. zipfile.is_zipfile looks at the last ones and takes a tar that ends with a zip for one.
    zipped = stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    stream.seek(0)
    if zipped:
        return _zip_members(zipfile.ZipFile(stream), where), True
    try:
        archive = tarfile.TarFile(fileobj=stream)
    except tarfile.ReadError:
        return None
    members = _tar_members(archive, where)
    # NOTE: tarfile ends without a word at a header that is cut off or damaged; the end is a block of zeros.
    stream.seek(archive.offset)
    end = stream.read(_BLOCK)
    if end.strip(b"\0"):
        raise tarfile.ReadError(f"damaged after member {len(members)}")
    return members, bool(end)


def _tar_members(archive: tarfile.TarFile, where: str) -> dict[str, Member]:
    members = {}
    for entry in archive:
        _count(len(archive.members), where)
        if entry.isreg() and not entry.issparse():
            name = _plain(entry.name)
            members[name] = Member(name, entry.size, partial(archive.extractfile, entry))
    return _without_litter(members)


def _zip_members(archive: zipfile.ZipFile, where: str) -> dict[str, Member]:
    members = {}
    _count(len(archive.infolist()), where)
    for entry in archive.infolist():
        kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 where the archive was made on Windows
        if not entry.is_dir() and kind in (0, stat.S_IFREG):
            name = _plain(entry.filename)
            members[name] = Member(name, entry.file_size, partial(_open_zipped, archive, entry, where))
    return _without_litter(members)


def _open_zipped(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: str) -> BinaryIO:
    if entry.flag_bits & 1:
        mend = "Unpack it with its password, and pack it again without."
        raise InputError(where, found=f"{entry.filename}, encrypted", expected="a zip without password", mend=mend)
    if entry.file_size > most_bytes(entry.compress_size):
        raise _too_large(entry.filename, most_bytes(entry.compress_size), where)
    try:
        return archive.open(entry)
    except NotImplementedError as error:
        mend = "Unpack it, and pack it again as an ordinary zip or tar.gz."
        raise InputError(where, found=f"{entry.filename}: {error}", expected="a zip of that kind", mend=mend) from None


def _count(n_members: int, where: str) -> None:
    if n_members > MAX_MEMBERS:
        mend = "Pack the count matrices alone."
        raise InputError(where, found=f"more than {MAX_MEMBERS:,} members", expected="raw files", mend=mend)


def _plain(name: str) -> str:
    """A member's name without './' or '/' in front, also if it was packed on Windows."""
    return PurePosixPath(name.encode("utf-8", "replace").decode().replace("\\", "/")).as_posix().lstrip("/")


def _without_litter(members: dict[str, Member]) -> dict[str, Member]:
    """Without the '._name' that macOS packs beside each file."""
    return {
        name: member
        for name, member in members.items()
        if not PurePosixPath(name).name.startswith("._") and not name.startswith("__MACOSX/")
    }


def _unpacked(stored: BinaryIO, member: Member, where: str) -> BinaryIO:
    head = stored.read(10)
    stored.seek(0)
    opener = next((opener for magic, opener in _COMPRESSED.items() if magic.match(head)), None)
    if not opener:
        return stored
    return io.BufferedReader(_Bounded(opener(stored, "rb"), member, where), _CHUNK)


class _Bounded(io.RawIOBase):
    """An unpacking stream that ends with an error where it becomes absurdly large."""

    def __init__(self, stream: BinaryIO, member: Member, where: str) -> None:
        self._stream, self._name, self._where = stream, member.name, where
        self._limit = most_bytes(member.size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        count = self._stream.readinto(buffer)
        self._check(self._stream.tell())
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            self._check(offset)
        elif whence == io.SEEK_END:  # in steps, or a bomb would be unpacked to its end
            while self.readinto(bytearray(_CHUNK)):
                pass
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def _check(self, position: int) -> None:
        if position > self._limit:
            raise _too_large(self._name, self._limit, self._where)


def _too_large(name: str, limit: int, where: str) -> InputError:
    found = f"{PurePosixPath(name).name}, which unpacks to more than {limit:,} bytes"
    mend = "Damaged, or made to fill the memory: fetch it again, or unpack it and look at it."
    return InputError(where, found=found, expected="a count matrix, which does not shrink so much", mend=mend)
