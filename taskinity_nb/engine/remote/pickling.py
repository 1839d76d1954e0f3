"""Pickles what travels between processes: cloudpickle, so that a notebook's functions travel too.

A function keeps the name of the file (or cell) that it was written in, which newer versions of
cloudpickle take away: a traceback from another process is to show the lines of the cell.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections import ChainMap
from collections.abc import Callable
from types import CodeType
from typing import Any

import cloudpickle

__all__ = ["LARGE", "PLAIN", "dumps", "dumps_noting", "size_of"]

PLAIN = frozenset({bool, bytes, float, int, str, type(None)})
"""Types whose pickle is the same with and without cloudpickle, which is slow to begin."""

LARGE = 1_000_000
"""Bytes from which on data between processes lie in files instead of going through a pipe."""

_BASE: ChainMap[type, Callable[[Any], Any]] = cloudpickle.Pickler.dispatch_table


def _reduce_code(code: CodeType) -> tuple[Any, ...]:
    make, arguments, *rest = _BASE[CodeType](code)
    named = (code.co_filename if each == "<dynamic-code>" else each for each in arguments)
    return make, tuple(named), *rest


_TABLE: ChainMap[type, Callable[[Any], Any]] = ChainMap({CodeType: _reduce_code}, *_BASE.maps)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it carries no types
    dispatch_table = _TABLE


def dumps(value: Any, buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None) -> bytes:
    """Pickle anything that cloudpickle can, by protocol 5.

    What the methods of the value raise comes through. `buffer_callback` takes a buffer, and returns
    something true to have it in the pickle.

    Examples
    --------
    >>> pickle.loads(dumps(lambda x: 2 * x))(21)
    42
    """
    if type(value) in PLAIN:
        return pickle.dumps(value, 5)
    with io.BytesIO() as file:
        _Pickler(file, protocol=5, buffer_callback=buffer_callback).dump(value)
        return file.getvalue()


class _NotingPickler(_Pickler):
    """Tells of each object that it pickles."""

    note: Callable[[Any], None]

    def reducer_override(self, value: Any) -> Any:
        self.note(value)
        return super().reducer_override(value)


def dumps_noting(value: Any, note: Callable[[Any], None]) -> bytes:
    """Do what `dumps` does, and call `note` with each object that is pickled, plain ones apart.

    Examples
    --------
    >>> noted = []
    >>> len(dumps_noting([{1, 2}, print], noted.append)) > 0, print in noted
    (True, True)
    """
    with io.BytesIO() as file:
        pickler = _NotingPickler(file, protocol=5)
        pickler.note = note
        pickler.dump(value)
        return file.getvalue()


class _Scale:
    """A file that keeps nothing but the number of bytes."""

    def __init__(self) -> None:
        self.weight = 0

    def write(self, data: bytes) -> int:
        self.weight += len(data)
        return len(data)

    def add(self, buffer: pickle.PickleBuffer) -> None:
        self.weight += buffer.raw().nbytes


def size_of(value: Any) -> int:
    """Return how many bytes the pickle of a value has, without making it.

    What the methods of the value raise comes through.

    Examples
    --------
    >>> size_of(b"x" * 1000) > 1000, size_of([1, 2]) < 50
    (True, True)
    """
    if type(value) in PLAIN:
        return sys.getsizeof(value)
    scale = _Scale()
    _Pickler(scale, protocol=5, buffer_callback=scale.add).dump(value)
    return scale.weight
