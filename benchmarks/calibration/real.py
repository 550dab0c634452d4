"""Real data: healthy donors with shuffled labels, interferon, C9orf72, and a second implementation of the same test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from alscell.design import build_design
from alscell.moderation import benjamini_hochberg
from alscell.pathways import set_scores
from alscell.pseudobulk import sum_cells
from alscell.ranking import build_ranking, measured_genes, top_weights
from calibration.engines import kept_genes, ours, pydeseq2, r_methods
from calibration.simulated import DEFAULT

DATA = Path(os.environ.get("ALSCELL_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
MIN_CELLS = 10  # as config.yaml's
ONEK1K_ARMS = ((4, 4), (8, 4), (10, 10), (20, 20))


def read(name: str) -> Any | None:
    """A file of the data folder as AnnData; None where it is absent."""
    import anndata

    return anndata.read_h5ad(DATA / name) if (DATA / name).exists() else None


def unit_sums(data: Any, donor: str, cell_type: str) -> tuple[pd.DataFrame, np.ndarray]:
    """donor, cell_type and n_cells of every sum of enough cells, and the sums (rows x genes)."""
    labels = data.obs[donor].astype(str) + "|" + data.obs[cell_type].astype(str)
    groups, n_cells, sums = sum_cells(data.X, labels.to_numpy())
    rows = pd.DataFrame([group.split("|") for group in groups], columns=["donor", "cell_type"])
    enough = np.asarray(n_cells) >= MIN_CELLS
    return rows.assign(n_cells=n_cells)[enough].reset_index(drop=True), sums.toarray()[enough]


def two_arms(labels: np.ndarray) -> pd.DataFrame:
    """Donor table with column arm."""
    return pd.DataFrame({"arm": labels}, index=[f"d{i:02d}" for i in range(len(labels))])


def design_of(donors: pd.DataFrame) -> Any:
    return build_design(donors, factor="arm", case=["case"], control=["control"], covariates=[])


def shuffled_onek1k(*, permutations: int, seed: int) -> tuple[list[dict], np.ndarray]:
    """Healthy donors with random labels: one row a permutation and cell type, and all p-values of voom in ten bins."""
    data = read("onek1k_scdesignpop/example_counts.h5ad")
    if data is None:
        return [], np.zeros(10)
    rows, sums = unit_sums(data, "indiv", "cell_type")
    out, histogram = [], np.zeros(10)
    donors = np.array(sorted(rows["donor"].unique()))
    for n_case, n_control in ONEK1K_ARMS:
        rng = np.random.default_rng([seed, n_case, n_control])
        for permutation in range(permutations):
            chosen = rng.permutation(donors)[: n_case + n_control]
            arm = dict.fromkeys(chosen[:n_case], "case") | dict.fromkeys(chosen[n_case:], "control")
            for cell_type, part in rows[rows["donor"].isin(chosen)].groupby("cell_type"):
                labels = part["donor"].map(arm).to_numpy()
                if min((labels == "case").sum(), (labels == "control").sum()) < 3:
                    continue
                design = design_of(two_arms(labels))
                counts = sums[part.index].T
                cells = part["n_cells"].to_numpy(float)
                p = ours(counts[kept_genes(counts, design)], design, method=DEFAULT, n_cells=cells)[
                    "p_value"
                ].to_numpy()
                histogram += np.histogram(p, bins=10, range=(0, 1))[0]
                names = {"arms": f"{n_case}v{n_control}", "permutation": permutation, "cell_type": cell_type}
                called = (benjamini_hochberg(p) < 0.05).any()
                out.append({**names, "null_p05": (p < 0.05).mean(), "any_call": float(called)})
    return out, histogram


def kang_ranks() -> dict[str, int]:
    """Rank of the two interferon sets among the Hallmark sets by the difference of mean AUCell scores."""
    data, gmt = read("kang_ifnb/kang_harmony_subset_counts.h5ad"), DATA / "gene_sets" / "h.all.v7.0.symbols.gmt"
    if data is None or not gmt.exists():
        return {}
    ranked = build_ranking(measured_genes([(data.X, data.var_names)]), top_fraction=0.05)
    counts = data[:, ranked.genes].X.tocsr()
    counts.eliminate_zeros()
    members = {}
    for line in gmt.read_text().splitlines():
        name, _, *genes = line.split("\t")
        positions = ranked.genes.get_indexer(sorted(set(genes)))
        members["hallmark", name] = np.sort(positions[positions >= 0])
    scores = set_scores(top_weights(counts, ranked), members, n_top=ranked.n_top)
    stimulated = (data.obs["stim"].astype(str) != "ctrl").to_numpy()
    gap = pd.Series(scores[stimulated].mean(axis=0) - scores[~stimulated].mean(axis=0), [name for _, name in members])
    rank = gap.rank(ascending=False, method="min").astype(int)
    return {name: int(rank[name]) for name in rank.index if "INTERFERON" in name}


def c9orf72() -> list[dict]:
    """log2 fold change of C9orf72 with 95 % interval, in every class, for both kinds of ALS."""
    data = read("als_gse174332_pseudobulk/als_gse174332_pseudobulk_broad.h5ad")
    if data is None:
        return []
    out = []
    for case in ("c9ALS", "sALS"):
        for cell_class in sorted(data.obs["cell_class"].astype(str).unique()):
            condition = data.obs["condition"].astype(str)
            part = data[(data.obs["cell_class"].astype(str) == cell_class) & condition.isin([case, "Control"])]
            design = design_of(two_arms(np.where(part.obs["condition"].astype(str) == case, "case", "control")))
            counts = part.X.toarray().T
            kept = kept_genes(counts, design)
            place = np.flatnonzero(part.var_names[kept] == "C9orf72")
            row = {"case": case, "cell_class": cell_class, "expressed": len(place) > 0}
            if len(place):
                cells = part.obs["n_cells"].to_numpy(float)
                test = ours(counts[kept], design, method=DEFAULT, n_cells=cells).iloc[place[0]]
                half = stats.t.ppf(0.975, test["df_total"]) * test["standard_error"]
                row |= {"effect": test["effect"], "low": test["effect"] - half, "high": test["effect"] + half}
            out.append(row)
    return out


def velmeshev(*, permutations: int, seed: int, with_r: bool) -> tuple[list[dict], list[dict]]:
    """Agreement of PyDESeq2, R's DESeq2 and the default engine; and Wilcoxon over cells with shuffled donors."""
    data = read("velmeshev_asd_pfc/velmeshev_pfc_3celltypes_counts.h5ad")
    if data is None:
        return [], []
    rows, sums = unit_sums(data, "donor", "cell_type")
    diagnosis = data.obs.astype(str).groupby("donor")["diagnosis"].first()
    agreement, excess = [], []
    for cell_type, part in rows.groupby("cell_type"):
        labels = np.where(part["donor"].map(diagnosis) == "ASD", "case", "control")
        donors, counts = two_arms(labels), sums[part.index].T
        design = design_of(donors)
        counts = counts[kept_genes(counts, design)]
        python = pydeseq2(counts, donors, [])
        row = {"cell_type": cell_type, "genes": len(counts)}
        if with_r:
            effect, p = r_methods([(counts, design)], ("deseq2",))[0]["deseq2"].reshape(2, -1)
            row |= _correlations(python, effect, p)
        mine = ours(counts, design, method=DEFAULT, n_cells=part["n_cells"].to_numpy(float))
        third = pd.qcut(counts.sum(axis=1), 3, labels=["low", "middle", "high"])
        for name in third.categories:
            inside = (third == name) & ~python["p_value"].isna().to_numpy()
            row[f"spearman {name}"] = stats.spearmanr(mine["effect"][inside], python["effect"][inside]).statistic
            row[f"same sign {name}"] = (np.sign(mine["effect"][inside]) == np.sign(python["effect"][inside])).mean()
        agreement.append(row)
        excess += _cell_excess(data, cell_type, part, counts, permutations=permutations, seed=seed, sums=sums)
    return agreement, excess


