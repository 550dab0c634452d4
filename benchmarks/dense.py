"""Time and memory of reading a dense csv.gz of 20,000 genes x 20,000 cells: as one sample, and one of four samples.

Run from the repository root: .venv/bin/python benchmarks/dense.py --out dense.tsv [--genes 20000 --cells 20000]
Made-up tables (7 % of the values above 0), lying each way, are written to --folder and kept there for the next run:
making them takes most of the time. Every reading is a fresh process; peak memory is the kernel's (VmHWM), imports
included.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from alscell.counts import check_counts  # noqa: E402
from alscell.dense import read_dense  # noqa: E402
from alscell.files import write_counts  # noqa: E402
from alscell.loading import as_anndata  # noqa: E402
from alscell.raw_layouts import write_dense_csv  # noqa: E402

DENSITY = 0.07
SEED = 1
CELLS_AT_ONCE = 500
ORIENTATIONS = ("genes_by_cells", "cells_by_genes")
# Cells of four samples, by turns: ALL_A_<barcode> ... ALL_D_<barcode>.
MEMBERS = {"all cells": "ALL", "one sample of four": "ALL_B"}


def draw_counts(n_cells: int, n_genes: int) -> sparse.csr_matrix:
    """Small counts of cells of every depth: those of one depth would be refused as normalized."""
    rng = np.random.default_rng(SEED)
    blocks = []
    for start in range(0, n_cells, CELLS_AT_ONCE):
        shape = min(CELLS_AT_ONCE, n_cells - start), n_genes
        depth = 2 * DENSITY * rng.random((shape[0], 1))
        block = sparse.csr_matrix(rng.random(shape, dtype=np.float32) < depth, dtype=np.int32)
        block.data = rng.poisson(1, block.nnz).astype(np.int32) + 1
        blocks.append(block)
    return sparse.vstack(blocks, format="csr")


def make_table(path: Path, *, n_genes: int, n_cells: int, orientation: str, whole: bool) -> None:
    """A table of small counts. `whole`: every cell belongs to sample ALL, else to ALL_A .. ALL_D by turns."""
    counts = draw_counts(n_cells, n_genes)
    genes = [f"GENE{number}" for number in range(n_genes)]
    barcodes = ["".join("ACGT"[(number >> 2 * place) & 3] for place in range(16)) for number in range(n_cells)]
    names = [f"ALL_{'' if whole else 'ABCD'[number % 4] + '_'}{barcode}" for number, barcode in enumerate(barcodes)]
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as stream:
        if orientation == "genes_by_cells":
            write_dense_csv(stream, counts, names, genes)
        else:
            write_dense_csv(stream, counts.T.tocsr(), genes, names)
    partial.replace(path)


def read_once(path: str, member: str, orientation: str) -> None:
    """Load a sample in this process; print seconds and peak MB to read it, then to have it written as h5ad too."""
    start = time.perf_counter()
    found = read_dense(path, member=member, orientation=orientation, organism="human", where=path)
    reading = time.perf_counter() - start, peak_mb()
    checked = check_counts(found, where=path, organism="human")
    with tempfile.TemporaryDirectory() as folder:
        sample = as_anndata(checked, dataset="benchmark", sample=member, simulated=True)
        write_counts(sample, Path(folder) / "counts.h5ad")
    loading = time.perf_counter() - start, peak_mb()
    print(
        *(f"{number:.1f}" for number in (*reading, *loading, time.process_time())),
        *checked.matrix.shape,
        checked.matrix.nnz,
    )


def peak_mb() -> float:
    """The most memory that this process ever held, as the kernel counts it."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def measure(folder: Path, *, n_genes: int, n_cells: int) -> pd.DataFrame:
    rows = []
    for orientation in ORIENTATIONS:
        for case, member in MEMBERS.items():
            whole = member == "ALL"
            path = folder / f"dense_{orientation}_{n_genes}x{n_cells}_{'one' if whole else 'four'}.csv.gz"
            if not path.exists():
                make_table(path, n_genes=n_genes, n_cells=n_cells, orientation=orientation, whole=whole)
            command = [sys.executable, __file__, "--read", str(path), member, orientation]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            rows.append([orientation, case, f"{path.stat().st_size / 1e6:.0f}", *answer])
    columns = ["orientation", "cells_taken", "file_mb", "read_seconds", "read_peak_mb", "seconds", "peak_mb"]
    columns += ["processor_seconds", "n_cells", "n_genes", "n_values"]
    return pd.DataFrame(rows, columns=columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="table to write")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "alscell_dense")
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--read", nargs=3, metavar=("PATH", "MEMBER", "ORIENTATION"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read_once(*arguments.read)
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    table = measure(arguments.folder, n_genes=arguments.genes, n_cells=arguments.cells)
    print(table.to_string(index=False))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(arguments.out, sep="\t", index=False)


if __name__ == "__main__":
    main()
