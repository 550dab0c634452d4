"""Names of columns and slots, each written once, with its meaning. The glossary of the project."""

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

# ASSUME: a covariate of these names is a label even where it is written in digits: batch 3 is not three times batch 1.
LABEL_COLUMNS = ("batch", "donor", "library", "line", "pair", "plate", "pool", "run", "site")

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
