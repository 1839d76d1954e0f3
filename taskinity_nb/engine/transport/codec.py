"""Turns functions and arguments into bytes, and reads what came back: `call`'s near side."""

from __future__ import annotations

import pickle
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from functools import cached_property, partial
from importlib import import_module
from time import perf_counter_ns
from typing import Any

from ...errors import ExecutorError, FlowError, UnpicklableError
from ...model.events import Entry, Failure, State, ended
from ...model.forms.call import Call
from ...model.forms.origin import Origin
from ...model.invoke import produce, produce_by_task
from ...model.plan import Plan
from ...model.refs import MISSING, is_ref
from ...model.task import Task
from ...strangers import (
    add_note,
    described,
    is_error,
    is_interrupt,
    text_of,
    traceback_of,
    type_name,
)
from ...values import Key
from ..remote.call import CallResult
from ..remote.pickling.pickler import LARGE, PLAIN, dumps
from ..remote.process.frames import describe_frames, user_frames
from ..remote.randomness import is_generator, own_stream
from .captured import Packed, pack_function
from .culprits import way_to
from .nested import Nested

REMOTE = __name__.rpartition(".transport.")[0] + ".remote"

__all__ = ["Encoder", "culprit", "error_of", "failure", "read_error", "unpack"]


def _our_own(name: str) -> Any:
    return import_module(f"{REMOTE}.{name}")


class Encoder:
    """Turns the tasks of one run into bytes; a function once, and so a large argument.

    `pack` returns what stands for a large value, and is it again when it is unpickled; by default
    the value itself. `ship` makes of a function what `function` returns; by default its pickle.
    `remote` returns a module of `remote`, under the name by which it is found where the bytes are
    read, and `context` that of the caller: a context variable travels as it is set there.

    Attributes
    ----------
    epoch : str
        What the run is called there (see `identity`).
    """

    def __init__(
        self,
        plan: Plan,
        pack: Callable[[Any], Any] = lambda value: value,
        ship: Callable[..., Any] | None = None,
        remote: Callable[[str], Any] = _our_own,
        context: Context | None = None,
    ) -> None:
        self._plan = plan
        self._pack = pack
        self._context = context or copy_context()
        self._remote = remote
        self._sent: dict[int, Any] = {}
        """What was sent by value, by its id; it is kept since what comes back refers to it."""
        pickler = remote("pickling.pickler")
        self.dumps: Callable[..., bytes] = partial(pickler.dumps, sent=self._sent)
        self._ship = self.dumps if ship is None else partial(ship, sent=self._sent)
        self.epoch: str = remote("pickling.identity").new_epoch()
        self._nested = Nested(plan)
        self._functions: dict[int, Packed] = {}
        self._any_draws = False
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
                    packed = self._shipped(index)
                    self._any_draws = self._any_draws or packed.draws
                    self._functions[key] = packed
        return packed.content

    def draws(self, index: int) -> bool:
        """Tell whether the function of a task, which was shipped already, draws random numbers.

        Then the first of its arguments is the name of the task or item, as its stream is called.
        """
        return self._any_draws and self._functions[self.key(index)].draws

    def _way_to(self, task: Task) -> str:
        parts = (task.function, task.validate_input, task.validate_output)
        ways = (self._context.copy().run(way_to, part, self.dumps) for part in parts if part)
        return next((way for way in ways if " → " in way), type_name(task.function))

    def _shipped(self, index: int) -> Packed:
        task, name = self._plan.bindings[index].task, self._plan.flow.tasks[index]
        finish, validators = self._plan.finish(index), (task.validate_input, task.validate_output)
        call: Callable[..., Any] = produce
        leading: tuple[Any, ...] = (finish, task.function, *validators)
        if task.is_importable:  # its name is enough, while its function alone has none
            call, leading = produce_by_task, (finish, task)
        pack = partial(pack_function, name, task, call, leading, self._nested)
        try:
            return self._context.copy().run(pack, self._ship, self.dumps, self._remote)
        except BaseException as error:
            if is_interrupt(error) or isinstance(error, UnpicklableError):
                raise
            raise UnpicklableError(
                f"task '{name}': its function cannot be sent to another process: "
                f"{self._way_to(task)}: {_reason(error)}",
                remedy='create what it uses inside the function, or run with executor="threads"',
            ) from error

    def key(self, index: int) -> int:
        """Return what tells the function of a task from others; two tasks may have the same."""
        return self._keys[index]

    @cached_property
    def _keys(self) -> list[int]:
        """The key of each task: who is asked for one is soon asked for all."""
        plan, parts, keys = self._plan, dict[int, tuple[int, ...]](), dict[tuple[int, ...], int]()
        found = []
        for index, binding in enumerate(plan.bindings):
            task = binding.task
            if id(task) not in parts:
                parts[id(task)] = _ids_of(task)
            whole = index in plan.listed, index in plan.shared, *parts[id(task)]
            found.append(keys.setdefault(whole, len(keys)))
        return found

    def own(self, index: int, origin: Origin | None, value: Any, stream: str) -> Any:
        """Return an argument, or of a random generator that goes to several one for this call."""
        if origin is None or origin.is_of_item or not is_generator(value):
            return value
        is_alone = self._takers[origin.slot, origin.key] == 1 and index not in self._plan.maps
        return value if is_alone else own_stream(value, stream)

    @cached_property
    def _takers(self) -> Counter[tuple[int, Key | None]]:
        """How many tasks take a value, by its slot and what is picked of it."""
        origins = (o for call in self._plan.calls for _, o in (*call.positional, *call.keywords))
        return Counter((origin.slot, origin.key) for origin in origins)

    def arguments(
        self, index: int, args: list[Any], kwargs: dict[str, Any], name: Callable[[], str]
    ) -> bytes:
        """Return the arguments of a task as bytes; `name` tells what the task or item is called.

        Raises
        ------
        UnpicklableError
            If one of them cannot be pickled; it is named.
        """
        head = [name()] if self.draws(index) else []
        try:
            if not kwargs and all(type(value) in PLAIN for value in args):
                packed = pickle.dumps(([*head, *args], kwargs), 5)
                if len(packed) < LARGE:
                    return packed
            elif any(map(is_generator, (*args, *kwargs.values()))):
                call, stream = self._plan.calls[index], name()
                origins = [origin for _, origin in call.positional]
                given = zip(origins, args, strict=False)  # what is not there is left out
                args = [self.own(index, origin, value, stream) for origin, value in given]
                named = dict(call.keywords)
                kwargs = {k: self.own(index, named.get(k), v, stream) for k, v in kwargs.items()}
            large: list[pickle.PickleBuffer] = []
            packed = self.dumps(([*head, *args], kwargs), partial(_is_small, large=large))
            if large or len(packed) >= LARGE:
                args = [self._pack_once(value) for value in args]
                kwargs = {name: self._pack_once(value) for name, value in kwargs.items()}
                packed = self.dumps(([*head, *args], kwargs))
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise _name_culprit(self._plan.calls[index], args, kwargs, error) from error
        return packed

    def forget(self) -> None:
        """Let go of the functions, the large arguments, and what was sent."""
        self._functions.clear()
        self._packed.clear()
        self._sent.clear()

    def _pack_once(self, value: Any) -> Any:
        """Return a value, or what stands for it if it is large; the same for the next task."""
        if is_ref(value) or type(value) in PLAIN - {bytes, str}:
            return value
        with self._lock:
            if id(value) not in self._packed:
                self._packed[id(value)] = (value, self._pack(value))  # its id stays its own
            return self._packed[id(value)][1]


