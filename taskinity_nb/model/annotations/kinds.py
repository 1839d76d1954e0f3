"""What an annotation stands for: the classes that it allows, with what is said of their parts.

What is not known is `typing.Any`; if one of its alternatives is not known, an annotation says
nothing.
"""

from __future__ import annotations

import collections
import dataclasses
import types
import typing
from collections import abc
from typing import Any, NamedTuple

__all__ = ["Kind", "alternatives", "handed", "item", "pair", "places"]

DEEPEST = 20
"""Names for names that are followed; one that means itself never ends."""


class Kind(NamedTuple):
    """One alternative: a class and what is said of its parts.

    Of a literal there is the value, and of a `typing.TypedDict` the class with its keys.
    """

    origin: type
    args: tuple[Any, ...] = ()
    literal: tuple[Any, ...] = ()
    keys: Any = None


ONE_PART = {
    list, set, frozenset, collections.deque, abc.Container, abc.Iterable, abc.Iterator,
    abc.Reversible, abc.Collection, abc.Sequence, abc.MutableSequence, abc.Set, abc.MutableSet,
    abc.Generator, abc.KeysView, abc.ValuesView,
}  # fmt: skip
"""Those whose first part is what their items are."""

TWO_PARTS = {
    dict, collections.defaultdict, collections.OrderedDict, collections.ChainMap, abc.Mapping,
    abc.MutableMapping,
}  # fmt: skip

_ITEMS: dict[type, type] = {str: str, bytes: int, bytearray: int, range: int}

_AROUND = [
    getattr(typing, name)
    for name in ("Annotated", "ClassVar", "Final", "Required", "NotRequired", "ReadOnly")
    if hasattr(typing, name)
]
"""What says something else about an annotation than what it allows."""

_BOOLEAN = [getattr(typing, name) for name in ("TypeGuard", "TypeIs") if hasattr(typing, name)]


def alternatives(hint: Any, is_result: bool = False) -> list[Kind] | None:
    """Return what an annotation allows; None if that is not known, or anything.

    Parameters
    ----------
    hint : object
        The annotation.
    is_result : bool
        Whether it is one of what a task gives: of that, iterators have become lists.

    Examples
    --------
    >>> [kind.origin for kind in alternatives(int | None)]
    [<class 'int'>, <class 'NoneType'>]
    >>> [kind[:2] for kind in alternatives(typing.Generator[int, None, None], is_result=True)][1]
    (<class 'list'>, (<class 'int'>,))
    >>> alternatives(typing.Any), alternatives(typing.TypeVar("T"))
    (None, None)
    """
    hint = _bare(hint)
    origin = typing.get_origin(hint)
    if origin is typing.Union or origin is types.UnionType:
        found = [alternatives(each, is_result) for each in typing.get_args(hint)]
        known = [each for each in found if each is not None]
        return [kind for each in known for kind in each] if len(known) == len(found) else None
    if origin is typing.Literal:
        return [Kind(type(value), (), (value,)) for value in typing.get_args(hint)]
    if hint is getattr(typing, "LiteralString", None):
        return [Kind(str)]
    if origin in _BOOLEAN:
        return [Kind(bool)]
    kind = hint if origin is None else origin
    if not isinstance(kind, type) or _is_anything(kind):
        return None
    if typing.is_typeddict(kind):
        return [Kind(dict, (str, Any), keys=kind)]
    args = typing.get_args(hint)
    kinds = [Kind(kind, args)]
    if is_result and issubclass(kind, abc.Iterator):
        of = item(kinds[0])
        kinds.append(Kind(list, () if of is Any else (of,)))
    return kinds


def _bare(hint: Any) -> Any:
    """Return what a name for an annotation, or one with a remark, stands for."""
    for _ in range(DEEPEST):
        if hint is None:
            return type(None)
        if isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":  # of the standard library from 3.12 on
            hint = hint.__value__
        elif type(origin := typing.get_origin(hint)).__name__ == "TypeAliasType":
            hint = _aliased(origin, typing.get_args(hint))  # as numpy's NDArray is from 2.5 on
        elif origin in _AROUND:
            hint = typing.get_args(hint)[0]
        else:
            return hint
    return Any


def _aliased(alias: Any, args: tuple[Any, ...]) -> Any:
    """Return what an alias with parameters stands for, with these in place of the parameters."""
    parameters, value = alias.__type_params__, alias.__value__
    if len(args) != len(parameters) or not all(isinstance(p, typing.TypeVar) for p in parameters):
        return Any
    given = dict(zip(parameters, args, strict=True))
    if isinstance(value, typing.TypeVar):
        return given[value]
    wanted = tuple(given[parameter] for parameter in getattr(value, "__parameters__", ()))
    return value[wanted] if wanted else value


