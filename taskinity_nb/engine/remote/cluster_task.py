"""What runs on a cluster: does one task there, keeps its result there, and reports.

A task is a `TaskSpec` and the products of the tasks before it. Its own product stays on the cluster
until another task takes it, or somebody asks for it; what happened (when, where, what was printed,
how large the result is) goes to the run in messages, so that the run need not fetch a result.

This module and those that it imports use the standard library and cloudpickle alone: they travel to
places where the package is not installed (see `code_shipping`).
"""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from sys import getsizeof
from typing import Any, NamedTuple

from ...strangers import described, text_of, type_name
from ...values import is_frame, picked
from .call import CallResult, run_call
from .pickling.identity import read_in
from .pickling.pickler import PLAIN, pack_error, size_of
from .process.capture import StreamProxies
from .process.context import in_context
from .process.memory import Gauge, MemoryGauge, memory_gauge
from .process.printed import Output
from .reporter import BatchedSend, machine, sender_on_dask, sender_on_ray
from .sealed import Sealed, packed, sealed, unsealed
from .withdrawn import withdrawals_at

__all__ = [
    "ENDED",
    "GIVEN_UP",
    "STARTED",
    "ArgumentSpec",
    "Product",
    "TaskSpec",
    "on_dask",
    "on_ray",
    "on_ray_at_once",
    "opened",
    "perform",
    "pick",
    "pick_on_ray",
    "told",
]

Product = tuple[Any, ...]
"""``(report, value)`` of a task with a result; ``(report,)`` of another, ``()`` if it never ran."""

STARTED, ENDED, GIVEN_UP = range(3)
"""What a report tells; the first of its fields. The last one comes from the cluster itself."""

LONG = 100_000
"""Bytes from which on a text is left to Ray, which copies it once less."""

ArgumentSpec = tuple[Any, ...]
"""Where an argument comes from: ``("result", place)``, ``("key", place, key)``, ``("item", place,
number)``, ``("value", bytes)`` or ``("list", specs)``; a place is that of a product before it."""


class TaskSpec(NamedTuple):
    """What to do; it travels as a plain tuple.

    Attributes
    ----------
    run : str
        Which run it is of.
    slot, attempt : int
        Which task or item, and which attempt.
    function : bytes, int or None
        A pickled ``(call, leading arguments)``; or the place of the product that has it; or None to
        make a list of the argument's items.
    args : int or tuple of ArgumentSpec
        The positional arguments; a number stands for so many results, in order.
    kwargs : tuple of (str, ArgumentSpec)
        The named ones.
    keys : (late, optional, mappings, is_item) or None
        Parameters that are filled from the keys of results, with and without a need; these; and
        whether they are an item, which may be a tuple of values instead.
    timeout : float or None
        Seconds for the attempt.
    epoch : str
        The run as `identity` calls it.
    """

    run: str
    slot: int
    attempt: int
    function: bytes | int | None
    args: int | tuple[ArgumentSpec, ...]
    kwargs: tuple[tuple[str, ArgumentSpec], ...] = ()
    keys: tuple[tuple[str, ...], tuple[str, ...], tuple[ArgumentSpec, ...], bool] | None = None
    timeout: float | None = None
    epoch: str = ""


def on_dask(topic: str, spec: tuple[Any, ...], *before: Product) -> Product:
    """Do a task on a Dask worker; a result that is not plain travels sealed."""
    from distributed import get_worker

    worker = get_worker()
    is_alone = worker.nanny is not None and worker.state.nthreads == 1
    return _sealed(perform(sender_on_dask(topic), _gauge() if is_alone else None, spec, *before))


