"""A draft of a dataset folder from what GEO says of a series: its files, and its samples with their characteristics.

What GEO cannot know (who is a case, who is a replicate, nuclei or cells) is left open, so that `check` asks for it.
SOURCE: GEO's folders for series (suppl/ with filelist.txt, matrix/ with the series matrix), GEO documentation.
"""

from __future__ import annotations

import html.parser
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from alscell.errors import InputError
from alscell.series_matrix import read_series_matrix
from alscell.sources import read_listing

BASE = "https://ftp.ncbi.nlm.nih.gov/geo/series"
OPEN = "TODO"  # no valid value of any key that is drafted so: `check` stops at it
ORGANISMS = {"Homo sapiens": "human", "Mus musculus": "mouse"}
# Endings of files that can hold counts, in the order in which they are preferred, and the layout that they have.
LAYOUTS = {
    ".h5": "10x_h5",
    ".mtx": "10x_mtx",
    ".h5ad": "h5ad",
    ".loom": "loom",
    ".csv": "dense_csv",
    ".tsv": "dense_csv",
    ".txt": "dense_csv",
    ".rds": "seurat_rds",
}
DONOR_KEY = re.compile(
    r"\b(donor|subject|individual|patient|participant|animal|mouse|line|clone)( ?(id|name|number))?$"
)
CHARACTERISTIC = "characteristics "
TRIO = re.compile(r"(matrix\.mtx|barcodes\.tsv|features\.tsv|genes\.tsv)(\.gz)?$")


@dataclass(frozen=True)
class Series:
    """A GEO series: title, PubMed ids, organisms, and a column of text for each attribute of its samples."""

    accession: str
    title: str
    pubmed: tuple[str, ...]
    organisms: tuple[str, ...]
    samples: dict[str, list[str]]


def series_folder(accession: str, *, base: str = BASE) -> str:
    """The address of a series at GEO.

    Raises
    ------
    InputError
        If the accession is none of a series.
    """
    if not re.fullmatch(r"GSE\d+", accession):
        mend = "Of a sample (GSM...) or a paper, take the series (GSE...) that its page names."
        raise InputError("accession", found=f"'{accession}'", expected="a GEO series, such as GSE287257", mend=mend)
    return f"{base.rstrip('/')}/{accession[:-3]}nnn/{accession}"


def draft(accession: str, *, fetch: Callable[[str], str], base: str = BASE) -> tuple[str, str]:
    """dataset.yaml and samples.tsv of a series, as texts.

    Parameters
    ----------
    accession : str
        A series, GSE...
    fetch : function
        Address -> text; raises InputError if it cannot be had.
    base : str
        Address of the folder that holds the series.

    Raises
    ------
    InputError
        No such series, no series matrix, or an answer that is none of GEO's.
    """
    address = series_folder(accession, base=base)
    names = index_names(fetch(f"{address}/suppl/"))
    listing = fetch(f"{address}/suppl/filelist.txt") if "filelist.txt" in names else ""
    listed = read_listing(listing, f"{accession}_RAW.tar") if listing else None
    members = list(listed.members) if listed else []
    matrices = [name for name in index_names(fetch(f"{address}/matrix/")) if name.endswith("_series_matrix.txt.gz")]
    if not matrices:
        mend = "Write the two files by hand: docs/own_dataset.md."
        raise InputError(f"{address}/matrix/", found="no series matrix", expected="one or more", mend=mend)
    series = join_series([read_series(fetch(f"{address}/matrix/{name}")) for name in matrices])
    files = count_files(names, members)
    in_tar = files[:1] == [f"{accession}_RAW.tar"]
    facts = draft_yaml(
        series,
        files,
        others=[name for name in names if name not in (*files, "filelist.txt")],
        layout=layout_of(members if in_tar else files),
        url=f"{address}/suppl",
        listed=bool(listing),
        matrix=f"{address}/matrix/{matrices[0]}",
    )
    return facts, draft_sheet(series, files, members_of(series.samples["geo_accession"], members) if in_tar else {})


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]


