"""Memory control groups of their own, in which a script finds only so much memory.

A group lies below that of the tests, so all limits of that one hold too; it is removed afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["Group", "can_make_groups", "memory_group"]

NAMES = {
    "old": ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"),
    "new": ("memory.max", "memory.peak", "memory.events"),
}


class Group:
    """A group, and what its kernel counts."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self._limit, self._peak, self._kills = NAMES[kind]

    def limit(self, nbytes: int) -> None:
        """Bound the memory of all that are in it."""
        (self.folder / self._limit).write_text(str(nbytes))

    @property
    def peak(self) -> int:
        """The most bytes that were in use."""
        return int((self.folder / self._peak).read_text())

    @property
    def kills(self) -> int:
        """How many processes the kernel has ended."""
        told = (self.folder / self._kills).read_text().splitlines()
        return next(int(line.split()[1]) for line in told if line.startswith("oom_kill "))

    def run(self, code: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a script in it, to its end."""
        into = f"open({str(self.folder / 'cgroup.procs')!r}, 'w').write('0')\n"
        return subprocess.run(
            [sys.executable, "-c", into + code], text=True, capture_output=True, **options
        )


@contextmanager
def memory_group(nbytes: int) -> Iterator[Group]:
    """Make a group for so many bytes, and remove it when nobody is in it any more.

    Raises
    ------
    OSError
        If no group may be made here.
    """
    own, kind = _own()
    folder = own / f"taskinity-nb-{os.getpid()}"
    folder.mkdir()
    try:
        group = Group(folder, kind)
        group.limit(nbytes)
        yield group
    finally:
        until = time.monotonic() + 10
        while (folder / "cgroup.procs").exists():
            with suppress(OSError):  # somebody is on the way out
                folder.rmdir()
            assert time.monotonic() < until, "a process of the test goes on"
            time.sleep(0.01)


def can_make_groups() -> bool:
    """Tell whether groups with a limit on memory can be made here."""
    try:
        with memory_group(1 << 30):
            return True
    except OSError:
        return False


def _own() -> tuple[Path, str]:
    """Return the folder of the group that this process is in, and of which version it is."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        if "memory" in kinds.split(","):
            return Path("/sys/fs/cgroup/memory") / path.lstrip("/"), "old"
    return Path("/sys/fs/cgroup") / path.lstrip("/"), "new"