def _correlations(python: pd.DataFrame, effect: np.ndarray, p: np.ndarray) -> dict[str, float]:
    both = ~np.isnan(p) & ~python["p_value"].isna().to_numpy()
    logs = [-np.log10(np.maximum(values[both], 1e-300)) for values in (p, python["p_value"].to_numpy())]
    effects = (effect[both], python["effect"].to_numpy()[both])
    return {"r log2FC": np.corrcoef(*effects)[0, 1], "r log10 p": np.corrcoef(*logs)[0, 1]}


def _cell_excess(
    data: Any,
    cell_type: str,
    part: pd.DataFrame,
    counts: np.ndarray,
    *,
    permutations: int,
    seed: int,
    sums: np.ndarray,
) -> list[dict]:
    """Wilcoxon over cells against the default engine, donor labels shuffled; 400 genes of the tested ones."""
    cells = data[(data.obs["cell_type"].astype(str) == cell_type) & data.obs["donor"].astype(str).isin(part["donor"])]
    rng = np.random.default_rng([seed, len(part)])
    tested = kept_genes(sums[part.index].T, design_of(two_arms(np.resize(["case", "control"], len(part)))))
    tested = np.sort(rng.choice(tested, min(400, len(tested)), replace=False))
    depth = np.asarray(cells.X.sum(axis=1)).ravel()
    logs = np.log1p(cells.X[:, tested].toarray() / depth[:, None] * 1e4)
    place = part.reset_index(drop=True).reset_index().set_index("donor")["index"]
    of_cell = cells.obs["donor"].astype(str).map(place).to_numpy()
    out = []
    for permutation in range(permutations):
        labels = rng.permutation(np.resize(["case", "control"], len(part)))
        case = (labels == "case")[of_cell]
        found = {"cell_wilcoxon": stats.mannwhitneyu(logs[case], logs[~case], axis=0).pvalue}
        n_cells = part["n_cells"].to_numpy(float)
        test = ours(counts, design_of(two_arms(labels)), method=DEFAULT, n_cells=n_cells)
        found[DEFAULT] = test["p_value"].to_numpy()
        for method, p in found.items():
            names = {"cell_type": cell_type, "permutation": permutation, "method": method}
            called = (benjamini_hochberg(p) < 0.05).sum()
            out.append({**names, "genes": len(p), "null_p05": (p < 0.05).mean(), "called": called})
    return out
