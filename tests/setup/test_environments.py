"""The conda environment and the two images hold what the lock holds; and jobs go into the image that config names."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
ENVS = ROOT / "envs"
RENAMED = {"matplotlib-base": "matplotlib", "python-igraph": "igraph", "snakemake-minimal": "snakemake"}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for() -> set[str]:
    """Packages that requirements.in asks for, without those for tests and style."""
    text = (ENVS / "requirements.in").read_text()
    part, mark, _ = text.partition("# tests and style")
    assert mark
    lines = [line for line in part.splitlines() if line and not line.startswith("#")]
    return {plain(re.match(r"[\w.-]+", line).group()) for line in lines}


def imported() -> set[str]:
    """Packages that scripts of the workflow import, at the top or inside functions."""
    known, found = packages_distributions(), set()
    for path in (ROOT / "workflow/scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    outside = found - set(sys.stdlib_module_names) - {"alscell"}
    return {plain(known[name][0]) for name in outside if name in known}


def test_conda_environment_holds_all_that_the_workflow_uses():
    listed = yaml.safe_load((ENVS / "alscell.yaml").read_text())["dependencies"]
    names = {plain(RENAMED.get(name, name)) for name, _, _ in (line.partition("=") for line in listed)}
    wanted = asked_for() | imported()
    assert len(wanted) > 20
    assert wanted - names == set(), "add these to envs/alscell.yaml, in the versions of envs/requirements.lock"


def test_both_images_are_made_alike():
    docker, apptainer = ((ENVS / name).read_text() for name in ("Dockerfile", "alscell.def"))
    base = re.search(r"^FROM (\S+)", docker, re.MULTILINE).group(1)
    assert re.search(r"^From: (\S+)", apptainer, re.MULTILINE).group(1) == base
    assert base.startswith(f"python:{(ROOT / '.python-version').read_text().strip()}-")
    listed = yaml.safe_load((ENVS / "alscell.yaml").read_text())["dependencies"]
    assert f"python={(ROOT / '.python-version').read_text().strip()}" in listed
    packages = [re.search(r"apt-get install (.*?) \\", text).group(1) for text in (docker, apptainer)]
    assert packages[0] == packages[1]
    for text in (docker, apptainer):
        assert "make setup" in text  # from the lock: no version is written twice
        assert "/alscell/.venv/bin:$PATH" in text
    copied = re.findall(r"^    (\S+) /alscell/", apptainer, re.MULTILINE)
    assert len(copied) >= 8
    assert [name for name in copied if not (ROOT / name).exists()] == []


# Takes the place of apptainer: writes down the image and runs the command outside of any.
APPTAINER = """\
#!/bin/bash
[ "$1" = --version ] && { echo "apptainer version 1.3.0"; exit; }
while [ "$1" != bash ]; do [[ "$1" == *.sif ]] && echo "$1" >> images.txt; shift; done
exec "$@"
"""


def test_jobs_go_into_the_image_of_config(tmp_path):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/apptainer"
    program.write_text(APPTAINER)
    program.chmod(0o755)
    (tmp_path / "lab.sif").touch()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    config = yaml.safe_load((ROOT / "examples/demo/config.yaml").read_text())
    config |= {"container": "lab.sif", "pathways": {"families": ["inflammation"]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config))
    path = os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "snakemake", "gene_sets", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    command += ["--sdm", "apptainer", "--configfile", "mine.yaml"]
    environment = {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert [Path(line).name for line in (tmp_path / "images.txt").read_text().splitlines()] == ["lab.sif"]
    assert (tmp_path / "results/gene_sets/sets.tsv").exists()
