"""How threads share a lock."""

from __future__ import annotations

import threading
from time import sleep

__all__ = ["is_held", "spin_acquire"]


def spin_acquire(lock: threading.RLock) -> None:
    """Take a lock that threads take for a moment, again and again, and do not wait in line.

    Who blocks at a lock is given it before the interpreter's own; then each of two threads has the
    one and waits for the other, at every task (a convoy). So a thread that comes too early steps
    back and tries again. It must not be interrupted meanwhile, as only the main thread can be.
    """
    while not lock.acquire(False):
        sleep(0)


def is_held(lock: threading.RLock) -> bool:
    """Tell whether this thread has a lock.

    Examples
    --------
    >>> lock = threading.RLock()
    >>> with lock:
    ...     is_held(lock)
    True
    >>> is_held(lock)
    False
    """
    return lock._is_owned()  # type: ignore[attr-defined, no-any-return]  # as Condition asks
