"""The design of one contrast: which donors are in which arm, and the covariates held constant."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alscell.check_design import is_missing, is_number, mixed_covariate
from alscell.errors import InputError, nearest
from alscell.keys import CASE_ARM, CONTROL_ARM, is_label_column

LOG = logging.getLogger("alscell.design")
INTERCEPT = "intercept"
COEFFICIENT = "contrast"


@dataclass(frozen=True)
class Design:
    """A design matrix of full column rank.

    Parameters
    ----------
    matrix : DataFrame, donors x terms
        Float; the first column is the intercept, the last the contrast (1 in the case arm, 0 in the control arm).
    coefficient : str
        The column whose coefficient is case minus control.
    arms : Series
        Donor -> "case" or "control".
    """

    matrix: pd.DataFrame
    coefficient: str
    arms: pd.Series

    @property
    def n_case(self) -> int:
        return int((self.arms == CASE_ARM).sum())

    @property
    def n_control(self) -> int:
        return int((self.arms == CONTROL_ARM).sum())

    @property
    def df_residual(self) -> int:
        return self.matrix.shape[0] - self.matrix.shape[1]


def assign_arms(donors: pd.DataFrame, *, factor: str, case: list[str], control: list[str]) -> pd.Series:
    """The arm of each donor that is in one; donors of other levels are left out.

    Parameters
    ----------
    donors : DataFrame
        One row a donor, index donor.
    factor : str
        Column that holds the levels.
    case, control : list of str
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


def build_design(
    donors: pd.DataFrame, *, factor: str, case: list[str], control: list[str], covariates: list[str]
) -> Design:
    """Design matrix of a contrast: intercept, covariates, and the contrast itself (case 1, control 0).

    Numeric covariates (every value a number) are z-scored, others, and those of keys.is_label_column, become indicator
    columns of all levels but the first. A covariate that is the same in all these donors is dropped. The log says how
    each was coded.

    Parameters
    ----------
    donors : DataFrame
        One row a donor, index donor. Only donors of the two arms are kept.
    factor : str
        Column that holds the levels.
    case, control : list of str
        Levels of each arm.
    covariates : list of str
        Columns to hold constant.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        If an arm has no donor, a column is absent, empty for a donor or of numbers and other values, or the contrast
        or a covariate cannot be told apart from the others; the message names donor and column.
    """
    if donors.index.has_duplicates:
        raise ValueError(f"donor '{donors.index[donors.index.duplicated()][0]}' has two rows")
    arms = assign_arms(donors, factor=factor, case=case, control=control)
    for arm, levels in ((CASE_ARM, case), (CONTROL_ARM, control)):
        if not (arms == arm).any():
            seen = sorted(set(_text(donors, factor, role="contrast factor")))
            raise InputError(
                f"contrast on '{factor}'",
                found=f"no donor in the {arm} arm {list(levels)}; levels present: {seen}",
                expected="at least one donor in each arm",
                mend=nearest(str(levels[0]) if levels else "", seen),
            )
    kept = donors.loc[arms.index]
    for name in covariates:
        text = _text(donors, name, role="covariate")
        if problem := mixed_covariate(name, text.to_dict(), f"covariate '{name}'", "samples.tsv"):
            raise problem
    blocks = {name: block for name in covariates if (block := _terms(kept, name)) is not None}
    intercept = pd.DataFrame({INTERCEPT: 1.0}, index=kept.index)
    contrast = pd.DataFrame({COEFFICIENT: (arms == CASE_ARM).astype(float)}, index=kept.index)
    _check_rank(intercept, blocks, contrast, sides=f"{' + '.join(case)} from {' + '.join(control)}")
    return Design(pd.concat([intercept, *blocks.values(), contrast], axis=1), COEFFICIENT, arms)


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


def _terms(donors: pd.DataFrame, name: str) -> pd.DataFrame | None:
    """Columns of one covariate; None if it does not vary."""
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
    if not is_label_column(name) and text.map(is_number).all():
        numbers = text.astype(float)
        if numbers.nunique() < 2:
            LOG.info("covariate '%s' is %g in all %d donors: dropped", name, numbers.iloc[0], len(text))
            return None
        LOG.info("covariate '%s': numeric, %g to %g", name, numbers.min(), numbers.max())
        return ((numbers - numbers.mean()) / numbers.std(ddof=1)).to_frame(name)
    levels = sorted(text.unique())
    LOG.info("covariate '%s': labels %s", name, ", ".join(levels))
    return pd.DataFrame({f"{name}={level}": (text == level).astype(float) for level in levels[1:]}, index=text.index)


def _check_rank(
    intercept: pd.DataFrame, blocks: dict[str, pd.DataFrame], contrast: pd.DataFrame, *, sides: str
) -> None:
    """Refuse a design whose columns depend on each other, and name the covariate that is the reason."""
    full = pd.concat([intercept, *blocks.values(), contrast], axis=1)
    if _rank(full) == full.shape[1]:
        return
    for name, block in blocks.items():
        alone = pd.concat([intercept, block, contrast], axis=1)
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
