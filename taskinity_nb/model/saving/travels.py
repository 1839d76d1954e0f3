"""How a run is pickled and copied: it has ended, and keeps its results, its record and its plan.

What is read back is not by itself able to run anything again: nobody keeps a notebook, a pool or a
cluster in a file.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

from ...engine.remote.pickling.registered import REGISTERED
from ...errors import FlowError, UnpicklableError, described
from ...strangers import is_error, is_interrupt, type_name
from ..events import WIDTH, Failure, State
from ..record import Record
from ..refs import is_missing, is_ref
from .errors import save_error
from .values import HOW, Saver, dumps

if TYPE_CHECKING:
    from ..plan import Plan

__all__ = ["RunOfError", "Travels"]

WORDS = ("sequential", "threads", "processes")
"""Executors that are everywhere."""


class Travels:
    """What a run does when it is pickled or copied."""

    def __init_subclass__(cls) -> None:
        REGISTERED[cls] = to_worker

    plan: Plan
    record: Record
    executor: str
    workers: int
    cores: float
    machine: float | None
    control: Any

    def __getstate__(self) -> dict[str, Any]:
        return state_of(self, is_strict=True)

    def __setstate__(self, state: dict[str, Any]) -> None:
        make, parts = state["plan"]
        self._fill(make(*parts), *(state[name] for name in SETTINGS))
        self.record = _record_of(self.plan, state["record"])
        self.control = ReadControl(**state["called"])

    def _fill(
        self, plan: Plan, executor: str, workers: int, cores: float, machine: float | None = None
    ) -> None:
        raise NotImplementedError

    def __copy__(self) -> Self:
        """Return the same run once more: who releases its results does not release these."""
        return self._copied(list(self.record.values), {})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a run with copies of the results; what was run is the same."""
        _check_is_done(self)
        values = list(self.record.values)
        made = self._copied(values, memo)
        for slot, value in enumerate(values):
            if not is_missing(value):
                values[slot] = _deep_copy(self, slot, value, memo)
        return made

    def of_error(self) -> RunOfError | None:
        """Return what an exception is pickled with that has this run; None if it goes on."""
        return None if self.record.state is State.RUNNING else RunOfError(self)

    def _copied(self, values: list[Any], memo: dict[int, Any]) -> Self:
        _check_is_done(self)
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made._fill(self.plan, *(getattr(self, name) for name in SETTINGS))
        before = self.record
        known = {name: getattr(before, name) for name in PLAIN_PARTS}
        record = Record(before.names, values, before.origin, before.mapped)
        made.record = _filled(record, list(before.log), known)
        made.control = None if self.control is None else CopiedControl(self.control)
        return made


SETTINGS = ("executor", "workers", "cores", "machine", "resources")
"""What a run knows of where it ran."""

PLAIN_PARTS = ("state", "ended", "notes")
"""What a record knows beside results and log."""


def state_of(run: Any, *, is_strict: bool, dumps: Callable[[Any], bytes] = dumps) -> dict[str, Any]:
    """Return what a run that has ended is pickled as, its results by `dumps`."""
    _check_is_done(run)
    outer = _going.get()
    if id(run) in outer:
        raise UnpicklableError(
            f"a result of flow '{run.plan.flow.name}' holds the run itself",
            remedy="take the run out of it",
        )
    token = _going.set(outer | {id(run)})
    try:
        return _state_of(run, Saver(is_strict=is_strict, dumps=dumps))
    finally:
        _going.reset(token)


_going: ContextVar[frozenset[int]] = ContextVar("going", default=frozenset())
"""The runs that are being pickled, by their ids."""


def _state_of(run: Any, saver: Saver) -> dict[str, Any]:
    record, control = run.record, run.control
    called = {} if control is None else control.called
    values = _saved_values(run, saver)
    executor = called.get("executor")
    return {
        "plan": run.plan.saved(saver),
        **{name: getattr(run, name) for name in SETTINGS},
        "called": {
            "inputs": saver.leniently(called.get("inputs"), "what the run was given"),
            "executor": executor if executor in WORDS else "threads",
        },
        "record": {
            **{name: getattr(record, name) for name in PLAIN_PARTS},
            "origin": record.origin,
            "log": _saved_log(record.log),
            "values": values,
        },
    }


def _check_is_done(run: Any) -> None:
    if run.record.state is State.RUNNING:
        raise UnpicklableError(
            f"the run of flow '{run.plan.flow.name}' goes on, so it can be neither pickled nor "
            "copied",
            remedy="wait for its end first: run.wait()",
        )


def _saved_values(run: Any, saver: Saver) -> list[Any]:
    """Return what is pickled for all slots: results of tasks, constants, results of items."""
    record, tasks = run.record, list(run.tasks.values())
    values, first = record.values, len(tasks) + len(run.plan.constants)
    items = [item for task in tasks for item in task.items or ()]
    saved: list[Any] = [None] * len(values)
    for item in items:
        saved[item.slot] = saver.save(values[item.slot], _result_of(item.name))
    for slot, task in enumerate(tasks):
        whole = None
        if task.items:
            places = [item.slot for item in task.items if not is_missing(values[item.slot])]
            whole = saver.gather(
                values[slot], [values[place] for place in places], [saved[p] for p in places]
            )
        saved[slot] = saver.save(values[slot], _result_of(task.name)) if whole is None else whole
    for slot in range(len(tasks), first):
        saved[slot] = saver.leniently(values[slot], "an input or a default")
    known = {item.slot for item in items}
    for slot in range(first, len(values)):
        if slot not in known:  # of a task that was interrupted
            saved[slot] = saver.leniently(values[slot], "the result of an item")
    return saved


