"""Read one sample from its raw file, whatever its layout, and write down what was read.

The readers return what the file says; alscell.counts decides whether it is raw counts.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alscell.cell_table import assign_cells, cells_of_sample
from alscell.counts import Counts, renamed_labels
from alscell.dense import read_dense
from alscell.h5ad import read_labeled
from alscell.loom import read_loom
from alscell.mtx import read_mtx
from alscell.seurat import read_seurat
from alscell.tenx import read_tenx

if TYPE_CHECKING:
    import pandas as pd


def read_sample(
    path: str | Path,
    *,
    beside: list[str],
    member: str,
    row: dict[str, str],
    where: str,
    organism: str,
    layout: str,
    orientation: str,
    parts: dict[str, str],
    cells: dict[str, str],
    cell_types: dict[str, str],
    symbol: str,
    gene_id: str,
    layer: str,
) -> Counts:
    """One sample in any layout.

    Parameters
    ----------
    path : path
        The raw file that samples.tsv names.
    beside : list of path
        Further raw files that belong to it: genes and barcodes of a loose matrix.mtx, `cells.table`.
    member : str
        What the sample is called inside the file.
    row : dict
        sample, donor and condition of the sample sheet, to be compared with what `cells` says of the data; with member
        '@n' also `n_numbered`, the number of rows of this file and condition.
    where : str
        File and sample, for messages.
    organism, layout, orientation, parts, cells, cell_types, symbol, gene_id, layer
        As dataset.yaml has them; '' or {} where it does not.

    Raises
    ------
    InputError
        As the reader of the layout.
    """
    name = {"member": member, "where": where}
    choice = {"cells": cells, "row": row, **name}
    columns = {"symbol": symbol, "gene_id": gene_id, "layer": layer}
    table = next((file for file in beside if cells.get("table") and file.endswith(f"/{cells['table']}")), None)
    if layout == "10x_h5":
        found = read_tenx(path, organism=organism, **name)
        found = assign_cells(found, table, **choice) if table else found
    elif layout == "10x_mtx":
        parted = {"parts": parts, "organism": organism, "symbol": symbol, "gene_id": gene_id}
        found = read_mtx(path, beside=beside, **parted, **choice)
        found = assign_cells(found, table, **choice) if table else found
    elif layout == "dense_csv":
        choose = partial(cells_of_sample, table=table, **choice) if table else None
        found = read_dense(path, orientation=orientation, organism=organism, choose=choose, **name)
    else:
        read = {"loom": read_loom, "seurat_rds": read_seurat}.get(layout, read_labeled)
        found = read(path, **columns, **choice)
    if cell_types and found.cell_types is not None:
        found = replace(found, cell_types=renamed_labels(found.cell_types, cell_types, where=where))
    return found


def loaded_table(counts: Counts, *, sample: str) -> pd.DataFrame:
    """One row for the table `loaded`: sizes, and what was changed or left out while reading."""
    import pandas as pd

    n_cells, n_genes = counts.matrix.shape
    row = {
        "sample": sample,
        "source_sample": "",
        "n_cells": n_cells,
        "n_genes": n_genes,
        "n_counts": int(counts.matrix.sum()),
        "n_cells_unlisted": 0,
        "symbols_from": "file",
        "ids_from": "file" if any(counts.gene_ids) else "none",
        "n_genes_dated": 0,
        "n_genes_merged": 0,
        "n_genes_repeated": 0,
        "n_genes_without_id": int((counts.gene_ids == "").sum()),
        "n_genes_without_symbol": 0,
        "fraction_without_symbol": 0.0,
        "counts_xist": None,
        "counts_y": None,
    }
    return pd.DataFrame([{**row, **counts.notes}])


def as_anndata(counts: Counts, *, dataset: str, sample: str, simulated: bool) -> Any:
    """The sample as later steps read it: cells named '<sample>_<barcode>', genes by symbol; no donor, no condition."""
    import pandas as pd
    from anndata import AnnData

    barcodes = counts.barcodes.astype(str)
    obs = pd.DataFrame({"barcode": barcodes}, index=[f"{sample}_{barcode}" for barcode in barcodes])
    if counts.cell_types is not None:
        obs["cell_type"] = pd.Categorical(counts.cell_types.astype(str))
    var = pd.DataFrame({"gene_id": counts.gene_ids.astype(str)}, index=pd.Index(counts.genes.astype(str), name="gene"))
    obs.index.name = "cell"
    uns = {"dataset": dataset, "sample": sample, "simulated": simulated}
    return AnnData(counts.matrix, obs=obs, var=var, uns=uns)
