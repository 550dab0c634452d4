"""Draw the change of biomarker candidates in every cell type."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_biomarkers import draw_biomarkers
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    tests: str,
    n_genes: int,
    simulated: list[str],
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the table, draw, write the figure and its numbers."""
    table = read_table(tests, "synthesis_biomarker_tests")
    figure, drawn = draw_biomarkers(table, n_genes=n_genes, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
