"""What the record of a run gives: how long each task would take alone, and the longest path.

There is one clock, that of the wall, on a machine as busy as it was: what a task waited for a core
that other programs had counts for it, as it counts for the run, and would count for a plain loop.
What does not count is what the tasks of the run did to each other, since one after the other they
would not have.

A task that computes while more tasks do so than there are cores (in threads of one Python there is
one, because of the interpreter's lock) spends much of its duration waiting for its turn. Then its
duration tells nothing of what it would take alone, but its CPU seconds do. A task that waits for
something else, a disk or a network, uses little of its share of the cores, and keeps its duration.

Where the system tells how long a task waited for a core, no more than that is taken off, and of all
tasks together no more than the run itself explains. What waits for the lock does not ask for a
core: only the one that has the lock computes or waits for a core, so these two together are what
tells that tasks have taken turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from .events import State
from .plan import Plan
from .record import TaskRun

__all__ = [
    "Interval",
    "alone",
    "efforts",
    "interval_of",
    "longest_path",
    "own_waits",
    "path_as_it_ran",
    "seconds_of",
    "threads_of",
]

MOST_OF_ITS_SHARE = 0.6
"""A task that used so much of its share of the cores was held back by the others."""

SOME_OF_ITS_SHARE = 0.1
"""Likewise, of a task that was cut off: until then it may not have had its turn often enough."""

AT_ALL = 0.01
"""Share of its time: a task that computes for less does not, even where cores are hard to get."""


class Interval(NamedTuple):
    """When a task ran, its CPU seconds, and those that it waited for a core, as far as known.

    `threads` is how many threads it computed with, its own among them; it `is_whole` if it was not
    cut off.
    """

    start: float
    end: float
    cpu: float | None
    waited: float | None = None
    threads: float = 1.0
    is_whole: bool = True

    @property
    def duration(self) -> float:
        return self.end - self.start

    @property
    def wait(self) -> float:
        """The seconds that it is known to have waited for a core, no more than it took."""
        return min(self.waited or 0.0, self.duration)

    @property
    def with_lock(self) -> float:
        """For how long it may have had the interpreter's lock: it computed, or waited to go on.

        What hardly computes waits for a core when it wakes up, before it asks for the lock.
        """
        cpu = self.cpu or 0.0
        return min(cpu + (self.wait if cpu >= AT_ALL * self.duration else 0.0), self.duration)


def threads_of(record: TaskRun) -> float:
    """Return how many threads a task computed with, its own among them.

    It is what its helpers computed, measured by what its own thread did, and not more than there
    were; where threads have to share cores, they all get the same.
    """
    helpers = record.helpers
    if helpers is None or not helpers.cpu:
        return 1.0
    own = record.cpu or 0.0
    return min(1.0 + helpers.threads, 1.0 + helpers.cpu / own if own else helpers.threads)


def own_waits(intervals: Sequence[Interval], cores: float) -> list[float]:
    """Return the seconds that each task had to wait for a core because of the others.

    While all ask for more cores than there are, each waits for the share that it does not get. What
    a task asks for is what it computed and waited for a core, on the average of its time.

    Examples
    --------
    Three that compute, of which two find a core:

    >>> third = Interval(0.0, 3.0, 2.0, waited=1.0)
    >>> [round(seconds, 9) for seconds in own_waits([third] * 3, cores=2)]
    [1.0, 1.0, 1.0]
    >>> own_waits([third] * 2, cores=2)
    [0.0, 0.0]
    """
    shares = [
        min(1.0, ((one.cpu or 0.0) + one.wait) / one.duration) if one.duration > 0 else 0.0
        for one in intervals
    ]
    asking = [
        (one, share * one.threads) for one, share in zip(intervals, shares, strict=True) if share
    ]
    changes = sorted(
        [(one.start, all_of_it) for one, all_of_it in asking]
        + [(one.end, -all_of_it) for one, all_of_it in asking]
    )
    lost: dict[float, float] = {}  # seconds up to each moment that a task would have waited
    asked, before, total = 0.0, 0.0, 0.0
    for moment, change in changes:
        if asked > cores:
            total += (moment - before) * (1 - cores / asked)
        lost[moment] = total
        asked, before = asked + change, moment
    return [
        share * (lost[one.end] - lost[one.start]) if share else 0.0
        for one, share in zip(intervals, shares, strict=True)
    ]


def efforts(
    intervals: Sequence[Interval], cores: float, machine: float | None = None
) -> list[float]:
    """Return the seconds that each task of a run would take alone.

    `cores` of them can compute at once, on a `machine` of so many cores, by default as many.

    Examples
    --------
    Two tasks that compute share one core, and two that sleep do not mind:

    >>> efforts([Interval(0, 2, 1), Interval(0, 2, 1)], cores=1)
    [1, 1]
    >>> efforts([Interval(0, 2, 0), Interval(0, 2, 0)], cores=1)
    [2, 2]

    Of two cores, other programs had so much that each task waited for half of its time; that
    counts. What four tasks waited for each other does not:

    >>> efforts([Interval(0, 2, 1, waited=1)] * 2, cores=2)
    [2, 2]
    >>> efforts([Interval(0, 2, 1, waited=1)] * 4, cores=2)
    [1, 1, 1, 1]
    """
    crowd = _summed((one.start, one.end, 1.0) for one in intervals)
    work = _summed(
        (one.start, one.end, one.with_lock / one.duration) for one in intervals if one.duration > 0
    )
    waited = sum(interval.wait for interval in intervals)
    share = 0.0  # of all waiting, that for each other
    if waited:
        caused = own_waits(intervals, cores if machine is None else machine)
        share = min(1.0, sum(caused) / waited)
    found = []
    for interval in intervals:
        start, end, duration = interval.start, interval.end, interval.duration
        own = interval.wait * share  # who of them waited for whom is chance
        if duration <= 0:
            found.append(duration)
            continue
        at_once = (crowd[end] - crowd[start]) / duration
        found.append(_effort(interval, own, at_once, work[end] - work[start], cores))
    return found


def _summed(spans: Iterable[tuple[float, float, float]]) -> dict[float, float]:
    """Return for each moment at which one of these begins or ends what they did until then.

    Each is a start, an end, and how much it does a second.
    """
    changes: list[tuple[float, float]] = []
    for start, end, rate in spans:
        changes += (start, rate), (end, -rate)
    until: dict[float, float] = {}
    rate, total, before = 0.0, 0.0, 0.0
    for moment, change in sorted(changes):
        total += rate * (moment - before)
        until[moment] = total
        rate += change
        before = moment
    return until


def _effort(interval: Interval, own: float, at_once: float, computed: float, cores: float) -> float:
    """Return what a task would take alone that waited for the run's `own` tasks so long.

    While it ran there were so many `at_once`, and all of them computed so many seconds.
    """
    duration, cpu, waited = interval.duration, interval.cpu, interval.wait
    is_crowded = at_once > cores
    if cpu is None:  # it was cut off, and nobody knows: it had its share at least
        return duration * cores / at_once if is_crowded else duration - own
    without = max(min(cpu, duration), duration - own) if own else duration
    if not is_crowded or (interval.waited is not None and cores > 1):
        return without
    share = MOST_OF_ITS_SHARE if interval.is_whole else SOME_OF_ITS_SHARE
    asked = interval.with_lock if cores == 1 else cpu + waited
    if asked < share * duration * cores / at_once:
        return without
    held = min(cpu + (waited - own), duration) if waited else min(cpu, duration)
    if cores > 1:
        return held
    if waited and computed > duration:  # those that had not the lock have waited for a core as well
        held = max(min(cpu, duration), held * duration / computed)
    others = computed - interval.with_lock  # for no longer it waited for the lock
    return max(held, min(without, without - others))


def alone(
    records: Iterable[TaskRun], cores: float, machine: float | None = None
) -> dict[TaskRun, float]:
    """Return the seconds that each task or item would take alone, of those that ran."""
    ran = {record: interval for record in records if (interval := interval_of(record)) is not None}
    return dict(zip(ran, efforts(list(ran.values()), cores, machine), strict=True))


def interval_of(record: TaskRun) -> Interval | None:
    """Return when a task ran and what it had of the cores; None if it did not run."""
    started, finished = record.started, record.finished
    if started is None or finished is None:
        return None
    is_whole = record.state not in (State.CANCELLED, State.TIMED_OUT)
    return Interval(started, finished, record.cpu, record.waited, threads_of(record), is_whole)


def seconds_of(
    tasks: Mapping[str, TaskRun], took: Callable[[TaskRun, float], float]
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return how long tasks took by some clock, and of mapped ones how long each item did.

    A mapped task takes what its items take together.
    """
    items = {name: [took(item, 0.0) for item in record.items]
             for name, record in tasks.items() if record.items is not None}  # fmt: skip
    seconds = {name: sum(items[name]) if name in items else took(record, 0.0)
               for name, record in tasks.items()}  # fmt: skip
    return seconds, items


