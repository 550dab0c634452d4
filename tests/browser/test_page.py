"""The report as a reader has it: in a browser, from disk, without network, also without JavaScript or a mouse."""

import base64
import csv
import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe

UMAP, VOLCANO, FOREST = (f'[data-plot="{kind}"]' for kind in ("cells", "volcano", "forest"))
DRAWN = ".main-svg"


def data_of(page):
    return json.loads(page.locator("#page-data").text_content())


def show(page, selector):
    """Scroll the first of some plots into view and wait until it is drawn."""
    plot = page.locator(selector).first
    if plot.count() == 0:
        pytest.skip(f"this report has no {selector}")
    plot.scroll_into_view_if_needed()
    plot.locator(DRAWN).first.wait_for(timeout=60_000)
    return plot


def open_table(page, section, n_rows=26):
    """Open the first folded table of a section that has at least so many rows, and wait until it can be searched."""
    folded = page.locator(f"#{section} ~ details")
    sizes = folded.evaluate_all("all => all.map(one => one.querySelectorAll('tbody tr').length)")
    place = next((place for place, size in enumerate(sizes) if size >= n_rows), None)
    if place is None:
        pytest.skip(f"this report has no table of {n_rows} rows in {section}")
    details = folded.nth(place)
    details.locator("summary").click()
    details.scroll_into_view_if_needed()
    details.locator("input[type=search]").wait_for(timeout=60_000)
    return details


def axis_range(plot):
    return plot.locator(".canvas").evaluate("box => [...box.layout.xaxis.range]")


def test_every_section_is_there_and_linked(open_page):
    page = open_page()
    targets = page.locator("nav > ol > li > a").evaluate_all("links => links.map(link => link.hash.slice(1))")
    assert len(targets) > 15
    headings = page.locator("main h2").evaluate_all("all => all.map(one => one.id)")
    assert targets == headings
    if data_of(page)["simulated"]:
        unstamped = page.locator("main h2").filter(has_not=page.locator(".stamp"))
        assert unstamped.count() == 0


def wait_for_range(page, plot, condition):
    box = plot.locator(".canvas").element_handle()
    page.wait_for_function(f"box => {{ const [low, high] = box.layout.xaxis.range; return {condition}; }}", arg=box)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_umap_can_be_colored_and_zoomed(open_page, screenshot, scheme):
    page = open_page(scheme=scheme)
    data, plot = data_of(page), show(page, UMAP)
    name = plot.get_attribute("data-dataset")
    cells = data["cells"][name]
    drawn = plot.locator(".canvas").evaluate("box => box.data.reduce((n, trace) => n + trace.x.length, 0)")
    assert drawn == len(base64.b64decode(cells["x"]["bdata"])) // 2  # two bytes a cell
    assert ("SIMULATED DATA" in plot.inner_text()) == (name in data["simulated"])
    screenshot(page, f"umap_{scheme}")
    for by, column in cells["by"].items():
        plot.locator("select").select_option(by)
        plot.locator(".legendtext").nth(len(column["levels"]) - 1).wait_for()
        assert plot.locator(".legendtext").count() == len(column["levels"])
    for score in list(cells["scores"])[:1]:
        plot.locator("select").select_option(score)
        plot.locator(".colorbar").wait_for()
    left, right = axis_range(plot)
    plot.get_by_role("button", name="Zoom in").click()
    wait_for_range(page, plot, f"high < {right} && low > {left}")
    plot.get_by_role("button", name="Reset axes").press("Enter")  # and without a mouse
    wait_for_range(page, plot, f"high > {right} - 1e-6")
    assert plot.get_by_role("button", name=re.compile("share|cloud", re.IGNORECASE)).count() == 0


def test_volcano_names_its_genes_and_leads_to_them(open_page, screenshot):
    page = open_page()
    plot = show(page, VOLCANO)
    gene, x, y = plot.locator(".canvas").evaluate(
        """box => {
          const trace = box.data[1].x.length ? box.data[1] : box.data[0], at = trace.x.indexOf(Math.max(...trace.x));
          const place = box.getBoundingClientRect(), { xaxis, yaxis } = box._fullLayout;
          const x = place.x + xaxis._offset + xaxis.l2p(trace.x[at]);
          return [trace.text[at], x, place.y + yaxis._offset + yaxis.l2p(trace.y[at])];
        }"""
    )
    page.mouse.move(x, y)
    plot.locator(".hovertext").wait_for()
    assert gene in plot.locator(".hovertext").text_content()
    assert "FDR" in plot.locator(".hovertext").text_content()
    screenshot(page, "volcano")
    page.mouse.click(x, y)
    page.wait_for_function("gene => location.hash === `#gene=${gene}`", arg=gene)


def test_forest_shows_the_interval_under_the_pointer(open_page, screenshot):
    page = open_page()
    plot = show(page, FOREST)
    plot.locator(".scatterlayer .point").first.hover(force=True)
    plot.locator(".hovertext").wait_for()
    assert re.search(r"95 % .+ to .+FDR", plot.locator(".hovertext").text_content())
    screenshot(page, "forest")


