"""Every mistake that can be known before a job: one edit of a good set-up, and the words that must come back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from alscell.check import Findings, check_inputs, plain_paths
from alscell.check_dataset import RESERVED
from alscell.files import read_samples

ROOT = Path(__file__).resolve().parents[2]
OWN_SET = "cilia\tmade up\t" + "\t".join(f"GENE{number}" for number in range(1, 11)) + "\n"
SCHEMAS = {
    name: str(ROOT / f"workflow/schemas/{name}.schema.yaml") for name in ("config", "dataset", "samples", "gene_set")
}

CONFIG, DATASET, SHEET = "config.yaml", "mine/dataset.yaml", "mine/samples.tsv"
APPEND = None  # in the place of the text to replace: add the new text at the end

# name: (file, text to replace, new text, words of the message)
FAULTS = {
    # keys of the config
    "unknown key": (CONFIG, APPEND, "quality: {min_cels: 5}\n", ["quality.min_cels", "unknown key", "'min_cells'"]),
    "unknown section": (CONFIG, APPEND, "qualty: {min_cells: 5}\n", ["'qualty'", "unknown key", "'quality'"]),
    "key in the wrong place": (CONFIG, APPEND, "min_donors: 3\n", ["'min_donors'", "'differential.min_donors'"]),
    "unknown key of a dataset": (CONFIG, "covariates:", "covariate:", ["datasets[1].covariate", "'covariates'"]),
    "unknown key of a contrast": (
        CONFIG,
        APPEND,
        "contrasts: {mine: {factor: condition, cases: [ALS], control: [Control]}}\n",
        ["contrasts.mine.cases", "'case'", "contrasts.mine.case'", "Add 'case'"],
    ),
    "contrast name with a blank": (
        CONFIG,
        APPEND,
        "contrasts: {als vs c: {factor: condition, case: [ALS], control: [Control]}}\n",
        ["als vs c", "letters, digits and _ only"],
    ),
    # types and ranges in the config
    "text for a number": (
        CONFIG,
        APPEND,
        'quality: {min_counts: "500"}\n',
        ["quality.min_counts", "'500'", "Write 500"],
    ),
    "1e-3 is text in YAML": (CONFIG, APPEND, "differential: {fdr: 1e-3}\n", ["'1e-3' (text)", "Write 0.001"]),
    "fraction for a whole number": (CONFIG, APPEND, "clusters: {n_subsamples: 2.5}\n", ["2.5", "a whole number"]),
    "3.0 for a whole number": (CONFIG, APPEND, "seed: 3.0\n", ["key 'seed'", "3.0", "whole number"]),
    "out of range": (CONFIG, APPEND, "differential: {fdr: 5}\n", ["differential.fdr", "found 5", "less than 1"]),
    "not a number": (CONFIG, APPEND, "quality: {n_mads: .nan}\n", ["quality.n_mads", "nan", "a number"]),
    "empty section": (CONFIG, APPEND, "clusters:\n", ["key 'clusters'", "found nothing", "delete the line"]),
    "value outside the choices": (CONFIG, APPEND, "differential: {method: vom}\n", ["differential.method", "'voom'"]),
    "family that is not shipped": (
        CONFIG,
        APPEND,
        "pathways: {families: [inflamation]}\n",
        ["pathways.families[1]", "'inflamation'", "'inflammation'"],
    ),
    "bare no as a level": (
        CONFIG,
        APPEND,
        "contrasts: {mine: {factor: condition, case: [ALS], control: [no]}}\n",
        ["contrasts.mine.control[1]", "false (true/false)", "YAML reads bare yes, no", "in quotes"],
    ),
    "number as a level": (
        CONFIG,
        APPEND,
        "contrasts: {mine: {factor: batch, case: [1], control: ['2']}}\n",
        ["contrasts.mine.case[1]", "found 1", 'in quotes: "1"'],
    ),
    "word for a list": (
        CONFIG,
        "[als_vs_control]",
        "als_vs_control",
        ["datasets[1].contrasts", "expected a list", "[als_vs_control]"],
    ),
    "same level in both arms": (
        CONFIG,
        APPEND,
        "contrasts: {mine: {factor: condition, case: [ALS, Control], control: [Control]}}\n",
        ["contrast 'mine'", "Control in both case and control"],
    ),
    "name of two cell types": (
        CONFIG,
        APPEND,
        "synthesis: {cell_types: {motor_neuron: [mn], neuron: [mn]}}\n",
        ["synthesis.cell_types", "'mn' twice", "one cell type"],
    ),
    "absolute summary folder": (CONFIG, APPEND, "summary_folder: /tmp/x\n", ["summary_folder", "/tmp/x", "inside"]),
    "summary folder above": (CONFIG, APPEND, "summary_folder: ../x\n", ["summary_folder", "../x", "inside"]),
    "mirror that is neither": (
        CONFIG,
        APPEND,
        "download: {mirror: nowhere}\n",
        ["download.mirror", "nowhere", "folder"],
    ),
    "capital letters in an id": (CONFIG, "id: mine", "id: Mine", ["datasets[1].id", "'Mine'", "lower-case"]),
    "no contrast": (CONFIG, "[als_vs_control]", "[]", ["dataset 'mine'", "no contrast", "role: reference"]),
    "contrast of a reference": (
        DATASET,
        "replicate: donor",
        "replicate: donor\nrole: reference",
        ["dataset 'mine'", "contrasts als_vs_control", "`role: reference`", "contrasts: []"],
    ),
    "contrast that is not defined": (
        CONFIG,
        "[als_vs_control]",
        "[als_vs_contol]",
        ["'als_vs_contol'", "'als_vs_control'"],
    ),
    "dataset twice": (
        CONFIG,
        APPEND,
        "  - {id: mine, folder: mine, contrasts: [als_vs_control]}\n",
        ["dataset 'mine'", "this id twice"],
    ),
    "dataset that is not shipped": (CONFIG, "    folder: mine\n", "", ["dataset 'mine'", "no dataset of that name"]),
    "folder that is not there": (CONFIG, "folder: mine", "folder: mien", ["dataset 'mine'", "no folder mien"]),
    "gene set file that is not there": (
        CONFIG,
        APPEND,
        "pathways: {gene_sets: [nosuch.gmt]}\n",
        ["nosuch.gmt", "no such file"],
    ),
    "gene set file with blanks": (
        "own.gmt",
        "\t",
        " ",
        ["own.gmt, line 1", "1 field", "parted by tabs"],
    ),
    "gene set file with a set twice": (
        "own.gmt",
        APPEND,
        "cilia\tb\tGENE4\n",
        ["own.gmt, line 2", "already in line 1"],
    ),
    "empty gene set file": ("own.gmt", OWN_SET, "", ["own.gmt", "no gene sets"]),
    "family of a gene set file that is shipped": (
        CONFIG,
        "[own.gmt]",
        "[own.gmt, elsewhere/stress.gmt]",
        ["elsewhere/stress.gmt", "family 'stress'", "shipped with alscell", "Rename the file"],
    ),
    "collection without a library": (
        CONFIG,
        "[own.gmt]",
        "[own.gmt], collections: [{name: go, sets: [all]}]",
        ["pathways.collections[1].library", "Add 'library'"],
    ),
    "unknown key of a collection": (
        CONFIG,
        "[own.gmt]",
        "[own.gmt], collections: [{name: go, libary: GO_X, library: GO_X, sets: [all]}]",
        ["pathways.collections[1].libary", "'library'"],
    ),
    "collection with the name of a family": (
        CONFIG,
        "[own.gmt]",
        "[own.gmt], collections: [{name: own, library: GO_X, sets: [all]}]",
        ["'own'", "family 'own', also own.gmt", "Rename it"],
    ),
    "file of a collection that is not there": (
        CONFIG,
        "[own.gmt]",
        "[own.gmt], collections: [{name: go, library: GO_X, sets: [all], gmt: nosuch.gmt}]",
        ["'go'", "nosuch.gmt", "no such file"],
    ),
    # dataset.yaml
    "YAML that is none": (DATASET, "id: mine", "id: [mine", ["mine/dataset.yaml", "valid YAML"]),
    "unknown key in dataset.yaml": (DATASET, "tissue:", "tisue:", ["key 'tisue'", "'tissue'", "Add 'tissue'"]),
    "unknown organism": (DATASET, "organism: human", "organism: rat", ["key 'organism'", "'rat'", "human, mouse"]),
    "another id": (DATASET, "id: mine", "id: yours", ["key 'id'", "'yours'", "'mine', as in config"]),
    "layout that does not fit": (
        DATASET,
        "layout: h5ad",
        "layout: pseudobulk_h5ad",
        ["key 'layout'", "h5ad or loom or seurat_rds with enters_at: qc"],
    ),
    "10x files do not hold cell types": (
        DATASET,
        "layout: h5ad",
        "layout: 10x_h5",
        ["key 'cells.sample'", "`cells.table` with layout 10x_h5"],
    ),
    "names of parts with another layout": (
        DATASET,
        APPEND,
        "parts: {matrix: counts.mtx, features: genes.tsv, barcodes: cells.tsv}\n",
        ["key 'parts'", "'h5ad'", "expected 10x_mtx"],
    ),
    "address without files": (
        DATASET,
        "  path: lab\n  files:\n    - name: cells.h5ad\n      size: 4\n      sha256: null\n",
        "  url: https://example.org\n",
        ["key 'source.files'", "found nothing", "the names of the raw files"],
    ),
    "Zenodo and an address": (
        DATASET,
        "  path: lab\n",
        "  zenodo: 8190317\n  url: https://example.org\n",
        ["key 'source'", "url and zenodo"],
    ),
    "no cell types": (DATASET, ", cell_type: cell_type", "", ["cells.cell_type", "found nothing"]),
    "dense table without orientation": (
        DATASET,
        "enters_at: qc\nlayout: h5ad",
        "enters_at: load\nlayout: dense_csv",
        ["key 'orientation'", "genes_by_cells or cells_by_genes"],
    ),
    "two sources": (
        DATASET,
        "  path: lab\n",
        "  path: lab\n  url: https://example.org\n",
        ["key 'source'", "exactly one"],
    ),
    "simulation that is not called simulated": (
        DATASET,
        "path: lab",
        "simulation: samples.tsv",
        ["key 'simulated'", "true, with `source.simulation`"],
    ),
    "labelled h5ad without the column of samples": (
        DATASET,
        "{sample: sample, cell_type",
        "{cell_type",
        ["8 samples in cells.h5ad (lines 2, 3", "each would get all of its cells", "`cells.sample`"],
    ),
    "one plain 10x file for all samples": (
        DATASET,
        "enters_at: qc\nlayout: h5ad",
        "enters_at: load\nlayout: 10x_h5",
        ["8 samples in cells.h5ad", "each would get all of its cells", "a plain h5 is one sample", "a file of its own"],
    ),
    "no source": (DATASET, "  path: lab\n", "", ["key 'source'", "exactly one of url, zenodo, path and simulation"]),
    "address of a file that lies here": (
        DATASET,
        "      size: 4\n",
        "      size: 4\n      url: https://a.invalid/1\n",
        ["key 'source.files'", "no url with `source.path`"],
    ),
    "data file that is not there": (
        DATASET,
        "path: lab",
        "path: lib",
        ["data/lib/cells.h5ad", "no such file", "data_folder"],
    ),
    "data file of another size": (DATASET, "size: 4", "size: 5", ["data/lab/cells.h5ad", "4 bytes", "expected 5"]),
    "checksum that is none": (DATASET, "sha256: null", "sha256: abc", ["source.files[1].sha256", "64 hexadecimal"]),
    "simulation file that is not there": (
        DATASET,
        "path: lab",
        "simulation: simulation.yaml",
        ["mine/simulation.yaml", "no such file"],
    ),
    "number of donors of an unknown condition": (DATASET, "{ALS: 4,", "{als: 4,", ["expected_donors.als", "'ALS'"]),
    "disease of an unknown condition": (
        DATASET,
        APPEND,
        "cellxgene: {diseases: {Als: MONDO:0004976}}\n",
        ["cellxgene.diseases.Als", "a level of `levels.condition`", "'ALS'"],
    ),
    "markers that are not there": (DATASET, APPEND, "markers: cortex\n", ["key 'markers'", "'cortex'", "cortex.tsv"]),
    "bare no in the allow-list": (DATASET, "[F, M]", "[F, no]", ["levels.sex[2]", "false", "in quotes"]),
    # samples.tsv as a file
    "semicolons": (SHEET, "\t", ";", ["mine/samples.tsv", "semicolons", "expected tabs"]),
    "commas": (SHEET, "\t", ",", ["mine/samples.tsv", "commas", "expected tabs"]),
    "no column donor": (SHEET, "donor", "Donor", ["header", "no column 'donor'", "'Donor'"]),
    "column twice": (SHEET, "age", "sex", ["header", "column 'sex' twice"]),
    "column without a name": (SHEET, "age", "", ["header", "without a name"]),
    "row with a field too few": (SHEET, "S3\tD3\tALS\tF", "S3\tD3\tALS", ["line 4", "8 fields", "9, as in the header"]),
    "only a header": (SHEET, "\nS", "\n#S", ["mine/samples.tsv", "no samples"]),
    # samples.tsv, its rows
    "sample without donor": (SHEET, "S2\tD2", "S2\t", ["line 3 (sample 'S2')", "no donor"]),
    "sample without condition": (SHEET, "D2\tALS", "D2\t", ["line 3 (sample 'S2')", "no condition"]),
    "donor NA": (SHEET, "S2\tD2", "S2\tNA", ["line 3", "no donor"]),
    "sample without name": (SHEET, "S2\tD2", "\tD2", ["line 3", "no sample"]),
    "condition outside the allow-list": (
        SHEET,
        "D2\tALS",
        "D2\tASL",
        ["line 3", "condition 'ASL'", "'ALS'", "levels.condition"],
    ),
    "condition in other letters": (
        SHEET,
        "D5\tControl",
        "D5\tcontrol",
        ["line 6", "'control'", "Did you mean 'Control'?"],
    ),
    "another allow-list": (SHEET, "D2\tALS\tM", "D2\tALS\tmale", ["line 3", "sex 'male'", "one of F, M"]),
    "blank after a value": (SHEET, "D2\tALS\t", "D2\tALS \t", ["line 3", "'ALS '", "no blank"]),
    "sample name with a slash": (SHEET, "S2\t", "S/2\t", ["line 3", "column 'sample'", "S/2"]),
    "hash in a value": (SHEET, "\t55\t", "\t#55\t", ["line 3", "'#55'", "starts a comment"]),
    "donor twice but for the case": (SHEET, "S3\tD3", "S3\td1", ["donors 'D1' and 'd1'", "write both alike"]),
    "column that results have too": (SHEET, "twin", "cluster", ["header", "column 'cluster'", "'cluster_in_sheet'"]),
    "column with a slash": (SHEET, "center", "center/ward", ["header", "column 'center/ward'", "free of '/'"]),
    "sample twice": (SHEET, "S2\t", "S1\t", ["line 3", "sample 'S1', already in line 2"]),
    "sample twice but for the case": (SHEET, "S2\t", "s1\t", ["line 3", "already in line 2"]),
    "donor with two conditions": (
        SHEET,
        "S5\tD5",
        "S5\tD1",
        ["donor 'D1'", "ALS in S1, Control in S5", "one condition"],
    ),
    "donor with two sexes": (SHEET, "S2\tD2", "S2\tD1", ["donor 'D1'", "sex F in S1, M in S2"]),
    "file that is not listed": (
        SHEET,
        "\t1\tA\tx\tcells.h5ad\nS3",
        "\t1\tA\tx\tcell.h5ad\nS3",
        ["line 3", "'cell.h5ad'", "'cells.h5ad'"],
    ),
    "listed file without a sample": (
        DATASET,
        "      sha256: null\n",
        "    - name: cells.h5ad.gz\n",
        ["samples.tsv", "no sample in file cells.h5ad.gz"],
    ),
    "another number of donors": (SHEET, "S8\tD8", "#S8\tD8", ["3 donors with condition Control", "expected 4"]),
    # contrasts and covariates against the donors
    "factor that is no column": (
        CONFIG,
        "[als_vs_control]\n    covariates: [sex]\n",
        "[mine]\ncontrasts: {mine: {factor: conditon, case: [ALS], control: [Control]}}\n",
        ["contrast 'mine'", "'conditon'", "'condition'"],
    ),
    "level that no donor has": (
        CONFIG,
        "[als_vs_control]\n    covariates: [sex]\n",
        "[mine]\ncontrasts: {mine: {factor: condition, case: [ALS], control: [control]}}\n",
        ["contrast 'mine'", "no donor whose 'condition' is control", "ALS (4), Control (4)", "'Control'"],
    ),
    "covariate that is no column": (CONFIG, "[sex]", "[gender]", ["covariate 'gender'", "no such column"]),
    "covariate that is the factor": (
        CONFIG,
        "[sex]",
        "[condition]",
        ["covariate 'condition'", "factor of the contrast"],
    ),
    "covariate that is a file": (CONFIG, "[sex]", "[file]", ["covariate 'file'", "Remove it"]),
    "covariate without a value": (SHEET, "D2\tALS\tM", "D2\tALS\t", ["covariate 'sex'", "no value for donor D2"]),
    "covariate confounded with the arms": (
        CONFIG,
        "[sex]",
        "[sex, center]",
        ["covariate 'center'", "cannot be told apart from 'condition'", "full rank"],
    ),
    "covariate confounded with another": (
        CONFIG,
        "[sex]",
        "[batch, twin]",
        ["covariate 'twin'", "cannot be told apart from covariates batch", "full rank"],
    ),
}


def check(folder: Path) -> Findings:
    """What check says about the set-up in a folder, the config laid over the default one as Snakemake does it."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for key, value in yaml.safe_load((folder / CONFIG).read_text()).items():
        merge = isinstance(value, dict) and isinstance(config.get(key), dict)
        config[key] = {**config[key], **value} if merge else value
    entries = [entry for entry in config["datasets"] if isinstance(entry, dict)]
    paths = [Path(str(entry.get("folder") or ROOT / "resources/datasets" / str(entry.get("id")))) for entry in entries]
    datasets = [{"info": f"{path}/dataset.yaml", "sheet": f"{path}/samples.tsv"} for path in paths]
    files = [str(ROOT / "config.yaml"), str(folder / CONFIG)]
    return check_inputs(
        json.loads(json.dumps(config)), schemas=SCHEMAS, datasets=datasets, config_files=files, shipped_sets={}
    )


