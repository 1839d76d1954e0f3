"""How a run would go on more and on fewer workers, and how many of them are worth having."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import FlowError
from ..model.flow import Flow
from ..model.run import Run
from .simulate import Workload, play, workload_of

__all__ = [
    "MOST_WORKERS",
    "WORTH_A_WORKER",
    "candidates",
    "knee",
    "knee_of",
    "makespans",
    "speedups",
]

WORTH_A_WORKER = 0.05
"""A further worker has to make the run faster by so much; less is lost in what repeats differ."""

MOST_WORKERS = 64
"""No more workers than this are tried: few machines have more cores."""

REACHED = 1.001
"""A makespan within a thousandth of the shortest one is the shortest one."""


def speedups(run: Run | Flow | str, counts: Iterable[int]) -> list[float]:
    """Predict how many times faster than on one worker a run would be on others.

    Parameters
    ----------
    run : Run, Flow or str
        What `simulate` takes: a recorded run, or a flow of which earlier runs are known.
    counts : iterable of int
        Numbers of workers.

    Returns
    -------
    list of float
        One for each number; 1.0 where nothing takes any time.

    Raises
    ------
    FlowError
        If a count is no whole number from 1 on, or nothing is known of the durations.

    Examples
    --------
    Of three equal tasks, two workers do one after the other two:

    >>> from taskinity_nb.analysis.simulate import simulate
    >>> timeline = simulate("a -> [b, c, d]", 1, dict.fromkeys("abcd", 1.0))
    >>> [round(times, 2) for times in speedups(timeline.run, [1, 2, 3, 4])]
    [1.0, 1.33, 2.0, 2.0]
    """
    counts = list(counts)
    for count in counts:
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise FlowError(f"workers is a whole number from 1 on, not {count!r}")
    alone, *seconds = makespans(workload_of(run), [1, *counts])
    return [alone / one if one else 1.0 for one in seconds]


def knee(run: Run | Flow | str) -> int:
    """Return how many workers are worth having for a run.

    It is the smallest number such that, on any larger one, each further worker would make the run
    faster by less than `WORTH_A_WORKER`, on the average of those that are added: a single worker
    may gain nothing where two do, because tasks come in rounds.

    Parameters
    ----------
    run : Run, Flow or str
        As in `speedups`.

    Returns
    -------
    int
        From 1 to `MOST_WORKERS`.

    Raises
    ------
    FlowError
        If nothing is known of the durations.

    Examples
    --------
    >>> from taskinity_nb.analysis.simulate import simulate
    >>> timeline = simulate("a -> [b, c, d]", 1, dict.fromkeys("abcd", 1.0))
    >>> knee(timeline.run)
    3
    """
    return knee_of(workload_of(run))


def knee_of(load: Workload) -> int:
    """Return the knee of a workload (see `knee`)."""
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
