"""The figures of a run: who was busy, how many tasks ran at once, where the time went."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple, TypeVar

from ..engine.runtime.cores import available_cores
from ..model.record import TaskRun
from ..model.run import Run

__all__ = ["Metrics", "cores_of", "handovers", "metrics_of", "transfer_of", "wait_of"]

Key = TypeVar("Key", bound=Hashable)

PARALLEL_CPU = 1.15
"""CPU seconds a second from which on threads have computed beside each other, without the lock."""


class Metrics(NamedTuple):
    """What there is to know of a run as a whole; times are seconds.

    Attributes
    ----------
    makespan : float
        From the start of the run to its end.
    work : float
        What all tasks would take one after the other.
    critical_path : float
        The chain of dependent tasks that takes the longest.
    lower_bound : float
        What no schedule on as many workers can beat.
    speedup, efficiency : float
        Work divided by makespan; and that divided by the workers.
    peak : int
        How many tasks ran at once, at most.
    busy : mapping of str to float
        For each worker that ran a task, in which share of the makespan it did.
    wait : float
        Of all tasks, from being ready to starting.
    compute : float
        Of all tasks, from start to finish.
    transfer : float
        Of all tasks, on the way to a worker and back.
    cpu : float
        Processor time of all tasks.
    """

    makespan: float
    work: float
    critical_path: float
    lower_bound: float
    speedup: float
    efficiency: float
    peak: int
    busy: Mapping[str, float]
    wait: float
    compute: float
    transfer: float
    cpu: float


def metrics_of(run: Run) -> Metrics:
    """Return the figures of a run, done or not.

    Examples
    --------
    >>> from taskinity_nb.engine.run import run
    >>> metrics = metrics_of(run("one -> two", namespace={"one": lambda: 1, "two": abs}))
    >>> metrics.peak, list(metrics.busy), 0 < metrics.speedup <= 1
    (1, ['thread-1'], True)
    """
    makespan, ran = run.makespan, _ended(run)
    spent = {record.worker or "": 0.0 for record in ran}
    for worker, intervals in _grouped(ran, lambda record: record.worker or "").items():
        spent[worker] = _covered(intervals)
    ways = handovers(run)
    return Metrics(
        makespan,
        run.work,
        run.lower_bound(max(1, len(run.on_workers()))),
        run.lower_bound(),
        run.speedup,
        run.efficiency,
        _peak(ran),
        {worker: seconds / makespan if makespan else 0.0 for worker, seconds in spent.items()},
        sum(wait_of(record) or 0.0 for record in ran),
        sum(record.duration or 0.0 for record in ran),
        sum(before + after for before, after in ways.values()),
        sum(record.cpu or 0.0 for record in ran),
    )


def wait_of(record: TaskRun) -> float | None:
    """Return the seconds from when a task was ready to when it started; an item has none."""
    if record.ready is None or record.started is None:
        return None
    return max(0.0, record.started - record.ready)


def transfer_of(record: TaskRun, way: tuple[float, float] | None) -> float | None:
    """Return the seconds that a task spent on the way, given its part of `handovers`."""
    return None if way is None or record.items is not None else way[0] + way[1]


def handovers(run: Run) -> dict[TaskRun, tuple[float, float]]:
    """Return how long each task was on the way to its worker, and its result on the way back.

    That is from submission to start, and from finish to receipt. Of short tasks that travel
    together in one batch, each is on its way only from when the one before it has finished, and
    its result only until the next one starts: in between the worker was at work.
    """
    ways: dict[TaskRun, tuple[float, float]] = {}
    batches = _grouped(_ended(run), lambda record: (record.worker, record.submitted))
    for records in batches.values():
        before = records[0].submitted
        for record, following in pairwise([*records, None]):
            assert record is not None
            last = record.received if following is None else following.started
            ways[record] = (
                _between(before, record.started),
                min(_between(record.finished, record.received), _between(record.finished, last)),
            )
            before = following.started if following is not None else None
    return ways


def cores_of(run: Run) -> float:
    """Return how many of a run's tasks can compute at once on this machine.

    Threads of one Python can if what they call lets go of the interpreter's lock; whether it does
    is told by their CPU seconds.
    """
    if run.cores > 1:
        return min(run.cores, available_cores())
    ran = _ended(run)
    ends = sorted([(r.started or 0.0, 1) for r in ran] + [(r.finished or 0.0, -1) for r in ran])
    busy, running, since = 0.0, 0, 0.0
    for moment, change in ends:
        busy += moment - since if running else 0.0
        running, since = running + change, moment
    computed = sum(r.cpu or 0.0 for r in ran)
    return available_cores() if computed > PARALLEL_CPU * busy else run.cores


def _ended(run: Run) -> list[TaskRun]:
    """Return what ran on a worker from its start to its finish."""
    return [record for record in run.on_workers() if record.duration is not None]


def _grouped(records: Iterable[TaskRun], key: Callable[[TaskRun], Key]) -> dict[Key, list[TaskRun]]:
    """Return tasks by what `key` tells of each, in the order of their start."""
    found: dict[Key, list[TaskRun]] = {}
    for record in sorted(records, key=lambda record: record.started or 0.0):
        found.setdefault(key(record), []).append(record)
    return found


def _between(before: float | None, after: float | None) -> float:
    return max(0.0, after - before) if before is not None and after is not None else 0.0


def _covered(records: Iterable[TaskRun]) -> float:
    """Return the seconds in which at least one of these ran; they are in order of their start."""
    seconds, end = 0.0, 0.0
    for record in records:
        started, finished = record.started or 0.0, record.finished or 0.0
        seconds += max(0.0, finished - max(started, end))
        end = max(end, finished)
    return seconds


def _peak(records: Iterable[TaskRun]) -> int:
    """Return how many of these ran at once, at most."""
    records = list(records)
    moments = [(record.started or 0.0, 1) for record in records]
    moments += [(record.finished or 0.0, -1) for record in records]
    running = most = 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most
