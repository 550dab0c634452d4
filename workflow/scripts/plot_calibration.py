"""Draw the p-values of all tests of a contrast with labels shuffled, and their false-positive rates."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_calibration import draw_calibration
from alscell.files import read_table
from alscell.jobs import run


def main(*, table: str, bins: str, simulated: bool, pdf: str, png: str, numbers: str) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    rates, counts = read_table(table, "calibration"), read_table(bins, "calibration_histogram")
    figure, drawn = draw_calibration(rates, counts, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
