"""Where a raw file comes from: this machine, its address, a mirror, a proxy; and how a download behaves."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
from email.utils import formatdate
from pathlib import Path

import pytest

from alscell import sources, transfer
from alscell.integrity import list_members
from alscell.transfer import DownloadFailed

DATASET = "gse1"


def put(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def test_only_links_and_tables_lie_where_results_lie(lab):
    row = lab.bring()
    assert row["source"] == f"{lab.server.host}/suppl/{lab.name}"
    assert sorted(path.name for path in lab.raw.parent.iterdir()) == [f".{lab.name}.kept", lab.name]
    assert lab.raw.samefile(lab.kept)


def test_local_copy_goes_before_the_address_and_is_linked_by_its_full_path(lab, monkeypatch):
    monkeypatch.chdir(lab.folder)
    put(Path("data", lab.name), lab.body)
    row = lab.bring(place=f"data/{lab.name}")
    assert lab.server.requests == []
    assert lab.raw.readlink() == lab.folder / "data" / lab.name
    assert row["source"] == f"data/{lab.name}"


def test_local_copy_is_copied_where_links_are_not_possible(lab, monkeypatch):
    put(lab.folder / "here", lab.body)

    def no_links(*args, **kwargs):
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", no_links)
    lab.bring(place=str(lab.folder / "here"))
    assert not lab.raw.is_symlink()


def test_local_copy_is_checked(lab):
    put(lab.folder / "here", lab.body)
    message = lab.refused(place=str(lab.folder / "here"), entry={"size": 7})
    assert "bytes where dataset.yaml says 7" in message
    put(lab.folder / "here", lab.body[:-1000])
    assert "broken or cut off" in lab.refused(place=str(lab.folder / "here"))


def test_dataset_of_this_machine_is_not_locked_and_says_where_to_put_a_missing_file(lab):
    place, here = str(lab.folder / "here"), {"url": ""}
    assert place in lab.refused(place=place, origin=here)
    put(lab.folder / "here", lab.body)
    lab.bring(place=place, origin=here)
    assert not lab.lock.exists()


def test_declared_size_that_is_not_the_files(lab):
    message = lab.refused(entry={"size": 10}, attempts=5)
    assert f"{len(lab.body):,} bytes where dataset.yaml says 10" in message
    assert len(lab.server.asked(lab.name)) == 2  # a wrong file is fetched once more, not five times
    row = lab.bring(entry={"size": len(lab.body)})
    assert row["verified_by"] == "size; content"


def test_refusal_is_not_asked_again(lab):
    lab.server.always = "404"
    lab.refused()
    assert len(lab.server.asked(lab.name)) == 1


def test_bytes_are_kept_as_they_are_stored(lab, make_lab, layouts):
    lab.server.encoding = "gzip"  # the server takes the file's own packing for one of the way
    make_lab(*layouts["tsv.gz"]).bring()
    assert "the server packed the file" in lab.refused()


def test_more_bytes_than_declared_are_not_fetched_without_end(lab):
    lab.server.always = "no length"
    lab.server.files[f"/suppl/{lab.name}"] = lab.body + bytes(50 << 20)
    message = lab.refused(entry={"size": len(lab.body)})
    assert f"where dataset.yaml says {len(lab.body):,}" in message
    assert "52," not in message


def test_file_of_a_failed_run_is_continued_by_the_next_only_if_it_is_the_same(lab):
    lab.server.always = "cut"
    lab.refused(attempts=1)
    lab.server.heal()
    lab.server.etag, lab.server.continued = '"v2"', 0
    lab.bring()
    assert lab.server.continued == 0


def test_changed_file_from_a_server_that_does_not_look_at_if_range(lab):
    lab.server.looks_at_if_range, lab.server.plan = False, ["cut"]
    lab.server.files[f"/suppl/{lab.name}"] = lab.body[::-1]
    lab.refused(attempts=1)
    lab.server.files[f"/suppl/{lab.name}"], lab.server.etag = lab.body, '"v2"'
    lab.bring()
    assert lab.server.continued == 1
    assert "Range" not in lab.server.asked(lab.name)[-1]


def test_file_without_a_version_is_continued_only_with_a_checksum(lab):
    lab.server.etag, lab.server.plan = "", ["cut"]
    lab.bring()
    assert lab.server.continued == 0
    lab.clear()
    lab.server.plan = ["cut"]
    lab.bring(entry={"sha256": hashlib.sha256(lab.body).hexdigest()})
    assert lab.server.continued == 1


def test_a_mixture_of_two_versions_is_noticed_and_fetched_anew(lab):
    digest = hashlib.sha256(lab.body).hexdigest()
    put(lab.part, b"\0" * 5000)
    lab.bring(entry={"sha256": digest})
    assert lab.server.continued == 1
    assert "Range" not in lab.server.asked(lab.name)[-1]


def test_run_that_died_after_the_last_byte_asks_for_nothing_more(lab):
    put(lab.part, lab.body)
    lab.part.with_name(f"{lab.part.name}.version").write_text(lab.server.etag)
    lab.bring()
    assert len(lab.server.asked(lab.name)) == 1
    assert lab.server.continued == 0


def test_long_file_may_break_more_often_than_tries_are_allowed(lab, monkeypatch, pauses):
    monkeypatch.setattr(transfer, "PROGRESS", 1000)
    lab.server.plan = ["cut"] * 4
    lab.bring(attempts=2)
    assert lab.server.continued == 4
    lab.clear()
    lab.lock.unlink()
    monkeypatch.setattr(transfer, "PROGRESS", 10**9)
    lab.server.plan = ["cut"] * 4
    assert "broke" in lab.refused(attempts=2)


def test_removed_output_comes_back_without_a_connection(lab):
    lab.bring()
    lab.raw.unlink()
    row = lab.bring(offline=True)
    assert row["source"] == f"kept copy of {lab.server.host}/suppl/{lab.name}"
    assert len(lab.server.requests) == 1


def test_kept_copy_that_was_spoiled_is_fetched_anew(lab):
    lab.bring()
    lab.raw.unlink()
    lab.kept.write_bytes(lab.body[:-1])
    lab.bring()
    assert len(lab.server.requests) == 2


def test_offline_never_connects_and_names_the_ways_out(lab):
    assert "download.offline" in lab.refused(offline=True, cache=str(lab.folder / "cache"))
    assert not (lab.folder / "cache").exists()
    message = lab.refused(offline=True)
    assert lab.server.requests == []
    place = str(lab.folder / f"data/{DATASET}/{lab.name}")
    address = f"{lab.server.host}/suppl/{lab.name}"
    for part in (DATASET, lab.name, address, place, "download.mirror", "data_folder", "(3)"):
        assert part in message


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:9/series", "no connection"),
        ("http://no-such-host.invalid/series", "no connection"),
        ("ftp://example.invalid/series", "not an address that can be downloaded"),
    ],
)
def test_no_connection_is_one_clear_message(lab, address, words):
    message = lab.refused(origin={"url": address}, attempts=1)
    assert words in message
    assert f"{address}/{lab.name}" in message


def test_address_of_one_file(lab):
    address = f"{lab.server.host}/other/download?id=7"
    lab.server.files["/other/download"] = lab.body
    row = lab.bring(entry={"url": address}, origin={"url": ""})
    assert row["source"] == lab.locked()["source"] == address


def test_password_in_an_address_is_shown_nowhere(lab):
    address = lab.server.host.replace("://", "://me:secret@")
    row = lab.bring(origin={"url": f"{address}/suppl"})
    assert "Authorization" in lab.server.asked(lab.name)[0]
    assert "secret" not in row["source"] + lab.lock.read_text()
    lab.clear()
    lab.lock.unlink()
    assert "secret" not in lab.refused(origin={"url": f"{address.replace('http:', 'ftp:')}/suppl"})
    lab.server.always = "404"
    assert "secret" not in lab.refused(origin={"url": f"{address}/suppl"})


def test_mirror_takes_the_place_of_the_address(lab):
    lab.server.files = {f"/mirror/{DATASET}/{lab.name}": lab.body}
    row = lab.bring(mirror=f"{lab.server.host}/mirror/", origin={"url": "http://127.0.0.1:9/never"})
    assert row["source"] == f"{lab.server.host}/mirror/{DATASET}/{lab.name}"
    assert lab.locked()["source"] == f"http://127.0.0.1:9/never/{lab.name}"
    assert lab.locked()["through"] == "mirror"


def test_mirror_folder_without_the_file(lab):
    place = str(lab.folder / "mirror" / DATASET / lab.name)
    assert f"expected it at {place}" in lab.refused(mirror=str(lab.folder / "mirror"), place=place)
    assert lab.server.requests == []


def test_made_up_files_are_not_locked_cached_or_taken_for_real_ones(lab):
    cache = lab.folder / "cache"
    lab.server.files[f"/mirror/{DATASET}/{lab.name}"] = lab.body
    real = {"sha256": "0" * 64}
    mirror = f"{lab.server.host}/mirror"
    lab.bring(mirror=mirror, simulated_mirror=True, cache=str(cache), entry=real)
    assert not lab.lock.exists()
    assert not cache.exists()
    lab.raw.unlink()
    lab.table.unlink()
    lab.server.always = "404"  # the made-up file that is kept is not taken
    assert "404" in lab.refused()


@pytest.mark.parametrize("with_keys", [True, False])
def test_mirror_on_s3_is_signed_if_there_are_keys(lab, monkeypatch, with_keys):
    monkeypatch.setenv("AWS_ENDPOINT_URL", lab.server.host)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(lab.folder / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(lab.folder / "none"))
    for name, value in (("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "not-a-secret")):
        monkeypatch.setenv(name, value) if with_keys else monkeypatch.delenv(name, raising=False)
    asked = []
    openable = sources.openable
    monkeypatch.setattr("alscell.downloads.openable", lambda address: asked.append(openable(address)) or asked[-1])
    lab.server.files = {f"/bucket/some/prefix/{DATASET}/{lab.name}": lab.body}
    lab.server.plan = ["cut"]
    row = lab.bring(mirror="s3://bucket/some/prefix")
    assert lab.server.continued == 1
    assert ("X-Amz-Signature" in asked[0]) == with_keys
    assert row["source"] == f"s3://bucket/some/prefix/{DATASET}/{lab.name}"
    assert "Amz" not in lab.lock.read_text()


def test_proxy_of_the_environment_is_used(lab, monkeypatch):
    monkeypatch.setenv("http_proxy", lab.server.host)
    lab.bring(origin={"url": "http://data.example.invalid/suppl"})
    assert lab.server.asked(lab.name)[0]["Host"] == "data.example.invalid"


def test_redirect_from_https_to_http_is_refused():
    with pytest.raises(DownloadFailed, match="from https to http, refused"):
        transfer._next_address("https://a.invalid/x", "http://a.invalid/x")
    with pytest.raises(DownloadFailed, match="refused"):
        transfer._next_address("https://a.invalid/x", "file:///etc/passwd")
    assert transfer._next_address("https://a.invalid/x", "/y") == "https://a.invalid/y"
    assert transfer._next_address("http://a.invalid/x", "https://b.invalid/y") == "https://b.invalid/y"


def test_redirects_end(lab, monkeypatch):
    monkeypatch.setattr(transfer, "_next_address", lambda url, location: url)
    lab.server.always = "redirect"
    assert "more than 10 redirects" in lab.refused()


def answer_of(**headers: str):
    answer = transfer.requests.Response()
    answer.status_code, answer.reason = 503, "Busy"
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return transfer._refusal(answer)


def test_retry_after_as_date_and_beyond_patience(monkeypatch):
    monkeypatch.setattr(transfer.time, "time", lambda: 1_000_000.0)
    assert answer_of(Retry_After=formatdate(1_000_100.0, usegmt=True)).wait == 100.0
    assert answer_of(Retry_After="nonsense").wait == 0.0
    late = answer_of(Retry_After="86400")
    assert not late.again
    assert "come back in 86,400 seconds" in str(late)


def test_progress_is_logged_at_each_tenth(lab, monkeypatch, caplog):
    monkeypatch.setattr(transfer, "CHUNK", 2000)
    with caplog.at_level(logging.INFO):
        lab.bring()
    told = [record.getMessage() for record in caplog.records if " % of " in record.getMessage()]
    assert 8 <= len(told) <= 10
    assert told[-1] == f"{lab.name}: 100 % of {len(lab.body):,} bytes"


def test_bar_is_drawn_on_a_terminal_only(lab, monkeypatch, caplog):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with caplog.at_level(logging.INFO):
        lab.bring()
    assert f"{lab.name}:   0%|" in terminal.getvalue()
    assert " % of " not in caplog.text


GEO = "#Archive/File\tName\tTime\tSize\tType\n"


def geo_list(lab, *, size=0, member=0) -> bytes:
    put(lab.folder / "x.tar", lab.body)
    members = list_members(lab.folder / "x.tar")
    rows = [f"Archive\t{lab.name}\t01/01/2025 00:00:00\t{len(lab.body) + size}\tTAR"]
    rows += [f"File\t{name}\t01/01/2025 00:00:00\t{length + member}\tH5" for name, length in members]
    return (GEO + "\n".join(rows) + "\n").encode()


@pytest.fixture
def tar_lab(make_lab, layouts):
    return make_lab(*layouts["RAW.tar of h5"])


def test_list_of_geo_is_compared(tar_lab):
    lab, origin = tar_lab, {"listing": "filelist.txt"}
    for change, words in (({"size": 5}, "bytes where"), ({"member": 5}, "member GSM")):
        lab.server.lists["/suppl/filelist.txt"] = geo_list(lab, **change)
        message = lab.refused(origin=origin)
        assert words in message
        assert "/suppl/filelist.txt says" in message
    lab.server.lists["/suppl/filelist.txt"] = geo_list(lab)
    assert lab.bring(origin=origin)["verified_by"] == "listing; content"
    assert [member["name"] for member in lab.locked()["members"]] == sorted(
        line.split("\t")[1] for line in geo_list(lab).decode().splitlines()[2:]
    )


def test_member_that_the_list_does_not_name_or_the_tar_lacks(tar_lab):
    lab, origin = tar_lab, {"listing": "filelist.txt"}
    lines = geo_list(lab).decode().splitlines()
    lab.server.lists["/suppl/filelist.txt"] = "\n".join(lines[:-1]).encode()
    assert "that" in (message := lab.refused(origin=origin))
    assert "does not name" in message
    lab.server.lists["/suppl/filelist.txt"] = "\n".join([*lines, "File\tGSM9_x.h5\tt\t7\tH5"]).encode()
    assert "no member GSM9_x.h5" in lab.refused(origin=origin)


@pytest.mark.parametrize(
    "text",
    [None, b"<html>sorry</html>", b"", GEO.encode() + b"File\tother.h5\tt\t12\tH5\n", b"\xff\xfe\x00"],
    ids=["404", "web page", "empty", "another file", "no text"],
)
def test_list_that_cannot_be_used_is_a_warning_and_is_said(lab, caplog, text):
    if text is not None:
        lab.server.lists["/suppl/filelist.txt"] = text
    with caplog.at_level(logging.WARNING):
        row = lab.bring(origin={"listing": "filelist.txt"})
    assert row["verified_by"] == "content; no listing"
    assert "filelist.txt, cannot be used" in caplog.text


def test_checksums_of_the_source_catch_what_the_content_does_not_show(make_lab):
    lab = make_lab("table.tsv", b"gene\tcell\n" + b"MBP\t1\n" * 5000)
    good = lab.server.files["/suppl/table.tsv"]
    lab.server.files["/suppl/table.tsv"] = lab.body = good.replace(b"1", b"7", 1)  # one digit of plain text
    assert lab.bring()["verified_by"] == "content"  # cannot be noticed
    lab.clear()
    lab.lock.unlink()
    for digest in (hashlib.md5(good).hexdigest(), hashlib.sha256(good).hexdigest()):
        lab.server.lists["/suppl/md5sums.txt"] = f"{digest}  table.tsv\n".encode()
        assert f"says {digest}" in lab.refused(origin={"listing": "md5sums.txt"})


def test_list_with_an_address_of_its_own_and_in_the_mirror(lab):
    text = f"{hashlib.md5(lab.body).hexdigest()} *{lab.name}\n".encode()
    lab.server.lists["/sums/list.md5"] = text
    listing = {"listing": f"{lab.server.host}/sums/list.md5"}
    assert lab.bring(origin=listing)["verified_by"] == "listing; content"
    lab.clear()
    lab.lock.unlink()
    lab.server.lists = {f"/mirror/{DATASET}/list.md5": text}
    lab.server.files[f"/mirror/{DATASET}/{lab.name}"] = lab.body
    assert lab.bring(origin=listing, mirror=f"{lab.server.host}/mirror")["verified_by"] == "listing; content"


def test_list_beside_a_local_copy(lab):
    place = lab.folder / "mirror" / lab.name
    put(place, lab.body)
    put(lab.folder / "mirror" / "sha256sums.txt", f"{'0' * 64}  {lab.name}\n".encode())
    message = lab.refused(place=str(place), origin={"listing": "sha256sums.txt"})
    assert "sha256sums.txt says 0000" in message
    assert lab.server.requests == []


def zenodo_record(lab, body: bytes) -> bytes:
    checksum = f"md5:{hashlib.md5(body).hexdigest()}"
    return json.dumps({"id": 17, "files": [{"key": lab.name, "size": len(body), "checksum": checksum}]}).encode()


def test_zenodo_record(lab, monkeypatch):
    monkeypatch.setattr(sources, "ZENODO", lab.server.host)
    origin = {"url": "", "zenodo": 17}
    lab.server.files = {f"/api/records/17/files/{lab.name}/content": lab.body}
    lab.server.lists["/api/records/17"] = zenodo_record(lab, lab.body[::-1])
    assert "md5" in lab.refused(origin=origin)
    lab.server.lists["/api/records/17"] = zenodo_record(lab, lab.body)
    lab.server.plan, lab.server.etag, lab.server.continued = ["cut"], "", 0
    assert lab.bring(origin=origin)["verified_by"] == "listing; content"
    assert lab.server.continued == 1  # the record's md5 makes it safe


def test_zenodo_record_in_a_mirror(lab):
    lab.server.files = {f"/mirror/{DATASET}/{lab.name}": lab.body}
    lab.server.lists[f"/mirror/{DATASET}/zenodo.json"] = zenodo_record(lab, lab.body)
    row = lab.bring(origin={"url": "", "zenodo": 17}, mirror=f"{lab.server.host}/mirror")
    assert row["verified_by"] == "listing; content"


def test_lock_is_written_once_and_held(lab, tmp_path):
    lab.bring()
    text = lab.lock.read_text()
    assert lab.locked() == {
        "name": lab.name,
        "size": len(lab.body),
        "sha256": hashlib.sha256(lab.body).hexdigest(),
        "source": f"{lab.server.host}/suppl/{lab.name}",
    }
    lab.clear()
    assert lab.bring()["verified_by"] == "lock"
    assert lab.lock.read_text() == text


def test_file_that_changed_at_its_source_names_the_lock_to_delete(lab):
    lab.bring()
    lab.clear()
    text = lab.lock.read_text()
    lab.server.always = "wrong"
    with pytest.raises(Exception, match=f"says {hashlib.sha256(lab.body).hexdigest()}.*delete {lab.lock}"):
        lab.bring()
    assert lab.lock.read_text() == text
    assert not lab.raw.exists()


def test_lock_and_dataset_that_contradict_each_other(lab):
    lab.bring()
    with pytest.raises(Exception, match=f"sha256 0{{64}} in dataset.yaml and .* in {lab.lock}.*delete"):
        lab.bring(entry={"sha256": "0" * 64})
    lab.lock.write_text("{}\n")
    with pytest.raises(Exception, match="Delete it"):
        lab.bring()


def test_lock_that_cannot_be_written_is_a_warning(lab, caplog):
    put(lab.folder / "locks", b"a file where the folder should be")
    lab.bring()
    assert "cannot be written" in caplog.text


def cached(lab) -> Path:
    return lab.folder / "cache" / DATASET / lab.name


def second(lab, folder: str):
    """Another working folder that wants the same file."""
    return type(lab)(lab.folder / folder, lab.server, lab.name, lab.body)


def test_cache_serves_a_second_working_folder_without_a_connection(lab):
    cache = str(lab.folder / "cache")
    lab.bring(cache=cache)
    assert lab.raw.readlink() == cached(lab)
    other = second(lab, "other")
    row = other.bring(cache=cache, offline=True)
    assert row["source"] == f"cache {cached(lab)}"
    assert other.locked()["through"] == "cache"
    assert len(lab.server.requests) == 1


def test_cached_file_that_is_another_one_is_named_and_left_alone(lab):
    put(cached(lab), lab.body[:-1])
    message = lab.refused(cache=str(lab.folder / "cache"), entry={"size": len(lab.body)})
    assert f"at {cached(lab)}" in message
    assert "delete it there" in message
    assert cached(lab).read_bytes() == lab.body[:-1]
    assert lab.server.requests == []


def test_cache_is_as_open_as_its_folder(lab):
    (lab.folder / "cache").mkdir()
    (lab.folder / "cache").chmod(0o2775)
    lab.bring(cache=str(lab.folder / "cache"))
    assert cached(lab).stat().st_mode & 0o777 == 0o664
    assert cached(lab).parent.stat().st_mode & 0o7777 == 0o2775


JOB = """
import json, logging, os, sys
logging.basicConfig(level=logging.INFO)
sys.path.insert(0, sys.argv[1])
import acquire_file, pandas, h5py, requests, filelock, pyarrow
if len(sys.argv) > 3:
    os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3]))
