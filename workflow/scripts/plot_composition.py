"""Draw the share of every cell type in every donor, and the differences between arms."""

import logging
from pathlib import Path
from typing import Any

from alscell.figures import save_figure, stamp_text
from alscell.figures_composition import draw_composition
from alscell.files import read_samples, read_table
from alscell.jobs import run


def main(
    *,
    donors: str,
    tests: str,
    samples: str,
    contrasts: dict[str, dict[str, Any]],
    replicate: str,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    figure, drawn = draw_composition(
        read_table(donors, "composition_donors"),
        read_table(tests, "composition"),
        read_samples(samples),
        contrasts=contrasts,
        replicate=replicate,
        stamp=stamp_text(simulated),
    )
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