def said(folder: Path) -> tuple[list[str], list[str]]:
    """Problems and warnings, as text, but for the caution that four donors in an arm are few."""
    findings = check(folder)
    warnings = [warning for warning in findings.warnings if "few donors, large effects only" not in warning]
    return [str(problem) for problem in findings.problems], warnings


def spoil(folder: Path, file: str, old: str | None, new: str) -> None:
    """One edit; it must change the file."""
    path = folder / file
    text = path.read_text()
    assert old is APPEND or old in text, f"the test's text is not in {file}: {old}"
    path.write_text(text + new if old is APPEND else text.replace(old, new))


def test_good_setup_has_no_problems(setup, monkeypatch):
    monkeypatch.chdir(setup)
    assert said(setup) == ([], [])
    (note,) = check(setup).notes
    assert note.startswith("mine, als_vs_control: case 4 (D1, D2, D3, D4; sex: F 2, M 2;")
    assert "against control 4 (D5, D6, D7, D8;" in note


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: pathwy\n", ["own.yaml, key 'kind'", "'pathwy'", "'pathway'"]),
        ("sorce: []\n", ["own.yaml, key 'sorce'", "unknown key", "'source'"]),
        ("sets: {cillia: {kind: artefact}}\n", ["own.yaml, key 'sets'", "'cillia'", "a set of own.gmt"]),
        ("kind: [gene_level\n", ["own.yaml", "valid YAML"]),
    ],
)
def test_facts_beside_a_gene_set_file_are_checked(text, words, setup, monkeypatch):
    monkeypatch.chdir(setup)
    (setup / "own.yaml").write_text("kind: gene_level\nsets: {cilia: {name: Cilia}}\n")
    assert said(setup) == ([], [])
    (setup / "own.yaml").write_text(text)
    problems, _ = said(setup)
    assert len(problems) == 1, problems
    assert all(word in problems[0] for word in words), problems


