"""Draw the targets of TDP-43 of one contrast, and their index in every donor."""

import logging
from pathlib import Path
from typing import Any

from alscell.figures import save_figure, stamp_text
from alscell.figures_panels import draw_tdp43
from alscell.files import read_samples, read_table
from alscell.jobs import run
from alscell.keys import CONTRAST


def main(
    *,
    genes: str,
    index: str,
    donors: str,
    samples: str,
    contrast: str,
    contrast_levels: dict[str, Any],
    fdr: float,
    replicate: str,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw one contrast, write the figure and its numbers."""
    rows, tests = read_table(genes, "tdp43_genes"), read_table(index, "tdp43_index")
    figure, drawn = draw_tdp43(
        rows[rows[CONTRAST] == contrast],
        tests[tests[CONTRAST] == contrast],
        read_table(donors, "tdp43_donors"),
        read_samples(samples),
        contrast=contrast_levels,
        fdr=fdr,
        replicate=replicate,
        stamp=stamp_text(simulated),
    )
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
