"""The protocol between the scheduler and who does the work.

A backend has the workers of one executor. The scheduler tells it, under its lock, that there is
something to do (`Backend.wake`), and outside of it to begin (`start`). From then on the backend's
threads call: they claim a task, perform it, and settle it (`Scheduling`). A backend whose workers
do one task at a time says how that is done (`LoopBackend.performer`), and the scheduler's loop does
the rest; one that has many on their way at once has a loop of its own.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import ExecutorError
from ...model.events import Entry, State, entered
from ...model.run import Run
from ...model.task import Task
from ..remote.process.capture import StreamProxies
from ..runtime.waiting import SignalSafeEvent
from .cut_off import Meter
from .frontier import Frontier
from .protocols import Mapped, Passing
from .screen import Screen

if TYPE_CHECKING:
    from ..remote.process.printed import Output

__all__ = ["SETTLED", "Backend", "LoopBackend", "Perform", "Scheduling", "Worker", "numbered"]


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
    meter : Meter or None
        Tells what the thread that does its tasks has had of the cores, if that is known.
    """

    __slots__ = ("abandoned", "attempt", "meter", "name", "output", "wakeup")

    def __init__(self, name: str) -> None:
        self.name = name
        self.wakeup = threading.Lock()
        self.wakeup.acquire()
        self.attempt = 0
        self.abandoned = False
        self.output: Output | None = None
        self.meter: Meter | None = None


Perform = Callable[[int, Worker], tuple[Any, Entry]]
"""Runs a task for a worker; returns its value (MISSING if it failed) and its last log entry.

If it has given the task to the scheduler itself, it returns MISSING and `SETTLED`.
"""

SETTLED: Entry = entered(-1, State.PENDING, 0)


class Loops(Protocol):
    """The loops of a run's workers, as a backend and the scheduler's other parts see them.

    What is put among `dropped`, under the lock, is let go of as soon as that is free.
    """

    dropped: list[Any]

    def loop(self, backend: LoopBackend) -> None:
        """Work until there is nothing to do: what a thread of a `LoopBackend` calls."""

    def not_started(self, backend: Backend, error: BaseException) -> None:
        """Say that a loop that was asked for does not begin; the others go on, if there are any."""

    def see_who_is_left(self, backend: Backend) -> None:
        """Say that a worker has ended; with the last one, the run ends, however it stands."""

    def catch_up(self) -> None:
        """Do what was put off until the lock is free; not under the lock."""

    def wake_others(self) -> None:
        """Wake a worker of each backend that has something to do; under the lock."""


class Attempts(Protocol):
    """Which attempts are followed by another, as who settles a task sees it."""

    timed: bool

    @property
    def are_awaited(self) -> bool:
        """Whether a task waits for its next attempt."""

    def delay(self, task: int, entry: Entry) -> float | None:
        """Return when a failed task is tried again, or None; not under the lock."""


