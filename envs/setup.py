"""Make .venv from envs/requirements.lock, or do nothing if it is there and current.

Runs on any Python from 3.6 on, with the standard library alone: `make` calls it before every target.
It looks for a Python 3.12 or 3.13 in this order: $ALSCELL_PYTHON; the version that $PYENV_VERSION names; python3,
python, python3.12, python3.13 on the PATH (with pyenv, these follow the committed .python-version); pyenv's other
versions; and last, one that uv has or can fetch.

pip installs, not uv, though uv would save about 15 of 50 seconds, once: pip reads the user's own pip settings
(mirror, proxy, certificate), and one way in is easier to trust than two.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "envs" / "requirements.lock"
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
STAMP = VENV / "alscell-setup.json"  # written last: a .venv without it is unfinished, and is made again

SUPPORTED = ("3.12", "3.13")  # the lock is tested on these
NEEDED = "Python 3.12 or 3.13"
PYTHON_NAMES = ("python3", "python", "python3.12", "python3.13")
UV_SECONDS = 180  # a download of about 30 MB

# Settings of other Pythons or of the user's shell that would leak into the new environment.
UNWANTED = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONDONTWRITEBYTECODE",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)
UNWANTED_BY_PIP = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_CONSTRAINT", "PIP_REQUIRE_VIRTUALENV")

PROBE = """
import json, platform, struct, sys, sysconfig
try:
    import ensurepip, venv
    pip = True
except ImportError:
    pip = False
print(json.dumps({
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "base": getattr(sys, "base_prefix", sys.prefix),
    "version": platform.python_version(), "implementation": platform.python_implementation(),
    "bits": struct.calcsize("P") * 8, "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")), "pip": pip,
}))
"""

# `problem` says why a Python cannot be used, or is "".
Interpreter = namedtuple("Interpreter", "executable base version problem")


class SetupError(Exception):
    """The set-up cannot go on; the message is one sentence for the user."""


def main():
    try:
        set_up()
    except SetupError as error:
        print(f"alscell set-up: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"alscell set-up: cannot write to {ROOT}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("alscell set-up: interrupted; it starts again at the next call.", file=sys.stderr)
        return 130
    return 0


def set_up():
    """Make .venv unless a current one is there. Two calls at a time wait for each other."""
    asked = asked_interpreter()
    if is_current(asked):
        return
    with one_at_a_time():
        if not is_current(asked):
            build(asked or find_interpreter())


def is_current(asked):
    """Whether .venv is whole, made here from this lock, and by the Python that was asked for, if one was."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    same_lock = stamp.get("lock") == lock_checksum() and stamp.get("folder") == str(ROOT)
    same_python = asked is None or (stamp.get("base"), stamp.get("version")) == (asked.base, asked.version)
    return same_lock and same_python and (VENV / "bin" / "python").exists()


def lock_checksum():
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


@contextlib.contextmanager
def one_at_a_time():
    import fcntl

    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


# Which Python


def asked_interpreter():
    """The Python that the user asked for by $ALSCELL_PYTHON or $PYENV_VERSION, or None.

    Raises
    ------
    SetupError
        If $ALSCELL_PYTHON cannot be used. $PYENV_VERSION also serves other projects: an unfit one is passed over.
    """
    command = os.environ.get("ALSCELL_PYTHON")
    if command:
        found = probe(shutil.which(os.path.expanduser(command)) or command)
        if found.problem:
            raise SetupError(
                f"ALSCELL_PYTHON={command} {found.problem}; alscell needs {NEEDED}, "
                "so point ALSCELL_PYTHON to one or unset it."
            )
        return found
    names = [name for name in os.environ.get("PYENV_VERSION", "").split(":") if name]
    folders = [root / "versions" / name for root in pyenv_roots() for name in names]
    shims = [root / "shims" for root in pyenv_roots() if names]
    for python in [folder / "bin" / "python" for folder in folders] + [folder / "python" for folder in shims]:
        found = probe(python) if python.exists() else None
        if found and not found.problem:
            return found
    return None


def find_interpreter():
    """The first usable Python, else one from uv.

    Raises
    ------
    SetupError
        If there is none; the message lists what was found.
    """
    refused = {}
    for path in candidates():
        found = probe(path)
        if not found.problem:
            return found
        refused.setdefault(os.path.realpath(found.executable), found.problem)
    with contextlib.suppress(SetupError):
        return asked_of_uv()
    close = [f"{path} {problem}" for path, problem in refused.items() if "cannot be run" not in problem]
    raise SetupError(
        f"no {NEEDED} was found ({'; '.join(close) or 'no other Python either'}), and uv could not fetch one; "
        "install one (with your package manager, pyenv, conda or uv) or set ALSCELL_PYTHON=/path/to/python3.12, "
        "and call make again."
    )


def candidates():
    """Paths that may be a fit Python, best first."""
    own = str(VENV / "bin")
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder and folder != own]
    on_path = [folder / name for name in PYTHON_NAMES for folder in folders]
    in_pyenv = [
        path
        for root in pyenv_roots()
        for version in SUPPORTED
        for path in sorted(root.glob(f"versions/*/bin/python{version}"))
    ]
    return [path for path in dict.fromkeys(on_path + in_pyenv) if os.access(str(path), os.X_OK)]


