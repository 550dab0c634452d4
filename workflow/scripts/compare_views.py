"""Put the three views of every gene set side by side: activity, CAMERA and the prerank score."""

import logging

from alscell import files, views
from alscell.jobs import run

LOG = logging.getLogger("alscell.compare_views")


def main(*, tests: str, enrichment: str, table: str, fdr: float) -> None:
    """Read both tables of a dataset, write one row a set with the verdict."""
    tested, enriched = files.read_table(tests, "pathway_tests"), files.read_table(enrichment, "enrichment")
    compared = views.compare_views(tested, enriched, fdr=fdr)
    files.write_table(compared, table, "pathway_views")
    counts = compared["verdict"].value_counts().sort_index()
    LOG.info("%s", ", ".join(f"{name}: {n}" for name, n in counts.items()) or "no set")


if __name__ == "__main__":
    run(main, snakemake)
