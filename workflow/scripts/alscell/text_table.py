"""Text tables as public repositories have them: csv or tsv, gzipped or not, written by R or anything else."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

from alscell.errors import InputError

# A million cells with names of 60 characters. A longer line has no end (a gzip bomb, a file of another kind), and
# looking for it would fill the memory.
LONGEST_LINE = 64 << 20


def open_unpacked(path: str | Path) -> Any:
    """The file's bytes, unpacked if they are gzip, whatever the name says."""
    with Path(path).open("rb") as stream:
        opener = gzip.open if stream.read(2) == b"\x1f\x8b" else open
    return opener(path, "rb")


def read_line(stream: Any, where: str) -> bytes:
    """The next line.

    Raises
    ------
    InputError
        If it is longer than `LONGEST_LINE`.
    """
    line = stream.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise endless(where)
    return line


def endless(where: str) -> InputError:
    """The error for a line without end."""
    found = f"a line of more than {LONGEST_LINE >> 20} MB"
    mend = "Check what the file is, and that it is whole."
    return InputError(where, found=found, expected="a table, one line a row", mend=mend)


def read_header(path: str | Path, where: str) -> tuple[list[str], str]:
    """Names of the columns, the first one '' where it has none, and the separator.

    R's write.table leaves out the name of the first column, so the header may be one field shorter than the rows; its
    write.csv leaves it empty.

    Raises
    ------
    InputError
        If header and first row do not fit each other.
    """
    with open_unpacked(path) as stream:
        lines = [read_line(stream, where).decode("utf-8-sig") for _ in range(2)]
    separator = "\t" if lines[0].count("\t") > lines[0].count(",") else ","
    names, first = csv.reader(lines, delimiter=separator) if all(lines) else ([], [])
    no_corner = len(first) == len(names) + 1 and names[0] != ""
    if no_corner and not first[-1]:
        # Or every column would get the name of the one before it.
        found = f"a first row that ends in a separator, and a header of {len(names)} that does not"
        mend = "End both alike, or name the first column."
        raise InputError(where, found=found, expected="one name for each column", mend=mend)
    if (len(first) != len(names) and not no_corner) or len(first) < 2:
        found = f"a header of {len(names)} and a first row of {len(first)} fields"
        mend = "Check the separator and that the file is whole."
        raise InputError(where, found=found, expected="one name for each column", mend=mend)
    return (["", *names] if no_corner else names), separator
