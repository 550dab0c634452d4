"""Draw the UMAP of a dataset by cell type, cluster, donor and condition."""

import logging
from pathlib import Path
from typing import Any

from alscell.figures import save_figure, stamp_text
from alscell.figures_cells import draw_umap
from alscell.files import read_samples, read_table
from alscell.jobs import run


def main(
    *,
    embedding: str,
    cell_types: str,
    samples: str,
    contrasts: dict[str, dict[str, Any]],
    replicate: str,
    seed: int,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    figure, drawn = draw_umap(
        read_table(embedding, "embedding"),
        read_table(cell_types, "cell_types"),
        read_samples(samples),
        contrasts=contrasts,
        replicate=replicate,
        seed=seed,
        stamp=stamp_text(simulated),
    )
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
