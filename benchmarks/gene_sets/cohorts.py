"""The shipped gene sets, and the real data that they are held against, under current gene symbols."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from alscell.files import read_gene_table, read_yaml
from alscell.gene_set_files import read_sources, read_symbols
from alscell.gene_sets import collect_sets
from alscell.keys import CELL_TYPE, DONOR, FAMILY, GENE, PATHWAY
from alscell.pseudobulk import sum_cells
from calibration.real import DATA

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
FILES = {
    "velmeshev": "velmeshev_asd_pfc/velmeshev_pfc_3celltypes_counts.h5ad",
    "als": "als_gse174332_pseudobulk/als_gse174332_pseudobulk_broad.h5ad",
    "onek1k": "onek1k_scdesignpop/example_counts.h5ad",
    "pbmc4k": "pbmc4k_soupx/pbmc_counts.h5ad",
    "kang": "kang_ifnb/kang_harmony_subset_counts.h5ad",
}
# obs columns: donor, cell type, what is held constant
COLUMNS: dict[str, tuple[str | None, str | None, tuple[str, ...]]] = {
    "velmeshev": ("donor", "cell_type", ("diagnosis",)),
    "als": ("sample", "cell_class", ("condition", "sex_inferred")),
    "onek1k": ("indiv", "cell_type", ("sex",)),
    "pbmc4k": (None, "annotation", ()),
    "kang": (None, None, ("stim",)),
}
MIN_CELLS = 10  # as config.yaml's


@dataclass(frozen=True)
class Cohort:
    """One dataset.

    Parameters
    ----------
    name : str
    counts : csr_matrix of int, rows x genes
        Rows are cells, or sums over the cells of a donor and type (als).
    genes : Index
        Current symbols, each once.
    rows : DataFrame
        donor, cell_type, n_cells (1 for a cell) and the columns to hold constant.
    held : tuple of str
    """

    name: str
    counts: sparse.csr_matrix
    genes: pd.Index
    rows: pd.DataFrame
    held: tuple[str, ...]

    def part(self, cell_type: str) -> Cohort:
        """The rows of one cell type."""
        inside = (self.rows[CELL_TYPE] == cell_type).to_numpy()
        return Cohort(self.name, self.counts[inside], self.genes, self.rows[inside].reset_index(drop=True), self.held)


def shipped_sets() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Members, facts and overlaps of all shipped sets, as a run collects them."""
    folder = RESOURCES / "gene_sets"
    families = read_yaml(folder / "families.yaml")
    keys = [(family, name) for family, names in families.items() for name in names]
    gmt, facts = ([str(folder / family / f"{name}.{end}") for family, name in keys] for end in ("gmt", "yaml"))
    sources = read_sources(gmt, facts, [family for family, _ in keys], [], [], [])
    known, aliases = symbols()
    members, sets, overlap = collect_sets(sources.members, sources.facts, sources.origin, known=known, aliases=aliases)
    return members[[FAMILY, PATHWAY, GENE]], sets, overlap


def symbols() -> tuple[set[str], dict[str, str]]:
    """All current symbols, and the current symbol of each former one."""
    genes = RESOURCES / "genes"
    return read_symbols(*(str(genes / name) for name in ("human.tsv", "mouse.tsv", "former_symbols.tsv")))


def marker_genes() -> pd.DataFrame:
    """cell_type, gene of all shipped marker tables, each pair once."""
    tables = [pd.read_csv(path, sep="\t") for path in sorted((RESOURCES / "markers").glob("*.tsv"))]
    return pd.concat(tables)[[CELL_TYPE, GENE]].drop_duplicates(ignore_index=True)


def has_data(name: str) -> bool:
    return (DATA / FILES[name]).exists()


def read_cohort(name: str) -> Cohort | None:
    """A dataset of the data folder; None where it is absent."""
    if not has_data(name):
        return None
    import anndata

    data = anndata.read_h5ad(DATA / FILES[name])
    donor, cell_type, held = COLUMNS[name]
    rows = pd.DataFrame({DONOR: _text(data, donor), CELL_TYPE: _text(data, cell_type)})
    rows["n_cells"] = data.obs["n_cells"].to_numpy(float) if "n_cells" in data.obs else 1.0
    for column in held:
        rows[column] = _text(data, column)
    genes = current_symbols(data.var_names)
    first = ~genes.duplicated()
    counts = sparse.csr_matrix(data.X)[:, first].astype(np.int64)
    counts.eliminate_zeros()
    return Cohort(name, counts, genes[first], rows, held)


def _text(data: Any, column: str | None) -> np.ndarray:
    return data.obs[column].astype(str).to_numpy() if column else np.full(data.n_obs, "all", dtype=object)


def current_symbols(genes: pd.Index) -> pd.Index:
    """Symbols of today for symbols of any time and for Ensembl ids."""
    known, aliases = symbols()
    table = read_gene_table(str(RESOURCES / "genes" / "human.tsv"))
    of_id = dict(zip(table["gene_id"], table["symbol"], strict=True))
    names = [of_id.get(gene, gene) for gene in genes.astype(str)]
    return pd.Index([name if name in known else aliases.get(name, name) for name in names], dtype="str")


def donor_sums(cohort: Cohort) -> tuple[pd.DataFrame, np.ndarray]:
    """donor, cell_type, n_cells and held columns of each donor and type with enough cells; sums, rows x genes."""
    label = cohort.rows[DONOR] + "|" + cohort.rows[CELL_TYPE]
    groups, _, sums = sum_cells(cohort.counts, label.to_numpy())
    facts = cohort.rows.assign(label=label).groupby("label", sort=False)
    rows = facts.first().loc[groups].reset_index(drop=True)
    rows["n_cells"] = facts["n_cells"].sum().loc[groups].to_numpy()
    enough = (rows["n_cells"] >= MIN_CELLS).to_numpy()
    return rows[enough].reset_index(drop=True), sums.toarray()[enough]
