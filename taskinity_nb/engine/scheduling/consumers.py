"""Who still takes which result, so that one that nobody will take any more can be let go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...model.forms.edges import MAPPED
from ...model.refs import MISSING, RELEASED
from ...model.run import Run

__all__ = ["Consumers"]

WAITING = ("wait", "each_wait")
"""Kinds of edges that bring nothing, and decide nothing."""


class Consumers:
    """How many tasks will still take each result (``keep="last"``).

    Last tasks and targets keep theirs, and so do those before a task that failed or has skipped
    itself, for a run that resumes. A task that is skipped for what came of others takes nothing any
    more.

    Of a mapped task whose items are all taken one by one, nobody needs the list: each item is let
    go when those that take it are done (`MappedTasks`). What such a task took stays until all of
    its items may go, since a run that resumes goes by it.

    What is released goes to the list `dropped`: to free it is to run code of the user's, which is
    not done here.

    Attributes
    ----------
    one_by_one : dict of int to int
        The mapped tasks of which that is so, and how many tasks take their items.
    """

    def __init__(self, run: Run, dropped: list[Any]) -> None:
        index, flow = run.plan.index, run.flow
        self._dropped = dropped
        self._values = run.record.values
        self._sources = [
            list({index[edge.source] for edge in flow.upstream[name] if edge.kind not in WAITING})
            for name in flow.tasks
        ]
        extent = run.plan.extent
        self._left = [0] * len(self._sources)
        for name, sources in zip(flow.tasks, self._sources, strict=True):
            if not extent.runs(name):
                sources.clear()
            for source in sources:
                self._left[source] += 1
        self.one_by_one = {
            slot: self._left[slot]
            for slot in run.plan.maps
            if self._left[slot] and _is_taken_one_by_one(run, flow.tasks[slot])
        }
        for name in extent.targets:
            self._left[index[name]] += 1  # of whoever asked for it
            self.one_by_one.pop(index[name], None)

    def let_go(self, task: int, release: Callable[[int], list[Any]]) -> None:
        """Say that a task has its result, or is skipped; release those that it took last.

        `release` lets go of the items of a mapped task, and returns what was there.
        """
        done = [task]
        for each in done:
            if each in self.one_by_one and self._left[each]:
                continue
            for source in self._sources[each]:
                self._left[source] -= 1
                if not self._left[source] and self._values[source] is not MISSING:
                    self._dropped.append(self._values[source])
                    self._values[source] = RELEASED
                    self._dropped += release(source)
                    if source in self.one_by_one:
                        done.append(source)


def _is_taken_one_by_one(run: Run, name: str) -> bool:
    """Tell whether all that take a mapped task's result take the same item of it for each item."""
    taken = [edge for edge in run.flow.downstream[name] if edge.kind not in WAITING]
    running = [edge for edge in taken if run.plan.extent.runs(edge.target)]
    return all(
        edge.kind in MAPPED and not edge.optional and run.plan.is_stream(edge) for edge in running
    )