class Scheduling(Protocol):
    """What a backend may ask of the scheduler, and what the scheduler's parts may ask of it.

    A backend's way of a task: `claim` it under the lock, perform it with its `arguments`, `settle`
    it under the lock; or `give` it, which does that and all that belongs to it. A task that goes
    far away is `started` when it is handed over, or has `begun` when that is heard of.

    Attributes
    ----------
    lock : RLock
        What "under the lock" means; it is held for microseconds, and no user's code runs in it.
    stopped : bool
        Whether nothing new starts, and what still runs is not waited for.
    finished : SignalSafeEvent
        Set when the run has ended.
    first_failed : int or None
        The task whose failure was first.
    has_refs : bool
        Whether a result may be somewhere else, so that an argument has to be fetched.
    left : int
        How many tasks have not ended.
    mapped : set of int
        The tasks that are expanded, and not performed.
    held : set of int
        The tasks and items that are looked at before they are performed.
    gated : set of int
        The tasks of which that is so, and whose items too.
    """

    run: Run
    lock: threading.RLock
    log: list[Any]
    stopped: bool
    finished: SignalSafeEvent
    first_failed: int | None
    has_refs: bool
    left: int
    frontier: Frontier
    screen: Screen
    proxies: StreamProxies

    @property
    def on_error(self) -> str: ...
    @property
    def mapped(self) -> set[int]: ...
    @property
    def held(self) -> set[int]: ...
    @property
    def gated(self) -> Set[int]: ...
    @property
    def backends(self) -> Sequence[Backend]: ...
    @property
    def workers(self) -> Loops: ...
    @property
    def maps(self) -> Mapped: ...
    @property
    def gate(self) -> Passing: ...
    @property
    def retries(self) -> Attempts: ...

    # Under the lock.

    def claim(self, backend: Backend, worker: Worker) -> int | None:
        """Take the next task of a backend, or None; more workers are woken if there is more."""

    def settle(self, task: int, value: Any, entry: Entry, delay: float | None = None) -> None:
        """Write down how a task ended, or that it is tried again after a delay."""

    def abandon_after_failure(self) -> None:
        """Cancel what has not started, if that is what a failure means."""

    def part(self) -> None:
        """Let go of the run once no worker needs it."""

    # Not under the lock.

    def claim_more(self, backend: Backend, fits: Callable[[int], bool]) -> list[int]:
        """Take further tasks for the same worker, as long as they fit."""

    def give(self, task: int, value: Any, entry: Entry) -> None:
        """Settle a task that was claimed; whether it is tried again is found out here."""

    def started(self, task: int, backend: Backend, worker: Worker, submitted: int) -> None:
        """Write down that a task was handed to a worker far away."""

    def begun(
        self, task: int, worker: str, at: int, submitted: int, lost: BaseException | None = None
    ) -> None:
        """Write down that a task has begun far away; once more, if its worker was lost."""

    def retrying(self, task: int, error: BaseException) -> bool:
        """Write down that a task is tried again at once; return whether it should be."""

    def withdraw(self, slots: Sequence[int]) -> None:
        """Cancel what was claimed and has not begun, since the run goes no further."""

    def break_off(self, error: BaseException) -> None:
        """End the run because of what went wrong outside the tasks."""

    # At any time.

    def is_map(self, task: int) -> bool:
        """Tell whether a task that was claimed is to be expanded, and not performed."""

    def owner(self, slot: int) -> int:
        """Return the task that a slot is of: itself, or the mapped task of an item."""

    def task_of(self, slot: int) -> Task:
        """Return the function and the options behind a slot."""

    def name_of(self, slot: int) -> str:
        """Return what to call a task or an item in an error."""

    def arguments(self, slot: int) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of a task or an item."""


class Backend(ABC):
    """Who does the work of one executor: which names its workers have, and which of them are free.

    It has at most `workers` workers for its run, and their names are the next ones of `names`.

    Attributes
    ----------
    queue : int
        From which queue of the frontier its workers take.
    idle : list of Worker
        The workers that wait for something to do.
    unused : list of str
        The names of workers whose loop does not run any more.
    unnamed : int
        How many more workers may have a name: each gets its name when its loop begins.
    in_use : int
        How many workers have a name, and so will claim again or give it back.
    starting : int
        How many loops were asked for and have not begun.
    starts_at_claim : bool
        Whether a task starts when it is claimed, so that the scheduler stamps its start.
    is_here : bool
        Whether the thread of a worker's loop itself does its tasks.
    unstoppable : str
        What an attempt is called whose time is up and which `end_attempt` cannot end.
    needs_run : bool
        Whether its workers look at the run when that has ended and until they have.
    """

    starts_at_claim = False
    is_here = False
    unstoppable = "its thread"
    needs_run = False
    scheduler: Scheduling
    queue = 0

    def __init__(self, run: Run, names: Iterator[str], workers: int) -> None:
        self.run = run
        self.workers = self.unnamed = workers
        self.unused: list[str] = []
        self._names = names
        self.idle: list[Worker] = []
        self.in_use = self.starting = 0

    # Under the scheduler's lock: who has which name, who waits, who is asked for.

    @property
    def spare(self) -> int:
        """How many workers could begin."""
        return len(self.unused) + self.unnamed

    def wake(self) -> bool:
        """Wake a worker that waits; return whether a loop is to be started instead."""
        if self.idle:
            self.idle.pop().wakeup.release()
            return False
        if self.starting < self.spare:  # else a loop is on its way for each of the names
            self.starting += 1
            return True
        return False

    def enter(self) -> Worker | None:
        """Give a loop that begins a name; None if there is none, as others were quicker."""
        self.starting -= 1
        if not self.spare:
            return None
        self.in_use += 1
        if self.unused:
            return Worker(self.unused.pop())
        self.unnamed -= 1
        return Worker(next(self._names))

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

    # Outside the lock.

    def start(self) -> None:
        """Have one more loop run, soon: in a daemon thread of our own, unless there are others.

        A thread cannot be killed, so one that is abandoned must not hold up the interpreter's end.
        """
        threading.Thread(target=self.loop, name="taskinity_nb", daemon=True).start()

    @abstractmethod
    def loop(self) -> None:
        """Work until there is nothing to do; then say so (`Loops.see_who_is_left`)."""

    def check_resources(self, name: str, resources: Mapping[str, float]) -> None:
        """Reserve what a task asks for and the run does not limit, or raise `ExecutorError`."""
        word, amount = next(iter(resources.items()))
        raise ExecutorError(
            f"task '{name}' asks for {amount:.12g} of '{word}', and nothing says how much there is",
            remedy=f'say it: run(..., resources={{"{word}": 4}}); of a cluster\'s own, '
            "Dask and Ray know",
        )

    def time_left(self, worker: Worker, timeout: float) -> float:
        """Return the seconds that an attempt has left, `timeout` seconds after it was handed over.

        More than 0 if it began later, as it does where other things are before it. It is called by
        the thread of the timers, not under the lock.
        """
        return 0.0

    def awaited(self) -> AbstractContextManager[None]:
        """Say that this thread waits for the run; raise if that leaves nobody to do its tasks."""
        return nullcontext()

    def end_attempt(self, worker: Worker) -> bool:
        """End what a worker does, whose time is up; return whether that can be done.

        It is called under the lock, by the thread of the timers.
        """
        return False

    def finish(self) -> None:
        """Let the workers that wait end, since the run has ended; under the lock."""
        while self.idle:
            self.idle.pop().wakeup.release()

    def stop(self) -> None:  # noqa: B027  # not every backend can
        """Stop what runs, as far as that is possible."""

    def release(self) -> None:  # noqa: B027  # not every backend keeps any
        """Let go of results that are kept for the run, which has ended."""


class LoopBackend(Backend):
    """A backend whose workers do one task at a time, in the scheduler's loop."""

    def loop(self) -> None:
        self.scheduler.workers.loop(self)

    @abstractmethod
    def performer(self) -> Perform:
        """Return how one more worker performs a task; what it raises means that none can come."""

    def dismiss(self, perform: Perform) -> None:
        """Say that a worker has ended."""

    def park(self, worker: Worker) -> None:
        """Wait until there is something to do."""
        worker.wakeup.acquire()


def numbered(name: str) -> Iterator[str]:
    """Yield ``name-1``, ``name-2`` and so on."""
    for number in count(1):
        yield f"{name}-{number}"
