"""What each task prints, kept apart, while ``print`` goes on working.

A `StreamProxy` stands in front of ``sys.stdout`` and ``sys.stderr`` as long as a worker of some run
is at work in this process (see `StreamProxies`). What is written goes to the `Output` of the task
in whose thread (or, on an event loop, in whose context) it is written, and on to the stream itself
unless that output says that it shows it elsewhere.

A task may put streams of its own there, around a proxy or in its place, and leave them. So a proxy
that nobody needs lets everything through, of several in a row only the first one captures, and one
that somebody puts back too late goes at the next thing that is written.

This module, `forks` and `printed` use the standard library alone, so that they can be sent along to
a place where the package is not installed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from threading import get_ident
from typing import Any

from .forks import after_fork
from .printed import STREAMS, Output, give

__all__ = [
    "STREAMS",
    "StreamProxies",
    "beneath",
    "capture_in_context",
    "current_output",
    "lay_under",
    "put_back",
    "surroundings",
]

_by_thread: dict[int, Output] = {}
_in_context: ContextVar[Output | None] = ContextVar("taskinity_nb output", default=None)
_lock = threading.RLock()
"""Held while proxies are put in place and taken away; reentrant, since a finalizer may print."""

_needed: set[StreamProxies] = set()
"""Whose proxies stand."""

_ours: deque[Any] = deque(maxlen=8)
"""What has last been put in the place of a stream. A `print` that goes on in another thread has no
hold of it before Python 3.14, and crashes if it is gone."""

_latest: dict[int, StreamProxy] = {}
"""The proxies that were put in place last, of each stream."""

_passing: set[int] = set()
"""Threads in which a proxy hands something on that is kept already."""


class StreamProxy:
    """Stands in front of a stream, and is otherwise like it."""

    is_proxy = True

    def __init__(self, stream: Any, number: int) -> None:
        self._stream = stream
        self._number = number

    def write(self, text: str) -> int:
        if not _needed:
            self._go()
        written: int
        thread = get_ident()
        output = _in_context.get() or _by_thread.get(thread)
        if output is None or thread in _passing:
            written = self._stream.write(text)
            return written
        if type(text) is not str:  # its class may not be there where the text goes
            text = _plain(text)
        if not give(output, self._number, text):
            return len(text)
        _passing.add(thread)
        try:
            written = self._stream.write(text)
        finally:
            _passing.discard(thread)
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        thread = get_ident()
        if thread in _passing:
            self._stream.flush()
            return
        _passing.add(thread)  # what a wrapper between two proxies has held back is kept already
        try:
            self._stream.flush()
        finally:
            _passing.discard(thread)

    def is_needed(self) -> bool:
        """Tell whether anything is captured; a copy of this module may have runs of its own."""
        return bool(_needed)

    def _go(self) -> None:
        """Leave the place in which somebody has put this back after all was over."""
        if getattr(sys, STREAMS[self._number], None) is self:
            with _lock:
                _take_away()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _is_proxy(stream: Any) -> bool:
    """Tell whether something is a proxy itself: a wrapper may pretend to be what it wraps."""
    return getattr(type(stream), "is_proxy", None) is True


def _put_in_place() -> None:
    for number, name in enumerate(STREAMS):
        stream = getattr(sys, name, None)
        if stream is not None and type(stream) is not StreamProxy:
            setattr(sys, name, _proxy_of(stream, number))


def _proxy_of(stream: Any, number: int) -> StreamProxy:
    """Return the proxy of a stream: the one that it had, if that was not long ago."""
    proxy = _latest.get(number)
    if proxy is None or proxy._stream is not stream:
        proxy = _latest[number] = StreamProxy(stream, number)
        _ours.append(proxy)
    return proxy


def _take_away() -> None:
    for name in STREAMS:
        stream: Any = getattr(sys, name, None)
        if _is_proxy(stream):
            while _is_proxy(stream) and not stream.is_needed():
                stream = stream._stream
            setattr(sys, name, stream)


class StreamProxies:
    """The proxies of one run. They stand while one of its workers is at work in this process.

    For a worker that has nothing to do nothing is captured, nor for one that has ended or was
    abandoned by a run that is over. So the streams are given back however a run ends, and if it
    never does.

    Examples
    --------
    >>> proxies, output, before = StreamProxies(), Output(through=False), sys.stdout
    >>> stop = proxies.capture(output)
    >>> print("heard")
    >>> stop()
    >>> output.take(), sys.stdout is before
    (('heard\\n', ''), True)
    """

    def __init__(self) -> None:
        self._at_work = 0
        self._is_closed = False

    def open(self) -> None:
        """Say that a worker begins to work."""
        with _lock:
            self._at_work += 1
            if self._at_work == 1 and not self._is_closed:
                _needed.add(self)
                _put_in_place()

    def shut(self) -> None:
        """Say that a worker has nothing more to do, for now or for ever."""
        with _lock:
            self._at_work -= 1
            if not self._at_work:
                _needed.discard(self)
            if not _needed:
                _take_away()

    def close(self) -> None:
        """Capture no more, whoever may still be at work."""
        with _lock:
            self._is_closed = True
            _needed.discard(self)
            if not _needed:
                _take_away()

    def capture(self, output: Output) -> Callable[[], None]:
        """Give `output` what is printed in this thread; return how to end that."""
        thread = get_ident()
        before = _by_thread.get(thread)
        _by_thread[thread] = output
        self.open()

        def end() -> None:
            if before is None:
                _by_thread.pop(thread, None)
            else:
                _by_thread[thread] = before
            self.shut()

        return end

    @contextmanager
    def around(self, output: Output) -> Iterator[None]:
        """Give `output` what one task prints, where no run is that would do so.

        If the task is the only one here, the streams are afterwards those that it has found.
        """
        stop = self.capture(output)
        streams = standing()
        try:
            yield
        finally:
            if _needed == {self}:
                put_back(streams)
            stop()


def standing() -> tuple[Any, ...]:
    """Return the streams as they are now."""
    return tuple(getattr(sys, name, None) for name in STREAMS)


def put_back(streams: Sequence[Any]) -> None:
    """Undo what a task has done to the streams: replaced them, closed them, wrapped them."""
    for number, stream in enumerate(streams):
        if getattr(sys, STREAMS[number], None) is not stream:
            setattr(sys, STREAMS[number], stream)
        if type(stream) is StreamProxy and getattr(stream._stream, "closed", False):
            stream._stream = _opened_again(number)


def _opened_again(number: int) -> Any:
    """Return a standard stream anew, or one that leads nowhere if its descriptor is closed too."""
    try:
        return open(number + 1, "w", errors="backslashreplace", closefd=False)
    except OSError:
        return open(os.devnull, "w")


def beneath(name: str) -> Any:
    """Return a stream of `STREAMS` itself, without the proxy that may stand in front of it."""
    stream: Any = getattr(sys, name, None)
    while _is_proxy(stream):
        stream = stream._stream
    return stream


def lay_under(name: str, stream: Any) -> Callable[[], None]:
    """Put another stream in the place of one, below the proxy; return how to undo that.

    It has in its `_stream` what it stands in front of. What is laid under first may go first, as
    the bar of the one of two runs that is sooner done.
    """
    with _lock:
        _ours.append(stream)
        _set_beneath(name, stream)

    def undo() -> None:
        with _lock:
            below: Any = stream._stream
            if beneath(name) is stream:
                _set_beneath(name, below)
                return
            over = beneath(name)
            while over is not None and _under(over) is not stream:
                over = _under(over)
            if over is not None:  # else somebody else has put it away
                over._stream = below

    return undo


def _under(stream: Any) -> Any:
    return getattr(stream, "__dict__", {}).get("_stream")


def _set_beneath(name: str, stream: Any) -> None:
    proxy: Any = getattr(sys, name, None)
    if not _is_proxy(proxy):
        setattr(sys, name, stream)
        return
    while _is_proxy(proxy._stream):
        proxy = proxy._stream
    proxy._stream = stream


def _plain(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"write() argument must be str, not {type(text).__name__}")
    return str.__str__(text)


def surroundings() -> tuple[Context, Output | None]:
    """Return a copy of this context in which nothing is captured, and what captures here."""
    context, output = copy_context(), current_output()
    context.run(_in_context.set, None)
    return context, output


def current_output() -> Output | None:
    """Return who gets what is printed here, if anybody does."""
    return _in_context.get() or _by_thread.get(get_ident())


def capture_in_context(output: Output) -> None:
    """Give `output` what is printed in this context, as that of a task of an event loop."""
    _in_context.set(output)


@after_fork
def _forked() -> None:
    """Capture no more: what was captured is printed in threads of the process that was forked."""
    global _lock
    _lock = threading.RLock()  # another thread may have held it
    _needed.clear()
    _passing.clear()
    _by_thread.clear()
    _in_context.set(None)
    _take_away()
