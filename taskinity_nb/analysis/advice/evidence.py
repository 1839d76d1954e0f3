"""What a piece of advice is, and what it rests on: the figures of one run, each measured once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ...display import Shown, renderer
from ...engine.runtime.cores import available_cores
from ...model.events import State
from ...model.record import TaskRun
from ...model.run import Run
from ..judgement import judge
from ..metrics import Metrics, cores_of, handovers, metrics_of
from ..prediction.simulate import play
from ..prediction.workload import Workload, workload_of

__all__ = ["MOST_PLAYED", "NOTICED", "SURE", "Advice", "AdviceList", "Case"]

NOTICED = 0.05
"""Seconds that a change has to save: less is noticed by nobody."""

SURE = 0.2
"""Share of the makespan that a change has to save if its effect is predicted: predictions are
within 10 % of what is then measured for tasks that wait, and within 20 % for tasks that compute."""

MOST_PLAYED = 5_000
"""Tasks and items; what rests on a prediction is silent about runs of more, since predicting them
takes longer than people wait for what they did not ask for."""


@dataclass(frozen=True, slots=True, repr=False)
class Advice(Shown):
    """One thing that would make a run better, with its evidence and what to change.

    Parameters
    ----------
    kind : str
        One word for the fault, such as ``"small_tasks"`` (see `advise`).
    sentence : str
        What is the matter.
    evidence : str
        The figures that show it.
    remedy : str
        What to change.
    gain : float
        Seconds of the makespan that this would save, as far as that can be told; 0 where it saves
        something else.
    figures : mapping of str to number or str
        The evidence for a program; times are seconds.

    Examples
    --------
    >>> Advice("straggler", "One item holds up the rest.", "9 s, others 1 s", "split it", 8.0)
    One item holds up the rest.
        Evidence: 9 s, others 1 s.
        Remedy: split it.
    """

    kind: str
    sentence: str
    evidence: str
    remedy: str
    gain: float = 0.0
    figures: Mapping[str, float | str] = field(default_factory=dict, hash=False)


class AdviceList(list[Advice]):
    """A list of advice that a notebook shows well."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) if self else "[]"

    def _repr_html_(self) -> str | None:
        return renderer().html(self) if self else None


class Case:
    """One run that succeeded, as the checks look at it.

    Attributes
    ----------
    cores : int
        Cores that this process may use.
    records : list of TaskRun
        The tasks, and for mapped ones the items, that ran on a worker in this run.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.cores = available_cores()
        self.records = [
            record
            for record in run.on_workers()
            if record.state is State.SUCCEEDED and record.duration is not None
        ]

    @cached_property
    def metrics(self) -> Metrics:
        return metrics_of(self.run)

    @cached_property
    def ways(self) -> dict[TaskRun, tuple[float, float]]:
        """How long each task and its result were on the way (see `handovers`)."""
        return handovers(self.run)

    @cached_property
    def cores_for_tasks(self) -> float:
        """How many of the tasks can compute at once."""
        return cores_of(self.run)

    @cached_property
    def is_quiet(self) -> bool:
        """Whether no other programs had so much of the cores that predictions say little."""
        return judge(self.run).kind != "busy"

    @property
    def at_once(self) -> int:
        """How many tasks were at work at the same time, at most; at least 1."""
        return max(1, self.metrics.peak)

    # Where tasks ran.

    @cached_property
    def places(self) -> dict[TaskRun, str]:
        """Where each record ran: in "threads", in "processes", on the "loop", or elsewhere."""
        found: dict[TaskRun, str] = {}
        for name, record in self.run.tasks.items():
            task = self.run.plan.bindings[self.run.plan.index[name]].task
            wanted = task.executor or self.run.executor
            executor = wanted if isinstance(wanted, str) else type(wanted).__name__
            place = PLACES.get(executor, "elsewhere")
            if task.is_async and self.run.executor != "sequential":
                place = "loop"
            elif self.run.executor == "sequential":
                place = "sequential"
            found |= dict.fromkeys((record, *(record.items or ())), place)
        return found

    def where(self, place: str) -> list[TaskRun]:
        """Return the records that ran in a place."""
        return [record for record in self.records if self.places[record] == place]

    # What would be.

    @property
    def is_playable(self) -> bool:
        """Whether a prediction is quick, and right: who has other places has other workers too."""
        places = {self.places[record] for record in self.records}
        return len(self.records) <= MOST_PLAYED and len(places) == 1 and "loop" not in places

    @cached_property
    def load(self) -> Workload:
        return workload_of(self.run)

    @cached_property
    def slots(self) -> dict[TaskRun, int]:
        """The slot of each item of a mapped task in the workload."""
        tasks = list(self.run.tasks.values())
        return {
            item: self.load.items[task].first + place
            for task in self.load.items
            for place, item in enumerate(tasks[task].items or ())
        }

    @cached_property
    def usual(self) -> float:
        """The makespan that is predicted for as many workers as there were."""
        return self.predicted(self.run.workers)

    def predicted(self, workers: int, load: Workload | None = None) -> float:
        """Return the makespan that a run on some workers would have."""
        return play(self.load if load is None else load, workers).makespan

    def share_saved(self, workers: int, load: Workload | None = None) -> float:
        """Return which share of the makespan would be saved, prediction against prediction."""
        return 1 - self.predicted(workers, load) / self.usual if self.usual else 0.0


PLACES = {
    "sequential": "sequential",
    "threads": "threads",
    "ThreadPoolExecutor": "threads",
    "processes": "processes",
    "ProcessPoolExecutor": "processes",
}
"""Where the executors that are known run their tasks."""
