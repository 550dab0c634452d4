"""Draw what was planted in simulated data against what the tests found."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_summary import draw_planted
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    planted: str,
    simulated: list[str],
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    figure, drawn = draw_planted(read_table(planted, "planted"), stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
