"""The way through all that a function or a value reaches, and what stands for each part of it.

A definition (a function or class of the user's) is described on its own: what stands for its code,
its defaults, the contents of its closure, the globals that it names. Other definitions that turn up
there count as their number in the order of their meeting, and are described later, so that no depth
of calls matters; `closure.py` puts them together.

A value is gone through part by part, and what stands for it follows from what stands for its parts:
so equal values have equal digests, whether equal parts of them are one object or two. Only where a
value leads back to itself, a part counts as how far back it was met.
"""

from __future__ import annotations

import itertools
import marshal
import os
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..buffers import Buffers, bulk
from . import labels
from .arrays import arrays
from .budget import Budget, NotWritten
from .code import flat, hashed
from .instances import Way, asked, is_slow, raw_state, size_of, way_of
from .kinds import PARTS, PATHS
from .labels import kind_of, label_of, number_of, package_of
from .origins import full_name, importable_name, is_ours, space_of
from .plain import ATOMS, plain, plain_container

__all__ = ["Part", "Walk"]

DEEPEST = 80
"""How deep values are nested that are followed; each level takes some frames."""

NODE, ASKED, PATH = 160, 300, 1000
"""What it costs to look at something that has parts, to ask it for these, and to look for a file,
as `Budget` counts."""

LARGE = 1 << 16
"""Bytes of a text, or of bytes, from which on a digest stands for it."""


class Found(NamedTuple):
    """What stands for a value, the definitions in it, and the type of a part that is itself."""

    value: Any
    digest: bytes
    definitions: tuple[Any, ...]
    itself: str


class Part(NamedTuple):
    """What stands for a named value, and the definitions in it.

    Also why it is not written down, if so, and the type of a part that counts as itself.
    """

    value: Any
    digest: bytes
    definitions: tuple[Any, ...]
    lack: str = ""
    itself: str = ""


class _NoCopyError(Exception):
    """A part of what is installed has no copy."""


