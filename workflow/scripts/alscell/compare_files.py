"""What differs between two files of one result: which values of a table, pixels of a figure, elements of an h5ad."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alscell.files import sha256

TEXT = (".html", ".yaml", ".gmt", ".txt", ".md", ".json", ".csv")
AROUND = 40  # characters shown on each side of the place where two lines part
NAMED = 4  # columns of text that name the row of a table


def difference(first: str | Path, second: str | Path) -> str:
    """What differs between two files, in one sentence.

    Parameters
    ----------
    first, second : path
        Two files of one result, of two runs; the name of the first says what kind they are.

    Returns
    -------
    str
        '' if their bytes are the same. Values are given as those of the first, then those of the second.
    """
    first, second = Path(first), Path(second)
    if first.stat().st_size == second.stat().st_size and sha256(first) == sha256(second):
        return ""
    for endings, compare in COMPARISONS.items():
        if first.name.endswith(endings):
            try:
                return compare(first, second) or "the same values, but stored as other bytes"
            except (OSError, ValueError, KeyError, EOFError) as error:
                return f"{_bytes(first, second)}; the content could not be compared: {str(error)[:200]}"
    return _bytes(first, second)


def _tables(first: Path, second: Path) -> str:
    """The first column that differs, and its first row."""
    ours, theirs = _read(first), _read(second)
    if list(ours) != list(theirs):
        lost, new = [name for name in ours if name not in theirs], [name for name in theirs if name not in ours]
        return f"columns differ: only the first has {lost}, only the second has {new}" if lost or new else "their order"
    n_rows = min(len(ours), len(theirs))
    counted = f"{len(ours)} rows and {len(theirs)}; " if len(ours) != len(theirs) else ""
    differing = {name: _unequal(ours[name][:n_rows], theirs[name][:n_rows]) for name in ours}
    columns = [name for name, unequal in differing.items() if unequal.any()]
    if not columns:
        return counted + f"row {n_rows + 1} is the first that one of them lacks" if counted else ""
    name = columns[0]
    where = (
        f"{counted}column '{name}', row {differing[name].argmax() + 1}{_names(ours, differing[name].argmax(), name)}"
    )
    others = f"; {len(columns) - 1} more columns differ" if len(columns) > 1 else ""
    return f"{where}: {_values(ours[name][:n_rows].to_numpy(), theirs[name][:n_rows].to_numpy())}{others}"


def _read(path: Path) -> pd.DataFrame:
    """A table as it is stored; text tables as text, so that every digit counts."""
    if path.name.endswith(".parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False)


def _unequal(ours: pd.Series, theirs: pd.Series) -> np.ndarray:
    """Where two columns of one length differ; two empty values are equal."""
    both = [one.reset_index(drop=True) for one in (ours, theirs)]
    if not all(pd.api.types.is_numeric_dtype(one) for one in both):
        both = [one.astype(object) for one in both]
    return ((both[0] != both[1]) & ~(both[0].isna() & both[1].isna())).to_numpy(dtype=bool)


def _names(frame: pd.DataFrame, row: int, column: str) -> str:
    """What names a row: its first columns of text."""
    number = pd.to_numeric(frame.iloc[row], errors="coerce")
    named = [name for name in frame if name != column and pd.isna(number[name]) and str(frame[name].iloc[row])][:NAMED]
    return f" ({', '.join(f'{name} {frame[name].iloc[row]}' for name in named)})" if named else ""


def _values(ours: np.ndarray, theirs: np.ndarray) -> str:
    """The first values that differ in two arrays, how many do, and by how much at most, if they are numbers."""
    if ours.shape != theirs.shape:
        return f"shape {ours.shape} and {theirs.shape}"
    flat, other = ours.ravel(), theirs.ravel()
    unequal = _unequal(pd.Series(flat), pd.Series(other))
    if not unequal.any():
        return f"type {ours.dtype} and {theirs.dtype}" if ours.dtype != theirs.dtype else ""
    place = unequal.argmax()
    numbers = [pd.to_numeric(pd.Series(one[unequal]), errors="coerce").astype(float) for one in (flat, other)]
    largest = (numbers[0] - numbers[1]).abs().max()
    by = f", by {largest:.3g} at most" if pd.notna(largest) else ""
    return f"{_short(flat[place])} and {_short(other[place])}; {unequal.sum()} of {len(flat)} values differ{by}"


def _short(value: Any) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= 2 * AROUND else f"{text[: 2 * AROUND]}..."


def _pictures(first: Path, second: Path) -> str:
    """The box of pixels that differ."""
    from PIL import Image

    ours, theirs = (np.asarray(Image.open(path).convert("RGBA")).astype(int) for path in (first, second))
    if ours.shape != theirs.shape:
        return f"{ours.shape[1]} x {ours.shape[0]} pixels and {theirs.shape[1]} x {theirs.shape[0]}"
    unequal = (ours != theirs).any(axis=2)
    if not unequal.any():
        return ""
    rows, columns = np.flatnonzero(unequal.any(axis=1)), np.flatnonzero(unequal.any(axis=0))
    box = f"columns {columns[0]} to {columns[-1]}, rows {rows[0]} to {rows[-1]}"
    largest = np.abs(ours - theirs).max()
    return f"pixels in {box}, from the top left; {unequal.sum()} of {unequal.size} differ, by {largest} of 255 at most"


def _elements(first: Path, second: Path) -> str:
    """The first element of an HDF5 file that differs."""
    import h5py

    with h5py.File(first) as ours, h5py.File(second) as theirs:
        return _named(_datasets(ours), _datasets(theirs)) or _named(_attributes(ours), _attributes(theirs))


def _datasets(file: Any) -> dict[str, Any]:
    """Every dataset of an open HDF5 file, not read yet, by its path."""
    import h5py

    found: dict[str, Any] = {}
    file.visititems(lambda name, item: found.update({name: item} if isinstance(item, h5py.Dataset) else {}))
    return found


def _attributes(file: Any) -> dict[str, Any]:
    found: dict[str, Any] = {f"@{key}": value for key, value in file.attrs.items()}
    file.visititems(lambda name, item: found.update({f"{name}@{key}": value for key, value in item.attrs.items()}))
    return found


def _arrays(first: Path, second: Path) -> str:
    """The first array of an .npz file that differs."""
    with np.load(first) as ours, np.load(second) as theirs:
        return _named(ours, theirs)


def _named(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """The first named array that only one of two files has, or that differs."""
    differing = []
    for name in sorted({*ours, *theirs}):
        if name not in ours or name not in theirs:
            differing.append(f"element '{name}': only the {'first' if name in ours else 'second'} has it")
        elif what := _values(_array(ours[name]), _array(theirs[name])):
            differing.append(f"element '{name}': {what}")
    more = f"; {len(differing) - 1} more elements differ" if len(differing) > 1 else ""
    return differing[0] + more if differing else ""


def _array(item: Any) -> np.ndarray:
    return np.asarray(item[()] if hasattr(item, "id") else item)


def _lines(first: Path, second: Path) -> str:
    """The first line of a text that differs, around the place where it does."""
    ours, theirs = (path.read_text(encoding="utf-8").splitlines() for path in (first, second))
    for number, (line, other) in enumerate(zip_longest(ours, theirs, fillvalue=""), start=1):
        if line != other:
            place = next(
                (i for i, (a, b) in enumerate(zip(line, other, strict=False)) if a != b), min(len(line), len(other))
            )
            shown = [text[max(0, place - AROUND) : place + AROUND] for text in (line, other)]
            return f"line {number}, character {place + 1}: '{shown[0]}' and '{shown[1]}'"
    return ""


def _bytes(first: Path, second: Path) -> str:
    """The first byte that differs, and both sizes."""
    ours, theirs = first.read_bytes(), second.read_bytes()
    length = min(len(ours), len(theirs))
    unequal = np.frombuffer(ours[:length], "u1") != np.frombuffer(theirs[:length], "u1")
    place = int(unequal.argmax()) if unequal.any() else length
    return f"byte {place + 1} of {len(ours)} and {len(theirs)}; {unequal.sum()} of the first {length} differ"


# How files are compared, by their endings; others byte by byte.
COMPARISONS = {
    (".tsv", ".tsv.gz", ".parquet"): _tables,
    (".png",): _pictures,
    (".h5ad",): _elements,
    (".npz",): _arrays,
    TEXT: _lines,
}
