"""acquire_file: from the rule's values to a file in its place."""

import logging

import pytest

import acquire_file
from alscell.errors import InputError

ENTRY = {"name": "a.csv", "size": None, "sha256": None}
WAYS = {"mirror": "", "offline": True, "attempts": 1, "timeout": 5}


def test_local_file_is_put_in_place_and_its_checksum_logged(tmp_path, caplog):
    (tmp_path / "a.csv").write_text("gene,s1_A\nMBP,1\n")
    raw = tmp_path / "results" / "a.csv"
    with caplog.at_level(logging.INFO):
        acquire_file.main(
            dataset="d",
            raw=str(raw),
            entry=ENTRY,
            url="",
            ways={**WAYS, "place": str(tmp_path / "a.csv")},
            there=[str(tmp_path / "a.csv")],
        )
    assert raw.read_text() == "gene,s1_A\nMBP,1\n"
    assert "size 16, sha256 " in caplog.text


def test_missing_file_offline_names_the_address_and_writes_nothing(tmp_path):
    raw = tmp_path / "results" / "a.csv"
    with pytest.raises(InputError, match=r"https://example\.invalid/series/a\.csv"):
        acquire_file.main(
            dataset="d",
            raw=str(raw),
            entry=ENTRY,
            url="https://example.invalid/series/",
            ways={**WAYS, "place": str(tmp_path / "a.csv")},
            there=[],
        )
    assert not raw.exists()
