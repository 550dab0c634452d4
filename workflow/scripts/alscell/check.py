"""Everything a user can get wrong in config, dataset and sample files: found before any job, all of it at once.

Imports neither pandas nor numpy: it runs at the start of every snakemake call.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from alscell.check_dataset import (
    Sheet,
    facts_problems,
    read_facts,
    read_sheet,
    sex_warning,
    sheet_problems,
    unfilled_columns,
)
from alscell.check_design import arm_note, arm_warning, contrast_problems
from alscell.check_gene_sets import gene_set_problems, gene_set_warnings, running_sum_problems
from alscell.check_schema import key_name, schema_problems
from alscell.errors import InputError, nearest

_CACHED = r"[^\s']*/snakemake-runtime-cache/[^/\s]+/file(?P<path>/[^\s',]*)"


@dataclass(frozen=True)
class Findings:
    """Problems stop the run; warnings are sentences that don't; notes say who is compared with whom."""

    problems: list[InputError]
    warnings: list[str]
    notes: list[str] = field(default_factory=list)


def check_inputs(
    config: dict,
    *,
    schemas: dict[str, str],
    datasets: Sequence[dict[str, str]],
    config_files: Sequence[str],
    shipped_sets: Mapping[str, Sequence[str]],
) -> Findings:
    """Check config, and each dataset it names.

    Parameters
    ----------
    config : dict
        What the user gave, after Snakemake merged it.
    schemas : dict
        Paths of the schemas config, dataset, samples and gene_set.
    datasets : sequence of {"info": path, "sheet": path}
        dataset.yaml and samples.tsv of the entries of `datasets` that are sections, in their order.
    config_files : sequence of str
        Config files that were read, for messages; may be empty.
    shipped_sets : mapping
        Family -> names of its gene sets, of those shipped with alscell.
    """
    schema = {name: yaml.safe_load(Path(path).read_text(encoding="utf-8")) for name, path in schemas.items()}
    broken = schema_problems(config, schema["config"], where=lambda path: _place(path, config_files))
    problems = [problem for _, problem in broken]
    if "datasets" not in config:
        mend = "Add `datasets: [{id: ..., folder: ..., contrasts: [...]}]`."
        problems.append(InputError("config, key 'datasets'", found="nothing", expected="a list of datasets", mend=mend))
    bad = {path for path, _ in broken}
    sound = {key: value for key, value in config.items() if not _touched(bad, key)}
    filled = _with_defaults(sound, schema["config"])
    problems += gene_set_problems(filled["pathways"], schema["gene_set"])
    problems += running_sum_problems(filled["enrichment"]["running_sums"], filled["pathways"], shipped_sets)
    problems += _download_problems(filled["download"])
    problems += _name_problems(filled["synthesis"]["cell_types"])
    contrasts = {
        name: contrast
        for name, contrast in (config.get("contrasts") or filled["contrasts"]).items()
        if not _touched(bad, "contrasts", name)
    }
    problems += _arms_problems(contrasts)
    results = _dataset_findings(config, datasets, bad, schema, filled, contrasts)
    warnings = [*gene_set_warnings(filled["pathways"]), *results.warnings]
    return Findings([*problems, *results.problems], warnings, results.notes)


def plain_paths(text: str) -> str:
    """A message with paths as the user knows them: Snakemake reads what it ships from copies in its cache."""
    text = re.sub(_CACHED, lambda match: os.path.normpath(match["path"]), text)
    return text.replace(f"{Path.cwd()}/", "")


def _touched(bad: set[tuple], *place: Any) -> bool:
    """Whether a problem lies at a place, or below or above it."""
    return any(path[: len(place)] == place or (path and place[: len(path)] == path) for path in bad)


def _place(path: tuple, config_files: Sequence[str]) -> str:
    """A key of the config, and the last config file that has it."""
    return f"{_file_with(path, config_files) or 'config'}, key '{key_name(path)}'"


