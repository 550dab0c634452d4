"""The science of alscell: pure functions that know no file layout, no Snakemake and no config.

The scripts beside this folder carry files between Snakemake and these modules. Imports go downwards only:
keys <- tables <- files <- the stages (quality, embedding, ... agreement) <- figures <- report.
The package is never installed: Snakemake finds it because it lies beside the scripts.
"""

VERSION = "0.1.0"
