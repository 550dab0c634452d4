"""A job has the threads of its rule, whatever the user's environment says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"
PROGRAM = """
import numpy
from threadpoolctl import threadpool_info
from alscell.jobs import hold_threads
before = max(one["num_threads"] for one in threadpool_info())
hold_threads(1)
import numba, scipy.linalg
print(before, max(one["num_threads"] for one in threadpool_info()), numba.config.NUMBA_NUM_THREADS)
"""


def test_threads_of_linear_algebra_are_those_of_the_rule():
    wanted = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "2")
    environment = {**os.environ, **wanted, "PYTHONPATH": str(SCRIPTS)}
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, timeout=300
    )
    assert answer.stdout.split() == ["2", "1", "1"], answer.stderr
