"""Digests of code and parameters change when what they stand for changes, and not otherwise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alscell.digests import code_digest, parameters_digest, rule_text
from alscell.errors import InputError
from alscell.software import changed, circumstances

ROOT = Path(__file__).resolve().parents[2]
RULES = '''"""Rules."""


rule count_cells:
    input:
        "a",

    output:
        "b",


if True:

    rule plot_cells:
        input:
            "b",


rule last:
    input:
        "c",
'''


@pytest.fixture
def code(tmp_path):
    """The files behind a rule: how `code_digest` is called, and the folder."""
    for name, text in (("rules.smk", RULES), ("count_cells.py", "main"), ("keys.py", "k"), ("files.py", "f")):
        (tmp_path / name).write_text(text)
    modules = [tmp_path / "keys.py", tmp_path / "files.py"]
    return {
        "name": "count_cells",
        "rules": tmp_path / "rules.smk",
        "script": tmp_path / "count_cells.py",
        "modules": modules,
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("keys.py", "k", "K", True),
        ("count_cells.py", "main", "mine", True),
        ("rules.smk", '"a"', '"A"', True),
        ("rules.smk", '"c"', '"C"', False),
        ("rules.smk", '    input:\n            "b"', '    input:\n            "B"', False),
    ],
)
def test_code_digest_changes_with_the_code_of_the_rule_only(code, file, old, new, changes):
    before = code_digest(**code)
    path = code["rules"].with_name(file)
    path.write_text(path.read_text().replace(old, new))
    assert (code_digest(**code) != before) is changes


def test_code_digest_does_not_hang_on_place_or_order(code, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = {key: elsewhere / code[key].name for key in ("rules", "script")}
    for path in (*tmp_path.glob("*.py"), code["rules"]):
        (elsewhere / path.name).write_text(path.read_text())
    modules = [elsewhere / path.name for path in reversed(code["modules"])]
    assert code_digest(name="count_cells", modules=modules, **moved) == code_digest(**code)
    assert code_digest(**{**code, "modules": code["modules"][:1]}) != code_digest(**code)


def test_text_of_a_rule(code):
    assert rule_text(code["rules"], "count_cells").splitlines()[-1] == '        "b",'
    assert "plot_cells" not in rule_text(code["rules"], "count_cells")
    assert rule_text(code["rules"], "plot_cells").split() == ["input:", '"b",']
    with pytest.raises(InputError, match="found no rule missing"):
        rule_text(code["rules"], "missing")


def test_every_rule_of_the_workflow_has_its_text():
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for name in re.findall(r"^ *rule (\w+):", path.read_text(), flags=re.MULTILINE):
            text = rule_text(path, name)
            assert "rule " not in re.sub(r'".*?"', "", text), name
            assert not text.endswith("script:"), name


def test_parameters_digest():
    first = parameters_digest({"seed": 42, "arms": {"case": ["ALS", "fALS"]}})
    assert first == parameters_digest({"arms": {"case": ("ALS", "fALS")}, "seed": 42})
    assert first != parameters_digest({"seed": 42, "arms": {"case": ["fALS", "ALS"]}})
    assert parameters_digest({"seed": "42"}) != parameters_digest({"seed": 42})
    assert parameters_digest({"levels": {"b", "a"}}) == parameters_digest({"levels": {"a", "b"}})


def test_circumstances_and_what_changed():
    ours = circumstances()
    named = dict(zip(ours["name"], ours["value"], strict=True))
    assert {"alscell", "numpy", "scikit-learn", "snakemake", "processor", "BLAS"} <= set(named)
    assert re.search(r"openblas|mkl|blis|accelerate", named["BLAS"])
    assert changed(ours, circumstances()).empty
    other = ours[ours["name"] != "scipy"].replace({"value": {named["numpy"]: "1.0"}})
    found = changed(ours, other).set_index("name")
    assert found.loc["numpy", ["value_x", "value_y"]].tolist() == [named["numpy"], "1.0"]
    assert found.loc["scipy", "value_y"] == ""
