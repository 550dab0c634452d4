"""Put the ambient RNA of all samples of a dataset into one table, and name the genes that make most of it."""

import logging
from pathlib import Path

from alscell import files
from alscell.ambient import OK, top_genes
from alscell.jobs import run

LOG = logging.getLogger("alscell.gather_ambient")
N_GENES = 100


def main(
    *,
    tables: list[str],
    profiles: list[str],
    marker_genes: str,
    learned: list[str],
    orthologs: list[str],
    table: str,
    genes: str,
    dataset: str,
    donors: dict[str, str],
    conditions: dict[str, str],
) -> None:
    """Gather the samples. `donors` and `conditions` are the columns of the sample sheet, by sample."""
    rows = files.read_tables(tables, "ambient")
    rows = rows.assign(donor=rows["sample"].map(donors), condition=rows["sample"].map(conditions))
    files.write_table(rows, table, "ambient")
    markers = files.read_learned(learned[0]) if learned else files.read_markers(marker_genes, orthologs)
    soups = {Path(path).parent.name: files.read_profile(path) for path in profiles}
    files.write_table(top_genes(soups, markers, n_genes=N_GENES).assign(dataset=dataset), genes, "ambient_genes")
    for row in rows[rows["status"] != OK].itertuples():
        LOG.warning(
            "ambient share of sample %s cannot be told: %s, %d marker genes", row.sample, row.status, row.n_genes
        )
    LOG.info("%s: median ambient share %.3f over %d samples", dataset, rows["ambient_share"].median(), len(rows))


if __name__ == "__main__":
    run(main, snakemake)
