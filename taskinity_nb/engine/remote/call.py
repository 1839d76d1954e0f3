"""Runs a call far away: in another process, perhaps on another machine.

A call is a function and its arguments as bytes; how it ended is a `CallResult` as a plain tuple.
This module and those that it imports use the standard library and cloudpickle alone, so that they
can be sent along to a place where the package is not installed.

Reading arguments, calling, and pickling what comes of it run code of the user's. Whatever that
raises is the task's own failure, an interrupt too: none from the keyboard is meant for a worker.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, NamedTuple

from ...strangers import described, traceback_of, type_name
from . import randomness
from .pickling.identity import go_on_in, leave_notebook
from .pickling.kinds import set_variables
from .pickling.pickler import dumps, in_words, pack_error
from .process import forks
from .process.capture import StreamProxies
from .process.cpu_time import core_wait
from .process.forks import leave_if_forked
from .process.frames import user_frames
from .process.memory import SHORT, Gauge
from .process.printed import Output

__all__ = ["CallResult", "forget_functions", "run_call", "run_call_quietly"]

Function = tuple[Callable[..., Any], tuple[Any, ...]]

_loaded: tuple[str, dict[bytes, Function]] = "", {}
"""The epoch whose functions are here, and these."""


def load_function(pickled: bytes, epoch: str) -> Function:
    """Read a function, for a run only once; with the next run, those of the one before go.

    So nothing of a run before is seen that a task has put into its globals, and no data are kept
    that functions of earlier runs name.
    """
    if _loaded[0] != epoch:
        forget_functions(epoch)
    functions = _loaded[1]
    if pickled not in functions:
        functions[pickled] = pickle.loads(pickled)
    return functions[pickled]


def forget_functions(epoch: str = "") -> None:
    """Let go of all functions, since those of another run are needed next."""
    global _loaded
    _loaded = epoch, {}
    leave_notebook()


class CallResult(NamedTuple):
    """How a call ended: when, and with what.

    `kind` is ``"value"`` (the payload is the packed result), ``"error"`` (the pickled exception,
    its type, its text and what its class and bases are called), ``"lost error"`` (these alone,
    since it could not be pickled) or ``"unpicklable"`` (the type of the result, and why). `output`
    is what it printed, where that is not sent on its own, `waited` the nanoseconds that it waited
    for a core, `peak` the bytes of memory that it took at most, and `helpers` what other threads
    computed beside it (see `HelperClock.end`), where that is known.
    """

    kind: str
    payload: Any
    started: int
    finished: int
    cpu: int
    frames: tuple[tuple[str, int, str], ...] = ()
    output: tuple[str, str] = ("", "")
    waited: int | None = None
    peak: int | None = None
    helpers: tuple[int, int, tuple[str, ...]] | None = None


Arguments = tuple[Any, dict[str, Any]]

UNSEEN = 20_000
"""Nanoseconds without the CPU below which it is not asked how many of them were spent waiting for a
core: to ask takes about one of a thousand."""

_pack_back = partial(dumps, back=True)


def run_call(
    function: bytes | Function,
    arguments: bytes | Callable[[], Arguments],
    pack: Callable[[Any], Any] = _pack_back,
    epoch: str = "",
    gauge: Gauge | None = None,
) -> tuple[Any, ...]:
    """Call a pickled function with pickled arguments; return a `CallResult`, and raise nothing.

    The context in which it is made is for this call alone: context variables that were sent are set
    there, and by the task.

    Parameters
    ----------
    function : bytes, or what they are the pickle of
        ``(call, leading arguments)``; the call takes these, then args and kwargs.
    arguments : bytes, or a callable that returns what they are the pickle of
        ``(args, kwargs)``.
    pack : callable
        Packs the result.
    epoch : str
        Which run it is of (see `identity`).
    gauge : MemoryGauge, optional
        Measures the memory that it takes, from before its arguments are read until it returns.

    Examples
    --------
    >>> import pickle
    >>> from taskinity_nb.model.invoke import invoke
    >>> function = pickle.dumps((invoke, (abs, None, None)))
    >>> result = CallResult(*run_call(function, pickle.dumps(([-3], {}))))
    >>> result.kind, pickle.loads(result.payload)
    ('value', 3)
    """
    before = go_on_in(epoch)
    try:
        return _result(function, arguments, pack, epoch, gauge)
    finally:
        go_on_in(before)


def _result(
    function: bytes | Function,
    arguments: bytes | Callable[[], Arguments],
    pack: Callable[[Any], Any],
    epoch: str,
    gauge: Gauge | None,
) -> tuple[Any, ...]:
    entered = started = time.perf_counter_ns()
    cpu, waits, peak = time.thread_time_ns(), None, None
    generation, measuring = forks.generation, None
    try:
        if randomness.inherited is not None:
            randomness.part_from_parent()
        call, leading = load_function(function, epoch) if isinstance(function, bytes) else function
        if type(call) is randomness.Drawing:
            go_on_in(f"{epoch}#{call.name}")
        if gauge is not None:
            measuring = gauge
            gauge.begin(entered)
        args, kwargs = pickle.loads(arguments) if isinstance(arguments, bytes) else arguments()
        waits = core_wait()
        started, cpu = time.perf_counter_ns(), time.thread_time_ns()
        set_variables()
        value = call(*leading, args, kwargs)
        leave_if_forked(generation)
    except BaseException as error:  # whatever a task raises is its own failure
        leave_if_forked(generation, error)
        cpu, finished = time.thread_time_ns() - cpu, time.perf_counter_ns()
        if measuring is not None and finished - entered > SHORT:
            peak = measuring.peak()
        frames = user_frames(traceback_of(error))
        kind, payload = pack_error(error)
    else:
        cpu, finished, frames = time.thread_time_ns() - cpu, time.perf_counter_ns(), ()
        if measuring is not None and finished - entered > SHORT:
            peak = measuring.peak()
        kind, payload = _pack_value(value, pack)
    if waits is None:
        waited = None
    elif finished - started - cpu < UNSEEN:
        waited = 0
    else:
        waited = (core_wait() or waits) - waits
    return kind, payload, started, finished, cpu, frames, ("", ""), waited, peak, None


def run_call_quietly(
    function: bytes, arguments: bytes, epoch: str = "", number: int = 0, mark: str = ""
) -> tuple[Any, ...]:
    """Run a call, and put what is printed into its result instead of showing it here.

    No two calls have the same number, because there are executors that take two with the same
    arguments for one. The moment at which it begins is written to the file `mark`, for who waits
    for it and may not see the folder from where this is.
    """
    if mark:
        with contextlib.suppress(OSError):
            descriptor = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb", buffering=0) as file:
                file.write(b"%d" % time.perf_counter_ns())
    output = Output(through=False)
    with StreamProxies().around(output):
        result = copy_context().run(run_call, function, arguments, epoch=epoch)
    return tuple(CallResult(*result)._replace(output=output.take()))


def _pack_value(value: Any, pack: Callable[[Any], Any]) -> tuple[str, Any]:
    try:
        return "value", pack(value)
    except BaseException as error:  # pickling runs code of the result's own class
        return "unpicklable", (type_name(value), in_words(error, described))