def path_as_it_ran(plan: Plan, tasks: Mapping[str, TaskRun]) -> tuple[float, tuple[str, ...]]:
    """Return the longest path in the clock in which a chart shows tasks: as long as they took.

    It consists of tasks that ran.
    """
    seconds, path = longest_path(
        plan, *seconds_of(tasks, lambda record, default: record.duration or default)
    )
    return seconds, tuple(name for name in path if _has_run(tasks[name]))


def _has_run(record: TaskRun) -> bool:
    """Tell whether a task was started at all, or of a mapped one, if it has items, any of these."""
    return any(part.started is not None for part in record.items or (record,))


def longest_path(
    plan: Plan, seconds: Mapping[str, float], items: Mapping[str, Sequence[float]]
) -> tuple[float, tuple[str, ...]]:
    """Return the seconds of the longest path, and its tasks.

    It is the chain of dependent tasks whose efforts add up to the most.

    `seconds` has the effort of each task, and `items` for a mapped task those of its items, which
    run beside each other. If its items come from a mapped task too, each waits only for its own.
    """
    length: dict[str, float] = {}
    before: dict[str, str | None] = {}
    of_items: dict[str, list[float]] = {}
    for name in plan.order:
        source = plan.stream_of(name)
        if source is not None and len(of_items.get(source, ())) != len(items.get(name, ())):
            source = None
        others = [edge.source for edge in plan.flow.upstream[name] if edge.source != source]
        before[name] = max(others, key=length.__getitem__, default=None)
        start = length[before[name] or ""] if others else 0.0
        if name not in items:
            length[name] = start + seconds[name]
            continue
        starts = [start] * len(items[name])
        if source is not None:
            starts = [max(start, own) for own in of_items[source]]
            if max(starts, default=0.0) > start:
                before[name] = source
        of_items[name] = [a + b for a, b in zip(starts, items[name], strict=True)]
        length[name] = max(of_items[name], default=start)
    end = max(length, key=length.__getitem__, default=None)
    total = length[end] if end else 0.0
    path = []
    while end is not None:
        path.append(end)
        end = before[end]
    return total, tuple(reversed(path))
