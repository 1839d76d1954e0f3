"""What each task prints, kept apart, while ``print`` goes on working.

A `_Tap` stands in front of ``sys.stdout`` and ``sys.stderr`` as long as somebody listens. What is
written goes to the `Output` of the task in whose thread (or, on an event loop, in whose context) it
is written, and on to the stream itself unless that output says that it shows it elsewhere.

This module uses the standard library alone, so that it can be sent along to a place where the
package is not installed.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context, ContextVar, copy_context
from threading import get_ident
from typing import Any

__all__ = [
    "STREAMS",
    "Output",
    "beneath",
    "close_taps",
    "current_output",
    "lay_under",
    "listen",
    "listen_in_context",
    "open_taps",
    "show",
    "surroundings",
]

STREAMS = ("stdout", "stderr")
LONGEST = 1_000_000
"""Characters that are kept of what a task prints to a stream: about the last ones."""

PIECE = 50_000
"""Characters that are let go of at once, at most."""

_by_thread: dict[int, Output] = {}
_in_context: ContextVar[Output | None] = ContextVar("taskinity_nb output", default=None)
_lock = threading.Lock()
_listening = 0


class _Kept:
    """About the last characters that were printed to a stream."""

    def __init__(self) -> None:
        self._parts: deque[str] = deque()
        self._length = 0
        self._dropped = 0

    def add(self, text: str, longest: int) -> None:
        self._parts.extend(text[start : start + PIECE] for start in range(0, len(text), PIECE))
        self._length += len(text)
        while self._length > longest:
            first = self._parts.popleft()
            self._length -= len(first)
            self._dropped += len(first)

    def text(self) -> str:
        before = f"… ({self._dropped:,} characters before)\n" if self._dropped else ""
        return before + "".join(self._parts)


class Output:
    """What is printed by one task after the other.

    Parameters
    ----------
    through : bool
        Whether it is shown as well, as if nobody listened.
    outer : Output, optional
        Who gets it too: that of the task which has begun the run of these.

    Examples
    --------
    >>> output = Output()
    >>> output.write(0, "one"), output.write(0, " two"), output.take(), output.take()
    (None, None, ('one two', ''), ('', ''))
    """

    longest = LONGEST

    def __init__(self, through: bool = True, outer: Output | None = None) -> None:
        self.through = through
        self.outer = outer
        self.is_empty = True
        self._kept: dict[int, _Kept] = {}

    def write(self, stream: int, text: str) -> None:
        """Keep a piece of text: of ``stdout`` (0) or ``stderr`` (1)."""
        kept = self._kept.get(stream)
        if kept is None:
            kept = self._kept[stream] = _Kept()
        kept.add(text, self.longest)
        self.is_empty = False  # last: another thread may take what is there meanwhile

    def take(self) -> tuple[str, str]:
        """Return the texts of both streams so far, and begin anew."""
        if self.is_empty:
            return "", ""
        kept, self._kept, self.is_empty = self._kept, {}, True
        stdout, stderr = (kept[n].text() if n in kept else "" for n in range(len(STREAMS)))
        return stdout, stderr


class _Tap:
    """Stands in front of a stream, and is otherwise like it."""

    def __init__(self, stream: Any, number: int) -> None:
        self._stream = stream
        self._number = number

    def write(self, text: str) -> int:
        if not _is_shown(current_output(), self._number, text):
            return len(text)
        written: int = self._stream.write(text)
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def open_taps() -> None:
    """Have outputs written to, until `close_taps` was called as often."""
    global _listening
    with _lock:
        _listening += 1
        for number, name in enumerate(STREAMS):
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, _Tap):
                setattr(sys, name, _Tap(stream, number))


def close_taps() -> None:
    """Leave the streams as they were, if nobody else listens."""
    global _listening
    with _lock:
        _listening -= 1
        for name in STREAMS:
            stream = getattr(sys, name)
            if not _listening and isinstance(stream, _Tap):
                setattr(sys, name, stream._stream)


def beneath(name: str) -> Any:
    """Return a stream of `STREAMS` itself, without the tap that may stand in front of it."""
    stream = getattr(sys, name)
    return stream._stream if isinstance(stream, _Tap) else stream


def lay_under(name: str, stream: Any) -> Callable[[], None]:
    """Put another stream in the place of one, below the tap; return how to undo that.

    It has in its `_stream` what it stands in front of. What is laid under first may go first, as
    the bar of the one of two runs that is sooner done.
    """
    with _lock:
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
    tap = getattr(sys, name)
    if isinstance(tap, _Tap):
        tap._stream = stream
    else:
        setattr(sys, name, stream)


def _is_shown(output: Output | None, stream: int, text: str) -> bool:
    """Give a text to an output and those around it; return whether it is to be shown as well."""
    while output is not None:
        output.write(stream, text)
        if not output.through:
            return False
        output = output.outer
    return True


def show(texts: tuple[str, str], outer: Output | None = None) -> None:
    """Write what was printed elsewhere to the streams here, and to `outer`."""
    for number, text in enumerate(texts):
        stream = getattr(sys, STREAMS[number])
        if text and _is_shown(outer, number, text) and stream is not None:
            stream.write(text)


def surroundings() -> tuple[Context, Output | None]:
    """Return a copy of this context in which nobody listens, and who listens here."""
    context, output = copy_context(), current_output()
    context.run(_in_context.set, None)
    return context, output


def listen(output: Output) -> Callable[[], None]:
    """Give `output` what is printed in this thread; return how to end that."""
    thread = get_ident()
    before = _by_thread.get(thread)
    _by_thread[thread] = output

    def end() -> None:
        if before is None:
            _by_thread.pop(thread, None)
        else:
            _by_thread[thread] = before

    return end


def current_output() -> Output | None:
    """Return who gets what is printed here, if anybody does."""
    return _in_context.get() or _by_thread.get(get_ident())


def listen_in_context(output: Output) -> None:
    """Give `output` what is printed in this context, as that of a task of an event loop."""
    _in_context.set(output)
