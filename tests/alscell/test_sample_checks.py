"""Sex by counts, and libraries that go in twice: planted here by hand, and measured on real donors."""

import os
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from alscell import sample_checks as checks
from alscell.counts import Counts
from alscell.errors import InputErrors
from alscell.figures_samples import draw_sex
from alscell.loading import loaded_table
from alscell.report_text import identity_lines
from alscell.tables import check_table, empty_table

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("ALSCELL_TEST_DATA", ROOT.parent / "shared" / "data"))
SEX = ["XIST", *checks.SEX_GENES["human"][1]]
GENES = np.array([*SEX, *(f"GENE{i}" for i in range(800))], dtype=object)
IDS = np.array([""] * len(GENES), dtype=object)
# Counts a million of XIST and of each Y gene, about those of the real donors below.
PROFILE = {"F": (900, 1), "M": (2, 80), "none": (1, 0), "both": (500, 40)}


def real(path):
    if not (REAL / path).exists():
        pytest.skip(f"real test data not at {REAL / path}; set ALSCELL_TEST_DATA")
    return anndata.read_h5ad(REAL / path)


def draw(seed, *, sex="F", n_cells=200, depth=1500):
    """Counts of one library (cells x GENES) and its barcodes."""
    rng = np.random.default_rng(seed)
    xist, y = PROFILE[sex]
    share = rng.gamma(1, 1, len(GENES))
    share[: len(SEX)] = 0
    share *= (1 - 1e-6 * (xist + 7 * y)) / share.sum()
    share[: len(SEX)] = 1e-6 * np.array([xist, *[y] * 7])
    barcodes = ["".join(letters) + "-1" for letters in rng.choice(list("ACGT"), (n_cells, 16))]
    return sp.csr_matrix(rng.poisson(depth * share, (n_cells, len(GENES))).astype(np.int32)), np.array(barcodes)


def cells_of(name, matrix, barcodes, genes=GENES, ids=IDS):
    columns = {"sample": name, "barcode": barcodes, "fingerprint": checks.fingerprints(matrix, genes, ids)}
    return pd.DataFrame(columns).assign(n_genes=np.diff(matrix.indptr))


def loaded_of(name, matrix, genes=GENES):
    read = Counts(matrix, np.arange(matrix.shape[0]), genes, np.array([""] * len(genes), dtype=object))
    return loaded_table(read, sample=name).assign(**checks.sex_counts(matrix, genes, "human"))


def compare(libraries, sheet=None):
    """Tables `sample_checks` and `sample_pairs` of libraries {sample: (matrix, barcodes)}; donors are d_<sample>."""
    sheet = {name: {"donor": f"d_{name}", "condition": "ALS"} | (sheet or {}).get(name, {}) for name in libraries}
    cells = checks.identity_of(pd.concat([cells_of(name, *library) for name, library in libraries.items()]))
    donors = {name: row["donor"] for name, row in sheet.items()}
    pairs = checks.compare_pairs(cells, donors, dataset="d")
    pairs = check_table(pairs, "sample_pairs") if len(pairs) else empty_table("sample_pairs")
    loaded = pd.concat([loaded_of(name, library[0]) for name, library in libraries.items()], ignore_index=True)
    table = checks.check_samples(loaded, cells, pairs, sheet, dataset="d")
    return check_table(table, "sample_checks"), pairs


def rows(table):
    return table.set_index("sample").to_dict("index")


def test_fingerprint_depends_on_genes_and_counts_alone():
    matrix, _ = draw(1, n_cells=2500)  # more than one block
    prints = checks.fingerprints(matrix, GENES, IDS)
    assert prints.dtype == np.uint64
    assert len(set(prints)) == 2500
    order = np.random.default_rng(2).permutation(len(GENES))
    wide = sp.hstack([matrix[:, order], sp.csr_matrix((2500, 3), dtype=np.int32)]).tocsr()
    genes = np.concatenate([GENES[order], ["NEW1", "NEW2", "NEW3"]])
    assert (checks.fingerprints(wide, genes, np.array([""] * len(genes))) == prints).all()
    assert (checks.fingerprints(matrix[::-1].tocsr(), GENES, IDS) == prints[::-1]).all()
    one_more = matrix.copy()
    one_more.data[0] += 1
    assert np.flatnonzero(checks.fingerprints(one_more, GENES, IDS) != prints).tolist() == [0]


