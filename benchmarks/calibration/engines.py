"""Tests of differential expression, all on the same genes of the same cohorts: p-values, one a gene.

`ours` is the only place that calls the package's engine. Every other function is a yardstick.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from alscell.design import Design
from alscell.expression import CellTypeFit, Choices, fit_cell_type
from alscell.moderation import fit_linear, moderated_test
from alscell.normalization import expressed_genes
from calibration.cohorts import Cohort

FILTER = {"min_count": 10.0, "min_total_count": 15.0}  # as config.yaml's
# Values of config `differential`: the default engine, limma's voom as it is, and limma-trend.
OURS = {
    "alscell": {"method": "voom", "cell_weights": True, "local_prior": True},
    "voom": {"method": "voom", "cell_weights": False, "local_prior": False},
    "trend": {"method": "trend", "cell_weights": False, "local_prior": False},
}
NEUTRAL = {"hidden_factors": 0, "exclude_outliers": False, "independent_filtering": False, "fdr": 0.05}
MAX_RATIO = 20.0  # SOURCE: dreamlet's pbWeights(maxRatio=20)
R_METHODS = ("limma_voom", "limma_quality", "edger_ql", "edger_ql_robust", "deseq2")
REFERENCE_R = Path(__file__).with_name("reference.R")


def kept_genes(counts: np.ndarray, design: Design) -> np.ndarray:
    """Rows that every method gets."""
    return np.flatnonzero(expressed_genes(counts, smallest_arm=design.smallest_group, **FILTER))


def fit_ours(counts: np.ndarray, design: Design, *, method: str, n_cells: np.ndarray) -> CellTypeFit:
    """The package's fit of genes that are kept already; `method` is a key of OURS."""
    choices = Choices(**OURS[method], **NEUTRAL, min_count=0.0, min_total_count=0.0)
    return fit_cell_type(counts, np.arange(len(counts)), design, choices, cells=n_cells)


def ours(counts: np.ndarray, design: Design, *, method: str, n_cells: np.ndarray) -> pd.DataFrame:
    """The package's test: columns effect, statistic, p_value and more, one row a gene."""
    return fit_ours(counts, design, method=method, n_cells=n_cells).test(design)


def weighted(fitted: CellTypeFit, design: Design, weights: np.ndarray) -> np.ndarray:
    """p of the moderated test with other weights."""
    fit = fit_linear(fitted.values, design, weights=weights)
    return moderated_test(fit, design, prior="common")["p_value"].to_numpy()


def cell_number_weights(fitted: CellTypeFit, design: Design, n_cells: np.ndarray) -> np.ndarray:
    """Dreamlet-like: voom's weights times the number of cells, at most MAX_RATIO times that of the smallest donor.

    NOTE: not dreamlet itself but what its weights by cell number amount to in a model without random effects.
    """
    cells = np.minimum(n_cells, MAX_RATIO * n_cells.min())
    return weighted(fitted, design, fitted.weights * (cells / cells.mean()))


def oracle(fitted: CellTypeFit, design: Design, variance: np.ndarray) -> np.ndarray:
    """z test by least squares with the true variance of every log count, on the same log counts per million."""
    fit = fit_linear(fitted.values, design, weights=1 / variance)
    return 2 * stats.norm.sf(np.abs(fit.effect(design) / fit.unscaled_error(design)))


