"""What earlier runs of a flow in this process took: the weights of its next run's priorities.

A flow is known again by its name and structure, so that an edited text begins anew. A task that was
not seen yet weighs as much as the median of the others.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from statistics import median

from ...model.flow import Flow
from ...model.run import Run
from .frontier import ranked
from .history import NOTHING, remember, took

__all__ = ["learn", "order_of", "weights_of"]

MOST_FLOWS = 64
"""Flows that are remembered; the one that has not run for longest is forgotten."""

SHORTEST = 20e-6
"""Seconds a task, of a run; where all took less, the order in which they go does not matter."""

_seconds: OrderedDict[Flow, dict[int, float]] = OrderedDict()
_orders: OrderedDict[Flow, list[int]] = OrderedDict()
_lock = threading.Lock()


def learn(run: Run) -> None:
    """Remember how long the tasks of a run took that succeeded, and that it was."""
    count = len(run.plan.bindings)
    if run.makespan < SHORTEST * count:
        remember(run, NOTHING)
        return
    slots, nanoseconds = of_all = took(run._log)
    remember(run, of_all)
    pairs = zip(slots, nanoseconds, strict=True)
    new = {slot: one * 1e-9 for slot, one in pairs if slot < count}  # without items
    with _lock:
        known = _seconds[run.flow] = _seconds.pop(run.flow, {}) | new
        if known:
            _orders.pop(run.flow, None)
        while len(_seconds) > MOST_FLOWS:
            _seconds.popitem(last=False)


def weights_of(flow: Flow) -> list[float] | None:
    """Return the seconds of each task, or None if nothing is known."""
    with _lock:
        known = _seconds.get(flow)
    if not known:
        return None
    usual = median(known.values())
    return [known.get(slot, usual) for slot in range(len(flow.tasks))]


def order_of(flow: Flow) -> list[int]:
    """Return the tasks of a flow by rank, the first one first.

    Examples
    --------
    >>> order_of(Flow("Example", [("load", "save"), ("load", "show"), ("show", "print")]))
    [0, 2, 1, 3]
    """
    with _lock:
        order = _orders.get(flow)
    if order is None:
        order = ranked(flow._structure.followers, weights_of(flow))
        with _lock:
            _orders[flow] = order
            while len(_orders) > MOST_FLOWS:
                _orders.popitem(last=False)
    return order
