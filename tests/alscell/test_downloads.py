"""Downloads against a local server that misbehaves on purpose."""

import gzip
import hashlib
import http.server
import tarfile
import threading
from pathlib import Path

import pytest

from alscell.downloads import DownloadFailed, acquire, check_file, download, kept_copy
from alscell.errors import InputError

BODY = gzip.compress(bytes(range(256)) * 2000, mtime=0) + b"\0" * 300_000
NAME = "counts.csv.gz"


class Server(http.server.ThreadingHTTPServer):
    """Serves BODY at every address; `plan` holds one fault for each coming request, then all is well."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan, self.requests, self.ranges, self.etag = [], [], True, '"v1"'
        self.body = BODY

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/series"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append(dict(self.headers))
        fault = server.plan.pop(0) if server.plan else ""
        if fault.isdigit():
            self.send_error(int(fault))
            return
        body, start = server.body, 0
        if fault == "html":
            body = b"<!DOCTYPE html><html><body>Please log in</body></html>"
        asked = self.headers.get("Range")
        same = self.headers.get("If-Range") in (None, server.etag)
        if asked and server.ranges and same and fault != "html":
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        end = int(len(body) * 0.6) if fault == "cut" else len(body)
        self.wfile.write(body[start:end])
        if fault == "cut":
            self.wfile.flush()
            self.connection.close()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def fetch(server, target, **changes):
    options = {"size": None, "sha256_expected": None, "attempts": 3, "timeout": 5, "pause": 0.0}
    download(f"{server.url}/{target.name}", target, **{**options, **changes})


def bring(server, target, place, **changes):
    options = {
        "dataset": "gse1",
        "entry": {"name": target.name, "size": None, "sha256": None},
        "place": place,
        "url": server.url if server else "",
        "mirror": "",
        "offline": False,
        "attempts": 1,
        "timeout": 5,
        "pause": 0.0,
    }
    return acquire(target, **{**options, **changes})


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


def test_download_is_whole_and_leaves_only_a_kept_copy(server, tmp_path):
    target = tmp_path / NAME
    fetch(server, target, size=len(BODY), sha256_expected=hashlib.sha256(BODY).hexdigest())
    assert target.read_bytes() == BODY
    assert leftovers(tmp_path) == [f".{NAME}.kept", NAME]
    assert target.samefile(kept_copy(target))


def test_busy_server_is_asked_again(server, tmp_path):
    server.plan = ["503", "429"]
    fetch(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == BODY
    assert len(server.requests) == 3


def test_refusal_is_not_asked_again(server, tmp_path):
    server.plan = ["404"]
    with pytest.raises(DownloadFailed, match="404 Not Found"):
        fetch(server, tmp_path / NAME)
    assert len(server.requests) == 1


def test_cut_connection_is_continued_where_it_broke(server, tmp_path):
    server.plan = ["cut"]
    fetch(server, tmp_path / NAME, sha256_expected=hashlib.sha256(BODY).hexdigest())
    assert server.requests[1]["Range"] == f"bytes={int(len(BODY) * 0.6)}-"
    assert server.requests[1]["If-Range"] == '"v1"'
    assert (tmp_path / NAME).read_bytes() == BODY


def test_part_file_survives_a_failed_run_and_the_next_one_goes_on(server, tmp_path):
    server.plan = ["cut"]
    with pytest.raises(DownloadFailed, match=r"ended after [\d,]+ of [\d,]+ bytes|broke"):
        fetch(server, tmp_path / NAME, attempts=1)
    assert not (tmp_path / NAME).exists()
    fetch(server, tmp_path / NAME, attempts=1)
    assert "Range" in server.requests[1]
    assert (tmp_path / NAME).read_bytes() == BODY


def test_cut_connection_without_ranges_starts_over(server, tmp_path):
    server.plan, server.ranges = ["cut"], False
    fetch(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == BODY


def test_nothing_is_continued_when_the_file_changed_or_has_no_version(server, tmp_path):
    server.plan, server.body = ["cut"], BODY[:-1] + b"\1"
    with pytest.raises(DownloadFailed):
        fetch(server, tmp_path / NAME, attempts=1)
    server.body, server.etag = BODY, '"v2"'
    fetch(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == BODY

    server.plan, server.etag = ["cut"], ""
    fetch(server, tmp_path / f"other.{NAME}")
    assert "Range" not in server.requests[-1]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"size": 10}, r"bytes where 10 are declared"),
        ({"sha256_expected": "0" * 64}, r"sha256 [0-9a-f]{64} where 0{64} is declared"),
    ],
)
def test_file_that_is_not_the_declared_one_never_gets_its_name(server, tmp_path, declared, message):
    with pytest.raises(DownloadFailed, match=message):
        fetch(server, tmp_path / NAME, attempts=2, **declared)
    assert len(server.requests) == 2
    assert leftovers(tmp_path) == []


def test_web_page_saved_as_data_is_refused(server, tmp_path):
    server.plan = ["html"]
    with pytest.raises(DownloadFailed, match="web page instead of data"):
        fetch(server, tmp_path / NAME, attempts=1)
    assert leftovers(tmp_path) == []


def test_content_is_compared_with_the_name(tmp_path):
    tar, cut = tmp_path / "a.tar", tmp_path / "cut.tar"
    (tmp_path / "member").write_bytes(b"x" * 5000)
    with tarfile.open(tar, "w") as archive:
        archive.add(tmp_path / "member", "member")
    cut.write_bytes(tar.read_bytes()[:3000])
    (tmp_path / "text.h5").write_bytes(b"gene,cell\n")
    nothing = {"size": None, "sha256_expected": None}
    assert check_file(tar, name="a.tar", **nothing) == ""
    assert "cut off" in check_file(cut, name="a.tar", **nothing)
    assert "no .h5 file" in check_file(tmp_path / "text.h5", name="text.h5", **nothing)
    assert "no .gz file" in check_file(tar, name="a.csv.gz", **nothing)


def test_local_file_is_linked_by_its_full_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data", NAME).write_bytes(BODY)
    bring(None, Path("results/raw") / NAME, f"data/{NAME}")
    link = tmp_path / "results/raw" / NAME
    assert link.is_symlink()
    assert link.readlink() == tmp_path / "data" / NAME
    assert link.read_bytes() == BODY


def test_local_file_is_copied_where_links_are_not_possible(tmp_path, monkeypatch):
    (tmp_path / "here").write_bytes(BODY)

    def no_links(*args, **kwargs):
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", no_links)
    bring(None, tmp_path / NAME, tmp_path / "here")
    assert not (tmp_path / NAME).is_symlink()
    assert (tmp_path / NAME).read_bytes() == BODY


def test_local_file_goes_before_the_address_and_is_checked(server, tmp_path):
    (tmp_path / "here").write_bytes(BODY)
    bring(server, tmp_path / NAME, tmp_path / "here")
    assert server.requests == []
    with pytest.raises(InputError, match="bytes where 7 are declared"):
        bring(server, tmp_path / NAME, tmp_path / "here", entry={"name": NAME, "size": 7, "sha256": None})


def test_missing_local_file_says_where_to_put_it(tmp_path):
    with pytest.raises(InputError, match=f"dataset gse1, file {NAME}.*{tmp_path / 'here'}.*data_folder"):
        bring(None, tmp_path / NAME, tmp_path / "here")


def test_mirror_takes_the_place_of_the_address(server, tmp_path):
    source = bring(server, tmp_path / NAME, tmp_path / "none", url="http://127.0.0.1:9/never", mirror=server.url)
    assert source == f"{server.url}/{NAME}"
    with pytest.raises(InputError, match="no such file"):
        bring(server, tmp_path / "b.csv.gz", tmp_path / "folder" / "b.csv.gz", mirror=str(tmp_path / "folder"))


def test_removed_output_comes_back_without_a_connection(server, tmp_path):
    target = tmp_path / NAME
    bring(server, target, tmp_path / "none")
    target.unlink()
    bring(server, target, tmp_path / "none", offline=True)
    assert target.read_bytes() == BODY
    assert len(server.requests) == 1


def test_offline_never_connects_and_names_the_ways_out(server, tmp_path):
    with pytest.raises(InputError) as error:
        bring(server, tmp_path / NAME, tmp_path / "put" / NAME, offline=True)
    message = str(error.value)
    assert server.requests == []
    place = str(tmp_path / "put" / NAME)
    for part in ("gse1", NAME, f"{server.url}/{NAME}", place, "download.mirror", "data_folder", "(3)"):
        assert part in message


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:9/series", "no connection"),
        ("http://no-such-host.invalid/series", "no connection"),
        ("ftp://example.invalid/series", "not an address that can be downloaded"),
    ],
)
def test_no_connection_is_one_clear_message(tmp_path, address, message):
    with pytest.raises(InputError, match=message) as error:
        bring(None, tmp_path / NAME, tmp_path / "none", url=address)
    assert f"{address}/{NAME}" in str(error.value)
    assert "\n" not in str(error.value)
