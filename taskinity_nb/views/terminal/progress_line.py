"""How far a comparison is: one line that is written over, in a notebook or in a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from ...formatting import counted, elided, printable, time_text
from ..style.environment import in_kernel

__all__ = ["Progress"]

OFTEN = 0.2
"""Seconds between two texts about quick runs, at least."""
LONG = 3.0
"""Seconds left from which on they are told."""

Write = Callable[[str], object]


class Progress:
    """Tells which case runs now, between the runs; says in the end how many there were.

    Each case runs a first time, and then `repeats` times.
    """

    def __init__(self, name: str, labels: Sequence[str], repeats: int) -> None:
        self._name = name
        self._labels = labels
        self._repeats = repeats
        self._write: Write | None = None
        self._close: Write = lambda text: None
        self._begun = self._written = self._since = 0.0
        self._took: dict[int, float] = {}  # by place, the last time
        self._running: int | None = None

    def __enter__(self) -> Progress:
        self._write, self._close = _writer()
        self._begun = self._since = time.monotonic()
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if self._write is None:
            return
        runs = counted(len(self._labels) * (self._repeats + 1), "run")
        took = time_text(time.monotonic() - self._begun)
        self._close("" if kind else f"{self._subject()}: {runs} in {took}")

    def before(self, number: int, place: int) -> None:
        """Tell that the case at a place is next, in a round."""
        if self._write is None:
            return
        now = time.monotonic()
        if self._running is not None:
            self._took[self._running] = now - self._since
        quick = number > 0 and self._took[place] < OFTEN
        if not quick or now - self._written >= OFTEN:
            self._written = now
            self._write(self._text(number, place))
        self._running, self._since = place, time.monotonic()

    def _subject(self) -> str:
        return f"comparing {elided(printable(self._name), 30)}"

    def _text(self, number: int, place: int) -> str:
        turn = f"repeat {number} of {self._repeats}" if number else "first run"
        text = f"{self._subject()}, {turn}: {elided(printable(self._labels[place]), 40)}"
        if not number:
            return text
        left = sum(self._took.values()) * (self._repeats - number)
        left += sum(seconds for other, seconds in self._took.items() if other >= place)
        return f"{text}; about {left:.0f} s left" if left >= LONG else text


def _writer() -> tuple[Write | None, Write]:
    """Return what writes a text over the one before, and what ends it; None where nobody looks."""
    if in_kernel():
        from IPython.display import display

        def shown(text: str) -> dict[str, str]:
            return {"text/plain": text}

        handle = display(shown("…"), raw=True, display_id=True)

        def update(text: str) -> None:
            handle.update(shown(text), raw=True)

        return update, update
    stream = sys.stderr
    if stream is None or not stream.isatty():
        return None, lambda text: None

    def write(text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        stream.write(f"\r{text[:width]}\x1b[K")
        stream.flush()

    return write, lambda text: write("")
