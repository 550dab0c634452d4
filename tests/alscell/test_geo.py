"""Drafts of a dataset from what GEO says: pages and tables written here in GEO's forms."""

import csv
import io

import pytest
import yaml

from alscell import geo
from alscell.errors import InputError

PAGE = """<html><head><title>Index of /geo/series/GSE1nnn/GSE1/suppl</title></head><body><h1>Index</h1><pre>
<a href="?C=N;O=D">Name</a>  <a href="/geo/series/GSE1nnn/GSE1/">Parent Directory</a>
<a href="GSE1%5FRAW.tar">GSE1_RAW.tar</a> 2026-01-01 10:00 1.2G
<a href="GSE1_metadata.csv.gz">GSE1_metadata.csv.gz</a>
<a href="filelist.txt">filelist.txt</a> <a href="old/">old/</a>
<a href="https://www.example.invalid/vulnerability">policy</a></pre></body></html>"""

MATRIX = """!Series_title\t"Cord of \\"ALS\\" and control"
!Series_geo_accession\t"GSE1"
!Series_pubmed_id\t"40132594"
!Sample_title\t"ALS donor 1, cord"\t"control #2"\t"ALS donor 1, again"
!Sample_geo_accession\t"GSM1"\t"GSM12"\t"GSM3"
!Sample_organism_ch1\t"Homo sapiens"\t"Homo sapiens"\t"Homo sapiens"
!Sample_source_name_ch1\t"spinal cord"\t"spinal cord"\t"spinal cord"
!Sample_characteristics_ch1\t"donor id: D 1"\t"donor id: D2"\t"donor id: D 1"
!Sample_characteristics_ch1\t"Sex: F"\t"age: 61"\t"Sex: F"
!Sample_characteristics_ch1\t"cell type: nuclei"\t"Sex: M"\t"age: 70"
!series_matrix_table_begin
"ID_REF"\t"GSM1"\t"GSM12"\t"GSM3"
"""


@pytest.fixture
def series():
    return geo.read_series(MATRIX)


def rows(sheet):
    return list(csv.DictReader(io.StringIO(sheet), delimiter="\t"))


def test_folder_of_a_series():
    assert geo.series_folder("GSE287257", base="https://a/b/") == "https://a/b/GSE287nnn/GSE287257"
    with pytest.raises(InputError, match="found 'GSM5'; expected a GEO series"):
        geo.series_folder("GSM5")


def test_index_page_gives_the_files_and_nothing_else():
    assert geo.index_names(PAGE) == ["GSE1_RAW.tar", "GSE1_metadata.csv.gz", "filelist.txt"]


def test_series_matrix(series):
    assert (series.accession, series.pubmed, series.organisms) == ("GSE1", ("40132594",), ("Homo sapiens",))
    assert series.samples["characteristics sex"] == ["F", "M", "F"]  # one key in two lines
    assert series.samples["characteristics age"] == ["", "61", "70"]
    with pytest.raises(InputError, match="a GEO series matrix"):
        geo.read_series("<html>not found</html>")


def test_samples_of_several_platforms_come_together(series):
    other = geo.read_series(MATRIX.replace("GSM1", "GSM91").replace("Sex: F", "batch: 7"))
    joined = geo.join_series([series, other])
    assert joined.samples["geo_accession"] == ["GSM1", "GSM12", "GSM3", "GSM91", "GSM912", "GSM3"]
    assert joined.samples["characteristics batch"] == ["", "", "", "7", "", "7"]


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (["GSM1_a_filtered_feature_bc_matrix.h5"], "10x_h5"),
        (["GSM1_a_barcodes.tsv.gz", "GSM1_a_features.tsv.gz", "GSM1_a_matrix.mtx.gz"], "10x_mtx"),
        (["GSE1_counts.csv.gz", "GSE1_readme.txt"], "dense_csv"),
        (["GSE1.h5ad", "GSE1_meta.csv"], "h5ad"),
        (["GSE1.rds"], "seurat_rds"),
        (["GSE1.bam"], geo.OPEN),
    ],
)
def test_layout_by_ending(names, layout):
    assert geo.layout_of(names) == layout


def test_members_of_a_tar_belong_to_the_right_sample():
    trios = [f"GSM{n}_{part}" for n in ("1_a", "12_b") for part in ("matrix.mtx.gz", "barcodes.tsv.gz", "genes.tsv.gz")]
    assert geo.members_of(["GSM1", "GSM12", "GSM3"], trios) == {"GSM1": "GSM1_a_", "GSM12": "GSM12_b_"}
    files = ["GSM1_a.csv.gz", "GSM1_a.h5", "GSM12_b.h5"]
    assert geo.members_of(["GSM1", "GSM12", "GSM3"], files) == {"GSM1": "GSM1_a.h5", "GSM12": "GSM12_b.h5"}


def test_sheet_leaves_the_condition_open_and_finds_the_donor(series):
    sheet = rows(geo.draft_sheet(series, ["GSE1_RAW.tar"], {"GSM1": "GSM1_a.h5"}))
    assert [row["donor"] for row in sheet] == ["D_1", "D2", "D_1"]
    assert {row["condition"] for row in sheet} == {""}
    assert [row["member"] for row in sheet] == ["GSM1_a.h5", "", ""]
    assert [row["sex"] for row in sheet] == ["F", "M", "F"]
    assert "cell_type_in_geo" in sheet[0]
    assert sheet[1]["title"] == "control 2"  # '#' would begin a comment


def test_sheet_with_a_file_a_sample(series):
    sheet = rows(geo.draft_sheet(series, ["GSM12_b.h5", "GSM1_a.h5"], {}))
    assert [row["file"] for row in sheet] == ["GSM1_a.h5", "GSM12_b.h5", ""]


def test_yaml_says_what_geo_says_and_marks_the_rest(series):
    text = geo.draft_yaml(
        series, ["GSE1_RAW.tar"], others=["GSE1_metadata.csv.gz"], layout="10x_h5", url="u", listed=True, matrix="m"
    )
    facts = yaml.safe_load(text)
    assert (facts["id"], facts["organism"], facts["tissue"]) == ("gse1", "human", "spinal cord")
    assert facts["source"] == {"url": "u", "listing": "filelist.txt", "files": [{"name": "GSE1_RAW.tar"}]}
    assert {key for key, value in facts.items() if value == geo.OPEN} == {"system", "assay", "expected_donors"}
    assert "GSE1_metadata.csv.gz" in text


def test_count_files_are_the_tar_where_it_holds_counts():
    names = ["GSE1_RAW.tar", "GSE1_metadata.csv.gz", "filelist.txt"]
    assert geo.count_files(names, ["GSM1_a.h5"]) == ["GSE1_RAW.tar"]
    assert geo.count_files(names, ["GSM1_a.bam"]) == ["GSE1_metadata.csv.gz"]
