"""Draw the ALS genes of one contrast, in every cell type."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_panels import draw_gene_panel
from alscell.files import read_table
from alscell.jobs import run
from alscell.keys import CONTRAST


def main(*, table: str, contrast: str, fdr: float, simulated: bool, pdf: str, png: str, numbers: str) -> None:
    """Read the table, draw one contrast, write the figure and its numbers."""
    rows = read_table(table, "gene_panel")
    figure, drawn = draw_gene_panel(rows[rows[CONTRAST] == contrast], fdr=fdr, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
