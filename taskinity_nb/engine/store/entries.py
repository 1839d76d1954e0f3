"""What is known of a kept result, and how that stands in a row of the index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from .index import check_of
from .pickling import Named

__all__ = [
    "BY_KEY", "DAMAGE", "HAS_RUN", "INFO", "INSERT", "INSERT_RESULT", "LATEST", "NOTE_FORMER",
    "REPLACE",    "Entry", "Found", "TaskInfo", "entry_of", "newest", "row_of",
]  # fmt: skip

COLUMNS = "key, digest, size, seconds, flow, task, item, made, used, parts, files, classes"
"""Those of the table of entries."""


DAMAGE = (ValueError, TypeError, KeyError, OverflowError, UnicodeError)
"""What reading a damaged row may raise."""


INFO = (
    "SELECT flow, task, count(*), sum(size), sum(seconds * hits), max(used) FROM entries "
    "GROUP BY flow, task ORDER BY flow, task"
)
"""Asks for the fields of a `TaskInfo` of each task."""

_BOTH = (
    f'SELECT {", ".join(f"e.{name}" for name in COLUMNS.split(", "))}, "check", data, stamp '
    "FROM entries e LEFT JOIN results r ON r.digest = e.digest WHERE NOT doomed AND "
)
BY_KEY = f"{_BOTH}e.key = ?"
_NEWEST = (
    " AND data IS NOT NULL AND e.made = (SELECT max(n.made) FROM entries n "
    "WHERE n.flow = e.flow AND n.task = e.task AND n.item IS e.item)"
)
_OF_ITEMS = f"{_BOTH}e.flow = ? AND e.task = ? AND e.item BETWEEN ? AND ?{_NEWEST}"
_OF_TASKS = f"{_BOTH}e.flow = ? AND e.task IN (%s) AND e.item IS NULL{_NEWEST}"
LATEST = (
    f'SELECT {COLUMNS}, "check" FROM entries WHERE flow = ? AND task = ? AND item IS ? '
    "ORDER BY made DESC LIMIT 1"
)

HAS_RUN = "SELECT 1 FROM entries WHERE flow = ? AND task = ? LIMIT 1"

_VALUES = f'INTO entries ({COLUMNS}, "check") VALUES ({", ".join("?" * 13)})'
INSERT = f"INSERT {_VALUES} ON CONFLICT (key) DO NOTHING"
REPLACE = f"REPLACE {_VALUES}"

INSERT_RESULT = "INSERT OR REPLACE INTO results (digest, size, data, stamp) VALUES (?, ?, ?, ?)"

NOTE_FORMER = (
    "UPDATE results SET former = ?1 WHERE digest != ?2 AND digest IN "
    "(SELECT digest FROM entries WHERE key = ?1)"
)
"""Has a result know whose it was whose entry gets another one: somebody may be about to read it."""


def newest(flow: str, tasks: Sequence[str], items: range | None) -> tuple[str, tuple[Any, ...]]:
    """Return what asks for the newest entries with small results, of tasks or items of one."""
    if items is None:
        return _OF_TASKS % ",".join("?" * len(tasks)), (flow, *tasks)
    return _OF_ITEMS, (flow, tasks[0], items.start, items.stop - 1)


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
    files : mapping
        For the path of each file that it names, the state in which the task has left it.
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
    files: Mapping[str, Any]
    classes: list[Named]

    @property
    def content(self) -> str:
        """What tells its content in whatever way it is pickled: what it was written with."""
        return self.digest.partition(".")[0]


class Found(Entry):
    """An entry with what the index holds of its result, if that is small, and with its stamp."""

    row: tuple[bytes | None, str | None] = None, None


class _Told(Mapping[str, Any]):
    """A mapping as the text of it, which is read when somebody asks: seldom."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._text)
        return found

    def __getitem__(self, key: str) -> Any:
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


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
    fields = *entry[:9], *(json.dumps(dict(told)) for told in entry[9:11]), json.dumps(entry[11])
    return fields, _check(fields)


def _check(fields: tuple[Any, ...]) -> int:
    """Return the checksum of a row of an entry; when it was used is written later."""
    return check_of(*fields[:8], *fields[9:])


def entry_of(row: tuple[Any, ...]) -> Found:
    """Return the entry that a row tells of, compared with its checksum.

    What stands in the row after that is of its result.
    """
    fields = row[:12]
    if row[12] != _check(fields):
        raise ValueError("a row of the index is damaged")
    files, classes = fields[10:]
    named: Any = {} if files == "{}" else json.loads(files)
    known: Any = [] if classes == "[]" else [(a, b, c) for a, b, c in json.loads(classes)]
    entry = Found._make((*fields[:9], _Told(fields[9]), named, known))
    if len(row) > 13:
        entry.row = row[13:]
    return entry
