"""Is a sample who its row says it is: sex by XIST and Y genes, and cells that two samples share.

A library that goes in under two donors is one donor counted twice; a swapped tube moves a donor to the other arm.
Neither leaves a trace in a p value, so both are looked for here, in counts and barcodes alone.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from alscell.errors import InputError, InputErrors
from alscell.keys import BARCODE, CONDITION, DATASET, DONOR, SAMPLE

# SOURCE: Staedtler 2013 (doi:10.3109/1354750X.2013.811538) for XIST and RPS4Y1, EIF1AY, DDX3Y, KDM5D; the others are
# single-copy genes of the male-specific region with expression in most tissues (Skaletsky 2003,
# doi:10.1038/nature01722). NOTE: NLGN4Y, PCDH11Y and TTTY14 are left out: in six women of PRJNA434002 they have
# up to 35, 44 and 12 counts per million, reads of X homologs or repeats (Olney 2020, doi:10.1186/s13293-020-00312-9).
SEX_GENES = {
    "human": ("XIST", ("DDX3Y", "EIF1AY", "KDM5D", "RPS4Y1", "USP9Y", "UTY", "ZFY")),
    "mouse": ("Xist", ("Ddx3y", "Eif2s3y", "Kdm5d", "Uty")),
}
# ASSUME: a sex is present from 50 per million on. SOURCE: 23 donors of PRJNA434002 and 12 of GSE174332: XIST 0 to 6 in
# men, 715 to 1,419 in women; Y genes 419 to 838 in men, 0 to 16 in women (docs/methods.md).
MIN_PER_MILLION = 50
MIN_SEX_COUNTS = 5  # ASSUME: fewer counts of XIST or Y genes prove nothing
MIN_COUNTS = 20_000  # ASSUME: 8 counts of Y genes in the man who has least, 14 of XIST in the woman; below, unclear
FEMALE, MALE, MIXED, UNCLEAR = "F", "M", "mixed", "unclear"
DECLARED = {"f": FEMALE, "female": FEMALE, "woman": FEMALE, "m": MALE, "male": MALE, "man": MALE}
YES, NO, NOT_KNOWN = "yes", "no", "not known"

# ASSUME: two cells of 100 genes are never alike by chance, two of a handful may be. SOURCE: no two of 6,111 nuclei
# (PRJNA434002), 2,170, 2,000 and 7,811 blood cells (SoupX, GSE96583, OneK1K) have the same counts, down to 18 genes.
MIN_GENES = 100
SAME, OVERLAP = 0.9, 0.01  # ASSUME: shares of the smaller sample's cells; fewer than 1 % are shown, but change no test
# SOURCE: smallest list of barcodes in use: 736,320 of 16 letters (10x Multiome; 3' v2 has 737,280), else 147,456
# (inDrop, 384 x 384). The smallest expects most to be shared by chance.
BARCODES_16, BARCODES_OTHER = 736_320, 147_456
MIN_PAIRS = 10  # of samples, from which on their median says how many barcodes are shared (10x LT: a list of 9,072)
NUCLEOTIDES = r"([ACGT]{12,})"
MIN_NUCLEOTIDES = 0.9  # share of a sample's barcodes that must be nucleotides; numbers and well names are not compared
# ASSUME: chance is exceeded at three times the number expected and 10: lists are not drawn from quite evenly.
TIMES_EXPECTED, MORE_THAN = 3, 10
FEW_CELLS, SIBLINGS = 0.2, 3  # ASSUME: a fifth of the median over at least 3 samples may be a file that is cut off

VERDICTS = ("same cells", "overlapping cells", "a few identical cells", "more shared barcodes than chance")
_BLOCK = 2_000  # cells of which fingerprints are mixed at once
_LOST = ("n_cells_unlisted", "n_genes_without_id", "n_genes_without_symbol", "n_genes_dated", "n_genes_merged")


def fingerprints(matrix: sp.csr_matrix, genes: np.ndarray, gene_ids: np.ndarray) -> np.ndarray:
    """A number for each cell that depends on its genes and their counts alone: equal cells, equal numbers.

    Neither the order of genes, nor genes without a count, nor the barcode change it. Each count is mixed with the hash
    of its gene's name, and the mixes are summed modulo 2^64.

    Parameters
    ----------
    matrix : csr_matrix, shape (n_cells, n_genes)
        Integers, without stored zeros.
    genes, gene_ids : ndarray, shape (n_genes,)
        '<symbol>.<gene id>', the second gene of a symbol, counts as <symbol>: which comes second is chance.

    Returns
    -------
    ndarray of uint64, shape (n_cells,)
    """
    names = [
        str(gene).removesuffix(f".{gene_id}") if gene_id else str(gene)
        for gene, gene_id in zip(genes, gene_ids, strict=True)
    ]
    hashes = np.array([_hash(name) for name in names], dtype=np.uint64)
    out = np.zeros(matrix.shape[0], dtype=np.uint64)
    for start in range(0, matrix.shape[0], _BLOCK):
        ends = matrix.indptr[start : start + _BLOCK + 1]
        part = slice(ends[0], ends[-1])
        mixed = _mix(hashes[matrix.indices[part]], matrix.data[part].astype(np.uint64))
        sums = np.concatenate([[np.uint64(0)], np.cumsum(mixed, dtype=np.uint64)])  # wraps around, as it should
        out[start : start + len(ends) - 1] = sums[ends[1:] - ends[0]] - sums[ends[:-1] - ends[0]]
    return out


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def _mix(hashes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Hash and count as one number. SOURCE: finalizer of SplitMix64 (Steele 2014, doi:10.1145/2714064.2660195)."""
    mixed = hashes + counts * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def sex_counts(matrix: sp.csr_matrix, genes: np.ndarray, organism: str) -> dict[str, float | None]:
    """Counts of XIST and of the Y genes in a sample; None where no such gene is in its table of genes."""
    columns: dict[str, tuple[str, ...]] = {"counts_xist": (SEX_GENES[organism][0],), "counts_y": SEX_GENES[organism][1]}
    found = {name: np.flatnonzero(np.isin(genes.astype(str), wanted)) for name, wanted in columns.items()}
    return {name: float(matrix[:, places].sum()) if len(places) else None for name, places in found.items()}


