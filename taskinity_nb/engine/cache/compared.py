"""What a call that ran was compared with, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ...model.outlook.why import Part
from .key import Key, as_state
from .parts import Parts, differences

__all__ = ["Compared", "Comparisons"]

MOST_COMPARED = 1000
"""Calls of a run of which it is kept what they were compared with."""


class Compared(NamedTuple):
    """A call that ran, and the newest result of the same task that there was.

    Attributes
    ----------
    key : Key
        Of the call.
    then : mapping
        What the key of that result was made of.
    made : float
        When that result was made, in seconds since 1970.
    before, now : mapping
        What the function consisted of then and now, where it has changed.
    """

    key: Key
    then: Mapping[str, Any]
    made: float
    before: Parts
    now: Parts

    @property
    def parts(self) -> list[Part]:
        """Each part of the key: of its function what has changed, all arguments and files."""
        return [*self._function(), *self._arguments(), *self._files()]

    def _function(self) -> Iterator[Part]:
        if self.then["function"] == self.key.function:
            yield Part("its function", "")
            return
        told = differences(self.before, self.now) if self.before else []
        for words in told or ["it has changed"]:
            yield Part("its function", words)

    def _arguments(self) -> Iterator[Part]:
        before = self.then["arguments"]
        for name, (digest, source, text) in self.key.arguments.items():
            called = f"'{name}' ({_called(source)})"
            if name not in before:
                yield Part(called, "is new", "", text)
                continue
            was, source_then, text_then = before[name]
            change = "" if was == digest else "has changed"
            if source != source_then:
                change = f"came from {_called(source_then)}"
            yield Part(called, change, text_then, text)
        for name, (_, source, text) in before.items():
            if name not in self.key.arguments:
                yield Part(f"'{name}' ({_called(source)})", "is gone", text)

    def _files(self) -> Iterator[Part]:
        before = self.then["files"]
        for path, state in self.key.files.items():
            change = ""
            if path not in before:
                change = "is new among its arguments"
            elif state != as_state(before[path]):
                change = "is gone" if state is None else "has changed"
            yield Part(f"the file '{path}'", change)
        for path in before:
            if path not in self.key.files:
                yield Part(f"the file '{path}'", "is no more among its arguments")


class Comparisons:
    """What the first of the calls of a run that ran were compared with."""

    def __init__(self) -> None:
        self._known: dict[int, Compared] = {}

    def add(self, slot: int, compared: Compared) -> None:
        """Keep what a call was compared with, unless that is known of many already."""
        if len(self._known) < MOST_COMPARED:
            self._known[slot] = compared

    def parts(self, slot: int) -> tuple[float | None, list[Part]]:
        """Return when the result was made that a call was compared with, and the parts."""
        found = self._known.get(slot)
        return (None, []) if found is None else (found.made, found.parts)


def _called(source: str) -> str:
    """Return what to call the place that an argument comes from.

    Examples
    --------
    >>> _called("'load'"), _called("its input "), _called("its item")
    ("the result of 'load'", 'its input', 'its item')
    """
    return f"the result of {source}" if source.startswith("'") else source.strip()
