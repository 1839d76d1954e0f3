"""The functions of runs as bytes, with what they name: shipped once, as long as they are the same.

What is large in a function's pickle, the data of an array that it names say, lies in a file of its
own that all workers map. Whatever names the same bytes, another function or a later run, gets the
same file, which goes with the last one that names it. What is the same is found by comparing the
bytes: an array that was changed in place is another one.

What goes to the workers is the small rest, which has a number by which a worker knows it again. It
has the same number for as long as a run that has shipped it is kept.
"""

from __future__ import annotations

import pickle
import threading
import weakref
from collections.abc import Sequence
from itertools import count
from typing import Any

from ..remote.pickling.pickler import LARGE, dumps
from ..remote.process.forks import after_fork
from .shared_memory import open_parts, split, write
from .workspace import WorkDir

__all__ = ["Shipment", "ship"]

CHUNK = 1 << 20
"""Bytes that are compared at once."""

_lock = threading.RLock()
_numbers = count()
_shipments: weakref.WeakValueDictionary[bytes, Shipment] = weakref.WeakValueDictionary()
_files: dict[int, weakref.WeakSet[_File]] = {}
"""What is in files, by the size."""


class Shipment:
    """A pickled function, as it goes to a worker.

    Attributes
    ----------
    number : int
        What it is known by.
    content : bytes
        Its pickle, which reads what is large from files.
    weight : int
        Bytes of all of it.
    """

    def __init__(self, content: bytes, files: Sequence[_File] = ()) -> None:
        self.number = next(_numbers)
        self.content = content
        self.weight = len(content) + sum(file.size for file in files)
        self._files = files


class _File:
    """Bytes in a file, which goes with this object."""

    def __init__(self, part: memoryview) -> None:
        self._workdir = WorkDir()
        self.size = part.nbytes
        self.path = write(self._workdir.folders, [part])

    def holds(self, part: memoryview) -> bool:
        """Tell whether these are the bytes."""
        try:
            with open(self.path, "rb", buffering=0) as file:
                return all(
                    file.read(CHUNK) == part[start : start + CHUNK].tobytes()
                    for start in range(0, self.size, CHUNK)
                )
        except OSError:  # somebody has removed it
            return False


class _Outline:
    """What is pickled as the value that it was made of."""

    def __init__(self, rest: bytes, files: Sequence[_File]) -> None:
        self._fields = rest, tuple((file.path, file.size) for file in files)

    def __reduce__(self) -> tuple[Any, ...]:
        return open_parts, self._fields


def ship(value: Any, **options: Any) -> Shipment:
    """Return the shipment of a value; the one that there is, if it is the same.

    What the methods of the value raise comes through. The options are those of `dumps`.

    Examples
    --------
    >>> first, second = ship(bytearray(3_000_000)), ship(bytearray(3_000_000))
    >>> first is second, len(first.content) < 1000, first.weight > 3_000_000
    (True, True, True)
    >>> pickle.loads(first.content) == bytearray(3_000_000)
    True
    """
    rest, parts = split(value, **options)
    if len(rest) >= LARGE:
        parts.append(memoryview(rest))
        rest = b""
    if not parts:
        return _known(rest)
    try:
        with _lock:
            files = [_in_file(part) for part in parts]
    except OSError:  # there is no room in any folder
        return _known(dumps(value, **options))
    return _known(pickle.dumps(_Outline(rest, files)), files)


def _known(content: bytes, files: Sequence[_File] = ()) -> Shipment:
    with _lock:
        shipment = _shipments.get(content)
        if shipment is None:
            shipment = _shipments[content] = Shipment(content, files)
        return shipment


def _in_file(part: memoryview) -> _File:
    """Return the file with these bytes; if there is none, a new one."""
    for size in [size for size, files in _files.items() if not files]:
        del _files[size]
    alike = _files.setdefault(part.nbytes, weakref.WeakSet())
    for file in list(alike):
        if file.holds(part):
            return file
    file = _File(part)
    alike.add(file)
    return file


@after_fork
def _forked() -> None:
    """Let go of the parent's files, which go when the parent says so."""
    global _lock
    _lock = threading.RLock()  # another thread may have held it
    _files.clear()
    _shipments.clear()
