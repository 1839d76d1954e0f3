"""What is known of a kept result, and how that stands in a row of the index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from .index import check_of
from .pickling import Named

__all__ = [
    "BY_KEY", "DAMAGE", "HAS_RUN", "INFO", "INSERT", "INSERT_RESULT", "LATEST", "NOTE_FORMER",
    "REPLACE",    "Entry", "Found", "TaskInfo", "entry_of", "row_of",
]  # fmt: skip

COLUMNS = "key, digest, size, seconds, flow, task, item, made, used, parts, classes"
"""Those of the table of entries."""


DAMAGE = (ValueError, TypeError, KeyError, OverflowError, UnicodeError)
"""What reading a damaged row may raise."""


INFO = (
    "SELECT flow, task, count(*), sum(size), sum(seconds * hits), max(used) FROM entries "
    "GROUP BY flow, task ORDER BY flow, task"
)
"""Asks for the fields of a `TaskInfo` of each task."""

BY_KEY = (
    f'SELECT {", ".join(f"e.{name}" for name in COLUMNS.split(", "))}, "check", data, stamp '
    "FROM entries e LEFT JOIN results r ON r.digest = e.digest WHERE e.key = ? AND NOT doomed"
)
LATEST = (
    f'SELECT {COLUMNS}, "check" FROM entries WHERE flow = ? AND task = ? AND item IS ? '
    "ORDER BY made DESC LIMIT 1"
)

HAS_RUN = "SELECT 1 FROM entries WHERE flow = ? AND task = ? LIMIT 1"

_VALUES = f'INTO entries ({COLUMNS}, "check") VALUES ({", ".join("?" * 12)})'
INSERT = f"INSERT {_VALUES} ON CONFLICT (key) DO NOTHING"
REPLACE = f"REPLACE {_VALUES}"

INSERT_RESULT = "INSERT OR REPLACE INTO results (digest, size, data, stamp) VALUES (?, ?, ?, ?)"

NOTE_FORMER = (
    "UPDATE results SET former = ?1 WHERE digest != ?2 AND digest IN "
    "(SELECT digest FROM entries WHERE key = ?1)"
)
"""Has a result know whose it was whose entry gets another one: somebody may be about to read it."""


class Entry(NamedTuple):
    """What is known of a result, without the result.

    Attributes
    ----------
    key, digest : str
        What it was found by, and what tells its content.
    size : int
        Bytes on disk.
    seconds : float
        How long the task took to make it.
    flow, task, item
        Who made it; `item` is None where the task is not mapped.
    made, used : float
        When it was written, and last found, in seconds since 1970.
    parts : mapping
        What the key consists of.
    classes : list of (str, str, str)
        Module, name and fingerprint of each class and function of the user's that it refers to.
    """

    key: str
    digest: str
    size: int
    seconds: float
    flow: str
    task: str
    item: int | None
    made: float
    used: float
    parts: Mapping[str, Any]
    classes: list[Named]


class Found(Entry):
    """An entry with what the index holds of its result, if that is small, and with its stamp."""

    row: tuple[bytes | None, str | None] = None, None


class TaskInfo(NamedTuple):
    """What the cache holds of a task: entries, bytes, seconds that it has saved, when last used."""

    flow: str
    task: str
    entries: int
    bytes: int
    seconds: float
    used: float


def row_of(entry: Entry) -> tuple[tuple[Any, ...], int]:
    """Return the fields of an entry's row, and its checksum."""
    fields = *entry[:9], json.dumps(dict(entry.parts)), json.dumps(entry.classes)
    return fields, _check(fields)


def _check(fields: tuple[Any, ...]) -> int:
    """Return the checksum of a row of an entry; when it was used is written later."""
    return check_of(*fields[:8], *fields[9:])


def entry_of(row: tuple[Any, ...]) -> Found:
    """Return the entry that a row tells of, compared with its checksum.

    What stands in the row after that is of its result.
    """
    fields = row[:11]
    if row[11] != _check(fields):
        raise ValueError("a row of the index is damaged")
    parts, classes = json.loads(fields[9]), fields[10]
    known: Any = [] if classes == "[]" else [(a, b, c) for a, b, c in json.loads(classes)]
    entry = Found._make((*fields[:9], parts, known))
    if len(row) > 12:
        entry.row = row[12:]
    return entry
