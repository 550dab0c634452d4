"""Draw the expression of the top genes of each cell type in every donor."""

import logging
from pathlib import Path
from typing import Any

from alscell.figures import save_figure, stamp_text
from alscell.figures_genes import draw_gene_heatmap
from alscell.files import read_samples, read_table
from alscell.jobs import run


def main(
    *,
    differential: str,
    expression: str,
    samples: str,
    contrast: str,
    contrast_levels: dict[str, Any],
    fdr: float,
    n_genes: int,
    replicate: str,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    figure, drawn = draw_gene_heatmap(
        read_table(differential, "differential").query("contrast == @contrast"),
        read_table(expression, "expression_donors"),
        read_samples(samples),
        contrast=contrast_levels,
        fdr=fdr,
        n_genes=n_genes,
        replicate=replicate,
        stamp=stamp_text(simulated),
    )
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
