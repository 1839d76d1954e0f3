"""Lets go of the data that exceptions hold: in the frames that they came through, and as items."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from ...errors import MapError
from ...model.events import Failure, entries
from ...model.refs import RELEASED
from ...strangers import is_error, reasons_of, traceback_of

__all__ = ["forget_data"]


def forget_data(log: list[Any]) -> None:
    """Let go of the data that the exceptions in a log hold; they themselves stay, and their lines.

    Examples
    --------
    >>> def fail(data): raise ValueError("no")
    >>> try:
    ...     fail([1, 2])
    ... except ValueError as caught:
    ...     error = caught
    >>> from taskinity_nb.model.events import State, entered
    >>> frame = error.__traceback__.tb_next.tb_frame
    >>> frame.f_locals
    {'data': [1, 2]}
    >>> forget_data(list(entered(0, State.RETRYING, 0, error)))
    >>> frame.f_locals
    {}
    """
    seen: set[int] = set()
    left = [error for entry in entries(log) for error in _errors_in(entry)]
    while left:
        error = left.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        _clear_frames(traceback_of(error))
        left += reasons_of(error)
        if type(error) is MapError:
            error.let_go(RELEASED)
            left += [why for _, _, why in error.items]


def _errors_in(entry: tuple[Any, ...]) -> Iterator[BaseException]:
    """Yield what is raised according to a fact: how an attempt has failed, or why there is more."""
    for place in (entry[3], entry[5]):
        error = place.error if isinstance(place, Failure) else place
        if is_error(error):
            yield error


def _clear_frames(traceback: TracebackType | None) -> None:
    """Let go of the local names in frames that have ended."""
    while traceback is not None:
        with contextlib.suppress(RuntimeError):  # it goes on
            traceback.tb_frame.clear()
        traceback = traceback.tb_next
