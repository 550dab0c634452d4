"""Digests of what made a result: the code behind its rule, and the parameters of its job."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alscell.errors import InputError


def code_digest(*, name: str, rules: str, script: str, modules: Sequence[str]) -> str:
    """Digest of the code of one rule.

    Parameters
    ----------
    name : str
        The rule, as it is called in its rules file.
    rules : path
        That file; only the rule's own text counts.
    script : path
        Its script.
    modules : sequence of path
        Modules of the package that the script imports, directly or through others.

    Returns
    -------
    str
        SHA-256, hex. Folders and the order of the modules do not matter: names of files and their content do.

    Raises
    ------
    InputError
        If the rules file has no rule of that name.
    """
    texts = {Path(path).name: Path(path).read_text(encoding="utf-8") for path in modules}
    texts |= {f"script {name}": Path(script).read_text(encoding="utf-8"), f"rule {name}": rule_text(rules, name)}
    return parameters_digest(texts)


def rule_text(path: str | Path, name: str) -> str:
    """The text of one rule of a rules file, from its `rule` line to its last indented line.

    Raises
    ------
    InputError
        If the file has no rule of that name.
    """
    text = Path(path).read_text(encoding="utf-8")
    found = re.search(rf"^( *)rule {re.escape(name)}:\n((?:\1[ \t]+\S.*\n?|[ \t]*\n)+)", text, flags=re.MULTILINE)
    if not found:
        mend = "Fetch the checkout anew."
        raise InputError(str(path), found=f"no rule {name}", expected=f"a line 'rule {name}:'", mend=mend)
    return found[2].rstrip()


def parameters_digest(parameters: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of named values; the order of the names does not matter, that of lists does."""
    text = json.dumps(plain(parameters), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """Nested mappings and sequences as dict and list, keys as text; values that JSON has no type for as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(inner) for inner in value), key=str)
    return value if value is None or isinstance(value, bool | int | float) else str(value)
