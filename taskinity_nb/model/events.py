"""States, and the facts that a run writes down.

While a run goes on, workers append plain tuples to its log, because a tuple costs a hundredth of an
object. Each is ``(index of the task, State, time in nanoseconds, detail)``, and the detail is

========================  ==============================================================
READY                     None
RUNNING                   ``(worker, time it was submitted)``
SUCCEEDED                 ``(time it started, CPU nanoseconds, time it was received)``
FAILED, TIMED_OUT         ``(time it started, CPU nanoseconds, time it was received, error,
                          frames)``
RETRYING                  the error
UPSTREAM_FAILED, SKIPPED  index of the task that caused it; for the task that skipped itself,
                          what it raised
CANCELLED, CACHED         None
========================  ==============================================================

Times are those of ``time.perf_counter_ns`` where the work happens. What is far away is written down
as running when it is handed over; the time at which it truly started comes with its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Entry", "Event", "Frame", "State"]

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


_PASSING = frozenset({State.PENDING, State.READY, State.RUNNING, State.RETRYING})

Entry = tuple[int, State, int, Any]


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
    """

    time: float
    task: str
    state: State
    worker: str | None = None
    error: BaseException | None = None
