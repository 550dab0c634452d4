"""Draft a dataset folder from a GEO accession: `make dataset ACCESSION=GSE287257`. Called by people, not by a rule.

Reads: the index of suppl/, filelist.txt and the series matrix at GEO. Writes: <folder>/dataset.yaml and samples.tsv.
"""

import argparse
import gzip
import sys
import tempfile
import zlib
from pathlib import Path

from alscell import geo
from alscell.errors import InputError
from alscell.files import write_text
from alscell.transfer import DownloadFailed, download, fetch_text

PATIENCE = {"attempts": 3, "timeout": 60, "pause": 2.0}  # tries, seconds, seconds


def main(accession: str, folder: Path, *, base: str) -> None:
    """Write the two files, unless one is there already."""
    for name in ("dataset.yaml", "samples.tsv"):
        if (folder / name).exists():
            mend = "Choose another folder (FOLDER=...), or remove it."
            raise InputError(str(folder / name), found="a file", expected="none: nothing is overwritten", mend=mend)
    facts, sheet = geo.draft(accession, fetch=_text, base=base)
    write_text(facts, folder / "dataset.yaml")
    write_text(sheet, folder / "samples.tsv")
    print(f"{folder}/: dataset.yaml and samples.tsv with {sheet.count(chr(10)) - 1} samples.")
    print(f"Replace every {geo.OPEN} and fill `condition`; then `snakemake check` (docs/add_dataset.md).")


def _text(address: str) -> str:
    try:
        if not address.endswith(".gz"):
            return fetch_text(address, **PATIENCE)
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / "matrix.gz"
            download(address, part, verify=lambda _: None, size=None, trusted=False, **PATIENCE)
            return gzip.decompress(part.read_bytes()).decode("utf-8", errors="replace")
    except (DownloadFailed, OSError, EOFError, zlib.error) as failure:
        mend = "Is the accession right, and public? docs/own_dataset.md says how to write the two files by hand."
        raise InputError(address, found=str(failure), expected="GEO's answer", mend=mend) from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("accession", help="a GEO series, such as GSE287257")
    parser.add_argument("--folder", type=Path, help="folder to write to; default: datasets/<accession>")
    parser.add_argument("--base", default=geo.BASE, help="address of GEO's series, for a mirror of it")
    given = parser.parse_args()
    try:
        main(given.accession, given.folder or Path("datasets") / given.accession.lower(), base=given.base)
    except InputError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        sys.exit(1)
