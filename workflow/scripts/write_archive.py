"""Write the archive of a run: code, lock, config and what it names, tables and figures; no raw data, no matrices."""

import logging
from pathlib import Path
from typing import Any

from alscell import bundle
from alscell.jobs import run


def main(
    *,
    files: list[str],
    manifest: str,
    software: str,
    settings: dict[str, Any],
    simulated: list[str],
    checkout: str,
    archive: str,
) -> None:
    """Gather the three kinds of files and pack them; what the config names stands before what is shipped."""
    named = bundle.named_files(settings, Path.cwd())
    results = bundle.result_files([*files, manifest, software])
    outside = [name for name in named if name.startswith(f"{bundle.OUTSIDE}/")]
    texts = {"ARCHIVE.md": bundle.readme(manifest, simulated=simulated, outside=outside)}
    packed = {**bundle.code_files(checkout), **named, **results}
    bundle.write_archive(packed, texts, archive)
    logging.getLogger("alscell").info(
        "%d files of code and config, %d results", len(packed) - len(results), len(results)
    )


if __name__ == "__main__":
    run(main, snakemake)
