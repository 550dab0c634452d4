"""The one error type for mistakes that a user can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """A user's input is wrong; the message says where, what was found, what was expected and how to mend it.

    Scripts print it without a traceback and exit with 1.

    Parameters
    ----------
    where : str
        File, and the row or key in it.
    found : str
        What is there now.
    expected : str
        What should be there.
    mend : str
        What the user can do.
    """

    def __init__(self, where: str, *, found: str, expected: str, mend: str) -> None:
        self.where, self.found, self.expected, self.mend = where, found, expected, mend
        super().__init__(f"{where}: found {found}; expected {expected}. {mend}")


class InputErrors(ValueError):
    """Several problems found in one pass, so that a user mends them all at once."""

    def __init__(self, problems: Iterable[InputError]) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count > 1 else ''} in the input:"
        super().__init__("\n".join([head, *(f"  - {problem}" for problem in self.problems)]))


def nearest(name: str, valid: Iterable[str]) -> str:
    """A sentence that proposes the valid name closest to `name`, or lists the valid ones."""
    valid = sorted(valid)
    plain = {option.lower(): option for option in valid}
    close = difflib.get_close_matches(name.lower(), plain, n=1)
    return f"Did you mean '{plain[close[0]]}'?" if close else f"Valid: {', '.join(valid)}."
