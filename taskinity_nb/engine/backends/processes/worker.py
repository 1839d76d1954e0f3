"""A worker process: runs one batch of tasks after the other until its pipe is closed."""

from __future__ import annotations

import pickle
import signal
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from ....strangers import described
from ...remote.call import CallResult, run_call
from ...remote.capture import StreamProxies, put_back, standing
from ...remote.cpu_time import HelperClock
from ...remote.forks import after_fork
from ...remote.printed import Output
from ...remote.surroundings.common import Common
from ...transport.shared_memory import pack

__all__ = ["FRESH", "GREETING", "IDLE_SECONDS", "STALE", "serve"]

GREETING = b"ready"
"""What a worker says first, so that one that could not start is told from one that died at work."""

FRESH, STALE = b"fresh", b"stale"
"""What a worker says of itself when it was told what it is to have in common with its caller: a
stale one has imported modules that are not what they are there, and is to be replaced."""

IDLE_SECONDS = 300.0
"""A worker that has had nothing to do for so long ends."""

LATEST = 0.005
"""Seconds after which a result is sent, without waiting for those of the rest of the batch."""


class _Sender(Output):
    """Sends what is printed to the parent, a line at a time."""

    longest = sys.maxsize  # there it is shown, and then cut

    def __init__(self, pipe: Connection) -> None:
        super().__init__(through=False)
        self._pipe: Connection | None = pipe
        self.place = 0  # in the batch, of the task that prints

    def write(self, stream: int, text: str) -> None:
        super().write(stream, text)
        if "\n" in text:
            self.send()

    def send(self) -> None:
        """Send what there is; the threads of a run inside a task take turns."""
        with self._lock:
            if self._pipe is not None and not self.is_empty:
                self._pipe.send_bytes(pickle.dumps(("output", self.place, self.take())))

    def send_on(self, kind: str, content: bytes) -> None:
        """Send what was logged or displayed, after what was printed before it."""
        self.send()
        with self._lock:
            if self._pipe is not None:
                self._pipe.send_bytes(pickle.dumps((kind, self.place, content)))

    def part(self) -> None:
        """Let go of the pipe, in a process that a task has forked: it is not the child's."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


def serve(pipe: Connection) -> None:
    """Run batches until the other end is closed, or nothing has come for `IDLE_SECONDS`.

    A message is pickled: ``("settings", what the caller has in common with its workers)``, which
    also makes the worker forget its functions and which it answers by `FRESH` or `STALE`; or
    ``("batch", epoch of the run, folders for large results, tasks)``, where a task is ``(key of the
    function, its bytes or None, bytes of the arguments)``; a function's bytes are sent once. What
    comes back is ``("output", place of the task, texts)``, ``("log", place of the task, record)``,
    ``("display", place of the task, what is to be published)`` and ``("results", list of
    CallResult)``.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    functions: dict[int, bytes] = {}
    clock = HelperClock()
    sender = _Sender(pipe)
    common = Common(sender.send_on)
    StreamProxies().capture(sender)
    streams = standing()
    after_fork(sender.part)
    try:
        pipe.send_bytes(GREETING)
        while pipe.poll(IDLE_SECONDS):
            kind, *content = pickle.loads(pipe.recv_bytes())
            if kind == "settings":
                functions.clear()
                pipe.send_bytes(FRESH if common.put(content[0]) else STALE)
            else:
                _answer(pipe, functions, sender, clock, streams, common, *content)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone, or has no more use for this process


def _answer(
    pipe: Connection,
    functions: dict[int, bytes],
    sender: _Sender,
    clock: HelperClock,
    streams: Sequence[Any],
    common: Common,
    epoch: str,
    folders: Sequence[str],
    tasks: list[tuple[int, bytes | None, bytes]],
) -> None:
    """Do the tasks of a batch."""

    def pack_result(value: Any) -> Any:
        packed = pack(value, *folders, back=True)
        return packed if isinstance(packed, bytes) else tuple(packed)

    results: list[tuple[Any, ...]] = []
    sent = time.perf_counter()
    for place, (key, function, arguments) in enumerate(tasks):
        if function is not None:
            functions[key] = function
        sender.place = place
        put_back(streams)  # the task before may have been of another run
        clock.begin()
        result = common.run(run_call, functions[key], arguments, pack_result, epoch)
        helpers = clock.end()
        results.append(result if helpers is None else (*result[:-1], helpers))
        sender.send()
        if time.perf_counter() - sent > LATEST or place == len(tasks) - 1:
            pipe.send_bytes(_message(results))
            results, sent = [], time.perf_counter()


def _message(results: list[tuple[Any, ...]]) -> bytes:
    """Return results as they are sent; where memory does not do for that, without their values."""
    try:
        return pickle.dumps(("results", results))
    except MemoryError as error:
        text = described(error)
        short = [
            CallResult(*each)._replace(kind="unpicklable", payload=("large object", text))
            if each[0] == "value" and isinstance(each[1], bytes)
            else each
            for each in results
        ]
        return pickle.dumps(("results", [tuple(each) for each in short]))
