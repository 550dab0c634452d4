"""Draw the share of hits that come again in another dataset, against chance."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_summary import draw_replication
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    replication: str,
    simulated: list[str],
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the table, draw, write the figure and its numbers."""
    table = read_table(replication, "synthesis_replication")
    figure, drawn = draw_replication(table, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