def index_names(page: str) -> list[str]:
    """Names of the files that a folder's index page links to; folders, parents and other sites are left out."""
    parser = _Links()
    parser.feed(page)
    names = [unquote(urlsplit(link).path) for link in parser.links if "://" not in link and not link.startswith("?")]
    return sorted({name for name in names if name and "/" not in name})


def read_series(text: str) -> Series:
    """What a series matrix says of a series and its samples; characteristics by '<CHARACTERISTIC><key in lower case>'.

    Raises
    ------
    InputError
        If the text is no series matrix.
    """
    matrix = read_series_matrix(text.splitlines(), where="series matrix")
    named = {f"{CHARACTERISTIC}{key.lower()}": values for key, values in matrix.characteristics.items()}
    return Series(
        accession=matrix.series.get("geo_accession", [""])[0],
        title=matrix.series.get("title", [""])[0],
        pubmed=tuple(matrix.series.get("pubmed_id", [])),
        organisms=tuple(sorted(set(matrix.samples.get("organism_ch1", [])))),
        samples={**matrix.samples, **named},
    )


def join_series(parts: list[Series]) -> Series:
    """One series of several matrices: GEO writes one for each platform."""
    keys = list(dict.fromkeys(key for part in parts for key in part.samples))
    sizes = [len(part.samples["geo_accession"]) for part in parts]
    samples = {
        key: [value for part, size in zip(parts, sizes, strict=True) for value in part.samples.get(key, [""] * size)]
        for key in keys
    }
    organisms = tuple(sorted({name for part in parts for name in part.organisms}))
    first = parts[0]
    return Series(first.accession, first.title, first.pubmed, organisms, samples)


def layout_of(names: list[str]) -> str:
    """The layout of a series' files, or of the members of its tar, by their endings; OPEN if none is known."""
    endings = {posixpath.splitext(name.lower().removesuffix(".gz"))[1] for name in names}
    return next((layout for ending, layout in LAYOUTS.items() if ending in endings), OPEN)


def draft_sheet(series: Series, files: list[str], members: dict[str, str]) -> str:
    """samples.tsv: one row a GEO sample, with all that GEO says of it.

    Parameters
    ----------
    series : Series
        From its series matrix.
    files : list of str
        Files that hold counts.
    members : dict
        Sample -> what it is called in the one archive; {} where files are no archive.

    Returns
    -------
    str
        Columns sample, donor, condition, file, member, title and one for each characteristic that differs between
        samples. `condition` is empty, and so is `donor` where no characteristic says who it is.
    """
    accessions = series.samples["geo_accession"]
    said = [key for key in series.samples if key.startswith(CHARACTERISTIC)]
    named = {key.removeprefix(CHARACTERISTIC): series.samples[key] for key in said}
    donor = next((key for key in named if DONOR_KEY.search(key)), None)
    columns = {
        "sample": accessions,
        "donor": [value.replace(" ", "_") for value in named[donor]] if donor else [""] * len(accessions),
        "condition": [""] * len(accessions),
        "file": [files[0] if len(files) == 1 else _file_of(name, files) for name in accessions],
        "member": [members.get(name, "") for name in accessions],
        "title": series.samples.get("title", accessions),
        **{_column(key): values for key, values in named.items() if key != donor and len(set(values)) > 1},
    }
    rows = zip(*columns.values(), strict=True)
    lines = ["\t".join(columns), *("\t".join(_cell(value) for value in row) for row in rows)]
    return "\n".join(lines) + "\n"


def _file_of(accession: str, files: list[str]) -> str:
    """The file of a sample, where there is one a sample."""
    fits = [name for name in files if name.startswith(f"{accession}_")]
    return fits[0] if fits else ""


def _column(key: str) -> str:
    """A characteristic as the name of a column, apart from those that results use; sex by the name that is checked."""
    name = re.sub(r"[^a-z0-9]+", "_", key).strip("_") or "unnamed"
    if re.fullmatch(r"gender|sex(_.*)?", name):
        return "sex"
    return f"{name}_in_geo" if name in ("cell", "cell_type", "cluster", "dataset", "title", "barcode") else name


