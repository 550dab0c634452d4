"""Messages about a real run of Snakemake, to a web server and a mail server on this machine."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "workflow" / "plugins"
SNAKEFILE = """
rule all:
    input: "good.txt", "bad.txt"

rule good:
    output: "good.txt"
    shell: "touch {output}"

rule bad:
    output: "bad.txt"
    shell: "exit 1"
"""


@pytest.fixture
def web():
    """Address of a server, and the bodies that were posted to it."""
    bodies = []

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Keeper) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", bodies
        server.shutdown()


@pytest.fixture
def mail():
    """Address of a mail server, and the mails that it took."""
    mails = []

    class Taker(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                word = line.strip().upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                self.wfile.write(b"250 ok\r\n")
                if word == b"QUIT":
                    return

    with socketserver.TCPServer(("127.0.0.1", 0), Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", mails
        server.shutdown()


def run(folder, *arguments, **variables):
    (folder / "Snakefile").write_text(SNAKEFILE)
    environment = {**os.environ, "PYTHONPATH": str(PLUGINS), "XDG_CACHE_HOME": str(folder / ".cache"), **variables}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--logger", "notify", "--keep-going", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_webhook_hears_of_a_failure_and_of_the_end(web, tmp_path):
    address, bodies = web
    answer = run(tmp_path, SNAKEMAKE_LOGGER_NOTIFY_TO=address)
    assert answer.returncode == 1
    assert [(body["state"], body["failed"]) for body in bodies] == [("failing", ["bad"]), ("failed", ["bad"])]
    last = bodies[-1]
    assert (last["done"], last["total"], last["folder"]) == (1, 3, str(tmp_path))
    assert last["text"] == f"alscell failed: 1 of 3 jobs done in {tmp_path}; failed: bad"


def test_mail_at_a_good_end(mail, tmp_path):
    server, mails = mail
    answer = run(
        tmp_path, "good.txt", "--quiet", "all", "--logger-notify-to", "mailto:me@lab", "--logger-notify-smtp", server
    )
    assert answer.returncode == 0, answer.stderr
    (text,) = mails
    assert "To: me@lab" in text
    assert "alscell done: 1 of 1 jobs done" in text


def test_a_message_that_cannot_be_sent_changes_nothing(tmp_path):
    answer = run(tmp_path, "good.txt", "--logger-notify-to", "http://127.0.0.1:9/")
    assert answer.returncode == 0
    assert "The message 'done' was not sent" in answer.stderr
    assert "Traceback" not in answer.stderr
