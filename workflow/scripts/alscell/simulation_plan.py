"""The plan of a simulated cohort: the content of simulation.yaml, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alscell.errors import InputError, nearest


@dataclass(frozen=True)
class Effect:
    """One planted change: `fraction` of a set's members move by `log2_fold_change` in one cell type of the case arm."""

    cell_type: str
    family: str
    pathway: str
    log2_fold_change: float
    fraction: float


@dataclass(frozen=True)
class GeneEffect:
    """A change planted gene by gene, whatever set the genes are in; it comes before the sets."""

    cell_type: str
    genes: tuple[str, ...]
    log2_fold_change: float


@dataclass(frozen=True)
class Program:
    """Genes that several cell types share, such as the pan-neuronal ones."""

    cell_types: tuple[str, ...]
    genes: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What to simulate; the fields are the keys of simulation.yaml, where each is explained with its unit."""

    seed_offset: int
    n_genes: int
    case: tuple[str, ...]
    cells_per_sample: int
    cells_spread: float
    proportions: dict[str, float]
    proportion_precision: float
    library_median: float
    library_spread: float
    library_fold: dict[str, float]
    dispersion: float
    dispersion_spread: float
    mitochondrial_share: float
    ribosomal_share: float
    ambient_share: float
    dying_share: float
    dying_library_fold: float
    dying_mitochondrial_share: float
    doublets_per_1000: float
    donor_spread: tuple[float, float]
    module_spread: float
    batch_spread: float
    programs: tuple[Program, ...]
    composition: dict[str, float]
    gene_effects: tuple[GeneEffect, ...]
    effects: tuple[Effect, ...]

    @property
    def cell_types(self) -> list[str]:
        """Cell types in the order of `proportions`; the order of every array over cell types."""
        return list(self.proportions)


SHARES = ("mitochondrial_share", "ribosomal_share", "ambient_share", "dying_share", "dying_mitochondrial_share")
SPREADS = ("cells_spread", "library_spread", "dispersion_spread", "module_spread", "batch_spread", "doublets_per_1000")
ABOVE_ZERO = ("cells_per_sample", "proportion_precision", "library_median", "dispersion", "dying_library_fold")


def plan_from(description: Mapping[str, Any], *, where: str) -> Plan:
    """A checked plan from the content of simulation.yaml.

    Raises
    ------
    InputError
        On an unknown or missing key, a cell type outside `proportions`, or a number out of range; names `where`.
    """
    _check_keys(description, Plan, where)
    for key, kind in (("effects", Effect), ("gene_effects", GeneEffect), ("programs", Program)):
        for number, entry in enumerate(description[key], start=1):
            _check_keys(entry, kind, f"{where}: {key}, entry {number}")
    plan = Plan(
        **{
            **description,
            "case": tuple(description["case"]),
            "donor_spread": tuple(description["donor_spread"]),
            "programs": tuple(
                Program(tuple(entry["cell_types"]), tuple(entry["genes"])) for entry in description["programs"]
            ),
            "gene_effects": tuple(
                GeneEffect(**{**one, "genes": tuple(one["genes"])}) for one in description["gene_effects"]
            ),
            "effects": tuple(Effect(**one) for one in description["effects"]),
        }
    )
    _check_cell_types(plan, where)
    _check_numbers(plan, where)
    return plan


def _check_keys(given: Mapping[str, Any], kind: type, where: str) -> None:
    fields = [field.name for field in dataclasses.fields(kind)]
    for key in given:
        if key not in fields:
            mend = nearest(str(key), fields)
            raise InputError(where, found=f"an unknown key '{key}'", expected="known keys only", mend=mend)
    missing = [name for name in fields if name not in given]
    if missing:
        mend = "examples/demo/simulated_spinal_cord/simulation.yaml explains each."
        raise InputError(where, found=f"no {', '.join(missing)}", expected="every key", mend=mend)


def _check_cell_types(plan: Plan, where: str) -> None:
    named = [("library_fold", name) for name in plan.library_fold]
    named += [("composition", name) for name in plan.composition]
    named += [("effects", effect.cell_type) for effect in plan.effects]
    named += [("gene_effects", effect.cell_type) for effect in plan.gene_effects]
    named += [("programs", name) for program in plan.programs for name in program.cell_types]
    for key, name in named:
        if name not in plan.proportions:
            mend = nearest(name, plan.cell_types)
            raise InputError(f"{where}: {key}", found=f"'{name}'", expected="a cell type of proportions", mend=mend)


def _check_numbers(plan: Plan, where: str) -> None:
    def require(key: str, value: Any, good: bool, expected: str) -> None:
        if not good:
            raise InputError(f"{where}: {key}", found=str(value), expected=expected, mend="Change the number.")

    def numeric(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    for name in SHARES:
        value = getattr(plan, name)
        require(name, value, numeric(value) and 0 <= value < 1, "a number from 0 to below 1")
    for name in (*SPREADS, "n_genes"):
        value = getattr(plan, name)
        require(name, value, numeric(value) and value >= 0, "a number, 0 or more")
    for name in ABOVE_ZERO:
        value = getattr(plan, name)
        require(name, value, numeric(value) and value > 0, "a number above 0")
    spread = plan.donor_spread
    ordered = len(spread) == 2 and all(map(numeric, spread)) and 0 <= spread[0] <= spread[1]
    require("donor_spread", list(spread), ordered, "two numbers, 0 or more, the lower one first")
    shares = plan.proportions.values()
    require("proportions", sum(shares), abs(sum(shares) - 1) < 1e-6 and min(shares) > 0, "shares above 0 that sum to 1")
    for name, value in (*plan.composition.items(), *plan.library_fold.items()):
        require(f"composition or library_fold, {name}", value, numeric(value) and value > 0, "a ratio above 0")
    for effect in plan.effects:
        place = f"effects, {effect.pathway} in {effect.cell_type}"
        require(
            place, effect.fraction, numeric(effect.fraction) and 0 < effect.fraction <= 1, "a fraction above 0, to 1"
        )
    for effect in (*plan.effects, *plan.gene_effects):
        change = effect.log2_fold_change
        require(f"effects in {effect.cell_type}", change, numeric(change) and change != 0, "a number other than 0")