def _cell(value: str) -> str:
    return re.sub(r"[\s#]+", " ", value).strip()


def members_of(accessions: list[str], names: list[str]) -> dict[str, str]:
    """What each sample is called in a tar: its one file, or the beginning that its three files share."""
    layout, found = layout_of(names), {}
    for accession in accessions:
        own = sorted(name for name in names if re.match(rf"{accession}\D", name))
        fits = [name for name in own if layout_of([name]) == layout]
        if fits:
            found[accession] = TRIO.sub("", fits[0]) if layout == "10x_mtx" else fits[0]
    return found


def count_files(names: list[str], members: list[str]) -> list[str]:
    """Of the files of a series, those that may hold counts: its tar if there are any in it, else by their endings."""
    tars = [name for name in names if name.endswith("_RAW.tar")]
    if tars and layout_of(members) != OPEN:
        return tars
    return [name for name in names if layout_of([name]) != OPEN and name != "filelist.txt"]


def draft_yaml(
    series: Series, files: list[str], *, others: list[str], layout: str, url: str, listed: bool, matrix: str
) -> str:
    """dataset.yaml with all that GEO says; what it does not say is marked, and `check` asks for it.

    Parameters
    ----------
    series : Series
        From its series matrix.
    files : list of str
        Files that may hold counts, below `url`.
    others : list of str
        The other files there, named in a comment.
    layout : str
        From `layout_of`.
    url : str
        Address of the folder with the files.
    listed : bool
        Whether GEO's filelist.txt is there.
    matrix : str
        Address of the series matrix, for whoever reads the draft.
    """
    organism = ORGANISMS.get(series.organisms[0], OPEN) if len(series.organisms) == 1 else OPEN
    tissues = sorted(set(series.samples.get(f"{CHARACTERISTIC}tissue", series.samples.get("source_name_ch1", []))))
    cited = f"PMID {', '.join(series.pubmed)}" if series.pubmed else "no paper named at GEO"
    lines = [
        f"# A draft from {matrix}.",
        f"# Replace every {OPEN}, fill `condition` (and `donor`) in samples.tsv, remove what is not wanted, then run",
        "# `snakemake check`. docs/add_dataset.md goes through it.",
        f"id: {series.accession.lower()}",
        f"title: {_quoted(series.title)}",
        f"accession: {series.accession}",
        f"organism: {organism}                 # human or mouse; GEO says {', '.join(series.organisms) or 'nothing'}",
        f"tissue: {_quoted(', '.join(tissues) or OPEN)}",
        f"system: {OPEN}                    # tissue or dish",
        f"assay: {OPEN}                     # nuclei or cells",
        "replicate: donor                # donor, line or animal: whom the column `donor` names",
        "verified: false",
        "unverified_reason: drafted from GEO, not yet run",
        f"citation: {_quoted(f'GEO accession {series.accession}; {cited}')}",
        "licence: open in GEO; terms of NCBI GEO",
        "enters_at: load",
        f"layout: {layout}",
        *([f"orientation: {OPEN}               # genes_by_cells or cells_by_genes"] if layout == "dense_csv" else []),
        "source:",
        f"  url: {url}",
        *(["  listing: filelist.txt"] if listed else []),
        "  files:",
        *(f"    - {{name: {name}}}" for name in files or [OPEN]),
        *([f"  # also there: {', '.join(others)}"] if others else []),
        "levels:",
        "  condition: [ALS, Control]     # the only values that `condition` may have",
        f"expected_donors: {OPEN}           # as the paper says, {{ALS: 8, Control: 4}}: another number is an error",
        "markers: spinal_cord            # or ipsc_motor_neurons, motor_cortex, or a table of your own",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + re.sub(r"\s+", " ", text).replace("\\", "/").replace('"', "'").strip() + '"'
