"""Put signatures of dissociation and death beside every stress and inflammation set of a dataset."""

import logging

from alscell import files
from alscell.artefacts import show_artefacts
from alscell.jobs import run
from alscell.pseudobulk import donor_columns

LOG = logging.getLogger("alscell.show_artefacts")


def main(
    *,
    tests: str,
    donor_scores: str,
    members: str,
    orthologs: list[str],
    samples: str,
    table: str,
    dataset: str,
    definitions: dict,
    **choices: object,
) -> None:
    """Read tests, scores and sets, write one row a watched set and artefact set. `choices` as `show_artefacts`."""
    shown = show_artefacts(
        files.read_table(tests, "pathway_tests"),
        files.read_table(donor_scores, "pathway_donors"),
        files.read_members(members, orthologs),
        donor_columns(files.read_samples(samples)),
        definitions,
        **choices,
    )
    files.write_table(shown.assign(dataset=dataset), table, "pathway_artefacts")
    LOG.info("%s: %s", dataset, shown["flag"].value_counts().sort_index().to_dict())


if __name__ == "__main__":
    run(main, snakemake)
