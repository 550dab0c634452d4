"""Draw the effect of gene sets in tissue against their effect in the dish."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_dish import draw_tissue_dish
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    programmes: str,
    n_labels: int,
    simulated: list[str],
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    table = read_table(programmes, "synthesis_programmes")
    figure, drawn = draw_tissue_dish(table, n_labels=n_labels, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