def test_small_sets_and_kegg_are_warned_of(setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, "own.gmt", None, "small\tb\tGENE4\tGENE4\n")
    spoil(setup, CONFIG, "[own.gmt]", "[own.gmt], collections: [{name: k, library: KEGG_2021_Human, sets: [all]}]")
    problems, warnings = said(setup)
    assert problems == []
    assert warnings == [
        "own.gmt: small of its 2 sets have fewer than 10 genes (config `pathways.min_genes`) and will not be scored.",
        "Collection 'k' holds KEGG pathways: KEGG asks all but academic users for a licence, and alscell ships none of "
        "them.",
    ]


@pytest.mark.parametrize("other", ["d1", "D-1", "D_01", "D 1"])
def test_donors_of_nearly_one_name_are_refused(other, setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, SHEET, "\tD2\t", f"\t{other}\t")
    assert any(f"donors 'D1' and '{other}'" in problem for problem in said(setup)[0])


def test_sex_in_a_column_of_another_name_is_warned_of(setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, SHEET, "sex", "gender")
    spoil(setup, CONFIG, "covariates: [sex", "covariates: [gender")
    _, warnings = said(setup)
    assert any("'gender' holds sex; only a column called 'sex'" in warning for warning in warnings)


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_found_and_named(name, setup, monkeypatch):
    monkeypatch.chdir(setup)
    file, old, new, words = FAULTS[name]
    spoil(setup, file, old, new)
    problems = [str(problem) for problem in check(setup).problems]
    assert problems, "nothing was found"
    assert len(problems) <= 3, problems
    for word in words:
        assert any(word in problem for problem in problems), f"'{word}' is not in {problems}"


