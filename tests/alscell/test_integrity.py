"""What a file's own content tells about being whole."""

import bz2
import gzip
import io
import tarfile
import zipfile

import h5py
import numpy as np
import pytest

from alscell import integrity
from alscell.integrity import check_content, list_members
from alscell.raw_layouts import write_tar

DATA = np.random.default_rng(0).integers(0, 255, 200_000, dtype=np.uint8)
PACKED = gzip.compress(DATA.tobytes(), mtime=0)


def h5(**options) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_group("empty")
        group = file.create_group("a")
        group.create_dataset("data", data=DATA, **options)
        group["text"] = ["one", "two"]
        group["number"] = 7
        group["nothing"] = h5py.Empty("f4")
        group.create_dataset("unwritten", shape=(10**12,), chunks=(1000,), dtype="i1", compression="gzip")
    return buffer.getvalue()


def tar(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    write_tar(stream, members)
    return stream.getvalue()


def packed(kind: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", DATA.tobytes())
    return {"zip": buffer.getvalue(), "gz": PACKED, "bz2": bz2.compress(DATA.tobytes())}[kind]


WHOLE = {
    "a.csv.gz": PACKED,
    "a.h5": h5(compression="gzip", shuffle=True),
    "plain.h5ad": h5(),
    "a.loom": h5(chunks=(1000,)),
    "a.tar": tar(
        ("one.gz", PACKED), ("two.h5", h5(compression="gzip")), ("three.txt", b"x" * 700), ("._four.h5", b"note")
    ),
    "a.tar.gz": gzip.compress(tar(("one.gz", PACKED), ("two.h5", h5())), mtime=0),
    "a.tgz": gzip.compress(tar(("one.txt", b"1")), mtime=0),
    "a.zip": packed("zip"),
    "object.rds": PACKED,
    "a.tsv.bz2": packed("bz2"),
    "a.tsv": b"gene\tcell\n",
}


def check(folder, name: str, body: bytes) -> str:
    (folder / "file").write_bytes(body)
    return check_content(folder / "file", name)


@pytest.mark.parametrize("name", WHOLE)
def test_whole_file_is_whole(tmp_path, name):
    assert check(tmp_path, name, WHOLE[name]) == ""


@pytest.mark.parametrize("name", sorted(set(WHOLE) - {"a.tsv"}))
@pytest.mark.parametrize("share", [0.3, 0.99])
def test_cut_file_is_noticed(tmp_path, name, share):
    body = WHOLE[name]
    if name == "a.tar":
        body = body.rstrip(b"\0")  # what only fills up the last record may be missing
    assert check(tmp_path, name, body[: int(len(body) * share)])


@pytest.mark.parametrize("name", ["a.csv.gz", "a.h5", "a.tar", "a.tar.gz", "a.zip", "object.rds", "a.tsv.bz2"])
def test_flipped_byte_in_packed_data_is_noticed(tmp_path, name):
    body = bytearray(WHOLE[name])
    body[len(body) // 3] ^= 0x10
    assert check(tmp_path, name, bytes(body))


def test_flipped_byte_in_plain_data_cannot_be_noticed(tmp_path):
    for name, body in (("a.tar", tar(("x.txt", b"1" * 5000))), ("plain.h5ad", h5())):
        changed = bytearray(body)
        changed[body.index(DATA[:100].tobytes()) if name != "a.tar" else 1000] ^= 0x10
        assert check(tmp_path, name, bytes(changed)) == ""


def test_tar_that_ends_between_two_members_is_cut_off(tmp_path):
    body = tar(("one.txt", b"x" * 512), ("two.txt", b"x" * 512))
    assert "no end mark" in check(tmp_path, "a.tar", body[:1024])
    assert "no end mark" in check(tmp_path, "a.tar.gz", gzip.compress(body[:1024]))


@pytest.mark.parametrize("pack", [lambda body: body, gzip.compress], ids=["tar", "tar.gz"])
def test_damaged_header_in_the_middle_does_not_hide_members(tmp_path, pack):
    body = bytearray(tar(("one.txt", b"x" * 512), ("two.txt", b"x" * 512), ("three.txt", b"x" * 512)))
    name = "a.tar" if pack(b"") == b"" else "a.tar.gz"
    damaged = body.copy()
    damaged[1024 + 150] ^= 0xFF  # in the sum of the second header
    assert "after 1 members" in check(tmp_path, name, pack(bytes(damaged)))
    body[1024:1536] = bytes(512)
    assert "data after its end mark" in check(tmp_path, name, pack(bytes(body)))
    with tarfile.open(fileobj=io.BytesIO(bytes(body))) as archive:
        assert len(archive.getnames()) == 1  # which is what a reader would have taken for all


def test_member_is_named(tmp_path):
    assert "member b.h5 is content that is no .h5 file" in check(tmp_path, "a.tar", tar(("b.h5", b"text")))
    assert "member b.gz is a file that is broken" in check(tmp_path, "a.tar", tar(("b.gz", PACKED[:-9])))


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("a.h5", b"", "empty file"),
        ("a.tsv", b"\xef\xbb\xbf \n<!DOCTYPE html><p>log in", "web page"),
        ("a.csv.gz", b"gene,cell\n", "no .gz file"),
        ("a.h5ad", PACKED, "no .h5ad file"),
        ("a.tar", tar(), "without members"),
        ("a.zip", PACKED, "no .zip file"),
    ],
)
def test_content_is_compared_with_the_name(tmp_path, name, body, words):
    assert words in check(tmp_path, name, body)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tar", "a.tar.gz", "a.zip", "a.h5"])
def test_bomb_is_not_unpacked_to_its_end(tmp_path, monkeypatch, name):
    monkeypatch.setattr(integrity, "MOST_UNPACKED", 100_000)
    monkeypatch.setattr(integrity, "BLOCK", 10_000)
    assert "bomb" in check(tmp_path, name, WHOLE[name])


def test_chunk_that_would_fill_the_memory_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(integrity, "LARGEST_CHUNK", 1000)
    assert "chunk of" in check(tmp_path, "a.h5", WHOLE["a.h5"])


def test_members_are_listed(tmp_path):
    sizes = {"a.tar": [("one.gz", len(PACKED)), ("three.txt", 700)], "a.zip": [("a.txt", len(DATA))], "a.tsv": []}
    for name, expected in sizes.items():
        (tmp_path / name).write_bytes(WHOLE[name])
        found = list_members(tmp_path / name)
        assert set(expected) <= set(found)
        assert bool(found) == bool(expected)
