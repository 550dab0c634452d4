"""Names of columns and slots, each written once, with its meaning. The glossary of the project."""

import re

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
N_CASE = "n_case"
N_CONTROL = "n_control"
DESCRIPTIVE = "descriptive"  # True: too few donors, effect sizes only

UNASSIGNED = "unassigned"

CASE_ARM = "case"
CONTROL_ARM = "control"

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
# A file of 10x h5 that may hold several samples; any other name is one matrix.
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def is_tar_name(name: str) -> bool:
    """Whether a file is a tar archive, by its name."""
    return name.lower().endswith(TAR_ENDINGS)


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