# Harmless things that other programs do to a table: taken as they are.
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: b"\xef\xbb\xbf" + data, id="byte-order mark"),
        pytest.param(lambda data: data.replace(b"\n", b"\r\n"), id="Windows line ends"),
        pytest.param(lambda data: b"# made by hand\n" + data + b"\n\n", id="comment and empty lines"),
        pytest.param(lambda data: data + b"\t" * 8 + b"\n" + b"\t" * 11 + b"\r\n\t\n", id="rows of tabs only"),
        pytest.param(lambda data: data.replace(b"\tcells.h5ad", b"").replace(b"\tfile", b""), id="no column file"),
    ],
)
def test_harmless_forms_of_a_sheet_are_taken(change, setup, monkeypatch):
    monkeypatch.chdir(setup)
    path = setup / SHEET
    header, *rows = [line.split("\t") for line in path.read_text().splitlines()]
    path.write_bytes(change(path.read_bytes()))
    assert check(setup).problems == []
    sheet = read_samples(path)
    assert sheet["sample"].tolist() == [f"S{number}" for number in range(1, 9)]
    expected = pd.DataFrame(rows, columns=header)
    pd.testing.assert_frame_equal(sheet, expected[sheet.columns], check_dtype=False)


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("utf-16", ["UTF-16", "tab delimited"]), ("latin-1", ["byte 0xe9 in line 3", "save it as UTF-8"])],
)
def test_other_encodings_are_refused(encoding, words, setup, monkeypatch):
    monkeypatch.chdir(setup)
    path = setup / SHEET
    path.write_bytes(path.read_text().replace("S2\tD2", "S2\tAndré").encode(encoding))
    (problem,) = check(setup).problems
    assert all(word in str(problem) for word in words), problem