def on_ray(board: str, spec: bytes, *before: Any) -> tuple[Any, bytes]:
    """Do a task on a Ray worker; return its product, and beside it the report of its end.

    Specs, reports and plain results are pickled here: Ray takes several times as long for that.
    """
    task, withdrawals = pickle.loads(spec), withdrawals_at(board)
    product: Product = ()
    if withdrawals.begin(task[:3]):
        try:
            product = perform(sender_on_ray(board), _gauge(), task, *map(opened, before))
        finally:
            withdrawals.end()
    return _closed(_sealed(product)), pickle.dumps((machine(), told(product)), 5)


def _sealed(product: Product) -> Product:
    if len(product) == 2:
        report, value = product
        return report, sealed(value, report[-2])
    return product


def opened(product: Any) -> Product:
    """Return a product as it was before it lay on Ray."""
    whole: Product = pickle.loads(product) if type(product) is bytes else product
    if len(whole) < 3:
        return whole
    report, nbytes, data, *buffers = whole
    return report, Sealed(None, nbytes, (data, buffers))


def _closed(product: Product) -> Any:
    """Return a product as it lies on Ray: without its report, and as bytes if it is plain.

    What is sealed lies there in its parts, which are read where this module is not known yet.
    """
    if len(product) != 2:
        return (None,) * len(product)
    value = product[1]
    if type(value) is Sealed:
        data, buffers = value.parts()
        return (None, value.nbytes, data, *map(pickle.PickleBuffer, buffers))
    is_plain = type(value) in PLAIN and getsizeof(value) < LONG
    return pickle.dumps((None, value), 5) if is_plain else (None, value)


@cache
def _gauge() -> MemoryGauge | None:
    """Return what measures the tasks of this process, if it performs one at a time."""
    return memory_gauge()


def perform(
    sender: BatchedSend, gauge: Gauge | None, spec: tuple[Any, ...], *before: Product
) -> Product:
    """Do a task, unless one before it has no result, which the run knows.

    Parameters
    ----------
    sender : BatchedSend
        Takes the reports: ``(STARTED, run, slot, attempt, worker, time)`` and ``(ENDED, run, slot,
        attempt, worker, CallResult, bytes of the result, its length if it is a list)``.
    gauge : MemoryGauge or None
        Measures what the task takes; None where others run in the same process.
    spec : tuple
        A `TaskSpec`.
    *before : Product
        Those of the tasks before it.
    """
    if any(len(product) != 2 for product in before):
        return ()
    task, worker = TaskSpec(*spec), sender.worker()
    head = task.run, task.slot, task.attempt, worker
    sender.add((STARTED, *head, time.perf_counter_ns()))
    output, proxies, lost = Output(through=False), StreamProxies(), list[_Lost]()

    def arguments() -> tuple[list[Any], dict[str, Any]]:
        try:
            args, kwargs = _arguments(task, before)
            return ([_items_of(args[0])], {}) if task.function is None else (args, kwargs)
        except _Lost as error:
            lost.append(error)
            raise

    def work() -> tuple[Any, ...]:
        function: Any = task.function
        if function is None:
            function = _first_of, ()
        elif isinstance(function, int):
            with read_in(task.epoch):
                function = unsealed(before[function][1])
        with proxies.around(output):
            # Who is out of time goes on in its thread, beside the next task.
            measuring = gauge if task.timeout is None else None
            made = in_context(run_call, function, arguments, _weighed, task.epoch, measuring)
            return tuple(made)

    call = CallResult(*(work() if task.timeout is None else _in_time(work, task.timeout)))
    proxies.close()  # of a thread that was abandoned nothing is captured
    if not output.is_empty:
        call = call._replace(output=output.take())
    if call.kind == "value":
        value, size, length = call.payload
        report = (ENDED, *head, ("value", None, *call[2:]), size, length)
        sender.add(report)
        return report, value
    if lost:
        call = call._replace(frames=())
        try:
            described = [_described(unsealed(product[1])) for product in before]
            call = call._replace(kind="lost", payload=described)
        except BaseException as error:  # to say what it has instead of a key runs the user's code
            kind, payload = pack_error(error)
            call = call._replace(kind=kind, payload=payload)
    report = (ENDED, *head, tuple(call), 0, None)
    sender.add(report)
    return (report,)


