"""All reading and writing. Files appear whole or not at all, and the same content gives the same bytes."""

from __future__ import annotations

import contextlib
import glob
import gzip
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from alscell.errors import InputError
from alscell.full_disk import full_disk_error, new_hdf5
from alscell.keys import BARCODE, DATASET, FINGERPRINT
from alscell.orthologs import in_mouse_symbols
from alscell.tables import DTYPES, TABLES, check_table, empty_table

COUNTS_STORAGE = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the final name only if the block ends well.

    Raises
    ------
    InputError
        If the disk is full or a quota used up.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left_over in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        left_over.unlink(missing_ok=True)  # of a job that was killed
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise full_disk_error(error, path) or error from None
    finally:
        part.unlink(missing_ok=True)


def write_bytes(data: bytes, path: str | Path) -> None:
    """Write bytes atomically."""
    with atomic(path) as part:
        part.write_bytes(data)


def write_text(text: str, path: str | Path) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(text.encode(), path)


def write_table(frame: pd.DataFrame, path: str | Path, name: str) -> None:
    """Check a table against its contract and write it as .parquet, .tsv or .tsv.gz, by the path's ending.

    Text tables hold numbers with 6 significant digits; gzip carries no time.
    """
    frame = check_table(frame, name)
    if str(path).endswith(".parquet"):
        with atomic(path) as part:
            frame.to_parquet(part, index=False, compression="zstd")
        return
    write_plain_table(frame, path)