def best_possible(fitted: CellTypeFit, design: Design, cohort: Cohort, genes: np.ndarray) -> np.ndarray:
    """What a test can reach that knows how donor variances are spread, but not the one of this gene.

    The oracle's p is averaged over donor variances, each weighed by how well the gene's residuals agree with it, as
    the moderated t does when its prior is known.
    """
    grid = _prior_grid(cohort)
    noise = cohort.variance[genes] - (cohort.donor_variance[genes] / np.log(2) ** 2)[:, None]
    logs, p = [], []
    for value in grid:
        weights = 1 / (noise + value / np.log(2) ** 2)
        fit = fit_linear(fitted.values, design, weights=weights)
        terms = design.matrix.to_numpy()
        determinant = np.linalg.slogdet(np.einsum("gd,dp,dq->gpq", weights, terms, terms))[1]
        logs.append(0.5 * (np.log(weights).sum(axis=1) - determinant - fit.sigma2 * fit.df_residual))
        p.append(2 * stats.norm.sf(np.abs(fit.effect(design) / fit.unscaled_error(design))))
    posterior = np.exp(np.array(logs) - np.max(logs, axis=0))
    return (posterior * np.array(p)).sum(axis=0) / posterior.sum(axis=0)


def _prior_grid(cohort: Cohort) -> np.ndarray:
    """Thirty donor variances that stand for an equal share of the genes each."""
    return np.quantile(cohort.donor_variance, (np.arange(30) + 0.5) / 30)


def pydeseq2(counts: np.ndarray, donors: pd.DataFrame, covariates: list[str]) -> pd.DataFrame:
    """PyDESeq2's Wald test: columns effect, p_value; p is NaN for genes with an outlier by Cook's distance."""
    import warnings

    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    table = pd.DataFrame(counts.T, index=donors.index, columns=[f"g{i}" for i in range(len(counts))])
    quiet = {"inference": DefaultInference(n_cpus=1), "quiet": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        formula = "~" + " + ".join([*covariates, "arm"])
        data = DeseqDataSet(counts=table, metadata=donors, design=formula, **quiet)
        data.deseq2()
        test = DeseqStats(data, contrast=["arm", "case", "control"], independent_filter=False, **quiet)
        test.summary()
    out = test.results_df
    return pd.DataFrame({"effect": out["log2FoldChange"].to_numpy(), "p_value": out["pvalue"].to_numpy()})


def python_methods(cohort: Cohort) -> dict[str, np.ndarray]:
    """p-values of everything that is not R."""
    design = cohort.design
    genes = kept_genes(cohort.counts, design)
    counts = cohort.counts[genes]
    n_cells = cohort.donors["n_cells"].to_numpy(float)
    voom = fit_ours(counts, design, method="voom", n_cells=n_cells)
    return {
        **{name: ours(counts, design, method=name, n_cells=n_cells)["p_value"].to_numpy() for name in OURS},
        "cell_number_weights": cell_number_weights(voom, design, n_cells),
        "oracle": oracle(voom, design, cohort.variance[genes]),
        "best_possible": best_possible(voom, design, cohort, genes),
    }


def has_r() -> bool:
    """Whether Rscript with limma, edgeR and DESeq2 is there."""
    if not shutil.which("Rscript"):
        return False
    found = 'q(status = !all(c("limma", "edgeR", "DESeq2") %in% rownames(installed.packages())))'
    return subprocess.run(["Rscript", "-e", found], capture_output=True, check=False).returncode == 0


def r_methods(
    cohorts: list[tuple[np.ndarray, Design]], methods: tuple[str, ...] = R_METHODS
) -> list[dict[str, np.ndarray]]:
    """What reference.R says of each (counts, design) in one R session: method -> numbers, as read from its files."""
    with tempfile.TemporaryDirectory() as folder:
        for i, (counts, design) in enumerate(cohorts):
            base = Path(folder, f"{i:04d}")
            terms = design.matrix.to_numpy(float)
            np.array([*counts.shape, terms.shape[1]], dtype="<i4").tofile(f"{base}.shape")
            counts.T.astype("<i4").tofile(f"{base}.counts")
            terms.T.astype("<f8").tofile(f"{base}.design")
        subprocess.run(["Rscript", REFERENCE_R, folder, *methods], check=True, capture_output=True, text=True)
        return [
            {method: np.fromfile(Path(folder, f"{i:04d}.{method}"), dtype="<f8") for method in methods}
            for i in range(len(cohorts))
        ]
