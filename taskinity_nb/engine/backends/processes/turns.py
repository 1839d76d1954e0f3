"""Who works at the same time, so that a task that has found too little memory can do so alone.

Where the kernel ends a worker for want of memory, it may be that each task by itself has enough,
and only several at once have not. Then its task is tried again, once, while none of the run's other
processes has anything to do. The same goes for a `MemoryError`, as far as it may come of what other
processes have.
"""

from __future__ import annotations

import threading
from time import perf_counter_ns

from ....formatting import size_text
from ....strangers import add_note
from ...runtime.memory_limit import is_shared, kills, memory_left, own_limit

__all__ = ["Turn", "Turns", "starved", "tell_limit"]

HOLDS = 50_000_000
"""Nanoseconds for which it is not asked again how many processes the kernel has ended."""

KILLED = -9
"""The exit code of a process that the kernel has ended."""


class Turn:
    """The time in which a batch is performed.

    Attributes
    ----------
    is_alone : bool
        Whether nobody else has a turn at the same time, or had one since this one began.
    """

    __slots__ = ("_known", "is_alone", "wants_to_be")

    def __init__(self, known: int | None, *, is_alone: bool, wants_to_be: bool) -> None:
        self._known, self.is_alone, self.wants_to_be = known, is_alone, wants_to_be

    def has_starved(self, code: int) -> bool:
        """Tell whether a process that has ended so was ended by the kernel for want of memory."""
        if code != KILLED or self._known is None:
            return False
        return (kills() or 0) > self._known

    def may_have_starved(self) -> bool:
        """Tell whether what others had at the same time may be why there was no memory.

        Not where each process has a limit of its own, or where the system does not count what it
        promises: then it would be refused alone as well.
        """
        return not self.is_alone and own_limit() is None and is_shared()


class Turns:
    """Lets batches begin: at the same time, unless one is to be alone.

    Examples
    --------
    >>> turns = Turns()
    >>> one = turns.take()
    >>> one.is_alone
    True
    >>> other = turns.take()
    >>> one.is_alone, other.is_alone
    (False, False)
    >>> turns.leave(one), turns.leave(other), turns.take(alone=True).is_alone
    (None, None, True)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._at_work: set[Turn] = set()
        self._wanting = 0  # how many want to be alone, or are
        self._is_closed = False
        self._known: int | None = None
        self._asked = -HOLDS

    def take(self, *, alone: bool = False) -> Turn:
        """Wait until a batch may begin; when it has ended, it is to `leave`."""
        now = perf_counter_ns()
        with self._lock:
            self._wanting += alone
            while (self._at_work if alone else self._wanting) and not self._is_closed:
                self._changed.wait()
            if now - self._asked >= HOLDS:
                self._known, self._asked = kills(), now
            at_work = self._at_work
            turn = Turn(self._known, is_alone=not at_work, wants_to_be=alone)
            for other in at_work:
                other.is_alone = False
            at_work.add(turn)
        return turn

    def leave(self, turn: Turn) -> None:
        """Say that a batch has ended."""
        with self._lock:
            self._at_work.discard(turn)
            if self._wanting:
                self._wanting -= turn.wants_to_be
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._lock:
            self._is_closed = True
            self._changed.notify_all()


def starved(name: str, *, is_alone: bool) -> tuple[str, str]:
    """Return what is said of a task whose worker the kernel has ended for want of memory."""
    memory = memory_left()
    there_is = "" if memory is None else f": there is {memory}"
    text = f"task '{name}': the system ended its worker process because memory ran out"
    if not is_alone:
        return f"{text}; it is tried again with nothing beside it{there_is}", ""
    return (
        f"{text}, though nothing of the run was beside it{there_is}",
        "let it take less at once, in parts that a map goes through; let go of results that nobody "
        'takes any more with keep="last"; or run it where there is more memory',
    )


def tell_limit(error: BaseException) -> None:
    """Add to an error what each process may have, if there is a limit to that."""
    limit = own_limit()
    if limit is not None:
        add_note(error, f"each process may have {size_text(limit)} by itself ('ulimit -v')")
