"""The methods of this very run, to be pasted: what went in, what was counted and tested, and with which software.

The stages are told by report_text.methods; here are the numbers of the data, and the versions.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from alscell import report_text as text
from alscell.figures import donor_arms, plain
from alscell.keys import CASE_ARM, CELL_TYPE, CONDITION, CONTROL_ARM, DONOR, FAMILY, GENE, PATHWAY, UNASSIGNED
from alscell.report_tables import Results


def methods(results: Results, *, version: str) -> list[str]:
    """Paragraphs of the methods: data of each dataset, stages with the values of the config, software."""
    with_cells = [info for info in results.infos.values() if info["enters_at"] != "pseudobulk"]
    assays = {info["assay"] for info in with_cells}
    return [
        *(data_paragraph(results, entry) for entry in results.settings["datasets"]),
        *text.methods(results.settings, assays, from_sums=len(with_cells) < len(results.infos)),
        software_paragraph(results.versions, version=version),
    ]


def data_paragraph(results: Results, entry: dict[str, Any]) -> str:
    """Samples, donors and cells of a dataset, and what each of its contrasts tested."""
    name, info = entry["id"], results.infos[entry["id"]]
    sheet = results.samples[name]
    levels = sheet.drop_duplicates(DONOR)[CONDITION].value_counts().sort_index()
    unit = f"{info['replicate']}s"
    facts = [str(info["organism"]), plain(str(info["tissue"])), str(info["assay"])]
    facts += [str(info["accession"])] if info.get("accession") else []
    stamp = "SIMULATED DATA; " if info["simulated"] else ""
    return " ".join(
        [
            f"Data: {name} ({stamp}{', '.join(facts)}): {len(sheet)} samples of {levels.sum()} {unit} "
            f"({', '.join(f'{n} {level}' for level, n in levels.items())}).",
            *_cells_sentence(results, name),
            *(_contrast_sentence(results, name, contrast, unit) for contrast in entry["contrasts"]),
        ]
    )


def _cells_sentence(results: Results, dataset: str) -> list[str]:
    limits = results.rows("quality_limits", dataset=dataset)
    if limits.empty:
        return []
    used = limits[limits["status"] == "ok"]
    types = set(results.rows("cell_types", dataset=dataset)[CELL_TYPE]) - {UNASSIGNED}
    return [
        f"{text.count(used['n_kept'].sum())} of {text.count(limits['n_cells'].sum())} {_plural(results, dataset)} were "
        f"kept, from {len(used)} samples, and fall into {len(types)} cell types."
    ]


def _plural(results: Results, dataset: str) -> str:
    return "nuclei" if results.infos[dataset]["assay"] == "nuclei" else "cells"


def _contrast_sentence(results: Results, dataset: str, contrast: str, unit: str) -> str:
    where = {"dataset": dataset, "contrast": contrast}
    arms = donor_arms(results.samples[dataset], results.settings["contrasts"][contrast]).value_counts()
    genes, sets = _with_p(results.rows("differential", **where)), _with_p(results.rows("pathway_tests", **where))
    n_types = len(set(genes[CELL_TYPE]) | set(sets[CELL_TYPE]))
    compared = (
        f"{text.arms_text(results.settings['contrasts'][contrast])} ({arms.get(CASE_ARM, 0)} against "
        f"{arms.get(CONTROL_ARM, 0)} {unit})"
    )
    if not n_types:
        return f"{compared}: too few {unit} for a test; effects only."
    n_sets = len(sets[[FAMILY, PATHWAY]].drop_duplicates())
    return (
        f"{compared}: {text.count(genes[GENE].nunique())} genes and {text.count(n_sets)} gene sets were tested in "
        f"{n_types} cell types ({text.count(len(genes))} and {text.count(len(sets))} tests)."
    )


def _with_p(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["p_value"].notna()]


def software_paragraph(versions: dict[str, str], *, version: str) -> str:
    """alscell and the packages that it ran on, with their versions."""
    cited = {"snakemake": "snakemake (Mölder et al. 2021)", "scanpy": "scanpy (Wolf et al. 2018)"}
    named = [f"{cited.get(name, name)} {number}" for name, number in sorted(versions.items())]
    return f"Software: alscell {version} on {text.joined(named)}." if named else f"Software: alscell {version}."
