"""Write docs/config.md from workflow/schemas/config.schema.yaml: `python docs/make_config_page.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# config.yaml, key by key

<!-- Made by docs/make_config_page.py from workflow/schemas/config.schema.yaml: edit that file, not this page. -->

Your own config file holds only what differs from the default one: `snakemake --configfile mine.yaml`. Sections are
laid over the default ones key by key; a list replaces the default list. An unknown key, a wrong type or a value out of
range stops the run before any job, with the key, what was found and what was expected.

Threads, memory and queues are not here; they live in `profiles/`.
"""


def config_page(schema: dict) -> str:
    """The page, as Markdown: one table a section, in the order of the schema."""
    loose = {name: part for name, part in schema["properties"].items() if part["type"] not in ("object", "array")}
    parts = [HEAD, "## General\n", _table(loose)]
    for name, part in schema["properties"].items():
        if part["type"] == "object":
            inner, prefix = part.get("properties"), ""
            if inner is None:
                inner, prefix = next(iter(part["patternProperties"].values()))["properties"], "<name>."
        elif part["type"] == "array":
            inner, prefix = part["items"]["properties"], "- "
        else:
            continue
        parts += [f"## {name}\n", f"{part['description']}\n", _table(inner, prefix)]
    return "\n".join(parts)


def _table(keys: dict[str, dict], prefix: str = "") -> str:
    rows = [
        f"| `{prefix}{name}` | {part['description']} | {_values(part)} | {_default(part)} | {part.get('source', '')} |"
        for name, part in keys.items()
    ]
    return "\n".join(["| key | meaning | values | default | source |", "|---|---|---|---|---|", *rows, ""])


def _values(part: dict) -> str:
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if part["type"] == "array":
        return f"list of {_values(part['items'])}"
    if part["type"] == "object":
        inner = part.get("additionalProperties")
        return f"name: {_values(inner)}" if inner else f"section: {', '.join(f'`{key}`' for key in part['properties'])}"
    words = [{"string": "text", "integer": "whole number", "boolean": "`true` or `false`"}.get(part["type"], "number")]
    for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")):
        if key in part:
            words.append(f"{sign} {part[key]:,}".replace(",", " "))
    unit = f"; {part['unit']}" if "unit" in part else ""
    return f"{', '.join(words)}{unit}"


def _default(part: dict) -> str:
    return f"`{_plain(part['default'])}`" if "default" in part else ""


def _plain(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n").removesuffix("\n...")


if __name__ == "__main__":
    text = (ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8")
    (ROOT / "docs/config.md").write_text(config_page(yaml.safe_load(text)), encoding="utf-8")