@pytest.mark.parametrize(
    ("layout", "members", "words"),
    [
        ("h5ad", {1: "S2"}, ["line 3 (sample 'S2')", "the same file and member as line 2"]),
        ("10x_h5", {1: "GSM1_*", 2: "deep/GSM1_x.h5"}, ["line 3 (sample 'S2')", "the same file and member as line 2"]),
        ("dense_csv", {1: "A_*_x", 3: "A_b_x"}, ["line 4 (sample 'S3')", "the same file and member as line 2"]),
    ],
)
def test_two_rows_never_take_the_same_cells(layout, members, words, setup, monkeypatch):
    monkeypatch.chdir(setup)
    rows = (setup / SHEET).read_text().splitlines()
    text = [f"{row}\t{'member' if number == 0 else members.get(number, '')}" for number, row in enumerate(rows)]
    (setup / SHEET).write_text("\n".join(text).replace("cells.h5ad", "cells.tar") + "\n")
    spoil(setup, DATASET, "cells.h5ad", "cells.tar")
    (setup / "data/lab/cells.h5ad").rename(setup / "data/lab/cells.tar")
    if layout != "h5ad":
        spoil(setup, DATASET, "enters_at: qc\nlayout: h5ad", f"enters_at: load\nlayout: {layout}")
        instead = "orientation: genes_by_cells" if layout == "dense_csv" else ""
        spoil(setup, DATASET, "cells: {sample: sample, cell_type: cell_type}", instead)
    (problem,) = check(setup).problems
    assert all(word in str(problem) for word in words), problem


