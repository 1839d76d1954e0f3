"""Sends the results of a batch: several at once, but none waits for a task that takes long."""

from __future__ import annotations

import _thread
import contextlib
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

from ....strangers import described
from ...remote.call import CallResult

__all__ = ["Answers"]

LATEST = 0.005
"""Seconds after which a result is sent, without waiting for those of the rest of the batch."""


class Answers:
    """The results of one batch after the other on their way.

    `send` takes a message as bytes. Where a result has waited for long enough while the next task
    goes on, a thread sends it, and ends: a task that forks is not to find it. One that was started
    for a batch looks after the next one too, since to start a thread takes as long as many a batch.
    """

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._results: list[tuple[Any, ...]] = []
        self._sent = time.perf_counter()
        self._is_watched = False

    def begin(self) -> None:
        """Say that a batch begins."""
        self._sent = time.perf_counter()

    def add(self, result: tuple[Any, ...]) -> None:
        """Send a result soon; another task follows."""
        with self._lock:
            self._results.append(result)
            if time.perf_counter() - self._sent > LATEST:
                self._flush()
            elif not self._is_watched:
                self._is_watched = True
                _thread.start_new_thread(self._watch, ())

    def end(self, *results: tuple[Any, ...]) -> None:
        """Send what there is, and say that it was the last of the batch."""
        with self._lock:
            self._results += results
            self._flush(is_last=True)

    def _watch(self) -> None:
        time.sleep(LATEST)
        with self._lock:
            self._is_watched = False
            if self._results:
                with contextlib.suppress(OSError):  # who waits for the next message sees it too
                    self._flush()

    def _flush(self, *, is_last: bool = False) -> None:
        self._send(_message(self._results, is_last))
        self._results, self._sent = [], time.perf_counter()


def _message(results: list[tuple[Any, ...]], is_last: bool) -> bytes:
    """Return results as they are sent; where memory does not do for that, without their values."""
    try:
        return pickle.dumps(("results", results, is_last))
    except MemoryError as error:
        text = described(error)
        short = [
            CallResult(*each)._replace(kind="unpicklable", payload=("large object", text))
            if each[0] == "value" and isinstance(each[1], bytes)
            else each
            for each in results
        ]
        return pickle.dumps(("results", [tuple(each) for each in short], is_last))
