"""Draw the effect of every gene set with its interval and its donors, one column a cell type."""

import logging
from pathlib import Path
from typing import Any

from alscell.figures import save_figure, stamp_text
from alscell.figures_tests import draw_pathways
from alscell.files import read_samples, read_table
from alscell.jobs import run


def main(
    *,
    tests: str,
    donors: str,
    samples: str,
    contrast_levels: dict[str, Any],
    min_cells: int,
    fdr: float,
    replicate: str,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    figure, drawn = draw_pathways(
        read_table(tests, "pathway_tests"),
        read_table(donors, "pathway_donors"),
        read_samples(samples),
        contrast=contrast_levels,
        min_cells=min_cells,
        fdr=fdr,
        replicate=replicate,
        stamp=stamp_text(simulated),
    )
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