def test_sums_name_the_column_of_samples(setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, DATASET, "enters_at: qc\nlayout: h5ad", "enters_at: pseudobulk\nlayout: pseudobulk_h5ad")
    spoil(setup, DATASET, "{sample: sample, cell_type: cell_type}", "{n_cells: n, cell_type: cell_type}")
    (problem,) = check(setup).problems
    assert "key 'cells.sample'" in str(problem)


def test_file_that_is_one_sample_as_a_whole(setup, monkeypatch):
    monkeypatch.chdir(setup)
    names = [f"S{number}.h5" for number in range(1, 9)]
    rows = (setup / SHEET).read_text().splitlines()
    text = [rows[0] + "\tmember", *(f"{row}\t".replace("cells.h5ad", f"{row[:2]}.h5") for row in rows[1:])]
    (setup / SHEET).write_text("\n".join(text) + "\n")
    facts = yaml.safe_load((setup / DATASET).read_text())
    facts |= {"enters_at": "load", "layout": "10x_h5", "source": {"path": "lab", "files": [{"name": n} for n in names]}}
    del facts["cells"]
    (setup / DATASET).write_text(yaml.safe_dump(facts))
    for name in names:
        (setup / "data/lab" / name).write_bytes(b"h5")
    assert said(setup) == ([], [])
    spoil(setup, SHEET, "S3.h5\t", "S3.h5\tlane1")
    (problem,) = check(setup).problems
    assert "line 4 (sample 'S3')" in str(problem)
    assert "found member 'lane1'; expected none, since a plain h5 is one sample" in str(problem)


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        ("url: https://example.org", "sub/cells.h5ad", ["'sub/cells.h5ad'", "only `path` may have"]),
        ("path: lab", "../lab/cells.h5ad", ["'../lab/cells.h5ad'", "expected a file name"]),
        ("path: .", "lab/cells.h5ad", []),
    ],
)
def test_folders_in_the_names_of_files(source, name, words, setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, DATASET, "path: lab", source)
    spoil(setup, DATASET, "cells.h5ad", name)
    spoil(setup, SHEET, "cells.h5ad", name)
    problems = [str(problem) for problem in check(setup).problems]
    assert len(problems) == bool(words), problems
    assert all(word in problems[0] for word in ["key 'source.files'", *words] if words), problems


LOOSE = ("{name}/matrix.mtx.gz", "{name}/features.tsv.gz", "{name}/barcodes.tsv.gz")


def write_mtx_setup(setup, files=LOOSE):
    """The set-up with eight loose matrices and no list of files; the sheet names each matrix."""
    header, *rows = [line.split("\t") for line in (setup / SHEET).read_text().splitlines()]
    for row in rows:
        for file in files:
            path = setup / "data/lab" / file.format(name=row[0])
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"")
        row[-1] = files[0].format(name=row[0])
    (setup / SHEET).write_text("".join("\t".join(row) + "\n" for row in [header, *rows]))
    facts = yaml.safe_load((setup / DATASET).read_text())
    facts |= {"enters_at": "load", "layout": "10x_mtx", "source": {"path": "lab"}}
    facts.pop("cells")
    (setup / DATASET).write_text(yaml.safe_dump(facts))


@pytest.mark.parametrize("prefix", ["{name}/", "GSM1_{name}_"])
def test_folder_of_matrices_needs_no_list_of_files(prefix, setup, monkeypatch):
    monkeypatch.chdir(setup)
    write_mtx_setup(setup, [prefix + name for name in ("matrix.mtx", "genes.tsv", "barcodes.tsv")])
    assert said(setup) == ([], [])
    # The same files may be listed; features, barcodes and the table of cells need no row of their own.
    facts = yaml.safe_load((setup / DATASET).read_text())
    folder = setup / "data/lab"
    (folder / "cells.h5ad").rename(folder / "cells.tsv")
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    facts |= {"source": {"path": "lab", "files": [{"name": name} for name in names]}, "cells": {"table": "cells.tsv"}}
    (setup / DATASET).write_text(yaml.safe_dump(facts))
    assert said(setup) == ([], [])


