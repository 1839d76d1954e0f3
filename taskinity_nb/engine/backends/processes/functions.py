"""The functions that a worker has: as bytes while a run keeps them, and read anew for each run."""

from __future__ import annotations

import gc
import select
from collections.abc import Callable
from multiprocessing.connection import Connection

from ...remote.call import forget_functions

__all__ = ["IDLE_SECONDS", "Functions"]

IDLE_SECONDS = 300.0
"""A worker that has had nothing to do for so long ends."""

A_MOMENT = 0.1
"""Seconds of idleness after which there is time to look for what is garbage."""


class Functions:
    """What a worker knows by number, for the run that it works for.

    A function and the globals that it has refer to each other, so what they hold goes only when the
    garbage is collected. That takes a while, so it is done at once only for large data.

    Attributes
    ----------
    pickled : dict of int to bytes
        The functions, by number.
    """

    def __init__(self, pipe: Connection) -> None:
        self.pickled: dict[int, bytes] = {}
        self._comes_in = _arrival(pipe)
        self._is_garbage_left = False

    def wait(self) -> bool:
        """Wait for the next message; return whether one came."""
        if self._is_garbage_left:
            if self._comes_in(A_MOMENT):
                return True
            self._collect()
        return self._comes_in(IDLE_SECONDS)

    def learn(self, number: int, pickled: bytes | None) -> None:
        """Take the bytes of a function, which are given once."""
        if pickled is not None:
            self.pickled[number] = pickled

    def forget(self, numbers: list[int], is_large: bool) -> None:
        """Let go of functions that no run keeps, and of all that is not in use."""
        for number in numbers:
            self.pickled.pop(number, None)
        forget_functions()
        if is_large:
            self._collect()
        else:
            self._is_garbage_left = True

    def _collect(self) -> None:
        gc.collect()
        self._is_garbage_left = False


def _arrival(pipe: Connection) -> Callable[[float], bool]:
    """Return what waits so many seconds at most, and tells whether something came or the pipe went.

    What a connection has for that is slow, since each time it begins from nothing.
    """
    if not hasattr(select, "poll"):  # on Windows
        return pipe.poll
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    return lambda seconds: bool(poller.poll(seconds * 1000))
