"""A crew is who does the work: the workers of one executor, and which of them are free."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...errors import ExecutorError
from ...model.events import Entry
from ...model.run import Run

if TYPE_CHECKING:
    from ..remote.printed import Output
    from .scheduler import Scheduler

__all__ = ["Crew", "Perform", "Seat", "numbered"]


class Seat:
    """A worker's place in a crew, while its loop runs.

    Attributes
    ----------
    name : str
        The worker's name.
    gate : lock
        Closed; the worker waits at it when it has nothing to do.
    turn : int
        How many tasks it has claimed, so that what is meant for one of them is known to be late.
    left_behind : bool
        Whether it has its name no more: it has found nothing to do and ends, or its task did not
        end in time and somebody else takes its place.
    output : Output or None
        Where its tasks print, if they run here and may be left behind.
    """

    __slots__ = ("gate", "left_behind", "name", "output", "turn")

    def __init__(self, name: str) -> None:
        self.name = name
        self.gate = threading.Lock()
        self.gate.acquire()
        self.turn = 0
        self.left_behind = False
        self.output: Output | None = None


Perform = Callable[[int, Seat], tuple[Any, Entry]]
"""Runs a task for a worker; returns its value (MISSING if it failed) and its last log entry."""


class Crew:
    """Who runs the loops: daemon threads of our own, unless a subclass has others.

    A thread cannot be killed, so one that is left behind must not hold up the interpreter's end.

    Parameters
    ----------
    run : Run
        What they work for.
    names : iterator of str
        The workers' names.
    workers : int
        How many of them there may be.

    Attributes
    ----------
    lane : int
        The crew's lane of the frontier.
    idle : list of Seat
        The workers that wait for something to do.
    unused : list of str
        The names of workers whose loop does not run.
    in_use : int
        How many workers have a name, and so will claim again or give it back.
    starting : int
        How many loops were asked for and have not begun.
    starts_at_claim : bool
        Whether a task starts when it is claimed, so that the scheduler stamps its start.
    unstoppable : str
        What an attempt is called whose time is up and which `end_attempt` cannot end.
    needs_run : bool
        Whether its workers look at the run when that has ended and until they have.
    """

    starts_at_claim = False
    unstoppable = "its thread"
    needs_run = False
    scheduler: Scheduler
    lane = 0

    def __init__(self, run: Run, names: Iterator[str], workers: int) -> None:
        self.run = run
        self.workers = workers
        self.unused = [next(names) for _ in range(workers)][::-1]
        self.idle: list[Seat] = []
        self.in_use = 0
        self.starting = 0

    # Under the scheduler's lock: who has which name, who waits, who is asked for.

    def wake(self) -> bool:
        """Wake a worker that waits; return whether a loop is to be started instead."""
        if self.idle:
            self.idle.pop().gate.release()
            return False
        if self.starting < len(self.unused):  # else a loop is on its way for each of the names
            self.starting += 1
            return True
        return False

    def enter(self) -> Seat | None:
        """Give a loop that begins a name; None if there is none, as others were quicker."""
        self.starting -= 1
        if not self.unused:
            return None
        self.in_use += 1
        return Seat(self.unused.pop())

    def rest(self, seat: Seat) -> None:
        """Note that a worker has found nothing: it waits to be woken, or gives its name back."""
        self.idle.append(seat)

    def leave(self, seat: Seat, *, for_good: bool = False) -> None:
        """Take the name of a worker that ends, unless it has lost it already."""
        if not seat.left_behind:
            seat.left_behind = True
            if for_good:
                self.in_use -= 1
            else:
                self.give_back(seat.name)

    def give_back(self, name: str) -> None:
        """Let somebody else have a name."""
        self.in_use -= 1
        self.unused.append(name)

    @property
    def has_nobody(self) -> bool:
        """Whether no worker has a name, and none is on its way."""
        return not (self.in_use or self.starting)

    # In the threads.

    def start(self) -> None:
        """Have one more loop run, soon."""
        threading.Thread(target=self.loop, name="taskinity_nb", daemon=True).start()

    def loop(self) -> None:
        """Work until there is nothing to do."""
        self.scheduler.workers.loop(self)

    def park(self, seat: Seat) -> None:
        """Wait until there is something to do."""
        seat.gate.acquire()

    def check_resources(self, name: str, resources: Mapping[str, float]) -> None:
        """Raise an `ExecutorError` if what a task asks for cannot be reserved here."""
        raise ExecutorError(
            f"task '{name}' asks for resources {dict(resources)}, which only a cluster can reserve",
            remedy='run it with executor="dask" or executor="ray", or take resources= away',
        )

    def worker(self) -> Perform:
        """Return how one more worker performs a task."""
        raise NotImplementedError

    def end_attempt(self, seat: Seat) -> bool:
        """End what a worker does, whose time is up; return whether that can be done."""
        return False

    def dismiss(self, perform: Perform) -> None:
        """Say that a worker has ended."""

    def finish(self) -> None:
        """Let the workers that wait end, since the run has ended."""
        while self.idle:
            self.idle.pop().gate.release()

    def stop(self) -> None:
        """Stop what runs, as far as that is possible."""

    def release(self) -> None:
        """Let go of results that are kept for the run."""


def numbered(name: str) -> Iterator[str]:
    """Yield ``name-1``, ``name-2`` and so on."""
    number = 0
    while True:
        number += 1
        yield f"{name}-{number}"
