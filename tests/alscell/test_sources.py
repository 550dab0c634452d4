"""Lists of files as sources write them."""

import json

import pytest

from alscell.sources import Listed, listing_address, listing_name, own_address, read_listing

GEO = """\
#Archive/File\tName\tTime\tSize\tType
Archive\tGSE1_RAW.tar\t03/24/2025 10:00:00\t3000\tTAR
File\tGSM1_a.h5\t03/24/2025 10:00:00\t1000\tH5
File\tGSM2_b.h5\t03/24/2025 10:00:00\t1500\tH5
"""


def test_list_of_geo():
    assert read_listing(GEO, "GSE1_RAW.tar") == Listed(size=3000, members={"GSM1_a.h5": 1000, "GSM2_b.h5": 1500})
    assert read_listing(GEO.replace("\n", "\r\n"), "GSM1_a.h5") == Listed(size=1000)
    assert read_listing(GEO, "GSE1_other.csv.gz") is None


def test_lines_of_checksums():
    md5, sha256 = "0A" * 16, "b" * 64
    text = f"# made by hand\n{md5}  one.h5\n{sha256} *./two.h5\n"
    assert read_listing(text, "one.h5") == Listed(md5=md5.lower())
    assert read_listing(text, "two.h5") == Listed(sha256=sha256)
    assert read_listing(text, "three.h5") is None


def test_record_of_zenodo():
    record = {"files": [{"key": "a.h5ad", "size": 7, "checksum": "md5:" + "c" * 32}, {"key": "b", "size": 8}]}
    assert read_listing(json.dumps(record), "a.h5ad") == Listed(size=7, md5="c" * 32)
    assert read_listing(json.dumps(record), "b") == Listed(size=8)
    assert read_listing(json.dumps(record), "c") is None


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "<html></html>", "{}", "{broken", GEO.replace("1500", "large"), "abc  a.h5\n"]
)
def test_what_is_no_list(text):
    with pytest.raises(ValueError):  # noqa: PT011
        read_listing(text, "GSE1_RAW.tar")


def test_addresses():
    entry, url = {"name": "a+b.h5"}, {"url": "https://x.invalid/suppl/", "listing": "filelist.txt"}
    assert own_address(entry, url) == "https://x.invalid/suppl/a%2Bb.h5"
    assert own_address({**entry, "url": "https://y.invalid/1"}, url) == "https://y.invalid/1"
    assert own_address(entry, {"url": "", "zenodo": 17}) == "https://zenodo.org/api/records/17/files/a%2Bb.h5/content"
    assert own_address(entry, {}) == ""
    assert listing_address(url) == "https://x.invalid/suppl/filelist.txt"
    assert listing_address({"zenodo": 17}) == "https://zenodo.org/api/records/17"
    assert listing_address({"zenodo": 17, "listing": "a.txt"}).endswith("/17/files/a.txt/content")
    assert listing_address({"url": "", "listing": "a.txt"}) == ""
    assert listing_name({"listing": "https://x.invalid/a/md5.txt?v=1"}) == "md5.txt"
