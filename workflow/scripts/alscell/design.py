"""Which donors a contrast compares, and the design matrix that tests it with the covariates held constant.

Contrasts of one factor whose arms are the same or share no level stand in one model, as in limma, edgeR and DESeq2: it
is fitted once, and all its donors inform the variances.
ASSUME: donors of all groups of a model vary alike around their group's mean.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from alscell.check_design import is_missing, is_number, mixed_covariate
from alscell.errors import InputError, nearest
from alscell.keys import CASE_ARM, CONTROL_ARM, is_label_column

LOG = logging.getLogger("alscell.design")
INTERCEPT = "intercept"
Definition = Mapping[str, Any]  # a contrast of config.yaml: factor, case, control, and modifier or paired_by


@dataclass(frozen=True)
class Comparison:
    """The donors of one contrast, by group.

    Parameters
    ----------
    groups : Series
        Donor -> group: two (the arms), or four if the contrast has a modifier.
    arms : Series
        Donor -> "case" or "control", index as in `groups`.
    weights : dict
        Group -> +1 or -1: the effect is the sum of the groups' means, so weighted.
    """

    groups: pd.Series
    arms: pd.Series
    weights: dict[str, int]

    @property
    def n_case(self) -> int:
        return int((self.arms == CASE_ARM).sum())

    @property
    def n_control(self) -> int:
        return int((self.arms == CONTROL_ARM).sum())

    @property
    def smallest_group(self) -> int:
        """Donors in the smallest group; 0 if one has none."""
        return int(self.groups.value_counts().reindex(list(self.weights), fill_value=0).min())

    def group_weights(self) -> np.ndarray:
        """Weight of each donor, in their order, so that a sum over donors is the effect without covariates."""
        sizes = self.groups.map(self.groups.value_counts())
        return (self.groups.map(self.weights) / sizes).to_numpy(dtype=float)


@dataclass(frozen=True)
class Design:
    """A design matrix of full column rank, and the combination of its coefficients that is tested.

    Parameters
    ----------
    matrix : DataFrame, donors x terms
        Float: intercept, covariates, one indicator for each group but the first. Designs of one model share it.
    contrast : ndarray (terms,)
        The effect is the sum of the coefficients, so weighted: case minus control.
    comparison : Comparison
        Donors of the contrast itself; `matrix` may hold donors of further groups.
    n_groups, smallest_group : int
        Groups of the model, and donors in the smallest one.
    """

    matrix: pd.DataFrame
    contrast: np.ndarray
    comparison: Comparison
    n_groups: int
    smallest_group: int

    @property
    def arms(self) -> pd.Series:
        return self.comparison.arms

    @property
    def n_group_terms(self) -> int:
        """Columns of groups; they come last."""
        return self.n_groups - 1

    @property
    def n_case(self) -> int:
        return self.comparison.n_case

    @property
    def n_control(self) -> int:
        return self.comparison.n_control

    @property
    def df_residual(self) -> int:
        return self.matrix.shape[0] - self.matrix.shape[1]


@dataclass(frozen=True)
class Untested:
    """Why a contrast gives no p-value.

    Parameters
    ----------
    reason : str
        no_donors_in_an_arm, too_few_donors or design_not_estimable.
    detail : str
        Numbers and names behind it.
    comparison : Comparison
    """

    reason: str
    detail: str
    comparison: Comparison


def assign_arms(donors: pd.DataFrame, *, factor: str, case: Sequence[str], control: Sequence[str]) -> pd.Series:
    """The arm of each donor that is in one; donors of other levels are left out.

    Parameters
    ----------
    donors : DataFrame
        One row a donor, index donor.
    factor : str
        Column that holds the levels.
    case, control : sequence of str
        Levels of each arm.

    Returns
    -------
    Series of "case" or "control", index donor, in the order of `donors`.

    Raises
    ------
    InputError
        If the column is absent, or a level is in both arms.
    """
    levels = _text(donors, factor, role="contrast factor")
    both = sorted(set(map(str, case)) & set(map(str, control)))
    if both:
        raise InputError(
            f"contrast on '{factor}'",
            found=f"'{both[0]}' in both case and control",
            expected="a level in one arm only",
            mend="Remove it from one of the two lists in config.yaml.",
        )
    arm_of_level = {str(level): CASE_ARM for level in case} | {str(level): CONTROL_ARM for level in control}
    return levels.map(arm_of_level).dropna().rename("arm")


def assign_groups(donors: pd.DataFrame, definition: Definition) -> Comparison:
    """Donors of a contrast by group.

    Parameters
    ----------
    donors : DataFrame
        One row a donor, index donor.
    definition : mapping
        factor, case, control as in `assign_arms`; optionally modifier (factor, case, control: the effect is how much
        more the arms differ in its case levels than in its control levels) or paired_by (a column: donors of a value
        that is not in both arms are left out).

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        As `assign_arms`.
    """
    sides = {key: definition[key] for key in ("factor", "case", "control")}
    arms = assign_arms(donors, **sides)
    labels = {arm: _group(sides, arm) for arm in (CASE_ARM, CONTROL_ARM)}
    weights = {labels[CONTROL_ARM]: -1, labels[CASE_ARM]: 1}
    groups = arms.map(labels)
    if block := definition.get("paired_by"):
        blocks = _text(donors.loc[arms.index], block, role="column of pairs")
        both = set(blocks[arms == CASE_ARM]) & set(blocks[arms == CONTROL_ARM])
        paired = blocks.isin(both) & ~blocks.map(is_missing)
        arms, groups = arms[paired], groups[paired]
    if modifier := definition.get("modifier"):
        sides = {key: modifier[key] for key in ("factor", "case", "control")}
        inner = assign_arms(donors.loc[arms.index], **sides)
        names = {arm: _group(sides, arm) for arm in (CASE_ARM, CONTROL_ARM)}
        arms, groups = arms[inner.index], groups[inner.index] + ", " + inner.map(names)
        weights = {
            f"{group}, {names[arm]}": sign * (1 if arm == CASE_ARM else -1)
            for group, sign in weights.items()
            for arm in (CONTROL_ARM, CASE_ARM)
        }
    return Comparison(groups.rename("group"), arms, weights)


def _group(sides: Definition, arm: str) -> str:
    """Name of an arm: equal for equal levels, in whatever order."""
    return f"{sides['factor']}={'+'.join(sorted(map(str, sides[arm])))}"


def share_models(definitions: Mapping[str, Definition]) -> list[list[str]]:
    """Contrasts that can stand in one model, in the order of config.

    Two can if they have one factor, no modifier and no pairs, and any two of their arms are the same or share no level.
    """
    models: list[list[str]] = []
    for name, definition in definitions.items():
        fitting = (model for model in models if all(_agree(definition, definitions[other]) for other in model))
        if (model := next(fitting, None)) is not None:
            model.append(name)
        else:
            models.append([name])
    return models


def _agree(one: Definition, other: Definition) -> bool:
    plain = not any(definition.get(key) for definition in (one, other) for key in ("modifier", "paired_by"))
    arms = [[set(map(str, definition[arm])) for arm in (CASE_ARM, CONTROL_ARM)] for definition in (one, other)]
    return plain and one["factor"] == other["factor"] and all(a == b or not a & b for a in arms[0] for b in arms[1])


def plan_tests(
    donors: pd.DataFrame, definitions: Mapping[str, Definition], *, covariates: Sequence[str], min_donors: int
) -> tuple[dict[str, Design], dict[str, Untested]]:
    """Designs of contrasts that these donors can test, and why they can't test the others.

    Parameters
    ----------
    donors : DataFrame
        One row a donor, index donor: those with enough cells.
    definitions : mapping of str to mapping
        Contrasts by name, as `assign_groups`.
    covariates : sequence of str
        Columns to hold constant.
    min_donors : int
        Donors in each group of a contrast.

    Returns
    -------
    designs : dict of str to Design
        Contrasts of one model share their matrix; where the model can't be estimated, each has its own.
    untested : dict of str to Untested

    Raises
    ------
    InputError
        If a factor is no donor-level column. A design that cannot be estimated is among `untested`: the whole design
        was checked before the run, but donors may be lost to quality control or to a thin cell type.
    """
    comparisons = {name: assign_groups(donors, definition) for name, definition in definitions.items()}
    designs: dict[str, Design] = {}
    untested = {
        name: reason for name, comparison in comparisons.items() if (reason := _too_few(comparison, min_donors))
    }
    for model in share_models({name: definitions[name] for name in definitions if name not in untested}):
        for names in dict.fromkeys([tuple(model), *((name,) for name in model)]):
            if designs.keys() >= set(model):
                break
            try:
                designs |= build_designs(donors, {name: definitions[name] for name in names}, covariates=covariates)
            except InputError as error:
                detail = f"{error.found}; expected {error.expected}"
                untested |= {name: Untested("design_not_estimable", detail, comparisons[name]) for name in names}
    return designs, {name: reason for name, reason in untested.items() if name not in designs}


def _too_few(comparison: Comparison, min_donors: int) -> Untested | None:
    sizes = f"{comparison.n_case} case and {comparison.n_control} control donors"
    if len(comparison.weights) > 2:
        counts = comparison.groups.value_counts().reindex(list(comparison.weights), fill_value=0)
        sizes = "; ".join(f"{n} donors of {group}" for group, n in counts.items())
    if not comparison.smallest_group:
        return Untested("no_donors_in_an_arm", sizes, comparison)
    if comparison.smallest_group < min_donors:
        detail = f"{sizes}; {min_donors} needed in each; effects only"
        return Untested("too_few_donors", detail, comparison)
    return None


def build_design(donors: pd.DataFrame, *, covariates: Sequence[str], **definition: Any) -> Design:
    """Design of one contrast alone, as `build_designs`; `definition` is factor, case, control, ... ."""
    return build_designs(donors, {"": definition}, covariates=covariates)[""]


def build_designs(
    donors: pd.DataFrame, definitions: Mapping[str, Definition], *, covariates: Sequence[str]
) -> dict[str, Design]:
    """Designs of contrasts that share one model: intercept, covariates, groups.

    Numeric covariates (every value a number) are z-scored, others, and those of keys.is_label_column, become indicator
    columns of all levels but the first; so do pairs. A covariate that is the same in all these donors is dropped, and
    so is one that is the modifier or the pair. The log says how each was coded.

    Parameters
    ----------
    donors : DataFrame
        One row a donor, index donor. Only donors of the contrasts are kept.
    definitions : mapping of str to mapping
        Contrasts by name, as `assign_groups`; those of one element of `share_models`.
    covariates : sequence of str
        Columns to hold constant.

    Returns
    -------
    dict of str to Design

    Raises
    ------
    InputError
        If a group has no donor, a column is absent, empty for a donor or of numbers and other values, no residual
        degree of freedom is left, or a group or a covariate cannot be told apart from the others; the message names
        donor and column.
    """
    if donors.index.has_duplicates:
        raise ValueError(f"donor '{donors.index[donors.index.duplicated()][0]}' has two rows")
    comparisons = {name: assign_groups(donors, definition) for name, definition in definitions.items()}
    for name, comparison in comparisons.items():
        _check_groups(donors, definitions[name], comparison)
    groups = pd.concat([comparison.groups for comparison in comparisons.values()])
    groups = groups[~groups.index.duplicated()]
    kept = donors.loc[donors.index.isin(groups.index)]
    groups = groups[kept.index]
    blocks = _covariate_blocks(donors, kept, definitions, covariates)
    names = list(dict.fromkeys(group for comparison in comparisons.values() for group in comparison.weights))
    intercept = pd.DataFrame({INTERCEPT: 1.0}, index=kept.index)
    indicators = pd.DataFrame({name: (groups == name).astype(float) for name in names[1:]}, index=kept.index)
    _check_rank(intercept, blocks, indicators, sides=" from ".join(_plain(name) for name in reversed(names)))
    matrix = pd.concat([intercept, *blocks.values(), indicators], axis=1)
    size = {"n_groups": len(names), "smallest_group": int(groups.value_counts().min())}
    weights = {
        name: np.array([comparison.weights.get(term, 0.0) for term in matrix], dtype=float)
        for name, comparison in comparisons.items()
    }
    return {name: Design(matrix, weights[name], comparison, **size) for name, comparison in comparisons.items()}


def _plain(group: str) -> str:
    """'ALS + FTD' of 'condition=ALS+FTD'."""
    return ", ".join(part.split("=", 1)[-1].replace("+", " + ") for part in group.split(", "))


def _check_groups(donors: pd.DataFrame, definition: Definition, comparison: Comparison) -> None:
    factor = definition["factor"]
    for arm in (CASE_ARM, CONTROL_ARM):
        if not (comparison.arms == arm).any():
            seen = sorted(set(_text(donors, factor, role="contrast factor")))
            levels = list(definition[arm])
            raise InputError(
                f"contrast on '{factor}'",
                found=f"no donor in the {arm} arm {levels}; levels present: {seen}",
                expected="at least one donor in each arm",
                mend=nearest(str(levels[0]) if levels else "", seen),
            )
    counts = comparison.groups.value_counts()
    if empty := [group for group in comparison.weights if group not in counts]:
        raise InputError(
            f"contrast on '{factor}'",
            found=f"no donor of {empty[0]}",
            expected="donors in all four groups of arm and modifier",
            mend="Remove the contrast, or choose other levels of its modifier.",
        )


def _covariate_blocks(
    donors: pd.DataFrame, kept: pd.DataFrame, definitions: Mapping[str, Definition], covariates: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Columns of each covariate that varies, and of pairs."""
    pairs = [definition["paired_by"] for definition in definitions.values() if definition.get("paired_by")]
    modifiers = [(definition.get("modifier") or {}).get("factor") for definition in definitions.values()]
    held = [name for name in covariates if name not in (*pairs, *modifiers)]
    for name in held:
        text = _text(donors, name, role="covariate")
        if problem := mixed_covariate(name, text.to_dict(), f"covariate '{name}'", "samples.tsv"):
            raise problem
    blocks = {name: covariate_terms(kept, name, labels=name in pairs) for name in (*held, *pairs)}
    return {name: block for name, block in blocks.items() if block is not None}


