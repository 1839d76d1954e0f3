"""Rings for what has to wait: one thread a run, and only if something waits."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable

__all__ = ["Alarm"]


class Alarm:
    """Calls back after a while.

    Parameters
    ----------
    ring : callable
        Called with each item whose time has come, from the alarm's thread.

    Examples
    --------
    >>> rung, done = [], threading.Event()
    >>> alarm = Alarm(lambda item: (rung.append(item), done.set() if item == 2 else None))
    >>> alarm.set(0.02, 2), alarm.set(0.01, 1)
    (None, None)
    >>> done.wait(10), rung
    (True, [1, 2])
    >>> alarm.close()
    """

    def __init__(self, ring: Callable[[int], None]) -> None:
        self._ring = ring
        self._items: list[tuple[float, int]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def set(self, delay: float, item: int) -> None:
        """Ring for `item` in `delay` seconds."""
        with self._changed:
            heapq.heappush(self._items, (time.monotonic() + delay, item))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="alarm", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Ring no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _watch(self) -> None:
        while True:
            with self._changed:
                while not self._closed and not (
                    self._items and self._items[0][0] <= time.monotonic()
                ):
                    until = self._items[0][0] - time.monotonic() if self._items else None
                    self._changed.wait(until)
                if self._closed:
                    return
                _, item = heapq.heappop(self._items)
            self._ring(item)