class Walk:
    """Goes through values; what it has found of one it knows again, so nothing may change.

    Parameters
    ----------
    budget : Budget
        How much may be written down, and whether the user's own methods may be called.

    Attributes
    ----------
    held : list
        What must live as long as what was found, since it counts as its address.
    buffers : Buffers
        The digests of arrays that it has met.
    has_met_us : bool
        Whether something of this package was met, which may run flows.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.held: list[Any] = []
        self.buffers = Buffers()
        self.has_met_us = False
        self._parts: dict[int, Part] = {}
        self._imports: dict[int, tuple[Any, str | None, types.ModuleType | None]] = {}
        self._ways: dict[int, tuple[type, Way]] = {}
        self._done: dict[int, Found] = {}
        self._arrays = arrays()
        self._begin()

    def _begin(self) -> None:
        self._here: dict[int, Found] = {}  # what leads back to itself, within one part
        self._places: dict[int, int] = {}
        self._stack: list[Any] = []
        self._low, self._is_local, self._depth = 0, False, 0
        self._within, self._itself = False, ""
        self._met: dict[int, tuple[int, Any]] = {}

    def part(self, value: Any) -> Part:
        """Return what stands for a value, or why it is not written down."""
        if (atom := plain(value)) is not None:
            return Part(value, atom, ())
        known = self._parts.get(id(value))
        if known is not None:
            return known
        lack, found = "", b"not written down"
        self.budget.begin()
        try:
            found = self.value(value)
        except KeyboardInterrupt:
            raise
        except NotWritten as why:
            lack = str(why)
        except BaseException:  # it changes while it is looked at, or has methods of its own
            lack = "cannot be compared"
        things, itself = ((), "") if lack else (self._definitions(), self._itself)
        self._begin()
        known = self._parts[id(value)] = Part(value, found, things, lack, itself)
        return known

    def value(self, value: Any) -> bytes:
        """Return what stands for a value within the part that is gone through."""
        kind = type(value)
        if id(kind) in ATOMS:
            return self._atom(value)
        describe = _CONTAINERS.get(id(kind))
        if describe is not None:
            found = plain_container(value, self.budget)
            return self._node(value, describe) if found is None else found
        if kind is types.FunctionType or issubclass(kind, type):
            return self._definition(value)
        if issubclass(kind, types.ModuleType):
            self.has_met_us |= is_ours(space_of(value).get("__name__"))
            if labels.is_users_module(value):
                return flat("definition", self._number_of(value))
            name = labels.name_of_module(value)
            return self._import("module", name, package_of(name))
        if id(kind) in PATHS:
            self.budget.spend(PATH, value)
            return flat("path", self._number_of(value))
        if kind is pickle.PickleBuffer or kind is bytearray:
            return self._buffer(value)
        parts = PARTS.get(id(kind))
        if parts is not None:
            return self._node(value, lambda _, value: self._named(kind, parts(value)))
        return self._node(value, Walk._object)

    def _atom(self, value: Any) -> bytes:
        if self.budget.is_bounded:
            self.budget.spend(sys.getsizeof(value), value)
        found = marshal.dumps(value, 2)
        return found if len(found) < LARGE else flat("large", found[:1], bulk(found))

    def _definition(self, thing: Any) -> bytes:
        known = self._imports.get(id(thing))
        if known is None:
            name = importable_name(thing)
            known = self._imports[id(thing)] = thing, name, package_of(name or "")
            self.has_met_us |= is_ours(name)
        _, name, package = known
        if name is None:
            return flat("definition", self._number_of(thing))
        return self._import("import", name, package)

    def _import(self, kind: str, name: str, package: types.ModuleType | None) -> bytes:
        """Describe what is found by its name; the package of it has a version."""
        return flat(kind, name) if package is None else flat(kind, name, self._number_of(package))

    def _number_of(self, thing: Any) -> int:
        return self._met.setdefault(id(thing), (len(self._met), thing))[0]

    def _node(self, value: Any, describe: Callable[[Walk, Any], bytes]) -> bytes:
        """Describe what has parts, unless it was met before."""
        key = id(value)
        known = self._done.get(key)
        if known is None and key in self._here:
            known, self._is_local = self._here[key], True
        if known is not None:
            return self._known(known)
        place = self._places.get(key)
        if place is not None:
            self._low = min(self._low, place)
            return flat("met", len(self._stack) - place)
        if self._depth > DEEPEST:
            raise NotWritten("is nested too deeply to be compared")
        self.budget.spend(NODE, value)
        place = self._places[key] = len(self._stack)
        self._stack.append(value)
        low, met, is_local, itself = self._low, self._met, self._is_local, self._itself
        self._low, self._met, self._is_local, self._itself = place, {}, False, ""
        self._depth += 1
        digest = describe(self, value)
        self._depth -= 1
        found = Found(value, digest, self._definitions(), self._itself)
        self._met = met
        if self._low >= place:
            self._close(place, found)
            self._low = low
        else:
            self._low = min(self._low, low)
        self._is_local |= is_local
        self._itself = itself
        return self._known(found)

    def _definitions(self) -> tuple[Any, ...]:
        return tuple(thing for _, thing in self._met.values())

    def _close(self, place: int, found: Found) -> None:
        """Take what leads back no further than to the value at a place for done."""
        members = self._stack[place:]
        del self._stack[place:]
        for member in members:
            del self._places[id(member)]
        if len(members) == 1 and not self._is_local:
            self._done[id(members[0])] = found
            return
        self._is_local = True  # what stands for it depends on where the circle was entered
        self._here[id(members[0])] = found
        for number, member in enumerate(members[1:], 1):
            self._here[id(member)] = found._replace(
                value=member, digest=flat("in", found.digest, number)
            )

    def _known(self, found: Found) -> bytes:
        if found.itself:
            self._note_itself(found.itself)
        if not found.definitions:
            return found.digest
        return flat(found.digest, *map(self._number_of, found.definitions))

    def _note_itself(self, kind: str) -> None:
        """Take note of a part of that type, which has no copy and counts as itself."""
        if self._within:
            raise _NoCopyError
        self._itself = self._itself or kind

    # What has parts.

    def _row(self, value: Sequence[Any]) -> bytes:
        return hashed(type(value).__name__, list(map(self.value, list(value))))

    def _pairs(self, value: dict[Any, Any]) -> bytes:
        items = itertools.chain.from_iterable(list(value.items()))
        return hashed("dict", list(map(self.value, items)))

    def _set(self, value: Iterable[Any]) -> bytes:
        """Describe a set whose order depends on how it was built: sort what stands for each."""
        found = []
        met = self._met
        for each in list(value):
            self._met = {}
            digest = self.value(each)
            found.append(Found(each, digest, self._definitions(), ""))
        self._met = met
        found.sort(key=lambda each: (each.digest, list(map(label_of, each.definitions))))
        return hashed(type(value).__name__, list(map(self._known, found)))

    def _named(self, kind: type, parts: Iterable[Any]) -> bytes:
        return hashed(kind.__name__, list(map(self.value, parts)))

    def _object(self, value: Any) -> bytes:
        kind = type(value)
        describe = self._arrays.get(id(kind))
        if describe is not None:
            return describe(value, self.value, self.budget, self.buffers)
        known = self._ways.get(id(kind))
        if known is None:
            known = self._ways[id(kind)] = kind, way_of(kind)
        way = known[1]
        if way.is_users or self._within:
            return self._taken_apart(value, kind, way)
        # What is installed counts as a whole: as itself, if a part of it has no copy, as a lock.
        place, low, depth = len(self._stack), self._low, self._depth
        self._within = True
        try:
            return self._taken_apart(value, kind, way)
        except _NoCopyError:
            for member in self._stack[place:]:
                del self._places[id(member)]
            del self._stack[place:]
            self._low, self._met, self._is_local = low, {}, False
            self._depth = depth
        finally:
            self._within = False
        return self._by_identity(value)

    def _taken_apart(self, value: Any, kind: type, way: Way) -> bytes:
        if way.is_asked:
            if self.budget.is_bounded:
                self._check(value, kind, way)
            return self._asked(value)
        if way.base is not None and self.budget.is_bounded:
            self.budget.check(way.base.__sizeof__(value))
        payload, held = raw_state(value, way)
        attributes = plain_container(held, self.budget)
        if attributes is None:
            attributes = self._pairs(held)
        return hashed("object", self.value(kind), list(map(self.value, payload)), attributes)

    def _check(self, value: Any, kind: type, way: Way) -> None:
        """Raise if an object cannot be asked in passing."""
        name = full_name(kind)[1]
        if way.is_users:
            raise NotWritten(f"was not written down, as '{name}' is pickled in its own way")
        if is_slow(kind):
            raise NotWritten(f"was not written down, as '{name}' takes long to be pickled")
        self.budget.spend(ASKED, value)
        self.budget.check(size_of(value))

    def _asked(self, value: Any) -> bytes:
        try:
            made = asked(value)
        except KeyboardInterrupt:
            raise
        except BaseException:  # as of a lock; a panic in Rust is no Exception
            return self._by_identity(value)
        if type(made) is str:
            return flat("global", str(getattr(value, "__module__", "")), made)
        parts: list[Any] = [*made, None, None, None, None]
        function, arguments, state, items, pairs = parts[:5]
        return hashed(
            "made", self.value(function), self.value(arguments), self.value(state),
            [self.value(each) for each in items or ()],
            [self.value(each) for pair in pairs or () for each in pair],
        )  # fmt: skip

    def _by_identity(self, value: Any) -> bytes:
        self._note_itself(kind_of(value))
        try:
            identity = "number", number_of(value)
        except KeyboardInterrupt:
            raise
        except BaseException:  # nothing can refer to it weakly
            self.held.append(value)
            identity = "address", id(value)
        return flat(_PROCESS, os.getpid(), identity, self.value(type(value)))

    def _buffer(self, value: pickle.PickleBuffer | bytearray) -> bytes:
        view = value.raw() if isinstance(value, pickle.PickleBuffer) else memoryview(value)
        with view as data:
            self.budget.spend_buffer(data.nbytes)
            return hashed(type(value).__name__, bulk(data))


_CONTAINERS: dict[int, Callable[[Walk, Any], bytes]] = {
    id(list): Walk._row, id(tuple): Walk._row, id(dict): Walk._pairs,
    id(set): Walk._set, id(frozenset): Walk._set,
}  # fmt: skip

_PROCESS = os.urandom(8)
