"""Learn from a labeled reference which genes tell its labels apart.

Reads: the h5ad that `labels_from` of dataset.yaml names; the gene table of its organism.
Writes: results/<dataset>/learned_markers.tsv.
"""

import logging

from alscell.counts import check_counts
from alscell.files import read_gene_table, write_table
from alscell.genes import name_genes
from alscell.h5ad import read_labeled
from alscell.jobs import run
from alscell.label_transfer import MAX_CELLS, learn_labels

log = logging.getLogger(__name__)


def main(*, reference: str, genes: str, markers: str, columns: dict[str, str], organism: str) -> None:
    """`columns`: where the labels, the gene names and the counts are."""
    where = f"{reference} (labels_from)"
    reading = {key: columns.get(key) or "" for key in ("symbol", "gene_id", "layer")}
    labels = {"cells": {"cell_type": columns["cell_type"]}, "member": "", "row": {}}
    found = read_labeled(reference, **reading, **labels, where=where, per_label=MAX_CELLS)
    named = name_genes(found, read_gene_table(genes), organism=organism, where=where)
    learned = learn_labels(check_counts(named, where=where, organism=organism), where=where)
    write_table(learned, markers, "learned_markers")
    log.info("markers of each label: %s", learned["cell_type"].value_counts(sort=False).to_dict())


if __name__ == "__main__":
    run(main, snakemake)
