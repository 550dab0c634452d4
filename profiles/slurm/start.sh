#!/usr/bin/env bash
# Snakemake on SLURM in the current folder: one head process a folder, also after one that was killed.
# Usage: start.sh [arguments of snakemake]; `make slurm` calls it. Exits with 3 if another one works in this folder.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=/dev/null
. "$root/profiles/site/setup.sh"
export PATH="$root/profiles/slurm/bin:$root/.venv/bin:$PATH" PYTHONPATH="$root/.venv.slurm"

# A lock of the kernel ends with its process, however that ends; Snakemake's own stays after kill -9.
mkdir -p .snakemake 2> /dev/null && touch .snakemake/head.lock 2> /dev/null || {
  echo "$(id -un) may not write to $PWD/.snakemake: ask its owner, or run in a folder of your own." >&2
  exit 3
}
exec 9<> .snakemake/head.lock
if ! flock --nonblock 9; then
  echo "Another run works in $PWD: $(cat .snakemake/head.lock). Wait for it, or end it and start again." >&2
  exit 3
fi
echo "$(id -un), process $$ on $(hostname), since $(date +%FT%T)" > .snakemake/head.lock

left_over() { # jobs in the queue that a killed head sent from this folder; not the job that this head may be itself
  squeue --noheader --user "$(id -un)" --format '%i %Z' | awk -v here="$PWD" -v own="${SLURM_JOB_ID:-}" \
    '{id = $1; sub(/^[^ ]+ /, "")} $0 == here && id != own {print id}'
}
jobs=$(left_over | xargs)
if [ -n "$jobs" ]; then # they end as they should and are not run again; scancel them to have them run anew
  echo "Waiting for jobs of an earlier run in this folder: $jobs" >&2
  while [ -n "$(left_over)" ]; do sleep 5; done
fi
if compgen -G '.snakemake/locks/*.lock' > /dev/null; then
  snakemake --unlock --profile "$root/profiles/slurm" --workflow-profile "$root/profiles/site" "$@"
fi
exec snakemake --profile "$root/profiles/slurm" --workflow-profile "$root/profiles/site" "$@"
