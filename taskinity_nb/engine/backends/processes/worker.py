"""A worker process: runs one batch of tasks after the other until its pipe is closed."""

from __future__ import annotations

import _thread
import contextlib
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from ...remote.call import run_call
from ...remote.pickling.identity import stand_in
from ...remote.process.capture import StreamProxies, put_back, standing
from ...remote.process.cpu_time import HelperClock
from ...remote.process.forks import after_fork
from ...remote.process.memory import MemoryGauge, memory_gauge
from ...remote.process.printed import PIECE, Output
from ...remote.surroundings.common import Common
from ...runtime.memory_limit import die_first
from ...transport.shared_memory import pack
from .answers import Answers
from .functions import IDLE_SECONDS, Functions
from .group import lead, leave
from .tickets import taker

__all__ = ["FRESH", "GREETING", "IDLE_SECONDS", "STALE", "serve"]

GREETING = b"ready"
"""What a worker says first, so that one that could not start is told from one that died at work."""

FRESH, STALE = b"fresh", b"stale"
"""What a worker says of itself when it was told what it is to have in common with its caller: a
stale one has imported modules that are not what they are there, and is to be replaced."""

SOON = 0.1
"""Seconds after which a text is sent that does not end a line."""


class _Sender(Output):
    """Sends what is printed to the parent: a line at once, less than a line soon."""

    longest = sys.maxsize  # there it is shown, and then cut

    def __init__(self, pipe: Connection) -> None:
        super().__init__(through=False)
        self._pipe: Connection | None = pipe
        self.place = 0  # in the batch, of the task that prints
        self._pending = 0  # characters since the last line
        self._is_watched = False

    def write(self, stream: int, text: str) -> None:
        with self._lock:
            super().write(stream, text)
            self._pending += len(text)
            if "\n" in text or self._pending > PIECE:
                self.send()
            elif not self._is_watched and self._pipe is not None:
                self._is_watched = True
                _thread.start_new_thread(self._watch, ())

    def _watch(self) -> None:
        """Send what has no end of a line, and end: a task that forks is not to find a thread."""
        time.sleep(SOON)
        with self._lock:
            self._is_watched = False
            with contextlib.suppress(OSError):  # who waits for the next message sees it too
                self.send()

    def send(self) -> None:
        """Send what there is; the threads of a run inside a task take turns."""
        with self._lock:
            self._pending = 0
            if self._pipe is not None and not self.is_empty:
                self._pipe.send_bytes(pickle.dumps(("output", self.place, self.take())))

    def send_on(self, kind: str, content: bytes) -> None:
        """Send what was logged or displayed, after what was printed before it."""
        self.send()
        with self._lock:
            if self._pipe is not None:
                self._pipe.send_bytes(pickle.dumps((kind, self.place, content)))

    def send_bytes(self, message: bytes) -> None:
        """Send something else, in turn."""
        with self._lock:
            if self._pipe is not None:
                self._pipe.send_bytes(message)

    def part(self) -> None:
        """Let go of the pipe, in a process that a task has forked: it is not the child's."""
        self._lock = threading.RLock()  # another thread may have held it
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


def serve(pipe: Connection, life: Connection, tickets: Connection | None) -> None:
    """Run batches until the other end is closed, or nothing has come for `IDLE_SECONDS`.

    A message is pickled: ``("settings", what the caller has in common with its workers)``, with
    which a run begins, and which it answers by `FRESH` or `STALE`; ``("forget", numbers of
    functions, whether what they name is large)``; or ``("batch", epoch of the run, folders for
    large results, tasks)``, where a task is ``(number of the function, its bytes or None, bytes of
    the arguments)``; a function's bytes are sent once, and for each run they are read anew. What
    comes back is ``("output", place of the task, texts)``, ``("log", place of the task, record)``,
    ``("display", place of the task, what is to be published)`` and ``("results", list of
    CallResult, whether they are the last of the batch)``. For each task of a batch with several it
    takes a ticket; the batch ends when there is none, because the rest was taken back.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    lead(life)
    die_first()
    stand_in()
    functions = Functions(pipe)
    clock, gauge = HelperClock(), memory_gauge()
    sender = _Sender(pipe)
    answers = Answers(sender.send_bytes)
    take_ticket = taker(tickets)
    common = Common(sender.send_on)
    StreamProxies().capture(sender)
    streams = standing()
    after_fork(sender.part)
    try:
        pipe.send_bytes(GREETING)
        while functions.wait():
            kind, *content = pickle.loads(pipe.recv_bytes())
            if kind == "settings":
                pipe.send_bytes(FRESH if common.put(content[0]) else STALE)
            elif kind == "forget":
                functions.forget(*content)
            else:
                _answer(
                    take_ticket, functions, sender, answers, clock, gauge, streams, common, *content
                )
            del content  # while it waits, it holds on to nothing
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone, or has no more use for this process
    leave()


def _answer(
    take_ticket: Callable[[], int],
    functions: Functions,
    sender: _Sender,
    answers: Answers,
    clock: HelperClock,
    gauge: MemoryGauge | None,
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

    for number, function, _ in tasks:
        functions.learn(number, function)
    answers.begin()
    last = len(tasks) - 1
    for place, (number, _, arguments) in enumerate(tasks):
        if last and not take_ticket():
            answers.end()
            return
        sender.place = place
        put_back(streams)  # the task before may have been of another run
        clock.begin()
        pickled = functions.pickled[number]
        result = common.run(run_call, pickled, arguments, pack_result, epoch, gauge)
        helpers = clock.end()
        if helpers is not None:
            result = (*result[:-1], helpers)
        if not sender.is_empty:
            sender.send()
        if place == last:
            answers.end(result)
        else:
            answers.add(result)
