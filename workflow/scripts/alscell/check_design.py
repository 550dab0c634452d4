"""Contrasts and covariates against the donors of a dataset: levels that exist, values that are there, full rank."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from alscell.errors import InputError, nearest
from alscell.keys import CASE_ARM, CONTROL_ARM, DONOR, SAMPLE, SHEET_FILE_COLUMNS, is_label_column

# What people write for "not known". A covariate with such a value would make a group of its own.
MISSING = frozenset(
    (
        *("", "na", "n/a", "n.a.", "<na>", "nan", "null", "none", ".", "-", "--", "?"),
        *("nd", "n.d.", "nk", "nr", "n.r.", "no data", "tbd"),
        *("unk", "unknown", "unspecified", "missing", "not available", "not applicable", "not collected"),
        *("not determined", "not known", "not provided", "not recorded", "not reported", "restricted access"),
    )
)
MOST_NAMES, MOST_LABELS = 12, 6  # donors named, and levels of a column that is told, in the line about arms
FEW_DONORS = 5  # ASSUME: with fewer in an arm there is a word of caution
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def is_missing(value: str) -> bool:
    """Whether a value of samples.tsv stands for "not known"."""
    return re.sub(r"[\s_]+", " ", value.strip().lower()) in MISSING


def is_number(value: str) -> bool:
    """Whether a value of samples.tsv is a finite number, as Python and pandas read it; '90+' and '61,5' are none."""
    return _NUMBER.fullmatch(value.strip()) is not None and math.isfinite(float(value))


def odd_values(name: str, values: dict[str, str]) -> list[str]:
    """Donors whose value is no number, in a covariate where others are numbers; missing values don't count.

    Such a column is neither numbers nor labels, and what it became would depend on which donors a test has.
    """
    known = {} if is_label_column(name) else {donor: text for donor, text in values.items() if not is_missing(text)}
    odd = [donor for donor, text in known.items() if not is_number(text)]
    return odd if len(odd) < len(known) else []


def contrast_problems(
    name: str,
    contrast: dict,
    donors: dict[str, dict[str, str]],
    *,
    columns: Sequence[str],
    covariates: Sequence[str],
    min_donors: int,
    where: str,
    sheet: str,
) -> list[InputError]:
    """Why a contrast cannot be tested in one dataset.

    Parameters
    ----------
    name : str
        Name of the contrast.
    contrast : dict
        factor, case, control, as in config.yaml.
    donors : dict
        Donor -> column -> value, for columns that are the same in all samples of a donor.
    columns : sequence of str
        Columns of samples.tsv.
    covariates : sequence of str
        Columns held constant in the test.
    min_donors : int
        Donors in each arm below which the output is descriptive.
    where : str
        The dataset's entry in config.yaml, for messages.
    sheet : str
        Path of samples.tsv, for messages.
    """
    factor = contrast["factor"]
    place = f"config, contrast '{name}'"
    if factor not in columns:
        mend = nearest(factor, _biology(columns))
        return [InputError(place, found=f"factor '{factor}'", expected=f"a column of {sheet}", mend=mend)]
    if split := _split_donors(donors, factor):
        found = f"donors with several values of '{factor}': {', '.join(split)}"
        mend = "The donor is the unit of every test: mend the sheet, or choose another factor."
        return [InputError(sheet, found=found, expected=f"one '{factor}' for each donor", mend=mend)]
    if problem := _unusable_role(contrast, donors, columns, place=place, sheet=sheet):
        return [problem]
    arms = arm_donors(contrast, donors)
    problems = [
        _empty_arm(arm, contrast, donors, place=place, where=where, sheet=sheet) for arm in arms if not arms[arm]
    ]
    if problems:
        return problems
    pair, modifier = contrast.get("paired_by"), (contrast.get("modifier") or {}).get("factor")
    if modifier and (empty := _empty_quarter(contrast, donors)):
        mend = "Choose other levels, or remove `modifier`."
        expected = "donors in all four groups of arm and modifier"
        return [InputError(f"{place}, used by {where}", found=f"no donor of {empty}", expected=expected, mend=mend)]
    covariates = [covariate for covariate in covariates if covariate not in (pair, modifier)]
    for covariate in covariates:
        problem = _unusable(covariate, factor, arms, donors, columns, where=where, sheet=sheet)
        if problem:
            problems.append(problem)
    if problems:
        return problems
    enough = min(len(members) for members in group_donors(contrast, donors).values()) >= min_donors
    return _rank_problems(arms, contrast, covariates, donors, where=where, needs_spread=enough)


def arm_donors(contrast: dict, donors: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Donors of the case and the control arm, sorted: of the modifier's levels, and with a partner where paired."""
    modifier, pair = contrast.get("modifier"), contrast.get("paired_by")
    chosen = donors
    if modifier:
        levels = [*modifier[CASE_ARM], *modifier[CONTROL_ARM]]
        chosen = {donor: row for donor, row in donors.items() if row.get(modifier["factor"]) in levels}
    arms = {
        arm: sorted(donor for donor, row in chosen.items() if row.get(contrast["factor"]) in contrast[arm])
        for arm in (CASE_ARM, CONTROL_ARM)
    }
    if pair:
        sides = [{chosen[donor].get(pair, "") for donor in members} for members in arms.values()]
        both = {value for value in sides[0] & sides[1] if not is_missing(value)}
        arms = {arm: [donor for donor in members if chosen[donor].get(pair) in both] for arm, members in arms.items()}
    return arms


