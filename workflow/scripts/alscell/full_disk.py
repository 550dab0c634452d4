"""A full disk or a used-up quota ends a job with one clear message, also in the middle of an HDF5 file.

HDF5 itself doesn't outlive a write that fails: it ends the process with signal 11 while it closes the file. So it is
given a file that takes every write; the first that failed is raised once HDF5 has closed.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alscell.errors import InputError

FULL = {errno.ENOSPC: "a full disk", errno.EDQUOT: "a used-up quota", errno.EFBIG: "a limit on the size of files"}


def full_disk_error(error: OSError, path: str | Path) -> InputError | None:
    """The message for the user if a write failed for want of room; None for any other error."""
    if error.errno not in FULL:
        return None
    return InputError(
        str(path),
        found=FULL[error.errno],
        expected=f"room for this file in {Path(path).parent}",
        mend="Make room, or put results on a larger disk, and start again: finished files stay.",
    )


class ForgivingFile:
    """A new file, as h5py wants it, that raises no error of a write: `error` is the first one, later bytes are lost."""

    def __init__(self, path: str | Path) -> None:
        self.handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        self.position = 0
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        while len(rest) and self.error is None:
            try:
                written = os.pwrite(self.handle, rest, self.position)
            except OSError as error:
                self.error = error
                written = 0
            rest, self.position = rest[written:], self.position + written
        self.position += len(rest)
        return size

    def read(self, size: int) -> bytes:
        found = os.pread(self.handle, size, self.position)
        self.position += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: os.fstat(self.handle).st_size}[whence]
        self.position = start + offset
        return self.position

    def tell(self) -> int:
        return self.position

    def truncate(self, size: int) -> int:
        if self.error is None:
            os.ftruncate(self.handle, size)
        return size

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Network file systems may refuse bytes as late as here."""
        try:
            if self.error is None:
                os.fsync(self.handle)
        finally:
            os.close(self.handle)


@contextlib.contextmanager
def new_hdf5(path: str | Path) -> Iterator[Any]:
    """A new HDF5 file to write to.

    Raises
    ------
    OSError
        If a write failed, after the file was closed.
    """
    import h5py

    with contextlib.closing(ForgivingFile(path)) as stream:
        try:
            with h5py.File(stream, "w") as file:
                yield file
        except Exception:
            if stream.error is None:
                raise
        if stream.error is not None:
            raise stream.error
