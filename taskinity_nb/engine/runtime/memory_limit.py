"""How much memory there is for this process and its workers, and whom the kernel ended for it.

A control group bounds what all processes in it and below it have together, so what counts is the
group of this process and those above it, whichever has the least left, and then the machine. In a
container, the group that is seen as the uppermost one is the container's.

What `ulimit -v` says is none of this: it bounds each process by itself, however many there are.

Where the kernel ends a process for want of memory, it counts that, before the process is gone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cache, partial
from typing import NamedTuple

from ...formatting import size_text

__all__ = ["Memory", "die_first", "is_shared", "kills", "memory_left", "own_limit"]

NO_LIMIT = 1 << 62
"""Bytes from which on version 1 of the control groups says that there is no limit."""

FIRST_TO_DIE = 500
"""What a worker adds to the thousandths of all memory by which the kernel picks whom it ends."""

PIECE = 1 << 16
"""Bytes that are asked for at a time. Of some files the kernel gives a page at most."""


class Memory(NamedTuple):
    """Bytes that processes may have together, how many are in use, and who says so."""

    limit: int
    used: int
    whose: str

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return max(self.limit - self.used, 0)

    def __str__(self) -> str:
        return f"{size_text(self.limit)} ({self.whose})"


class _Names(NamedTuple):
    """What the files of control groups are called, and where they lie."""

    folder: str
    limit: str
    used: str
    kept: str  # the line of `memory.stat` with what the kernel would give up at once
    kills: str


NEW = _Names("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file ", "memory.events")
OLD = _Names(
    "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
    "total_inactive_file ", "memory.oom_control",
)  # fmt: skip


def memory_left(root: str = "/") -> Memory | None:
    """Return whichever bound on the memory of this process leaves the least; None if none is known.

    Parameters
    ----------
    root : str
        Where ``proc`` and ``sys`` are.

    Examples
    --------
    >>> memory = memory_left()
    >>> memory is None or 0 <= memory.left <= memory.limit
    True
    """
    bounds = list(_bounds(root))
    return min(bounds, key=lambda bound: bound.left) if bounds else None


def kills(root: str = "/") -> int | None:
    """Return how often the kernel has ended a process for want of memory; None if it does not say.

    Those in the control group of this process count, or all on the machine where it is in none.
    """
    path, name = _counter(root)
    return _number(_text(path), name)


def is_shared(root: str = "/") -> bool:
    """Tell whether a process may be refused memory because of what other processes have.

    Linux promises more than there is, unless it is told to count; Windows counts.
    """
    if os.name == "nt":
        return True
    return _text(os.path.join(root, "proc/sys/vm/overcommit_memory")).strip() == "2"


def own_limit() -> int | None:
    """Return how many bytes this process may have by itself, as `ulimit -v` says; None if any."""
    try:
        import resource  # which not every system has
    except ImportError:
        return None
    kinds = [resource.RLIMIT_DATA, resource.RLIMIT_AS]
    limits = [resource.getrlimit(kind)[0] for kind in kinds]
    return min((limit for limit in limits if limit != resource.RLIM_INFINITY), default=None)


def die_first() -> None:
    """Have the kernel end this process, if it has to end one, before the one that it works for."""
    path = "/proc/self/oom_score_adj"
    with contextlib.suppress(OSError), open(path, "r+", encoding="ascii") as file:  # on Linux
        if int(file.read()) < FIRST_TO_DIE:
            file.seek(0)
            file.write(str(FIRST_TO_DIE))


def _bounds(root: str) -> Iterator[Memory]:
    for names, folder in _groups(root):
        limit = _number(_text(os.path.join(folder, names.limit)))
        used = _number(_text(os.path.join(folder, names.used)))
        if limit is not None and used is not None and limit < NO_LIMIT:
            kept = _number(_text(os.path.join(folder, "memory.stat")), names.kept)
            yield Memory(limit, max(used - (kept or 0), 0), "the limit of the control group")
    told = _text(os.path.join(root, "proc/meminfo"))
    total, free = _number(told, "MemTotal:"), _number(told, "MemAvailable:")
    if total is not None and free is not None:
        yield Memory(1024 * total, 1024 * (total - free), "all that the machine has")


def _groups(root: str) -> Iterator[tuple[_Names, str]]:
    """Yield the folders of the control groups that this process is in, from its own one upward."""
    for line in _text(os.path.join(root, "proc/self/cgroup")).splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds == "" or "memory" in kinds.split(","):
            names = OLD if kinds else NEW
            top = os.path.join(root, names.folder)
            parts = [part for part in path.split("/") if part not in ("", "..")]
            for length in range(len(parts), -1, -1):
                yield names, os.path.join(top, *parts[:length])


@cache
def _counter(root: str) -> tuple[str, str]:
    """Return the file that counts what the kernel has ended, and the name of its line."""
    for names, folder in _groups(root):
        path = os.path.join(folder, names.kills)
        if _number(_text(path), "oom_kill ") is not None:
            return path, "oom_kill "
    return os.path.join(root, "proc/vmstat"), "oom_kill "


def _number(text: str, name: str = "") -> int | None:
    """Return the number behind a name at the beginning of a line.

    Examples
    --------
    >>> _number("low 0\\noom_kill 3\\n", "oom_kill "), _number("max\\n"), _number("20\\n")
    (3, None, 20)
    """
    for line in text.splitlines():
        if line.startswith(name):
            word = line[len(name) :].split()[:1]
            return int(word[0]) if word and word[0].isdecimal() else None
    return None


def _text(path: str) -> str:
    """Return what a small file says; nothing if it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return ""
    try:
        pieces = iter(partial(os.read, descriptor, PIECE), b"")
        return b"".join(pieces).decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
