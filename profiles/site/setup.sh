# Read by `make slurm` before snakemake starts; jobs inherit what is exported here. For example:
#   module load git
#   export https_proxy=http://proxy.example:3128