def _text(donors: pd.DataFrame, column: str, *, role: str) -> pd.Series:
    if column not in donors:
        raise InputError(
            f"{role} '{column}'",
            found="no such donor-level column",
            expected="a column of samples.tsv with one value a donor",
            mend=f"{nearest(column, map(str, donors.columns))} A column that differs between samples of one donor "
            "cannot be used.",
        )
    return donors[column].astype(object).where(donors[column].notna(), "").astype(str).str.strip()


def covariate_terms(donors: pd.DataFrame, name: str, *, labels: bool) -> pd.DataFrame | None:
    """Columns of one covariate; None if it does not vary. `labels`: whatever its values look like."""
    text = _text(donors, name, role="covariate")
    empty = text.index[text.map(is_missing)]
    if len(empty):
        raise InputError(
            f"covariate '{name}'",
            found=f"no value for donor {', '.join(map(str, empty[:5]))}",
            expected="a value for every donor of the contrast",
            mend=f"Fill column '{name}' of samples.tsv, or drop the covariate from config.yaml.",
        )
    if text.nunique() < 2:
        LOG.info("covariate '%s' is '%s' in all %d donors: dropped", name, text.iloc[0], len(text))
        return None
    if not labels and not is_label_column(name) and text.map(is_number).all():
        numbers = text.astype(float)
        if numbers.nunique() < 2:
            LOG.info("covariate '%s' is %g in all %d donors: dropped", name, numbers.iloc[0], len(text))
            return None
        LOG.info("covariate '%s': numeric, %g to %g", name, numbers.min(), numbers.max())
        return ((numbers - numbers.mean()) / numbers.std(ddof=1)).to_frame(name)
    levels = sorted(text.unique())
    LOG.info("covariate '%s': labels %s", name, ", ".join(levels))
    return pd.DataFrame({f"{name}={level}": (text == level).astype(float) for level in levels[1:]}, index=text.index)


