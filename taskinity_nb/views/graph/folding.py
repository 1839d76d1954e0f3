"""Folds a flow that is too large to be drawn: tasks of one shape become one node with a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import groupby

from ...model.events import State
from ...model.flow import Edge, Flow
from .dot import levels

__all__ = ["Folding", "fold"]

SHOWN_FIRST = (
    State.FAILED, State.TIMED_OUT, State.RUNNING, State.RETRYING, State.READY, State.PENDING,
    State.UPSTREAM_FAILED, State.CANCELLED, State.SKIPPED, State.SUCCEEDED, State.CACHED,
)  # fmt: skip
"""The state of a node is the first of these that one of its tasks has."""


class Folding:
    """A flow whose nodes stand for groups of the tasks of another one.

    Attributes
    ----------
    flow : Flow
        The nodes; each is called by the first of its tasks.
    labels : dict of str to str
        What to call the nodes that stand for more than one task.
    members : dict of str to list of str
        The tasks of each node.

    Examples
    --------
    >>> flow = Flow("Example", [("load", f"work_{i}") for i in range(3)],
    ...             functions={f"work_{i}": "work" for i in range(3)})
    >>> folding = Folding(flow, lambda task: flow.function_of(task))
    >>> folding.flow.tasks, folding.labels
    (('load', 'work_0'), {'work_0': 'work × 3'})
    >>> counts = folding.counts([State.SUCCEEDED, State.PENDING, State.SUCCEEDED, State.RUNNING])
    >>> folding.states(counts)
    {'load': <State.SUCCEEDED: 'succeeded'>, 'work_0': <State.RUNNING: 'running'>}
    >>> folding.details(counts)
    {'load': '', 'work_0': '1 of 3'}
    """

    def __init__(self, flow: Flow, key: Callable[[str], Hashable]) -> None:
        groups: dict[Hashable, list[str]] = {}
        for task in flow.tasks:
            groups.setdefault(key(task), []).append(task)
        self.members = {group[0]: group for group in groups.values()}
        self._node = {task: node for node, group in self.members.items() for task in group}
        place = {task: i for i, task in enumerate(flow.tasks)}
        self._places = {n: [place[task] for task in group] for n, group in self.members.items()}
        self.labels = {
            node: self._label(flow, group) for node, group in self.members.items() if group[1:]
        }
        functions = {n: flow.function_of(n) for n in self.members if n not in self.labels}
        self.flow = Flow(flow.name, self._edges(flow), self.members, flow.description, functions)

    def counts(self, states: Sequence[State]) -> dict[str, Counter[State]]:
        """Return how many tasks of each node are in each state, given those of all, in order."""
        state_of = states.__getitem__
        return {node: Counter(map(state_of, places)) for node, places in self._places.items()}

    def states(self, counts: Mapping[str, Counter[State]]) -> dict[str, State]:
        """Return the state that each node is shown in."""
        return {
            node: next(state for state in SHOWN_FIRST if state in count)
            for node, count in counts.items()
        }

    def details(
        self, counts: Mapping[str, Counter[State]], details: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return what is told of each node: of a task alone its own, else how many are done."""
        told = {}
        for node, count in counts.items():
            if node in self.labels:
                done = sum(number for state, number in count.items() if state.is_success)
                told[node] = f"{done:,} of {count.total():,}"
            else:
                told[node] = (details or {}).get(node, "")
        return told

    def path(self, tasks: Sequence[str]) -> list[str]:
        """Return the nodes on a path of tasks."""
        return [node for node, _ in groupby(self._node[task] for task in tasks)]

    def _label(self, flow: Flow, group: list[str]) -> str:
        functions = {flow.function_of(task) for task in group}
        return f"{functions.pop() if len(functions) == 1 else 'tasks'} × {len(group):,}"

    def _edges(self, flow: Flow) -> list[Edge]:
        """Return the edges between nodes; where several become one, what they differ in is left."""
        merged: dict[tuple[str, str], Edge] = {}
        for edge in flow.edges:
            ends = self._node[edge.source], self._node[edge.target]
            same = merged.setdefault(ends, Edge(*ends, edge.kind, edge.key))
            if (same.kind, same.key) != (edge.kind, edge.key):
                merged[ends] = Edge(*ends)
        mapped = Counter(edge.target for edge in merged.values() if edge.kind == "map")
        return [
            Edge(edge.source, edge.target)
            if edge.kind == "map" and mapped[edge.target] > 1
            else edge
            for edge in merged.values()
        ]


def fold(flow: Flow, fits: Callable[[Flow], bool]) -> Folding | None:
    """Fold a flow as little as is needed: tasks of one function at one depth, else all at one.

    Return None if it does not fit either way.

    Examples
    --------
    >>> wide = Flow("Wide", [("load", f"work_{i}") for i in range(3)])
    >>> fold(wide, lambda flow: len(flow.tasks) < 4).labels
    {'work_0': 'tasks × 3'}
    """
    level = levels(flow)
    keys: list[Callable[[str], Hashable]] = [
        lambda task: (level[task], flow.function_of(task)),
        level.__getitem__,
    ]
    foldings = (Folding(flow, key) for key in keys)
    return next((folding for folding in foldings if fits(folding.flow)), None)
