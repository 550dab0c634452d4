"""Draft a dataset folder from a GEO accession: `make dataset ACCESSION=GSE287257`. Called by people, not by a rule.

Reads: the index of suppl/, filelist.txt and the series matrix at GEO. Writes: <folder>/dataset.yaml and samples.tsv.
"""

import argparse
import gzip
import logging
import sys
from pathlib import Path

from alscell import geo
from alscell.errors import InputError
from alscell.files import write_text
from alscell.sources import read_listing
from alscell.transfer import DownloadFailed, fetch_bytes


def main(accession: str, folder: Path, *, base: str) -> None:
    """Write the two files, unless one is there already."""
    address = geo.series_folder(accession, base=base)
    for name in ("dataset.yaml", "samples.tsv"):
        if (folder / name).exists():
            mend = "Choose another folder (FOLDER=...), or remove it."
            raise InputError(str(folder / name), found="a file", expected="none: nothing is overwritten", mend=mend)
    names = geo.index_names(_text(f"{address}/suppl/"))
    listing = _text(f"{address}/suppl/filelist.txt") if "filelist.txt" in names else ""
    listed = read_listing(listing, f"{accession}_RAW.tar") if listing else None
    members = list(listed.members) if listed else []
    matrices = [name for name in geo.index_names(_text(f"{address}/matrix/")) if name.endswith("series_matrix.txt.gz")]
    series = geo.join_series([geo.read_series(_text(f"{address}/matrix/{name}")) for name in matrices])
    files = geo.count_files(names, members)
    inside = members if files and files[0].endswith(".tar") else files
    layout, others = geo.layout_of(inside), [name for name in names if name not in files]
    found = {"layout": layout, "url": f"{address}/suppl", "listed": bool(listing), "others": others}
    write_text(
        geo.draft_yaml(series, files, matrix=f"{address}/matrix/{matrices[0]}", **found), folder / "dataset.yaml"
    )
    samples = geo.members_of(series.samples["geo_accession"], members) if inside is members else {}
    write_text(geo.draft_sheet(series, files, samples), folder / "samples.tsv")
    print(
        f"{folder}/: dataset.yaml and samples.tsv with {len(series.samples['geo_accession'])} samples, layout {layout}."
    )
    print(f"Replace every {geo.OPEN} and fill `condition`; then `snakemake check` (docs/add_dataset.md).")


def _text(address: str) -> str:
    try:
        data = fetch_bytes(address)
    except DownloadFailed as failure:
        mend = "Is the accession right, and public? docs/own_dataset.md says how to write the two files by hand."
        raise InputError(address, found=str(failure), expected="GEO's answer", mend=mend) from None
    return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode("utf-8", errors="replace")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("accession", help="a GEO series, such as GSE287257")
    parser.add_argument("--folder", type=Path, help="folder to write to; default: datasets/<accession>")
    parser.add_argument("--base", default=geo.BASE, help="address of GEO's series, for a mirror of it")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    try:
        main(given.accession, given.folder or Path("datasets") / given.accession.lower(), base=given.base)
    except InputError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        sys.exit(1)