def _check_rank(intercept: pd.DataFrame, blocks: dict[str, pd.DataFrame], groups: pd.DataFrame, *, sides: str) -> None:
    """Refuse a design whose columns depend on each other, or leave no spread; name the covariate that is the reason."""
    full = pd.concat([intercept, *blocks.values(), groups], axis=1)
    if _rank(full) == full.shape[1] < len(full):
        return
    if _rank(full) == full.shape[1]:
        raise InputError(
            "design",
            found=f"{len(full)} donors for {full.shape[1]} coefficients",
            expected="more donors than coefficients, to measure their spread",
            mend="Drop a covariate in config.yaml.",
        )
    for name, block in blocks.items():
        alone = pd.concat([intercept, block, groups], axis=1)
        if _rank(alone) < alone.shape[1]:
            raise _confounded(f"'{name}' separates {sides} completely", f"'{name}'", len(full))
    seen = intercept
    for name, block in blocks.items():
        seen = pd.concat([seen, block], axis=1)
        if _rank(seen) < seen.shape[1]:
            before = ", ".join(list(blocks)[: list(blocks).index(name)])
            found = f"'{name}' follows from the covariates before it ({before})"
            raise _confounded(found, f"'{name}'", len(full))
    names = " and ".join(f"'{name}'" for name in blocks)
    raise _confounded(f"{names} together separate {sides} completely", f"one of {names}", len(full))


def _rank(matrix: pd.DataFrame) -> int:
    return int(np.linalg.matrix_rank(matrix.to_numpy()))


def _confounded(found: str, drop: str, n_donors: int) -> InputError:
    return InputError(
        "design",
        found=f"{found} ({n_donors} donors)",
        expected="a contrast that the covariates do not already explain",
        mend=f"Drop {drop} from `covariates` in config.yaml; the data cannot tell the two apart.",
    )
