"""The key of a call: what its task would do, and what it would do it with.

Two calls with one key give the same, in whatever kernel. A key is made of the fingerprint of the
function and the digests of the arguments. The digest of a result is known without reading it: it
was taken when the result was made, in this run or when it was put into the store. So a task that
ran again and gave what it gave before leaves the keys of what follows as they were.

A path counts with what the file at its end is when the key is made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ...model.forms.edges import WAITS
from ...model.forms.origin import Origin
from ...model.refs import RELEASED, is_missing, is_ref
from ...strangers import described, is_interrupt
from ...values import is_once, kind_of
from ..remote.randomness import is_generator
from ..rerun.contents.definitions import file_state
from ..rerun.fingerprint import Fingerprint, Printer, combined, taken
from ..rerun.resume import Prints
from ..scheduling.backend import Scheduling
from ..transport.reach import is_standard, reach

__all__ = ["Key", "Keys", "NoKey", "check"]

FORMAT = "1"
"""Changes when keys are made otherwise, so that what older versions have stored is not found."""


_PYTHON = list(sys.version_info[:2])

LONGEST = 40
"""Characters of a value that is told in a reason."""


class NoKey(Exception):
    """There is no key for a call; the text says why."""


class Key(NamedTuple):
    """The key of a call, and what it is made of.

    Attributes
    ----------
    text : str
        Equal only if all else is.
    function : str
        The digest of the function.
    arguments : dict of str to (str, str, str)
        For each parameter, the digest of what it gets, where that comes from, and how it reads.
    files : dict of str to (int, int) or None
        For each path in them, the size and time of the file there.
    """

    text: str
    function: str
    arguments: dict[str, tuple[str, str, str]]
    files: dict[str, tuple[int, int] | None]

    def change(self, then: Mapping[str, Any]) -> str:
        """Say in which of its arguments or files it differs from an earlier one."""
        before = then["arguments"]
        if list(before) != list(self.arguments):
            return "its arguments come from elsewhere"
        for name, (digest, source, text) in self.arguments.items():
            was, source_then, text_then = before[name]
            if was == digest:
                continue
            if source != source_then:
                return f"'{name}' comes from elsewhere"
            if source.startswith("'"):
                return f"{source} gave another result"
            named = source if source in ("its item", "its arguments") else f"{source}'{name}'"
            if text and text_then:
                return f"{named} was {text_then} and is {text}"
            return f"{named} has changed"
        for path, state in self.files.items():
            if path in then["files"] and state != _state(then["files"][path]):
                return f"the file '{path}', which it uses, has changed"
        return ""


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
        self._parts: dict[tuple[int, Any], Fingerprint] = {}
        self._refused = {id(task): _refusal(task, prints) for task in self._plan.tasks}

    def note(self, slot: int, found: Fingerprint) -> None:
        """Take note of the digest of a result."""
        self._results[slot] = found

    def key(self, slot: int) -> Key:
        """Return the key of a task or an item whose turn has come.

        Raises
        ------
        NoKey
            If it has none.
        """
        scheduler, plan = self._scheduler, self._plan
        task = scheduler.task_of(slot)
        if refusal := self._refused[id(task)]:
            raise NoKey(refusal)
        function = self._prints.functions[id(task)]
        try:
            args, kwargs = scheduler.arguments(slot)
        except BaseException as error:  # as it will again, when the task is to run
            if is_interrupt(error):
                raise
            raise NoKey(f"its arguments cannot be told: {described(error)}") from error
        call = plan.calls[scheduler.owner(slot)]
        names = [name for name, _ in call.positional]
        if len(names) != len(args):  # those that take what is there, and it is not
            names = [str(place) for place in range(len(args))]
        origins = dict((*call.positional, *call.keywords))
        sources = dict(self._sources(slot))
        paths = dict.fromkeys(function.files)
        found: dict[str, tuple[str, str, str]] = {}
        for name, value in (*zip(names, args, strict=True), *kwargs.items()):
            origin = origins.get(name)
            one = self._print_of(value, sources, origin)
            if one.lacks or one.itself:
                check(one, f"what '{name}' gets")
            if one.files:
                paths |= dict.fromkeys(one.files)
            found[name] = one.digest, _source(origin), _text(value)
        files = {path: file_state(path) for path in sorted(paths)} if paths else {}
        positional = [found[name][0] for name in names]
        keywords = sorted((name, found[name][0]) for name in kwargs)
        whole = [FORMAT, _PYTHON, function.digest, positional, keywords, list(files.items())]
        return Key(combined(whole), function.digest, found, files)

    def print_of(self, slot: int) -> Fingerprint:
        """Return what stands for a result."""
        known = self._results.get(slot)
        if known is None:
            where = self._scheduler.maps.where.get(slot)
            if where is not None:  # a list, made of the results of items
                items = range(where.first, where.first + where.number)
                there = [item for item in items if not is_missing(self._values[item])]
                parts = [self.print_of(item) for item in there]
                known = _gathered(parts)
            else:
                known = _taken(self._values[slot])
            self._results[slot] = known
        return known

    def parts(self, slot: int) -> Mapping[str, Any]:
        """Return what the function of a slot consists of."""
        return self._printer.parts(self._scheduler.task_of(slot))

    def _print_of(
        self, value: Any, sources: Mapping[int, int], origin: Origin | None
    ) -> Fingerprint:
        slot = sources.get(id(value))
        if slot is not None:
            constant = slot - len(self._plan.bindings)
            if 0 <= constant < len(self._prints.constants):
                return self._prints.constants[constant]
            return self.print_of(slot)
        if origin is not None and origin.key is not None and not origin.is_of_item:
            place = origin.slot, origin.key
            if place not in self._parts:
                self._parts[place] = _taken(value)
            return self._parts[place]
        return _taken(value)

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
        if value.place:
            raise NoKey("its arguments lie on a cluster")
        value = value.fetch()
    if is_once(value):
        raise NoKey(f"it takes {kind_of(value)}, which can be read only once")
    return taken(value)


def _gathered(parts: list[Fingerprint]) -> Fingerprint:
    whole = Fingerprint(combined(["list", *(part.digest for part in parts)]), {}, {}, {}, [])
    for part in parts:
        whole = whole._replace(
            lacks={**whole.lacks, **part.lacks},
            files={**whole.files, **part.files},
            itself={**whole.itself, **part.itself},
        )
    return whole


def _state(stored: Any) -> tuple[int, int] | None:
    """Return the state of a file as it was stored, where a tuple has become a list."""
    return None if stored is None else (stored[0], stored[1])


def _source(origin: Origin | None) -> str:
    """Say where an argument comes from, as a reason names it."""
    if origin is None:
        return "its arguments"
    if origin.is_of_item:
        return "its item"
    if origin.kind == "result":
        part = "" if origin.key is None else f".{origin.key}"
        return f"'{origin.label or origin.name + part}'"
    kind = "input" if origin.kind == "inputs" else origin.kind
    return f"its {kind} "


def _text(value: Any) -> str:
    """Return how a plain value reads, if that is short."""
    if type(value) not in (bool, int, float, str, type(None)):
        return ""
    text = repr(value) if type(value) is not str or len(value) < LONGEST else ""
    return text if len(text) <= LONGEST else ""


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
    for found in reach(task):
        if is_generator(found.value):
            return f"it draws from '{found.way[-1]}', which goes on from run to run"
        if is_once(found.value) and not is_standard(found.value):
            return f"it uses '{found.way[-1]}', {kind_of(found.value)}, which can be read only once"
    return ""
