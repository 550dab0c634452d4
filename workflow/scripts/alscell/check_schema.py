"""JSON Schema violations, told in words a user can act on: which key, what is there, what should be, how to mend it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from alscell.errors import InputError, nearest

Path = tuple[str | int, ...]

_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a section of `key: value` lines",
    "null": "nothing",
}
_RANGES = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
}
_PATTERNS = {
    "^[a-z0-9_]+$": "lower-case letters, digits and _ only",
    "^[A-Za-z0-9_]+$": "letters, digits and _ only",
    "^[A-Za-z0-9_.-]+$": "letters, digits, '_', '.' and '-' only",
    "^[A-Za-z0-9_][A-Za-z0-9_.-]*$": "letters, digits, '_', '.' and '-' only, no '.' or '-' in front",
    "^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$": "a folder inside the working folder",
    "^[A-Za-z0-9_.+-]+$": "a file name: letters, digits, '_', '.', '+' and '-' only",
    "^[0-9a-f]{64}$": "64 hexadecimal digits",
    "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$": "year-month-day, such as '2026-12-01'",
    "^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]$": "an ORCID such as 0000-0002-1825-0097",
    "^EFO:[0-9]{7}$": "a term like EFO:0009922",
    "^CL:[0-9]{7}$": "a term like CL:0000100",
    "^(MONDO:[0-9]{7}|PATO:0000461)$": "a term like MONDO:0004976, or PATO:0000461 for normal",
    "^(UBERON:[0-9]{7}|CL:[0-9]{7}|CVCL_[A-Z0-9]{4})$": "UBERON:0002240, CL:0000100 or CVCL_B5P3, for example",
    "^[^|;#]+$": "text without '|', ';' and '#'",
}


def _is_integer(_checker: Any, value: Any) -> bool:
    # JSON Schema also takes 3.0 for an integer; numpy's seeds and range() don't.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_checker: Any, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_TYPES = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
_Validator = extend(Draft202012Validator, type_checker=_TYPES)


def schema_problems(value: Any, schema: dict, *, where: Callable[[Path], str]) -> list[tuple[Path, InputError]]:
    """All places where a value breaks a schema.

    Parameters
    ----------
    value : Any
        What a YAML file or a row of a table holds.
    schema : dict
        JSON Schema, draft 2020-12.
    where : callable
        Names a place, given its path in `value`.

    Returns
    -------
    list of (path, InputError)
        In the order of the places; empty if the value is fine.
    """
    found: dict[str, tuple[Path, InputError]] = {}
    for error in _Validator(schema).iter_errors(value):
        for path, problem in _explained(error, schema, where):
            found.setdefault(str(problem), (path, problem))
    return sorted(found.values(), key=lambda pair: [str(part) for part in pair[0]])


def key_name(path: Path) -> str:
    """A path as users write it: quality.min_counts, datasets[2].id (lists count from 1)."""
    name = ""
    for part in path:
        name += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name


def shown(value: Any) -> str:
    """A value as YAML has it, with its kind where that may surprise, and shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"{str(value).lower()} (true/false)"
    if isinstance(value, dict):
        return "a section of keys"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    text = str(value)
    short = text if len(text) <= 60 else f"{text[:57]}..."
    return f"'{short}' (text)" if isinstance(value, str) else short