def _ids_of(task: Task) -> tuple[int, ...]:
    """Return the ids of all that travels of a task."""
    if task.is_importable:  # it goes by its name
        return (id(task),)
    return id(task.function), id(task.validate_input), id(task.validate_output)


def _is_small(buffer: pickle.PickleBuffer, large: list[pickle.PickleBuffer]) -> bool:
    """Tell whether a buffer may stay in its pickle; remember it otherwise."""
    if buffer.raw().nbytes < LARGE:
        return True
    large.append(buffer)
    return False


def _reason(error: BaseException) -> str:
    """Return the text of an error; one that ends a program is not told from others by its text."""
    is_usual = issubclass(type(error), Exception)
    return (text_of(error) if is_usual else described(error)) or type_name(error)


def _name_culprit(
    call: Call, args: list[Any], kwargs: dict[str, Any], error: BaseException
) -> UnpicklableError:
    origins = dict(call.keywords)
    pairs: list[tuple[str, Origin | None, Any]] = [
        (*pair, value) for pair, value in zip(call.positional, args, strict=False)
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
    call: CallResult,
    read: Callable[[Any], Any] = pickle.loads,
) -> tuple[Any, Entry]:
    """Return value and log entry of a task from what its worker has sent back.

    `read` returns the result from what the worker packed.
    """
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
    name, text, *bases = payload
    lost = FlowError(
        f"{name}: {text}" if text else name, remedy="(the exception itself could not be sent back)"
    )
    lost.stands_for = tuple(*bases)
    return lost


def _on_our_clock(started: int, finished: int, submitted: int, received: int) -> tuple[int, int]:
    """Return the worker's stamps; those of another machine's clock are centred between ours."""
    if submitted <= started <= finished <= received:
        return started, finished
    duration = min(finished - started, received - submitted)
    began = submitted + (received - submitted - duration) // 2
    return began, began + duration
