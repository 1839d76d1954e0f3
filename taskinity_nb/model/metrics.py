"""What the record of a run gives: how long each task would take alone, and the longest path.

A task that computes while more tasks do so than there are cores (in threads of one Python there is
one, because of the interpreter's lock) spends much of its duration waiting for its turn. Then its
duration tells nothing of what it would take alone, but its CPU seconds do. A task that waits for
something else, a disk or a network, uses little of its share of the cores, and keeps its duration.

Where the system tells how long a task waited for a core, nothing needs to be guessed, but for what
waits for the lock: it does not ask for a core. Only the one that has the lock computes or waits for
a core, so these two together are what tells that tasks have taken turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .plan import Plan
from .record import TaskRun

__all__ = ["Interval", "alone", "efforts", "has_run", "longest_path"]

MOST_OF_ITS_SHARE = 0.6
"""A task that used so much of its share of the cores was held back by the others."""


class Interval(NamedTuple):
    """When a task ran, its CPU seconds, and those that it waited for a core, if that is known."""

    start: float
    end: float
    cpu: float
    waited: float | None = None


def efforts(intervals: Sequence[Interval], cores: float) -> list[float]:
    """Return the seconds that each task of a run would take alone.

    `cores` of them can compute at once.

    Examples
    --------
    Two tasks that compute share one core, and two that sleep do not mind:

    >>> efforts([Interval(0, 2, 1), Interval(0, 2, 1)], cores=1)
    [1, 1]
    >>> efforts([Interval(0, 2, 0), Interval(0, 2, 0)], cores=1)
    [2, 2]

    One that had to wait for a core:

    >>> efforts([Interval(0, 2, 1.25, waited=0.5)], cores=2)
    [1.5]
    """
    starts = [(interval.start, 1) for interval in intervals]
    moments = sorted([*starts, *((interval.end, -1) for interval in intervals)])
    crowd: dict[float, float] = {}  # task-seconds up to each moment
    running, area, before = 0, 0.0, 0.0
    for moment, change in moments:
        area += running * (moment - before)
        crowd[moment] = area
        running += change
        before = moment
    found = []
    for interval in intervals:
        duration = interval.end - interval.start
        waited = interval.waited or 0
        alone = max(min(interval.cpu, duration), duration - waited)
        if interval.waited is not None and cores > 1:
            found.append(alone)
            continue
        at_once = (crowd[interval.end] - crowd[interval.start]) / duration if duration else 0.0
        held_back = at_once > cores and interval.cpu + waited >= (
            MOST_OF_ITS_SHARE * duration * cores / at_once
        )
        found.append(min(interval.cpu, duration) if held_back else alone)
    return found


def alone(records: Iterable[TaskRun], cores: float) -> dict[TaskRun, float]:
    """Return the seconds that each task or item would take alone, of those that ran."""
    ran = {
        record: Interval(record.started, record.finished, record.cpu or 0.0, record.waited)
        for record in records
        if record.started is not None and record.finished is not None
    }
    return dict(zip(ran, efforts(list(ran.values()), cores), strict=True))


def has_run(record: TaskRun) -> bool:
    """Tell whether a task, or an item of it, was started at all."""
    return any(part.started is not None for part in (record, *(record.items or ())))


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
