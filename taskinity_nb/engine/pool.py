"""Our own small pool of processes: one process and one pipe a worker.

With a pipe of its own it is known which task a dead process had, one worker can be killed and
replaced without harm to its neighbours, and a task's answer comes straight to the thread that waits
for it. Processes are started by a fork server that has this package loaded, ignore interrupts, are
kept warm between runs, end when they have been idle for long, and are closed at exit.
"""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.process
import os
import pickle
import signal
import threading
from collections.abc import Sequence
from typing import Any

from ..errors import ExecutorError
from .foreign import GUARD
from .worker import GREETING, serve

__all__ = ["WorkerProcess", "give_back", "lease"]

_all: set[WorkerProcess] = set()
_warm: list[WorkerProcess] = []
_warm_lock = threading.Lock()
_ended = threading.Event()
"""Set when the interpreter ends."""


class WorkerProcess:
    """One process and our end of its pipe."""

    def __init__(self) -> None:
        context = _context()
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), name="taskinity_nb worker")
        self._process.start()
        theirs.close()
        self.known: set[int] = set()
        self.is_late = False
        """Whether it was killed because a task's time was up."""
        with _warm_lock:
            _all.add(self)
            if _ended.is_set():
                self.kill()

    def greet(self) -> None:
        """Wait until the process is up."""
        try:
            greeting = self.pipe.recv_bytes()
        except (EOFError, OSError):
            greeting = b""
        if greeting != GREETING:
            raise ExecutorError(f"a worker process did not start ({self.reap()})", remedy=GUARD)

    def prepare(self, settings: bytes) -> None:
        """Make the process forget the functions of a run, and take on what its next one needs."""
        self.known.clear()
        self.pipe.send_bytes(settings)

    def send(self, folders: Sequence[str], loads: Sequence[tuple[int, bytes, bytes]]) -> None:
        """Hand over tasks; the bytes of a function only once."""
        tasks: list[tuple[int, bytes | None, bytes]] = []
        for key, function, arguments in loads:
            tasks.append((key, None if key in self.known else function, arguments))
            self.known.add(key)
        self.pipe.send_bytes(pickle.dumps(("envelope", folders, tasks)))

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def close(self) -> None:
        """Let the process end, by closing its pipe."""
        with _warm_lock:
            _all.discard(self)
        self.pipe.close()

    def reap(self) -> str:
        """Wait for the end of a dead process; return what it died of."""
        self.close()
        self._process.join()
        code = self._process.exitcode or 0
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"


def _context() -> Any:
    methods = multiprocessing.get_all_start_methods()
    if "forkserver" not in methods:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["taskinity_nb.engine.worker", "taskinity_nb.engine.packing"])
    return context


def lease(settings: bytes) -> WorkerProcess:
    """Take a warm process, or start one."""
    while True:
        with _warm_lock:
            process = _warm.pop() if _warm else None
        is_new = process is None
        if process is None:
            process = WorkerProcess()
            process.greet()
        try:
            process.prepare(settings)
        except OSError:  # it was idle for too long and has ended
            end = process.reap()
            if is_new:
                raise ExecutorError(f"a worker process ended at once ({end})") from None
            continue
        return process


def give_back(process: WorkerProcess) -> None:
    """Keep a process warm for the next run."""
    with _warm_lock:
        _warm.append(process)
        surplus = _warm[: -2 * (os.cpu_count() or 1)]
        del _warm[: len(surplus)]
    for old in surplus:
        old.close()


@atexit.register
def _end_all() -> None:
    """End all processes at exit, those too that a run has not given back yet."""
    with _warm_lock:
        _ended.set()
        for process in _all:
            process.kill()
        _warm.clear()
