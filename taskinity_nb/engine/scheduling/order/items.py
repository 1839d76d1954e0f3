"""The items of mapped tasks: how each of them ended, and which of the ready ones goes first.

Mapped tasks that take each other's items one by one are a *group*, and their ready items lie in one
heap: the item that stands first in the list goes first, and of its steps the one that is furthest
on. So an item that has begun goes on before another one begins, and with w workers there are about
w items of which some steps are done and others are not, however long the list is.

In the order of the tasks a group stands where the best of its tasks does: first the tasks
themselves, which are taken once to learn their items, then one place for all that is in the heap.
Tasks of different executors are in different queues, and so in different heaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

__all__ = ["DONE", "FAILED", "HEAP", "OPEN", "Items", "ReadyItems", "placed"]

OPEN, DONE, FAILED = range(3)
"""What is known of an item."""

HEAP = -1
"""What stands in the order of tasks for the ready items of a group."""


class ReadyItems:
    """The items that may run, of one mapped task or of a group of them, best first.

    Parameters
    ----------
    place : int
        Where in the order of tasks the items go.
    steps : int
        How many mapped tasks they are of; the first of these is the furthest on.

    Attributes
    ----------
    heap : list of int
        Their places in the list, each with its step; of a single step, their numbers.

    Examples
    --------
    >>> ready = ReadyItems(place=0, steps=2)
    >>> ready.begin(1, 10)  # the items of the first step are numbered from 10 on,
    >>> ready.begin(0, 20)  # those of the last one from 20 on
    >>> ready.push(1, [10, 11, 12])
    >>> ready.pop()
    10
    >>> ready.push(0, [20])
    >>> ready.pop(), ready.pop(), len(ready.heap)
    (20, 11, 1)
    """

    __slots__ = ("_firsts", "_steps", "heap", "place")

    def __init__(self, place: int, steps: int = 1) -> None:
        self.place = place
        self.heap: list[int] = []
        self._steps = steps
        self._firsts = [0] * steps

    def begin(self, step: int, first: int) -> None:
        """Say from where on the items of a task are numbered."""
        if self._steps > 1:
            self._firsts[step] = first

    def push(self, step: int, items: Iterable[int]) -> None:
        """Add items of a task."""
        heap, steps, first = self.heap, self._steps, self._firsts[step]
        for item in items:
            heappush(heap, (item - first) * steps + step)

    def best(self) -> int:
        """Return the best item."""
        place, step = divmod(self.heap[0], self._steps)
        return self._firsts[step] + place

    def pop(self) -> int:
        """Take the best item."""
        best = heappop(self.heap)
        if self._steps == 1:
            return best
        place, step = divmod(best, self._steps)
        return self._firsts[step] + place

    def clear(self) -> list[int]:
        """Take all items."""
        return [self.pop() for _ in range(len(self.heap))]


class Items:
    """The items of a mapped task."""

    __slots__ = ("first", "known", "left", "ready", "step", "waiting")

    def __init__(self, first: int, count: int, ready: ReadyItems, step: int) -> None:
        self.first = first
        self.left = count
        self.known = bytearray(count)  # OPEN, DONE or FAILED
        self.ready, self.step = ready, step
        ready.begin(step, first)
        self.waiting: dict[int, int] = {}  # for how many others each still waits

    def end(self, item: int, how: int) -> None:
        """Write down how an item ended."""
        self.known[item - self.first] = how
        self.left -= 1


def placed(
    order: Sequence[int], streams: Mapping[int, Sequence[int]], queues: Sequence[int] | None
) -> tuple[list[int], dict[int, tuple[ReadyItems, int]]]:
    """Put the mapped tasks that stream from one another side by side, the furthest on first.

    Return the new order, with a `HEAP` for each heap of items, and for each of these tasks its heap
    and which step it is there.

    Parameters
    ----------
    order : sequence of int
        The tasks by rank.
    streams : mapping of int to sequence of int
        For mapped tasks, those whose items they take one by one.
    queues : sequence of int, optional
        The queue of each task; by default all are in one.

    Examples
    --------
    >>> order, heaps = placed([0, 1, 2, 3], {3: [1]}, None)  # 0, 1 -> map 3, 2
    >>> order, heaps[1][0] is heaps[3][0], heaps[1][1], heaps[3][1]
    ([0, 3, 1, -1, 2], True, 1, 0)
    """
    rank = {task: place for place, task in enumerate(order)}
    groups = _groups(streams)
    depths: dict[int, int] = {}
    at: list[int] = []
    heaps: dict[int, tuple[ReadyItems, int]] = {}
    for task in order:
        if task in heaps:
            continue
        if task not in groups:
            at.append(task)
            continue
        group = sorted(groups[task], key=lambda each: (-_depth(each, streams, depths), rank[each]))
        at += group
        by_queue: dict[int, list[int]] = {}
        for each in group:
            by_queue.setdefault(queues[each] if queues else 0, []).append(each)
        for steps in by_queue.values():
            ready = ReadyItems(len(at), len(steps))
            at.append(HEAP)
            heaps.update((each, (ready, step)) for step, each in enumerate(steps))
    return at, heaps


def _groups(streams: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """Return for each task that streams the tasks that it is tied to, itself among them."""
    groups: dict[int, list[int]] = {}
    for task, sources in streams.items():
        mine = groups.setdefault(task, [task])
        for source in sources:
            theirs = groups.setdefault(source, [source])
            if theirs is not mine:
                mine += theirs
                groups.update((each, mine) for each in theirs)
    return groups


def _depth(task: int, streams: Mapping[int, Sequence[int]], known: dict[int, int]) -> int:
    """Return how many steps are before a task, at most; without recursion, for long chains."""
    left = [task]
    while left:
        sources = streams.get(left[-1], ())
        if missing := [source for source in sources if source not in known]:
            left += missing
        else:
            known[left.pop()] = 1 + max((known[source] for source in sources), default=-1)
    return known[task]
