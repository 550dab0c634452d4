"""The circumstances of a run that can change bytes: versions of software, processor, kernel of linear algebra."""

from __future__ import annotations

import platform
import re
from importlib import metadata
from pathlib import Path

import pandas as pd

import alscell


def circumstances() -> pd.DataFrame:
    """Table "software": this environment and this machine.

    Every installed package counts, also one that no module imports: what a library loads is not ours to know.
    """
    rows = [
        ("alscell", "alscell", alscell.VERSION),
        ("python", platform.python_implementation(), platform.python_version()),
    ]
    rows += [("package", name, version) for name, version in sorted(_packages().items())]
    rows += [("machine", name, value) for name, value in _machine().items()]
    return pd.DataFrame(rows, columns=["kind", "name", "value"], dtype="str")


def changed(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Circumstances that differ between two runs.

    Parameters
    ----------
    ours, theirs : DataFrame
        Table "software" of each.

    Returns
    -------
    DataFrame
        Columns kind, name, value_x, value_y; '' where one run has no such row; in the order of the table.
    """
    both = ours.merge(theirs, on=["kind", "name"], how="outer").fillna("")
    return both[both["value_x"] != both["value_y"]].reset_index(drop=True)


def _packages() -> dict[str, str]:
    """Version of every installed package by its normalized name."""
    found = {}
    for one in metadata.distributions():
        if one.metadata["Name"]:
            found.setdefault(re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(), one.version)
    return found


def _machine() -> dict[str, str]:
    """System, architecture, processor and BLAS kernel: linear algebra may round otherwise on another one."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "C library": " ".join(platform.libc_ver()).strip() or "unknown",
        "processor": _processor(),
        "BLAS": _blas(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"


def _blas() -> str:
    """Library, version and kernel of the BLAS that NumPy and SciPy have loaded, such as 'openblas 0.3.30 SkylakeX'."""
    import scipy.linalg  # noqa: F401  loads SciPy's own BLAS
    from threadpoolctl import threadpool_info

    loaded = [one for one in threadpool_info() if one["user_api"] == "blas"]
    kernels = {f"{one['internal_api']} {one['version']} {one.get('architecture', '')}".strip() for one in loaded}
    return ", ".join(sorted(kernels)) or "unknown"
