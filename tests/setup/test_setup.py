"""envs/setup.py: which Python it takes, when it does nothing, and what it says when it cannot go on."""

import ast
import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEAKS = ("PYENV_VERSION", "PYENV_ROOT", "ALSCELL_PYTHON", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE")
BEST, OTHER = "3.12.9", "3.13.4"


@pytest.fixture
def project(tmp_path):
    """A project folder with the real Makefile and envs/, but a lock of one local package."""
    folder = tmp_path / "project"
    (folder / "envs").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copy(ROOT / "envs" / "setup.py", folder / "envs")
    wheel = write_wheel(tmp_path / "wheels")
    checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "envs" / "requirements.lock").write_text(f"tiny==1.0 \\\n    --hash=sha256:{checksum}\n")
    return folder


@pytest.fixture
def environment(tmp_path):
    """Variables of a user with an empty home, an empty PATH besides the system's shell tools, and no network."""
    for name in ("bin", "home", "tools"):
        (tmp_path / name).mkdir()
    for tool in (
        "bash",
        "sh",
        "make",
        "awk",
        "echo",
        "env",
        "ls",
        "tr",
        "xargs",
        "cat",
        "grep",
        "tail",
        "tee",
        "mktemp",
        "rm",
    ):
        (tmp_path / "tools" / tool).symlink_to(shutil.which(tool))
    write_program(tmp_path / "bin" / "uv", "exit 2")
    kept = {key: value for key, value in os.environ.items() if key not in LEAKS and not key.startswith("UV_")}
    kept.update(PATH=f"{tmp_path / 'bin'}:{tmp_path / 'tools'}", HOME=str(tmp_path / "home"), PIP_NO_INDEX="1")
    kept.update(PIP_FIND_LINKS=str(tmp_path / "wheels"), PYTHONDONTWRITEBYTECODE="1")
    return kept


@pytest.fixture
def load(project, environment, monkeypatch):
    """The module setup.py of the project, in the user's environment."""

    def loaded(**variables):
        for key in set(os.environ) - set(environment):
            monkeypatch.delenv(key)
        for key, value in {**environment, **variables}.items():
            monkeypatch.setenv(key, value)
        spec = importlib.util.spec_from_file_location("setup_of_project", project / "envs" / "setup.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


def write_program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def write_python(path, version, **facts):
    """A program that answers setup.py's question as a Python of that version does."""
    plain = {"executable": str(path), "base": str(path.parent.parent), "version": version, "bits": 64, "pip": True}
    answer = {**plain, "implementation": "CPython", "free_threaded": False, **facts}
    return write_program(path, f"echo '{json.dumps(answer)}'")


def write_wheel(folder):
    """A package `tiny` of one module, and one module that does not compile."""
    folder.mkdir()
    files = {
        "tiny.py": "VALUE = 1\n",
        "tiny_broken.py": "this is no Python\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    checksums = {
        name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        for name, text in files.items()
    }
    rows = [f"{name},sha256={checksums[name]},{len(text)}" for name, text in files.items()]
    files["tiny-1.0.dist-info/RECORD"] = "\n".join([*rows, "tiny-1.0.dist-info/RECORD,,"]) + "\n"
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def write_stamp(project, **changes):
    """A .venv that setup.py takes for current, unless `changes` say otherwise."""
    lock = hashlib.sha256((project / "envs" / "requirements.lock").read_bytes()).hexdigest()
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)
    facts = {"lock": lock, "folder": str(project), "base": "/base", "version": BEST, **changes}
    (project / ".venv" / "alscell-setup.json").write_text(json.dumps(facts))


def run(project, environment, *command):
    answer = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in answer.stderr
    return answer


def set_up(project, environment):
    return run(project, environment, sys.executable, str(project / "envs" / "setup.py"))


def test_setup_is_written_for_python_3_6():
    ast.parse((ROOT / "envs" / "setup.py").read_text(), feature_version=(3, 6))


# Which Python


