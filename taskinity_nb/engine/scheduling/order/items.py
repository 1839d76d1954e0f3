"""The items of mapped tasks: how each of them ended, and which of the ready ones goes first.

Mapped tasks that take each other's items one by one are a *group*. In the order of the tasks it
stands where the best of its tasks does, and in it those go first that are furthest on. So an item
that has begun goes on before another one begins, and with w workers there are about w items of
which some steps are done and others are not, however long the list is.

That does where all items of a group come from one of its tasks. Where they come from several, as
those of two lists that are taken side by side, the first list would be done before the second one
begins. So what is ready there lies in one heap: the item that stands first in its list goes first,
and of its steps the one that is furthest on. Tasks of different executors are in different queues,
and so in different heaps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from heapq import heappop, heappush

__all__ = ["DONE", "FAILED", "HEAP", "OPEN", "Items", "SideBySide", "groups_of", "placed"]

OPEN, DONE, FAILED = range(3)
"""What is known of an item."""

HEAP = -1
"""What stands in the order of tasks for the items of several that are taken side by side."""


class SideBySide:
    """The items that may run, of several mapped tasks; it is used as the deque of a single one is.

    Parameters
    ----------
    place : int
        Where in the order of tasks the items go.
    steps : int
        How many mapped tasks they are of; the first of these is the furthest on.

    Examples
    --------
    >>> ready = SideBySide(place=0, steps=2)
    >>> add_last, add_first = ready.begin(0, 20), ready.begin(1, 10)  # numbered from 20, from 10 on
    >>> add_first(10), add_first(11), ready.popleft()
    (None, None, 10)
    >>> add_last(20), ready[0], ready.popleft(), ready.popleft(), len(ready)
    (None, 20, 20, 11, 0)
    """

    def __init__(self, place: int, steps: int) -> None:
        self.place = place
        self._firsts = [0] * steps
        self._heap: list[tuple[int, int]] = []  # places in the list, each with its step

    def __len__(self) -> int:
        return len(self._heap)

    def __getitem__(self, index: int) -> int:
        place, step = self._heap[index]
        return self._firsts[step] + place

    def begin(self, step: int, first: int) -> Callable[[int], None]:
        """Return what adds an item of a task, given the number of its first one."""
        self._firsts[step] = first
        return partial(self._add, step, first)

    def _add(self, step: int, first: int, item: int) -> None:
        heappush(self._heap, (item - first, step))

    def popleft(self) -> int:
        """Take the best item."""
        place, step = heappop(self._heap)
        return self._firsts[step] + place


class Items:
    """The items of a mapped task; if it is such a step, those that are ready lie side by side."""

    __slots__ = ("add", "first", "known", "left", "place", "ready", "waiting")

    def __init__(
        self, first: int, count: int, place: int, step: tuple[SideBySide, int] | None = None
    ) -> None:
        self.first = first
        self.left = count
        self.known = bytearray(count)  # OPEN, DONE or FAILED
        self.waiting: dict[int, int] = {}  # for how many others each still waits
        self.ready: deque[int] | SideBySide
        self.add: Callable[[int], None]
        if step is None:
            self.place = place
            self.ready = deque()
            self.add = self.ready.append
        else:
            self.ready, number = step
            self.place = self.ready.place
            self.add = self.ready.begin(number, first)

    def end(self, item: int, how: int) -> None:
        """Write down how an item ended."""
        self.known[item - self.first] = how
        self.left -= 1


def placed(
    order: Sequence[int], streams: Mapping[int, Sequence[int]], queues: Sequence[int] | None
) -> tuple[list[int], dict[int, tuple[SideBySide, int]]]:
    """Put the mapped tasks that stream from one another side by side, the furthest on first.

    Return the new order, with a `HEAP` for each heap of items, and for each task whose items lie in
    one that heap and which step the task is there.

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
    >>> placed([0, 1, 2, 3], {3: [1]}, None)  # 0, 1 -> map 3, 2
    ([0, 3, 1, 2], {})
    >>> order, heaps = placed([0, 1, 2, 3], {3: [0, 1]}, None)  # [0, 1] -> zip 3, 2
    >>> order, sorted(heaps)
    ([3, 0, 1, -1, 2], [0, 1, 3])
    """
    rank = {task: place for place, task in enumerate(order)}
    groups = groups_of(streams)
    depths: dict[int, int] = {}
    at: list[int] = []
    heaps: dict[int, tuple[SideBySide, int]] = {}
    seen: set[int] = set()
    for task in order:
        if task in seen:
            continue
        group = groups.get(task, [task])
        seen.update(group)
        group.sort(key=lambda each: (-_depth(each, streams, depths), rank[each]))
        at += group
        if sum(not depths[each] for each in group) == 1:
            continue
        by_queue: dict[int, list[int]] = {}
        for each in group:
            by_queue.setdefault(queues[each] if queues else 0, []).append(each)
        for steps in by_queue.values():
            ready = SideBySide(len(at), len(steps))
            at.append(HEAP)
            heaps.update((each, (ready, step)) for step, each in enumerate(steps))
    return at, heaps


def groups_of(streams: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
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
