"""Tells when a task began that was handed to somebody else's executor.

Its future does not: that of a process pool says "running" as soon as the task is in the pool's
queue, where it may wait for its workers to start, for other users of the pool, or for a task that
was out of time and goes on. So the call itself writes the moment to a small file, its mark. Nobody
watches that: it is read when the time would be up had the task begun at once. A task that has not
begun then has all of its time left.

Where the workers see other folders than this process, there is no mark after the call either. Such
an executor is believed to begin at once. So is one of unknown kind until the first call has ended;
whether a pool has processes on this machine, it shows.
"""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import Executor
from time import perf_counter_ns

from ..transport.workspace import WorkDir

__all__ = ["StartMarks"]


class StartMarks:
    """The marks of the calls that are on their way, one for each worker here.

    Examples
    --------
    >>> from concurrent.futures import ProcessPoolExecutor
    >>> marks = StartMarks(ProcessPoolExecutor(1))
    >>> path = marks.new("worker-1")
    >>> marks.time_left("worker-1", 3.0)
    3.0
    >>> with open(path, "w") as file:
    ...     print(perf_counter_ns(), file=file)
    >>> 2.0 < marks.time_left("worker-1", 3.0) < 3.0
    True
    >>> marks.time_left("worker-1", 0.0)
    0.0
    >>> marks.ended("worker-1")
    """

    def __init__(self, executor: Executor) -> None:
        self._workdir = WorkDir()
        self._paths: dict[str, str] = {}
        self._are_seen: bool | None = True if hasattr(executor, "_processes") else None

    def new(self, worker: str) -> str:
        """Return the file to which the next call of a worker writes that it begins, or nothing."""
        folders = self._workdir.folders
        if self._are_seen is False or not folders:
            return ""
        self._paths[worker] = path = os.path.join(folders[0], os.urandom(8).hex())
        return path

    def ended(self, worker: str) -> None:
        """Say that the call of a worker has come back."""
        path = self._paths.pop(worker, None)
        if path is not None:
            try:
                os.unlink(path)
            except OSError:
                self._are_seen = False
            else:
                self._are_seen = True

    def time_left(self, worker: str, timeout: float) -> float:
        """Return the seconds that the call of a worker has left of its time."""
        path = self._paths.get(worker)
        if path is None:
            return 0.0
        with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
            text = file.read()
            if not text.strip():  # it begins at this moment
                return timeout
            return max(0.0, timeout - (perf_counter_ns() - int(text)) * 1e-9)
        return timeout if self._are_seen else 0.0
