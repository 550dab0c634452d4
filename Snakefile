"""alscell: single-cell RNA-seq of ALS, from raw counts to donor-level differential expression and pathway activity.

Table of contents. Config is checked first, then come the stages in the order of the data's way, then the named
targets: `snakemake qc`, `snakemake differential`, ... ; plain `snakemake` makes everything.
"""

from snakemake.utils import min_version

min_version("9.14.8")


configfile: workflow.source_path("config.yaml")


include: "workflow/rules/common.smk"


pathvars:
    summary=config["summary_folder"],


container: config["container"] or None


include: "workflow/rules/targets.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/acquire.smk"
include: "workflow/rules/samples.smk"
include: "workflow/rules/cells.smk"
include: "workflow/rules/gene_sets.smk"
include: "workflow/rules/expression.smk"
include: "workflow/rules/ambient.smk"
include: "workflow/rules/pathways.smk"
include: "workflow/rules/panels.smk"
include: "workflow/rules/calibration.smk"
include: "workflow/rules/synthesis.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/deposit.smk"


# Here, not in targets.smk: a default target does not outlive the file that an include reads.
rule all:
    default_target: True
    input:
        "<summary>/report.html",
        "<summary>/manifest.tsv",
        expand_datasets("results/{dataset}/atlas.h5ad", WITH_CELLS),


onsuccess:
    shell(run_summary("done", log))


onerror:
    shell(run_summary("failed", log))
