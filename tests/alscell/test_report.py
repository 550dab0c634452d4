"""The report: says what was found and what was not, opens offline, escapes what it is given, and repeats."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from alscell import report, report_text
from alscell.figures_tests import count_genes, draw_pathways
from alscell.report_ambient import hits_sentence, share_sentence
from alscell.report_dish import dish_section
from alscell.report_methods import software_paragraph
from alscell.report_tables import Results
from alscell.report_text import depth_sentence
from alscell.tables import empty_table
from alscell.views import compare_views

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = (ROOT / "workflow/report/report.html.j2").read_text(encoding="utf-8")
STYLE = (ROOT / "workflow/report/report.css").read_text(encoding="utf-8")
SCRIPT = (ROOT / "workflow/report/report.js").read_text(encoding="utf-8")
PARTS = {"plotly": "/* plotly */", "datatables": "/* tables */", "datatables_style": "/* style */"}
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Checks nesting, and collects ids, links, images and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.ids, self.links, self.images, self.text, self.scripts = [], [], [], [], [], 0
        self.feed(html)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.scripts += tag == "script"
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[key] for key in ("href", "src") if key in values]
        self.images += [values] if tag == "img" else []
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)

    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture(scope="module")
def results(example, tmp_path_factory) -> Results:
    """A run of two simulated datasets."""
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    entries = [{"id": name, "contrasts": [example.CONTRAST], "covariates": []} for name in example.TYPES]
    info = {"title": "A <made-up> dataset", "organism": "human", "tissue": "spinal_cord", "assay": "nuclei"}
    info |= {"replicate": "donor", "simulated": True, "verified": False, "unverified_reason": "made up"}
    info |= {"citation": "nobody", "licence": "MIT", "enters_at": "load", "accession": None}
    info |= {"source": {"simulation": "simulation.yaml"}}
    names = (
        "quality_limits",
        "ambient",
        "ambient_hits",
        "sample_checks",
        "sample_pairs",
        "composition",
        "differential",
        "differential_power",
        "differential_skipped",
        "enrichment",
    )
    names += (
        "pathway_sets",
        "pathway_tests",
        "pathway_genes",
        "pathway_artefacts",
        "set_coherence",
        "calibration",
        "gene_panel",
        "tdp43_genes",
        "tdp43_index",
    )
    names += ("ligand_receptor",)
    tables = {name: pd.concat([getattr(example, name)(one) for one in example.TYPES]) for name in names}
    tables["pathway_views"] = compare_views(tables["pathway_tests"], tables["enrichment"], fdr=0.05)
    over = ("synthesis_pathways", "synthesis_genes", "synthesis_biomarkers", "synthesis_replication")
    over += ("synthesis_programmes", "synthesis_agreement", "synthesis_biomarkers_tested")
    over += ("gene_sets", "planted", "planted_families", "planted_genes", "planted_composition", "directions")
    tables |= {name: getattr(example, name)() for name in over}
    tables["composition_donors"] = pd.concat([example.composition_donors(one) for one in example.TYPES])
    tables["label_checks"] = pd.concat([example.label_checks(one).assign(dataset=one) for one in example.TYPES])
    tables["cluster_labels"] = pd.concat([example.cluster_labels(one).assign(dataset=one) for one in example.TYPES])
    raw = {"dataset": "tissue", "file": "RAW.tar", "size": 123456789, "sha256": "ab" * 32}
    tables["acquired"] = pd.DataFrame([raw | {"source": "https://a.invalid/RAW.tar", "verified_by": "lock"}])
    tables["cluster_stability"] = pd.concat([example.cluster_stability().assign(dataset=one) for one in example.TYPES])
    cells = {one: example.embedding(one) for one in example.TYPES}
    for place, name in enumerate(("embedding", "cell_types")):
        tables[name] = pd.concat([cells[one][place].assign(dataset=one) for one in example.TYPES])
    tables["pathway_scores"] = tables["embedding"][["dataset", "cell"]].assign(**{"stress/hypoxia": 0.25})
    figure, _ = draw_pathways(
        example.pathway_tests("tissue"),
        example.pathway_donors("tissue"),
        example.samples("tissue"),
        contrast=example.CONTRASTS[example.CONTRAST],
        min_cells=10,
        fdr=0.05,
        replicate="donor",
        stamp="SIMULATED DATA",
    )
    path = tmp_path_factory.mktemp("figures") / "pathways.png"
    figure.savefig(path)
    return Results(
        settings=settings | {"datasets": entries},
        infos={one: info | {"system": one} for one in example.TYPES},
        samples={one: example.samples(one) for one in example.TYPES},
        tables=tables,
        figures={f"pathways_tissue_{example.CONTRAST}": path.read_bytes()},
        versions={"python": "3.12.1"},
    )


def draw(results: Results) -> str:
    return report.render(results, template=TEMPLATE, style=STYLE, script=SCRIPT, parts=PARTS, version="0.1.0")


@pytest.fixture(scope="module")
def html(results) -> str:
    return draw(results)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_page_needs_nothing_from_outside(page, html):
    assert page.scripts == 4  # data, plotly.js and DataTables as text; the page's own script
    assert page.links
    for link in page.links:
        assert link.startswith(("#", "data:")), link[:60]
    assert "@import" not in html
    assert "url(" not in html


def test_numbers_are_sorted_by_what_the_file_holds(html, results):
    row = results.tables["differential"].query("dataset == 'tissue' and gene == 'GENE0' and cell_type == 'microglia'")
    section = html[html.index('<h2 id="differential">') : html.index('<h2 id="enrichment">')]
    assert f'data-order="{row["log2_fold_change"].iloc[0]:g}">+2.50</td>' in section
    assert 'data-order="1e-06">1.0 × 10⁻⁶</td>' in section


def test_page_has_its_interactive_parts_and_says_what_needs_javascript(html):
    for kind in ("cells", "volcano", "forest"):
        assert f'data-plot="{kind}" data-dataset="tissue"' in html
    assert "Looking up needs JavaScript" in html[html.index("<noscript>") : html.index("</noscript>")]
    for needing in re.findall(r"<[^>]*(?:data-plot|data-needs-script)[^>]*>", html):
        assert " hidden" in needing  # without JavaScript it is not there


def test_links_lead_to_headings_and_ids_are_unique(page):
    assert len(page.ids) == len(set(page.ids))
    targets = [link[1:] for link in page.links if link.startswith("#")]
    assert len(targets) > 20
    assert set(targets) <= set(page.ids)


def test_images_have_a_description_and_a_size(page):
    assert len(page.images) == 1
    assert "gene set" in page.images[0]["alt"]
    assert int(page.images[0]["width"]) > 300


def test_same_results_give_the_same_page(results, html):
    assert draw(results) == html


def test_a_library_counted_twice_and_a_swap_stand_above_all_findings(page):
    words = page.words()
    summary = words[words.index("Summary SIMULATED DATA tissue") : words.index("ALS against Control")]
    assert "ONE LIBRARY COUNTS FOR TWO DONORS: s_A2 (donor A2) and s_A3 (donor A3), 60 cells alike" in summary
    assert "s_A1 (donor A1): declared M, but its counts are of F: a swap?" in summary
    section = words[words.index("Sex and identity of each sample, tissue") :]
    names = ["s_A1", "s_A2", "s_A3", "s_A0", "s_A4", "s_C0"]  # flagged rows first
    assert sorted(names, key=section.index) == names
    assert "Samples that share cells or barcodes, dish: none." in words


def test_raw_files_say_where_they_come_from_and_how_they_were_verified(page):
    assert f"{'ab' * 32} https://a.invalid/RAW.tar lock" in page.words()


def test_findings_are_said_in_words(page):
    words = page.words()
    assert "2 of 40 pathway tests reach FDR 0.05, in 2 of 4 cell types" in words
    assert (
        "microglia (5 against 4 donors): inflammation: interferon alpha up (effect +2.40, FDR 0.0034, CAMERA agrees, "
        "dissociation signature moves too: +0.90 SD, FDR 0.010; with it held +1.20 SD of +2.40)" in words
    )
    assert "genes: 3 up, 1 down" in words
    assert "Of 4 planted changes that were tested, 3 were found, 1 missed" in words
    assert "planted and missed" in words


def test_genes_that_carry_a_set_are_named_the_largest_first(page):
    words = page.words()
    assert "carried by (share of the effect)" in words
    assert "GENE1 60 %, GENE2 50 %" in words
    assert "GENE2 50 %, GENE3" not in words  # it works against the effect


def test_ambient_rna_is_stated_by_condition_and_hits_that_follow_it_are_listed(page, example):
    words = page.words()
    assert "Ambient RNA makes up, in the median sample, 8 % in ALS (8 % to 8 %), 4 % in Control (4 % to 4 %)" in words
    assert "read from empty droplets in 1 of 8 samples" in words
    assert "In 1 of 9 samples it cannot be told." in words
    genes = example.differential("tissue")
    n_genes = (genes["fdr"] <= 0.05).sum()
    assert f"Read with caution: 1 of {n_genes} genes that reach the FDR follow ambient RNA." in words
    assert "Genes that reach the FDR and follow ambient RNA: 1" in words
    assert "MBP +1.20" in words


@pytest.mark.parametrize(
    ("n_genes", "n_known", "expected"), [(0, 3, ""), (5, 0, "cannot be told"), (5, 3, "None of the 5")]
)
def test_without_hits_that_follow_ambient_rna_the_report_says_why(example, n_genes, n_known, expected):
    said = hits_sentence(example.ambient_hits("dish"), n_genes, n_known)
    assert expected in said
    assert bool(said) == bool(expected)
    unknown = example.ambient("tissue").assign(status="too_few_markers")
    assert share_sentence(unknown).startswith("Ambient RNA could not be estimated in any sample")


def test_labels_that_do_not_fit_are_warned_of_and_types_counted(page):
    words = page.words()
    section = words[words.index("Cells and cell types SIMULATED DATA tissue SIM") :]
    assert section.index("motor neuron: 62 % of its cells look like oligodendrocyte") < section.index("dish SIM")
    assert "astrocyte: carries RNA of oligodendrocyte, +0.20 above what other types carry" in section
    assert "Labels against the markers of other types, tissue" in section
    assert "Cell types, tissue" in section


def test_calibration_is_said_in_a_sentence_and_shown(html):
    section = html[html.index('<h2 id="calibration">') : html.index('<h2 id="synthesis">')]
    words = Page(section).words()
    assert (
        "With labels shuffled among the donors (50 of 60 balanced relabellings), 5.1 % (95 % interval 4.2 to 6.2) of "
        "60,000 tests of genes, 5.1 % (95 % interval 4.2 to 6.2) of 2,000 tests of pathway activity, 5.1 % (95 % "
        "interval 4.2 to 6.2) of 2,000 tests of enrichment and 20.0 % (95 % interval 12.0 to 31.0) of 200 tests of "
        "composition have p < 0.05. Had cells been taken for replicates, 40.0 % (95 % interval 30.0 to 50.0) of the "
        "tests of pathway activity would have p < 0.05 with labels that mean nothing; with the true labels 9 of 40 "
        "would be called, where the donors give 4." in words
    )
    assert "(18 of 18 balanced relabellings)" in words
    assert "composition (all) 50 200 20 % 12 % 31 % 10 % 4 0 1 2 % inflated: too many low p values" in words


def test_inflated_tests_and_few_donors_are_warned_of_in_the_summary(page):
    words = page.words()
    summary = words[
        words.index("Summary SIMULATED DATA tissue SIMULATED DATA A <made-up>") : words.index(
            "What was run SIMULATED DATA tissue SIM"
        )
    ]
    assert summary.count("WARNING") == 1
    warning = "WARNING: tests of composition are not calibrated on these data"
    assert warning in summary[: summary.index("dish SIMULATED DATA")]  # of the first dataset
    assert "no permutation of 5 against 4 donors can go below p = 0.0079" in summary
    assert "no permutation of 4 against 4 donors can go below p = 0.029" in summary


def test_calibration_with_blocks_or_too_few_relabellings(example):
    rates = example.calibration("dish").query("cell_type == '(all)'")
    blocked = report_text.calibration_sentence(rates, blocks=["sex", "batch"])
    assert blocked.startswith("With labels shuffled among the donors, within sex and batch, (18 of 18")
    rates = rates[rates["test"] != "pathways_over_cells"]  # as where counts came summed
    few = rates.assign(verdict="too_few", n_relabellings=9, n_distinct=9)
    assert report_text.calibration_sentence(few, blocks=[]).endswith("cannot say whether that is 5 %.")
    none = rates.assign(verdict="too_few", n_relabellings=0, n_distinct=0, false_positive_rate=None, ci_low=None)
    assert "no other balanced way" in report_text.calibration_sentence(none, blocks=["pair"])
    assert report_text.calibration_sentence(rates.iloc[:0], blocks=[]) == "No test was made: too few donors."
    assert report_text.inflated_lines(rates) == []


def test_report_without_calibration(results):
    off = results.settings | {"calibration": results.settings["calibration"] | {"in_report": False}}
    tables = results.tables | {"calibration": empty_table("calibration")}
    html = draw(dataclasses.replace(results, settings=off, tables=tables))
    words = Page(html).words()
    assert "calibrat" not in words[: words.index("config.yaml of this run")]
    assert 'id="calibration' not in html


def test_few_donors_are_said_where_there_is_a_test():
    assert "below p = 0.1;" in report_text.few_donors_caution(3, 3, min_donors=3)
    assert report_text.few_donors_caution(2, 3, min_donors=3) == ""
    assert report_text.few_donors_caution(5, 5, min_donors=3) == ""


def test_a_difference_in_depth_between_arms_is_said_and_a_large_one_warned_of():
    quality = pd.DataFrame({"donor": list("abcd"), "status": ["ok", "ok", "ok", "too_few_cells"]})
    arms = pd.Series({"a": "case", "b": "control", "c": "control", "d": "case"})
    alike = depth_sentence(quality.assign(median_counts=[2000.0, 2500.0, 2300.0, 9.0]), arms)
    assert alike == "Depth: a median of 2,000 UMI a cell in case samples, 2,400 in control samples."
    apart = depth_sentence(quality.assign(median_counts=[1000.0, 2500.0, 2300.0, 9.0]), arms)
    assert "CAUTION: the arms differ 2.4-fold in depth" in apart
    assert depth_sentence(quality.iloc[:0].assign(median_counts=[]), arms) == ""


def test_everything_not_tested_is_listed_with_its_reason(html):
    section = html[html.index('<h2 id="untested">') : html.index('<h2 id="methods">')]
    words = Page(section).words()
    assert "s_C3" in words
    assert "s_C2" not in words
    for reason in (
        "too small a share of its cells passed",  # sample s_C3
        "no donor in one of the arms",  # cell type rare
        "no control donor has 10 cells",
        "too small a share of its genes is measured",  # set cryptic
        "ligand-receptor pair between cell types too few counts of the ligand 3",
        "composition 20 % inflated: too many low p values",
        "Cells without a cell type: in no test",
    ):
        assert reason in words


def test_simulated_data_is_said_at_the_top_and_in_every_section(html):
    top, *sections = re.split(r"<h2 id=", html)
    assert "SIMULATED DATA: tissue, dish" in top
    for section in sections:
        name = re.match(r'"(\w+)"', section).group(1)
        assert "SIMULATED DATA" in section[: section.index("</h2>")], name


def test_given_text_is_escaped(html):
    assert "A &lt;made-up&gt; dataset" in html
    assert "<made-up>" not in html


def test_methods_count_what_this_run_had(page):
    words = page.words()
    said = words[words.index("Data: tissue") : words.index("Quality control, per sample")]
    assert said.startswith(
        "Data: tissue (SIMULATED DATA; human, spinal cord, nuclei): 9 samples of 9 donors (5 ALS, 4 Control)."
    )
    assert "ALS against Control (5 against 4 donors): 300 genes and 10 gene sets were tested in 4 cell types" in said
    assert "(1,200 and 40 tests)" in said
    assert "Software: alscell 0.1.0 on python 3.12.1." in words


def test_config_values_reach_the_methods(results):
    changed = results.settings | {"quality": results.settings["quality"] | {"min_counts": 777}}
    assert "777 counts" in " ".join(report_text.methods(changed, {"nuclei"}, from_sums=False))
    assert "777" not in " ".join(report_text.methods(results.settings, {"nuclei"}, from_sums=False))
    trend = results.settings | {"differential": results.settings["differential"] | {"method": "trend"}}
    assert "limma-trend" in " ".join(report_text.methods(trend, {"cells"}, from_sums=False))


def test_every_reference_is_cited_in_the_methods(results):
    told = report_text.methods(results.settings, {"nuclei", "cells"}, from_sums=True)
    said = " ".join([*told, software_paragraph({"snakemake": "9.27", "scanpy": "1.12"}, version="0.1.0")])
    for citation in report_text.CITATIONS:
        author, year = re.match(r"(\w+).*?(\d{4})", citation).groups()
        assert re.search(rf"{author}[^;()]*{year}", said), citation


def test_run_without_hits_cells_or_simulation(example, results):
    """Nothing found must be said; a dataset that enters at pseudobulk has no cells; nothing is simulated."""
    tests = example.pathway_tests("tissue").assign(fdr=0.9)
    tables = {name: empty_table(name) for name in results.tables}
    tables |= {
        name: tables[name].assign(dataset="")
        for name in ("cluster_labels", "cluster_stability", "cell_types", "embedding", "pathway_scores")
    }
    tables |= {"pathway_tests": tests, "composition": example.composition("tissue").assign(fdr=0.9)}
    info = results.infos["tissue"] | {"simulated": False, "enters_at": "pseudobulk", "source": {"path": "tissue"}}
    quiet = Results(
        settings=results.settings | {"datasets": results.settings["datasets"][:1]},
        infos={"tissue": info},
        samples={"tissue": results.samples["tissue"]},
        tables=tables,
        figures={},
        versions={},
    )
    html = draw(quiet)
    words = Page(html).words()
    assert "No pathway found: none of 40 pathway tests in 4 cell types reaches FDR 0.05" in words
    assert "SIMULATED" not in html[: html.index('<script type="module">')]
    assert "No dataset has cells here" in words
    assert "Leiden" not in words  # the methods tell only what was done
    assert "the sums were ranked" in words
    assert "no cell type's share is found to differ" in words


def test_reference_is_shown_but_not_compared(results):
    """Its cells are there, and no heading without content is left in the sections that compare donors."""
    entries = [
        {**entry, "contrasts": []} if entry["id"] == "tissue" else entry for entry in results.settings["datasets"]
    ]
    html = draw(dataclasses.replace(results, settings=results.settings | {"datasets": entries}))
    assert "its donors are not compared with anyone" in Page(html).words()
    assert 'id="quality-tissue"' in html
    for section in ("composition", "differential", "enrichment", "pathways", "calibration"):
        assert f'id="{section}-tissue"' not in html
        assert f'id="{section}-dish"' in html


def test_nothing_testable_is_said(example):
    tests = example.pathway_tests("tissue")
    tests = tests[tests["descriptive"]]
    counts = count_genes(empty_table("differential"), empty_table("differential_skipped"), fdr=0.05)
    sentence, lines = report_text.summary_lines(
        tests,
        empty_table("pathway_views"),
        counts,
        empty_table("pathway_artefacts"),
        fdr=0.05,
        replicate="donor",
        max_sets=3,
    )
    assert sentence.startswith("No pathway test was possible")
    assert lines == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0344, "0.034"),
        (0.5, "0.50"),
        (1.0, "1.00"),
        (0.001, "0.0010"),
        (0.000034, "3.4 × 10⁻⁵"),
        (1e-12, "1.0 × 10⁻¹²"),
        (0.0, "< 10⁻³⁰⁰"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_probabilities_have_two_digits_and_are_never_zero(value, expected):
    assert report_text.probability(value) == expected


def test_other_numbers():
    assert report_text.percent(0.0031) == "0.31 %"
    assert report_text.percent(0.256) == "26 %"
    assert report_text.percent(0.0) == "0 %"
    assert report_text.count(12345.0) == "12,345"
    assert report_text.number(-1.5) == "−1.50"
    assert report_text.size(123456789) == "123.5 MB"
    assert report_text.joined(["a", "b", "c"]) == "a, b and c"


def test_replication_in_a_sentence(example):
    table = example.synthesis_replication()
    said = report_text.replication_sentence(table)
    assert said.startswith(
        "40 of 80 hits (genes; 50 %, by chance 5 %) and 4 of 8 hits (gene sets; 50 %, by chance 5 %)"
    )
    assert "no p-value" in said
    assert report_text.replication_sentence(table.iloc[:0]).startswith("No cell type was tested in two datasets")
    assert report_text.replication_sentence(table.assign(n_hits=0)).startswith("No dataset has a hit")
    unknown = table[table["kind"] == "gene"].assign(chance_rate=np.nan)
    assert report_text.replication_sentence(unknown).startswith("40 of 80 hits (genes; 50 %) had")


def test_two_datasets_are_noted_in_the_tables_over_datasets(page):
    words = page.words()
    assert "two datasets: too few for a pooled p" in words
    assert "1 of 2" in words
    assert "40 of 80 hits (genes" in words


def test_genes_read_one_by_one_are_answered_in_a_sentence(page):
    words = page.words()
    assert (
        "C9orf72, mutated in the case donors: it is lower over the cell types (−1.00 log2 [−1.60, −0.40], p 0.0040)"
        in words
    )
    assert "lower in 5 and higher in 0 of 5 cell types" in words
    assert "mural −1.00, not tested" in words
    assert "Tested in no cell type: ANG (not among the genes of the dataset); TARDBP (too few counts)." in words
    assert "Neurons: 1 of 1 differ, motor neuron (+1.40, as after a loss, beyond 99 % of random sets)" in words
    assert "2 of 4 tests of 2 pairs reach FDR 0.05: GDNF–GFRA1 + RET from astrocyte to motor neuron (−0.80)" in words
    assert "Not tested: 3 too few counts of the ligand." in words
    assert "neurons and neighbors are needed" in words  # the dish
    assert "share no known mutated gene" in words  # the dish


def test_hits_of_inflammation_carry_a_word_on_artefacts(page, example):
    words = page.words()
    assert "dissociation signature moves too: +0.90 SD, FDR 0.010; with it held +1.20 SD of +2.40" in words
    table = example.pathway_artefacts("tissue")
    key = ("microglia", "inflammation", "interferon_alpha")
    none = report_text.artefact_notes(table.assign(flag="no_artefact_scored"))
    assert none[key] == "no artefact signature is scored"
    both = pd.concat([table.assign(artefact="post_mortem", flag="artefact_quiet"), table])
    assert report_text.artefact_notes(both)[key].startswith("dissociation signature moves too")
    assert report_text.artefact_notes(table.assign(flag="artefact_quiet"))[key].endswith("don't move as far")
    unsure = table.assign(flag="cannot_say")
    said = report_text.artefact_notes(unsure)[key]
    assert said == "dissociation signature: can't say (+0.90 SD, +0.50 to +1.30)"
    untested = report_text.artefact_notes(unsure.assign(artefact_ci_low=np.nan))[key]
    assert untested == "dissociation signature: not tested"
    descriptive = report_text.artefact_notes(table.assign(held_says="descriptive"))[key]
    assert descriptive == "dissociation signature moves too: +0.90 SD, FDR 0.010"


def test_biomarkers_in_a_sentence_say_what_could_be_found(page, example):
    words = page.words()
    assert "1 secreted, shed or leaked genes change in a cell type (1 known from ALS fluids, 0 new candidates)" in words
    assert "Of 1 changes with a direction known from ALS fluids, 1 have it." in words
    tested = example.synthesis_biomarkers_tested()
    none = report_text.biomarker_sentence(example.synthesis_biomarkers().iloc[:0], tested.iloc[:1])
    assert none.startswith("No secreted, shed or leaked gene changes in any cell type. dish")
    assert "could find a 4.0-fold change or more with 80 % power" in none
    assert "could be tested" in report_text.biomarker_sentence(example.synthesis_biomarkers(), tested.iloc[:0])


def test_one_system_is_a_sentence_and_no_figure(results):
    programmes = results.tables["synthesis_programmes"]
    alone = programmes.assign(verdict="not_comparable", datasets="cord")
    section = dish_section(dataclasses.replace(results, tables=results.tables | {"synthesis_programmes": alone}))
    assert section == {
        "sentence": "Only one dataset was tested (cord): there is no other one to compare it with.",
        "scores": None,
        "verdicts": None,
    }
    section = dish_section(results)
    assert section["sentence"].startswith("Of 10 programmes in cell types tested in both tissue and dish: 1 same")
    assert "10 more could not be compared" in section["sentence"]


def test_every_figure_that_the_page_shows_has_a_caption_and_a_place():
    asked = set(re.findall(r"(?<!dataset\.)(?<!contrast\.)figures\.(\w+)", TEMPLATE))
    of_dataset = set(re.findall(r"dataset\.figures\.(\w+)", TEMPLATE))
    of_contrast = set(re.findall(r"contrast\.figures\.(\w+)", TEMPLATE))
    assert asked == set(report.OVERALL)
    assert of_dataset == set(report.OF_DATASET)
    assert of_contrast == set(report.OF_CONTRAST)
    assert set(report.FIGURES) == asked | of_dataset | of_contrast
