"""What tasks took in a run: how long, read from its log, and how much memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import compress, repeat
from operator import is_, sub
from typing import Any, NamedTuple

from ....model.events import WIDTH, Items, State
from ....model.run import Run

__all__ = ["NOTHING", "Took", "items_of", "peaks_in", "took"]


class Took(NamedTuple):
    """How long tasks, and items of mapped ones, took that succeeded: slots and nanoseconds."""

    slots: array[int]
    nanoseconds: array[int]


NOTHING = Took(array("q"), array("q"))


def took(log: list[Any]) -> Took:
    """Read from a log how long what succeeded took, where it is written down when that began.

    Examples
    --------
    >>> took([7, State.RUNNING, 5, "w", 5, None, 7, State.SUCCEEDED, 9, 5, 4, 9])
    Took(slots=array('q', [7]), nanoseconds=array('q', [4]))
    """
    ended = list(map(is_, log[1::WIDTH], repeat(State.SUCCEEDED)))
    slots = list(compress(log[::WIDTH], ended))
    moments = list(compress(log[2::WIDTH], ended))
    starts = list(compress(log[3::WIDTH], ended))
    if None in starts:
        worked = [start is not None for start in starts]
        slots, moments, starts = (list(compress(c, worked)) for c in (slots, moments, starts))
    return Took(array("q", slots), array("q", map(sub, moments, starts)))


def items_of(run: Run) -> dict[int, Items]:
    """Return where the items of each mapped task are."""
    log = run.record.log
    return {log[place * WIDTH]: log[(place + 1) * WIDTH - 1] for place in _places(log)}


def peaks_in(run: Run, items: dict[int, Items]) -> dict[int, int]:
    """Return the bytes that each task took at most, or an item of it, where that is known."""
    count = len(run.flow.tasks)
    known = {slot: note.peak for slot, note in run.record.notes.items() if note.peak is not None}
    peaks = {slot: peak for slot, peak in known.items() if slot < count}
    if len(peaks) < len(known):
        for task, (first, number) in items.items():
            most = max((known.get(first + item, 0) for item in range(number)), default=0)
            if most:
                peaks[task] = most
    return peaks


def _places(log: list[Any]) -> Iterator[int]:
    """Yield which facts of a log tell of items."""
    kinds = list(map(type, log[WIDTH - 1 :: WIDTH]))
    place = -1
    for _ in range(kinds.count(Items)):
        place = kinds.index(Items, place + 1)
        yield place
