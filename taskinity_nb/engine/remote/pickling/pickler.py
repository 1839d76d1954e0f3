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
from enum import EnumType
from types import CodeType, FunctionType
from typing import Any

import cloudpickle

from ....strangers import described, is_error, lineage, text_of, type_name
from .exceptions import DEEPEST
from .exceptions import reduced as reduced_error
from .identity import by_name, tagged
from .kinds import (
    KINDS,
    also_named,
    is_shell,
    is_shell_getter,
    of_libraries,
    reduced_member,
    shell_getter,
    stream,
    streams,
)
from .registered import REGISTERED
from .shell import WorkerShell

__all__ = ["LARGE", "PLAIN", "Pickler", "dumps", "in_words", "pack_error", "size_of"]

PLAIN = frozenset({bool, bytes, float, int, str, type(None)})
"""Types whose pickle is the same with and without cloudpickle, which is slow to begin."""

LARGE = 1_000_000
"""Bytes from which on data between processes lie in files instead of going through a pipe."""

_BASE: ChainMap[type, Callable[[Any], Any]] = cloudpickle.Pickler.dispatch_table


def _reduce_code(code: CodeType) -> tuple[Any, ...]:
    make, arguments, *rest = _BASE[CodeType](code)
    named = (code.co_filename if each == "<dynamic-code>" else each for each in arguments)
    return make, tuple(named), *rest


_TABLE: ChainMap[type, Callable[[Any], Any]] = ChainMap(
    {CodeType: _reduce_code, **KINDS}, REGISTERED, *_BASE.maps
)


def _as_it_is(part: Any) -> Any:
    return part


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it carries no types
    """Pickles into a file; what the methods of a value raise comes through (see `dumps`)."""

    dispatch_table = _TABLE

    def __init__(
        self, file: Any, buffer_callback: Any = None, *, back: bool = False, note: Any = None
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=buffer_callback)
        _TABLE.maps[0].update(of_libraries())
        self._back = back
        self._note = note
        self._streams = streams()
        self.sent: dict[int, Any] = {}
        self.named: dict[int, Any] = {}
        self.depth = 0
        self.keep: Callable[[Any], Any] = _as_it_is

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        if self._note is not None:
            self._note(thing)
        if kind is FunctionType or issubclass(kind, type):
            return self._reduce_named(thing)
        if issubclass(kind, BaseException):
            chain = self._pack_error if self.depth < DEEPEST else None
            return reduced_error(thing, chain, self.keep, self.keep is _as_it_is)
        if issubclass(type(kind), EnumType) and (member := reduced_member(thing)) is not None:
            return member
        if id(thing) in self._streams:
            return stream, (self._streams[id(thing)],)
        if is_shell(thing):
            return WorkerShell, ()
        return NotImplemented

    def _reduce_named(self, thing: Any) -> Any:
        """Reduce a function or class: by its name, its token, or all that it is."""
        if self._back and (known := by_name(thing)) is not None:
            self.named[id(thing)] = thing
            return known
        if is_shell_getter(thing):
            return shell_getter, ()
        reduced = self._reduced(thing)
        if type(reduced) is not tuple or len(reduced) < 6:
            return reduced  # it can be imported
        self.sent[id(thing)] = thing
        return tagged(thing, reduced)

    def _reduced(self, thing: Any) -> Any:
        """Reduce a function or class by what it is, if it cannot be imported."""
        reduced = super().reducer_override(thing)
        if type(reduced) is tuple and len(reduced) >= 6 and type(thing) is FunctionType:
            reduced[2][1]["__globals__"] |= also_named(thing)
        return reduced

    def _pack_error(self, error: BaseException) -> tuple[str, Any]:
        return pack_error(error, self.depth + 1, back=self._back)


def dumps(
    value: Any,
    buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None,
    *,
    back: bool = False,
    sent: dict[int, Any] | None = None,
    named: dict[int, Any] | None = None,
    note: Callable[[Any], None] | None = None,
) -> bytes:
    """Pickle anything that cloudpickle can, and more, by protocol 5.

    What the methods of the value raise comes through. `buffer_callback` takes a buffer, and returns
    something true to have it in the pickle. What goes `back` to the caller refers to what is the
    caller's own. The functions and classes that are sent by value are put into `sent`, by their
    ids, those that are referred to into `named`; `note` is called with each object that is not
    plain.

    Examples
    --------
    >>> pickle.loads(dumps(lambda x: 2 * x))(21)
    42
    """
    if type(value) in PLAIN:
        return pickle.dumps(value, 5)
    with io.BytesIO() as file:
        pickler = Pickler(file, buffer_callback, back=back, note=note)
        pickler.dump(value)
        for known, found in ((sent, pickler.sent), (named, pickler.named)):
            if known is not None:
                known |= found
        return file.getvalue()


def pack_error(error: BaseException, depth: int = 0, *, back: bool = True) -> tuple[str, Any]:
    """Return kind and payload of the `CallResult` of a task that has raised.

    Examples
    --------
    >>> kind, (pickled, *told) = pack_error(ValueError("no"))
    >>> kind, pickle.loads(pickled), told[:2]
    ('error', ValueError('no'), ['ValueError', 'no'])
    """
    told = type_name(error), in_words(error), lineage(type(error))
    for keep in (_as_it_is, _kept):  # at first in its own way, then without what cannot travel
        try:
            with io.BytesIO() as file:
                pickler = Pickler(file, back=back)
                pickler.depth, pickler.keep = depth, keep
                pickler.dump(error)
                packed = file.getvalue()
            # One may be written and yet not be readable, or come back as something else.
            if is_error(pickle.loads(packed)):
                return "error", (packed, *told)
        except BaseException:
            continue
    return "lost error", told


def _kept(part: Any) -> Any:
    """Return a part of an exception, or what tells of it if it cannot travel."""
    try:
        pickle.loads(dumps(part, back=True))
    except BaseException as why:
        return (
            f"({type_name(part)}, which could not be sent from another process: {described(why)})"
        )
    return part


def in_words(error: BaseException, say: Callable[[BaseException], str] = text_of) -> str:
    """Return what is said of an error; in a worker, an interrupt is the user's own code too."""
    try:
        return say(error)
    except KeyboardInterrupt:
        return "(its text cannot be shown: str() raised KeyboardInterrupt)"


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
    Pickler(scale, scale.add).dump(value)
    return scale.weight
