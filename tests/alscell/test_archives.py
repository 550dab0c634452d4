"""Archives: what counts as a member, what it may be called, and what is refused before it fills disk or memory."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest

from alscell import archives
from alscell.archives import file_member, fitting, held, names_of, open_archive, open_member, the_one
from alscell.counts import BROKEN
from alscell.errors import InputError
from alscell.keys import is_archive_name
from alscell.tenx import read_tenx

CONTENT = {"S1/a.txt": b"one", "deep/S2/b.txt.gz": gzip.compress(b"two"), "c.txt": b""}
WHERE = "file x, sample s"


def tar_bytes(members, *, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def zip_bytes(members, *, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def write(path, data):
    path.write_bytes(data)
    return path


def contents(path, member="*"):
    """Every member's unpacked bytes, by name."""
    with open_archive(path, member=member, where=WHERE) as found:
        result = {}
        for name, entry in found.by_name.items():
            with open_member(entry, where=WHERE) as stream:
                result[name] = stream.read()
        return result


PACKED = {
    "tar": tar_bytes,
    "tar.gz": lambda members: tar_bytes(members, mode="w:gz"),
    "tar.bz2": lambda members: tar_bytes(members, mode="w:bz2"),
    "tar.xz": lambda members: tar_bytes(members, mode="w:xz"),
    "zip": zip_bytes,
    "stored.zip": lambda members: zip_bytes(members, compression=zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("kind", PACKED)
def test_every_kind_gives_the_same_members_unpacked(kind, tmp_path):
    path = write(tmp_path / f"a.{kind}", PACKED[kind](CONTENT))
    assert is_archive_name(path.name)
    assert contents(path) == {"S1/a.txt": b"one", "deep/S2/b.txt.gz": b"two", "c.txt": b""}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_single_file_is_unpacked_by_what_it_holds(pack, tmp_path):
    path = write(tmp_path / "a.txt", pack(b"some text"))
    with open_archive(path, member="", where=WHERE) as found:
        assert found is None
    assert held(file_member(path), where=WHERE).read() == b"some text"


@pytest.mark.parametrize("outer", ["tar", "tar.gz", "zip"])
@pytest.mark.parametrize("inner", PACKED)
def test_archive_inside_an_archive_is_like_a_folder(outer, inner, tmp_path):
    names = [f"GSM{number}_x.{inner.removeprefix('stored.')}" for number in (1, 2)]
    path = write(tmp_path / f"RAW.{outer}", PACKED[outer]({name: PACKED[inner](CONTENT) for name in names}))
    for member in (names[0], "GSM1_x", "GSM1_*", f"{names[0]}/S1", "GSM1_x/S1"):
        found = contents(path, member)
        assert found[f"{names[0]}/S1/a.txt"] == b"one"
        assert found[f"{names[0]}/deep/S2/b.txt.gz"] == b"two"
        assert f"{names[1]}/S1/a.txt" not in found, "opened although its name does not fit"
    assert contents(path, "S1")[f"{names[1]}/S1/a.txt"] == b"one", "what no name tells is looked for in all"


def test_only_one_level_is_opened(tmp_path):
    inner = tar_bytes({"b.zip": zip_bytes(CONTENT)})
    found = contents(write(tmp_path / "RAW.tar", tar_bytes({"a.tar": inner})), "a.tar")
    assert sorted(found) == ["a.tar", "a.tar/b.zip"]


def test_tar_that_ends_with_a_zip_is_a_tar(tmp_path):
    path = write(tmp_path / "RAW.tar", tar_bytes({"a.txt": b"one", "b.zip": zip_bytes({"inner.txt": b"no"})}))
    assert zipfile.is_zipfile(path)
    assert contents(path, "a.txt")["a.txt"] == b"one"


# What is no member


def test_paths_links_devices_and_sparse_files_do_no_harm(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    path = folder / "RAW.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("../../evil.txt", "/etc/evil.txt", "./plain.txt", "._plain.txt", "a/._b.h5"):
            entry = tarfile.TarInfo(name)
            entry.size = 4
            archive.addfile(entry, io.BytesIO(b"evil"))
        kinds = {"soft": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "null": tarfile.CHRTYPE, "pipe": tarfile.FIFOTYPE}
        for name, kind in kinds.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        entry = tarfile.TarInfo("sparse")
        entry.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**50), "GNU.sparse.numblocks": "1"}
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    with tarfile.open(path) as archive:
        assert next(entry for entry in archive if entry.name == "sparse").size == 2**50
    assert contents(path) == {"../../evil.txt": b"evil", "etc/evil.txt": b"evil", "plain.txt": b"evil"}
    assert [entry.name for entry in folder.iterdir()] == ["RAW.tar"]
    assert not (tmp_path.parent / "evil.txt").exists()


def test_zip_members_that_are_links_folders_or_litter(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.h5")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.mkdir("folder")
        archive.writestr("__MACOSX/S1/._a.txt", b"litter")
        archive.writestr(zipfile.ZipInfo("S1\\a.txt"), b"one")
        archive.writestr("../../b.txt", b"two")
    assert contents(path) == {"S1/a.txt": b"one", "../../b.txt": b"two"}


def test_encrypted_zip_is_refused(tmp_path):
    data = bytearray(zip_bytes({"a.txt": b"secret"}))
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag "encrypted" in both headers
        data[data.index(sign) + offset] |= 1
    with pytest.raises(InputError, match=r"a.txt, encrypted; expected a zip without password"):
        contents(write(tmp_path / "a.zip", bytes(data)))


def test_zip_of_an_unknown_method_is_refused(tmp_path):
    data = bytearray(zip_bytes({"a.txt": b"text"}))
    for sign, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(sign) + offset] = 9  # deflate64
    with pytest.raises(InputError, match=r"a.txt: .*pack it again as an ordinary zip"):
        contents(write(tmp_path / "a.zip", bytes(data)))


# Bombs


def small_limits(monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 2**20)


ZEROS = bytes(2**25)  # gzip makes 33 kB of it


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", lambda: gzip.compress(ZEROS)),
        ("a.txt", lambda: bz2.compress(ZEROS)),
        ("a.txt", lambda: lzma.compress(ZEROS)),
        ("a.tar.gz", lambda: tar_bytes({"a.txt": ZEROS}, mode="w:gz")),
        ("a.tar", lambda: tar_bytes({"a.txt.gz": gzip.compress(ZEROS)})),
        ("a.tar", lambda: tar_bytes({"b.tar.gz": tar_bytes({"a.txt": ZEROS}, mode="w:gz")})),
        ("a.tar", lambda: tar_bytes({"b.zip": zip_bytes({"a.txt": ZEROS})})),
        ("a.zip", lambda: zip_bytes({"a.txt": ZEROS})),
        ("a.zip", lambda: zip_bytes({"a.txt.gz": gzip.compress(ZEROS)})),
        ("a.zip", lambda: zip_bytes({"b.tar.gz": tar_bytes({"a.txt": ZEROS}, mode="w:gz")})),
    ],
)
def test_bomb_is_refused_before_memory_fills(name, data, tmp_path, monkeypatch):
    small_limits(monkeypatch)
    path = write(tmp_path / name, data())
    tracemalloc.start()
    read = contents if is_archive_name(name) else lambda path: held(file_member(path), where=WHERE)
    with pytest.raises(InputError, match=r"which unpacks to more than [\d,]+ bytes") as error:
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(ZEROS) / 2
    assert str(error.value).startswith(WHERE)


