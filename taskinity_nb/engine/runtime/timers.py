"""Calls what has to wait, when its time has come: one thread a run, and only if something waits."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Any

__all__ = ["Timers"]

TICK = 0.5
"""Seconds between two looks at the clock; a process that has missed as much was stopped."""


class Timers:
    """Calls something after a while, in a thread of its own.

    Time in which this process was stopped (by Ctrl-Z, by a debugger, with its machine) does not
    count: all that waits is put off by it.

    What a call raises goes to `when_broken`, if there is one; the other calls are made all the
    same.

    Examples
    --------
    >>> rung, done = [], threading.Event()
    >>> timers = Timers()
    >>> timers.set(0.01, rung.append, 1), timers.set(0.02, done.set)
    (None, None)
    >>> done.wait(10), rung
    (True, [1])
    >>> timers.close()
    """

    def __init__(self, when_broken: Callable[[BaseException], object] | None = None) -> None:
        self._when_broken = when_broken
        self._calls: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._number = count()  # so that calls at the same moment keep their order
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def set(self, delay: float, call: Callable[..., object], *arguments: Any) -> None:
        """Call back in `delay` seconds."""
        with self._changed:
            if self._closed:
                return
            moment = time.monotonic() + delay
            heapq.heappush(self._calls, (moment, next(self._number), call, arguments))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="timers", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Ring no more."""
        with self._changed:
            self._closed = True
            self._calls.clear()
            self._changed.notify()

    def _wait(self) -> None:
        """Wait for the next moment, or some of the time until then."""
        if not self._calls:
            self._changed.wait()
            return
        before, computed = time.monotonic(), time.process_time()
        pause = min(self._calls[0][0] - before, TICK)
        self._changed.wait(pause)
        # A process that had the processor was not stopped, though this thread has overslept.
        lost = time.monotonic() - before - pause - (time.process_time() - computed)
        if lost > TICK:
            self._calls = [(call[0] + lost, *call[1:]) for call in self._calls]

    def _watch(self) -> None:
        while True:
            with self._changed:
                while not self._closed and not (
                    self._calls and self._calls[0][0] <= time.monotonic()
                ):
                    self._wait()
                if self._closed:
                    return
                _, _, call, arguments = heapq.heappop(self._calls)
            try:
                call(*arguments)
            except BaseException as error:
                if self._when_broken is None:
                    raise
                self._when_broken(error)
            del call, arguments  # while it waits, it holds on to nothing
