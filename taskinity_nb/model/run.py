"""A run is one execution of a flow: a mapping of task names to results, and its record."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from ..errors import FlowError, NoResultError, described, suggestion
from .effort import Stretch, efforts
from .events import Entry, Event, Frame, State
from .flow import Flow

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["MISSING", "Run", "TaskRun"]

T = TypeVar("T")


class _Missing:
    """The value of a task that has no result (yet)."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


class TaskRun:
    """One task in one run. Times are seconds since the run's start, or None.

    Attributes
    ----------
    name : str
        Name of the task in the flow.
    state : State
        What it is doing, or how it ended.
    ready, submitted, started, finished, received : float or None
        When its last upstream ended, when it was handed to a worker, when it began and ended there,
        and when its result was back.
    worker : str or None
        Who ran it.
    cpu : float or None
        Seconds of processor time that it took.
    attempts : int
        How often it was started.
    error : BaseException or None
        Why it failed.
    frames : tuple of (file, line, function)
        The error's traceback from the task's function on.
    cause : str or None
        For a task that did not run: the task whose failure is the reason.
    """

    __slots__ = (
        "attempts", "cause", "cpu", "error", "finished", "frames", "name", "ready", "received",
        "started", "state", "submitted", "worker",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = State.PENDING
        self.ready: float | None = None
        self.submitted: float | None = None
        self.started: float | None = None
        self.finished: float | None = None
        self.received: float | None = None
        self.worker: str | None = None
        self.cpu: float | None = None
        self.attempts = 0
        self.error: BaseException | None = None
        self.frames: tuple[Frame, ...] = ()
        self.cause: str | None = None

    @property
    def duration(self) -> float | None:
        """Seconds from start to finish, or None if it did not do both."""
        if self.started is None or self.finished is None:
            return None
        return self.finished - self.started

    def __repr__(self) -> str:
        seconds = "" if self.duration is None else f" in {self.duration:.3g} s"
        return f"<TaskRun {self.name}: {self.state}{seconds}>"


class Handle(Protocol):
    """What the engine puts into a run, so that a run can be waited for and cancelled."""

    def wait(self, timeout: float | None = None) -> None: ...
    def cancel(self) -> None: ...


class Run(Mapping[str, Any]):
    """One execution of a flow: a mapping of task name to result, and its record.

    Only tasks that succeeded have results. Runs are compared by identity.

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
    """

    def __init__(self, plan: Plan, executor: str, workers: int, *, cores: float = math.inf) -> None:
        self.plan = plan
        self.flow: Flow = plan.flow
        self.executor = executor
        self.workers = workers
        self.cores = cores
        self._names = self.flow.tasks
        self._index = plan.index
        self._values: list[Any] = [MISSING] * len(self._names) + list(plan.constants)
        self._log: list[Entry] = []
        self._folded = 0
        self._fold_lock = threading.Lock()
        self._records = {name: TaskRun(name) for name in self._names}
        self._by_index = list(self._records.values())
        self._origin = time.perf_counter_ns()
        self._ended: int | None = None
        self._state = State.RUNNING
        self._handle: Handle | None = None
        self._known: dict[str, object] = {}

    # The record: the log is folded into it, here and nowhere else.

    def _fold(self) -> list[Entry]:
        """Bring the record up to date with the log, and return what was new."""
        with self._fold_lock:
            entries = self._log[self._folded :]
            self._folded += len(entries)
            origin, records = self._origin, self._by_index
            for index, state, moment, detail in entries:
                record = records[index]
                record.state = state
                at = (moment - origin) * 1e-9
                if state is State.READY:
                    record.ready = at
                elif state is State.RUNNING:
                    record.started = at
                    record.worker, submitted = detail
                    record.submitted = (submitted - origin) * 1e-9
                    record.attempts += 1
                elif state is State.SUCCEEDED:
                    started, cpu, received = detail
                    record.started = (started - origin) * 1e-9
                    record.finished = at
                    record.cpu = cpu * 1e-9
                    record.received = (received - origin) * 1e-9
                elif state in (State.FAILED, State.TIMED_OUT):
                    started, cpu, received, record.error, record.frames = detail
                    record.started = (started - origin) * 1e-9
                    record.finished = at
                    record.cpu = cpu * 1e-9
                    record.received = (received - origin) * 1e-9
                elif state is State.RETRYING:
                    record.error = detail
                elif state is State.CANCELLED:
                    if record.started is not None:
                        record.finished = at
                elif isinstance(detail, BaseException):
                    record.finished, record.error = at, detail
                elif detail is not None:
                    record.cause = self._names[detail]
            return entries

    def _event(self, entry: Entry) -> Event:
        index, state, moment, detail = entry
        worker = detail[0] if state is State.RUNNING else None
        error = detail if state is State.RETRYING else None
        if state in (State.FAILED, State.TIMED_OUT):
            error = detail[3]
        return Event((moment - self._origin) * 1e-9, self._names[index], state, worker, error)

    @property
    def tasks(self) -> Mapping[str, TaskRun]:
        """The record of each task, by name, in the order of the text."""
        self._fold()
        return MappingProxyType(self._records)

    @property
    def events(self) -> list[Event]:
        """All facts so far, in the order in which they were written down."""
        return [self._event(entry) for entry in list(self._log)]

    @property
    def state(self) -> State:
        """RUNNING, then SUCCEEDED, FAILED or CANCELLED."""
        return self._state

    @property
    def errors(self) -> dict[str, BaseException]:
        """The exceptions of the tasks that failed, by task."""
        return {name: record.error for name, record in self.tasks.items()
                if record.state in (State.FAILED, State.TIMED_OUT) and record.error}  # fmt: skip

    # Results.

    def __getitem__(self, task: str) -> Any:
        index = self._index.get(task) if isinstance(task, str) else None
        if index is None:
            hint = suggestion(task, self._names) if isinstance(task, str) else ""
            remedy = hint or f"the tasks are: {', '.join(self._names[:20])}"
            raise NoResultError(f"flow '{self.flow.name}' has no task {task!r}", remedy=remedy)
        value = self._values[index]
        if value is MISSING:
            record = self.tasks[task]
            why = f" ('{record.cause}' failed)" if record.cause else ""
            if record.error is not None:
                why = f" ({described(record.error)})"
            raise NoResultError(f"task '{task}' has no result: it is {record.state}{why}")
        return value

    def __contains__(self, task: object) -> bool:
        index = self._index.get(task) if isinstance(task, str) else None
        return index is not None and self._values[index] is not MISSING

    def __iter__(self) -> Iterator[str]:
        return (name for name, i in self._index.items() if self._values[i] is not MISSING)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def result(self) -> Any:
        """The result of the only last task, otherwise a dict of the last tasks' results."""
        last = self.flow.last_tasks
        if len(last) == 1:
            return self[last[0]]
        return {task: self[task] for task in last if task in self}

    def release(self) -> None:
        """Let go of all results (the notebook's ``Out`` keeps every run); the record stays."""
        if not self.done:
            raise FlowError("the run is not done; cancel it or wait for it before releasing it")
        self._values[:] = [MISSING] * len(self._values)

    # Time.

    @property
    def makespan(self) -> float:
        """Seconds from the start of the run to its end, or to now."""
        end = time.perf_counter_ns() if self._ended is None else self._ended
        return (end - self._origin) * 1e-9

    @property
    def efforts(self) -> Mapping[str, float]:
        """Seconds that each task would take alone: its duration, unless others held it back."""
        return self._once("efforts", self._measure_efforts)

    def _measure_efforts(self) -> Mapping[str, float]:
        ran = {
            name: Stretch(record.started, record.finished, record.cpu or 0.0)
            for name, record in self.tasks.items()
            if record.started is not None and record.finished is not None
        }
        alone = zip(ran, efforts(list(ran.values()), self.cores), strict=True)
        return MappingProxyType(dict.fromkeys(self._names, 0.0) | dict(alone))

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
        """Seconds that all tasks would take one after the other: the sum of their efforts."""
        return sum(self.efforts.values())

    @property
    def critical_path(self) -> tuple[str, ...]:
        """The chain of dependent tasks whose efforts add up to the most."""
        return self._longest_path()[1]

    def lower_bound(self, workers: int | None = None) -> float:
        """Return the seconds that no schedule on `workers` workers can beat.

        The larger of the critical path and the work divided by the workers (R. L. Graham,
        "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 17, 1969, p. 416).
        """
        return max(self._longest_path()[0], self.work / (workers or self.workers))

    def _longest_path(self) -> tuple[float, tuple[str, ...]]:
        return self._once("longest path", self._measure_path)

    def _measure_path(self) -> tuple[float, tuple[str, ...]]:
        seconds = self.efforts
        length: dict[str, float] = {}
        before: dict[str, str | None] = {}
        for name in self.plan.order:
            edges = self.flow.upstream[name]
            best = max((edge.source for edge in edges), key=length.__getitem__, default=None)
            before[name] = best
            length[name] = (length[best] if best else 0.0) + seconds[name]
        end = max(length, key=length.__getitem__, default=None)
        total = length[end] if end else 0.0
        path = []
        while end is not None:
            path.append(end)
            end = before[end]
        return total, tuple(reversed(path))

    @property
    def speedup(self) -> float:
        """Work divided by makespan: how many workers' worth of work was done at once."""
        return self.work / self.makespan if self.makespan else 1.0

    @property
    def efficiency(self) -> float:
        """Speed-up divided by the number of workers, 0 to 1."""
        return self.speedup / self.workers

    # Control: the engine's handle does it.

    @property
    def done(self) -> bool:
        """Whether the run has ended."""
        return self._state is not State.RUNNING

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
        if self._handle is not None:
            self._handle.wait(timeout)
        return self

    def cancel(self) -> None:
        """Cancel what has not started and stop what can be stopped; what is finished is kept."""
        if self._handle is not None:
            self._handle.cancel()

    # Display.

    def __repr__(self) -> str:
        counts: dict[str, int] = {}
        for record in self.tasks.values():
            counts[record.state] = counts.get(record.state, 0) + 1
        told = ", ".join(f"{count} {state}" for state, count in counts.items())
        return f"<Run {self.flow.name}: {told or 'no tasks'}; {self.makespan:.3g} s>"

    def _repr_html_(self) -> str:
        from ..views.table import run_to_html

        return run_to_html(self)
