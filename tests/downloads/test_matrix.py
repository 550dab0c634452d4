"""Every fault against every layout, through acquire_file: clear message or recovery, and a second run completes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from alscell.transfer import MIN_SPEED

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"
LAYOUTS = ("RAW.tar of h5", "RAW.tar of real h5", "tar of mtx.gz", "dense csv.gz", "tsv.gz", "h5ad", "10x h5")
JOB = """
import json, sys
sys.path.insert(0, sys.argv[1])
import acquire_file
acquire_file.main(**json.loads(sys.argv[2]))
"""


@dataclass(frozen=True)
class Fault:
    """What the server does, and what must become of it: 'recovered', or words that the message must hold."""

    plan: tuple[str, ...] = ()
    always: str = ""
    ranges: bool = True
    refused: str = ""
    continued: bool = False  # by Range, where the server allows it
    declared: bool = False  # whether dataset.yaml has the sha256
    ways: dict = field(default_factory=dict)


FAULTS = {
    "none": Fault(),
    "503, then fine": Fault(plan=("503",)),
    "429 with Retry-After": Fault(plan=("429",)),
    "cut at 60 %": Fault(plan=("cut",), continued=True),
    "cut at 60 %, no Range": Fault(plan=("cut",), ranges=False),
    "slow drip": Fault(plan=("drip",), continued=True, ways={"timeout": 0.3}),
    "redirect": Fault(always="redirect"),
    "wrong bytes, sha256 known": Fault(always="wrong", declared=True, refused="sha256"),
    "wrong bytes, nothing known": Fault(always="wrong", refused="broken"),
    "404": Fault(always="404", refused="404 Not Found"),
    "200 with a web page": Fault(always="html", refused="web page"),
    "truncated at its source": Fault(always="truncated", refused="broken"),
}


def test_matrix_is_large_enough():
    assert len(LAYOUTS) * (len(FAULTS) + 3) >= 40


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", FAULTS)
def test_fault(name, layout, make_lab, layouts, server, pauses, matrix):
    matrix[name, layout] = "skipped: no data"
    fault, lab = FAULTS[name], make_lab(*layouts[layout])
    matrix[name, layout] = "FAILED"
    declared = {"sha256": hashlib.sha256(lab.body).hexdigest()} if fault.declared else {}
    server.plan, server.always, server.ranges = list(fault.plan), fault.always, fault.ranges
    if fault.refused:
        assert fault.refused in lab.refused(entry=declared, **fault.ways)
        server.heal()
    row = lab.bring(entry=declared, **fault.ways)
    assert row["verified_by"] == ("sha256" if declared else "content")
    assert lab.locked()["sha256"] == row["sha256"]
    assert not lab.part.exists()
    assert server.continued == fault.continued
    assert pauses.count(7.0) == (name == "429 with Retry-After")
    matrix[name, layout] = (
        f"refused: {fault.refused}" if fault.refused else "recovered" if name != "none" else "fetched"
    )


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A tmpfs of some bytes."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    made = subprocess.run(["mount", *options], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("fault", ["disk full, size announced", "disk full, size unknown"])
def test_full_disk(fault, layout, make_lab, layouts, server, matrix, tmp_path):
    matrix[fault, layout] = "skipped: no data or mount"
    lab = make_lab(*layouts[layout])
    server.always = "no length" if "unknown" in fault else ""
    size = len(lab.body) // 2 // 4096 * 4096
    with small_disk(tmp_path / "results", size):
        matrix[fault, layout] = "FAILED"
        message = lab.refused()
        assert "too little disk space" in message
        assert str(lab.raw.parent) in message
        came = lab.part.stat().st_size if lab.part.exists() else 0
        assert (came > 0) == ("unknown" in fault)
        larger = ["mount", "-o", f"remount,size={4 * len(lab.body)}", str(tmp_path / "results")]
        subprocess.run(larger, check=True)
        server.heal()
        lab.bring()
        if came:
            assert server.asked(lab.name)[-1]["Range"] == f"bytes={came}-"
    matrix[fault, layout] = "refused: disk space"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_kill_9(layout, make_lab, layouts, server, matrix):
    fault = "kill -9 in mid-download"
    matrix[fault, layout] = "skipped: no data"
    lab = make_lab(*layouts[layout])
    matrix[fault, layout] = "FAILED"
    server.plan = ["hang"]
    arguments = json.dumps(lab.arguments(timeout=60))
    job = subprocess.Popen([sys.executable, "-c", JOB, str(SCRIPTS), arguments])
    half = len(lab.body) // 2
    deadline = time.monotonic() + 60
    while not (lab.part.exists() and lab.part.stat().st_size > half):
        assert time.monotonic() < deadline, "the download did not begin"
        assert job.poll() is None, "the job has ended"
        time.sleep(0.02)
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    assert not lab.raw.exists()
    assert not lab.kept.exists()
    came = lab.part.stat().st_size
    server.heal()
    lab.bring()
    assert server.asked(lab.name)[-1]["Range"] == f"bytes={came}-"
    matrix[fault, layout] = "recovered"


def test_layouts_are_larger_than_what_a_slow_server_may_send(layouts):
    assert {name for name, _ in layouts.items()} == set(LAYOUTS)
    assert min(len(body) for _, body in layouts.values() if body) > 20 * MIN_SPEED
