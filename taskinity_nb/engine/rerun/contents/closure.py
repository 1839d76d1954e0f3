"""What stands for each node of a graph with all that can be reached from it, round trips too.

Nodes that reach each other are told apart as follows: at first what stands for each is its own
label; then, again and again, its label with those of its neighbours, until that tells no more of
them apart. So it depends neither on where one begins nor on how often an equal part is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .code import hashed

__all__ = ["close"]


def close(
    start: int,
    edges: Callable[[int], Sequence[int]],
    label: Callable[[int], bytes],
    known: dict[int, bytes],
) -> list[list[int]]:
    """Put into `known` what stands for a node and each that it reaches; return those that are new.

    Nodes that reach each other come together, and after those that they reach.

    Examples
    --------
    >>> graph, known = {1: [2], 2: [3, 1], 3: [], 4: [3, 1]}, {}
    >>> close(1, graph.__getitem__, lambda node: b"same", known)
    [[3], [2, 1]]
    >>> known[1] == known[2], close(2, graph.__getitem__, lambda node: b"same", known)
    (False, [])
    """
    groups = list(_groups(start, edges, known))
    for group in groups:
        _refine(group, edges, label, known)
    return groups


def _groups(
    start: int, edges: Callable[[int], Sequence[int]], known: dict[int, bytes]
) -> Iterator[list[int]]:
    """Yield the nodes that reach each other, without a call within a call (Tarjan)."""
    if start in known:
        return
    number, low, open_nodes = {start: 0}, {start: 0}, [start]
    closed, path = set[int](), [(start, iter(edges(start)))]
    while path:
        node, ahead = path[-1]
        for other in ahead:
            if other in known or other in closed:
                continue
            if other not in number:
                number[other] = low[other] = len(number)
                open_nodes.append(other)
                path.append((other, iter(edges(other))))
                break
            low[node] = min(low[node], number[other])
        else:
            path.pop()
            if path:
                low[path[-1][0]] = min(low[path[-1][0]], low[node])
            if low[node] == number[node]:
                group = [open_nodes.pop()]
                while group[-1] != node:
                    group.append(open_nodes.pop())
                closed.update(group)
                yield group


def _refine(
    group: list[int],
    edges: Callable[[int], Sequence[int]],
    label: Callable[[int], bytes],
    known: dict[int, bytes],
) -> None:
    if len(group) == 1 and group[0] not in edges(group[0]):
        known[group[0]] = hashed(label(group[0]), [known[other] for other in edges(group[0])])
        return
    inside = set(group)
    labels = {node: hashed(label(node)) for node in group}
    apart = 0
    while True:
        labels = {
            node: hashed(
                labels[node],
                [labels[other] if other in inside else known[other] for other in edges(node)],
            )
            for node in group
        }
        if len(set(labels.values())) <= apart:
            break
        apart = len(set(labels.values()))
    together = sorted(set(labels.values()))
    known.update((node, hashed(labels[node], together)) for node in group)
