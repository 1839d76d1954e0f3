"""The machine's memory, of a run that does not say how much there is.

It counts where tasks say how much they ask for, or where it is known of an earlier run that as many
of them as there are workers might not fit. So a run of which nothing is known, or whose tasks all
fit, holds nothing back, and costs what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....model.limits.capacities import Capacities, Spare, capacities
from ....model.plan import Plan
from ...runtime.cores import available_cores
from ...runtime.memory_limit import memory_left
from ..history import peaks_of
from .demands import LEAST, MEMORY

__all__ = ["what_there_is"]

HERE = ("sequential", "threads", "processes", "async")
"""The executors whose tasks run on this machine, in memory that is ours."""

A_WORKER = 10_000_000
"""Bytes that a worker process takes before it has done anything."""


def what_there_is(
    plan: Plan,
    given: Mapping[str, Any] | None,
    executor: Any,
    workers: int | None,
    at_hand: Callable[[], int],
) -> Capacities:
    """Return how much a run may use at once of what its tasks ask for.

    That is what was `given`, and of memory, if nothing is said of it, what the machine has left
    when there are as many worker processes as the run may have; `at_hand` tells how many there are.
    """
    there_is = capacities(given)
    peaks = peaks_of(plan.flow)
    says = any(MEMORY in task.resources for task in plan.tasks)
    if MEMORY in there_is or not (peaks or says):
        return there_is
    executors = {"async" if task.is_async else task.executor or executor for task in plan.tasks}
    if not all(isinstance(each, str) and each in HERE for each in executors):
        return there_is
    most = max(peaks.values(), default=0) if "processes" in executors else 0
    if most < LEAST and not says:
        return there_is
    memory = memory_left()
    if memory is None:
        return there_is
    at_once = workers or available_cores()
    left = memory.left
    if "processes" in executors:
        left -= A_WORKER * max(at_once - at_hand(), 0)
    if says or at_once * most > left:
        there_is[MEMORY] = Spare(max(left, LEAST))
    return there_is
