"""How threads take turns at a lock."""

from __future__ import annotations

import threading
from time import sleep

__all__ = ["take_turn"]


def take_turn(lock: threading.Lock) -> None:
    """Take a lock that threads take for a moment, again and again, without a queue.

    Who blocks at a lock is given it before the interpreter's own; then each of two threads has the
    one and waits for the other, at every task (a convoy). So a thread that comes too early steps
    back and tries again. It must not be interrupted meanwhile, as only the main thread can be.
    """
    while not lock.acquire(False):
        sleep(0)
