"""What tasks have printed: the last of it, as text.

This module uses the standard library alone, so that it can be sent along to a place where the
package is not installed.
"""

from __future__ import annotations

import threading
from collections import deque

__all__ = ["PIECE", "STREAMS", "Output", "give"]

STREAMS = ("stdout", "stderr")
LONGEST = 1_000_000
"""Characters that are kept of what a task prints to a stream: about the last ones."""

PIECE = 50_000
"""Characters that are let go of at once, at most."""


class _Kept:
    """About the last characters that were printed to a stream."""

    def __init__(self) -> None:
        self._parts: deque[str] = deque()
        self._length = 0
        self._dropped = 0

    def add(self, text: str, longest: int) -> None:
        length = len(text)
        if length <= PIECE:  # nearly always
            self._parts.append(text)
        else:
            self._parts.extend(text[start : start + PIECE] for start in range(0, length, PIECE))
        self._length += length
        while self._length > longest:
            first = self._parts.popleft()
            self._length -= len(first)
            self._dropped += len(first)

    def text(self) -> str:
        before = f"… ({self._dropped:,} characters before)\n" if self._dropped else ""
        return before + "".join(self._parts)


class Output:
    """What is printed by one task after the other.

    With `through`, it is shown as well, as if it were not captured. `outer` gets it too: the output
    of the task which has begun the run of these.

    Examples
    --------
    >>> output = Output()
    >>> output.write(0, "one"), output.write(0, " two"), output.take(), output.take()
    (None, None, ('one two', ''), ('', ''))
    """

    longest = LONGEST

    def __init__(self, through: bool = True, outer: Output | None = None) -> None:
        self.through = through
        self.outer = outer
        self.is_empty = True
        self._kept: dict[int, _Kept] = {}
        self._lock = threading.RLock()  # the tasks of a run inside a task print in several threads

    def write(self, stream: int, text: str) -> None:
        """Keep a piece of text: of ``stdout`` (0) or ``stderr`` (1)."""
        with self._lock:
            kept = self._kept.get(stream)
            if kept is None:
                kept = self._kept[stream] = _Kept()
            kept.add(text, self.longest)
            self.is_empty = False

    def take(self) -> tuple[str, str]:
        """Return the texts of both streams so far, and begin anew."""
        with self._lock:
            if self.is_empty:
                return "", ""
            kept, self._kept, self.is_empty = self._kept, {}, True
        stdout, stderr = (kept[n].text() if n in kept else "" for n in range(len(STREAMS)))
        return stdout, stderr


def give(output: Output | None, stream: int, text: str) -> bool:
    """Give a text to an output and those around it; return whether it is to be shown as well."""
    while output is not None:
        output.write(stream, text)
        if not output.through:
            return False
        output = output.outer
    return True
