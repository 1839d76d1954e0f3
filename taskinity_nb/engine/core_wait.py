"""How long a thread was ready to run and waited for a core, which other work had.

Linux counts that for each thread (`/proc/<pid>/task/<tid>/schedstat`, the second number, in
nanoseconds). What a task took, less this, is what it would have taken with a core to itself.

This module uses the standard library alone, so that it can be sent along to a place where the
package is not installed.
"""

from __future__ import annotations

import os
import threading
from io import FileIO

__all__ = ["core_wait"]

_of_thread = threading.local()


def core_wait() -> int | None:
    """Return the nanoseconds so far of this thread, or None where the system does not tell.

    Examples
    --------
    >>> before = core_wait()
    >>> before is None or core_wait() >= before
    True
    """
    try:
        file = _of_thread.file
    except AttributeError:
        file = _of_thread.file = _open()
    if file is None:
        return None
    return int(os.pread(file.fileno(), 64, 0).split()[1])


def _open() -> FileIO | None:
    try:
        file = open("/proc/thread-self/schedstat", "rb", buffering=0)  # noqa: SIM115  # kept open
        int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return file


def _forked() -> None:
    """Forget the files of the process that was forked: they tell of its threads."""
    global _of_thread
    _of_thread = threading.local()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
