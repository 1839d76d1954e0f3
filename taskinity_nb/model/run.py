"""A run is one execution of a flow: a mapping of task names to results, and its record."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from ..display import Exported
from ..errors import FlowError, NoResultError, suggestion
from .events import Event, State
from .flow import Flow
from .metrics import alone, longest_path, path_as_it_ran, seconds_of
from .outlook.why import Why, why_of
from .record import Record, TaskRun
from .refs import MISSING, RELEASED, is_missing, is_ref
from .saving.travels import Travels

if TYPE_CHECKING:
    from .limits.capacities import Capacities
from .plan import Plan

__all__ = ["Run"]

T = TypeVar("T")


class Control(Protocol):
    """What the engine puts into a run, to wait for it and cancel it; it does not hold the run."""

    called: Mapping[str, Any]  # what `run` was given, but for the flow

    def wait(self, run: Run, timeout: float | None = None) -> None: ...
    def cancel(self) -> None: ...
    def resume(self, run: Run, **options: Any) -> Run: ...
    def replay(self, run: Run, task: str, item: int | None = None) -> Any: ...
    def release(self, run: Run) -> None: ...


class Run(Travels, Exported, Mapping[str, Any]):
    """One execution of a flow: a mapping of task name to result, and its record.

    Only tasks that succeeded have results. Runs are compared by identity. One that has ended can be
    pickled: results and record travel, functions and executors do not.

    Attributes
    ----------
    flow : Flow
        What was run.
    plan : Plan
        How: the functions, and the sources of their arguments.
    executor : str
        Name of the executor, such as ``"threads"``.
    workers : int
        How many tasks could run at once.
    cores : float
        How many tasks can compute at once; infinite where that is not known.
    machine : float or None
        How many cores there are where it runs, if that is more than `cores`.
    resources : dict of str to float or Rate
        How much there was at once of what tasks ask for.
    record : Record
        What the engine writes down, results and facts, and all views read.
    control : Control or None
        The engine's side of it, if an engine runs it.
    """

    def __init__(self, plan: Plan, executor: str, workers: int, *, cores: float = math.inf) -> None:
        self._fill(plan, executor, workers, cores)
        slots = [MISSING] * len(plan.calls) + list(plan.constants)
        self.record = Record(plan.flow.tasks, slots, time.perf_counter_ns(), plan.maps)
        self.control: Control | None = None

    def _fill(
        self,
        plan: Plan,
        executor: str,
        workers: int,
        cores: float,
        machine: float | None = None,
        resources: Capacities = MappingProxyType({}),
    ) -> None:
        self.plan, self.executor, self._index = plan, executor, plan.index
        self.flow: Flow = plan.flow
        self.workers, self.cores, self.machine = workers, cores, machine
        self.resources = dict(resources)
        self._known: dict[str, object] = {}

    @classmethod
    def recorded(
        cls,
        plan: Plan,
        executor: str,
        workers: int,
        log: Iterable[Any],
        *,
        ended: int,
        origin: int = 0,
        state: State = State.SUCCEEDED,
        cores: float = math.inf,
    ) -> Run:
        """Return a run that has ended already, without results: recorded elsewhere, or simulated.

        `log` holds its facts one after the other, each of `model.events.WIDTH` places; `origin` and
        `ended` are nanoseconds of the clock of the facts.
        """
        run = cls(plan, executor, workers, cores=cores)
        run.record.origin = origin
        run.record.log += log
        run.record.end(state, ended)
        return run

    # The record.

    @property
    def tasks(self) -> Mapping[str, TaskRun]:
        """The record of each task, by name, in the order of the text."""
        self.record.fold()
        return MappingProxyType(dict(zip(self.flow.tasks, self.record.tasks, strict=True)))

    @property
    def events(self) -> list[Event]:
        """All facts so far, in the order in which they were written down."""
        return self.record.events()

    @property
    def state(self) -> State:
        """RUNNING, then SUCCEEDED, FAILED or CANCELLED."""
        return self.record.state

    @property
    def errors(self) -> dict[str, BaseException]:
        """The exceptions of the tasks that failed, by task."""
        return {name: record.error for name, record in self.tasks.items()
                if record.state.is_failure and record.error is not None}  # fmt: skip

    # Results.

    def __getitem__(self, task: str) -> Any:
        value = self.record.values[self.slot_of(task)]
        if is_ref(value) or is_missing(value):
            return self.tasks[task].result
        return value

    def slot_of(self, task: str) -> int:
        """Return the place of a task's result among the record's values."""
        index = self._index.get(task) if isinstance(task, str) else None
        if index is None:
            hint = suggestion(task, self.flow.tasks) if isinstance(task, str) else ""
            remedy = hint or f"the tasks are: {', '.join(self.flow.tasks[:20])}"
            raise NoResultError(f"flow '{self.flow.name}' has no task {task!r}", remedy=remedy)
        return index

    def __contains__(self, task: object) -> bool:
        index = self._index.get(task) if isinstance(task, str) else None
        return index is not None and not is_missing(self.record.values[index])

    def __iter__(self) -> Iterator[str]:
        values = self.record.values
        return (name for name, i in self._index.items() if not is_missing(values[i]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _ipython_key_completions_(self) -> list[str]:
        """Return what Tab offers behind ``run["``."""
        return list(self.flow.tasks)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def result(self) -> Any:
        """The result of the only target, or last task; otherwise a dict of the results of all."""
        last = self.plan.extent.targets or self.flow.last_tasks
        if len(last) == 1:
            return self[last[0]]
        return {task: self[task] for task in last if task in self}

    def release(self) -> None:
        """Let go of all results (the notebook's ``Out`` keeps every run); the record stays."""
        if not self.done:
            raise FlowError("the run is not done; cancel it or wait for it before releasing it")
        self.record.values[:] = [RELEASED] * len(self.record.values)
        if self.control is not None:
            self.control.release(self)

    # Time.

    @property
    def makespan(self) -> float:
        """Seconds from the start of the run to its end, or to now."""
        end = time.perf_counter_ns() if self.record.ended is None else self.record.ended
        return (end - self.record.origin) * 1e-9

    @property
    def efforts(self) -> Mapping[str, float]:
        """Seconds that each task would take alone: its duration, unless others held it back."""
        return MappingProxyType(self._efforts[0])

    @property
    def _efforts(self) -> tuple[dict[str, float], dict[str, list[float]]]:
        """The efforts of the tasks, and those of the items of each mapped task."""
        return self._once("efforts", lambda: seconds_of(self.tasks, self._alone.get))

    @property
    def _alone(self) -> dict[TaskRun, float]:
        """The seconds that each task or item that ran on a worker would take alone."""
        return self._once("alone", lambda: alone(self.on_workers(), self.cores, self.machine))

    def effort_of(self, record: TaskRun) -> float:
        """Return the seconds that a task, or an item of a mapped one, would take alone."""
        return self._alone.get(record, 0.0)

    def on_workers(self) -> list[TaskRun]:
        """Return the records of what workers do: the tasks, or for a mapped task its items."""
        records = self.tasks.values()
        return list(chain(*([each] if each.items is None else each.items for each in records)))

    def _once(self, name: str, measure: Callable[[], T]) -> T:
        """Measure something of the run; once it is done, only once."""
        if name in self._known:
            return cast(T, self._known[name])
        was_done = self.done
        value = measure()
        if was_done:
            self._known[name] = value
        return value

    @property
    def work(self) -> float:
        """Seconds that all tasks would take one after the other: the sum of their efforts.

        It counts what ran, also of tasks that were cut off; and waiting for a core that another
        program had, as the makespan does; but not what tasks of this run waited for each other.
        """
        return sum(self.efforts.values())

    @property
    def critical_path(self) -> tuple[str, ...]:
        """The chain of dependent tasks that took the longest, as long as they were measured."""
        return self._once("path", lambda: path_as_it_ran(self.plan, self.tasks))[1]

    @property
    def critical_seconds(self) -> float:
        """How long the tasks of the critical path took, one after the other."""
        return self._once("path", lambda: path_as_it_ran(self.plan, self.tasks))[0]

    def lower_bound(self, workers: float | None = None) -> float:
        """Return the seconds that no schedule on `workers` workers can beat.

        The larger of the longest chain of efforts and the work divided by the workers (R. Graham,
        "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 17, 1969, p. 416).
        """
        path, _ = self._once("longest path", lambda: longest_path(self.plan, *self._efforts))
        return max(path, self.work / (workers or self.workers))

    @property
    def speedup(self) -> float:
        """Work divided by makespan: how many workers' worth of work was done at once.

        It is of what ran, so it says little of a run that was cut off or had a busy machine.
        """
        return self.work / self.makespan if self.makespan else 1.0

    @property
    def efficiency(self) -> float:
        """Speed-up divided by the number of workers, 0 to 1."""
        return self.speedup / self.workers

    # Control: the engine does it.

    @property
    def done(self) -> bool:
        """Whether the run has ended."""
        return self.record.state is not State.RUNNING

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until the run has ended, and raise what `run` would raise.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Raises
        ------
        TimeoutError
            If the run has not ended by then; it goes on.
        TaskError, Cancelled
            As `run`.
        """
        if self.control is not None:
            self.control.wait(self, timeout)
        return self

    def cancel(self) -> None:
        """Cancel what has not started and stop what can be stopped; what is finished is kept."""
        if self.control is not None:
            self.control.cancel()

    def resume(self, **options: Any) -> Run:
        """Run the flow again, keeping what this run has a result for and what is still right.

        A result is kept unless its task's function or inputs have changed since, or a task before
        it runs again; ``tasks["name"].why`` tells.

        Parameters
        ----------
        **options
            Those of `run`, except `resume`; what is not given is as it was in this run, but for
            `rerun`, the tasks that run again in any case. The functions are looked up again.

        Returns
        -------
        Run
            The new run, done.
        """
        if self.control is None:
            raise FlowError("this run was not started by 'run' or 'start', so it cannot be resumed")
        return self.control.resume(self, **options)

    def replay(self, task: str, item: int | None = None) -> Any:
        """Call a task again in this thread with the very same arguments; return its result.

        What it raises is the user's own exception, so that ``%debug`` and breakpoints lead into the
        task. It is called once, without its retries, timeout and executor; the run stays as it is.

        Parameters
        ----------
        task : str
            Name of the task.
        item : int, optional
            Which item, of a mapped task.

        Raises
        ------
        NoResultError
            If there is no such task, or its arguments are not there (any more).
        """
        __tracebackhide__ = True
        if self.control is None:
            raise FlowError("this run was not started by 'run' or 'start': nothing to replay")
        return self.control.replay(self, task, item)

    # Display.

    def why(self, task: str, item: int | None = None) -> Why:
        """Return why a task ran or did not, and with a cache what its key was compared by.

        That is each part: what of its function has changed since its newest result was made, its
        arguments and the files in them, what they were and what they are.

        Parameters
        ----------
        task : str
            Name of the task.
        item : int, optional
            Which item, of a mapped task.

        Examples
        --------
        >>> from taskinity_nb import run
        >>> run("answer", namespace={"answer": lambda: 42}).why("answer").reason
        'the run had no cache, and resumed no other one'
        """
        record = self.record.tasks[self.slot_of(task)]
        self.record.fold()
        return why_of(record, item, getattr(self.control, "compared", None))

    def __repr__(self) -> str:
        counts = Counter(record.state for record in self.tasks.values())
        told = ", ".join(f"{count} {state}" for state, count in counts.items())
        return f"<Run {self.flow.name}: {told or 'no tasks'}; {self.makespan:.3g} s>"
