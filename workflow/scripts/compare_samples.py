"""Find samples of a dataset that share cells or barcodes; stop where one library counts for two donors.

Reads: barcodes, fingerprints and the number of genes from every sample's counts.h5ad.
Writes: results/<dataset>/sample_pairs.tsv.
"""

import logging

from alscell.files import read_identities, write_table
from alscell.jobs import run
from alscell.sample_checks import compare_pairs, identity_of, refuse_counted_twice
from alscell.tables import empty_table

log = logging.getLogger(__name__)


def main(*, counts: list[str], pairs: str, dataset: str, donors: dict[str, str], allow_shared_cells: bool) -> None:
    """Compare all samples. `donors` names the donor of each."""
    cells = identity_of(read_identities(counts))
    suspicious = compare_pairs(cells, donors, dataset=dataset)
    suspicious = suspicious if len(suspicious) else empty_table("sample_pairs")
    for pair in suspicious.to_dict("records"):
        log.warning("samples %s and %s: %s", pair["sample_1"], pair["sample_2"], pair["verdict"])
    if not allow_shared_cells:
        refuse_counted_twice(suspicious, where=f"dataset {dataset}, samples.tsv")
    write_table(suspicious, pairs, "sample_pairs")
    log.info("%d samples compared, %d pairs share cells or barcodes", len(counts), len(suspicious))


if __name__ == "__main__":
    run(main, snakemake)
