"""What cannot be drawn is said in a line: a picture never stands in the way of what it is of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ...strangers import described, harmless, is_interrupt
from .environment import say

__all__ = ["drawn_or_said", "made_or_told", "why_not"]

Made = TypeVar("Made")

LONGEST_REASON = 200
"""Characters of what is said of an error."""


@contextmanager
def drawn_or_said(what: str, instead: str) -> Iterator[None]:
    """Say in a line that `what` could not be drawn, why, and what to do instead.

    Nothing is raised but what came from the keyboard, even if nothing can be printed.

    Examples
    --------
    >>> with drawn_or_said("the chart", "plot_gantt(run) shows where"):
    ...     raise ValueError("no such colour\\nin the style")
    (the chart could not be drawn: ValueError: no such colour; plot_gantt(run) shows where)
    """
    try:
        yield
    except BaseException as error:
        if is_interrupt(error):
            raise
        line = f"({why_not(what, error)}; {instead})"
        try:
            say(line)
        except BaseException as silent:  # what the user prints to is closed, or fails itself
            if is_interrupt(silent):
                raise


def made_or_told(what: str, make: Callable[[], Made], tell: Callable[[str], Made]) -> Made:
    """Return what is made, or what tells that it could not be drawn, and why.

    Examples
    --------
    >>> made_or_told("the table", lambda: str(1 / 0), lambda why: f"({why})")
    '(the table could not be drawn: ZeroDivisionError: division by zero)'
    """
    try:
        return make()
    except BaseException as error:
        if is_interrupt(error):
            raise
        return tell(why_not(what, error))


def why_not(what: str, error: BaseException) -> str:
    """Say in a line that something could not be drawn, and why.

    Examples
    --------
    >>> why_not("the table", KeyError("state"))
    "the table could not be drawn: KeyError: 'state'"
    """
    text = harmless(described(error), 10 * LONGEST_REASON)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else type(error).__name__
    cut = first[: LONGEST_REASON - 1] + "…" if len(first) > LONGEST_REASON else first
    return f"{what} could not be drawn: {cut.rstrip('.')}"