def infer_sex(n_counts: float, counts_xist: float | None, counts_y: float | None) -> str:
    """F, M, mixed or unclear. Y genes make a man, XIST without them a woman, both two people; neither is unclear.

    NOTE: never M for want of XIST: iPSC lines of women lose it, and men lose the Y chromosome.
    """
    if pd.isna(counts_xist) or pd.isna(counts_y) or n_counts < MIN_COUNTS:
        return UNCLEAR
    has = {
        name: value >= MIN_SEX_COUNTS and 1e6 * value / n_counts >= MIN_PER_MILLION
        for name, value in (("xist", counts_xist), ("y", counts_y))
    }
    if has["xist"] and has["y"]:
        return MIXED
    if not has["xist"] and not has["y"]:
        return UNCLEAR
    return FEMALE if has["xist"] else MALE


def identity_of(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells with the nucleotides of their barcode, and what may be compared between samples.

    Parameters
    ----------
    cells : DataFrame
        sample, barcode, fingerprint, n_genes; one row a cell.

    Returns
    -------
    DataFrame
        sample; fingerprint; compared: enough genes; nucleotides: '' where the sample's barcodes are none.
    """
    letters = cells[BARCODE].astype("str").str.upper().str.extract(NUCLEOTIDES, expand=False).fillna("")
    named = letters.ne("").groupby(cells[SAMPLE]).transform("mean") >= MIN_NUCLEOTIDES
    out = cells[[SAMPLE, "fingerprint"]].assign(compared=cells["n_genes"] >= MIN_GENES)
    return out.assign(nucleotides=letters.where(named, ""))


def compare_pairs(cells: pd.DataFrame, donors: dict[str, str], *, dataset: str) -> pd.DataFrame:
    """Pairs of samples that share cells, or more barcodes than chance: rows of the table `sample_pairs`.

    Parameters
    ----------
    cells : DataFrame
        As `identity_of` returns it, all samples of a dataset.
    donors : dict
        Donor of each sample.
    """
    compared, named = cells[cells["compared"]], cells[cells["nucleotides"] != ""]
    identical, n_compared = _shared(compared, "fingerprint"), _distinct(compared, "fingerprint")
    barcodes, n_named = _shared(named, "nucleotides"), _distinct(named, "nucleotides")
    chance = _chance(named, barcodes, n_named)
    rows = []
    for pair in sorted(identical.keys() | barcodes.keys()):
        one, two = pair
        n_identical, n_shared = identical.get(pair, 0), barcodes.get(pair, 0)
        fraction = n_identical / min(n_compared[one], n_compared[two]) if n_identical else 0.0
        comparable = one in n_named and two in n_named
        expected = n_named[one] * n_named[two] * max(chance[one], chance[two]) if comparable else None
        verdict = _verdict(n_identical, fraction, n_shared, expected)
        if verdict:
            row = {DATASET: dataset, "sample_1": one, "sample_2": two, "verdict": verdict}
            row |= {"donor_1": donors[one], "donor_2": donors[two], "n_identical": n_identical}
            row |= {"fraction_identical": fraction, "n_expected_barcodes": expected}
            row["n_shared_barcodes"] = n_shared if comparable else None
            row["counted_twice"] = donors[one] != donors[two] and verdict in VERDICTS[:2]
            rows.append(row)
    return pd.DataFrame(rows)


def _distinct(cells: pd.DataFrame, column: str) -> dict[str, int]:
    return cells.groupby(SAMPLE)[column].nunique().to_dict()


def _shared(cells: pd.DataFrame, column: str) -> dict[tuple[str, str], int]:
    """By pair of samples, how many values of a column both have; pairs that have none are left out."""
    once = cells[[SAMPLE, column]].drop_duplicates()
    sample, names = pd.factorize(once[SAMPLE], sort=True)
    value, values = pd.factorize(once[column])
    has = sp.csr_matrix((np.ones(len(once), dtype=np.int64), (sample, value)), shape=(len(names), len(values)))
    common = sp.coo_matrix(sp.triu(has @ has.T, k=1))
    return {
        (names[one], names[two]): int(n) for one, two, n in zip(common.row, common.col, common.data, strict=True) if n
    }


def _chance(named: pd.DataFrame, shared: dict[tuple[str, str], int], n_named: dict[str, int]) -> dict[str, float]:
    """By sample, the chance that a cell of it and one of another sample have the same barcode.

    Where most pairs share more than the kit's list explains, the list is a shorter one, and not every pair a duplicate.
    """
    lengths = named["nucleotides"].str.len().eq(16).groupby(named[SAMPLE]).mean()
    of_list = {
        name: 1 / (BARCODES_16 if share >= MIN_NUCLEOTIDES else BARCODES_OTHER) for name, share in lengths.items()
    }
    names = sorted(n_named)
    rates = [
        shared.get((one, two), 0) / (n_named[one] * n_named[two])
        for i, one in enumerate(names)
        for two in names[i + 1 :]
    ]
    common = float(np.median(rates)) if len(rates) >= MIN_PAIRS else 0.0
    return {name: max(rate, common) for name, rate in of_list.items()}


def _verdict(n_identical: int, fraction: float, n_shared: int, expected: float | None) -> str:
    if n_identical:
        return VERDICTS[0] if fraction >= SAME else VERDICTS[1] if fraction >= OVERLAP else VERDICTS[2]
    return VERDICTS[3] if expected is not None and n_shared > TIMES_EXPECTED * expected + MORE_THAN else ""


def check_samples(
    loaded: pd.DataFrame, cells: pd.DataFrame, pairs: pd.DataFrame, sheet: dict[str, dict[str, str]], *, dataset: str
) -> pd.DataFrame:
    """One row a sample for the table `sample_checks`: sex, size, what loading lost, and notes for a reader.

    Parameters
    ----------
    loaded : DataFrame
        Table `loaded` of all samples.
    cells, pairs : DataFrame
        As of `identity_of` and `compare_pairs`.
    sheet : dict of dict
        By sample: donor, condition and, where the sheet has it, sex.
    """
    table = loaded[[SAMPLE, "n_cells", "n_counts", *_LOST]].assign(dataset=dataset)
    for column, name in ((DONOR, DONOR), (CONDITION, CONDITION), ("declared_sex", "sex")):
        table[column] = [sheet[sample].get(name, "").strip() for sample in table[SAMPLE]]
    millions = table["n_counts"].clip(lower=1) / 1e6
    table = table.assign(xist_per_million=loaded["counts_xist"] / millions, y_per_million=loaded["counts_y"] / millions)
    numbers = zip(table["n_counts"], loaded["counts_xist"], loaded["counts_y"], strict=True)
    table["inferred_sex"] = [infer_sex(*row) for row in numbers]
    table["sex_agrees"] = [_agrees(*row) for row in zip(table["declared_sex"], table["inferred_sex"], strict=True)]
    table["cells_to_median"] = table["n_cells"] / max(table["n_cells"].median(), 1)
    compared = cells[cells["compared"]]
    repeated = compared.groupby(SAMPLE)["fingerprint"].agg(lambda prints: int(prints.duplicated().sum()))
    for column, values in (("n_cells_compared", compared[SAMPLE].value_counts()), ("n_cells_repeated", repeated)):
        table[column] = table[SAMPLE].map(values).fillna(0).astype(int)
    sexes = table[table["inferred_sex"].isin([FEMALE, MALE])].groupby(DONOR)["inferred_sex"].nunique()
    changing = set(sexes.index[sexes > 1])
    notes = {row[SAMPLE]: _notes(row, len(table), row[DONOR] in changing) for row in table.to_dict("records")}
    for pair in pairs.to_dict("records"):
        for one, two in ((1, 2), (2, 1)):
            notes[pair[f"sample_{one}"]].append(
                f"{pair['verdict']}: {pair[f'sample_{two}']} (donor {pair[f'donor_{two}']})"
            )
    paired = set(pairs["sample_1"]) | set(pairs["sample_2"])
    wrong = (table["sex_agrees"] == NO) | (table["inferred_sex"] == MIXED) | table[DONOR].isin(changing)
    table["flagged"] = wrong | table[SAMPLE].isin(paired)
    table["notes"] = ["; ".join(notes[sample]) or None for sample in table[SAMPLE]]
    return table.assign(declared_sex=table["declared_sex"].replace("", None))


def _agrees(declared: str, inferred: str) -> str:
    expected = DECLARED.get(declared.lower())
    if not expected or inferred == UNCLEAR:
        return NOT_KNOWN
    return YES if expected == inferred else NO


def _notes(row: dict[str, Any], n_samples: int, changing: bool) -> list[str]:
    """What of one sample a reader should know, worst first."""
    notes = []
    if row["sex_agrees"] == NO and row["inferred_sex"] != MIXED:
        notes.append(f"declared {row['declared_sex']}, but its counts are of {row['inferred_sex']}: a swap?")
    if row["inferred_sex"] == MIXED:
        notes.append("XIST and Y genes: two donors in one sample or a swap of cells (XXY would look the same)")
    if changing:
        notes.append("samples of this donor differ in sex")
    if row["declared_sex"] and row["declared_sex"].lower() not in DECLARED:
        notes.append(f"sex '{row['declared_sex']}' is not compared: write F or M")
    if pd.isna(row["xist_per_million"]) or pd.isna(row["y_per_million"]):
        notes.append("sex not inferred: XIST or all Y genes are not in the table of genes")
    elif row["inferred_sex"] == UNCLEAR:
        why = (
            "too few counts"
            if row["n_counts"] < MIN_COUNTS
            else "neither XIST nor Y genes (XIST or the Y chromosome lost?)"
        )
        notes.append(f"sex not inferred: {why}")
    if n_samples >= SIBLINGS and row["cells_to_median"] < FEW_CELLS:
        notes.append(f"{row['cells_to_median']:.2g} times the median number of cells: is its file whole?")
    if row["n_cells_repeated"]:
        notes.append(f"{row['n_cells_repeated']:,} cells repeat others of the sample count for count")
    if not row["n_cells_compared"]:
        notes.append(f"not compared with other samples: no cell has {MIN_GENES} genes")
    return notes


def refuse_counted_twice(pairs: pd.DataFrame, *, where: str) -> None:
    """Stop where cells of one library count for two donors.

    Raises
    ------
    InputErrors
        One problem a pair of samples.
    """
    problems = []
    for pair in pairs[pairs["counted_twice"]].to_dict("records"):
        one, two = (f"'{pair[f'sample_{i}']}' (donor {pair[f'donor_{i}']})" for i in (1, 2))
        share = f"{pair['fraction_identical']:.0%} of the smaller sample"
        found = f"{pair['n_identical']:,} cells ({share}) the same, count for count, in samples {one} and {two}"
        mend = (
            "Correct `file`, `member` or `donor` of one of them in samples.tsv, or remove its row. "
            "`quality: {allow_shared_cells: true}` in config.yaml goes on regardless; the report then says so."
        )
        problems.append(InputError(where, found=found, expected="different donors to share no cell", mend=mend))
    if problems:
        raise InputErrors(problems)
