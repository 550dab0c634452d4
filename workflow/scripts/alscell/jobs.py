"""Run a script's `main` as a Snakemake job: named arguments in, one log file, errors a person can read."""

from __future__ import annotations

import inspect
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alscell.errors import InputError, InputErrors

LIBRARIES = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "NUMBA")


def run(main: Callable[..., None], snakemake: Any) -> None:
    """Call `main` with the rule's named inputs, outputs and params; write the rule's log.

    Inputs, outputs and params go in by their own names (the inputs `library` and `compared` only exist to trigger
    or to hold back).
    Wildcards and `threads` go in where `main` asks for them. A user's mistake (InputError) is logged and
    printed as one message without a traceback; anything else is a defect and keeps its traceback.
    """
    log = _open_log(Path(snakemake.log[0]))
    hold_threads(snakemake.threads)
    try:
        main(**arguments(main, snakemake))
    except (InputError, InputErrors) as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception:
        log.error("%s", traceback.format_exc())
        sys.exit(1)


def hold_threads(threads: int) -> None:
    """As many threads as the rule has, for libraries that are loaded and for those that will be.

    Snakemake sets OMP_NUM_THREADS, but a user's own OPENBLAS_NUM_THREADS goes before it.

    NOTE: principal components move by 2e-6 between one thread and two, and UMAP by several units.
    """
    os.environ |= {f"{library}_NUM_THREADS": str(threads) for library in LIBRARIES}
    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)


def arguments(main: Callable[..., None], snakemake: Any) -> dict[str, Any]:
    """The keyword arguments of `main`, gathered from one job.

    Raises
    ------
    TypeError
        If one name is used twice among inputs, outputs and params.
    """
    given: dict[str, Any] = {}
    for group in (snakemake.input, snakemake.output, snakemake.params):
        for name, value in group.items():
            if name in given:
                raise TypeError(f"'{name}' names two of the rule's inputs, outputs and params")
            given[name] = _plain(value)
    for order_only in ("library", "compared"):
        given.pop(order_only, None)
    offered = {**dict(snakemake.wildcards.items()), "threads": snakemake.threads}
    wanted = inspect.signature(main).parameters
    return {**{name: value for name, value in offered.items() if name in wanted}, **given}


def _plain(value: Any) -> Any:
    """Snakemake's list type as a list; everything else as it is."""
    return list(value) if not isinstance(value, str | dict) and hasattr(value, "__iter__") else value


def _open_log(path: Path) -> logging.Logger:
    path.parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(path, mode="w", encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setLevel(logging.ERROR)
    to_terminal.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_file, to_terminal], force=True)
    logging.captureWarnings(True)
    warnings.filterwarnings("ignore", category=FutureWarning)
    for noisy in ("anndata", "harmonypy", "matplotlib", "fontTools", "numba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return logging.getLogger("alscell")