def test_what_shrinks_as_counts_do_is_no_bomb(tmp_path, monkeypatch):
    small_limits(monkeypatch)
    rng = np.random.default_rng(1)
    text = "".join(f"{gene} {cell} 1\n" for cell, gene in enumerate(rng.integers(1, 30_000, 300_000))).encode()
    assert len(text) > 2**20
    path = write(tmp_path / "a.tar.gz", tar_bytes({"m.mtx.gz": gzip.compress(text)}, mode="w:gz"))
    assert contents(path)["m.mtx.gz"] == text


def test_what_would_not_fit_in_memory_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_HELD", 2**20)
    path = write(tmp_path / "a.h5.gz", gzip.compress(os.urandom(2**21)))
    with pytest.raises(InputError, match=r"a\.h5\.gz, which unpacks to more than 1,048,576 bytes"):
        held(file_member(path), where=WHERE)


@pytest.mark.parametrize("pack", [tar_bytes, zip_bytes])
def test_endless_list_of_members_is_refused(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 20)
    path = write(tmp_path / ("a.zip" if pack is zip_bytes else "a.tar"), pack({f"{n}.txt": b"" for n in range(21)}))
    with pytest.raises(InputError, match="more than 20 members"):
        contents(path)


@pytest.mark.parametrize("part", ["data", "barcodes"])
def test_h5_that_claims_more_than_it_stores_is_refused_before_allocation(part, tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["shape"] = [2, 2]
        for key in ("data", "indices", "indptr", "barcodes", "features/name", "features/id"):
            kind = "S18" if key[0] in "bf" else "i8"
            shape = (10**13,) if key == part else (2,)
            group.create_dataset(key, shape=shape, dtype=kind, chunks=(2,) if key != part else (2**16,), compression=1)
    assert path.stat().st_size < 10**5
    with pytest.raises(InputError, match=rf"/matrix/{part} of [\d,]+ bytes, of which 0 are stored"):
        read_tenx(path, member="", organism="human", where=WHERE)


# Cut off or damaged


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_archive_that_is_cut_off_is_one_clear_message(kind, share, tmp_path):
    data = PACKED[kind]({f"S{number}.h5": os.urandom(30_000) for number in range(4)})
    path = write(tmp_path / f"a.{kind}", data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"unreadable file.*broken or cut off|no archive.*Fetch it again"):
        read_tenx(path, member="S0.h5", organism="human", where=WHERE)


def test_tar_that_is_cut_between_two_members(tmp_path):
    data = tar_bytes({f"S{number}.txt": os.urandom(512) for number in range(4)})
    path = write(tmp_path / "a.tar", data[: 2 * 1024])
    assert sorted(contents(path)) == ["S0.txt", "S1.txt"], "what is whole is read"
    with open_archive(path, member="S3.txt", where=WHERE) as found:
        names = {name: names_of(name) for name in found.by_name}
        with pytest.raises(InputError, match=r"0 members that fit 'S3.txt'.*no end mark and may be cut off"):
            the_one("S3.txt", names, found, kind="members", where=WHERE)


@pytest.mark.parametrize("cut", [1100, 2200])
def test_tar_with_a_damaged_header_does_not_end_without_a_word(cut, tmp_path):
    data = bytearray(tar_bytes({f"S{number}.txt": os.urandom(512) for number in range(4)}))
    data[cut] ^= 0xFF
    path = write(tmp_path / "a.tar", bytes(data))
    with pytest.raises(tarfile.ReadError, match="damaged after member"):
        contents(path)


@pytest.mark.parametrize("inner", ["tar", "tar.gz", "zip"])
def test_inner_archive_that_is_cut_off_is_named(inner, tmp_path):
    data = PACKED[inner]({"a.h5": os.urandom(30_000)})
    path = write(tmp_path / "RAW.tar", tar_bytes({f"GSM1.{inner}": data[: len(data) // 2]}))
    with pytest.raises(InputError, match=rf"GSM1.{inner}: found an unreadable file"):
        contents(path, "GSM1")


def test_gzip_that_is_cut_off(tmp_path):
    data = gzip.compress(os.urandom(30_000))
    with pytest.raises(BROKEN):
        held(file_member(write(tmp_path / "a.h5.gz", data[:20_000])), where=WHERE)
    with pytest.raises(BROKEN):
        contents(write(tmp_path / "a.tar", tar_bytes({"a.h5.gz": data[:20_000]})))


def test_damaged_byte_in_a_zip_is_found(tmp_path):
    data = bytearray(zip_bytes({"a.h5": os.urandom(30_000)}, compression=zipfile.ZIP_STORED))
    data[10_000] ^= 1
    with pytest.raises(BROKEN, match="CRC"):
        contents(write(tmp_path / "a.zip", bytes(data)))


@pytest.mark.parametrize("data", [b"", b"%%MatrixMarket", bytes(600), b"<html>404</html>" * 100])
def test_file_that_is_called_an_archive_and_is_none(data, tmp_path):
    path = write(tmp_path / "RAW.tar", data)
    if data == bytes(600):  # an empty tar is a tar
        assert contents(path) == {}
        return
    with pytest.raises(InputError, match="no archive; expected a tar or zip"):
        contents(path)


# Names


def test_names_of_a_file():
    assert names_of("RAW/GSM1_x.tar.gz/S1/a.h5") >= {
        *("RAW", "GSM1_x.tar.gz", "GSM1_x", "S1", "a.h5", "S1/a.h5", "GSM1_x.tar.gz/S1"),
        "RAW/GSM1_x.tar.gz/S1/a.h5",
    }
    assert names_of("S1/GSM1_A_matrix.mtx", "GSM1_A") >= {"GSM1_A", "S1/GSM1_A"}
    assert "S" not in names_of("S1/a.h5")
    assert len(names_of("a/" * 5000)) < 500


def test_exact_names_win_over_patterns_and_several_are_refused(tmp_path):
    members = {"S1/a.h5": b"", "S1[x]/a.h5": b"", "S10/a.h5": b""}
    with open_archive(write(tmp_path / "lab.zip", zip_bytes(members)), member="S1", where=WHERE) as found:
        names = {name: names_of(name) for name in found.by_name}
        expected = {
            "S1": ["S1/a.h5"],
            "S1[x]": ["S1[x]/a.h5"],
            "S1?": ["S10/a.h5"],
            "S1*": list(members),
            "lab": list(members),
            "lab.zip": list(members),
            "S2": [],
        }
        assert {member: fitting(member, names, found) for member in expected} == expected
        with pytest.raises(InputError, match=r"3 members that fit 'S1\*' \(S1/a.h5, .*Make it longer"):
            the_one("S1*", names, found, kind="members", where=WHERE)
