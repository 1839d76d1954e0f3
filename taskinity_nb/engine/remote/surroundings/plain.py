"""Plain data, and objects whose state is plain data: nothing of the user's is called for them."""

from __future__ import annotations

import enum
import importlib
import marshal
import operator
import pickle
import sys
from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    FunctionType,
    MemberDescriptorType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

__all__ = ["MOST", "Copies", "Drawing", "Node", "Seen", "StaysHere", "equal", "is_plain", "name_of"]

MOST = 2_000
"""Values that plain data may hold in all; more is not looked at."""

_ATOMS = frozenset({bool, bytes, complex, float, int, str, type(None), type(...)})
LONGEST = 100_000
"""Characters or bytes that a text of plain data may have."""


def is_plain(value: Any) -> bool:
    """Tell whether a value is plain data, and not too much of it.

    Examples
    --------
    >>> is_plain({"rates": [1, 2.5], (1,): None}), is_plain([print]), is_plain(range(3))
    (True, False, False)
    """
    kind = type(value)
    if kind in _ATOMS:
        return kind not in (str, bytes) or len(value) <= LONGEST
    left, stack = MOST, [value]
    while stack:
        held = stack.pop()
        kind = type(held)
        if kind in _ATOMS:
            if kind in (str, bytes) and len(held) > LONGEST:
                return False
            continue
        if kind not in (dict, list, tuple, set, frozenset):
            return False
        left -= 1 + len(held)
        if left < 0:
            return False
        stack += held
        if kind is dict:
            stack += held.values()
    return True


