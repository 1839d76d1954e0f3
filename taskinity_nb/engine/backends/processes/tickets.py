"""A worker takes a ticket for each task of a batch; who has the ticket has the task.

So what waits in a batch behind a task that takes long can be taken back at any time, without the
worker, which is in the middle of that: whoever takes it back takes the tickets of the last ones. A
ticket is a byte in a pipe that both may read from, and each byte is read once.

On Windows there is no such pipe. There a batch stays with its worker.
"""

from __future__ import annotations

import os
from multiprocessing.connection import Connection, Pipe

__all__ = ["MOST", "Tickets", "takes_ticket"]

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
    >>> takes_ticket(tickets.theirs), tickets.take_back(9), takes_ticket(tickets.theirs)
    (True, 2, False)
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
        return 0 if self.theirs is None else _taken(self.theirs, number)

    def close(self) -> None:
        """Let go of the pipe."""
        for end in (self.theirs, self._ours):
            if end is not None:
                end.close()


def takes_ticket(tickets: Connection | None) -> bool:
    """Take a ticket; return whether there was one left."""
    return tickets is None or _taken(tickets, 1) == 1


def _taken(tickets: Connection, number: int) -> int:
    try:
        return len(os.read(tickets.fileno(), number))
    except BlockingIOError:  # there is none
        return 0
