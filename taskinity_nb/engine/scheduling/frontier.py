"""The frontier: which tasks may run, and which of them goes first.

Policy. A task is *ready* when all tasks that it waits for are done. Of the ready tasks the one with
the highest *rank* goes first; ties go in the order of the text. A task's rank is the longest way
from it to an end of the flow, its own weight included, so that a run never ends with a long chain
that could have begun earlier (list scheduling by critical path: T. L. Adam, K. M. Chandy and
J. R. Dickson, "A comparison of list schedules for parallel processing systems", CACM 17, 1974).
Weights are seconds where they are known, and 1 where nothing is.

State. Tasks are numbers, in the order of the text. ``_waiting[i]`` counts the tasks that task i
still waits for. Ready tasks lie in their *queue* (each executor has one, a heap) as their places in
the order of ranks, so that the smallest number is the next task. A frontier knows nothing of
threads: who shares it brings a lock.

Handshake. `take` a task, then say `done` or `fail`::

    a -> [b, c]        frontier = Frontier(waiting=[0, 1, 1], followers=[[1, 2], [], []])
                       frontier.take()      0: a
                       frontier.take()      None: nothing else is ready
                       frontier.done(0)     [1, 2]: b and c became ready

Maps. A mapped task is taken once, to learn its items; after `expand`, they are taken instead of it,
as the numbers that they were given. Where a mapped task takes the items of another one (a *stream*)
it is ready as soon as their number is known, and each item waits for its own. When none is `left`,
the task itself is to be called done or failed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain

__all__ = ["Frontier", "ranked", "ranks"]

LOST = -1
"""What a task waits for that will never run; it only ever counts down, so never to zero."""

OPEN, DONE, FAILED = range(3)
"""What is known of an item."""


def ranks(
    followers: Sequence[Sequence[int]], weights: Sequence[float] | None = None
) -> list[float]:
    """Return the longest way from each task to an end, weighted by `weights` (1 by default).

    `followers` has for each task those that wait for it.

    Examples
    --------
    >>> ranks([[1, 2], [], [3], []])
    [3.0, 1.0, 2.0, 1.0]
    """
    count = len(followers)
    weight = weights or [1.0] * count
    unranked = [len(after) for after in followers]
    upstream: list[list[int]] = [[] for _ in range(count)]
    for task, after in enumerate(followers):
        for follower in after:
            upstream[follower].append(task)
    longest = [0.0] * count
    ready = [task for task in range(count) if not unranked[task]]
    for task in ready:  # grows while it is walked: a task is ranked after all that follow it
        longest[task] += weight[task]
        for before in upstream[task]:
            if longest[task] > longest[before]:
                longest[before] = longest[task]
            unranked[before] -= 1
            if not unranked[before]:
                ready.append(before)
    return longest


def ranked(followers: Sequence[Sequence[int]], weights: Sequence[float] | None = None) -> list[int]:
    """Return the tasks, the one with the highest rank first, otherwise in the text's order.

    Examples
    --------
    >>> ranked([[1, 2], [], [3], []])
    [0, 2, 1, 3]
    """
    rank = ranks(followers, weights)
    return sorted(range(len(followers)), key=rank.__getitem__, reverse=True)


class Frontier:
    """What is ready, best first.

    Parameters
    ----------
    waiting : sequence of int
        For each task, how many others it waits for.
    followers : sequence of sequences of int
        For each task, the tasks that wait for it.
    order : sequence of int, optional
        The tasks by rank; by default as `ranked` has them.
    done : collection of int
        Tasks that are done from the start, each after those that it waits for.
    queues : sequence of int, optional
        For each task, its queue; by default all are in queue 0.
    streams : mapping of int to int
        For mapped tasks that take the items of another mapped task, which one.

    Attributes
    ----------
    starting : list of int
        The tasks that were ready from the start.

    Examples
    --------
    >>> frontier = Frontier([0, 1, 1], [[1, 2], [], []])
    >>> frontier.starting, frontier.take(), frontier.take()
    ([0], 0, None)
    >>> frontier.done(0), frontier.ready()
    ([1, 2], 2)
    """

    def __init__(
        self,
        waiting: Sequence[int],
        followers: Sequence[Sequence[int]],
        order: Sequence[int] | None = None,
        done: Collection[int] = (),
        *,
        queues: Sequence[int] | None = None,
        streams: Mapping[int, int] | None = None,
    ) -> None:
        count = len(waiting)
        self._waiting = list(waiting)
        self._followers = followers
        self._at = ranked(followers) if order is None else order
        self._place = [0] * count
        for place, task in enumerate(self._at):
            self._place[task] = place
        self._heaps: list[list[int]] = [[] for _ in range(1 + max(queues or (0,), default=0))]
        self._heap_of = [self._heaps[queue] for queue in queues] if queues else self._heaps * count
        self._maps: dict[int, _Map] = {}
        self._firsts: list[int] = []  # the first items of the maps, ascending
        self._owners: list[int] = []  # and their tasks
        self._streams: dict[int, list[int]] = {}
        for task, source in (streams or {}).items():
            self._streams.setdefault(source, []).append(task)
        for task in done:
            self._waiting[task] = LOST
            for follower in followers[task]:
                self._waiting[follower] -= 1
        self.starting = [task for task, count in enumerate(self._waiting) if not count]
        for task in self.starting:
            self._heap_of[task].append(self._place[task])
        for heap in self._heaps:
            heapify(heap)

    def ready(self, queue: int = 0) -> int:
        """Return how many tasks are ready in a queue; the items of one count once."""
        return len(self._heaps[queue])

    def backlog(self, queue: int = 0) -> int:
        """Return about how many tasks and items are ready in a queue."""
        heap = self._heaps[queue]
        best = self._maps.get(self._at[heap[0]]) if heap and self._maps else None
        return len(heap) + (len(best.ready) if best is not None else 0)

    def take(self, queue: int = 0) -> int | None:
        """Take the best of the ready tasks of a queue, or None if nothing is ready."""
        heap = self._heaps[queue]
        if not heap:
            return None
        if self._maps:
            items = self._maps.get(self._at[heap[0]])
            if items is not None:
                if len(items.ready) == 1:
                    heappop(heap)
                return items.ready.popleft()
        return self._at[heappop(heap)]

    def peek(self, queue: int = 0) -> int | None:
        """Return what `take` would take."""
        heap = self._heaps[queue]
        if not heap:
            return None
        task = self._at[heap[0]]
        return self._maps[task].ready[0] if task in self._maps else task

    def done(self, task: int) -> list[int]:
        """Say that a task succeeded; return the tasks that became ready, in the text's order."""
        waiting, ready = self._waiting, []
        if task >= len(waiting):
            return self._item_done(task)
        for follower in self._after(task) if self._maps else self._followers[task]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heappush(self._heap_of[follower], self._place[follower])
                ready.append(follower)
        return ready

    def again(self, task: int) -> None:
        """Say that a task that was taken is ready again."""
        if task >= len(self._waiting):
            self._push_items(self.owner(task), [task])
        else:
            heappush(self._heap_of[task], self._place[task])

    def fail(self, task: int) -> list[int]:
        """Say that a task has no result; return its descendants that will never run.

        A descendant of two failed tasks is returned once, for the first of them.
        """
        if task >= len(self._waiting):
            return self._item_failed(task)
        lost: list[int] = []
        reached = [task]
        for before in reached:
            for follower in self._after(before):
                if self._waiting[follower] >= 0:
                    self._waiting[follower] = LOST
                    lost.append(follower)
                    reached.append(follower)
        return lost

    def abandon(self) -> list[int]:
        """Say that nothing new is to be taken; return the tasks that will never run.

        Examples
        --------
        >>> frontier = Frontier([0, 0, 1], [[2], [], []])
        >>> frontier.take(), frontier.abandon(), frontier.done(0)
        (0, [1, 2], [])
        """
        ready = {self._at[place] for place in chain(*self._heaps)} - self._maps.keys()
        rest = [task for task, count in enumerate(self._waiting) if count > 0 or task in ready]
        for heap in self._heaps:
            heap.clear()
        for task in rest:
            self._waiting[task] = LOST
        for items in self._maps.values():
            waits = set(items.ready) | items.waiting
            items.ready.clear()
            items.waiting.clear()
            for item in sorted(waits):
                items.end(item, FAILED)
                rest.append(item)
        return rest

    # Maps.

    def expand(
        self, task: int, first: int, count: int, done: Collection[int] = ()
    ) -> tuple[list[int], list[int]]:
        """Say that a mapped task, which was taken, has `count` items, numbered from `first` on.

        The numbers are above all so far; items in `done` are done from the start. Return the tasks
        and items that became ready, and the items that will never run.

        Examples
        --------
        >>> frontier = Frontier([0, 1], [[1], []])
        >>> frontier.take(), frontier.expand(0, 2, 3)
        (0, ([2, 3, 4], []))
        >>> [frontier.take(), frontier.take(), frontier.take(), frontier.take()]
        [2, 3, 4, None]
        >>> frontier.done(3), frontier.done(2), frontier.left(0)
        ([], [], 1)
        """
        items = self._maps[task] = _Map(first, count)
        self._firsts.append(first)
        self._owners.append(task)
        source = next((s for s, tasks in self._streams.items() if task in tasks), None)
        before = self._maps.get(source) if source is not None else None
        ready, lost = [], []
        for place in range(count):
            known = DONE if before is None else before.known[place]
            item = first + place
            if item in done:
                items.end(item, DONE)
            elif known == DONE:
                ready.append(item)
            elif known == FAILED:
                items.end(item, FAILED)
                lost.append(item)
            else:
                items.waiting.add(item)
        self._push_items(task, ready)
        for follower in self._streams.get(task, ()):
            if self._waiting[follower] > 0:
                self._waiting[follower] -= 1
                if not self._waiting[follower]:
                    heappush(self._heap_of[follower], self._place[follower])
                    ready.append(follower)
        return ready, lost

    def owner(self, item: int) -> int:
        """Return the task that an item is of; a task is its own."""
        if item < len(self._waiting):
            return item
        return self._owners[bisect_right(self._firsts, item) - 1]

    def is_in(self, task: int, queue: int) -> bool:
        """Tell whether a task is in a queue."""
        return self._heap_of[task] is self._heaps[queue]

    def streams_of(self, task: int) -> Sequence[int]:
        """Return the mapped tasks that take the items of a mapped task one by one."""
        return self._streams.get(task, ())

    def left(self, task: int) -> int:
        """Return how many items of a mapped task have not ended."""
        return self._maps[task].left

    def _after(self, task: int) -> Iterable[int]:
        """Return the tasks that wait for the end of a task, not only for one item after another."""
        if task in self._maps and task in self._streams:
            return [f for f in self._followers[task] if f not in self._streams[task]]
        return self._followers[task]

    def _push_items(self, task: int, items: Sequence[int]) -> None:
        ready = self._maps[task].ready
        if items and not ready:
            heappush(self._heap_of[task], self._place[task])
        ready.extend(items)

    def _item_done(self, item: int) -> list[int]:
        task = self.owner(item)
        items = self._maps[task]
        items.end(item, DONE)
        ready = []
        for follower, its in self._streaming(task):
            own = its.first + item - items.first
            if own in its.waiting:
                its.waiting.discard(own)
                self._push_items(follower, [own])
                ready.append(own)
        return ready

    def _item_failed(self, item: int) -> list[int]:
        lost: list[int] = []
        reached = [item]
        for failed in reached:
            task = self.owner(failed)
            items = self._maps[task]
            items.end(failed, FAILED)
            for _, its in self._streaming(task):
                own = its.first + failed - items.first
                if own in its.waiting:
                    its.waiting.discard(own)
                    lost.append(own)
                    reached.append(own)
        return lost

    def _streaming(self, task: int) -> list[tuple[int, _Map]]:
        """Return the tasks that take the items of a mapped task, and know them already."""
        followers = self._streams.get(task, ())
        return [(f, self._maps[f]) for f in followers if f in self._maps]


class _Map:
    """The items of a mapped task."""

    def __init__(self, first: int, count: int) -> None:
        self.first = first
        self.left = count
        self.known = bytearray(count)  # OPEN, DONE or FAILED
        self.ready: deque[int] = deque()
        self.waiting: set[int] = set()  # for the same item of the task before

    def end(self, item: int, how: int) -> None:
        """Write down how an item ended."""
        self.known[item - self.first] = how
        self.left -= 1
