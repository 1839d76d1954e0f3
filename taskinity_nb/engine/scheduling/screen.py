"""Shows here what tasks have printed elsewhere: in another process, on another machine.

What they print is kept whatever becomes of that. The stream here is a stranger: it may encode less
than theirs, be closed, lead to a pipe that nobody reads any more, or be a class of the user's.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from ...errors import described
from ..remote.process.capture import surroundings
from ..remote.process.printed import STREAMS, give
from ..runtime.interrupts import is_interrupt
from .failures import warn

__all__ = ["Screen"]


class Screen:
    """Where a run shows what its tasks print elsewhere: in the cell, and the task, that began it.

    Attributes
    ----------
    context : Context
        That of the caller, in which nothing is captured.
    outer : Output or None
        Who gets all that is printed in the run: the task that has begun it.
    """

    def __init__(self, flow: str) -> None:
        self._flow = flow
        self.context, self.outer = surroundings()
        self._broken: set[int] = set()
        self._lock = threading.Lock()

    def show(self, texts: tuple[str, str]) -> None:
        """Show what was printed to both streams; a stream that does not work is told of once."""
        self.context.copy().run(self._show, texts)

    def do(self, call: Callable[[], object]) -> None:
        """Do in the caller's place what a task has done elsewhere: log, or display something."""
        try:
            self.context.copy().run(call)
        except BaseException as error:  # handlers and displays are the user's own
            if is_interrupt(error):
                raise
            warn(
                f"what a task of flow '{self._flow}' has logged or displayed elsewhere cannot be "
                f"shown here: {described(error)}"
            )

    def _show(self, texts: tuple[str, str]) -> None:
        for number, text in enumerate(texts):
            try:
                if text and give(self.outer, number, text) and number not in self._broken:
                    _write(number, text)
            except BaseException as error:  # the stream may be of the user's own making
                if is_interrupt(error):
                    raise
                with self._lock:  # another worker may find the same
                    is_news = number not in self._broken
                    self._broken.add(number)
                if is_news:
                    warn(
                        f"{STREAMS[number]} raised {described(error)}; what else flow "
                        f"'{self._flow}' prints is not shown there, but the run has it"
                    )


def _write(number: int, text: str) -> None:
    """Write a text to a stream, if there is one; what it cannot encode is written as escapes."""
    stream = getattr(sys, STREAMS[number], None)
    if stream is None:
        return
    text = _encodable(text, getattr(stream, "encoding", None), getattr(stream, "errors", None))
    try:
        stream.write(text)
    except UnicodeEncodeError as error:  # it has not told what it can encode
        stream.write(_encodable(text, error.encoding, None))


def _encodable(text: str, encoding: Any, errors: Any) -> str:
    if text.isascii():
        return text
    encoding = encoding if isinstance(encoding, str) else "utf-8"
    try:
        text.encode(encoding, errors if isinstance(errors, str) else "strict")
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:  # an encoding that only the stream knows
        return text
    return text