def test_python_on_path_follows_names_then_folders(load, tmp_path):
    first, second = tmp_path / "bin", tmp_path / "second"
    write_python(first / "python3", "3.11.7")
    write_program(first / "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    write_python(second / "python3.12", BEST)
    write_python(first / "python3.13", OTHER)
    setup = load(PATH=f"{first}:{second}:{tmp_path / 'tools'}")
    assert setup.find_interpreter().executable == str(second / "python3.12")


def test_committed_python_version_is_honored_through_the_working_folder(load, tmp_path, project):
    wanted = write_python(tmp_path / "versions" / "bin" / "python", BEST)
    shim = f'[ "$PWD" = "{project}" ] && exec {wanted} "$@"; exit 1'
    write_program(tmp_path / "bin" / "python", shim)
    assert load().find_interpreter().version == BEST


@pytest.mark.parametrize("variable", ["PYENV_ROOT", "HOME"])
def test_inactive_pyenv_version_is_found(load, tmp_path, variable):
    write_python(tmp_path / "bin" / "python3", "3.11.7")
    root = tmp_path / "its" / ".pyenv"
    write_python(root / "versions" / OTHER / "bin" / "python3.13", OTHER)
    setup = load(**{variable: str(root if variable == "PYENV_ROOT" else root.parent)})
    assert setup.find_interpreter().version == OTHER


def test_pyenv_version_comes_first_and_an_unfit_one_is_passed_over(load, tmp_path):
    versions = tmp_path / "pyenv" / "versions"
    for version in ("3.11.7", OTHER):
        write_python(versions / version / "bin" / "python", version)
    setup = load(PYENV_ROOT=str(tmp_path / "pyenv"), PYENV_VERSION=OTHER)
    assert setup.asked_interpreter().version == OTHER
    assert (
        load(PYENV_ROOT=str(tmp_path / "pyenv"), PYENV_VERSION=f"3.11.7:{OTHER}").asked_interpreter().version == OTHER
    )
    assert load(PYENV_ROOT=str(tmp_path / "pyenv"), PYENV_VERSION="3.11.7").asked_interpreter() is None


def test_alscell_python_wins_over_pyenv(load, tmp_path):
    asked = write_python(tmp_path / "own" / "python", BEST)
    write_python(tmp_path / "pyenv" / "versions" / OTHER / "bin" / "python", OTHER)
    setup = load(PYENV_ROOT=str(tmp_path / "pyenv"), PYENV_VERSION=OTHER, ALSCELL_PYTHON=str(asked))
    assert setup.asked_interpreter().version == BEST


@pytest.mark.parametrize(
    ("version", "facts", "reason"),
    [
        ("3.11.7", {}, "is Python 3.11.7"),
        ("3.14.0rc1", {}, "is Python 3.14.0rc1"),
        ("2.7.18", {}, "is Python 2.7.18"),
        (BEST, {"implementation": "PyPy"}, "not the standard 64-bit CPython"),
        (BEST, {"bits": 32}, "not the standard 64-bit CPython"),
        (OTHER, {"free_threaded": True}, "not the standard 64-bit CPython"),
        (BEST, {"pip": False}, "install python3.12-venv"),
    ],
)
def test_unfit_python_is_refused_with_its_reason(load, tmp_path, version, facts, reason):
    assert reason in load().probe(write_python(tmp_path / "own" / "python", version, **facts)).problem


def test_this_python_answers_for_itself(load):
    found = load().probe(sys.executable)
    assert (found.version, found.base, found.problem) == (sys.version.split()[0], sys.base_prefix, "")
    assert Path(found.executable).resolve() == Path(sys.executable).resolve()


def test_unfit_alscell_python_ends_in_one_sentence(project, environment, tmp_path):
    asked = write_python(tmp_path / "own" / "python", "3.11.7")
    answer = set_up(project, {**environment, "ALSCELL_PYTHON": str(asked)})
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert f"ALSCELL_PYTHON={asked} is Python 3.11.7; alscell needs Python 3.12 or 3.13" in answer.stderr


def test_only_unfit_pythons_end_in_one_sentence(project, environment, tmp_path):
    old = write_python(tmp_path / "bin" / "python3", "3.11.7")
    (tmp_path / "bin" / "python").symlink_to(old)
    answer = set_up(project, environment)
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert f"no Python 3.12 or 3.13 was found ({old} is Python 3.11.7), and uv could not fetch one" in answer.stderr
    assert not (project / ".venv").exists()


def test_python_of_uv_is_the_last_resort(load, tmp_path):
    theirs = write_python(tmp_path / "uv" / "python", BEST)
    write_program(tmp_path / "bin" / "uv", f'[ "$2" = find ] && echo {theirs}')
    assert load().find_interpreter().executable == str(theirs)


def test_uv_fetches_a_python_into_the_project(load, tmp_path, project):
    write_python(tmp_path / "fetched" / "bin" / "python3.12", BEST)
    fetch = f'mkdir -p "$UV_PYTHON_INSTALL_DIR" && cp -r {tmp_path / "fetched"} "$UV_PYTHON_INSTALL_DIR"/cpython'
    write_program(tmp_path / "bin" / "uv", f'[ "$2" = find ] && exit 2\nPATH=/usr/bin:/bin\n{fetch}')
    assert load().find_interpreter().version == BEST
    assert (project / ".cache" / "python" / "cpython" / "bin" / "python3.12").exists()


# When it does nothing


def test_current_environment_is_left_alone(project, environment):
    write_stamp(project)
    before = sorted(project.rglob("*"))
    answer = set_up(project, environment)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize("changed", [{"lock": "0" * 64}, {"folder": "/moved/here"}])
def test_other_lock_or_folder_means_a_new_environment(load, project, changed):
    write_stamp(project, **changed)
    assert not load().is_current(None)


def test_environment_without_stamp_or_python_is_made_again(load, project):
    write_stamp(project)
    setup = load()
    assert setup.is_current(None)
    (project / ".venv" / "bin" / "python").unlink()
    assert not setup.is_current(None)
    setup.STAMP.write_text("{")
    assert not setup.is_current(None)
    setup.STAMP.unlink()
    assert not setup.is_current(None)


def test_another_python_asked_for_means_a_new_environment(load, project, tmp_path):
    write_stamp(project, version=OTHER, base=str(tmp_path / "own"))
    asked = write_python(tmp_path / "own" / "bin" / "python", OTHER)
    setup = load(ALSCELL_PYTHON=str(asked))
    assert setup.is_current(setup.asked_interpreter())
    write_python(asked, BEST)
    assert not setup.is_current(setup.asked_interpreter())


def test_stamp_goes_first_when_an_environment_is_removed(load, project, monkeypatch):
    write_stamp(project)
    setup = load()
    monkeypatch.setattr(setup.shutil, "rmtree", lambda path: None)  # killed before it removed anything
    setup.remove_environment()
    assert not setup.is_current(None)


def test_environment_of_another_checkout_behind_a_link_stays_whole(load, project, tmp_path):
    write_stamp(project)
    (project / ".venv").rename(tmp_path / "others")
    (project / ".venv").symlink_to(tmp_path / "others")
    load().remove_environment()
    assert not (project / ".venv").is_symlink()
    assert (tmp_path / "others" / "alscell-setup.json").exists()


# What it makes


def test_whole_setup_installs_compiles_and_then_rests(project, environment):
    asked = {**environment, "ALSCELL_PYTHON": sys.executable, "PIP_USER": "1", "PYTHONPATH": "/nowhere"}
    first = set_up(project, asked)
    assert first.returncode == 0, first.stderr
    assert "Setting up .venv with Python" in first.stdout
    python = str(project / ".venv" / "bin" / "python")
    assert run(project, environment, python, "-c", "import tiny; print(tiny.VALUE)").stdout == "1\n"
    packages = next(project.glob(".venv/lib/python*/site-packages"))
    assert list((packages / "__pycache__").glob("tiny.*.pyc")), "no bytecode was written"
    second = set_up(project, asked)
    assert (second.returncode, second.stdout) == (0, "")


def test_two_calls_at_a_time_make_one_environment(project, environment):
    asked = {**environment, "ALSCELL_PYTHON": sys.executable}
    command = [sys.executable, str(project / "envs" / "setup.py")]
    both = [subprocess.Popen(command, env=asked, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("Setting up .venv" in text for text in said) == [False, True]


def test_wrong_checksum_leaves_no_stamp(project, environment):
    (project / "envs" / "requirements.lock").write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    answer = set_up(project, {**environment, "ALSCELL_PYTHON": sys.executable})
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith("alscell set-up: pip could not install the packages")
    assert not (project / ".venv" / "alscell-setup.json").exists()


# Makefile and .ci/run


def test_make_starts_with_any_python_3_6_or_later(project, environment, tmp_path):
    write_program(tmp_path / "bin" / "python3", "echo 'pyenv: version 3.12 is not installed' >&2; exit 1")
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    write_stamp(project)
    (project / ".venv" / "bin" / "python").unlink()
    answer = run(project, {**environment, "ALSCELL_PYTHON": "/nowhere"}, "make", "setup")
    assert answer.returncode == 2
    assert "ALSCELL_PYTHON=/nowhere cannot be run" in answer.stderr


def test_make_alone_lists_the_targets(project, environment):
    listed = run(project, environment, "make").stdout
    for target in ("demo", "test", "run", "example", "check", "lock", "clean"):
        assert f"make {target} " in listed


@pytest.mark.parametrize("arguments", [["NAME=nowhere"], []])
def test_unknown_example_ends_in_one_sentence(project, environment, arguments):
    write_stamp(project)
    (project / "examples" / "velmeshev").mkdir(parents=True)
    (project / "examples" / "velmeshev" / "config.yaml").touch()
    answer = run(project, environment, "make", "example", *arguments)
    assert answer.returncode == 2
    assert "is no example; choose one of: velmeshev" in answer.stderr.splitlines()[0]


def test_example_without_its_data_folder_ends_in_one_sentence(project, environment):
    write_stamp(project)
    (project / "examples" / "velmeshev").mkdir(parents=True)
    (project / "examples" / "velmeshev" / "config.yaml").touch()
    answer = run(project, {**environment, "ALSCELL_TEST_DATA": "/no/data"}, "make", "example", "NAME=velmeshev")
    assert answer.returncode == 2
    assert "there is no data folder /no/data; set ALSCELL_TEST_DATA" in answer.stderr.splitlines()[0]


@pytest.mark.parametrize("code", [0, 3])
def test_ci_prints_the_closing_line_last(tmp_path, environment, code):
    closing = "========== 1 failed, 2 passed in 1.00s =========="
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    (tmp_path / "Makefile").write_text(f"test:\n\t@echo dots; echo '{closing}'; exit {code}\n")
    folder = f"{environment['PATH']}:{Path(shutil.which('dirname')).parent}"
    answer = subprocess.run(
        [tmp_path / ".ci" / "run"], env={**environment, "PATH": folder}, capture_output=True, text=True, timeout=60
    )
    assert bool(answer.returncode) == bool(code)
    assert answer.stdout.splitlines()[-1] == closing
