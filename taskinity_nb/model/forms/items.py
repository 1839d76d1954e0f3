"""Which mapped tasks go item by item: their items are those of the same list, one for one.

A mapped task that takes the items of another one has as many; so have two that are mapped over the
same list, and so has the list itself, which may stand beside them. Their *root* is what they have
in common. Tasks of one root go side by side: what is for an item waits only for what the others
have for that item.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from .edges import CONDITIONS, MAPPED, Edge
from .validity import Checked

__all__ = ["Aligned"]


TIED = frozenset({"each", "each_wait"})
"""Kinds of edges in a flow that runs once for each item: all tasks of it have as many."""


class Aligned:
    """What the mapped tasks of a flow have in common.

    Attributes
    ----------
    streams : dict of int to tuple of int
        For a mapped task, the mapped tasks whose items it takes one by one.
    one_by_one : set of Edge
        The edges that bring such items, or decide about one.
    """

    def __init__(
        self, flow: Checked, index: Mapping[str, int], maps: Mapping[int, tuple[Edge, ...]]
    ) -> None:
        self.streams: dict[int, tuple[int, ...]] = {}
        self.one_by_one: set[Edge] = set()
        self._roots: dict[int, Hashable] = {}
        self._maps, self._index = maps, index
        for task in _ordered(flow, maps, index):
            self._add(task, flow)

    def _add(self, task: int, flow: Checked) -> None:
        edges, index = self._maps[task], self._index
        from_items = [
            edge
            for edge in edges
            if edge.kind in TIED
            or (
                edge.key is None and edge.kind != "product" and index.get(edge.source) in self._maps
            )
        ]
        if any(edge.kind == "zip" for edge in edges):
            roots = {self._roots[index[edge.source]] for edge in from_items}
            roots |= {_of_list(edge) for edge in edges if edge not in from_items}
            if len(roots) > 1:
                from_items = [edge for edge in from_items if edge.kind in TIED]
        root: Hashable
        if from_items:
            root = self._roots[index[from_items[0].source]]
        elif any(edge.kind == "product" for edge in edges):
            root = task
        else:
            root = frozenset().union(*map(_of_list, edges))
        self._roots[task] = root
        tied = {edge.source for edge in edges if edge.kind in TIED}
        from_items += [
            edge
            for edge in flow.incoming[edges[0].target]
            if edge.kind in CONDITIONS
            and (edge.source in tied or self._roots.get(index.get(edge.source, -1)) == root)
        ]
        self.one_by_one |= set(from_items)
        if from_items:
            self.streams[task] = tuple(dict.fromkeys(index[edge.source] for edge in from_items))


def _of_list(edge: Edge) -> frozenset[Hashable]:
    """Return the root of a task that is mapped over what an edge brings."""
    return frozenset({(edge.source, edge.key)})


def _ordered(
    flow: Checked, maps: Mapping[int, tuple[Edge, ...]], index: Mapping[str, int]
) -> list[int]:
    """Return the mapped tasks, each after those that it is tied to."""
    ordered: dict[int, None] = {}
    stack = list(reversed(list(maps)))
    while stack:
        task = stack[-1]
        tied = MAPPED | CONDITIONS
        incoming = flow.incoming[maps[task][0].target]
        sources = [index.get(edge.source, -1) for edge in incoming if edge.kind in tied]
        left = [s for s in sources if s in maps and s not in ordered]
        if left:
            stack += left
        else:
            ordered[stack.pop()] = None
    return list(ordered)