def test_tables_are_searched_sorted_and_downloaded(open_page, screenshot, tmp_path):
    page = open_page()
    details = open_table(page, "pathways")
    rows = details.locator("tbody tr")
    word = details.locator("tbody tr:first-child td:first-child").inner_text()
    details.locator("input[type=search]").fill(word)
    assert rows.count() > 0
    assert all(word in text for text in rows.all_inner_texts())
    details.locator("input[type=search]").fill("")
    place = details.locator("thead th").all_inner_texts().index("effect (SD)")
    details.locator("thead th").nth(place).click()
    details.locator("th[aria-sort=ascending]").wait_for()
    shown = details.locator(f"tbody tr td:nth-child({place + 1})").evaluate_all(
        "all => all.map(one => Number(one.dataset.order))"
    )
    assert len(shown) == 25
    assert shown == sorted(shown)
    screenshot(page, "table")
    with page.expect_download() as waiting:
        details.get_by_role("button", name="Download these rows (tsv)").click()
    path = tmp_path / "rows.tsv"
    waiting.value.save_as(path)
    assert waiting.value.suggested_filename.endswith(".tsv")
    assert waiting.value.suggested_filename.startswith("SIMULATED") == bool(data_of(page)["simulated"])
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.reader(stream, delimiter="\t"))
    assert lines[0][place] == "effect (SD)"
    assert len(lines) > 26  # all rows, not those of one leaf
    assert [float(line[place]) for line in lines[1:26]] == shown


def test_links_to_a_gene_a_set_and_a_type(open_page, screenshot):
    page = open_page()
    data = data_of(page)
    words, types = data["words"], data["genes"]["cell_type"]["levels"]
    levels = (("genes", "gene"), ("sets", "set"), ("sets", "cell_type"))
    gene, name, kind = (data[table][key]["levels"][0] for table, key in levels)
    titles = {f"#gene={gene}": gene, f"#set={name}": words[name.split("/")[1]], f"#type={kind}": words[kind]}
    for hash_, title in titles.items():
        page = open_page(hash_)
        found = page.locator("#found")
        found.locator(DRAWN).first.wait_for(timeout=60_000)
        assert title in page.locator("#looked-up").inner_text()
        assert title in found.locator("caption").first.text_content()
        page.wait_for_function("Math.abs(document.getElementById('lookup').getBoundingClientRect().top) < 200")
        if hash_.startswith("#gene"):
            told = found.locator("tbody tr").all_inner_texts()
            assert all(gene in row for row in told)
            assert any(words[one] in row for row in told for one in types)
        screenshot(page, f"look_up_{hash_[1:].split('=')[0]}")
    page = open_page("#gene=NO_SUCH_GENE")
    assert "“NO_SUCH_GENE” is not in this page. Held are" in page.locator("#looked-up").inner_text()


def test_looking_up_by_keyboard_alone(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    gene = data_of(page)["genes"]["gene"]["levels"][0]
    page.get_by_label("Name").focus()
    page.keyboard.type(gene.lower())
    page.keyboard.press("Enter")
    page.wait_for_function("gene => document.getElementById('looked-up').textContent.startsWith(gene)", arg=gene)
    assert page.evaluate("document.activeElement.id") == "looked-up"  # a screen reader goes on there


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(open_page, scheme):
    page = open_page(f"#type={data_of(open_page())['sets']['cell_type']['levels'][0]}", scheme=scheme)
    for selector in (UMAP, VOLCANO, FOREST):
        show(page, selector)
    open_table(page, "pathways")
    answer = Axe().run(page, options={"resultTypes": ["violations"]}).response
    faults = [
        f"{fault['id']}: {node['html'][:200]}"
        for fault in answer["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"][:3]
    ]
    assert faults == []


def test_colors_follow_the_system(open_page):
    pages = {scheme: open_page(scheme=scheme) for scheme in ("light", "dark")}
    papers = {
        scheme: page.evaluate("getComputedStyle(document.body).backgroundColor") for scheme, page in pages.items()
    }
    assert papers == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}
    show(pages["dark"], UMAP)
    pages["dark"].emulate_media(color_scheme="light")
    pages["dark"].wait_for_function("document.querySelector('.canvas').layout?.paper_bgcolor === '#ffffff'")


def test_everything_can_be_read_without_javascript(open_page, screenshot):
    page = open_page(script=False)
    assert page.locator("noscript").first.is_visible()
    assert page.locator("main figure img").count() >= 5
    assert page.locator("main figure img").evaluate_all("all => all.every(one => one.naturalWidth > 0)")
    for needing in ("[data-plot]", "[data-needs-script]"):
        assert not any(one.is_visible() for one in page.locator(needing).all())
    details = page.locator("details").filter(has=page.locator("table")).first
    details.locator("summary").click()
    assert details.locator("table").is_visible()
    assert page.locator("#methods-text").is_visible()
    screenshot(page, "without_javascript")


def test_methods_are_copied_whole(open_page):
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy methods and references").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("getSelection().toString()").strip().startswith("Data: ")


@pytest.mark.parametrize("hash_", ["", "#methods"])
def test_narrow_screen_needs_no_sideways_scrolling(open_page, screenshot, hash_):
    page = open_page(hash_, width=390)
    if not hash_:
        show(page, UMAP)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, f"narrow{hash_.replace('#', '_')}")


def test_print_has_every_row_and_no_controls(open_page):
    page = open_page()
    details = open_table(page, "pathways")
    assert details.locator("tbody tr").count() == 25
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function("n => document.querySelectorAll('details[open] tbody tr').length > n", arg=25)
    page.emulate_media(media="print")
    assert not page.locator("nav").first.is_visible()
    assert not details.locator("input[type=search]").is_visible()
