"""Waiting, so that an interrupt is neither missed nor does harm."""

from __future__ import annotations

import math
import time
from threading import Lock

__all__ = ["Ending", "pass_gate"]

DOZE = 0.25
"""Seconds that the main thread sleeps at most before it looks around."""


def pass_gate(gate: Lock, timeout: float | None = None) -> bool:
    """Acquire a lock that somebody else will release, in `timeout` seconds; return whether it was.

    The main thread is not woken by a signal that comes when it is about to fall asleep, so it does
    not sleep for long.

    Examples
    --------
    >>> gate = Lock()
    >>> pass_gate(gate), pass_gate(gate, 0.001)
    (True, False)
    """
    end = math.inf if timeout is None else time.monotonic() + timeout
    while not gate.acquire(True, min(DOZE, max(0.0, end - time.monotonic()))):
        if time.monotonic() >= end:
            return False
    return True


class Ending:
    """What `threading.Event` is, without a lock that a `KeyboardInterrupt` could leave locked.

    Examples
    --------
    >>> ending = Ending()
    >>> ending.wait(0.001), ending.set(), ending.wait(), ending.is_set()
    (False, None, True, True)
    """

    def __init__(self) -> None:
        self._is_set = False
        self._gates: list[Lock] = []  # one for each that waits, closed

    def is_set(self) -> bool:
        """Tell whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """Say that it happens; only the first time counts."""
        if not self._is_set:
            self._is_set = True
            for gate in list(self._gates):
                gate.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it happens, `timeout` seconds at most; return whether it has."""
        gate = Lock()
        gate.acquire()
        self._gates.append(gate)
        try:
            if not self._is_set:  # who sets it later finds the gate
                pass_gate(gate, timeout)
        finally:
            self._gates.remove(gate)
        return self._is_set
