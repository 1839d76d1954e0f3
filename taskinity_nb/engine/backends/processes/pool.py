"""Our own small pool of processes: one process and one pipe a worker.

With a pipe of its own it is known which task a dead process had, one worker can be killed and
replaced without harm to its neighbours, and a task's result comes straight to the thread that waits
for it. Processes are started by a fork server that has this package loaded, ignore interrupts, are
kept warm between runs, end when they have been idle for long, and are closed at exit.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import multiprocessing.process
import multiprocessing.util
import os
import pickle
import threading
import time
import weakref
from collections.abc import Sequence
from multiprocessing.connection import Pipe, wait
from typing import Any

from ....errors import ExecutorError
from ...remote.pickling.pickler import LARGE
from ...remote.process.forks import after_fork
from ...transport.shipment import Shipment
from ..futures import GUARD
from . import group
from .endings import UNKNOWN, end_of, why_none_starts
from .starting import begin, context_of_workers
from .tickets import Tickets
from .worker import FRESH, GREETING, serve

__all__ = [
    "ProcessEnded",
    "WorkerProcess",
    "at_hand",
    "forewarn",
    "forget",
    "give_back",
    "lease",
    "made_ready",
]

_all: set[WorkerProcess] = set()
_warm: list[WorkerProcess] = []
_lock = threading.RLock()
_starting = threading.Lock()
"""Held while a process is started or joined, since `multiprocessing` looks at all of them then."""

_ended = threading.Event()
"""Set when the interpreter ends."""

_is_seen_to = False
"""Whether this process will end its processes if it does not get as far as `atexit`."""

STARTS = 3
"""So often a process is started that something kills before it is up."""

A_MOMENT = 0.05
"""Seconds after which a start that has failed is tried again; each time, it is twice as long."""

FAREWELL = 1.0
"""Seconds that idle processes have at exit to end by themselves."""

PATIENCE = 5.0
"""Seconds that a process has to end once its pipe is closed."""


class ProcessEnded(Exception):
    """A worker process has ended instead of answering."""


class WorkerProcess:
    """One process and our end of its pipe."""

    def __init__(self) -> None:
        try:
            context = context_of_workers()
            self.pipe, theirs = context.Pipe()
            held, self.life = Pipe(duplex=False)  # our end tells that we live
            self.tickets = Tickets()
        except Exception as error:  # no more files can be opened, or memory is used up
            raise ProcessEnded(why_none_starts(error)) from error
        self._process = context.Process(
            daemon=False,
            target=serve,
            args=(theirs, held, self.tickets.theirs),
            name="taskinity_nb worker",
        )
        try:
            with _starting:
                if _ended.is_set():
                    raise OSError("the interpreter ends")
                begin(self._process)
        except Exception as error:  # nothing is left to start one, or who does has gone
            self.pipe.close()
            self.life.close()
            self.tickets.close()
            raise ProcessEnded(why_none_starts(error)) from error
        finally:
            theirs.close()
            held.close()
        self._shipped: dict[int, weakref.ref[Shipment]] = {}
        self._told: bytes | None = None  # the settings of the run that it gets ready for
        self._asked = 0  # how many answers to settings it owes
        self._weight = 0  # bytes of what was shipped for the run that it works for
        self.is_late = False
        """Whether it was killed because a task's time was up."""
        self._handle = group.open_process(self._process.pid)
        with _lock:
            _see_to_the_end()
            _all.add(self)
            if _ended.is_set():
                self.kill()

    @property
    def sentinel(self) -> Any:
        """What `wait` takes to tell whether the process has ended."""
        return self._process.sentinel

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return self._process.pid or 0

    def greet(self) -> None:
        """Wait until the process is up."""
        if self._receive() != GREETING:
            raise ProcessEnded

    def prepare(self, settings: bytes) -> None:
        """Have the process take on what its next run needs, unless it does so already."""
        if self._told is not settings:
            self.forget()
            self._send(settings)
            self._told = settings
            self._asked += 1

    def is_used(self) -> None:
        """Say that tasks may have left things in it, so that it has to get ready again."""
        self._told = None

    @property
    def is_at_hand(self) -> bool:
        """Whether it has answered what it was told, and waits for tasks."""
        return not self._asked

    def is_ready(self) -> bool:
        """Wait until the process has taken that on; return whether it could.

        One that has imported what has changed since cannot.
        """
        is_fresh = True
        while self._asked:
            is_fresh = self._receive() == FRESH and is_fresh
            self._asked -= 1
        if wait([self._process.sentinel], 0):  # it has answered, and ended since
            raise ProcessEnded
        return is_fresh

    def forget(self) -> None:
        """Make the process forget functions of runs that nobody keeps any more."""
        gone = [number for number, shipment in self._shipped.items() if shipment() is None]
        if gone or self._weight >= LARGE:
            self._send(pickle.dumps(("forget", gone, self._weight >= LARGE)))
        for number in gone:
            del self._shipped[number]
        self._weight = 0

    def send(
        self, epoch: str, folders: Sequence[str], loads: Sequence[tuple[Shipment, bytes]]
    ) -> None:
        """Hand over tasks; a function only once."""
        tasks: list[tuple[int, bytes | None, bytes]] = []
        for function, arguments in loads:
            number, is_there = function.number, function.number in self._shipped
            tasks.append((number, None if is_there else function.content, arguments))
            if not is_there:
                self._shipped[number] = weakref.ref(function)
            if function.weight > self._weight:
                self._weight = function.weight
        if len(tasks) > 1:
            self.tickets.put(len(tasks))
        self._send(pickle.dumps(("batch", epoch, folders, tasks)))

    def receive(self) -> tuple[str, list[Any]]:
        """Wait for the next message; return its kind and what it holds."""
        kind, *content = pickle.loads(self._receive())
        return kind, content

    def _send(self, message: bytes) -> None:
        try:
            self.pipe.send_bytes(message)
        except OSError as error:
            raise ProcessEnded from error

    def _receive(self) -> bytes:
        try:
            message: bytes = self.pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise ProcessEnded from error
        return message

    def kill(self) -> None:
        """End the process at once, and what its tasks have started."""
        with _lock:
            if self not in _all:
                return
            if self._handle is None:
                self._process.kill()
            else:
                group.end(self._handle, self._process.pid)

    def close(self) -> None:
        """Let the process end, by closing its pipes."""
        self.pipe.close()
        self.life.close()
        self.tickets.close()
        with _lock:
            if self in _all and self._handle is not None:
                os.close(self._handle)
            _all.discard(self)

    def reap(self) -> int:
        """Wait for the end of a process that has left its pipe; return its exit code."""
        self.pipe.close()
        if not wait([self._process.sentinel], PATIENCE):
            self.kill()
            wait([self._process.sentinel])
        with _starting:
            self._process.join()
        code = self._process.exitcode or 0
        self.kill()  # what is left of its group
        self.close()
        return code


