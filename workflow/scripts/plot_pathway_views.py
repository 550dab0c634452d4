"""Draw the activity of every gene set against CAMERA, one panel a cell type."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_views import draw_pathway_views
from alscell.files import read_table
from alscell.jobs import run
from alscell.keys import CONTRAST


def main(
    *,
    views: str,
    contrast: str,
    fdr: float,
    n_labels: int,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the table, draw one contrast, write the figure and its numbers."""
    table = read_table(views, "pathway_views")
    table = table[table[CONTRAST] == contrast]
    figure, drawn = draw_pathway_views(table, fdr=fdr, n_labels=n_labels, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
