"""Mistakes that only the data show: refused by the job that reads them, with one message and nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from anndata import AnnData

import load_sample
from alscell.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
GENES = ["ACTB", "B2M", "GAPDH", "MALAT1", "VIM", "UBC", *(f"GENE{number}" for number in range(40))]
SAMPLES = [f"S{number}" for number in range(1, 9)]


def good_cells() -> AnnData:
    """Eight samples of five cells, whole counts."""
    rng = np.random.default_rng(2)
    rows = [sample for sample in SAMPLES for _ in range(5)]
    barcodes = ["".join(rng.choice(list("ACGT"), 16)) + "-1" for _ in rows]
    obs = pd.DataFrame({"sample": rows, "cell_type": "microglia"}, index=barcodes)
    counts = rng.poisson(2, (len(rows), len(GENES))).astype(np.float32)
    return AnnData(counts, obs=obs, var=pd.DataFrame(index=GENES))


def with_values(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[AnnData], AnnData]:
    """The same cells with other values."""

    def changed(cells: AnnData) -> AnnData:
        cells.X = change(np.asarray(cells.X)).astype(np.float32)
        return cells

    return changed


def transposed(cells: AnnData) -> AnnData:
    obs = pd.DataFrame({"sample": "S1", "cell_type": "microglia"}, index=cells.var_names)
    return AnnData(np.asarray(cells.X).T, obs=obs, var=pd.DataFrame(index=cells.obs_names))


def renamed(column: str, name: str) -> Callable[[AnnData], AnnData]:
    def changed(cells: AnnData) -> AnnData:
        return AnnData(cells.X, obs=cells.obs.rename(columns={column: name}), var=cells.var)

    return changed


def only(*samples: str) -> Callable[[AnnData], AnnData]:
    def changed(cells: AnnData) -> AnnData:
        return cells[cells.obs["sample"].isin(samples)].copy()

    return changed


def as_mouse(cells: AnnData) -> AnnData:
    return AnnData(cells.X, obs=cells.obs, var=pd.DataFrame(index=[name.capitalize() for name in cells.var_names]))


def with_names(names: Callable[[int], str]) -> Callable[[AnnData], AnnData]:
    def changed(cells: AnnData) -> AnnData:
        return AnnData(cells.X, obs=cells.obs, var=pd.DataFrame(index=[names(i) for i in range(cells.n_vars)]))

    return changed


# name: (what is done to good cells, words of the message)
FAULTS = {
    "log-normalized": (
        with_values(lambda x: np.log1p(x / x.sum(1, keepdims=True) * 1e4)),
        ["non-integer", "log-normal"],
    ),
    "scaled": (with_values(lambda x: x - x.mean()), ["negative values", "scaled"]),
    "corrected": (with_values(lambda x: x + 25 * (x > 2) + 0.5 * (x == 1)), ["non-integer values", "raw counts"]),
    "missing values": (with_values(lambda x: np.where(x > 6, np.nan, x)), ["missing or infinite"]),
    "genes x cells swapped": (transposed, ["transposed", "genes where cells should be"]),
    "no column of samples": (renamed("sample", "library"), ["no column 'sample' in obs", "`cells`"]),
    "no column of cell types": (renamed("cell_type", "celltype"), ["no column 'cell_type' in obs", "'celltype'"]),
    "sample that is not in the file": (only("S2", "S3"), ["no cell with sample 'S1'", "`member`"]),
    "another species": (as_mouse, ["mouse symbols", "human symbols", "`organism`"]),
    "ids of another species": (
        with_names(lambda i: f"ENSMUSG{i:011}"),
        ["Ensembl ids that are not of human (ENSMUSG", "`organism`"],
    ),
    "ids that nobody knows": (with_names(lambda i: f"ENSG9{i:010}"), ["Ensembl ids, with 100% of the counts", "name"]),
    "numbers as genes": (with_names(lambda i: str(i + 1)), ["names of genes that are numbers", "Ensembl gene ids"]),
    "genes of two species": (
        with_names(lambda i: f"GRCh38_GENE{i}" if i % 2 else f"mm10_Gene{i}"),
        ["of GRCh38", "of mm10", "genes of human alone"],
    ),
}


READING = {
    **dict.fromkeys(("orientation", "symbol", "gene_id", "layer"), ""),
    "parts": {},
    "cell_types": {},
    "organism": "human",
    "layout": "h5ad",
    "cells": {"sample": "sample", "cell_type": "cell_type"},
}


def load(raw: Path, counts: Path) -> None:
    load_sample.main(
        raw=str(raw),
        beside=[],
        genes=str(ROOT / "resources" / "genes" / "human.tsv"),
        counts=str(counts),
        loaded=str(counts.with_name("loaded.tsv")),
        dataset="mine",
        sample="S1",
        member="",
        reading=READING,
        row={"donor": "", "condition": ""},
        simulated=False,
    )


def test_good_cells_are_loaded(tmp_path):
    good_cells().write_h5ad(tmp_path / "cells.h5ad")
    load(tmp_path / "cells.h5ad", tmp_path / "out" / "counts.h5ad")
    assert (tmp_path / "out" / "counts.h5ad").is_file()


@pytest.mark.parametrize("name", FAULTS)
def test_fault_in_the_data_is_refused(name, tmp_path):
    spoil, words = FAULTS[name]
    spoil(good_cells()).write_h5ad(tmp_path / "cells.h5ad")
    with pytest.raises(InputError) as error:
        load(tmp_path / "cells.h5ad", tmp_path / "out" / "counts.h5ad")
    for word in ["cells.h5ad, sample S1", *words]:
        assert word in str(error.value)
    assert not list(tmp_path.glob("out/*"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def use(folder: Path, data: AnnData) -> None:
    """Put data into the set-up, with its real size left open."""
    data.write_h5ad(folder / "data/lab/cells.h5ad")
    edit(folder / "mine/dataset.yaml", source={"path": "lab", "files": [{"name": "cells.h5ad"}]})


@pytest.mark.parametrize("name", ["log-normalized", "genes x cells swapped"])
def test_job_ends_with_one_message(name, setup, snakemake):
    spoil, words = FAULTS[name]
    use(setup, spoil(good_cells()))
    answer = snakemake(setup, "results/mine/samples/S1/counts.h5ad")
    output = answer.stdout + answer.stderr
    assert answer.returncode == 1
    assert "Traceback" not in output
    assert output.count("ERROR: ") == 1
    for word in words:
        assert word in output
    kept = {"raw", "acquired"}  # of the job before, which succeeded
    assert not [path for path in (setup / "results").rglob("*") if path.is_file() and not kept & {*path.parts}]


def sums_of(donors: list[str]) -> AnnData:
    """One sum for each donor, 30 genes."""
    rng = np.random.default_rng(4)
    counts = rng.negative_binomial(10, 0.05, (len(donors), len(GENES))).astype(np.int32)
    obs = pd.DataFrame({"sample": donors, "cell_type": "microglia", "n_cells": 30}, index=donors)
    return AnnData(counts, obs=obs, var=pd.DataFrame(index=GENES))


def use_sums(folder: Path, samples: list[str], **config: object) -> None:
    """Turn the set-up into one of sums with these samples."""
    use(folder, sums_of(samples))
    cells = {"sample": "sample", "cell_type": "cell_type", "n_cells": "n_cells"}
    arms = {"enters_at": "pseudobulk", "layout": "pseudobulk_h5ad", "cells": cells, "expected_donors": {}}
    edit(folder / "mine/dataset.yaml", **arms)
    lines = (folder / "mine/samples.tsv").read_text().splitlines()
    (folder / "mine/samples.tsv").write_text(
        "\n".join([line for line in lines if line.split("\t")[0] in ("sample", *samples)]) + "\n"
    )
    edit(folder / "config.yaml", **config)


def test_two_donors_an_arm_give_effects_without_p_values(setup, snakemake):
    entry = {"id": "mine", "folder": "mine", "contrasts": ["als_vs_control"]}
    sets = {"gene_sets": ["own.gmt"], "families": []}
    (setup / "own.gmt").write_text("\t".join(["cilia", "made up", *GENES[6:20]]) + "\n")
    use_sums(setup, ["S1", "S2", "S5", "S6"], datasets=[entry], pathways=sets)
    answer = snakemake(setup, "differential", "enrichment", "pathways")
    output = answer.stdout + answer.stderr
    assert answer.returncode == 0, output
    assert "2 in case and 2 in control" in output
    assert "without p-values" in output
    folder = setup / "results/mine"
    for name in ("differential.tsv.gz", "pathway_tests.tsv", "enrichment.tsv.gz"):
        table = pd.read_csv(folder / name, sep="\t")
        assert len(table), name
        assert table["descriptive"].all(), name
        columns = table.columns.intersection(["p_value", "fdr", "fdr_all", "fdr_within", "statistic"])
        assert table[columns].isna().all(axis=None), name
    effects = pd.read_csv(folder / "differential.tsv.gz", sep="\t")["log2_fold_change"]
    assert effects.notna().all()
    assert (effects != 0).any()


# Symbols that mouse and human genes share, as they are written: mouse sets are never without all of the data's genes.
SHARED = ["C2", "C3", "C6", "C7", "C9"]
MOUSE = [*(name.capitalize() for name in GENES[:6]), *(f"Gm{number}" for number in range(10_000, 10_150)), *SHARED]


def test_gene_sets_of_another_species_are_refused(setup, snakemake):
    (setup / "own.gmt").write_text("\t".join(["complement", "mouse symbols", *MOUSE]) + "\n")
    use_sums(setup, SAMPLES, pathways={"gene_sets": ["own.gmt"], "families": []})
    data = sums_of(SAMPLES)
    use(setup, AnnData(data.X, obs=data.obs, var=pd.DataFrame(index=[*GENES[:-5], *SHARED])))
    edit(setup / "mine/dataset.yaml", source={"path": "lab", "files": [{"name": "cells.h5ad"}]})
    answer = snakemake(setup, "pathways")
    output = answer.stdout + answer.stderr
    assert answer.returncode == 1
    assert "Traceback" not in output
    assert output.count("ERROR: ") == 1
    for word in ("5 of their 161 genes (3.1 %", "expected at least 5 %", "of the same species"):
        assert word in output
    assert not (setup / "results/mine/pathway_sets.tsv").exists()
