"""Write the data dictionary: type, unit and meaning of every column of every table that a run may make."""

import logging

from alscell.contract import data_dictionary
from alscell.files import write_table
from alscell.jobs import run


def main(*, dictionary: str) -> None:
    """Write the table that the contracts of files and tables make together."""
    columns = data_dictionary()
    write_table(columns, dictionary, "data_dictionary")
    logging.getLogger("alscell").info("%d columns of %d kinds of files", len(columns), columns["file"].nunique())


if __name__ == "__main__":
    run(main, snakemake)