def _file_with(path: tuple, config_files: Sequence[str]) -> str | None:
    for file in reversed(config_files):
        try:
            value = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
            for part in path:
                value = value[part]
        except (OSError, UnicodeError, yaml.YAMLError, KeyError, IndexError, TypeError):
            continue
        return file
    return None


def _with_defaults(value: dict, schema: dict) -> dict:
    filled = dict(value)
    for key, part in schema.get("properties", {}).items():
        if part.get("type") == "object":
            filled[key] = _with_defaults(filled.get(key, part.get("default", {})), part)
        elif key not in filled and "default" in part:
            filled[key] = part["default"]
    return filled


def _download_problems(download: dict) -> list[InputError]:
    mirror = download["mirror"]
    if not mirror or "://" in mirror or Path(mirror).is_dir():
        return []
    expected = "an address (https://...) or a folder that exists"
    mend = 'Mend it, or set it to "" for none.'
    return [InputError("config, key 'download.mirror'", found=f"'{mirror}'", expected=expected, mend=mend)]


def _name_problems(cell_types: dict[str, list[str]]) -> list[InputError]:
    """Names that stand for two cell types, or that are a cell type and another name of one."""
    listed = [name for own, others in cell_types.items() for name in {own, *others}]
    twice = sorted({name for name in listed if listed.count(name) > 1})
    mend = "Leave each name under one cell type."
    return [
        InputError("config, key 'synthesis.cell_types'", found=f"'{name}' twice", expected="every name once", mend=mend)
        for name in twice
    ]


def _arms_problems(contrasts: dict) -> list[InputError]:
    problems = []
    for name, contrast in contrasts.items():
        both = [level for level in contrast["case"] if level in contrast["control"]]
        if both:
            found = f"{', '.join(both)} in both case and control"
            mend = "Remove it from one of the two lists."
            problems.append(
                InputError(f"config, contrast '{name}'", found=found, expected="each level in one arm", mend=mend)
            )
    return problems


def _dataset_findings(
    config: dict, datasets: Sequence[dict], bad: set, schema: dict, filled: dict, contrasts: dict
) -> Findings:
    entries = config.get("datasets") if isinstance(config.get("datasets"), list) else []
    paths = iter(datasets)
    problems, warnings, notes, seen, known, sheets = [], [], [], {}, [], []
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue
        files = next(paths)
        if _touched(bad, "datasets", index, "id") or _touched(bad, "datasets", index, "folder") or "id" not in entry:
            continue
        where = f"config, dataset '{entry['id']}'"
        if entry["id"] in seen:
            problems.append(InputError(where, found="this id twice", expected="every id once", mend="Rename one."))
        seen[entry["id"]] = index
        facts, sheet, found = _read_folder(entry, files, schema, data_folder=filled["data_folder"])
        problems += found
        if facts:
            problems += _role_problems(entry, facts, where=where)
        if _touched(bad, "datasets", index):
            continue
        known += [(entry, facts)] if facts else []
        sheets.append(sheet)
        design = _design_findings(entry, sheet, contrasts, config, filled["differential"]["min_donors"], where=where)
        problems += design.problems
        warnings += design.warnings
        notes += design.notes
        if sheet and (warning := sex_warning(sheet)):
            warnings.append(warning)
    problems += [*_mixture_problems(known), *_block_problems(filled["calibration"]["blocks"], sheets)]
    return Findings(problems, warnings, notes)


def _role_problems(entry: dict, facts: dict, *, where: str) -> list[InputError]:
    """A cohort is to be compared; a reference must not be: its donors are no controls for another study's cases."""
    contrasts = entry.get("contrasts") or []
    if facts.get("role") == "reference" and contrasts:
        found, expected = f"contrasts {', '.join(map(str, contrasts))}", "none: its dataset.yaml says `role: reference`"
        mend = "Write `contrasts: []`; its cells, types and sums by donor are made all the same."
        return [InputError(where, found=found, expected=expected, mend=mend)]
    if facts.get("role") != "reference" and contrasts == [] and "contrasts" in entry:
        mend = "Name one of `contrasts`, or set `role: reference` in its dataset.yaml."
        return [InputError(where, found="no contrast", expected="at least one in a cohort", mend=mend)]
    return []


