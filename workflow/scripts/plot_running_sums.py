"""Draw the running sums of gene sets along the ranked genes of a contrast."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_enrichment import draw_running_sums
from alscell.files import read_members, read_table
from alscell.jobs import run


def main(
    *,
    enrichment: str,
    differential: str,
    members: str,
    orthologs: list[str],
    contrast: str,
    named: list[str],
    fdr: float,
    replicate: str,
    simulated: bool,
    pdf: str,
    png: str,
    numbers: str,
) -> None:
    """Read the tables, draw, write the figure and its numbers."""
    figure, drawn = draw_running_sums(
        read_table(enrichment, "enrichment").query("contrast == @contrast"),
        read_table(differential, "differential").query("contrast == @contrast"),
        read_members(members, orthologs),
        named=named,
        fdr=fdr,
        replicate=replicate,
        stamp=stamp_text(simulated),
    )
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
