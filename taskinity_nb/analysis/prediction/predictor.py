"""Predicts a flow on any number of workers and on any executor, from the runs that are known.

What was measured on one executor also stands for the others, until they are measured too: the tasks
take as long, and only the number of cores that they can compute on is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

from ...engine.executors import cores_of
from ...engine.scheduling.history import weights_of
from ...errors import FlowError
from ...model.flow import Flow
from ...model.limits.capacities import Capacities
from ...model.run import Run
from ..judgement import Judgement, judge
from .scaling import MOST_WORKERS, candidates, knee_of, makespans
from .simulate import Timeline, play
from .workload import Workload, workload_of

__all__ = ["Curve", "Predictor"]

MOST_TASKS = 4000
"""Tasks of a flow up to which a curve has all its points; beyond, each costs too long."""


class Curve(NamedTuple):
    """Speed-up over one worker on some numbers of workers, and how many are worth having."""

    points: tuple[tuple[int, float], ...]
    knee: int | None
    alone: float
    """Seconds on one worker."""


class Predictor:
    """What is known of how long the tasks of a flow take, and what follows from it.

    It begins with a run that is done and what that ran on, a word or an executor of the user's; or
    with a flow, of which earlier runs in this process may be known.

    Attributes
    ----------
    in_seconds : bool
        Whether durations are known; if not, each task counts 1.
    judgement : Judgement
        Whether a ratio may be said, going by the run that durations were learnt from.

    Examples
    --------
    >>> from taskinity_nb import parse_dsl
    >>> predictor = Predictor(parse_dsl("a -> [b, c, d]"))
    >>> predictor.in_seconds, predictor.predict("threads", 3).makespan
    (False, 2.0)
    """

    def __init__(
        self, known: Run | Flow, executor: Any = None, resources: Capacities | None = None
    ) -> None:
        self._resources = resources
        self.judgement = judge(known) if isinstance(known, Run) else Judgement()
        self._loads: dict[str | int, Workload] = {}
        self._curves: dict[str | int, Curve] = {}
        self._last: tuple[str | int, Timeline] | None = None
        if isinstance(known, Run) and not known.done:
            raise FlowError("the run is not done; wait for it before predicting from it")
        flow = known.flow if isinstance(known, Run) else known
        try:
            self._latest = _load_of(known, resources)
        except FlowError:  # no run of it is known that came far enough
            self.in_seconds = False
        else:
            self.in_seconds = any(self._latest.seconds)
        if self.in_seconds and isinstance(known, Run):
            self._loads[_key(executor)] = self._latest
        if not self.in_seconds:
            self._latest = workload_of(flow, dict.fromkeys(flow.tasks, 1.0))
            self.judgement = Judgement()

    def learn(self, run: Run, executor: Any) -> None:
        """Go by a run that succeeded, from now on."""
        load = _load_of(run, self._resources)
        if not any(load.seconds):
            return
        self._latest = self._loads[_key(executor)] = load
        self.in_seconds = True
        self.judgement = judge(run)
        self._curves.clear()
        self._last = None

    def predict(self, executor: Any, workers: int) -> Timeline:
        """Return how the flow would go on an executor with so many workers."""
        key, last = _key(executor), self._last
        if last is None or last[0] != key or last[1].workers != workers:
            last = self._last = key, play(self._load(executor), workers)
        return last[1]

    def curve(self, executor: Any) -> Curve:
        """Return the speed-up on an executor over the number of workers, predicted once."""
        key = _key(executor)
        if key not in self._curves:
            load = self._load(executor)
            is_small = len(load.seconds) <= MOST_TASKS
            counts: Sequence[int] = candidates(MOST_WORKERS) if is_small else (1, 2, 4, 8, 16, 64)
            seconds = makespans(load, counts)
            points = tuple(
                (count, seconds[0] / one if one else 1.0)
                for count, one in zip(counts, seconds, strict=True)
            )
            knee = knee_of(load) if is_small else None
            self._curves[key] = Curve(points, knee, seconds[0])
        return self._curves[key]

    def _load(self, executor: Any) -> Workload:
        known = self._loads.get(_key(executor))
        return self._latest._replace(cores=cores_of(executor)) if known is None else known


def _load_of(known: Run | Flow, resources: Capacities | None) -> Workload:
    """Return what there is to do in a flow as a whole, also what a run had from an earlier one."""
    load = workload_of(known, resources=resources)
    if not load.done:
        return load
    weights = weights_of(load.plan.flow)
    usual = median([s for slot, s in enumerate(load.seconds) if slot not in load.done] or [0.0])
    seconds = [
        (weights[slot] if weights else usual) if slot in load.done else one
        for slot, one in enumerate(load.seconds)
    ]
    return load._replace(seconds=seconds, done=frozenset())


def _key(executor: Any) -> str | int:
    """Return what tells an executor from others; it may not be hashable itself."""
    return executor if isinstance(executor, str) else id(executor)
