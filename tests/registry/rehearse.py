"""A run from download to report on registry entries, against a server on 127.0.0.1 that stands for GEO.

`make rehearsal` runs the two default datasets, with the default config, in results/rehearsal/. The server sends
SIMULATED files in the layout, and under the names, of the real ones; everything made from them says so.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import source
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ("gse287257", "gse138121")


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        """The server's own log would stand between the lines of the run."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of a folder, as long as the block lasts."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def rehearse(folder: Path, config: dict, *, cores: int | str, cells: int) -> subprocess.CompletedProcess[str]:
    """Write the raw files of all datasets in `config`, serve them, and run the workflow in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [entry["id"] for entry in config["datasets"]] if "datasets" in config else DEFAULT
    for name in names:
        source.write_source(folder / "source", name, cells=cells)
    with served(folder / "source") as address:
        download = {"mirror": address, "simulated_mirror": True}
        (folder / "config.yaml").write_text(yaml.safe_dump({**config, "download": download}))
        command = [
            *(sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)),
            *("--cores", str(cores), "--configfile", str(folder / "config.yaml")),
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cores", default="all")
    parser.add_argument("--cells", type=int, default=600, help="cells a sample")
    given = parser.parse_args()
    done = rehearse(given.folder, {}, cores=given.cores, cells=given.cells)
    print(done.stderr[-3000:], done.stdout[-6000:], f"Folder:  {given.folder}", sep="\n")
    sys.exit(done.returncode)
