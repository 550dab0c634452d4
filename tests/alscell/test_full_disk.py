"""A disk without room: one message, no half file, no signal 11 of HDF5. A limit on file sizes plays the disk."""

import errno
import resource

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell import files
from alscell.errors import InputError
from alscell.full_disk import FULL, full_disk_error


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    dense = rng.poisson(3, (600, 900)) * rng.integers(1, 1000, (600, 900))
    names = {"obs": [f"cell{i}" for i in range(600)], "var": [f"gene{i}" for i in range(900)]}
    frames = {axis: pd.DataFrame(index=labels) for axis, labels in names.items()}
    return anndata.AnnData(sp.csr_matrix(dense.astype(np.float32)), **frames)


@pytest.fixture
def small_disk():
    """No file of this process may grow above 200 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def in_turn(data, path):
    files.write_in_turn(anndata.AnnData(obs=data.obs, var=data.var), [data.X[:300], data.X[300:]], path)


WRITERS = {
    "counts": files.write_counts,
    "h5ad": files.write_h5ad,
    "in_turn": in_turn,
    "graph": lambda data, path: files.write_graph(data.X, path),
    "text": lambda data, path: files.write_text("x" * 300_000, path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_full_disk_gives_one_message_and_no_half_file(name, data, small_disk, tmp_path):
    path = tmp_path / "made.h5ad"
    with pytest.raises(
        InputError, match=r"made\.h5ad: found a limit on the size of files; expected room for this file"
    ):
        WRITERS[name](data, path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["counts", "h5ad", "in_turn"])
def test_what_is_written_is_read_again_and_the_same_bytes_each_time(name, data, tmp_path):
    first, second = tmp_path / "first.h5ad", tmp_path / "second.h5ad"
    for path in (first, second):
        WRITERS[name](data, path)
    assert first.read_bytes() == second.read_bytes()
    back = anndata.read_h5ad(first)
    assert (back.X != data.X).nnz == 0
    assert list(back.obs_names) == list(data.obs_names)
    with h5py.File(first) as file:
        assert file.attrs["encoding-type"] == "anndata"


def test_only_want_of_room_is_taken_for_it():
    assert full_disk_error(OSError(errno.EACCES, "no"), "results/x.tsv") is None
    for number, words in FULL.items():
        assert f"results/x.tsv: found {words};" in str(full_disk_error(OSError(number, "no"), "results/x.tsv"))


def test_other_errors_of_a_writer_come_through(tmp_path):
    with pytest.raises(PermissionError, match="not yours"), files.atomic(tmp_path / "x.tsv"):
        raise PermissionError(errno.EACCES, "not yours")
