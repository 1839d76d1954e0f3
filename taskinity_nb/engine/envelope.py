"""Opens an envelope where a task runs far away: another process, perhaps another machine.

An envelope is a function and its arguments as bytes; its answer is an `Answer` as a plain tuple.
This module, `core_wait`, `forks`, `frames`, `outputs`, `pickling` and `printed` use the standard
library and cloudpickle alone, so that they can be sent along to a place where the package is not
installed.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from .core_wait import core_wait
from .forks import forks, leave_if_forked
from .frames import user_frames
from .outputs import Taps
from .pickling import dumps
from .printed import Output

__all__ = ["Answer", "open_envelope", "open_quietly"]

load_function: Callable[[bytes], tuple[Callable[..., Any], tuple[Any, ...]]] = lru_cache(256)(
    pickle.loads
)
"""Reads a function once; the bytes are the key."""


class Answer(NamedTuple):
    """How a task ended: when, and with what.

    `kind` is ``"value"`` (the payload is the packed result), ``"error"`` (the pickled exception),
    ``"lost error"`` (its type and text, since it could not be pickled) or ``"unpicklable"`` (the
    type of the result, and why). `output` is what it printed, where that is not sent on its own,
    `waited` the nanoseconds that it waited for a core, and `helpers` what other threads computed
    beside it (see `HelperClock.end`), where that is known.
    """

    kind: str
    payload: Any
    started: int
    finished: int
    cpu: int
    frames: tuple[tuple[str, int, str], ...] = ()
    output: tuple[str, str] = ("", "")
    waited: int | None = None
    helpers: tuple[int, int, tuple[str, ...]] | None = None


Arguments = tuple[Any, dict[str, Any]]


def open_envelope(
    function: bytes | tuple[Callable[..., Any], tuple[Any, ...]],
    arguments: bytes | Callable[[], Arguments],
    pack: Callable[[Any], Any] = dumps,
) -> tuple[Any, ...]:
    """Call a pickled function with pickled arguments, and answer; nothing is raised.

    Parameters
    ----------
    function : bytes, or what they are the pickle of
        ``(call, leading arguments)``; the call takes these, then args and kwargs.
    arguments : bytes, or a callable that returns what they are the pickle of
        ``(args, kwargs)``.
    pack : callable
        Packs the result.

    Returns
    -------
    tuple
        An `Answer`.

    Examples
    --------
    >>> import pickle
    >>> from taskinity_nb.model.call import invoke
    >>> function = pickle.dumps((invoke, (abs, None, None)))
    >>> answer = Answer(*open_envelope(function, pickle.dumps(([-3], {}))))
    >>> answer.kind, pickle.loads(answer.payload)
    ('value', 3)
    """
    started, cpu, waits = time.perf_counter_ns(), time.thread_time_ns(), None
    generation = forks()
    try:
        call, leading = load_function(function) if isinstance(function, bytes) else function
        args, kwargs = pickle.loads(arguments) if isinstance(arguments, bytes) else arguments()
        waits = core_wait()
        started, cpu = time.perf_counter_ns(), time.thread_time_ns()
        value = call(*leading, args, kwargs)
        leave_if_forked(generation)
    except BaseException as error:  # whatever a task raises is its own failure
        leave_if_forked(generation, error)
        cpu, finished = time.thread_time_ns() - cpu, time.perf_counter_ns()
        frames = user_frames(error.__traceback__)
        kind, payload = _pack_error(error)
    else:
        cpu, finished, frames = time.thread_time_ns() - cpu, time.perf_counter_ns(), ()
        kind, payload = _pack_value(value, pack)
    waited = None if waits is None else (core_wait() or waits) - waits
    return tuple(Answer(kind, payload, started, finished, cpu, frames, waited=waited))


def open_quietly(function: bytes, arguments: bytes, number: int = 0) -> tuple[Any, ...]:
    """Open an envelope, and put what is printed into the answer instead of showing it here.

    No two envelopes have the same number, because there are executors that take two calls with the
    same arguments for one.
    """
    output = Output(through=False)
    with Taps().around(output):
        answer = open_envelope(function, arguments)
    return tuple(Answer(*answer)._replace(output=output.take()))


def _pack_value(value: Any, pack: Callable[[Any], Any]) -> tuple[str, Any]:
    try:
        return "value", pack(value)
    except Exception as error:  # pickling runs code of the result's own class
        return "unpicklable", (type(value).__name__, f"{type(error).__name__}: {error}")


def _pack_error(error: BaseException) -> tuple[str, Any]:
    try:
        packed = dumps(error)
        pickle.loads(packed)  # an exception may be written and yet not be readable
        return "error", packed
    except Exception:
        try:
            text = str(error)
        except Exception:
            text = "(its text cannot be shown)"
        return "lost error", (type(error).__name__, text)
