"""What an object is made of: read from its memory where that is all of it, or asked of itself.

An object of the user's is asked only where the user has said that the run is to be resumed: its
`__reduce__` or `__getstate__` may do anything, such as let go of a connection.
"""

from __future__ import annotations

import builtins
import contextlib
import copyreg
import functools
import gc
import pickle
import sys
import types
from collections.abc import Callable, Iterable
from time import perf_counter, thread_time
from typing import Any, NamedTuple

from .code import remembered
from .origins import attributes_of, full_name, is_users_class, is_users_function, line_of_bases

__all__ = ["Way", "asked", "is_slow", "raw_state", "size_of", "way_of"]

SLOW, SLOWER = 0.003, 0.1
"""Seconds of work, and of waiting: a class whose object took longer to tell what it is made of is
not asked in passing again."""


class Way(NamedTuple):
    """How objects of a class are taken apart.

    Attributes
    ----------
    is_asked : bool
        Whether that is up to a method of the class; otherwise the rest says what is in memory.
    is_users : bool
        Whether the class is the user's, so that this method may be too.
    base : type or None
        The builtin type that the class derives from, if that has a content.
    payload : callable or None
        Returns that content.
    space : callable or None
        Returns the attributes.
    slots : tuple of (str, descriptor)
        The attributes that have a place of their own.
    cached : frozenset of str
        Attributes that are filled when somebody looks.
    """

    is_asked: bool
    is_users: bool
    base: Any = None
    payload: Callable[[Any], Iterable[Any]] | None = None
    space: Callable[[Any], dict[str, Any]] | None = None
    slots: tuple[tuple[str, Any], ...] = ()
    cached: frozenset[str] = frozenset()


def way_of(kind: type) -> Way:
    """Return how objects of a class are taken apart; nothing of the user's is called.

    Examples
    --------
    >>> class Row:
    ...     def __init__(self): self.cells = [1]
    >>> class Handle:
    ...     def __getstate__(self): return {}
    >>> way_of(Row).is_asked, way_of(Handle).is_asked
    (False, True)
    """
    is_users = is_users_class(kind)
    if any(kind is known for known in list(copyreg.dispatch_table)):
        return Way(True, is_users)
    for name in ("__reduce_ex__", "__reduce__", "__getstate__"):
        owner = next(base for base in (*line_of_bases(kind), None) if _has(base, name))
        if owner is None or owner is object or id(owner) in _PAYLOADS:
            continue
        method = attributes_of(owner)[name]
        if not is_users or type(method) is not types.FunctionType or is_users_function(method):
            return Way(True, is_users)
    return _raw_way(kind, is_users) or Way(True, is_users)


def raw_state(value: Any, way: Way) -> tuple[list[Any], dict[str, Any]]:
    """Return what is in the memory of an object: the content of its builtin type, and attributes.

    Examples
    --------
    >>> class Row:
    ...     def __init__(self): self.cells = [1]
    >>> raw_state(Row(), way_of(Row))
    ([], {'cells': [1]})
    """
    payload = [] if way.payload is None else list(way.payload(value))
    space = {} if way.space is None else way.space(value)
    names = list(dict.keys(space))
    if all(map(_is_text, names)):
        names.sort()
    held = {name: dict.get(space, name) for name in names if name not in way.cached}
    for name, slot in way.slots:
        with contextlib.suppress(AttributeError):  # it may be empty
            held[name] = slot.__get__(value)
    return payload, held


def asked(value: Any) -> Any:
    """Return what an object says that it is made of, as for pickle.

    Examples
    --------
    >>> from fractions import Fraction
    >>> asked(Fraction(1, 2))[1]
    (1, 2)
    """
    kind = type(value)
    reduce = next(
        (way for known, way in list(copyreg.dispatch_table.items()) if known is kind), None
    )
    before, busy, collected = perf_counter(), thread_time(), gc.get_count()
    made: Any = value.__reduce_ex__(5) if reduce is None else reduce(value)
    if thread_time() - busy > SLOW or perf_counter() - before > SLOWER:
        now = gc.get_count()
        if now[1] >= collected[1] and now[2] >= collected[2]:  # else the collector took that time
            remembered(_slow, kind, lambda _: True)
    if type(made) is not str and (type(made) is not tuple or len(made) < 2):
        raise TypeError("it does not say what it is made of")
    if type(made) is str and not _leads_to(value, made):
        raise TypeError("its name does not lead to it")
    return made


