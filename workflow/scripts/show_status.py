"""Say from outside how a run stands: done, running, failed and why. Called by people and scripts, not by a rule.

    show_status.py [folder] [--json]

Reads .snakemake/log and the logs of failed jobs in the folder where Snakemake runs; writes nothing. The exit code says
the same for scripts: docs/unattended.md.
"""

import argparse
import json
import sys
from pathlib import Path

from alscell import run_status


def main(folder: Path, *, as_json: bool) -> int:
    """Print the state of the last run in a folder, and return its exit code."""
    log = run_status.newest_log(folder)
    if log is None:
        run, failures, word = None, [], run_status.NONE
    else:
        run = run_status.read_run(log.read_text(encoding="utf-8", errors="replace"))
        failures = run_status.with_logs(run, folder)
        word = run_status.state(run, written=run_status.is_written(log))
    facts = run_status.report(run, failures, log=str(log or ""), word=word)
    print(json.dumps(facts, indent=2) if as_json else run_status.as_text(facts, failures))
    return facts["exit_code"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="where Snakemake runs; default: here")
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    given = parser.parse_args()
    sys.exit(main(given.folder, as_json=given.json))
