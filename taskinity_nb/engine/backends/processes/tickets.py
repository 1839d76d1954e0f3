"""A worker takes a ticket for each task of a batch; who has the ticket has the task.

So what waits in a batch behind a task that takes long can be taken back at any time, without the
worker, which is in the middle of that: whoever takes it back takes the tickets of the last ones. A
ticket is a byte in a pipe that both may read from, and each byte is read once.

On Windows there is no such pipe. There a batch stays with its worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection, Pipe

__all__ = ["MOST", "Tickets", "taker"]

CAN_SHARE = os.name == "posix"
"""Whether two processes may read from the same pipe."""

MOST = 10_000
"""Tickets that a pipe is sure to have room for, since it has for 65,536."""


class Tickets:
    """The tickets of one worker.

    Attributes
    ----------
    theirs : Connection or None
        Where the worker takes them; None if it need not.

    Examples
    --------
    >>> tickets = Tickets()
    >>> tickets.put(3)
    >>> take = taker(tickets.theirs)
    >>> take(), tickets.take_back(9), take()
    (1, 2, 0)
    >>> tickets.close()
    """

    def __init__(self) -> None:
        self.theirs: Connection | None = None
        self._ours: Connection | None = None
        if CAN_SHARE:
            self.theirs, self._ours = Pipe(duplex=False)
            os.set_blocking(self.theirs.fileno(), False)

    @property
    def descriptors(self) -> list[int]:
        """Both ends of the pipe."""
        return [end.fileno() for end in (self.theirs, self._ours) if end is not None]

    def put(self, number: int) -> None:
        """Give out tickets for a batch."""
        if self._ours is not None:
            os.write(self._ours.fileno(), bytes(number))

    def take_back(self, number: int) -> int:
        """Take tickets that the worker has not taken, at most so many; return how many."""
        return 0 if self.theirs is None else _taken(self.theirs.fileno(), number)

    def close(self) -> None:
        """Let go of the pipe."""
        for end in (self.theirs, self._ours):
            if end is not None:
                end.close()


def taker(tickets: Connection | None) -> Callable[[], int]:
    """Return what takes a ticket, and returns how many that were: one or none."""
    if tickets is None:
        return lambda: 1
    return partial(_taken, tickets.fileno(), 1)


def _taken(descriptor: int, number: int) -> int:
    try:
        return len(os.read(descriptor, number))
    except BlockingIOError:  # there is none
        return 0