@pytest.mark.parametrize(
    ("removed", "words"),
    [
        ("S3/matrix.mtx.gz", ["data/lab/S3/matrix.mtx.gz", "no such file", "line 4"]),
        ("S3/features.tsv.gz", ["line 4, file 'S3/matrix.mtx.gz'", "no features beside it", "S3/genes.tsv.gz"]),
        ("S3/barcodes.tsv.gz", ["line 4, file 'S3/matrix.mtx.gz'", "no barcodes beside it", "S3/barcodes.tsv"]),
    ],
)
def test_matrix_without_its_features_or_barcodes(removed, words, setup, monkeypatch):
    monkeypatch.chdir(setup)
    write_mtx_setup(setup)
    (setup / "data/lab" / removed).unlink()
    (problem,) = check(setup).problems
    assert all(word in str(problem) for word in words), problem


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("", ["line 4 (sample 'S3')", "no file", "Fill column `file`"]),
        ("../lab/S3/matrix.mtx.gz", ["line 4", "'../lab/S3/matrix.mtx.gz'", "below data/lab"]),
        ("S3/barcodes.tsv.gz", ["'S3/barcodes.tsv.gz'", "ends in matrix.mtx", "`parts`"]),
        ("S2/matrix.mtx.gz", ["2 samples in S2/matrix.mtx.gz", "a loose matrix is one sample"]),
    ],
)
def test_sheet_names_the_files_where_no_list_does(new, words, setup, monkeypatch):
    monkeypatch.chdir(setup)
    write_mtx_setup(setup)
    spoil(setup, SHEET, "\tS3/matrix.mtx.gz", f"\t{new}")
    (problem,) = check(setup).problems
    assert all(word in str(problem) for word in words), problem


def test_two_files_for_one_part_of_a_sample(setup, monkeypatch):
    monkeypatch.chdir(setup)
    write_mtx_setup(setup)
    (setup / "data/lab/S3/genes.tsv").write_text("")
    (problem,) = check(setup).problems
    assert "found S3/features.tsv.gz and S3/genes.tsv; expected one of" in str(problem)


@pytest.mark.parametrize("file", ["cells.zip", "cells.tar.gz"])
@pytest.mark.parametrize(
    ("members", "line"),
    [
        ({1: "S1/filtered", 2: "S2/filtered"}, None),
        ({1: "S1", 2: "S2", 3: "S3*"}, None),
        ({1: "S2/filtered", 2: "S2/filtered"}, 3),
        ({1: "S1/*", 2: "S1/filtered"}, 3),
        ({1: "S3/filtered", 3: "S3"}, 4),
        ({1: "GSM1_S1.tar.gz/S1", 2: "GSM1_*"}, 3),
    ],
)
def test_members_of_an_archive_of_matrices(file, members, line, setup, monkeypatch):
    monkeypatch.chdir(setup)
    rows = (setup / SHEET).read_text().replace("cells.h5ad", file).splitlines()
    names = {0: "member", **members}
    (setup / SHEET).write_text("".join(f"{row}\t{names.get(number, '')}\n" for number, row in enumerate(rows)))
    spoil(setup, DATASET, "cells.h5ad", file)
    spoil(setup, DATASET, "enters_at: qc\nlayout: h5ad", "enters_at: load\nlayout: 10x_mtx")
    (setup / "data/lab/cells.h5ad").rename(setup / "data/lab" / file)
    problems = [str(problem) for problem in check(setup).problems]
    assert len(problems) == (line is not None), problems
    assert not problems or f"line {line} " in problems[0]
    assert not problems or "the same file and member" in problems[0]


@pytest.mark.parametrize(("value", "words"), [("90+", "'90+' for donor D1"), ("61,5", "'61,5' for donor D1")])
@pytest.mark.parametrize("line", ["S1\tD1\tALS\tF\t61", "S9\tD9\tOther\tF\t61"])
def test_covariate_of_numbers_and_others_is_refused_over_the_whole_sheet(value, words, line, setup, monkeypatch):
    """Also where the odd donor is in neither arm: which kind the covariate is must not depend on who is tested."""
    monkeypatch.chdir(setup)
    spoil(setup, CONFIG, "[sex]", "[age]")
    if "S9" in line:
        spoil(setup, SHEET, APPEND, f"{line}\t1\tA\tx\tcells.h5ad\n")
        spoil(setup, DATASET, "[ALS, Control]", "[ALS, Control, Other]")
    assert check(setup).problems == []
    spoil(setup, SHEET, line, line.replace("\t61", f"\t{value}"))
    (problem,) = check(setup).problems
    assert "covariate 'age'" in str(problem)
    assert words.replace("D1", line.split("\t")[1]) in str(problem)
    assert "numbers only, or labels only" in str(problem)


@pytest.mark.parametrize("value", ["unknown", "Not Available", "NR", "n/a", "NA", "not_reported"])
def test_covariate_that_is_not_known_is_missing(value, setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, CONFIG, "[sex]", "[age]")
    spoil(setup, SHEET, "D2\tALS\tM\t55", f"D2\tALS\tM\t{value}")
    (problem,) = check(setup).problems
    assert "covariate 'age'" in str(problem)
    assert "no value for donor D2" in str(problem)


def test_condition_that_the_allow_list_names_is_never_missing(setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, DATASET, "[ALS, Control]", "[ALS, Control, unknown]")
    spoil(setup, SHEET, APPEND, "S9\tD9\tunknown\tF\t61\t1\tA\tx\tcells.h5ad\n")
    assert check(setup).problems == []


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_columns_are_refused(name, setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, SHEET, "twin", name)
    (problem,) = check(setup).problems
    assert f"found a column '{name}'" in str(problem)