acquire_file.main(**json.loads(sys.argv[2]))
"""
SCRIPTS = str(Path(__file__).resolve().parents[2] / "workflow" / "scripts")


def start(lab, *user: str, **ways) -> subprocess.Popen:
    command = [sys.executable, "-c", JOB, SCRIPTS, json.dumps(lab.arguments(**ways)), *user]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def read_until(job: subprocess.Popen, words: str) -> None:
    for line in job.stderr:
        if words in line:
            return
    raise AssertionError(f"the job never said '{words}'")


@pytest.mark.parametrize("killed", [False, True])
def test_two_runs_share_one_download(lab, killed):
    ways = {"cache": str(lab.folder / "cache"), "timeout": 60}
    lab.server.plan = ["hang"]
    first, other = start(lab, **ways), second(lab, "other")
    part = cached(lab).with_name(f".{lab.name}.download")
    while not (part.exists() and part.stat().st_size):
        assert first.poll() is None
    waiting = start(other, **ways)
    read_until(waiting, "another run is fetching")
    if killed:
        first.kill()
        first.wait()
    lab.server.heal()
    assert waiting.wait(60) == 0, waiting.stderr.read()
    assert other.raw.read_bytes() == lab.body
    assert len(lab.server.asked(lab.name)) == 1 + killed
    assert lab.server.continued == killed
    if not killed:
        assert first.wait(60) == 0
        assert lab.raw.samefile(other.raw)
    for job in (first, waiting):
        job.stderr.close()


@pytest.fixture
def open_folder():
    """A folder that everybody may enter; pytest closes its own ones to others, again and again."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def member_of(lab, folder: Path, user: int):
    """The working folder of somebody else in the lab."""
    theirs = type(lab)(folder / f"user{user}", lab.server, lab.name, lab.body)
    theirs.folder.mkdir()
    os.chown(theirs.folder, user, user)
    return theirs


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_member_of_a_lab_who_may_only_read_the_cache(lab, open_folder):
    stored = open_folder / "cache" / DATASET / lab.name
    put(stored, lab.body)
    theirs = member_of(lab, open_folder, 65534)
    job = start(theirs, "65534", cache=str(open_folder / "cache"))
    errors = job.communicate()[1]
    assert job.returncode == 0, errors
    assert theirs.raw.samefile(stored)
    stored.unlink()
    theirs.raw.unlink()
    job = start(theirs, "65534", cache=str(open_folder / "cache"))
    errors = job.communicate()[1]
    assert "the cache cannot be written (Permission denied)" in errors
    assert not theirs.raw.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_second_member_of_a_lab_completes_what_a_first_one_began(lab, open_folder):
    cache = open_folder / "cache"
    cache.mkdir()
    cache.chmod(0o2777)
    lab.server.plan = ["hang"]
    part = cache / DATASET / f".{lab.name}.download"
    first, second = (member_of(lab, open_folder, user) for user in (65534, 65533))
    job = start(first, "65534", cache=str(cache), timeout=60)
    while not (part.exists() and part.stat().st_size):
        assert job.poll() is None
    job.kill()
    job.wait()
    job.stderr.close()
    lab.server.heal()
    job = start(second, "65533", cache=str(cache))
    errors = job.communicate()[1]
    assert job.returncode == 0, errors
    assert second.raw.read_bytes() == lab.body
