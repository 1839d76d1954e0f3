"""Why a task ran or did not, with all that its key was compared by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ...display import Shown
from ...errors import FlowError
from ...formatting import counted
from ..events import State
from ..record import TaskRun

__all__ = ["Comparing", "Part", "Why", "why_of"]

MOST_ITEMS = 5
"""Items that are named of those that ran for one reason."""

UNKNOWN = "the cache had no result of it"


class Part(NamedTuple):
    """A part of the key of a task: of its function, an argument or a file.

    Attributes
    ----------
    name : str
        What it is.
    change : str
        In words, what of it has changed since the result was made that is compared with; empty if
        nothing has.
    then, now : str
        How it read and reads, if it is a plain value.
    """

    name: str
    change: str
    then: str = ""
    now: str = ""


class Comparing(Protocol):
    """Who knows what a task was compared with."""

    def parts(self, slot: int) -> tuple[float | None, list[Part]]:
        """Return when the result was made that a call was compared with, and the parts."""


@dataclass(frozen=True, eq=False, repr=False)
class Why(Shown):
    """Why a task, or an item, ran or did not. Shows itself as a table.

    Attributes
    ----------
    task : str
        Its name.
    state : State
        What became of it.
    reason : str
        Why, in words.
    made : float or None
        When the result was made that it was compared with, in seconds since 1970.
    parts : tuple of Part
        Each part of what its result was looked up by.
    items : tuple of str
        Of a mapped task: what became of its items.
    """

    task: str
    state: State
    reason: str
    made: float | None = None
    parts: tuple[Part, ...] = ()
    items: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[Part, ...]:
        """The parts that have changed."""
        return tuple(part for part in self.parts if part.change)


def why_of(record: TaskRun, item: int | None, compared: Comparing | None) -> Why:
    """Return why a task, or an item of it, ran or did not; see `Run.why`."""
    if item is not None:
        record = _item_of(record, item)
    made, parts = (None, []) if compared is None else compared.parts(record.slot)
    items = _groups(record.items or (), "" if compared is None else UNKNOWN)
    return Why(record.name, record.state, _reason(record, compared), made, tuple(parts), items)


def _item_of(record: TaskRun, item: Any) -> TaskRun:
    items = record.items
    if items is None:
        why = "its items are not known" if record.is_mapped else "it is not mapped"
        raise FlowError(f"task '{record.name}' has no item {item!r}: {why}")
    if type(item) is not int or not -len(items) <= item < len(items):
        raise FlowError(f"task '{record.name}' has no item {item!r}: it has {len(items):,} items")
    return items[item]


def _reason(record: TaskRun, compared: Comparing | None) -> str:
    if record.why:
        return record.why
    if record.cause is not None:
        return f"because of '{record.cause}'"
    if not (record.state.is_success or record.state.is_failure or record.attempts):
        return "it has not run"
    if compared is not None:
        return UNKNOWN
    return "the run had no cache, and resumed no other one"


def _groups(items: Iterable[TaskRun], otherwise: str) -> tuple[str, ...]:
    """Say what became of items, those together that ran for one reason, or `otherwise`."""
    found: dict[str, list[int]] = {}
    states = Counter(item.state for item in items)
    for item in items:
        why = item.why or ("" if item.cause is not None else otherwise)
        if item.state is not State.CACHED and why:
            found.setdefault(why, []).append(item.item or 0)
    told = [f"{counted(number, 'item')} {state.words}" for state, number in states.items()]
    for why, places in found.items():
        shown = ", ".join(map(str, places[:MOST_ITEMS]))
        more = f" and {len(places) - MOST_ITEMS:,} more" if len(places) > MOST_ITEMS else ""
        told.append(f"{'item' if len(places) == 1 else 'items'} {shown}{more}: {why}")
    return tuple(told)
