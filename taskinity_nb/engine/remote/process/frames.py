"""The frames of a traceback that are the user's."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

__all__ = ["describe_frames", "is_ours", "user_frames"]

MOST = 30
"""Frames that are told of a traceback."""

PACKAGES = {"taskinity_nb", __name__.partition(".")[0]}
"""What this package is called; where it was sent to, it has a name of its own."""

OURS = str(Path(__file__).absolute().parents[3]) + os.sep


def user_frames(traceback: TracebackType | None) -> tuple[tuple[str, int, str], ...]:
    """Return file, line and function of the frames that are not this package's own."""
    frames: list[tuple[str, int, str]] = []
    while traceback is not None:
        if not is_ours(traceback):
            code = traceback.tb_frame.f_code
            frames.append((code.co_filename, traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    return tuple(frames) if len(frames) <= MOST else _shortened(frames)


def is_ours(traceback: TracebackType) -> bool:
    """Tell whether the first frame of a traceback is one of this package's."""
    frame = traceback.tb_frame
    name = dict.get(frame.f_globals, "__name__")
    package = str.partition(name, ".")[0] if isinstance(name, str) else ""
    return frame.f_code.co_filename.startswith(OURS) or package in PACKAGES


def describe_frames(frames: tuple[tuple[str, int, str], ...]) -> str:
    """Write frames the way a traceback does, for an exception's note."""
    lines = [
        f'  File "{file}", line {line}, in {function}' if file else f"  … and {line:,} frames more"
        for file, line, function in frames
    ]
    return "\n".join(["Traceback in the worker (most recent call last):", *lines])


def _shortened(frames: list[tuple[str, int, str]]) -> tuple[tuple[str, int, str], ...]:
    """Return the first and the last of many frames, as a recursion has that does not end.

    Between them stands how many there are more, as the line of no file.

    Examples
    --------
    >>> _shortened([("a.py", line, "f") for line in range(1000)])[MOST // 2 - 1:][:3]
    (('a.py', 14, 'f'), ('', 970, '...'), ('a.py', 985, 'f'))
    """
    half = MOST // 2
    return (*frames[:half], ("", len(frames) - 2 * half, "..."), *frames[-half:])