def equal(one: Any, other: Any) -> bool:
    """Tell whether plain values are the same: 1 is not True, and 1.0 is not 1.

    Examples
    --------
    >>> equal([1, {"a": 2}], [1, {"a": 2}]), equal(1, True), equal(float("nan"), float("nan"))
    (True, False, True)
    """
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in (list, tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if kind is dict:
        return len(one) == len(other) and all(map(equal, one.items(), other.items()))
    if kind is float and one != one:
        return bool(other != other)
    return bool(one == other)


class StaysHere(Exception):
    """Something belongs to one process, or is too much to be looked at."""


Node = tuple[Any, ...]
"""What is said of a value; `marshal` takes it."""

_DEEPEST = 50
_VALUES = {
    "builtins": {"bytearray", "range", "slice"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "pathlib": {"PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"},
    "uuid": {"UUID"},
}
"""Values of the standard library whose pickle says all of them."""


class Drawing:
    """What objects hold, as plain tuples; those whose class can be imported can be made of them.

    Parameters
    ----------
    stays : callable
        Is given a class, the name of an attribute and its value. It tells whether that belongs to
        one process.

    Attributes
    ----------
    is_whole : bool
        Whether the same can be made elsewhere of what was drawn. What cannot is drawn as the place
        where it lies, which tells here whether it is still the same.

    Examples
    --------
    >>> drawing = Drawing()
    >>> node = drawing.of(SimpleNamespace(model=SimpleNamespace(rates=[1, 2])))
    >>> drawing.is_whole, Copies({}).made(node, None)
    (True, namespace(model=namespace(rates=[1, 2])))
    """

    def __init__(self, stays: Callable[[type, str, Any], bool] = lambda *_: False) -> None:
        self.is_whole = True
        self._stays = stays
        self._left = MOST
        self._drawn: set[int] = set()

    def of(self, value: Any, depth: int = 0) -> Node:
        """Return what a value holds; raise `StaysHere` if nothing is to be said of it."""
        kind = type(value)
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise StaysHere
        if kind in _ATOMS or kind in (set, frozenset):
            if is_plain(value):
                return "value", value
        elif kind.__name__ in _VALUES.get(kind.__module__.partition(".")[0], ()):
            return "pickle", pickle.dumps(value, 5)
        elif (name := name_of(value)) is not None:
            return "name", *name
        elif kind is tuple:
            return "tuple", None, tuple([self.of(each, depth + 1) for each in value])
        elif (base := _base(kind)) is not None:
            if id(value) in self._drawn:
                return "again", id(value)
            self._drawn.add(id(value))
            return self._of_object(value, base, depth + 1)
        self.is_whole = False
        return "else", id(value)

    def _of_object(self, value: Any, base: type, depth: int) -> Node:
        kind = type(value)
        name = None if kind is base else name_of(kind)
        if name is None and kind is not base:
            self.is_whole = False
            name = "", str(id(kind))
        if any(self._stays(kind, *each) for each in _attributes(value).items()):
            raise StaysHere
        attributes = [(each, self.of(it, depth)) for each, it in _attributes(value).items()]
        items: list[Node] = []
        if base is dict:
            for key, it in dict.items(value):
                items += self.of(key, depth), self.of(it, depth)
        elif base is list:
            items = [self.of(it, depth) for it in list.__iter__(value)]
        elif base is tuple:
            return "tuple", name, tuple([self.of(it, depth) for it in tuple.__iter__(value)])
        return "object", id(value), base.__name__, name, tuple(attributes), tuple(items)


_BASES: dict[str, type] = {
    each.__name__: each for each in (dict, list, tuple, SimpleNamespace, object)
}
_OWN_WAYS = ("__getstate__", "__reduce__", "__reduce_ex__", "__setstate__")


def _base(kind: type) -> type | None:
    """Return which type of Python's a class is made of; None if there may be more to it."""
    has_attributes = kind in (dict, list, SimpleNamespace)
    for cls in type.__dict__["__mro__"].__get__(kind):
        if cls in _BASES.values():
            return cls if has_attributes or cls is tuple else None
        names = vars(cls)
        has_attributes = has_attributes or "__dict__" in names or "__slots__" in names
        if type(names.get("__new__")) not in (type(None), staticmethod):
            return None  # it is not written in Python
        ways = [names[way] for way in _OWN_WAYS if way in names]
        if any(getattr(way, "__module__", None) != "dataclasses" for way in ways):
            return None
    return None


def _slots(kind: type) -> dict[str, Any]:
    return {
        name: slot
        for cls in kind.__mro__
        for name, slot in vars(cls).items()
        if "__slots__" in vars(cls) and type(slot) is MemberDescriptorType
    }


def _attributes(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, slot in _slots(type(value)).items():
        try:
            found[name] = slot.__get__(value)
        except AttributeError:  # nothing is there
            continue
    return found | (_dictionary(value) or {})


def name_of(value: Any) -> tuple[str, str] | None:
    """Return by which name an import finds a class, a function, or a member of an enumeration.

    Examples
    --------
    >>> name_of(pickle.loads), name_of(lambda: 1)
    (('_pickle', 'loads'), None)
    """
    kind: Any = type(value)
    if type(value) is ModuleType:
        home = value.__name__
        return (home, "") if sys.modules.get(home) is value else None
    if issubclass(type(kind), enum.EnumMeta):
        name = name_of(kind)
        member = vars(value).get("_name_")
        is_there = name and vars(kind)["_member_map_"].get(member) is value
        return (name[0], f"{name[1]}.{member}") if is_there and name else None
    if kind not in (FunctionType, BuiltinFunctionType) and not issubclass(kind, type):
        return None
    home, path = value.__module__, value.__qualname__
    found: Any = sys.modules.get(home) if home != "__main__" else None
    for part in path.split("."):
        found = vars(found).get(part) if isinstance(found, ModuleType | type) else None
    return (home, path) if found is value else None


class Seen:
    """What was looked at in a module, so that it is soon seen whether it is still the same."""

    def __init__(self) -> None:
        self.classes: list[type] = []
        self.functions: list[FunctionType] = []
        self.containers: list[Any] = []
        self.objects: list[Any] = []
        self._before: tuple[list[Any], list[bytes]] | None = None

    @property
    def is_known(self) -> bool:
        return self._before is not None

    def keep(self, names: dict[str, Any], is_known: bool) -> None:
        """Remember how it is now."""
        self._before = self._now(names) if is_known else None

    def is_unchanged(self, names: dict[str, Any]) -> bool:
        """Tell whether it is as it was."""
        if self._before is None:
            return False
        now = self._now(names)
        if now is None or len(now[0]) != len(self._before[0]) or now[1] != self._before[1]:
            return False
        return all(map(operator.is_, now[0], self._before[0]))

    def _now(self, names: dict[str, Any]) -> tuple[list[Any], list[bytes]] | None:
        held = [*names, *names.values()]
        for each in self.classes:
            held += vars(each).values()
        held += [function.__code__ for function in self.functions]
        held += [function.__defaults__ for function in self.functions]
        try:
            held_now = [*self.containers, *(Drawing().of(each) for each in self.objects)]
            return held, [marshal.dumps(each, 2) for each in held_now]
        except (StaysHere, ValueError):  # one holds something else by now
            return None


class Copies:
    """Makes here what was drawn elsewhere, of what stands here, as far as it can.

    Parameters
    ----------
    held : dict of int to object
        What stands here for what can be changed there.
    """

    def __init__(self, held: dict[int, Any]) -> None:
        self._held = held

    def made(self, node: Node, own: Any) -> Any:
        """Return what was drawn; `own` is what stands in its place."""
        what, rest = node[0], node[1:]
        if what == "value":
            return own if equal(own, rest[0]) else rest[0]
        if what == "again":
            return self._held[rest[0]]
        if what == "name":
            found: Any = importlib.import_module(rest[0])
            for part in rest[1].split(".") if rest[1] else ():
                found = getattr(found, part)
            return found
        if what == "pickle":
            value = pickle.loads(rest[0])
            return own if type(own) is type(value) and own == value else value
        if what == "tuple":
            return self._tuple(rest[0], rest[1], own)
        return self._object(rest, own)

    def _class(self, base: type, name: tuple[str, str] | None) -> Any:
        return base if name is None else self.made(("name", *name), None)

    def _tuple(self, name: tuple[str, str] | None, nodes: tuple[Node, ...], own: Any) -> Any:
        cls = self._class(tuple, name)
        before = own if type(own) is cls and len(own) == len(nodes) else [None] * len(nodes)
        items = list(map(self.made, nodes, before))
        is_same = before is own and all(one is other for one, other in zip(items, own, strict=True))
        return own if is_same else tuple.__new__(cls, items)

    def _object(self, drawn: Node, own: Any) -> Any:
        number, base_name, name, attributes, nodes = drawn
        base: Any = _BASES[base_name]
        cls = self._class(base, name)
        target: Any = self._held.get(number)
        if type(target) is not cls:
            is_taken = any(own is other for other in self._held.values())
            target = own if type(own) is cls and not is_taken else base.__new__(cls)
            self._held[number] = target
        if base is dict:
            keys = [self.made(key, None) for key in nodes[::2]]
            items = [self.made(it, dict.get(target, key))
                     for key, it in zip(keys, nodes[1::2], strict=True)]  # fmt: skip
            dict.clear(target)
            dict.update(target, zip(keys, items, strict=True))
        elif base is list:
            before = [*list.__iter__(target), *[None] * len(nodes)]
            list.__setitem__(target, slice(None), list(map(self.made, nodes, before)))
        self._put_attributes(target, attributes)
        return target

    def _put_attributes(self, target: Any, attributes: tuple[tuple[str, Node], ...]) -> None:
        slots, before = _slots(type(target)), _attributes(target)
        now = {name: self.made(node, before.get(name)) for name, node in attributes}
        for name in before.keys() - now.keys():
            if name in slots:
                slots[name].__delete__(target)
        for name in now.keys() & slots.keys():
            slots[name].__set__(target, now.pop(name))
        held = _dictionary(target)
        if held is not None:
            for name in held.keys() - now.keys():
                del held[name]
            held.update(now)


def _dictionary(value: Any) -> dict[str, Any] | None:
    try:
        held: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return held if type(held) is dict else None
