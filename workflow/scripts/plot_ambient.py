"""Draw the share of ambient RNA and of doublets in every sample of a dataset."""

import logging
from pathlib import Path
from typing import Any

from alscell.figures import save_figure, stamp_text
from alscell.figures_samples import draw_ambient
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    ambient: str,
    limits: str,
    contrasts: dict[str, dict[str, Any]],
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    tables = read_table(ambient, "ambient"), read_table(limits, "quality_limits")
    figure, drawn = draw_ambient(*tables, contrasts=contrasts, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
