"""What is asked of the values that go from task to task: can they be read again, what is in them?

What can only be gone through, such as what ``yield`` and `zip` give, is made a list where it comes
from. What can be more than that and is used up by reading, such as an open file, goes to one task.

All of it is asked of types, not of the values, whose own code may do anything. This module uses the
standard library alone: it travels to places where the package is not installed.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping
from types import CoroutineType, WrapperDescriptorType
from typing import Any

__all__ = [
    "REPEATABLE",
    "OnceError",
    "collected",
    "for_several",
    "gathered",
    "is_frame",
    "is_once",
    "is_plain_iterator",
    "itself",
    "kind_of",
    "listed",
    "picked",
]

REPEATABLE = frozenset(
    map(id, (type(None), bool, int, float, complex, str, bytes, bytearray, list, set, frozenset))
)
"""The ids of types whose objects can be read again; to ask so is quick, and nobody's code runs."""

_REPEATABLE_ITEMS = REPEATABLE | {id(tuple), id(dict)}

_OF_GENERATORS = frozenset({"send", "throw", "close", "from_iterable"})
"""Public names that an iterator may have though there is no more to it than going through it."""


class OnceError(TypeError):
    """A value cannot be handed on, since it never ends, or since only one can read it."""


_FILE = io.IOBase.__mro__[-2]
"""What every file is made of; `io.IOBase` itself only says that they are files."""

_mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_dict: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_module: Callable[[type], Any] = type.__dict__["__module__"].__get__
_name: Callable[[type], str] = type.__dict__["__name__"].__get__


def _has(kind: type, *names: str) -> bool:
    """Tell whether a type has one of some attributes, whatever its metaclass says."""
    return any(name in _dict(base) for base in _mro(kind) for name in names)


def kind_of(value: Any) -> str:
    """Return what to call a value in an error.

    Examples
    --------
    >>> kind_of(itertools.count()), kind_of(io.StringIO())
    ('an itertools.count', 'a StringIO')
    """
    name = _name(type(value))
    if _module(type(value)) == "itertools":
        name = f"itertools.{name}"
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


# Reading again.


def is_plain_iterator(kind: type) -> bool:
    """Tell the type of an iterator that can do nothing but be gone through; it is made in C.

    Examples
    --------
    >>> is_plain_iterator(map), is_plain_iterator(io.StringIO), is_plain_iterator(list)
    (True, False, False)
    """
    if not isinstance(_dict(kind).get("__next__"), WrapperDescriptorType):
        return False
    public = {name for base in _mro(kind) for name in _dict(base) if name[:1] != "_"}
    return all(name in _OF_GENERATORS or name.startswith("gi_") for name in public)


def collected(value: Any) -> Any:
    """Return a list in place of an iterator, in a tuple or the values of a dict too.

    Raises
    ------
    OnceError
        If it is one of those that never end.

    Examples
    --------
    >>> collected(zip("ab", [1, 2])), collected((map(abs, [-1]), 2)), collected("ab")
    ([('a', 1), ('b', 2)], ([1], 2), 'ab')
    """
    kind = type(value)
    if id(kind) in REPEATABLE:
        return value
    if kind is tuple or kind is dict:
        parts = value if kind is tuple else value.values()
        if _REPEATABLE_ITEMS.issuperset(map(id, map(type, parts))):
            return value
        if not any(is_plain_iterator(type(part)) for part in parts):
            return value
        if kind is tuple:
            return tuple([_item(part) for part in parts])
        return {key: _item(part) for key, part in value.items()}
    return _item(value)


def _item(value: Any) -> Any:
    kind = type(value)
    if not _has(kind, "__next__") or not is_plain_iterator(kind):
        return value
    return _all_of(value)


def _all_of(value: Any) -> list[Any]:
    kind = type(value)
    if kind in (itertools.count, itertools.cycle) or (
        kind is itertools.repeat and len(value.__reduce__()[1]) == 1
    ):
        raise OnceError(
            f"{kind_of(value)} never ends, so it cannot be handed on: take as much of it as is "
            "needed, itertools.islice(it, 10)"
        )
    if kind is itertools.groupby:  # the next group ends the one before
        return [(key, [*group]) for key, group in value]
    return [item if id(type(item)) in _REPEATABLE_ITEMS else _item(item) for item in value]


def listed(value: Any) -> Any:
    """Return a list in place of whatever can be read only once: another task is mapped over it.

    Examples
    --------
    >>> listed(io.StringIO("a b")), listed("a b")
    (['a b'], 'a b')
    """
    return _all_of(value) if _has(type(value), "__next__") else collected(value)


