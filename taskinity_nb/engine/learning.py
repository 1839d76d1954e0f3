"""What earlier runs of a flow in this process took: the weights of its next run's priorities.

A flow is known again by its name and structure, so that an edited text begins anew. A task that was
not seen yet weighs as much as the median of the others.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from statistics import median

from ..model.events import Entry, State
from ..model.flow import Flow

__all__ = ["learn", "weights_of"]

MOST_FLOWS = 64
"""Flows that are remembered; the one that has not run for longest is forgotten."""

_seconds: OrderedDict[Flow, dict[int, float]] = OrderedDict()
_lock = threading.Lock()


def learn(flow: Flow, log: list[Entry]) -> None:
    """Remember how long the tasks of a run took that succeeded."""
    took = {
        index: (moment - detail[0]) * 1e-9
        for index, state, moment, detail in log
        if state is State.SUCCEEDED
    }
    with _lock:
        _seconds[flow] = _seconds.pop(flow, {}) | took
        while len(_seconds) > MOST_FLOWS:
            _seconds.popitem(last=False)


def weights_of(flow: Flow) -> list[float] | None:
    """Return the seconds of each task, or None if nothing is known.

    Examples
    --------
    >>> flow = Flow("Example", [("load", "save")])
    >>> weights_of(flow) is None
    True
    >>> learn(flow, [(1, State.SUCCEEDED, 5_000_000_000, (2_000_000_000, 0, 5_000_000_000))])
    >>> weights_of(flow)
    [3.0, 3.0]
    """
    with _lock:
        known = _seconds.get(flow)
    if not known:
        return None
    usual = median(known.values())
    return [known.get(index, usual) for index in range(len(flow.tasks))]
