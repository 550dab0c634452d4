"""Draw XIST against Y genes of every sample of a dataset; samples whose sheet says another sex are labeled."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_samples import draw_sex
from alscell.files import read_table
from alscell.jobs import run


def main(*, checks: str, simulated: bool, pdf: str, png: str, numbers: str) -> None:
    """Read the table, draw, write the figure and its numbers."""
    figure, drawn = draw_sex(read_table(checks, "sample_checks"), stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