def _result_of(name: str) -> str:
    return f"task '{name}': its result"


def _deep_copy(run: Any, slot: int, value: Any, memo: dict[int, Any]) -> Any:
    try:
        return copy.deepcopy(value.fetch() if is_ref(value) else value, memo)
    except BaseException as error:  # it runs code of the user's
        if is_interrupt(error):
            raise
        tasks = run.plan.flow.tasks
        if slot >= len(tasks):
            return value  # an input, which the run does not own; or an item, which the list has
        raise UnpicklableError(
            f"{_result_of(tasks[slot])}, a {type_name(value)}, cannot be copied: "
            f"{described(error)}",
            remedy=HOW.replace("pickled", "copied") + "; copy.copy(run) copies none of them",
        ) from error


def _saved_log(log: list[Any]) -> list[Any]:
    saved = list(log)
    known: dict[int, Any] = {}

    def once(error: BaseException) -> Any:
        if id(error) not in known:
            known[id(error)] = save_error(error)
        return known[id(error)]

    for place in range(3, len(saved), WIDTH):
        if is_error(saved[place]):
            saved[place] = once(saved[place])
        failure = saved[place + 2]
        if type(failure) is Failure:
            saved[place + 2] = failure._replace(error=once(failure.error))
    return saved


def _record_of(plan: Plan, state: Mapping[str, Any]) -> Record:
    record = Record(plan.flow.tasks, state["values"], state["origin"], plan.maps)
    return _filled(record, state["log"], {name: state[name] for name in PLAIN_PARTS})


def _filled(record: Record, log: list[Any], known: Mapping[str, Any]) -> Record:
    record.log += log
    for name, value in known.items():
        setattr(record, name, value)
    return record


class ReadControl:
    """The control of a run that was read back: it has ended, and nothing is here that could run.

    Attributes
    ----------
    called : mapping of str to object
        What `run` was given, as far as that travels; what was pickled is a ref.
    """

    def __init__(self, inputs: Any, executor: str) -> None:
        self.called: Mapping[str, Any] = {"inputs": inputs, "executor": executor}

    def wait(self, run: Any, timeout: float | None = None) -> None:
        """Wait for nothing: it has ended."""

    def cancel(self) -> None:
        """Cancel nothing: it has ended."""

    def resume(self, run: Any, **options: Any) -> Any:
        raise self.cannot("be resumed", run)

    def replay(self, run: Any, task: str, item: int | None = None) -> Any:
        run.slot_of(task)
        raise self.cannot(f"replay its task '{task}'", run)

    def cannot(self, what: str, run: Any) -> FlowError:
        """Return the error that tells what a run cannot do that was read back."""
        return FlowError(
            f"the run of flow '{run.flow.name}' cannot {what}: it was read back, and its functions "
            "and executors are not with it",
            remedy="run the flow again where its functions are: run(earlier.flow, inputs)",
        )

    def release(self, run: Any) -> None:
        """Let go of what it was given."""
        self.called = {}


class CopiedControl:
    """The control of a copy: that of the run, but that it lets go of nothing there."""

    def __init__(self, control: Any) -> None:
        self._control = control
        self.called = control.called

    @property
    def prints(self) -> Any:
        return getattr(self._control, "prints", None)

    @property
    def compared(self) -> Any:
        return getattr(self._control, "compared", None)

    def wait(self, run: Any, timeout: float | None = None) -> None:
        self._control.wait(run, timeout)

    def cancel(self) -> None:
        """Cancel nothing: it has ended."""

    def resume(self, run: Any, **options: Any) -> Any:
        return self._control.resume(run, **options)

    def replay(self, run: Any, task: str, item: int | None = None) -> Any:
        return self._control.replay(run, task, item)

    def release(self, run: Any) -> None:
        """Let go of nothing that is the other run's."""


class RunOfError:
    """The run that an exception of ours has: pickled with the results that can be pickled.

    An exception has to travel, whatever its run holds.
    """

    def __init__(self, run: Any) -> None:
        self.run = run

    def __reduce__(self) -> tuple[Any, ...]:
        return _read, (type(self.run), state_of(self.run, is_strict=False))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.run, memo)


def to_worker(run: Any, *, is_strict: bool = True) -> tuple[Any, ...]:
    """Return how a run is pickled on its way to a worker process, which lacks a notebook's classes.

    They travel along with the results there.
    """
    from ...engine.remote.pickling.pickler import dumps

    return _read, (type(run), state_of(run, is_strict=is_strict, dumps=dumps))


REGISTERED[RunOfError] = lambda held: to_worker(held.run, is_strict=False)


def _read(kind: Any, state: dict[str, Any]) -> Any:
    made = kind.__new__(kind)
    made.__setstate__(state)
    return made
