"""A finished report in a headless Chromium without network. `make browser-test` runs these; `make test` does not.

REPORT names the page (default: results/report.html), CHROMIUM the browser (default: chromium on the PATH), and
SCREENSHOTS a folder for pictures to be looked at.
"""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
collect_ignore_glob = [] if importlib.util.find_spec("playwright") else ["test_*.py"]  # .venv has no playwright
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session")
def report() -> Path:
    path = ROOT / os.environ.get("REPORT", "results/report.html")
    if not path.is_file():
        pytest.skip(f"there is no report {path}: call make demo, or name one by REPORT=")
    return path


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    program = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if program is None:
        pytest.skip(
            "there is no Chromium on the PATH: install it (Debian: apt-get install chromium), or name it by CHROMIUM="
        )
    with sync_playwright() as playwright:  # makes a new user-data-dir each time
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, report):
    """Opens the report from disk, offline; at the end no error and no request to anywhere else may have been seen."""
    contexts, faults = [], []

    def open_report(hash_="", *, width=1280, scheme="light", script=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "data:", "blob:")) else faults.append(request.url),
        )
        page.goto(f"{report.as_uri()}{hash_}")
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def screenshot():
    """Saves what is on the screen, if a folder for it is named."""

    def save(page, name):
        folder = os.environ.get("SCREENSHOTS")
        if folder:
            page.screenshot(path=Path(folder, f"{name}.png"))

    return save
