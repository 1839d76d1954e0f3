"""Files whose parts are mapped: what is read is shared by all, what is written is one's own."""

from __future__ import annotations

import mmap
import os
import sys
import weakref
from collections.abc import Iterator, Sequence
from io import FileIO

__all__ = ["ALIGNMENT", "bounds", "private_copy", "write_parts"]

ALIGNMENT = 64
"""Each part of a file begins at a multiple of so many bytes, which suits loops over arrays."""

MOST_MAPPINGS = 4096
"""Files that are mapped at once; those beyond are read. The system allows about 65,000."""

TAKES_DESCRIPTOR = os.name == "posix" and sys.version_info < (3, 13)
"""Whether a mapping keeps a descriptor of its file, of which a process may have but 256 or 1024."""

_OPTIONS: dict[str, bool] = {}
if os.name == "posix" and not TAKES_DESCRIPTOR:
    _OPTIONS["trackfd"] = False

_mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def bounds(sizes: Sequence[int], start: int = 0) -> Iterator[int]:
    """Yield where each part begins in a file, and at last where the file ends.

    Examples
    --------
    >>> list(bounds([100, 5]))
    [0, 128, 133]
    """
    end = start
    for size in sizes:
        begin = -(-end // ALIGNMENT) * ALIGNMENT
        yield begin
        end = begin + size
    yield end


def write_parts(file: FileIO, parts: Sequence[memoryview]) -> None:
    """Write the parts of a new file, each to where it begins."""
    starts = bounds([part.nbytes for part in parts])
    for start, part in zip(starts, parts, strict=False):
        file.seek(start)
        while part:  # one call writes 2 GB at most
            part = part[file.write(part) :]


def private_copy(file: FileIO, size: int) -> mmap.mmap | bytearray:
    """Return memory that holds the content of an open file and may be written to.

    Raises
    ------
    ValueError
        If the file is shorter.
    """
    if len(_mappings) < _mappings_allowed():
        try:
            mapping = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY, **_OPTIONS)
        except OSError:  # too many after all, or a file system that cannot map
            pass
        else:
            _mappings.add(mapping)
            return mapping
    memory = bytearray(size)
    rest = memoryview(memory)
    file.seek(0)
    while rest:
        if not (count := file.readinto(rest)):
            raise ValueError(f"{file.name!r} has been cut off")  # which a mapping would raise
        rest = rest[count:]
    return memory


def _mappings_allowed() -> int:
    """Return how many mappings leave enough descriptors for the user's own files."""
    if not TAKES_DESCRIPTOR:
        return MOST_MAPPINGS
    descriptors = os.sysconf("SC_OPEN_MAX")  # -1 if there is no limit
    return min(MOST_MAPPINGS, descriptors // 4) if descriptors > 0 else MOST_MAPPINGS
