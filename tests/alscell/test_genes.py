"""Symbols for Ensembl ids and ids for symbols: the shipped tables, every kind of name, and real files."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell.counts import Counts, check_counts
from alscell.errors import InputError
from alscell.files import read_gene_table
from alscell.genes import name_genes
from alscell.loading import read_labeled, read_tenx
from alscell.quality import RIBOSOMAL, n_mitochondrial_genes

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data"))
FOLDER = ROOT / "resources" / "genes"
TABLES = {name: read_gene_table(FOLDER / f"{name}.tsv") for name in ("human", "mouse")}
IDS = {
    "human": {
        "MBP": "ENSG00000197971", "SOD1": "ENSG00000142168", "TARDBP": "ENSG00000120948",
        "C9orf72": "ENSG00000147894", "XIST": "ENSG00000229807", "MT-CO1": "ENSG00000198804",
    },
    "mouse": {
        "Mbp": "ENSMUSG00000041607", "Sod1": "ENSMUSG00000022982", "Tardbp": "ENSMUSG00000041459",
        "C9orf72": "ENSMUSG00000028300", "Xist": "ENSMUSG00000086503", "mt-Co1": "ENSMUSG00000064351",
    },
}  # fmt: skip


def real(path):
    if not (REAL / path).exists():
        pytest.skip(f"real test data not at {REAL / path}; set ALSCELL_TEST_DATA")
    return REAL / path


def counts_of(genes, gene_ids=None, values=None, barcodes=("b1", "b2")):
    values = np.ones((len(barcodes), len(genes)), dtype=int) if values is None else np.asarray(values)
    ids = [""] * len(genes) if gene_ids is None else gene_ids
    names = (np.array(list(part), dtype=object) for part in (barcodes, genes, ids))
    return Counts(sp.csr_matrix(values), *names)


def name(counts, organism="human"):
    return name_genes(counts, TABLES[organism], organism=organism, where="file x, sample s")


# The shipped tables


@pytest.mark.parametrize("organism", ["human", "mouse"])
def test_tables_hold_every_id_once_and_the_genes_one_knows(organism):
    table = TABLES[organism]
    assert table.columns.tolist() == ["gene_id", "symbol"]
    assert len(table) > 40_000
    assert table["gene_id"].is_monotonic_increasing
    assert table["gene_id"].is_unique
    assert table["gene_id"].str.fullmatch({"human": r"ENSG\d{11}", "mouse": r"ENSMUSG\d{11}"}[organism]).all()
    assert not (table["symbol"].eq("") | table["symbol"].str.match(r"ENS(MUS)?G\d")).any()
    symbols = table.set_index("gene_id")["symbol"]
    assert {symbols[gene_id]: gene_id for gene_id in IDS[organism].values()} == IDS[organism]


@pytest.mark.parametrize("organism", ["human", "mouse"])
def test_quality_knows_mitochondrial_and_ribosomal_genes_of_both(organism):
    symbols = TABLES[organism]["symbol"]
    assert n_mitochondrial_genes(symbols.tolist()) == 37
    ribosomal = symbols[[bool(RIBOSOMAL.fullmatch(symbol.upper())) for symbol in symbols]]
    assert 80 <= ribosomal.nunique() <= 100
    assert not ribosomal.str.upper().str.contains("K|-PS").any()


def test_tables_are_made_again_from_downloads(tmp_path):
    """From a GTF and an export of BioMart; the pair of low confidence counts only where both have one symbol."""
    gene = 'chr1\tHAVANA\tgene\t1\t2\t.\t+\t.\tgene_id "{}"; gene_type "protein_coding"; gene_name "{}"; level 2;\n'
    human = {"ENSG00000000001.2": "AA1", "ENSG00000000002.1": "AB2", "ENSG00000000003.1": "AC3"}
    human |= {"ENSG00000000004.9": "ENSG00000000004", "ENSG00000000005.1": "TWIN", "ENSG00000000006.1": "TWIN"}
    gtf = "##comment\n" + "".join(gene.format(*pair) for pair in human.items()) + gene.replace("\tgene\t", "\texon\t")
    with gzip.open(tmp_path / "a.gtf.gz", "wt") as stream:
        stream.write(gtf)
    rows = [
        ("ENSMUSG00000000001", "Aa1", "ENSG00000000001", "ortholog_one2one", "1"),
        ("ENSMUSG00000000002", "Ab2", "ENSG00000000002", "ortholog_one2one", "0"),
        ("ENSMUSG00000000003", "Gm3", "ENSG00000000003", "ortholog_one2one", "0"),
        ("ENSMUSG00000000004", "Aa4", "ENSG00000000004", "ortholog_one2one", "1"),
        ("ENSMUSG00000000005", "Twin", "ENSG00000000005", "ortholog_one2one", "1"),
        ("ENSMUSG00000000006", "Ac3", "ENSG00000000003", "ortholog_one2many", "1"),
        ("ENSMUSG00000000007", "", "", "", ""),
    ]
    columns = ["Gene stable ID", "Gene name", "Human gene stable ID", "Human homology type"]
    columns.append("Human orthology confidence [0 low, 1 high]")
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "mart.csv", index=False)
    command = [sys.executable, FOLDER / "make_tables.py", "--human", tmp_path / "a.gtf.gz"]
    subprocess.run([*command, "--mouse", tmp_path / "mart.csv", "--to", tmp_path], check=True)
    assert read_gene_table(tmp_path / "human.tsv")["symbol"].tolist() == ["AA1", "AB2", "AC3", "TWIN", "TWIN"]
    assert read_gene_table(tmp_path / "mouse.tsv")["symbol"].tolist()[-1] == "Ac3"
    assert read_gene_table(tmp_path / "mouse_human.tsv").to_numpy().tolist() == [
        ["Aa1", "AA1", "ENSMUSG00000000001", "ENSG00000000001"],
        ["Ab2", "AB2", "ENSMUSG00000000002", "ENSG00000000002"],
    ]


# Names of a sample


@pytest.mark.parametrize("organism", ["human", "mouse"])
@pytest.mark.parametrize("ending", ["", ".7"])
def test_ids_get_symbols_and_lose_their_version(organism, ending):
    found = name(counts_of([gene_id + ending for gene_id in IDS[organism].values()]), organism)
    assert dict(zip(found.genes, found.gene_ids, strict=True)) == IDS[organism]
    assert found.notes["symbols_from"] == "gene table"
    assert found.notes["ids_from"] == "file"
    assert found.notes["n_genes_without_symbol"] == 0
    assert check_counts(found, where="x", organism=organism).genes.tolist() == list(IDS[organism])


def test_symbols_of_the_file_stay_and_their_ids_lose_the_version():
    found = name(counts_of(["MY-GENE", "GFAP", ""], ["ENSG00000197971.3", "ENSG00000131095.1", "ENSG00000000001.1"]))
    assert found.genes.tolist() == ["MY-GENE", "GFAP", ""]
    assert found.gene_ids.tolist() == ["ENSG00000197971", "ENSG00000131095", "ENSG00000000001"]
    assert found.notes["symbols_from"] == found.notes["ids_from"] == "file"
    assert found.notes["n_genes_without_symbol"] == 1
    assert found.notes["fraction_without_symbol"] == pytest.approx(1 / 3)


def test_a_name_among_ids_keeps_the_id_that_the_file_gives_it():
    ids = [*IDS["human"].values(), "ENSG00000131095"]
    found = name(counts_of([*ids[:-1], "MY-GFAP"], ids))
    assert found.genes.tolist() == [*IDS["human"], "MY-GFAP"]
    assert found.gene_ids.tolist() == ids
    assert found.notes["n_genes_without_id"] == 0


def test_symbols_get_ids_only_where_that_is_clear():
    """POLR2J3 is the symbol of two ids; GFAP is there twice, so that one of the two is not GFAP."""
    found = name(counts_of(["MBP", "POLR2J3", "NO-SUCH-GENE", "GFAP", "GFAP"]))
    assert found.gene_ids.tolist() == [IDS["human"]["MBP"], "", "", "", ""]
    assert found.notes["ids_from"] == "gene table"
    assert found.notes["n_genes_without_id"] == 4
    assert name(counts_of(["GENE1", "GENE2"])).notes["ids_from"] == "none"


def test_reads_that_no_gene_got_are_no_gene(caplog):
    found = name(counts_of(["MBP", "__no_feature", "GFAP", "N_unmapped"], values=[[1, 900, 2, 800], [3, 0, 4, 0]]))
    assert found.genes.tolist() == ["MBP", "GFAP"]
    assert found.gene_ids.tolist() == [IDS["human"]["MBP"], "ENSG00000131095"]
    assert found.matrix.toarray().tolist() == [[1, 2], [3, 4]]
    assert "no genes: __no_feature, N_unmapped" in caplog.text


def test_symbols_in_the_column_of_ids_are_no_ids():
    found = name(counts_of(["MBP", "GENE1"], ["MBP", "GENE1"]))
    assert found.gene_ids.tolist() == [IDS["human"]["MBP"], ""]
    assert (found.notes["ids_from"], found.notes["n_genes_without_id"]) == ("gene table", 1)


def test_a_gene_on_x_and_y_keeps_two_rows():
    ids = ["ENSG00000002586.20", "ENSG00000002586.20_PAR_Y", *list(IDS["human"].values())]
    found = check_counts(name(counts_of(ids)), where="x", organism="human")
    assert found.genes.tolist()[:2] == ["CD99", "CD99.ENSG00000002586_PAR_Y"]
    assert found.notes["n_genes_repeated"] == 1


def test_names_that_mean_nothing_here_are_refused():
    unknown = [f"ENSG009999999{number:02}" for number in range(7)]
    with pytest.raises(InputError, match=r"7 of 13 Ensembl ids, with 54% of the counts.*ENSG00999999900"):
        name(counts_of([*IDS["human"].values(), *unknown]))
    values = np.ones((2, 7), dtype=int)
    values[:, 6] = 50
    with pytest.raises(InputError, match=r"1 of 7 Ensembl ids, with 89% of the counts"):
        name(counts_of([*IDS["human"].values(), unknown[0]], values=values))
    with pytest.raises(InputError, match=r"numbers, transcripts or proteins \(4155, 2670"):
        name(counts_of(["4155", "2670", "MBP"]))
    with pytest.raises(InputError, match=r"transcripts.*ENST00000355972"):
        name(counts_of(["ENST00000355972.9", "ENST00000253408", "NM_001025081.2"]))
    with pytest.raises(InputError, match="Swap `symbol` and `gene_id`"):
        name(counts_of(list(IDS["human"].values()), list(IDS["human"])))


@pytest.mark.parametrize(("organism", "other"), [("human", "mouse"), ("mouse", "human")])
def test_ids_of_another_species_and_of_two_are_refused(organism, other):
    theirs, mine = list(IDS[other].values()), list(IDS[organism].values())
    with pytest.raises(InputError, match=f"6 of 6 Ensembl ids that are not of {organism}.*`organism`"):
        name(counts_of(theirs), organism)
    with pytest.raises(InputError, match=f"3 of 9 Ensembl ids that are not of {organism}"):
        name(counts_of([*mine, *theirs[:3]]), organism)
    with pytest.raises(InputError, match=f"6 of 12 Ensembl ids that are not of {organism}"):
        name(counts_of([*IDS[organism], *IDS[other]], [*mine, *theirs]), organism)


def test_a_transgene_is_kept_under_its_own_name():
    """Human SOD1 in the reference of SOD1-G93A mice: one gene of another species is no mixture."""
    ids = [*TABLES["mouse"]["gene_id"][:300], IDS["human"]["SOD1"]]
    found = name(counts_of(ids), "mouse")
    assert found.genes[-1] == IDS["human"]["SOD1"]
    assert found.notes["n_genes_without_symbol"] == 1


def test_the_genome_before_a_name_is_cut_off_unless_there_are_two():
    found = name(counts_of(["GRCh38_MBP", "GRCh38_GFAP", "EGFP"]))
    assert found.genes.tolist() == ["MBP", "GFAP", "EGFP"]
    ids = [f"mm10___{gene_id}" for gene_id in IDS["mouse"].values()]
    assert name(counts_of(ids), "mouse").genes.tolist() == list(IDS["mouse"])
    with pytest.raises(InputError, match="genes 2 of GRCh38, 1 of mm10; expected genes of human alone"):
        name(counts_of(["GRCh38_MBP", "GRCh38_GFAP", "mm10_Mbp"]))
    with pytest.raises(InputError, match="genes 1 of GRCm39; expected genes of human alone"):
        name(counts_of(["GRCm39_Mbp", "EGFP"]))


def test_swapped_axes_are_left_to_the_check_of_axes():
    swapped = counts_of(["1", "2", "3"], barcodes=list(IDS["human"].values()))
    with pytest.raises(InputError, match="names of genes where cells should be"):
        check_counts(name(swapped), where="x", organism="human")


# Files


def test_an_h5ad_of_simulated_cells_that_has_ids_only_is_the_one_with_symbols(tmp_path):
    genes = pd.read_csv(ROOT / "resources" / "simulation" / "genes.tsv", sep="\t")
    values = sp.csr_matrix(np.random.default_rng(5).poisson(0.2, (19, len(genes))).astype(np.int32))
    obs = pd.DataFrame(index=[f"cell{number}" for number in range(19)])
    anndata.AnnData(values, obs=obs, var=pd.DataFrame(index=genes["gene_id"] + ".1")).write_h5ad(tmp_path / "a.h5ad")
    empty = {"cells": {}, "symbol": "", "gene_id": "", "layer": "", "row": {}}
    found = name(read_labeled(tmp_path / "a.h5ad", member="", where="x", **empty))
    checked = check_counts(found, where="x", organism="human")
    assert checked.genes.tolist() == genes["gene"].tolist()
    assert checked.gene_ids.tolist() == genes["gene_id"].tolist()
    assert (checked.matrix != values).nnz == 0


def test_real_onek1k_counts_have_ids_only():
    path = real("onek1k_scdesignpop/example_counts.h5ad")
    empty = {"cells": {}, "symbol": "", "gene_id": "", "layer": "", "row": {}}
    found = check_counts(name(read_labeled(path, member="", where="x", **empty)), where="x", organism="human")
    assert found.matrix.shape == (7811, 1000)
    assert found.notes["symbols_from"] == "gene table"
    assert found.notes["n_genes_without_symbol"] == 50
    assert found.notes["fraction_without_symbol"] < 0.01
    assert (found.matrix != anndata.read_h5ad(path).X).nnz == 0


def test_real_tenx_h5_whose_names_are_ids():
    path = real("tenx_formats/scanpy_visium/1.0.0/filtered_feature_bc_matrix.h5")
    found = name(read_tenx(path, member="", organism="human", where="x"))
    assert found.notes["symbols_from"] == "gene table"
    assert found.notes["fraction_without_symbol"] < 0.5
