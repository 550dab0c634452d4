"""Sum the kept cells of every sample by cell type, and samples by donor; one sample in memory at a time."""

import logging
from pathlib import Path

from alscell import files, pseudobulk
from alscell.errors import InputError
from alscell.jobs import run
from alscell.keys import CELL, CELL_TYPE, N_CELLS, SAMPLE

LOG = logging.getLogger("alscell.sum_pseudobulk")


def main(
    *,
    counts: list[str],
    quality: list[str],
    limits: str,
    cell_types: str,
    samples: str,
    sums: str,
    dataset: str,
    simulated: bool,
) -> None:
    """Read counts, quality and cell types of each sample that is in order; write their sums."""
    status = files.read_table(limits, "quality_limits").set_index(SAMPLE)["status"]
    types = files.read_table(cell_types, "cell_types").set_index(CELL)[CELL_TYPE]
    sheet = files.read_samples(samples)
    parts = []
    counts_of, quality_of = ({Path(path).parent.name: path for path in paths} for paths in (counts, quality))
    for sample in pseudobulk.check_samples(counts_of.keys(), quality_of.keys(), sheet, where=samples):
        cells = files.read_table(quality_of[sample], "quality").set_index(CELL)["keep"]
        kept = cells.index[cells.astype(bool)]
        if status[sample] != "ok" or kept.empty:
            LOG.info("sample %s is left out: %s, %d cells kept", sample, status[sample], len(kept))
            continue
        data = files.read_h5ad(counts_of[sample])
        if data.uns[SAMPLE] != sample:
            raise ValueError(f"{counts_of[sample]} holds sample '{data.uns[SAMPLE]}', not '{sample}'")
        parts.append(pseudobulk.sum_sample(data, types, kept, sample=sample))
    if not parts:
        raise InputError(
            f"dataset '{dataset}'",
            found="no sample that passed quality control",
            expected="at least one",
            mend=f"See {limits} for the reasons, and `quality` in config.yaml for the limits.",
        )
    data = pseudobulk.add_samples(parts, sheet, dataset=dataset, simulated=simulated)
    files.write_h5ad(data, sums)
    LOG.info("%d cells in %d sums of donor and cell type, %d genes", data.obs[N_CELLS].sum(), data.n_obs, data.n_vars)


if __name__ == "__main__":
    run(main, snakemake)
