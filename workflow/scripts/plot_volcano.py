"""Draw effect against p value of every gene, one panel a cell type."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_tests import draw_volcano
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    differential: str,
    contrast: str,
    fdr: float,
    n_labels: int,
    replicate: str,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    genes = read_table(differential, "differential").query("contrast == @contrast")
    stamp = stamp_text(simulated)
    figure, drawn = draw_volcano(genes, fdr=fdr, n_labels=n_labels, replicate=replicate, stamp=stamp)
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