def _explained(error: ValidationError, root: dict, where: Callable[[Path], str]) -> Iterator[tuple[Path, InputError]]:
    path, value, schema = tuple(error.absolute_path), error.instance, error.schema
    if error.validator == "additionalProperties" and error.validator_value is False:
        for key in _unknown(value, schema):
            yield (*path, key), _unknown_key(key, schema, root, where((*path, key)))
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in value:
                meaning = schema.get("properties", {}).get(key, {}).get("description", "a value").rstrip(".")
                meaning = meaning[0].lower() + meaning[1:]
                yield (
                    (*path, key),
                    InputError(where((*path, key)), found="nothing", expected=meaning, mend=f"Add '{key}'."),
                )
    elif error.validator == "type":
        kinds = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        expected = " or ".join(_KINDS[kind] for kind in kinds)
        yield path, InputError(where(path), found=shown(value), expected=expected, mend=_mend_kind(value, kinds))
    elif error.validator == "enum":
        valid = [str(option) for option in error.validator_value]
        mend = nearest(str(value), valid)
        mend = mend if mend.startswith("Did") else "Choose one."
        yield path, InputError(where(path), found=shown(value), expected=f"one of {', '.join(valid)}", mend=mend)
    else:
        expected, mend = _limit(error.validator, error.validator_value, schema)
        yield path, InputError(where(path), found=shown(value), expected=expected, mend=mend)


def _unknown(value: dict, schema: dict) -> list[str]:
    patterns = schema.get("patternProperties", {})
    return [
        key
        for key in value
        if key not in schema.get("properties", {}) and not any(re.search(pattern, key) for pattern in patterns)
    ]


def _unknown_key(key: str, schema: dict, root: dict, where: str) -> InputError:
    patterns = schema.get("patternProperties", {})
    if patterns:
        words = " or ".join(_PATTERNS.get(pattern, pattern) for pattern in patterns)
        return InputError(where, found=f"the name '{key}'", expected=words, mend="Rename it.")
    valid = list(schema.get("properties", {}))
    mend = nearest(key, valid) if valid else ""
    mend = mend if mend.startswith("Did") else "Remove it."
    elsewhere = [name for name in _all_keys(root) if name.rpartition(".")[2] == key]
    if elsewhere:
        mend = f"There is '{elsewhere[0]}': check the indentation."
    return InputError(where, found="an unknown key", expected=f"one of {', '.join(sorted(valid))}", mend=mend)


def _all_keys(schema: dict, prefix: str = "") -> Iterator[str]:
    for key, part in schema.get("properties", {}).items():
        yield f"{prefix}{key}"
        yield from _all_keys(part, f"{prefix}{key}.")


def _mend_kind(value: Any, kinds: list[str]) -> str:
    if value is None:
        return "Give a value, or delete the line to get the default."
    if "array" in kinds:
        return f"Write a list: [{value}]." if isinstance(value, str | int | float) else "Write a list: [one, two]."
    if "object" in kinds:
        return "Write `key: value` lines below it, each indented by two spaces."
    if "string" in kinds:
        if isinstance(value, bool):
            return "YAML reads bare yes, no, on, off, true, false as true/false: put the word in quotes."
        return "Write one word or phrase." if isinstance(value, list | dict) else f'Put it in quotes: "{value}".'
    if "boolean" in kinds:
        return "Write true or false, without quotes."
    return _mend_number(value, kinds)


def _mend_number(value: Any, kinds: list[str]) -> str:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return "Write a number."
    if "integer" in kinds and "number" not in kinds and not number.is_integer():
        return "Write a whole number, without a point."
    if not math.isfinite(number) or isinstance(value, bool):
        return "Write a number."
    return f"Write {number:.15g}, without quotes (YAML also reads 1e-3 as text: write 0.001)."


def _limit(keyword: str, limit: Any, schema: dict) -> tuple[str, str]:
    if keyword in _RANGES:
        words = " and ".join(text.format(schema[key]) for key, text in _RANGES.items() if key in schema)
        return f"a number, {words}", "Choose a value in that range."
    if keyword == "pattern":
        return _PATTERNS.get(limit, f"text that fits {limit}"), "Choose another value."
    if keyword == "minLength":
        return "text that is not empty", "Give a value, or delete the line."
    if keyword == "minItems":
        return f"at least {limit} entry", "Add one."
    if keyword == "uniqueItems":
        return "no entry twice", "Remove the repeated entry."
    return f"{keyword} {limit}", schema.get("description", "See docs/config.md.")
