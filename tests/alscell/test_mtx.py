"""Layout 10x_mtx: three files a sample, loose or packed, against matrices written here by hand."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest

from alscell import mtx
from alscell.counts import check_counts
from alscell.errors import InputError
from alscell.loading import read_sample

# genes x cells; the last row is an antibody where types are written
VALUES = np.array([[5, 0, 1], [0, 3, 1], [2, 0, 0], [9, 9, 9]])
GENES = ["MBP", "GFAP", "TSPAN6", "CD3"]
IDS = ["ENSG00000197971", "ENSG00000131095", "ENSG00000000003", "CD3_TotalSeq"]
TYPES = ["Gene Expression"] * 3 + ["Antibody Capture"]
CELLS = ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCTA-1", "AAACCTGAGAAACGAG-1"]
V3 = ("matrix.mtx.gz", "features.tsv.gz", "barcodes.tsv.gz")
V2 = ("matrix.mtx", "genes.tsv", "barcodes.tsv")


def matrix_text(values=VALUES, *, field="integer", transpose=False, banner=None):
    values = values.T if transpose else values
    lines = [banner or f"%%MatrixMarket matrix coordinate {field} general", '%metadata_json: {"format_version": 2}']
    lines += [f"{values.shape[0]} {values.shape[1]} {np.count_nonzero(values)}"]
    lines += [f"{row + 1} {column + 1} {values[row, column]}" for row, column in np.argwhere(values)]
    return "\n".join(lines) + "\n"


def table_text(*columns, separator="\t"):
    return "".join(separator.join(row) + "\n" for row in zip(*columns, strict=True))


def sample(names=V3, *, matrix=None, features=None, barcodes=None):
    """Three files as bytes, packed if their names end in .gz."""
    texts = (
        matrix_text() if matrix is None else matrix,
        table_text(IDS, GENES, TYPES) if features is None else features,
        table_text(CELLS) if barcodes is None else barcodes,
    )
    return {
        name: gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
        for name, text in zip(names, texts, strict=True)
    }


def write(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in files]


def pack(path, files):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def packed(tmp_path, name, files):
    return pack(tmp_path / f"packing_{name}", files).read_bytes()


def below(folder, files):
    return {f"{folder}{name}": data for name, data in files.items()}


def read(path, *beside, member="s", row=None, organism="human", **facts):
    options = {"orientation": "", "parts": {}, "cells": {}, "cell_types": {}, "symbol": "", "gene_id": "", "layer": ""}
    where = "file x, sample s"
    row = row or {"donor": "", "condition": ""}
    options |= {"beside": list(beside), "row": row, "where": where, "organism": organism, **facts}
    return check_counts(read_sample(path, layout="10x_mtx", member=member, **options), where=where, organism=organism)


def loose(tmp_path, **parts):
    return read(*write(tmp_path, sample(**parts)))


def assert_is_sample(found, values=VALUES):
    assert np.array_equal(found.matrix.toarray(), values[:3].T)
    assert found.genes.tolist() == GENES[:3]
    assert found.barcodes.tolist() == CELLS


# Loose


@pytest.mark.parametrize("names", [V3, V2, ("matrix.mtx", "features.tsv", "barcodes.tsv"), ("matrix.mtx", *V3[1:])])
@pytest.mark.parametrize("prefix", ["", "GSM1_sampleA_", "outs/filtered_feature_bc_matrix/"])
def test_loose_files_of_every_version(names, prefix, tmp_path):
    found = read(*write(tmp_path, sample([f"{prefix}{name}" for name in names])))
    assert_is_sample(found)
    assert found.gene_ids.tolist() == IDS[:3]
    assert found.matrix.dtype == np.int32


def test_other_files_beside_are_ignored(tmp_path):
    files = write(tmp_path, sample())
    assert_is_sample(read(*files, *write(tmp_path, {"cells.tsv": b"cell\tlabel\n", "S2_features.tsv": b"x\n"})))


def test_matrix_that_lies_cells_by_genes_is_turned(tmp_path):
    assert_is_sample(loose(tmp_path, matrix=matrix_text(transpose=True)))


def test_square_matrix_is_taken_as_cell_ranger_writes_it(tmp_path):
    square = VALUES[:3]
    found = loose(tmp_path, matrix=matrix_text(square), features=table_text(IDS[:3], GENES[:3]))
    assert np.array_equal(found.matrix.toarray(), square.T)
    assert not np.array_equal(square, square.T)


def test_whole_numbers_written_as_real_are_counts_and_fractions_are_not(tmp_path):
    assert_is_sample(loose(tmp_path, matrix=matrix_text(VALUES.astype(float), field="real")))
    with pytest.raises(InputError, match="non-integer values"):
        loose(tmp_path, matrix=matrix_text(VALUES * 0.5, field="real"))


@pytest.mark.parametrize(
    ("features", "genes", "gene_ids"),
    [
        (table_text(GENES), GENES, [""] * 4),
        (table_text(GENES, IDS), GENES, IDS),
        (table_text(GENES, GENES), GENES, GENES),
        (table_text([f'"{name}"' for name in IDS], [f'"{name}"' for name in GENES], separator=","), GENES, IDS),
    ],
)
def test_symbols_and_ids_are_told_apart_by_their_look(features, genes, gene_ids, tmp_path):
    found = loose(tmp_path, features=features)
    assert found.genes.tolist() == genes
    assert found.gene_ids.tolist() == gene_ids


def test_one_column_of_ensembl_ids_is_read_as_ids(tmp_path):
    ids = [f"ENSG{number:011d}" for number in range(4)]
    files = [mtx.file_member(path) for path in write(tmp_path, sample(features=table_text(ids)))]
    keep, genes, gene_ids = mtx._read_features(files[1], "", "", "human", "x")
    assert (genes.tolist(), gene_ids.tolist(), keep.tolist()) == (ids, ids, [True] * 4)


def test_antibodies_alone_are_no_genes(tmp_path):
    with pytest.raises(InputError, match="3 cells x 0 genes"):
        loose(tmp_path, features=table_text(IDS, GENES, ["Antibody Capture"] * 4))


def test_third_column_that_is_no_type_is_ignored(tmp_path):
    assert loose(tmp_path, features=table_text(IDS, GENES, ["chr1"] * 4)).genes.tolist() == GENES


@pytest.mark.parametrize(("organism", "genes"), [("human", ["MBP", "GFAP"]), ("mouse", ["Mbp", "Gfap"])])
def test_two_genomes_in_one_matrix(organism, genes, tmp_path):
    ids = ["GRCh38_ENSG00000197971", "GRCh38_ENSG00000131095", "mm10___ENSMUSG00000041607", "mm10___ENSMUSG00000020932"]
    symbols = ["GRCh38_MBP", "GRCh38_GFAP", "mm10___Mbp", "mm10___Gfap"]
    files = write(tmp_path, sample(features=table_text(ids, symbols, ["Gene Expression"] * 4)))
    found = read(*files, organism=organism)
    rows = VALUES[:2] if organism == "human" else VALUES[2:]
    assert np.array_equal(found.matrix.toarray(), rows.T)
    assert found.genes.tolist() == genes
    assert all(name.startswith("ENS") for name in found.gene_ids)


# Other names, headers and labels, as GSE174332 has them

NAMES = ("counts_fil.mtx", "row_metadata.tsv", "col_metadata.tsv")
FACTS = {
    "parts": dict(zip(("matrix", "features", "barcodes"), NAMES, strict=True)),
    "symbol": "Gene",
    "cells": {"cell": "Barcode", "cell_type": "SubType", "donor": "Donor", "condition": "Group"},
}
ROWS = table_text(["Ens", *IDS], ["Gene", *GENES])
COLUMNS = {
    "Barcode": CELLS,
    "SubType": ["Oligo", "Oligo", "Micro"],
    "Donor": ["113"] * 3,
    "Group": ["SALS"] * 3,
    "Sample_ID": ["s1", "s1", "s2"],
}
CELL_ROWS = table_text(*([name, *values] for name, values in COLUMNS.items()))
ROW = {"donor": "113", "condition": "SALS"}


def renamed(names=NAMES, *, features=ROWS, barcodes=CELL_ROWS):
    return sample(names, features=features, barcodes=barcodes)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("prefix", ["", "GSM1_113_"])
def test_parts_with_headers_and_labels(ending, prefix, tmp_path):
    files = write(tmp_path, renamed([f"{prefix}{name}{ending}" for name in NAMES]))
    found = read(*files, **FACTS, row=ROW)
    assert np.array_equal(found.matrix.toarray(), VALUES.T)
    assert found.genes.tolist() == GENES
    assert found.cell_types.tolist() == ["Oligo", "Oligo", "Micro"]
    assert set(found.gene_ids) == {""}
    assert read(*files, **{**FACTS, "gene_id": "Ens"}, row=ROW).gene_ids.tolist() == IDS


def test_header_without_the_name_of_the_row_names(tmp_path):
    lines = CELL_ROWS.splitlines()
    barcodes = "\n".join([lines[0], *(f"{number}\t{line}" for number, line in enumerate(lines[1:], 1))]) + "\n"
    found = read(*write(tmp_path, renamed(barcodes=barcodes)), **FACTS, row=ROW)
    assert found.barcodes.tolist() == CELLS
    assert found.cell_types.tolist() == ["Oligo", "Oligo", "Micro"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"row": {"donor": "114", "condition": "SALS"}},
            "found Donor '113' in the data; expected '114', as in",
        ),
        ({"row": {"donor": "113", "condition": "PN"}}, "found Group 'SALS' in the data; expected 'PN'"),
        ({"symbol": "gene"}, r"no column 'gene' in row_metadata.tsv.*`symbol`.*Did you mean 'Gene'"),
        ({"gene_id": "Ensembl"}, r"no column 'Ensembl' in row_metadata.tsv.*`gene_id`"),
        ({"cells": {"cell": "Barcodes"}}, r"no column 'Barcodes' in col_metadata.tsv.*Did you mean 'Barcode'"),
        ({"cells": {"cell": "Barcode", "cell_type": "Type"}}, "no column 'Type' in col_metadata"),
        ({"symbol": ""}, r"4 x 3, with 5 features and 3 barcodes.*has a header, name its column \(`symbol`"),
        ({"cells": {}}, "4 x 3, with 4 features and 4 barcodes.*has a header"),
    ],
)
def test_parts_that_disagree_with_their_description(changes, message, tmp_path):
    files = write(tmp_path, renamed())
    with pytest.raises(InputError, match=message):
        read(*files, **{**FACTS, "row": ROW, **changes})


def test_one_matrix_of_several_samples_is_split_by_a_column(tmp_path):
    files = write(tmp_path, renamed())
    facts = {**FACTS, "cells": {"cell": "Barcode", "sample": "Sample_ID", "cell_type": "SubType"}}
    found = read(*files, **facts, member="s1")
    assert np.array_equal(found.matrix.toarray(), VALUES.T[:2])
    assert found.barcodes.tolist() == CELLS[:2]
    assert found.cell_types.tolist() == ["Oligo", "Oligo"]
    path = pack(tmp_path / "one.tar", renamed())
    assert np.array_equal(read(path, **facts, member="s2").matrix.toarray(), VALUES.T[2:])
    with pytest.raises(InputError, match=r"no cell with Sample_ID 's3'.*Valid: s1, s2"):
        read(*files, **facts, member="s3")
    # Where `member` chose the matrix, a matrix of two samples would be one with the cells of both.
    path = pack(tmp_path / "two.tar", {**below("A/", renamed()), **below("B/", renamed())})
    with pytest.raises(InputError, match="found Sample_ID s1, s2 in the matrix that `member` names; expected one"):
        read(path, **facts, member="A")


def test_column_of_samples_and_an_archive_for_each(tmp_path):
    facts = {**FACTS, "cells": {"cell": "Barcode", "sample": "Sample_ID"}}
    same, mixed = (renamed(barcodes=CELL_ROWS.replace("s2", name)) for name in ("s1", "s2"))
    files = {f"{name}.tar.gz": packed(tmp_path, f"{name}.tar.gz", found) for name, found in (("A", same), ("B", mixed))}
    path = pack(tmp_path / "RAW.tar", files)
    for member in ("A", "A*"):
        assert read(path, **facts, member=member).barcodes.tolist() == CELLS
    with pytest.raises(InputError, match="found Sample_ID s1, s2 in the matrix that `member` names"):
        read(path, **facts, member="B")


def test_columns_of_the_table_of_cells_are_not_looked_for_in_the_barcodes(tmp_path):
    cells = {"table": "cells.tsv", "cell": "cell", "cell_type": "label", "sample": "library"}
    assert_is_sample(read(*write(tmp_path, sample()), cells=cells))


# Packed


@pytest.mark.parametrize("name", ["RAW.tar", "RAW.tar.gz", "RAW.zip"])
@pytest.mark.parametrize(
    ("prefix", "members"),
    [
        ("GSM{}_sample{}_", ["GSM1_sample1", "GSM1_sample1_", "GSM1_*", "GSM1_sample1_matrix.mtx.gz"]),
        ("S{}/outs/{}/", ["S1", "S1/outs", "S1/outs/1", "S1/*", "outs/1"]),
        ("RAW/GSM{}/filtered{}.", ["GSM1", "filtered1", "GSM1/filtered1", "RAW/GSM1"]),
    ],
)
def test_samples_in_one_archive(name, prefix, members, tmp_path):
    files = {}
    for number in (1, 2, 11):
        values = VALUES * number
        files |= below(prefix.format(number, number), sample(matrix=matrix_text(values)))
    path = pack(tmp_path / name, files)
    for member in members:
        assert_is_sample(read(path, member=member))
        other = member.replace("1", "2")
        assert_is_sample(read(path, member=other), VALUES * 2)
    with pytest.raises(InputError, match=r"0 samples that fit 'GSM9'; expected one of the 3 samples of the archive"):
        read(path, member="GSM9")
    with pytest.raises(InputError, match=r"3 samples that fit '\*'.*Make it longer"):
        read(path, member="*")


@pytest.mark.parametrize("inner", ["tar.gz", "tar", "zip"])
@pytest.mark.parametrize("folder", ["", "filtered_feature_bc_matrix/"])
def test_archive_in_the_archive_for_each_sample(inner, folder, tmp_path):
    samples = {number: below(folder, sample(matrix=matrix_text(VALUES * number))) for number in (1, 2)}
    files = {f"GSM{number}_x.{inner}": packed(tmp_path, f"x.{inner}", found) for number, found in samples.items()}
    path = pack(tmp_path / "RAW.tar", files)
    for member in (f"GSM2_x.{inner}", "GSM2_x", "GSM2_*"):
        assert_is_sample(read(path, member=member), VALUES * 2)
    with pytest.raises(InputError, match="2 samples that fit"):
        read(path, member="GSM*")


@pytest.mark.parametrize("member", ["*", "GSM1_S1", "GSM1_S1.tar.gz", "filtered_feature_bc_matrix"])
def test_archive_of_one_sample(member, tmp_path):
    path = pack(tmp_path / "GSM1_S1.tar.gz", below("filtered_feature_bc_matrix/", sample()))
    assert_is_sample(read(path, member=member))
    with pytest.raises(InputError, match="0 samples that fit 'S1'"):
        read(path, member="S1")


@pytest.mark.parametrize(("organism", "factor"), [("human", 1), ("mouse", 2)])
def test_folder_of_each_genome_is_chosen_by_the_organism(organism, factor, tmp_path):
    genes = GENES if organism == "human" else [name.capitalize() for name in GENES]
    features = table_text(IDS, genes)
    files = {
        **below("S1/filtered_gene_bc_matrices/hg19/", sample(V2, features=features)),
        **below("S1/filtered_gene_bc_matrices/mm10/", sample(V2, matrix=matrix_text(VALUES * 2), features=features)),
    }
    path = pack(tmp_path / "a.tar", files)
    for member in ("S1", "S1/filtered_gene_bc_matrices"):
        assert np.array_equal(read(path, member=member, organism=organism).matrix.toarray(), VALUES.T * factor)
    # Folders of samples are never taken for genomes, whatever they are called.
    path = pack(tmp_path / "b.tar", {name.replace("filtered_gene_bc_matrices", "mice"): files[name] for name in files})
    with pytest.raises(InputError, match="2 samples that fit 'S1'"):
        read(path, member="S1", organism=organism)


def test_raw_and_filtered_are_never_mixed_up(tmp_path):
    files = {**below("S1/raw_feature_bc_matrix/", sample()), **below("S1/filtered_feature_bc_matrix/", sample())}
    path = pack(tmp_path / "a.tar", files)
    with pytest.raises(InputError, match=r"2 samples that fit 'S1' \(S1/raw_feature_bc_matrix/, S1/filtered"):
        read(path, member="S1")
    assert_is_sample(read(path, member="S1/filtered*"))


def test_renamed_parts_in_nested_archives(tmp_path):
    inner = packed(tmp_path, "x.tar.gz", below("113/", renamed()))
    path = pack(tmp_path / "GSE174332_RAW.tar", {"GSM5292123_113.tar.gz": inner})
    found = read(path, member="GSM*_113", **FACTS, row=ROW)
    assert found.cell_types.tolist() == ["Oligo", "Oligo", "Micro"]


# What is missing, damaged or no counts


@pytest.mark.parametrize("part", [1, 2])
def test_missing_companion_is_named(part, tmp_path):
    files = sample([f"S1_{name}" for name in V3])
    name = list(files)[part]
    rest = {key: value for key, value in files.items() if key != name}
    message = rf"no file with the {name.split('_')[1].split('.')[0]}; expected one of .*{name}"
    with pytest.raises(InputError, match=message):
        read(pack(tmp_path / "a.tar", rest), member="S1")
    with pytest.raises(InputError, match=message):
        read(*write(tmp_path, rest))


def test_two_forms_of_one_file_are_not_chosen_from(tmp_path):
    files = {**sample(), "genes.tsv": b"other\n"}
    with pytest.raises(InputError, match=r"found features.tsv.gz and genes.tsv; expected one of.*Remove one"):
        read(*write(tmp_path, files))


@pytest.mark.parametrize("name", ["counts.txt", "a.tar"])
def test_file_without_a_matrix(name, tmp_path):
    path = tmp_path / name
    path.write_text("x") if name == "counts.txt" else pack(path, {"S1/readme.txt": b"x"})
    with pytest.raises(InputError, match=r"no matrix.mtx; expected a matrix.mtx, or an archive with one.*`parts`"):
        read(path, member="S1")


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (matrix_text(banner="%%MatrixMarket matrix coordinate pattern general"), r"pattern general' \(which genes a"),
        (matrix_text(banner="%%MatrixMarket matrix array integer general"), "'matrix array integer general'"),
        (matrix_text(banner="%%MatrixMarket matrix coordinate integer symmetric"), "integer symmetric'; expected"),
        (matrix_text(banner="%%MatrixMarket matrix coordinate complex general"), "complex general'; expected"),
        ("gene,cell\n1,2\n", "matrix.mtx.gz, no Matrix Market file"),
        ("", "no Matrix Market file"),
        ("%%MatrixMarket matrix coordinate integer general\n%\n", "unreadable file .no sizes in its header"),
        (matrix_text().rsplit("\n", 3)[0], "unreadable file"),
        (matrix_text() + "1 2 7\n", "unreadable file"),
        (matrix_text().replace("\n1 1 5\n", "\n7 1 5\n"), "unreadable file"),
        (matrix_text().replace("\n1 1 5\n", "\n0 1 5\n"), "unreadable file"),
        (matrix_text().replace("\n1 1 5\n", "\n1 1 x\n"), "unreadable file"),
        (matrix_text().replace("\n1 1 5\n", "\n1 3 1\n"), "1 values of matrix.mtx.gz more than once"),
        (matrix_text().replace("\n1 1 5\n", "\n1 1 -5\n"), "negative values"),
        (matrix_text(VALUES[:, :2]), "a matrix of 4 x 2, with 4 features and 3 barcodes"),
        (matrix_text(VALUES[:2]), "a matrix of 2 x 3, with 4 features and 3 barcodes"),
    ],
)
def test_matrix_that_is_none(matrix, message, tmp_path):
    with pytest.raises(InputError, match=message):
        loose(tmp_path, matrix=matrix)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ("4 3 999999999999", "999,999,999,999 values in the header of a matrix of 4 x 3"),
        ("3000000000 3000000000 8", "a matrix of 3000000000 x 3000000000, with 4 features and 3 barcodes"),
        ("99999999999999999999 3 8", "a matrix of 99999999999999999999 x 3"),
    ],
)
def test_header_that_asks_for_all_memory_is_refused_before_the_matrix_is_read(sizes, message, tmp_path, monkeypatch):
    monkeypatch.setattr("scipy.io.mmread", lambda *_args, **_options: pytest.fail("the matrix was read"))
    with pytest.raises(InputError, match=message):
        loose(tmp_path, matrix=matrix_text().replace("4 3 8", sizes))


def test_more_values_than_the_file_has_bytes_for(tmp_path, monkeypatch):
    n_cells = 100_000
    barcodes = "".join(f"{number:018d}\n" for number in range(n_cells))
    matrix = f"%%MatrixMarket matrix coordinate integer general\n4 {n_cells} {4 * n_cells}\n1 1 1\n"
    monkeypatch.setattr("alscell.archives.FREE_BYTES", 2**20)
    monkeypatch.setattr("scipy.io.mmread", lambda *_args, **_options: pytest.fail("the matrix was read"))
    with pytest.raises(InputError, match=r"400,000 values in the header of a matrix of 4 x 100,000 and \d+ bytes"):
        loose(tmp_path, matrix=matrix, barcodes=barcodes)


def test_matrix_that_unpacks_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("alscell.archives.FREE_BYTES", 2**20)
    with pytest.raises(InputError, match=r"matrix\.mtx\.gz, which unpacks to more than"):
        loose(tmp_path, matrix=matrix_text() + "\n" * 2**24)


def test_table_that_unpacks_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("alscell.mtx.MAX_TABLE", 2**20)
    with pytest.raises(InputError, match=r"more than 1,048,576 bytes in barcodes\.tsv\.gz"):
        loose(tmp_path, barcodes="x\n" * 2**20)


@pytest.mark.parametrize("part", range(3))
def test_gzip_that_is_cut_off(part, tmp_path):
    rng = np.random.default_rng(3)
    values = rng.poisson(0.5, (4, 3000))
    cells = ["".join(rng.choice(list("ACGT"), 16)) + f"-{number}" for number in range(3000)]
    files = sample(matrix=matrix_text(values), barcodes=table_text(cells))
    assert read(*write(tmp_path, files)).matrix.shape == (3000, 3)
    name = V3[part]
    files[name] = files[name][: len(files[name]) // 2]
    with pytest.raises(InputError, match=r"unreadable file.*broken or cut off"):
        read(*write(tmp_path, files))


def test_header_with_uneven_rows(tmp_path):
    barcodes = CELL_ROWS.replace("\tMicro\t", "\t")
    with pytest.raises(InputError, match=r"4 fields in line 4 of col_metadata.tsv; expected 5, as in its header"):
        read(*write(tmp_path, renamed(barcodes=barcodes)), **FACTS, row=ROW)


def test_rows_that_end_in_a_separator_do_not_shift_labels(tmp_path):
    barcodes = "cell\tlabel\tage\n" + "".join(f"{cell}\topc\t61\t\n" for cell in CELLS)
    with pytest.raises(InputError, match=r"4 fields in line 2 of barcodes.tsv.gz; expected 3, as in its header"):
        read(*write(tmp_path, sample(barcodes=barcodes)), cells={"cell_type": "label"})


def test_a_feature_without_its_type_does_not_make_genes_of_antibodies(tmp_path):
    features = table_text(IDS, GENES, TYPES).replace("GFAP\tGene Expression", "GFAP")
    with pytest.raises(InputError, match=r"2 fields in line 2 of features.tsv.gz; expected 3, as in its first line"):
        loose(tmp_path, features=features)
