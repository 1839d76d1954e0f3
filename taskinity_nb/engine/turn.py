"""How threads take turns at a lock."""

from __future__ import annotations

import threading
from time import sleep

__all__ = ["Turn"]


class Turn:
    """A lock that threads take for a moment, again and again, without a queue.

    Who blocks at a lock is given it before the interpreter's own; then each of two threads has the
    one and waits for the other, at every task (a convoy). So a thread that comes too early steps
    back and tries again. It must not be interrupted meanwhile, as only the main thread can be.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self._acquire = lock.acquire
        self._release = lock.release

    def __enter__(self) -> None:
        while not self._acquire(False):
            sleep(0)

    def __exit__(self, *_: object) -> None:
        self._release()
