"""The code keeps its own rules: names, sizes, directives of rules, formatters and linters."""

import ast
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
import yaml

import alscell

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "workflow" / "rules"
SCRIPTS = ROOT / "workflow" / "scripts"
NOT_RULES = {
    "check_inputs",
    "draft_dataset",
    "show_status",
    "summarise_run",
    "verify_run",
}  # called by common.smk or make, not by a rule
MADE = {".git", ".venv", ".cache", ".snakemake", ".pytest_cache", ".ruff_cache", ".hypothesis", "results", "logs"}
REQUIRED = ("input", "output", "log", "benchmark", "conda", "threads", "message", "script")
ORDER = (
    "input",
    "output",
    "log",
    "benchmark",
    "wildcard_constraints",
    "conda",
    "threads",
    "params",
    "message",
    "script",
)
# Registries of packages; joined here, so that this file names none.
REGISTRIES = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org"))]


def read_rules():
    """Every rule of every rules file: name -> directive -> its text."""
    rules = {}
    for path in sorted(RULES.glob("*.smk")):
        for match in re.finditer(r"^( *)rule (\w+):\n((?:\1    .*\n|\n)+)", path.read_text(), flags=re.MULTILINE):
            body = textwrap.dedent(match.group(3))
            parts = re.split(r"^(\w+):", body, flags=re.MULTILINE)
            rules[match.group(2)] = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert len(rules) > 20, "the rules were not found"
    return rules


def read_rules_text():
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *sorted(RULES.glob("*.smk"))])
    assert "rule all:" in text
    return text


def text_files():
    """Every text file of the project, without what runs make."""
    files = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name not in MADE and not name.startswith(".venv"))
        files += [Path(folder, name) for name in names if not name.endswith((".pyc", ".png", ".h5ad", ".gz", ".lock"))]
    files.append(ROOT / "envs" / "requirements.lock")
    assert len(files) > 50, "the files were not found"
    return files


WITH_SCRIPT = {name: directives for name, directives in read_rules().items() if "script" in directives}


def script_files():
    scripts = sorted(SCRIPTS.glob("*.py"))
    assert scripts
    return scripts


@pytest.mark.parametrize("name", WITH_SCRIPT)
def test_rule_script_log_and_benchmark_bear_one_name(name):
    directives = WITH_SCRIPT[name]
    assert f'"../scripts/{name}.py"' in directives["script"]
    assert f'"logs/{name}/' in directives["log"] or f'"logs/{name}.log"' in directives["log"]
    assert f'"benchmarks/{name}/' in directives["benchmark"] or f'"benchmarks/{name}.tsv"' in directives["benchmark"]


@pytest.mark.parametrize("name", WITH_SCRIPT)
def test_rule_has_every_directive_in_order(name):
    directives = WITH_SCRIPT[name]
    assert [part for part in REQUIRED if part not in directives] == []
    known = [part for part in directives if part in ORDER]
    assert known == sorted(known, key=ORDER.index)
    assert "../../envs/alscell.yaml" in directives["conda"]
    assert f'library=library("{name}")' in directives["input"]


def test_rules_and_scripts_are_the_same():
    assert WITH_SCRIPT
    assert set(WITH_SCRIPT) ^ {path.stem for path in script_files()} == NOT_RULES


def test_no_rule_runs_a_command_of_its_own():
    shells = [name for name, directives in read_rules().items() if {"shell", "run", "notebook"} & set(directives)]
    assert shells == []


def test_every_input_and_output_has_a_name():
    assert WITH_SCRIPT
    for name, directives in WITH_SCRIPT.items():
        for part in ("input", "output", "params"):
            unnamed = [
                line.strip()
                for line in re.findall(r"^ {4}\S.*$", directives.get(part, ""), flags=re.MULTILINE)
                if not re.match(r" {4}(\w+=|[)\]}#])", line)
            ]
            assert unnamed == [], f"{part} of rule {name}"


def test_no_lambda_in_rules_and_functions_in_common_only():
    files = [ROOT / "Snakefile", *sorted(RULES.glob("*.smk"))]
    assert len(files) > 5
    for path in files:
        text = path.read_text()
        assert not re.search(r"\blambda\b", text), f"{path.name} has a lambda"
        assert path.name == "common.smk" or not re.search(r"^\s*def ", text, re.MULTILINE), (
            f"{path.name} has a function"
        )


def test_snakefile_is_a_table_of_contents():
    text = (ROOT / "Snakefile").read_text()
    assert len(text.splitlines()) <= 60
    included = re.findall(r'^include: "workflow/rules/(\w+)\.smk"', text, re.MULTILINE)
    assert set(included) ^ {path.stem for path in RULES.glob("*.smk")} == set()


def test_library_lists_every_module():
    text = (RULES / "common.smk").read_text()
    listed = re.search(r"^LIBRARY = \{.*?for name in \((.*?)\)\n\}", text, re.MULTILINE | re.DOTALL).group(1)
    on_disk = {path.stem for path in (SCRIPTS / "alscell").glob("*.py")}
    assert set(re.findall(r'"(\w+)"', listed)) ^ on_disk == set()


