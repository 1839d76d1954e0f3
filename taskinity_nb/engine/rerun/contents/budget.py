"""How much is written down of what tasks name: as much as nobody feels, or all of it."""

from __future__ import annotations

import math
from typing import Any

from ....formatting import size_text

__all__ = ["Budget", "NotWritten"]

STREAM = 256 << 10
"""What a run that does not resume may spend on its start: about a byte is a nanosecond or ten."""

TINY = 2000.0
"""What each value may spend beside that."""

BUFFERS = 2 << 20
"""Bytes of arrays that it may look at."""


class NotWritten(Exception):
    """Tells why a value is not written down; the text goes on after its name."""


class Budget:
    """What may be spent; each value gets at most half of what is left, so the next has some too.

    Parameters
    ----------
    is_bounded : bool
        Whether there is an end to it. Where there is none, the user's own methods may be called.

    Examples
    --------
    >>> budget = Budget(is_bounded=True)
    >>> budget.begin()
    >>> try:
    ...     budget.check(10**9)
    ... except NotWritten as why:
    ...     print(why)
    was too large to be written down (1 GB)
    """

    def __init__(self, is_bounded: bool) -> None:
        self.is_bounded = is_bounded
        self._left = float(STREAM) if is_bounded else math.inf  # of the run
        self._stream = self._most = math.inf  # of the value, and what it began with
        self._buffers, self._least_buffers = float(BUFFERS) if is_bounded else math.inf, 0.0
        if is_bounded:
            self._stream = self._most = TINY + STREAM / 2
            self.begin()

    def begin(self) -> None:
        """Begin with another value; what is tiny is free, however many there are."""
        if not self.is_bounded:
            return
        self._left -= max(0.0, self._most - self._stream - TINY)
        self._stream = self._most = TINY + self._left / 2
        self._least_buffers = self._buffers / 2

    def spend(self, amount: int, value: Any) -> None:
        """Take note of so much more of a value; raise a `NotWritten` before it is too much."""
        if amount > self._stream:
            raise _too_large(amount if type(value) in (str, bytes) else 0)
        self._stream -= amount

    def spend_buffer(self, amount: int) -> None:
        """Take note of so many bytes of an array, likewise."""
        if self._buffers - amount < self._least_buffers:
            raise _too_large(amount)
        self._buffers -= amount

    def check(self, size: int) -> None:
        """Raise a `NotWritten` if there is no room for an object of this size."""
        if size > max(self._stream, self._buffers - self._least_buffers):
            raise _too_large(size)


def _too_large(size: int) -> NotWritten:
    return NotWritten(f"was too large to be written down{f' ({size_text(size)})' if size else ''}")
