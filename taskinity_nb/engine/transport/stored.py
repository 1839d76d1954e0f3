"""A large result that lies in a file, until somebody here asks for it."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import Any

from ...errors import FlowError
from ...model.record import Elsewhere
from ...strangers import described, is_interrupt
from .shared_memory import Parcel
from .workspace import Shelf

__all__ = ["Stored"]


class Stored(Elsewhere):
    """A result in a file, which goes with it; it travels as what it is.

    Parameters
    ----------
    parcel : Parcel
        Where it lies.
    shelf : Shelf
        Whose folder that is; it is there as long as something in it is needed.

    Examples
    --------
    >>> from taskinity_nb.engine.transport.shared_memory import pack
    >>> shelf = Shelf()
    >>> stored = Stored(pack(bytearray(2_000_000), *shelf.folders), shelf)
    >>> del shelf
    >>> stored.fetch() == bytearray(2_000_000), stored.fetch() is stored.fetch()
    (True, True)
    """

    def __init__(self, parcel: Parcel, shelf: Shelf) -> None:
        self._parcel = parcel
        self._shelf = shelf
        self._opened: list[Any] = []
        self._lock = threading.Lock()
        # At exit, the shelf removes the whole folder.
        weakref.finalize(self, _remove, parcel.path, os.getpid()).atexit = False

    def fetch(self) -> Any:
        with self._lock:
            if not self._opened:
                self._opened.append(self._open())
            return self._opened[0]

    def _open(self) -> Any:
        """Return the value; what its class raises there must not end the program of who asks."""
        try:
            return self._parcel.open()
        except BaseException as error:
            if issubclass(type(error), Exception) or is_interrupt(error):
                raise
            raise FlowError(f"a result cannot be read: {described(error)}") from error

    def __reduce__(self) -> tuple[Any, ...]:
        return self._parcel.__reduce__()


def _remove(path: str, pid: int) -> None:
    """Remove a file, unless this is a fork of the process whose it is.

    The path may be an old one, but its random names are those of no other file.
    """
    if pid == os.getpid():
        with contextlib.suppress(OSError):
            os.unlink(path)