@pytest.mark.parametrize("path", script_files(), ids=lambda path: path.stem)
def test_script_is_short_and_has_its_main(path):
    text = path.read_text()
    assert len(text.splitlines()) <= (100 if path.stem in NOT_RULES else 60)
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    if path.stem not in NOT_RULES:
        main = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
        assert not main.args.args, "main takes keywords only"
        assert "run(main, snakemake)" in text


def leaves(value, path=()):
    """Keys of nested mappings, as paths."""
    if not isinstance(value, dict):
        return [path]
    return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]


def is_used(path, *, rules, scripts):
    """Whether a rule takes this key by itself, or its whole section for a script that names the key."""
    section, key = path[0], path[-1]
    subscripts = "".join(rf'\["{name}"\]' for name in path)
    if re.search(rf'"{"/".join(path)}"|config{subscripts}', rules):
        return True
    if section == "report":  # the report takes the whole config, to print it
        return re.search(subscripts, scripts) is not None
    whole = re.search(rf'lookup\("{section}"|\*\*config\["{section}"\]', rules)
    return bool(whole) and re.search(rf"\b({key}\b|{key.rpartition('_')[0]}_\{{)", scripts) is not None


def test_every_key_of_config_is_used_by_a_rule():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    text = read_rules_text()
    keys = [path for path in leaves(config) if path[0] not in ("datasets", "contrasts")]
    assert len(keys) > 30
    scripts = "\n".join(path.read_text() for path in SCRIPTS.rglob("*.py"))
    unused = ["/".join(path) for path in keys if not is_used(path, rules=text, scripts=scripts)]
    assert unused == []
    for key in ("datasets", "contrasts"):
        assert f'config["{key}"]' in text


def test_no_file_names_a_package_registry():
    found = []
    for path in text_files():
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {host}" for host in REGISTRIES if host in text]
    assert found == []


def test_links_between_pages_lead_somewhere():
    pages = [path for path in text_files() if path.suffix == ".md"]
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())]
    assert len(links) > 5
    assert [f"{page.relative_to(ROOT)}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def test_pages_name_config_keys_that_exist():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    sections = {name: keys for name, keys in config.items() if isinstance(keys, dict) and name != "contrasts"}
    pattern = rf"`({'|'.join(sections)})\.(\w+)`"
    named = [pair for path in text_files() if path.suffix == ".md" for pair in re.findall(pattern, path.read_text())]
    assert named
    files = ("html", "parquet", "tsv")  # report.html, quality.parquet, calibration.tsv
    wrong = [f"{section}.{key}" for section, key in named if key not in (*sections[section], *files)]
    assert wrong == []


def test_comments_carry_no_other_marks_than_the_four():
    marks = re.compile(r"#\s*(TODO|FIXME|XXX|HACK)\b")
    sources = [path for path in text_files() if path.suffix in (".py", ".smk")]
    assert len(sources) > 30
    assert [str(path.relative_to(ROOT)) for path in sources if marks.search(path.read_text())] == []


def test_version_is_written_once_and_copied_right():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    changelog = re.search(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert (project["version"], str(citation["version"]), changelog.group(1)) == (alscell.VERSION,) * 3


def test_python_is_the_same_in_every_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == ">=3.12,<3.14"
    assert project["tool"]["ruff"]["target-version"] == "py312"
    assert (ROOT / ".python-version").read_text().strip() == "3.12"
    assert 'SUPPORTED = ("3.12", "3.13")' in (ROOT / "envs" / "setup.py").read_text()


def locked_versions():
    lines = (ROOT / "envs" / "requirements.lock").read_text().splitlines()
    return dict(re.match(r"([\w.-]+)==([^\s;]+)", line).groups() for line in lines if re.match(r"[\w.-]+==", line))


def test_conda_environment_has_the_locked_versions():
    environment = yaml.safe_load((ROOT / "envs" / "alscell.yaml").read_text())
    locked = locked_versions()
    pinned = dict(line.split("=") for line in environment["dependencies"] if not line.startswith("python="))
    assert len(pinned) > 10
    renamed = {"matplotlib-base": "matplotlib", "python-igraph": "igraph", "snakemake-minimal": "snakemake"}
    assert pinned == {name: locked[renamed.get(name, name)] for name in pinned}


def test_lock_has_hashes_and_no_address():
    text = (ROOT / "envs" / "requirements.lock").read_text()
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)
    blocks = [block for block in blocks if "==" in block]
    assert len(blocks) > 100
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links", text)


def tool(*command, cwd=ROOT):
    answer = subprocess.run(
        [Path(sys.executable).parent / command[0], *command[1:]], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"


def test_ruff_finds_nothing():
    tool("ruff", "check", ".")


def test_ruff_would_format_nothing():
    tool("ruff", "format", "--check", ".")


def test_snakefmt_would_format_nothing():
    tool("snakefmt", "--check", "Snakefile", "workflow")


def test_snakemake_lint_finds_nothing(tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    config = ROOT / "examples" / "demo" / "config.yaml"
    tool("snakemake", "--lint", "--snakefile", ROOT / "Snakefile", "--configfile", config, "--directory", tmp_path)
