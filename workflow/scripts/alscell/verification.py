"""Two runs side by side: which result differs first in the data's way, in what, and what else was different."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from alscell.compare_files import difference
from alscell.contract import FILES
from alscell.errors import InputError
from alscell.files import read_table, sha256
from alscell.keys import CELL_TYPE
from alscell.software import changed

SHOWN = 30  # differing files that are named one by one
EXPECTED = "a manifest.tsv of alscell, or the folder it lies in, with the results it lists"


@dataclass(frozen=True)
class Run:
    """A finished run: its manifest, and the folder from which the manifest's paths start.

    Parameters
    ----------
    manifest : path
    folder : path
    files : DataFrame
        Table "manifest", index path.
    """

    manifest: Path
    folder: Path
    files: pd.DataFrame

    def checksum(self, path: str) -> str:
        """Of the file as it is now; as the manifest has it, where the file is not here (an archive has no matrices)."""
        return sha256(self.folder / path) if self.has(path) else self.files["sha256"][path]

    def has(self, path: str) -> bool:
        return (self.folder / path).is_file()


def read_run(path: str | Path) -> Run:
    """A run by its manifest, or by a folder that holds manifest.tsv or results/manifest.tsv.

    Raises
    ------
    InputError
        If there is no manifest, it is none of alscell, or no file that it lists is there.
    """
    places = [Path(path), Path(path, "manifest.tsv"), Path(path, "results", "manifest.tsv")]
    manifest = next((place.resolve() for place in places if place.is_file()), None)
    if manifest is None:
        mend = "MANIFEST=... names the first run, OTHER=... the second."
        raise InputError(str(path), found="no such file", expected=EXPECTED, mend=mend)
    try:
        files = read_table(manifest, "manifest").set_index("path")
        files = files[["sha256", "rule", "code", "parameters"]]
    except (ValueError, KeyError) as error:
        mend = "A manifest of an older alscell has no digests: run the workflow again to write it anew."
        raise InputError(str(manifest), found=str(error)[:200], expected=EXPECTED, mend=mend) from None
    for folder in manifest.parents:
        if any((folder / name).is_file() for name in files.index):
            return Run(manifest, folder, files)
    mend = "Is it where the run wrote it?"
    raise InputError(str(manifest), found="none of the files it lists", expected=EXPECTED, mend=mend)


def compare_runs(first: Run, second: Run) -> pd.DataFrame:
    """Every result that is not the same in two runs, in the order of the data's way.

    Returns
    -------
    DataFrame
        Columns path, rule, what (see `compare_files.difference`), why (the digests that differ, too).
    """
    rules = first.files["rule"].combine_first(second.files["rule"])
    place = {contract.rule: number for number, contract in reversed(list(enumerate(FILES)))}
    paths = sorted(rules.index, key=lambda path: (place.get(rules[path], len(FILES)), path))
    rows = [
        (path, rules[path], what, _why(first, second, path)) for path in paths if (what := _what(first, second, path))
    ]
    return pd.DataFrame(rows, columns=["path", "rule", "what", "why"], dtype="str")


def _what(first: Run, second: Run, path: str) -> str:
    for run, other in (("first", second), ("second", first)):
        if path not in other.files.index:
            return f"only the {run} run has it"
    if first.checksum(path) == second.checksum(path):
        return _touched(first, second, path)
    lacking = [name for name, run in (("first", first), ("second", second)) if not run.has(path)]
    if lacking:
        return f"other bytes; the file of the {' and the '.join(lacking)} run is not here to say which"
    what = difference(first.folder / path, second.folder / path)
    return "; ".join(part for part in (what, _touched(first, second, path)) if part)


def _touched(first: Run, second: Run, path: str) -> str:
    """Whether a file is not the one that its own manifest lists."""
    runs = [
        name for name, run in (("first", first), ("second", second)) if run.checksum(path) != run.files["sha256"][path]
    ]
    return f"changed since its manifest was written: the file of the {' and the '.join(runs)} run" if runs else ""


def _why(first: Run, second: Run, path: str) -> str:
    if path not in first.files.index or path not in second.files.index:
        return ""
    differing = [name for name in ("code", "parameters") if first.files[name][path] != second.files[name][path]]
    return " and ".join(f"other {name}" for name in differing) or "the same code and parameters"


def circumstances_that_differ(first: Run, second: Run) -> list[str]:
    """Versions, processor and BLAS that differ, and the rules whose code does: said before any file."""
    tables = [run.manifest.with_name("software.tsv") for run in (first, second)]
    lines = [f"{path}: not there, so versions and processors are not compared" for path in tables if not path.is_file()]
    if not lines:
        rows = changed(*(read_table(path, "software") for path in tables))
        lines = [
            f"{row.kind} {row.name}: {row.value_x or 'none'} and {row.value_y or 'none'}" for row in rows.itertuples()
        ]
    codes = [run.files.groupby("rule")["code"].first() for run in (first, second)]
    both = pd.concat(codes, axis=1, join="inner")
    other = both.index[both.iloc[:, 0] != both.iloc[:, 1]].tolist()
    return [*lines, *([f"code of {len(other)} rules: {', '.join(other)}"] if other else [])]


def label_agreement(first: Run, second: Run) -> list[str]:
    """How far the cell types of each dataset agree: cells in both runs, adjusted Rand index, share of equal labels."""
    from sklearn.metrics import adjusted_rand_score

    lines = []
    for path in first.files.index[first.files.index.str.endswith("/cell_types.parquet")]:
        if path in second.files.index and first.has(path) and second.has(path):
            ours, theirs = (
                read_table(run.folder / path, "cell_types").set_index("cell")[CELL_TYPE] for run in (first, second)
            )
            both = pd.concat([ours, theirs], axis=1, join="inner", keys=["ours", "theirs"])
            index, equal = adjusted_rand_score(both["ours"], both["theirs"]), (both["ours"] == both["theirs"]).mean()
            counts = f"{len(both):,} cells in both of {len(ours):,} and {len(theirs):,}"
            lines.append(
                f"{Path(path).parent.name}: {counts}, adjusted Rand index {index:.4f}, share equal {equal:.4f}"
            )
    return lines


def verdict(first: Run, second: Run) -> tuple[str, bool]:
    """The whole comparison as text, and whether all results are the same."""
    found, around = compare_runs(first, second), circumstances_that_differ(first, second)
    n_files = len(first.files.index.union(second.files.index))
    lines = [f"First run:  {first.manifest}", f"Second run: {second.manifest}"]
    if around:
        lines += [
            "Other circumstances (first and second run), which may move values:",
            *(f"  {line}" for line in around),
        ]
    else:
        lines += ["Versions, processor, BLAS kernel and code are the same."]
    if found.empty:
        return "\n".join([*lines, f"All {n_files} results are the same, byte for byte."]), True
    lines += [f"{len(found)} of {n_files} results differ. The first, in the data's way:"]
    lines += [f"  {found['path'][0]} (rule {found['rule'][0]}; {found['why'][0]})", f"    {found['what'][0]}"]
    rest = found[1:]
    lines += ["Then:"] if len(rest) else []
    lines += [f"  {row.path}\n    {row.what}" for row in rest[:SHOWN].itertuples()]
    lines += [f"  and {len(rest) - SHOWN} more"] if len(rest) > SHOWN else []
    lines += ["Cell types:", *(f"  {line}" for line in label_agreement(first, second))]
    return "\n".join(lines), False
