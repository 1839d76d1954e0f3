"""A worker process and all that its tasks start: they are a group of processes, and end together.

The worker leads the group, and what a task starts belongs to it, whoever started it in turn, unless
it has left the group on purpose (a session of its own, a daemon). Whoever ends the worker ends its
group. If the process ends that has the worker, however that comes, the system does it: both have an
end of a pipe that nothing is ever written to, and that its other end is gone is a signal to the
group.

The group is not the one that a terminal's keys go to, which is as well, since the worker ignores
Ctrl-C. What is in it cannot read from the terminal.

This needs Linux. Elsewhere a worker is ended alone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.util
import os
import signal
from typing import Any

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["CAN_LEAD", "end", "lead", "leave", "open_process"]

CAN_LEAD = hasattr(fcntl, "F_SETSIG") and hasattr(os, "pidfd_open")
"""Whether the system can end a group when the end of a pipe goes."""

WHOLE_GROUP = 4
"""The flag of `pidfd_send_signal` that means the group, from Linux 6.9 on."""

LAST = -200
"""At the exit of a worker: after everything else."""


def lead(life: Any) -> None:
    """Make this process the leader of its group, which ends with the other end of a pipe."""
    if not CAN_LEAD:
        return
    os.setpgid(0, 0)
    descriptor = life.fileno()
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, -os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
    if life.poll(0):  # it has gone before the signal was asked for
        os.killpg(0, signal.SIGKILL)


def leave() -> None:
    """End what tasks have started and left, since the worker that leads the group ends.

    If it ends by an error, who has the worker sees that, and does this.
    """
    for child in multiprocessing.active_children():  # else their end would be waited for
        child.kill()
    if CAN_LEAD:
        multiprocessing.util.Finalize(None, _end_own, args=(os.getpid(),), exitpriority=LAST)


def _end_own(leader: int) -> None:
    if os.getpid() == leader:
        multiprocessing.util._flush_std_streams()  # type: ignore[attr-defined]
        os.killpg(0, signal.SIGKILL)


def open_process(pid: int | None) -> int | None:
    """Return a handle of a process, which is its own however often numbers come again.

    What `multiprocessing` knows of a process ends with the fork server.
    """
    if pid is None or not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # it has ended already, or the system is too old
        return None


def end(handle: int, pid: int) -> None:
    """End a process at once, and its group if it leads one; or what is left of that."""
    if CAN_LEAD:
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL, None, WHOLE_GROUP)
        except ProcessLookupError:
            pass
        except OSError:  # an older system, where groups have numbers only
            if _is_its_own(handle, pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)  # one that does not lead a group yet


def _is_its_own(handle: int, pid: int) -> bool:
    """Tell whether a group with the number of a process is that of this process.

    It is, as long as the process is there, and as long as no other has its number.
    """
    try:
        signal.pidfd_send_signal(handle, 0)
    except ProcessLookupError:
        with contextlib.suppress(PermissionError):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
        return False
    return True
