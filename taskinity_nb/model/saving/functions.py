"""How the functions of a plan are pickled: by their names, where an import finds them.

What was defined in a notebook is left out, with what it refers to. Where a function is missing, its
task is there all the same, with all that is said of it; only to call it is an error.
"""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any

from ...errors import UnpicklableError
from ...strangers import is_interrupt
from ..flow import Flow
from ..forms.home import Snapshot, read_homes, saved_homes
from ..signature import Signature
from ..task import Task
from .values import Saver

__all__ = ["AbsentFunction", "parts_of_plan", "saved_flow"]

PLAIN = (bool, float, int, str, type(None))
"""Types of defaults that are shown."""


class AbsentFunction:
    """Stands for a function that is not where its task was read.

    Examples
    --------
    >>> AbsentFunction("load", "")()
    Traceback (most recent call last):
        ...
    taskinity_nb.errors.UnpicklableError: the function 'load' did not travel with the run
    run the flow again where it is defined: run(earlier.flow, inputs)
    """

    def __init__(self, name: str, source: str) -> None:
        self.__name__ = self.__qualname__ = name
        self.source = source

    def __repr__(self) -> str:
        return f"<AbsentFunction {self.__name__!r}>"

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise UnpicklableError(
            f"the function '{self.__name__}' did not travel with the run",
            remedy="run the flow again where it is defined: run(earlier.flow, inputs)",
        )


def saved_flow(flow: Flow) -> Flow:
    """Return the flow of a run as it is pickled: functions of a notebook stay behind.

    Examples
    --------
    >>> flow = Flow("Example", tasks=["load", "absolute"])
    >>> saved_flow(flow.bind({"load": lambda: 3, "absolute": abs})).homes["load"]
    {'load': <AbsentFunction 'load'>, 'absolute': <built-in function abs>}
    """
    if not flow.homes:
        return flow

    def saved(place: Mapping[str, Any]) -> Mapping[str, Any]:
        if not isinstance(place, Snapshot):
            return place
        return Snapshot(
            (name, AbsentFunction(name, "") if _by_name(value) is None else value)
            for name, value in place.items()
        )

    return flow.bound_to(read_homes((tasks, saved(place)) for tasks, place in saved_homes(flow)))


class _SavedTask:
    """A task as it is pickled; what is made of it when it is read is a task."""

    def __init__(self, task: Task) -> None:
        self._packed = _by_name(task)
        self._known = _without_function(task)

    def __reduce__(self) -> tuple[Any, ...]:
        return _read, (self._packed, self._known)


class _ByName(pickle.Pickler):
    """Refuses what is a notebook's: elsewhere another one may have its name."""

    def reducer_override(self, thing: Any) -> Any:
        if getattr(thing, "__module__", None) == "__main__" and hasattr(thing, "__qualname__"):
            raise pickle.PicklingError("it is defined in a notebook")
        return NotImplemented


def _by_name(task: Any) -> bytes | None:
    try:
        with io.BytesIO() as file:
            _ByName(file, 5).dump(task)
            return file.getvalue()
    except BaseException as why:  # a callable may be of a class of the user's
        if is_interrupt(why):
            raise
        return None


def _without_function(task: Task) -> dict[str, Any]:
    """Return the attributes of a task but for what may hold anything."""
    function = task.function
    name = getattr(function, "__name__", None) or type(function).__name__
    absent = function if type(function) is AbsentFunction else AbsentFunction(name, _source(task))
    delay = task.retry_delay
    return {
        **{key: getattr(task, key) for key in (
            "name", "description", "retries", "timeout", "is_async", "resources", "_checks",
        )},
        "function": absent,
        "validate_input": None,
        "validate_output": None,
        "retry_on": Exception,
        "retry_delay": delay if isinstance(delay, float | int | str) else 0.0,
        "executor": task.executor if isinstance(task.executor, str) else None,
        "__name__": absent.__name__,
        "__qualname__": absent.__name__,
        "__module__": "__main__",
        "__doc__": task.description,
    }  # fmt: skip


LONGEST_SOURCE = 20_000
"""Characters of the text of a function that travel."""


def _source(task: Task) -> str:
    try:
        text = inspect.getsource(task.function)
    except Exception:  # built in, typed at a prompt, or an object of a kind of its own
        return ""
    return text[:LONGEST_SOURCE]


def _read(packed: bytes | None, known: Mapping[str, Any]) -> Task:
    """Return a task with its function, or with what stands for that."""
    if packed is not None:
        try:
            task = pickle.loads(packed)
        except BaseException as why:  # it imports modules of the user's
            if is_interrupt(why):
                raise
        else:
            if isinstance(task, Task):
                return task
    made = Task.__new__(Task)
    vars(made).update(known)
    return made


def parts_of_plan(
    bindings: Sequence[Any],
    calls: Mapping[int, Any],
    constants: Sequence[Any],
    saver: Saver,
) -> tuple[list[Any], dict[int, Any], tuple[Any, ...]]:
    """Return the bindings, calls and constants of a plan as they are pickled."""
    tasks: dict[int, Any] = {}
    signatures: dict[int, Signature] = {}
    made: dict[int, Any] = {}

    def saved(part: Any) -> Any:
        task, signature = part.task, part.signature
        if id(task) not in tasks:
            tasks[id(task)] = _SavedTask(task)
        if id(signature) not in signatures:
            signatures[id(signature)] = _plain(signature)
        return part._replace(task=tasks[id(task)], signature=signatures[id(signature)])

    for binding in bindings:
        if id(binding) not in made:
            made[id(binding)] = saved(binding)
    return (
        [made[id(binding)] for binding in bindings],
        {slot: saved(call) for slot, call in list(calls.items())},
        tuple(saver.leniently(value, "an input or a default") for value in constants),
    )


def _plain(signature: Signature) -> Signature:
    """Return a signature without annotations, and with no more of defaults than is shown."""

    def plain(parameter: Parameter) -> Parameter:
        default = parameter.default
        if default is not Parameter.empty and type(default) not in PLAIN:
            default = ...
        return parameter.replace(annotation=Parameter.empty, default=default)

    made = copy.copy(signature)
    known = {parameter.name: plain(parameter) for parameter in signature.parameters}
    made.parameters = list(known.values())
    made.named = [known[parameter.name] for parameter in signature.named]
    return made
