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

Failure. What waits for a task that failed is *lost*, and what waits for that too. But a task may be
*tolerant* of another: it goes on without that one's result, and so is ready when it has the rest::

    a -> c, [b?, c?] -> d    frontier = Frontier([0, 0, 1, 2], [[2], [3], [3], []],
                                                 tolerant={1: [3], 2: [3]})
                             frontier.done(1)     []
                             frontier.fail(0)     ([2], [3]): c is lost, and d is ready

Maps. A mapped task is taken once, to learn its items; after `expand`, they are taken instead of it,
as the numbers that they were given. Where a mapped task takes the items of others one by one (a
*stream*) it is ready as soon as their number is known, and each item waits for the same item of all
of these. When none is `left`, the task itself is to be called done or failed. Which item goes first
is said in `order.items`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain

from .order.items import DONE, FAILED, OPEN, Items, SideBySide, placed
from .order.ranks import ranked

__all__ = ["Frontier"]

LOST = -1
"""What a task waits for that will never run; it only ever counts down, so never to zero."""


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
    streams : mapping of int to sequence of int, optional
        For mapped tasks that take the items of other mapped tasks one by one, which ones. All of
        these have as many items.
    tolerant : mapping of int to collection of int, optional
        For each task, those that wait for it and go on without its result, or that of its items.

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
        streams: Mapping[int, Sequence[int]] | None = None,
        tolerant: Mapping[int, Collection[int]] | None = None,
    ) -> None:
        count = len(waiting)
        self._waiting = list(waiting)
        self._followers = followers
        self._tolerant = tolerant or {}
        self._sources = streams or {}
        self._streams: dict[int, list[int]] = {}
        for task, sources in self._sources.items():
            for source in sources:
                self._streams.setdefault(source, []).append(task)
        self._at = ranked(followers) if order is None else order
        self._steps: dict[int, tuple[SideBySide, int]] = {}  # of tasks side by side
        if self._sources:
            self._at, self._steps = placed(self._at, self._sources, queues)
        self._place = [0] * (count + 1)  # the last one is written to for each HEAP, and not read
        for place, task in enumerate(self._at):
            self._place[task] = place
        self._heaps: list[list[int]] = [[] for _ in range(1 + max(queues or (0,), default=0))]
        self._heap_of = [self._heaps[queue] for queue in queues] if queues else self._heaps * count
        self._maps: dict[int, Items] = {}  # those whose items are known
        self._ready_at: dict[int, deque[int] | SideBySide] = {}  # their ready items, by place
        self._firsts: list[int] = []  # the first items of the maps, ascending
        self._owners: list[int] = []  # and their tasks
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
        best = self._ready_at.get(heap[0]) if heap and self._maps else None
        return len(heap) + (len(best) if best is not None else 0)

    def take(self, queue: int = 0) -> int | None:
        """Take the best of the ready tasks of a queue, or None if nothing is ready."""
        heap = self._heaps[queue]
        if not heap:
            return None
        if self._maps:
            ready = self._ready_at.get(heap[0])
            if ready is not None:
                if len(ready) == 1:
                    heappop(heap)
                return ready.popleft()
        return self._at[heappop(heap)]

    def peek(self, queue: int = 0) -> int | None:
        """Return what `take` would take."""
        heap = self._heaps[queue]
        if not heap:
            return None
        ready = self._ready_at.get(heap[0])
        return ready[0] if ready is not None else self._at[heap[0]]

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
            owner = self.owner(task)
            self._add(owner, self._maps[owner], task)
        else:
            heappush(self._heap_of[task], self._place[task])

    def fail(self, task: int) -> tuple[list[int], list[int]]:
        """Say that a task or an item has no result.

        Return its descendants that will never run, and those that became ready because they
        tolerate that. A descendant of two failed tasks is returned once.

        Examples
        --------
        >>> frontier = Frontier([0, 1, 1], [[1], [2], []], tolerant={1: [2]})  # 0 -> 1?, 1 -> 2
        >>> frontier.take(), frontier.fail(0), frontier.take()
        (0, ([1], [2]), 2)
        """
        waiting = self._waiting
        if task >= len(waiting):
            return self._item_failed(task)
        lost: list[int] = []
        ready: list[int] = []
        reached = [task]
        for before in reached:
            for follower in self._after(before):
                if waiting[follower] <= 0:
                    continue
                if self._tolerates(follower, before):
                    waiting[follower] -= 1
                    if not waiting[follower]:
                        heappush(self._heap_of[follower], self._place[follower])
                        ready.append(follower)
                else:
                    waiting[follower] = LOST
                    lost.append(follower)
                    reached.append(follower)
        return lost, ready

    def abandon(self) -> list[int]:
        """Say that nothing new is to be taken; return the tasks that will never run.

        Examples
        --------
        >>> frontier = Frontier([0, 0, 1], [[2], [], []])
        >>> frontier.take(), frontier.abandon(), frontier.done(0)
        (0, [1, 2], [])
        """
        places = set(chain(*self._heaps)) - self._ready_at.keys()
        ready = {self._at[place] for place in places}
        rest = [task for task, count in enumerate(self._waiting) if count > 0 or task in ready]
        for heap in self._heaps:
            heap.clear()
        for task in rest:
            self._waiting[task] = LOST
        ready_items = (
            ready.popleft() for ready in self._ready_at.values() for _ in range(len(ready))
        )
        gone = sorted(chain(ready_items, *(items.waiting for items in self._maps.values())))
        for items in self._maps.values():
            items.waiting.clear()
        for item in gone:
            self._maps[self.owner(item)].end(item, FAILED)
        return rest + gone

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
        items = self._maps[task] = Items(first, count, self._place[task], self._steps.get(task))
        self._ready_at[items.place] = items.ready
        if count:  # a simulation has numbered the items before it knows in which order they come
            after = bisect_right(self._firsts, first)
            self._firsts.insert(after, first)
            self._owners.insert(after, task)
        sources = [
            (self._maps[source].known, self._tolerates(task, source))
            for source in self._sources.get(task, ())
            if source in self._maps
        ]
        ready, lost = [], []
        for place, item in enumerate(range(first, first + count)):
            if item in done:
                items.end(item, DONE)
            elif not sources:
                ready.append(item)
            elif any(known[place] == FAILED and not tolerates for known, tolerates in sources):
                items.end(item, FAILED)
                lost.append(item)
            elif waits := sum(known[place] == OPEN for known, _ in sources):
                items.waiting[item] = waits
            else:
                ready.append(item)
        if ready and not items.ready:
            heappush(self._heap_of[task], items.place)
        for item in ready:
            items.add(item)
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

    def _tolerates(self, follower: int, task: int) -> bool:
        """Tell whether a task goes on without the result of another one."""
        return follower in self._tolerant.get(task, ())

    def _add(self, task: int, items: Items, item: int) -> None:
        """Say that an item is ready."""
        if not items.ready:
            heappush(self._heap_of[task], items.place)
        items.add(item)

    def _item_done(self, item: int) -> list[int]:
        task = self.owner(item)
        items = self._maps[task]
        items.end(item, DONE)
        ready: list[int] = []
        for follower in self._streams.get(task, ()):
            self._count_down(follower, item - items.first, ready)
        return ready

    def _item_failed(self, item: int) -> tuple[list[int], list[int]]:
        lost: list[int] = []
        ready: list[int] = []
        reached = [item]
        for failed in reached:
            task = self.owner(failed)
            items = self._maps[task]
            items.end(failed, FAILED)
            for follower in self._streams.get(task, ()):
                its = self._maps.get(follower)
                if its is None:
                    continue
                own = its.first + failed - items.first
                if self._tolerates(follower, task):
                    self._count_down(follower, failed - items.first, ready)
                elif its.waiting.pop(own, None):
                    lost.append(own)
                    reached.append(own)
        return lost, ready

    def _count_down(self, task: int, place: int, ready: list[int]) -> None:
        """Say of an item for which the same item of a task may wait that it has ended."""
        its = self._maps.get(task)
        if its is None:
            return
        item = its.first + place
        waits = its.waiting.get(item)
        if waits == 1:
            del its.waiting[item]
            self._add(task, its, item)
            ready.append(item)
        elif waits:
            its.waiting[item] = waits - 1
