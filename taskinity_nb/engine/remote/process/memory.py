"""How much memory a task takes at most, in a process that performs one task at a time.

Linux keeps a high-water mark of what is resident of a process, and sets it back when asked, to what
is resident now. What it says after a task, less what it said before, is the peak of the task. It
lags behind by some pages for each core, before as after.

The C library keeps memory that was freed, from which the next task is served without anything
becoming resident. So it is told to return that memory, where there is more of it than before.

This module and `forks` use the standard library alone, so that they can be sent along to a place
where the package is not installed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import thread_time_ns
from typing import Protocol

from . import forks

__all__ = ["LEAST", "SHORT", "Gauge", "MemoryGauge", "memory_gauge"]

LEAST = 256 * 1024
"""Bytes below which a peak is not told: so far the mark may be from the truth."""

KEPT = 128 * 1024
"""Bytes that may have become resident before the C library is asked to return what is free."""

PAUSE = 20
"""How many times as long as that took in vain it is not done again,"""

DEAR = 5_000_000
"""unless more has become resident and it took fewer nanoseconds than these. It can take long where
what is in use lies in between what is free."""

SHORT = 50_000
"""Nanoseconds in which a task cannot take so much that it would be worth while to ask."""

HOLDS = 5_000_000
"""Nanoseconds for which a base holds, while tasks take hardly anything."""

ABOUT = "/proc/self"


class Gauge(Protocol):
    """What measures the memory that a task takes."""

    def begin(self, now: int) -> None:
        """Say that a task begins, `now` in nanoseconds; its arguments are not there yet."""

    def peak(self) -> int | None:
        """Return the bytes that it took at most; None if they are not known.

        Of what took less than `SHORT` nobody need ask.
        """


class MemoryGauge:
    """Measures the peaks of tasks that follow each other in this process.

    Raises
    ------
    OSError, ValueError, ImportError
        If the system does not tell, or does not set back its high-water mark.
    """

    def __init__(self) -> None:
        from resource import RUSAGE_SELF, getrusage  # which not every system has

        self._files: list[int] = []
        self._clear = self._opened("clear_refs", os.O_WRONLY)
        self._status = self._opened("status", os.O_RDONLY)
        self._trim: Callable[[int], int] | None = None
        self._is_sought = False  # whether somebody has looked for `malloc_trim`
        self._begun = self._trimmed = self._cost = 0
        self._fork = forks.generation
        self._set_back()
        self._usual = self._base = mark = self._mark()
        resident = _kilobytes(self._told(), b"VmRSS:")
        if mark > resident + 4 * LEAST:
            raise ValueError("the high-water mark is not set back")
        self._highest: Callable[[], int] = lambda: 1024 * getrusage(RUSAGE_SELF).ru_maxrss
        if self._highest() > mark + LEAST:  # it tells of before the program began, too
            self._highest = self._mark

    def begin(self, now: int) -> None:
        """Say that a task begins, `now` in nanoseconds; its arguments are not there yet."""
        if now - self._begun < HOLDS or self._fork != forks.generation:
            return
        self._set_back()
        base = self._highest()
        has_grown = base > self._usual + KEPT
        if has_grown and not self._is_sought:
            self._trim, self._is_sought = _malloc_trim(), True
        if self._trim is not None and (
            now > self._trimmed + PAUSE * self._cost or (has_grown and self._cost < DEAR)
        ):
            self._usual = base = self._return_free(base, self._trim)
            self._trimmed = now
        self._base, self._begun = base, now

    def peak(self) -> int | None:
        """Return the bytes that were resident at most since the task began, less those before.

        None if that is less than `LEAST`, or in a process that was forked since.
        """
        taken = self._highest() - self._base
        if taken < LEAST or self._fork != forks.generation:
            return None
        self._begun = 0  # what is resident now is another matter
        return taken

    def _opened(self, name: str, mode: int) -> int:
        self._files.append(os.open(f"{ABOUT}/{name}", mode | os.O_CLOEXEC))
        return self._files[-1]

    def _set_back(self) -> None:
        os.pwrite(self._clear, b"5", 0)

    def _mark(self) -> int:
        """Return the high-water mark, as it is quicker to have from `getrusage`."""
        return _kilobytes(self._told(), b"VmHWM:")

    def _told(self) -> bytes:
        return os.pread(self._status, 4096, 0)

    def _return_free(self, base: int, trim: Callable[[int], int]) -> int:
        """Have the C library return what is free to the system; return what is resident then."""
        spent = -thread_time_ns()
        trim(0)
        spent += thread_time_ns()
        self._set_back()
        left = self._highest()
        self._cost = spent if spent > base - left else 0  # a byte is worth a nanosecond
        return left

    def __del__(self) -> None:
        for descriptor in self._files:
            os.close(descriptor)


def _malloc_trim() -> Callable[[int], int] | None:
    """Return the function of the C library; None where it is one that has none."""
    try:
        from ctypes import CDLL

        trim: Callable[[int], int] = CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError, TypeError):
        return None
    return trim


def _kilobytes(told: bytes, name: bytes) -> int:
    """Return the bytes that a line of kilobytes tells.

    Examples
    --------
    >>> _kilobytes(b"VmPeak: 9 kB VmHWM:  20 kB", b"VmHWM:")
    20480
    """
    start = told.index(name) + len(name)
    return 1024 * int(told[start : told.index(b"kB", start)])


def memory_gauge() -> MemoryGauge | None:
    """Return a gauge; None where the system does not tell what a task takes.

    Examples
    --------
    >>> gauge = memory_gauge()
    >>> if gauge is not None:
    ...     gauge.begin(10**18)
    ...     _ = bytearray(50_000_000)
    ...     assert gauge.peak() > 45_000_000
    """
    try:
        return MemoryGauge()
    except (OSError, ValueError, ImportError):
        return None
