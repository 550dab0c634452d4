"""GEO's series matrix: what the archive says of a series, and of each of its samples.

SOURCE: GEO, "Series matrix": lines '!Series_<attribute>' and '!Sample_<attribute>', quoted values parted by tabs, one a
sample; the table of values below them is empty for sequencing data.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field

from alscell.errors import InputError


@dataclass(frozen=True)
class SeriesMatrix:
    """Values by attribute: of the series; of the samples (one a sample); and of their characteristics by key."""

    series: dict[str, list[str]] = field(default_factory=dict)
    samples: dict[str, list[str]] = field(default_factory=dict)
    characteristics: dict[str, list[str]] = field(default_factory=dict)


def read_series_matrix(lines: Iterable[str], *, where: str) -> SeriesMatrix:
    """The head of a series matrix, down to its table.

    Parameters
    ----------
    lines : iterable of str
        Lines of the file.
    where : str
        The file, for messages.

    Raises
    ------
    InputError
        No accessions of samples; a line with another number of values than samples.
    """
    found = SeriesMatrix()
    for line in lines:
        if line.startswith("!series_matrix_table_begin"):
            break
        key, *values = next(csv.reader([line.rstrip("\r\n")], delimiter="\t"), [""])
        values = [value.strip() for value in values]
        if key.startswith("!Series_"):
            found.series.setdefault(key.removeprefix("!Series_"), []).extend(values)
        elif key.startswith("!Sample_"):
            _check_number(values, found, key, where)
            if key == "!Sample_characteristics_ch1":
                _add_characteristics(found.characteristics, values)
            found.samples.setdefault(key.removeprefix("!Sample_"), values)
    if "geo_accession" not in found.samples:
        mend = "It should be GEO's <series>_series_matrix.txt.gz."
        raise InputError(where, found="no accessions of samples", expected="a GEO series matrix", mend=mend)
    return found


def _check_number(values: list[str], found: SeriesMatrix, key: str, where: str) -> None:
    n_samples = len(next(iter(found.samples.values()), values))
    if len(values) != n_samples:
        mend = "The file is broken or cut off: remove it and fetch it again."
        expected = f"{n_samples}, as in the first one"
        raise InputError(where, found=f"{len(values)} values in a line {key}", expected=expected, mend=mend)


def _add_characteristics(columns: dict[str, list[str]], values: list[str]) -> None:
    """'key: value' of each sample; one key may stand in different lines for different samples."""
    for place, value in enumerate(values):
        name, colon, text = (part.strip() for part in value.partition(":"))
        if colon:
            column = columns.setdefault(name, [""] * len(values))
            # The same key twice in one sample: both are shown, and fit nothing that is expected.
            column[place] = f"{column[place]}; {text}" if column[place] not in ("", text) else text
