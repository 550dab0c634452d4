"""Write an atlas as CELLxGENE takes it: valid genes only, and none of the columns that the portal fills in.

Reads: results/<dataset>/atlas.h5ad, atlas_schema.tsv, the ids of the schema's annotation.
Writes: results/<dataset>/submission.h5ad.
"""

import logging

from alscell import files, portal
from alscell.jobs import run


def main(*, atlas: str, schema: str, current_genes: str, submission: str) -> None:
    """Stop at missing fields; else counts go from one file to the other, some thousand cells at a time."""
    portal.check_fields(files.read_table(schema, "atlas_schema"))
    current = set(files.read_gene_table(current_genes)["gene_id"])
    with files.open_h5ad(atlas) as data:
        frame = portal.frame_of_submission(data, current)
        files.write_in_turn(frame, portal.counts_in_turn(data, frame.var_names), submission)
    logging.getLogger("alscell").info("%d cells x %d genes", *frame.shape)


if __name__ == "__main__":
    run(main, snakemake)
