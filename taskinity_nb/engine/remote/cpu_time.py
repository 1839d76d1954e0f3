"""How long a thread was ready to run and waited for a core, which other work had.

Linux counts that for each thread (`/proc/<pid>/task/<tid>/schedstat`, the second number, in
nanoseconds). What a task took, less this, is what it would have taken with a core to itself.

This module uses the standard library alone, so that it can be sent along to a place where the
package is not installed.
"""

from __future__ import annotations

import os
import threading

__all__ = ["core_wait"]

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


def _counter() -> _Counter | None:
    try:
        counter = _Counter()
        counter.read()
    except (OSError, ValueError, IndexError):
        return None
    return counter


def _forked() -> None:
    """Forget the files of the process that was forked: they tell of its threads."""
    global _of_thread
    _of_thread = threading.local()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
