"""What is known of a kept result, and how that stands in a row of the index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from .index import check_of
from .pickling import Named

__all__ = ["COLUMNS", "DAMAGE", "INFO", "Entry", "TaskInfo", "entry_of", "row_of"]

COLUMNS = "key, digest, size, seconds, flow, task, item, made, used, parts, classes"
"""Those of the table of entries."""


DAMAGE = (ValueError, TypeError, KeyError, OverflowError, UnicodeError)
"""What reading a damaged row may raise."""


INFO = (
    "SELECT flow, task, count(*), sum(size), sum(seconds * hits), max(used) FROM entries "
    "GROUP BY flow, task ORDER BY flow, task"
)
"""Asks for the fields of a `TaskInfo` of each task."""


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


def entry_of(row: tuple[Any, ...]) -> Entry:
    """Return the entry that a row tells of, compared with its checksum."""
    *fields, check = row
    if check != _check(tuple(fields)):
        raise ValueError("a row of the index is damaged")
    parts, classes = json.loads(fields[9]), json.loads(fields[10])
    known: Any = [(module, path, own) for module, path, own in classes]
    return Entry._make([*fields[:9], parts, known])