def group_donors(contrast: dict, donors: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Donors of each arm; with a modifier, of each arm in each side of it."""
    arms, modifier = arm_donors(contrast, donors), contrast.get("modifier")
    if not modifier:
        return arms
    return {
        f"{arm}, {modifier['factor']} {' or '.join(modifier[side])}": [
            donor for donor in members if donors[donor][modifier["factor"]] in modifier[side]
        ]
        for arm, members in arms.items()
        for side in (CASE_ARM, CONTROL_ARM)
    }


def smallest_permutation_p(n_case: int, n_control: int) -> float:
    """The lowest two-sided p-value that permuting labels among so many donors can give.

    The true labelling is one of choose(n, n_case). With arms of one size its mirror image is as extreme, so two count.
    """
    return (2 if n_case == n_control else 1) / math.comb(n_case + n_control, n_case)


def few_donors(n_case: int, n_control: int) -> str:
    """A sentence for a test with fewer than FEW_DONORS donors in an arm, else ''."""
    if min(n_case, n_control) >= FEW_DONORS:
        return ""
    floor = smallest_permutation_p(n_case, n_control)
    return (
        f"few donors, large effects only: no permutation of {n_case} against {n_control} donors can go below p = "
        f"{floor:.2g}; smaller p-values rest on the model alone."
    )


def arm_warning(name: str, contrast: dict, donors: dict, *, min_donors: int, where: str) -> str:
    """A sentence if an arm has too few donors for p-values, or few, else ''."""
    arms = arm_donors(contrast, donors)
    groups = group_donors(contrast, donors)
    few = [f"{len(members)} in {group}" for group, members in groups.items() if len(members) < min_donors]
    if not few:
        caution = few_donors(len(arms[CASE_ARM]), len(arms[CONTROL_ARM]))
        return f"{where}, contrast '{name}': {caution}" if caution else ""
    return (
        f"{where}, contrast '{name}': {' and '.join(few)}, fewer than differential.min_donors ({min_donors}) donors; "
        "the output is descriptive, without p-values."
    )


def arm_note(name: str, contrast: dict, donors: dict[str, dict[str, str]], *, dataset: str) -> str:
    """Who is in which arm, in one line, with the other labels of the sheet: an odd one out is seen before a run."""
    arms = arm_donors(contrast, donors)
    inside = [donors[donor] for members in arms.values() for donor in members]
    columns = [column for column in _biology(inside[0] if inside else ()) if column != contrast["factor"]]
    columns = [column for column in columns if 1 < len({row.get(column) for row in inside}) <= MOST_LABELS]
    said = []
    for arm, members in arms.items():
        names = ", ".join([*members[:MOST_NAMES], *(["..."] if len(members) > MOST_NAMES else [])])
        labels = [
            f"{column}: {', '.join(f'{value or "(empty)"} {n}' for value, n in sorted(counts.items()))}"
            for column in columns
            if (counts := Counter(donors[donor].get(column, "(several)") for donor in members))
        ]
        said.append(f"{arm} {len(members)} ({'; '.join([names, *labels])})")
    return f"{dataset}, {name}: {' against '.join(said)}."


def design_columns(name: str, values: Sequence[str]) -> list[list[Fraction]]:
    """Columns of one covariate in the design, as alscell.design makes them (which imports pandas, too slow here).

    A covariate that does not vary has none; numbers are one column, labels one 0/1 column for each level but the first.
    """
    levels = sorted(set(values))
    if len(levels) < 2:
        return []
    if not is_label_column(name) and all(map(is_number, values)):
        numbers = [Fraction(value.strip()) for value in values]
        return [numbers] if len(set(numbers)) > 1 else []
    return label_columns(values)


def label_columns(values: Sequence[str]) -> list[list[Fraction]]:
    """One 0/1 column for each level but the first."""
    return [[Fraction(value == level) for value in values] for level in sorted(set(values))[1:]]


def rank(columns: Iterable[Sequence[Fraction]]) -> int:
    """Rank of a matrix, exactly, by Gaussian elimination on fractions."""
    basis: list[tuple[int, list[Fraction]]] = []
    for column in columns:
        rest = list(column)
        for pivot, vector in basis:
            if rest[pivot]:
                share = rest[pivot] / vector[pivot]
                rest = [a - share * b for a, b in zip(rest, vector, strict=True)]
        pivot = next((index for index, value in enumerate(rest) if value), None)
        if pivot is not None:
            basis.append((pivot, rest))
    return len(basis)


def _biology(columns: Sequence[str]) -> list[str]:
    return [column for column in columns if column not in (SAMPLE, DONOR, *SHEET_FILE_COLUMNS)]


def _split_donors(donors: dict[str, dict[str, str]], column: str) -> list[str]:
    return sorted(donor for donor, row in donors.items() if column not in row)


def _unusable_role(
    contrast: dict, donors: dict, columns: Sequence[str], *, place: str, sheet: str
) -> InputError | None:
    """What is wrong with the column that pairs donors, or with the modifier."""
    roles = {"paired_by": contrast.get("paired_by"), "modifier": (contrast.get("modifier") or {}).get("factor")}
    for role, column in roles.items():
        if not column:
            continue
        where = f"{place}, `{role}`"
        if column not in columns:
            mend = nearest(column, _biology(columns))
            return InputError(where, found=f"'{column}'", expected=f"a column of {sheet}", mend=mend)
        if column == contrast["factor"] or column not in _biology(columns):
            found = f"'{column}'"
            return InputError(where, found=found, expected="another property of donors", mend="Choose another column.")
        if split := _split_donors(donors, column):
            found = f"donors with several values of '{column}': {', '.join(split)}"
            return InputError(where, found=found, expected="one value for each donor", mend=f"Mend {sheet}.")
    if roles["paired_by"] and not any(arm_donors(contrast, donors).values()):
        found = f"no value of '{roles['paired_by']}' with donors in both arms"
        mend = f"Mend the column in {sheet}, or remove `paired_by`."
        return InputError(f"{place}, `paired_by`", found=found, expected="pairs of case and control", mend=mend)
    return None


def _empty_quarter(contrast: dict, donors: dict) -> str:
    return next((group for group, members in group_donors(contrast, donors).items() if not members), "")


def _empty_arm(arm: str, contrast: dict, donors: dict, *, place: str, where: str, sheet: str) -> InputError:
    factor, levels = contrast["factor"], contrast[arm]
    have = Counter(row[factor] or "(empty)" for row in donors.values())
    counts = ", ".join(f"{level} ({number})" for level, number in sorted(have.items()))
    mend = f"{nearest(levels[0], have)} Else remove this contrast from the dataset."
    return InputError(
        f"{place}, used by {where}",
        found=f"no donor whose '{factor}' is {' or '.join(levels)}; donors in {sheet}: {counts}",
        expected=f"at least one donor in the {arm} arm",
        mend=mend,
    )


def _unusable(
    covariate: str, factor: str, arms: dict, donors: dict, columns: Sequence[str], *, where: str, sheet: str
) -> InputError | None:
    inside = [*arms[CASE_ARM], *arms[CONTROL_ARM]]
    place = f"{where}, covariate '{covariate}'"
    if covariate not in columns:
        mend = nearest(covariate, _biology(columns))
        return InputError(place, found="no such column", expected=f"a column of {sheet}", mend=mend)
    if covariate == factor or covariate not in _biology(columns):
        found = "the factor of the contrast" if covariate == factor else f"the column '{covariate}'"
        return InputError(place, found=found, expected="another property of donors", mend="Remove it.")
    if split := [donor for donor in _split_donors(donors, covariate) if donor in inside]:
        found = f"several values within donor {', '.join(split)}"
        return InputError(place, found=found, expected="one value for each donor", mend=f"Mend {sheet} or remove it.")
    if empty := [donor for donor in inside if is_missing(donors[donor][covariate])]:
        found = f"no value for donor {', '.join(empty)}"
        mend = f"Fill them in {sheet}, or remove the covariate."
        return InputError(place, found=found, expected="a value for every donor of the contrast", mend=mend)
    return mixed_covariate(covariate, {donor: row.get(covariate, "") for donor, row in donors.items()}, place, sheet)


def mixed_covariate(covariate: str, values: dict[str, str], place: str, sheet: str) -> InputError | None:
    """The error for a covariate with numbers and other values, by donor; None if it is of one kind."""
    odd = odd_values(covariate, values)
    if not odd:
        return None
    found = f"'{values[odd[0]]}' for donor {odd[0]}, but numbers for {sum(map(is_number, values.values()))} others"
    mend = f"Mend column '{covariate}' of {sheet}: a plain number (90, not 90+), or a letter before each label (c1)."
    return InputError(place, found=found, expected="numbers only, or labels only", mend=mend)


def _rank_problems(
    arms: dict, contrast: dict, covariates: Sequence[str], donors: dict, *, where: str, needs_spread: bool
) -> list[InputError]:
    factor, modifier, pair = contrast["factor"], contrast.get("modifier"), contrast.get("paired_by")
    inside = [*arms[CASE_ARM], *arms[CONTROL_ARM]]
    one = [Fraction(1)] * len(inside)
    groups = [[Fraction(donor in arms[CASE_ARM]) for donor in inside]]
    held: list[list[Fraction]] = []
    names: list[str] = []
    if modifier:
        side = [Fraction(donors[donor][modifier["factor"]] in modifier[CASE_ARM]) for donor in inside]
        groups += [side, [a * b for a, b in zip(groups[0], side, strict=True)]]
    if pair:
        held, names = label_columns([donors[donor][pair] for donor in inside]), [pair]
        if rank([one, *groups, *held]) < 1 + len(groups) + len(held):
            return [_confounded(pair, f"'{factor}'", inside, where)]
    for covariate in covariates:
        new = design_columns(covariate, [donors[donor][covariate] for donor in inside])
        before, after, with_groups = rank([one, *held]), rank([one, *held, *new]), rank([one, *groups, *held, *new])
        if after < before + len(new):
            return [_confounded(covariate, f"covariates {', '.join(names)}", inside, where)]
        if with_groups < after + len(groups):
            together = f" (together with {', '.join(names)})" if names else ""
            return [_confounded(covariate, f"'{factor}'{together}", inside, where)]
        if new and needs_spread and with_groups >= len(inside):
            found = f"{len(inside)} donors for {with_groups} coefficients"
            expected = "more donors than coefficients, to measure their spread"
            place = f"{where}, covariate '{covariate}'"
            return [InputError(place, found=found, expected=expected, mend="Remove a covariate.")]
        held, names = [*held, *new], [*names, covariate]
    return []


def _confounded(covariate: str, other: str, inside: list[str], where: str) -> InputError:
    return InputError(
        f"{where}, covariate '{covariate}'",
        found=f"that its values in the {len(inside)} donors of the contrast cannot be told apart from {other}",
        expected="a design of full rank",
        mend="Remove this covariate.",
    )
