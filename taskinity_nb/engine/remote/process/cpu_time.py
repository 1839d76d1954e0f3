"""What a task had of the cores: how long it waited for one, and which threads computed beside it.

Linux counts for each thread how long it was ready to run and waited for a core, which other work
had (`/proc/<pid>/task/<tid>/schedstat`, the second number, in nanoseconds). What a task took, less
this, is what it would have taken with a core to itself.

Each process has a clock that counts the CPU time of all its threads. What it counts in a worker
process beside the clock of the one thread that performs the tasks is the work of helpers: of the
threads of a BLAS, of OpenMP.

This module and `forks` use the standard library alone, so that they can be sent along to a place
where the package is not installed.
"""

from __future__ import annotations

import os
import threading
from importlib.util import find_spec
from time import perf_counter_ns, process_time_ns, thread_time_ns

from .forks import after_fork

__all__ = ["HelperClock", "core_wait", "counts_of"]

SPARSE = 10_000_000
"""Nanoseconds between two readings of the process's clock, which takes microseconds to read; what
helpers did for shorter tasks is counted to the next long one."""

LEAST = 5_000_000
"""Nanoseconds that helpers of a task have to compute before anything is told of them."""

_of_thread = threading.local()


class _Counter:
    """The file that counts for one thread, open as long as the thread lives."""

    def __init__(self) -> None:
        self.descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def read(self) -> int:
        return int(os.pread(self.descriptor, 64, 0).split()[1])

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


def core_wait() -> int | None:
    """Return the nanoseconds so far of this thread, or None where the system does not tell.

    Examples
    --------
    >>> before = core_wait()
    >>> before is None or core_wait() >= before
    True
    """
    try:
        counter: _Counter | None = _of_thread.counter
    except AttributeError:
        counter = _of_thread.counter = _counter()
    return None if counter is None else counter.read()


def counts_of(process: int, thread: int) -> tuple[int, int] | None:
    """Return for how many nanoseconds a thread has computed and has waited for a core.

    It may be of another process. None where the system does not tell, or if it has ended.

    Examples
    --------
    >>> counts = counts_of(os.getpid(), threading.get_native_id())
    >>> counts is None or counts[0] > 0
    True
    """
    try:
        with open(f"/proc/{process}/task/{thread}/schedstat", encoding="ascii") as counter:
            computed, waited, _ = counter.read().split()
    except (OSError, ValueError):
        return None
    return int(computed), int(waited)


def _counter() -> _Counter | None:
    try:
        counter = _Counter()
        counter.read()
    except (OSError, ValueError, IndexError):
        return None
    return counter


@after_fork
def _forked() -> None:
    """Forget the files of the process that was forked: they tell of its threads."""
    global _of_thread
    _of_thread = threading.local()


class HelperClock:
    """Reads how long other threads than the one that calls it compute."""

    def __init__(self) -> None:
        self._usual = _threads()
        self._known: tuple[int, tuple[str, ...]] = (self._usual, ())
        self._read_at = perf_counter_ns()
        self._before = process_time_ns() - thread_time_ns()

    def begin(self) -> None:
        """Say that a task begins."""
        now = perf_counter_ns()
        if now - self._read_at > SPARSE:
            self._read_at, self._before = now, process_time_ns() - thread_time_ns()

    def end(self) -> tuple[int, int, tuple[str, ...]] | None:
        """Return what helpers did since a task began, if that is worth telling.

        Returns
        -------
        tuple of (int, int, tuple of str), or None
            Nanoseconds, the threads that there are beside the task's, and the libraries that
            started some of them, as far as `threadpoolctl` is there to tell.

        Examples
        --------
        >>> clock = HelperClock()
        >>> clock.begin()
        >>> clock.end() is None  # it was too short to be asked about
        True
        """
        now = perf_counter_ns()
        if now - self._read_at <= SPARSE:
            return None
        after = process_time_ns() - thread_time_ns()
        spent, self._before, self._read_at = after - self._before, after, now
        if spent < LEAST:
            return None
        threads = _threads()
        if threads != self._known[0]:
            self._known = threads, _libraries()
        return spent, max(1, threads - self._usual), self._known[1]


def _threads() -> int:
    """Return how many threads this process has, those of libraries too where the system tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _libraries() -> tuple[str, ...]:
    """Return the libraries of this process that have more than one thread to compute with."""
    if find_spec("threadpoolctl") is None:
        return ()
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if (pool.get("num_threads") or 0) > 1]
    return tuple(sorted({str(pool["internal_api"]) for pool in pools}))
