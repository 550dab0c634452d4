"""Write counts.tsv, design.tsv and sets.tsv: the made-up pseudobulk on which limma.R ran. Kept for the record."""

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
N_GENES, N_CASE, N_CONTROL = 900, 8, 4


def main() -> None:
    rng = np.random.default_rng(20261123)
    n_donors = N_CASE + N_CONTROL
    case = np.repeat([1.0, 0.0], [N_CASE, N_CONTROL])
    age = np.round(rng.normal(62, 9, n_donors))
    genes = [f"gene{i:04d}" for i in range(1, N_GENES + 1)]
    log_share = rng.normal(0, 2.2, N_GENES)
    module = np.arange(N_GENES) // 30  # 30 genes that move together over donors
    shared = rng.normal(0, 0.5, (30, n_donors))[module] * (module % 3 == 0)[:, None]
    own = rng.normal(0, 1, (N_GENES, n_donors)) * rng.gamma(3, 0.12, N_GENES)[:, None]
    effect = np.zeros(N_GENES)
    effect[rng.choice(N_GENES, 60, replace=False)] = rng.choice([-1.2, 1.2], 60)
    effect[module == 1] += 0.4
    rate = np.exp(
        log_share[:, None] + shared + own + effect[:, None] * case + 0.01 * (age - 62) * (module == 2)[:, None]
    )
    depth = rng.lognormal(10.5, 0.7, n_donors)
    counts = rng.poisson(rate / rate.sum(axis=0) * depth)
    donors = [f"d{i:02d}" for i in range(1, n_donors + 1)]
    pd.DataFrame(counts, index=pd.Index(genes, name="gene"), columns=donors).to_csv(HERE / "counts.tsv", sep="\t")
    design = pd.DataFrame({"donor": donors, "condition": np.where(case == 1, "ALS", "Control"), "age": age.astype(int)})
    design.to_csv(HERE / "design.tsv", sep="\t", index=False)
    sets = [(f"module{m:02d}", gene) for gene, m in zip(genes, module, strict=True) if m < 12]
    pd.DataFrame(sets, columns=["set", "gene"]).to_csv(HERE / "sets.tsv", sep="\t", index=False)


if __name__ == "__main__":
    main()
