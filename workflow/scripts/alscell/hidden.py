"""Variation between donors that no column of the sample sheet holds: factors estimated from the genes themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from alscell.design import Design

HUBER = 1.345  # SOURCE: Huber 1964: 95 % efficiency under the normal
N_STEPS = 50


def hidden_factors(design: Design, values: np.ndarray, weights: np.ndarray | None, *, n_factors: int) -> pd.DataFrame:
    """Factors that many genes share over donors beyond the design, to be held constant as further covariates.

    Each gene's values are split into what the covariates explain, one number for each group term, and the rest. The
    rest shows which genes move together over donors (loadings, by singular values of standardized residuals); a robust
    regression of the group terms on the loadings shows how much of each factor the groups carry, under the assumption
    that most genes do not differ between groups. The factor's value in each donor follows from the two.
    ASSUME: effects are sparse; a true change of most genes would be taken for a hidden factor.

    Parameters
    ----------
    design : Design
        Any of the model.
    values : ndarray, genes x donors
        log2 counts per million, donors in the order of `design.matrix`.
    weights : ndarray, genes x donors, or None
        Only their mean over donors is used, as the weight of a gene.
    n_factors : int
        0 gives no columns; two residual degrees of freedom must be left.

    Returns
    -------
    DataFrame, donors x factors
        Columns hidden_1, hidden_2, ...; the sign of a factor has no meaning.

    Raises
    ------
    ValueError
        If the residual degrees of freedom do not allow so many factors.

    Source
    ------
    Wang, Zhao, Hastie and Owen 2017, Ann Stat 45:1863 (CATE), with the robust regression of its section 3.2.
    """
    names = [f"hidden_{i + 1}" for i in range(n_factors)]
    if not n_factors:
        return pd.DataFrame(index=design.matrix.index)
    if n_factors > design.df_residual - 2:
        raise ValueError(f"{n_factors} hidden factors of {design.df_residual} residual degrees: two must be left")
    terms = design.matrix.to_numpy(dtype=float)
    n_terms, first = terms.shape[1], terms.shape[1] - design.n_group_terms
    rotation = np.linalg.qr(terms, mode="complete")[0]
    rotated = values @ rotation  # columns: what covariates explain, then group terms, then the rest
    rest, own = rotated[:, n_terms:], rotated[:, first:n_terms]
    scale = np.sqrt((rest**2).mean(axis=1))
    usable = scale > 1e-8
    emphasis = np.divide(1.0, scale, out=np.zeros_like(scale), where=usable)
    if weights is not None:
        emphasis = emphasis * np.sqrt(weights.mean(axis=1) / weights.mean())
    left, lengths, right = np.linalg.svd(rest * emphasis[:, None], full_matrices=False)
    loadings = left[:, :n_factors] * lengths[:n_factors]
    inside = np.zeros((len(terms), n_factors))
    inside[n_terms:] = right[:n_factors].T
    for term in range(design.n_group_terms):
        inside[first + term] = _robust_regression((own[:, term] * emphasis)[usable], loadings[usable])
    return pd.DataFrame(rotation @ inside, index=design.matrix.index, columns=names)


def with_factors(design: Design, factors: pd.DataFrame) -> Design:
    """The design with `factors` (donors x factors) as covariates before its groups; the contrast stays the same."""
    if factors.empty:
        return design
    n = design.n_group_terms
    matrix = pd.concat([design.matrix.iloc[:, :-n], factors, design.matrix.iloc[:, -n:]], axis=1)
    contrast = np.concatenate([design.contrast[:-n], np.zeros(factors.shape[1]), design.contrast[-n:]])
    return replace(design, matrix=matrix, contrast=contrast)


def _robust_regression(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Coefficients of Huber's regression through the origin, scaled by the median absolute residual."""
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    for _ in range(N_STEPS):
        residual = y - x @ coefficients
        scale = 1.4826 * np.median(np.abs(residual))
        if scale < 1e-12:
            break
        weight = np.minimum(1.0, HUBER * scale / np.maximum(np.abs(residual), 1e-12))
        root = np.sqrt(weight)
        last, coefficients = coefficients, np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
        if np.abs(coefficients - last).max() < 1e-10:
            break
    return coefficients
