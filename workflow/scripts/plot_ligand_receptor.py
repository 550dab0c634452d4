"""Draw the ligands and receptors of one contrast, between every two cell types."""

import logging
from pathlib import Path

from alscell.figures import save_figure, stamp_text
from alscell.figures_panels import draw_ligand_receptor
from alscell.files import read_table
from alscell.jobs import run
from alscell.keys import CONTRAST


def main(
    *, table: str, contrast: str, fdr: float, n_pairs: int, simulated: bool, pdf: str, png: str, numbers: str
) -> None:
    """Read the table, draw one contrast, write the figure and its numbers."""
    rows, stamp = read_table(table, "ligand_receptor"), stamp_text(simulated)
    figure, drawn = draw_ligand_receptor(rows[rows[CONTRAST] == contrast], n_pairs=n_pairs, fdr=fdr, stamp=stamp)
    save_figure(figure, drawn, pdf=pdf, png=png, numbers=numbers)
    logging.getLogger("alscell").info("%s: %d numbers drawn", Path(pdf).stem, len(drawn))


if __name__ == "__main__":
    run(main, snakemake)
