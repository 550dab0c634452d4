"""Make human.tsv, mouse.tsv and mouse_human.tsv again, from downloads of their two sources.

    python make_tables.py --human gencode.v44.annotation.gtf.gz --mouse mart_export.csv.gz

--human: the GTF of GENCODE v44, or a csv of gene id and gene name without a heading.
--mouse: a BioMart export of all mouse genes (Ensembl Genes, GRCm39), as csv, with the columns of COLUMNS.
Both may be plain or .gz. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

MOUSE_ID, MOUSE, HUMAN_ID, HOMOLOGY, CONFIDENCE = COLUMNS = (
    "Gene stable ID",
    "Gene name",
    "Human gene stable ID",
    "Human homology type",
    "Human orthology confidence [0 low, 1 high]",
)


def lines(path: str) -> Iterator[str]:
    """The lines of a text file, plain or gzip."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as stream:
        yield from stream


def human_genes(path: str) -> dict[str, str]:
    """Symbol of each human gene id; ids without version, genes that are called by their id left out."""
    if ".gtf" in path:
        pattern = re.compile(r'\tgene\t.*gene_id "([^"]+)".*gene_name "([^"]+)"')
        pairs = [found.groups() for line in lines(path) if (found := pattern.search(line))]
    else:
        pairs = [tuple(row[:2]) for row in csv.reader(lines(path))]
    named = ((re.sub(r"\.\d+", "", gene_id), symbol) for gene_id, symbol in pairs)
    return {gene_id: symbol for gene_id, symbol in named if symbol and not symbol.startswith("ENSG")}


def one_to_one(rows: list[dict], mouse: dict[str, str], human: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """Pairs of one-to-one orthologs whose symbols both stand for one gene.

    A pair of low confidence (little synteny or likeness; among them many small RNAs paired by chance) counts only if
    the naming committees of both species gave the two genes one symbol.
    """
    times = Counter(mouse.values()), Counter(human.values())
    for row in rows:
        if row[HOMOLOGY] != "ortholog_one2one":
            continue
        symbols = mouse.get(row[MOUSE_ID], ""), human.get(row[HUMAN_ID], "")
        clear = [count[symbol] == 1 for count, symbol in zip(times, symbols, strict=True)]
        if all(clear) and (row[CONFIDENCE] == "1" or symbols[0].upper() == symbols[1].upper()):
            yield *symbols, row[MOUSE_ID], row[HUMAN_ID]


def write(path: Path, heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """A sorted table without repeats. Plain text: Snakemake fetches no other kind of file from GitHub."""
    path.write_text("".join("\t".join(row) + "\n" for row in [heading, *sorted(set(rows))]), encoding="utf-8")


def main() -> None:
    """Write the three tables beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--human", required=True)
    parser.add_argument("--mouse", required=True)
    parser.add_argument("--to", type=Path, default=Path(__file__).parent)
    given = parser.parse_args()
    human, rows = human_genes(given.human), list(csv.DictReader(lines(given.mouse)))
    mouse = {row[MOUSE_ID]: row[MOUSE] for row in rows if row[MOUSE]}
    write(given.to / "human.tsv", ("gene_id", "symbol"), human.items())
    write(given.to / "mouse.tsv", ("gene_id", "symbol"), mouse.items())
    heading = ("mouse_symbol", "human_symbol", "mouse_id", "human_id")
    write(given.to / "mouse_human.tsv", heading, one_to_one(rows, mouse, human))


if __name__ == "__main__":
    main()
