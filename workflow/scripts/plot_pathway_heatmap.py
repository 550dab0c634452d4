"""Draw the effect of every gene set in every dataset and cell type."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_summary import draw_pathway_heatmap
from alscell.files import read_tables
from alscell.jobs import run


def main(
    *,
    tests: list[str],
    skipped: list[str],
    fdr: float,
    simulated: list[str],
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    table, left_out = read_tables(tests, "pathway_tests"), read_tables(skipped, "differential_skipped")
    figure, drawn = draw_pathway_heatmap(table, left_out, fdr=fdr, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