def lease(settings: bytes, what_for: str = "") -> WorkerProcess:
    """Take a warm process, or start one, and give it these settings; errors tell `what_for`.

    A warm one gets ready meanwhile: before it is used, it goes through `made_ready`.

    Raises
    ------
    ExecutorError
        If none can be started.
    """
    while (process := _take_warm()) is not None:
        try:
            process.prepare(settings)
        except ProcessEnded:  # it was idle for too long, or something has killed it
            process.reap()
        else:
            return process
    for attempt in range(STARTS):
        try:
            process = WorkerProcess()
        except ProcessEnded as error:
            end, remedy = str(error), "close what takes up processes, files or memory"
            if "AF_UNIX" in end:
                remedy = "set TMPDIR to a folder with a shorter path, for the sockets in it"
            time.sleep(A_MOMENT * 2**attempt)  # a fork server that was killed takes a while to die
            continue
        try:
            process.greet()
            process.prepare(settings)
            process.is_ready()  # it is new: what it could not take on, no other could
        except ProcessEnded:
            code = process.reap()
            end, remedy = end_of(code), "look for what kills it: memory that runs out?"
            if 0 <= code < UNKNOWN:  # it has ended by itself, and would do so again
                remedy = GUARD
                break
        else:
            return process
    raise ExecutorError(f"{what_for}a worker process did not start ({end})", remedy=remedy)


def forewarn(settings: bytes, most: int) -> None:
    """Have some of the warm processes get ready for a run that begins soon."""
    with _lock:
        for process in _warm[-most:]:
            with contextlib.suppress(ProcessEnded):  # who leases it will see
                process.prepare(settings)


def made_ready(process: WorkerProcess, settings: bytes, what_for: str = "") -> WorkerProcess:
    """Return a leased process as soon as it is ready, or another one if it cannot be.

    Raises
    ------
    ExecutorError
        If another one is needed, and none can be started.
    """
    while True:
        try:
            if process.is_ready():
                return process
            process.close()
        except ProcessEnded:  # it has ended while it was idle
            process.reap()
        process = lease(settings, what_for)


def _take_warm() -> WorkerProcess | None:
    with _lock:
        return _warm.pop() if _warm else None


def at_hand() -> int:
    """Return how many processes are warm."""
    return len(_warm)


def forget() -> None:
    """Make the warm processes forget functions of runs that nobody keeps any more."""
    with _lock:
        for process in _warm:
            with contextlib.suppress(ProcessEnded):  # who leases it will see
                process.forget()


def give_back(process: WorkerProcess) -> None:
    """Keep a process warm for the next run."""
    process.is_used()
    with _lock:
        _warm.append(process)
        surplus = _warm[: -2 * (os.cpu_count() or 1)]
        del _warm[: len(surplus)]
    for old in surplus:
        old.close()


def _see_to_the_end() -> None:
    """Have processes ended by a process that `multiprocessing` has started.

    At its exit it waits for its children, and does not get as far as `atexit`.
    """
    global _is_seen_to
    if not _is_seen_to:
        _is_seen_to = True
        multiprocessing.util.Finalize(None, _end_all, exitpriority=100)


@atexit.register
def _end_all() -> None:
    """End all processes at exit, those too that a run has not given back yet.

    Who has nothing to do has a moment to clear up what tasks have left, such as a lock.
    """
    _ended.set()
    if _starting.acquire(timeout=PATIENCE):  # one that is half started would complain
        _starting.release()
    with _lock:
        idle = list(_warm)
        _warm.clear()
        for process in _all.difference(idle):
            process.kill()
    for process in idle:
        process.pipe.close()
    _wait_for(idle)
    with _lock:
        for process in _all:
            process.kill()
    _wait_for(list(_all))  # until then, their folders for large values are not swept


def _wait_for(processes: Sequence[WorkerProcess]) -> None:
    """Wait for the end of processes, but not for long."""
    until, sentinels = time.monotonic() + FAREWELL, {each.sentinel for each in processes}
    while sentinels and (left := until - time.monotonic()) > 0:
        sentinels.difference_update(wait(sentinels, left))


@after_fork
def _forked() -> None:
    """Let go of what is the parent's: held here, a worker's pipe would outlive the parent."""
    global _lock, _starting, _is_seen_to
    _is_seen_to = False
    _lock, _starting = threading.RLock(), threading.Lock()  # another thread may have held them
    for process in list(_all):
        process.close()
    _warm.clear()