def for_several(value: Any) -> Any:
    """Return what is `collected` of a value that several take, if each of them can read it.

    Raises
    ------
    OnceError
        If the first of them would leave nothing to the others.

    Examples
    --------
    >>> for_several(iter("ab")), for_several({"a": 1})
    (['a', 'b'], {'a': 1})
    """
    value = collected(value)
    if is_once(value):
        raise OnceError(
            f"the result, {kind_of(value)}, can be read only once, and more than one task (or "
            "item) takes it: return what is in it, such as list(it) or it.read(), or let one task "
            "alone take it"
        )
    return value


def is_once(value: Any) -> bool:
    """Tell whether who reads a value leaves nothing to who reads it next.

    Examples
    --------
    >>> is_once(io.StringIO()), is_once(iter([])), is_once([]), is_once(range(3))
    (True, True, False, False)
    """
    kind = type(value)
    if id(kind) in _REPEATABLE_ITEMS:
        return False
    if any(base is _FILE or _name(base) == "_TemporaryFileWrapper" for base in _mro(kind)):
        return _is_readable(value)
    if _has(kind, "__next__", "__anext__") or kind is CoroutineType:
        return True
    return _has(kind, "fetchone") and not _has(kind, "cursor")  # of a cursor, not a connection


def _is_readable(file: Any) -> bool:
    """Tell whether a file can be read; one that is only written to can serve several."""
    try:
        return bool(file.readable())
    except Exception:  # it is closed, or a class of the user's own
        return True


def gathered(**results: Any) -> dict[str, Any]:
    """Return the results of the last tasks of a flow in a flow, by their names.

    Examples
    --------
    >>> gathered(low=1, high=2)
    {'low': 1, 'high': 2}
    """
    return results


def itself(item: Any) -> Any:
    """Return an item of those for which a flow runs, as a condition in it looks at it.

    Examples
    --------
    >>> itself(3)
    3
    """
    return item


# What is in a value.


def is_frame(value: Any) -> bool:
    """Tell a table whose items are its columns, and not its rows."""
    return _has(type(value), "columns") and _has(type(value), "itertuples", "iter_rows")


Key = str | int | tuple[int, tuple[str, ...]]
"""What is picked of a value: a key, a position, or one of the names for all of its parts."""


def picked(value: Any, key: Key, missing: Any) -> Any:
    """Return what a value has under a key: of a mapping, a column, or else an attribute.

    A position counts from 0. Of the names for all parts, one is found by name if the value has all
    of them, and else by its position in a sequence of as many.

    Examples
    --------
    >>> picked({"count": 3}, "count", None), picked(3 + 4j, "imag", None), picked([], "x", None)
    (3, 4.0, None)
    >>> picked(("a", "b"), 1, None), picked((1, 2), (0, ("x", "y")), None)
    ('b', 1)
    """
    if isinstance(key, tuple):
        return _part(value, *key, missing)
    if isinstance(value, Mapping):
        return value[key] if key in value else missing  # noqa: SIM401  # a get() may be another
    if isinstance(key, int):
        return value[key] if _is_sequence(value) and key < len(value) else missing
    if _has_column(value, key):
        return value[key]
    found = getattr(value, key, missing)
    if found is missing and _has(type(value), "keys") and _has(type(value), "__getitem__"):
        return value[key] if key in value.keys() else missing  # noqa: SIM118  # a row of a database
    return found


def _part(value: Any, place: int, names: tuple[str, ...], missing: Any) -> Any:
    """Return one of all parts of a value."""
    if isinstance(value, Mapping):
        return value[names[place]] if all(name in value for name in names) else missing
    named = [name for name in names if name != "_"]
    fields = getattr(type(value), "_fields", ()) if isinstance(value, tuple) else ()
    if all(_has_column(value, name) for name in named) or all(name in fields for name in named):
        return picked(value, names[place], missing)
    if _is_sequence(value):
        return value[place] if len(value) == len(names) else missing
    if isinstance(value, (str, bytes)):  # it has methods, and no parts
        return missing
    if all(getattr(value, name, missing) is not missing for name in named):
        return getattr(value, names[place], missing)
    return missing


def _is_sequence(value: Any) -> bool:
    """Tell what has places that count from 0, and is no text; of a table, these are no rows."""
    kind = type(value)
    if isinstance(value, (str, bytes, bytearray)) or _has(kind, "columns", "keys"):
        return False
    return _has(kind, "__getitem__") and _has(kind, "__len__")


def _has_column(value: Any, key: str) -> bool:
    """Tell whether a table has a column, a series a label, or an array a field."""
    kind = type(value)
    if not _has(kind, "__getitem__"):
        return False
    names: Any = ()
    if _has(kind, "column_names"):
        names = value.column_names
    elif _has(kind, "columns"):
        names = value.columns
    elif _has(kind, "index") and _has(kind, "loc"):
        names = value.index
    elif _has(kind, "dtype"):
        names = getattr(value.dtype, "names", None)
    if names is None or callable(names):
        return False
    return key in names
