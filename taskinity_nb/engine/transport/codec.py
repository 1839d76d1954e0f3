"""Turns functions and arguments into bytes, and reads what came back: `call`'s near side."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterable
from functools import partial
from time import perf_counter_ns
from typing import Any

from ...errors import ExecutorError, FlowError, UnpicklableError
from ...model.events import Entry, Failure, State, ended
from ...model.invoke import invoke, listing
from ...model.plan import Call, Origin, Plan
from ...model.refs import MISSING, is_ref
from ...strangers import (
    add_note,
    described,
    is_error,
    is_interrupt,
    text_of,
    traceback_of,
    type_name,
)
from ..remote.call import CallResult
from ..remote.frames import user_frames
from ..remote.pickling import LARGE, PLAIN, dumps

__all__ = ["Encoder", "culprit", "describe_frames", "error_of", "failure", "read_error", "unpack"]


class Encoder:
    """Turns the tasks of one run into bytes; a function once, and so a large argument.

    `pack` returns what stands for a large value, and is it again when it is unpickled; by default
    the value itself. `ship` makes of a function what `function` returns; by default its pickle.
    """

    def __init__(
        self,
        plan: Plan,
        pack: Callable[[Any], Any] = lambda value: value,
        ship: Callable[[Any], Any] = dumps,
    ) -> None:
        self._plan = plan
        self._pack = pack
        self._ship = ship
        self._functions: dict[int, Any] = {}
        self._shipping = threading.RLock()
        self._packed: dict[int, tuple[Any, Any]] = {}
        self._lock = threading.Lock()

    def function(self, index: int) -> Any:
        """Return the function of a task, shipped: as bytes, if nothing else was asked for.

        Raises
        ------
        UnpicklableError
            If it, or something that it uses, cannot be pickled.
        """
        key = self.key(index)
        packed = self._functions.get(key)
        if packed is None:
            with self._shipping:  # the other workers need the same function now
                packed = self._functions.get(key)
                if packed is None:
                    packed = self._functions[key] = self._shipped(index)
        return packed

    def _shipped(self, index: int) -> Any:
        task = self._plan.bindings[index].task
        validators = (task.validate_input, task.validate_output)
        call: Callable[..., Any] = invoke
        leading: tuple[Any, ...] = (task.function, *validators)
        if task.is_importable:  # its name is enough, while its function alone has none
            call, leading = _call_task, (task,)
        if index in self._plan.listed:
            call = listing(call)
        try:
            return self._ship((call, leading))
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise UnpicklableError(
                f"task '{self._plan.flow.tasks[index]}': its function cannot be sent to "
                f"another process: {_reason(error)}",
                remedy='create what it uses inside the function, or run with executor="threads"',
            ) from error

    def key(self, index: int) -> int:
        """Return what tells the function of a task from others."""
        return index if index in self._plan.listed else -id(self._plan.bindings[index].task)

    def arguments(self, index: int, args: list[Any], kwargs: dict[str, Any]) -> bytes:
        """Return the arguments of a task as bytes.

        Raises
        ------
        UnpicklableError
            If one of them cannot be pickled; it is named.
        """
        try:
            if not kwargs and all(type(value) in PLAIN for value in args):
                packed = pickle.dumps((args, kwargs), 5)
                if len(packed) < LARGE:
                    return packed
            large: list[pickle.PickleBuffer] = []
            packed = dumps((args, kwargs), partial(_is_small, large=large))
            if large or len(packed) >= LARGE:
                args = [self._pack_once(value) for value in args]
                kwargs = {name: self._pack_once(value) for name, value in kwargs.items()}
                packed = dumps((args, kwargs))
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise _name_culprit(self._plan.calls[index], args, kwargs, error) from error
        return packed

    def forget(self) -> None:
        """Let go of the functions and the large arguments."""
        self._functions.clear()
        self._packed.clear()

    def _pack_once(self, value: Any) -> Any:
        """Return a value, or what stands for it if it is large; the same for the next task."""
        if is_ref(value) or type(value) in PLAIN - {bytes, str}:
            return value
        with self._lock:
            if id(value) not in self._packed:
                self._packed[id(value)] = (value, self._pack(value))  # its id stays its own
            return self._packed[id(value)][1]


def _is_small(buffer: pickle.PickleBuffer, large: list[pickle.PickleBuffer]) -> bool:
    """Tell whether a buffer may stay in its pickle; remember it otherwise."""
    if buffer.raw().nbytes < LARGE:
        return True
    large.append(buffer)
    return False


def _call_task(task: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    return task(*args, **kwargs)


def _reason(error: BaseException) -> str:
    """Return the text of an error; one that ends a program is not told from others by its text."""
    is_usual = issubclass(type(error), Exception)
    return (text_of(error) if is_usual else described(error)) or type_name(error)


def _name_culprit(
    call: Call, args: list[Any], kwargs: dict[str, Any], error: BaseException
) -> UnpicklableError:
    origins = dict(call.keywords)
    pairs: list[tuple[str, Origin | None, Any]] = [
        (*pair, value) for pair, value in zip(call.positional, args, strict=True)
    ]
    pairs += [(name, origins.get(name), value) for name, value in kwargs.items()]
    return culprit(call, pairs, error)


def culprit(
    call: Call, arguments: Iterable[tuple[str, Origin | None, Any]], error: BaseException
) -> UnpicklableError:
    """Return the error of a task whose arguments cannot be sent, naming the first that cannot.

    `arguments` are parameters, where they come from, and their values; `error` is what went wrong
    with all of them.
    """
    for name, origin, value in arguments:
        try:
            dumps(value)
        except BaseException as why:
            if is_interrupt(why):
                raise
            whence = f" ({origin})" if origin is not None else ""
            return UnpicklableError(
                f"task '{call.name}': parameter '{name}'{whence}, a {type_name(value)}, "
                f"cannot be sent to another process: {_reason(why)}",
                remedy='create it inside the task that needs it, or run with executor="threads"',
            )
    return UnpicklableError(
        f"task '{call.name}': its arguments cannot be sent to another process: {_reason(error)}",
        remedy='run it with executor="threads"',
    )


def failure(slot: int, error: BaseException) -> tuple[Any, Entry]:
    """Return value and log entry of a task that failed on the way to its worker."""
    now = perf_counter_ns()
    return MISSING, ended(slot, State.FAILED, now, now, 0, Failure(now, error))


def unpack(
    name: str,
    slot: int,
    submitted: int,
    reply: tuple[Any, ...],
    read: Callable[[Any], Any] = pickle.loads,
) -> tuple[Any, Entry]:
    """Return value and log entry of a task from the `CallResult` that its worker has sent back.

    `read` returns the result from what the worker packed.
    """
    call = CallResult(*reply)
    received = perf_counter_ns()
    started, finished = _on_our_clock(call.started, call.finished, submitted, received)
    error: BaseException | None = None
    frames = call.frames
    value: Any = MISSING
    if call.kind == "value":
        try:
            value = read(call.payload)
        except BaseException as why:
            if is_interrupt(why):
                raise
            error, frames = why, user_frames(traceback_of(why))
            add_note(why, f"while the result of task '{name}' was read from its worker")
    else:
        error = error_of(name, call)
    received = perf_counter_ns()
    if error is None:
        return value, ended(slot, State.SUCCEEDED, finished, started, call.cpu, received)
    lost = Failure(received, error, frames)
    return MISSING, ended(slot, State.FAILED, finished, started, call.cpu, lost)


def error_of(name: str, call: CallResult) -> BaseException:
    """Return why a task has no result, from the `CallResult` that its worker has sent back."""
    if call.kind in ("error", "lost error"):
        error = read_error(call.kind, call.payload)
        add_note(error, describe_frames(call.frames))
        return error
    if call.kind == "unpicklable":
        kind, text = call.payload
        return UnpicklableError(
            f"task '{name}': its result, a {kind}, cannot be sent back: {text}",
            remedy='return plain data, or run with executor="threads"',
        )
    raise ExecutorError(f"task '{name}': its worker gave an answer of no known kind")


def read_error(kind: str, payload: Any) -> BaseException:
    """Return what a task has raised, from kind and payload of its `CallResult`.

    What cannot be read here is replaced by a `FlowError` with its type and its text.
    """
    if kind == "error":
        packed, *payload = payload
        try:
            error = pickle.loads(packed)
        except BaseException as why:
            if is_interrupt(why):
                raise
        else:
            if is_error(error):
                raised: BaseException = error
                return raised
    name, text = payload
    return FlowError(
        f"{name}: {text}" if text else name, remedy="(the exception itself could not be sent back)"
    )


def describe_frames(frames: tuple[tuple[str, int, str], ...]) -> str:
    """Write frames the way a traceback does, for an exception's note."""
    lines = [
        f'  File "{file}", line {line}, in {function}' if file else f"  … and {line:,} frames more"
        for file, line, function in frames
    ]
    return "\n".join(["Traceback in the worker (most recent call last):", *lines])


def _on_our_clock(started: int, finished: int, submitted: int, received: int) -> tuple[int, int]:
    """Return the worker's stamps; those of another machine's clock are centred between ours."""
    if submitted <= started <= finished <= received:
        return started, finished
    duration = min(finished - started, received - submitted)
    began = submitted + (received - submitted - duration) // 2
    return began, began + duration
