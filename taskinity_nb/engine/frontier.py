"""The frontier: which tasks may run, and which of them goes first.

Policy. A task is *ready* when all tasks that it waits for are done. Of the ready tasks the one with
the highest *rank* goes first; ties go in the order of the text. A task's rank is the longest way
from it to an end of the flow, its own weight included, so that a run never ends with a long chain
that could have begun earlier (list scheduling by critical path: T. L. Adam, K. M. Chandy and
J. R. Dickson, "A comparison of list schedules for parallel processing systems", CACM 17, 1974).
Weights are seconds where they are known, and 1 where nothing is.

State. Tasks are numbers, in the order of the text. ``_waiting[i]`` counts the tasks that task i
still waits for; ``_heap`` holds the ready tasks as their places in the order of ranks, so that the
smallest number is the next task. A frontier knows nothing of threads: who shares it brings a lock.

Handshake. `take` a task, then say `done` or `fail`::

    a -> [b, c]        frontier = Frontier(waiting=[0, 1, 1], followers=[[1, 2], [], []])
                       frontier.take()      0: a
                       frontier.take()      None: nothing else is ready
                       frontier.done(0)     [1, 2]: b and c became ready
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heapify, heappop, heappush

__all__ = ["Frontier", "ranks"]

LOST = -1
"""What a task waits for that will never run; it only ever counts down, so never to zero."""


def ranks(
    followers: Sequence[Sequence[int]], weights: Sequence[float] | None = None
) -> list[float]:
    """Return the longest way from each task to an end, weighted by `weights` (1 by default).

    Parameters
    ----------
    followers : sequence of sequences of int
        For each task, the tasks that wait for it.
    weights : sequence of float, optional
        For each task, its seconds.

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


class Frontier:
    """What is ready, best first.

    Parameters
    ----------
    waiting : sequence of int
        For each task, how many others it waits for.
    followers : sequence of sequences of int
        For each task, the tasks that wait for it.
    weights : sequence of float, optional
        For each task, its seconds.
    done : collection of int
        Tasks that are done from the start, each after those that it waits for.

    Examples
    --------
    >>> frontier = Frontier([0, 1, 1], [[1, 2], [], []])
    >>> frontier.take(), frontier.take()
    (0, None)
    >>> frontier.done(0), len(frontier)
    ([1, 2], 2)
    """

    def __init__(
        self,
        waiting: Sequence[int],
        followers: Sequence[Sequence[int]],
        weights: Sequence[float] | None = None,
        done: Collection[int] = (),
    ) -> None:
        self._waiting = list(waiting)
        self._followers = followers
        rank = ranks(followers, weights)
        self._at = sorted(range(len(waiting)), key=rank.__getitem__, reverse=True)
        self._place = [0] * len(waiting)
        for place, task in enumerate(self._at):
            self._place[task] = place
        for task in done:
            self._waiting[task] = LOST
            for follower in followers[task]:
                self._waiting[follower] -= 1
        self._heap = [self._place[task] for task in self.starting()]
        heapify(self._heap)

    def __len__(self) -> int:
        """How many tasks are ready."""
        return len(self._heap)

    def starting(self) -> list[int]:
        """Return the tasks that are not done and wait for nothing."""
        return [task for task, count in enumerate(self._waiting) if not count]

    def take(self) -> int | None:
        """Take the best of the ready tasks, or None if nothing is ready."""
        return self._at[heappop(self._heap)] if self._heap else None

    def done(self, task: int) -> list[int]:
        """Say that a task succeeded; return the tasks that became ready, in the text's order."""
        waiting, ready = self._waiting, []
        for follower in self._followers[task]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heappush(self._heap, self._place[follower])
                ready.append(follower)
        return ready

    def again(self, task: int) -> None:
        """Say that a task that was taken is ready again."""
        heappush(self._heap, self._place[task])

    def fail(self, task: int) -> list[int]:
        """Say that a task has no result; return its descendants that will never run.

        A descendant of two failed tasks is returned once, for the first of them.
        """
        lost: list[int] = []
        reached = [task]
        for before in reached:
            for follower in self._followers[before]:
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
        ready = {self._at[place] for place in self._heap}
        rest = [task for task, count in enumerate(self._waiting) if count > 0 or task in ready]
        self._heap.clear()
        for task in rest:
            self._waiting[task] = LOST
        return rest
