"""Write docs/gene_sets.md from resources/gene_sets: `python docs/make_gene_sets_page.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# Gene sets

<!-- Made by docs/make_gene_sets_page.py from resources/gene_sets: edit the files there, not this page. -->

{n_sets} sets of {n_families} families, {n_genes:,} genes. Each set is `resources/gene_sets/<family>/<set>.gmt` with
`<set>.yaml` beside it. A `pathway` is scored and tested as a whole, a `gene_level` list is read gene by gene and never
scored, an `artefact` is scored to be shown beside the hits that it may explain. "Expected" is what the literature lets
one expect; no test uses it. The sets were written without the
papers at hand; a source marked "not confirmed" is one in doubt.
"""


def gene_sets_page(folder: Path) -> str:
    """The page, as Markdown: one table a family."""
    index = yaml.safe_load((folder / "families.yaml").read_text(encoding="utf-8"))
    genes = {
        (family, name): (folder / family / f"{name}.gmt").read_text(encoding="utf-8").rstrip("\n").split("\t")[2:]
        for family, names in index.items()
        for name in names
    }
    head = HEAD.format(n_sets=len(genes), n_families=len(index), n_genes=len(set().union(*genes.values())))
    parts = [head]
    for family, names in index.items():
        rows = [
            _row(name, yaml.safe_load((folder / family / f"{name}.yaml").read_text()), len(genes[family, name]))
            for name in names
        ]
        parts.append(
            f"## {family}\n\n"
            "| set | genes | kind | members go | what | source | expected |\n|---|---|---|---|---|---|---|\n"
            + "\n".join(rows)
            + "\n"
        )
    return "\n".join(parts)


def _row(name: str, facts: dict[str, Any], size: int) -> str:
    kind = facts["kind"]
    if facts.get("mouse_derived"):
        kind += f"; from mice, {100 * facts['human_orthologs']:.0f} % one-to-one orthologs"
    text = facts["definition"]
    text += f". Reason: {facts['reason']}" if facts.get("reason") else ""
    text += f". See also {', '.join(facts['see_also'])}" if facts.get("see_also") else ""
    sources = "; ".join(_source(entry) for entry in facts["source"])
    return f"| `{name}` | {size} | {kind} | {facts['direction']} | {text} | {sources} | {facts['expected_in']} |"


def _source(entry: dict[str, Any]) -> str:
    name = entry.get("paper") or entry["term"]
    link = f"[{name}](https://doi.org/{entry['doi']})" if entry.get("doi") else name
    remarks = [entry["note"]] if entry.get("note") else []
    remarks += ["not confirmed"] if entry.get("confirmed") is False else []
    return f"{link} ({', '.join(remarks)})" if remarks else link


if __name__ == "__main__":
    page = gene_sets_page(ROOT / "resources/gene_sets")
    (ROOT / "docs/gene_sets.md").write_text(page, encoding="utf-8")
