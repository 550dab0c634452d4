"""Error rates of ways to pool a few small datasets: `PYTHONPATH=workflow/scripts python benchmarks/pooling.py`.

Each dataset gives an effect and the standard error of a t test with 4 to 12 degrees of freedom. Printed for each number
of datasets and variance between them (tau2, in units of the mean squared standard error): how often a true mean of 0 is
called at 0.05 and at 0.001, how often the 95 % interval holds a true mean of 2 standard errors, how often that mean is
found at 0.05, its bias, and how often the prediction interval holds the effect of one more dataset. The table in
docs/methods.md was made with it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from alscell.pooling import difference, paule_mandel, random_effects

ROWS, SEED, MEAN = 40_000, 1, 2.0
FIXED, LAIRD, MANDEL = "fixed", "DerSimonian-Laird", "Paule-Mandel"


def simulate(
    generator: np.random.Generator, *, k: int, tau_squared: float, mean: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Effects of k datasets, their standard errors as tested, and degrees of freedom: rows x datasets each."""
    df = generator.integers(4, 13, size=(ROWS, k))
    true_error = np.exp(generator.normal(-0.125, 0.35, size=(ROWS, k)))  # datasets differ in donors and in noise
    centre = generator.normal(mean, np.sqrt(tau_squared), size=(ROWS, k))
    effects = generator.normal(centre, true_error)
    return effects, true_error * np.sqrt(generator.chisquare(df) / df), df


def as_normal(effects: np.ndarray, errors: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Standard errors at which a normal test gives the dataset's own p."""
    t = np.abs(effects / errors)
    return np.abs(effects) / stats.norm.isf(stats.t.sf(t, df))


def between_variance(effects: np.ndarray, errors: np.ndarray, estimator: str) -> np.ndarray:
    """Variance between datasets by one of the three."""
    if estimator == FIXED:
        return np.zeros(len(effects))
    if estimator == MANDEL:
        return paule_mandel(effects, errors**2, np.ones(effects.shape, dtype=bool))
    weights = 1 / errors**2
    mean = (weights * effects).sum(1) / weights.sum(1)
    q = (weights * (effects - mean[:, None]) ** 2).sum(1)
    return np.maximum(0, (q - effects.shape[1] + 1) / (weights.sum(1) - (weights**2).sum(1) / weights.sum(1)))


def pool(effects: np.ndarray, errors: np.ndarray, *, estimator: str, interval: str) -> tuple[np.ndarray, ...]:
    """Mean, standard error and degrees of freedom; interval: normal, knapp (Hartung-Knapp), knapp_max (max(1, q))."""
    weights = 1 / (errors**2 + between_variance(effects, errors, estimator)[:, None])
    mean = (weights * effects).sum(1) / weights.sum(1)
    if interval == "normal":
        return mean, 1 / np.sqrt(weights.sum(1)), np.inf
    df = effects.shape[1] - 1
    q = (weights * (effects - mean[:, None]) ** 2).sum(1) / df
    return mean, np.sqrt((np.maximum(1, q) if interval == "knapp_max" else q) / weights.sum(1)), df


WAYS = [
    (FIXED, "normal", "t"),
    (LAIRD, "normal", "t"),
    (LAIRD, "normal", "p"),
    (LAIRD, "knapp_max", "t"),
    (MANDEL, "knapp", "t"),
    (MANDEL, "knapp_max", "t"),
    (MANDEL, "knapp_max", "p"),
]


def measure(k: int, tau_squared: float) -> pd.DataFrame:
    """Every way on one setting; weights by the errors of the t tests, or by those at which a normal test has that p."""
    generator = np.random.default_rng([SEED, k, int(100 * tau_squared)])
    null, moved = (simulate(generator, k=k, tau_squared=tau_squared, mean=mean) for mean in (0.0, MEAN))
    rows = []
    for estimator, interval, error in WAYS:
        row = {"k": k, "tau2": tau_squared, "estimator": estimator, "interval": interval, "errors": error}
        for name, (effects, errors, own_df) in (("null", null), ("moved", moved)):
            used = errors if error == "t" else as_normal(effects, errors, own_df)
            mean, se, df = pool(effects, used, estimator=estimator, interval=interval)
            p = 2 * stats.t.sf(np.abs(mean) / se, df)
            if name == "null":
                row |= {"called_0.05": (p < 0.05).mean(), "called_0.001": (p < 0.001).mean()}
            else:
                held = np.abs(mean - MEAN) < stats.t.ppf(0.975, df) * se
                row |= {"coverage": held.mean(), "found_0.05": (p < 0.05).mean(), "bias": mean.mean() - MEAN}
        rows.append(row)
    pooled = random_effects(*null[:2])
    new = generator.normal(0, np.sqrt(tau_squared), size=ROWS)
    held = (pooled["prediction_low"] <= new) & (new <= pooled["prediction_high"])
    rows[-2]["prediction"] = held.mean() if k > 2 else np.nan
    return pd.DataFrame(rows)


def measure_difference(df: int, other_df: int) -> float:
    """How often two datasets of equal effect are said to differ at 0.05, whose tests have these degrees of freedom."""
    generator = np.random.default_rng([SEED, df, other_df])
    sides = []
    for own in (df, other_df):
        half = stats.t.ppf(0.975, own) * np.sqrt(generator.chisquare(own, ROWS) / own)
        effect = generator.normal(size=ROWS)
        sides.append(pd.DataFrame({"effect": effect, "ci_low": effect - half, "ci_high": effect + half}))
    return float((difference(*sides) < 0.05).mean())


if __name__ == "__main__":
    table = pd.concat([measure(k, tau) for k in (2, 3, 5) for tau in (0.0, 0.5, 2.0)])
    print(table.round(4).to_string(index=False))
    for pair in ((4, 4), (4, 12), (8, 8), (12, 12)):
        print(f"difference of two systems, df {pair}: called {measure_difference(*pair):.3f}")
