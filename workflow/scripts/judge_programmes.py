"""Say of every programme whether the dish shows what the tissue shows, and score the agreement of each cell type."""

import logging

from alscell import files
from alscell.jobs import run
from alscell.programmes import judge_programmes, score_agreement

LOG = logging.getLogger("alscell.judge_programmes")


def main(*, pathways: str, programmes: str, agreement: str, fdr: float, seed: int) -> None:
    """Read the pooled effects, write one verdict a gene set, and one score a cell type."""
    judged = judge_programmes(files.read_table(pathways, "synthesis_pathways"), fdr=fdr)
    files.write_table(judged, programmes, "synthesis_programmes")
    files.write_table(score_agreement(judged, seed=seed), agreement, "synthesis_agreement")
    LOG.info("%s", judged["verdict"].value_counts().sort_index().to_dict())


if __name__ == "__main__":
    run(main, snakemake)
