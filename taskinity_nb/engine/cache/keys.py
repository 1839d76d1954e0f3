"""The key of a call: what its task would do, and what it would do it with.

Two calls with one key give the same, in whatever kernel. A key is made of the fingerprint of the
function and the digests of the arguments. The digest of a result is known without reading it: it
was taken when the result was made, in this run or when it was put into the store. So a task that
ran again and gave what it gave before leaves the keys of what follows as they were.

A path counts with what the file at its end is when the key is made.
"""

from __future__ import annotations

import os
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from ...formatting import size_text
from ...model.forms.edges import WAITS
from ...model.forms.origin import Origin
from ...model.refs import RELEASED, is_missing, is_ref
from ...strangers import described, is_interrupt
from ...values import is_once, kind_of
from ..remote.randomness import is_generator
from ..rerun.contents.definitions import file_state
from ..rerun.contents.origins import name_of_method
from ..rerun.fingerprint import Fingerprint, Printer, combined, taken, taken_plain
from ..rerun.resume import Prints
from ..scheduling.backend import Scheduling
from ..scheduling.maps.items import Partial
from ..transport.reach import is_standard, reach
from .key import Key, Look, Passed

__all__ = ["MOST_FETCHED", "Keys", "NoKey", "asked", "check"]

P = ParamSpec("P")
T = TypeVar("T")

FORMAT = "1"
"""Changes when keys are made otherwise, so that what older versions have stored is not found."""


MOST_FETCHED = 100_000_000
"""Bytes of what is fetched from a cluster to be kept, or looked at."""

_BOUND = (types.BuiltinMethodType, types.MethodType)

_PYTHON = list(sys.version_info[:2])


class NoKey(Exception):
    """There is no key for a call; the text says why."""