def _is_anything(kind: type) -> bool:
    """Tell a class of which nothing can be said.

    Each object is one, it is only awaited, or its objects say that they are of another class, as
    those of `unittest.mock` and proxies do.
    """
    if kind is object or issubclass(kind, abc.Awaitable):
        return True
    return any(base is Any or "__class__" in vars(base) for base in kind.__mro__[:-1])


# The parts.


def item(kind: Kind) -> Any:
    """Return what the items of a class are, those that a loop over it gives.

    Examples
    --------
    >>> item(Kind(list, (int,))), item(Kind(dict, (str, int))), item(Kind(str)), item(Kind(list))
    (<class 'int'>, <class 'str'>, <class 'str'>, typing.Any)
    """
    if kind.origin in _ITEMS:
        return _ITEMS[kind.origin]
    if pair(kind) is not None:
        return pair(kind)[0]  # type: ignore[index]
    if kind.origin is abc.ItemsView and len(kind.args) == 2:
        return tuple.__class_getitem__(kind.args)
    if kind.origin in ONE_PART and kind.args:
        return kind.args[0]
    of = places(kind)
    if kind.origin is tuple and of:
        return typing.Union[tuple(of)]  # noqa: UP007  # of a number of them
    if kind.origin is tuple and len(kind.args) == 2 and kind.args[1] is ...:
        return kind.args[0]
    return Any


def pair(kind: Kind) -> tuple[Any, Any] | None:
    """Return what the keys and the values of a mapping are, if that is said."""
    if kind.origin in TWO_PARTS and len(kind.args) == 2:
        return kind.args[0], kind.args[1]
    if kind.origin is collections.Counter and kind.args:
        return kind.args[0], int
    return None


def places(kind: Kind) -> list[Any] | None:
    """Return what is in each place of a tuple, if its length is said.

    Examples
    --------
    >>> places(Kind(tuple, (int, str))), places(Kind(tuple, (int, ...)))
    ([<class 'int'>, <class 'str'>], None)
    """
    if kind.origin is not tuple or not kind.args or ... in kind.args:
        return None
    if any(getattr(each, "__typing_is_unpacked_typevartuple__", False) for each in kind.args):
        return None
    unpacked = any(
        typing.get_origin(each) is typing.Unpack or getattr(each, "__unpacked__", False)
        for each in kind.args
    )
    return None if unpacked else list(kind.args)


# What reaches a parameter of what a task gives.


def handed(returns: Any, kind: str, key: Any = None, is_mapped: bool = False) -> Any:
    """Return what a parameter gets of what a task says that it gives; `Any` if that is not known.

    Parameters
    ----------
    returns : object
        The annotation of the task's result.
    kind : str
        As that of an `Origin`.
    key : str or int, optional
        What is picked of the result.
    is_mapped : bool
        Whether the task itself runs for each item; then its result is a list of what it gives.

    Examples
    --------
    >>> handed(list[int], "item"), handed(dict[str, int], "item"), handed(int, "item")
    (<class 'int'>, tuple[str, int], typing.Any)
    >>> handed(tuple[int, str], "result", 1), handed(int, "result", is_mapped=True)
    (<class 'str'>, list[int])
    """
    if returns is Any or not (key is None or type(key) in (str, int)):
        return Any
    if kind == "each" or (kind == "item" and is_mapped and key is None):
        return _of_each(returns, key, _part) if key is not None else returns
    if kind not in ("result", "item"):
        return Any
    whole = list[returns] if is_mapped else returns
    if key is not None:
        whole = _of_each(whole, key, _part)
    return _of_each(whole, key, _mapped_item) if kind == "item" else whole


def _of_each(hint: Any, key: Any, part: Any) -> Any:
    """Return what a part of each alternative is."""
    kinds = alternatives(hint, is_result=True)
    parts = [Any] if kinds is None else [part(kind, key) for kind in kinds]
    return Any if any(each is Any for each in parts) else typing.Union[tuple(parts)]  # noqa: UP007


def _mapped_item(kind: Kind, _: Any) -> Any:
    """Return what a task gets that is mapped over something; of a mapping, the pairs."""
    found = pair(kind)
    return item(kind) if found is None else tuple.__class_getitem__(found)


def _part(kind: Kind, key: str | int) -> Any:
    """Return what a key, a position or an attribute of something is, where its class says so."""
    if isinstance(key, int):
        of = places(kind)
        if of is not None:
            return of[key] if 0 <= key < len(of) else Any
        is_sequence = kind.origin in (list, tuple, abc.Sequence, abc.MutableSequence)
        return item(kind) if is_sequence else Any
    if kind.keys is not None:
        return typing.get_type_hints(kind.keys).get(key, Any)
    origin = kind.origin
    if kind.args or not (dataclasses.is_dataclass(origin) or hasattr(origin, "_fields")):
        return Any
    if issubclass(origin, abc.Mapping) or hasattr(origin, "keys"):
        return Any
    names: Any = getattr(origin, "_fields", None) or getattr(origin, "__dataclass_fields__", ())
    return typing.get_type_hints(origin).get(key, Any) if key in names else Any
