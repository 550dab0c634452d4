"""Draw the quality of every sample of a dataset, with its limits and what was removed."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from alscell.figures import save_figure, stamp_text
from alscell.figures_cells import draw_quality
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    cells: list[str],
    limits: str,
    contrasts: dict[str, dict[str, Any]],
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    parts = [read_table(path, "quality").assign(sample=Path(path).parent.name) for path in cells]
    table = pd.concat(parts, ignore_index=True)
    of_samples = read_table(limits, "quality_limits")
    figure, drawn = draw_quality(table, of_samples, contrasts=contrasts, stamp=stamp_text(simulated))
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
