"""Draw the gene sets whose effect differs most between datasets, each dataset beside the pooled effect."""

import logging
from pathlib import Path

from alscell.agreement import match_cell_types
from alscell.figures import save_figure, stamp_text
from alscell.figures_heterogeneity import draw_heterogeneity
from alscell.files import read_table, read_tables
from alscell.jobs import run


def main(
    *,
    pooled: str,
    tests: list[str],
    systems: dict[str, str],
    cell_types: dict[str, list[str]],
    n_sets: int,
    simulated: list[str],
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    figure, drawn = draw_heterogeneity(
        read_table(pooled, "synthesis_pathways"),
        match_cell_types(read_tables(tests, "pathway_tests"), names=cell_types),
        systems=systems,
        n_sets=n_sets,
        stamp=stamp_text(simulated),
    )
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
