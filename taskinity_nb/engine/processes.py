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
from time import perf_counter_ns
from typing import Any

from ..errors import ExecutorError, FlowError, WorkerLost
from ..model.events import Entry
from ..model.run import Run
from .foreign import GUARD
from .packing import Packer, failure, unpack
from .scheduler import Crew, Perform
from .worker import GREETING, serve

__all__ = ["Processes"]

LIVES = 3
"""A task whose worker dies is tried so often in all."""

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

    def send(self, key: int, function: bytes, arguments: bytes) -> None:
        """Hand over a task; the function's bytes only once."""
        code = None if key in self.known else function
        self.known.add(key)
        self.pipe.send_bytes(pickle.dumps((key, code, arguments)))

    def forget(self) -> None:
        """Make the process forget the functions of a run."""
        self.known.clear()
        self.pipe.send_bytes(b"")

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


def _lease() -> WorkerProcess:
    """Take a warm process, or start one."""
    while True:
        with _warm_lock:
            process = _warm.pop() if _warm else None
        if process is None:
            process = WorkerProcess()
            process.greet()
            return process
        try:
            process.forget()
        except OSError:  # it was idle for too long and has ended
            process.reap()
            continue
        return process


def _give_back(process: WorkerProcess) -> None:
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


class Processes(Crew):
    """The workers of our pool; a thread here stands for each process."""

    def __init__(self, run: Run) -> None:
        super().__init__(run, "process")
        self._packer = Packer(run.plan)
        self._busy: dict[str, WorkerProcess] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def worker(self, name: str) -> Perform:
        return _Worker(self, name)

    def release(self, perform: Perform) -> None:
        assert isinstance(perform, _Worker)
        perform.release()

    def stop(self) -> None:
        """Kill the processes that are at work."""
        with self._lock:
            self._stopped = True
            for process in self._busy.values():
                process.kill()


class _Worker:
    """Performs tasks in one process, which is replaced if it dies."""

    def __init__(self, crew: Processes, name: str) -> None:
        self._crew = crew
        self._name = name
        self._process: WorkerProcess | None = _lease()

    def __call__(self, task: int, worker: str) -> tuple[Any, Entry]:
        crew = self._crew
        call = crew.run.plan.calls[task]
        try:
            args, kwargs = crew.run.plan.arguments(task, crew.run._values)
            function = crew._packer.function(task)
            arguments = crew._packer.arguments(task, args, kwargs)
        except FlowError as error:
            return failure(task, error)
        lost: WorkerLost | None = None
        for life in range(LIVES):
            process = self._process = self._process or _lease()
            submitted = perf_counter_ns()
            crew.scheduler.started(task, worker, submitted)
            try:
                with crew._lock:
                    if crew._stopped:
                        break
                    crew._busy[self._name] = process
                process.send(id(call.task), function, arguments)
                answer = process.pipe.recv_bytes()
            except (EOFError, OSError):
                with crew._lock:
                    crew._busy.pop(self._name, None)
                self._process = None
                end = process.reap()
                lost = WorkerLost(
                    f"task '{call.name}': its worker process died under it ({end}), "
                    f"in each of {LIVES} attempts",
                    remedy="look for what ends a process: memory that runs out, a crash in "
                    "compiled code, os._exit",
                )
                if life + 1 < LIVES and not crew.scheduler.retrying(task, lost):
                    break
                continue
            with crew._lock:
                crew._busy.pop(self._name, None)
            return unpack(call, task, submitted, pickle.loads(answer))
        return failure(task, lost or WorkerLost(f"task '{call.name}' was stopped"))

    def release(self) -> None:
        """Keep the process warm for the next run."""
        if self._process is not None and not self._crew._stopped:
            _give_back(self._process)
        elif self._process is not None:
            self._process.kill()
            self._process.reap()
        self._process = None
