"""A backend is who does the work: it has the workers of one executor, and knows who is free."""

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

__all__ = ["Backend", "Perform", "Worker", "numbered"]


class Worker:
    """One who performs tasks for a backend, while its loop runs.

    Attributes
    ----------
    name : str
        What it is called.
    wakeup : lock
        Held; who releases it wakes the worker, which waits for it when it has nothing to do.
    attempt : int
        Number of the task that it is at, so that what is meant for one before is known to be late.
    abandoned : bool
        Whether it has its name no more: it has found nothing to do and ends, or its task did not
        end in time and somebody else takes its place.
    output : Output or None
        Where its tasks print, if they run here and may be abandoned.
    """

    __slots__ = ("abandoned", "attempt", "name", "output", "wakeup")

    def __init__(self, name: str) -> None:
        self.name = name
        self.wakeup = threading.Lock()
        self.wakeup.acquire()
        self.attempt = 0
        self.abandoned = False
        self.output: Output | None = None


Perform = Callable[[int, Worker], tuple[Any, Entry]]
"""Runs a task for a worker; returns its value (MISSING if it failed) and its last log entry."""


class Backend:
    """Who runs the loops: daemon threads of our own, unless a subclass has others.

    A thread cannot be killed, so one that is abandoned must not hold up the interpreter's end.

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
    queue : int
        From which queue of the frontier its workers take.
    idle : list of Worker
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
    queue = 0

    def __init__(self, run: Run, names: Iterator[str], workers: int) -> None:
        self.run = run
        self.workers = workers
        self.unused = [next(names) for _ in range(workers)][::-1]
        self.idle: list[Worker] = []
        self.in_use = 0
        self.starting = 0

    # Under the scheduler's lock: who has which name, who waits, who is asked for.

    def wake(self) -> bool:
        """Wake a worker that waits; return whether a loop is to be started instead."""
        if self.idle:
            self.idle.pop().wakeup.release()
            return False
        if self.starting < len(self.unused):  # else a loop is on its way for each of the names
            self.starting += 1
            return True
        return False

    def enter(self) -> Worker | None:
        """Give a loop that begins a name; None if there is none, as others were quicker."""
        self.starting -= 1
        if not self.unused:
            return None
        self.in_use += 1
        return Worker(self.unused.pop())

    def rest(self, worker: Worker) -> None:
        """Note that a worker has found nothing: it waits to be woken, or gives its name back."""
        self.idle.append(worker)

    def leave(self, worker: Worker, *, for_good: bool = False) -> None:
        """Take the name of a worker that ends, unless it has lost it already."""
        if not worker.abandoned:
            worker.abandoned = True
            if for_good:
                self.in_use -= 1
            else:
                self.give_back(worker.name)

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

    def park(self, worker: Worker) -> None:
        """Wait until there is something to do."""
        worker.wakeup.acquire()

    def check_resources(self, name: str, resources: Mapping[str, float]) -> None:
        """Raise an `ExecutorError` if what a task asks for cannot be reserved here."""
        raise ExecutorError(
            f"task '{name}' asks for resources {dict(resources)}, which only a cluster can reserve",
            remedy='run it with executor="dask" or executor="ray", or take resources= away',
        )

    def performer(self) -> Perform:
        """Return how one more worker performs a task."""
        raise NotImplementedError

    def end_attempt(self, worker: Worker) -> bool:
        """End what a worker does, whose time is up; return whether that can be done."""
        return False

    def dismiss(self, perform: Perform) -> None:
        """Say that a worker has ended."""

    def finish(self) -> None:
        """Let the workers that wait end, since the run has ended."""
        while self.idle:
            self.idle.pop().wakeup.release()

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
