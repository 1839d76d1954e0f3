"""The rank of a task: the longest way from it to an end of the flow."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ranked", "ranks"]


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
