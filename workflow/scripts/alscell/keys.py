"""Names of columns and slots, each written once, with its meaning. The glossary of the project."""

import re
from collections.abc import Mapping

# One word for one thing: donor (person, or iPSC line: the replicate), sample (library), cell (barcode),
# cell type (label), cluster (group of cells), contrast (comparison), pathway (a scored gene set).
DATASET = "dataset"
SAMPLE = "sample"
DONOR = "donor"
CONDITION = "condition"
CELL = "cell"  # unique over a dataset: "<sample>_<barcode>"
BARCODE = "barcode"
CELL_TYPE = "cell_type"
CONTRAST = "contrast"
FINGERPRINT = "fingerprint"  # of a cell: a number of its genes and counts alone, to find it in another sample
GENE = "gene"  # symbol, unique; a second gene of one symbol is "<symbol>.<gene id>"
GENE_ID = "gene_id"  # Ensembl id, "" where unknown
FAMILY = "family"
PATHWAY = "pathway"

N_CELLS = "n_cells"
DEPTH = "depth"  # counts behind one ranking of genes
N_CASE = "n_case"
N_CONTROL = "n_control"
DESCRIPTIVE = "descriptive"  # True: too few donors, effect sizes only

UNASSIGNED = "unassigned"

CASE_ARM = "case"
CONTROL_ARM = "control"

HDF5 = b"\x89HDF\r\n\x1a\n"  # first bytes of such a file
NUMBERED = "@"  # begins a member of samples.tsv that is a number, not a name

# Columns of samples.tsv that carry files or keys, not biology; every other column may be a covariate.
SHEET_REQUIRED = (SAMPLE, DONOR, CONDITION)
SHEET_FILE_COLUMNS = ("file", "member")

# ASSUME: a covariate whose name ends in one of these words is a label even where it is written in digits: batch 3 is
# not three times batch 1.
LABEL_WORDS = frozenset(
    (
        *("apoe", "bank", "batch", "biobank", "cage", "center", "centre", "channel", "chemistry", "chip", "clone"),
        *("cohort", "date", "donor", "ethnicity", "experiment", "family", "flowcell", "gender", "genotype", "group"),
        *("hospital", "individual", "instrument", "kit", "lane", "library", "line", "litter", "machine", "operator"),
        *("pair", "patient", "person", "plate", "pool", "project", "race", "replicate", "round", "run", "sample"),
        *("sequencer", "sex", "site", "slide", "study", "subject", "technician", "version", "wave", "well"),
    )
)
_ENDINGS = frozenset(("code", "id", "name", "no", "nr", "num", "number"))
# A file that may hold several samples; with any other name, a 10x h5 or a matrix.mtx is one.
ARCHIVE_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip")
# Files of one sample as Cell Ranger writes them: version 3 and later, and (genes.tsv) before.
MTX_PARTS = {"matrix": "matrix.mtx", "features": "features.tsv", "barcodes": "barcodes.tsv"}
OLD_FEATURES = "genes.tsv"


def is_archive_name(name: str) -> bool:
    """Whether a file is a tar or zip, by its name."""
    return name.lower().endswith(ARCHIVE_ENDINGS)


def is_numbered(member: str) -> bool:
    """Whether a member is a number: '@3' is the third sample of its condition."""
    return member.startswith(NUMBERED)


def without_ending(name: str) -> str:
    """The name of an archive without what tells that it is one; any other name as it is."""
    return next((name[: -len(end)] for end in ARCHIVE_ENDINGS if name.lower().endswith(end)), name)


def mtx_start(name: str, parts: Mapping[str, str]) -> str | None:
    """What stands before 'matrix.mtx' (folders, a prefix) in the name of a matrix; None if the file is none.

    Parameters
    ----------
    name : str
        Name with folders; may end in .gz.
    parts : mapping
        `parts` of dataset.yaml; empty for the names of Cell Ranger.
    """
    stem, matrix = (text.removesuffix(".gz") for text in (name, (parts or MTX_PARTS)["matrix"]))
    return stem.removesuffix(matrix) if stem.endswith(matrix) else None


def mtx_names(start: str, part: str, parts: Mapping[str, str]) -> list[str]:
    """Names that a part of a sample (matrix, features, barcodes) may have, given how they start."""
    names = [(parts or MTX_PARTS)[part].removesuffix(".gz")]
    names += [OLD_FEATURES] if part == "features" and not parts else []
    return [f"{start}{name}{ending}" for name in names for ending in ("", ".gz")]


def is_label_column(name: str) -> bool:
    """Whether a column holds labels whatever its values look like: batch, Batch, batch_id, SeqBatch, sequencing run."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    while len(words) > 1 and words[-1] in _ENDINGS:
        words.pop()
    return bool(words) and words[-1] in LABEL_WORDS


# Cell types, one spelling over tissue and dish so that the two can be compared.
CELL_TYPES = (
    "oligodendrocyte",
    "opc",
    "astrocyte",
    "microglia",
    "lymphocyte",
    "endothelial",
    "mural",
    "fibroblast",
    "ependymal",
    "schwann",
    "excitatory_neuron",
    "inhibitory_neuron",
    "motor_neuron",
    "neuron",
    "progenitor",
    "cycling",
    "mesenchymal",
    "glia_like",
)