def _mixture_problems(known: Sequence[tuple[dict, dict]]) -> list[InputError]:
    """A contrast over simulated and real datasets: the synthesis would pool donors with inventions."""
    real: dict[str, str] = {}
    simulated: dict[str, str] = {}
    for entry, facts in known:
        for name in entry["contrasts"]:
            (simulated if facts.get("simulated") else real).setdefault(name, entry["id"])
    mend = "Run simulated and real datasets apart: two configs, each with a `summary_folder` of its own."
    return [
        InputError(
            f"config, contrast '{name}'",
            found=f"it in '{simulated[name]}' (simulated) and in '{real[name]}' (real)",
            expected="one of the two kinds, since the synthesis pools the datasets of a contrast",
            mend=mend,
        )
        for name in real
        if name in simulated
    ]


def _block_problems(blocks: list[str], sheets: list[Sheet | None]) -> list[InputError]:
    """Columns within which labels are shuffled: one of the datasets has them, with one value for each donor."""
    place, problems = "config, key 'calibration.blocks'", []
    for name in blocks:
        if sheets and all(sheet and name not in sheet.columns for sheet in sheets):
            mend = nearest(name, sorted({column for sheet in sheets for column in sheet.columns}))
            expected = "a column of the samples.tsv of a dataset"
            problems.append(InputError(place, found=f"'{name}'", expected=expected, mend=mend))
        for sheet in sheets:
            split = [donor for donor, row in sheet.donors.items() if name not in row] if sheet else []
            if split and name in sheet.columns:
                found = f"'{name}', with several values within donor {', '.join(split)} in {sheet.path}"
                mend = "Mend the sheet, or leave this column out."
                problems.append(InputError(place, found=found, expected="one value for each donor", mend=mend))
    return problems


def _read_folder(
    entry: dict, files: dict[str, str], schema: dict, *, data_folder: str
) -> tuple[dict | None, Sheet | None, list[InputError]]:
    """dataset.yaml if it is sound, samples.tsv if it has no problem at all, and all problems of the dataset folder."""
    folder = entry.get("folder")
    if not Path(folder or files["info"]).exists():
        place = f"config, dataset '{entry['id']}'"
        found = f"no folder {folder}" if folder else "no `folder`, and no dataset of that name in alscell"
        mend = "Set `folder` to the folder that holds dataset.yaml and samples.tsv."
        return None, None, [InputError(place, found=found, expected="a dataset folder", mend=mend)]
    facts, problems = read_facts(files["info"], schema["dataset"])
    if facts:
        problems += facts_problems(facts, files["info"], entry_id=entry["id"], data_folder=data_folder)
    sheet, found = read_sheet(files["sheet"])
    if sheet:
        found = unfilled_columns(sheet)
    if sheet and facts and not found:
        found = sheet_problems(sheet, facts, schema["samples"], data_folder=data_folder)
    return facts, (None if found else sheet), [*problems, *found]


def _design_findings(
    entry: dict, sheet: Sheet | None, contrasts: dict, config: dict, min_donors: int, *, where: str
) -> Findings:
    problems, warnings, notes = [], [], []
    known = config.get("contrasts") or contrasts
    for name in entry["contrasts"]:
        if name not in known:
            expected = "a name under `contrasts`"
            mend = nearest(name, known) if known else "Add it."
            problems.append(InputError(where, found=f"contrast '{name}'", expected=expected, mend=mend))
        elif sheet and name in contrasts:
            contrast = contrasts[name]
            problems += contrast_problems(
                name,
                contrast,
                sheet.donors,
                columns=sheet.columns,
                covariates=entry.get("covariates", []),
                min_donors=min_donors,
                where=where,
                sheet=sheet.path,
            )
            if warning := arm_warning(name, contrast, sheet.donors, min_donors=min_donors, where=where):
                warnings.append(warning)
            notes.append(arm_note(name, contrast, sheet.donors, dataset=entry["id"]))
    return Findings(list({str(problem): problem for problem in problems}.values()), warnings, notes)