def pyenv_roots():
    roots = [os.environ.get("PYENV_ROOT"), os.path.expanduser("~/.pyenv")]
    return [Path(root) for root in dict.fromkeys(roots) if root and Path(root).is_dir()]


def probe(path):
    """What a Python says of itself. It must be run: pyenv's shims exist for versions that are not active."""
    try:
        answer = run([str(path), "-c", PROBE], timeout=20)
        facts = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return Interpreter(str(path), "", "", "cannot be run")
    return Interpreter(facts["executable"], facts["base"], facts["version"], problem_with(facts))


def problem_with(facts):
    """Why the Python of these facts cannot be used, or ""."""
    release = ".".join(re.findall(r"\d+", facts["version"])[:2])
    if release not in SUPPORTED:
        return f"is Python {facts['version']}"
    if facts["implementation"] != "CPython" or facts["bits"] != 64 or facts["free_threaded"]:
        return f"is Python {facts['version']}, but not the standard 64-bit CPython"
    if not facts["pip"]:
        return f"is Python {facts['version']} without venv and ensurepip (Debian, Ubuntu: install python{release}-venv)"
    return ""


def asked_of_uv():
    """A Python that uv has, or fetches into .cache/python.

    Raises
    ------
    SetupError
        If there is no uv and none can be installed, or if uv finds and fetches nothing.
    """
    home = CACHE / "python"
    say(f"No {NEEDED} found; asking uv for one")
    with tempfile.TemporaryDirectory() as folder:
        uv = shutil.which("uv") or install_uv(Path(folder))
        settings = {"UV_PYTHON_INSTALL_DIR": str(home), "UV_HTTP_RETRIES": "1", "UV_PYTHON_INSTALL_BIN": "0"}
        for arguments in (
            ["python", "find", "--no-python-downloads", "--system", ">=3.12,<3.14"],
            ["python", "install", SUPPORTED[0]],
        ):
            try:
                answer = run([uv] + arguments, timeout=UV_SECONDS, more=settings)
            except (OSError, subprocess.TimeoutExpired):
                continue
            fetched = sorted(home.glob(f"*/bin/python{SUPPORTED[0]}"))
            for path in answer.stdout.split()[:1] + [str(path) for path in fetched]:
                found = probe(path)
                if not found.problem:
                    return found
    raise SetupError("uv has no Python for us")


def install_uv(folder):
    """uv, put into a throw-away environment."""
    try:
        run([sys.executable, "-m", "venv", str(folder)], timeout=60, check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--retries", "0", "uv<1"]
        run(pip, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        raise SetupError("uv cannot be installed") from None
    return str(folder / "bin" / "uv")


# The environment


def build(interpreter):
    """Make .venv from nothing: environment, packages, bytecode, and last the stamp.

    Raises
    ------
    SetupError
        If a step fails; its own messages stand above.
    """
    started = time.time()
    say(f"Setting up .venv with Python {interpreter.version} ({interpreter.executable}), once, about a minute")
    remove_environment()
    python = str(VENV / "bin" / "python")
    step([interpreter.executable, "-m", "venv", str(VENV)], "the environment could not be made")

    say("  installing the packages of envs/requirements.lock")
    install = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input", "--no-user"]
    exactly = ["--require-hashes", "--no-deps", "--no-compile", "--requirement", str(LOCK)]
    step(install + exactly, "pip could not install the packages (its message stands above)")

    # Without .pyc files each of some hundred jobs would compile its imports anew. Some packages ship files that are
    # not meant to compile, hence no check; tests of packages are never imported.
    say("  compiling them")
    run([python, "-m", "compileall", "-qq", "-j", "0", "-x", "/tests?/", str(VENV / "lib")])

    facts = {"lock": lock_checksum(), "folder": str(ROOT), "base": interpreter.base, "version": interpreter.version}
    part = STAMP.with_suffix(".part")
    part.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    part.replace(STAMP)
    say(f"  done in {time.time() - started:.0f} s")


def remove_environment():
    """Remove .venv, its stamp first, so that a killed removal is not taken for an environment.

    Of a .venv that is a link only the link goes: the environment behind it, and its stamp, belong to another checkout.
    """
    if VENV.is_symlink():
        VENV.unlink()
        return
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        STAMP.unlink()
    if VENV.exists():
        shutil.rmtree(str(VENV))


def step(command, complaint):
    """Run a command whose messages the user sees; a failure is one sentence."""
    if subprocess.call(command, env=clean_environment(), cwd=str(ROOT)):
        raise SetupError(f"{complaint}; mend that and call make again.")


def run(command, timeout=None, check=False, more=None):
    """Run a command quietly, from the project folder (pyenv looks for .python-version there)."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env=dict(clean_environment(), **(more or {})),
        cwd=str(ROOT),
        timeout=timeout,
        check=check,
    )


def clean_environment():
    """The user's environment variables without those that would leak, and without .venv on the PATH."""
    own = str(VENV / "bin")
    kept = {key: value for key, value in os.environ.items() if key not in UNWANTED + UNWANTED_BY_PIP}
    kept["PATH"] = os.pathsep.join(folder for folder in kept.get("PATH", "").split(os.pathsep) if folder != own)
    return kept


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
