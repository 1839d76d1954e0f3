"""Whether what one annotation allows can be something that another one allows.

An answer of "no" is never to be wrong, but of the empty list, which fits wherever a list does. So
it is given only

- of numbers, texts and the other plain classes of the language, and what is no subclass of them nor
  has one in common with them;
- of two classes that can be made objects of and are not related, if there is no class that is both;
- of what such classes have in them, place by place.

Numbers fit each other, classes of one name (a cell was run again) and a protocol of the user's fit
whatever it is.
"""

from __future__ import annotations

import abc
import numbers
import types
import typing
from collections import abc as collected
from typing import Any

from .kinds import Kind, alternatives, item, pair, places

__all__ = ["cannot_fit", "has_no_items"]

DEEPEST = 10
"""Parts of parts that are looked at."""

MOST_CLASSES = 10_000
"""Subclasses that are gone through; of a class with more of them, nothing is said."""

PLAIN = frozenset(
    {int, float, complex, bool, str, bytes, bytearray, memoryview, type(None), list, dict, tuple,
     set, frozenset, range, slice, type, types.FunctionType}
)  # fmt: skip
"""Classes whose name in an annotation means them, and not a subclass that can do more."""

_ITERATORS = {collected.Iterator, collected.Generator}
_BYTES = {bytes, bytearray, memoryview}
_WITHOUT_ITEMS = {int, float, complex, bool, type(None), str, bytes}
_FILES = {typing.IO, typing.TextIO, typing.BinaryIO}


def cannot_fit(result: Any, parameter: Any, depth: int = 0) -> bool:
    """Tell whether nothing that the first annotation allows is allowed by the second one.

    Both are evaluated. What raises in here is code of the user's classes.

    Examples
    --------
    >>> cannot_fit(str, list[int]), cannot_fit(list[str], list[int]), cannot_fit(int, float)
    (True, True, False)
    >>> cannot_fit(int | None, str | None), cannot_fit(typing.Any, int)
    (False, False)
    """
    if depth > DEEPEST or result is Any or parameter is Any:
        return False
    given, taken = alternatives(result, is_result=True), alternatives(parameter)
    if given is None or taken is None:
        return False
    return all(_apart(one, other, depth) for one in given for other in taken)


def has_no_items(result: Any) -> bool:
    """Tell whether no task can be mapped over what an annotation allows.

    Examples
    --------
    >>> has_no_items(int | str), has_no_items(list[int]), has_no_items(typing.Any)
    (True, False, False)
    """
    kinds = alternatives(result, is_result=True)
    return bool(kinds) and all(kind.origin in _WITHOUT_ITEMS for kind in kinds or ())


def _apart(given: Kind, taken: Kind, depth: int) -> bool:
    one, other = given.origin, taken.origin
    if given.literal and taken.literal:
        return given.literal != taken.literal
    if _is_related(one, other):
        return _parts_apart(given, taken, depth)
    if one in _ITERATORS:  # it comes as a list, which is another alternative
        return True
    if one in PLAIN and other in PLAIN:
        return True
    if one in PLAIN or other in PLAIN:
        plain, rest = (one, other) if one in PLAIN else (other, one)
        return not _decides_itself(rest) and _none_of(rest, plain)
    if _is_open(one) or _is_open(other):
        return False
    return _nothing_in_common(one, other)


def _parts_apart(given: Kind, taken: Kind, depth: int) -> bool:
    """Tell whether what is in two related classes cannot be the same."""
    if not taken.args and not given.args:
        return False
    one, other = pair(given), pair(taken)
    if one is not None and other is not None:
        return any(cannot_fit(a, b, depth + 1) for a, b in zip(one, other, strict=True))
    mine, others = places(given), places(taken)
    if mine is not None and others is not None:
        return len(mine) != len(others) or any(
            cannot_fit(a, b, depth + 1) for a, b in zip(mine, others, strict=True)
        )
    left = [item(given)] if mine is None else mine
    right = [item(taken)] if others is None else others
    return any(cannot_fit(a, b, depth + 1) for a in left for b in right)


# Classes.


def _is_related(one: type, other: type) -> bool:
    """Tell whether an object of one of two classes may well be one of the other."""
    if one is other or (_is_number(one) and _is_number(other)) or {one, other} <= _BYTES:
        return True
    if _is_foreign_protocol(one) or _is_foreign_protocol(other):
        return True
    if issubclass(one, other) or issubclass(other, one):
        return True
    names, others = _names([one]), _names([other])
    return next(iter(names)) in others or next(iter(others)) in names


def _names(kinds: list[type]) -> dict[tuple[str, str], None]:
    """Return what classes and their bases are called, from the first on."""
    return {
        (base.__module__, base.__qualname__): None
        for kind in kinds
        for base in kind.__mro__
        if base is not object
    }


def _is_number(kind: type) -> bool:
    """Tell a number, decimals among them; NumPy's scalars all count as such."""
    if issubclass(kind, numbers.Number):
        return True
    return any(base.__module__ == "numpy" and base.__name__ == "generic" for base in kind.__mro__)


def _is_foreign_protocol(kind: type) -> bool:
    """Tell a `typing.Protocol` that is none of the standard library's own."""
    return bool(getattr(kind, "_is_protocol", False)) and kind.__module__ != "typing"


def _decides_itself(kind: type) -> bool:
    """Tell a class whose metaclass says which objects are of it."""
    meta = type(kind)
    return kind.__module__ != "typing" and any(
        getattr(meta, name, None) not in (getattr(type, name), getattr(abc.ABCMeta, name))
        for name in ("__instancecheck__", "__subclasscheck__")
    )


def _is_open(kind: type) -> bool:
    """Tell a class that only says what its objects can do; any other one may be able to do it."""
    return (
        _decides_itself(kind)
        or kind in _FILES
        or kind.__module__ == collected.Iterable.__module__
        or bool(getattr(kind, "_is_protocol", False))
        or bool(getattr(kind, "__abstractmethods__", ()))
        or getattr(kind.__subclasshook__, "__func__", None) is not None
        or _is_bare_interface(kind)
    )


def _is_bare_interface(kind: type) -> bool:
    """Tell an ``ABC`` that has nothing in it yet, such as `numbers.Number`."""
    return abc.ABC in kind.__bases__ or (kind.__module__ == "numbers")


def _none_of(kind: type, plain: type) -> bool:
    """Tell whether no subclass of a class is one of a plain class too."""
    subclasses = _subclasses(kind)
    return subclasses is not None and not any(plain in each.__mro__ for each in subclasses)


def _nothing_in_common(one: type, other: type) -> bool:
    mine, others = _subclasses(one), _subclasses(other)
    if mine is None or others is None:
        return False
    if any(issubclass(each, other) for each in mine) or any(issubclass(e, one) for e in others):
        return False
    called = {(each.__module__, each.__qualname__) for each in mine}
    return called.isdisjoint({(each.__module__, each.__qualname__) for each in others})


def _subclasses(kind: type) -> list[type] | None:
    """Return a class and all that are made of it; None if they are too many."""
    found: dict[type, None] = {kind: None}
    stack = [kind]
    while stack:
        below: list[type] = type.__subclasses__(stack.pop())
        for each in below:
            if each not in found:
                found[each] = None
                stack.append(each)
        if len(found) > MOST_CLASSES:
            return None
    return list(found)