class Keys:
    """Makes the keys of the calls of a run.

    Parameters
    ----------
    prints : Prints
        The fingerprints of functions and inputs, with nothing left out.
    """

    def __init__(self, scheduler: Scheduling, prints: Prints) -> None:
        self._scheduler = scheduler
        self._plan, self._values = scheduler.run.plan, scheduler.run.record.values
        self._prints = prints
        self._printer = Printer(is_bounded=False)
        self._results: dict[int, Fingerprint] = {}
        self._parts: dict[tuple[Any, ...], Fingerprint] = {}
        self._refused: dict[int, str] = {}
        self._ways: dict[int, list[Passed]] = {}
        self._consist: dict[int, Mapping[str, Any]] = {}
        self._lock, self._looking = threading.Lock(), threading.RLock()

    def note(self, slot: int, found: Fingerprint) -> None:
        """Take note of the digest of a result."""
        self._results[slot] = found

    def refusal(self, slot: int) -> str:
        """Return why a call has no key, whatever its arguments are, or an empty text."""
        return self._refusal(self._scheduler.task_of(slot))

    def _refusal(self, task: Any) -> str:
        refusal = self._refused.get(id(task))
        if refusal is None:
            refusal = self._refused[id(task)] = _refusal(task, self._prints)
        return refusal

    def function(self, slot: int) -> str:
        """Return the digest of the function of a call."""
        return self._prints.functions[id(self._scheduler.task_of(slot))].digest

    def key(self, slot: int) -> Key:
        """Return the key of a task or an item whose turn has come, with what it is made of.

        Raises
        ------
        NoKey
            If it has none.
        """
        return self.look(slot).told()

    def look(self, slot: int) -> Look:
        """Return the key of a task or an item whose turn has come.

        Raises
        ------
        NoKey
            If it has none.
        """
        scheduler = self._scheduler
        owner = scheduler.owner(slot)
        task = self._plan.bindings[owner].task
        if refusal := self._refusal(task):
            raise NoKey(refusal)
        function = self._prints.functions[id(task)]
        try:
            args, kwargs = scheduler.arguments(slot)
        except BaseException as error:  # as it will again, when the task is to run
            if is_interrupt(error):
                raise
            raise NoKey(f"its arguments cannot be told: {described(error)}") from error
        paths = dict.fromkeys(function.files)
        found: list[tuple[Passed, str, Any]] = []
        addresses: dict[int, int] | None = None
        for passed, value in self._passed(slot, owner, args, kwargs):
            _, name, origin = passed
            if origin is not None and origin.kind in ("item", "each", "result"):
                plain = taken_plain(value)  # which is what was noted of it, if anything was
                if plain is not None:
                    found.append((passed, plain, value))
                    continue
            if origin is None or origin.place is not None:
                # An address tells the slot only where nothing else does: one object may be in two,
                # since a task has changed what it got, and returned it.
                addresses = dict(self._sources(slot)) if addresses is None else addresses
                one = self._print_of(addresses.get(id(value)))
            else:
                one = self._print_of(self._source(slot, origin, value))
            if one is None:
                one = self._print_of_part(value, self._part(slot, name, origin))
            if one.lacks or one.itself:
                check(one, f"what '{name}' gets")
            if one.files:
                paths |= dict.fromkeys(one.files)
            found.append((passed, one.digest, value))
        files = {path: file_state(path) for path in sorted(paths)} if paths else {}
        is_near = any(state is None and not os.path.isabs(path) for path, state in files.items())
        folder = os.getcwd() if is_near else ""
        digests = [(passed.way, one) for passed, one, _ in found]
        whole = [FORMAT, _PYTHON, function.digest, digests, list(files.items()), folder]
        return Look(combined(whole), function.digest, found, files, folder)

    def _passed(
        self, slot: int, owner: int, args: list[Any], kwargs: dict[str, Any]
    ) -> Iterable[tuple[Passed, Any]]:
        """Return the arguments, and what each of them is."""
        ways = self._ways.get(owner)
        if ways is None:
            ways = list(self._ways_of(slot, owner, args, kwargs))
            if owner not in self._plan.gated and not self._plan.calls[owner].mappings:
                self._ways[owner] = ways  # of all items
        return zip(ways, [*args, *(kwargs[name] for name in sorted(kwargs))], strict=True)

    def _ways_of(
        self, slot: int, owner: int, args: list[Any], kwargs: Mapping[str, Any]
    ) -> Iterator[Passed]:
        call, plan = self._plan.calls[owner], self._plan
        if owner in plan.gated:
            item = self._scheduler.maps.item(slot) if slot != owner else None
            call = call.present(Partial(self._values, self._scheduler.maps.partial), item)
        positional: list[tuple[str, Origin | None]] = list(call.positional)
        if len(positional) != len(args):  # of what may be absent, and comes with the last items
            positional = [(str(place), None) for place in range(len(args))]
        for name, origin in positional:
            yield Passed("", name, origin)  # nobody is passed by the name that is empty
        origins = dict(call.keywords)
        for name in sorted(kwargs):
            yield Passed(f"{name}=", name, origins.get(name))

    def print_of(self, slot: int) -> Fingerprint:
        """Return what stands for a result."""
        known = self._results.get(slot)
        if known is None:
            where = self._scheduler.maps.where.get(slot)
            value = self._values[slot]
            if where is not None:  # a list, made of the results of items
                items = range(where.first, where.first + where.number)
                there = [item for item in items if not is_missing(self._values[item])]
                known = _gathered([self.print_of(item) for item in there])
            elif slot in self._plan.maps and type(value) is list:  # given, or of an earlier run
                known = _gathered([_taken(item) for item in value])
            else:
                known = _taken(value)
            self._results[slot] = known
        return known

    def parts(self, slot: int) -> Mapping[str, Any]:
        """Return what the function of a slot consists of; it is looked at once."""
        task = self._scheduler.task_of(slot)
        with self._lock:
            if id(task) not in self._consist:
                self._consist[id(task)] = self._printer.parts(task)
            return self._consist[id(task)]

    def _print_of(self, source: int | None) -> Fingerprint | None:
        """Return what stands for the whole of what is in a slot; None if nothing is known of it."""
        if source is None:
            return None
        constant = source - len(self._plan.bindings)
        if constant < 0 or constant >= len(self._prints.constants):
            return self.print_of(source)
        return self._prints.constants[constant]

    def _print_of_part(self, value: Any, part: tuple[Any, ...] | None) -> Fingerprint:
        if part is None:
            return _taken(value)
        with self._looking:  # at what may be large, and is the same for each item
            if part not in self._parts:
                self._parts[part] = _taken(value)
            return self._parts[part]

    def _source(self, slot: int, origin: Origin, value: Any) -> int | None:
        """Return the slot in which a value is as a whole, by where it comes from."""
        where, place = self._scheduler.maps.where, origin.slot
        if origin.is_of_item and place in where:
            place = where[place].first + slot - where[self._scheduler.owner(slot)].first
        places = (place, origin.default)
        return next((p for p in places if p is not None and self._values[p] is value), None)

    def _part(self, slot: int, name: str, origin: Origin | None) -> tuple[Any, ...] | None:
        """Return what tells a part of a whole result from others, if an argument is one."""
        if origin is None:  # it was found among the keys of results
            owner = self._scheduler.owner(slot)
            mappings = self._plan.calls[owner].mappings
            is_whole = mappings and not any(origin.is_of_item for origin in mappings)
            return ("key", owner, name) if is_whole else None
        is_part = origin.key is not None and not origin.is_of_item
        return ("part", origin.slot, origin.key) if is_part else None

    def _sources(self, slot: int) -> Iterator[tuple[int, int]]:
        """Yield the addresses of the values that a call may take as a whole, and their slots."""
        scheduler, plan, values = self._scheduler, self._plan, self._values
        owner, maps = scheduler.owner(slot), scheduler.maps
        call = plan.calls[owner]
        for _, origin in (*call.positional, *call.keywords):
            if origin.kind in ("input", "inputs", "default", "constant"):
                yield id(values[origin.slot]), origin.slot
        for edge in plan.flow.incoming[call.name]:
            source = plan.index.get(edge.source)
            if source is None or edge.kind in WAITS:
                continue
            if slot != owner and maps.is_one_by_one(edge):
                source = maps.where[source].first + slot - maps.where[owner].first
            if values[source] is not RELEASED:
                yield id(values[source]), source


