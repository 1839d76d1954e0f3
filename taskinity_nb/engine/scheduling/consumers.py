"""Who still takes which result, so that one that nobody will take any more can be let go."""

from __future__ import annotations

from typing import Any

from ...model.refs import RELEASED, is_missing
from ...model.run import Run
from .maps.mapped import MappedTasks

__all__ = ["Consumers"]

WAITING = ("wait", "each_wait")
"""Kinds of edges that bring nothing, and decide nothing."""


class Consumers:
    """How many tasks will still take each result (``keep="last"``).

    Last tasks and targets keep theirs, and so do those before a task that failed or has skipped
    itself, for a run that resumes. A task that is skipped for what came of others takes nothing any
    more.

    What is released goes to the list `dropped`: to free it is to run code of the user's, which is
    not done here.
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
        for name in extent.targets:
            self._left[index[name]] += 1  # of whoever asked for it

    def let_go(self, task: int, maps: MappedTasks) -> None:
        """Say that a task has its result, or is skipped; release those that it took last."""
        for source in self._sources[task]:
            self._left[source] -= 1
            if not self._left[source] and not is_missing(self._values[source]):
                self._dropped.append(self._values[source])
                self._values[source] = RELEASED
                self._dropped += maps.release(source)