def write_plain_table(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table without a contract (the numbers of a figure) as .tsv or .tsv.gz."""
    text = frame.to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n").encode()
    if str(path).endswith(".gz"):
        buffer = io.BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=6) as stream:
            stream.write(text)
        text = buffer.getvalue()
    write_bytes(text, path)


def read_table(path: str | Path, name: str) -> pd.DataFrame:
    """Read a table of ours, with the types of its contract, also without rows (strings stay: donor "13085")."""
    if str(path).endswith(".parquet"):
        return pd.read_parquet(path)
    kinds = {column.name: DTYPES[column.kind] for column in TABLES[name].columns}
    return pd.read_csv(path, sep="\t", dtype=kinds, keep_default_na=False, na_values=[""])


def read_tables(paths: list[str], name: str) -> pd.DataFrame:
    """Several tables of one kind, one below the other; without any, the empty table."""
    if not paths:
        return empty_table(name)
    return pd.concat([read_table(path, name) for path in paths], ignore_index=True)


def read_folder_tables(paths: list[str], name: str) -> pd.DataFrame:
    """As `read_tables`, of tables that do not name their dataset: with the name of their folder in a column for it."""
    tables = [read_table(path, name).assign(**{DATASET: Path(path).parent.name}) for path in paths]
    return pd.concat(tables or [empty_table(name).assign(**{DATASET: pd.Series(dtype="str")})])


def read_samples(path: str | Path) -> pd.DataFrame:
    """A sample sheet, every value as text exactly as written, index 0..n-1; empty cells are ''.

    Lines that are blank, or only tabs, or begin with '#' are left out, as `check` and the rules do.
    """
    with Path(path).open(encoding="utf-8-sig") as stream:
        text = "".join(line for line in stream if line.strip() and not line.startswith("#"))
    return pd.read_csv(io.StringIO(text), sep="\t", dtype="str", keep_default_na=False, comment="#")


def read_yaml(path: str | Path) -> Any:
    """One YAML file.

    Raises
    ------
    InputError
        If it is not valid YAML.
    """
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        found = str(error).replace("\n", " ")
        raise InputError(str(path), found=found, expected="valid YAML", mend="Check indentation and quotes.") from None


def read_gmt(path: str | Path) -> dict[str, list[str]]:
    """Gene sets of one GMT file: name -> genes in the file's order, each once.

    Raises
    ------
    InputError
        If the file has no set, or a line has no tabs, no genes, blanks inside a gene, or a name used before.
    """
    sets: dict[str, list[str]] = {}
    lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            name, genes = _read_gmt_line(line, f"{path}, line {number}")
            if name in sets:
                raise _gmt_error(f"{path}, line {number}", f"a second set '{name}'", "each name once")
            sets[name] = genes
    if not sets:
        raise _gmt_error(str(path), "no gene set", "at least one line")
    return sets


def _read_gmt_line(line: str, where: str) -> tuple[str, list[str]]:
    name, *rest = (field.strip() for field in line.split("\t"))
    genes = list(dict.fromkeys(gene for gene in rest[1:] if gene))
    spaced = [gene for gene in genes if len(gene.split()) > 1]
    if not name or not rest:
        raise _gmt_error(where, "no tabs" if not rest else "no name", "name, description and genes between tabs")
    if not genes:
        raise _gmt_error(where, f"set '{name}' without genes", "at least one gene after the description")
    if spaced:
        raise _gmt_error(where, f"'{spaced[0][:60]}' in set '{name}'", "tabs, not spaces, between genes")
    return name, genes


def _gmt_error(where: str, found: str, expected: str) -> InputError:
    return InputError(
        where, found=found, expected=expected, mend="A GMT line is: name, description, genes; all by tabs."
    )


def read_gene_sets(paths: Sequence[str], families: Sequence[str] = ()) -> pd.DataFrame:
    """Gene sets of several GMT files: one row a member.

    Parameters
    ----------
    paths : sequence of path
        GMT files.
    families : sequence of str
        The family of each file; without it, the file's name without its ending.

    Returns
    -------
    DataFrame
        Columns family, pathway, gene, in the order of the files.

    Raises
    ------
    InputError
        As `read_gmt`, and if two files have a set of one name in one family.
    """
    rows: list[tuple[str, str, str]] = []
    seen: dict[tuple[str, str], str] = {}
    for path, family in zip(paths, families or [Path(path).stem for path in paths], strict=True):
        for name, genes in read_gmt(path).items():
            if (family, name) in seen:
                found = f"set '{name}' of family '{family}', also in {seen[family, name]}"
                raise _gmt_error(str(path), found, "each set once")
            seen[family, name] = str(path)
            rows += [(family, name, gene) for gene in genes]
    return pd.DataFrame(rows, columns=["family", "pathway", "gene"], dtype="str")


def read_set_lists(paths: Sequence[str], families: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """The same as (family, pathway) -> genes."""
    sets = read_gene_sets(paths, families)
    return {key: part["gene"].tolist() for key, part in sets.groupby(["family", "pathway"], sort=False)}


def read_members(path: str | Path, orthologs: Sequence[str] = ()) -> pd.DataFrame:
    """The gene sets of a run (table "gene_set_members"): columns family, pathway, gene.

    `orthologs`: for mouse data, the table by which human symbols become mouse ones (see `in_mouse_symbols`).

    Raises
    ------
    InputError
        As `in_mouse_symbols`.
    """
    members = read_table(path, "gene_set_members")[["family", "pathway", "gene"]]
    if not orthologs or members.empty:
        return members
    pairs = read_gene_table(orthologs[0])
    parts = [in_mouse_symbols(part, pairs, where=f"gene sets '{family}'") for family, part in members.groupby("family")]
    return pd.concat(parts, ignore_index=True)


def read_gene_table(path: str | Path) -> pd.DataFrame:
    """A shipped table of gene names, all of it as text."""
    return pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False)


def read_markers(path: str | Path, orthologs: Sequence[str] = ()) -> pd.DataFrame:
    """A marker table: columns cell_type, parent, gene, as text, without white space around; no lines after '#'.

    `parent` (a column that a table may have) is the wider type of a cell type, '' where there is none; a parent has
    none itself. `orthologs` is as in `read_members`.

    Raises
    ------
    InputError
        If a column is missing, no row is left, or a type has two parents or a grandparent; as `in_mouse_symbols`.
    """
    frame = pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False, comment="#", encoding="utf-8-sig")
    lacking = [name for name in ("cell_type", "gene") if name not in frame]
    if lacking or frame.empty:
        found = f"no column {', '.join(lacking)}" if lacking else "no row"
        mend = "A marker table has one row a cell type and gene, tabs between."
        raise InputError(str(path), found=found, expected="columns cell_type, gene, source", mend=mend)
    frame = frame.reindex(columns=["cell_type", "parent", "gene"], fill_value="").apply(lambda one: one.str.strip())
    frame = frame[(frame[["cell_type", "gene"]] != "").all(axis=1)].reset_index(drop=True)
    _check_parents(frame, str(path))
    return in_mouse_symbols(frame, read_gene_table(orthologs[0]), where=str(path)) if orthologs else frame


def read_learned(path: str | Path) -> pd.DataFrame:
    """Table "learned_markers"; `parent` is '' where there is none, as in `read_markers`."""
    return read_table(path, "learned_markers").fillna({"parent": ""})


def read_profile(path: str | Path) -> pd.Series:
    """Share of each gene in the soup of a sample (table "ambient_profile"), index gene."""
    return read_table(path, "ambient_profile").set_index("gene")["share"]


def _check_parents(markers: pd.DataFrame, where: str) -> None:
    """Stop if the column `parent` of a marker table is no hierarchy of two levels."""
    pairs = markers[["cell_type", "parent"]].drop_duplicates()
    twice = sorted(pairs.loc[pairs["cell_type"].duplicated(), "cell_type"].unique())
    parents = dict(pairs.to_numpy())
    deep = sorted(name for name, parent in parents.items() if parents.get(parent))
    if twice or deep:
        found = f"several parents of '{twice[0]}'" if twice else f"'{deep[0]}', whose parent has a parent"
        expected = "column parent: one wider type a cell type, the same in all of its rows, or nothing; two levels"
        raise InputError(
            where, found=found, expected=expected, mend="Write one parent, such as neuron for motor_neuron."
        )


def sha256(path: str | Path) -> str:
    """Checksum of a file's bytes, hex."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_h5ad(data: Any, path: str | Path, *, compression: str | None = None) -> None:
    """Write an AnnData atomically."""
    data.strings_to_categoricals()
    with atomic(path) as part, new_hdf5(part) as file:
        _write_anndata(file, data, compression=compression)


def write_counts(data: Any, path: str | Path) -> None:
    """Write an AnnData of counts atomically, small and readable by every HDF5 library.

    NOTE: gzip at level 1 after a byte shuffle: 9,000 nuclei took 52 MB and 0.7 s to read; lzf 192 MB and 0.6 s,
    uncompressed 303 MB and 0.1 s.
    """
    from anndata import AnnData
    from anndata.io import write_elem

    with atomic(path) as part, new_hdf5(part) as file:
        _write_anndata(file, AnnData(obs=data.obs, var=data.var, uns=data.uns))
        write_elem(file, "X", data.X, dataset_kwargs=COUNTS_STORAGE)


def read_h5ad(path: str | Path) -> Any:
    """Read an AnnData of ours into memory. anndata is imported here, so that light jobs don't pay for it."""
    import anndata

    return anndata.read_h5ad(path)


@contextlib.contextmanager
def open_h5ad(path: str | Path) -> Iterator[Any]:
    """An AnnData of ours whose X stays on disk."""
    import anndata

    data = anndata.read_h5ad(path, backed="r")
    try:
        yield data
    finally:
        data.file.close()


def read_identity(path: str | Path) -> pd.DataFrame:
    """Barcode, fingerprint and number of genes of every cell of a counts.h5ad, without its counts."""
    import h5py
    import numpy as np
    from anndata.io import read_elem

    with h5py.File(path) as file:
        columns = {name: read_elem(file["obs"][name]) for name in (BARCODE, FINGERPRINT)}
        return pd.DataFrame(columns).assign(n_genes=np.diff(file["X/indptr"][:]))


def read_identities(counts: list[str]) -> pd.DataFrame:
    """The same of every sample, one below the other, with the name of the sample."""
    return pd.concat([read_identity(path).assign(sample=Path(path).parent.name) for path in counts])


def read_in_turn(counts: list[str], cells: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """Name of a sample and the counts of its cells in `cells` (columns cell, sample), one sample after the other.

    Samples and cells come in the order of `cells`; a sample that has none there is not read.
    """
    paths = {Path(path).parent.name: path for path in counts}
    for name, rows in cells.groupby("sample", sort=False):
        yield str(name), read_h5ad(paths[name])[rows["cell"].to_numpy()]


def read_genes(path: str | Path) -> pd.DataFrame:
    """Genes of an h5ad (index gene, column gene_id) without its counts."""
    import h5py
    from anndata.io import read_elem

    with h5py.File(path) as file:
        return read_elem(file["var"])


def write_in_turn(data: Any, matrices: Iterable[Any], path: str | Path) -> None:
    """Write an AnnData that has no X yet, and its X, made of the rows of one CSR matrix after the other.

    NOTE: 12 samples, 11,800 nuclei, 20 million counts: gzip at level 1 after a byte shuffle 2.0 s, 27 MB; without the
    shuffle 2.2 s, 44 MB; lzf with the shuffle 1.2 s, 33 MB, but h5py alone reads it everywhere; nothing 0.6 s, 161 MB.
    NOTE: `indptr` is int64 from the first block on: where it is int32, anndata appends no more than 2^31 counts.
    """
    from anndata.io import sparse_dataset, write_elem

    data.strings_to_categoricals()
    with atomic(path) as part, new_hdf5(part) as file:
        _write_anndata(file, data)
        for group in (file["obs"], file["var"]):
            _write_plain_strings(group)
        for matrix in matrices:
            if "X" in file:
                sparse_dataset(file["X"]).append(matrix)
            else:
                write_elem(file, "X", matrix, dataset_kwargs={**COUNTS_STORAGE, "indptr_dtype": "int64"})


def _write_anndata(file: Any, data: Any, *, compression: str | None = None) -> None:
    """All of an AnnData at the root of an open HDF5 file."""
    from anndata.io import write_elem

    write_elem(file, "/", data, dataset_kwargs={"compression": compression})
    if data.raw is None:
        file.pop("raw", None)  # NOTE: an empty group of that name keeps backed readers from loading the counts


def _write_plain_strings(frame: Any) -> None:
    """Text columns of a data frame on disk as plain strings, which older anndata and other languages read too."""
    from anndata.io import read_elem, write_elem

    for name in list(frame):
        if frame[name].attrs.get("encoding-type") == "nullable-string-array":
            values = read_elem(frame[name])
            del frame[name]
            write_elem(frame, name, values.to_numpy(dtype=object))


def write_graph(graph: Any, path: str | Path) -> None:
    """Write a sparse matrix of connectivities as .npz (which carries no time)."""
    import scipy.sparse

    with atomic(path) as part, part.open("wb") as stream:
        scipy.sparse.save_npz(stream, graph)


def read_graph(path: str | Path) -> Any:
    """Read a sparse matrix of connectivities."""
    import scipy.sparse

    return scipy.sparse.load_npz(path)
