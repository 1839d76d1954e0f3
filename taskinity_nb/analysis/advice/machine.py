"""Advice on the machine: too many threads for its cores, or too much else that it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...formatting import counted, time_text
from ...model.record import TaskRun
from .evidence import NOTICED, SURE, Advice, Case

__all__ = ["busy_machine", "oversubscribed", "threads_of"]

HELPED = 0.3
"""Share of its own processor time that helpers of a task have to add: a library that computes
beside it adds about as much again for each thread, other threads only a trifle."""

CROWDED = 1.25
"""Computing threads a core; a few more than there are cores hardly wait for each other."""

BRIEF = 0.001
"""Seconds; what shorter tasks waited for may be this process, which hands them out."""


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


def oversubscribed(case: Case) -> Advice | None:
    """Tell that tasks start threads of their own, more in all than there are cores.

    Only of worker processes of our own it is known what else computes in them (see
    `TaskRun.helpers`); in threads, the clock of the process does not tell for which task a thread
    of a library works.
    """
    tasks = [record for record in case.where("processes") if record.helpers is not None]
    helped = [record for record in tasks if threads_of(record) >= 1 + HELPED]
    extra = sum(record.helpers.cpu for record in helped if record.helpers is not None)
    if extra < NOTICED:
        return None
    each = max(map(threads_of, helped))
    at_once = min(case.at_once, len(helped))
    threads = each * at_once
    if at_once < 2 or threads < CROWDED * case.cores:
        return None
    waited = sum(record.waited or 0.0 for record in helped)
    gain = waited / at_once * max(0.0, 1 - case.cores / threads)
    libraries = sorted({name for record in helped if record.helpers is not None
                        for name in record.helpers.libraries})  # fmt: skip
    whose = f" ({', '.join(libraries)})" if libraries else ""
    return Advice(
        "oversubscribed",
        f"{counted(len(helped), 'task')} started threads of their own{whose}, more in all than "
        f"there are cores.",
        f"{at_once} tasks at once computed with {each:.1f} threads each on "
        f"{counted(case.cores, 'core')}; threads beside their own took {time_text(extra)} of "
        f"processor time, and they waited {time_text(waited)} for a core",
        "let each task have one thread: with threadpoolctl.threadpool_limits(1) around its work, "
        "or OMP_NUM_THREADS=1 in the environment before Python starts; or run it with fewer "
        "workers",
        gain,
        {"tasks": len(helped), "threads": each, "at_once": at_once, "cores": case.cores,
         "cpu_of_helpers": extra, "waited": waited, "libraries": ", ".join(libraries)},
    )  # fmt: skip


def busy_machine(case: Case) -> Advice | None:
    """Tell that tasks waited for cores which something else had, so that times say little.

    The system counts what a thread waits for a core; waiting for the interpreter's lock is not
    among it. What the tasks would wait because of each other, being more than there are cores, is
    taken off.
    """
    tasks = [
        record
        for record in case.records
        if record.waited is not None and (record.duration or 0.0) >= BRIEF
    ]
    demands = [_demand_of(record) for record in tasks]
    needed = sum((record.cpu or 0.0) + _waited(record) for record in tasks)
    waited = sum(map(_waited, tasks))
    unexplained = waited - sum(_own_waits(demands, case.cores))
    if unexplained < max(NOTICED, SURE * needed):
        return None
    return Advice(
        "busy_machine",
        "The machine was busy with something else, so the times of this run say little.",
        f"tasks that needed {time_text(needed - waited)} of a core waited "
        f"{time_text(unexplained)} for one that no task of this run had",
        "end what else computes, or measure when it has ended; do not compare this run with "
        "others",
        unexplained / case.at_once,
        {"tasks": len(tasks), "waited": waited, "unexplained": unexplained,
         "cpu": needed - waited, "cores": case.cores},
    )  # fmt: skip


def _waited(record: TaskRun) -> float:
    return min(record.waited or 0.0, record.duration or 0.0)


class _Demand(NamedTuple):
    """When a task ran, and how many cores it asked for on the average."""

    start: float
    end: float
    own: float
    all: float


def _demand_of(record: TaskRun) -> _Demand:
    duration = record.duration or 0.0
    own = min(1.0, ((record.cpu or 0.0) + _waited(record)) / duration) if duration else 0.0
    return _Demand(record.started or 0.0, record.finished or 0.0, own, own * threads_of(record))


def _own_waits(demands: Sequence[_Demand], cores: int) -> list[float]:
    """Return the seconds that each task had to wait for a core because of the others.

    While all ask for more cores than there are, each waits for the share that it does not get.

    Examples
    --------
    Three that compute, of which two find a core:

    >>> third = _Demand(0.0, 3.0, 1.0, 1.0)
    >>> [round(seconds, 9) for seconds in _own_waits([third] * 3, cores=2)]
    [1.0, 1.0, 1.0]
    >>> _own_waits([third] * 2, cores=2)
    [0.0, 0.0]
    """
    changes = sorted(
        [(one.start, one.all) for one in demands] + [(one.end, -one.all) for one in demands]
    )
    lost: dict[float, float] = {}  # seconds up to each moment that a task would have waited
    asked, before, total = 0.0, 0.0, 0.0
    for moment, change in changes:
        if asked > cores:
            total += (moment - before) * (1 - cores / asked)
        lost[moment] = total
        asked, before = asked + change, moment
    return [one.own * (lost[one.end] - lost[one.start]) for one in demands]