def _taken(value: Any) -> Fingerprint:
    if is_ref(value):
        whole = value.whole or value
        if whole.place and (whole.nbytes or 0) > MOST_FETCHED:
            size = size_text(whole.nbytes or 0)
            raise NoKey(f"its arguments lie on a cluster and have {size}")
        asked(whole.fetch)
        value = asked(value.fetch)
    if is_once(value):
        raise NoKey(f"it takes {kind_of(value)}, which can be read only once")
    return asked(taken, value)


def asked(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a call does that may run what is the user's; what that raises is a `NoKey`.

    Examples
    --------
    >>> try:
    ...     asked(int, "three")
    ... except NoKey as why:
    ...     print(why)
    ValueError: invalid literal for int() with base 10: 'three'
    """
    try:
        return call(*args, **kwargs)
    except BaseException as error:
        if is_interrupt(error):
            raise
        raise NoKey(described(error)) from error


def _gathered(parts: list[Fingerprint]) -> Fingerprint:
    lacks, files, itself = dict[str, str](), dict[str, Any](), dict[str, str]()
    for part in parts:
        lacks |= part.lacks
        files |= part.files
        itself |= part.itself
    digest = combined(["list", *(part.digest for part in parts)])
    return Fingerprint(digest, lacks, files, itself, [])


def check(found: Fingerprint, what: str) -> None:
    """Raise `NoKey` if a digest means nothing in another kernel; `what` it is of."""
    for name, why in (*found.lacks.items(), *found.itself.items()):
        named = f"'{name}', which it uses," if name else what
        raise NoKey(f"{named} {why}")


def _refusal(task: Any, prints: Prints) -> str:
    """Return why calls of a task have no keys, or an empty text."""
    if not task.cache:
        return "its task says cache=False"
    try:
        check(prints.functions[id(task)], "its function")
    except NoKey as why:
        return str(why)
    methods = [
        found.value for found in reach(task) if any(type(found.value) is kind for kind in _BOUND)
    ]
    of_modules = {id(each.__self__) for each in methods if name_of_method(each) is not None}
    for found in reach(task):
        if is_generator(found.value) and id(found.value) not in of_modules:
            return f"it draws from '{found.way[-1]}', which goes on from run to run"
        if is_once(found.value) and not is_standard(found.value):
            return f"it uses '{found.way[-1]}', {kind_of(found.value)}, which can be read only once"
    return ""
