"""Folders for large values: one a run, which goes with the run, however that ends.

The folders lie in memory (``/dev/shm``) where there is such a file system, and a second one in the
folder for temporary files takes what the first has no room for. Each process has a root folder in
both, which goes at its exit; those of processes that were killed are swept when the next run begins
or a process ends. What is ours, and what is dead, `ownership` knows.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from multiprocessing import util

from ..remote.process.forks import after_fork
from ..runtime.interrupts import defer_interrupts
from .ownership import Root, sweep_place

__all__ = ["WorkDir", "sweep"]

MEMORY = "/dev/shm"
"""Where Linux has a file system in memory."""

REST = 100
"""So many times as long as a sweep takes no other one begins: they take a hundredth of the time."""

LAST = -100
"""At the exit of a process: after the processes that it has started have ended."""

_roots: dict[str, Root] = {}
_rested = 0.0
"""When the next sweep may begin."""

_lock = threading.RLock()
"""Reentrant: the garbage collector may close a `WorkDir`, and may begin anywhere."""


class WorkDir:
    """The folders of one run, made when they are first asked for.

    They are removed by `close`, with the object itself, or at exit. What is mapped from their files
    remains. In a process that was forked from the one that made them they are not removed.

    Examples
    --------
    >>> workdir = WorkDir()
    >>> [os.path.isdir(folder) for folder in workdir.folders][:1]
    [True]
    >>> workdir.close()
    >>> workdir.folders
    ()
    """

    def __init__(self) -> None:
        self._folders: tuple[str, ...] | None = None
        self._remove: weakref.finalize[..., WorkDir] | None = None

    @property
    def folders(self) -> tuple[str, ...]:
        """Their paths, the best one first; none after `close`, or where none can be made."""
        with _lock:
            if self._folders is None:
                made = list(_make_folders())
                self._folders = tuple(os.path.join(root.path, name) for root, name in made)
                self._remove = weakref.finalize(self, _remove, made)
                self._remove.atexit = False  # then the roots go, as a whole
            return self._folders

    def close(self) -> None:
        """Remove the folders and all that is in them; once is enough."""
        with _lock:
            self._folders = ()
        if self._remove is not None:
            self._remove()


def sweep() -> None:
    """Remove the roots of this user's processes that have died."""
    global _rested
    began = time.monotonic()
    for place in _places():
        with contextlib.suppress(OSError):
            sweep_place(place)
    ended = time.monotonic()
    _rested = ended + REST * (ended - began)


def _make_folders() -> Iterator[tuple[Root, str]]:
    """Make a folder in each of our roots."""
    if not _roots:
        util.Finalize(None, _end, exitpriority=LAST)
    if not _roots or time.monotonic() >= _rested:
        sweep()
    for place in _places():
        try:
            if place not in _roots or not _roots[place].is_there():
                _roots[place] = Root(place)  # the user's logging out may have removed the last one
            root = _roots[place]
            yield root, root.make()
        except OSError:
            continue


def _places() -> list[str]:
    places = [MEMORY]
    with contextlib.suppress(FileNotFoundError):  # there is none
        places.append(tempfile.gettempdir())
    return list(dict.fromkeys(map(os.path.realpath, places)))


def _remove(made: list[tuple[Root, str]]) -> None:
    with defer_interrupts(in_finalizer=True):
        for root, name in made:
            root.remove(name)


@atexit.register
def _end() -> None:
    """Remove the roots at exit, and those of processes of ours that were killed in the end.

    A process that `multiprocessing` has started does not get as far as `atexit`.
    """
    with defer_interrupts(in_finalizer=True):
        for root in list(_roots.values()):
            root.leave()
        if _roots:
            sweep()


@after_fork
def _forked() -> None:
    """Let go of the roots, which are the parent's."""
    global _lock
    _lock = threading.RLock()  # another thread may have held it
    for root in _roots.values():
        root.part()
    _roots.clear()
