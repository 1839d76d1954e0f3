"""Waiting, so that an interrupt is neither missed nor does harm."""

from __future__ import annotations

import math
import time
from threading import Lock

__all__ = ["SignalSafeEvent", "acquire_within"]

DOZE = 0.25
"""Seconds that the main thread sleeps at most before it looks around."""


def acquire_within(lock: Lock, timeout: float | None = None) -> bool:
    """Acquire a lock that somebody else will release, in `timeout` seconds; return whether it was.

    The main thread is not woken by a signal that comes when it is about to fall asleep, so it does
    not sleep for long.

    Examples
    --------
    >>> lock = Lock()
    >>> acquire_within(lock), acquire_within(lock, 0.001)
    (True, False)
    """
    end = math.inf if timeout is None else time.monotonic() + timeout
    while not lock.acquire(True, min(DOZE, max(0.0, end - time.monotonic()))):
        if time.monotonic() >= end:
            return False
    return True


class SignalSafeEvent:
    """What `threading.Event` is, without a lock that a `KeyboardInterrupt` could leave locked.

    Examples
    --------
    >>> event = SignalSafeEvent()
    >>> event.wait(0.001), event.set(), event.wait(), event.is_set()
    (False, None, True, True)
    """

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: list[Lock] = []  # one for each that waits, taken

    def is_set(self) -> bool:
        """Tell whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """Say that it happens; only the first time counts."""
        if not self._is_set:
            self._is_set = True
            for lock in list(self._waiting):
                lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it happens, `timeout` seconds at most; return whether it has."""
        lock = Lock()
        lock.acquire()
        self._waiting.append(lock)
        try:
            if not self._is_set:  # who sets it later finds this lock, and releases it
                acquire_within(lock, timeout)
        finally:
            self._waiting.remove(lock)
        return self._is_set