def pick(source: Any, place: int) -> Product:
    """Return one item of a result, where that lies."""
    source = opened(source)
    if len(source) != 2:
        return ()
    value = source[1]
    try:
        item = unsealed(value)[place]
        return None, sealed(item, size_of(item)) if type(value) is Sealed else item
    except BaseException as error:  # the user's own, which the cluster would read where it arrives
        raise RuntimeError(described(error)) from None


def pick_on_ray(source: Any, place: int) -> Any:
    """Return one item of a result, as it lies on Ray."""
    return _closed(pick(source, place))


def on_ray_at_once(value: Any, nbytes: int) -> Any:
    """Return a value of the caller's as it lies on Ray, with nothing left to be called there."""
    return _closed((None, packed(value, nbytes)))


def told(product: Product) -> Any:
    """Return the report of a task, without its value; None if it did not run."""
    return product[0] if product else None


# Arguments.


class _Lost(Exception):
    """A key is not there, or no item; the run words it, since it knows the flow."""


def _arguments(task: TaskSpec, before: tuple[Product, ...]) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(task.args, int):
        return [unsealed(product[1]) for product in before[: task.args]], {}
    kwargs = {name: _value(spec, before) for name, spec in task.kwargs}
    if task.keys is not None:
        late, optional, mappings, is_item = task.keys
        given = [_value(spec, before) for spec in mappings]
        if is_item and isinstance(given[0], (tuple, list)) and len(given) == 1:
            if len(given[0]) != len(late):
                raise _Lost
            kwargs |= zip(late, given[0], strict=True)
        else:
            kwargs |= _from_keys(late, optional, given)
    return [_value(spec, before) for spec in task.args], kwargs


def _value(spec: ArgumentSpec, before: tuple[Product, ...]) -> Any:
    kind, what = spec[:2]
    if kind == "value":
        return pickle.loads(what)
    if kind == "list":
        return [_value(each, before) for each in what]
    value = unsealed(before[what][1])
    if kind == "item":
        return value[spec[2]]
    if kind == "result":
        return value
    found = picked(value, spec[2], _Lost)
    if found is _Lost:
        raise _Lost
    return found


def _from_keys(
    late: tuple[str, ...], optional: tuple[str, ...], mappings: list[Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for mapping in mappings:
        if not isinstance(mapping, Mapping):
            raise _Lost
        own = {key: mapping[key] for key in (*late, *optional) if key in mapping}
        if own.keys() & found.keys():
            raise _Lost
        found |= own
    if not found.keys() >= set(late):
        raise _Lost
    return found


def _items_of(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable) or is_frame(value):
        raise _Lost
    return list(value)


def _first_of(args: list[Any], kwargs: dict[str, Any]) -> Any:
    return args[0]


def _described(value: Any) -> tuple[str, bool, list[str]]:
    """Return the type of a value, whether it is a mapping, and its keys or attributes."""
    is_mapping = isinstance(value, Mapping)
    names = value if is_mapping else [name for name in dir(value) if not name.startswith("_")]
    return type_name(value), is_mapping, list(map(text_of, names))


# Results.


def _weighed(value: Any) -> tuple[Any, int, int | None]:
    """Return a result with its size in bytes, and its length if it is a list of items."""
    return value, size_of(value), len(value) if type(value) in (list, tuple) else None


def _in_time(work: Callable[[], tuple[Any, ...]], timeout: float) -> tuple[Any, ...]:
    """Do some work in a thread, which is abandoned when the time is up."""
    calls: list[tuple[Any, ...]] = []
    begun = time.perf_counter_ns()
    thread = threading.Thread(target=lambda: calls.append(work()), daemon=True)
    thread.start()
    thread.join(timeout)
    if calls:
        return calls[0]
    return tuple(CallResult("late", None, begun, time.perf_counter_ns(), 0))
