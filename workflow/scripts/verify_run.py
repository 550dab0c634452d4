"""Does a run give the same results again? `make verify MANIFEST=results/manifest.tsv`. Called by people, not by a rule.

Reruns the config beside the manifest with the code of this checkout, in a fresh folder, and compares every result; or,
with OTHER=..., compares two finished runs. Exit code: 0 all the same, 1 something differs, 2 cannot be compared.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from alscell.errors import InputError
from alscell.files import read_table, read_yaml, sha256
from alscell.verification import Run, read_run, verdict

CHECKOUT = Path(__file__).resolve().parents[2]
MADE = {"results", "logs", "benchmarks", "locks"}  # what a run writes; locks are copied, the others made anew


def main(*, manifest: str, other: str, folder: str, cores: str) -> bool:
    """Print the comparison; whether all is the same."""
    first = read_run(manifest)
    text, same = verdict(first, read_run(other or rerun(first, Path(folder or tempfile.mkdtemp()).resolve(), cores)))
    print(text)
    return same


def rerun(first: Run, folder: Path, cores: str) -> Path:
    """Run the same config in a fresh folder; where its manifest is."""
    config = first.manifest.with_name("config.yaml")
    if not config.is_file():
        expected = "the config of the run, beside manifest.tsv"
        mend = "Compare two finished runs with OTHER=..., or take the archive of the run."
        raise InputError(str(config), found="no such file", expected=expected, mend=mend)
    if folder.is_dir() and any(folder.iterdir()):
        mend = "Choose another FOLDER."
        raise InputError(str(folder), found="a folder with files", expected="an empty folder", mend=mend)
    summary = Path(read_yaml(config).get("summary_folder") or "results")
    if summary.is_absolute() or ".." in summary.parts:
        expected, mend = "a folder below that of the run", "Compare two finished runs with OTHER=..."
        raise InputError(f"{config}: summary_folder", found=str(summary), expected=expected, mend=mend)
    manifest = folder / summary / "manifest.tsv"
    print(prepare(first, folder, summary.parts[0]), flush=True)
    print(f"Run again in {folder}, which takes as long as the first time; messages: {folder}/run.log", flush=True)
    command = [sys.executable, "-m", "snakemake", str(manifest.relative_to(folder)), "--cores", cores]
    command += ["--snakefile", str(CHECKOUT / "Snakefile"), "--directory", str(folder), "--configfile", str(config)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with (folder / "run.log").open("w", encoding="utf-8") as log:
        code = subprocess.run(command, stdout=log, stderr=log, env={**os.environ, "PATH": path}, cwd=folder).returncode
    if code:
        found, mend = f"Snakemake ended with code {code}", f"Read {folder}/run.log."
        raise InputError(str(config), found=found, expected="a run that ends well", mend=mend)
    return manifest


def prepare(first: Run, folder: Path, summary: str = "results") -> str:
    """Links to what the config may name, in the first run's folder or else in this checkout; says which raw files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {*MADE, summary}
    for place in (first.folder, CHECKOUT):
        for entry in sorted(place.iterdir()):
            if not (entry.name in made or entry.name.startswith(".") or (folder / entry.name).exists()):
                (folder / entry.name).symlink_to(entry)
        if (place / "locks").is_dir() and not (folder / "locks").exists():
            shutil.copytree(place / "locks", folder / "locks")
    raw = first.files.index[first.files["rule"] == "acquire_file"]
    anew = [path for path in raw if not reuse_raw_file(first, path, folder)]
    simulated = (first.files["rule"] == "simulate_file").sum()
    said = f"Raw files: {len(raw) - len(anew)} used again, {simulated} simulated again, {len(anew)} acquired again"
    return said + (f" (not in {first.folder}, or with another checksum): {', '.join(anew)}" if anew else "")


def reuse_raw_file(first: Run, path: str, folder: Path) -> bool:
    """Link a raw file of the first run and say True, if it still is what was acquired; else it is fetched again."""
    raw = path.replace("/acquired/", "/raw/", 1).removesuffix(".tsv")
    known = read_table(first.folder / path, "acquired")["sha256"][0] if first.has(path) else ""
    if same := (first.folder / raw).is_file() and sha256(first.folder / raw) == known:
        for place in (folder / raw, folder / path):
            place.parent.mkdir(parents=True, exist_ok=True)
        (folder / raw).symlink_to((first.folder / raw).resolve())
        shutil.copyfile(first.folder / path, folder / path)
    return same


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", help="manifest.tsv of the first run, or the folder it lies in")
    parser.add_argument("--other", default="", help="that of a second run; without it, the first is run again")
    parser.add_argument("--folder", default="", help="empty folder to run in; default: a temporary one, which stays")
    parser.add_argument("--cores", default="all", help="processors that Snakemake may use")
    given = vars(parser.parse_args())
    try:
        sys.exit(0 if main(**given) else 1)
    except InputError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        sys.exit(2)
