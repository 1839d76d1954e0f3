"""How a result is pickled for another kernel: the user's classes and functions go by their names.

A name is worth something only if it leads to the same there. So each one that is referred to is
noted with its fingerprint, and compared before the pickle is read. What no name leads to (a class
within a function) is refused; a lambda or a closure goes by its code.
"""

from __future__ import annotations

import importlib
import io
import pickle
import sys
import threading
from contextvars import ContextVar
from types import FunctionType
from typing import Any, NoReturn

from ...strangers import described, harmless, is_interrupt, reason_of, type_name
from ..remote.pickling.kinds import is_shell
from ..remote.pickling.pickler import PLAIN, Pickler
from ..rerun.contents.origins import (
    attributes_of,
    full_name,
    is_class,
    is_users,
    is_users_class,
    space_of,
)
from ..rerun.fingerprint import Printer
from .reasons import CannotKeep, CannotRead

__all__ = ["Named", "Names", "dumps", "loads"]

APART = 2**14
"""Bytes from which on a buffer is not copied into the pickle."""

Named = tuple[str, str, str]
"""The module of what is referred to, the way to it there, and the digest of its fingerprint."""


class Names:
    """What the names of classes and functions lead to here, between which nothing changes.

    Examples
    --------
    >>> names = Names()
    >>> names.differ([])
    ''
    >>> names.differ([("__main__", "NoSuchRow", "digest")])
    "its result holds a 'NoSuchRow', which is not defined here"
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._printer = Printer(is_bounded=False)
        self._known: dict[int, tuple[Any, str]] = {}

    def digest(self, thing: Any) -> str:
        """Return the digest of a class or function. What the methods of the user raise comes."""
        with self._lock:
            known = self._known.get(id(thing))
            if known is None:
                known = self._known[id(thing)] = thing, self._printer.take(thing).digest
            return known[1]

    def differ(self, named: list[Named]) -> str:
        """Return why what refers to these cannot be read here, or an empty text."""
        for module, path, digest in named:
            found = _found(module, path)
            name = path.rpartition(".")[2]
            if found is None:
                return f"its result holds a '{name}', which is not defined here"
            try:
                is_same = self.digest(found) == digest
            except BaseException as error:  # of a metaclass, say, which is the user's
                if is_interrupt(error):
                    raise
                return f"its result holds a '{name}', which cannot be compared: {described(error)}"
            if not is_same:
                return f"its result holds a '{name}' from before '{name}' was defined again"
        return ""


def _found(module: str, path: str) -> Any:
    """Return what stands at a name in a module of the user's, which is imported; or None."""
    if module not in sys.modules:
        try:
            importlib.import_module(module)
        except BaseException as error:  # whatever the text of the module does
            if is_interrupt(error):
                raise
            return None
    return _at(module, path)


def _at(module: str, path: str) -> Any:
    """Return what stands at a name in a module that is there, or None."""
    found: Any = sys.modules.get(module)
    first, *rest = path.split(".")
    found = space_of(found).get(first)
    for part in rest:
        found = attributes_of(found).get(part) if is_class(found) else None
    return found


class _Pickler(Pickler):
    """Refers to what is the user's by its name, and notes it."""

    def __init__(self, file: Any, names: Names, apart: list[pickle.PickleBuffer]) -> None:
        def stays(buffer: pickle.PickleBuffer) -> bool:
            try:
                size = buffer.raw().nbytes
            except BufferError:  # it is not contiguous; the pickler knows what to say about that
                return True
            if size < APART:
                return True
            apart.append(buffer)
            return False

        super().__init__(file, stays)
        self._names = names
        self.noted: dict[int, tuple[Any, Named]] = {}

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        if kind is object or kind is ContextVar or is_shell(thing):
            raise CannotKeep(f"its result cannot be pickled ({_a(thing)})")
        return super().reducer_override(thing)

    def _reduce_named(self, thing: Any) -> Any:
        if type(thing) is FunctionType:
            module, path = thing.__module__, thing.__qualname__
            is_by_name = type(module) is str and is_users(module) and _at(module, path) is thing
            if not is_by_name:
                return self._reduced(thing)  # by an import, or by its code
        elif not is_users_class(thing):
            reduced = self._reduced(thing)
            if type(reduced) is tuple and len(reduced) >= 6:
                _refuse(thing)
            return reduced
        else:
            module, path = full_name(thing)
            if _at(module, path) is not thing:
                _refuse(thing)
        self.noted[id(thing)] = thing, (module, path, self._names.digest(thing))
        return path


def _refuse(made: type) -> NoReturn:
    """Say why no name leads to a class."""
    module, path = full_name(made)
    around, _, name = path.rpartition(".")
    if around.endswith("<locals>"):
        maker = around.removesuffix(".<locals>")
        raise CannotKeep(f"its result holds a '{name}' that is defined within '{maker}'")
    if _at(module, path) is not None:
        raise CannotKeep(f"its result holds a '{name}' from before '{name}' was defined again")
    raise CannotKeep(f"its result holds a '{name}' that is not found as '{module}.{path}'")


def dumps(value: Any, names: Names) -> tuple[bytes, list[pickle.PickleBuffer], list[Named]]:
    """Pickle a value; return the pickle, its large buffers, and what of the user's it refers to.

    Raises
    ------
    CannotKeep
        If it cannot be read in another kernel.

    Examples
    --------
    >>> pickled, buffers, named = dumps([1, 2], Names())
    >>> pickle.loads(pickled), buffers, named
    ([1, 2], [], [])
    """
    if any(type(value) is plain for plain in PLAIN):  # its own type may have a hash that raises
        return pickle.dumps(value, 5), [], []
    apart: list[pickle.PickleBuffer] = []
    try:
        with io.BytesIO() as file:
            pickler = _Pickler(file, names, apart)
            pickler.dump(value)
            return file.getvalue(), apart, [named for _, named in pickler.noted.values()]
    except CannotKeep:
        raise
    except BaseException as error:  # the methods of the value are the user's
        if is_interrupt(error):
            raise
        raise CannotKeep(_why_not(value, error)) from error


def _a(value: Any) -> str:
    name = type_name(value)
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _why_not(value: Any, error: BaseException) -> str:
    """Return in words why a value cannot be pickled."""
    if any(issubclass(type(each), RecursionError) for each in (error, reason_of(error))):
        return "its result cannot be pickled (it is nested too deeply)"
    text = harmless(described(error), 200)
    found = text.partition("cannot pickle '")[2].partition("'")[0].rpartition(".")[2]
    if found:
        article = "an" if found[:1].lower() in "aeiou" else "a"
        return f"its result cannot be pickled ({article} {found})"
    return f"its result cannot be pickled ({_a(value)}: {text})"


def loads(pickled: bytes, buffers: list[memoryview]) -> Any:
    """Return the value that a pickle and its buffers hold.

    Raises
    ------
    CannotRead
        If what its classes do raises anything.
    """
    try:
        return pickle.loads(pickled, buffers=buffers)
    except BaseException as error:  # the classes are the user's
        if is_interrupt(error):
            raise
        raise CannotRead(f"its result cannot be read: {harmless(described(error), 200)}") from error
