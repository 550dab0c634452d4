"""The profiles of SLURM, LSF and Kubernetes, written from the table of the model's constants."""

from __future__ import annotations

import pandas as pd

from resources.model import GROUPS, MARGIN, MIN_MINUTES, RUNNER_MB, TIME_MARGIN, asks

COMPONENTS = {"checks": 10, "figures": 40}  # jobs of a group that share one submitted job, though none needs the other
HEAD = """\
# Written by `make profiles` from profiles/resources.tsv: edit neither by hand. Yours is profiles/site/config.yaml,
# whose keys take the place of those here. docs/cluster.md explains.
#   memory (MB) = attempt x ((a + b x MiB of inputs) x {margin} + {runner})
#   runtime (min) = attempt x (what the model says x {time}, at least {floor})
"""
COMMON = """\
jobs: 100
cores: 4                  # of one job: as many members of a group run side by side
local-cores: 1            # downloads run where snakemake runs: compute nodes often have no way out
retries: 3                # here, never in a rule: there, a retry would get no more memory
keep-going: true
rerun-incomplete: true
latency-wait: 120         # seconds that a shared file system may take to show a file
quiet: [host, reason]
"""
SYSTEMS = {
    "slurm": """\
executor: slurm
slurm-status-command: squeue  # sacct needs slurmdbd: without one, snakemake would wait for ever
slurm-status-attempts: 100    # while the scheduler is down: after the last one the plugin forgets its jobs
slurm-requeue: true           # a job of a node that was drained or lost goes back into the queue
""",
    "lsf": """\
# NOT RUN by us: no LSF was at hand. Needs: pip install snakemake-executor-plugin-lsf
executor: lsf
""",
    "kubernetes": """\
# NOT RUN by us: no Kubernetes was at hand. Needs: pip install snakemake-executor-plugin-kubernetes, a bucket
# (default-storage-provider and -prefix in profiles/site/config.yaml) and an image (container-image) of envs/Dockerfile.
executor: kubernetes
""",
}


def profile(system: str, table: pd.DataFrame) -> str:
    """Text of profiles/<system>/config.yaml."""
    head = HEAD.format(margin=MARGIN, runner=RUNNER_MB, time=TIME_MARGIN, floor=MIN_MINUTES)
    lines = [head + SYSTEMS[system] + COMMON + "resources:\n  connections: 2         # downloads at once"]
    grouped = table[table["group"] != ""]
    lines += ["groups:", *(f"  {row['rule']}: {row['group']}" for _, row in grouped.iterrows())]
    lines += ["group-components:", *(f"  {name}: {COMPONENTS[name]}" for name in GROUPS if name in COMPONENTS)]
    lines.append("set-resources:")
    for _, row in table.iterrows():
        lines += [f"  {row['rule']}:", f"    mem_mb: {_memory(row)}", f"    runtime: {_minutes(row)}"]
    return "\n".join(lines) + "\n"


def _memory(row: pd.Series) -> str:
    """Expression of the memory that a job asks for."""
    if not row["mem_mb_per_mb"]:
        return f"{asks(row, 0)[0]} * attempt"
    model = f"{row['mem_mb']:.6g} + {row['mem_mb_per_mb']:.6g} * input.size_mb"
    return f"round(({model}) * {MARGIN} + {RUNNER_MB}) * attempt"


def _minutes(row: pd.Series) -> str:
    """Expression of the time that a job asks for."""
    if not row["seconds_per_mb"]:
        return f"{asks(row, 0)[1]} * attempt"
    model = f"{row['seconds']:.6g} + {row['seconds_per_mb']:.6g} * input.size_mb"
    return f"max({row['min_minutes']}, -int(-({model}) * {TIME_MARGIN} // 60)) * attempt"
