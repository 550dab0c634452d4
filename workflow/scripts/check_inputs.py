"""Check config, dataset and sample files before any job: one message with everything that is wrong.

Called by rules/common.smk; reads JSON on standard input: config, schemas, datasets, config_files,
shipped_sets. Exits with 1 and the message on standard error if there are problems; warnings go there too, with 0. Who
is in which arm goes to standard output.
"""

import json
import sys

from alscell.check import check_inputs, plain_paths
from alscell.errors import InputErrors


def main() -> None:
    """Read the request, print what was found."""
    request = json.load(sys.stdin)
    findings = check_inputs(
        request["config"],
        schemas=request["schemas"],
        datasets=request["datasets"],
        config_files=request.get("config_files", []),
        shipped_sets=request.get("shipped_sets", {}),
    )
    for note in findings.notes:
        print(plain_paths(note))
    for warning in findings.warnings:
        print(plain_paths(warning), file=sys.stderr)
    if findings.problems:
        print(plain_paths(str(InputErrors(findings.problems))), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