def test_fingerprint_tells_apart_what_sums_alike():
    genes, ids = np.array(["A", "B"], dtype=object), np.array(["", ""], dtype=object)
    prints = checks.fingerprints(sp.csr_matrix(np.array([[1, 2], [2, 1], [3, 0], [0, 3], [0, 0]])), genes, ids)
    assert len(set(prints)) == 5
    assert prints[4] == 0


def test_fingerprint_takes_no_notice_which_of_two_genes_of_a_symbol_comes_first():
    one = checks.fingerprints(
        sp.csr_matrix([[4, 7]]), np.array(["TSPAN6", "TSPAN6.ENSG2"]), np.array(["ENSG1", "ENSG2"])
    )
    two = checks.fingerprints(
        sp.csr_matrix([[7, 4]]), np.array(["TSPAN6", "TSPAN6.ENSG1"]), np.array(["ENSG2", "ENSG1"])
    )
    assert one == two


@pytest.mark.parametrize(
    ("n_counts", "xist", "y", "sex"),
    [
        (1e6, 900, 8, "F"),
        (1e6, 6, 500, "M"),
        (1e6, 400, 300, "mixed"),
        (1e6, 2, 3, "unclear"),  # XIST eroded, or Y lost: never M
        (1e6, 49, 600, "M"),
        (1e6, 51, 600, "mixed"),
        (19_999, 14, 0, "unclear"),
        (30_000, 21, 0, "F"),
        (30_000, 0, 4, "unclear"),
        (1e6, None, 500, "unclear"),
        (1e6, 900, None, "unclear"),
        (0, 0, 0, "unclear"),
    ],
)
def test_sex_of_counts(n_counts, xist, y, sex):
    assert checks.infer_sex(n_counts, xist, y) == sex


def test_genes_that_are_not_there_are_not_zero():
    matrix = sp.csr_matrix(np.array([[3, 4], [5, 0]]))
    assert checks.sex_counts(matrix, np.array(["XIST", "ACTB"]), "human") == {"counts_xist": 8.0, "counts_y": None}
    assert checks.sex_counts(matrix, np.array(["Uty", "Ddx3y"]), "mouse") == {"counts_xist": None, "counts_y": 12.0}


def test_a_swap_is_seen_and_right_rows_are_quiet():
    sexes = {"a": "F", "b": "M", "c": "F", "d": "M"}
    sheet = {"a": {"sex": "F"}, "b": {"sex": "female"}, "c": {"sex": "Male"}, "d": {"sex": "m"}}
    table, pairs = compare({name: draw(i, sex=sex) for i, (name, sex) in enumerate(sexes.items())}, sheet)
    found = rows(table)
    assert {name: row["sex_agrees"] for name, row in found.items()} == {"a": "yes", "b": "no", "c": "no", "d": "yes"}
    assert {name for name, row in found.items() if row["flagged"]} == {"b", "c"}
    assert found["b"]["notes"] == "declared female, but its counts are of M: a swap?"
    assert pd.isna(found["a"]["notes"])
    assert pairs.empty
    lines = identity_lines(table, pairs)
    assert lines == [f"{name} (donor d_{name}): {found[name]['notes']}" for name in ("b", "c")]


def test_two_donors_in_a_sample_and_lost_xist():
    sheet = {"both": {"sex": "M"}, "none": {"sex": "F"}, "F": {"sex": "unknown"}}
    found = rows(compare({name: draw(i, sex=name) for i, name in enumerate(sheet)}, sheet)[0])
    assert (found["both"]["inferred_sex"], found["both"]["sex_agrees"]) == ("mixed", "no")
    assert "two donors in one sample or a swap" in found["both"]["notes"]
    assert (found["none"]["inferred_sex"], found["none"]["sex_agrees"]) == ("unclear", "not known")
    assert not found["none"]["flagged"]
    assert found["F"]["sex_agrees"] == "not known"
    assert "'unknown' is not compared" in found["F"]["notes"]


