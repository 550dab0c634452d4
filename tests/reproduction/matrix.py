"""Are the results the same bytes? The demo run in several ways, each compared with the first: `make reproduction`.

Writes docs/reproduction.md. Ways: one core; two; another folder, locale, time zone, user and BLAS setting; another
checkout with the other Python; and one count of one sample raised by one, whose first difference is known. A way whose
runs are there already (--folder) is not run again, so that a broken call goes on where it stopped.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h5py

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from alscell.bundle import code_files  # noqa: E402
from alscell.files import read_table, write_text  # noqa: E402
from alscell.verification import compare_runs, label_agreement, read_run  # noqa: E402

ELSEWHERE = {
    "LC_ALL": "C",
    "LANG": "C",
    "TZ": "Asia/Kathmandu",
    "USER": "another",
    "LOGNAME": "another",
    "PYTHONHASHSEED": "7",
    "OPENBLAS_NUM_THREADS": "2",
    "NUMBA_NUM_THREADS": "2",
}
COUNTS = "samples/*/counts.h5ad"


@dataclass(frozen=True)
class Way:
    """One way to run: a sentence for the page, cores, further environment, and what makes its checkout or its input."""

    name: str
    says: str
    cores: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    checkout: Callable[[Path, str], Path] = lambda _folder, _python: ROOT
    start: Callable[[Path, Path], list[str]] = lambda _first, _folder: []


def other_checkout(folder: Path, python: str) -> Path:
    """A copy of the code with an environment of its own, made from the lock with the other Python."""
    place = folder / "checkout"
    for name, path in code_files(ROOT).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / name)
    command = [sys.executable, str(place / "envs/setup.py")]
    subprocess.run(command, check=True, env={**os.environ, "ALSCELL_PYTHON": python})
    return place


def raise_one_count(first: Path, folder: Path) -> list[str]:
    """The first run's results, with the middle count of the first sample of the first dataset raised by one."""
    shutil.copytree(first / "results", folder / "results")
    now = time.time()
    for path in (folder / "results").rglob("*"):
        os.utime(path, (now, now))  # one time for all: no file is newer than what was made of it
    time.sleep(2)
    chosen = min((folder / "results").glob(f"*/{COUNTS}"))
    with h5py.File(chosen, "r+") as file:
        file["X/data"][len(file["X/data"]) // 2] += 1
    return ["--rerun-triggers", "mtime"]  # the copies have no record of what made them, only their times


WAYS = (
    Way("first", "1 core"),
    Way("two_cores", "2 cores", cores=2),
    Way(
        "elsewhere",
        "2 cores; another folder, home, user name, locale (C), time zone (Kathmandu) and hash seed; two threads asked "
        "of OpenBLAS and Numba",
        cores=2,
        environment=ELSEWHERE,
    ),
    Way("other_python", "2 cores; another checkout, with the other Python", cores=2, checkout=other_checkout),
    Way("one_count", "2 cores; one count of one sample raised by one", cores=2, start=raise_one_count),
)


def run(way: Way, folder: Path, first: Path, *, config: str, python: str) -> Path:
    """Run one way, unless it is done; the folder of its results."""
    place = folder / way.name
    if (place / "done").is_file():
        return place
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    checkout, more = way.checkout(folder, python), way.start(first, place)
    (place / "examples").symlink_to(ROOT / "examples")
    environment = {**os.environ, **way.environment, "HOME": str(folder / f"home_{way.name}")}
    environment["PATH"] = os.pathsep.join([str(checkout / ".venv" / "bin"), environment["PATH"]])
    command = [str(checkout / ".venv/bin/snakemake"), "all", "--snakefile", str(checkout / "Snakefile")]
    command += ["--directory", str(place), "--cores", str(way.cores), "--configfile", config, *more]
    print(f"{way.name}: {way.says}", flush=True)
    with (folder / f"{way.name}.log").open("w", encoding="utf-8") as log:
        code = subprocess.run(command, stdout=log, stderr=log, env=environment, cwd=place, check=False).returncode
    if code:
        raise SystemExit(f"{way.name}: Snakemake ended with code {code}; read {folder}/{way.name}.log")
    write_text("", place / "done")
    return place


def row(way: Way, first: Path, place: Path) -> str:
    """One row of the page: the way, its Python, files, how many are the same, the first that is not, and in what."""
    one, other = read_run(first / "results"), read_run(place / "results")
    found = compare_runs(one, other)
    n_files = len(one.files.index.union(other.files.index))
    what = f"`{found['path'][0]}`: {found['what'][0]}" if len(found) else ""
    cells = [way.says, version(place, "CPython"), str(n_files), str(n_files - len(found)), what.replace("|", "\\|")]
    return f"| {' | '.join(cells)} |"


def version(place: Path, name: str) -> str:
    """One value of software.tsv."""
    return read_table(place / "results/software.tsv", "software").set_index("name")["value"][name]


def starts(python: str) -> bool:
    """Whether a Python is there and starts: a launcher may be there without the version it stands for."""
    try:
        return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def page(done: list[tuple[Way, Path]], config: str) -> str:
    """docs/reproduction.md."""
    first = done[0][1]
    rows = [row(way, first, place) for way, place in done[1:]]
    labels = [
        f"- {way.says}: {'; '.join(label_agreement(read_run(first / 'results'), read_run(place / 'results')))}"
        for way, place in done[1:]
    ]
    lines = [
        "# Are the results the same bytes?",
        "",
        "Written by `make reproduction`; don't edit it by hand. SIMULATED data: this is about bytes, not about ALS.",
        "",
        f"`{config}` was run in several ways on one machine ({version(first, 'processor')}, {version(first, 'BLAS')}),",
        f"and every file of the manifest compared with the first run: 1 core, Python {version(first, 'CPython')}.",
        "",
        "| the other run | Python | files | the same bytes | the first that is not, in the data's way |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "Cell types of the first run against those of the other:",
        "",
        *labels,
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--config", default="examples/demo/config.yaml", help="of a simulated cohort, from the checkout"
    )
    parser.add_argument("--other-python", default="python3.13", help="the Python of the other checkout")
    parser.add_argument("--ways", nargs="+", default=[way.name for way in WAYS], help="some of the ways, by name")
    parser.add_argument("--folder", type=Path, help="where to run; default: a temporary folder, which stays")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/reproduction.md")
    given = parser.parse_args()
    folder = (given.folder or Path(tempfile.mkdtemp())).resolve()
    settings = {"config": str((ROOT / given.config).resolve()), "python": given.other_python}
    chosen = [way for way in WAYS if way.name in {"first", *given.ways}]
    if "other_python" in given.ways and not starts(given.other_python):  # said before an hour of runs, not after
        raise SystemExit(f"--other-python {given.other_python} cannot be run; name another (make: OTHER_PYTHON=...)")
    done = [(way, run(way, folder, folder / "first", **settings)) for way in chosen]
    write_text(page(done, given.config), given.out)
    print(f"{given.out}: written; the runs are in {folder}")
