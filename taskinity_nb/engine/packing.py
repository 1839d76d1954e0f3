"""Packs functions and arguments into envelopes and unpacks answers: `envelope`'s near side."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from ..errors import ExecutorError, FlowError, UnpicklableError
from ..model.call import invoke
from ..model.events import Entry, State
from ..model.plan import Call, Origin, Plan
from ..model.run import MISSING
from .envelope import Answer
from .frames import user_frames
from .pickling import dumps

__all__ = ["Packer", "describe_frames", "failure", "unpack"]


class Packer:
    """Packs the tasks of one plan; a function is packed once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._functions: dict[int, bytes] = {}

    def function(self, index: int) -> bytes:
        """Return the function of a task as bytes.

        Raises
        ------
        UnpicklableError
            If it, or something that it uses, cannot be pickled.
        """
        call = self._plan.calls[index]
        task = call.task
        packed = self._functions.get(id(task))
        if packed is None:
            validators = (task.validate_input, task.validate_output)
            what: Any = (invoke, (task.function, *validators))
            if task.is_importable:  # its name is enough, while its function alone has none
                what = (_call_task, (task,))
            try:
                packed = dumps(what)
            except Exception as error:
                raise UnpicklableError(
                    f"task '{call.name}': its function cannot be sent to another process: "
                    f"{_reason(error)}",
                    remedy="create what it uses inside the function, "
                    'or run with executor="threads"',
                ) from error
            self._functions[id(task)] = packed
        return packed

    def arguments(self, index: int, args: list[Any], kwargs: dict[str, Any]) -> bytes:
        """Return the arguments of a task as bytes.

        Raises
        ------
        UnpicklableError
            If one of them cannot be pickled; it is named.
        """
        try:
            return dumps((args, kwargs))
        except Exception as error:
            call = self._plan.calls[index]
            raise _name_culprit(call, args, kwargs, error) from error


def _call_task(task: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    return task(*args, **kwargs)


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _name_culprit(
    call: Call, args: list[Any], kwargs: dict[str, Any], error: Exception
) -> UnpicklableError:
    origins = dict(call.keywords)
    pairs: list[tuple[str, Origin | None, Any]] = [
        (*pair, value) for pair, value in zip(call.positional, args, strict=True)
    ]
    pairs += [(name, origins.get(name), value) for name, value in kwargs.items()]
    for name, origin, value in pairs:
        try:
            dumps(value)
        except Exception as why:
            whence = f" ({origin})" if origin is not None else ""
            return UnpicklableError(
                f"task '{call.name}': parameter '{name}'{whence}, a {type(value).__name__}, "
                f"cannot be sent to another process: {_reason(why)}",
                remedy='create it inside the task that needs it, or run with executor="threads"',
            )
    return UnpicklableError(
        f"task '{call.name}': its arguments cannot be sent to another process: {_reason(error)}",
        remedy='run it with executor="threads"',
    )


def failure(index: int, error: BaseException) -> tuple[Any, Entry]:
    """Return value and log entry of a task that failed on the way to its worker."""
    now = perf_counter_ns()
    return MISSING, (index, State.FAILED, now, (now, 0, now, error, ()))


def unpack(call: Call, index: int, submitted: int, reply: tuple[Any, ...]) -> tuple[Any, Entry]:
    """Return value and log entry of a task from the answer of its worker."""
    answer = Answer(*reply)
    received = perf_counter_ns()
    started, finished = _on_our_clock(answer.started, answer.finished, submitted, received)
    error: BaseException | None = None
    frames = answer.frames
    value: Any = MISSING
    if answer.kind == "value":
        try:
            value = pickle.loads(answer.payload)
        except Exception as why:
            error, frames = why, user_frames(why.__traceback__)
            why.add_note(f"while the result of task '{call.name}' was read from its worker")
    elif answer.kind == "error":
        error = pickle.loads(answer.payload)
        error.add_note(describe_frames(frames))
    elif answer.kind == "lost error":
        kind, text = answer.payload
        error = FlowError(f"{kind}: {text}", remedy="(the exception itself could not be sent back)")
        error.add_note(describe_frames(frames))
    elif answer.kind == "unpicklable":
        kind, text = answer.payload
        error = UnpicklableError(
            f"task '{call.name}': its result, a {kind}, cannot be sent back: {text}",
            remedy='return plain data, or run with executor="threads"',
        )
    else:
        raise ExecutorError(f"a worker gave an answer of an unknown kind: {answer.kind!r}")
    received = perf_counter_ns()
    if error is None:
        return value, (index, State.SUCCEEDED, finished, (started, answer.cpu, received))
    return MISSING, (index, State.FAILED, finished, (started, answer.cpu, received, error, frames))


def describe_frames(frames: tuple[tuple[str, int, str], ...]) -> str:
    """Write frames the way a traceback does, for an exception's note."""
    lines = [f'  File "{file}", line {line}, in {function}' for file, line, function in frames]
    return "\n".join(["Traceback in the worker (most recent call last):", *lines])


def _on_our_clock(started: int, finished: int, submitted: int, received: int) -> tuple[int, int]:
    """Return the worker's stamps; those of another machine's clock are centred between ours."""
    if submitted <= started <= finished <= received:
        return started, finished
    duration = min(finished - started, received - submitted)
    began = submitted + (received - submitted - duration) // 2
    return began, began + duration
