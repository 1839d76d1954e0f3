"""States, and the facts that a run writes down.

While a run goes on, workers append to its log. The log is one flat list, six places a fact, because
a list of numbers and words costs a hundredth of as many objects, and gives the garbage collector
nothing to walk through. A fact is ``slot of the task, State, time in nanoseconds`` and three more:

========================  =======================  =====================  =====================
READY, CANCELLED          None                     None                   None
CACHED                    None; from the cache:    None; seconds that     None; time it was
                          why, in words            were saved             found
RUNNING                   worker                   time it was submitted  `Items` of a mapped
                                                                          task, or None
SUCCEEDED                 time it started          CPU nanoseconds        time it was received
FAILED, TIMED_OUT         time it started          CPU nanoseconds        `Failure`
RETRYING                  the error                None                   None
UPSTREAM_FAILED, SKIPPED  slot of the task that    None                   None
                          caused it; for the task
                          that skipped itself,
                          what it raised; for one
                          that is not to run, why
========================  =======================  =====================  =====================

Times are those of ``time.perf_counter_ns`` where the work happens. What is far away is written down
as running when it is handed over; the time at which it truly started comes with its end. A mapped
task is written down as running once it is known how many items it has, without a worker; each of
its items has a slot and facts of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from .saving.errors import save_error

__all__ = [
    "WIDTH", "Entry", "Event", "Failure", "Frame", "Helpers", "Items", "State", "ended",
    "entered", "entries", "running",
]  # fmt: skip

Frame = tuple[str, int, str]
"""A frame of a traceback as it travels between processes: file, line, function."""


class State(StrEnum):
    """What a task, or a run, is doing or how it ended."""

    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    CACHED = "cached"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    UPSTREAM_FAILED = "upstream_failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows this state.

        Examples
        --------
        >>> State.RUNNING.is_final, State.CACHED.is_final
        (False, True)
        """
        return self not in _PASSING

    @property
    def is_failure(self) -> bool:
        """Whether the task itself failed, or took too long."""
        return self in (State.FAILED, State.TIMED_OUT)

    @property
    def is_success(self) -> bool:
        """Whether there is a result, computed now or before.

        Examples
        --------
        >>> State.CACHED.is_success, State.TIMED_OUT.is_failure, State.SKIPPED.is_failure
        (True, True, False)
        """
        return self in (State.SUCCEEDED, State.CACHED)

    @property
    def words(self) -> str:
        """The state as people read it.

        Examples
        --------
        >>> State.TIMED_OUT.words
        'timed out'
        """
        return self.value.replace("_", " ")


_PASSING = frozenset({State.PENDING, State.READY, State.RUNNING, State.RETRYING})

Entry = tuple[int, State, int, Any, Any, Any]

WIDTH = 6
"""Places of the log that a fact takes."""


class Items(NamedTuple):
    """Where the items of a mapped task are: `number` slots, `first` and those that follow it."""

    first: int
    number: int


class Helpers(NamedTuple):
    """Threads that computed beside a task's own, such as those of a library for linear algebra.

    Attributes
    ----------
    cpu : float
        Seconds of processor time that all of them took.
    threads : int
        How many there were when the task had ended.
    libraries : tuple of str
        Which libraries have such threads, as far as `threadpoolctl` is installed to tell.
    """

    cpu: float
    threads: int
    libraries: tuple[str, ...] = ()


class Note:
    """What became known of a task, or an item, beside the facts of the log; None is unknown.

    Attributes
    ----------
    output : tuple of (str, str)
        What its last attempt printed, and wrote to the standard error stream.
    waited : int
        Nanoseconds in which it waited for a core.
    helpers : Helpers
        The threads that computed beside its own.
    peak : int
        Bytes of memory that an attempt took at most, the last of which it is known.
    why : str
        Why it runs or does not.
    waited_for : str
        The resources for which it waits, or has waited.
    """

    def __init__(self) -> None:
        self.output: tuple[str, str] | None = None
        self.waited: int | None = None
        self.helpers: Helpers | None = None
        self.peak: int | None = None
        self.why: str | None = None
        self.waited_for: str | None = None


UNKNOWN = Note()
"""Of whom nothing was noted."""


class Failure(NamedTuple):
    """How an attempt failed: when that was known here, the error, and the user's frames."""

    received: int
    error: BaseException
    frames: tuple[Frame, ...] = ()


def entered(slot: int, state: State, at: int, cause: Any = None) -> Entry:
    """Return the fact that a task has entered a state in which nothing runs, and what caused it."""
    return slot, state, at, cause, None, None


def running(
    slot: int, at: int, worker: str | None, submitted: int, items: Items | None = None
) -> Entry:
    """Return the fact that a task runs."""
    return slot, State.RUNNING, at, worker, submitted, items


def ended(
    slot: int, state: State, at: int, started: int | None, cpu: int | None, outcome: int | Failure
) -> Entry:
    """Return the fact that an attempt has ended: when its result was received, or its failure."""
    return slot, state, at, started, cpu, outcome


def entries(log: list[Any], start: int = 0) -> Iterator[Entry]:
    """Yield the facts of a log from a place on.

    Examples
    --------
    >>> list(entries([0, State.READY, 5, None, None, None]))
    [(0, <State.READY: 'ready'>, 5, None, None, None)]
    """
    places = iter(log[start:])
    return zip(*[places] * WIDTH, strict=False)


@dataclass(frozen=True, slots=True)
class Event:
    """A fact about one task at one moment.

    Attributes
    ----------
    time : float
        Seconds since the run's start.
    task : str
        Name of the task.
    state : State
        The state that it entered.
    worker : str or None
        Where, for a task that runs.
    error : BaseException or None
        Why, for a task that failed.
    item : int or None
        Which item, for an item of a mapped task.
    """

    time: float
    task: str
    state: State
    worker: str | None = None
    error: BaseException | None = None
    item: int | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        error = save_error(self.error)
        return Event, (self.time, self.task, self.state, self.worker, error, self.item)
