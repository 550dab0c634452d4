"""A server that misbehaves on purpose, raw files of several layouts, and the table of what became of each fault."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import io as matrix_market
from scipy import sparse

import acquire_file
from alscell import transfer
from alscell.errors import InputError
from alscell.files import read_table, read_yaml, write_counts
from alscell.raw_layouts import tenx_h5_bytes, write_dense_csv, write_tar

ROOT = Path(__file__).resolve().parents[2]
DATASET = "gse1"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
MATRIX: dict[tuple[str, str], str] = {}  # (fault, layout) -> what became of it


class FaultServer(http.server.ThreadingHTTPServer):
    """Serves `files` (path -> bytes); `plan` holds a fault for each coming request of a file, `always` one for all.

    `lists` are files that are served without faults. Every request is kept in `requests` as (path, headers).
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.lists, self.plan, self.always = {}, {}, [], ""
        self.ranges, self.etag, self.encoding, self.flip_at, self.requests = True, '"v1"', "", 0, []
        self.looks_at_if_range = True
        self.continued = 0  # answers that began in the middle
        self.go_on = threading.Event()

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def heal(self) -> None:
        self.plan, self.always, self.ranges = [], "", True
        self.go_on.set()

    def asked(self, name: str) -> list[dict[str, str]]:
        """Headers of every request for a file of this name."""
        return [headers for path, headers in self.requests if path.endswith(name)]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server, path = self.server, unquote(urlsplit(self.path).path)
        server.requests.append((path, dict(self.headers)))
        if path in server.lists:
            self.answer(200, server.lists[path])
            return
        plain = path.removeprefix("/elsewhere")
        if plain not in server.files:
            self.send_error(404)
            return
        fault = server.plan.pop(0) if server.plan else server.always
        if path != plain:  # where a redirect led to
            fault = ""
        self.misbehave(fault, server.files[plain])

    def misbehave(self, fault: str, body: bytes) -> None:
        if fault == "429":
            self.send_response(429)
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault.isdigit():
            self.send_error(int(fault))
        elif fault == "redirect":
            self.send_response(302)
            self.send_header("Location", f"/elsewhere{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault == "html":
            self.answer(200, b"<!DOCTYPE html><html><body>Not found. Please log in.</body></html>")
        elif fault == "wrong":
            start = self.server.flip_at
            flipped = bytes(byte ^ 0xFF for byte in body[start : start + 16])
            self.send_file(body[:start] + flipped + body[start + 16 :])
        elif fault == "truncated":
            self.send_file(body[: len(body) * 6 // 10])
        else:
            self.send_file(body, fault)

    def send_file(self, body: bytes, fault: str = "") -> None:
        server, start = self.server, 0
        asked, held = self.headers.get("Range"), self.headers.get("If-Range")
        same = held in (None, server.etag) or not server.looks_at_if_range
        if asked and server.ranges and same:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.end_headers()
                return
            server.continued += 1
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        if fault != "no length":
            self.send_header("Content-Length", str(len(body) - start))
        if server.etag:
            self.send_header("ETag", server.etag)
        if server.encoding:
            self.send_header("Content-Encoding", server.encoding)
        self.end_headers()
        if fault not in ("cut", "drip", "hang"):
            self.put(body[start:])
            return
        end = start + (len(body) - start) * 6 // 10
        self.put(body[start:end])
        if fault == "hang":
            server.go_on.wait(60)
            self.put(body[end:])
        while fault == "drip" and end < len(body) and self.put(body[end : end + 1]):
            end += 1
            time.sleep(0.02)
        self.close_connection = True

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.put(body)

    def put(self, data: bytes) -> bool:
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:  # the other side has gone
            return False
        return True

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def server(monkeypatch):
    for name in (*PROXIES, *(name.upper() for name in PROXIES)):
        monkeypatch.delenv(name, raising=False)
    server = FaultServer()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.heal()
    server.shutdown()
    server.server_close()


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """Seconds that the downloader would have waited between tries."""
    waited: list[float] = []
    clock = SimpleNamespace(monotonic=time.monotonic, time=time.time, sleep=waited.append)
    monkeypatch.setattr(transfer, "time", clock)
    return waited


class Lab:
    """A working folder that wants one file of a dataset from the server."""

    def __init__(self, folder: Path, server: FaultServer, name: str, body: bytes) -> None:
        self.folder, self.server, self.name, self.body = folder, server, name, body
        self.raw = folder / f"results/{DATASET}/raw/{name}"
        self.table = folder / f"results/{DATASET}/acquired/{name}.tsv"
        self.lock = folder / f"locks/{DATASET}/{name}.lock.yaml"
        server.files[f"/suppl/{name}"] = body

    def arguments(self, *, entry=(), origin=(), simulated_mirror=False, **ways) -> dict:
        """Arguments of acquire_file, as the rule has them; what is not given is as in config.yaml."""
        plain = {"url": f"{self.server.host}/suppl", "zenodo": "", "listing": ""}
        usual = {"mirror": "", "cache": "", "locks": str(self.folder / "locks"), "offline": False, "attempts": 3}
        usual |= {"timeout": 5, "place": str(self.folder / f"data/{DATASET}/{self.name}")}
        return {
            "dataset": DATASET,
            "raw": str(self.raw),
            "acquired": str(self.table),
            "entry": {"name": self.name, "size": None, "sha256": None} | dict(entry),
            "origin": plain | dict(origin),
            "simulated_mirror": simulated_mirror,
            "ways": usual | ways,
            "there": [],
            "pause": 0.0,
        }

    def bring(self, **changes) -> pd.Series:
        """Acquire the file; its row of the table `acquired`."""
        acquire_file.main(**self.arguments(**changes))
        assert self.raw.read_bytes() == self.body
        row = read_table(self.table, "acquired").iloc[0]
        assert (row["size"], row["sha256"]) == (len(self.body), hashlib.sha256(self.body).hexdigest())
        return row

    def refused(self, **changes) -> str:
        """The message with which acquiring fails; nothing may have a final name then."""
        with pytest.raises(InputError) as error:
            acquire_file.main(**self.arguments(**changes))
        left = [path for path in (self.raw, self.table, self.lock, self.kept) if path.exists()]
        assert left == []
        assert "\n" not in str(error.value)
        return str(error.value)

    def clear(self) -> None:
        """Forget everything but the lock."""
        shutil.rmtree(self.folder / "results", ignore_errors=True)

    @property
    def kept(self) -> Path:
        return self.raw.with_name(f".{self.name}.kept")

    @property
    def part(self) -> Path:
        return self.raw.with_name(f".{self.name}.download")

    def locked(self) -> dict:
        return read_yaml(self.lock)


def draw_counts(seed: int) -> sparse.csr_matrix:
    rng = np.random.default_rng(seed)
    return sparse.csr_matrix(rng.poisson(0.4, size=(120, 600)) * rng.integers(1, 40, size=(120, 600)))


def draw_genes() -> pd.DataFrame:
    names = [f"GENE{i}" for i in range(600)]
    return pd.DataFrame({"gene": names, "gene_id": [f"ENSG{i:011d}" for i in range(600)]})


def cell_names() -> list[str]:
    return [f"CELL{i}-1" for i in range(120)]


def tenx_h5(seed: int) -> bytes:
    return tenx_h5_bytes(draw_counts(seed), cell_names(), draw_genes(), library=f"s{seed}")


def tar_of_h5() -> bytes:
    stream = io.BytesIO()
    names = [f"GSM874236{i}_1308{i}_ALS_filtered_feature_bc_matrix.h5" for i in range(3)]
    write_tar(stream, ((name, tenx_h5(i)) for i, name in enumerate(names)))
    return stream.getvalue()


def tar_of_real_h5() -> bytes:
    """Files that Cell Ranger wrote, versions 2 and 3, under names as GEO gives them; b'' where they are not at hand."""
    folder = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data")) / "tenx_formats"
    paths = [
        folder / "scanpy_10x_data/1.2.0/filtered_gene_bc_matrices_h5.h5",
        folder / "scanpy_10x_data/3.0.0/filtered_feature_bc_matrix.h5",
        folder / "pbmc500_v3_h5_mtx/filtered_feature_bc_matrix.h5",
    ]
    if not all(path.is_file() for path in paths):
        return b""
    stream = io.BytesIO()
    members = [(f"GSM900000{i}_s{i}_filtered_feature_bc_matrix.h5", path.read_bytes()) for i, path in enumerate(paths)]
    write_tar(stream, members)
    return stream.getvalue()


def tar_of_mtx() -> bytes:
    members = []
    for i in range(2):
        text = io.BytesIO()
        matrix_market.mmwrite(text, draw_counts(i).T)
        genes = draw_genes()
        features = genes.to_csv(sep="\t", header=False, index=False, columns=["gene_id", "gene"]).encode()
        parts = {
            "matrix.mtx": text.getvalue(),
            "features.tsv": features,
            "barcodes.tsv": "\n".join(cell_names()).encode(),
        }
        members += [(f"GSM10{i}_s{i}_{name}.gz", gzip.compress(data, mtime=0)) for name, data in parts.items()]
    stream = io.BytesIO()
    write_tar(stream, members)
    return stream.getvalue()


def dense_csv() -> bytes:
    stream = io.BytesIO()
    write_dense_csv(stream, draw_counts(5), cell_names(), list(draw_genes()["gene"]))
    return stream.getvalue()


def umi_tsv() -> bytes:
    frame = pd.DataFrame(draw_counts(6).T.toarray(), index=draw_genes()["gene"], columns=cell_names())
    return gzip.compress(frame.to_csv(sep="\t").encode(), mtime=0)


def h5ad(folder: Path) -> bytes:
    data = anndata.AnnData(draw_counts(7), obs=pd.DataFrame(index=cell_names()), var=draw_genes().set_index("gene"))
    write_counts(data, folder / "made.h5ad")
    return (folder / "made.h5ad").read_bytes()


@pytest.fixture(scope="session")
def layouts(tmp_path_factory) -> dict[str, tuple[str, bytes]]:
    """Name and bytes of a raw file in each layout, small, and made as the registry's sources make theirs."""
    return {
        "RAW.tar of h5": ("GSE1_RAW.tar", tar_of_h5()),
        "tar of mtx.gz": ("GSE2_RAW.tar", tar_of_mtx()),
        "dense csv.gz": ("GSE3_UMIcounts.csv.gz", dense_csv()),
        "tsv.gz": ("GSE4_umi.tsv.gz", umi_tsv()),
        "h5ad": ("GSE5_COUNTS.h5ad", h5ad(tmp_path_factory.mktemp("h5ad"))),
        "RAW.tar of real h5": ("GSE6_RAW.tar", tar_of_real_h5()),
        "10x h5": ("filtered_feature_bc_matrix.h5", tenx_h5(8)),
    }


def place_in_data(body: bytes) -> int:
    """A byte inside packed counts: of the largest chunk of an h5 (the first one in a tar), or the middle of a gzip."""
    start = body.find(b"\x89HDF\r\n\x1a\n")
    if start < 0:
        return len(body) // 2
    chunks, datasets = [], []
    with h5py.File(io.BytesIO(body[start:])) as file:
        file.visititems(lambda _, item: datasets.append(item) if getattr(item, "chunks", None) else None)
        for item in datasets:
            item.id.chunk_iter(chunks.append)
        largest = max((chunk.size, chunk.byte_offset) for chunk in chunks)
    return start + largest[1] + largest[0] // 2


@pytest.fixture
def make_lab(tmp_path, server):
    def make(name: str, body: bytes) -> Lab:
        if not body:
            pytest.skip("no ../shared/data/tenx_formats; set ALSCELL_TEST_DATA to the folder that holds it")
        server.flip_at = place_in_data(body)
        return Lab(tmp_path, server, name, body)

    return make


@pytest.fixture
def lab(make_lab, layouts) -> Lab:
    """One that wants a plain 10x h5."""
    return make_lab(*layouts["10x h5"])


@pytest.fixture
def matrix() -> dict[tuple[str, str], str]:
    return MATRIX


def pytest_terminal_summary(terminalreporter) -> None:
    """The fault matrix as a table: rows faults, columns layouts."""
    if not MATRIX:
        return
    faults, columns = (list(dict.fromkeys(key[i] for key in MATRIX)) for i in (0, 1))
    texts = [["", *columns], *([fault, *(MATRIX.get((fault, one), "") for one in columns)] for fault in faults)]
    widths = [max(len(row[i]) for row in texts) for i in range(len(columns) + 1)]
    terminalreporter.section("faults x layouts")
    for row in texts:
        terminalreporter.write_line(" | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)))
    outcomes = list(MATRIX.values())
    skipped, failed = (sum(text.startswith(word) for text in outcomes) for word in ("skipped", "FAILED"))
    terminalreporter.write_line(
        f"{len(outcomes) - skipped - failed} of {len(outcomes)} cells passed, {failed} failed, {skipped} skipped. "
        "refused: with a clear message, nothing under the final name, and a second run completed."
    )
