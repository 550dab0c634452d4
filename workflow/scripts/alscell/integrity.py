"""Is a file whole, as far as its own content tells? For files whose checksum nobody knows yet.

Archives and compressed data carry check sums of their own: CRCs in gzip, zip, bz2 and xz, Adler sums behind every
deflated block of an HDF5 file. All of it is read through, a block at a time. What cannot be noticed is a changed byte
in data without such a sum: plain text, members of a tar that are not compressed, HDF5 data stored as they are.
"""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alscell.keys import HDF5

BLOCK = 1 << 20  # bytes read at once
LARGEST_CHUNK = 1 << 30  # bytes of one chunk of an HDF5 file; writers use a thousandth of it
MOST_UNPACKED = 200 * 10**9  # bytes that one raw file may unpack to, some 100 times a large dataset: beyond, a bomb
PACKERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
SIGNATURES = {".gz": b"\x1f\x8b", ".tgz": b"\x1f\x8b", ".h5": HDF5, ".h5ad": HDF5, ".loom": HDF5, ".zip": b"PK\x03\x04"}
WEB_PAGE = (b"<!doctype", b"<html", b"<?xml", b"<head")
BROKEN = (
    *(OSError, EOFError, KeyError, RuntimeError, ValueError),
    *(zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
)

log = logging.getLogger(__name__)


class WrongFile(Exception):
    """A file is not the one that is meant; `mend` says what a user can do."""

    def __init__(self, found: str, *, mend: str) -> None:
        self.mend = mend
        super().__init__(found)


class _Wrong(Exception):
    """What is wrong with a file, in words."""


class _Budget:
    """Bytes that may still be unpacked."""

    def __init__(self) -> None:
        self.left = MOST_UNPACKED

    def spend(self, n_bytes: int) -> None:
        self.left -= n_bytes
        if self.left < 0:
            raise _Wrong(f"more than {MOST_UNPACKED:,} bytes when unpacked (a decompression bomb?)")


class _Counted:
    """A stream that spends what is read from it; forwards only."""

    def __init__(self, stream: Any, budget: _Budget) -> None:
        self.stream, self.budget = stream, budget

    def read(self, n_bytes: int) -> bytes:
        block = self.stream.read(min(n_bytes, BLOCK))
        self.budget.spend(len(block))
        return block


class _Header(tarfile.TarInfo):
    """Remembers why the list of members ended: tarfile takes a damaged header in the middle for the end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> tarfile.TarInfo:
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            archive.ended_by = error  # type: ignore[attr-defined]
            raise


def quick_look(path: str | Path) -> str:
    """What is plainly wrong with a file, at the cost of its first bytes: empty, or a web page; '' if nothing is."""
    with Path(path).open("rb") as stream:
        head = stream.read(512)
    if not head:
        return "an empty file"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(WEB_PAGE):
        return "a web page instead of data (a login or error page?)"
    return ""


def check_content(path: str | Path, name: str) -> str:
    """Read a file through, with all check sums that its format has.

    Parameters
    ----------
    path : path
        The file as it lies here.
    name : str
        Its proper name; the ending says which content to expect.

    Returns
    -------
    str
        What is wrong, '' if nothing was found.
    """
    path = Path(path)
    if wrong := quick_look(path):
        return wrong
    try:
        with path.open("rb") as stream:
            _check(stream, name, _Budget(), tar_inside=_may_hold_tar(name))
    except _Wrong as wrong:
        return str(wrong)
    except BROKEN as error:
        return _broken(error)
    return ""


def _broken(error: BaseException) -> str:
    detail = str(error).splitlines()[0] if str(error) else "no detail"
    return f"a file that is broken or cut off ({type(error).__name__}: {detail})"


def list_members(path: str | Path) -> list[tuple[str, int]]:
    """Name and size of every file in a tar (also compressed) or zip, in its order; [] for a file of another kind."""
    path = Path(path)
    with path.open("rb") as stream:
        head = stream.read(8)
    if head.startswith(SIGNATURES[".zip"]):
        with zipfile.ZipFile(path) as archive:
            return [(entry.filename, entry.file_size) for entry in archive.infolist() if not entry.is_dir()]
    if not _may_hold_tar(path.name) and not tarfile.is_tarfile(path):
        return []
    try:
        with tarfile.open(path, "r:*") as archive:
            return [(entry.name, entry.size) for entry in archive if entry.isfile()]
    except (tarfile.TarError, OSError, EOFError):
        return []


def _may_hold_tar(name: str) -> bool:
    return ".tar" in name.lower() or name.lower().endswith((".tgz", ".tbz2", ".txz"))


def _check(stream: Any, name: str, budget: _Budget, *, tar_inside: bool) -> None:
    """One file, from a stream that can seek."""
    head = stream.read(512)
    stream.seek(0)
    expected = SIGNATURES.get(Path(name).suffix.lower(), b"")
    if not head.startswith(expected):
        raise _Wrong(f"content that is no {Path(name).suffix} file")
    packer = next((opener for magic, opener in PACKERS.items() if head.startswith(magic)), None)
    if packer:
        with packer(stream) as unpacked:
            _check_unpacked(_Counted(unpacked, budget), budget, tar_inside=tar_inside)
    elif head.startswith(HDF5):
        _check_hdf5(stream, budget)
    elif head.startswith(SIGNATURES[".zip"]):
        _check_zip(stream, budget)
    elif tar_inside:
        with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Header) as archive:
            for entry in _members(archive):
                _check_member(archive.extractfile(entry), entry.name, budget)
        stream.seek(archive.offset)
        _check_end(stream)


def _check_member(stream: Any, name: str, budget: _Budget) -> None:
    if Path(name).name.startswith("._"):  # macOS puts such a note beside each file
        return
    try:
        _check(stream, name, budget, tar_inside=False)
    except _Wrong as wrong:
        raise _Wrong(f"a tar whose member {name} is {wrong}") from None
    except BROKEN as error:
        raise _Wrong(f"a tar whose member {name} is {_broken(error)}") from None


def _check_unpacked(stream: _Counted, budget: _Budget, *, tar_inside: bool) -> None:
    """Content of a compressed file: read to its end, where the sum is; members of a tar, as they come."""
    if tar_inside:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as archive:
            for entry in _members(archive):
                member = archive.extractfile(entry)
                first = member.read(BLOCK)
                packer = next((opener for magic, opener in PACKERS.items() if first.startswith(magic)), None)
                if packer:
                    with packer(_Joined(first, member)) as unpacked:
                        _drain(_Counted(unpacked, budget))
                _drain(member)
            _check_end(archive.fileobj)
    _drain(stream)


class _Joined:
    """A block that was read already, and the rest of its stream."""

    def __init__(self, first: bytes, rest: Any) -> None:
        self.first, self.rest = first, rest

    def read(self, n_bytes: int = -1) -> bytes:
        if not self.first:
            return self.rest.read(n_bytes)
        size = len(self.first) if n_bytes < 0 else n_bytes
        block, self.first = self.first[:size], self.first[size:]
        return block


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The files of a tar; afterwards, whether the tar ended as a tar does."""
    n_files = 0
    for entry in archive:
        if entry.isfile():
            n_files += 1
            yield entry
    ended_by = getattr(archive, "ended_by", None)
    if not isinstance(ended_by, tarfile.EOFHeaderError):
        what = "no end mark: cut off?" if isinstance(ended_by, tarfile.EmptyHeaderError) else f"{ended_by}"
        raise _Wrong(f"a tar that is broken or cut off after {n_files} members ({what})")
    if not n_files:
        raise _Wrong("a tar without members")


def _check_end(stream: Any) -> None:
    """After the end mark of a tar come zeros only; else a header in the middle was blanked, and members are hidden."""
    while block := stream.read(BLOCK):
        if block.count(0) != len(block):
            raise _Wrong("a tar with data after its end mark")


def _check_zip(stream: Any, budget: _Budget) -> None:
    with zipfile.ZipFile(stream) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as member:
                _drain(_Counted(member, budget))


def _check_hdf5(stream: Any, budget: _Budget) -> None:
    """Read every dataset, in chunks as it is stored."""
    import h5py

    def check(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            for part in _parts(name, item, budget):
                item[part]

    with h5py.File(stream, "r") as file:
        file.visititems(check)


def _parts(name: str, data: Any, budget: _Budget) -> Iterator[tuple[slice, ...]]:
    """Slices that together cover what is stored of an HDF5 dataset; none for what lies in other files."""
    import h5py

    if data.shape is None or data.is_virtual or data.external:
        return
    try:
        size = int(data.dtype.itemsize)
    except TypeError:
        log.warning("%s has a type that numpy does not know: not read through", name)
        return
    plist = data.id.get_create_plist()
    filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    if lacking := [code for code in filters if not h5py.h5z.filter_avail(code)]:
        log.warning("%s is packed with HDF5 filter %d, which is not installed: not read through", name, lacking[0])
        return
    if data.chunks:
        for length in data.chunks:
            size *= int(length)
        if size > LARGEST_CHUNK:
            raise _Wrong(f"an HDF5 file with a chunk of {size:,} bytes in {name}")
        starts: list[tuple[int, ...]] = []
        data.id.chunk_iter(lambda chunk: starts.append(chunk.chunk_offset))
        for start in starts:
            budget.spend(size)
            yield tuple(slice(first, first + length) for first, length in zip(start, data.chunks, strict=True))
    elif not data.shape:
        yield ()
    else:
        row = max(1, data.nbytes // max(1, data.shape[0]))
        step = max(1, BLOCK // row)
        for start in range(0, data.shape[0], step):
            budget.spend(row * step)
            yield (slice(start, start + step),)


def _drain(stream: Any) -> None:
    while stream.read(BLOCK):
        pass
