"""Time and memory of reading a dense csv.gz of 20,000 genes x 20,000 cells: as one sample, and one of four samples.

Run from the repository root: .venv/bin/python benchmarks/dense.py --out dense.tsv [--genes 20000 --cells 20000]
Two made-up tables (7 % of the values above 0), one lying each way, are written to --folder and kept there for the next
run. Every reading is a fresh process, and its peak memory the kernel's (VmHWM), imports included.
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

from alscell.dense import read_dense  # noqa: E402
from alscell.raw_layouts import write_dense_csv  # noqa: E402

DENSITY = 0.07
SEED = 1
ORIENTATIONS = ("genes_by_cells", "cells_by_genes")
# Cells of four samples, by turns: ALL_A_<barcode> ... ALL_D_<barcode>.
MEMBERS = {"all cells": "ALL", "one sample of four": "ALL_B"}


def make_table(path: Path, *, n_genes: int, n_cells: int, orientation: str, whole: bool) -> None:
    """A table of small counts. `whole`: every cell belongs to sample ALL, else to ALL_A .. ALL_D by turns."""
    rng = np.random.default_rng(SEED)
    counts = sparse.random(n_cells, n_genes, density=DENSITY, format="csr", dtype=np.int8, random_state=rng)
    counts.data = rng.poisson(1, counts.nnz).astype(np.int32) + 1
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
    """Read in this process, and print: seconds, peak memory in MB, cells, genes, sum of the counts."""
    start = time.perf_counter()
    found = read_dense(path, member=member, orientation=orientation, where=path)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    print(f"{seconds:.1f}", f"{peak:.0f}", *found.matrix.shape, int(found.matrix.sum()))


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
    columns = ["orientation", "cells_taken", "file_mb", "seconds", "peak_mb", "n_cells", "n_genes", "n_counts"]
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
        table.to_csv(arguments.out, sep="\t", index=False)


if __name__ == "__main__":
    main()