def test_two_sexes_in_one_donor_are_flagged_without_a_sheet_that_says_sex():
    sheet = {"a": {"donor": "p"}, "b": {"donor": "p"}}
    found = rows(compare({"a": draw(1, sex="F"), "b": draw(2, sex="M"), "c": draw(3, sex="M")}, sheet)[0])
    assert [found[name]["flagged"] for name in "abc"] == [True, True, False]
    assert "samples of this donor differ in sex" in found["a"]["notes"]


def test_a_library_under_another_name_with_other_barcodes_stops_the_run():
    matrix, barcodes = draw(1)
    other = np.array([f"cell_{i}" for i in range(200)])
    libraries = {"a": (matrix, barcodes), "b": (matrix[::-1].tocsr(), other), "c": draw(3)}
    table, pairs = compare(libraries)
    pair = pairs.iloc[0]
    assert len(pairs) == 1
    assert (pair["sample_1"], pair["sample_2"], pair["verdict"], pair["n_identical"]) == ("a", "b", "same cells", 200)
    assert pair["counted_twice"]
    assert pd.isna(pair["n_shared_barcodes"])
    assert rows(table)["b"]["notes"] == "same cells: a (donor d_a)"
    with pytest.raises(InputErrors) as error:
        checks.refuse_counted_twice(pairs, where="samples.tsv")
    message = str(error.value)
    assert "200 cells (100% of the smaller sample) the same, count for count" in message
    assert "'a' (donor d_a) and 'b' (donor d_b)" in message
    assert "allow_shared_cells: true" in message
    assert identity_lines(table, pairs)[0].startswith("ONE LIBRARY COUNTS FOR TWO DONORS: a (donor d_a) and b (")


def test_half_a_library_is_overlap():
    (matrix, barcodes), (more, others) = draw(1), draw(2)
    half = (sp.vstack([matrix[:100], more[:100]]).tocsr(), np.concatenate([barcodes[:100], others[:100]]))
    pairs = compare({"a": (matrix, barcodes), "b": half})[1]
    assert pairs[["verdict", "n_identical", "fraction_identical"]].to_numpy().tolist() == [
        ["overlapping cells", 100, 0.5]
    ]
    assert pairs["n_shared_barcodes"].iloc[0] == 100
    assert pairs["counted_twice"].iloc[0]


def test_one_cell_in_two_samples_is_shown_and_stops_nothing():
    (matrix, barcodes), (more, others) = draw(1), draw(2)
    pairs = compare({"a": (matrix, barcodes), "b": (sp.vstack([matrix[:1], more[1:]]).tocsr(), others)})[1]
    assert pairs["verdict"].tolist() == ["a few identical cells"]
    checks.refuse_counted_twice(pairs, where="samples.tsv")


def test_one_donor_twice_is_flagged_and_no_error():
    library = draw(1)
    table, pairs = compare({"a": library, "b": library}, {"a": {"donor": "p"}, "b": {"donor": "p"}})
    assert pairs["verdict"].tolist() == ["same cells"]
    assert not pairs["counted_twice"].any()
    assert table["flagged"].all()
    checks.refuse_counted_twice(pairs, where="samples.tsv")


def test_the_same_cells_sequenced_again_are_known_by_their_barcodes():
    (one, barcodes), (two, _) = draw(1), draw(2)
    pairs = compare({"a": (one, barcodes), "b": (two, barcodes)})[1]
    assert pairs[["verdict", "n_identical", "n_shared_barcodes"]].to_numpy().tolist() == [
        ["more shared barcodes than chance", 0, 200]
    ]
    assert pairs["n_expected_barcodes"].iloc[0] == pytest.approx(200 * 200 / checks.BARCODES_16)
    assert not pairs["counted_twice"].any()


