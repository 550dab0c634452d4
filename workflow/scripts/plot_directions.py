"""Draw the strongest tested results of each of the six directions."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_directions import draw_directions
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    directions: str,
    simulated: list[str],
    fdr: float,
    n_rows: int,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the table, draw, write the figure and its numbers."""
    table = read_table(directions, "directions")
    figure, drawn = draw_directions(table, fdr=fdr, n_rows=n_rows, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
