"""Measure, limit and flag the cells of one sample; doublets are scored among the cells that pass everything else.

Reads: counts.h5ad of the sample. Writes: quality.parquet (one row a cell), quality_limits.tsv (one row).
"""

import logging

import numpy as np

from alscell.doublets import find_doublets
from alscell.files import read_h5ad, write_table
from alscell.jobs import run
from alscell.quality import cell_metrics, flag_cells, n_mitochondrial_genes, sample_limits, summarize_sample

log = logging.getLogger(__name__)


def main(
    *,
    counts: str,
    quality: str,
    limits: str,
    dataset: str,
    sample: str,
    assay: str,
    for_quality: dict,
    for_doublets: dict,
    seed: int,
) -> None:
    """Measure one sample. `for_quality` and `for_doublets` are the sections of config.yaml of these names."""
    data = read_h5ad(counts)
    rules, genes = for_quality, list(data.var_names)
    if not n_mitochondrial_genes(genes):
        log.warning("%s has no MT- genes: its mitochondrial share is 0 and filters nothing", sample)
    metrics = cell_metrics(data.X, genes)
    found = sample_limits(
        metrics,
        max_fraction_mitochondrial=rules[f"max_fraction_mitochondrial_{assay}"],
        **{key: rules[key] for key in ("n_mads", "n_mads_mitochondrial", "min_counts", "min_genes")},
    )
    cells = flag_cells(metrics, found).assign(cell=data.obs_names, doublet_score=np.nan, doublet=False)
    passed = ~cells[["low_counts", "high_counts", "low_genes", "high_mitochondrial"]].any(axis=1).to_numpy()
    options = dict(for_doublets)
    expected_rate = options.pop("expected_rate_per_1000") * len(cells) / 1000
    doublets = find_doublets(data.X[passed], expected_rate=expected_rate, seed=seed, **options)
    cells.loc[passed, "doublet_score"] = doublets.scores
    cells.loc[passed, "doublet"] = doublets.called
    cells["keep"] = passed & ~cells["doublet"]
    kept_rules = {key: rules[key] for key in ("min_cells", "min_fraction_kept")}
    summary = summarize_sample(cells, found, dataset=dataset, sample=sample, **kept_rules)
    write_table(cells, quality, "quality")
    write_table(summary, limits, "quality_limits")
    row = summary.iloc[0]
    log.info("%s: %d of %d cells kept, %d doublets: %s", sample, row.n_kept, row.n_cells, row.n_doublets, row.status)


if __name__ == "__main__":
    run(main, snakemake)
