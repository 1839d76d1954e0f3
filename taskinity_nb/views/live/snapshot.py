"""How far a run is, as the traits of a `GraphWidget`: the whole of it, whenever it is asked for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...engine.scheduling.history import weights_of
from ...engine.scheduling.order.ranks import ranks
from ...formatting import counted, short_time
from ...model.events import State
from ..style.palette import CODES
from ..style.words import items_done, saved_time, waiting

if TYPE_CHECKING:
    from ...model.record import TaskRun
    from ...model.run import Run
    from ..graph.folding import Folding

__all__ = ["progress_of", "snapshot"]

LEAST_LEFT = 0.5
"""Seconds; of less, a reader would not have seen the end of the sentence."""

MOST_RANKED = 2000
"""Tasks up to which the longest way to the end is looked for, several times a second."""

LEAST_DONE = 0.05
"""The share of a run after which the rest can be told by it."""

NEVER_RAN = (State.CANCELLED, State.UPSTREAM_FAILED)
"""How tasks end that have not done what they were to do, and never will."""


def snapshot(states: Sequence[State], folding: Folding | None = None) -> dict[str, Any]:
    """Return the traits that tell the states of tasks, in the order of the flow.

    Examples
    --------
    >>> told = snapshot([State.SUCCEEDED, State.FAILED, State.RUNNING])
    >>> told["states"], told["counts"]
    ('sfR', '2 of 3 tasks done')
    >>> snapshot([State.SUCCEEDED, State.CANCELLED, State.CANCELLED])["counts"]
    '1 of 3 tasks done, 2 cancelled'
    """
    if folding is None:
        counts, shown = Counter(states), states
        told = {}
    else:
        of_nodes = folding.counts(states)
        counts = sum(of_nodes.values(), Counter[State]())
        shown = list(folding.states(of_nodes).values())
        told = {
            "total": {CODES[state]: number for state, number in counts.items()},
            "items": folding.details(of_nodes),
        }
    total = len(states)
    done = sum(n for state, n in counts.items() if state.is_final and state not in NEVER_RAN)
    others = [f", {counts[state]:,} {state.words}" for state in NEVER_RAN if counts[state]]
    return told | {
        "states": "".join(map(CODES.__getitem__, shown)),
        "counts": f"{done:,} of {counted(total, 'task')} done{''.join(others)}",
        "done": done / max(total, 1),
    }


def progress_of(
    run: Run, folding: Folding | None = None, *, with_clock: bool = True
) -> dict[str, Any]:
    """Return how far a run is, as far as its log is in the record.

    `folding` is what the nodes of the picture stand for, if not each for one task. Without a
    picture, nothing needs the clock.
    """
    records = run.record.tasks
    told = snapshot([record.state for record in records], folding)
    told["counts"] += _time_left(run, told["done"])
    if with_clock:
        if folding is None:
            shown: list[TaskRun | None] = list(records)
        else:
            place, alone = run.plan.index, folding.members.keys() - folding.labels.keys()
            shown = [records[place[n]] if n in alone else None for n in folding.members]
        told |= {"clock": _clock(shown, run.makespan), "sent": time.time() * 1e3}
        if run.plan.maps:
            of_maps = (r for r in shown if r is not None and r.items is not None)
            told["items"] = told.get("items", {}) | {r.name: items_done(r) for r in of_maps}
        for record in shown:
            if record is not None and (more := saved_time(record) or _waits(record)):
                items = told.setdefault("items", {})
                parts = items.get(record.name, ""), more
                items[record.name] = " · ".join(filter(None, parts))
    return told


def _waits(record: TaskRun) -> str:
    """Say in a node, which has no room for what it is, that a task waits for resources."""
    return "waits" if waiting(record) else ""


def _clock(records: Sequence[TaskRun | None], now: float) -> list[float]:
    """Return for each task its milliseconds, of one that runs those so far; -1 for the others."""
    clock = list[float]()
    for record in records:
        seconds = None if record is None else record.duration
        if record is not None and seconds is None and not record.state.is_final:
            seconds = None if record.started is None else now - record.started
        clock.append(-1 if seconds is None else max(0.0, round(seconds * 1e3, 2)))
    return clock


def _time_left(run: Run, done: float) -> str:
    """Write how long the run will go on: as earlier runs tell, or of very many tasks, as so far."""
    if not 0 <= done < 1 or all(record.state.is_final for record in run.record.tasks):
        return ""
    now = run.makespan
    if len(run.flow.tasks) > MOST_RANKED:
        seconds = now * (1 - done) / done if done > LEAST_DONE else 0.0
    elif (weights := weights_of(run.flow)) is None:
        return ""
    else:
        left = [
            0.0 if record.state.is_final
            else max(0.0, took - (now - record.started if record.started is not None else 0.0))
            for record, took in zip(run.record.tasks, weights, strict=True)
        ]  # fmt: skip
        longest = max(ranks(run.flow.structure.followers, left), default=0.0)
        seconds = max(longest, sum(left) / run.workers)
    return f", about {short_time(seconds)} left" if seconds >= LEAST_LEFT else ""
