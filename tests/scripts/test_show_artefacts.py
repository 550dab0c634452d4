"""The script show_artefacts.py on small tables in files, without any artefact set."""

import pandas as pd
import pytest
from tests.alscell import example_tables as example

import show_artefacts
from alscell import files
from alscell.artefacts import WATCHED


@pytest.mark.parametrize("dataset", ["tissue", "dish"])
def test_every_watched_set_says_that_no_artefact_is_scored(tmp_path, dataset):
    tests, donors, sheet = (getattr(example, name)(dataset) for name in ("pathway_tests", "pathway_donors", "samples"))
    files.write_table(tests, tmp_path / "tests.tsv", "pathway_tests")
    files.write_table(donors, tmp_path / "donors.parquet", "pathway_donors")
    files.write_plain_table(sheet, tmp_path / "samples.tsv")
    members = pd.DataFrame({"gene": ["IFIT1", "ISG15"], "given": ["IFIT1", "ISG15"]})
    members = members.assign(family="inflammation", pathway="interferon_alpha", known=True)
    files.write_table(members, tmp_path / "members.tsv", "gene_set_members")
    show_artefacts.main(
        tests=str(tmp_path / "tests.tsv"),
        donor_scores=str(tmp_path / "donors.parquet"),
        members=str(tmp_path / "members.tsv"),
        orthologs=[],
        samples=str(tmp_path / "samples.tsv"),
        table=str(tmp_path / "out.tsv"),
        dataset=dataset,
        definitions={example.CONTRAST: {"factor": "condition", "case": ["ALS"], "control": ["Control"]}},
        covariates=[],
        min_cells=10,
        min_donors=3,
        fdr=0.05,
    )
    got = files.read_table(tmp_path / "out.tsv", "pathway_artefacts")
    assert len(got) == tests["family"].isin(WATCHED).sum()
    assert set(got["flag"]) == {"no_artefact_scored"}
    assert set(got["artefact"]) == {"none"}
    assert pd.isna(got["effect_held"]).all()
