"""The rules that run a script, and what one job of each covers: read from the rule files, so nobody keeps a list."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "workflow" / "rules"
SCOPES = (("{sample}", "sample"), ("{file}", "sample"), ("{collection}", "collection"), ("{contrast}", "contrast"))


def rule_scopes(folder: Path = RULES) -> dict[str, str]:
    """Rule -> what one job of it covers: sample (or its raw file), collection, contrast, dataset or run."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.smk")))
    paths = re.findall(r'^ *"benchmarks/(\w+)/(.+)\.tsv",?$', text, flags=re.MULTILINE)
    return {rule: _scope(pattern) for rule, pattern in paths}


def rule_threads(folder: Path = RULES) -> dict[str, int]:
    """Rule -> its threads."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.smk")))
    parts = re.split(r"^ *rule (\w+):\n", text, flags=re.MULTILINE)
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    found = {rule: re.search(r"^ *threads: (\d+)$", body, re.MULTILINE) for rule, body in bodies.items()}
    return {rule: int(match.group(1)) for rule, match in found.items() if match}


def _scope(pattern: str) -> str:
    found = [scope for wildcard, scope in SCOPES if wildcard in pattern]
    return found[0] if found else "dataset" if "{dataset}" in pattern else "run"