def test_barcodes_shared_by_chance_are_not_flagged():
    """Two libraries of 3,000 cells from one list of 736,320: about 12 shared; from a list of 30,000: about 300."""
    rng = np.random.default_rng(0)
    letters = np.array(list("ACGT"))

    def barcodes(size):
        picked = rng.choice(size, 3000, replace=False)
        return ["".join(letters[(number // 4 ** np.arange(16)) % 4]) for number in picked]

    def pairs_of(size):
        parts = [
            pd.DataFrame({"sample": name, "barcode": barcodes(size), "fingerprint": np.arange(3000) + 3000 * i})
            for i, name in enumerate("ab")
        ]
        return checks.compare_pairs(
            checks.identity_of(pd.concat(parts).assign(n_genes=500)), {"a": "p", "b": "q"}, dataset="d"
        )

    assert len(pairs_of(736_320)) == 0
    assert pairs_of(30_000)["verdict"].tolist() == ["more shared barcodes than chance"]


def test_a_short_list_of_barcodes_is_seen_in_all_samples_and_a_duplicate_still_stands_out():
    """Five libraries of 500 cells from a list of 9,072 (28 shared by a pair, 0.3 expected else), and one again."""
    rng, letters = np.random.default_rng(0), np.array(list("ACGT"))
    words = ["".join(letters[(number // 4 ** np.arange(16)) % 4]) for number in range(9_072)]
    names = {name: rng.choice(words, 500, replace=False) for name in "abcde"} | {"f": None}
    names["f"] = names["a"]
    parts = [
        pd.DataFrame({"sample": name, "barcode": own, "fingerprint": np.arange(500) + 500 * i, "n_genes": 500})
        for i, (name, own) in enumerate(names.items())
    ]
    pairs = checks.compare_pairs(checks.identity_of(pd.concat(parts)), {name: name for name in "abcdef"}, dataset="d")
    assert pairs[["sample_1", "sample_2", "n_shared_barcodes"]].to_numpy().tolist() == [["a", "f", 500]]


@pytest.mark.parametrize("name", ["{}", "cell_{}", "A{}", "plate1_B{}", "GATTACAGATTACA_{}"])
def test_names_that_are_no_barcodes_share_nothing(name):
    names = np.array([name.format(i) for i in range(200)])
    assert compare({"a": (draw(1)[0], names), "b": (draw(2)[0], names)})[1].empty


def test_cells_of_few_genes_are_not_compared():
    matrix = sp.csr_matrix(np.tile(np.eye(len(GENES), dtype=np.int32)[10] * 2, (50, 1)))
    library = (matrix, np.array([f"cell{i}" for i in range(50)]))
    table, pairs = compare({"a": library, "b": library})
    assert pairs.empty
    assert (table["n_cells_compared"] == 0).all()
    assert table["notes"].str.contains("no cell has 100 genes").all()
    assert table["notes"].str.contains("too few counts").all()


def test_a_sample_that_is_cut_off_and_one_that_repeats_itself_say_so():
    matrix, barcodes = draw(1)
    small = draw(4)
    libraries = {"a": (matrix, barcodes), "b": draw(2), "c": draw(3), "cut": (small[0][:20], small[1][:20])}
    libraries["twice"] = (sp.vstack([matrix[:3]] * 2).tocsr(), np.array([f"x{i}" for i in range(6)]))
    found = rows(compare(libraries)[0])
    assert "0.1 times the median number of cells" in found["cut"]["notes"]
    assert found["twice"]["n_cells_repeated"] == 3
    assert "3 cells repeat others" in found["twice"]["notes"]
    assert pd.isna(found["b"]["notes"])


def test_order_of_samples_and_cells_changes_nothing():
    libraries = {"a": draw(1), "b": draw(1), "c": draw(2, sex="M")}
    shuffled = {}
    for name in ("c", "b", "a"):
        order = np.random.default_rng(5).permutation(200)
        shuffled[name] = (libraries[name][0][order].tocsr(), libraries[name][1][order])
    for one, two in zip(compare(libraries), compare(shuffled), strict=True):
        pd.testing.assert_frame_equal(one, two)


def test_figure_shows_every_sample_and_none_without_the_genes():
    table, _ = compare({"a": draw(1, sex="F"), "b": draw(2, sex="M")}, {"a": {"sex": "M"}, "b": {"sex": "M"}})
    figure, drawn = draw_sex(table, stamp="")
    assert drawn["sample"].tolist() == ["a", "b"]
    texts = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert "a" in texts
    assert "b" not in texts
    figure, _ = draw_sex(table.assign(y_per_million=np.nan), stamp="")
    assert "not among the genes" in figure.axes[0].texts[0].get_text()


def sexes_of(data, column):
    """XIST and Y per million, and sex, by the values of a column of obs."""
    found = {}
    for name, places in data.obs.groupby(data.obs[column].astype(str)).indices.items():
        matrix = sp.csr_matrix(data.X[places])
        counts, total = checks.sex_counts(matrix, data.var_names.to_numpy(), "human"), matrix.sum()
        xist, y = counts["counts_xist"], counts["counts_y"]
        found[name] = (1e6 * xist / total, 1e6 * y / total, checks.infer_sex(total, xist, y))
    return pd.DataFrame(found, index=["xist", "y", "sex"]).T


def test_real_donors_of_velmeshev_fall_into_two_groups_far_apart():
    found = sexes_of(real("velmeshev_asd_pfc/velmeshev_pfc_3celltypes_counts.h5ad"), "donor")
    assert found["sex"].value_counts().to_dict() == {"M": 17, "F": 6}
    men, women = found[found["sex"] == "M"], found[found["sex"] == "F"]
    assert men["xist"].max() < 7 < 700 < women["xist"].min()
    assert women["y"].max() < 17 < 400 < men["y"].min()


def test_real_donors_of_gse174332_agree_with_the_sex_given():
    data = real("als_gse174332_pseudobulk/als_gse174332_pseudobulk_broad.h5ad")
    given = data.obs.astype(str).drop_duplicates("sample").set_index("sample")["sex_inferred"]
    found = sexes_of(data, "sample")["sex"]
    assert len(given) == 12
    assert found.to_dict() == given.to_dict()


def test_real_blood_of_one_man_and_cells_whose_y_genes_were_left_out():
    blood = real("pbmc4k_soupx/pbmc_counts.h5ad")
    assert sexes_of(blood.copy(), "annotation").query("sex != 'M'").empty
    kang = real("kang_ifnb/kang_harmony_subset_counts.h5ad")
    counts = checks.sex_counts(sp.csr_matrix(kang.X), kang.var_names.to_numpy(), "human")
    assert counts["counts_y"] is None
    assert checks.infer_sex(kang.X.sum(), *counts.values()) == "unclear"


def real_samples():
    data = real("velmeshev_asd_pfc/velmeshev_pfc_3celltypes_counts.h5ad")
    matrix, genes = sp.csr_matrix(data.X).astype(np.int32), data.var_names.to_numpy()
    ids = np.array([""] * len(genes))
    samples = data.obs["sample"].astype(str).to_numpy()
    cells = cells_of("", matrix, data.obs_names.to_numpy(), genes, ids).assign(sample=samples)
    donors = dict(zip(samples, data.obs["donor"].astype(str), strict=True))
    return cells, donors


def test_real_samples_share_no_cell_and_no_more_barcodes_than_chance():
    cells, donors = real_samples()
    assert len(cells) == 6111
    assert cells["fingerprint"].is_unique
    found = checks.identity_of(cells)
    assert (found["nucleotides"].str.len() == 16).all()
    assert len(checks.compare_pairs(found, donors, dataset="d")) == 0


def test_a_real_sample_under_a_second_name_is_found():
    cells, donors = real_samples()
    own = cells[cells["sample"] == cells["sample"].mode()[0]]
    again = own.assign(sample="copy", barcode=[str(i) for i in range(len(own))])
    pairs = checks.compare_pairs(checks.identity_of(pd.concat([cells, again])), donors | {"copy": "new"}, dataset="d")
    assert pairs[["verdict", "n_identical", "counted_twice"]].to_numpy().tolist() == [["same cells", len(own), True]]
