"""Draw marker genes against cell types of a dataset."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_cells import draw_markers
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    markers: str,
    max_genes: int,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    table = read_table(markers, "markers")
    figure, drawn = draw_markers(table, max_genes=max_genes, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
