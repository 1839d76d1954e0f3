"""One thread that ends a test which takes too long; pytest-timeout starts one for each test."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

__all__ = ["Alarm"]


class Alarm:
    """Do something when an end has come, unless it is called off before; one end at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._end, self._do = math.inf, lambda: None
        self._wakes = math.inf
        self._thread: threading.Thread | None = None

    def set(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something in so many seconds."""
        with self._changed:
            self._end, self._do = time.monotonic() + seconds, do
            if self._thread is None:
                self._thread = threading.Thread(target=self._wait, name="time-out", daemon=True)
                self._thread.start()
            elif self._end < self._wakes:  # else it looks in time, and need not be woken now
                self._changed.notify()

    def call_off(self) -> None:
        """Call it off."""
        self._end = math.inf

    def _wait(self) -> None:
        with self._changed:
            while (now := time.monotonic()) < self._end:
                self._wakes = self._end
                self._changed.wait(None if math.isinf(self._end) else self._end - now)
            do = self._do
        do()
