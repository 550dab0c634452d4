"""Make one raw file of a simulated dataset: a tar of 10x h5 files, or a dense csv; and its row of `acquired`."""

import logging

import pandas as pd
from scipy import sparse

from alscell.claims import verify
from alscell.files import atomic, read_set_lists, read_yaml, write_table
from alscell.jobs import run
from alscell.raw_layouts import tenx_h5_bytes, write_dense_csv, write_tar
from alscell.simulate import Cohort, build_cohort, simulate_sample
from alscell.simulation_plan import plan_from


def main(
    *,
    description: str,
    samples: list[dict[str, str]],
    genes: str,
    markers: str,
    gene_sets: list[str],
    families: list[str],
    raw: str,
    acquired: str,
    dataset: str,
    file: str,
    layout: str,
    seed: int,
) -> None:
    """Simulate the samples that the sheet puts into `file`, and write them in the dataset's layout."""
    cohort = build_cohort(
        plan_from(read_yaml(description), where=description),
        pd.read_csv(genes, sep="\t", keep_default_na=False),
        markers=pd.read_csv(markers, sep="\t", keep_default_na=False),
        gene_sets=read_set_lists(gene_sets, families),
        seed=seed,
    )
    rows = [row for row in samples if row["file"] == file]
    with atomic(raw) as part, part.open("wb") as stream:
        if layout == "10x_h5":
            write_tar(stream, ((row["member"], _tenx(cohort, row)) for row in rows))
        else:
            drawn = [(row, *simulate_sample(cohort, row)) for row in rows]
            names = [f"{row['member']}_{barcode}" for row, _, cells in drawn for barcode in cells["barcode"]]
            counts = sparse.vstack([counts for _, counts, _ in drawn], format="csr")
            write_dense_csv(stream, counts, names, list(cohort.genes["gene"]))
    row = verify(raw, name=file, claims=[]).row(dataset=dataset, file=file, source="simulated")
    write_table(pd.DataFrame([row]), acquired, "acquired")
    logging.getLogger(__name__).info("%s: %d samples, %d genes", file, len(rows), len(cohort.genes))


def _tenx(cohort: Cohort, row: dict[str, str]) -> bytes:
    counts, cells = simulate_sample(cohort, row)
    names = cells["barcode"] + "-1"  # as Cell Ranger does, which numbers the wells
    return tenx_h5_bytes(counts, list(names), cohort.genes, library=row["sample"])


if __name__ == "__main__":
    run(main, snakemake)
