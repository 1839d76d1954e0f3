"""How many tasks wait for a resource, from moment to moment, as a Gantt chart shows it.

Who waits has no worker, and so no row; of a thousand that wait, one curve tells more than bars.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from ..formatting import counted, one_line
from ..model.record import TaskRun
from ..model.run import Run

__all__ = ["Waiting", "waiting_in"]

MOST_SHOWN = 3
"""Resources; of more, those for which most was waited are shown."""

SHORTEST = 0.01
"""Share of the makespan; a resource for which nobody has waited longer is not shown."""

MOST_STEPS = 2000
"""Steps of a curve; of more, those that lie too near to each other become one."""


class Waiting(NamedTuple):
    """How many tasks wait for a resource: from each moment on, in seconds from the run's start."""

    resource: str
    steps: tuple[tuple[float, int], ...]

    @property
    def most(self) -> int:
        """How many wait at once, at most."""
        return max(number for _, number in self.steps)

    @property
    def label(self) -> str:
        """What is written above it.

        Examples
        --------
        >>> Waiting("api", ((0.0, 2), (1.0, 1), (2.0, 0))).label
        'up to 2 tasks wait for api'
        >>> Waiting("api", ((0.0, 1), (1.0, 0))).label
        '1 task waits for api'
        """
        verb = "waits" if self.most == 1 else "wait"
        up_to = "up to " if len({number for _, number in self.steps}) > 2 else ""
        return f"{up_to}{counted(self.most, 'task')} {verb} for {one_line(self.resource, 40)}"

    def cut_off(self, most: float) -> Waiting | None:
        """Return it in the first `most` seconds; None if nobody waits then."""
        steps = [step for step in self.steps if step[0] < most]
        return self._replace(steps=(*steps, (most, 0))) if steps else None


def waiting_in(run: Run) -> tuple[Waiting, ...]:
    """Return who waited for what in a run, what was waited for longest first."""
    intervals: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for record in run.on_workers():
        if record.waited_for and (stretch := _stretch(record, run.makespan)) is not None:
            for resource in record.waited_for.split(", "):
                intervals[resource].append(stretch)
    long = {
        resource: sum(end - start for start, end in stretches)
        for resource, stretches in intervals.items()
        if max(end - start for start, end in stretches) >= SHORTEST * run.makespan
    }
    chosen = sorted(long, key=lambda resource: -long[resource])[:MOST_SHOWN]
    least = run.makespan / MOST_STEPS
    return tuple(Waiting(name, _thinned(_steps(intervals[name]), least)) for name in chosen)


def _stretch(record: TaskRun, now: float) -> tuple[float, float] | None:
    """Return from when to when a task was ready and had no worker."""
    ends = (record.submitted, record.started, record.finished, now)
    end = next(moment for moment in ends if moment is not None)
    return None if record.ready is None or end <= record.ready else (record.ready, end)


def _steps(stretches: Iterable[tuple[float, float]]) -> list[tuple[float, int]]:
    """Return how many stretches are open, from each moment on at which that changes.

    Examples
    --------
    >>> _steps([(0.0, 1.0), (0.0, 2.0)])
    [(0.0, 2), (1.0, 1), (2.0, 0)]
    """
    changes: dict[float, int] = defaultdict(int)
    for start, end in stretches:
        changes[start] += 1
        changes[end] -= 1
    steps, number = [], 0
    for moment in sorted(changes):
        number += changes[moment]
        steps.append((moment, number))
    return steps


def _thinned(steps: list[tuple[float, int]], least: float) -> tuple[tuple[float, int], ...]:
    """Leave out steps that are followed by another one at once; the highest and the last stay."""
    if len(steps) <= MOST_STEPS:
        return tuple(steps)
    kept = [steps[0]]
    for moment, number in steps[1:-1]:
        if moment - kept[-1][0] >= least:
            kept.append((moment, number))
        else:
            kept[-1] = kept[-1][0], max(kept[-1][1], number)
    return (*kept, steps[-1])
