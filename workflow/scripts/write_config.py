"""Write the config of a run as it was resolved: defaults, config files and the command line laid over each other."""

from typing import Any

import yaml

from alscell.digests import plain
from alscell.files import write_text
from alscell.jobs import run


def main(*, settings: dict[str, Any], config: str) -> None:
    """Every value, in the order of config.yaml; paths as the user gave them. `--configfile` takes it as it is."""
    write_text(yaml.safe_dump(plain(settings), sort_keys=False, allow_unicode=True, width=120), config)


if __name__ == "__main__":
    run(main, snakemake)
