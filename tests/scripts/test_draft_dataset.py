"""draft_dataset against a folder tree as GEO has it, served on 127.0.0.1: from an accession to loaded counts."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rehearse
from scipy import sparse

from alscell.files import read_h5ad, read_samples, sha256
from alscell.raw_layouts import tenx_h5_bytes, write_tar

ROOT = Path(__file__).resolve().parents[2]
GENES = ["MBP", "PLP1", "GFAP", "AQP4", "CSF1R", "XIST", "MT-CO1", "RPS18", "SNAP25", "CLDN5"]
MATRIX = """!Series_title\t"Cord nuclei, ALS and control"
!Series_geo_accession\t"GSE999001"
!Sample_title\t"donor A"\t"donor B"
!Sample_geo_accession\t"GSM901"\t"GSM902"
!Sample_organism_ch1\t"Homo sapiens"\t"Homo sapiens"
!Sample_characteristics_ch1\t"tissue: spinal cord"\t"tissue: spinal cord"
!Sample_characteristics_ch1\t"diagnosis: ALS"\t"diagnosis: non-neurological control"
!Sample_characteristics_ch1\t"donor id: A"\t"donor id: B"
!series_matrix_table_begin
"""


def counts_of(seed):
    drawn = np.random.default_rng(seed).poisson(np.linspace(1, 9, 30)[:, None], (30, len(GENES)))
    return sparse.csr_matrix(drawn.astype(np.int32))


@pytest.fixture
def geo(tmp_path):
    """GEO's folder of one series: a RAW.tar with two h5, its list, and the series matrix."""
    series = tmp_path / "geo" / "series" / "GSE999nnn" / "GSE999001"
    for name in ("suppl", "matrix"):
        (series / name).mkdir(parents=True)
    genes = pd.DataFrame({"gene": GENES, "gene_id": [f"ENSG{n:011d}" for n in range(len(GENES))]})
    codes = ["".join(code) for code in np.random.default_rng(0).choice(list("ACGT"), (30, 16))]
    members = [
        (f"{name}_filtered_feature_bc_matrix.h5", tenx_h5_bytes(counts_of(n), codes, genes, library=name))
        for n, name in enumerate(("GSM901_A_ALS", "GSM902_B_CTR"))
    ]
    tar = series / "suppl" / "GSE999001_RAW.tar"
    with tar.open("wb") as stream:
        write_tar(stream, members)
    rows = [
        ("Archive", tar.name, tar.stat().st_size, "TAR"),
        *(("File", name, len(data), "H5") for name, data in members),
    ]
    lines = ["#Archive/File\tName\tTime\tSize\tType"]
    lines += [f"{kind}\t{name}\t01/02/2026 10:00:00\t{size}\t{ending}" for kind, name, size, ending in rows]
    (series / "suppl" / "filelist.txt").write_text("\n".join(lines) + "\n")
    (series / "matrix" / "GSE999001_series_matrix.txt.gz").write_bytes(gzip.compress(MATRIX.encode()))
    with rehearse.served(tmp_path) as address:
        yield f"{address}/geo/series"


def draft(base, folder, accession="GSE999001"):
    script = ROOT / "workflow" / "scripts" / "draft_dataset.py"
    command = [sys.executable, str(script), accession, "--folder", str(folder), "--base", base]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += [*arguments, "--cores", "2", "--configfile", str(folder / "mine.yaml")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_from_an_accession_to_counts_and_locks(geo, tmp_path):
    done = draft(geo, tmp_path / "mine")
    assert done.returncode == 0, done.stderr
    assert "2 samples" in done.stdout
    entry = "{id: gse999001, folder: mine, contrasts: [als_vs_control]}"
    (tmp_path / "mine.yaml").write_text(f"datasets: [{entry}]\n")

    answer = snakemake(tmp_path, "check")  # asks for what GEO cannot know, and for nothing else
    output = answer.stdout + answer.stderr
    assert answer.returncode == 1
    for word in (
        "key 'system'",
        "key 'assay'",
        "key 'expected_donors'",
        "'TODO'",
        "column 'condition'): found nothing",
    ):
        assert word.replace(")", "") in output
    assert "4 problems" in output

    facts = tmp_path / "mine" / "dataset.yaml"
    text = facts.read_text().replace("system: TODO", "system: tissue").replace("assay: TODO", "assay: nuclei")
    text = text.replace("expected_donors: TODO", "expected_donors: {ALS: 1, Control: 1}")
    facts.write_text(text)
    output = snakemake(tmp_path, "check").stderr
    assert "1 problem in the input" in output
    assert "found nothing in any of 2 rows" in output

    sheet = read_samples(tmp_path / "mine" / "samples.tsv")
    assert sheet["donor"].tolist() == ["A", "B"]
    assert sheet["diagnosis"].tolist() == ["ALS", "non-neurological control"]
    sheet["condition"] = ["ALS", "Control"]
    sheet.to_csv(tmp_path / "mine" / "samples.tsv", sep="\t", index=False)
    answer = snakemake(tmp_path, "load")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    said = next(line for line in answer.stderr.splitlines() if line.startswith("gse999001, als_vs_control: case 1 (A;"))
    case, control = said.split(" against control 1 (B;")  # who is compared with whom, so that an odd one is seen
    assert "diagnosis: ALS 1" in case
    assert "diagnosis: non-neurological control 1" in control
    for seed, sample in enumerate(("GSM901", "GSM902")):
        found = read_h5ad(tmp_path / "results" / "gse999001" / "samples" / sample / "counts.h5ad")
        assert np.array_equal(found.X.toarray(), counts_of(seed).toarray())
    lock = (tmp_path / "locks" / "gse999001" / "GSE999001_RAW.tar.lock.yaml").read_text()
    assert sha256(tmp_path / "results" / "gse999001" / "raw" / "GSE999001_RAW.tar") in lock
    assert "GSM901_A_ALS_filtered_feature_bc_matrix.h5" in lock


def test_nothing_is_overwritten(geo, tmp_path):
    (tmp_path / "samples.tsv").write_text("mine")
    done = draft(geo, tmp_path)
    assert done.returncode == 1
    assert "nothing is overwritten" in done.stderr
    assert (tmp_path / "samples.tsv").read_text() == "mine"
    assert not (tmp_path / "dataset.yaml").exists()


@pytest.mark.parametrize(
    ("accession", "words"),
    [("GSE999002", ["GSE999002/suppl/", "404", "docs/own_dataset.md"]), ("GSM901", ["found 'GSM901'", "a GEO series"])],
)
def test_wrong_accession_is_one_message(geo, tmp_path, accession, words):
    done = draft(geo, tmp_path / "mine", accession)
    assert done.returncode == 1
    assert done.stderr.count("ERROR: ") == 1
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words)
    assert not (tmp_path / "mine").exists()
