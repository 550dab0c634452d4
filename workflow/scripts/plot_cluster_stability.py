"""Draw how stable the clusters of each resolution are, and which resolution is used."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_clusters import draw_cluster_stability
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    stability: str,
    min_stability: float,
    n_subsamples: int,
    subsample_fraction: float,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the table, draw, write the figure and its numbers."""
    figure, drawn = draw_cluster_stability(
        read_table(stability, "cluster_stability"),
        min_stability=min_stability,
        n_subsamples=n_subsamples,
        subsample_fraction=subsample_fraction,
        stamp=stamp_text(simulated),
    )
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
