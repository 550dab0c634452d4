"""Draw the strongest gene sets and ALS genes of a dataset, its contrasts side by side."""

import logging
from pathlib import Path
from typing import Any

from alscell.figures import save_figure, stamp_text
from alscell.figures_genotypes import draw_genotypes
from alscell.files import read_table
from alscell.jobs import run


def main(
    *,
    tests: str,
    genes: str,
    contrasts: dict[str, dict[str, Any]],
    fdr: float,
    n_sets: int,
    n_genes: int,
    replicate: str,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    figure, drawn = draw_genotypes(
        read_table(tests, "pathway_tests"),
        read_table(genes, "gene_panel"),
        contrasts=contrasts,
        fdr=fdr,
        n_sets=n_sets,
        n_genes=n_genes,
        replicate=replicate,
        stamp=stamp_text(simulated),
    )
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
