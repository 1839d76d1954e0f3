"""How a worker process has ended, and why none starts: in words."""

from __future__ import annotations

import contextlib
import errno
import signal

from ....errors import described

__all__ = ["UNKNOWN", "end_of", "why_none_starts"]

UNKNOWN = 255
"""The exit code of a process whose fork server is gone."""


def why_none_starts(error: Exception) -> str:
    """Say why a process cannot be started.

    Examples
    --------
    >>> why_none_starts(BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"))
    'no more processes are allowed: BlockingIOError: [Errno 11] Resource temporarily unavailable'
    """
    reasons = {
        errno.EAGAIN: "no more processes are allowed: ",
        errno.EMFILE: "no more files may be open in this process: ",
        errno.ENFILE: "no more files may be open on this machine: ",
        errno.ENOMEM: "there is no memory for it: ",
    }
    if isinstance(error, EOFError):
        return "the process that starts them has ended, as it does where no more are allowed"
    number = error.errno if isinstance(error, OSError) else None
    return reasons.get(number or 0, "") + described(error)


def end_of(code: int) -> str:
    """Say how a process has ended.

    Examples
    --------
    >>> end_of(-9), end_of(3)
    ('killed by SIGKILL', 'exit code 3')
    """
    if code == UNKNOWN:
        return "how is not known, or exit code 255"
    return f"exit code {code}" if code >= 0 else f"killed by {_name_of_signal(-code)}"


def _name_of_signal(number: int) -> str:
    """Return the name of a signal; most of the real-time signals have none of their own.

    Examples
    --------
    >>> _name_of_signal(200)
    'signal 200'
    """
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    first = getattr(signal, "SIGRTMIN", number)
    is_real_time = first < number <= getattr(signal, "SIGRTMAX", number)
    return f"SIGRTMIN+{number - first}" if is_real_time else f"signal {number}"
