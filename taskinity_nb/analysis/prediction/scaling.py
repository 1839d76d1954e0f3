"""How a run would go on more and on fewer workers, and how many of them are worth having."""

from __future__ import annotations

from collections.abc import Sequence

from .simulate import play
from .workload import Workload

__all__ = [
    "MOST_WORKERS",
    "WORTH_A_WORKER",
    "candidates",
    "knee_of",
    "makespans",
]

WORTH_A_WORKER = 0.05
"""A further worker has to make the run faster by so much; less is lost in what repeats differ."""

MOST_WORKERS = 64
"""No more workers than this are tried: few machines have more cores."""

REACHED = 1.001
"""A makespan within a thousandth of the shortest one is the shortest one."""


def knee_of(load: Workload) -> int:
    """Return how many workers are worth having for a workload, from 1 to `MOST_WORKERS`.

    It is the smallest number such that, on any larger one, each further worker would make the run
    faster by less than `WORTH_A_WORKER`, on the average of those that are added: a single worker
    may gain nothing where two do, because tasks come in rounds.

    Examples
    --------
    >>> from taskinity_nb.analysis.prediction.workload import workload_of
    >>> knee_of(workload_of("a -> [b, c, d]", dict.fromkeys("abcd", 1.0)))
    3
    """
    most = max(1, min(MOST_WORKERS, len(load.seconds)))
    counts = candidates(most)
    (shortest,) = makespans(load, [most])
    known: list[float] = []
    for count in counts:
        known += makespans(load, [count])
        if known[-1] <= REACHED * shortest:
            break
    counts = counts[: len(known)]
    for place, count in enumerate(counts):
        gains = (
            known[place] / known[other] >= (1 + WORTH_A_WORKER) ** (counts[other] - count)
            for other in range(place + 1, len(counts))
            if known[other]
        )
        if not any(gains):
            return count
    return counts[-1]


def makespans(load: Workload, counts: Sequence[int]) -> list[float]:
    """Return the seconds that a workload would take on some numbers of workers."""
    return [play(load, count).makespan for count in counts]


def candidates(most: int) -> list[int]:
    """Return numbers of workers to try: all small ones, and larger ones a fifth apart.

    Examples
    --------
    >>> candidates(20)
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 19, 20]
    """
    counts = [1]
    while counts[-1] < most:
        counts.append(min(most, max(counts[-1] + 1, int(1.2 * counts[-1]))))
    return counts
