"""The second engine of differential expression: DESeq2's negative binomial model, by PyDESeq2."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from alscell.design import Design


def test_counts(counts: np.ndarray, design: Design) -> pd.DataFrame:
    """Wald test of the contrast of every gene.

    Parameters
    ----------
    counts : ndarray of int, genes x donors
        Raw pseudobulk counts; donors in the order of `design.matrix`. Sizes are by the median of ratios, over donors
        with counts in a gene where no gene has counts in all (DESeq2's poscounts).
    design : Design

    Returns
    -------
    DataFrame
        effect (log2 fold change), standard_error, statistic (z), p_value (NaN: not converged, or an outlier by Cook's
        distance as DESeq2 defines it), shrunk (apeglm), df (infinite: the test is normal).

    Source
    ------
    Love, Huber and Anders 2014, Genome Biol 15:550; Muzellec 2023, Bioinformatics 39:btad547 (PyDESeq2); Zhu, Ibrahim
    and Love 2019, Bioinformatics 35:2084 (apeglm). Independent filtering is left to `moderation.filtered_fdr`.
    """
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    matrix, column = contrast_as_column(design)
    donors = [f"donor_{i}" for i in range(len(matrix))]
    frame = pd.DataFrame(counts.T.astype(int), index=donors, columns=[f"gene_{i}" for i in range(len(counts))])
    terms = matrix.set_axis(donors, axis="index")
    inference = DefaultInference(n_cpus=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NOTE: it tells of every gene that needs another optimizer
        data = DeseqDataSet(
            counts=frame, metadata=terms, design=terms, refit_cooks=True, inference=inference, quiet=True,
            fit_type="parametric", size_factors_fit_type="ratio" if (counts > 0).all(axis=1).any() else "poscounts",
        )  # fmt: skip
        data.deseq2()
        weights = np.zeros(matrix.shape[1])
        weights[list(matrix.columns).index(column)] = 1.0
        tests = DeseqStats(data, contrast=weights, independent_filter=False, inference=inference, quiet=True)
        tests.summary()
        found = tests.results_df.copy()
        tests.lfc_shrink(coeff=column)
    return pd.DataFrame(
        {
            "effect": found["log2FoldChange"].to_numpy(),
            "standard_error": found["lfcSE"].to_numpy(),
            "statistic": found["stat"].to_numpy(),
            "p_value": found["pvalue"].to_numpy(),
            "shrunk": tests.results_df["log2FoldChange"].to_numpy(),
            "df": np.inf,
        }
    )


def contrast_as_column(design: Design) -> tuple[pd.DataFrame, str]:
    """The same model with columns so chosen that the last coefficient is the contrast.

    Returns
    -------
    matrix : DataFrame, donors x terms
    column : str
        Name of its last column.
    """
    weights = design.contrast
    chosen = int(np.flatnonzero(weights)[-1])
    change = np.eye(len(weights))
    change[chosen] = weights
    values = design.matrix.to_numpy(dtype=float) @ np.linalg.inv(change)
    order = [*(i for i in range(len(weights)) if i != chosen), chosen]
    names = [*(f"term_{i}" for i in range(len(weights) - 1)), "contrast"]
    return pd.DataFrame(values[:, order], index=design.matrix.index, columns=names), "contrast"
