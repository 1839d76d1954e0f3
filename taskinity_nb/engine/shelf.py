"""Folders for large values: one a run, which goes with the run, however that ends.

The folders lie in memory (``/dev/shm``) where there is such a file system, and a second one in the
folder for temporary files takes what the first has no room for. Each process has a root folder in
both, which it holds locked for as long as it lives; the first thing that the next process does is
to remove roots that nobody holds. A lock tells the living from the dead where the number of a
process does not, across containers too, and the kernel lets go of it even if a process is killed.

The lock is on the folder itself: so systemd, which clears temporary folders of what is old, leaves
it alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator

from .interrupts import held

try:
    import fcntl
except ImportError:  # on Windows; there what a killed process leaves behind stays
    fcntl = None  # type: ignore[assignment]

__all__ = ["Shelf", "sweep"]

MEMORY = "/dev/shm"
"""Where Linux has a file system in memory."""

PREFIX = "taskinity_nb-"
NEW = ".new"
"""Ends the name of a root until it is locked."""

PATIENCE = 60.0
"""Seconds that a process has to lock its new root before that counts as left behind."""

_roots: dict[str, _Root] = {}
_lock = threading.RLock()
"""Reentrant, since a shelf may be closed by the garbage collector, which may begin anywhere."""


class Shelf:
    """The folders of one run, made when they are first asked for.

    They are removed by `close`, with the shelf itself, or at exit. What is mapped from their files
    remains. In a process that was forked from the one that made them they are not removed.

    Examples
    --------
    >>> shelf = Shelf()
    >>> [os.path.isdir(folder) for folder in shelf.folders][:1]
    [True]
    >>> shelf.close()
    >>> shelf.folders
    ()
    """

    def __init__(self) -> None:
        self._folders: tuple[str, ...] | None = None
        self._remove: weakref.finalize[..., Shelf] | None = None

    @property
    def folders(self) -> tuple[str, ...]:
        """Their paths, the best one first; none after `close`, or where none can be made."""
        with _lock:
            if self._folders is None:
                self._folders = tuple(_make_folders())
                self._remove = weakref.finalize(self, _remove_own, self._folders, os.getpid())
            return self._folders

    def close(self) -> None:
        """Remove the folders and all that is in them; once is enough."""
        with _lock:
            self._folders = ()
        if self._remove is not None:
            self._remove()


def sweep() -> None:
    """Remove the roots of this user's processes that have died."""
    if fcntl is None:
        return
    for place in _places():
        try:
            with os.scandir(place) as entries:
                found = [entry.path for entry in entries if entry.name.startswith(PREFIX)]
        except OSError:
            continue
        for path in found:
            try:
                _remove_if_dead(path)
            except OSError:  # it is held, it is another user's, or it has just gone
                continue


def _remove_if_dead(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        is_new = path.endswith(NEW) and time.time() - status.st_mtime < PATIENCE
        if status.st_uid == os.geteuid() and not is_new:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
    finally:
        os.close(descriptor)


class _Root:
    """A folder that this process holds locked, and removes at exit."""

    def __init__(self, place: str) -> None:
        new = tempfile.mkdtemp(NEW, PREFIX, place)
        self.path = new.removesuffix(NEW)
        descriptor = None
        try:
            if fcntl is not None:
                descriptor = os.open(new, os.O_RDONLY | os.O_DIRECTORY)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.rename(new, self.path)
        except OSError:  # a file system without locks
            _leave(new, descriptor, os.getpid())
            raise
        self.leave = weakref.finalize(self, _leave, self.path, descriptor, os.getpid())


def _leave(path: str, descriptor: int | None, pid: int) -> None:
    _remove_own((path,), pid)
    if descriptor is not None:
        os.close(descriptor)


def _make_folders() -> Iterator[str]:
    """Make a folder in each of our roots."""
    if not _roots:
        sweep()
    for place in _places():
        try:
            if place not in _roots or not os.path.isdir(_roots[place].path):
                _roots[place] = _Root(place)  # the user's logging out may have removed the last one
            yield tempfile.mkdtemp(prefix="run-", dir=_roots[place].path)
        except OSError:
            continue


def _places() -> list[str]:
    places = [MEMORY]
    with contextlib.suppress(FileNotFoundError):  # there is none
        places.append(tempfile.gettempdir())
    return list(dict.fromkeys(map(os.path.realpath, places)))


def _remove_own(folders: tuple[str, ...], pid: int) -> None:
    """Remove folders, if they were made by this process: a forked one inherits the duty too."""
    if pid == os.getpid():
        with held(in_finalizer=True):
            for folder in folders:
                _remove(folder)


def _remove(folder: str) -> None:
    for _ in range(3):  # again, if a worker that was not quite dead has put something into it
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return


def _forked() -> None:
    """Let go of the roots, which are the parent's: held here they would outlive it."""
    global _lock
    _lock = threading.RLock()  # another thread may have held it
    for root in _roots.values():
        root.leave()
    _roots.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
