"""What a user can get wrong in gene sets: families, GMT files, the yaml beside them, collections. Part of `check`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from alscell.check_schema import key_name, schema_problems
from alscell.errors import InputError, nearest

SHIPPED = "shipped with alscell"


def gene_set_problems(pathways: dict[str, Any], schema: dict[str, Any]) -> list[InputError]:
    """All problems of config `pathways`: files that are missing or broken, families and sets with one name.

    Parameters
    ----------
    pathways : dict
        The section, with its defaults.
    schema : dict
        JSON Schema of a set's yaml file.
    """
    problems: list[InputError] = []
    families = dict.fromkeys(pathways["families"], SHIPPED)
    for name in pathways["gene_sets"]:
        place = f"config, key 'pathways.gene_sets', file {name}"
        if Path(name).stem in families:
            found = f"family '{Path(name).stem}' (the file's name), also {families[Path(name).stem]}"
            problems.append(InputError(place, found=found, expected="every family once", mend="Rename the file."))
        families[Path(name).stem] = name
        sets, found_there = read_gmt_sizes(Path(name), place)
        problems += found_there or _facts_problems(Path(name).with_suffix(".yaml"), sets, schema)
    for entry in pathways["collections"]:
        place = f"config, key 'pathways.collections', '{entry['name']}'"
        if entry["name"] in families:
            found = f"family '{entry['name']}', also {families[entry['name']]}"
            problems.append(InputError(place, found=found, expected="every family once", mend="Rename it."))
        families[entry["name"]] = "a collection"
        if entry.get("gmt"):
            sets, found_there = read_gmt_sizes(Path(entry["gmt"]), f"{place}, file {entry['gmt']}")
            problems += found_there
    return problems


def running_sum_problems(
    named: Iterable[str], pathways: dict[str, Any], shipped: Mapping[str, Sequence[str]]
) -> list[InputError]:
    """Sets of config `enrichment.running_sums` that the run does not have.

    Parameters
    ----------
    named : iterable of str
        family/pathway.
    pathways : dict
        The section of the config, with its defaults.
    shipped : mapping
        Family -> names of its sets, of those shipped with alscell. The sets of a family that is neither here nor in a
        GMT file on this machine (a collection to be fetched) are looked up when they are drawn.
    """
    sets: dict[str, Collection[str]] = {family: shipped.get(family, ()) for family in pathways["families"]}
    sets |= {Path(name).stem: read_gmt_sizes(Path(name), name)[0] for name in pathways["gene_sets"]}
    for entry in pathways["collections"]:
        sets[entry["name"]] = read_gmt_sizes(Path(entry["gmt"]), entry["gmt"])[0] if entry.get("gmt") else ()
    where, expected = "config, key 'enrichment.running_sums'", "family/pathway of config `pathways`"
    problems = []
    for name in named:
        family, _, pathway = name.partition("/")
        if family not in sets or (sets[family] and pathway not in sets[family]):
            mend = nearest(pathway, sets[family]) if family in sets else nearest(family, sets)
            problems.append(InputError(where, found=f"'{name}'", expected=expected, mend=mend))
    return problems


def gene_set_warnings(pathways: dict[str, Any]) -> list[str]:
    """Sets of the user that are too small to be scored, and collections with a licence to mind."""
    warnings = []
    for name in pathways["gene_sets"]:
        sets, problems = read_gmt_sizes(Path(name), name)
        small = [set_name for set_name, size in sets.items() if size < pathways["min_genes"]]
        if small and not problems:
            more = f" and {len(small) - 3} more" if len(small) > 3 else ""
            warnings.append(
                f"{name}: {', '.join(small[:3])}{more} of its {len(sets)} sets have fewer than {pathways['min_genes']} "
                "genes (config `pathways.min_genes`) and will not be scored."
            )
    for entry in pathways["collections"]:
        if "kegg" in entry["library"].lower() or any("kegg" in one.lower() for one in entry["sets"]):
            warnings.append(
                f"Collection '{entry['name']}' holds KEGG pathways: KEGG asks all but academic users for a licence, "
                "and alscell ships none of them."
            )
    return warnings


def read_gmt_sizes(path: Path, place: str) -> tuple[dict[str, int], list[InputError]]:
    """Number of genes of each set in a GMT file, and what is wrong with the file."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        mend = "Paths start in the folder where snakemake runs."
        return {}, [InputError(place, found=found, expected="a GMT file (UTF-8 text)", mend=mend)]
    return _gmt_sizes(lines, place)


def _gmt_sizes(lines: Iterable[str], place: str) -> tuple[dict[str, int], list[InputError]]:
    expected = "set, description and at least one gene on each line, parted by tabs"
    seen: dict[str, int] = {}
    sizes: dict[str, int] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.rstrip().split("\t")]
        if len(fields) < 3 or not fields[0]:
            found = f"{len(fields)} field{'s' if len(fields) > 1 else ''}: '{line[:40]}'"
            mend = "GMT files are parted by tabs, not blanks."
            return sizes, [*problems, InputError(f"{place}, line {number}", found=found, expected=expected, mend=mend)]
        if fields[0] in seen:
            found = f"set '{fields[0]}', already in line {seen[fields[0]]}"
            mend = "Rename or remove it."
            problems.append(InputError(f"{place}, line {number}", found=found, expected="every set once", mend=mend))
        seen.setdefault(fields[0], number)
        sizes[fields[0]] = len({gene for gene in fields[2:] if gene})
    if not seen:
        problems.append(InputError(place, found="no gene sets", expected=expected, mend="Fill or remove the file."))
    return sizes, problems


def _facts_problems(path: Path, sets: Iterable[str], schema: dict[str, Any]) -> list[InputError]:
    """What is wrong with the yaml file beside a user's GMT file; nothing, if there is none."""
    if not path.exists():
        return []
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        found = str(error).replace("\n", " ")
        return [InputError(str(path), found=found, expected="valid YAML", mend="Check indentation and quotes.")]
    single = {key: value for key, value in schema.items() if key not in ("required", "$schema", "title")}
    of_all = {**single["properties"], "sets": {"type": "object", "additionalProperties": single}}
    whole = {**single, "properties": of_all}
    problems = [found for _, found in schema_problems(said, whole, where=lambda key: f"{path}, key '{key_name(key)}'")]
    named = (said.get("sets") or {}) if isinstance(said, dict) and not problems else {}
    for name in named:
        if name not in sets:
            found, expected = f"set '{name}'", f"a set of {path.with_suffix('.gmt').name}"
            problems.append(
                InputError(f"{path}, key 'sets'", found=found, expected=expected, mend="Rename or remove it.")
            )
    return problems
