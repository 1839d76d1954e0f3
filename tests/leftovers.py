"""What a test may leave behind: nothing that was not there before it.

Threads, descriptors and child processes are compared with those from before the test, streams,
signal handlers, folder and environment with what they were. What the package keeps on purpose it is
asked for: its warm processes, the fork server that starts them, the folders of this process. Each
thread that has run tasks keeps the file that counts for it (see `core_wait`) as long as it lives.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from _signal import getsignal  # that of `signal` makes a member of an enumeration each time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Executor, wait
from multiprocessing import active_children, forkserver, resource_tracker
from pathlib import Path
from typing import Any, TypeVar

from taskinity_nb.engine.backends.processes import pool
from taskinity_nb.engine.remote.process import capture
from taskinity_nb.engine.transport import workspace

__all__ = ["KINDS", "Moment", "begun", "left_streams"]

Pool = TypeVar("Pool", bound=Executor)

KINDS = (
    "streams", "signals", "folder", "environment", "roots", "threads", "descriptors", "processes",
)  # fmt: skip

PATIENCE = 30.0
"""Seconds that threads and processes have to end in, once nothing holds them."""

SIGNALS = sorted(map(int, signal.valid_signals()))
FOLDER = "/proc/self/fd"
FONT = ".ttf"
"""How a file ends that matplotlib keeps open when it has drawn with it."""


class Moment:
    """What there was at some time."""

    def __init__(self) -> None:
        self.streams = sys.stdout, sys.stderr
        self.signals = {number: getsignal(number) for number in SIGNALS}
        self.folder = _folder()
        self.environment = _environment()
        self.threads = set(threading.enumerate())
        self.descriptors = _descriptors()
        self.processes = _children()

    def count_in(self, earlier: Moment) -> None:
        """Take what has come since `earlier` for something that was there: it stays for others."""
        now = Moment()
        self.threads |= now.threads - earlier.threads
        for mine, theirs, new in (
            (self.descriptors, earlier.descriptors, now.descriptors),
            (self.processes, earlier.processes, now.processes),
        ):
            mine.update({number: new[number] for number in new.keys() - theirs.keys()})
        for name in now.environment.keys() - earlier.environment.keys():
            self.environment[name] = now.environment[name]

    def put_signals_back(self) -> None:
        """Give each signal the handler that it had, where Python knows it."""
        for number, before in self.signals.items():
            if before is not None and getsignal(number) != before:
                signal.signal(number, before)

    def left(self, kinds: Iterable[str] = KINDS, patience: float = PATIENCE) -> list[str]:
        """Return what is there now and was not then; what is about to end is waited for."""
        kinds = list(kinds)
        end, step = time.monotonic() + patience, 0.0005
        while True:
            found = [line for kind in kinds for line in getattr(self, f"_left_{kind}")()]
            if not found or time.monotonic() > end:
                return found
            if step > 0.05:
                gc.collect()  # a cycle is no leak
            active_children()  # it joins those that have ended, as the next one's start would
            time.sleep(step)
            step = min(0.2, 2 * step)

    def _left_streams(self) -> Iterable[str]:
        for name, stream in zip(capture.STREAMS, self.streams, strict=True):
            if getattr(sys, name) is not stream:
                yield f"sys.{name} is {getattr(sys, name)!r}, not {stream!r}"

    def _left_signals(self) -> Iterable[str]:
        for number, before in self.signals.items():
            now = getsignal(number)
            if now != before:
                yield f"the handler of {signal.Signals(number).name} is {now!r}, not {before!r}"

    def _left_folder(self) -> Iterable[str]:
        if _folder() != self.folder:
            yield f"the working directory is {_folder()}, not {self.folder}"

    def _left_environment(self) -> Iterable[str]:
        now = _environment()
        if now != self.environment:
            for name in sorted(now.keys() | self.environment.keys()):
                if now.get(name) != self.environment.get(name):
                    yield f"{name!r} is {now.get(name)!r}, not {self.environment.get(name)!r}"

    def _left_roots(self) -> Iterable[str]:
        for root in workspace._roots.values():
            if not root.is_there():
                yield f"{root.path}, in which this process keeps large values, is gone"

    def _left_threads(self) -> Iterable[str]:
        for thread in set(threading.enumerate()) - self.threads:
            yield f"thread {thread.name!r}, which {_doing(thread)}"

    def _left_descriptors(self) -> Iterable[str]:
        now = _descriptors()
        more = _kinds(now) - _kinds(self.descriptors)
        if _has_dask():  # it opens sockets when it likes, those of a test before too
            del more["socket:"]
        for number in now.keys() - self.descriptors.keys() if more else ():
            yield f"descriptor {number}: {now[number]}"
        if more:
            yield f"in all {dict(more)} more"

    def _left_processes(self) -> Iterable[str]:
        for process in pool._all - set(pool._warm):
            yield f"worker process {process._process.pid}, which nobody has given back"
        for number, command in _children().items():
            if number not in self.processes:
                yield f"process {number}: {command}"


def begun(pool: Pool) -> Pool:
    """Have all workers of a pool begin, which it would start when they are first needed."""
    wait([pool.submit(time.sleep, 0.1) for _ in range(pool._max_workers)])  # type: ignore[attr-defined]
    return pool


def left_streams(before: tuple[Any, Any], patched: set[str]) -> list[str]:
    """Return which streams are not what they were, nor what the test itself has put there.

    This has to be asked within the test's call: before the teardown pytest sets them anew.
    """
    found = []
    for name, stream in zip(capture.STREAMS, before, strict=True):
        now = getattr(sys, name)
        is_the_tests = name in patched and not capture._is_proxy(now)
        if now is not stream and not is_the_tests:
            found.append(f"sys.{name} is {now!r}, not {stream!r}")
    return found


def _folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "(removed)"


def _environment() -> dict[Any, Any]:
    environment = dict(os.environ._data)  # type: ignore[attr-defined]  # as bytes, which is quicker
    environment.pop(b"PYTEST_CURRENT_TEST", None)
    return environment


def _descriptors() -> dict[int, str]:
    """Return where each open descriptor leads to, without those of what is kept on purpose."""
    kept = _kept_descriptors()
    counters = {f"/proc/{os.getpid()}/task/{t.native_id}/schedstat" for t in threading.enumerate()}
    found = {}
    for name in os.listdir(FOLDER):
        if int(name) not in kept:
            try:
                target = os.readlink(f"{FOLDER}/{name}")
            except FileNotFoundError:  # that of the listing itself
                continue
            if target not in counters and not target.endswith(FONT):
                found[int(name)] = target
    return found


def _has_dask() -> bool:
    """Tell whether a Dask client is kept in this process."""
    client: Any = sys.modules.get("distributed.client")
    return client is not None and len(client.Client._instances) > 0


def _kinds(descriptors: dict[int, str]) -> Counter[str]:
    """Count descriptors by what they lead to; the number of a pipe or socket does not matter."""
    return Counter(target.partition("[")[0] for target in descriptors.values())


def _kept_descriptors() -> set[int | None]:
    kept: set[int | None] = {
        forkserver._forkserver._forkserver_alive_fd,  # type: ignore[attr-defined]
        resource_tracker._resource_tracker._fd,  # type: ignore[attr-defined]
    }
    for process in list(pool._warm):
        popen = process._process._popen
        kept |= {process._handle, process.pipe.fileno(), process.life.fileno(), popen.sentinel}
        kept |= set(process.tickets.descriptors)
        kept |= set(getattr(popen.finalizer, "_args", ()))
    return kept | {root._folder.descriptor for root in workspace._roots.values()}


def _children() -> dict[int, str]:
    """Return the commands of the children of this process, without those that are kept."""
    kept = {
        forkserver._forkserver._forkserver_pid,  # type: ignore[attr-defined]
        resource_tracker._resource_tracker._pid,  # type: ignore[attr-defined]
        *(process._process.pid for process in list(pool._warm)),
    }
    found = {}
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/children", "rb", buffering=0) as file:
                numbers = file.read().split()
        except (FileNotFoundError, ProcessLookupError):  # the thread has just ended
            continue
        for number in map(int, numbers):
            if number not in kept:
                found[number] = _command(number)
    return found


def _command(number: int) -> str:
    try:
        command = Path(f"/proc/{number}/cmdline").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return "(ended)"
    return command.replace("\0", " ").strip() or "(a zombie)"


def _doing(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return "is about to end"
    lines = []
    while frame is not None and len(lines) < 4:
        lines.append(f"{frame.f_code.co_name} ({frame.f_code.co_filename}:{frame.f_lineno})")
        frame = frame.f_back
    return "is in " + ", called by ".join(lines)