@pytest.mark.parametrize("contrast", ["als_vs_control", "other"])
def test_simulated_and_real_datasets_never_share_a_contrast(contrast, setup, monkeypatch):
    monkeypatch.chdir(setup)
    shutil.copytree(setup / "mine", setup / "made")
    edited = yaml.safe_load((setup / DATASET).read_text()) | {"id": "made", "simulated": True}
    (setup / "made/dataset.yaml").write_text(yaml.safe_dump(edited))
    arms = "{factor: condition, case: [ALS], control: [Control]}"
    spoil(setup, CONFIG, APPEND, f"  - {{id: made, folder: made, contrasts: [{contrast}]}}\n")
    spoil(setup, CONFIG, APPEND, f"contrasts: {{other: {arms}, als_vs_control: {arms}}}\n")
    problems = [str(problem) for problem in check(setup).problems]
    if contrast == "other":
        assert problems == []
        return
    (problem,) = problems
    assert "contrast 'als_vs_control': found it in 'made' (simulated) and in 'mine' (real)" in problem
    assert "two configs" in problem


def test_covariate_that_differs_within_a_donor(setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, CONFIG, "[sex]", "[batch]")
    spoil(setup, SHEET, "S8\tD8\t", "S9\tD8\tControl\tM\t52\t1\tB\tx\tcells.h5ad\nS8\tD8\t")
    (problem,) = check(setup).problems
    assert "covariate 'batch'" in str(problem)
    assert "several values within donor D8" in str(problem)


def test_dataset_with_controls_only_is_refused_in_a_contrast(setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, SHEET, "\tALS\t", "\tControl\t")
    spoil(setup, DATASET, "expected_donors: {ALS: 4, Control: 4}\n", "")
    (problem,) = check(setup).problems
    assert "no donor whose 'condition' is ALS" in str(problem)
    assert "Control (8)" in str(problem)


def test_few_donors_are_a_warning_not_a_problem(setup, monkeypatch):
    monkeypatch.chdir(setup)
    rows = (setup / SHEET).read_text().splitlines()
    (setup / SHEET).write_text("\n".join([*rows[:3], *rows[5:7]]) + "\n")
    spoil(setup, DATASET, "expected_donors: {ALS: 4, Control: 4}\n", "")
    findings = check(setup)
    assert findings.problems == []
    (warning,) = findings.warnings
    assert "2 in case and 2 in control" in warning
    assert "without p-values" in warning


def test_four_donors_in_an_arm_call_for_caution(setup, monkeypatch):
    monkeypatch.chdir(setup)
    (warning,) = check(setup).warnings
    assert "few donors, large effects only: no permutation of 4 against 4 donors can go below p = 0.029" in warning


def test_blocks_of_the_calibration_are_columns_with_one_value_a_donor(setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, CONFIG, APPEND, "calibration: {blocks: [sexx, sex]}\n")
    (problem,) = check(setup).problems
    assert "key 'calibration.blocks': found 'sexx'" in str(problem)
    assert "'sex'" in problem.mend


def test_block_that_differs_within_a_donor(setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, CONFIG, APPEND, "calibration: {blocks: [batch]}\n")
    spoil(setup, SHEET, "S8\tD8\t", "S9\tD8\tControl\tM\t52\t1\tB\tx\tcells.h5ad\nS8\tD8\t")
    (problem,) = check(setup).problems
    assert "'batch', with several values within donor D8" in str(problem)


def test_all_problems_come_at_once(setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, CONFIG, APPEND, "qualty: {}\nseed: no\n")
    spoil(setup, DATASET, "path: lab", "path: lib")
    spoil(setup, SHEET, "D2\tALS", "D2\tASL")
    text = "\n".join(map(str, check(setup).problems))
    for word in ("'qualty'", "key 'seed'", "data/lib/cells.h5ad", "condition 'ASL'"):
        assert word in text
    assert len(text.splitlines()) == 4


def test_message_names_the_config_file_that_holds_the_key(setup, monkeypatch):
    monkeypatch.chdir(setup)
    spoil(setup, CONFIG, APPEND, "qualty: {}\n")
    (problem,) = check(setup).problems
    assert plain_paths(str(problem)).startswith("config.yaml, key 'qualty': ")


def test_messages_name_files_as_the_user_knows_them():
    cached = "/home/me/.cache/snakemake/source-cache/snakemake-runtime-cache/tmp1/file/lab/als/rules/../resources/x.tsv"
    assert plain_paths(f"{cached}: found 'a'; expected b.") == "/lab/als/resources/x.tsv: found 'a'; expected b."


def test_script_prints_one_message_and_exits_with_1(setup):
    request = {
        "config": {"datasets": [{"id": "mine"}]},
        "schemas": SCHEMAS,
        "datasets": [{"info": "a/b", "sheet": "a/c"}],
    }
    script = str(ROOT / "workflow/scripts/check_inputs.py")
    answer = subprocess.run(
        [sys.executable, script], input=json.dumps(request), capture_output=True, text=True, cwd=setup
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.startswith("2 problems in the input:\n  - ")
    assert "Traceback" not in answer.stderr


def test_check_imports_nothing_heavy():
    code = "import sys; import alscell.check; print([n for n in ('numpy', 'pandas', 'scanpy') if n in sys.modules])"
    folder = ROOT / "workflow/scripts"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True)
    assert answer.stdout.strip() == "[]"
