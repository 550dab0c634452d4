"""Draw the number of genes up and down in every cell type and contrast of a dataset."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_tests import draw_differential
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    differential: str,
    skipped: str,
    fdr: float,
    replicate: str,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    genes, left_out = read_table(differential, "differential"), read_table(skipped, "differential_skipped")
    stamp = stamp_text(simulated)
    figure, drawn = draw_differential(genes, left_out, fdr=fdr, replicate=replicate, stamp=stamp)
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
