"""Size of a report, and what opening it costs a reader: time to load, to the first UMAP, memory of the browser.

`make measure-report REPORT=results/report.html` runs this in .venv-browser, with the Chromium that is on the PATH (or
that CHROMIUM names). The page is opened three times from disk, without network, each time in a fresh browser; the
table holds the medians. Memory is the proportional share (PSS) of all of the browser's processes, without the page
and with it.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--enable-precise-memory-info"),
)
UMAP = "[data-plot=cells]"


def main() -> int:
    report = Path(sys.argv[1]).resolve()
    program = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if program is None or not report.is_file():
        print(f"measure-report: there is no {'Chromium' if program is None else report}.", file=sys.stderr)
        return 1
    runs = [measure(report, program) for _ in range(3)]
    rows = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    print(f"{report.name}: {report.stat().st_size / 1e6:.1f} MB, of 3 openings the median")
    for name, value in rows.items():
        print(f"{name:44} {value:10.1f}")
    return 0


def measure(report: Path, program: str) -> dict[str, float]:
    """One opening in a fresh browser; a page without cells has no UMAP, and then no such row."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
        page = context.new_page()
        empty = processes_mb()
        start = time.perf_counter()
        page.goto(report.as_uri())
        rows = {"load (s)": time.perf_counter() - start}
        rows["JavaScript heap, loaded (MB)"] = heap_mb(page)
        if page.locator(UMAP).count():
            start = time.perf_counter()
            page.locator(UMAP).first.scroll_into_view_if_needed()
            page.locator(f"{UMAP} .gl-canvas, {UMAP} .scatterlayer").first.wait_for(state="attached", timeout=120_000)
            page.wait_for_function("document.querySelector('[data-plot=cells] .canvas').data?.length > 0")
            rows["first UMAP, from scrolling to it (s)"] = time.perf_counter() - start
            rows["cells drawn"] = page.locator(f"{UMAP} .canvas").first.evaluate(
                "box => box.data.reduce((n, trace) => n + trace.x.length, 0)"
            )
            rows["JavaScript heap, UMAP drawn (MB)"] = heap_mb(page)
        rows["processes, without a page (MB)"] = empty
        rows["processes, with the page (MB)"] = processes_mb()
        browser.close()
    return rows


def heap_mb(page) -> float:
    return page.evaluate("performance.memory.usedJSHeapSize") / 1e6


def processes_mb() -> float:
    """Proportional memory of all processes that descend from this one, but itself and Playwright's driver."""
    parents = {int(path.name): parent_of(path) for path in Path("/proc").glob("[0-9]*")}
    own = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in own} - own:
        own |= more
    return sum(pss_kb(process) for process in own if "chrom" in command(process)) / 1e3


def parent_of(folder: Path) -> int:
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
    except OSError:
        return ""


def pss_kb(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    sys.exit(main())
