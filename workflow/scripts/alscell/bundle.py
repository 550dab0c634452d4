"""The archive of a run: code, what its config names, tables and figures in one file with the same bytes every time."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from alscell.errors import InputError
from alscell.files import atomic

TOP = "alscell-run"  # the folder that the archive unpacks to
RUN = "run"  # below it: the results, apart from where a new run writes
OUTSIDE = "outside"  # below it: files that the config names by a path that leads out of the working folder
CODE = (
    *("Snakefile", "Makefile", "config.yaml", "pyproject.toml", ".python-version"),
    *("README.md", "CHANGELOG.md", "LICENSE", "CITATION.cff"),
    *("docs", "envs", "examples", "profiles", "resources", "workflow"),
)
# Matrices stay out: counts, graphs, and a value of every cell in many columns. Everything else is a table or a figure.
MATRICES = (".h5ad", ".npz", ".h5", ".mtx", ".mtx.gz", "/embedding.parquet", "/pathway_scores.parquet")


def code_files(checkout: str | Path) -> dict[str, Path]:
    """Every file of the code, the lock and the shipped resources, by its name in the archive.

    Raises
    ------
    InputError
        If this folder is no checkout: under `module: github(...)` there is none on this machine.
    """
    checkout = Path(checkout)
    if not (checkout / "Snakefile").is_file() or not (checkout / "envs/requirements.lock").is_file():
        mend = "Clone alscell and name its Snakefile by a path."
        found = "no Snakefile with envs/requirements.lock"
        raise InputError(str(checkout), found=found, expected="a checkout of alscell", mend=mend)
    files = [path for name in CODE for path in _walk(checkout / name)]
    return {path.relative_to(checkout).as_posix(): path for path in files}


def _walk(path: Path) -> Iterator[Path]:
    """A file, or all files below a folder but bytecode and hidden ones."""
    if path.is_file():
        yield path
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        yield from (Path(folder, name) for name in names if not name.startswith(".") and not name.endswith(".pyc"))


def named_files(settings: Mapping[str, Any], folder: str | Path) -> dict[str, Path]:
    """Small files that a config names, by their name in the archive: dataset folders, gene sets, locks of downloads.

    Parameters
    ----------
    settings : mapping
        The whole config.
    folder : path
        Where its relative paths start.

    Returns
    -------
    dict
        A path that leads out of `folder` stands below "outside/". Data are left out: of a dataset's folder and of the
        locks, YAML and TSV files are taken.
    """
    folder = Path(folder).resolve()
    sets = settings["pathways"]
    given = [*sets["gene_sets"], *(entry["gmt"] for entry in sets["collections"] if entry.get("gmt"))]
    files = [path for name in given for path in (folder / name, (folder / name).with_suffix(".yaml"))]
    places = [entry["folder"] for entry in settings["datasets"] if entry.get("folder")]
    for place in [*places, settings["download"]["locks"]]:
        files += [path for ending in ("yaml", "tsv") for path in (folder / place).glob(f"**/*.{ending}")]
    return {_inside(path, folder): path for path in files if path.is_file()}


def _inside(path: Path, folder: Path) -> str:
    path = Path(os.path.normpath(path))
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    return f"{OUTSIDE}/{path.relative_to(path.anchor).as_posix()}"


def result_files(paths: Iterable[str]) -> dict[str, Path]:
    """Tables and figures among the results of a run, by their name in the archive."""
    return {f"{RUN}/{path}": Path(path) for path in paths if not path.endswith(MATRICES)}


def readme(manifest: str, *, simulated: list[str], outside: list[str]) -> str:
    """The page that says what the archive is, and how to run and check it."""
    config = Path(manifest).with_name("config.yaml").as_posix()
    lines = [
        "# The archive of a run of alscell",
        "",
        f"Code, lock and config of one run, and in `{RUN}/` its tables and figures; no raw data and no matrices (h5ad,",
        "graphs, values of every cell), which the commands below make again.",
        "",
        *([f"SIMULATED data: {', '.join(simulated)}.", ""] if simulated else []),
        "```sh",
        "make setup                                                   # .venv from the lock with checksums",
        f".venv/bin/snakemake --configfile {RUN}/{config}   # the run again, in results/",
        f"make verify MANIFEST={RUN}/{manifest}   # or: again in a fresh folder, and every file compared",
        "```",
        "",
        f"The checksums of the raw files are in `{RUN}/results/<dataset>/acquired/`; public ones are downloaded again.",
        "Raw files that were on the machine of the first run must be put where the config says; see docs/reproduce.md.",
    ]
    if outside:
        lines += ["", f"These files lay outside of the run's folder; their paths in {config} must be edited:", ""]
        lines += [f"- `{name}`" for name in outside]
    return "\n".join(lines) + "\n"


def write_archive(files: Mapping[str, Path], texts: Mapping[str, str], path: str | Path) -> None:
    """Write a .tar.gz of files and texts, by name; no time, owner or order of a disk gets into its bytes."""
    with atomic(path) as part, part.open("wb") as stream:
        packed = gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0, compresslevel=6)
        with packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in sorted({*files, *texts}):
                data = texts[name].encode() if name in texts else files[name].read_bytes()
                _add(archive, f"{TOP}/{name}", data, executable=name in files and os.access(files[name], os.X_OK))


def _add(archive: tarfile.TarFile, name: str, data: bytes, *, executable: bool) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o755 if executable else 0o644
    archive.addfile(entry, io.BytesIO(data))