def _leads_to(value: Any, name: str) -> bool:
    """Tell whether an object is found by the name that it says is its own."""
    module: Any = getattr(value, "__module__", None)
    if type(module) is not str:
        module = pickle.whichmodule(value, name)  # type: ignore[attr-defined]
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is value


def is_slow(kind: type) -> bool:
    """Tell whether an object of a class took long to say what it is made of.

    Examples
    --------
    >>> is_slow(int)
    False
    """
    return id(kind) in _slow


def size_of(value: Any) -> int:
    """Return the bytes that an object of an installed class holds, as far as it tells at once.

    Examples
    --------
    >>> size_of(bytearray(1000)) > 1000
    True
    """
    kind = type(value)
    method: Any = kind.__sizeof__
    if type(method) is _METHOD and method is not object.__sizeof__:
        return sys.getsizeof(value)
    for name in ("nbytes", "estimated_size"):
        found = getattr(value, name, None) if hasattr(kind, name) else None
        found = found() if name == "estimated_size" and callable(found) else found
        if isinstance(found, int | float):
            return int(found)
    return 0


def _raw_way(kind: type, is_users: bool) -> Way | None:
    """Return how objects are read from memory, or None if the interpreter hides a part of it."""
    slots, cached = dict[str, Any](), set[str]()
    builtin, payload, space = None, None, None
    for base in line_of_bases(kind):
        if id(base) in _PAYLOADS:
            builtin = builtin or base
            payload = payload or _PAYLOADS[id(base)]
        elif base is not object and _hides(base):
            return None
        for name, held in attributes_of(base).items():
            if name == "__dict__":
                if type(held) is not types.GetSetDescriptorType:
                    return None
                space = space or held.__get__
            elif type(held) is types.MemberDescriptorType and id(base) not in _PAYLOADS:
                slots.setdefault(f"{full_name(base)[1]}.{name}", held)
            elif _is_cached(type(held)):
                cached.add(name)
    return Way(False, is_users, builtin, payload, space, tuple(slots.items()), frozenset(cached))


def _hides(kind: type) -> bool:
    """Tell whether objects of a class have more memory than its bases and slots account for."""
    held = attributes_of(kind).items()
    slots = sum(type(value) is types.MemberDescriptorType for _, value in held)
    slots += sum(name in ("__dict__", "__weakref__") for name, _ in held)
    more = _basicsize(kind) - max(map(_basicsize, _bases(kind)))
    return more > slots * _WORD


def _is_cached(kind: type) -> bool:
    return issubclass(kind, functools.cached_property) or full_name(kind)[1] == "cached_property"


def _has(base: type | None, name: str) -> bool:
    return base is None or name in attributes_of(base)


def _is_text(name: Any) -> bool:
    return type(name) is str


def _content(kind: Any) -> Callable[[Any], Iterable[Any]]:
    return lambda value: kind.__getnewargs__(value)  # a plain object, whatever the subclass says


def _arguments(kind: Any) -> Callable[[Any], Iterable[Any]]:
    return lambda error: kind.__reduce__(error)[1]


_METHOD = types.MethodDescriptorType
_WORD = tuple.__itemsize__
_basicsize: Callable[[type], int] = type.__dict__["__basicsize__"].__get__
_bases: Callable[[type], tuple[type, ...]] = type.__dict__["__bases__"].__get__
_slow: dict[int, Any] = {}
_ERRORS = [
    each
    for each in vars(builtins).values()
    if isinstance(each, type) and issubclass(each, BaseException)
]
_PAYLOADS: dict[int, Callable[[Any], Iterable[Any]]] = {
    **{id(kind): _content(kind) for kind in (int, float, complex, str, bytes, tuple)},
    id(list): lambda value: [list.copy(value)],
    id(dict): lambda value: [list(dict.keys(value)), list(dict.values(value))],
    id(set): lambda value: [set(set.__iter__(value))],
    id(frozenset): lambda value: [frozenset(frozenset.__iter__(value))],
    **{id(kind): _arguments(kind) for kind in _ERRORS},
}
"""How the content of the interpreter's own types is read, by their id: a metaclass of the user's
may have a hash of its own."""
